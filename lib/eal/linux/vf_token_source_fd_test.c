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
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "vf_token_source.h"
#include "vftoken_test_util.h"

#define NOBODY_WROTE ": no writer wrote and closed it within 5 seconds"

/* A source under test and what reading it gave. */
struct reading {
	struct vftoken_vault vault;
	struct vftoken_source source;
	char why[VFTOKEN_WHY_SIZE];
	uuid_t token;
};

static void
start(struct reading *r, const char *text)
{
	r->vault = (struct vftoken_vault)VFTOKEN_VAULT_INIT;
	assert_int_equal(vftoken_source_parse(&r->source, &r->vault, text, r->why), 0);
}

static void
start_fd(struct reading *r, int fd)
{
	char text[16];

	snprintf(text, sizeof(text), "fd:%d", fd);
	start(r, text);
}

static void
end(struct reading *r)
{
	vftoken_source_free(&r->source);
	vftoken_vault_clear(&r->vault);
}

static void
assert_token(struct reading *r, const char *token)
{
	uuid_t expected;

	assert_int_equal(vftoken_source_read(&r->source, &r->vault, r->token, r->why), 0);
	assert_string_equal(r->why, "");
	assert_int_equal(uuid_parse(token, expected), 0);
	assert_memory_equal(r->token, expected, sizeof(uuid_t));
}

