/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "vftoken_test_util.h"

#define REFUSED "VF token rule refused: "
#define USE "; use a UUID, file:PATH, env:NAME or fd:N"
#define NO_BDF " before the '=' isn't a BDF such as 0000:01:00.0"
#define RANGE " is out of range; a BDF goes up to ffffffff:ff:1f.7"
#define LENGTH " characters; a UUID has 36"

/* The rule that must still be there, as it was, after another one was refused. */
#define KEPT_BDF "0000:0a:00.0"

static struct vftoken *
rules_with_one(void)
{
	struct vftoken *vt = test_rules();

	assert_int_equal(vftoken_add_rule(vt, KEPT_BDF "=" TOKEN_A), 0);
	test_assert_message(0, NULL);
	return vt;
}

/* The one rule of rules_with_one() is there, no other is, and nothing more is kept. */
static void
assert_unchanged(struct vftoken *vt)
{
	test_assert_token(vt, KEPT_BDF, TOKEN_A);
	assert_string_equal(vftoken_rule_source(vftoken_find(vt, KEPT_BDF, NULL)), "b6" DOTS);
	assert_null(vftoken_find(vt, "0000:01:00.0", NULL));
	assert_null(vftoken_find(vt, NULL, NULL));
	assert_int_equal(test_vault_size(), sizeof(uuid_t));
}

