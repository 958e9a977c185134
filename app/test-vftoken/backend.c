/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vftoken/sriov.h>
#include <vftoken/vfio.h>

#include "backend.h"

#define IOMMUFD "/dev/iommu"
#define CDEV_FOLDER VFTOKEN_VFIO_FOLDER "/devices"
#define OPTION "vf_token="
/* As long as a UUID, so that only its last character is at fault. */
#define MALFORMED_UUID "3e7e882e-1daf-417f-ad8d-882eea5ee33g"

static uuid_t tokens[2];
static const uuid_t nil;

const char *
backend_name(enum backend backend)
{
	return backend == BACKEND_GROUP ? "group" : "iommufd";
}

const char *
backend_token_name(enum token token)
{
	static const char *const names[] = { "the right token", "a wrong token", "no token",
					     "the nil token", "a malformed token" };

	return names[token];
}

void
backend_draw_tokens(void)
{
	uuid_generate_random(tokens[TOKEN_RIGHT]);
	uuid_generate_random(tokens[TOKEN_WRONG]);
}

const unsigned char *
backend_token(enum token token)
{
	switch (token) {
	case TOKEN_RIGHT:
	case TOKEN_WRONG:
		return tokens[token];
	case TOKEN_NIL:
		return nil;
	default:
		return NULL;
	}
}

const char *
backend_option(enum token token)
{
	static char option[sizeof(OPTION) + UUID_STR_LEN];
	char text[UUID_STR_LEN] = MALFORMED_UUID;
	const unsigned char *uuid = backend_token(token);

	if (uuid != NULL)
		uuid_unparse_lower(uuid, text);
	snprintf(option, sizeof(option), OPTION "%s", text);
	return option;
}

int
backend_malformed(enum backend backend)
{
	return backend == BACKEND_GROUP ? -EINVAL : -EFAULT;
}

static int
open_group(struct device *device, const char *bdf, const char *option)
{
	char name[VFTOKEN_GROUP_SIZE];
	int ret;

	ret = vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, bdf, name);
	if (ret == 0)
		ret = vftoken_vfio_group_open(&device->group, VFTOKEN_VFIO_FOLDER, name);
	if (ret < 0)
		return ret;
	device->fd = vftoken_vfio_open(device->group.group_fd, bdf, option);
	if (device->fd >= 0)
		return 0;
	vftoken_vfio_group_close(&device->group);
	return device->fd;
}

/* The name of a device's own file, vfioN, is that of the one folder below its vfio-dev. */
static int
cdev_path(const char *bdf, char path[PATH_MAX])
{
	const struct dirent *entry;
	DIR *folder;

	snprintf(path, PATH_MAX, "%s/%s/vfio-dev", VFTOKEN_SYSFS_DEVICES, bdf);
	folder = opendir(path);
	if (folder == NULL)
		return -ENODEV;
	do
		entry = readdir(folder);
	while (entry != NULL && entry->d_name[0] == '.');
	if (entry != NULL)
		snprintf(path, PATH_MAX, "%s/%s", CDEV_FOLDER, entry->d_name);
	closedir(folder);
	return entry != NULL ? 0 : -ENODEV;
}

int
backend_open_cdev(const char *bdf)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = cdev_path(bdf, path);
	if (ret < 0)
		return ret;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
open_iommufd(struct device *device, const char *bdf, const unsigned char *token)
{
	int ret;

	device->iommufd = open(IOMMUFD, O_RDWR | O_CLOEXEC);
	if (device->iommufd < 0)
		return -errno;
	ret = device->fd = backend_open_cdev(bdf);
	if (ret >= 0)
		ret = vftoken_vfio_bind_iommufd(device->fd, device->iommufd, token);
	if (ret >= 0)
		return 0;
	if (device->fd >= 0)
		close(device->fd);
	close(device->iommufd);
	return ret;
}

int
backend_open(struct device *device, enum backend backend, const char *bdf, enum token token)
{
	const unsigned char *uuid = backend_token(token);

	device->backend = backend;
	if (backend == BACKEND_GROUP)
		return open_group(device, bdf, token != TOKEN_NONE ? backend_option(token) : NULL);
	/* No process has memory at its first address. */
	return open_iommufd(device, bdf, token == TOKEN_MALFORMED ? (const void *)1 : uuid);
}

int
backend_open_with(struct device *device, enum backend backend, const char *bdf, const uuid_t token)
{
	char option[sizeof(OPTION) + UUID_STR_LEN] = OPTION;

	device->backend = backend;
	if (backend == BACKEND_IOMMUFD)
		return open_iommufd(device, bdf, token);
	if (token != NULL)
		uuid_unparse_lower(token, option + strlen(OPTION));
	return open_group(device, bdf, token != NULL ? option : NULL);
}

void
backend_close(struct device *device)
{
	close(device->fd);
	if (device->backend == BACKEND_GROUP)
		vftoken_vfio_group_close(&device->group);
	else
		close(device->iommufd);
}

const char *
backend_lacks(enum backend backend, const char *bdf)
{
	char path[PATH_MAX];

	if (backend == BACKEND_GROUP) {
		if (access(VFTOKEN_VFIO_FOLDER "/vfio", F_OK) < 0)
			return "this kernel has no VFIO groups (CONFIG_VFIO_GROUP)";
		return NULL;
	}
	if (cdev_path(bdf, path) < 0 || access(path, F_OK) < 0)
		return "this kernel has no file per device (CONFIG_VFIO_DEVICE_CDEV, Linux 6.6)";
	if (access(IOMMUFD, F_OK) < 0)
		return "this kernel has no " IOMMUFD " (CONFIG_IOMMUFD)";
	return NULL;
}
