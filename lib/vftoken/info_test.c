/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "info.h"
#include "pf.h"
#include "test_util.h"

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
		/* Not readable. */
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

static struct vftoken_info
info_of(struct vftoken_context *ctx, const char *name)
{
	struct vftoken_info info;

	memset(&info, 0xa5, sizeof(info));
	info.size = sizeof(info);
	assert_int_equal(vftoken_info_read(ctx, name, &info), 0);
	assert_int_equal(info.size, sizeof(info));
	return info;
}

static void
open_device(struct vftoken_context *ctx, const char *name, int fd)
{
	const struct test_answer answer = { .ret = fd };

	test_answer(&answer, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, name), fd);
}

/* A device shows its role, its driver, and its VFs or its PF; nothing of this process yet. */
static void
roles(void **state)
{
	static const struct {
		const char *name;
		const char *bdf;
		enum vftoken_role role;
		const char *role_name;
		const char *driver;
		const char *pf;
		const char *pf_driver;
		uint16_t totalvfs;
		uint16_t numvfs;
	} cases[] = {
		{ PF, PF, VFTOKEN_ROLE_PF, "PF", "vfio-pci", "", "", 7, 2 },
		{ "1:10.0", VF, VFTOKEN_ROLE_VF, "VF", "igbvf", PF, "vfio-pci", 0, 0 },
		{ "02:00.0", PF_2, VFTOKEN_ROLE_PF, "PF", "igb", "", "", 8, 0 },
		{ PLAIN, PLAIN, VFTOKEN_ROLE_NONE, "neither", "", "", "", 0, 0 },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct vftoken_info info = info_of(ctx, cases[i].name);

		assert_string_equal(info.bdf, cases[i].bdf);
		assert_int_equal(info.role, cases[i].role);
		assert_string_equal(vftoken_role_name(info.role), cases[i].role_name);
		assert_string_equal(info.driver, cases[i].driver);
		assert_string_equal(info.pf, cases[i].pf);
		assert_string_equal(info.pf_driver, cases[i].pf_driver);
		assert_int_equal(info.totalvfs, cases[i].totalvfs);
		assert_int_equal(info.numvfs, cases[i].numvfs);
		assert_false(info.open);
		assert_string_equal(info.source, "none");
		assert_int_equal(info.token_set, 0);
		assert_int_equal(test_fact(info.support), -ENOENT);
		assert_int_equal(test_fact(info.enable_sriov), -ENOENT);
		assert_int_equal(test_fact(info.pf_bound),
				 cases[i].pf[0] != '\0' ? cases[i].pf_driver[0] != '\0' : 0);
		assert_int_equal(test_fact(info.vfs_change), 0);
	}
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* Nothing but a device's name, and the size that the caller has set. */
static void
assert_empty(const struct vftoken_info *info, size_t size, const char *bdf)
{
	assert_int_equal(info->size, size);
	assert_string_equal(info->bdf, bdf);
	assert_string_equal(info->driver, "");
	assert_string_equal(info->pf, "");
	assert_string_equal(info->pf_driver, "");
	assert_int_equal(info->role, 0);
	assert_int_equal(info->totalvfs, 0);
	assert_int_equal(info->numvfs, 0);
	assert_int_equal(test_fact(info->support), 0);
	assert_int_equal(test_fact(info->enable_sriov), 0);
	assert_int_equal(test_fact(info->pf_bound), 0);
	assert_int_equal(test_fact(info->vfs_change), 0);
	assert_false(info->open);
	assert_null(info->source);
	assert_int_equal(info->token_set, 0);
}

/* What isn't there or can't be read leaves an info of zeros, but for the device's name. */
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
		{ "none", PF, -ENOENT, PF },
		/* The machine's own devices: no bus has this one. */
		{ VFTOKEN_SYSFS_DEVICES, "ffffffff:ff:1f.7", -ENODEV, "ffffffff:ff:1f.7" },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_info info;

		memset(&info, 0xa5, sizeof(info));
		info.size = sizeof(info);
		vftoken_context_set_sysfs(ctx, cases[i].devices);
		assert_int_equal(vftoken_info_read(ctx, cases[i].name, &info), cases[i].ret);
		assert_empty(&info, sizeof(info), cases[i].bdf);
	}
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* The size in the first version that had one. */
#define FIRST_SIZE (offsetof(struct vftoken_info, token_set) + sizeof(time_t))

