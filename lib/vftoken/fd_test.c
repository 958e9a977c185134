/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "fd.h"
#include "test_util.h"

static int saved[3];

/* As after `<&- >&- 2>&-`; a failure can't be printed until restore_std(). */
static void
close_std(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
}

static void
restore_std(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
}

/* What is printed doesn't get into the store, nor into a token on its way. */
static void
memory_files(void **state)
{
	struct vftoken_context *ctx = test_context();
	int ret, transfer, low;

	(void)state;
	close_std();
	ret = vftoken_add_rule(ctx, "01:00.0=" TOKEN_A);
	transfer = vftoken_transfer_token(ctx, "0000:01:00.0");
	low = fcntl(0, F_GETFD) & fcntl(1, F_GETFD) & fcntl(2, F_GETFD);
	restore_std();
	assert_int_equal(ret, 0);
	assert_int_equal(low, -1);
	assert_in_range(ctx->store.fd, 3, 100);
	assert_in_range(transfer, 3, 100);
	close(transfer);
	vftoken_context_destroy(ctx);
}

/* A file or a device doesn't become stdout. */
static void
files(void **state)
{
	int file, device, null;

	(void)state;
	test_write_text("file", "");
	close_std();
	file = vftoken_fd_open("file", O_WRONLY);
	null = open("/dev/null", O_RDWR);
	test_answer(&(const struct test_answer){ .ret = null }, 1);
	device = vftoken_vfio_open(100, "0000:01:00.0", NULL);
	restore_std();
	assert_in_range(file, 3, 100);
	assert_int_equal(null, 0);
	assert_in_range(device, 3, 100);
	test_assert_opened(device, "/dev/null");
	close(device);
	close(file);
}

/* Before a program opens its own files, closed numbers are kept. They stay as good as closed. */
static void
kept(void **state)
{
	static char name[] = "program";
	char *argv[] = { name, NULL }, byte = 0;
	struct vftoken_context *ctx = test_context();
	int i, next, ret = 0, failed = 0;
	unsigned int fds;

	(void)state;
	close_std();
	vftoken_start_begin(ctx, "vfio-v", 1, argv);
	for (i = 0; i < 3; i++) {
		ret |= fcntl(i, F_GETFD) != FD_CLOEXEC;
		failed += write(i, &byte, 1) < 0 && read(i, &byte, 1) < 0 && errno == EBADF;
	}
	next = open("/dev/null", O_RDONLY);
	restore_std();
	assert_int_equal(ret, 0);
	assert_int_equal(failed, 3);
	assert_in_range(next, 3, 100);
	close(next);
	/* Those that are open stay. */
	fds = test_open_fds();
	vftoken_keep_standard_fds();
	assert_int_equal(test_open_fds(), fds);
	vftoken_context_destroy(ctx);
}

/* A descriptor that can't be moved is an error, and isn't left open. */
static void
no_room(void **state)
{
	struct rlimit limit;
	int ret, again;

	(void)state;
	errno = ENOENT;
	assert_int_equal(vftoken_fd_raise(-1), -ENOENT);
	test_write_text("file", "");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	close_std();
	limit.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	ret = vftoken_fd_open("file", O_RDONLY);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	again = open("file", O_RDONLY);
	restore_std();
	assert_int_equal(ret, -EMFILE);
	assert_int_equal(again, 0);
}

/* A token that comes over stdin leaves /dev/null there. */
static void
token_from_stdin(void **state)
{
	struct vftoken_context *ctx = test_context();
	struct stat st, null;
	uuid_t token;
	int ret;

	(void)state;
	close_std();
	ret = test_pipe(TOKEN_A);
	if (ret == 0)
		ret = vftoken_add_rule(ctx, "fd:0");
	if (ret == 0)
		ret = vftoken_read_default(ctx, token);
	if (ret == 0)
		ret = fstat(0, &st);
	restore_std();
	assert_int_equal(ret, 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(st.st_rdev, null.st_rdev);
	test_assert_token(ctx, NULL, TOKEN_A);
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory_files, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(files, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(kept, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_room, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(token_from_stdin, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
