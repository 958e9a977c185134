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

#include "pci_pf.h"
#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define GROUP_FD 42
#define PF_FD 7

#define PF "0000:01:00.0"
#define VF0 "0000:01:10.0"
#define VF1 "0000:01:10.2"
#define NUMVFS TEST_DEVICES "/" PF "/sriov_numvfs"

#define RULE PF "=" TOKEN_A
#define FROM_A "b6" DOTS
#define SET "PF " PF " has the VF token from " FROM_A
#define BOTH VF0 ", " VF1
#define SEE_DMESG ", so they are disabled again; see dmesg"
#define ELSEWHERE(vf, driver) \
	"PF " PF ": its VF " vf " is on " driver ", not vfio-pci, so the VFs are disabled again; " \
	"look for what binds it, such as a udev rule"
#define LEFT(vf, driver) \
	"PF " PF ": its VF " vf " is on " driver ", not vfio-pci; it is left there"
#define NOT_SHOWN "PF " PF ": sysfs doesn't show all of its 2 VFs; see dmesg"
#define KEEPS_VFS(list) \
	"PF " PF " keeps its 2 VFs (" list "); end the processes that use them, and unbind them " \
	"from other drivers, first"
#define DRIVER_32 "driver-driver-driver-driver-driv"

struct expected_message {
	enum vftoken_log_level level;
	const char *text;
};

#define ERR(text) { VFTOKEN_LOG_ERR, text }
#define WARNING(text) { VFTOKEN_LOG_WARNING, text }
#define INFO(text) { VFTOKEN_LOG_INFO, text }

static void
assert_messages(const struct expected_message *messages, size_t n)
{
	size_t i;

	for (i = 0; i < n && messages[i].text != NULL; i++) {
		assert_true(i < test_n_messages);
		assert_string_equal(test_messages[i].text, messages[i].text);
		assert_int_equal(test_messages[i].level, messages[i].level);
	}
	assert_int_equal(test_n_messages, i);
	test_n_messages = 0;
}

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

/* A PF on vfio-pci, with its VFs; what a case before left is put aside. */
static void
make_pf(const char *numvfs, const char *driver0, const char *driver1)
{
	static unsigned int n;
	const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", numvfs };
	char aside[32];

	snprintf(aside, sizeof(aside), "aside%u", n++);
	rename(TEST_DEVICES, aside);
	test_device_make(&pf);
	if (is_there(driver0))
		make_vf("virtfn0", VF0, driver0);
	if (is_there(driver1))
		make_vf("virtfn1", VF1, driver1);
}

/* The PF held open, as by an open without a token, which no rule covered. */
static struct vftoken *
open_pf(const char *rule)
{
	static const struct test_answer opened[] = { { .ret = PF_FD } };
	struct vftoken *vt = test_rules();

	vt->vfio = "vfio";
	test_answer(opened, 1);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, PF), PF_FD);
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(vt, rule), 0);
	test_n_messages = 0;
	return vt;
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

