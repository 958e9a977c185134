/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>

#include "test_util.h"

#define NO_NUMBER(text, number) SAID(num_vfs_number, text, number)
#define NO_BDF(text, bdf) SAID(num_vfs_bdf, text, bdf)
#define TOO_LONG(start) SAID(num_vfs_length, start DOTS)
#define TWICE(text, bdf) SAID(num_vfs_twice, text, bdf)

/* The number for a device, or for all PFs with NULL; none for a name that isn't a BDF. */
static uint16_t
find_num_vfs(const struct vftoken_context *ctx, const char *name)
{
	uint64_t key = name != NULL ? VFTOKEN_KEY_NONE : VFTOKEN_KEY_DEFAULT;

	if (name != NULL)
		vftoken_parse_key(name, &key);
	return vftoken_find_num_vfs(ctx, key);
}

/* A PF's number is found by its BDF in any form; the number for all PFs has no name. */
static void
found(void **state)
{
	static const struct {
		const char *name;
		uint16_t num_vfs;
	} cases[] = {
		{ NULL, 7 },
		{ "0000:01:00.0", 2 },
		{ "1:0.0", 2 },
		{ "0000:AF:1f.7", 1 },
		{ "ffffffff:ff:1f.7", 65535 },
		/* No number of its own. */
		{ "0000:02:00.0", 0 },
		{ "0001:01:00.0", 0 },
		/* No BDF. */
		{ "net_null0", 0 },
		{ "", 0 },
		{ "0000:01:20.0", 0 },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	assert_int_equal(find_num_vfs(ctx, NULL), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "01:00.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "7"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "0000:af:1F.7=1"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "ffffffff:ff:1f.7=65535"), 0);
	test_said_nothing();
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_int_equal(find_num_vfs(ctx, cases[i].name), cases[i].num_vfs);
	/* Numbers go with the rules, and may be said again. */
	vftoken_context_clear(ctx);
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_int_equal(find_num_vfs(ctx, cases[i].name), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "3"), 0);
	assert_int_equal(find_num_vfs(ctx, NULL), 3);
	vftoken_context_destroy(ctx);
}

/* A refused text changes nothing, and one message says what is wrong with it. */
static void
refused(void **state)
{
	static const struct {
		const char *text;
		struct test_said said;
		int ret;
	} cases[] = {
		/* Not a number, or none that a PF can have. */
		{ "", NO_NUMBER("", ""), -EINVAL },
		{ "x", NO_NUMBER("x", "x"), -EINVAL },
		{ "0", NO_NUMBER("0", "0"), -EINVAL },
		{ "-1", NO_NUMBER("-1", "-1"), -EINVAL },
		{ "+1", NO_NUMBER("+1", "+1"), -EINVAL },
		{ " 1", NO_NUMBER(" 1", " 1"), -EINVAL },
		{ "1 ", NO_NUMBER("1 ", "1 "), -EINVAL },
		{ "0x1", NO_NUMBER("0x1", "0x1"), -EINVAL },
		{ "65536", NO_NUMBER("65536", "65536"), -EINVAL },
		{ "4294967297", NO_NUMBER("4294967297", "4294967297"), -EINVAL },
		{ "01:00.1=", NO_NUMBER("01:00.1=", ""), -EINVAL },
		{ "01:00.1=2x", NO_NUMBER("01:00.1=2x", "2x"), -EINVAL },
		{ "01:00.1=2=2", NO_NUMBER("01:00.1=2=2", "2=2"), -EINVAL },
		{ "01:00.1", NO_NUMBER("01:00.1", "01:00.1"), -EINVAL },
		/* Not a BDF. */
		{ "=2", NO_BDF("=2", ""), -EINVAL },
		{ "eth0=2", NO_BDF("eth0=2", "eth0"), -EINVAL },
		{ "01:20.0=2", NO_BDF("01:20.0=2", "01:20.0"), -EINVAL },
		/* Too long for both; it may be a token. */
		{ TOKEN_A, TOO_LONG("b6"), -EINVAL },
		{ "01:00.1=" TOKEN_A, TOO_LONG("01"), -EINVAL },
		{ TOKEN_B "=2", TOO_LONG("C8"), -EINVAL },
		{ "0ffffffff:ff:1f.7=65535", TOO_LONG("0f"), -EINVAL },
		{ "0000000000000000000000000:01:00.01=2", TOO_LONG("00"), -EINVAL },
		/* Twice, in another form, too. The same number is no other one. */
		{ "7", SAID_NOTHING, 0 },
		{ "8", TWICE("8", "all PFs"), -EEXIST },
		{ "0000:01:00.0=2", SAID_NOTHING, 0 },
		{ "1:0.0=3", TWICE("1:0.0=3", "1:0.0"), -EEXIST },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	assert_int_equal(vftoken_add_num_vfs(ctx, "01:00.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "7"), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_num_vfs(ctx, cases[i].text), cases[i].ret);
		test_assert_said(&cases[i].said);
		assert_int_equal(ctx->n_rules, 2);
		assert_int_equal(find_num_vfs(ctx, NULL), 7);
		assert_int_equal(find_num_vfs(ctx, "0000:01:00.0"), 2);
		assert_int_equal(find_num_vfs(ctx, "0000:01:00.1"), 0);
	}
	vftoken_context_destroy(ctx);
}

/* A rule and a number of VFs for the same device are one entry, whichever comes first. */
static void
with_rule(void **state)
{
	struct vftoken_context *ctx = test_context();

	(void)state;
	assert_int_equal(vftoken_add_num_vfs(ctx, "01:00.0=2"), 0);
	assert_null(test_find_rule(ctx, "0000:01:00.0"));
	assert_int_equal(vftoken_add_rule(ctx, "0000:01:00.0=env:ONE"), 0);
	assert_int_equal(ctx->n_rules, 1);
	assert_int_equal(vftoken_add_rule(ctx, "00:01.0=env:TWO"), 0);
	assert_int_equal(find_num_vfs(ctx, "0000:00:01.0"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "0000:00:01.0=3"), 0);
	assert_int_equal(ctx->n_rules, 2);
	/* So are those for all devices, which aren't any device's own. */
	assert_int_equal(vftoken_add_num_vfs(ctx, "7"), 0);
	assert_null(test_find_rule(ctx, NULL));
	assert_int_equal(vftoken_add_rule(ctx, "env:ALL"), 0);
	assert_int_equal(ctx->n_rules, 3);
	/* A number alone is no rule, so the device has the default. */
	assert_int_equal(vftoken_add_num_vfs(ctx, "02:00.0=4"), 0);
	assert_int_equal(ctx->n_rules, 4);
	assert_string_equal(test_find_rule(ctx, "0000:00:01.0")->source.shown, "env:TWO");
	assert_string_equal(test_find_rule(ctx, "0000:01:00.0")->source.shown, "env:ONE");
	assert_string_equal(test_find_rule(ctx, "0000:02:00.0")->source.shown, "env:ALL");
	assert_int_equal(find_num_vfs(ctx, "0000:00:01.0"), 3);
	assert_int_equal(find_num_vfs(ctx, "0000:01:00.0"), 2);
	assert_int_equal(find_num_vfs(ctx, "0000:02:00.0"), 4);
	assert_int_equal(find_num_vfs(ctx, NULL), 7);
	/* Either may be there once. */
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=env:TWO"), -EEXIST);
	test_said(rule_twice, "01:00.0");
	assert_int_equal(vftoken_add_num_vfs(ctx, "01:00.0=3"), -EEXIST);
	test_said(num_vfs_twice, "01:00.0=3", "01:00.0");
	assert_int_equal(ctx->n_rules, 4);
	vftoken_context_destroy(ctx);
}

/* Out of memory, at whichever allocation, refuses the number and changes nothing. */
static void
out_of_memory(void **state)
{
	int failing, ret = -ENOMEM;

	(void)state;
	for (failing = 1; ret != 0; failing++) {
		struct vftoken_context *ctx = test_context();

		assert_int_equal(vftoken_add_num_vfs(ctx, "01:00.0=2"), 0);
		test_out_of_memory = failing;
		ret = vftoken_add_num_vfs(ctx, "00:01.0=3");
		test_out_of_memory = 0;
		if (ret != 0) {
			assert_int_equal(ret, -ENOMEM);
			test_said(num_vfs_memory, "00:01.0=3");
			assert_int_equal(ctx->n_rules, 1);
			assert_int_equal(find_num_vfs(ctx, "0000:00:01.0"), 0);
			assert_int_equal(vftoken_add_num_vfs(ctx, "00:01.0=3"), 0);
		}
		assert_int_equal(find_num_vfs(ctx, "0000:00:01.0"), 3);
		assert_int_equal(find_num_vfs(ctx, "0000:01:00.0"), 2);
		vftoken_context_destroy(ctx);
	}
	assert_int_equal(failing, 4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(found, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(with_rule, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(out_of_memory, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("num_vfs", tests, NULL, NULL);
}
