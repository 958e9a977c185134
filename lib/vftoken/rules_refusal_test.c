/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "test_util.h"

#define WRONG_LENGTH(source, length) SAID(uuid_length, source, length, "36")
#define NO_HEX_DIGIT(source, character) SAID(uuid_digit, source, character)
#define NO_HYPHEN(source, character) SAID(uuid_hyphen, source, character)

/* The rule that must still be there, as it was, after another one was refused. */
#define KEPT_BDF "0000:0a:00.0"

static struct vftoken_context *
rules_with_one(void)
{
	struct vftoken_context *ctx = test_context();

	assert_int_equal(vftoken_add_rule(ctx, KEPT_BDF "=" TOKEN_A), 0);
	test_said_nothing();
	return ctx;
}

/* The one rule of rules_with_one() is there, no other is, and nothing more is kept. */
static void
assert_unchanged(struct vftoken_context *ctx)
{
	test_assert_token(ctx, KEPT_BDF, TOKEN_A);
	assert_string_equal(test_find_rule(ctx, KEPT_BDF)->source.shown, "b6" DOTS);
	assert_null(test_find_rule(ctx, "0000:01:00.0"));
	assert_null(test_find_rule(ctx, NULL));
	assert_int_equal(test_store_size(), sizeof(uuid_t));
}