/* The reason comes after the source; the token is untouched. */
static void
assert_failure(struct reading *r, int ret, const char *reason)
{
	uuid_t before;

	memset(before, 0xa5, sizeof(before));
	memset(r->token, 0xa5, sizeof(r->token));
	assert_int_equal(vftoken_source_read(&r->source, &r->vault, r->token, r->why), ret);
	test_assert_no_secret(r->why);
	assert_int_equal(strncmp(r->why, r->source.shown, strlen(r->source.shown)), 0);
	assert_string_equal(r->why + strlen(r->source.shown), reason);
	assert_memory_equal(r->token, before, sizeof(uuid_t));
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A pipe is read once, when first needed, then closed; its token is kept for the next reads. */
static void
fd_pipe(void **state)
{
	const int fd = test_pipe(" " TOKEN_A "\n");
	struct reading r;
	int i;

	(void)state;
	start_fd(&r, fd);
	assert_true(is_open(fd));
	assert_int_equal(r.vault.fd, -1);
	for (i = 0; i < 3; i++) {
		assert_token(&r, TOKEN_A);
		assert_false(is_open(fd));
		assert_int_equal(r.vault.used, 1);
	}
	assert_int_equal(test_vault_size(), sizeof(uuid_t));
	end(&r);
	assert_int_equal(test_vault_size(), -1);
}

/* An fd of a file is read from where it stands. */
static void
fd_regular_file(void **state)
{
	struct reading r;
	int fd;

	(void)state;
	test_write_text("token", "not this: " TOKEN_A);
	fd = open("token", O_RDONLY);
	assert_int_equal(lseek(fd, 10, SEEK_SET), 10);
	start_fd(&r, fd);
	assert_token(&r, TOKEN_A);
	assert_false(is_open(fd));
	end(&r);
}

/* A memory file has no name by which others could write it, so its mode, 0777, doesn't count. */
static void
fd_memory_file(void **state)
{
	const int fd = memfd_create("test", 0);
	struct reading r;

	(void)state;
	assert_int_equal(write(fd, TOKEN_A, strlen(TOKEN_A)), strlen(TOKEN_A));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	start_fd(&r, fd);
	assert_token(&r, TOKEN_A);
	end(&r);
}

/* What can't be read from an fd is refused, and the fd stays open. */
static void
fd_cannot_be_read(void **state)
{
	static const struct {
		const char *path;
		int flags;
		int ret;
		const char *reason;
	} cases[] = {
		{ ".", O_RDONLY, -EISDIR, " is a directory; name a file" },
		{ "others", O_RDONLY, -EPERM,
		  " may be written by others than its owner; chmod 600 it" },
		{ "own", O_WRONLY, -EBADF, " can't be read: Bad file descriptor" },
		{ "bad", O_RDONLY, -EINVAL, " has 3 characters; a UUID has 36" },
		{ "/dev/null", O_RDONLY, -EINVAL, " is empty" },
		{ "/dev/zero", O_RDONLY, -EFBIG,
		  " is longer than 4096 bytes; it must hold one UUID" },
	};
	struct reading r;
	size_t i;

	(void)state;
	test_write("others", TOKEN_A, strlen(TOKEN_A), 0620);
	test_write_text("own", TOKEN_A);
	test_write_text("bad", "bad");
	for (i = 0; i < TEST_DIM(cases); i++) {
		const int fd = open(cases[i].path, cases[i].flags);

		start_fd(&r, fd);
		assert_failure(&r, cases[i].ret, cases[i].reason);
		assert_true(is_open(fd));
		assert_int_equal(r.vault.fd, -1);
		end(&r);
		close(fd);
	}
}

/* An fd that was closed between parse and read is an error. */
static void
fd_closed_meanwhile(void **state)
{
	const int fd = test_pipe(TOKEN_A);
	struct reading r;

	(void)state;
	start_fd(&r, fd);
	close(fd);
	assert_failure(&r, -EBADF, " can't be read: Bad file descriptor");
	end(&r);
}

/* An fd that nobody needed stays the caller's. */
static void
fd_never_read(void **state)
{
	const int fd = test_pipe(TOKEN_A);
	struct reading r;

	(void)state;
	start_fd(&r, fd);
	end(&r);
	assert_int_equal(close(fd), 0);
}

/* A token that was read but can't be kept isn't given out either. */
static void
fd_cannot_be_kept(void **state)
{
	const int fd = test_pipe(TOKEN_A);
	struct rlimit before, none;
	uuid_t untouched;
	struct reading r;

	(void)state;
	start_fd(&r, fd);
	memset(r.token, 0xa5, sizeof(uuid_t));
	memset(untouched, 0xa5, sizeof(uuid_t));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(vftoken_source_read(&r.source, &r.vault, r.token, r.why), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_string_equal(r.why,
			    "a memory file for the token can't be made: Too many open files");
	assert_memory_equal(r.token, untouched, sizeof(uuid_t));
	end(&r);
	close(fd);
}

/* A pipe that nobody writes, or whose writer doesn't close it, isn't waited for long. */
static void
fd_open_pipe(void **state)
{
	static const char *const texts[] = { "", TOKEN_A };
	struct reading r;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(texts); i++) {
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		assert_int_equal(write(fds[1], texts[i], strlen(texts[i])), strlen(texts[i]));
		start_fd(&r, fds[0]);
		test_clock_jumps();
		assert_failure(&r, -ETIMEDOUT, NOBODY_WROTE);
		end(&r);
		close(fds[0]);
		close(fds[1]);
	}
}

static void
on_alarm(int signal_number)
{
	(void)signal_number;
}

/* A FIFO's writer may come late, and signals meanwhile do no harm; it is read afresh each time. */
static void
fifo_late_writer(void **state)
{
	const struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
	const struct itimerval none = { { 0, 0 }, { 0, 0 } };
	const struct sigaction action = { .sa_handler = on_alarm };
	struct timespec before, after;
	struct reading r;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	start(&r, "file:fifo");
	clock_gettime(CLOCK_MONOTONIC, &before);
	test_write_late("fifo", TOKEN_A "\n", 200);
	assert_token(&r, TOKEN_A);
	test_join_late();
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
		    200000000);

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	test_write_late("fifo", TOKEN_B "\n", 100);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
	assert_token(&r, TOKEN_B);
	assert_int_equal(setitimer(ITIMER_REAL, &none, NULL), 0);
	test_join_late();
	end(&r);
}

/* A FIFO that nobody writes, or that is written by others than its owner, is an error. */
static void
fifo_refused(void **state)
{
	struct reading r;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	start(&r, "file:fifo");
	test_clock_jumps();
	assert_failure(&r, -ETIMEDOUT, NOBODY_WROTE);
	assert_int_equal(chmod("fifo", 0622), 0);
	assert_failure(&r, -EPERM, " may be written by others than its owner; chmod 600 it");
	end(&r);
}

/* A wait that fails ends the read. */
static void
wait_fails(void **state)
{
	struct reading r;

	(void)state;
	test_write_text("token", TOKEN_A);
	start(&r, "file:token");
	test_poll_fails = true;
	assert_failure(&r, -ENOMEM, " can't be waited for: Cannot allocate memory");
	end(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fd_pipe, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_regular_file, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_memory_file, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_cannot_be_read, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_closed_meanwhile, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_never_read, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_cannot_be_kept, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fd_open_pipe, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fifo_late_writer, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(fifo_refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(wait_fails, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vf_token_source_fd", tests, NULL, NULL);
}
