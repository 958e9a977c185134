/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "test_util.h"

/* A source under test and what reading it gave. */
struct reading {
	struct vftoken_context *ctx;
	struct vftoken_subject subject;
	struct vftoken_source source;
	uuid_t token;
};

static void
start(struct reading *r, const char *text)
{
	r->ctx = test_context();
	r->subject = (struct vftoken_subject){ .ctx = r->ctx };
	assert_int_equal(vftoken_source_parse(&r->source, &r->ctx->store, text, &r->subject), 0);
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
	vftoken_context_destroy(r->ctx);
}

static int
read_source(struct reading *r)
{
	return test_read_source(r->ctx, &r->source, r->token, &r->subject);
}

static void
assert_token(struct reading *r, const char *token)
{
	uuid_t expected;

	assert_int_equal(read_source(r), 0);
	test_said_nothing();
	assert_int_equal(uuid_parse(token, expected), 0);
	assert_memory_equal(r->token, expected, sizeof(uuid_t));
}

/* What is said holds the source and these arguments; the token is untouched. */
static void
assert_failure(struct reading *r, int ret, const struct test_said *said)
{
	struct test_said expected = *said;
	uuid_t before;

	expected.arguments[0] = r->source.shown;
	memcpy(&expected.arguments[1], said->arguments,
	       sizeof(said->arguments) - sizeof(said->arguments[0]));
	memset(before, 0xa5, sizeof(before));
	memset(r->token, 0xa5, sizeof(r->token));
	assert_int_equal(read_source(r), ret);
	test_assert_said(&expected);
	assert_memory_equal(r->token, before, sizeof(uuid_t));
}

static const struct test_said nobody_wrote = SAID(source_timeout, "5");

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
	assert_int_equal(r.ctx->store.fd, -1);
	for (i = 0; i < 3; i++) {
		assert_token(&r, TOKEN_A);
		assert_false(is_open(fd));
		assert_int_equal(r.ctx->store.used, 1);
	}
	assert_int_equal(test_store_size(), sizeof(uuid_t));
	end(&r);
	assert_int_equal(test_store_size(), -1);
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
		struct test_said said;
	} cases[] = {
		{ ".", O_RDONLY, -EISDIR, SAID(source_directory) },
		{ "others", O_RDONLY, -EPERM, SAID(source_writable) },
		{ "own", O_WRONLY, -EBADF, SAID(source_unreadable, "Bad file descriptor") },
		{ "bad", O_RDONLY, -EINVAL, SAID(uuid_length, "3", "36") },
		{ "/dev/null", O_RDONLY, -EINVAL, SAID(source_empty) },
		{ "/dev/zero", O_RDONLY, -EFBIG, SAID(source_too_long, "4096") },
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
		assert_failure(&r, cases[i].ret, &cases[i].said);
		assert_true(is_open(fd));
		assert_int_equal(r.ctx->store.fd, -1);
		end(&r);
		close(fd);
	}
}

