/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vftoken_test_util.h"

#define REFUSED "VF token rule refused: "

/* A BDF is taken in full and in short form, in any hex case, and brought into the kernel's form. */
static void
bdf_forms(void **state)
{
	static const struct {
		const char *text;
		const char *bdf;
		int ret;
	} cases[] = {
		{ "0000:01:00.0", "0000:01:00.0", 0 },
		{ "01:00.0", "0000:01:00.0", 0 },
		{ "1:0.0", "0000:01:00.0", 0 },
		{ "0000:AF:1F.7", "0000:af:1f.7", 0 },
		{ "aBcD:eF:1f.7", "abcd:ef:1f.7", 0 },
		{ "10000:01:00.0", "10000:01:00.0", 0 },
		{ "FFFFFFFF:ff:1f.7", "ffffffff:ff:1f.7", 0 },
		{ "00000001:01:00.0", "0001:01:00.0", 0 },
		{ "100000000:01:00.0", NULL, -ERANGE },
		{ "0000:100:00.0", NULL, -ERANGE },
		{ "0000:01:20.0", NULL, -ERANGE },
		{ "0000:01:00.8", NULL, -ERANGE },
		{ "ffffffffffffffffff:01:00.0", NULL, -ERANGE },
		{ "", NULL, -EINVAL },
		{ "01:00", NULL, -EINVAL },
		{ "01:00.", NULL, -EINVAL },
		{ "0000:01:", NULL, -EINVAL },
		{ "0000:01:.0", NULL, -EINVAL },
		{ "01.00.0", NULL, -EINVAL },
		{ ":01:00.0", NULL, -EINVAL },
		{ "0000:01:00.0 ", NULL, -EINVAL },
		{ " 0000:01:00.0", NULL, -EINVAL },
		{ "-1:01:00.0", NULL, -EINVAL },
		{ "0000:+1:00.0", NULL, -EINVAL },
		{ "0:0000:01:00.0", NULL, -EINVAL },
		{ "0000:01:00.g", NULL, -EINVAL },
		{ "0000:01:00.0x", NULL, -EINVAL },
		{ "net_null0", NULL, -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		char bdf[VFTOKEN_BDF_SIZE] = "untouched";

		assert_int_equal(vftoken_parse_bdf(cases[i].text, bdf), cases[i].ret);
		assert_string_equal(bdf, cases[i].bdf != NULL ? cases[i].bdf : "untouched");
	}
}

/* The device's own rule comes first, then its PF's, then the default. */
static void
precedence(void **state)
{
	static const struct {
		const char *bdf;
		const char *pf;
		const char *source;
	} cases[] = {
		{ "0000:01:10.0", "0000:01:00.0", "env:VF" },
		{ "01:10.0", "01:00.0", "env:VF" },
		{ "0000:01:10.2", "0000:01:00.0", "env:PF" },
		{ "0000:01:10.2", "1:0.0", "env:PF" },
		{ "0000:01:00.0", "", "env:PF" },
		{ "0000:01:00.0", NULL, "env:PF" },
		{ "0000:02:10.0", "0000:02:00.0", "env:DEFAULT" },
		{ "0001:01:10.0", "0001:01:00.0", "env:DEFAULT" },
		{ "0000:01:10.2", NULL, "env:DEFAULT" },
		{ "net_null0", NULL, "env:DEFAULT" },
		{ NULL, NULL, "env:DEFAULT" },
	};
	struct vftoken *vt = test_rules();
	size_t i;

	(void)state;
	assert_null(vftoken_find(vt, "0000:01:00.0", NULL));
	assert_int_equal(vftoken_add_rule(vt, "env:DEFAULT"), 0);
	assert_int_equal(vftoken_add_rule(vt, "0000:01:00.0=env:PF"), 0);
	assert_int_equal(vftoken_add_rule(vt, "01:10.0=env:VF"), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct vftoken_rule *rule = vftoken_find(vt, cases[i].bdf, cases[i].pf);

		assert_non_null(rule);
		assert_string_equal(vftoken_rule_source(rule), cases[i].source);
	}
	vftoken_clear(vt);
	assert_null(vftoken_find(vt, "0000:01:10.0", "0000:01:00.0"));
	vftoken_destroy(vt);
}

/* Only a '=' before the source ends a BDF: a path may have one, and so may a variable's name. */
static void
equals_in_source(void **state)
{
	static const struct {
		const char *rule;
		const char *bdf;
		const char *source;
	} cases[] = {
		{ "file:/run/a=b", NULL, "file:/run/a=b" },
		{ "01:00.0=file:/run/a=b", "0000:01:00.0", "file:/run/a=b" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken *vt = test_rules();
		const struct vftoken_rule *rule;

		assert_int_equal(vftoken_add_rule(vt, cases[i].rule), 0);
		rule = vftoken_find(vt, cases[i].bdf, NULL);
		assert_non_null(rule);
		assert_string_equal(vftoken_rule_source(rule), cases[i].source);
		vftoken_destroy(vt);
	}
}

/* 65536 rules fit and each is found with its own token; the next one is refused. */
static void
many_rules(void **state)
{
	struct vftoken *vt = test_rules();
	char text[64], uuid[UUID_STR_LEN];
	uint32_t i;

	(void)state;
	for (i = 0; i < VFTOKEN_MAX_RULES; i++) {
		snprintf(text, sizeof(text), "%" PRIx32 ":%02x:%02x.%x=%08" PRIx32 "%s", i >> 12,
			 i >> 4 & 0xff, i >> 2 & 3, i & 3, i, &TOKEN_A[8]);
		assert_int_equal(vftoken_add_rule(vt, text), 0);
	}
	assert_int_equal(vftoken_add_rule(vt, "ffff:01:00.0=" TOKEN_B), -ENOSPC);
	test_assert_message(VFTOKEN_LOG_ERR, REFUSED "there are 65536 rules already; name "
						     "PFs, whose rules cover their VFs");
	assert_int_equal(vftoken_add_rule(vt, "0:0:0.0=" TOKEN_B), -EEXIST);
	assert_null(vftoken_find(vt, "ffff:01:00.0", NULL));
	assert_int_equal(test_vault_size(), VFTOKEN_MAX_RULES * sizeof(uuid_t));
	for (i = 0; i < VFTOKEN_MAX_RULES; i += 257) {
		snprintf(text, sizeof(text), "%04" PRIx32 ":%02x:%02x.%x", i >> 12, i >> 4 & 0xff,
			 i >> 2 & 3, i & 3);
		snprintf(uuid, sizeof(uuid), "%08" PRIx32 "%s", i, &TOKEN_A[8]);
		test_assert_token(vt, text, uuid);
	}
	vftoken_destroy(vt);
	assert_int_equal(test_vault_size(), -1);
}

/* The default token is read now; other rules' tokens aren't it. */
static void
read_default(void **state)
{
	static const char none[] = "The default VF token can't be read: file:own can't be opened: "
				   "No such file or directory";
	struct vftoken *vt = test_rules();
	uuid_t token, before, expected;

	(void)state;
	memset(token, 0xa5, sizeof(token));
	memcpy(before, token, sizeof(token));
	assert_int_equal(vftoken_read_default(vt, token), -ENOENT);
	assert_int_equal(vftoken_add_rule(vt, "01:00.0=" TOKEN_B), 0);
	assert_int_equal(vftoken_read_default(vt, token), -ENOENT);
	test_assert_message(0, NULL);
	assert_int_equal(vftoken_add_rule(vt, "file:own"), 0);
	assert_int_equal(vftoken_read_default(vt, token), -ENOENT);
	test_assert_message(VFTOKEN_LOG_ERR, none);
	assert_memory_equal(token, before, sizeof(token));
	test_write_text("own", TOKEN_A "\n");
	assert_int_equal(vftoken_read_default(vt, token), 0);
	test_assert_message(0, NULL);
	assert_int_equal(uuid_parse(TOKEN_A, expected), 0);
	assert_memory_equal(token, expected, sizeof(token));
	vftoken_destroy(vt);
}

/* In a rule's text a literal token is overwritten, and so is what may be one. */
static void
mask_rule(void **state)
{
	static const struct {
		const char *text;
		const char *masked;
	} cases[] = {
		{ TOKEN_A, "************************************" },
		{ "01:00.0=" TOKEN_A, "01:00.0=************************************" },
		{ "01:00.0=b671", "01:00.0=****" },
		{ "FILE:own", "********" },
		{ TOKEN_A "=01:00.0", "********************************************" },
		{ "01:00.0", "*******" },
		{ "01:00.0=", "01:00.0=" },
		{ "", "" },
		/* What follows may be a BDF too long for any, and a token. */
		{ "0000000000000000000000000:01:00.0b671=x",
		  "***************************************" },
		/* A token where a source's argument should be. */
		{ "env:A=b671", "env:A*****" },
		{ "01:00.0=fd:b671", "01:00.0=fd:****" },
		/* Sources that are no secret. */
		{ "file:/run/a=b", "file:/run/a=b" },
		{ "env:A,stay", "env:A,stay" },
		{ "fd:3", "fd:3" },
		{ "01:00.0=file:/run/a=b", "01:00.0=file:/run/a=b" },
		{ "01:00.0=env:A", "01:00.0=env:A" },
		{ "01:00.0=fd:3", "01:00.0=fd:3" },
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		vftoken_mask_rule(text);
		assert_string_equal(text, cases[i].masked);
	}
}

/* Rules that name one variable all have its token, though it is read once. */
static void
shared_variable(void **state)
{
	struct vftoken *vt = test_rules();

	(void)state;
	setenv("VF_TOKEN", TOKEN_A, 1);
	assert_int_equal(vftoken_add_rule(vt, "file:none"), 0);
	assert_int_equal(vftoken_add_rule(vt, "01:00.0=env:VF_TOKEN"), 0);
	assert_int_equal(vftoken_add_rule(vt, "02:00.0=env:VF_TOKEN"), 0);
	test_assert_token(vt, "0000:02:00.0", TOKEN_A);
	assert_null(getenv("VF_TOKEN"));
	test_assert_token(vt, "0000:01:00.0", TOKEN_A);
	test_assert_token(vt, "0000:02:00.0", TOKEN_A);
	vftoken_destroy(vt);
}

/* The devices that rules name or that are open, each once, are told as far as there is room. */
static void
devices(void **state)
{
	static const char *const opened[] = {
		"0000:03:00.0", "0000:01:00.0", "0000:03:00.0",
	};
	static const char *const expected[] = {
		"0000:01:00.0", "ffffffff:ff:1f.7", "0000:03:00.0",
	};
	char bdfs[TEST_DIM(expected)][VFTOKEN_BDF_SIZE];
	struct vftoken *vt = test_rules();
	unsigned int max, i;

	(void)state;
	assert_int_equal(vftoken_devices(vt, bdfs, TEST_DIM(bdfs)), 0);
	/* What all devices have names none. */
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	assert_int_equal(vftoken_devices(vt, bdfs, TEST_DIM(bdfs)), 0);
	assert_int_equal(vftoken_add_rule(vt, "1:0.0=" TOKEN_B), 0);
	assert_int_equal(vftoken_add_rule(vt, "FFFFFFFF:FF:1F.7=env:TOKEN"), 0);
	for (i = 0; i < TEST_DIM(opened); i++) {
		struct vftoken_opened *device = calloc(1, sizeof(*device));

		assert_non_null(device);
		strcpy(device->bdf, opened[i]);
		device->next = vt->opened;
		vt->opened = device;
	}
	for (max = 0; max <= TEST_DIM(expected); max++) {
		memset(bdfs, 'x', sizeof(bdfs));
		assert_int_equal(vftoken_devices(vt, bdfs, max), TEST_DIM(expected));
		for (i = 0; i < max; i++)
			assert_string_equal(bdfs[i], expected[i]);
		for (; i < TEST_DIM(bdfs); i++)
			assert_int_equal(bdfs[i][0], 'x');
	}
	assert_int_equal(vftoken_devices(vt, NULL, 0), TEST_DIM(expected));
	vftoken_clear(vt);
	assert_int_equal(vftoken_devices(vt, bdfs, TEST_DIM(bdfs)), 0);
	vftoken_destroy(vt);
}

/* A source has a word for its kind, and an fd's stays once its token is kept. */
static void
source_kinds(void **state)
{
	static const struct {
		const char *rule;
		const char *kind;
	} cases[] = {
		{ TOKEN_A, "literal" },
		{ "file:fd:3", "file" },
		{ "env:TOKEN", "env" },
		{ "env:TOKEN,stay", "env" },
	};
	struct vftoken *vt = test_rules();
	char rule[16];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_rule(vt, cases[i].rule), 0);
		assert_string_equal(vftoken_source_kind(&vftoken_find(vt, NULL, NULL)->source),
				    cases[i].kind);
		vftoken_clear(vt);
	}
	snprintf(rule, sizeof(rule), "fd:%d", test_pipe(TOKEN_A));
	assert_int_equal(vftoken_add_rule(vt, rule), 0);
	assert_string_equal(vftoken_source_kind(&vftoken_find(vt, NULL, NULL)->source), "fd");
	test_assert_token(vt, NULL, TOKEN_A);
	assert_string_equal(vftoken_source_kind(&vftoken_find(vt, NULL, NULL)->source), "fd");
	vftoken_destroy(vt);
}

