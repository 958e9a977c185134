/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sriov.h"
#include "test_util.h"

#define VF "0000:01:10.0"
#define PF "0000:01:00.0"
#define NUMVFS TEST_DEVICES "/" PF "/sriov_numvfs"
#define NAME_63 "driver-driver-driver-driver-driver-driver-driver-driver-driver-"

#define IS_PF(driver, totalvfs, numvfs) \
	{ \
		VFTOKEN_ROLE_PF, driver, "", VFTOKEN_KEY_NONE, "", { 0 }, totalvfs, numvfs \
	}
#define IS_VF(driver, pf, pf_key, pf_driver, ...) \
	{ \
		VFTOKEN_ROLE_VF, driver, pf, pf_key, pf_driver, { __VA_ARGS__ }, 0, 0 \
	}
#define IS_NEITHER(driver) \
	{ \
		VFTOKEN_ROLE_NONE, driver, "", VFTOKEN_KEY_NONE, "", { 0 }, 0, 0 \
	}

/* A device is read with this result, and as this. */
static void
assert_read(const char *devices, const char *bdf, int ret, const struct vftoken_sriov *expected)
{
	struct vftoken_sriov sriov;

	memset(&sriov, 0xa5, sizeof(sriov));
	assert_int_equal(vftoken_sriov_read(devices, bdf, &sriov), ret);
	assert_int_equal(sriov.role, expected->role);
	assert_string_equal(sriov.driver, expected->driver);
	assert_string_equal(sriov.pf, expected->pf);
	assert_int_equal(sriov.pf_key, expected->pf_key);
	assert_string_equal(sriov.pf_driver, expected->pf_driver);
	assert_int_equal(sriov.pf_bound.answer, expected->pf_bound.answer);
	assert_int_equal(sriov.pf_bound.why, expected->pf_bound.why);
	assert_int_equal(sriov.totalvfs, expected->totalvfs);
	assert_int_equal(sriov.numvfs, expected->numvfs);
}

/* After a failure nothing is told of the device. */
static void
assert_not_read(const char *devices, const char *bdf, int ret)
{
	static const struct vftoken_sriov nothing = IS_NEITHER("");

	assert_read(devices, bdf, ret, &nothing);
}

/* A VF, a PF and what is neither show their role and drivers, and a PF its VFs. */
static void
roles(void **state)
{
	static const struct {
		struct test_device device;
		struct vftoken_sriov sriov;
	} cases[] = {
		{ { PF, "vfio-pci", NULL, "7\n", "2\n" }, IS_PF("vfio-pci", 7, 2) },
		{ { VF, "vfio-pci", PF, NULL, NULL },
		  IS_VF("vfio-pci", PF, 0x100, "vfio-pci", VFTOKEN_YES, 0) },
		{ { "0000:01:10.2", NULL, PF, NULL, NULL },
		  IS_VF("", PF, 0x100, "vfio-pci", VFTOKEN_YES, 0) },
		{ { "0000:02:00.0", NULL, NULL, "65535", "0" }, IS_PF("", 65535, 0) },
		{ { "0000:02:10.0", "igbvf", "0000:02:00.0", NULL, NULL },
		  IS_VF("igbvf", "0000:02:00.0", 0x200, "", VFTOKEN_NO, 0) },
		{ { "0000:03:00.0", "e1000e", NULL, NULL, NULL }, IS_NEITHER("e1000e") },
		{ { "0000:03:00.1", NULL, NULL, NULL, NULL }, IS_NEITHER("") },
		/* The PF was taken out meanwhile, or is hidden from a container. */
		{ { "0000:04:10.0", "vfio-pci", "0000:04:00.0", NULL, NULL },
		  IS_VF("vfio-pci", "0000:04:00.0", 0x400, "", VFTOKEN_UNKNOWN, -ENOENT) },
		{ { "ffffffff:ff:1f.7", NAME_63, "ffffffff:ff:1f.6", NULL, NULL },
		  IS_VF(NAME_63, "ffffffff:ff:1f.6", 0xfffffffffffe, "", VFTOKEN_UNKNOWN,
			-ENOENT) },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++)
		test_device_make(&cases[i].device);
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_read(TEST_DEVICES, cases[i].device.bdf, 0, &cases[i].sriov);
}

