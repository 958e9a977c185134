/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/vfio.h>

#include "pci_pf.h"
#include "pci_status.h"
#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define GROUP_FD 42
#define PF_FD 7
#define VF_FD 8

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define PF_2 "0000:02:00.0"
#define PLAIN "0000:03:00.0"
#define BROKEN "0000:04:00.0"
#define MISSING "0000:05:00.0"

#define PARAMETERS "drivers/vfio-pci/module/parameters"

static void
make_devices(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "2\n" },
		{ VF, "igbvf", PF, NULL, NULL },
		{ PF_2, "igb", NULL, "8\n", "0\n" },
		{ PLAIN, NULL, NULL, NULL, NULL },
		{ BROKEN, "vfio-pci", NULL, "x\n", NULL },
	};
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
}

/* What the module vfio-pci shows once it is loaded, but for its parameter. */
static void
make_vfio_pci(void)
{
	assert_int_equal(mkdir("drivers", 0755), 0);
	assert_int_equal(mkdir("drivers/vfio-pci", 0755), 0);
	assert_int_equal(mkdir("drivers/vfio-pci/module", 0755), 0);
	assert_int_equal(mkdir(PARAMETERS, 0755), 0);
}

static struct pci_status
status_of(struct vftoken *vt, const char *name)
{
	struct pci_status status;

	memset(&status, 0xa5, sizeof(status));
	assert_int_equal(pci_status_read(vt, TEST_DEVICES, name, &status), 0);
	return status;
}

static void
open_device(struct vftoken *vt, const char *name, int fd)
{
	const struct test_answer answer = { .ret = fd };

	test_answer(&answer, 1);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, name), fd);
}

/* A device shows its role, its driver, and its VFs or its PF; nothing of this process yet. */
static void
facts(void **state)
{
	static const struct {
		const char *name;
		const char *bdf;
		const char *role;
		struct pci_sriov facts;
	} cases[] = {
		{ PF, PF, "PF", { PCI_SRIOV_PF, "vfio-pci", "", "", 7, 2 } },
		{ "1:10.0", VF, "VF", { PCI_SRIOV_VF, "igbvf", PF, "vfio-pci", 0, 0 } },
		{ "02:00.0", PF_2, "PF", { PCI_SRIOV_PF, "igb", "", "", 8, 0 } },
		{ PLAIN, PLAIN, "neither", { PCI_SRIOV_NEITHER, "", "", "", 0, 0 } },
	};
	struct vftoken *vt = test_rules();
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct pci_status status = status_of(vt, cases[i].name);

		assert_string_equal(status.bdf, cases[i].bdf);
		assert_string_equal(pci_status_role(&status), cases[i].role);
		assert_int_equal(status.facts.role, cases[i].facts.role);
		assert_string_equal(status.facts.driver, cases[i].facts.driver);
		assert_string_equal(status.facts.pf, cases[i].facts.pf);
		assert_string_equal(status.facts.pf_driver, cases[i].facts.pf_driver);
		assert_int_equal(status.facts.totalvfs, cases[i].facts.totalvfs);
		assert_int_equal(status.facts.numvfs, cases[i].facts.numvfs);
		assert_false(status.open);
		assert_string_equal(status.source, "none");
		assert_int_equal(status.token_set, 0);
		assert_string_equal(pci_status_support(&status), "unknown");
		assert_false(status.enable_sriov);
	}
	test_assert_message(0, NULL);
	vftoken_destroy(vt);
}

