/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/vfio.h>

#include "vfio_device.h"

int
vfio_device_open(int group_fd, const char *name, const char *options)
{
	char text[VFIO_DEVICE_NAME_SIZE];
	int length, ret;

	length = snprintf(text, sizeof(text), "%s%s%s", name, options != NULL ? " " : "",
			  options != NULL ? options : "");
	if (length < (int)sizeof(text)) {
		ret = ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, text);
		ret = ret < 0 ? -errno : ret;
	} else {
		ret = -ENAMETOOLONG;
	}
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
vfio_device_feature_probe(int device_fd, uint16_t feature, uint32_t operations)
{
	return device_feature(device_fd, feature | operations | VFIO_DEVICE_FEATURE_PROBE, NULL,
			      NULL, 0);
}

int
vfio_device_feature_get(int device_fd, uint16_t feature, void *data, size_t size)
{
	return device_feature(device_fd, feature | VFIO_DEVICE_FEATURE_GET, NULL, data, size);
}

int
vfio_device_feature_set(int device_fd, uint16_t feature, const void *data, size_t size)
{
	return device_feature(device_fd, feature | VFIO_DEVICE_FEATURE_SET, data, NULL, size);
}
