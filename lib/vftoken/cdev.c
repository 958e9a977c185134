/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "cdev.h"
#include "device.h"
#include "fd.h"

int
vftoken_cdev_open_file(struct vftoken_opening *o)
{
	const int fd = vftoken_fd_open(o->path, O_RDWR);

	o->device_fd = fd;
	if (fd >= 0)
		return 0;
	o->explained = true;
	switch (-fd) {
	case ENOENT:
		return vftoken_refuse(o->ctx, fd, MSG(cdev_missing), o->name, o->path);
	case EACCES:
	case EPERM:
		return vftoken_refuse(o->ctx, fd, MSG(cdev_access), o->name, o->path);
	default:
		return vftoken_refuse(o->ctx, fd, MSG(cdev_unopened), o->name, o->path,
				      strerror(-fd));
	}
}

int
vftoken_cdev_bind(struct vftoken_opening *o, const unsigned char *token)
{
	int ret;

	/* The kernel resets the device meanwhile, as it does for an open by group. */
	vftoken_begin_wait(o->ctx);
	ret = vftoken_vfio_bind_iommufd(o->device_fd, o->iommufd, token);
	vftoken_end_wait(o->ctx);
	return ret < 0 ? ret : o->device_fd;
}

void
vftoken_cdev_say_unchecked(const struct vftoken_opening *o)
{
	const uint64_t pf = o->sriov.pf_key != VFTOKEN_KEY_NONE ? o->sriov.pf_key : o->key;
	const struct vftoken_handle *handle;

	for (handle = o->ctx->handles; handle != NULL; handle = handle->next)
		if (handle->unchecked && (handle->key == pf || handle->pf_key == pf))
			return;
	vftoken_say(o->ctx, MSG(cdev_unchecked), o->name, o->ctx->vfio);
}

/* The kernel checks no token. A PF's becomes its VF token all the same, as for opens by group. */
static int
bind_unchecked(struct vftoken_opening *o, const vftoken_uuid_t token)
{
	int ret;

	o->unchecked = true;
	o->sent = false;
	ret = vftoken_cdev_bind(o, NULL);
	if (ret < 0 || o->sriov.role != VFTOKEN_ROLE_PF)
		return ret;
	o->sent = true;
	ret = vftoken_vfio_feature_set(o->device_fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, token,
				       sizeof(vftoken_uuid_t));
	if (ret == 0)
		return o->device_fd;
	o->explained = true;
	return vftoken_refuse(o->ctx, ret, MSG(pf_token_refused), o->name, strerror(-ret));
}

int
vftoken_cdev_bind_with_token(struct vftoken_opening *o, const vftoken_uuid_t token)
{
	int ret;

	if (o->ctx->cdev_check == VFTOKEN_NO)
		return bind_unchecked(o, token);
	o->sent = true;
	ret = vftoken_cdev_bind(o, token);
	if (ret >= 0 || ret == -EACCES)
		o->ctx->cdev_check = VFTOKEN_YES;
	if (ret != -EINVAL || vftoken_vfio_bind_takes_token(o->device_fd))
		return ret;
	/* A driver that is only based on vfio-pci may lack the check that vfio-pci has. */
	if (vftoken_is_vfio_pci(o->sriov.driver))
		o->ctx->cdev_check = VFTOKEN_NO;
	return bind_unchecked(o, token);
}

void
vftoken_cdev_explain(const struct vftoken_opening *o, int err)
{
	switch (err) {
	case EBUSY:
	case EINVAL:
		if (o->sriov.role == VFTOKEN_ROLE_VF &&
		    vftoken_sriov_share_group(o->ctx->sysfs, o->ctx->vfio, o->name, o->sriov.pf))
			vftoken_say(o->ctx, MSG(vf_in_group_of_pf), o->name, o->sriov.pf);
		else
			vftoken_say(o->ctx, MSG(device_busy), o->name);
		break;
	case ENODEV:
		if (o->key == VFTOKEN_KEY_NONE)
			vftoken_say(o->ctx, MSG(device_refused), o->name, strerror(err));
		else
			vftoken_say(o->ctx, MSG(cdev_gone), o->name, o->name);
		break;
	case ENOTTY:
		vftoken_say(o->ctx, MSG(cdev_foreign), o->name, o->path);
		break;
	case EPERM:
		vftoken_say(o->ctx, MSG(cdev_unsafe), o->name);
		break;
	default:
		vftoken_say(o->ctx, MSG(device_refused), o->name, strerror(err));
	}
}

/* Ask an open file of the device, once for all devices. */
static struct vftoken_fact
cdev_check(struct vftoken_context *ctx, const char *bdf)
{
	char name[VFTOKEN_CDEV_SIZE], path[PATH_MAX];
	struct vftoken_sriov sriov;
	int fd, ret;

	if (ctx->cdev_check != VFTOKEN_UNKNOWN)
		return (struct vftoken_fact){ ctx->cdev_check, 0 };
	ret = vftoken_sriov_read(ctx->sysfs, bdf, &sriov);
	if (ret == 0)
		ret = vftoken_sriov_cdev(ctx->sysfs, bdf, name);
	if (ret < 0 || !vftoken_is_vfio_pci(sriov.driver))
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret < 0 ? ret : -ENOTSUP };
	snprintf(path, sizeof(path), "%s/devices/%s", ctx->vfio, name);
	fd = vftoken_fd_open(path, O_RDWR);
	if (fd < 0)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, fd };
	ctx->cdev_check = vftoken_vfio_bind_knows_token(fd) ? VFTOKEN_YES : VFTOKEN_NO;
	close(fd);
	return (struct vftoken_fact){ ctx->cdev_check, 0 };
}

struct vftoken_fact
vftoken_cdev_check(struct vftoken_context *ctx, const char *bdf)
{
	struct vftoken_fact fact;

	pthread_mutex_lock(&ctx->lock);
	fact = cdev_check(ctx, bdf);
	pthread_mutex_unlock(&ctx->lock);
	return fact;
}
