/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include <linux/vfio.h>

#include "device.h"
#include "info.h"
#include "pf.h"
#include "test_util.h"

#define THREADS 6
#define ROUNDS 50

/*
 * Counted without a lock of their own: the context's is held around messages and ioctls. A number
 * that is too small, or ThreadSanitizer, tells where it isn't.
 */
static unsigned int n_messages;
static unsigned int n_errors;
static _Atomic unsigned int n_opens;
static _Atomic unsigned int n_features;

static void
count_message(enum vftoken_log_level level, const char *id, const char *text, void *opaque)
{
	(void)id;
	(void)text;
	(void)opaque;
	n_messages++;
	n_errors += level == VFTOKEN_LOG_ERR;
}

static int
count_ioctl(unsigned long request, void *arg)
{
	(void)arg;
	if (request == VFIO_DEVICE_FEATURE) {
		n_features++;
		return 0;
	}
	return 1000 + (int)++n_opens;
}

struct worker {
	pthread_t thread;
	struct vftoken_context *ctx;
	unsigned int index;
	unsigned int failed; /* cmocka's asserts are for the first thread alone */
};

/* A PF of the thread's own, which has a VF; all threads share one context. */
static void *
work(void *opaque)
{
	struct worker *w = opaque;
	struct vftoken_context *ctx = w->ctx;
	struct vftoken_info info = { .size = sizeof(info) };
	char pf[VFTOKEN_BDF_SIZE], rule[80];
	uint16_t num_vfs = 0;
	uuid_t token;
	unsigned int i;

	snprintf(pf, sizeof(pf), "0000:%02x:00.0", w->index);
	snprintf(rule, sizeof(rule), "%s=1", pf);
	w->failed += vftoken_add_num_vfs(ctx, rule) != 0;
	snprintf(rule, sizeof(rule), "%s=" TOKEN_B, pf);
	w->failed += vftoken_add_rule(ctx, rule) != 0;
	for (i = 0; i < ROUNDS; i++) {
		/* A rule for another device, so that the array of rules grows meanwhile. */
		snprintf(rule, sizeof(rule), "%x:%02x:00.0=" TOKEN_A, w->index + 1, i);
		w->failed += vftoken_add_rule(ctx, rule) != 0;
		w->failed += vftoken_open(ctx, 42, pf) <= 0;
		w->failed += vftoken_pf_reload_token(ctx, pf) != 0;
		w->failed += vftoken_pf_start(ctx, pf, &num_vfs) != 0 || num_vfs != 1;
		w->failed += vftoken_read_default(ctx, token) != 0;
		/* As a scan of the bus does, while telemetry reads. */
		vftoken_context_set_sysfs(ctx, TEST_DEVICES);
		w->failed += vftoken_info_read(ctx, pf, &info) != 0 || !info.open;
		vftoken_closing(ctx, pf);
		w->failed += vftoken_pf_reload_token(ctx, pf) != -ENODEV;
		w->failed += vftoken_pf_disable_vfs(ctx, pf) != 0;
		w->failed += vftoken_pf_disable_vfs(ctx, "ff:00.0") != -ENODEV;
	}
	return NULL;
}

/* Rules are added, devices opened, tokens set and devices closed by several threads at once. */
static void
at_once(void **state)
{
	struct vftoken_context *ctx = vftoken_context_create();
	struct worker workers[THREADS];
	unsigned int i;

	(void)state;
	assert_non_null(ctx);
	vftoken_context_set_log(ctx, count_message, NULL);
	vftoken_context_set_sysfs(ctx, TEST_DEVICES);
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/10", "");
	ctx->vfio = "vfio";
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
		test_device_link(vf_bdf, "iommu_group", "../../../kernel/iommu_groups/10");
	}
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .ctx = ctx, .index = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].failed, 0);
	/* Each round: an open; a token set, one more with the VFs, and two probes. */
	assert_int_equal(n_opens, THREADS * ROUNDS);
	assert_int_equal(n_features, THREADS * ROUNDS * 4);
	/* Two tokens, the VFs, and two refusals. */
	assert_int_equal(n_messages, THREADS * ROUNDS * 5);
	assert_int_equal(n_errors, THREADS * ROUNDS * 2);
	assert_null(ctx->handles);
	/* The default, each PF's with its number of VFs, and each other device's, in order. */
	assert_int_equal(ctx->n_rules, 1 + THREADS + THREADS * ROUNDS);
	for (i = 1; i < ctx->n_rules; i++)
		assert_true(ctx->rules[i - 1]->key < ctx->rules[i]->key);
	test_kernel = NULL;
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_once, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("pf_threads", tests, NULL, NULL);
}
