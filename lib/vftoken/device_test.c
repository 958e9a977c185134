/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

/* A PF and its VF, each in its own group; VFs on other drivers. */
#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF_NOIOMMU "0000:01:10.2"
#define VF_IGBVF "0000:01:10.4"
#define VF_UNBOUND "0000:01:10.6"
/* Without a group, not readable, and not there. */
#define BARE "0000:02:00.0"
#define BROKEN "0000:03:00.0"
#define MISSING "0000:04:00.0"

#define NO_BUS "ffffffff:ff:1f.7"

#define NOT_BOUND(bdf, driver) SAID(not_on_vfio, bdf, driver, bdf)
#define OTHER(why) SAID(group_refused, VF, why)
#define NO_RULE SAID(vf_needs_token, VF, PF, "vfio-pci", PF)
#define UNREADABLE SAID(source_unopened, VF, "file:none", "No such file or directory")

static void
make_devices(void)
{
	static const struct {
		struct test_device device;
		const char *group;
	} devices[] = {
		{ { PF, "vfio-pci", NULL, "7\n", "2\n" }, "../../../kernel/iommu_groups/9" },
		{ { VF, "vfio-pci", PF, NULL, NULL }, "../../../kernel/iommu_groups/10" },
		{ { VF_NOIOMMU, "vfio-pci", PF, NULL, NULL }, "../../../kernel/iommu_groups/12" },
		{ { VF_IGBVF, "igbvf", PF, NULL, NULL }, "../../../kernel/iommu_groups/14" },
		{ { VF_UNBOUND, NULL, PF, NULL, NULL }, "../../../kernel/iommu_groups/16" },
		{ { BARE, "vfio-pci", NULL, NULL, NULL }, NULL },
		{ { BROKEN, "vfio-pci", NULL, "x\n", NULL }, "../../../kernel/iommu_groups/18" },
	};
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++) {
		test_device_make(&devices[i].device);
		if (devices[i].group != NULL)
			test_device_link(devices[i].device.bdf, "iommu_group", devices[i].group);
	}
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/vfio", "");
	test_write_text("vfio/9", "");
	test_write_text("vfio/10", "");
	test_write_text("vfio/noiommu-12", "");
}

static struct vftoken_context *
make_context(const char *rule)
{
	struct vftoken_context *ctx = test_context();

	ctx->vfio = "vfio";
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	return ctx;
}

/* What the kernel gives out for a device: a file of this process, which it may close. */
static int
device_file(void)
{
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A device is opened from its group with its token, known while it is open, and all is closed. */
static void
opened(void **state)
{
	static const struct {
		const char *name;
		const char *bdf;
		const char *group;
		int iommu;
		const char *text;
	} cases[] = {
		{ VF, VF, "vfio/10", VFIO_TYPE1v2_IOMMU, VF " vf_token=" TOKEN_A },
		{ "1:10.2", VF_NOIOMMU, "vfio/noiommu-12", VFIO_NOIOMMU_IOMMU,
		  VF_NOIOMMU " vf_token=" TOKEN_A },
		{ "01:00.0", PF, "vfio/9", VFIO_TYPE1v2_IOMMU, PF " vf_token=" TOKEN_A },
	};
	struct vftoken_context *ctx = make_context(TOKEN_A);
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const unsigned int fds = test_open_fds();
		const struct test_answer answers[] = { TEST_GROUP_OPENS, { .ret = device_file() } };
		char bdfs[1][VFTOKEN_BDF_SIZE];
		struct vftoken_device *device;

		test_answer(answers, TEST_DIM(answers));
		assert_int_equal(vftoken_device_open(ctx, cases[i].name, &device), 0);
		test_said_nothing();
		assert_int_equal(vftoken_device_fd(device), answers[3].ret);
		assert_int_equal(test_n_ioctls, 4);
		assert_int_equal(test_ioctls[2].request, VFIO_SET_IOMMU);
		assert_int_equal(test_ioctls[2].number, cases[i].iommu);
		test_assert_opened(test_ioctls[2].fd, "vfio/vfio");
		assert_int_equal(test_ioctls[3].request, VFIO_GROUP_GET_DEVICE_FD);
		assert_string_equal((const char *)test_ioctls[3].bytes, cases[i].text);
		test_assert_opened(test_ioctls[3].fd, cases[i].group);
		assert_int_equal(vftoken_list_devices(ctx, bdfs, 1), 1);
		assert_string_equal(bdfs[0], cases[i].bdf);
		vftoken_device_close(device);
		assert_int_equal(vftoken_list_devices(ctx, bdfs, 1), 0);
		assert_int_equal(test_open_fds(), fds);
	}
	/* There is nothing to close after a failure. */
	vftoken_device_close(NULL);
	vftoken_context_destroy(ctx);
}

