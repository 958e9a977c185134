/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "pci_pf.h"
#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define GROUP_FD 42
#define PF "0000:01:00.0"
#define PF_FD 7
#define PF2 "0000:02:00.0"
#define PF2_FD 8

#define NOT_OPEN(name) name " isn't open in this process; open the PF first"
#define KEEPS "PF " PF " keeps its VF token"
#define UNREADABLE KEEPS ", since the new one can't be read: "
#define TAKES_NONE \
	PF " takes no VF token: it isn't an SR-IOV PF on vfio-pci, or this kernel doesn't know " \
	"VF tokens (Linux 5.7 and later do; for earlier ones see dpdk-vf-token's kernel-patches/)"
#define KERNEL_REFUSED(why) KEEPS ": the kernel refused the new one: " why
#define HAS(source) "PF " PF " has the VF token from " source
#define NEW(pf) "PF " pf " has a new VF token"
#define NIL "00000000-0000-0000-0000-000000000000"

static void
open_device(struct vftoken *vt, const char *name, int fd)
{
	const struct test_answer opened[] = { { .ret = fd } };

	test_answer(opened, 1);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, name), fd);
	test_n_messages = 0;
}

/* Two PFs, the first one held open. */
static struct vftoken *
open_pf(void)
{
	static const struct test_device devices[] = {
		{ PF, "vfio-pci", NULL, "7\n", "0\n" },
		{ PF2, "vfio-pci", NULL, "7\n", "0\n" },
	};
	struct vftoken *vt = test_rules();

	test_device_make(&devices[0]);
	test_device_make(&devices[1]);
	open_device(vt, PF, PF_FD);
	return vt;
}

static int
set_token(struct vftoken *vt, const char *name, const char *text)
{
	uuid_t token;

	assert_int_equal(uuid_parse(text, token), 0);
	return pci_pf_set_token(vt, name, token);
}

/* The one ioctl sets this token on this device. */
static void
assert_set(int fd, const char *text)
{
	const struct vfio_device_feature *feature = (const void *)test_ioctls[0].bytes;
	uuid_t token;

	assert_int_equal(test_n_ioctls, 1);
	assert_int_equal(test_ioctls[0].fd, fd);
	assert_int_equal(test_ioctls[0].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(feature->argsz, sizeof(*feature) + sizeof(uuid_t));
	assert_int_equal(feature->flags,
			 VFIO_DEVICE_FEATURE_PCI_VF_TOKEN | VFIO_DEVICE_FEATURE_SET);
	assert_int_equal(uuid_parse(text, token), 0);
	assert_memory_equal(feature->data, token, sizeof(token));
}

/* A token given by hand is set by one ioctl, and each refusal says why the old one stays. */
static void
set(void **state)
{
	static const struct {
		const char *name;
		const char *token;
		int answer;
		int ret;
		const char *message;
		bool asked; /* the kernel */
	} cases[] = {
		{ PF, TOKEN_A, 0, 0, NEW(PF), true },
		{ "1:0.0", TOKEN_B, 0, 0, NEW(PF), true },
		{ PF, NIL, 0, -EINVAL,
		  KEEPS ": the nil UUID is no secret; make one with uuidgen", false },
		{ PF2, TOKEN_A, 0, -ENODEV, NOT_OPEN(PF2), false },
		{ "net_null0", TOKEN_A, 0, -ENODEV, NOT_OPEN("net_null0"), false },
		{ "", TOKEN_A, 0, -ENODEV, NOT_OPEN(""), false },
		{ PF, TOKEN_A, -ENOTTY, -ENOTTY, TAKES_NONE, true },
		{ PF, TOKEN_A, -EINVAL, -EINVAL, KERNEL_REFUSED("Invalid argument"), true },
		{ PF, TOKEN_A, -EIO, -EIO, KERNEL_REFUSED("Input/output error"), true },
	};
	struct vftoken *vt = open_pf();
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct test_answer answer[] = { { .ret = cases[i].answer } };

		test_answer(answer, 1);
		assert_int_equal(set_token(vt, cases[i].name, cases[i].token), cases[i].ret);
		test_assert_message(cases[i].ret < 0 ? VFTOKEN_LOG_ERR : VFTOKEN_LOG_INFO,
				    cases[i].message);
		if (cases[i].asked)
			assert_set(PF_FD, cases[i].token);
		else
			assert_int_equal(test_n_ioctls, 0);
	}
	vftoken_destroy(vt);
}

