/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define PF "0000:01:00.0"
#define PF_FD 7
#define PF2 "0000:02:00.0"
#define PF2_FD 8

#define NIL "00000000-0000-0000-0000-000000000000"
#define FROM_A "b6" DOTS
#define FROM_B "C8" DOTS

#define HAS(source) SAID(pf_token_set, PF, source)
#define READABLE SAID(source_readable, PF, "file:shared")
#define NO_RULE SAID(pf_without_rule, PF, PF)
#define UNREADABLE SAID(source_unopened, PF, "file:none", "No such file or directory")
#define TAKES_NONE SAID(pf_takes_no_token, PF)
#define REFUSED(why) SAID(pf_token_refused, PF, why)

/* Two PFs, the first one held open. */
static struct vftoken_context *
open_pf(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "0\n" },
		{ PF2, "vfio-pci", NULL, "7\n", "0\n" },
	};
	struct vftoken_context *ctx = test_context();

	test_device_make(&devices[0]);
	test_device_make(&devices[1]);
	test_open_device(ctx, PF, PF_FD);
	return ctx;
}

/* Set a token that stands in the file of the rule "file:own" from now on. */
static int
set_token(struct vftoken_context *ctx, const char *name, const char *text)
{
	test_write_text("own", text);
	return vftoken_pf_reload_token(ctx, name);
}

/* The one ioctl sets this token on this device. */
static void
assert_set(int fd, const char *text)
{
	const struct vfio_device_feature *feature = (const void *)test_ioctls[0].bytes;
	uuid_t token;

	assert_int_equal(test_n_ioctls, 1);
	assert_int_equal(test_ioctls[0].fd, fd);
	assert_int_equal(test_ioctls[0].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(feature->argsz, sizeof(*feature) + sizeof(uuid_t));
	assert_int_equal(feature->flags,
			 VFIO_DEVICE_FEATURE_PCI_VF_TOKEN | VFIO_DEVICE_FEATURE_SET);
	assert_int_equal(uuid_parse(text, token), 0);
	assert_memory_equal(feature->data, token, sizeof(token));
}

/* A token of the rule's source is set by one ioctl; each refusal says why the old one stays. */
static void
reload(void **state)
{
	static const struct {
		const char *name;
		const char *rule;
		const char *token; /* NULL: the kernel isn't asked */
		int answer;
		int ret;
		struct test_said said[2];
	} cases[] = {
		{ PF, PF "=" TOKEN_A, TOKEN_A, 0, 0, { HAS(FROM_A) } },
		{ PF, TOKEN_B, TOKEN_B, 0, 0, { HAS(FROM_B) } },
		{ "01:00.0", "file:own", TOKEN_A, 0, 0, { HAS("file:own") } },
		{ "1:0.0", TOKEN_B, TOKEN_B, 0, 0, { HAS(FROM_B) } },
		{ PF, "file:shared", TOKEN_A, 0, 0, { READABLE, HAS("file:shared") } },
		/* No rule, or none for this PF. */
		{ PF, NULL, NULL, 0, -ENOKEY, { NO_RULE } },
		{ PF, PF2 "=" TOKEN_A, NULL, 0, -ENOKEY, { NO_RULE } },
		/* Not open. */
		{ PF2, TOKEN_A, NULL, 0, -ENODEV, { SAID(pf_not_open, PF2) } },
		{ "net_null0", TOKEN_A, NULL, 0, -ENODEV, { SAID(pf_not_open, "net_null0") } },
		{ "", TOKEN_A, NULL, 0, -ENODEV, { SAID(pf_not_open) } },
		/* A source that can't be read. */
		{ PF, "file:none", NULL, 0, -ENOENT, { UNREADABLE } },
		/* The kernel refuses. */
		{ PF, TOKEN_A, TOKEN_A, -ENOTTY, -ENOTTY, { TAKES_NONE } },
		{ PF, TOKEN_A, TOKEN_A, -EINVAL, -EINVAL, { REFUSED("Invalid argument") } },
		{ PF, TOKEN_A, TOKEN_A, -EIO, -EIO, { REFUSED("Input/output error") } },
	};
	struct vftoken_context *ctx;
	size_t i;

	(void)state;
	test_write_text("own", TOKEN_A "\n");
	test_write("shared", TOKEN_A "\n", strlen(TOKEN_A "\n"), 0644);
	ctx = open_pf();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct test_answer answer[] = { { .ret = cases[i].answer } };

		/* Each case has its own rule, under which the PF is opened. */
		vftoken_context_clear(ctx);
		test_open_device(ctx, PF, PF_FD);
		if (cases[i].rule != NULL)
			assert_int_equal(vftoken_add_rule(ctx, cases[i].rule), 0);
		test_answer(answer, 1);
		assert_int_equal(vftoken_pf_reload_token(ctx, cases[i].name), cases[i].ret);
		if (cases[i].token != NULL)
			assert_set(PF_FD, cases[i].token);
		else
			assert_int_equal(test_n_ioctls, 0);
		test_assert_all_said(cases[i].said, TEST_DIM(cases[i].said));
	}
	vftoken_context_destroy(ctx);
}

