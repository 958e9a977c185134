/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/vfio.h>

#include "vfio_cdev.h"

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

int
vfio_device_bind_iommufd(int device_fd, int iommufd, const uuid_t token)
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
