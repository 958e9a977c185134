/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device.h"
#include "test_util.h"

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF_OF_IGB "0000:02:10.0"
#define MISSING "0000:03:10.0"
#define NO_BUS "ffffffff:ff:1f.7"

static void
make_devices(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "2\n" },
		{ VF, "vfio-pci", PF, NULL, NULL },
		{ VF_OF_IGB, "vfio-pci", "0000:02:00.0", NULL, NULL },
	};
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
}

/* The token comes in a memory file that no other program gets, and that holds nothing else. */
static void
assert_handed_over(int fd, const char *text)
{
	char bytes[sizeof(uuid_t) + 1];
	uuid_t token;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(uuid_parse(text, token), 0);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(token));
	assert_memory_equal(bytes, token, sizeof(token));
	close(fd);
}

/* A device's token is that of the rule that covers it: its own, its PF's, or the default. */
static void
handed_over(void **state)
{
	static const struct {
		const char *name;
		const char *rules[2];
		const char *token;
		struct test_said said;
	} cases[] = {
		{ VF, { PF "=" TOKEN_A, VF "=" TOKEN_B }, TOKEN_B, SAID_NOTHING },
		{ VF, { TOKEN_B, PF "=" TOKEN_A }, TOKEN_A, SAID_NOTHING },
		{ "1:10.0", { PF "=" TOKEN_A }, TOKEN_A, SAID_NOTHING },
		{ PF, { TOKEN_A, VF "=" TOKEN_B }, TOKEN_A, SAID_NOTHING },
		{ PF, { PF "=file:own" }, TOKEN_A, SAID_NOTHING },
		{ VF, { "file:shared" }, TOKEN_A, SAID(source_readable, VF, "file:shared") },
		/* Whether the kernel wants one is for the other process to know. */
		{ VF_OF_IGB, { TOKEN_A }, TOKEN_A, SAID_NOTHING },
		{ MISSING, { MISSING "=" TOKEN_A }, TOKEN_A, SAID_NOTHING },
		{ MISSING, { TOKEN_A }, TOKEN_A, SAID_NOTHING },
	};
	size_t i, j;

	(void)state;
	make_devices();
	test_write_text("own", TOKEN_A "\n");
	test_write("shared", TOKEN_A "\n", sizeof(TOKEN_A), 0644);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = test_context();

		for (j = 0; j < TEST_DIM(cases[i].rules) && cases[i].rules[j] != NULL; j++)
			assert_int_equal(vftoken_add_rule(ctx, cases[i].rules[j]), 0);
		/* The rule keeps its token, which can be handed over again. */
		for (j = 0; j < 2; j++) {
			assert_handed_over(vftoken_transfer_token(ctx, cases[i].name),
					   cases[i].token);
			test_assert_said(&cases[i].said);
		}
		vftoken_context_destroy(ctx);
	}
}

#define NO_VARIABLE "env:NO_SUCH_VARIABLE"

/* A failure leaves nothing open; a source that can't be read draws a message, and a PF that isn't
 * known. */
static void
not_handed_over(void **state)
{
	static const struct {
		const char *devices;
		const char *name;
		const char *rule;
		int ret;
		struct test_said said;
	} cases[] = {
		{ TEST_DEVICES, "net_null0", TOKEN_A, -EINVAL, SAID_NOTHING },
		{ TEST_DEVICES, "0000:01:20.0", TOKEN_A, -EINVAL, SAID_NOTHING },
		{ TEST_DEVICES, VF, NULL, -ENOKEY, SAID_NOTHING },
		{ TEST_DEVICES, PF, VF "=" TOKEN_A, -ENOKEY, SAID_NOTHING },
		{ TEST_DEVICES, VF_OF_IGB, PF "=" TOKEN_A, -ENOKEY, SAID_NOTHING },
		/* Without sysfs the PF isn't known. */
		{ "none", VF, PF "=" TOKEN_A, -ENOENT,
		  SAID(transfer_pf_unknown, VF, "No such file or directory") },
		{ VFTOKEN_SYSFS_DEVICES, NO_BUS, PF "=" TOKEN_A, -ENODEV,
		  SAID(transfer_pf_unknown, NO_BUS, "No such device") },
		{ "none", VF, NULL, -ENOKEY, SAID_NOTHING },
		{ TEST_DEVICES, "1:10.0", "file:none", -ENOENT,
		  SAID(source_unopened, VF, "file:none", "No such file or directory") },
		{ TEST_DEVICES, PF, "file:open", -EPERM, SAID(source_writable, PF, "file:open") },
		{ TEST_DEVICES, VF, NO_VARIABLE, -ENOENT, SAID(source_unset, VF, NO_VARIABLE) },
	};
	size_t i;

	(void)state;
	make_devices();
	test_write("open", TOKEN_A "\n", sizeof(TOKEN_A), 0666);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = test_context();
		unsigned int fds;

		vftoken_context_set_sysfs(ctx, cases[i].devices);
		if (cases[i].rule != NULL)
			assert_int_equal(vftoken_add_rule(ctx, cases[i].rule), 0);
		fds = test_open_fds();
		assert_int_equal(vftoken_transfer_token(ctx, cases[i].name), cases[i].ret);
		test_assert_said(&cases[i].said);
		assert_int_equal(test_open_fds(), fds);
		vftoken_context_destroy(ctx);
	}
}

/* There is no fd, or no room, for the memory file. */
static void
no_memory_file(void **state)
{
	static const struct {
		int resource;
		int ret;
		const char *why;
	} cases[] = {
		{ RLIMIT_NOFILE, -EMFILE, "Too many open files" },
		{ RLIMIT_FSIZE, -EFBIG, "File too large" },
	};
	struct vftoken_context *ctx = test_context();
	unsigned int fds;
	size_t i;

	(void)state;
	make_devices();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	fds = test_open_fds();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct rlimit before, none;
		int ret;

		assert_int_equal(getrlimit(cases[i].resource, &before), 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(cases[i].resource, &none), 0);
		ret = vftoken_transfer_token(ctx, VF);
		assert_int_equal(setrlimit(cases[i].resource, &before), 0);
		assert_int_equal(ret, cases[i].ret);
		test_said(store_failed, VF, cases[i].why);
		assert_int_equal(test_open_fds(), fds);
	}
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(handed_over, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_handed_over, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_memory_file, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("open_transfer", tests, NULL, NULL);
}