/* What isn't there or can't be read leaves a status of zeros, but for the device's name. */
static void
not_read(void **state)
{
	static const struct {
		const char *devices;
		const char *name;
		int ret;
		const char *bdf;
	} cases[] = {
		{ TEST_DEVICES, "net_null0", -EINVAL, "" },
		{ TEST_DEVICES, "0000:01:20.0", -EINVAL, "" },
		{ TEST_DEVICES, "5:0.0", -ENODEV, MISSING },
		{ TEST_DEVICES, BROKEN, -EINVAL, BROKEN },
		{ "none", PF, -ENODEV, PF },
		/* The machine's own devices: no bus has this one. */
		{ NULL, "ffffffff:ff:1f.7", -ENODEV, "ffffffff:ff:1f.7" },
	};
	struct vftoken *vt = test_rules();
	size_t i;

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct pci_status status, expected = { .source = NULL };

		strcpy(expected.bdf, cases[i].bdf);
		memset(&status, 0xa5, sizeof(status));
		assert_int_equal(
			pci_status_read(vt, cases[i].devices, cases[i].name, &status),
			cases[i].ret);
		assert_string_equal(status.bdf, expected.bdf);
		assert_memory_equal(&status.facts, &expected.facts, sizeof(status.facts));
		assert_int_equal(status.support, 0);
		assert_false(status.enable_sriov);
		assert_false(status.open);
		assert_null(status.source);
		assert_int_equal(status.token_set, 0);
	}
	test_assert_message(0, NULL);
	vftoken_destroy(vt);
}

/* Without a root folder it is this machine's devices, if it has any. */
static void
own_devices(void **state)
{
	DIR *dir = opendir(PCI_SRIOV_SYSFS_DEVICES);
	struct vftoken *vt = test_rules();
	struct pci_status status;
	struct dirent *entry;

	(void)state;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			assert_int_equal(pci_status_read(vt, NULL, entry->d_name, &status), 0);
	if (dir != NULL)
		closedir(dir);
	vftoken_destroy(vt);
}

/* vfio-pci tells by its parameter that the kernel knows tokens, and whether VFs may be enabled. */
static void
parameter(void **state)
{
	static const struct {
		const char *text; /* of the parameter; NULL for none */
		const char *support;
		bool enable_sriov;
	} cases[] = {
		{ NULL, "no", false },
		{ "Y\n", "yes", true },
		{ "N\n", "yes", false },
		{ "", "yes", false },
	};
	const unsigned int fds = test_open_fds();
	struct vftoken *vt = test_rules();
	struct pci_status status;
	size_t i;

	(void)state;
	make_devices();
	status = status_of(vt, PF);
	assert_string_equal(pci_status_support(&status), "unknown");
	make_vfio_pci();
	for (i = 0; i < TEST_DIM(cases); i++) {
		if (cases[i].text != NULL)
			test_write_text(PARAMETERS "/enable_sriov", cases[i].text);
		status = status_of(vt, PF);
		assert_string_equal(pci_status_support(&status), cases[i].support);
		assert_int_equal(status.enable_sriov, cases[i].enable_sriov);
	}
	assert_int_equal(test_open_fds(), fds);
	vftoken_destroy(vt);
}