/* A caller may be of another version: later members are zeros, and none are written behind. */
static void
sizes(void **state)
{
	static const size_t too_small[] = {
		0,
		sizeof(size_t),
		FIRST_SIZE - sizeof(time_t),
		FIRST_SIZE - 1,
	};
	union {
		struct vftoken_info info;
		char bytes[sizeof(struct vftoken_info) + 40];
	} caller, before;
	const char zeros[40] = { 0 };
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(too_small); i++) {
		memset(&caller, 0xa5, sizeof(caller));
		caller.info.size = too_small[i];
		memcpy(&before, &caller, sizeof(caller));
		assert_int_equal(vftoken_info_read(ctx, PF, &caller.info), -EINVAL);
		assert_memory_equal(&caller, &before, sizeof(caller));
	}
	memset(&caller, 0xa5, sizeof(caller));
	caller.info.size = FIRST_SIZE;
	memcpy(&before, &caller, sizeof(caller));
	assert_int_equal(vftoken_info_read(ctx, PF, &caller.info), 0);
	assert_int_equal(caller.info.size, FIRST_SIZE);
	assert_string_equal(caller.info.bdf, PF);
	assert_int_equal(caller.info.numvfs, 2);
	assert_int_equal(caller.info.token_set, 0);
	assert_memory_equal(caller.bytes + FIRST_SIZE, before.bytes + FIRST_SIZE,
			    sizeof(caller) - FIRST_SIZE);
	/* A later version, with a device that can be read and with one that can't. */
	caller.info.size = sizeof(caller);
	assert_int_equal(vftoken_info_read(ctx, PF, &caller.info), 0);
	assert_int_equal(caller.info.size, sizeof(caller));
	assert_string_equal(caller.info.bdf, PF);
	assert_int_equal(caller.info.numvfs, 2);
	assert_string_equal(caller.info.source, "none");
	assert_memory_equal(caller.bytes + sizeof(caller.info), zeros, sizeof(zeros));
	memset(&caller, 0xa5, sizeof(caller));
	caller.info.size = sizeof(caller);
	assert_int_equal(vftoken_info_read(ctx, BROKEN, &caller.info), -EINVAL);
	assert_empty(&caller.info, sizeof(caller), BROKEN);
	assert_memory_equal(caller.bytes + sizeof(caller.info), zeros, sizeof(zeros));
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* A context looks at this machine's devices by default, and any of them can be read. */
static void
own_devices(void **state)
{
	DIR *dir = opendir(VFTOKEN_SYSFS_DEVICES);
	struct vftoken_context *ctx = vftoken_context_create();
	struct dirent *entry;

	(void)state;
	assert_non_null(ctx);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			info_of(ctx, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	vftoken_context_destroy(ctx);
}

/* A PF's VFs are found in the context's folder, and their groups' files in its other one. */
static void
vfs(void **state)
{
	struct vftoken_context *ctx = test_context();
	char vf[VFTOKEN_BDF_SIZE];

	(void)state;
	make_devices();
	test_device_link(PF, "virtfn0", "../" VF);
	test_device_link(VF, "iommu_group", "../../../kernel/iommu_groups/10");
	assert_int_equal(vftoken_find_vf(ctx, PF, 0, vf), 0);
	assert_string_equal(vf, VF);
	assert_int_equal(vftoken_find_vf(ctx, PF, 2, vf), -ENODEV);
	assert_string_equal(vf, "");
	ctx->vfio = "vfio";
	/* On a kernel driver, no process can open it by VFIO. */
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 0);
	assert_int_equal(unlink(TEST_DEVICES "/" VF "/driver"), 0);
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 0);
	test_device_link(VF, "driver", "../../../bus/pci/drivers/vfio-pci");
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), -ENOENT);
	assert_int_equal(test_fact(vftoken_in_use(ctx, PF)), -ENODEV);
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 0);
	test_watched_open = (struct test_watched_open){ "vfio/10", O_RDWR, EBUSY, 0 };
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 1);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* vfio-pci tells by its parameter that the kernel knows tokens, and whether VFs may be enabled. */
static void
parameter(void **state)
{
	static const struct {
		const char *text; /* of the parameter; NULL for none */
		int support;
		int enable_sriov;
	} cases[] = {
		{ NULL, 0, -ENOENT },
		{ "Y\n", 1, 1 },
		{ "N\n", 1, 0 },
		{ "", 1, -EIO },
	};
	const unsigned int fds = test_open_fds();
	struct vftoken_context *ctx = test_context();
	struct vftoken_info info;
	size_t i;

	(void)state;
	make_devices();
	info = info_of(ctx, PF);
	assert_int_equal(test_fact(info.support), -ENOENT);
	make_vfio_pci();
	for (i = 0; i < TEST_DIM(cases); i++) {
		if (cases[i].text != NULL)
			test_write_text(PARAMETERS "/enable_sriov", cases[i].text);
		info = info_of(ctx, PF);
		assert_int_equal(test_fact(info.support), cases[i].support);
		assert_int_equal(test_fact(info.enable_sriov), cases[i].enable_sriov);
	}
	/* Where it can't be read, nothing is known. */
	test_watched_open =
		(struct test_watched_open){ TEST_DEVICES "/../" PARAMETERS "/enable_sriov",
					    O_RDONLY, EACCES, 0 };
	info = info_of(ctx, PF);
	assert_int_equal(test_watched_open.n, 1);
	assert_int_equal(test_fact(info.support), -EACCES);
	assert_int_equal(test_fact(info.enable_sriov), -EACCES);
	assert_int_equal(test_open_fds(), fds);
	vftoken_context_destroy(ctx);
}

