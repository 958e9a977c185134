/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The two ways to open a device, and the tokens that the cases are about.
 */

#ifndef BACKEND_H
#define BACKEND_H

#include <uuid/uuid.h>

#include <vftoken/vfio.h>

enum backend {
	BACKEND_GROUP,   /**< VFIO_GROUP_GET_DEVICE_FD */
	BACKEND_IOMMUFD, /**< /dev/vfio/devices/vfioN, VFIO_DEVICE_BIND_IOMMUFD */
	BACKENDS,
};

enum token {
	TOKEN_RIGHT,
	TOKEN_WRONG, /**< a good UUID that nobody has set, unless a case sets it */
	TOKEN_NONE,
	TOKEN_NIL,
	TOKEN_MALFORMED, /**< no UUID; for iommufd a pointer to no memory */
};

/** An open device. */
struct device {
	struct vftoken_vfio_group group; /**< the container is BACKEND_IOMMUFD's iommufd */
	int fd;
};

/** The backend's name, `group` or `iommufd`. */
const char *backend_name(enum backend backend);

/** The token in words. */
const char *backend_token_name(enum token token);

/** Draw TOKEN_RIGHT and TOKEN_WRONG, others for each run. */
void backend_draw_tokens(void);

/** A token's 16 bytes; NULL for TOKEN_NONE, and an address of no memory for TOKEN_MALFORMED. */
const unsigned char *backend_token(enum token token);

/**
 * Open a device.
 *
 * @param token
 *   16 bytes, or what backend_token() returns.
 * @return
 *   0, or a negative errno value: the kernel's, or -ENODEV (the device has no group or file).
 */
int backend_open(struct device *device, enum backend backend, const char *bdf,
		 const unsigned char *token);

/** Close a device. */
void backend_close(struct device *device);

/** Open a device's group; 0 or a negative errno value. */
int backend_open_group(struct vftoken_vfio_group *group, const char *bdf);

/** Open a device of an open group; its file, or a negative errno value. */
int backend_open_again(const struct vftoken_vfio_group *group, const char *bdf,
		       const unsigned char *token);

/** Open an iommufd, or a device's file without binding it; or a negative errno value. */
int backend_open_iommufd(void);
int backend_open_cdev(const char *bdf);

/** The errno of a malformed token. */
int backend_malformed(enum backend backend);

/**
 * Whether the kernel has this backend.
 *
 * @param bdf
 *   A device that is bound to vfio-pci.
 * @return
 *   NULL, or what it lacks.
 */
const char *backend_lacks(enum backend backend, const char *bdf);

#endif /* BACKEND_H */
