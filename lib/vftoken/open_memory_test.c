/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define OPENED 7

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF_LITERAL "0000:01:10.2"

static const struct test_device devices[] = {
	{ PF, "vfio-pci", NULL, "7\n", "2\n" },
	{ VF, "vfio-pci", PF, NULL, NULL },
	{ VF_LITERAL, "vfio-pci", PF, NULL, NULL },
};

struct call {
	struct vftoken_context *ctx;
	const char *text;
	int ret;
};

static void
call_open(void *opaque)
{
	struct call *c = opaque;

	c->ret = vftoken_open(c->ctx, GROUP_FD, c->text);
}

static void
call_add_rule(void *opaque)
{
	struct call *c = opaque;

	c->ret = vftoken_add_rule(c->ctx, c->text);
}

static void
call_reload(void *opaque)
{
	struct call *c = opaque;

	c->ret = vftoken_pf_reload_token(c->ctx, c->text);
}

static void
forget_ioctls(void)
{
	/* The kernel's own copy shows that the search finds one. */
	assert_int_equal(test_search_memory(TOKEN_A), 1);
	memset(test_ioctls, 0, sizeof(test_ioctls));
	assert_int_equal(test_search_memory(TOKEN_A), 0);
}

/* Neither a rule nor an open leaves a token, or its text, in the process's memory. */
static void
nothing_left(void **state)
{
	static const struct test_answer opened[] = { { .ret = OPENED } };
	struct call c;
	char rule[32];
	size_t i;
	int fd;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	c.ctx = test_context();
	fd = test_pipe(TOKEN_A);
	test_write_text("own", TOKEN_A "\n");
	snprintf(rule, sizeof(rule), VF "=fd:%d", fd);
	assert_int_equal(vftoken_add_rule(c.ctx, "file:own"), 0);
	assert_int_equal(vftoken_add_rule(c.ctx, rule), 0);
	c.text = VF_LITERAL "=" TOKEN_A;
	test_call(call_add_rule, &c);
	assert_int_equal(c.ret, 0);
	assert_int_equal(test_search_memory(TOKEN_A), 0);
	for (i = 0; i < TEST_DIM(devices); i++) {
		test_device_make(&devices[i]);
		test_answer(opened, 1);
		c.text = devices[i].bdf;
		test_call(call_open, &c);
		assert_int_equal(c.ret, OPENED);
		forget_ioctls();
	}
	vftoken_context_destroy(c.ctx);
}

/* Nor does a token that is set on an open PF, from a file or from memory. */
static void
nothing_left_of_set(void **state)
{
	static const char *const rules[] = { "file:own", PF "=" TOKEN_A };
	static const struct test_answer done[] = { { .ret = OPENED } };
	struct call c = { .text = PF };
	size_t i;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	test_device_make(&devices[0]);
	test_write_text("own", TOKEN_A "\n");
	for (i = 0; i < TEST_DIM(rules); i++) {
		c.ctx = test_context();
		test_answer(done, 1);
		assert_int_equal(vftoken_open(c.ctx, GROUP_FD, PF), OPENED);
		assert_int_equal(vftoken_add_rule(c.ctx, rules[i]), 0);
		test_answer(done, 1);
		test_call(call_reload, &c);
		assert_int_equal(c.ret, 0);
		forget_ioctls();
		test_n_messages = 0;
		vftoken_context_destroy(c.ctx);
	}
}

static void
call_transfer(void *opaque)
{
	struct call *c = opaque;

	c->ret = vftoken_transfer_token(c->ctx, c->text);
}

/* A copy of the last transfer's descriptor. */
static int transfer;

static int
provide(const char *name, void *opaque)
{
	const int fd = vftoken_transfer_token(opaque, name);

	transfer = dup(fd);
	return fd;
}

static void
assert_zeros(int fd)
{
	char bytes[sizeof(uuid_t)], zeros[sizeof(uuid_t)] = { 0 };

	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_memory_equal(bytes, zeros, sizeof(bytes));
}

/* Nor does a token that is handed over, or asked for, and it isn't left in the file either. */
static void
nothing_left_of_transfer(void **state)
{
	static const struct test_answer answers[][2] = {
		{ { .ret = OPENED } },
		{ { .ret = -EACCES } },
		{ { .ret = -EINVAL }, { .ret = OPENED } },
	};
	struct call c = { .text = VF };
	struct vftoken_context *giver;
	size_t i;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	for (i = 0; i < TEST_DIM(devices); i++)
		test_device_make(&devices[i]);
	test_write_text("own", TOKEN_A "\n");
	giver = c.ctx = test_context();
	assert_int_equal(vftoken_add_rule(giver, PF "=file:own"), 0);
	test_call(call_transfer, &c);
	assert_true(c.ret >= 0);
	assert_int_equal(test_store_size(), sizeof(uuid_t));
	assert_int_equal(test_search_memory(TOKEN_A), 0);
	close(c.ret);

	c.ctx = test_context();
	vftoken_context_set_provider(c.ctx, provide, giver, "the primary process");
	for (i = 0; i < TEST_DIM(answers); i++) {
		test_answer(answers[i], i == 2 ? 2 : 1);
		test_call(call_open, &c);
		assert_int_equal(c.ret, i == 1 ? -EACCES : OPENED);
		forget_ioctls();
		assert_zeros(transfer);
		close(transfer);
	}
	test_n_messages = 0;
	vftoken_context_destroy(c.ctx);
	vftoken_context_destroy(giver);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_left, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(nothing_left_of_set, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(nothing_left_of_transfer, test_setup,
						test_teardown),
	};

	return cmocka_run_group_tests_name("open_memory", tests, NULL, NULL);
}
