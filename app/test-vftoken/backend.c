/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vftoken/sriov.h>

#include "backend.h"
#include "sysfs.h"

#define IOMMUFD "/dev/iommu"
#define OPTION "vf_token="
/* It is as long as a UUID, and only its last character is wrong. */
#define MALFORMED_UUID "3e7e882e-1daf-417f-ad8d-882eea5ee33g"

/* No process has memory at its first address. */
static const unsigned char *const malformed = (const unsigned char *)1;
static uuid_t right, wrong;
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
	uuid_generate_random(right);
	uuid_generate_random(wrong);
}

const unsigned char *
backend_token(enum token token)
{
	const unsigned char *const tokens[] = { right, wrong, NULL, nil, malformed };

	return tokens[token];
}

int
backend_malformed(enum backend backend)
{
	return backend == BACKEND_GROUP ? -EINVAL : -EFAULT;
}

int
backend_open_group(struct vftoken_vfio_group *group, const char *bdf)
{
	char name[VFTOKEN_GROUP_SIZE];
	int ret;

	ret = vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, bdf, name);
	return ret < 0 ? ret : vftoken_vfio_group_open(group, VFTOKEN_VFIO_FOLDER, name);
}

int
backend_open_again(const struct vftoken_vfio_group *group, const char *bdf,
		   const unsigned char *token)
{
	char option[] = OPTION MALFORMED_UUID;

	if (token != NULL && token != malformed)
		uuid_unparse_lower(token, option + strlen(OPTION));
	return vftoken_vfio_open(group->group_fd, bdf, token != NULL ? option : NULL);
}

int
backend_open_cdev(const char *bdf)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = sysfs_cdev_path(bdf, path);
	if (ret < 0)
		return ret;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
backend_open_iommufd(void)
{
	const int fd = open(IOMMUFD, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int
open_bound(const char *bdf, int iommufd, const unsigned char *token)
{
	const int fd = backend_open_cdev(bdf);
	int ret;

	ret = fd < 0 ? fd : vftoken_vfio_bind_iommufd(fd, iommufd, token);
	if (ret == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

int
backend_open(struct device *device, enum backend backend, const char *bdf,
	     const unsigned char *token)
{
	const bool by_group = backend == BACKEND_GROUP;
	struct vftoken_vfio_group *group = &device->group;
	int ret;

	group->group_fd = -1;
	ret = by_group ? backend_open_group(group, bdf)
		       : (group->container_fd = backend_open_iommufd());
	if (ret < 0)
		return ret;
	ret = device->fd = by_group ? backend_open_again(group, bdf, token)
				    : open_bound(bdf, group->container_fd, token);
	if (ret >= 0)
		return 0;
	vftoken_vfio_group_close(group);
	return ret;
}

void
backend_close(struct device *device)
{
	close(device->fd);
	vftoken_vfio_group_close(&device->group);
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
	if (sysfs_cdev_path(bdf, path) < 0 || access(path, F_OK) < 0)
		return "this kernel has no file per device (CONFIG_VFIO_DEVICE_CDEV, Linux 6.6)";
	if (access(IOMMUFD, F_OK) < 0)
		return "this kernel has no " IOMMUFD " (CONFIG_IOMMUFD)";
	return NULL;
}
