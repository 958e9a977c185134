/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include "test.h"

#ifndef RTE_EXEC_ENV_LINUX

static int
test_vf_token(void)
{
	printf("VF tokens are only supported on Linux, skipping test\n");
	return TEST_SKIPPED;
}

#else

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_uuid.h>

#include <vftoken/context.h>
#include <vftoken/info.h>
#include <vftoken/pf.h>

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define PLAIN "0000:02:00.0"
#define TOKEN "3e2c7dbf-21d8-49a5-8f2b-6b0f7d4a9c11"
#define OTHER "9a1f4c70-6f0e-4d36-b1c5-0d2f5a3e8b42"
#define STARS "************************************"

static struct vftoken_context *ctx;
static unsigned int n_errors;
static char last_id[64];

static void
count_errors(enum vftoken_log_level level, const char *id, const char *text,
		void *opaque __rte_unused)
{
	printf("%s [%s]\n", text, id);
	n_errors += level == VFTOKEN_LOG_ERR;
	snprintf(last_id, sizeof(last_id), "%s", id);
}

static int
setup(void)
{
	n_errors = 0;
	ctx = vftoken_context_create();
	TEST_ASSERT_NOT_NULL(ctx, "no context");
	vftoken_context_set_log(ctx, count_errors, NULL);
	return TEST_SUCCESS;
}

static void
teardown(void)
{
	vftoken_context_destroy(ctx);
	ctx = NULL;
}

/* Each refused rule is explained once, and changes nothing. */
static int
test_bad_rules(void)
{
	static const struct {
		const char *rule;
		int ret;
	} rules[] = {
		{ "", -EINVAL },
		{ PF, -EINVAL },
		{ PF "=", -EINVAL },
		{ "0000:01:20.0=" TOKEN, -EINVAL },
		{ "{" TOKEN "}", -EINVAL },
		{ "00000000-0000-0000-0000-000000000000", -EINVAL },
		{ "store:x", -EINVAL },
		{ "fd:1048577", -EBADF },
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(rules); i++) {
		TEST_ASSERT_EQUAL(vftoken_add_rule(ctx, rules[i].rule),
				rules[i].ret, "rule %u", i);
		TEST_ASSERT_EQUAL(n_errors, i + 1, "rule %u isn't explained", i);
	}
	TEST_ASSERT_EQUAL(vftoken_list_devices(ctx, NULL, 0), 0, "a rule is left");
	return TEST_SUCCESS;
}

/* One device has one rule, but an equal one may be repeated. */
static int
test_repeated_rules(void)
{
	TEST_ASSERT_SUCCESS(vftoken_add_rule(ctx, PF "=" TOKEN), "rule");
	TEST_ASSERT_SUCCESS(vftoken_add_rule(ctx, "01:00.0=" TOKEN), "equal rule");
	TEST_ASSERT_EQUAL(vftoken_add_rule(ctx, PF "=" OTHER), -EEXIST, "other rule");
	TEST_ASSERT_EQUAL(strcmp(last_id, "rule_twice"), 0, "reason is %s", last_id);
	TEST_ASSERT_SUCCESS(vftoken_add_num_vfs(ctx, PF "=2"), "number");
	TEST_ASSERT_SUCCESS(vftoken_add_num_vfs(ctx, PF "=2"), "equal number");
	TEST_ASSERT_EQUAL(vftoken_add_num_vfs(ctx, PF "=3"), -EEXIST, "other number");
	return TEST_SUCCESS;
}

/* The default rule's token, which rte_eal_vfio_get_vf_token() gives, is nil for none. */
static int
test_default_rule(void)
{
	vftoken_uuid_t token;
	rte_uuid_t expected;

	/* the process has no rule */
	rte_eal_vfio_get_vf_token(token);
	TEST_ASSERT(rte_uuid_is_null(token), "a token without a rule");
	TEST_ASSERT_EQUAL(vftoken_read_default(ctx, token), -ENOENT, "a default");
	TEST_ASSERT_SUCCESS(vftoken_add_rule(ctx, PF "=" OTHER), "rule");
	TEST_ASSERT_EQUAL(vftoken_read_default(ctx, token), -ENOENT, "a default");
	TEST_ASSERT_SUCCESS(vftoken_add_rule(ctx, TOKEN), "default rule");
	TEST_ASSERT_SUCCESS(vftoken_read_default(ctx, token), "no default");
	TEST_ASSERT_SUCCESS(rte_uuid_parse(TOKEN, expected), "token");
	TEST_ASSERT_EQUAL(rte_uuid_compare(token, expected), 0, "another token");
	return TEST_SUCCESS;
}

