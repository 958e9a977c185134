/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "test_util.h"

#define OPENED 7
#define TOKEN_B_LOWER "c87a0e2d-93fe-4b66-acd3-7e59bd8a6f12"

/* A rule's source and how messages show it. */
#define A "=" TOKEN_A
#define FROM_A "b6" DOTS

/* Messages that several cases draw. */
#define NOT_SENT_VF(vf, pf, driver) SAID(token_not_sent_vf, FROM_A, vf, pf, driver)
#define NOT_SENT_PF(pf, driver) SAID(token_not_sent_pf, FROM_A, pf, driver)
#define NOT_SENT(bdf) SAID(token_not_sent, FROM_A, bdf)
#define NOT_SENT_UNBOUND NOT_SENT_VF(VF_OF_UNBOUND, PF_UNBOUND, "no driver")
#define NO_INFO(bdf, why) SAID(sriov_unreadable, bdf, why)
#define NO_USE(bdf) SAID(token_not_wanted, bdf)
#define DEMANDS(bdf) SAID(token_wanted, bdf, FROM_A)
#define NO_RULE(vf, pf, driver) SAID(vf_needs_token, vf, pf, driver, pf)
#define NO_RULE_UNBOUND NO_RULE(VF_OF_UNBOUND, PF_UNBOUND, "no driver")
#define WRONG(vf, pf, source) SAID(vf_wrong_token, vf, source, pf, pf)
#define OLD_KERNEL(bdf) SAID(kernel_without_tokens, bdf)
#define NO_DEVICE(bdf) SAID(not_in_group, bdf, bdf)
#define INVALID(bdf) SAID(device_refused, bdf, "Invalid argument")
#define UNREADABLE(bdf) SAID(source_unopened, bdf, "file:none", "No such file or directory")

/* PF and VF on vfio-pci, and VFs of that PF elsewhere. */
#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF_IGBVF "0000:01:10.2"
#define VF_UNBOUND "0000:01:10.4"
#define VF_VARIANT "0000:01:10.6"
/* A PF on the kernel's driver, one on none, one on a variant driver, and their VFs on vfio-pci. */
#define PF_IGB "0000:02:00.0"
#define VF_OF_IGB "0000:02:10.0"
#define PF_UNBOUND "0000:03:00.0"
#define VF_OF_UNBOUND "0000:03:10.0"
#define PF_VARIANT "0000:04:00.0"
/* Neither, not readable, and not there. */
#define PLAIN "0000:05:00.0"
#define BROKEN "0000:06:00.0"
#define MISSING "0000:07:00.0"

static const struct test_device devices[] = {
	{ PF, "vfio-pci", NULL, "7\n", "2\n" },
	{ VF, "vfio-pci", PF, NULL, NULL },
	{ VF_IGBVF, "igbvf", PF, NULL, NULL },
	{ VF_UNBOUND, NULL, PF, NULL, NULL },
	{ VF_VARIANT, "mlx5_vfio_pci", PF, NULL, NULL },
	{ PF_IGB, "igb", NULL, "7\n", "1\n" },
	{ VF_OF_IGB, "vfio-pci", PF_IGB, NULL, NULL },
	{ PF_UNBOUND, NULL, NULL, "7\n", "1\n" },
	{ VF_OF_UNBOUND, "vfio-pci", PF_UNBOUND, NULL, NULL },
	{ PF_VARIANT, "mlx5_vfio_pci", NULL, "7\n", "2\n" },
	{ PLAIN, "vfio-pci", NULL, NULL, NULL },
	{ BROKEN, "vfio-pci", NULL, "x\n", NULL },
};

/* One open: the rule, one ioctl or two of them, and exactly the messages that it draws. */
struct opening_case {
	const char *name;
	const char *rule;
	unsigned int n_ioctls;
	const char *token; /* the one that must come with the ioctl; NULL for none */
	int answer;
	const char *then_token;
	int then_answer;
	struct test_said said[4];
	int ret; /* when it isn't the last answer */
};

