/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF_OF_IGB "0000:02:10.0"
#define MISSING "0000:03:10.0"

#define NOT_LENT(bdf, why) "VF token of " bdf " not lent: " why

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

/* The loan is a memory file that no other program gets, and holds this token alone. */
static void
assert_lent(int fd, const char *text)
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

/* A device's token is lent by the rule that covers it: its own, its PF's, or the default. */
static void
lent(void **state)
{
	static const struct {
		const char *name;
		const char *rules[2];
		const char *token;
	} cases[] = {
		{ VF, { PF "=" TOKEN_A, VF "=" TOKEN_B }, TOKEN_B },
		{ VF, { TOKEN_B, PF "=" TOKEN_A }, TOKEN_A },
		{ "1:10.0", { PF "=" TOKEN_A }, TOKEN_A },
		{ PF, { TOKEN_A, VF "=" TOKEN_B }, TOKEN_A },
		{ PF, { PF "=file:own" }, TOKEN_A },
		{ VF, { "file:shared" }, TOKEN_A },
		/* Whether the kernel wants one is for who asks to know. */
		{ VF_OF_IGB, { TOKEN_A }, TOKEN_A },
		{ MISSING, { MISSING "=" TOKEN_A }, TOKEN_A },
		{ MISSING, { TOKEN_A }, TOKEN_A },
	};
	size_t i, j;

	(void)state;
	make_devices();
	test_write_text("own", TOKEN_A "\n");
	test_write("shared", TOKEN_A "\n", sizeof(TOKEN_A), 0644);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken *vt = test_rules();

		for (j = 0; j < TEST_DIM(cases[i].rules) && cases[i].rules[j] != NULL; j++)
			assert_int_equal(vftoken_add_rule(vt, cases[i].rules[j]), 0);
		/* A loan that is taken leaves the rule's token, which can be lent again. */
		for (j = 0; j < 2; j++)
			assert_lent(pci_vf_token_lend(vt, TEST_DEVICES, cases[i].name),
				    cases[i].token);
		test_assert_message(0, NULL);
		vftoken_destroy(vt);
	}
}

/* What can't be lent leaves nothing open; only a source that can't be read draws a message. */
static void
not_lent(void **state)
{
	static const struct {
		const char *devices;
		const char *name;
		const char *rule;
		int ret;
		const char *message;
	} cases[] = {
		{ TEST_DEVICES, "net_null0", TOKEN_A, -EINVAL, NULL },
		{ TEST_DEVICES, "0000:01:20.0", TOKEN_A, -EINVAL, NULL },
		{ TEST_DEVICES, VF, NULL, -ENOKEY, NULL },
		{ TEST_DEVICES, PF, VF "=" TOKEN_A, -ENOKEY, NULL },
		{ TEST_DEVICES, VF_OF_IGB, PF "=" TOKEN_A, -ENOKEY, NULL },
		/* Without sysfs the PF isn't known. */
		{ "none", VF, PF "=" TOKEN_A, -ENOKEY, NULL },
		{ NULL, "ffffffff:ff:1f.7", PF "=" TOKEN_A, -ENOKEY, NULL },
		{ TEST_DEVICES, "1:10.0", "file:none", -ENOENT,
		  NOT_LENT(VF, "file:none can't be opened: No such file or directory") },
		{ TEST_DEVICES, PF, "file:open", -EPERM,
		  NOT_LENT(PF, "file:open may be written by others than its owner; chmod 600 it") },
		{ TEST_DEVICES, VF, "env:NO_SUCH_VARIABLE", -ENOENT,
		  NOT_LENT(VF, "env:NO_SUCH_VARIABLE isn't set in this process's environment; "
			       "export it") },
	};
	size_t i;

	(void)state;
	make_devices();
	test_write("open", TOKEN_A "\n", sizeof(TOKEN_A), 0666);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken *vt = test_rules();
		unsigned int fds;

		if (cases[i].rule != NULL)
			assert_int_equal(vftoken_add_rule(vt, cases[i].rule), 0);
		fds = test_open_fds();
		assert_int_equal(pci_vf_token_lend(vt, cases[i].devices, cases[i].name),
				 cases[i].ret);
		test_assert_message(VFTOKEN_LOG_ERR, cases[i].message);
		assert_int_equal(test_open_fds(), fds);
		vftoken_destroy(vt);
	}
}

/* Nor does a loan for which there is no fd or no room. */
static void
no_memory_file(void **state)
{
	static const struct {
		int resource;
		int ret;
		const char *message;
	} cases[] = {
		{ RLIMIT_NOFILE, -EMFILE, "VF token of " VF " not lent: Too many open files" },
		{ RLIMIT_FSIZE, -EFBIG, "VF token of " VF " not lent: File too large" },
	};
	struct vftoken *vt = test_rules();
	unsigned int fds;
	size_t i;

	(void)state;
	make_devices();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	fds = test_open_fds();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct rlimit before, none;
		int ret;

		assert_int_equal(getrlimit(cases[i].resource, &before), 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(cases[i].resource, &none), 0);
		ret = pci_vf_token_lend(vt, TEST_DEVICES, VF);
		assert_int_equal(setrlimit(cases[i].resource, &before), 0);
		assert_int_equal(ret, cases[i].ret);
		test_assert_message(VFTOKEN_LOG_ERR, cases[i].message);
		assert_int_equal(test_open_fds(), fds);
	}
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lent, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_lent, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_memory_file, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_vf_token_lend", tests, NULL, NULL);
}
