/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define GROUP_FD 42
#define OPENED 7

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define PF_IGB "0000:02:00.0"
#define VF_OF_IGB "0000:02:10.0"
#define PLAIN "0000:03:00.0"

#define ASKED "the primary process"
#define GIVE(bdf) " (--vfio-vf-token=" bdf "=SOURCE)"
#define REFUSED " refused by the kernel: "
#define NO_RULE \
	"VF " VF REFUSED "its PF " PF " is on vfio-pci, which demands the PF's VF token, and no " \
	"rule covers this VF; give the token that the PF's process uses" GIVE(PF)
#define WRONG \
	"VF " VF REFUSED "the token from " ASKED " isn't the VF token of its PF " PF "; give the " \
	"token that the PF's process uses" GIVE(PF)
#define PF_WRONG \
	"PF " PF REFUSED "of its VFs (2 enabled) some are in use, and the token from " ASKED \
	" isn't the current VF token; give that token" GIVE(PF) ", or end the VFs' processes first"
#define NOT_GIVEN(why) \
	VF " not opened, since its VF token can't be read: " ASKED " didn't give it: " why
#define NO_USE VF ": the kernel has no use for a VF token, against what sysfs says; trying without"
#define OTHER_RULE "0000:05:00.0=" TOKEN_B

static void
make_devices(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "2\n" },
		{ VF, "vfio-pci", PF, NULL, NULL },
		{ PF_IGB, "igb", NULL, "7\n", "1\n" },
		{ VF_OF_IGB, "vfio-pci", PF_IGB, NULL, NULL },
		{ PLAIN, "vfio-pci", NULL, NULL, NULL },
	};
	size_t i;

	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
}

/* The lender: the memory file of the last loan, and how often it was asked for which device. */
struct lender {
	const char *bytes;	/* what is lent: a whole token, or less, or more */
	size_t size;
	int err;		/* answered instead, unless 0 */
	int fd;
	unsigned int n;
	char name[32];
};

static int
lend_bytes(const char *name, void *opaque)
{
	struct lender *lender = opaque;

	lender->n++;
	snprintf(lender->name, sizeof(lender->name), "%s", name);
	if (lender->err != 0)
		return -lender->err;
	lender->fd = memfd_create("lent", MFD_CLOEXEC);
	assert_int_equal(write(lender->fd, lender->bytes, lender->size), lender->size);
	return dup(lender->fd);
}

#define BYTES_A "\xb6\x71\xfd\x64\x4c\x5d\x49\x1e\x9e\xb8\xda\x01\xff\x1f\x33\x41"

