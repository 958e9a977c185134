/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "owner.h"
#include "private.h"

#define OTHERS_ENTER 0011
#define OTHERS_WRITE 0022

/* Nobody but this user and root may change where a path leads. The path's parts are links, too. */
static int
check_part(const struct vftoken_context *ctx, const char *part, bool last, bool *closed)
{
	struct stat st;

	if (lstat(part, &st) < 0)
		return vftoken_refuse(ctx, -errno, MSG(socket_unseen), part, strerror(errno));
	if (!vftoken_is_trusted(st.st_uid))
		return vftoken_refuse(ctx, -EPERM, MSG(socket_foreign), part);
	/* A link has no mode. In a folder such as /tmp nobody may replace what is another's. */
	if (!S_ISLNK(st.st_mode) && (st.st_mode & OTHERS_WRITE) != 0 &&
	    (last || (st.st_mode & S_ISVTX) == 0))
		return vftoken_refuse(ctx, -EPERM, MSG(socket_replaceable), part, part);
	if (S_ISDIR(st.st_mode) && (st.st_mode & OTHERS_ENTER) == 0)
		*closed = true;
	return 0;
}

static int
check_path(const struct vftoken_context *ctx, const char *path, bool *closed)
{
	char part[PATH_MAX];
	size_t length = 0;
	int ret = 0;

	if (strlen(path) >= sizeof(part))
		return vftoken_refuse(ctx, -ENAMETOOLONG, MSG(socket_unseen), path,
				      strerror(ENAMETOOLONG));
	while (ret == 0 && path[length] != '\0') {
		length += strspn(path + length, "/");
		length += strcspn(path + length, "/");
		memcpy(part, path, length);
		part[length] = '\0';
		ret = check_part(ctx, part, path[length] == '\0', closed);
	}
	return ret;
}

/* Who may write to a socket's file may connect and send to it. */
static int
check_socket(const struct vftoken_context *ctx, const char *path, int folder, const char *name)
{
	struct stat st;

	/* A process that ends removes its socket. */
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(st.st_mode) ||
	    (st.st_mode & OTHERS_WRITE) == 0)
		return 0;
	return vftoken_refuse(ctx, -EPERM, MSG(socket_open), path, name, path);
}

static int
check_sockets(const struct vftoken_context *ctx, const char *path, const char *prefix)
{
	const struct dirent *entry;
	int ret = 0;
	DIR *folder;

	folder = opendir(path);
	if (folder == NULL)
		return vftoken_refuse(ctx, -errno, MSG(socket_unseen), path, strerror(errno));
	while (ret == 0 && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			ret = check_socket(ctx, path, dirfd(folder), entry->d_name);
	closedir(folder);
	return ret;
}

static int
check(const struct vftoken_context *ctx, const char *path, const char *prefix)
{
	bool closed = false, by_link = false;
	char real[PATH_MAX];
	int ret;

	/* As it is given, since a link in it is followed again each time; then where it leads. */
	ret = check_path(ctx, path, &by_link);
	if (ret == 0 && realpath(path, real) == NULL)
		ret = vftoken_refuse(ctx, -errno, MSG(socket_unseen), path, strerror(errno));
	if (ret == 0)
		ret = check_path(ctx, real, &closed);
	if (ret == 0 && !closed)
		ret = check_sockets(ctx, real, prefix);
	return ret;
}

int
vftoken_check_sockets(struct vftoken_context *ctx, const char *path, const char *prefix)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = check(ctx, path, prefix);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}
