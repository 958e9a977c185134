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
#include "vfs.h"

#define PF_FD 7

#define PF "0000:01:00.0"
#define VF0 "0000:01:10.0"
#define VF1 "0000:01:10.2"
#define NUMVFS TEST_DEVICES "/" PF "/sriov_numvfs"

#define RULE PF "=" TOKEN_A
#define FROM_A "b6" DOTS
#define BOTH VF0 ", " VF1
#define DRIVER_32 "driver-driver-driver-driver-driv"

/* Lists of VFs with what they are used for. */
#define USED_0 VF0 " in use, " VF1
#define USED_1 VF1 " in use, " VF0
#define ON_IGBVF VF1 " on igbvf, " VF0
#define ON_IGBVF0 VF0 " on igbvf, " VF1
#define ON_UIO VF0 " on uio_pci_generic, " VF1 " in use"
#define ON_LONG VF0 " on " DRIVER_32 ", " VF1

#define SET SAID(pf_token_set, PF, FROM_A)
#define ENABLED(list) SAID(vfs_enabled, PF, "2", list)
#define KEPT(list) SAID(vfs_kept, PF, "2", list)
#define LEFT(vf, driver) SAID(vfs_kept_elsewhere, PF, vf, driver)
#define TIMED_OUT SAID(vfs_timeout, PF, "2", "5")
#define ELSEWHERE(vf, driver) SAID(vfs_elsewhere, PF, vf, driver)
#define NOT_DISABLED SAID(vfs_not_disabled, PF, "Input/output error")
#define SRIOV_OFF SAID(vfs_kept_sriov_off, PF)
#define IN_USE(list) SAID(vfs_in_use, PF, "2", list)

static void
make_vf(const char *name, const char *bdf, const char *driver)
{
	const struct test_device vf = { bdf, driver, PF, NULL, NULL };
	char target[32];

	snprintf(target, sizeof(target), "../%s", bdf);
	test_device_link(PF, name, target);
	test_device_make(&vf);
}

/* Whether a VF is made: "absent" isn't. */
static bool
is_there(const char *driver)
{
	return driver == NULL || strcmp(driver, "absent") != 0;
}

/* The drivers of VFs that the kernel is to make. */
static const char *new_drivers[2];

/* The kernel makes the VFs as their number is written; once only. */
static void
make_new_vfs(void)
{
	test_opened = NULL;
	if (is_there(new_drivers[0]))
		make_vf("virtfn0", VF0, new_drivers[0]);
	if (is_there(new_drivers[1]))
		make_vf("virtfn1", VF1, new_drivers[1]);
}

/*
 * A PF on vfio-pci, with its VFs, or with those that there will be once their number is written.
 * What a case before left is put aside.
 */
static void
make_pf(const char *numvfs, const char *driver0, const char *driver1)
{
	static unsigned int n;
	const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", NULL };
	char aside[32];

	snprintf(aside, sizeof(aside), "aside%u", n++);
	rename(TEST_DEVICES, aside);
	test_device_make(&pf);
	test_device_file(PF, "sriov_numvfs", numvfs);
	new_drivers[0] = driver0;
	new_drivers[1] = driver1;
	if (numvfs[0] == '0')
		test_opened = make_new_vfs;
	else
		make_new_vfs();
}

/* The PF held open, as by an open without a token, which no rule covered. */
static struct vftoken_context *
open_pf(const char *rule)
{
	struct vftoken_context *ctx = test_context();

	ctx->vfio = "vfio";
	test_open_device(ctx, PF, PF_FD);
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	test_n_messages = 0;
	return ctx;
}