static const struct asking_case {
	const char *name;
	const char *rule;
	int err;	/* of who is asked */
	unsigned int n_asked;
	unsigned int n_tries;
	const char *texts[2];	/* the tries */
	int answers[2];
	int ret;
	const char *messages[2]; /* the first of two is a warning */
} asking_cases[] = {
	/* No rule covers a device that takes a token. */
	{ VF, NULL, 0, 1, 1, { VF " vf_token=" TOKEN_A }, { OPENED }, OPENED, { NULL } },
	{ VF, OTHER_RULE, 0, 1, 1, { VF " vf_token=" TOKEN_A }, { OPENED }, OPENED, { NULL } },
	{ PF, NULL, 0, 1, 1, { PF " vf_token=" TOKEN_A }, { OPENED }, OPENED, { NULL } },
	{ "1:10.0", NULL, 0, 1, 1, { "1:10.0 vf_token=" TOKEN_A }, { OPENED }, OPENED, { NULL } },
	/* A rule does: the device's own, its PF's or the default. */
	{ VF, VF "=" TOKEN_A, 0, 0, 1, { VF " vf_token=" TOKEN_A }, { 0 }, 0, { NULL } },
	{ VF, PF "=" TOKEN_A, 0, 0, 1, { VF " vf_token=" TOKEN_A }, { 0 }, 0, { NULL } },
	{ VF, TOKEN_A, 0, 0, 1, { VF " vf_token=" TOKEN_A }, { 0 }, 0, { NULL } },
	{ VF, "file:none", 0, 0, 0, { NULL }, { 0 }, -ENOENT,
	  { VF " not opened, since its VF token can't be read: file:none can't be opened: No such "
	    "file or directory" } },
	/* The device takes none. */
	{ PF_IGB, NULL, 0, 0, 1, { PF_IGB }, { OPENED }, OPENED, { NULL } },
	{ VF_OF_IGB, NULL, 0, 0, 1, { VF_OF_IGB }, { OPENED }, OPENED, { NULL } },
	{ PLAIN, NULL, 0, 0, 1, { PLAIN }, { OPENED }, OPENED, { NULL } },
	{ "fsl-mc.0", NULL, 0, 0, 1, { "fsl-mc.0" }, { OPENED }, OPENED, { NULL } },
	/* Who is asked has none either, which may do. */
	{ VF, NULL, ENOKEY, 1, 1, { VF }, { OPENED }, OPENED, { NULL } },
	{ PF, NULL, ENOKEY, 1, 1, { PF }, { OPENED }, OPENED, { NULL } },
	{ VF, NULL, ENOKEY, 1, 1, { VF }, { -EACCES }, -EACCES, { NO_RULE } },
	{ VF, NULL, ENOKEY, 1, 1, { VF }, { -EINVAL }, -EINVAL,
	  { VF REFUSED "Invalid argument; see dmesg for its reason" } },
	/* Who is asked can't answer: the kernel isn't asked. */
	{ VF, NULL, ETIMEDOUT, 1, 0, { NULL }, { 0 }, -ETIMEDOUT,
	  { NOT_GIVEN("Connection timed out") } },
	{ VF, NULL, EINVAL, 1, 0, { NULL }, { 0 }, -EINVAL, { NOT_GIVEN("Invalid argument") } },
	/* The kernel refuses the token. */
	{ VF, NULL, 0, 1, 1, { VF " vf_token=" TOKEN_A }, { -EACCES }, -EACCES, { WRONG } },
	{ PF, NULL, 0, 1, 1, { PF " vf_token=" TOKEN_A }, { -EACCES }, -EACCES, { PF_WRONG } },
	{ VF, NULL, 0, 1, 2, { VF " vf_token=" TOKEN_A, VF }, { -EINVAL, OPENED }, OPENED,
	  { NO_USE } },
	{ VF, NULL, 0, 1, 2, { VF " vf_token=" TOKEN_A, VF }, { -EINVAL, -EBUSY }, -EBUSY,
	  { NO_USE, VF REFUSED "it is in use in another way; end the process that has it open, as "
	    "/dev/vfio/devices/ or through another group" } },
};

static void
assert_messages(const struct asking_case *c)
{
	const bool two = c->messages[1] != NULL;

	if (two) {
		assert_int_equal(test_n_messages, 2);
		assert_string_equal(test_messages[1].text, c->messages[1]);
		assert_int_equal(test_messages[1].level, VFTOKEN_LOG_ERR);
		test_n_messages = 1;
	}
	test_assert_message(two || c->ret >= 0 ? VFTOKEN_LOG_WARNING : VFTOKEN_LOG_ERR,
			    c->messages[0]);
}

/* Where no rule covers a device that takes a token, it is asked for, once, and wiped. */
static void
asked(void **state)
{
	size_t i, j;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(asking_cases); i++) {
		const struct asking_case *c = &asking_cases[i];
		const struct test_answer answers[] = { { .ret = c->answers[0] },
						       { .ret = c->answers[1] } };
		struct lender lender = { BYTES_A, sizeof(uuid_t), c->err, -1, 0, "" };
		const unsigned int fds = test_open_fds();
		struct vftoken *vt = test_rules();
		char bytes[sizeof(uuid_t)], zeros[sizeof(uuid_t)] = { 0 };

		print_message("%s, case %zu\n", c->name, i);
		vftoken_set_ask(vt, lend_bytes, &lender, ASKED);
		if (c->rule != NULL)
			assert_int_equal(vftoken_add_rule(vt, c->rule), 0);
		test_answer(answers, c->n_tries);
		assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, c->name), c->ret);
		assert_messages(c);
		assert_int_equal(test_n_ioctls, c->n_tries);
		for (j = 0; j < c->n_tries; j++)
			assert_string_equal((const char *)test_ioctls[j].bytes, c->texts[j]);
		assert_int_equal(lender.n, c->n_asked);
		if (c->n_asked > 0)
			assert_string_equal(lender.name, c->name);
		if (lender.fd >= 0) {
			assert_int_equal(pread(lender.fd, bytes, sizeof(bytes), 0), sizeof(bytes));
			assert_memory_equal(bytes, zeros, sizeof(bytes));
			close(lender.fd);
		}
		vftoken_destroy(vt);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* What was lent isn't a token: the device isn't opened, and nothing stays open. */