/* A device's links may be bare names, too. */
static void
bare_links(void **state)
{
	static const struct test_device device = { VF, NULL, NULL, NULL, NULL };
	static const struct vftoken_sriov expected =
		IS_VF("igbvf", PF, 0x100, "", VFTOKEN_UNKNOWN, -ENOENT);

	(void)state;
	test_device_make(&device);
	assert_int_equal(symlink("igbvf", TEST_DEVICES "/" VF "/driver"), 0);
	assert_int_equal(symlink(PF, TEST_DEVICES "/" VF "/physfn"), 0);
	assert_read(TEST_DEVICES, VF, 0, &expected);
}

/* A device that isn't there is told apart from one that can't be read. */
static void
no_device(void **state)
{
	static const struct test_device device = { PF, "vfio-pci", NULL, "7\n", "0\n" };
	char name[PATH_MAX];

	(void)state;
	assert_not_read(TEST_DEVICES, VF, -ENOENT);
	test_device_make(&device);
	assert_not_read(TEST_DEVICES, VF, -ENODEV);
	assert_not_read("none", PF, -ENOENT);
	assert_not_read(NUMVFS, PF, -ENOTDIR);
	/* The machine's own devices: no bus has this one. */
	assert_not_read(VFTOKEN_SYSFS_DEVICES, "ffffffff:ff:1f.7", -ENODEV);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_not_read(TEST_DEVICES, name, -ENAMETOOLONG);
	/* Room for the device's folder, but for no file in it, or for its links alone. */
	memset(name, '/', sizeof(name));
	memcpy(name, TEST_DEVICES, strlen(TEST_DEVICES));
	name[sizeof(name) - sizeof("/" PF "/driv")] = '\0';
	assert_not_read(name, PF, -ENAMETOOLONG);
	name[sizeof(name) - sizeof("/" PF "/sriov_total")] = '\0';
	assert_not_read(name, PF, -ENAMETOOLONG);
}

/* This machine's devices can be read, if it has any. */
static void
own_devices(void **state)
{
	DIR *dir = opendir(VFTOKEN_SYSFS_DEVICES);
	struct vftoken_sriov sriov;
	struct dirent *entry;

	(void)state;
	if (dir == NULL)
		skip();
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			assert_int_equal(
				vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, entry->d_name, &sriov),
				0);
	closedir(dir);
}

/* A number that isn't one, or that no PF can have, is refused. */
static void
malformed_numbers(void **state)
{
	static const char *const numbers[] = {
		"",        "\n",           "x\n",
		"7x\n",    "7 7\n",        "-1\n",
		"65536\n", "4294967297\n", "00000000000000007\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(numbers); i++) {
		char bdf[VFTOKEN_BDF_SIZE];
		struct test_device device = { bdf, "vfio-pci", NULL, numbers[i], "0\n" };

		snprintf(bdf, sizeof(bdf), "0000:%02zx:00.0", i);
		test_device_make(&device);
		assert_not_read(TEST_DEVICES, bdf, -EINVAL);
	}
}

