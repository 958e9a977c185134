/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "fd.h"
#include "owner.h"

#define ACL_NAME "system.posix_acl_access"
#define ACL_ENTRIES 64
/* As many as the kernel follows (path_resolution(7)). */
#define MAX_LINKS 40

/* The first numbers of one of the kernel's files; false if it has fewer. */
static bool
read_numbers(const char *path, unsigned long *numbers, int n)
{
	const int fd = vftoken_fd_open(path, O_RDONLY);
	char text[64] = "", *next = text, *end;
	int i;

	if (fd < 0)
		return false;
	/* The text stays empty on failure. */
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	for (i = 0; i < n; i++, next = end) {
		numbers[i] = strtoul(next, &end, 10);
		if (end == next)
			return false;
	}
	return true;
}

/* The user that stands for all that a user namespace doesn't know, inside one. */
static bool
is_from_outside(uid_t owner)
{
	unsigned long map[3], overflow;

	return read_numbers("/proc/sys/kernel/overflowuid", &overflow, 1) && owner == overflow &&
	       read_numbers("/proc/self/uid_map", map, 3) &&
	       (map[0] != 0 || map[1] != 0 || map[2] != UINT32_MAX);
}

bool
vftoken_is_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid() || is_from_outside(owner);
}

/* Put a link's target in its place in a path; false when there is no room. */
static bool
replace(char *path, size_t start, size_t end, const char *target, size_t length)
{
	const size_t rest = strlen(path + end) + 1;

	if (start + length + rest > PATH_MAX)
		return false;
	memmove(path + start + length, path + end, rest);
	memcpy(path + start, target, length);
	return true;
}

/* The target of the link that a path leads to, and its owner; negative if it isn't one. */
static ssize_t
read_link(const char *path, char target[PATH_MAX], uid_t *owner)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return -1;
	*owner = st.st_uid;
	return readlink(path, target, PATH_MAX);
}

bool
vftoken_links_are_trusted(char *path, uid_t *owner)
{
	size_t start = strspn(path, "/"), end;
	char target[PATH_MAX], after;
	unsigned int links = 0;
	ssize_t length;

	while (path[start] != '\0') {
		end = start + strcspn(path + start, "/");
		after = path[end];
		path[end] = '\0';
		length = read_link(path, target, owner);
		if (length >= 0 && !vftoken_is_trusted(*owner))
			return false;
		path[end] = after;
		if (length < 0) {
			start = end + strspn(path + end, "/");
			continue;
		}
		start = length > 0 && target[0] == '/' ? 0 : start;
		if (links++ == MAX_LINKS || !replace(path, start, end, target, (size_t)length))
			return true;
		start += strspn(path + start, "/");
	}
	return true;
}

bool
vftoken_is_memory_file(const struct stat *st)
{
	struct stat memory;
	int fd;

	if (st->st_nlink != 0)
		return false;
	/* The kernel has all of them on a file system of its own. */
	fd = vftoken_fd_raise(memfd_create("vf_token", MFD_CLOEXEC));
	if (fd < 0)
		return false;
	if (fstat(fd, &memory) < 0)
		memory.st_dev = ~st->st_dev;
	close(fd);
	return st->st_dev == memory.st_dev;
}

static bool
entry_reads(const struct posix_acl_xattr_entry *entry, gid_t group)
{
	const uint32_t id = le32toh(entry->e_id);

	if ((le16toh(entry->e_perm) & ACL_READ) == 0)
		return false;
	switch (le16toh(entry->e_tag)) {
	case ACL_USER:
		return id != 0 && id != geteuid();
	case ACL_GROUP:
		return id != 0;
	case ACL_GROUP_OBJ:
		return group != 0;
	default:
		return false;
	}
}

bool
vftoken_others_may_read(int fd, const struct stat *st)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[ACL_ENTRIES];
	} acl;
	ssize_t length, i;

	if (st->st_mode & 0004)
		return true;
	/* With an access control list, these bits are the most that its entries give. */
	if ((st->st_mode & 0040) == 0)
		return false;
	length = fgetxattr(fd, ACL_NAME, &acl, sizeof(acl));
	if (length < 0)
		return errno == ERANGE || st->st_gid != 0;
	for (i = 0; i < (length - (ssize_t)sizeof(acl.header)) / (ssize_t)sizeof(acl.entries[0]);
	     i++)
		if (entry_reads(&acl.entries[i], st->st_gid))
			return true;
	return false;
}