#define SENT(answer) 1, TOKEN_A, answer, NULL, 0
#define NOTHING_SENT(answer) 1, NULL, answer, NULL, 0
#define SENT_THEN_NOT(answer, then) 2, TOKEN_A, answer, NULL, then
#define NOT_THEN_SENT(answer, then) 2, NULL, answer, TOKEN_A, then
#define NOT_ASKED 0, NULL, 0, NULL, 0

static void
assert_opening(const struct opening_case *c)
{
	const struct test_answer answers[] = { { .ret = c->answer }, { .ret = c->then_answer } };
	const char *const tokens[] = { c->token, c->then_token };
	struct vftoken_context *ctx = test_context();
	unsigned int i;
	char text[128];
	int ret = c->ret;

	print_message("%s, rule %s\n", c->name, c->rule != NULL ? c->rule : "none");
	if (c->rule != NULL)
		assert_int_equal(vftoken_add_rule(ctx, c->rule), 0);
	if (ret == 0)
		ret = answers[c->n_ioctls - 1].ret;
	test_answer(answers, c->n_ioctls);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, c->name), ret);
	assert_int_equal(test_n_ioctls, c->n_ioctls);
	for (i = 0; i < c->n_ioctls; i++) {
		snprintf(text, sizeof(text), "%s%s%s", c->name,
			 tokens[i] != NULL ? " vf_token=" : "", tokens[i] != NULL ? tokens[i] : "");
		assert_int_equal(test_ioctls[i].fd, GROUP_FD);
		assert_int_equal(test_ioctls[i].request, VFIO_GROUP_GET_DEVICE_FD);
		assert_string_equal((const char *)test_ioctls[i].bytes, text);
	}
	test_assert_all_said(c->said, TEST_DIM(c->said));
	vftoken_context_destroy(ctx);
}

static void
assert_openings(const struct opening_case *cases, size_t n)
{
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	test_write_text("own", TOKEN_A "\n");
	test_write("shared", TOKEN_A "\n", strlen(TOKEN_A "\n"), 0644);
	for (i = 0; i < n; i++)
		assert_opening(&cases[i]);
}