static const struct {
	const char *text;
	const char *message;
	int ret;
} malformed[] = {
	/* Nothing, or no source. */
	{ "", "the token's source is empty" USE, -EINVAL },
	{ "01:00.0=", "01:00.0: the token's source is empty" USE, -EINVAL },
	{ "0000:01:00.0", "0000:01:00.0 names a device but no token; add =SOURCE", -EINVAL },
	{ "0000:01:20.0", "0000:01:20.0 names a device but no token; add =SOURCE", -EINVAL },
	{ "file:", "file: names no file", -EINVAL },
	{ "env:TOKEN=" TOKEN_B, "env: takes a variable's name, which can't hold a '='", -EINVAL },
	{ "01:00.0=env:", "01:00.0: env: names no environment variable", -EINVAL },
	/* Not a BDF. */
	{ "=" TOKEN_B, "''" NO_BDF, -EINVAL },
	{ "0000:01:20.0=" TOKEN_B, "0000:01:20.0" RANGE, -EINVAL },
	{ "0000:01:00.8=" TOKEN_B, "0000:01:00.8" RANGE, -EINVAL },
	{ "0000:100:00.0=" TOKEN_B, "0000:100:00.0" RANGE, -EINVAL },
	{ "100000000:01:00.0=" TOKEN_B, "100000000:01:00.0" RANGE, -EINVAL },
	{ "01:00=" TOKEN_B, "'01:00'" NO_BDF, -EINVAL },
	{ "0000:01:00.0.0=" TOKEN_B, "'0000:01:00.0.0'" NO_BDF, -EINVAL },
	{ "01:00.0 =" TOKEN_B, "01" DOTS NO_BDF, -EINVAL },
	{ "eth0=" TOKEN_B, "et" DOTS NO_BDF, -EINVAL },
	{ "00000000000000000000000000:01:00.0=" TOKEN_B, "00" DOTS NO_BDF, -EINVAL },
	/* A token where the BDF should be isn't shown either, nor a part of it. */
	{ TOKEN_B "=0000:01:00.0", "C8" DOTS NO_BDF, -EINVAL },
	{ "C87A0E2D=" TOKEN_B, "C8" DOTS NO_BDF, -EINVAL },
	/* No literal. */
	{ "C87A0E2D-93FE-4B66-ACD3-7E59BD8A6F1", "C8" DOTS " has 35" LENGTH, -EINVAL },
	{ TOKEN_B "3", "C8" DOTS " has 37" LENGTH, -EINVAL },
	{ "01:00.0=" TOKEN_B " ", "01:00.0: C8" DOTS " has 37" LENGTH, -EINVAL },
	{ "C87A0E2D93FE4B66ACD37E59BD8A6F12", "C8" DOTS " has 32" LENGTH, -EINVAL },
	{ "C", "C" DOTS " has 1" LENGTH, -EINVAL },
	{ "C87A0E2G-93FE-4B66-ACD3-7E59BD8A6F12",
	  "C8" DOTS " isn't a UUID: character 8 isn't a hex digit", -EINVAL },
	{ "C87A0E2D-93FE-4B66-ACD3-7E59BD8A6F1-",
	  "C8" DOTS " isn't a UUID: character 36 isn't a hex digit", -EINVAL },
	{ "C87A0E2D-93FE-4B66-ACD3A7E59BD8A6F12",
	  "C8" DOTS " isn't a UUID: character 24 must be '-'", -EINVAL },
	{ "{" TOKEN_B "}", "{C" DOTS " has braces; write the UUID without them", -EINVAL },
	{ TOKEN_B "}", "C8" DOTS " has braces; write the UUID without them", -EINVAL },
	{ "01:00.0=00000000-0000-0000-0000-000000000000",
	  "01:00.0: 00" DOTS " is the nil UUID, which is no secret; make one with uuidgen",
	  -EINVAL },
	{ "\x1b[7A0E2D", "?[" DOTS " has 8" LENGTH, -EINVAL },
	/* No such scheme; letters that may be a token's aren't shown. */
	{ "vault:token", "vault: is an unknown source scheme" USE, -EINVAL },
	{ "01:00.0=FILE:/token", "01:00.0: FILE: is an unknown source scheme" USE, -EINVAL },
	{ "C87A0E2D:93FE", "C8" DOTS " has an unknown source scheme" USE, -EINVAL },
	{ "DEADBEEF:93FE", "DE" DOTS " has an unknown source scheme" USE, -EINVAL },
	{ ":token", ":t" DOTS " has an unknown source scheme" USE, -EINVAL },
	/* No fd. */
	{ "fd:", "fd:" DOTS " isn't the number of a file descriptor", -EINVAL },
	{ "fd:-1", "fd:-1" DOTS " isn't the number of a file descriptor", -EINVAL },
	{ "fd:3x", "fd:3x" DOTS " isn't the number of a file descriptor", -EINVAL },
	{ "fd:2147483648", "fd:21" DOTS " isn't the number of a file descriptor", -EINVAL },
	{ "fd:" TOKEN_B, "fd:C8" DOTS " isn't the number of a file descriptor", -EINVAL },
	{ "01:00.0=fd:987",
	  "01:00.0: fd:987 isn't open in this process; open it for the "
	  "command (987<FILE)",
	  -EBADF },
	/* Twice. */
	{ KEPT_BDF "=" TOKEN_B, "there is a rule for " KEPT_BDF " already; keep one of the two",
	  -EEXIST },
	{ "A:0.0=env:TOKEN", "there is a rule for A:0.0 already; keep one of the two", -EEXIST },
};

/* A malformed rule is refused with its reason in one sentence, and changes nothing. */
static void
malformed_rules(void **state)
{
	struct vftoken *vt = rules_with_one();
	char message[512];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(malformed); i++) {
		snprintf(message, sizeof(message), REFUSED "%s", malformed[i].message);
		assert_int_equal(vftoken_add_rule(vt, malformed[i].text), malformed[i].ret);
		test_assert_message(VFTOKEN_LOG_ERR, message);
		assert_unchanged(vt);
	}
	vftoken_destroy(vt);
}

/* A source longer than any path is refused without being shown. */
static void
source_too_long(void **state)
{
	struct vftoken *vt = rules_with_one();
	char text[PATH_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "file:", 5);
	text[PATH_MAX] = '\0';
	assert_int_equal(vftoken_add_rule(vt, text), -EINVAL);
	test_assert_message(VFTOKEN_LOG_ERR,
			    REFUSED "fi" DOTS " has 4096 characters; a source has at most 4095");
	assert_unchanged(vt);
	vftoken_destroy(vt);
}

