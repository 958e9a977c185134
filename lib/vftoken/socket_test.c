/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test_util.h"

#define NOBODY 65534
#define FOLDER "dpdk/rte"
#define SOCKET FOLDER "/mp_socket"

static char here[PATH_MAX];

static void
make_socket(const char *path, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

/* Folders as DPDK makes them, below one that every user may enter. */
static int
setup(void **state)
{
	if (test_setup(state) != 0 || getcwd(here, sizeof(here)) == NULL ||
	    chmod(here, 0755) != 0 || mkdir("dpdk", 0755) != 0 || mkdir(FOLDER, 0700) != 0)
		return -1;
	make_socket(SOCKET, 0755);
	return 0;
}

static int
check(void)
{
	struct vftoken_context *ctx = test_context();
	const int ret = vftoken_check_sockets(ctx, FOLDER, "mp_socket");

	vftoken_context_destroy(ctx);
	return ret;
}

/* A path below the test's folder, as a message has it. */
static const char *
full(const char *path)
{
	static char text[2 * PATH_MAX];

	snprintf(text, sizeof(text), "%s/%s", here, path);
	return text;
}

static void
give_away(const char *path)
{
	if (getuid() != 0)
		skip();
	assert_int_equal(lchown(path, NOBODY, NOBODY), 0);
}

/* A folder of this user's that others can't enter is closed, whatever the sockets' modes. */
static void
closed(void **state)
{
	static const mode_t modes[][3] = {
		/* dpdk, dpdk/rte, the socket */
		{ 0755, 0700, 0755 }, { 0755, 0700, 0777 }, { 0700, 0755, 0777 },
		{ 0755, 0755, 0755 }, { 0755, 0744, 0777 }, { 0755, 0750, 0700 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(modes); i++) {
		assert_int_equal(chmod("dpdk", modes[i][0]), 0);
		assert_int_equal(chmod(FOLDER, modes[i][1]), 0);
		assert_int_equal(chmod(SOCKET, modes[i][2]), 0);
		assert_int_equal(check(), 0);
		test_said_nothing();
	}
}

/* Others who may enter may use a socket whose file they may write. */
static void
open_socket(void **state)
{
	static const mode_t modes[][2] = { { 0755, 0777 }, { 0755, 0775 }, { 0755, 0757 },
					   { 0711, 0777 }, { 0710, 0770 }, { 0701, 0702 } };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(modes); i++) {
		assert_int_equal(chmod(FOLDER, modes[i][0]), 0);
		assert_int_equal(chmod(SOCKET, modes[i][1]), 0);
		assert_int_equal(check(), -EPERM);
		test_said(socket_open, full(SOCKET), full(FOLDER));
	}
}

/* Each socket whose name begins so counts, and nothing else. */
static void
names(void **state)
{
	(void)state;
	assert_int_equal(chmod(FOLDER, 0755), 0);
	make_socket(FOLDER "/telemetry", 0777);
	test_write(FOLDER "/mp_socket.txt", "", 0, 0666);
	assert_int_equal(check(), 0);
	test_said_nothing();
	make_socket(SOCKET ":1", 0777);
	assert_int_equal(check(), -EPERM);
	test_said(socket_open, full(SOCKET ":1"), full(FOLDER));
}

/* Who may write to a folder may replace what is in it; /tmp lets nobody replace what is another's.
 */
static void
replaceable(void **state)
{
	static const mode_t modes[] = { 0777, 0770, 0707, 01777 };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(modes); i++) {
		assert_int_equal(chmod(FOLDER, modes[i]), 0);
		assert_int_equal(check(), -EPERM);
		test_said(socket_replaceable, FOLDER, FOLDER);
	}
	assert_int_equal(chmod(FOLDER, 0700), 0);
	assert_int_equal(chmod("dpdk", 0777), 0);
	assert_int_equal(check(), -EPERM);
	test_said(socket_replaceable, "dpdk", "dpdk");
	assert_int_equal(chmod("dpdk", 01777), 0);
	assert_int_equal(check(), 0);
	test_said_nothing();
}

/* A folder on the path that is another user's isn't closed, whatever its mode. */
static void
foreign(void **state)
{
	(void)state;
	give_away(FOLDER);
	assert_int_equal(check(), -EPERM);
	test_said(socket_foreign, FOLDER);
	assert_int_equal(chown(FOLDER, 0, 0), 0);
	give_away("dpdk");
	assert_int_equal(check(), -EPERM);
	test_said(socket_foreign, "dpdk");
}

/* Root's folders are as good as the user's own. */
static void
of_root(void **state)
{
	(void)state;
	give_away(FOLDER);
	if (!test_become_nobody())
		skip();
	assert_int_equal(check(), 0);
	test_become_root();
	test_said_nothing();
}

/* Who owns a link can let it lead elsewhere; who owns where it leads counts, too. */
static void
link_to_folder(void **state)
{
	(void)state;
	assert_int_equal(rename("dpdk", "real"), 0);
	assert_int_equal(symlink("real", "dpdk"), 0);
	assert_int_equal(check(), 0);
	test_said_nothing();
	assert_int_equal(chmod("real", 0777), 0);
	assert_int_equal(check(), -EPERM);
	test_said(socket_replaceable, full("real"), full("real"));
	assert_int_equal(chmod("real", 0700), 0);
	give_away("dpdk");
	assert_int_equal(check(), -EPERM);
	test_said(socket_foreign, "dpdk");
}

/* What can't be examined isn't closed. */
static void
unseen(void **state)
{
	struct vftoken_context *ctx = test_context();
	char path[PATH_MAX + 1];

	(void)state;
	assert_int_equal(vftoken_check_sockets(ctx, "none/rte", "mp_socket"), -ENOENT);
	test_said(socket_unseen, "none", "No such file or directory");
	assert_int_equal(vftoken_check_sockets(ctx, "", "mp_socket"), -ENOENT);
	test_said(socket_unseen, "", "No such file or directory");
	memset(path, '/', sizeof(path));
	path[PATH_MAX] = '\0';
	assert_int_equal(vftoken_check_sockets(ctx, path, "mp_socket"), -ENAMETOOLONG);
	test_said(socket_unseen, "File name too long");
	test_write(FOLDER "/file", "", 0, 0644);
	assert_int_equal(chmod(FOLDER, 0755), 0);
	assert_int_equal(vftoken_check_sockets(ctx, FOLDER "/file", "mp_socket"), -ENOTDIR);
	test_said(socket_unseen, full(FOLDER "/file"), "Not a directory");
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(closed, setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_socket, setup, test_teardown),
		cmocka_unit_test_setup_teardown(names, setup, test_teardown),
		cmocka_unit_test_setup_teardown(replaceable, setup, test_teardown),
		cmocka_unit_test_setup_teardown(foreign, setup, test_teardown),
		cmocka_unit_test_setup_teardown(of_root, setup, test_teardown),
		cmocka_unit_test_setup_teardown(link_to_folder, setup, test_teardown),
		cmocka_unit_test_setup_teardown(unseen, setup, test_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