static void
no_token_lent(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ "", 0 },
		{ BYTES_A, sizeof(uuid_t) - 1 },
		{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof(uuid_t) },
	};
	size_t i;

	(void)state;
	make_devices();
	test_answer(NULL, 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct lender lender = { cases[i].bytes, cases[i].size, 0, -1, 0, "" };
		const unsigned int fds = test_open_fds();
		struct vftoken *vt = test_rules();

		vftoken_set_ask(vt, lend_bytes, &lender, ASKED);
		assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, VF), -EIO);
		test_assert_message(VFTOKEN_LOG_ERR, NOT_GIVEN("Input/output error"));
		close(lender.fd);
		vftoken_destroy(vt);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* Nobody is asked any more once that was said, but by clearing the rules nothing of it goes. */
static void
unset(void **state)
{
	static const struct test_answer opened[] = { { .ret = OPENED } };
	struct lender lender = { NULL, 0, ENOKEY, -1, 0, "" };
	struct vftoken *vt = test_rules();

	(void)state;
	make_devices();
	vftoken_set_ask(vt, lend_bytes, &lender, ASKED);
	vftoken_clear(vt);
	test_answer(opened, 1);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, VF), OPENED);
	assert_int_equal(lender.n, 1);
	vftoken_set_ask(vt, NULL, NULL, NULL);
	test_answer(opened, 1);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, VF), OPENED);
	assert_int_equal(lender.n, 1);
	test_assert_message(0, NULL);
	vftoken_destroy(vt);
}

static int
lend_rule(const char *name, void *opaque)
{
	return pci_vf_token_lend(opaque, TEST_DEVICES, name);
}

/* Who lends reads its rule's source afresh each time; who asks gets what is there at the time. */
static void
lent_to_asker(void **state)
{
	static const struct test_answer opened[] = { { .ret = OPENED } };
	struct vftoken *lender = test_rules(), *asker = test_rules();

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_rule(lender, PF "=file:own"), 0);
	vftoken_set_ask(asker, lend_rule, lender, ASKED);
	test_write_text("own", TOKEN_A "\n");
	test_answer(opened, 1);
	assert_int_equal(pci_vf_token_open(asker, TEST_DEVICES, GROUP_FD, VF), OPENED);
	assert_string_equal((const char *)test_ioctls[0].bytes, VF " vf_token=" TOKEN_A);
	test_write_text("own", TOKEN_B "\n");
	test_answer(opened, 1);
	assert_int_equal(pci_vf_token_open(asker, TEST_DEVICES, GROUP_FD, PF), OPENED);
	assert_string_equal((const char *)test_ioctls[0].bytes,
			    PF " vf_token=c87a0e2d-93fe-4b66-acd3-7e59bd8a6f12");
	test_assert_message(0, NULL);
	/* The lender's refusal is the asker's, too, each with its own message. */
	assert_int_equal(unlink("own"), 0);
	test_answer(NULL, 0);
	assert_int_equal(pci_vf_token_open(asker, TEST_DEVICES, GROUP_FD, VF), -ENOENT);
	assert_int_equal(test_n_messages, 2);
	assert_string_equal(test_messages[0].text, "VF token of " VF " not lent: file:own can't be "
						   "opened: No such file or directory");
	assert_int_equal(test_messages[0].level, VFTOKEN_LOG_ERR);
	assert_string_equal(test_messages[1].text, NOT_GIVEN("No such file or directory"));
	test_n_messages = 0;
	vftoken_destroy(asker);
	vftoken_destroy(lender);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asked, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_token_lent, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(unset, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(lent_to_asker, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_vf_token_ask", tests, NULL, NULL);
}
