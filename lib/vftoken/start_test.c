/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define PF_FD 7

#define PF "0000:01:00.0"
#define OTHER_PF "0000:02:00.0"
#define ON_IGB "0000:03:00.0"
#define ON_NONE "0000:04:00.0"
#define ABSENT "0000:05:00.0"
#define VF0 "0000:01:10.0"
#define VF1 "0000:01:10.2"

#define STARS "************************************"

/* Two PFs on vfio-pci, one with two VFs; one on its kernel driver, and one on none. */
static void
make_devices(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "2\n" },
		{ VF0, "vfio-pci", PF, NULL, NULL },
		{ VF1, "vfio-pci", PF, NULL, NULL },
		{ OTHER_PF, "vfio-pci", NULL, "7\n", "0\n" },
		{ ON_IGB, "igb", NULL, "7\n", "0\n" },
		{ ON_NONE, NULL, NULL, "7\n", "0\n" },
	};
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	test_device_link(PF, "virtfn0", "../" VF0);
	test_device_link(PF, "virtfn1", "../" VF1);
}

/* A rule for one device that no device was opened by is said, and isn't an error. */
static void
rules_unused(void **state)
{
	struct vftoken_context *ctx = test_context();

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, ABSENT "=" TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, OTHER_PF "=" TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, VF1 "=" TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, PF "=" TOKEN_A), 0);
	test_open_device(ctx, VF0, PF_FD);
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_all_said(SAID(rule_unused, VF1), SAID(rule_unused, OTHER_PF),
		      SAID(rule_unused, ABSENT));
	test_open_device(ctx, VF1, PF_FD);
	test_open_device(ctx, OTHER_PF, PF_FD);
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_said(rule_unused, ABSENT);
	vftoken_context_destroy(ctx);
}

/* A number of VFs for one device with which nothing was done is an error that says why. */
static void
numbers_unused(void **state)
{
	static const struct {
		const char *number;
		int ret;
		struct test_said said;
	} cases[] = {
		{ ABSENT "=2", -ENODEV, SAID(num_vfs_no_device, ABSENT, "2") },
		{ ON_IGB "=2", -ENODEV, SAID(num_vfs_driver, ON_IGB, "2", "igb", ON_IGB) },
		{ ON_NONE "=2", -ENODEV, SAID(num_vfs_driver, ON_NONE, "2", "no driver", ON_NONE) },
		{ OTHER_PF "=2", -ENODEV, SAID(num_vfs_unopened, OTHER_PF, "2", OTHER_PF) },
		{ VF0 "=1", -ENODEV, SAID(num_vfs_unopened, VF0, "1", VF0) },
		/* It was tried, and has failed. */
		{ PF "=3", -ECANCELED, SAID_NOTHING },
		/* Done, or for all PFs. */
		{ PF "=2", 0, SAID_NOTHING },
		{ "2", 0, SAID_NOTHING },
		{ "3", 0, SAID_NOTHING },
	};
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = test_context();
		uint16_t num_vfs = 0;

		print_message("case %zu\n", i);
		test_open_device(ctx, PF, PF_FD);
		assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
		assert_int_equal(vftoken_add_num_vfs(ctx, cases[i].number), 0);
		test_answer(answers, 2);
		vftoken_pf_start(ctx, PF, &num_vfs);
		test_n_messages = 0;
		assert_int_equal(vftoken_start_end(ctx), cases[i].ret);
		test_assert_said(&cases[i].said);
		vftoken_context_destroy(ctx);
	}
}