/* What stands in the file at each reload is the token; without a file the last one stays. */
static void
rotation(void **state)
{
	static const struct test_answer done[] = { { .ret = 0 } };
	struct vftoken_context *ctx = open_pf();

	(void)state;
	test_write_text("own", TOKEN_A "\n");
	assert_int_equal(vftoken_add_rule(ctx, "file:own"), 0);
	test_answer(done, 1);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	test_said(pf_token_set, PF, "file:own");
	assert_set(PF_FD, TOKEN_A);
	test_write_text("own", TOKEN_B "\n");
	test_answer(done, 1);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	test_said(pf_token_set, PF, "file:own");
	assert_set(PF_FD, TOKEN_B);
	test_write_text("own", NIL "\n");
	test_answer(done, 1);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), -EINVAL);
	assert_int_equal(test_n_ioctls, 0);
	test_said(uuid_nil, PF, "file:own");
	vftoken_context_destroy(ctx);
}

/* Without a name each open PF that has a rule gets its token, and the first error is told. None is
 * one. */
static void
reload_all(void **state)
{
	static const struct test_device plain = { "0000:03:00.0", "vfio-pci", NULL, NULL, NULL };
	static const struct test_answer done[] = { { .ret = 0 }, { .ret = 0 } };
	static const struct test_answer failing[] = { { .ret = -EIO }, { .ret = 0 } };
	struct vftoken_context *ctx = open_pf();

	(void)state;
	test_device_make(&plain);
	test_open_device(ctx, PF2, PF2_FD);
	test_open_device(ctx, plain.bdf, 9);
	/* No rule yet. */
	test_answer(done, 2);
	assert_int_equal(vftoken_pf_reload_token(ctx, NULL), -ENODEV);
	test_said(no_pf_open);
	assert_int_equal(test_n_ioctls, 0);
	/* One has a rule, then each has one. */
	assert_int_equal(vftoken_add_rule(ctx, PF "=" TOKEN_A), 0);
	assert_int_equal(vftoken_pf_reload_token(ctx, NULL), 0);
	test_said(pf_token_set, PF, FROM_A);
	assert_set(PF_FD, TOKEN_A);
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_B), 0);
	test_answer(done, 2);
	assert_int_equal(vftoken_pf_reload_token(ctx, NULL), 0);
	assert_int_equal(test_n_ioctls, 2);
	assert_int_equal(test_ioctls[0].fd, PF2_FD);
	assert_int_equal(test_ioctls[1].fd, PF_FD);
	test_all_said(SAID(pf_token_set, PF2, FROM_B), HAS(FROM_A));
	/* A refusal of one doesn't keep the other from its token. */
	test_answer(failing, 2);
	assert_int_equal(vftoken_pf_reload_token(ctx, NULL), -EIO);
	assert_int_equal(test_n_ioctls, 2);
	test_all_said(SAID(pf_token_refused, PF2, "Input/output error"), HAS(FROM_A));
	vftoken_context_destroy(ctx);
}