static const struct {
	const char *text;
	struct test_said said;
	int ret;
} malformed[] = {
	/* Nothing, or no source. */
	{ "", SAID(source_missing), -EINVAL },
	{ "01:00.0=", SAID(source_missing, "01:00.0"), -EINVAL },
	{ "0000:01:00.0", SAID(rule_no_source, "0000:01:00.0"), -EINVAL },
	{ "0000:01:20.0", SAID(rule_no_source, "0000:01:20.0"), -EINVAL },
	{ "file:", SAID(source_no_file, "file:"), -EINVAL },
	{ "env:TOKEN=" TOKEN_B, SAID(source_variable_equals, "env:"), -EINVAL },
	{ "01:00.0=env:", SAID(source_no_variable, "01:00.0", "env:"), -EINVAL },
	/* Not a BDF. */
	{ "=" TOKEN_B, SAID(rule_bdf, ""), -EINVAL },
	{ "0000:01:20.0=" TOKEN_B, SAID(rule_bdf_range, "0000:01:20.0"), -EINVAL },
	{ "0000:01:00.8=" TOKEN_B, SAID(rule_bdf_range, "0000:01:00.8"), -EINVAL },
	{ "0000:100:00.0=" TOKEN_B, SAID(rule_bdf_range, "0000:100:00.0"), -EINVAL },
	{ "100000000:01:00.0=" TOKEN_B, SAID(rule_bdf_range, "100000000:01:00.0"), -EINVAL },
	{ "01:00=" TOKEN_B, SAID(rule_bdf, "01:00"), -EINVAL },
	{ "0000:01:00.0.0=" TOKEN_B, SAID(rule_bdf, "0000:01:00.0.0"), -EINVAL },
	{ "01:00.0 =" TOKEN_B, SAID(rule_bdf_masked, "01" DOTS), -EINVAL },
	{ "eth0=" TOKEN_B, SAID(rule_bdf_masked, "et" DOTS), -EINVAL },
	{ "00000000000000000000:01:00=" TOKEN_B, SAID(rule_bdf, "********************:01:00"),
	  -EINVAL },
	/* A token where the BDF should be isn't shown either, nor a part of it. */
	{ TOKEN_B "=0000:01:00.0", SAID(rule_bdf_masked, "C8" DOTS), -EINVAL },
	{ "C87A0E2D=" TOKEN_B, SAID(rule_bdf_masked, "C8" DOTS), -EINVAL },
	/* No literal. */
	{ "C87A0E2D-93FE-4B66-ACD3-7E59BD8A6F1", WRONG_LENGTH("C8" DOTS, "35"), -EINVAL },
	{ TOKEN_B "3", WRONG_LENGTH("C8" DOTS, "37"), -EINVAL },
	{ "01:00.0=" TOKEN_B " ", SAID(uuid_length, "01:00.0", "C8" DOTS, "37", "36"), -EINVAL },
	{ "C87A0E2D93FE4B66ACD37E59BD8A6F12", WRONG_LENGTH("C8" DOTS, "32"), -EINVAL },
	{ "C", WRONG_LENGTH("C" DOTS, "1"), -EINVAL },
	{ "C87A0E2G-93FE-4B66-ACD3-7E59BD8A6F12", NO_HEX_DIGIT("C8" DOTS, "8"), -EINVAL },
	{ "C87A0E2D-93FE-4B66-ACD3-7E59BD8A6F1-", NO_HEX_DIGIT("C8" DOTS, "36"), -EINVAL },
	{ "C87A0E2D-93FE-4B66-ACD3A7E59BD8A6F12", NO_HYPHEN("C8" DOTS, "24"), -EINVAL },
	{ "{" TOKEN_B "}", SAID(uuid_braces, "{C" DOTS), -EINVAL },
	{ TOKEN_B "}", SAID(uuid_braces, "C8" DOTS), -EINVAL },
	{ "01:00.0=00000000-0000-0000-0000-000000000000", SAID(uuid_nil, "01:00.0", "00" DOTS),
	  -EINVAL },
	{ "\x1b[7A0E2D", WRONG_LENGTH("?[" DOTS, "8"), -EINVAL },
	/* A path without its scheme, whatever its length and with a colon or not. */
	{ "/run/vf-token", SAID(source_path, "/r" DOTS), -EINVAL },
	{ "01:00.0=/run/vf-token", SAID(source_path, "01:00.0", "/r" DOTS), -EINVAL },
	{ "./a", SAID(source_path, "./" DOTS), -EINVAL },
	{ "run/by-path/pci-0000:01:00.0", SAID(source_path, "ru" DOTS), -EINVAL },
	{ "/run/a-file-of-thirty-six-characters", SAID(source_path, "/r" DOTS), -EINVAL },
	/* No such scheme; letters that may be a token's aren't shown. */
	{ "store:token", SAID(source_scheme, "store:"), -EINVAL },
	{ "01:00.0=FILE:/token", SAID(source_scheme, "01:00.0", "FILE:"), -EINVAL },
	{ "C87A0E2D:93FE", SAID(source_scheme_masked, "C8" DOTS), -EINVAL },
	{ "DEADBEEF:93FE", SAID(source_scheme_masked, "DE" DOTS), -EINVAL },
	{ ":token", SAID(source_scheme_masked, ":t" DOTS), -EINVAL },
	/* No fd. */
	{ "fd:", SAID(source_fd_number, "fd:" DOTS), -EINVAL },
	{ "fd:-1", SAID(source_fd_number, "fd:-1" DOTS), -EINVAL },
	{ "fd:3x", SAID(source_fd_number, "fd:3x" DOTS), -EINVAL },
	{ "fd:2147483648", SAID(source_fd_number, "fd:21" DOTS), -EINVAL },
	{ "fd:00000000000000000003", SAID(source_fd_number, "fd:00" DOTS), -EINVAL },
	{ "fd:" TOKEN_B, SAID(source_fd_number, "fd:C8" DOTS), -EINVAL },
	{ "01:00.0=fd:987", SAID(source_fd_closed, "01:00.0", "fd:987", "987"), -EBADF },
	/* Twice. */
	{ KEPT_BDF "=" TOKEN_B, SAID(rule_twice, KEPT_BDF), -EEXIST },
	{ "A:0.0=env:TOKEN", SAID(rule_twice, "0000:0a:00.0"), -EEXIST },
};

