/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "test_util.h"

#define OPENED 7

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define PF_IGB "0000:02:00.0"
#define VF_OF_IGB "0000:02:10.0"
#define PLAIN "0000:03:00.0"

#define PRIMARY "the primary process"
#define OTHER_RULE "0000:05:00.0=" TOKEN_B
#define WITH_A(bdf) bdf " vf_token=" TOKEN_A

#define NO_RULE SAID(vf_needs_token, VF, PF, "vfio-pci", PF)
#define WRONG_VF SAID(vf_wrong_token, VF, PRIMARY, PF, PF)
#define WRONG_PF SAID(pf_wrong_token, PF, "2", PRIMARY)
#define INVALID SAID(device_refused, VF, "Invalid argument")
#define UNREADABLE(file) SAID(source_unopened, VF, file, "No such file or directory")
#define NO_USE SAID(token_not_wanted, VF)
#define NOT_GIVEN(why) SAID(provider_failed, VF, PRIMARY, why)
#define TIMED_OUT NOT_GIVEN("Connection timed out")
#define BUSY SAID(device_busy, VF)

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

/* A provider: the memory file that it gave last, and how often it was asked for which device. */
struct provider {
	const char *bytes; /* what it gives: a whole token, or less, or more */
	size_t size;
	int err; /* answered instead, unless 0 */
	int fd;
	unsigned int n;
	char name[32];
};

static int
give_bytes(const char *name, void *opaque)
{
	struct provider *provider = opaque;

	provider->n++;
	snprintf(provider->name, sizeof(provider->name), "%s", name);
	if (provider->err != 0)
		return -provider->err;
	provider->fd = memfd_create("given", MFD_CLOEXEC);
	assert_int_equal(write(provider->fd, provider->bytes, provider->size), provider->size);
	return dup(provider->fd);
}

#define BYTES_A "\xb6\x71\xfd\x64\x4c\x5d\x49\x1e\x9e\xb8\xda\x01\xff\x1f\x33\x41"

