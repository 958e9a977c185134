/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "fd.h"
#include "vfio.h"

/* Names of our own, as older kernels' headers have none of this and newer ones only a part. */
#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define BIND_FLAG_TOKEN (1U << 0)

struct bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr;
};

static int
open_file(const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return vftoken_fd_open(path, O_RDWR);
}

/* A group gives out its devices only once it is in a container that has an IOMMU. */
static int
put_into_container(int container_fd, int group_fd, int iommu)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group_fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return -errno;
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return -EXDEV;
	if (ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd) < 0 ||
	    ioctl(container_fd, VFIO_SET_IOMMU, iommu) < 0)
		return -errno;
	return 0;
}

int
vftoken_vfio_group_open(struct vftoken_vfio_group *group, const char *folder, const char *name)
{
	static const char noiommu[] = "noiommu-";
	const int iommu = strncmp(name, noiommu, strlen(noiommu)) == 0 ? VFIO_NOIOMMU_IOMMU
								       : VFIO_TYPE1v2_IOMMU;
	struct vftoken_vfio_group opened;
	int ret;

	opened.container_fd = open_file(folder, "vfio");
	/* Without the module its device file may still be there. */
	if (opened.container_fd == -ENOENT || opened.container_fd == -ENODEV)
		return -EUNATCH;
	if (opened.container_fd < 0)
		return opened.container_fd;
	ret = opened.group_fd = open_file(folder, name);
	if (ret >= 0)
		ret = put_into_container(opened.container_fd, opened.group_fd, iommu);
	if (ret == 0)
		*group = opened;
	else
		vftoken_vfio_group_close(&opened);
	return ret;
}

void
vftoken_vfio_group_close(struct vftoken_vfio_group *group)
{
	if (group->group_fd >= 0)
		close(group->group_fd);
	close(group->container_fd);
}

int
vftoken_vfio_open(int group_fd, const char *name, const char *options)
{
	char text[VFIO_DEVICE_NAME_SIZE];
	int length, ret;

	length = snprintf(text, sizeof(text), "%s%s%s", name, options != NULL ? " " : "",
			  options != NULL ? options : "");
	if (length < (int)sizeof(text))
		ret = vftoken_fd_raise(ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, text));
	else
		ret = -ENAMETOOLONG;
	explicit_bzero(text, sizeof(text));
	return ret;
}

/* One VFIO_DEVICE_FEATURE ioctl: `in` goes to the kernel, `out` receives what it left there. */
static int
device_feature(int device_fd, uint32_t flags, const void *in, void *out, size_t size)
{
	union {
		/* The first member is the one that { 0 } fills. */
		uint8_t bytes[sizeof(struct vfio_device_feature) + VFIO_DEVICE_FEATURE_MAX];
		struct vfio_device_feature feature;
	} request = { 0 };
	int ret = 0;

	if (size > VFIO_DEVICE_FEATURE_MAX)
		return -E2BIG;
	request.feature.argsz = (uint32_t)(sizeof(request.feature) + size);
	request.feature.flags = flags;
	if (in != NULL)
		memcpy(request.feature.data, in, size);
	if (ioctl(device_fd, VFIO_DEVICE_FEATURE, &request) < 0)
		ret = -errno;
	else if (out != NULL)
		memcpy(out, request.feature.data, size);
	explicit_bzero(&request, sizeof(request));
	return ret;
}

int
vftoken_vfio_feature_probe(int device_fd, uint16_t feature, uint32_t operations)
{
	return device_feature(device_fd, feature | operations | VFIO_DEVICE_FEATURE_PROBE, NULL,
			      NULL, 0);
}

int
vftoken_vfio_feature_get(int device_fd, uint16_t feature, void *data, size_t size)
{
	return device_feature(device_fd, feature | VFIO_DEVICE_FEATURE_GET, NULL, data, size);
}

int
vftoken_vfio_feature_set(int device_fd, uint16_t feature, const void *data, size_t size)
{
	return device_feature(device_fd, feature | VFIO_DEVICE_FEATURE_SET, data, NULL, size);
}

int
vftoken_vfio_bind_iommufd(int device_fd, int iommufd, const vftoken_uuid_t token)
{
	struct bind_iommufd bind = {
		/* All that a kernel before the token knows. */
		.argsz = offsetof(struct bind_iommufd, token_uuid_ptr),
		.iommufd = iommufd,
	};

	if (token != NULL) {
		bind.argsz = sizeof(bind);
		bind.flags = BIND_FLAG_TOKEN;
		bind.token_uuid_ptr = (uintptr_t)token;
	}
	return ioctl(device_fd, BIND_IOMMUFD, &bind) < 0 ? -errno : 0;
}

bool
vftoken_vfio_bind_takes_token(int device_fd)
{
	/* A kernel looks at the flags first, so that only one that takes a token finds none here.
	 */
	struct bind_iommufd bind = { .argsz = sizeof(bind), .flags = BIND_FLAG_TOKEN };

	return ioctl(device_fd, BIND_IOMMUFD, &bind) == 0 || (errno != EINVAL && errno != ENOTTY);
}

bool
vftoken_vfio_bind_knows_token(int device_fd)
{
	/*
	 * Longer than what any kernel knows, with an end that isn't zero. One that knows tokens
	 * refuses that before it looks at the device; one that doesn't, the flag.
	 */
	union {
		struct bind_iommufd bind;
		uint8_t bytes[4096];
	} request = { .bind = { .argsz = sizeof(request), .flags = BIND_FLAG_TOKEN } };

	request.bytes[sizeof(request) - 1] = 1;
	return ioctl(device_fd, BIND_IOMMUFD, &request) < 0 && errno == E2BIG;
}