/* A variable is wiped and unset when it was read, and its token is kept. */
static int
test_environment(void)
{
	vftoken_uuid_t token, again;

	TEST_ASSERT_SUCCESS(setenv("TEST_VF_TOKEN", TOKEN, 1), "setenv");
	TEST_ASSERT_SUCCESS(vftoken_add_rule(ctx, "env:TEST_VF_TOKEN"), "rule");
	TEST_ASSERT_SUCCESS(vftoken_read_default(ctx, token), "first read");
	TEST_ASSERT_NULL(getenv("TEST_VF_TOKEN"), "the variable is set");
	TEST_ASSERT_SUCCESS(vftoken_read_default(ctx, again), "second read");
	TEST_ASSERT_EQUAL(rte_uuid_compare(token, again), 0, "another token");
	return TEST_SUCCESS;
}

/* What may be a token is overwritten in the arguments, and nothing else. */
static int
test_masking(void)
{
	char literal[] = PF "=" TOKEN, file[] = PF "=file:/run/vf-token";
	char misplaced[] = "--vdev=net_null0,token=" TOKEN;
	char argument[] = "--vfio-vf-token=" TOKEN, program[] = "test";
	char *argv[2];

	TEST_ASSERT_SUCCESS(vftoken_mask_rule(literal), "literal");
	TEST_ASSERT_EQUAL(strcmp(literal, PF "=" STARS), 0, "literal is %s", literal);
	TEST_ASSERT_SUCCESS(vftoken_mask_rule(file), "file");
	TEST_ASSERT_EQUAL(strcmp(file, PF "=file:/run/vf-token"), 0, "file is %s", file);
	TEST_ASSERT_SUCCESS(vftoken_mask(misplaced), "misplaced");
	TEST_ASSERT_EQUAL(strcmp(misplaced, "--vdev=net_null0,token=" STARS), 0,
			"argument is %s", misplaced);
	argv[0] = program;
	argv[1] = argument;
	vftoken_hide_rule(ctx, TOKEN, RTE_DIM(argv), argv);
	TEST_ASSERT_EQUAL(strcmp(argument, "--vfio-vf-token=" STARS), 0,
			"argument is %s", argument);
	TEST_ASSERT_EQUAL(strcmp(program, "test"), 0, "program is %s", program);
	return TEST_SUCCESS;
}

static int
make_file(const char *folder, const char *device, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/devices/%s/%s", folder, device, name);
	file = fopen(path, "w");
	if (file == NULL)
		return -errno;
	fputs(text, file);
	return fclose(file);
}

static int
make_link(const char *folder, const char *device, const char *name, const char *target)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/devices/%s/%s", folder, device, name);
	return symlink(target, path);
}

static int
make_folder(const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return mkdir(path, 0700);
}

/* A PF with one VF, both on vfio-pci, and a device without SR-IOV. */
static int
make_sysfs(const char *folder)
{
	int ret = 0;

	ret |= make_folder(folder, "drivers");
	ret |= make_folder(folder, "drivers/vfio-pci");
	ret |= make_folder(folder, "devices");
	ret |= make_folder(folder, "devices/" PF);
	ret |= make_folder(folder, "devices/" VF);
	ret |= make_folder(folder, "devices/" PLAIN);
	ret |= make_file(folder, PF, "sriov_totalvfs", "8\n");
	ret |= make_file(folder, PF, "sriov_numvfs", "1\n");
	ret |= make_link(folder, PF, "driver", "../../drivers/vfio-pci");
	ret |= make_link(folder, PF, "virtfn0", "../" VF);
	ret |= make_link(folder, VF, "driver", "../../drivers/vfio-pci");
	ret |= make_link(folder, VF, "physfn", "../" PF);
	return ret;
}

static int
look_up(void)
{
	struct vftoken_info info = { .size = sizeof(info) };

	TEST_ASSERT_SUCCESS(vftoken_add_rule(ctx, PF "=file:/run/vf-token"), "rule");
	TEST_ASSERT_SUCCESS(vftoken_info_read(ctx, PF, &info), "PF");
	TEST_ASSERT_EQUAL(info.role, VFTOKEN_ROLE_PF, "PF's role");
	TEST_ASSERT_EQUAL(info.totalvfs, 8, "PF's VFs");
	TEST_ASSERT_EQUAL(info.numvfs, 1, "PF's VFs");
	TEST_ASSERT_SUCCESS(vftoken_info_read(ctx, VF, &info), "VF");
	TEST_ASSERT_EQUAL(info.role, VFTOKEN_ROLE_VF, "VF's role");
	TEST_ASSERT_EQUAL(strcmp(info.pf, PF), 0, "VF's PF is %s", info.pf);
	TEST_ASSERT_EQUAL(strcmp(info.source, "file"), 0, "VF has no rule of its PF");
	TEST_ASSERT_SUCCESS(vftoken_info_read(ctx, PLAIN, &info), "device");
	TEST_ASSERT_EQUAL(info.role, VFTOKEN_ROLE_NONE, "device's role");
	TEST_ASSERT_EQUAL(strcmp(info.source, "none"), 0, "device has a rule");
	TEST_ASSERT_EQUAL(vftoken_info_read(ctx, "0000:03:00.0", &info), -ENODEV,
			"no device");
	TEST_ASSERT_EQUAL(vftoken_pf_reload_token(ctx, NULL), -ENODEV,
			"a reload without a PF");
	return TEST_SUCCESS;
}

