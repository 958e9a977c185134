/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The two ways to open a device, with one of the tokens that the cases are about.
 */

#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>

#include <uuid/uuid.h>

#include <vftoken/vfio.h>

enum backend {
	BACKEND_GROUP,		/**< VFIO_GROUP_GET_DEVICE_FD */
	BACKEND_IOMMUFD,	/**< /dev/vfio/devices/vfioN, VFIO_DEVICE_BIND_IOMMUFD */
	BACKENDS,
};

enum token {
	TOKEN_RIGHT,
	TOKEN_WRONG,		/**< a good UUID that nobody has set, unless a case sets it */
	TOKEN_NONE,
	TOKEN_NIL,
	TOKEN_MALFORMED,	/**< no UUID; for iommufd a pointer to no memory */
};

/** An open device. */
struct device {
	struct vftoken_vfio_group group;	/**< for BACKEND_GROUP */
	int iommufd;			/**< for BACKEND_IOMMUFD */
	int fd;
	enum backend backend;
};

/** The backend's name, `group` or `iommufd`. */
const char *backend_name(enum backend backend);

/** The token in words. */
const char *backend_token_name(enum token token);

/** Draw TOKEN_RIGHT and TOKEN_WRONG, anew for each run. */
void backend_draw_tokens(void);

/** The 16 bytes of TOKEN_RIGHT, TOKEN_WRONG or TOKEN_NIL; NULL for another. */
const unsigned char *backend_token(enum token token);

/** The option `vf_token=` with a token that isn't TOKEN_NONE; static memory. */
const char *backend_option(enum token token);

/**
 * Open a device.
 *
 * @return
 *   0, or a negative errno value: the kernel's, or -ENODEV (the device has no group or file).
 */
int backend_open(struct device *device, enum backend backend, const char *bdf, enum token token);

/**
 * Open it with a token of the caller's own; NULL for none.
 */
int backend_open_with(struct device *device, enum backend backend, const char *bdf,
		const uuid_t token);

/** Close a device. */
void backend_close(struct device *device);

/** The device file of BACKEND_IOMMUFD, not yet bound; or a negative errno value. */
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
