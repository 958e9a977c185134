/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "owner.h"
#include "test_util.h"

#define NOBODY 65534

static struct vftoken_context *
context_of(const char *rule)
{
	struct vftoken_context *ctx = test_context();

	assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	return ctx;
}

/* Only root can make files of others. */
static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* A file of another user is refused, whatever its mode, and so is one behind such a link. */
static void
foreign_owner(void **state)
{
	struct vftoken_context *ctx = context_of("file:folder/link");

	(void)state;
	need_root();
	assert_int_equal(mkdir("folder", 01777), 0);
	test_write_text("token", TOKEN_A);
	assert_int_equal(symlink("../second", "folder/link"), 0);
	assert_int_equal(symlink("token", "second"), 0);
	test_assert_token(ctx, NULL, TOKEN_A);

	assert_int_equal(chown("token", NOBODY, 0), 0);
	test_refuse_token(ctx, NULL, -EPERM);
	test_said(source_owner, "file:folder/link", "uid 65534");
	assert_int_equal(chown("token", 0, 0), 0);

	assert_int_equal(lchown("folder/link", NOBODY, 0), 0);
	test_refuse_token(ctx, NULL, -EPERM);
	test_said(source_link_owner, "file:folder/link", "folder/link", "uid 65534");
	assert_int_equal(lchown("folder/link", 0, 0), 0);

	assert_int_equal(lchown("second", NOBODY, 0), 0);
	test_refuse_token(ctx, NULL, -EPERM);
	test_said(source_link_owner, "file:folder/link", "folder/../second", "uid 65534");
	vftoken_context_destroy(ctx);
}

/* A Kubernetes secret: links to links, by relative paths, in a folder where all may make files. */
static void
kubernetes_secret(void **state)
{
	char folder[PATH_MAX], rule[PATH_MAX + 32];
	struct vftoken_context *ctx;
	uuid_t token;

	(void)state;
	assert_non_null(getcwd(folder, sizeof(folder)));
	snprintf(rule, sizeof(rule), "file:%s//secret/./token", folder);
	ctx = context_of(rule);
	assert_int_equal(mkdir("secret", 01777), 0);
	assert_int_equal(mkdir("secret/..2026", 0755), 0);
	test_write("secret/..2026/token", TOKEN_A, strlen(TOKEN_A), 0644);
	assert_int_equal(symlink("..2026", "secret/..data"), 0);
	assert_int_equal(symlink("..data/token", "secret/token"), 0);
	assert_int_equal(vftoken_read_default(ctx, token), 0);
	test_said(source_readable, "secret/./token");
	vftoken_context_destroy(ctx);
}

/* Links that lead nowhere, in circles, or to what has no path, are open(2)'s to judge. */
static void
odd_links(void **state)
{
	static const struct {
		const char *path;
		const char *link; /* what `odd` leads to */
		int ret;
	} cases[] = {
		{ "file:odd", "missing", -ENOENT }, { "file:odd", "odd", -ELOOP },
		{ "file:odd/token", ".", 0 },       { "file:odd/", "token", -ENOTDIR },
		{ "file:odd", "/dev/fd", -EISDIR },
	};
	char rule[64], name[PATH_MAX];
	struct vftoken_context *ctx;
	uuid_t token;
	size_t i;
	int fd;

	(void)state;
	test_write_text("token", TOKEN_A);
	for (i = 0; i < TEST_DIM(cases); i++) {
		ctx = context_of(cases[i].path);
		assert_int_equal(symlink(cases[i].link, "odd"), 0);
		assert_int_equal(vftoken_read_default(ctx, token), cases[i].ret);
		test_n_messages = 0;
		assert_int_equal(unlink("odd"), 0);
		vftoken_context_destroy(ctx);
	}
	/* A target that takes all of a path's room. */
	memset(name, '/', sizeof(name));
	strcpy(name + sizeof(name) - 8, "token");
	assert_int_equal(symlink(name, "odd"), 0);
	ctx = context_of("file:odd");
	assert_int_equal(vftoken_read_default(ctx, token), -ENOENT);
	test_said(source_unopened, "file:odd");
	vftoken_context_destroy(ctx);
	/* bash's <(command). */
	fd = test_pipe(TOKEN_A);
	snprintf(rule, sizeof(rule), "file:/dev/fd/%d", fd);
	ctx = context_of(rule);
	test_assert_token(ctx, NULL, TOKEN_A);
	close(fd);
	vftoken_context_destroy(ctx);
}

/* In a user namespace, a file of root outside is one of nobody. None inside can make such a file.
 */
static int
read_in_namespace(struct vftoken_context *ctx)
{
	uuid_t token;
	int map;

	if (unshare(CLONE_NEWUSER) < 0)
		return -ENOSYS;
	map = open("/proc/self/uid_map", O_WRONLY);
	if (write(map, "0 0 1", 5) != 5)
		return -ENOSYS;
	return vftoken_read_default(ctx, token);
}

