/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "transfer.h"
#include "test_util.h"

#define DEVICE "0000:01:10.0"
#define PROVIDER "the primary process"

static int
make_transfer(const char *text)
{
	uuid_t token;
	int fd;

	assert_int_equal(uuid_parse(text, token), 0);
	fd = vftoken_transfer_make(token);
	assert_true(fd >= 0);
	return fd;
}

/* The memory file holds this token and nothing else. */
static void
assert_holds(int fd, const char *text)
{
	uint8_t bytes[sizeof(uuid_t) + 1];
	uuid_t token;

	assert_int_equal(uuid_parse(text, token), 0);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(uuid_t));
	assert_memory_equal(bytes, token, sizeof(token));
}

/* Taking fails with this errno, closes the file, and leaves the token as it was. */
static void
assert_not_taken(int fd, int ret)
{
	uuid_t token, before;

	memset(token, 0xa5, sizeof(token));
	memset(before, 0xa5, sizeof(before));
	assert_int_equal(vftoken_transfer_take(fd, token), ret);
	assert_memory_equal(token, before, sizeof(token));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* A token is handed over in a memory file of its own, which no other program gets. */
static void
made(void **state)
{
	const int a = make_transfer(TOKEN_A), b = make_transfer(TOKEN_B);

	(void)state;
	assert_int_equal(test_store_size(), 2 * sizeof(uuid_t));
	assert_int_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	assert_holds(a, TOKEN_A);
	assert_holds(b, TOKEN_B);
	close(a);
	close(b);
}

/* Who takes a token overwrites the giver's copy and closes the file, so it is taken once. */
static void
taken(void **state)
{
	const int fd = make_transfer(TOKEN_A), givers = dup(fd), third = dup(fd);
	uuid_t token, expected;

	(void)state;
	assert_int_equal(uuid_parse(TOKEN_A, expected), 0);
	assert_int_equal(vftoken_transfer_take(fd, token), 0);
	assert_memory_equal(token, expected, sizeof(token));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_holds(givers, "00000000-0000-0000-0000-000000000000");
	assert_not_taken(third, -EIO);
	close(givers);
}

/* A file that holds no token, or that can't be overwritten, is refused and closed. */
static void
not_taken(void **state)
{
	char path[32];
	int fd, writable;

	(void)state;
	/* Nothing, and one byte less than a token. */
	fd = memfd_create("transfer", MFD_CLOEXEC);
	assert_not_taken(fd, -EIO);
	fd = memfd_create("transfer", MFD_CLOEXEC);
	assert_int_equal(write(fd, TOKEN_A, sizeof(uuid_t) - 1), sizeof(uuid_t) - 1);
	assert_not_taken(fd, -EIO);
	assert_not_taken(test_pipe(TOKEN_A), -EIO);
	writable = make_transfer(TOKEN_A);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_not_taken(fd, -EIO);
	assert_holds(writable, TOKEN_A);
	close(writable);
}

/* A token that can't be handed over, for want of an fd or of room, leaves no file open. */
static void
not_made(void **state)
{
	static const struct {
		int resource;
		int ret;
	} cases[] = {
		{ RLIMIT_NOFILE, -EMFILE },
		{ RLIMIT_FSIZE, -EFBIG },
	};
	const unsigned int fds = test_open_fds();
	uuid_t token;
	size_t i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(uuid_parse(TOKEN_A, token), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct rlimit before, none;
		int ret;

		assert_int_equal(getrlimit(cases[i].resource, &before), 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(cases[i].resource, &none), 0);
		ret = vftoken_transfer_make(token);
		assert_int_equal(setrlimit(cases[i].resource, &before), 0);
		assert_int_equal(ret, cases[i].ret);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* What the token provider answers, and how often it was asked. */
struct answer {
	unsigned int n;
	int ret;
};

static int
provide(const char *name, void *opaque)
{
	struct answer *answer = opaque;

	assert_string_equal(name, DEVICE);
	answer->n++;
	return answer->ret;
}

/* Ask with the context's lock held, as vftoken_ask_provider() wants it. */
static int
ask(struct vftoken_context *ctx, const struct vftoken_subject *subject, uuid_t token)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = vftoken_ask_provider(ctx, DEVICE, subject, token);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

/* The token provider is called with what it was set with, and its answer is the token. */
static void
asked(void **state)
{
	struct answer first = { 0, -EIO }, second = { 0, make_transfer(TOKEN_A) };
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx };
	uuid_t token, expected;

	(void)state;
	vftoken_context_set_provider(ctx, provide, &first, "nobody");
	vftoken_context_set_provider(ctx, provide, &second, PROVIDER);
	assert_int_equal(ask(ctx, &subject, token), 0);
	assert_int_equal(first.n, 0);
	assert_int_equal(second.n, 1);
	assert_int_equal(uuid_parse(TOKEN_A, expected), 0);
	assert_memory_equal(token, expected, sizeof(token));
	test_said_nothing();
	assert_int_equal(test_store_size(), -1);
	vftoken_context_destroy(ctx);
}

/* An answer that is no token is passed on with its reason, unless the provider has none either. */
static void
asked_in_vain(void **state)
{
	struct {
		int answer;
		int ret;
		struct test_said said;
	} cases[] = {
		{ -ENOKEY, -ENOKEY, SAID_NOTHING },
		{ -ETIMEDOUT, -ETIMEDOUT,
		  SAID(provider_failed, DEVICE, PROVIDER, "Connection timed out") },
		{ -EOPNOTSUPP, -EOPNOTSUPP, SAID(provider_without, DEVICE, PROVIDER, DEVICE) },
		{ memfd_create("transfer", MFD_CLOEXEC), -EIO,
		  SAID(provider_failed, DEVICE, PROVIDER, "Input/output error") },
	};
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx,
						 .purpose = VFTOKEN_FOR_OPEN,
						 .device = DEVICE };
	uuid_t token, before;
	size_t i;

	(void)state;
	memset(token, 0xa5, sizeof(token));
	memset(before, 0xa5, sizeof(before));
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct answer answer = { 0, cases[i].answer };

		vftoken_context_set_provider(ctx, provide, &answer, PROVIDER);
		assert_int_equal(ask(ctx, &subject, token), cases[i].ret);
		test_assert_said(&cases[i].said);
		assert_int_equal(answer.n, 1);
		assert_memory_equal(token, before, sizeof(token));
	}
	vftoken_context_destroy(ctx);
}