/* A malformed rule is refused with its reason in one sentence, and changes nothing. */
static void
malformed_rules(void **state)
{
	struct vftoken_context *ctx = rules_with_one();
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(malformed); i++) {
		assert_int_equal(vftoken_add_rule(ctx, malformed[i].text), malformed[i].ret);
		test_assert_said(&malformed[i].said);
		assert_unchanged(ctx);
		assert_int_equal(ctx->n_rules, 1);
	}
	vftoken_context_destroy(ctx);
}

/* A refused rule for a device, or for all, with a number of VFs leaves that number alone. */
static void
number_of_vfs_stays(void **state)
{
	static const struct {
		const char *text;
		struct test_said said;
	} cases[] = {
		{ "02:00.0=fd:x", SAID(source_fd_number, "02:00.0", "fd:x" DOTS) },
		{ "02:00.0=", SAID(source_missing, "02:00.0") },
		{ "02:00.0", SAID(rule_no_source, "02:00.0") },
		{ "fd:x", SAID(source_fd_number, "all devices", "fd:x" DOTS) },
	};
	struct vftoken_context *ctx = rules_with_one();
	uint64_t key;
	size_t i;

	(void)state;
	assert_int_equal(vftoken_add_num_vfs(ctx, "02:00.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "7"), 0);
	assert_int_equal(vftoken_parse_key("0000:02:00.0", &key), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_rule(ctx, cases[i].text), -EINVAL);
		test_assert_said(&cases[i].said);
		assert_int_equal(vftoken_find_num_vfs(ctx, key), 2);
		assert_int_equal(vftoken_find_num_vfs(ctx, VFTOKEN_KEY_DEFAULT), 7);
		assert_null(test_find_rule(ctx, "0000:02:00.0"));
		assert_unchanged(ctx);
		assert_int_equal(ctx->n_rules, 3);
	}
	vftoken_context_destroy(ctx);
}

/* A source longer than any path is refused without being shown. */
static void
source_too_long(void **state)
{
	struct vftoken_context *ctx = rules_with_one();
	char text[PATH_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "file:", 5);
	text[PATH_MAX] = '\0';
	assert_int_equal(vftoken_add_rule(ctx, text), -EINVAL);
	test_said(source_length, "fi" DOTS, "4096", "4095");
	assert_unchanged(ctx);
	vftoken_context_destroy(ctx);
}

/* There is one default only. */
static void
second_default(void **state)
{
	struct vftoken_context *ctx = test_context();

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, "file:token"), -EEXIST);
	test_said(rule_twice, "all devices");
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_B), -EEXIST);
	test_said(rule_twice, "all devices");
	test_assert_token(ctx, NULL, TOKEN_A);
	vftoken_context_destroy(ctx);
}

/* A rule that is equal to that of its device is no other one, however the two are written. */
static void
equal_rules(void **state)
{
	static const char *const rules[] = {
		TOKEN_A,          "B671FD64-4C5D-491E-9EB8-DA01FF1F3341",
		"01:00.0=file:a", "0000:01:00.0=file:a",
		"02:00.0=env:A",  "02:00.0=env:A",
	};
	const int fd = test_pipe(TOKEN_B);
	struct vftoken_context *ctx = test_context();
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_int_equal(vftoken_add_rule(ctx, rules[i]), 0);
	snprintf(text, sizeof(text), "03:00.0=fd:%d", fd);
	assert_int_equal(vftoken_add_rule(ctx, text), 0);
	assert_int_equal(vftoken_add_rule(ctx, text), 0);
	test_said_nothing();
	assert_int_equal(ctx->n_rules, 4);
	assert_int_equal(ctx->store.used, 1);
	test_assert_token(ctx, NULL, TOKEN_A);
	test_assert_token(ctx, "0000:03:00.0", TOKEN_B);
	/* What was kept is no literal. */
	assert_int_equal(vftoken_add_rule(ctx, "03:00.0=" TOKEN_B), -EEXIST);
	test_said(rule_twice, "03:00.0");
	vftoken_context_destroy(ctx);
}