/* An open PF tells itself whether the kernel knows tokens; nothing else is asked. */
static void
open_device_asked(void **state)
{
	static const struct test_answer known[] = { { .ret = 0 } };
	static const struct test_answer unknown[] = { { .ret = -ENOTTY } };
	const struct vfio_device_feature *feature = (const void *)test_ioctls[0].bytes;
	struct vftoken_context *ctx = test_context();
	struct vftoken_info info;

	(void)state;
	make_devices();
	open_device(ctx, PF, PF_FD);
	open_device(ctx, VF, VF_FD);
	test_answer(known, 1);
	info = info_of(ctx, "1:0.0");
	assert_true(info.open);
	assert_int_equal(test_fact(info.support), 1);
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
	info = info_of(ctx, PF);
	assert_int_equal(test_fact(info.support), 0);
	assert_int_equal(test_fact(info.enable_sriov), 1);
	/* A VF isn't asked, nor is a PF that isn't open. */
	test_answer(NULL, 0);
	info = info_of(ctx, VF);
	assert_true(info.open);
	assert_int_equal(test_fact(info.support), 1);
	assert_false(info_of(ctx, PF_2).open);
	vftoken_closing(ctx, PF);
	assert_false(info_of(ctx, PF).open);
	vftoken_context_destroy(ctx);
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
		/* No rule covers it. */
		{ VF "=" TOKEN_A, PF, "none" },
		{ PF_2 "=" TOKEN_A, VF, "none" },
	};
	struct vftoken_context *ctx = test_context();
	char rule[32];
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_rule(ctx, cases[i].rule), 0);
		assert_string_equal(info_of(ctx, cases[i].name).source, cases[i].source);
		vftoken_context_clear(ctx);
	}
	/* An fd isn't read for it, and is told as one after it was read. */
	snprintf(rule, sizeof(rule), "fd:%d", test_pipe(TOKEN_A));
	assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	assert_string_equal(info_of(ctx, PF).source, "fd");
	assert_int_equal(test_store_size(), -1);
	test_assert_token(ctx, PF, TOKEN_A);
	assert_string_equal(info_of(ctx, PF).source, "fd");
	/* Who is asked counts where no rule does. */
	vftoken_context_set_provider(ctx, test_provide_none, NULL, "the primary process");
	assert_string_equal(info_of(ctx, PF).source, "fd");
	vftoken_context_clear(ctx);
	assert_string_equal(info_of(ctx, PF).source, "the primary process");
	vftoken_context_destroy(ctx);
}

/* Whether a token was set, and then that it was since `before`. */
static bool
was_set(struct vftoken_context *ctx, const char *name, time_t before)
{
	static const struct test_answer known[] = { { .ret = 0 } };
	time_t token_set;

	test_answer(known, 1);
	token_set = info_of(ctx, name).token_set;
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
	struct vftoken_context *ctx = test_context();

	(void)state;
	make_devices();
	/* Opened without a token, then one is refused, then one is taken. */
	open_device(ctx, PF, PF_FD);
	assert_false(was_set(ctx, PF, before));
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_B), 0);
	test_answer(&(const struct test_answer){ .ret = -EIO }, 1);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), -EIO);
	assert_false(was_set(ctx, PF, before));
	test_answer(&(const struct test_answer){ .ret = 0 }, 1);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	assert_true(was_set(ctx, PF, before));
	/* Of another open nothing is known yet. */
	vftoken_context_clear(ctx);
	test_n_messages = 0;
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	/* The kernel takes the token with the open, or it doesn't. */
	open_device(ctx, PF, PF_FD);
	assert_true(was_set(ctx, PF, before));
	vftoken_closing(ctx, PF);
	test_answer(without, 2);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, PF), PF_FD);
	assert_false(was_set(ctx, PF, before));
	/* A VF shows the token, and sets none. */
	open_device(ctx, VF, VF_FD);
	assert_string_equal((const char *)test_ioctls[0].bytes, VF " vf_token=" TOKEN_A);
	assert_false(was_set(ctx, VF, before));
	test_n_messages = 0;
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roles, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_read, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(sizes, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(own_devices, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(vfs, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(parameter, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_device_asked, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(sources, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(token_set, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("info", tests, NULL, NULL);
}