static const struct enable_case {
	const char *numvfs;
	const char *drivers[2];
	void (*sleep)(unsigned int n);
	int ret;
	unsigned int slept_ms;
	const char *then;	/* what stands in sriov_numvfs */
	struct expected_message messages[3];
} enable_cases[] = {
	/* VFs that are there at once, and ones that take their time. */
	{ "0\n", { "vfio-pci", "vfio-pci" }, NULL, 0, 0, "2\n",
	  { INFO(SET), INFO("PF " PF " has 2 VFs: " BOTH) } },
	{ "0\n", { "absent", "absent" }, sleep_until_vfs, 0, 50, "2\n",
	  { INFO(SET), INFO("PF " PF " has 2 VFs: " BOTH) } },
	/* As many already: they stay, wherever they are. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, NULL, 0, 0, "2\n",
	  { INFO(SET), INFO("PF " PF " has 2 VFs already: " BOTH) } },
	{ "2\n", { "vfio-pci", "igbvf" }, NULL, 0, 0, "2\n",
	  { INFO(SET), WARNING(LEFT(VF1, "igbvf")),
	    INFO("PF " PF " has 2 VFs already: " BOTH) } },
	{ "2\n", { NULL, "vfio-pci" }, NULL, 0, 0, "2\n",
	  { INFO(SET), WARNING(LEFT(VF0, "no driver")),
	    INFO("PF " PF " has 2 VFs already: " BOTH) } },
	{ "2\n", { "vfio-pci", "absent" }, NULL, 0, 0, "2\n",
	  { INFO(SET), WARNING(NOT_SHOWN), INFO("PF " PF " has 2 VFs already: " VF0) } },
	/* One doesn't appear. */
	{ "0\n", { "absent", "absent" }, sleep_only, -ETIMEDOUT, PCI_PF_WAIT_MS, "0\n",
	  { INFO(SET), ERR("PF " PF ": not all of its 2 VFs appeared within 5 s" SEE_DMESG) } },
	{ "0\n", { "vfio-pci", "absent" }, sleep_only, -ETIMEDOUT, PCI_PF_WAIT_MS, "0\n",
	  { INFO(SET), ERR("PF " PF ": not all of its 2 VFs appeared within 5 s" SEE_DMESG) } },
	/* One is bound elsewhere, or to nothing. */
	{ "0\n", { "vfio-pci", "igbvf" }, sleep_only, -EXDEV, PCI_PF_WAIT_MS, "0\n",
	  { INFO(SET), ERR(ELSEWHERE(VF1, "igbvf")) } },
	{ "0\n", { NULL, "vfio-pci" }, sleep_only, -EXDEV, PCI_PF_WAIT_MS, "0\n",
	  { INFO(SET), ERR(ELSEWHERE(VF0, "no driver")) } },
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
		struct vftoken *vt;

		print_message("case %zu\n", i);
		test_wraps_reset();
		make_pf(c->numvfs, c->drivers[0], c->drivers[1]);
		vt = open_pf(RULE);
		test_answer(answers, 2);
		test_sleep = c->sleep;
		test_watched_open = (struct test_watched_open){ NUMVFS, O_WRONLY, 0, 0 };
		assert_int_equal(pci_pf_enable_vfs(vt, TEST_DEVICES, "1:0.0", 2), c->ret);
		assert_probed_and_set(TOKEN_A);
		assert_messages(c->messages, TEST_DIM(c->messages));
		assert_int_equal(test_slept_ms, c->slept_ms);
		/* Enabled once, and disabled after a failure; VFs that stay aren't touched. */
		assert_int_equal(test_watched_open.n,
				 c->numvfs[0] == '2' ? 0 : c->ret < 0 ? 2 : 1);
		test_assert_file(NUMVFS, c->then);
		vftoken_destroy(vt);
	}
}

/* A token that was set by hand does where no rule covers the PF. */
static void
enable_without_rule(void **state)
{
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	struct vftoken *vt;
	uuid_t token;

	(void)state;
	make_pf("0\n", "vfio-pci", "vfio-pci");
	vt = open_pf(NULL);
	assert_int_equal(uuid_parse(TOKEN_B, token), 0);
	test_answer(answers, 2);
	assert_int_equal(pci_pf_set_token(vt, PF, token), 0);
	test_assert_message(VFTOKEN_LOG_INFO, "PF " PF " has a new VF token");
	assert_int_equal(pci_pf_enable_vfs(vt, TEST_DEVICES, PF, 1), 0);
	test_assert_message(VFTOKEN_LOG_INFO, "PF " PF " has 1 VFs: " VF0);
	assert_int_equal(test_n_ioctls, 2);
	test_assert_file(NUMVFS, "1\n");
	vftoken_destroy(vt);
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
		const char *message; /* the last one */
	} cases[] = {
		{ { NULL }, PF, 0, 99, NULL },
		{ { "2" }, PF, 0, 2, "PF " PF " has 2 VFs already: " BOTH },
		{ { PF "=2" }, "01:00.0", 0, 2, "PF " PF " has 2 VFs already: " BOTH },
		{ { "7", PF "=2" }, PF, 0, 2, "PF " PF " has 2 VFs already: " BOTH },
		/* Nothing was asked for this one. */
		{ { "02:00.0=2" }, PF, 0, 99, NULL },
		{ { "2" }, VF0, 0, 99, NULL },
		{ { "2" }, "0000:07:00.0", 0, 99, NULL },
		{ { "2" }, "net_null0", 0, 99, NULL },
		/* Refused. */
		{ { "8" }, PF, -ERANGE, 99, "PF " PF " can't have 8 VFs; it can have 1 to 7" },
		{ { "2", VF0 "=1" }, VF0, -ENODEV, 99,
		  VF0 " isn't open in this process; open the PF first" },
	};
	static const struct test_answer answers[] = { { .ret = 0 }, { .ret = 0 } };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken *vt;
		uint16_t num_vfs = 99;
		size_t j;

		print_message("case %zu\n", i);
		make_pf("2\n", "vfio-pci", "vfio-pci");
		vt = open_pf(RULE);
		for (j = 0; j < TEST_DIM(cases[i].numbers) && cases[i].numbers[j] != NULL; j++)
			assert_int_equal(vftoken_add_num_vfs(vt, cases[i].numbers[j]), 0);
		test_answer(answers, 2);
		assert_int_equal(pci_pf_start(vt, TEST_DEVICES, cases[i].name, &num_vfs),
				 cases[i].ret);
		assert_int_equal(num_vfs, cases[i].num_vfs);
		assert_int_equal(test_n_ioctls, num_vfs == 99 ? 0 : 2);
		if (cases[i].message == NULL)
			assert_int_equal(test_n_messages, 0);
		else
			assert_string_equal(test_messages[test_n_messages - 1].text,
					    cases[i].message);
		test_assert_file(NUMVFS, "2\n");
		test_n_messages = 0;
		vftoken_destroy(vt);
	}
}