/* What isn't as the kernel makes it is refused, and nothing of it is told. */
static void
malformed_devices(void **state)
{
	static const struct {
		struct test_device device;
		const char *folder;
		int ret;
	} cases[] = {
		/* A name longer than any driver's or BDF's. */
		{ { "0000:01:00.0", NAME_63 "x", NULL, "7\n", "0\n" }, NULL, -EINVAL },
		{ { "0000:01:00.1", "vfio-pci", "ffffffff:ff:1f.7x", NULL, NULL }, NULL, -EINVAL },
		{ { "0000:01:00.2", "igbvf", "0000:01:00.0", NULL, NULL }, NULL, -EINVAL },
		/* A PF that isn't a BDF, or none that can be. */
		{ { "0000:01:00.3", "vfio-pci", "net0", NULL, NULL }, NULL, -EINVAL },
		{ { "0000:01:00.4", "vfio-pci", "0000:01:20.0", NULL, NULL }, NULL, -EINVAL },
		/* Something else than a link or a file. */
		{ { "0000:02:00.0", NULL, NULL, "7\n", "0\n" }, "driver", -EINVAL },
		{ { "0000:02:00.1", "vfio-pci", NULL, NULL, NULL }, "physfn", -EINVAL },
		{ { "0000:02:00.2", "vfio-pci", NULL, NULL, "0\n" }, "sriov_totalvfs", -EISDIR },
		{ { "0000:02:00.3", "vfio-pci", NULL, "7\n", NULL }, "virtfn0", -EINVAL },
	};
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_device_make(&cases[i].device);
		if (cases[i].folder != NULL) {
			snprintf(path, sizeof(path), TEST_DEVICES "/%s/%s", cases[i].device.bdf,
				 cases[i].folder);
			assert_int_equal(mkdir(path, 0755), 0);
		}
		assert_not_read(TEST_DEVICES, cases[i].device.bdf, cases[i].ret);
	}
}

/* What this process may not read is told apart from what isn't there. */
static void
unreadable(void **state)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", "0\n" };

	(void)state;
	test_device_make(&pf);
	assert_int_equal(chmod(TEST_DEVICES "/" PF "/sriov_totalvfs", 0200), 0);
	if (!test_become_nobody()) {
		print_message("no user to become here, so nothing is unreadable\n");
		skip();
	}
	assert_not_read(TEST_DEVICES, PF, -EACCES);
	test_become_root();
	assert_int_equal(chmod(TEST_DEVICES "/" PF, 0600), 0);
	assert_true(test_become_nobody());
	assert_not_read(TEST_DEVICES, PF, -EACCES);
	test_become_root();
	assert_int_equal(chmod(TEST_DEVICES, 0600), 0);
	assert_true(test_become_nobody());
	assert_not_read(TEST_DEVICES, PF, -EACCES);
	test_become_root();
	assert_int_equal(chmod(TEST_DEVICES, 0700) + chmod(TEST_DEVICES "/" PF, 0700), 0);
}

/* A PF's VFs are found by their numbers, whatever way the links point to them. */
static void
vfs(void **state)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", "0\n" };
	static const struct {
		uint16_t index;
		const char *vf;
		int ret;
	} cases[] = {
		{ 0, VF, 0 },
		{ 1, "ffffffff:ff:1f.7", 0 },
		{ 65535, "0000:01:10.4", 0 },
		/* No link, a name longer than any BDF, and no link but a folder. */
		{ 2, "", -ENODEV },
		{ 3, "", -EINVAL },
		{ 4, "", -EINVAL },
	};
	char vf[VFTOKEN_BDF_SIZE];
	size_t i;

	(void)state;
	test_device_make(&pf);
	test_device_link(PF, "virtfn0", "../" VF);
	test_device_link(PF, "virtfn1", "ffffffff:ff:1f.7");
	test_device_link(PF, "virtfn3", "../ffffffff:ff:1f.7x");
	test_device_link(PF, "virtfn65535", "../0000:01:10.4");
	assert_int_equal(mkdir(TEST_DEVICES "/" PF "/virtfn4", 0755), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		memset(vf, 'x', sizeof(vf));
		assert_int_equal(vftoken_sriov_vf(TEST_DEVICES, PF, cases[i].index, vf),
				 cases[i].ret);
		assert_string_equal(vf, cases[i].vf);
	}
	assert_int_equal(vftoken_sriov_vf(TEST_DEVICES, VF, 0, vf), -ENODEV);
	/* The machine's own devices: no bus has this one. */
	assert_int_equal(vftoken_sriov_vf(VFTOKEN_SYSFS_DEVICES, "ffffffff:ff:1f.7", 0, vf),
			 -ENODEV);
}

