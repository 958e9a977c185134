/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "pci_device.h"
#include "pci_pf.h"
#include "vftoken_test_util.h"

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

#define NOT_OPENED " not opened: "
#define NO_BDF(name) "'" name "' isn't a BDF such as 0000:01:00.0"
#define NO_VFIO NOT_OPENED "VFIO isn't there; modprobe vfio-pci"
#define NOT_BOUND(bdf, driver) \
	bdf NOT_OPENED "it is on " driver ", not vfio-pci; bind it (dpdk-devbind.py -b vfio-pci " \
	bdf ")"
#define IN_USE \
	NOT_OPENED "some process has it, or another device of its IOMMU group, open; end that " \
	"process first"
#define NOT_VIABLE \
	NOT_OPENED "another device of its IOMMU group is on a driver other than vfio-pci; bind " \
	"all of them to vfio-pci"
#define DENIED \
	NOT_OPENED "this user may not open its IOMMU group; run as root, or let the user own the " \
	"group's file in vfio"
#define OTHER(why) NOT_OPENED "its IOMMU group can't be opened: " why
#define NO_GROUP \
	NOT_OPENED "it has no IOMMU group; turn the IOMMU on (intel_iommu=on or amd_iommu=on for " \
	"the kernel, VT-d or AMD-Vi in the firmware)"
#define NO_RULE \
	"VF " VF " refused by the kernel: its PF " PF " is on vfio-pci, which demands the PF's " \
	"VF token, and no rule covers this VF; give the token that the PF's process uses " \
	"(--vfio-vf-token=" PF "=SOURCE)"

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

static struct vftoken *
rules(const char *rule)
{
	struct vftoken *vt = test_rules();

	vt->vfio = "vfio";
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(vt, rule), 0);
	return vt;
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
	struct vftoken *vt = rules(TOKEN_A);
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const unsigned int fds = test_open_fds();
		const struct test_answer answers[] = { TEST_GROUP_OPENS, { .ret = device_file() } };
		char bdfs[1][VFTOKEN_BDF_SIZE];
		struct pci_device device;

		test_answer(answers, TEST_DIM(answers));
		assert_int_equal(pci_device_open(vt, TEST_DEVICES, cases[i].name, &device), 0);
		test_assert_message(0, NULL);
		assert_string_equal(device.bdf, cases[i].bdf);
		assert_int_equal(device.device_fd, answers[3].ret);
		test_assert_opened(device.group.container_fd, "vfio/vfio");
		test_assert_opened(device.group.group_fd, cases[i].group);
		assert_int_equal(test_n_ioctls, 4);
		assert_int_equal(test_ioctls[2].number, cases[i].iommu);
		assert_int_equal(test_ioctls[3].request, VFIO_GROUP_GET_DEVICE_FD);
		assert_int_equal(test_ioctls[3].fd, device.group.group_fd);
		assert_string_equal((const char *)test_ioctls[3].bytes, cases[i].text);
		assert_int_equal(vftoken_devices(vt, bdfs, 1), 1);
		assert_string_equal(bdfs[0], cases[i].bdf);
		pci_device_close(vt, &device);
		assert_int_equal(vftoken_devices(vt, bdfs, 1), 0);
		assert_int_equal(test_open_fds(), fds);
	}
	vftoken_destroy(vt);
}