static const struct disable_case {
	const char *numvfs;
	const char *drivers[2];
	struct test_watched_open open;	/* and how often it is expected */
	int ret;
	const char *message;
	const char *then;	/* what stands in sriov_numvfs */
} disable_cases[] = {
	/* VFs that nobody uses, on vfio-pci, on a variant driver of it or on none. */
	{ "2\n", { "vfio-pci", "vfio-pci" }, { NUMVFS, O_WRONLY, 0, 1 }, 0, NULL, "0\n" },
	{ "2\n", { NULL, "mlx5_vfio_pci" }, { NUMVFS, O_WRONLY, 0, 1 }, 0, NULL, "0\n" },
	{ "2\n", { "absent", "absent" }, { NUMVFS, O_WRONLY, 0, 1 }, 0, NULL, "0\n" },
	/* None is enabled. */
	{ "0\n", { "igbvf", "igbvf" }, { NUMVFS, O_WRONLY, 0, 0 }, 0, NULL, "0\n" },
	/* One is in use. */
	{ "2\n",
	  { "vfio-pci", "vfio-pci" },
	  { "vfio/10", O_RDWR, EBUSY, 1 },
	  -EBUSY,
	  KEEPS_VFS(VF0 " in use, " VF1),
	  "2\n" },
	{ "2\n",
	  { "vfio-pci", "vfio-pci" },
	  { "vfio/12", O_RDWR, EBUSY, 1 },
	  -EBUSY,
	  KEEPS_VFS(VF0 ", " VF1 " in use"),
	  "2\n" },
	/* One is on another driver, whose name may be long. */
	{ "2\n",
	  { "vfio-pci", "igbvf" },
	  { NUMVFS, O_WRONLY, 0, 0 },
	  -EBUSY,
	  KEEPS_VFS(VF0 ", " VF1 " on igbvf"),
	  "2\n" },
	{ "2\n",
	  { "uio_pci_generic", "vfio-pci" },
	  { "vfio/12", O_RDWR, EBUSY, 1 },
	  -EBUSY,
	  KEEPS_VFS(VF0 " on uio_pci_generic, " VF1 " in use"),
	  "2\n" },
	{ "2\n",
	  { DRIVER_32 "x", "vfio-pci" },
	  { NUMVFS, O_WRONLY, 0, 0 },
	  -EBUSY,
	  KEEPS_VFS(VF0 " on " DRIVER_32 ", " VF1),
	  "2\n" },
	/* The kernel refuses. */
	{ "2\n",
	  { "vfio-pci", "vfio-pci" },
	  { NUMVFS, O_WRONLY, EIO, 1 },
	  -EIO,
	  "PF " PF
	  " keeps its VFs: the kernel couldn't disable them: Input/output error; see dmesg",
	  "2\n" },
	{ "2\n",
	  { "vfio-pci", "vfio-pci" },
	  { NUMVFS, O_WRONLY, ENOENT, 1 },
	  -ENOENT,
	  "PF " PF " keeps its VFs, since vfio-pci's enable_sriov is off; turn it on (echo 1 "
	  ">/sys/module/vfio_pci/parameters/enable_sriov, or enable_sriov=1 for modprobe)",
	  "2\n" },
};

/* VFs are disabled unless that would take one from its user, whoever has the PF open. */
static void
disable(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	test_write_text("vfio/12", "");
	for (i = 0; i < 2 * TEST_DIM(disable_cases); i++) {
		const struct disable_case *c = &disable_cases[i / 2];
		struct vftoken *vt;

		print_message("case %zu, PF %s\n", i / 2, i % 2 == 0 ? "open" : "not open");
		test_wraps_reset();
		make_pf(c->numvfs, c->drivers[0], c->drivers[1]);
		if (is_there(c->drivers[0])) {
			test_device_link(VF0, "iommu_group", "../../../kernel/iommu_groups/10");
			test_device_link(VF1, "iommu_group", "../../../kernel/iommu_groups/12");
		}
		vt = i % 2 == 0 ? open_pf(NULL) : test_rules();
		vt->vfio = "vfio";
		test_watched_open = c->open;
		test_watched_open.n = 0;
		assert_int_equal(pci_pf_disable_vfs(vt, TEST_DEVICES, "1:0.0"), c->ret);
		assert_int_equal(test_watched_open.n, c->open.n);
		test_assert_message(VFTOKEN_LOG_ERR, c->message);
		test_assert_file(NUMVFS, c->then);
		vftoken_destroy(vt);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(enable_without_rule, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(start, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(disable, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_pf", tests, NULL, NULL);
}