/* Its primary process sees to the number of VFs of a secondary one. All failures are said. */
static void
many_numbers(void **state)
{
	struct vftoken_context *ctx = test_context();

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_num_vfs(ctx, ABSENT "=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, ON_IGB "=3"), 0);
	assert_int_equal(vftoken_start_end(ctx), -ENODEV);
	test_all_said(SAID(num_vfs_driver, ON_IGB, "3", "igb", ON_IGB),
		      SAID(num_vfs_no_device, ABSENT, "2"));
	vftoken_context_set_provider(ctx, test_provide_none, NULL, "the primary process");
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* A process that takes the VFs that it shall enable for others is told so. */
static void
own_vfs(void **state)
{
	static const struct {
		const char *number;
		struct test_said said;
	} cases[] = {
		{ "2", SAID(own_vfs, "2", PF, PF) },
		{ PF "=2", SAID(own_vfs, "2", PF, PF) },
		/* It enables none: they are opened for its own use. */
		{ OTHER_PF "=2", SAID(num_vfs_unopened, OTHER_PF, "2", OTHER_PF) },
	};
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = test_context();
		uint16_t num_vfs = 0;

		print_message("case %zu\n", i);
		test_open_device(ctx, PF, PF_FD);
		assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
		assert_int_equal(vftoken_add_num_vfs(ctx, cases[i].number), 0);
		test_answer(answers, 2);
		assert_int_equal(vftoken_pf_start(ctx, PF, &num_vfs), 0);
		test_open_device(ctx, VF0, PF_FD);
		test_open_device(ctx, VF1, PF_FD);
		test_n_messages = 0;
		assert_int_equal(vftoken_start_end(ctx), i < 2 ? 0 : -ENODEV);
		test_assert_said(&cases[i].said);
		vftoken_context_destroy(ctx);
	}
}

/* Give the arguments of a start: rules, and numbers of VFs behind a '#'. */
static int
start(struct vftoken_context *ctx, char *const *arguments)
{
	char name[] = "program";
	char *argv[] = { name, NULL };
	int ret = 0;

	vftoken_start_begin(ctx, "vfio-v", 1, argv);
	for (; ret == 0 && *arguments != NULL; arguments++)
		if ((*arguments)[0] == '#')
			ret = vftoken_add_num_vfs(ctx, *arguments + 1);
		else
			ret = vftoken_add_rule(ctx, *arguments);
	return ret;
}

/* After a start that failed, the same arguments mean the same, though a part of them is gone. */
static void
again(void **state)
{
	char literal[] = PF "=" TOKEN_A, all[] = TOKEN_B, file[] = VF0 "=file:token";
	char env[] = VF1 "=env:VFTOKEN_START", number[] = "#" PF "=2";
	char fd[32], *const arguments[] = { literal, all, file, env, number, fd, NULL };
	struct vftoken_context *ctx = test_context();
	unsigned int i;

	(void)state;
	test_write_text("token", TOKEN_A);
	assert_int_equal(setenv("VFTOKEN_START", TOKEN_A, 1), 0);
	snprintf(fd, sizeof(fd), OTHER_PF "=fd:%d", test_pipe(TOKEN_B));
	for (i = 0; i < 3; i++) {
		assert_int_equal(start(ctx, arguments), 0);
		test_said_nothing();
		assert_int_equal(ctx->n_rules, 5);
		assert_int_equal(vftoken_mask_rule(literal), 0);
		assert_string_equal(literal, PF "=" STARS);
		assert_int_equal(vftoken_mask_rule(all), 0);
		test_assert_token(ctx, PF, TOKEN_A);
		test_assert_token(ctx, NULL, TOKEN_B);
		test_assert_token(ctx, VF0, TOKEN_A);
		test_assert_token(ctx, VF1, TOKEN_A);
		test_assert_token(ctx, OTHER_PF, TOKEN_B);
	}
	assert_null(getenv("VFTOKEN_START"));
	vftoken_context_destroy(ctx);
}

/* What isn't given again no longer counts, and another source replaces the one of before. */
static void
again_otherwise(void **state)
{
	static char literal[] = PF "=" TOKEN_A, masked[] = PF "=" STARS, other[] = PF "=" TOKEN_B;
	static char number[] = "#" PF "=2", all_masked[] = STARS, file[] = PF "=file:token";
	static char shorter[] = PF "=***", bad[] = PF "=x";
	char *const first[] = { literal, number, NULL }, *const none[] = { NULL };
	char *const second[] = { masked, NULL }, *const third[] = { other, NULL };
	char *const fourth[] = { file, NULL }, *const wrong[] = { all_masked, NULL };
	char *const short_one[] = { shorter, NULL }, *const twice[] = { masked, masked, NULL };
	char *const refused[] = { bad, NULL };
	struct vftoken_context *ctx = test_context();

	(void)state;
	test_write_text("token", TOKEN_A);
	/* Stars stand for nothing at the first start, and for no other rule. */
	assert_int_equal(start(ctx, second), -EINVAL);
	test_n_messages = 0;
	assert_int_equal(ctx->n_rules, 0);
	assert_int_equal(start(ctx, first), 0);
	assert_int_equal(start(ctx, wrong), -EINVAL);
	assert_int_equal(start(ctx, short_one), -EINVAL);
	test_n_messages = 0;
	assert_int_equal(start(ctx, none), 0);
	assert_null(test_find_rule(ctx, PF));
	assert_int_equal(vftoken_list_devices(ctx, NULL, 0), 0);
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_said_nothing();
	/* A rule that is refused leaves the one of before. */
	assert_int_equal(start(ctx, refused), -EINVAL);
	test_n_messages = 0;
	assert_int_equal(start(ctx, twice), 0);
	test_assert_token(ctx, PF, TOKEN_A);
	assert_int_equal(start(ctx, second), 0);
	test_assert_token(ctx, PF, TOKEN_A);
	assert_int_equal(start(ctx, third), 0);
	test_assert_token(ctx, PF, TOKEN_B);
	assert_int_equal(start(ctx, fourth), 0);
	test_assert_token(ctx, PF, TOKEN_A);
	/* A file is no literal. */
	assert_int_equal(start(ctx, second), -EINVAL);
	test_n_messages = 0;
	/* A cleared context knows nothing. */
	assert_int_equal(start(ctx, third), 0);
	vftoken_context_clear(ctx);
	assert_int_equal(start(ctx, second), -EINVAL);
	test_n_messages = 0;
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rules_unused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(numbers_unused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(many_numbers, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(own_vfs, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(again, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(again_otherwise, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