/*
 * The number of VFs is that of their links, as a reader of sriov_numvfs may have to wait without
 * end. A VF without a link is coming or going.
 */
static void
numvfs_by_links(void **state)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", "2\n" };
	static const struct test_device last = { "0000:01:10.4", "vfio-pci", NULL, NULL, NULL };
	const struct vftoken_sriov expected = IS_PF("vfio-pci", 7, 2);

	(void)state;
	test_device_make(&pf);
	assert_int_equal(unlink(NUMVFS), 0);
	assert_int_equal(mkfifo(NUMVFS, 0600), 0);
	assert_read(TEST_DEVICES, PF, 0, &expected);
	test_device_file(PF, "sriov_offset", "128\n");
	test_device_file(PF, "sriov_stride", "2\n");
	assert_int_equal(test_fact(vftoken_sriov_vfs_change(TEST_DEVICES, PF, 2)), 0);
	test_device_make(&last);
	assert_int_equal(test_fact(vftoken_sriov_vfs_change(TEST_DEVICES, PF, 2)), 1);
	assert_int_equal(test_fact(vftoken_sriov_vfs_change(TEST_DEVICES, PF, 3)), 0);
	assert_int_equal(test_fact(vftoken_sriov_vfs_change(TEST_DEVICES, "net0", 2)), -EINVAL);
	test_device_file(PF, "sriov_stride", "x\n");
	assert_int_equal(test_fact(vftoken_sriov_vfs_change(TEST_DEVICES, PF, 2)), -EINVAL);
	assert_int_equal(unlink(TEST_DEVICES "/" PF "/sriov_offset"), 0);
	assert_int_equal(test_fact(vftoken_sriov_vfs_change(TEST_DEVICES, PF, 2)), -ENOENT);
}

/* A number of VFs is one line in sriov_numvfs. */
static void
set_numvfs(void **state)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", "" };

	(void)state;
	test_device_make(&pf);
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, PF, 0), 0);
	test_assert_file(NUMVFS, "0\n");
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, PF, 7), 0);
	test_assert_file(NUMVFS, "7\n");
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, PF, 65535), 0);
	test_assert_file(NUMVFS, "65535\n");
}

/* Where the number can't be written, the file's or the write's own error is told. */
static void
set_numvfs_refused(void **state)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", "0\n" };
	static const struct test_device full = { "0000:02:00.0", "vfio-pci", NULL, "7\n", NULL };
	char name[PATH_MAX];

	(void)state;
	test_device_make(&pf);
	test_device_make(&full);
	/* No such device or file, here and on this machine. */
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, VF, 2), -ENOENT);
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, "0000:02:00.0", 2), -ENOENT);
	assert_int_equal(vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, "ffffffff:ff:1f.7", 2),
			 -ENOENT);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, name, 2), -ENAMETOOLONG);
	/* A write fails. */
	test_device_link("0000:02:00.0", "sriov_numvfs", "/dev/full");
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, "0000:02:00.0", 2), -ENOSPC);
	assert_int_equal(chmod(NUMVFS, 0444), 0);
	if (!test_become_nobody()) {
		print_message("no user to become here, so nothing is unwritable\n");
		skip();
	}
	assert_int_equal(vftoken_sriov_set_numvfs(TEST_DEVICES, PF, 2), -EACCES);
	test_become_root();
	test_assert_file(NUMVFS, "0\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roles, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(bare_links, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_device, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(own_devices, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(malformed_numbers, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(malformed_devices, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(unreadable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(vfs, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(numvfs_by_links, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(set_numvfs, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(set_numvfs_refused, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("sriov", tests, NULL, NULL);
}
