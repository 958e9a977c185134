/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "fd.h"
#include "private.h"
#include "sriov.h"
#include "vfio.h"

/* By the device's own file (cdev), the container is iommufd, and there is no group. */
struct vftoken_device {
	struct vftoken_context *ctx;
	struct vftoken_vfio_group group;
	char path[PATH_MAX]; /* of the device's own file; empty by group */
	int fd;
	char bdf[VFTOKEN_BDF_SIZE];
};

/* Without the file of containers vfio-pci may still be loaded: there are files of devices alone. */
static bool
is_loaded(const struct vftoken_context *ctx)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/../drivers/vfio-pci", ctx->sysfs) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

static int
refuse_group(const struct vftoken_context *ctx, const struct vftoken_sriov *sriov, const char *bdf,
	     int err)
{
	switch (-err) {
	case EUNATCH:
		if (strstr(sriov->driver, "vfio") != NULL)
			return vftoken_refuse(ctx, err, MSG(vfio_hidden), bdf, sriov->driver,
					      ctx->vfio);
		if (is_loaded(ctx))
			return vftoken_refuse(ctx, -ENOENT, MSG(not_on_vfio), bdf,
					      vftoken_driver_name(sriov->driver), bdf);
		return vftoken_refuse(ctx, err, MSG(vfio_missing), bdf);
	case ENOENT:
		if (strstr(sriov->driver, "vfio") != NULL)
			return vftoken_refuse(ctx, err, MSG(group_missing), bdf, ctx->vfio);
		return vftoken_refuse(ctx, err, MSG(not_on_vfio), bdf,
				      vftoken_driver_name(sriov->driver), bdf);
	case EBUSY:
		return vftoken_refuse(ctx, err, MSG(group_busy), bdf);
	case EXDEV:
		return vftoken_refuse(ctx, err, MSG(group_not_viable), bdf);
	case EACCES:
		return vftoken_refuse(ctx, err, MSG(group_access), bdf, ctx->vfio);
	default:
		return vftoken_refuse(ctx, err, MSG(group_refused), bdf, strerror(-err));
	}
}

/* Where there is no group path: a kernel without CONFIG_VFIO_GROUP, or a container. */
static bool
find_cdev(struct vftoken_device *device)
{
	const struct vftoken_context *ctx = device->ctx;
	char name[VFTOKEN_CDEV_SIZE];

	return vftoken_sriov_cdev(ctx->sysfs, device->bdf, name) == 0 &&
	       snprintf(device->path, sizeof(device->path), "%s/devices/%s", ctx->vfio, name) <
		       PATH_MAX;
}

/* Denied, it is -EPERM, as -EACCES is the kernel's answer to a token. */
static int
open_iommufd(struct vftoken_device *device)
{
	const struct vftoken_context *ctx = device->ctx;
	const int fd = vftoken_fd_open(ctx->iommu, O_RDWR);

	device->group = (struct vftoken_vfio_group){ .container_fd = fd, .group_fd = -1 };
	switch (-fd) {
	case ENOENT:
	case ENODEV:
		return vftoken_refuse(ctx, -EUNATCH, MSG(no_vfio_path), device->bdf, ctx->vfio,
				      ctx->iommu);
	case EACCES:
	case EPERM:
		return vftoken_refuse(ctx, -EPERM, MSG(iommufd_access), device->bdf, ctx->iommu);
	default:
		return fd >= 0 ? 0
			       : vftoken_refuse(ctx, fd, MSG(iommufd_refused), device->bdf,
						ctx->iommu, strerror(-fd));
	}
}

static int
open_group(struct vftoken_device *device)
{
	const struct vftoken_context *ctx = device->ctx;
	char name[VFTOKEN_GROUP_SIZE];
	struct vftoken_sriov sriov;
	int ret;

	ret = vftoken_sriov_read(ctx->sysfs, device->bdf, &sriov);
	if (ret == -ENODEV)
		return vftoken_refuse(ctx, ret, MSG(no_device), device->bdf);
	if (ret == -ENOENT)
		return vftoken_refuse(ctx, ret, MSG(no_sysfs), device->bdf, ctx->sysfs);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(device_unreadable), device->bdf,
				      strerror(-ret));
	ret = vftoken_sriov_group(ctx->sysfs, ctx->vfio, device->bdf, name);
	if (ret == -ENODEV)
		return vftoken_refuse(ctx, ret, MSG(no_group), device->bdf);
	if (ret == 0)
		ret = vftoken_vfio_group_open(&device->group, ctx->vfio, name);
	if ((ret == -EUNATCH || ret == -ENOENT) && find_cdev(device))
		return open_iommufd(device);
	return ret < 0 ? refuse_group(ctx, &sriov, device->bdf, ret) : 0;
}

/* Make a device with its group open; its fd isn't yet. Without one, ret says why. */
static struct vftoken_device *
make_device(struct vftoken_context *ctx, const char *name, int *ret)
{
	struct vftoken_device *device;
	char bdf[VFTOKEN_BDF_SIZE];

	if (vftoken_parse_bdf(name, bdf) < 0) {
		*ret = vftoken_refuse(ctx, -EINVAL, MSG(not_a_bdf), name);
		return NULL;
	}
	device = calloc(1, sizeof(*device));
	if (device == NULL) {
		*ret = vftoken_refuse(ctx, -ENOMEM, MSG(device_memory), bdf);
		return NULL;
	}
	device->ctx = ctx;
	memcpy(device->bdf, bdf, sizeof(bdf));
	*ret = open_group(device);
	if (*ret == 0)
		return device;
	free(device);
	return NULL;
}

int
vftoken_device_open(struct vftoken_context *ctx, const char *name, struct vftoken_device **device)
{
	struct vftoken_device *opened;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	opened = make_device(ctx, name, &ret);
	pthread_mutex_unlock(&ctx->lock);
	if (opened == NULL)
		return ret;
	if (opened->path[0] != '\0')
		opened->fd = vftoken_open_cdev(ctx, opened->path, opened->group.container_fd,
					       opened->bdf);
	else
		opened->fd = vftoken_open(ctx, opened->group.group_fd, opened->bdf);
	if (opened->fd < 0) {
		ret = opened->fd;
		vftoken_vfio_group_close(&opened->group);
		free(opened);
		return ret;
	}
	*device = opened;
	return 0;
}

int
vftoken_device_fd(const struct vftoken_device *device)
{
	return device->fd;
}

void
vftoken_device_close(struct vftoken_device *device)
{
	if (device == NULL)
		return;
	vftoken_closing(device->ctx, device->bdf);
	close(device->fd);
	vftoken_vfio_group_close(&device->group);
	free(device);
}
