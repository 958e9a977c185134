/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define DEVICE_FD 7

/* A PF without VFs, and one with two; a PF that can't be read; what is no PF, and not there. */
#define PF "0000:01:00.0"
#define PF_2 "0000:02:00.0"
#define VF0 "0000:02:10.0"
#define VF1 "0000:02:10.2"
#define BROKEN "0000:03:00.0"
#define PLAIN "0000:04:00.0"
#define MISSING "0000:05:00.0"

static const struct test_device devices[] = {
	{ PF, "vfio-pci", NULL, "7\n", "0\n" },
	{ PF_2, "vfio-pci", NULL, "7\n", "2\n" },
	{ VF0, "vfio-pci", PF_2, NULL, NULL },
	{ VF1, "vfio-pci", PF_2, NULL, NULL },
	/* The most VFs that it can have isn't a number. */
	{ BROKEN, "vfio-pci", NULL, "x\n", "x\n" },
	{ PLAIN, "vfio-pci", NULL, NULL, NULL },
};

#define A "=" TOKEN_A

#define NOT_OPEN(name) SAID(pf_not_open, name)
#define NO_INFO(name, why) SAID(pf_unreadable, name, why)
#define NO_BDF(name) SAID(not_a_bdf, name)
#define IS_VF(name) SAID(pf_is_a_vf, name)
#define NO_SRIOV(name) SAID(pf_without_sriov, name)
#define RANGE(n) SAID(num_vfs_range, PF, n, "7")
#define BUSY(n) SAID(num_vfs_other, PF_2, "2", VF1, " in use, ", VF0, n, "2", PF_2)
#define NO_RULE SAID(vfs_without_rule, PF, PF)
#define UNREADABLE SAID(source_unopened, PF, "file:none", "No such file or directory")
#define NO_TOKENS(why) SAID(vfs_without_token, PF, why)
#define TAKES_NONE SAID(pf_takes_no_token, PF)
#define NOT_SET(why) SAID(pf_token_refused, PF, why)

static struct vftoken_context *
open_device(const char *name, const char *rule)
{
	static const struct test_answer opened[] = { { .ret = DEVICE_FD } };
	struct vftoken_context *ctx = test_context();

	ctx->vfio = "vfio";
	test_answer(opened, 1);
	if (name != NULL)
		assert_int_equal(vftoken_open(ctx, GROUP_FD, name), DEVICE_FD);
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	test_n_messages = 0;
	return ctx;
}

/* What vfio-pci's parameter says. */
static void
test_enable_sriov(const char *text)
{
	mkdir("drivers", 0755);
	mkdir("drivers/vfio-pci", 0755);
	mkdir("drivers/vfio-pci/module", 0755);
	mkdir("drivers/vfio-pci/module/parameters", 0755);
	test_write_text("drivers/vfio-pci/module/parameters/enable_sriov", text);
}

static void
make_devices(void)
{
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	test_device_link(PF_2, "virtfn0", "../" VF0);
	test_device_link(PF_2, "virtfn1", "../" VF1);
	test_device_link(VF0, "iommu_group", "../../../kernel/iommu_groups/10");
	test_device_link(VF1, "iommu_group", "../../../kernel/iommu_groups/12");
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	test_write_text("vfio/12", "");
}

/* No number of VFs was written, as far as the files tell. */
static void
assert_nothing_written(void)
{
	test_assert_file(TEST_DEVICES "/" PF "/sriov_numvfs", "0\n");
	test_assert_file(TEST_DEVICES "/" PF_2 "/sriov_numvfs", "2\n");
	test_assert_file(TEST_DEVICES "/" BROKEN "/sriov_numvfs", "x\n");
}