/* An fd that was closed between parse and read is an error. */
static void
fd_closed_meanwhile(void **state)
{
	static const struct test_said closed = SAID(source_unreadable, "Bad file descriptor");
	const int fd = test_pipe(TOKEN_A);
	struct reading r;

	(void)state;
	start_fd(&r, fd);
	close(fd);
	assert_failure(&r, -EBADF, &closed);
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
	assert_int_equal(read_source(&r), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	test_said(store_failed, "Too many open files");
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
		assert_failure(&r, -ETIMEDOUT, &nobody_wrote);
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

/* A FIFO's writer may come late, and signals meanwhile do no harm; it is read each time. */
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
	static const struct test_said writable = SAID(source_writable);
	struct reading r;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	start(&r, "file:fifo");
	test_clock_jumps();
	assert_failure(&r, -ETIMEDOUT, &nobody_wrote);
	assert_int_equal(chmod("fifo", 0622), 0);
	assert_failure(&r, -EPERM, &writable);
	end(&r);
}

/* An emulator has threads of its own. */
static unsigned int threads_at_start;

/* Until the threads that were left behind have ended. */
static void
wait_for_threads(void)
{
	unsigned int tries = 0;

	while (test_threads() > threads_at_start && tries++ < 5000)
		usleep(1000);
	assert_int_equal(test_threads(), threads_at_start);
}

/* A file system that doesn't answer: the wait ends, and what comes later is nobody's. */
static void
file_system_hangs(void **state)
{
	static sem_t hang; /* the thread that is left behind may use it late */
	struct reading r;

	(void)state;
	assert_int_equal(sem_init(&hang, 0, 0), 0);
	test_write_text("token", TOKEN_A);
	start(&r, "file:token");
	test_watched_open.path = "token";
	test_watched_open.access = O_RDONLY;
	test_open_hangs = &hang;
	test_clock_late();
	assert_failure(&r, -ETIMEDOUT, &nobody_wrote);
	test_open_hangs = NULL;
	assert_token(&r, TOKEN_A);
	assert_int_equal(sem_post(&hang), 0);
	/* It has the file open for a moment. */
	wait_for_threads();
	end(&r);
}

/* A file that is always ready and never has anything: the thread that reads it ends, too. */
static void
never_anything(void **state)
{
	struct reading r;

	(void)state;
	test_write_text("token", TOKEN_A);
	start(&r, "file:token");
	test_read_again = true;
	test_clock_late();
	assert_failure(&r, -ETIMEDOUT, &nobody_wrote);
	wait_for_threads();
	test_read_again = false;
	assert_token(&r, TOKEN_A);
	end(&r);
}

static void *
read_in_thread(void *opaque)
{
	struct reading *r = opaque;
	uuid_t token;

	return test_read_source(r->ctx, &r->source, token, &r->subject) == 0 ? r : NULL;
}

static void *
clear_in_thread(void *opaque)
{
	vftoken_context_clear(opaque);
	return opaque;
}

/*
 * While a source is read, all else goes on but what needs it: a second reader, who would have the
 * second part of a FIFO, and who clears the context.
 */
static void
others_go_on(void **state)
{
	pthread_t readers[2], clearer;
	struct reading r;
	void *result;
	size_t i;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	start(&r, "file:fifo");
	assert_int_equal(pthread_create(&readers[0], NULL, read_in_thread, &r), 0);
	while (r.ctx->waiting == 0)
		usleep(1000);
	assert_int_equal(vftoken_add_rule(r.ctx, "01:00.0=" TOKEN_B), 0);
	test_assert_token(r.ctx, "0000:01:00.0", TOKEN_B);
	assert_int_equal(pthread_create(&clearer, NULL, clear_in_thread, r.ctx), 0);
	usleep(10000);
	/* It comes after who clears, but counts on the source as it is. */
	assert_int_equal(pthread_create(&readers[1], NULL, read_in_thread, &r), 0);
	while (r.ctx->waiting == 1)
		usleep(1000);
	for (i = 0; i < TEST_DIM(readers); i++) {
		test_assert_token(r.ctx, "0000:01:00.0", TOKEN_B);
		test_write_late("fifo", TOKEN_A, 0);
		test_join_late();
		usleep(50000);
	}
	for (i = 0; i < TEST_DIM(readers); i++) {
		assert_int_equal(pthread_join(readers[i], &result), 0);
		assert_ptr_equal(result, &r);
	}
	assert_int_equal(pthread_join(clearer, NULL), 0);
	assert_null(test_find_rule(r.ctx, "0000:01:00.0"));
	end(&r);
}

/* A wait that fails ends the read. */
static void
wait_fails(void **state)
{
	static const struct test_said unpolled = SAID(source_unpolled, "Cannot allocate memory");
	struct reading r;

	(void)state;
	test_write_text("token", TOKEN_A);
	start(&r, "file:token");
	test_poll_fails = true;
	assert_failure(&r, -ENOMEM, &unpolled);
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
		cmocka_unit_test_setup_teardown(file_system_hangs, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(never_anything, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(others_go_on, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(wait_fails, test_setup, test_teardown),
	};

	threads_at_start = test_threads();
	return cmocka_run_group_tests_name("source_fd", tests, NULL, NULL);
}