/* There is one default only. */
static void
second_default(void **state)
{
	struct vftoken *vt = test_rules();

	(void)state;
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(vt, "file:token"), -EEXIST);
	test_assert_message(VFTOKEN_LOG_ERR,
			    REFUSED "there is a rule for all devices already; keep one of the two");
	test_assert_token(vt, NULL, TOKEN_A);
	vftoken_destroy(vt);
}

/* An fd can be read once, so it can't be in two rules, however its number is written. */
static void
fd_in_two_rules(void **state)
{
	const int fd = test_pipe(TOKEN_B), another = test_pipe(TOKEN_A);
	struct vftoken *vt = rules_with_one();
	char text[64], message[128];

	(void)state;
	snprintf(text, sizeof(text), "0000:02:00.0=fd:%d", fd);
	assert_int_equal(vftoken_add_rule(vt, text), 0);
	snprintf(text, sizeof(text), "01:00.0=fd:0%d", fd);
	assert_int_equal(vftoken_add_rule(vt, text), -EEXIST);
	snprintf(message, sizeof(message),
		 REFUSED "fd:0%d is another rule's source already, and can be read once", fd);
	test_assert_message(VFTOKEN_LOG_ERR, message);
	assert_unchanged(vt);
	snprintf(text, sizeof(text), "0000:03:00.0=fd:%d", another);
	assert_int_equal(vftoken_add_rule(vt, text), 0);
	test_assert_token(vt, "0000:02:00.0", TOKEN_B);
	test_assert_token(vt, "0000:03:00.0", TOKEN_A);
	vftoken_destroy(vt);
}

/* Out of memory, at whichever allocation, refuses the rule and changes nothing. */
static void
out_of_memory(void **state)
{
	int failing, ret = -ENOMEM;

	(void)state;
	for (failing = 1; ret != 0; failing++) {
		struct vftoken *vt = rules_with_one();
		int i;

		/* One rule less than makes the table grow. */
		for (i = 1; i < 4; i++) {
			char text[32];

			snprintf(text, sizeof(text), "0000:02:00.%x=env:TOKEN", i);
			assert_int_equal(vftoken_add_rule(vt, text), 0);
		}
		test_out_of_memory = failing;
		ret = vftoken_add_rule(vt, TOKEN_B);
		test_out_of_memory = 0;
		if (ret != 0) {
			assert_int_equal(ret, -ENOMEM);
			test_assert_message(VFTOKEN_LOG_ERR, REFUSED "out of memory");
			assert_unchanged(vt);
		}
		vftoken_destroy(vt);
	}
	assert_int_equal(failing, 5);
	test_out_of_memory = 1;
	assert_null(vftoken_create());
}

/* A token that can't be kept, for want of an fd or of room, is refused and changes nothing. */
static void
token_cannot_be_kept(void **state)
{
	static const struct {
		int resource;
		const char *message;
		int ret;
	} cases[] = {
		{ RLIMIT_NOFILE, "Too many open files", -EMFILE },
		{ RLIMIT_FSIZE, "File too large", -EFBIG },
	};
	struct vftoken *vt = test_rules();
	char message[128];
	size_t i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct rlimit before, none;

		assert_int_equal(getrlimit(cases[i].resource, &before), 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(cases[i].resource, &none), 0);
		assert_int_equal(vftoken_add_rule(vt, TOKEN_A), cases[i].ret);
		assert_int_equal(setrlimit(cases[i].resource, &before), 0);
		snprintf(message, sizeof(message),
			 REFUSED "a memory file for the token can't be made: %s", cases[i].message);
		test_assert_message(VFTOKEN_LOG_ERR, message);
		assert_null(vftoken_find(vt, NULL, NULL));
	}
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(malformed_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(source_too_long, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(second_default, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_in_two_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(out_of_memory, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(token_cannot_be_kept, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vf_token_refusal", tests, NULL, NULL);
}