/* The duties of an open PF are done on its own file, and end as it is closed. */
static void
duties(void **state)
{
	const int fd = device_file();
	const struct test_answer answers[] = { TEST_GROUP_OPENS, { .ret = fd }, { .ret = 0 } };
	struct vftoken *vt = rules(PF "=" TOKEN_A);
	struct pci_device device;

	(void)state;
	make_devices();
	test_answer(answers, TEST_DIM(answers));
	assert_int_equal(pci_device_open(vt, TEST_DEVICES, PF, &device), 0);
	assert_int_equal(pci_pf_reload_token(vt, PF), 0);
	assert_int_equal(test_n_ioctls, 5);
	assert_int_equal(test_ioctls[4].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(test_ioctls[4].fd, fd);
	pci_device_close(vt, &device);
	test_n_messages = 0;
	assert_int_equal(pci_pf_reload_token(vt, PF), -ENODEV);
	test_assert_message(VFTOKEN_LOG_ERR, PF " isn't open in this process; open the PF first");
	vftoken_destroy(vt);
}

/* An open fails with one message; it changes nothing, leaves no file open, and isn't remembered. */
static void
assert_refused(struct vftoken *vt, const char *name, int ret, const char *message)
{
	const unsigned int fds = test_open_fds();
	struct pci_device device, before;

	memset(&device, 0xa5, sizeof(device));
	memset(&before, 0xa5, sizeof(before));
	assert_int_equal(pci_device_open(vt, TEST_DEVICES, name, &device), ret);
	test_assert_message(VFTOKEN_LOG_ERR, message);
	assert_memory_equal(&device, &before, sizeof(device));
	assert_int_equal(test_open_fds(), fds);
	assert_null(vt->opened);
}

/* What keeps a group from being opened is told before the kernel is asked anything. */
static void
refused(void **state)
{
	static const struct {
		const char *name;
		const char *path;	/* refused with err, if any */
		int err;
		int ret;
		const char *message;
	} cases[] = {
		{ "net_null0", NULL, 0, -EINVAL, NO_BDF("net_null0") },
		{ "0000:01:20.0", NULL, 0, -EINVAL, NO_BDF("0000:01:20.0") },
		{ MISSING, NULL, 0, -ENODEV,
		  MISSING NOT_OPENED "there is no such PCI device; see lspci -D" },
		{ BROKEN, NULL, 0, -EINVAL, BROKEN NOT_OPENED "Invalid argument" },
		{ BARE, NULL, 0, -ENODEV, BARE NO_GROUP },
		/* No VFIO, or no group of it. */
		{ VF, "vfio/vfio", ENOENT, -EUNATCH, VF NO_VFIO },
		{ VF, "vfio/vfio", ENODEV, -EUNATCH, VF NO_VFIO },
		{ VF_IGBVF, NULL, 0, -ENOENT, NOT_BOUND(VF_IGBVF, "igbvf") },
		{ VF_UNBOUND, NULL, 0, -ENOENT, NOT_BOUND(VF_UNBOUND, "no driver") },
		{ VF, "vfio/10", ENOENT, -ENOENT,
		  VF NOT_OPENED "its IOMMU group's file isn't in vfio; let this container have it" },
		/* A group, or VFIO, that can't be opened. */
		{ "1:10.0", "vfio/10", EBUSY, -EBUSY, VF IN_USE },
		{ VF, "vfio/10", EACCES, -EACCES, VF DENIED },
		{ VF, "vfio/vfio", EACCES, -EACCES, VF DENIED },
		{ VF, "vfio/10", EPERM, -EPERM, VF OTHER("Operation not permitted") },
		{ VF, "vfio/vfio", EMFILE, -EMFILE, VF OTHER("Too many open files") },
	};
	struct vftoken *vt = rules(TOKEN_A);
	char folder[PATH_MAX];
	size_t i;

	(void)state;
	make_devices();
	test_answer(NULL, 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		print_message("%s, case %zu\n", cases[i].name, i);
		test_watched_open =
			(struct test_watched_open){ cases[i].path, O_RDWR, cases[i].err, 0 };
		assert_refused(vt, cases[i].name, cases[i].ret, cases[i].message);
	}
	memset(folder, 'x', sizeof(folder));
	folder[sizeof(folder) - 1] = '\0';
	vt->vfio = folder;
	assert_refused(vt, VF, -ENAMETOOLONG, VF OTHER("File name too long"));
	/* The machine's own devices: no bus has this one. */
	assert_int_equal(pci_device_open(vt, NULL, "ffffffff:ff:1f.7", NULL), -ENODEV);
	test_assert_message(VFTOKEN_LOG_ERR, "ffffffff:ff:1f.7" NOT_OPENED
					     "there is no such PCI device; see lspci -D");
	vftoken_destroy(vt);
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
		const char *message;
	} cases[] = {
		{ TOKEN_A, { { .ret = 0 } }, 1, -EXDEV, VF NOT_VIABLE },
		{ TOKEN_A, { { 0, &test_viable, sizeof(test_viable) }, { .ret = -EIO } }, 2, -EIO,
		  VF OTHER("Input/output error") },
		{ NULL, { TEST_GROUP_OPENS, { .ret = -EACCES } }, 4, -EACCES, NO_RULE },
		{ "file:none", { TEST_GROUP_OPENS }, 3, -ENOENT,
		  VF " not opened, since its VF token can't be read: file:none can't be opened: "
		  "No such file or directory" },
	};
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken *vt = rules(cases[i].rule);

		test_answer(cases[i].answers, cases[i].n);
		assert_refused(vt, VF, cases[i].ret, cases[i].message);
		assert_int_equal(test_n_ioctls, cases[i].n);
		vftoken_destroy(vt);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opened, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(duties, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused_by_kernel, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_device", tests, NULL, NULL);
}