/* A token is read afresh from the rule's source, and one that can't be had changes nothing. */
static void
reload(void **state)
{
	static const struct {
		const char *name;
		const char *rule;
		const char *token; /* NULL: the kernel isn't asked */
		int answer;
		int ret;
		const char *messages[2]; /* the first of two is a warning */
	} cases[] = {
		{ PF, PF "=" TOKEN_A, TOKEN_A, 0, 0, { HAS("b6" DOTS) } },
		{ PF, TOKEN_B, TOKEN_B, 0, 0, { HAS("C8" DOTS) } },
		{ "01:00.0", "file:own", TOKEN_A, 0, 0, { HAS("file:own") } },
		{ PF, "file:shared", TOKEN_A, 0, 0,
		  { "VF token of " PF ": file:shared may be read by everybody on this machine; "
		    "chmod 600 it if it can be", HAS("file:shared") } },
		/* No rule, or none for this PF. */
		{ PF, NULL, NULL, 0, -ENOKEY,
		  { "PF " PF " gets no VF token, since no rule covers it; give one "
		    "(--vfio-vf-token=" PF "=SOURCE)" } },
		{ PF, PF2 "=" TOKEN_A, NULL, 0, -ENOKEY,
		  { "PF " PF " gets no VF token, since no rule covers it; give one "
		    "(--vfio-vf-token=" PF "=SOURCE)" } },
		/* Not open. */
		{ PF2, TOKEN_A, NULL, 0, -ENODEV, { NOT_OPEN(PF2) } },
		/* A source that can't be read. */
		{ PF, "file:none", NULL, 0, -ENOENT,
		  { UNREADABLE "file:none can't be opened: No such file or directory" } },
		/* The kernel refuses. */
		{ PF, TOKEN_A, TOKEN_A, -ENOTTY, -ENOTTY, { TAKES_NONE } },
		{ PF, TOKEN_A, TOKEN_A, -EIO, -EIO, { KERNEL_REFUSED("Input/output error") } },
	};
	struct vftoken *vt;
	size_t i;

	(void)state;
	test_write_text("own", TOKEN_A "\n");
	test_write("shared", TOKEN_A "\n", strlen(TOKEN_A "\n"), 0644);
	vt = open_pf();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct test_answer answer[] = { { .ret = cases[i].answer } };
		unsigned int n = 1;

		/* Each case has its own rule, under which the PF is opened. */
		vftoken_clear(vt);
		open_device(vt, PF, PF_FD);
		if (cases[i].rule != NULL)
			assert_int_equal(vftoken_add_rule(vt, cases[i].rule), 0);
		test_answer(answer, 1);
		assert_int_equal(pci_pf_reload_token(vt, cases[i].name), cases[i].ret);
		if (cases[i].token != NULL)
			assert_set(PF_FD, cases[i].token);
		else
			assert_int_equal(test_n_ioctls, 0);
		if (cases[i].messages[1] != NULL) {
			assert_int_equal(test_messages[0].level, VFTOKEN_LOG_WARNING);
			assert_string_equal(test_messages[1].text, cases[i].messages[1]);
			assert_int_equal(test_messages[1].level, VFTOKEN_LOG_INFO);
			n = 2;
		} else {
			assert_int_equal(test_messages[0].level,
					 cases[i].ret < 0 ? VFTOKEN_LOG_ERR : VFTOKEN_LOG_INFO);
		}
		assert_string_equal(test_messages[0].text, cases[i].messages[0]);
		assert_int_equal(test_n_messages, n);
		test_n_messages = 0;
	}
	vftoken_destroy(vt);
}