/* The duties of an open PF are done on its own file, and end as it is closed. */
static void
duties(void **state)
{
	const int fd = device_file();
	const struct test_answer answers[] = { TEST_GROUP_OPENS, { .ret = fd }, { .ret = 0 } };
	struct vftoken_context *ctx = make_context(PF "=" TOKEN_A);
	struct vftoken_device *device;

	(void)state;
	make_devices();
	test_answer(answers, TEST_DIM(answers));
	assert_int_equal(vftoken_device_open(ctx, PF, &device), 0);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	test_said(pf_token_set, PF, "b6" DOTS);
	assert_int_equal(test_n_ioctls, 5);
	assert_int_equal(test_ioctls[4].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(test_ioctls[4].fd, fd);
	vftoken_device_close(device);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), -ENODEV);
	test_said(pf_not_open, PF);
	vftoken_context_destroy(ctx);
}

/* An open fails with one message; it changes nothing, leaves no file open, and isn't remembered. */
static void
assert_refused(struct vftoken_context *ctx, const char *name, int ret, const struct test_said *said)
{
	const unsigned int fds = test_open_fds();
	struct vftoken_device *const before = (void *)&test_watched_open;
	struct vftoken_device *device = before;

	assert_int_equal(vftoken_device_open(ctx, name, &device), ret);
	test_assert_said(said);
	assert_ptr_equal(device, before);
	assert_int_equal(test_open_fds(), fds);
	assert_null(ctx->handles);
}