static const struct enable_case {
	const char *opened;
	const char *name;
	const char *rule;
	uint16_t num_vfs;
	int ret;
	struct test_said said;
	unsigned int n_ioctls; /* 1: the probe; 2: the token, too */
	int answers[2];
} enable_cases[] = {
	/* Not open in this process, or gone from sysfs. */
	{ PF, PF_2, TOKEN_A, 2, -ENODEV, NOT_OPEN(PF_2), 0, { 0 } },
	{ NULL, PF, TOKEN_A, 2, -ENODEV, NOT_OPEN(PF), 0, { 0 } },
	{ PF, "net_null0", TOKEN_A, 2, -ENODEV, NOT_OPEN("net_null0"), 0, { 0 } },
	{ MISSING, MISSING, TOKEN_A, 2, -ENODEV, NO_INFO(MISSING, "No such device"), 0, { 0 } },
	{ BROKEN, BROKEN, TOKEN_A, 2, -EINVAL, NO_INFO(BROKEN, "Invalid argument"), 0, { 0 } },
	/* Not a PF. */
	{ VF0, VF0, TOKEN_A, 2, -ENOTSUP, IS_VF(VF0), 0, { 0 } },
	{ PLAIN, "4:0.0", TOKEN_A, 2, -ENOTSUP, NO_SRIOV(PLAIN), 0, { 0 } },
	/* Not so many. */
	{ PF, PF, TOKEN_A, 0, -ERANGE, RANGE("0"), 0, { 0 } },
	{ PF, PF, TOKEN_A, 8, -ERANGE, RANGE("8"), 0, { 0 } },
	{ PF, PF, TOKEN_A, 65535, -ERANGE, RANGE("65535"), 0, { 0 } },
	/* Another number is enabled. */
	{ PF_2, PF_2, TOKEN_A, 1, -EBUSY, BUSY("1"), 0, { 0 } },
	{ PF_2, PF_2, TOKEN_A, 7, -EBUSY, BUSY("7"), 0, { 0 } },
	/* No token. */
	{ PF, PF, NULL, 2, -ENOKEY, NO_RULE, 0, { 0 } },
	{ PF, PF, PF_2 A, 2, -ENOKEY, NO_RULE, 0, { 0 } },
	{ PF, PF, "file:none", 2, -ENOENT, UNREADABLE, 1, { 0 } },
	/* The kernel can't, or won't. */
	{ PF, PF, PF A, 2, -ENOTTY, NO_TOKENS("Inappropriate ioctl for device"), 1, { -ENOTTY } },
	{ PF, PF, PF A, 2, -EINVAL, NO_TOKENS("Invalid argument"), 1, { -EINVAL } },
	{ PF, PF, PF A, 2, -ENOTTY, TAKES_NONE, 2, { 0, -ENOTTY } },
	{ PF, PF, PF A, 2, -EIO, NOT_SET("Input/output error"), 2, { 0, -EIO } },
};

/* Each refusal has its error and its message, and comes before any VF is enabled. */
static void
enable(void **state)
{
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(enable_cases); i++) {
		const struct enable_case *c = &enable_cases[i];
		const struct test_answer answers[] = { { .ret = c->answers[0] },
						       { .ret = c->answers[1] } };
		struct vftoken_context *ctx = open_device(c->opened, c->rule);

		print_message("%s, %u VFs, case %zu\n", c->name, c->num_vfs, i);
		test_answer(answers, c->n_ioctls);
		test_watched_open = (struct test_watched_open){ "vfio/12", O_RDWR, EBUSY, 0 };
		assert_int_equal(vftoken_pf_enable_vfs(ctx, c->name, c->num_vfs), c->ret);
		test_assert_said(&c->said);
		assert_int_equal(test_n_ioctls, c->n_ioctls);
		/* Whether VFs are in use is looked for only where it is told. */
		assert_int_equal(test_watched_open.n, c->ret == -EBUSY ? 1 : 0);
		assert_nothing_written();
		vftoken_context_destroy(ctx);
	}
}

