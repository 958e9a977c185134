/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The duties of a PF's process: set the VF token, enable VFs, and set another token while they
 * are in use. The PF is named by its device name, such as `0000:01:00.0`. Unless said otherwise, it
 * must have been opened by this process with the functions of device.h.
 *
 * Each failure is explained in one error message: what was refused, why, and what to do.
 */

#ifndef VFTOKEN_PF_H
#define VFTOKEN_PF_H

#include <stdint.h>

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How long enabled VFs may take until they are there and have a driver, in milliseconds. */
#define VFTOKEN_PF_WAIT_MS 5000

/**
 * Do the duties that vftoken_add_num_vfs() asks for: nothing, or vftoken_pf_enable_vfs().
 *
 * @param ctx
 *   The context.
 * @param name
 *   A device, PF or not.
 * @param num_vfs
 *   Receives how many VFs are enabled now; untouched when none were asked for, and on failure.
 * @return
 *   0, or as vftoken_pf_enable_vfs().
 */
VFTOKEN_API
int vftoken_pf_start(struct vftoken_context *ctx, const char *name, uint16_t *num_vfs);

/**
 * Set a PF's VF token from its rule, then enable VFs, and wait until each is there and on vfio-pci;
 * else they are disabled again. As many VFs as asked for may be enabled already, and stay as they
 * are; a warning says when one isn't on vfio-pci.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The PF.
 * @param num_vfs
 *   How many VFs, at least 1.
 * @return
 *   0, or
 *   -ENODEV: this process doesn't hold the device open, or sysfs hasn't got it;
 *   -ENOTSUP: it isn't an SR-IOV PF;
 *   -ENOKEY: no rule covers it, and its open has set no token;
 *   -ERANGE: more than it can have, or 0;
 *   -EBUSY: another number of VFs is enabled, or they are being changed;
 *   -ENOTTY or -EINVAL: the kernel can't set a token on it;
 *   -ENOENT: vfio-pci's enable_sriov is off;
 *   -EACCES or -EROFS: this process can't write sriov_numvfs;
 *   -ETIMEDOUT: a VF didn't appear;
 *   -EXDEV: a VF isn't on vfio-pci;
 *   or a negative errno value of reading the source (context.h) or of vftoken_sriov_set_numvfs().
 */
VFTOKEN_API
int vftoken_pf_enable_vfs(struct vftoken_context *ctx, const char *name, uint16_t num_vfs);

/**
 * Disable a PF's VFs. It is refused while a VF is in use, as the kernel would wait until it is
 * closed, and while a VF is on a driver other than a VFIO one. The PF needn't be open in this
 * process.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The PF.
 * @return
 *   0, also when none is enabled, or
 *   -EINVAL: the name isn't a BDF;
 *   -ENODEV: sysfs has no such device;
 *   -ENOTSUP: it isn't an SR-IOV PF;
 *   -EBUSY: a VF is in use or on another driver than a VFIO one, or VFs are being changed;
 *   -ENODEV, -ENOENT, -EACCES or -EPERM: it can't be known whether a VF is in use
 * (vftoken_in_use()); or a negative errno value of vftoken_sriov_set_numvfs().
 */
VFTOKEN_API
int vftoken_pf_disable_vfs(struct vftoken_context *ctx, const char *name);

/**
 * Set a PF's VF token from its rule, whose source is read again. VFs that are open stay open;
 * whoever opens a VF from now on, or the PF while a VF is in use, needs the new token.
 *
 * With `file:PATH`, the token in `PATH.next` is taken, if there is such a file. It is set for each
 * PF that this process holds open and whose rule names this file. Then `PATH.next` is renamed to
 * PATH; a warning says if that isn't possible. After a failure both files stay.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The PF; NULL for each PF that this process holds open and a rule covers.
 * @return
 *   0, or
 *   -ENODEV: this process doesn't hold the device open, or holds no PF open that a rule covers;
 *   -ENOKEY: no rule covers it;
 *   -ENOTTY: the kernel can't set a token on it, as it isn't an SR-IOV PF on vfio-pci or the kernel
 *   doesn't know VF tokens;
 *   or a negative errno value of reading the source (context.h). Of several PFs, the first
 *   failure's; the others are set all the same.
 */
VFTOKEN_API
int vftoken_pf_reload_token(struct vftoken_context *ctx, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* VFTOKEN_PF_H */
