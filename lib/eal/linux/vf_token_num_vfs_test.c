/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>

#include "vftoken_test_util.h"

#define REFUSED(text) "number of VFs '" text "' refused: "
#define NO_NUMBER(number) "'" number "' isn't a number from 1 to 65535"
#define NO_BDF(bdf) "'" bdf "' before the '=' isn't a BDF such as 0000:01:00.0"
#define LONGER(start) \
	REFUSED(start DOTS) "it is longer than any; give [BDF=]N, such as 0000:01:00.0=2"
#define TWICE(bdf) "there is one for " bdf " already; keep one of the two"

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
	struct vftoken *vt = test_rules();
	size_t i;

	(void)state;
	assert_int_equal(vftoken_find_num_vfs(vt, NULL), 0);
	assert_int_equal(vftoken_add_num_vfs(vt, "01:00.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(vt, "7"), 0);
	assert_int_equal(vftoken_add_num_vfs(vt, "0000:af:1F.7=1"), 0);
	assert_int_equal(vftoken_add_num_vfs(vt, "ffffffff:ff:1f.7=65535"), 0);
	test_assert_message(0, NULL);
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_int_equal(vftoken_find_num_vfs(vt, cases[i].name), cases[i].num_vfs);
	/* Numbers go with the rules, and may be said again. */
	vftoken_clear(vt);
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_int_equal(vftoken_find_num_vfs(vt, cases[i].name), 0);
	assert_int_equal(vftoken_add_num_vfs(vt, "3"), 0);
	assert_int_equal(vftoken_find_num_vfs(vt, NULL), 3);
	vftoken_destroy(vt);
}

/* A refused text changes nothing, and one message says what is wrong with it. */
static void
refused(void **state)
{
	static const struct {
		const char *text;
		const char *message;
		int ret;
	} cases[] = {
		/* Not a number, or none that a PF can have. */
		{ "", REFUSED("") NO_NUMBER(""), -EINVAL },
		{ "x", REFUSED("x") NO_NUMBER("x"), -EINVAL },
		{ "0", REFUSED("0") NO_NUMBER("0"), -EINVAL },
		{ "-1", REFUSED("-1") NO_NUMBER("-1"), -EINVAL },
		{ "+1", REFUSED("+1") NO_NUMBER("+1"), -EINVAL },
		{ " 1", REFUSED(" 1") NO_NUMBER(" 1"), -EINVAL },
		{ "1 ", REFUSED("1 ") NO_NUMBER("1 "), -EINVAL },
		{ "0x1", REFUSED("0x1") NO_NUMBER("0x1"), -EINVAL },
		{ "65536", REFUSED("65536") NO_NUMBER("65536"), -EINVAL },
		{ "4294967297", REFUSED("4294967297") NO_NUMBER("4294967297"), -EINVAL },
		{ "01:00.1=", REFUSED("01:00.1=") NO_NUMBER(""), -EINVAL },
		{ "01:00.1=2x", REFUSED("01:00.1=2x") NO_NUMBER("2x"), -EINVAL },
		{ "01:00.1=2=2", REFUSED("01:00.1=2=2") NO_NUMBER("2=2"), -EINVAL },
		{ "01:00.1", REFUSED("01:00.1") NO_NUMBER("01:00.1"), -EINVAL },
		/* Not a BDF. */
		{ "=2", REFUSED("=2") NO_BDF(""), -EINVAL },
		{ "eth0=2", REFUSED("eth0=2") NO_BDF("eth0"), -EINVAL },
		{ "01:20.0=2", REFUSED("01:20.0=2") NO_BDF("01:20.0"), -EINVAL },
		/* Too long for both; it may be a token. */
		{ TOKEN_A, LONGER("b6"), -EINVAL },
		{ "01:00.1=" TOKEN_A, LONGER("01"), -EINVAL },
		{ TOKEN_B "=2", LONGER("C8"), -EINVAL },
		{ "0ffffffff:ff:1f.7=65535", LONGER("0f"), -EINVAL },
		{ "0000000000000000000000000:01:00.01=2", LONGER("00"), -EINVAL },
		/* Twice, in another form and with the same number, too. */
		{ "7", REFUSED("7") TWICE("all PFs"), -EEXIST },
		{ "8", REFUSED("8") TWICE("all PFs"), -EEXIST },
		{ "0000:01:00.0=2", REFUSED("0000:01:00.0=2") TWICE("0000:01:00.0"), -EEXIST },
		{ "1:0.0=3", REFUSED("1:0.0=3") TWICE("1:0.0"), -EEXIST },
	};
	struct vftoken *vt = test_rules();
	size_t i;

	(void)state;
	assert_int_equal(vftoken_add_num_vfs(vt, "01:00.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(vt, "7"), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_num_vfs(vt, cases[i].text), cases[i].ret);
		test_assert_message(VFTOKEN_LOG_ERR, cases[i].message);
		assert_int_equal(vftoken_find_num_vfs(vt, NULL), 7);
		assert_int_equal(vftoken_find_num_vfs(vt, "0000:01:00.0"), 2);
		assert_int_equal(vftoken_find_num_vfs(vt, "0000:01:00.1"), 0);
	}
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(found, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vf_token_num_vfs", tests, NULL, NULL);
}
