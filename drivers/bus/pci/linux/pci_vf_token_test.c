/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define GROUP_FD 42
#define OPENED 7
#define TOKEN_B_LOWER "c87a0e2d-93fe-4b66-acd3-7e59bd8a6f12"

/* A rule's source and how messages show it. */
#define A "=" TOKEN_A
#define FROM_A "b6" DOTS
#define GIVE(bdf) " (--vfio-vf-token=" bdf "=SOURCE)"

/* The parts of the longer messages. */
#define REFUSED " refused by the kernel: "
#define NOT_SENT "VF token from " FROM_A " isn't sent for "
#define NO_USE ": the kernel has no use for a VF token, against what sysfs says; trying without"
#define DEMANDS(source) \
	": the kernel demands a VF token, against what sysfs says; trying with the one from " source
#define NO_RULE(vf, pf, driver) \
	"VF " vf REFUSED "its PF " pf " is on " driver ", which demands the PF's VF token, and " \
	"no rule covers this VF; give the token that the PF's process uses" GIVE(pf)
#define WRONG(vf, pf, source) \
	"VF " vf REFUSED "the token from " source " isn't the VF token of its PF " pf "; give " \
	"the token that the PF's process uses" GIVE(pf)
#define OLD_KERNEL \
	REFUSED "this kernel doesn't know VF tokens (Linux 5.7 and later do); use a later one or " \
	"one with the series in dpdk-vf-token's kernel-patches/, or leave the token out"
#define NO_DEVICE(bdf) \
	bdf REFUSED "no such device in its IOMMU group; bind it to a VFIO driver " \
	"(dpdk-devbind.py -b vfio-pci " bdf ")"
#define IN_USE " (2 enabled) some are in use, "
#define END_THEM ", or end the VFs' processes first"
#define DENIED \
	REFUSED "access denied, though sysfs shows neither an SR-IOV PF nor a VF; see dmesg " \
	"for the driver's reason"
#define UNREADABLE \
	" not opened, since its VF token can't be read: file:none can't be opened: " \
	"No such file or directory"
#define NO_FACTS ": its SR-IOV facts can't be read from sysfs: "

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

/* One ioctl: the token that must come with it, or NULL for none, and what the kernel answers. */
struct try {
	const char *token;
	int ret;
};

/* One open: the rule and the tries, and exactly the messages that it draws. */
struct opening_case {
	const char *name;
	const char *rule;
	unsigned int n_tries;
	struct try tries[2];
	struct {
		enum vftoken_log_level level;
		const char *text;
	} messages[4];
	int ret;	/* when it isn't the last try's */
};

#define ERR(text) { VFTOKEN_LOG_ERR, text }
#define WARNING(text) { VFTOKEN_LOG_WARNING, text }
#define INFO(text) { VFTOKEN_LOG_INFO, text }
#define NONE { { 0, NULL } }
#define SENT(ret) 1, { { TOKEN_A, ret } }
#define NOTHING_SENT(ret) 1, { { NULL, ret } }
#define SENT_THEN_NOT(ret, then) 2, { { TOKEN_A, ret }, { NULL, then } }
#define NOT_THEN_SENT(ret, then) 2, { { NULL, ret }, { TOKEN_A, then } }