static void
user_namespace(void **state)
{
	struct vftoken_context *ctx = context_of("file:token");
	int *ret =
		mmap(NULL, sizeof(*ret), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(ret, MAP_FAILED);
	need_root();
	/* Root inside may not read what only its owner outside may. */
	test_write("token", TOKEN_A, strlen(TOKEN_A), 0644);
	assert_int_equal(chown("token", 1234, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		*ret = read_in_namespace(ctx);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	if (*ret == -ENOSYS)
		skip();
	assert_int_equal(*ret, 0);
	munmap(ret, sizeof(*ret));
	test_refuse_token(ctx, NULL, -EPERM);
	test_said(source_owner, "uid 1234");
	vftoken_context_destroy(ctx);
}

/*
 * A memory file has no name, whatever its mode. A file that was removed may be open elsewhere, and
 * FUSE shows no link for files that have a name.
 */
static void
memory_file(void **state)
{
	char rule[32];
	struct vftoken_context *ctx;
	int fd;

	(void)state;
	fd = memfd_create("token", 0);
	assert_int_equal(write(fd, TOKEN_A, strlen(TOKEN_A)), strlen(TOKEN_A));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	snprintf(rule, sizeof(rule), "fd:%d", fd);
	ctx = context_of(rule);
	test_assert_token(ctx, NULL, TOKEN_A);
	vftoken_context_destroy(ctx);

	test_write("removed", TOKEN_A, strlen(TOKEN_A), 0666);
	fd = open("removed", O_RDONLY);
	assert_int_equal(unlink("removed"), 0);
	snprintf(rule, sizeof(rule), "fd:%d", fd);
	ctx = context_of(rule);
	test_refuse_token(ctx, NULL, -EPERM);
	test_said(source_writable, rule);
	close(fd);
	vftoken_context_destroy(ctx);
}

#define ACL_SIZE (sizeof(struct posix_acl_xattr_header) + 5 * sizeof(struct posix_acl_xattr_entry))

/* Give a file an access control list with an entry for a user or a group. */
static bool
set_acl(const char *path, uint16_t tag, uint32_t id, uint16_t perm)
{
	const struct posix_acl_xattr_entry entries[] = {
		{ htole16(ACL_USER_OBJ), htole16(ACL_READ | ACL_WRITE), htole32(ACL_UNDEFINED_ID) },
		{ htole16(tag), htole16(perm), htole32(id) },
		{ htole16(ACL_GROUP_OBJ), 0, htole32(ACL_UNDEFINED_ID) },
		{ htole16(ACL_MASK), htole16(ACL_READ), htole32(ACL_UNDEFINED_ID) },
		{ htole16(ACL_OTHER), 0, htole32(ACL_UNDEFINED_ID) },
	};
	struct posix_acl_xattr_entry sorted[5];
	char acl[ACL_SIZE];
	const struct posix_acl_xattr_header header = { htole32(POSIX_ACL_XATTR_VERSION) };

	memcpy(sorted, entries, sizeof(entries));
	if (tag == ACL_GROUP) {
		sorted[1] = entries[2];
		sorted[2] = entries[1];
	}
	memcpy(acl, &header, sizeof(header));
	memcpy(acl + sizeof(header), sorted, sizeof(sorted));
	return setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) == 0;
}

/* Who may read a file besides its owner draws a warning, unless that is root or this user. */
static void
readers(void **state)
{
	static const struct {
		mode_t mode;
		gid_t group;
		uint16_t tag; /* of an entry in an access control list; 0 for none */
		uint32_t id;
		uint16_t perm;
		bool warning;
	} cases[] = {
		{ 0600, 0, 0, 0, 0, false },
		{ 0644, 0, 0, 0, 0, true },
		{ 0640, 0, 0, 0, 0, false },
		{ 0640, 1234, 0, 0, 0, true },
		{ 0600, 1234, 0, 0, 0, false },
		{ 0600, 0, ACL_USER, 1234, ACL_READ, true },
		{ 0600, 0, ACL_USER, 0, ACL_READ, false },
		{ 0600, 0, ACL_USER, 1234, ACL_EXECUTE, false },
		{ 0600, 0, ACL_GROUP, 1234, ACL_READ, true },
		{ 0600, 0, ACL_GROUP, 0, ACL_READ, false },
	};
	struct vftoken_context *ctx = context_of("file:token");
	uuid_t token;
	size_t i;

	(void)state;
	need_root();
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_write("token", TOKEN_A, strlen(TOKEN_A), cases[i].mode);
		assert_int_equal(chown("token", 0, cases[i].group), 0);
		if (cases[i].tag != 0 &&
		    !set_acl("token", cases[i].tag, cases[i].id, cases[i].perm))
			skip(); /* this file system has no lists */
		assert_int_equal(vftoken_read_default(ctx, token), 0);
		if (cases[i].warning)
			test_said(source_readable, "file:token");
		else
			test_said_nothing();
		assert_int_equal(unlink("token"), 0);
	}
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(foreign_owner, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(kubernetes_secret, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(odd_links, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(user_namespace, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(memory_file, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(readers, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
