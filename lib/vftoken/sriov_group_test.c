/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "device.h"
#include "sriov.h"
#include "test_util.h"

#define VF "0000:01:10.0"
#define VF_NOIOMMU "0000:01:10.1"
#define VF_ABSENT "0000:01:10.2"
#define BARE "0000:01:10.3"
#define LONG "0000:01:10.4"
#define TOO_LONG "0000:01:10.5"
#define MISSING "0000:01:10.6"

#define GROUP_15 "123456789012345"

static void
make_devices(void)
{
	static const struct {
		const char *bdf;
		const char *group;
	} devices[] = {
		{ VF, "../../../kernel/iommu_groups/10" },
		{ VF_NOIOMMU, "../../../kernel/iommu_groups/11" },
		{ VF_ABSENT, "../../../kernel/iommu_groups/12" },
		{ BARE, NULL },
		{ LONG, GROUP_15 },
		{ TOO_LONG, GROUP_15 "6" },
	};
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++) {
		const struct test_device device = { devices[i].bdf, NULL, NULL, NULL, NULL };

		test_device_make(&device);
		if (devices[i].group != NULL)
			test_device_link(devices[i].bdf, "iommu_group", devices[i].group);
	}
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	test_write_text("vfio/noiommu-11", "");
	test_write_text("vfio/noiommu-" GROUP_15, "");
}

/* A folder with which `/` and the name just fit into a path, or one character more. */
static void
long_folder(char folder[PATH_MAX + 1], const char *name, size_t more)
{
	memset(folder, '/', PATH_MAX);
	memcpy(folder, "vfio", strlen("vfio"));
	folder[PATH_MAX - sizeof("/") - strlen(name) + more] = '\0';
}

/* A group's file is named by its number, and without an IOMMU by a prefix and the number. */
static void
group(void **state)
{
	static const struct {
		const char *bdf;
		int ret;
		const char *name;
	} cases[] = {
		{ VF, 0, "10" },
		{ VF_NOIOMMU, 0, "noiommu-11" },
		{ VF_ABSENT, 0, "12" },
		{ LONG, 0, "noiommu-" GROUP_15 },
		{ BARE, -ENODEV, NULL },
		{ TOO_LONG, -EINVAL, NULL },
		{ MISSING, -ENODEV, NULL },
	};
	char name[VFTOKEN_GROUP_SIZE], folder[PATH_MAX + 1];
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_sriov_group(TEST_DEVICES, "vfio", cases[i].bdf, name),
				 cases[i].ret);
		if (cases[i].name != NULL)
			assert_string_equal(name, cases[i].name);
	}
	/* The machine's own devices: no bus has this one. */
	assert_int_equal(
		vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, "vfio", "ffffffff:ff:1f.7", name),
		-ENODEV);
	/* As long as a path can be, and longer. */
	long_folder(folder, "noiommu-11", 0);
	assert_int_equal(vftoken_sriov_group(TEST_DEVICES, folder, VF_NOIOMMU, name), 0);
	assert_string_equal(name, "noiommu-11");
	long_folder(folder, "noiommu-11", 1);
	assert_int_equal(vftoken_sriov_group(TEST_DEVICES, folder, VF_NOIOMMU, name),
			 -ENAMETOOLONG);
	assert_int_equal(vftoken_sriov_group(folder, "vfio", VF, name), -ENAMETOOLONG);
}

/* A device is in use when its group can't be opened, since some process has it open. */
static void
in_use(void **state)
{
	static const struct {
		const char *bdf;
		const char *path;
		int err;
		int ret;
		unsigned int n;
	} cases[] = {
		{ VF, "vfio/10", 0, 0, 1 },
		{ VF, "vfio/10", EBUSY, 1, 1 },
		{ VF, "vfio/10", EPERM, -EPERM, 1 },
		/* Without an IOMMU. */
		{ VF_NOIOMMU, "vfio/noiommu-11", 0, 0, 1 },
		{ VF_NOIOMMU, "vfio/noiommu-11", EBUSY, 1, 1 },
		/* VFIO has no such group, no group, a number longer than any group's, no device. */
		{ VF_ABSENT, "vfio/10", EBUSY, -ENOENT, 0 },
		{ BARE, "vfio/10", EBUSY, -ENODEV, 0 },
		{ TOO_LONG, "vfio/10", EBUSY, -EINVAL, 0 },
		{ MISSING, "vfio/10", EBUSY, -ENODEV, 0 },
	};
	struct test_watched_open *watched = &test_watched_open;
	const unsigned int fds = test_open_fds();
	char folder[PATH_MAX + 1];
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		*watched = (struct test_watched_open){ cases[i].path, O_RDWR, cases[i].err, 0 };
		assert_int_equal(
			test_fact(vftoken_sriov_in_use(TEST_DEVICES, "vfio", cases[i].bdf)),
			cases[i].ret);
		assert_int_equal(watched->n, cases[i].n);
		assert_int_equal(test_open_fds(), fds);
	}
	assert_int_equal(
		test_fact(vftoken_sriov_in_use(VFTOKEN_SYSFS_DEVICES, "vfio", "ffffffff:ff:1f.7")),
		-ENODEV);
	long_folder(folder, "noiommu-10", 1);
	assert_int_equal(test_fact(vftoken_sriov_in_use(TEST_DEVICES, folder, VF)), -ENAMETOOLONG);
}

/* A VF that is in its PF's group is refused for that; the reason of others isn't known. */
static void
refused(void **state)
{
	static const char group[] = "../../../kernel/iommu_groups/20";
	static const struct test_device devices[] = {
		{ "0000:02:00.0", "vfio-pci", NULL, "7\n", NULL },
		{ "0000:02:10.0", "vfio-pci", "0000:02:00.0", NULL, NULL },
		{ "0000:02:10.1", "vfio-pci", "0000:02:00.0", NULL, NULL },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	test_device_link("0000:02:00.0", "iommu_group", group);
	test_device_link("0000:02:10.0", "iommu_group", group);
	test_device_link("0000:02:10.1", "iommu_group", "../../../kernel/iommu_groups/21");
	ctx->vfio = "vfio";
	vftoken_group_refused(ctx, "2:10.0");
	test_said(vf_in_group_of_pf, "2:10.0", "0000:02:00.0");
	vftoken_group_refused(ctx, "0000:02:10.1");
	vftoken_group_refused(ctx, "0000:02:00.0");
	vftoken_group_refused(ctx, VF);
	vftoken_group_refused(ctx, MISSING);
	vftoken_group_refused(ctx, "fsl-mc.0");
	test_said_nothing();
	/* A rule for a device that was to be opened isn't one that nothing uses. */
	assert_int_equal(vftoken_add_rule(ctx, "0000:02:00.0=" TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, "0000:03:00.0=" TOKEN_A), 0);
	vftoken_group_refused(ctx, "0000:02:10.1");
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_said(rule_unused, "0000:03:00.0");
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(group, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(in_use, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("sriov_group", tests, NULL, NULL);
}