/* What stands in the file at each reload is the token; without a file the last one stays. */
static void
rotation(void **state)
{
	static const struct test_answer done[] = { { .ret = 0 } };
	struct vftoken *vt = open_pf();

	(void)state;
	test_write_text("own", TOKEN_A "\n");
	assert_int_equal(vftoken_add_rule(vt, "file:own"), 0);
	test_answer(done, 1);
	assert_int_equal(pci_pf_reload_token(vt, PF), 0);
	test_assert_message(VFTOKEN_LOG_INFO, HAS("file:own"));
	assert_set(PF_FD, TOKEN_A);
	test_write_text("own", TOKEN_B "\n");
	test_answer(done, 1);
	assert_int_equal(pci_pf_reload_token(vt, PF), 0);
	test_assert_message(VFTOKEN_LOG_INFO, HAS("file:own"));
	assert_set(PF_FD, TOKEN_B);
	test_write_text("own", NIL "\n");
	test_answer(done, 1);
	assert_int_equal(pci_pf_reload_token(vt, PF), -EINVAL);
	assert_int_equal(test_n_ioctls, 0);
	assert_int_equal(test_n_messages, 1);
	test_n_messages = 0;
	vftoken_destroy(vt);
}

/* Without a name each open PF that has a rule gets its token, and the first error is told. */
static void
reload_all(void **state)
{
	static const struct test_device plain = { "0000:03:00.0", "vfio-pci", NULL, NULL, NULL };
	static const struct test_answer done[] = { { .ret = 0 }, { .ret = 0 } };
	static const struct test_answer failing[] = { { .ret = -EIO }, { .ret = 0 } };
	struct vftoken *vt = open_pf();

	(void)state;
	test_device_make(&plain);
	open_device(vt, PF2, PF2_FD);
	open_device(vt, plain.bdf, 9);
	/* No rule yet. */
	test_answer(done, 2);
	assert_int_equal(pci_pf_reload_token(vt, NULL), 0);
	test_assert_message(0, NULL);
	assert_int_equal(test_n_ioctls, 0);
	/* One has a rule, then each has one. */
	assert_int_equal(vftoken_add_rule(vt, PF "=" TOKEN_A), 0);
	assert_int_equal(pci_pf_reload_token(vt, NULL), 0);
	test_assert_message(VFTOKEN_LOG_INFO, HAS("b6" DOTS));
	assert_set(PF_FD, TOKEN_A);
	assert_int_equal(vftoken_add_rule(vt, TOKEN_B), 0);
	test_answer(done, 2);
	assert_int_equal(pci_pf_reload_token(vt, NULL), 0);
	assert_int_equal(test_n_ioctls, 2);
	assert_int_equal(test_ioctls[0].fd, PF2_FD);
	assert_int_equal(test_ioctls[1].fd, PF_FD);
	assert_int_equal(test_n_messages, 2);
	assert_string_equal(test_messages[0].text, "PF " PF2 " has the VF token from C8" DOTS);
	assert_string_equal(test_messages[1].text, HAS("b6" DOTS));
	test_n_messages = 0;
	/* A refusal of one doesn't keep the other from its token. */
	test_answer(failing, 2);
	assert_int_equal(pci_pf_reload_token(vt, NULL), -EIO);
	assert_int_equal(test_n_ioctls, 2);
	assert_int_equal(test_n_messages, 2);
	assert_int_equal(test_messages[0].level, VFTOKEN_LOG_ERR);
	assert_string_equal(test_messages[0].text, "PF " PF2 " keeps its VF token: the kernel "
						   "refused the new one: Input/output error");
	assert_string_equal(test_messages[1].text, HAS("b6" DOTS));
	test_n_messages = 0;
	vftoken_destroy(vt);
}