static const struct asking_case {
	const char *name;
	const char *rule;
	int err; /* of the provider */
	unsigned int n_asked;
	unsigned int n_tries;
	const char *texts[2]; /* the tries */
	int answers[2];
	int ret;
	struct test_said said[2];
} asking_cases[] = {
	/* No rule covers a device that takes a token. */
	{ VF, NULL, 0, 1, 1, { WITH_A(VF) }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ VF, OTHER_RULE, 0, 1, 1, { WITH_A(VF) }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ PF, NULL, 0, 1, 1, { WITH_A(PF) }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ "1:10.0", NULL, 0, 1, 1, { WITH_A("1:10.0") }, { OPENED }, OPENED, { SAID_NOTHING } },
	/* A rule does: the device's own, its PF's or the default. */
	{ VF, VF "=" TOKEN_A, 0, 0, 1, { WITH_A(VF) }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ VF, PF "=" TOKEN_A, 0, 0, 1, { WITH_A(VF) }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ VF, TOKEN_A, 0, 0, 1, { WITH_A(VF) }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ VF, "file:none", 0, 0, 0, { NULL }, { 0 }, -ENOENT, { UNREADABLE("file:none") } },
	/* The device takes none. */
	{ PF_IGB, NULL, 0, 0, 1, { PF_IGB }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ VF_OF_IGB, NULL, 0, 0, 1, { VF_OF_IGB }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ PLAIN, NULL, 0, 0, 1, { PLAIN }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ "fsl-mc.0", NULL, 0, 0, 1, { "fsl-mc.0" }, { OPENED }, OPENED, { SAID_NOTHING } },
	/* The provider has none either, which may do. */
	{ VF, NULL, ENOKEY, 1, 1, { VF }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ PF, NULL, ENOKEY, 1, 1, { PF }, { OPENED }, OPENED, { SAID_NOTHING } },
	{ VF, NULL, ENOKEY, 1, 1, { VF }, { -EACCES }, -EACCES, { NO_RULE } },
	{ VF, NULL, ENOKEY, 1, 1, { VF }, { -EINVAL }, -EINVAL, { INVALID } },
	/* The provider can't answer: the kernel isn't asked. */
	{ VF, NULL, ETIMEDOUT, 1, 0, { NULL }, { 0 }, -ETIMEDOUT, { TIMED_OUT } },
	{ VF, NULL, EINVAL, 1, 0, { NULL }, { 0 }, -EINVAL, { NOT_GIVEN("Invalid argument") } },
	/* The kernel refuses the token. */
	{ VF, NULL, 0, 1, 1, { WITH_A(VF) }, { -EACCES }, -EACCES, { WRONG_VF } },
	{ PF, NULL, 0, 1, 1, { WITH_A(PF) }, { -EACCES }, -EACCES, { WRONG_PF } },
	{ VF, NULL, 0, 1, 2, { WITH_A(VF), VF }, { -EINVAL, OPENED }, OPENED, { NO_USE } },
	{ VF, NULL, 0, 1, 2, { WITH_A(VF), VF }, { -EINVAL, -EBUSY }, -EBUSY, { NO_USE, BUSY } },
};

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
		struct provider provider = { BYTES_A, sizeof(uuid_t), c->err, -1, 0, "" };
		const unsigned int fds = test_open_fds();
		struct vftoken_context *ctx = test_context();
		char bytes[sizeof(uuid_t)], zeros[sizeof(uuid_t)] = { 0 };

		print_message("%s, case %zu\n", c->name, i);
		vftoken_context_set_provider(ctx, give_bytes, &provider, PRIMARY);
		if (c->rule != NULL)
			assert_int_equal(vftoken_add_rule(ctx, c->rule), 0);
		test_answer(answers, c->n_tries);
		assert_int_equal(vftoken_open(ctx, GROUP_FD, c->name), c->ret);
		test_assert_all_said(c->said, TEST_DIM(c->said));
		assert_int_equal(test_n_ioctls, c->n_tries);
		for (j = 0; j < c->n_tries; j++)
			assert_string_equal((const char *)test_ioctls[j].bytes, c->texts[j]);
		assert_int_equal(provider.n, c->n_asked);
		if (c->n_asked > 0)
			assert_string_equal(provider.name, c->name);
		if (provider.fd >= 0) {
			assert_int_equal(pread(provider.fd, bytes, sizeof(bytes), 0),
					 sizeof(bytes));
			assert_memory_equal(bytes, zeros, sizeof(bytes));
			close(provider.fd);
		}
		vftoken_context_destroy(ctx);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* What the provider gives isn't a token: the device isn't opened, and nothing stays open. */
static void
no_token_given(void **state)
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
		struct provider provider = { cases[i].bytes, cases[i].size, 0, -1, 0, "" };
		const unsigned int fds = test_open_fds();
		struct vftoken_context *ctx = test_context();

		vftoken_context_set_provider(ctx, give_bytes, &provider, PRIMARY);
		assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), -EIO);
		test_said(provider_failed, VF, PRIMARY, "Input/output error");
		close(provider.fd);
		vftoken_context_destroy(ctx);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* A cleared context keeps its provider; one that was taken away isn't asked any more. */
static void
unset(void **state)
{
	static const struct test_answer opened[] = { { .ret = OPENED } };
	struct provider provider = { NULL, 0, ENOKEY, -1, 0, "" };
	struct vftoken_context *ctx = test_context();

	(void)state;
	make_devices();
	vftoken_context_set_provider(ctx, give_bytes, &provider, PRIMARY);
	vftoken_context_clear(ctx);
	test_answer(opened, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), OPENED);
	assert_int_equal(provider.n, 1);
	vftoken_context_set_provider(ctx, NULL, NULL, NULL);
	test_answer(opened, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, VF), OPENED);
	assert_int_equal(provider.n, 1);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

