/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_util.h"

#define STARS "************************************"

#define MAX_ARGUMENTS 5

/* The command's arguments behind its name. */
struct line {
	const char *arguments[MAX_ARGUMENTS];
	const char *masked[MAX_ARGUMENTS];
};

static void
assert_masked(struct vftoken_context *ctx, const char *shortest, const struct line *line)
{
	char texts[MAX_ARGUMENTS + 1][128] = { "vf-" TOKEN_A };
	char *argv[MAX_ARGUMENTS + 1] = { texts[0] };
	int i, argc = 1;

	for (i = 0; i < MAX_ARGUMENTS && line->arguments[i] != NULL; i++) {
		argv[argc] = texts[argc];
		snprintf(argv[argc++], sizeof(texts[0]), "%s", line->arguments[i]);
	}
	vftoken_start_begin(ctx, shortest, argc, argv);
	assert_string_equal(argv[0], "vf-" TOKEN_A);
	for (i = 1; i < argc; i++)
		assert_string_equal(argv[i], line->masked[i - 1]);
	test_said_nothing();
}

/* A token is overwritten where it isn't the option's value, and an argument that isn't ours stays.
 */
static void
mask_arguments(void **state)
{
	static const struct line lines[] = {
		{ { NULL }, { NULL } },
		{ { "--vfio-vf-tokn=" TOKEN_A }, { "--vfio-vf-tokn=" STARS } },
		{ { "--vfio-vf-tokens=" TOKEN_A }, { "--vfio-vf-tokens=" STARS } },
		{ { "--vfio-vf-tokn=01:00.0=" TOKEN_A }, { "--vfio-vf-tokn=01:00.0=" STARS } },
		{ { "--vfio-vf-tokn", TOKEN_A, TOKEN_B }, { "--vfio-vf-tokn", STARS, TOKEN_B } },
		{ { "--vfio-vf-tokn", "01:00.0=" TOKEN_A },
		  { "--vfio-vf-tokn", "01:00.0=" STARS } },
		{ { "--vfio-vf-tokn", "-a", TOKEN_B }, { "--vfio-vf-tokn", "-a", TOKEN_B } },
		{ { "--vfio-vf-tokn", "--", TOKEN_B }, { "--vfio-vf-tokn", "--", TOKEN_B } },
		{ { "--vfio=" TOKEN_A }, { "--vfio=" STARS } },
		{ { "--vfio_vf_token=" TOKEN_A }, { "--vfio_vf_token=" STARS } },
		{ { "--vf-token", TOKEN_A }, { "--vf-token", STARS } },
		{ { "-vfio-vf-token=" TOKEN_A }, { "-vfio-vf-token=" STARS } },
		{ { "---vfio-vf-token=" TOKEN_A }, { "---vfio-vf-token=" STARS } },
		{ { "--vfio-num-vfs=" TOKEN_A }, { "--vfio-num-vfs=" STARS } },
		/* Behind -- all options are the application's. */
		{ { "--", "--vfio-vf-token=" TOKEN_A }, { "--", "--vfio-vf-token=" STARS } },
		{ { "--", "--vfio-vf-token", TOKEN_A, TOKEN_B },
		  { "--", "--vfio-vf-token", STARS, TOKEN_B } },
		{ { "--", "--vf-id=" TOKEN_A, TOKEN_B }, { "--", "--vf-id=" TOKEN_A, TOKEN_B } },
		{ { "--", "--", "--vfio-vf-token=" TOKEN_A },
		  { "--", "--", "--vfio-vf-token=" STARS } },
		/* The option itself, which the parser takes, and others. */
		{ { "--vfio-vf-token=" TOKEN_A }, { "--vfio-vf-token=" TOKEN_A } },
		{ { "--vfio-vf-token", TOKEN_A }, { "--vfio-vf-token", TOKEN_A } },
		{ { "-a", "0000:01:00.0", "--vdev=net_null_" TOKEN_A, TOKEN_B },
		  { "-a", "0000:01:00.0", "--vdev=net_null_" TOKEN_A, TOKEN_B } },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(lines); i++) {
		assert_masked(ctx, "vfio-v", &lines[i]);
		assert_masked(ctx, "vfio-vf-token", &lines[i]);
	}
	vftoken_context_destroy(ctx);
}

/* A shortened option is the option only for a parser that takes it. */
static void
shortened(void **state)
{
	static const struct line taken[] = {
		{ { "--vfio-v=" TOKEN_A }, { "--vfio-v=" TOKEN_A } },
		{ { "--vfio-vf-toke", TOKEN_A }, { "--vfio-vf-toke", TOKEN_A } },
		{ { "--vfio-=" TOKEN_A }, { "--vfio-=" STARS } },
	};
	static const struct line refused[] = {
		{ { "--vfio-v=" TOKEN_A }, { "--vfio-v=" STARS } },
		{ { "--vfio-vf-toke", TOKEN_A }, { "--vfio-vf-toke", STARS } },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(taken); i++)
		assert_masked(ctx, "vfio-v", &taken[i]);
	for (i = 0; i < TEST_DIM(refused); i++)
		assert_masked(ctx, "vfio-vf-token", &refused[i]);
	vftoken_context_destroy(ctx);
}

/* A rule is overwritten where an argument ends with it. */
static void
hide_rule(void **state)
{
	char texts[][64] = { "--vfio-vf-token=01:00.0=" TOKEN_A, "01:00.0=" TOKEN_A, TOKEN_A,
			     "-a" };
	char *argv[] = { texts[0], texts[1], texts[2], texts[3] };
	struct vftoken_context *ctx = test_context();

	(void)state;
	vftoken_hide_rule(ctx, "01:00.0=" TOKEN_A, TEST_DIM(argv), argv);
	assert_string_equal(texts[0], "--vfio-vf-token=01:00.0=" STARS);
	assert_string_equal(texts[1], "01:00.0=" STARS);
	assert_string_equal(texts[2], TOKEN_A);
	assert_string_equal(texts[3], "-a");
	/* The rule may be one of the arguments. */
	vftoken_hide_rule(ctx, argv[2], 1, &argv[2]);
	assert_string_equal(texts[2], STARS);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* An argument that is a constant stays, with one warning for all that stay. */
static void
constants(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *constant =
		mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char written[] = "--vfio-vf-tokn=" TOKEN_A;
	char *argv[] = { written, constant, constant, written };
	struct vftoken_context *ctx = test_context();

	(void)state;
	assert_ptr_not_equal(constant, MAP_FAILED);
	strcpy(constant, "--vfio-vf-tokn=" TOKEN_A);
	assert_int_equal(mprotect(constant, page, PROT_READ), 0);
	vftoken_start_begin(ctx, "vfio-v", TEST_DIM(argv), argv);
	assert_string_equal(written, "--vfio-vf-tokn=" STARS);
	assert_string_equal(constant, "--vfio-vf-tokn=" TOKEN_A);
	test_said(argument_constant);
	vftoken_hide_rule(ctx, TOKEN_A, TEST_DIM(argv), argv);
	test_said(argument_constant);
	/* What holds no token may stay. */
	vftoken_hide_rule(ctx, "", TEST_DIM(argv), argv);
	test_said_nothing();
	munmap(constant, page);
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mask_arguments, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(shortened, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(hide_rule, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(constants, test_setup, test_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