/* The token is probed for, then set, both on the PF's own fd. */
static void
assert_probed_and_set(const char *text)
{
	const uint32_t set = VFIO_DEVICE_FEATURE_PCI_VF_TOKEN | VFIO_DEVICE_FEATURE_SET;
	struct vfio_device_feature *feature = (void *)test_ioctls[0].bytes;
	uuid_t token;

	assert_int_equal(test_n_ioctls, 2);
	assert_int_equal(test_ioctls[0].fd, PF_FD);
	assert_int_equal(test_ioctls[0].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(feature->flags, set | VFIO_DEVICE_FEATURE_PROBE);
	assert_int_equal(feature->argsz, sizeof(*feature));
	feature = (void *)test_ioctls[1].bytes;
	assert_int_equal(test_ioctls[1].fd, PF_FD);
	assert_int_equal(feature->flags, set);
	assert_int_equal(feature->argsz, sizeof(*feature) + sizeof(uuid_t));
	assert_int_equal(uuid_parse(text, token), 0);
	assert_memory_equal(feature->data, token, sizeof(token));
}

/* While VFs are waited for the number stands in sriov_numvfs. */
static void
sleep_only(unsigned int n)
{
	(void)n;
	test_assert_file(NUMVFS, "2\n");
}

/* The kernel makes one VF after the other, and binds the last one late. */
static void
sleep_until_vfs(unsigned int n)
{
	test_assert_file(NUMVFS, "2\n");
	if (n == 1)
		make_vf("virtfn0", VF0, "vfio-pci");
	else if (n == 3)
		make_vf("virtfn1", VF1, NULL);
	else if (n == 5)
		test_device_link(VF1, "driver", "../../../bus/pci/drivers/vfio-pci");
}

/* Columns of the table: how VFs come to be there. */
#define AT_ONCE NULL, 0, 0, "2\n"
#define LATER sleep_until_vfs, 0, 50, "2\n"
#define NEVER(ret) sleep_only, ret, VFTOKEN_PF_WAIT_MS, "0\n"

static const struct enable_case {
	const char *numvfs;
	const char *drivers[2];
	void (*sleep)(unsigned int n);
	int ret;
	unsigned int slept_ms;
	const char *then; /* what stands in sriov_numvfs */
	struct test_said said[3];
} enable_cases[] = {
	/* VFs that are there at once, and ones that take their time. */
	{ "0\n", { "vfio-pci", "vfio-pci" }, AT_ONCE, { SET, ENABLED(BOTH) } },
	{ "0\n", { "absent", "absent" }, LATER, { SET, ENABLED(BOTH) } },
	/* As many already: they stay, wherever they are. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, AT_ONCE, { SET, KEPT(BOTH) } },
	{ "2\n", { "vfio-pci", "igbvf" }, AT_ONCE, { SET, LEFT(VF1, "igbvf"), KEPT(BOTH) } },
	{ "2\n", { NULL, "vfio-pci" }, AT_ONCE, { SET, LEFT(VF0, "no driver"), KEPT(BOTH) } },
	/* One doesn't appear. */
	{ "0\n", { "absent", "absent" }, NEVER(-ETIMEDOUT), { SET, TIMED_OUT } },
	{ "0\n", { "vfio-pci", "absent" }, NEVER(-ETIMEDOUT), { SET, TIMED_OUT } },
	/* One is bound elsewhere, or to nothing. */
	{ "0\n", { "vfio-pci", "igbvf" }, NEVER(-EXDEV), { SET, ELSEWHERE(VF1, "igbvf") } },
	{ "0\n", { NULL, "vfio-pci" }, NEVER(-EXDEV), { SET, ELSEWHERE(VF0, "no driver") } },
};

/* The token is set, the VFs enabled and waited for; where that fails they are disabled again. */
static void
enable(void **state)
{
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(enable_cases); i++) {
		const struct enable_case *c = &enable_cases[i];
		struct vftoken_context *ctx;

		print_message("case %zu\n", i);
		test_wraps_reset();
		make_pf(c->numvfs, c->drivers[0], c->drivers[1]);
		ctx = open_pf(RULE);
		test_answer(answers, 2);
		test_sleep = c->sleep;
		test_watched_open = (struct test_watched_open){ NUMVFS, O_WRONLY, 0, 0 };
		assert_int_equal(vftoken_pf_enable_vfs(ctx, "1:0.0", 2), c->ret);
		assert_probed_and_set(TOKEN_A);
		test_assert_all_said(c->said, TEST_DIM(c->said));
		assert_int_equal(test_slept_ms, c->slept_ms);
		/* Enabled once, and disabled after a failure; VFs that stay aren't touched. */
		assert_int_equal(test_watched_open.n, c->numvfs[0] == '2' ? 0 : c->ret < 0 ? 2 : 1);
		test_assert_file(NUMVFS, c->then);
		vftoken_context_destroy(ctx);
	}
}

/* A token provider: another context, whose rule covers the PF. */
static int
provide(const char *name, void *opaque)
{
	return vftoken_transfer_token(opaque, name);
}

/* A token that the open has set does where no rule covers the PF. */
static void
enable_without_rule(void **state)
{
	static const struct test_answer answers[] = { { .ret = PF_FD }, { .ret = 0 } };
	struct vftoken_context *giver = test_context(), *ctx = test_context();

	(void)state;
	make_pf("0\n", "vfio-pci", "vfio-pci");
	test_watched_open = (struct test_watched_open){ NUMVFS, O_WRONLY, 0, 0 };
	ctx->vfio = "vfio";
	assert_int_equal(vftoken_add_rule(giver, RULE), 0);
	vftoken_context_set_provider(ctx, provide, giver, "the primary process");
	test_answer(answers, 2);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, PF), PF_FD);
	test_said_nothing();
	assert_int_equal(vftoken_pf_enable_vfs(ctx, PF, 1), 0);
	test_said(vfs_enabled, PF, "1", VF0);
	assert_int_equal(test_n_ioctls, 2);
	test_assert_file(NUMVFS, "1\n");
	vftoken_context_destroy(ctx);
	vftoken_context_destroy(giver);
}