/* A line end in a path doesn't end the message. */
static void
message_is_one_line(void **state)
{
	struct vftoken *vt = test_rules();

	(void)state;
	vftoken_log(vt, VFTOKEN_LOG_INFO, "file:%s can't be opened",
		    "a\nb\r\x1b"
		    "c" DOTS);
	test_assert_message(VFTOKEN_LOG_INFO, "file:a?b??c" DOTS " can't be opened");
	vftoken_destroy(vt);
}

/* The process's own rules are there from the start, and say nothing unless asked to. */
static void
process_rules(void **state)
{
	struct vftoken *vt = vftoken_process();

	(void)state;
	assert_ptr_equal(vt, vftoken_process());
	assert_null(vftoken_find(vt, "0000:01:00.0", NULL));
	assert_int_equal(vftoken_add_rule(vt, "nonsense"), -EINVAL);
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	test_assert_token(vt, "0000:01:00.0", TOKEN_A);
	vftoken_clear(vt);
	assert_null(vftoken_find(vt, "0000:01:00.0", NULL));
	assert_int_equal(test_vault_size(), -1);
	/* Rules may be added again. */
	assert_int_equal(vftoken_add_rule(vt, TOKEN_B), 0);
	test_assert_token(vt, "0000:01:00.0", TOKEN_B);
	assert_int_equal(test_vault_size(), sizeof(uuid_t));
	vftoken_clear(vt);
	vftoken_clear(vt);
	vftoken_destroy(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shared_variable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(bdf_forms, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(precedence, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(equals_in_source, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(many_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(read_default, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(mask_rule, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(devices, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(source_kinds, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(message_is_one_line, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(process_rules, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vf_token", tests, NULL, NULL);
}
