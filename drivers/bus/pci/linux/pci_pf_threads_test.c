/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <linux/vfio.h>

#include "pci_pf.h"
#include "pci_vf_token.h"
#include "vftoken_test_util.h"

#define THREADS 6
#define ROUNDS 50

/*
 * Counted without a lock of their own: the set's lock is held around messages and ioctls. A number
 * that is too small, or ThreadSanitizer, tells where it isn't.
 */
static unsigned int n_messages;
static unsigned int n_errors;
static unsigned int n_opens;
static unsigned int n_features;

static void
count_message(enum vftoken_log_level level, const char *message, void *opaque)
{
	(void)message;
	(void)opaque;
	n_messages++;
	n_errors += level == VFTOKEN_LOG_ERR;
}

static int
count_ioctl(unsigned long request)
{
	if (request == VFIO_DEVICE_FEATURE) {
		n_features++;
		return 0;
	}
	return (int)++n_opens;
}

struct worker {
	pthread_t thread;
	struct vftoken *vt;
	unsigned int index;
	unsigned int failed; /* cmocka's asserts are for the first thread alone */
};

/* A PF of the thread's own, whose VF comes and goes; all threads share one set of rules. */
static void *
work(void *opaque)
{
	struct worker *w = opaque;
	struct vftoken *vt = w->vt;
	char pf[VFTOKEN_BDF_SIZE], rule[80];
	uint16_t num_vfs = 0;
	uuid_t token;
	unsigned int i;

	snprintf(pf, sizeof(pf), "0000:%02x:00.0", w->index);
	w->failed += uuid_parse(TOKEN_A, token) != 0;
	snprintf(rule, sizeof(rule), "%s=1", pf);
	w->failed += vftoken_add_num_vfs(vt, rule) != 0;
	snprintf(rule, sizeof(rule), "%s=" TOKEN_B, pf);
	w->failed += vftoken_add_rule(vt, rule) != 0;
	for (i = 0; i < ROUNDS; i++) {
		/* A rule for another device, so that the table of rules grows meanwhile. */
		snprintf(rule, sizeof(rule), "%x:%02x:00.0=" TOKEN_A, w->index + 1, i);
		w->failed += vftoken_add_rule(vt, rule) != 0;
		w->failed += pci_vf_token_open(vt, TEST_DEVICES, 42, pf) <= 0;
		w->failed += pci_pf_set_token(vt, pf, token) != 0;
		w->failed += pci_pf_reload_token(vt, pf) != 0;
		w->failed += pci_pf_start(vt, TEST_DEVICES, pf, &num_vfs) != 0 || num_vfs != 1;
		w->failed += vftoken_read_default(vt, token) != 0;
		pci_vf_token_closing(vt, pf);
		w->failed += pci_pf_set_token(vt, pf, token) != -ENODEV;
		w->failed += pci_pf_disable_vfs(vt, TEST_DEVICES, pf) != 0;
		w->failed += pci_pf_disable_vfs(vt, TEST_DEVICES, "ff:00.0") != -ENODEV;
	}
	return NULL;
}

/* Rules are added, devices opened, tokens set and devices closed by several threads at once. */
static void
at_once(void **state)
{
	struct vftoken *vt = vftoken_create();
	struct worker workers[THREADS];
	unsigned int i;

	(void)state;
	assert_non_null(vt);
	vftoken_set_log(vt, count_message, NULL);
	assert_int_equal(vftoken_add_rule(vt, TOKEN_A), 0);
	test_kernel = count_ioctl;
	for (i = 0; i < THREADS; i++) {
		char pf_bdf[VFTOKEN_BDF_SIZE], vf_bdf[VFTOKEN_BDF_SIZE], target[32];
		const struct test_device pf = { pf_bdf, "vfio-pci", NULL, "7\n", "0\n" };
		const struct test_device vf = { vf_bdf, "vfio-pci", pf_bdf, NULL, NULL };

		snprintf(pf_bdf, sizeof(pf_bdf), "0000:%02x:00.0", i);
		snprintf(vf_bdf, sizeof(vf_bdf), "0000:%02x:10.0", i);
		snprintf(target, sizeof(target), "../%s", vf_bdf);
		test_device_make(&pf);
		test_device_make(&vf);
		test_device_link(pf_bdf, "virtfn0", target);
	}
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .vt = vt, .index = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].failed, 0);
	/* Of each round: an open; two tokens set, and with the VFs a probe and one more. */
	assert_int_equal(n_opens, THREADS * ROUNDS);
	assert_int_equal(n_features, THREADS * ROUNDS * 4);
	/* Three tokens, the VFs, and two refusals. */
	assert_int_equal(n_messages, THREADS * ROUNDS * 6);
	assert_int_equal(n_errors, THREADS * ROUNDS * 2);
	assert_null(vt->opened);
	test_kernel = NULL;
	vftoken_destroy(vt);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_once, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pci_pf_threads", tests, NULL, NULL);
}