/* A device gets its own number of VFs; the one for all PFs counts for PFs alone. */
static void
start(void **state)
{
	static const struct {
		const char *numbers[2];
		const char *name;
		int ret;
		uint16_t num_vfs;
		struct test_said said[2];
	} cases[] = {
		{ { NULL }, PF, 0, 99, { SAID_NOTHING } },
		{ { "2" }, PF, 0, 2, { SET, KEPT(BOTH) } },
		{ { PF "=2" }, "01:00.0", 0, 2, { SET, KEPT(BOTH) } },
		{ { "7", PF "=2" }, PF, 0, 2, { SET, KEPT(BOTH) } },
		/* Nothing was asked for this one. */
		{ { "02:00.0=2" }, PF, 0, 99, { SAID_NOTHING } },
		{ { "2" }, VF0, 0, 99, { SAID_NOTHING } },
		{ { "2" }, "0000:07:00.0", 0, 99, { SAID_NOTHING } },
		{ { "2" }, "net_null0", 0, 99, { SAID_NOTHING } },
		/* Refused. */
		{ { "8" }, PF, -ERANGE, 99, { SAID(num_vfs_range, PF, "8", "7") } },
		{ { "2", VF0 "=1" }, VF0, -ENODEV, 99, { SAID(pf_not_open, VF0) } },
	};
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx;
		uint16_t num_vfs = 99;
		size_t j;

		print_message("case %zu\n", i);
		make_pf("2\n", "vfio-pci", "vfio-pci");
		ctx = open_pf(RULE);
		for (j = 0; j < TEST_DIM(cases[i].numbers) && cases[i].numbers[j] != NULL; j++)
			assert_int_equal(vftoken_add_num_vfs(ctx, cases[i].numbers[j]), 0);
		test_answer(answers, 2);
		assert_int_equal(vftoken_pf_start(ctx, cases[i].name, &num_vfs), cases[i].ret);
		assert_int_equal(num_vfs, cases[i].num_vfs);
		assert_int_equal(test_n_ioctls, num_vfs == 99 ? 0 : 2);
		test_assert_all_said(cases[i].said, TEST_DIM(cases[i].said));
		test_assert_file(NUMVFS, "2\n");
		vftoken_context_destroy(ctx);
	}
}

#define WRITTEN(err, n) NUMVFS, O_WRONLY, err, n
#define FAILS(group, err) "vfio/" group, O_RDWR, err, 1
#define BUSY(group) FAILS(group, EBUSY)
#define NO_FILE SAID(use_without_file, PF, VF1, "vfio")
#define NO_ACCESS SAID(use_without_access, PF, VF1, "vfio")
#define NO_FDS SAID(use_unknown, PF, VF1, "Too many open files")