/* Where the kernel refuses the number the PF has its token, but no VFs. */
static void
not_written(void **state)
{
	static const struct {
		int err;
		struct test_said said;
	} cases[] = {
		{ ENOENT, SAID(vfs_sriov_off, PF) },
		{ EACCES, SAID(vfs_not_enabled, PF, "2", "Permission denied") },
		{ ENOMEM, SAID(vfs_not_enabled, PF, "2", "Cannot allocate memory") },
	};
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = open_device(PF, PF A);

		test_answer(answers, 2);
		test_watched_open = (struct test_watched_open){ TEST_DEVICES "/" PF "/sriov_numvfs",
								O_WRONLY, cases[i].err, 0 };
		assert_int_equal(vftoken_pf_enable_vfs(ctx, PF, 2), -cases[i].err);
		test_all_said(SAID(pf_token_set, PF, "b6" DOTS), cases[i].said);
		assert_int_equal(test_n_ioctls, 2);
		assert_int_equal(test_watched_open.n, 1);
		assert_nothing_written();
		vftoken_context_destroy(ctx);
	}
}

/* Of many VFs all that are in use are named, first, and the others as far as there is room. */
static void
long_list(void **state)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "256\n", "0\n" };
	char bdf[VFTOKEN_BDF_SIZE], link[16], target[32];
	struct test_device vf = { bdf, "vfio-pci", PF, NULL, NULL };
	struct vftoken_context *ctx;
	unsigned int i;

	(void)state;
	test_device_make(&pf);
	for (i = 0; i < 256; i++) {
		snprintf(bdf, sizeof(bdf), "0000:02:%02x.%u", i / 8, i % 8);
		snprintf(link, sizeof(link), "virtfn%u", i);
		snprintf(target, sizeof(target), "../%s", bdf);
		test_device_link(PF, link, target);
		vf.driver = i < 94 ? "vfio-pci" : "uio_pci_generic";
		test_device_make(&vf);
		test_device_link(bdf, "iommu_group", "../../../kernel/iommu_groups/10");
	}
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	ctx = open_device(PF, PF A);
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF, 2), -EBUSY);
	test_said(num_vfs_other, PF, "256", "(0000:02:0b.6 on uio_pci_generic, 0000:02:0b.7 on",
		  "0000:02:1f.7 on uio_pci_generic, 0000:02:00.0, 0000:02:00.1",
		  "0000:02:09.0, 21 more)", PF);
	vftoken_context_destroy(ctx);
}

/*
 * What the kernel would refuse is refused before the token is set: without SR-IOV in the firmware,
 * where sriov_numvfs can't be written, and with enable_sriov off. The number for all PFs passes
 * over a PF that can have no VFs.
 */
static void
refused_before(void **state)
{
	static const struct test_device none = { PF, "vfio-pci", NULL, "0\n", "0\n" };
	static const struct test_device pf = { PF_2, "vfio-pci", NULL, "7\n", "0\n" };
	struct vftoken_context *ctx;
	uint16_t num_vfs = 99;
	int ret;

	(void)state;
	test_device_make(&none);
	test_device_make(&pf);
	ctx = open_device(PF, TOKEN_A);
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF, 2), -ERANGE);
	test_said(num_vfs_none, PF, "2");
	assert_int_equal(vftoken_add_num_vfs(ctx, "2"), 0);
	assert_int_equal(vftoken_pf_start(ctx, PF, &num_vfs), 0);
	assert_int_equal(num_vfs, 99);
	test_said_nothing();
	vftoken_context_set_sysfs(ctx, "none");
	assert_int_equal(vftoken_pf_start(ctx, PF, &num_vfs), -ENOENT);
	test_said(pf_unreadable, PF, "No such file or directory");
	vftoken_context_destroy(ctx);

	ctx = open_device(PF_2, TOKEN_A);
	test_answer(NULL, 0);
	test_enable_sriov("N\n");
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF_2, 2), -ENOENT);
	test_said(vfs_sriov_off, PF_2);
	test_enable_sriov("Y\n");
	assert_int_equal(chmod(TEST_DEVICES "/" PF_2 "/sriov_numvfs", 0444), 0);
	if (test_become_nobody()) {
		ret = vftoken_pf_enable_vfs(ctx, PF_2, 2);
		test_become_root();
		assert_int_equal(ret, -EACCES);
		test_said(vfs_not_writable, PF_2, "Permission denied");
	}
	test_assert_file(TEST_DEVICES "/" PF_2 "/sriov_numvfs", "0\n");
	vftoken_context_destroy(ctx);
}