/* A device is known from its open until it is closing, each by its own fd. */
static void
remembered(void **state)
{
	static const struct test_answer done[] = { { .ret = 0 } };
	struct vftoken_context *ctx = open_pf();

	(void)state;
	test_open_device(ctx, PF2, PF2_FD);
	/* Not devices that the duties could be done for. */
	test_open_device(ctx, "fsl-mc.0", 9);
	vftoken_closing(ctx, "fsl-mc.0");
	vftoken_closing(ctx, "0000:07:00.0");
	assert_int_equal(vftoken_add_rule(ctx, "file:own"), 0);
	test_answer(done, 1);
	assert_int_equal(set_token(ctx, "fsl-mc.0", TOKEN_A), -ENODEV);
	test_said(pf_not_open, "fsl-mc.0");

	assert_int_equal(set_token(ctx, PF2, TOKEN_B), 0);
	test_said(pf_token_set, PF2, "file:own");
	assert_set(PF2_FD, TOKEN_B);
	/* The first one opened is the last one in the list. */
	vftoken_closing(ctx, "1:0.0");
	test_answer(done, 1);
	assert_int_equal(set_token(ctx, PF, TOKEN_A), -ENODEV);
	test_said(pf_not_open, PF);
	assert_int_equal(test_n_ioctls, 0);
	assert_int_equal(set_token(ctx, PF2, TOKEN_A), 0);
	test_said(pf_token_set, PF2, "file:own");
	assert_set(PF2_FD, TOKEN_A);
	vftoken_closing(ctx, PF2);
	vftoken_closing(ctx, PF2);
	assert_int_equal(set_token(ctx, PF2, TOKEN_A), -ENODEV);
	test_said(pf_not_open, PF2);
	/* Opened again it has another fd. */
	test_open_device(ctx, PF, PF2_FD);
	test_answer(done, 1);
	assert_int_equal(set_token(ctx, PF, TOKEN_B), 0);
	test_said(pf_token_set, PF, "file:own");
	assert_set(PF2_FD, TOKEN_B);
	vftoken_context_destroy(ctx);
}

/* An open that the kernel refused is no open. */
static void
refused_open(void **state)
{
	static const struct test_answer refusal[] = { { .ret = -EIO } };
	struct vftoken_context *ctx = open_pf();

	(void)state;
	test_answer(refusal, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, PF2), -EIO);
	test_n_messages = 0;
	assert_int_equal(vftoken_add_rule(ctx, "file:own"), 0);
	assert_int_equal(set_token(ctx, PF2, TOKEN_A), -ENODEV);
	test_said(pf_not_open, PF2);
	vftoken_context_destroy(ctx);
}

/* A device that the kernel waits for is named, and a VF is told from others. */
static void
requested(void **state)
{
	static const struct test_device vf = { "0000:01:10.0", "vfio-pci", PF, NULL, NULL };
	struct vftoken_context *ctx = open_pf();

	(void)state;
	test_device_make(&vf);
	test_open_device(ctx, vf.bdf, 9);
	vftoken_device_requested(ctx, vf.bdf);
	test_said(vf_requested, "0000:01:10.0");
	vftoken_device_requested(ctx, PF);
	test_said(device_requested, PF);
	/* Of a device that isn't open, or is no PCI device, no more is known. */
	vftoken_closing(ctx, vf.bdf);
	vftoken_device_requested(ctx, vf.bdf);
	test_said(device_requested, "0000:01:10.0");
	vftoken_device_requested(ctx, "fsl-mc.0");
	test_said(device_requested, "fsl-mc.0");
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reload, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(rotation, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reload_all, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(remembered, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused_open, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(requested, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pf_token", tests, NULL, NULL);
}