/* An fd can be read once, so it can't be in two rules, however its number is written. */
static void
fd_in_two_rules(void **state)
{
	const int fd = test_pipe(TOKEN_B), another = test_pipe(TOKEN_A);
	struct vftoken_context *ctx = rules_with_one();
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "0000:02:00.0=fd:%d", fd);
	assert_int_equal(vftoken_add_rule(ctx, text), 0);
	snprintf(text, sizeof(text), "01:00.0=fd:0%d", fd);
	assert_int_equal(vftoken_add_rule(ctx, text), -EEXIST);
	test_said(rule_fd_twice, "01:00.0", strchr(text, '=') + 1);
	assert_unchanged(ctx);
	snprintf(text, sizeof(text), "0000:03:00.0=fd:%d", another);
	assert_int_equal(vftoken_add_rule(ctx, text), 0);
	test_assert_token(ctx, "0000:02:00.0", TOKEN_B);
	test_assert_token(ctx, "0000:03:00.0", TOKEN_A);
	vftoken_context_destroy(ctx);
}

/* Add a rule to four others while an allocation, from 1 on, fails; what comes of it. */
static int
add_without_memory(const char *text, const char *device, int failing)
{
	struct vftoken_context *ctx = rules_with_one();
	int i, ret;

	/* One rule more makes the array grow. */
	for (i = 1; i < 4; i++) {
		char other[32];

		snprintf(other, sizeof(other), "0000:02:00.%x=env:TOKEN", i);
		assert_int_equal(vftoken_add_rule(ctx, other), 0);
	}
	test_out_of_memory = failing;
	ret = vftoken_add_rule(ctx, text);
	test_out_of_memory = 0;
	if (ret != 0) {
		assert_int_equal(ret, -ENOMEM);
		test_said(out_of_memory, device);
		assert_unchanged(ctx);
		assert_int_equal(ctx->n_rules, 4);
		/* There is memory once more. */
		assert_int_equal(vftoken_add_rule(ctx, text), 0);
	}
	assert_non_null(test_find_rule(ctx, "0000:02:00.3"));
	assert_int_equal(ctx->n_rules, 5);
	vftoken_context_destroy(ctx);
	return ret;
}

/* Out of memory, at whichever allocation, refuses the rule and changes nothing. */
static void
out_of_memory(void **state)
{
	static const char *const texts[] = { TOKEN_B, "00:01.0=" TOKEN_B };
	int failing, ret;
	size_t n;

	(void)state;
	/* The last place and the first one. */
	for (n = 0; n < TEST_DIM(texts); n++) {
		ret = -ENOMEM;
		for (failing = 1; ret != 0; failing++) {
			ret = add_without_memory(texts[n], n == 0 ? "all devices" : "00:01.0",
						 failing);
		}
		assert_int_equal(failing, 5);
	}
	test_out_of_memory = 1;
	assert_null(vftoken_context_create());
}

/* A token that can't be kept, for want of an fd or of room, is refused and changes nothing. */
static void
token_cannot_be_kept(void **state)
{
	static const struct {
		int resource;
		const char *reason;
		int ret;
	} cases[] = {
		{ RLIMIT_NOFILE, "Too many open files", -EMFILE },
		{ RLIMIT_FSIZE, "File too large", -EFBIG },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct rlimit before, none;

		assert_int_equal(getrlimit(cases[i].resource, &before), 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(cases[i].resource, &none), 0);
		assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), cases[i].ret);
		assert_int_equal(setrlimit(cases[i].resource, &before), 0);
		test_said(store_failed, cases[i].reason);
		assert_null(test_find_rule(ctx, NULL));
		assert_int_equal(ctx->n_rules, 0);
	}
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(malformed_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(number_of_vfs_stays, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(source_too_long, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(second_default, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(equal_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_in_two_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(out_of_memory, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(token_cannot_be_kept, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("rules_refusal", tests, NULL, NULL);
}