/* A device is known from its open until it is closing, each by its own fd. */
static void
remembered(void **state)
{
	static const struct test_answer done[] = { { .ret = 0 } };
	struct vftoken *vt = open_pf();

	(void)state;
	open_device(vt, PF2, PF2_FD);
	/* Not devices that the duties could be done for. */
	open_device(vt, "fsl-mc.0", 9);
	pci_vf_token_closing(vt, "fsl-mc.0");
	pci_vf_token_closing(vt, "0000:07:00.0");
	test_answer(done, 1);
	assert_int_equal(set_token(vt, "fsl-mc.0", TOKEN_A), -ENODEV);
	test_assert_message(VFTOKEN_LOG_ERR, NOT_OPEN("fsl-mc.0"));

	assert_int_equal(set_token(vt, PF2, TOKEN_B), 0);
	test_assert_message(VFTOKEN_LOG_INFO, NEW(PF2));
	assert_set(PF2_FD, TOKEN_B);
	/* The first one opened is the last one in the list. */
	pci_vf_token_closing(vt, "1:0.0");
	test_answer(done, 1);
	assert_int_equal(set_token(vt, PF, TOKEN_A), -ENODEV);
	test_assert_message(VFTOKEN_LOG_ERR, NOT_OPEN(PF));
	assert_int_equal(test_n_ioctls, 0);
	assert_int_equal(set_token(vt, PF2, TOKEN_A), 0);
	test_assert_message(VFTOKEN_LOG_INFO, NEW(PF2));
	assert_set(PF2_FD, TOKEN_A);
	pci_vf_token_closing(vt, PF2);
	pci_vf_token_closing(vt, PF2);
	assert_int_equal(set_token(vt, PF2, TOKEN_A), -ENODEV);
	test_assert_message(VFTOKEN_LOG_ERR, NOT_OPEN(PF2));
	/* Opened again it has another fd. */
	open_device(vt, PF, PF2_FD);
	test_answer(done, 1);
	assert_int_equal(set_token(vt, PF, TOKEN_B), 0);
	test_assert_message(VFTOKEN_LOG_INFO, NEW(PF));
	assert_set(PF2_FD, TOKEN_B);
	vftoken_destroy(vt);
}

/* An open that the kernel refused is no open. */
static void
refused_open(void **state)
{
	static const struct test_answer refusal[] = { { .ret = -EIO } };
	struct vftoken *vt = open_pf();

	(void)state;
	test_answer(refusal, 1);
	assert_int_equal(pci_vf_token_open(vt, TEST_DEVICES, GROUP_FD, PF2), -EIO);
	test_n_messages = 0;
	assert_int_equal(set_token(vt, PF2, TOKEN_A), -ENODEV);
	test_assert_message(VFTOKEN_LOG_ERR, NOT_OPEN(PF2));
	vftoken_destroy(vt);
}

/* A device that the kernel wants back is named, a VF with what may befall it. */
static void
wanted_back(void **state)
{
	static const struct test_device vf = { "0000:01:10.0", "vfio-pci", PF, NULL, NULL };
	struct vftoken *vt = open_pf();

	(void)state;
	test_device_make(&vf);
	open_device(vt, vf.bdf, 9);
	pci_vf_token_wanted_back(vt, vf.bdf);
	test_assert_message(VFTOKEN_LOG_WARNING,
			    "VF 0000:01:10.0 is wanted back by the kernel, which waits: its PF's VFs "
			    "are being disabled, or it is being unbound; close and detach it");
	pci_vf_token_wanted_back(vt, PF);
	test_assert_message(VFTOKEN_LOG_WARNING,
			    PF " is wanted back by the kernel, which waits: it is being unbound or "
			       "removed; close and detach it");
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(set, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reload, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(rotation, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reload_all, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(remembered, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused_open, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(wanted_back, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_pf_token", tests, NULL, NULL);
}