static int
give_from_context(const char *name, void *opaque)
{
	return vftoken_transfer_token(opaque, name);
}

/* Another context as the provider reads its rule's source each time that it is asked. */
static void
two_contexts(void **state)
{
	static const struct test_answer opened[] = { { .ret = OPENED } };
	struct vftoken_context *primary = test_context(), *secondary = test_context();

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_rule(primary, PF "=file:own"), 0);
	vftoken_context_set_provider(secondary, give_from_context, primary, PRIMARY);
	test_write_text("own", TOKEN_A "\n");
	test_answer(opened, 1);
	assert_int_equal(vftoken_open(secondary, GROUP_FD, VF), OPENED);
	assert_string_equal((const char *)test_ioctls[0].bytes, WITH_A(VF));
	test_write_text("own", TOKEN_B "\n");
	test_answer(opened, 1);
	assert_int_equal(vftoken_open(secondary, GROUP_FD, PF), OPENED);
	assert_string_equal((const char *)test_ioctls[0].bytes,
			    PF " vf_token=c87a0e2d-93fe-4b66-acd3-7e59bd8a6f12");
	test_said_nothing();
	/* A refusal of the one is the other's, too, each with its own message. */
	assert_int_equal(unlink("own"), 0);
	test_answer(NULL, 0);
	assert_int_equal(vftoken_open(secondary, GROUP_FD, VF), -ENOENT);
	test_all_said(UNREADABLE("file:own"), NOT_GIVEN("No such file or directory"));
	vftoken_context_destroy(secondary);
	vftoken_context_destroy(primary);
}

/* Opens that meet: in the kernel, or where the token provider is asked. */
static _Atomic unsigned int met;
static _Atomic bool alone;

/* Wait until as many are here as there are threads, or for five seconds. */
static void
meet(void)
{
	unsigned int tries = 0;

	met++;
	while (met < 2 && tries++ < 5000)
		usleep(1000);
	alone |= met < 2;
}

static int
meet_in_kernel(unsigned long request, void *arg)
{
	(void)arg;
	if (request != VFIO_GROUP_GET_DEVICE_FD)
		return -1;
	meet();
	return OPENED;
}

static int
meet_at_provider(const char *name, void *opaque)
{
	(void)name;
	(void)opaque;
	meet();
	return -ENOKEY;
}

static void *
open_in_thread(void *ctx)
{
	return vftoken_open(ctx, GROUP_FD, VF) == OPENED ? ctx : NULL;
}

static int
open_at_once(unsigned long request, void *arg)
{
	(void)arg;
	return request == VFIO_GROUP_GET_DEVICE_FD ? OPENED : -1;
}

/* Threads don't wait for each other's device or provider, and who clears waits for them. */
static void
side_by_side(void **state)
{
	static const struct {
		int (*kernel)(unsigned long request, void *arg);
		vftoken_provider_t provider;
	} cases[] = {
		{ meet_in_kernel, NULL },
		{ open_at_once, meet_at_provider },
	};
	size_t i, j;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = test_context();
		pthread_t threads[2];
		void *result;

		if (cases[i].provider != NULL)
			vftoken_context_set_provider(ctx, cases[i].provider, NULL, PRIMARY);
		test_kernel = cases[i].kernel;
		met = 0;
		for (j = 0; j < TEST_DIM(threads); j++)
			assert_int_equal(pthread_create(&threads[j], NULL, open_in_thread, ctx), 0);
		while (met == 0)
			usleep(1000);
		vftoken_context_clear(ctx);
		for (j = 0; j < TEST_DIM(threads); j++) {
			assert_int_equal(pthread_join(threads[j], &result), 0);
			assert_ptr_equal(result, ctx);
		}
		assert_false(alone);
		test_said_nothing();
		vftoken_context_destroy(ctx);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asked, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_token_given, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(unset, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(two_contexts, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(side_by_side, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("open_provider", tests, NULL, NULL);
}