/*
 * PF and VFs in one IOMMU group: who has the PF open has the VFs' group, too, so that nothing is
 * known of them, but by the process itself.
 */
static void
shared_group(void **state)
{
	struct vftoken_context *ctx;

	(void)state;
	make_devices();
	test_device_link(PF_2, "iommu_group", "../../../kernel/iommu_groups/10");
	ctx = open_device(NULL, NULL);
	test_watched_open = (struct test_watched_open){ "vfio/10", O_RDWR, EBUSY, 0 };
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF0)), -EXDEV);
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF1)), 0);
	assert_int_equal(vftoken_pf_disable_vfs(ctx, PF_2), -EXDEV);
	test_said(use_of_shared_group, PF_2, VF0);
	vftoken_context_destroy(ctx);
	ctx = open_device(PF_2, NULL);
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF0)), 0);
	vftoken_context_destroy(ctx);
	ctx = open_device(VF0, NULL);
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF0)), -EXDEV);
	vftoken_context_destroy(ctx);
}

/* While VFs come or go, none is enabled or disabled: the write would wait. */
static void
changing(void **state)
{
	static const struct test_device going = { "0000:02:10.4", "vfio-pci", NULL, NULL, NULL };
	struct vftoken_context *ctx;

	(void)state;
	make_devices();
	test_device_file(PF_2, "sriov_offset", "128\n");
	test_device_file(PF_2, "sriov_stride", "2\n");
	test_device_make(&going);
	ctx = open_device(PF_2, TOKEN_A);
	assert_int_equal(vftoken_pf_disable_vfs(ctx, PF_2), -EBUSY);
	test_said(vfs_change, PF_2);
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF_2, 2), -EBUSY);
	test_said(vfs_change, PF_2);
	/* Nor while that can't be known. */
	assert_int_equal(unlink(TEST_DEVICES "/" PF_2 "/sriov_offset"), 0);
	assert_int_equal(vftoken_pf_disable_vfs(ctx, PF_2), -ENOENT);
	test_said(vfs_change_unknown, PF_2, "No such file or directory");
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF_2, 2), -ENOENT);
	test_said(vfs_change_unknown, PF_2, "No such file or directory");
	assert_nothing_written();
	vftoken_context_destroy(ctx);
}

/* What can't be disabled is refused the same way, open in this process or not. */
static void
disable(void **state)
{
	static const struct {
		const char *opened;
		const char *name;
		int ret;
		struct test_said said;
	} cases[] = {
		{ NULL, "net_null0", -EINVAL, NO_BDF("net_null0") },
		{ PF_2, "", -EINVAL, NO_BDF("") },
		{ PF_2, "0000:02:00.8", -EINVAL, NO_BDF("0000:02:00.8") },
		{ NULL, MISSING, -ENODEV, NO_INFO(MISSING, "No such device") },
		{ MISSING, MISSING, -ENODEV, NO_INFO(MISSING, "No such device") },
		{ NULL, BROKEN, -EINVAL, NO_INFO(BROKEN, "Invalid argument") },
		{ NULL, VF0, -ENOTSUP, IS_VF(VF0) },
		{ PLAIN, "4:0.0", -ENOTSUP, NO_SRIOV(PLAIN) },
	};
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = open_device(cases[i].opened, NULL);

		assert_int_equal(vftoken_pf_disable_vfs(ctx, cases[i].name), cases[i].ret);
		test_assert_said(&cases[i].said);
		assert_nothing_written();
		vftoken_context_destroy(ctx);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_written, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(long_list, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused_before, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(shared_group, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(changing, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(disable, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pf_refusal", tests, NULL, NULL);
}