static void
assert_opening(const struct opening_case *c)
{
	struct test_answer answers[TEST_DIM(c->tries)] = { { 0, NULL, 0 } };
	struct vftoken *vt = test_rules();
	unsigned int i;
	char text[128];
	int ret = c->ret;

	print_message("%s, rule %s\n", c->name, c->rule != NULL ? c->rule : "none");
	if (c->rule != NULL)
		assert_int_equal(vftoken_add_rule(vt, c->rule), 0);
	for (i = 0; i < c->n_tries; i++)
		ret = answers[i].ret = c->tries[i].ret;
	if (c->ret != 0)
		ret = c->ret;
	test_answer(answers, c->n_tries);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, c->name), ret);
	assert_int_equal(test_n_ioctls, c->n_tries);
	for (i = 0; i < c->n_tries; i++) {
		const char *token = c->tries[i].token;

		snprintf(text, sizeof(text), "%s%s%s", c->name, token != NULL ? " vf_token=" : "",
			 token != NULL ? token : "");
		assert_int_equal(test_ioctls[i].fd, GROUP_FD);
		assert_int_equal(test_ioctls[i].request, VFIO_GROUP_GET_DEVICE_FD);
		assert_string_equal((const char *)test_ioctls[i].bytes, text);
	}
	for (i = 0; i < TEST_DIM(c->messages) && c->messages[i].text != NULL; i++) {
		assert_true(i < test_n_messages);
		assert_string_equal(test_messages[i].text, c->messages[i].text);
		assert_int_equal(test_messages[i].level, c->messages[i].level);
	}
	assert_int_equal(test_n_messages, i);
	test_n_messages = 0;
	vftoken_destroy(vt);
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
	{ VF, VF A, SENT(OPENED), NONE, 0 },
	{ VF, PF A, SENT(OPENED), NONE, 0 },
	{ VF, TOKEN_A, SENT(OPENED), NONE, 0 },
	{ VF, "file:own", SENT(OPENED), NONE, 0 },
	{ VF, "1:10.0=" TOKEN_B, 1, { { TOKEN_B_LOWER, OPENED } }, NONE, 0 },
	{ VF, "file:shared", SENT(0),
	  { WARNING("VF token of " VF ": file:shared may be read by everybody on this machine; "
		    "chmod 600 it if it can be") }, 0 },
	{ PF, PF A, SENT(OPENED), NONE, 0 },
	{ PF, TOKEN_A, SENT(OPENED), NONE, 0 },
	/* No rule covers the device. */
	{ VF, NULL, NOTHING_SENT(OPENED), NONE, 0 },
	{ VF, "0000:02:00.0" A, NOTHING_SENT(OPENED), NONE, 0 },
	{ PF, NULL, NOTHING_SENT(OPENED), NONE, 0 },
	{ PF, VF A, NOTHING_SENT(OPENED), NONE, 0 },
	{ PLAIN, NULL, NOTHING_SENT(OPENED), NONE, 0 },
	{ VF_OF_IGB, NULL, NOTHING_SENT(OPENED), NONE, 0 },
	/* The kernel wouldn't use a token. */
	{ VF_OF_IGB, TOKEN_A, NOTHING_SENT(OPENED),
	  { INFO(NOT_SENT "VF " VF_OF_IGB ": its PF " PF_IGB " is on igb, not vfio-pci, so the "
		 "kernel wants none") }, 0 },
	{ VF_OF_UNBOUND, PF_UNBOUND A, NOTHING_SENT(OPENED),
	  { INFO(NOT_SENT "VF " VF_OF_UNBOUND ": its PF " PF_UNBOUND " is on no driver, not "
		 "vfio-pci, so the kernel wants none") }, 0 },
	{ PF_IGB, TOKEN_A, NOTHING_SENT(OPENED),
	  { INFO(NOT_SENT "PF " PF_IGB ": it is on igb, not vfio-pci, so the kernel wants "
		 "none") }, 0 },
	{ PLAIN, PLAIN A, NOTHING_SENT(OPENED),
	  { INFO(NOT_SENT PLAIN ": sysfs shows neither an SR-IOV PF nor a VF, so the kernel wants "
		 "none") }, 0 },
	/* Names that aren't BDFs are none of our business. */
	{ "fsl-mc.0", TOKEN_A, NOTHING_SENT(OPENED), NONE, 0 },
	{ "0000:01:20.0", TOKEN_A, NOTHING_SENT(OPENED), NONE, 0 },
	{ "fsl-mc.0", TOKEN_A, NOTHING_SENT(-EACCES), { ERR("fsl-mc.0" DENIED) }, 0 },
	/* Without facts only the default and the device's own rule are found. */
	{ BROKEN, NULL, NOTHING_SENT(OPENED), { WARNING(BROKEN NO_FACTS "Invalid argument") }, 0 },
	{ MISSING, TOKEN_A, NOTHING_SENT(OPENED), { WARNING(MISSING NO_FACTS "No such device") }, 0 },
	/* A source that can't be read: the kernel isn't asked. */
	{ VF, "file:none", 0, { { NULL, 0 } }, { ERR(VF UNREADABLE) }, -ENOENT },
	{ PF, "file:none", 0, { { NULL, 0 } }, { ERR(PF UNREADABLE) }, -ENOENT },
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
	{ VF, NULL, NOTHING_SENT(-EACCES), { ERR(NO_RULE(VF, PF, "vfio-pci")) }, 0 },
	{ VF_OF_IGB, NULL, NOTHING_SENT(-EACCES), { ERR(NO_RULE(VF_OF_IGB, PF_IGB, "igb")) }, 0 },
	{ VF_OF_UNBOUND,
	  NULL,
	  NOTHING_SENT(-EACCES),
	  { ERR(NO_RULE(VF_OF_UNBOUND, PF_UNBOUND, "no driver")) },
	  0 },
	{ VF, PF A, SENT(-EACCES), { ERR(WRONG(VF, PF, FROM_A)) }, 0 },
	{ VF, "file:own", SENT(-EACCES), { ERR(WRONG(VF, PF, "file:own")) }, 0 },
	{ PF,
	  NULL,
	  NOTHING_SENT(-EACCES),
	  { ERR("PF " PF REFUSED "of its VFs" IN_USE "which demands the current VF token, and no "
		"rule covers this PF; give that token" GIVE(PF) END_THEM) },
	  0 },
	{ PF,
	  PF A,
	  SENT(-EACCES),
	  { ERR("PF " PF REFUSED "of its VFs" IN_USE "and the token from " FROM_A " isn't the "
		"current VF token; give that token" GIVE(PF) END_THEM) },
	  0 },
	{ PLAIN, NULL, NOTHING_SENT(-EACCES), { ERR(PLAIN DENIED) }, 0 },
	/* No such device: a kernel that knows no options, or not on a VFIO driver. */
	{ VF, PF A, SENT(-ENODEV), { ERR(VF OLD_KERNEL) }, 0 },
	{ VF_VARIANT, PF A, SENT(-ENODEV), { ERR(VF_VARIANT OLD_KERNEL) }, 0 },
	{ PF, PF A, SENT(-ENODEV), { ERR(PF OLD_KERNEL) }, 0 },
	{ VF_IGBVF, PF A, SENT(-ENODEV), { ERR(NO_DEVICE(VF_IGBVF)) }, 0 },
	{ VF_UNBOUND, PF A, SENT(-ENODEV), { ERR(NO_DEVICE(VF_UNBOUND)) }, 0 },
	{ VF, NULL, NOTHING_SENT(-ENODEV), { ERR(NO_DEVICE(VF)) }, 0 },
	/* The other refusals, with a token or without. */
	{ VF,
	  NULL,
	  NOTHING_SENT(-EPERM),
	  { ERR(VF REFUSED "VFIO has no IOMMU here, so that only a process with CAP_SYS_RAWIO "
			   "may open devices; run as root") },
	  0 },
	{ VF,
	  PF A,
	  SENT(-EBUSY),
	  { ERR(VF REFUSED "it is in use in another way; end the process that has it open, as "
			   "/dev/vfio/devices/ or through another group") },
	  0 },
	{ PF,
	  PF A,
	  SENT(-EIO),
	  { ERR(PF REFUSED "Input/output error; see dmesg for its reason") },
	  0 },
	{ PLAIN,
	  NULL,
	  NOTHING_SENT(-EINVAL),
	  { ERR(PLAIN REFUSED "Invalid argument; see dmesg for its reason") },
	  0 },
};