static const struct opening_case one_ioctl_cases[] = {
	/* The kernel demands a token: own rule, the PF's or the default, always in lower case. */
	{ VF, VF A, SENT(OPENED), { SAID_NOTHING }, 0 },
	{ VF, PF A, SENT(OPENED), { SAID_NOTHING }, 0 },
	{ VF, TOKEN_A, SENT(OPENED), { SAID_NOTHING }, 0 },
	{ VF, "file:own", SENT(OPENED), { SAID_NOTHING }, 0 },
	{ VF, "1:10.0=" TOKEN_B, 1, TOKEN_B_LOWER, OPENED, NULL, 0, { SAID_NOTHING }, 0 },
	{ VF, "file:shared", SENT(OPENED), { SAID(source_readable, VF, "file:shared") }, 0 },
	{ PF, PF A, SENT(OPENED), { SAID_NOTHING }, 0 },
	{ PF, TOKEN_A, SENT(OPENED), { SAID_NOTHING }, 0 },
	/* No rule covers the device. */
	{ VF, NULL, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ VF, "0000:02:00.0" A, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ PF, NULL, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ PF, VF A, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ PLAIN, NULL, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ VF_OF_IGB, NULL, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	/* The kernel wouldn't use a token. */
	{ VF_OF_IGB, TOKEN_A, NOTHING_SENT(OPENED), { NOT_SENT_VF(VF_OF_IGB, PF_IGB, "igb") }, 0 },
	{ VF_OF_UNBOUND, PF_UNBOUND A, NOTHING_SENT(OPENED), { NOT_SENT_UNBOUND }, 0 },
	{ PF_IGB, TOKEN_A, NOTHING_SENT(OPENED), { NOT_SENT_PF(PF_IGB, "igb") }, 0 },
	{ PLAIN, PLAIN A, NOTHING_SENT(OPENED), { NOT_SENT(PLAIN) }, 0 },
	/* Names that aren't BDFs are none of our business. */
	{ "fsl-mc.0", TOKEN_A, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ "0000:01:20.0", TOKEN_A, NOTHING_SENT(OPENED), { SAID_NOTHING }, 0 },
	{ "fsl-mc.0", TOKEN_A, NOTHING_SENT(-EACCES), { SAID(access_denied, "fsl-mc.0") }, 0 },
	/* Where sysfs can't be read only the default and the device's own rule are found. */
	{ BROKEN, NULL, NOTHING_SENT(OPENED), { NO_INFO(BROKEN, "Invalid argument") }, 0 },
	{ MISSING, TOKEN_A, NOTHING_SENT(OPENED), { NO_INFO(MISSING, "No such device") }, 0 },
	/* A source that can't be read: the kernel isn't asked. */
	{ VF, "file:none", NOT_ASKED, { UNREADABLE(VF) }, -ENOENT },
	{ PF, "file:none", NOT_ASKED, { UNREADABLE(PF) }, -ENOENT },
};

/* Whether a token is sent follows from role, drivers and rule, and one ioctl opens the device. */
static void
one_ioctl(void **state)
{
	(void)state;
	assert_openings(one_ioctl_cases, TEST_DIM(one_ioctl_cases));
}

static const struct opening_case refused_cases[] = {
	/* Access denied. */
	{ VF, NULL, NOTHING_SENT(-EACCES), { NO_RULE(VF, PF, "vfio-pci") }, 0 },
	{ VF_OF_IGB, NULL, NOTHING_SENT(-EACCES), { NO_RULE(VF_OF_IGB, PF_IGB, "igb") }, 0 },
	{ VF_OF_UNBOUND, NULL, NOTHING_SENT(-EACCES), { NO_RULE_UNBOUND }, 0 },
	{ VF, PF A, SENT(-EACCES), { WRONG(VF, PF, FROM_A) }, 0 },
	{ VF, "file:own", SENT(-EACCES), { WRONG(VF, PF, "file:own") }, 0 },
	{ PF, NULL, NOTHING_SENT(-EACCES), { SAID(pf_needs_token, PF, "2", PF) }, 0 },
	{ PF, PF A, SENT(-EACCES), { SAID(pf_wrong_token, PF, "2", FROM_A) }, 0 },
	{ PLAIN, NULL, NOTHING_SENT(-EACCES), { SAID(access_denied, PLAIN) }, 0 },
	/* No such device: a kernel that knows no options, or not on a VFIO driver. */
	{ VF, PF A, SENT(-ENODEV), { OLD_KERNEL(VF) }, 0 },
	{ VF_VARIANT, PF A, SENT(-ENODEV), { OLD_KERNEL(VF_VARIANT) }, 0 },
	{ PF, PF A, SENT(-ENODEV), { OLD_KERNEL(PF) }, 0 },
	{ VF_IGBVF, PF A, SENT(-ENODEV), { NO_DEVICE(VF_IGBVF) }, 0 },
	{ VF_UNBOUND, PF A, SENT(-ENODEV), { NO_DEVICE(VF_UNBOUND) }, 0 },
	{ VF, NULL, NOTHING_SENT(-ENODEV), { NO_DEVICE(VF) }, 0 },
	/* The other refusals, with a token or without. */
	{ VF, NULL, NOTHING_SENT(-EPERM), { SAID(no_iommu_privilege, VF) }, 0 },
	{ VF, PF A, SENT(-EBUSY), { SAID(device_busy, VF) }, 0 },
	{ PF, PF A, SENT(-EIO), { SAID(device_refused, PF, "Input/output error") }, 0 },
	{ PLAIN, NULL, NOTHING_SENT(-EINVAL), { INVALID(PLAIN) }, 0 },
};

/* Each refusal draws one error message, which says what was refused, why, and what to do. */
static void
refused(void **state)
{
	(void)state;
	assert_openings(refused_cases, TEST_DIM(refused_cases));
}

#define NOT_SENT_IGB NOT_SENT_VF(VF_OF_IGB, PF_IGB, "igb")
#define NOT_SENT_VARIANT NOT_SENT_PF(PF_VARIANT, "mlx5_vfio_pci")
#define WRONG_IGB WRONG(VF_OF_IGB, PF_IGB, FROM_A)

static const struct opening_case retry_cases[] = {
	/* A token that the kernel has no use for. */
	{ VF, PF A, SENT_THEN_NOT(-EINVAL, OPENED), { NO_USE(VF) }, 0 },
	{ PF, TOKEN_A, SENT_THEN_NOT(-EINVAL, OPENED), { NO_USE(PF) }, 0 },
	{ VF, PF A, SENT_THEN_NOT(-EINVAL, -EINVAL), { NO_USE(VF), INVALID(VF) }, 0 },
	{ VF, PF A, SENT_THEN_NOT(-EINVAL, -ENODEV), { NO_USE(VF), NO_DEVICE(VF) }, 0 },
	/* A token that the kernel demands. */
	{ VF_OF_IGB,
	  PF_IGB A,
	  NOT_THEN_SENT(-EACCES, OPENED),
	  { NOT_SENT_IGB, DEMANDS(VF_OF_IGB) },
	  0 },
	{ PF_VARIANT,
	  TOKEN_A,
	  NOT_THEN_SENT(-EACCES, OPENED),
	  { NOT_SENT_VARIANT, DEMANDS(PF_VARIANT) },
	  0 },
	{ PLAIN, TOKEN_A, NOT_THEN_SENT(-EACCES, OPENED), { NOT_SENT(PLAIN), DEMANDS(PLAIN) }, 0 },
	{ VF_OF_IGB,
	  TOKEN_A,
	  NOT_THEN_SENT(-EACCES, -EACCES),
	  { NOT_SENT_IGB, DEMANDS(VF_OF_IGB), WRONG_IGB },
	  0 },
	{ PLAIN,
	  TOKEN_A,
	  NOT_THEN_SENT(-EACCES, -EINVAL),
	  { NOT_SENT(PLAIN), DEMANDS(PLAIN), INVALID(PLAIN) },
	  0 },
	/* No retry for another answer, nor with a source that can't be read. */
	{ VF_OF_IGB, TOKEN_A, NOTHING_SENT(-ENODEV), { NOT_SENT_IGB, NO_DEVICE(VF_OF_IGB) }, 0 },
	{ VF_OF_IGB,
	  "file:none",
	  NOTHING_SENT(-EACCES),
	  { SAID(token_not_sent_vf, "file:none", VF_OF_IGB, PF_IGB, "igb"),
	    SAID(token_wanted, VF_OF_IGB, "file:none"), UNREADABLE(VF_OF_IGB) },
	  -ENOENT },
};

/* Where sysfs and the kernel disagree there is one more try, and a warning says so. */
static void
retry(void **state)
{
	(void)state;
	assert_openings(retry_cases, TEST_DIM(retry_cases));
}

/* A source is read only when its token is needed, and an fd's token serves every device. */
static void
fd_serves_all(void **state)
{
	static const struct test_answer opened[] = { { .ret = OPENED } };
	const int fd = test_pipe(TOKEN_A "\n");
	struct vftoken_context *ctx = test_context();
	char rule[16];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	snprintf(rule, sizeof(rule), "fd:%d", fd);
	assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	for (i = 0; i < TEST_DIM(devices); i++) {
		test_answer(opened, 1);
		test_n_messages = 0;
		vftoken_open(ctx, GROUP_FD, devices[i].bdf);
		assert_true(test_n_messages == 0 || test_messages[0].level != VFTOKEN_LOG_ERR);
	}
	vftoken_context_destroy(ctx);
}

/* A device of another bus gets no token, and no advice about PCI. */
static void
other_bus(void **state)
{
	static const struct test_answer gone[] = { { .ret = -ENODEV } };
	struct vftoken_context *ctx = test_context();

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	test_answer(gone, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, "dprc.2"), -ENODEV);
	test_said(not_in_group_no_pci, "dprc.2");
	assert_int_equal(test_n_ioctls, 1);
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_ioctl, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(retry, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_serves_all, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(other_bus, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
