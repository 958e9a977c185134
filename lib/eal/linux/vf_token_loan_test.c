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

#include "vf_token_loan.h"
#include "vftoken_test_util.h"

#define DEVICE "0000:01:10.0"
#define NOT_GIVEN "the primary process didn't give it: "

static int
lend(const char *text)
{
	uuid_t token;
	int fd;

	assert_int_equal(uuid_parse(text, token), 0);
	fd = vftoken_loan_make(token);
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
	assert_int_equal(vftoken_loan_take(fd, token), ret);
	assert_memory_equal(token, before, sizeof(token));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* A token is lent in a memory file of its own, which no other program gets. */
static void
lent(void **state)
{
	const int a = lend(TOKEN_A), b = lend(TOKEN_B);

	(void)state;
	assert_int_equal(test_vault_size(), 2 * sizeof(uuid_t));
	assert_int_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	assert_holds(a, TOKEN_A);
	assert_holds(b, TOKEN_B);
	close(a);
	close(b);
}

/* Who takes a token overwrites the lender's copy and closes the file, so it is taken once. */
static void
taken(void **state)
{
	const int fd = lend(TOKEN_A), lenders = dup(fd), third = dup(fd);
	uuid_t token, expected;

	(void)state;
	assert_int_equal(uuid_parse(TOKEN_A, expected), 0);
	assert_int_equal(vftoken_loan_take(fd, token), 0);
	assert_memory_equal(token, expected, sizeof(token));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_holds(lenders, "00000000-0000-0000-0000-000000000000");
	assert_not_taken(third, -EIO);
	close(lenders);
}

/* A file that holds no token, or that can't be overwritten, is refused and closed. */
static void
not_taken(void **state)
{
	char path[32];
	int fd, writable;

	(void)state;
	/* Nothing, and one byte less than a token. */
	fd = memfd_create("loan", MFD_CLOEXEC);
	assert_not_taken(fd, -EIO);
	fd = memfd_create("loan", MFD_CLOEXEC);
	assert_int_equal(write(fd, TOKEN_A, sizeof(uuid_t) - 1), sizeof(uuid_t) - 1);
	assert_not_taken(fd, -EIO);
	assert_not_taken(test_pipe(TOKEN_A), -EIO);
	writable = lend(TOKEN_A);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_not_taken(fd, -EIO);
	assert_holds(writable, TOKEN_A);
	close(writable);
}

/* A token that can't be lent, for want of an fd or of room, leaves no file open. */
static void
not_lent(void **state)
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
		ret = vftoken_loan_make(token);
		assert_int_equal(setrlimit(cases[i].resource, &before), 0);
		assert_int_equal(ret, cases[i].ret);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* Who is asked, and what it answers. */
struct answer {
	unsigned int n;
	int ret;
};

static int
ask(const char *name, void *opaque)
{
	struct answer *answer = opaque;

	assert_string_equal(name, DEVICE);
	answer->n++;
	return answer->ret;
}

/* The function asked is called with what it was set with, and its answer is the token. */
static void
asked(void **state)
{
	struct answer first = { 0, -EIO }, second = { 0, lend(TOKEN_A) };
	char why[VFTOKEN_WHY_SIZE] = "not written";
	struct vftoken *vt = test_rules();
	uuid_t token, expected;

	(void)state;
	vftoken_set_ask(vt, ask, &first, "nobody");
	vftoken_set_ask(vt, ask, &second, "the primary process");
	assert_int_equal(vftoken_ask(vt, DEVICE, token, why), 0);
	assert_int_equal(first.n, 0);
	assert_int_equal(second.n, 1);
	assert_int_equal(uuid_parse(TOKEN_A, expected), 0);
	assert_memory_equal(token, expected, sizeof(token));
	assert_string_equal(why, "");
	assert_int_equal(test_vault_size(), -1);
	vftoken_destroy(vt);
}

/* An answer that is no token is passed on with its reason. */
static void
asked_in_vain(void **state)
{
	struct {
		int answer;
		int ret;
		const char *why;
	} cases[] = {
		{ -ENOKEY, -ENOKEY, NOT_GIVEN "Required key not available" },
		{ -ETIMEDOUT, -ETIMEDOUT, NOT_GIVEN "Connection timed out" },
		{ memfd_create("loan", MFD_CLOEXEC), -EIO, NOT_GIVEN "Input/output error" },
	};
	struct vftoken *vt = test_rules();
	uuid_t token, before;
	size_t i;

	(void)state;
	memset(token, 0xa5, sizeof(token));
	memset(before, 0xa5, sizeof(before));
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct answer answer = { 0, cases[i].answer };
		char why[VFTOKEN_WHY_SIZE] = "not written";

		vftoken_set_ask(vt, ask, &answer, "the primary process");
		assert_int_equal(vftoken_ask(vt, DEVICE, token, why), cases[i].ret);
		assert_string_equal(why, cases[i].why);
		assert_memory_equal(token, before, sizeof(token));
		test_assert_message(0, NULL);
	}
	vftoken_destroy(vt);
}

struct loan {
	int fds[2];
	int ret;
};

static void
call_make(void *opaque)
{
	struct loan *loan = opaque;
	uuid_t token;

	loan->ret = uuid_parse(TOKEN_A, token);
	loan->fds[0] = vftoken_loan_make(token);
	loan->fds[1] = vftoken_loan_make(token);
	explicit_bzero(token, sizeof(token));
}

/* One token is taken; the other one can't be, as it stays in a file that can't be written. */
static void
call_take(void *opaque)
{
	struct loan *loan = opaque;
	uuid_t token;

	memset(token, 0, sizeof(token));
	loan->ret = vftoken_loan_take(loan->fds[0], token);
	explicit_bzero(token, sizeof(token));
	if (vftoken_loan_take(loan->fds[1], token) != -EIO || !uuid_is_null(token))
		loan->ret = -1;
}

/* Neither side of a loan leaves the token in memory, whether it is taken or not. */
static void
nothing_left(void **state)
{
	struct loan loan;
	char path[32];
	int writable;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	test_call(call_make, &loan);
	assert_int_equal(loan.ret, 0);
	assert_int_equal(test_vault_size(), 2 * sizeof(uuid_t));
	assert_int_equal(test_search_memory(TOKEN_A), 0);
	writable = loan.fds[1];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	loan.fds[1] = open(path, O_RDONLY | O_CLOEXEC);
	close(writable);
	test_call(call_take, &loan);
	assert_int_equal(loan.ret, 0);
	assert_int_equal(test_search_memory(TOKEN_A), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		/* First, before a test leaves its own copies behind. */
		cmocka_unit_test_setup_teardown(nothing_left, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(lent, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(taken, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_taken, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_lent, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(asked, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(asked_in_vain, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vf_token_loan", tests, NULL, NULL);
}
