/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/* A token's file is replaced: at each moment one of two files has the current token. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define NEWER "9e1d3a57-60c2-4f8b-b7a4-25d8e06c913f"
#define PF "0000:01:00.0"
#define PF_FD 7
#define PF2 "0000:02:00.0"
#define PF2_FD 8
#define VF "0000:01:10.0"
#define VF_FD 9

#define RENAMED SAID(next_renamed, "own.next", "own")
#define STAYS(why) SAID(next_stays, "own.next", "own", why, "own")
#define SET(pf) SAID(pf_token_set, pf, "file:own.next")
#define TRIED(device) SAID(next_tried, device, "file:own", "file:own.next")

/* Two PFs that are open, and a VF; the rules are added behind. */
static struct vftoken_context *
open_pfs(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "1\n" },
		{ PF2, "vfio-pci", NULL, "7\n", "0\n" },
		{ VF, "vfio-pci", PF, NULL, NULL },
	};
	static unsigned int n;
	struct vftoken_context *ctx = test_context();
	char aside[32];
	size_t i;

	/* What a case before left is put aside. */
	snprintf(aside, sizeof(aside), "aside%u", n++);
	rename(TEST_DEVICES, aside);
	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	test_device_link(PF, "virtfn0", "../" VF);
	test_open_device(ctx, PF, PF_FD);
	test_open_device(ctx, PF2, PF2_FD);
	test_write_text("own", TOKEN_A "\n");
	test_write_text("own.next", TOKEN_B "\n");
	return ctx;
}

/* This call of the kernel sets TOKEN_B on a device. */
static void
assert_set(unsigned int n, int fd)
{
	const struct vfio_device_feature *feature = (const void *)test_ioctls[n].bytes;
	uuid_t token;

	assert_int_equal(test_ioctls[n].fd, fd);
	assert_int_equal(test_ioctls[n].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(uuid_parse(TOKEN_B, token), 0);
	assert_memory_equal(feature->data, token, sizeof(token));
}

/* The next token is set, on each PF with the file, and then its file replaces the other. */
static void
reload(void **state)
{
	static const struct {
		const char *rules[2];
		const char *name;
		int fds[2]; /* in the order in which the token is set */
		struct test_said said[3];
	} cases[] = {
		{ { PF "=file:own" }, PF, { PF_FD }, { SET(PF), RENAMED } },
		{ { PF "=file:own" }, NULL, { PF_FD }, { SET(PF), RENAMED } },
		{ { "file:own", PF2 "=" TOKEN_B }, PF, { PF_FD }, { SET(PF), RENAMED } },
		/* Both have it. */
		{ { "file:own" }, PF, { PF2_FD, PF_FD }, { SET(PF2), SET(PF), RENAMED } },
		{ { "file:own" }, NULL, { PF2_FD, PF_FD }, { SET(PF2), SET(PF), RENAMED } },
		{ { PF "=file:own", PF2 "=file:own" },
		  PF2,
		  { PF2_FD, PF_FD },
		  { SET(PF2), SET(PF), RENAMED } },
	};
	static const struct test_answer done[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i, j;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = open_pfs();

		print_message("case %zu\n", i);
		for (j = 0; j < 2 && cases[i].rules[j] != NULL; j++)
			assert_int_equal(vftoken_add_rule(ctx, cases[i].rules[j]), 0);
		test_answer(done, 2);
		assert_int_equal(vftoken_pf_reload_token(ctx, cases[i].name), 0);
		assert_int_equal(test_n_ioctls, cases[i].fds[1] == 0 ? 1 : 2);
		for (j = 0; j < test_n_ioctls; j++)
			assert_set((unsigned int)j, cases[i].fds[j]);
		test_assert_all_said(cases[i].said, TEST_DIM(cases[i].said));
		test_assert_file("own", TOKEN_B "\n");
		assert_int_equal(access("own.next", F_OK), -1);
		/* From now on the file is read as before. */
		test_answer(done, 1);
		assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
		test_said(pf_token_set, PF, "file:own");
		vftoken_context_destroy(ctx);
	}
}

/* After a failure both files stay. */
static void
reload_fails(void **state)
{
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = -EIO } };
	static const struct test_answer done[] = { { .ret = 0 }, { .ret = 0 } };
	struct vftoken_context *ctx = open_pfs();

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, "file:own"), 0);
	/* The kernel takes it for one of two PFs. */
	test_answer(answers, 2);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), -EIO);
	test_all_said(SET(PF2), SAID(pf_token_refused, PF, "Input/output error"));
	test_assert_file("own", TOKEN_A "\n");
	test_assert_file("own.next", TOKEN_B "\n");
	/* It isn't a token, or could be another user's. */
	test_write_text("own.next", "");
	test_answer(answers, 2);
	assert_int_equal(vftoken_pf_reload_token(ctx, NULL), -EINVAL);
	test_all_said(SAID(source_empty, PF2, "file:own.next"),
		      SAID(source_empty, PF, "file:own.next"));
	test_write_text("own.next", TOKEN_B);
	assert_int_equal(chmod("own.next", 0622), 0);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), -EPERM);
	test_said(source_writable, PF, "file:own.next");
	assert_int_equal(test_n_ioctls, 0);
	test_assert_file("own", TOKEN_A "\n");
	/* It is set, but can't be renamed: it stays the next one. */
	assert_int_equal(chmod("own.next", 0600), 0);
	assert_int_equal(unlink("own"), 0);
	assert_int_equal(mkdir("own", 0700), 0);
	test_answer(done, 2);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	test_all_said(SET(PF2), SET(PF), STAYS("Is a directory"));
	test_assert_file("own.next", TOKEN_B);
	vftoken_context_destroy(ctx);
}