/* Each refusal draws one error message, which says what was refused, why, and what to do. */
static void
refused(void **state)
{
	(void)state;
	assert_openings(refused_cases, TEST_DIM(refused_cases));
}

#define NOT_SENT_IGB \
	INFO(NOT_SENT "VF " VF_OF_IGB ": its PF " PF_IGB " is on igb, not vfio-pci, so the " \
	     "kernel wants none")
#define NOT_SENT_VARIANT \
	INFO(NOT_SENT "PF " PF_VARIANT ": it is on mlx5_vfio_pci, not vfio-pci, so the kernel " \
	     "wants none")
#define NOT_SENT_PLAIN \
	INFO(NOT_SENT PLAIN ": sysfs shows neither an SR-IOV PF nor a VF, so the kernel wants none")

static const struct opening_case retry_cases[] = {
	/* A token that the kernel has no use for. */
	{ VF, PF A, SENT_THEN_NOT(-EINVAL, OPENED), { WARNING(VF NO_USE) }, 0 },
	{ PF, TOKEN_A, SENT_THEN_NOT(-EINVAL, OPENED), { WARNING(PF NO_USE) }, 0 },
	{ VF, PF A, SENT_THEN_NOT(-EINVAL, -EINVAL),
	  { WARNING(VF NO_USE),
	    ERR(VF REFUSED "Invalid argument; see dmesg for its reason") }, 0 },
	{ VF, PF A, SENT_THEN_NOT(-EINVAL, -ENODEV),
	  { WARNING(VF NO_USE), ERR(NO_DEVICE(VF)) }, 0 },
	/* A token that the kernel demands. */
	{ VF_OF_IGB, PF_IGB A, NOT_THEN_SENT(-EACCES, OPENED),
	  { NOT_SENT_IGB, WARNING(VF_OF_IGB DEMANDS(FROM_A)) }, 0 },
	{ PF_VARIANT, TOKEN_A, NOT_THEN_SENT(-EACCES, OPENED),
	  { NOT_SENT_VARIANT, WARNING(PF_VARIANT DEMANDS(FROM_A)) }, 0 },
	{ PLAIN, TOKEN_A, NOT_THEN_SENT(-EACCES, OPENED),
	  { NOT_SENT_PLAIN, WARNING(PLAIN DEMANDS(FROM_A)) }, 0 },
	{ VF_OF_IGB, TOKEN_A, NOT_THEN_SENT(-EACCES, -EACCES),
	  { NOT_SENT_IGB, WARNING(VF_OF_IGB DEMANDS(FROM_A)),
	    ERR(WRONG(VF_OF_IGB, PF_IGB, FROM_A)) }, 0 },
	{ PLAIN, TOKEN_A, NOT_THEN_SENT(-EACCES, -EINVAL),
	  { NOT_SENT_PLAIN, WARNING(PLAIN DEMANDS(FROM_A)),
	    ERR(PLAIN REFUSED "Invalid argument; see dmesg for its reason") }, 0 },
	/* No retry for another answer, nor with a source that can't be read. */
	{ VF_OF_IGB, TOKEN_A, NOTHING_SENT(-ENODEV),
	  { NOT_SENT_IGB, ERR(NO_DEVICE(VF_OF_IGB)) }, 0 },
	{ VF_OF_IGB, "file:none", NOTHING_SENT(-EACCES),
	  { INFO("VF token from file:none isn't sent for VF " VF_OF_IGB ": its PF " PF_IGB " is on "
		 "igb, not vfio-pci, so the kernel wants none"),
	    WARNING(VF_OF_IGB DEMANDS("file:none")), ERR(VF_OF_IGB UNREADABLE) }, -ENOENT },
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
	struct vftoken *vt = test_rules();
	char rule[16];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	snprintf(rule, sizeof(rule), "fd:%d", fd);
	assert_int_equal(vftoken_add_rule(vt, rule), 0);
	for (i = 0; i < TEST_DIM(devices); i++) {
		test_answer(opened, 1);
		test_n_messages = 0;
		pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, devices[i].bdf);
		assert_true(test_n_messages == 0 || test_messages[0].level != VFTOKEN_LOG_ERR);
	}
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_ioctl, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(retry, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_serves_all, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_vf_token", tests, NULL, NULL);
}