static const struct disable_case {
	const char *numvfs;
	const char *drivers[2];
	struct test_watched_open open; /* and how often it is expected */
	int ret;
	struct test_said said;
	const char *then; /* what stands in sriov_numvfs */
} disable_cases[] = {
	/* VFs that nobody uses, on vfio-pci, on a variant driver of it or on none. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, { WRITTEN(0, 1) }, 0, SAID_NOTHING, "0\n" },
	{ "2\n", { NULL, "mlx5_vfio_pci" }, { WRITTEN(0, 1) }, 0, SAID_NOTHING, "0\n" },
	/* None is enabled. */
	{ "0\n", { "igbvf", "igbvf" }, { WRITTEN(0, 0) }, 0, SAID_NOTHING, "0\n" },
	/* One is in use. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, { BUSY("10") }, -EBUSY, IN_USE(USED_0), "2\n" },
	{ "2\n", { "vfio-pci", "vfio-pci" }, { BUSY("12") }, -EBUSY, IN_USE(USED_1), "2\n" },
	/* Whether one is in use can't be known. One that is known to be decides. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, { FAILS("12", ENOENT) }, -ENOENT, NO_FILE, "2\n" },
	{ "2\n", { "vfio-pci", "vfio-pci" }, { FAILS("12", EACCES) }, -EACCES, NO_ACCESS, "2\n" },
	{ "2\n", { "vfio-pci", "vfio-pci" }, { FAILS("12", EPERM) }, -EPERM, NO_ACCESS, "2\n" },
	{ "2\n", { "vfio-pci", "vfio-pci" }, { FAILS("12", EMFILE) }, -EMFILE, NO_FDS, "2\n" },
	{ "2\n",
	  { "igbvf", "vfio-pci" },
	  { FAILS("12", EPERM) },
	  -EBUSY,
	  IN_USE(ON_IGBVF0),
	  "2\n" },
	/* One is on another driver, whose name may be long. */
	{ "2\n", { "vfio-pci", "igbvf" }, { WRITTEN(0, 0) }, -EBUSY, IN_USE(ON_IGBVF), "2\n" },
	{ "2\n", { "uio_pci_generic", "vfio-pci" }, { BUSY("12") }, -EBUSY, IN_USE(ON_UIO), "2\n" },
	{ "2\n", { DRIVER_32 "x", "vfio-pci" }, { WRITTEN(0, 0) }, -EBUSY, IN_USE(ON_LONG), "2\n" },
	/* The kernel refuses. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, { WRITTEN(EIO, 1) }, -EIO, NOT_DISABLED, "2\n" },
	{ "2\n", { "vfio-pci", "vfio-pci" }, { WRITTEN(ENOENT, 1) }, -ENOENT, SRIOV_OFF, "2\n" },
};

static void
make_groups(void)
{
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	test_write_text("vfio/12", "");
}

static void
link_groups(void)
{
	test_device_link(VF0, "iommu_group", "../../../kernel/iommu_groups/10");
	test_device_link(VF1, "iommu_group", "../../../kernel/iommu_groups/12");
}

/* VFs are disabled unless that would take one from its user, whoever has the PF open. */
static void
disable(void **state)
{
	size_t i;

	(void)state;
	make_groups();
	for (i = 0; i < 2 * TEST_DIM(disable_cases); i++) {
		const struct disable_case *c = &disable_cases[i / 2];
		struct vftoken_context *ctx;

		print_message("case %zu, PF %s\n", i / 2, i % 2 == 0 ? "open" : "not open");
		test_wraps_reset();
		make_pf(c->numvfs, c->drivers[0], c->drivers[1]);
		if (c->numvfs[0] != '0')
			link_groups();
		ctx = i % 2 == 0 ? open_pf(NULL) : test_context();
		ctx->vfio = "vfio";
		test_watched_open = c->open;
		test_watched_open.n = 0;
		assert_int_equal(vftoken_pf_disable_vfs(ctx, "1:0.0"), c->ret);
		assert_int_equal(test_watched_open.n, c->open.n);
		test_assert_said(&c->said);
		test_assert_file(NUMVFS, c->then);
		vftoken_context_destroy(ctx);
	}
}

/* A list of VFs says what each is used for, unless nobody is to look. */
static void
list(void **state)
{
	static const struct {
		const char *drivers[2];
		const char *group; /* that is in use, if any */
		unsigned int used;
		const char *list;
	} cases[] = {
		{ { "vfio-pci", "vfio-pci" }, NULL, 0, BOTH },
		{ { NULL, "mlx5_vfio_pci" }, NULL, 0, BOTH },
		{ { "vfio-pci", "absent" }, NULL, 0, VF0 },
		{ { "vfio-pci", "vfio-pci" }, "vfio/10", 1, USED_0 },
		{ { "vfio-pci", "vfio-pci" }, "vfio/12", 1, USED_1 },
		{ { "vfio-pci", "igbvf" }, NULL, 1, ON_IGBVF },
		{ { "uio_pci_generic", "vfio-pci" }, "vfio/12", 2, ON_UIO },
		{ { DRIVER_32 "x", "vfio-pci" }, NULL, 1, ON_LONG },
	};
	struct vftoken_context *ctx = test_context();
	struct vftoken_vfs vfs;
	size_t i;

	(void)state;
	ctx->vfio = "vfio";
	make_groups();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const bool both = is_there(cases[i].drivers[1]);

		make_pf("2\n", cases[i].drivers[0], cases[i].drivers[1]);
		if (both)
			link_groups();
		test_watched_open = (struct test_watched_open){ cases[i].group, O_RDWR, EBUSY, 0 };
		vftoken_vfs_look(ctx, PF, 2, true, &vfs);
		assert_int_equal(vfs.used, cases[i].used);
		assert_string_equal(vfs.list, cases[i].list);
		test_watched_open.n = 0;
		vftoken_vfs_look(ctx, PF, 2, false, &vfs);
		assert_int_equal(vfs.used, 0);
		assert_string_equal(vfs.list, both ? BOTH : VF0);
		assert_int_equal(test_watched_open.n, 0);
		/* No more than asked for. */
		vftoken_vfs_look(ctx, PF, 1, false, &vfs);
		assert_int_equal(vfs.used, 0);
		assert_string_equal(vfs.list, VF0);
	}
	/* One that has gone, or can't be seen, isn't taken for unused. */
	vftoken_vfs_look(ctx, PF, 3, true, &vfs);
	assert_string_equal(vfs.unknown, "virtfn2");
	assert_int_equal(vfs.why, -ENODEV);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(enable_without_rule, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(start, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(disable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(list, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pf", tests, NULL, NULL);
}