static void
remove_sysfs(const char *folder)
{
	static const char *const names[] = {
		"devices/" PF "/sriov_totalvfs", "devices/" PF "/sriov_numvfs",
		"devices/" PF "/driver", "devices/" PF "/virtfn0",
		"devices/" VF "/driver", "devices/" VF "/physfn",
		"devices/" PF, "devices/" VF, "devices/" PLAIN, "devices",
		"drivers/vfio-pci", "drivers", "",
	};
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < RTE_DIM(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		remove(path);
	}
}

/* Let a context have a made sysfs, as long as a function runs. */
static int
with_sysfs(struct vftoken_context *whose, int (*function)(void))
{
	char folder[] = "/tmp/vf_token_test_XXXXXX", devices[PATH_MAX];
	int ret;

	TEST_ASSERT_NOT_NULL(mkdtemp(folder), "mkdtemp");
	snprintf(devices, sizeof(devices), "%s/devices", folder);
	vftoken_context_set_sysfs(whose, devices);
	ret = make_sysfs(folder) == 0 ? function() : TEST_FAILED;
	vftoken_context_set_sysfs(whose, VFTOKEN_SYSFS_DEVICES);
	remove_sysfs(folder);
	return ret;
}

static int
test_sysfs(void)
{
	return with_sysfs(ctx, look_up);
}

/* Connect to this process's telemetry, and read its greeting. */
static int
connect_telemetry(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char greeting[1024];
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk_telemetry.v2",
			rte_eal_get_runtime_dir());
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
			recv(fd, greeting, sizeof(greeting), 0) <= 0) {
		close(fd);
		return -ENOTCONN;
	}
	return fd;
}

/* Answers say what a command did, and have no token, even one that was asked about. The rule stays
 * with the process, which has no such device.
 */
static int
ask_telemetry(void)
{
	static const struct {
		const char *command;
		const char *answer;
	} asked[] = {
		{ "/vf_token/status," PF, "\"role\":\"PF\"" },
		{ "/vf_token/status," PF, "\"vfs_total\":8" },
		{ "/vf_token/status," PF, "\"token_source\":\"literal\"" },
		{ "/vf_token/status," VF, "\"pf\":\"" PF "\"" },
		{ "/vf_token/status," VF, "\"token_source\":\"literal\"" },
		{ "/vf_token/status," PLAIN, "\"token_source\":\"none\"" },
		{ "/vf_token/status,0000:03:00.0", "\"error\":\"No such device\"" },
		{ "/vf_token/status," TOKEN, "\"device\":\"not a BDF\"" },
		{ "/vf_token/status", "\"0000_01_00_0\":{" },
		{ "/vf_token/reload," TOKEN, "\"result\":\"Invalid argument\"" },
	};
	char answer[4096];
	unsigned int i;
	ssize_t n;
	int fd;

	TEST_ASSERT_SUCCESS(vftoken_add_rule(vftoken_context_process(), PF "=" TOKEN), "rule");
	fd = connect_telemetry();
	if (fd < 0) {
		printf("no telemetry, skipping test\n");
		return TEST_SKIPPED;
	}
	for (i = 0; i < RTE_DIM(asked); i++) {
		n = send(fd, asked[i].command, strlen(asked[i].command), 0);
		if (n > 0)
			n = recv(fd, answer, sizeof(answer) - 1, 0);
		answer[RTE_MAX(n, 0)] = '\0';
		printf("%s\n", answer);
		if (strstr(answer, asked[i].answer) == NULL || strstr(answer, TOKEN) != NULL)
			break;
	}
	close(fd);
	TEST_ASSERT_EQUAL(i, RTE_DIM(asked), "answer %u", i);
	return TEST_SUCCESS;
}

static int
test_telemetry(void)
{
	return with_sysfs(vftoken_context_process(), ask_telemetry);
}

static struct unit_test_suite vf_token_suite = {
	.suite_name = "VF token",
	.unit_test_cases = {
		TEST_CASE_ST(setup, teardown, test_bad_rules),
		TEST_CASE_ST(setup, teardown, test_repeated_rules),
		TEST_CASE_ST(setup, teardown, test_default_rule),
		TEST_CASE_ST(setup, teardown, test_environment),
		TEST_CASE_ST(setup, teardown, test_masking),
		TEST_CASE_ST(setup, teardown, test_sysfs),
		TEST_CASE(test_telemetry),
		TEST_CASES_END()
	},
};

static int
test_vf_token(void)
{
	return unit_test_suite_runner(&vf_token_suite);
}

#endif /* RTE_EXEC_ENV_LINUX */

