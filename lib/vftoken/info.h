/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Device info: what sysfs shows of a device, and what this process has to do with it. Nothing here
 * opens a device, and nothing shows a token.
 */

#ifndef VFTOKEN_INFO_H
#define VFTOKEN_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a kernel driver's name and its final NUL. */
#define VFTOKEN_DRIVER_SIZE 64

/** What a device is to SR-IOV. */
enum vftoken_role {
	VFTOKEN_ROLE_NONE, /**< no SR-IOV capability, and no VF */
	VFTOKEN_ROLE_PF,   /**< has the SR-IOV capability (PCI Express 5.0, section 9.3.3) */
	VFTOKEN_ROLE_VF,   /**< belongs to a PF */
};

/** Whether something is so. */
enum vftoken_answer {
	VFTOKEN_UNKNOWN,
	VFTOKEN_NO,
	VFTOKEN_YES,
};

/** A fact, which can't always be known. */
struct vftoken_fact {
	enum vftoken_answer answer;
	int why; /**< why it is unknown, a negative errno value; else 0 */
};

/** Device info. Later versions of the library may add members at its end. */
struct vftoken_info {
	size_t size;                         /**< the caller's sizeof(struct vftoken_info) */
	char bdf[VFTOKEN_BDF_SIZE];          /**< as the kernel writes it */
	char driver[VFTOKEN_DRIVER_SIZE];    /**< the device's driver; empty when it has none */
	char pf[VFTOKEN_BDF_SIZE];           /**< a VF's PF; else empty */
	char pf_driver[VFTOKEN_DRIVER_SIZE]; /**< that PF's driver; empty for none or unknown */
	/** Whether a VF's PF has a driver. Unknown, -ENOENT: sysfs doesn't show the PF, as in some
	 * containers.
	 */
	struct vftoken_fact pf_bound;
	enum vftoken_role role;
	uint16_t totalvfs; /**< a PF's most VFs */
	uint16_t numvfs;   /**< a PF's VFs that are there now */
	/** Whether a PF's VFs are being enabled or disabled. The kernel waits until none is in use.
	 */
	struct vftoken_fact vfs_change;
	/** Whether the kernel knows VF tokens. Unknown, -ENOENT: vfio-pci isn't loaded. */
	struct vftoken_fact support;
	/** vfio-pci's parameter: it lets VFs be enabled. */
	struct vftoken_fact enable_sriov;
	bool open; /**< this process holds the device open */
	/** What kind of source its rule has: `literal`, `file`, `env` or `fd`, the token provider's
	 * name, or `none`.
	 */
	const char *source;
	/** When this process last gave the kernel the PF's token, in seconds since 1970; 0 for
	 * never.
	 */
	time_t token_set;
};

/**
 * Read device info.
 *
 * @param ctx
 *   The context. What vfio-pci says of itself is read beside its folder of devices, in
 *   `../drivers/vfio-pci`.
 * @param name
 *   The device's name.
 * @param info
 *   Receives it; its size is set by the caller. On failure all else is zero but for bdf; with a
 * size that is no version's, untouched.
 * @return
 *   0, or
 *   -EINVAL: the name isn't a BDF, the size is no version's, or a file doesn't hold what it should;
 *   -ENODEV: there is no such device;
 *   or what readlink(2), open(2) and read(2) return.
 */
VFTOKEN_API
int vftoken_info_read(struct vftoken_context *ctx, const char *name, struct vftoken_info *info);

/** The word for a role: `PF`, `VF` or `neither`. */
VFTOKEN_API
const char *vftoken_role_name(enum vftoken_role role);

/** The word for an answer: `yes`, `no` or `unknown`. */
VFTOKEN_API
const char *vftoken_answer_name(enum vftoken_answer answer);

/**
 * The address of one of a PF's VFs.
 *
 * @param ctx
 *   The context.
 * @param pf
 *   The PF, as the kernel writes it.
 * @param index
 *   The VF's number, from 0 on.
 * @param vf
 *   Receives the address; empty on failure.
 * @return
 *   0, or -ENODEV (there is no such VF), or what readlink(2) returns.
 */
VFTOKEN_API
int vftoken_find_vf(struct vftoken_context *ctx, const char *pf, uint16_t index,
		    char vf[VFTOKEN_BDF_SIZE]);

/**
 * Whether some process has a device's IOMMU group open, found by opening it. Where the group's file
 * isn't there, sysfs tells whether some process has the device open. A device that isn't on a VFIO
 * driver is in no process's use. A process that has opened the device's own file (cdev), and hasn't
 * bound it to an iommufd, doesn't use the device yet, and isn't seen.
 *
 * @param ctx
 *   The context.
 * @param bdf
 *   The device, as the kernel writes it.
 * @return
 *   The fact. Why it is unknown:
 *   -ENODEV: the device isn't there, or has no IOMMU group;
 *   -ENOENT: the group's file isn't there, and sysfs doesn't tell;
 *   -EACCES or -EPERM: this process may not open it;
 *   or what readlink(2) and open(2) return.
 */
VFTOKEN_API
struct vftoken_fact vftoken_in_use(struct vftoken_context *ctx, const char *bdf);

/**
 * Whether the kernel checks the VF token of an open by the device's own file (cdev). If it doesn't,
 * who may open that file of a VF gets the VF without a token. Found by an ioctl on the file of a
 * device on vfio-pci, which leaves the device as it is, and remembered for all devices.
 *
 * @param ctx
 *   The context.
 * @param bdf
 *   The device, as the kernel writes it.
 * @return
 *   The fact. Why it is unknown:
 *   -ENODEV: there is no such device;
 *   -ENOENT: the device has no such file, or it isn't here;
 *   -ENOTSUP: the device isn't on vfio-pci;
 *   or what open(2) returns.
 */
VFTOKEN_API
struct vftoken_fact vftoken_cdev_check(struct vftoken_context *ctx, const char *bdf);

#ifdef __cplusplus
}
#endif

#endif /* VFTOKEN_INFO_H */
