/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * An open by the device's own file (cdev) and iommufd (Linux's Documentation/driver-api/vfio.rst).
 * For libvftoken's own files, which hold the context's lock.
 */

#ifndef VFTOKEN_CDEV_H
#define VFTOKEN_CDEV_H

#include <string.h>

#include "opening.h"

/* The driver whose devices take VF tokens. */
static inline bool
vftoken_is_vfio_pci(const char *driver)
{
	return strcmp(driver, "vfio-pci") == 0;
}

/* Open the device's file, which is no open of the device. A refusal is explained. */
int vftoken_cdev_open_file(struct vftoken_opening *o);

/* Open the device, with a token or NULL; its file or what VFIO_DEVICE_BIND_IOMMUFD answers. */
int vftoken_cdev_bind(struct vftoken_opening *o, const unsigned char *token);

/*
 * Open it with a token where the kernel takes one; sent says whether that is so. Where it takes
 * none, unchecked is set, and a PF's token is set afterwards.
 */
int vftoken_cdev_bind_with_token(struct vftoken_opening *o, const vftoken_uuid_t token);

/*
 * Say of each PF once, as long as a device of it is open, that anybody may have its VFs. The lock
 * must be held from here until the device is remembered, as others may be opened meanwhile.
 */
void vftoken_cdev_say_unchecked(const struct vftoken_opening *o);

/* Say why the kernel refuses a bind, other than for its token. */
void vftoken_cdev_explain(const struct vftoken_opening *o, int err);

#endif /* VFTOKEN_CDEV_H */