struct transfers {
	int fds[2];
	int ret;
};

static void
call_make(void *opaque)
{
	struct transfers *t = opaque;
	uuid_t token;

	t->ret = uuid_parse(TOKEN_A, token);
	t->fds[0] = vftoken_transfer_make(token);
	t->fds[1] = vftoken_transfer_make(token);
	explicit_bzero(token, sizeof(token));
}

/* One token is taken; the other one can't be, as it stays in a file that can't be written. */
static void
call_take(void *opaque)
{
	struct transfers *t = opaque;
	uuid_t token;

	memset(token, 0, sizeof(token));
	t->ret = vftoken_transfer_take(t->fds[0], token);
	explicit_bzero(token, sizeof(token));
	if (vftoken_transfer_take(t->fds[1], token) != -EIO || !uuid_is_null(token))
		t->ret = -1;
}

/* Neither side of a transfer leaves the token in memory, whether it is taken or not. */
static void
nothing_left(void **state)
{
	struct transfers t;
	char path[32];
	int writable;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	test_call(call_make, &t);
	assert_int_equal(t.ret, 0);
	assert_int_equal(test_store_size(), 2 * sizeof(uuid_t));
	assert_int_equal(test_search_memory(TOKEN_A), 0);
	writable = t.fds[1];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	t.fds[1] = open(path, O_RDONLY | O_CLOEXEC);
	close(writable);
	test_call(call_take, &t);
	assert_int_equal(t.ret, 0);
	assert_int_equal(test_search_memory(TOKEN_A), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		/* First, before a test leaves its own copies behind. */
		cmocka_unit_test_setup_teardown(nothing_left, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(made, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(taken, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_taken, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_made, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(asked, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(asked_in_vain, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