/* What keeps a group from being opened is told before the kernel is asked anything. */
static void
refused(void **state)
{
	static const struct {
		const char *name;
		const char *path; /* refused with err, if any */
		int err;
		int ret;
		struct test_said said;
	} cases[] = {
		{ "net_null0", NULL, 0, -EINVAL, SAID(not_a_bdf, "net_null0") },
		{ "0000:01:20.0", NULL, 0, -EINVAL, SAID(not_a_bdf, "0000:01:20.0") },
		{ MISSING, NULL, 0, -ENODEV, SAID(no_device, MISSING) },
		{ BROKEN, NULL, 0, -EINVAL, SAID(device_unreadable, BROKEN, "Invalid argument") },
		{ BARE, NULL, 0, -ENODEV, SAID(no_group, BARE) },
		/* No VFIO, or no group of it. */
		{ VF_IGBVF, "vfio/vfio", ENOENT, -EUNATCH, SAID(vfio_missing, VF_IGBVF) },
		{ VF_IGBVF, "vfio/vfio", ENODEV, -EUNATCH, SAID(vfio_missing, VF_IGBVF) },
		{ VF, "vfio/vfio", ENOENT, -EUNATCH,
		  SAID(vfio_hidden, VF, "vfio-pci", "vfio/vfio") },
		{ VF_IGBVF, NULL, 0, -ENOENT, NOT_BOUND(VF_IGBVF, "igbvf") },
		{ VF_UNBOUND, NULL, 0, -ENOENT, NOT_BOUND(VF_UNBOUND, "no driver") },
		{ VF, "vfio/10", ENOENT, -ENOENT, SAID(group_missing, VF, "vfio") },
		/* A group, or VFIO, that can't be opened. */
		{ "1:10.0", "vfio/10", EBUSY, -EBUSY, SAID(group_busy, VF) },
		{ VF, "vfio/10", EACCES, -EACCES, SAID(group_access, VF, "vfio") },
		{ VF, "vfio/vfio", EACCES, -EACCES, SAID(group_access, VF, "vfio") },
		{ VF, "vfio/10", EPERM, -EPERM, OTHER("Operation not permitted") },
		{ VF, "vfio/vfio", EMFILE, -EMFILE, OTHER("Too many open files") },
	};
	static const struct test_said too_long = OTHER("File name too long");
	static const struct test_said no_bus = SAID(no_device, NO_BUS);
	struct vftoken_context *ctx = make_context(TOKEN_A);
	char folder[PATH_MAX];
	size_t i;

	(void)state;
	make_devices();
	test_answer(NULL, 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		print_message("%s, case %zu\n", cases[i].name, i);
		test_watched_open =
			(struct test_watched_open){ cases[i].path, O_RDWR, cases[i].err, 0 };
		assert_refused(ctx, cases[i].name, cases[i].ret, &cases[i].said);
	}
	memset(folder, 'x', sizeof(folder));
	folder[sizeof(folder) - 1] = '\0';
	ctx->vfio = folder;
	assert_refused(ctx, VF, -ENAMETOOLONG, &too_long);
	/* The machine's own devices: no bus has this one. */
	vftoken_context_set_sysfs(ctx, VFTOKEN_SYSFS_DEVICES);
	assert_refused(ctx, NO_BUS, -ENODEV, &no_bus);
	vftoken_context_destroy(ctx);
}

/* So is what the kernel refuses: of the group, or of the device with its token. */
static void
refused_by_kernel(void **state)
{
	static const struct {
		const char *rule;
		struct test_answer answers[4];
		unsigned int n;
		int ret;
		struct test_said said;
	} cases[] = {
		{ TOKEN_A, { { .ret = 0 } }, 1, -EXDEV, SAID(group_not_viable, VF) },
		{ TOKEN_A,
		  { { 0, &test_viable, sizeof(test_viable) }, { .ret = -EIO } },
		  2,
		  -EIO,
		  OTHER("Input/output error") },
		{ NULL, { TEST_GROUP_OPENS, { .ret = -EACCES } }, 4, -EACCES, NO_RULE },
		{ "file:none", { TEST_GROUP_OPENS }, 3, -ENOENT, UNREADABLE },
	};
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = make_context(cases[i].rule);

		test_answer(cases[i].answers, cases[i].n);
		assert_refused(ctx, VF, cases[i].ret, &cases[i].said);
		assert_int_equal(test_n_ioctls, cases[i].n);
		vftoken_context_destroy(ctx);
	}
}

/* Without memory a device isn't opened; without it later, it is open but not known to be. */
static void
out_of_memory(void **state)
{
	static const struct test_said said = SAID(device_memory, VF);
	const unsigned int fds = test_open_fds();
	const struct test_answer answers[] = { TEST_GROUP_OPENS, { .ret = device_file() } };
	struct vftoken_context *ctx = make_context(NULL);
	struct vftoken_device *device;

	(void)state;
	make_devices();
	test_answer(NULL, 0);
	test_out_of_memory = 1;
	assert_refused(ctx, "1:10.0", -ENOMEM, &said);
	test_answer(answers, TEST_DIM(answers));
	test_out_of_memory = 2;
	assert_int_equal(vftoken_device_open(ctx, PF, &device), 0);
	test_said_nothing();
	assert_int_equal(vftoken_device_fd(device), answers[3].ret);
	assert_null(ctx->handles);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), -ENODEV);
	test_said(pf_not_open, PF);
	vftoken_device_close(device);
	assert_int_equal(test_open_fds(), fds);
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opened, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(duties, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused_by_kernel, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(out_of_memory, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