static void (*interrupt)(void);
static unsigned int n_set;

/* Something happens when the kernel sets a token for the first time. */
static int
set_and_interrupt(unsigned long request, void *arg)
{
	(void)arg;
	assert_int_equal(request, VFIO_DEVICE_FEATURE);
	if (n_set++ == 0)
		interrupt();
	return 0;
}

static void
replace_next(void)
{
	test_write_text("newer", NEWER "\n");
	assert_int_equal(rename("newer", "own.next"), 0);
}

static void
write_next(void)
{
	/* Longer than the kernel's tick, by which it tells when a file was written. */
	usleep(20000);
	test_write_text("own.next", NEWER "\n");
}

static void
rename_next(void)
{
	assert_int_equal(rename("own.next", "own"), 0);
}

static void
remove_next(void)
{
	assert_int_equal(unlink("own.next"), 0);
}

/* Between read and rename, somebody else writes the next token, or renames it. */
static void
reload_meanwhile(void **state)
{
	static const struct {
		void (*interrupt)(void);
		unsigned int n_set;
		const char *own;
		struct test_said said[3];
	} cases[] = {
		/* What is in the file is what was set. */
		{ replace_next, 2, NEWER "\n", { SET(PF), SET(PF), RENAMED } },
		{ write_next, 2, NEWER "\n", { SET(PF), SET(PF), RENAMED } },
		{ rename_next, 1, TOKEN_B "\n", { SET(PF) } },
		/* Nothing can help, but the operator knows. */
		{ remove_next, 1, TOKEN_A "\n", { SET(PF), STAYS("No such file") } },
	};
	struct vftoken_context *ctx;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		print_message("case %zu\n", i);
		ctx = open_pfs();
		assert_int_equal(vftoken_add_rule(ctx, PF "=file:own"), 0);
		interrupt = cases[i].interrupt;
		n_set = 0;
		test_kernel = set_and_interrupt;
		assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
		test_kernel = NULL;
		assert_int_equal(n_set, cases[i].n_set);
		test_assert_all_said(cases[i].said, TEST_DIM(cases[i].said));
		test_assert_file("own", cases[i].own);
		assert_int_equal(access("own.next", F_OK), -1);
		vftoken_context_destroy(ctx);
	}
}

/* Where the file is gone or spoiled, the next one alone is enough. */
static void
lost_file(void **state)
{
	static const struct test_answer done[] = { { .ret = 0 } };
	struct vftoken_context *ctx = open_pfs();

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, PF "=file:own"), 0);
	assert_int_equal(unlink("own"), 0);
	test_answer(done, 1);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	assert_set(0, PF_FD);
	test_all_said(SET(PF), RENAMED);
	vftoken_context_destroy(ctx);
}

/* A start enables VFs with the token that the PF was opened with. */
static void
enable(void **state)
{
	static const struct test_answer done[] = { { .ret = 0 }, { .ret = 0 } };
	struct vftoken_context *ctx = open_pfs();
	const struct vfio_device_feature *feature = (const void *)test_ioctls[1].bytes;
	uuid_t token;

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, PF "=file:own"), 0);
	test_answer(done, 2);
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF, 1), 0);
	assert_int_equal(uuid_parse(TOKEN_A, token), 0);
	assert_memory_equal(feature->data, token, sizeof(token));
	test_all_said(SAID(pf_token_set, PF, "file:own"), SAID(vfs_kept, PF, "1", VF));
	test_assert_file("own.next", TOKEN_B "\n");
	vftoken_context_destroy(ctx);
}

/* A device that doesn't open with the token in the file is tried with the next one. */
static void
open_with_next(void **state)
{
	static const struct test_answer refused[] = { { .ret = -EACCES }, { .ret = VF_FD } };
	static const struct test_answer twice[] = { { .ret = -EACCES }, { .ret = -EACCES } };
	static const struct test_answer busy[] = { { .ret = -EBUSY } };
	struct vftoken_context *ctx = open_pfs();

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, PF "=file:own"), 0);
	vftoken_closing(ctx, PF);
	test_answer(refused, 2);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), VF_FD);
	test_all_said(TRIED(VF));
	assert_string_equal((const char *)test_ioctls[0].bytes, VF " vf_token=" TOKEN_A);
	assert_string_equal((const char *)test_ioctls[1].bytes,
			    VF " vf_token=c87a0e2d-93fe-4b66-acd3-7e59bd8a6f12");
	/* The PF, too. Both files stay, as other PFs may have the token of the first. */
	test_answer(refused, 2);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, PF), VF_FD);
	test_all_said(TRIED(PF));
	test_assert_file("own", TOKEN_A "\n");
	test_assert_file("own.next", TOKEN_B "\n");
	/* Neither is the current one. */
	test_answer(twice, 2);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), -EACCES);
	test_all_said(TRIED(VF), SAID(vf_wrong_token, VF, "file:own", PF, PF));
	/* Another error says nothing of the token. */
	test_answer(busy, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), -EBUSY);
	test_said(device_busy, VF);
	/* It may be anybody's. */
	assert_int_equal(chmod("own.next", 0622), 0);
	test_answer(twice, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), -EPERM);
	test_said(source_writable, VF, "file:own.next");
	/* There is none. */
	assert_int_equal(unlink("own.next"), 0);
	test_answer(twice, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), -EACCES);
	test_said(vf_wrong_token, VF, "file:own", PF, PF);
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reload, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reload_fails, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reload_meanwhile, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(lost_file, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(enable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_with_next, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("rotation", tests, NULL, NULL);
}