/* An open PF tells itself whether the kernel knows tokens; nothing else is asked. */
static void
open_device_asked(void **state)
{
	static const struct test_answer known[] = { { .ret = 0 } };
	static const struct test_answer unknown[] = { { .ret = -ENOTTY } };
	const struct vfio_device_feature *feature = (const void *)test_ioctls[0].bytes;
	struct vftoken *vt = test_rules();
	struct pci_status status;

	(void)state;
	make_devices();
	open_device(vt, PF, PF_FD);
	open_device(vt, VF, VF_FD);
	test_answer(known, 1);
	status = status_of(vt, "1:0.0");
	assert_true(status.open);
	assert_string_equal(pci_status_support(&status), "yes");
	assert_int_equal(test_n_ioctls, 1);
	assert_int_equal(test_ioctls[0].fd, PF_FD);
	assert_int_equal(test_ioctls[0].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(feature->argsz, sizeof(*feature));
	assert_int_equal(feature->flags, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN |
						 VFIO_DEVICE_FEATURE_SET |
						 VFIO_DEVICE_FEATURE_PROBE);
	/* Against what the parameter says, too. */
	make_vfio_pci();
	test_write_text(PARAMETERS "/enable_sriov", "Y\n");
	test_answer(unknown, 1);
	status = status_of(vt, PF);
	assert_string_equal(pci_status_support(&status), "no");
	assert_true(status.enable_sriov);
	/* A VF isn't asked, nor is a PF that isn't open. */
	test_answer(NULL, 0);
	status = status_of(vt, VF);
	assert_true(status.open);
	assert_string_equal(pci_status_support(&status), "yes");
	assert_false(status_of(vt, PF_2).open);
	pci_vf_token_closing(vt, PF);
	assert_false(status_of(vt, PF).open);
	vftoken_destroy(vt);
}

static int
ask(const char *name, void *opaque)
{
	(void)name;
	(void)opaque;
	return -ENOKEY;
}

/* The source is told by its kind alone: the rule's, else who is asked. */
static void
sources(void **state)
{
	static const struct {
		const char *rule;
		const char *name;
		const char *source;
	} cases[] = {
		{ PF "=" TOKEN_A, PF, "literal" },
		{ PF "=file:/run/token", PF, "file" },
		{ PF "=env:TOKEN", VF, "env" },
		{ "file:/run/token", PLAIN, "file" },
		{ VF "=" TOKEN_A, PF, "none" },
		{ PF_2 "=" TOKEN_A, VF, "none" },
	};
	struct vftoken *vt = test_rules();
	char rule[32];
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_rule(vt, cases[i].rule), 0);
		assert_string_equal(status_of(vt, cases[i].name).source, cases[i].source);
		vftoken_clear(vt);
	}
	/* An fd isn't read for it, and is told as one after it was read. */
	snprintf(rule, sizeof(rule), "fd:%d", test_pipe(TOKEN_A));
	assert_int_equal(vftoken_add_rule(vt, rule), 0);
	assert_string_equal(status_of(vt, PF).source, "fd");
	assert_int_equal(test_vault_size(), -1);
	test_assert_token(vt, PF, TOKEN_A);
	assert_string_equal(status_of(vt, PF).source, "fd");
	/* Who is asked counts where no rule does. */
	vftoken_set_ask(vt, ask, NULL, "the primary process");
	assert_string_equal(status_of(vt, PF).source, "fd");
	vftoken_clear(vt);
	assert_string_equal(status_of(vt, PF).source, "the primary process");
	vftoken_destroy(vt);
}

/* Whether a token was set, and then that it was since `before`. */
static bool
was_set(struct vftoken *vt, const char *name, time_t before)
{
	static const struct test_answer known[] = { { .ret = 0 } };
	time_t token_set;

	test_answer(known, 1);
	token_set = status_of(vt, name).token_set;
	if (token_set != 0)
		assert_in_range(token_set, before, time(NULL));
	return token_set != 0;
}

/* A PF's token counts as set once the kernel took it, with the open or after it. */
static void
token_set(void **state)
{
	static const struct test_answer without[] = { { .ret = -EINVAL }, { .ret = PF_FD } };
	const time_t before = time(NULL);
	struct vftoken *vt = test_rules();
	uuid_t token;

	(void)state;
	make_devices();
	assert_int_equal(uuid_parse(TOKEN_B, token), 0);
	/* Opened without a token, then one is refused, then one is taken. */
	open_device(vt, PF, PF_FD);
	assert_false(was_set(vt, PF, before));
	test_answer(&(const struct test_answer){ .ret = -EIO }, 1);
	assert_int_equal(pci_pf_set_token(vt, PF, token), -EIO);
	assert_false(was_set(vt, PF, before));
	test_answer(&(const struct test_answer){ .ret = 0 }, 1);
	assert_int_equal(pci_pf_set_token(vt, PF, token), 0);
	assert_true(was_set(vt, PF, before));
	/* Opened anew it starts anew. */
	vftoken_clear(vt);
	test_n_messages = 0;
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	/* The kernel takes the token with the open, or it doesn't. */
	open_device(vt, PF, PF_FD);
	assert_true(was_set(vt, PF, before));
	pci_vf_token_closing(vt, PF);
	test_answer(without, 2);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, PF), PF_FD);
	assert_false(was_set(vt, PF, before));
	/* A VF shows the token, and sets none. */
	open_device(vt, VF, VF_FD);
	assert_string_equal((const char *)test_ioctls[0].bytes, VF " vf_token=" TOKEN_A);
	assert_false(was_set(vt, VF, before));
	test_n_messages = 0;
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(facts, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_read, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(own_devices, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(parameter, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_device_asked, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(sources, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(token_set, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_status", tests, NULL, NULL);
}
