/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The VFs of a PF as a set: which there are and what they are used for, and enabling them. For
 * libvftoken's own files; the functions are called with the context's lock held.
 */

#ifndef VFTOKEN_VFS_H
#define VFTOKEN_VFS_H

#include "private.h"
#include "sriov.h"

/** Room for a list of VFs in words, with its final NUL. */
#define VFTOKEN_VFS_LIST_SIZE 7168

/** A PF's VFs in words, and how they are used. */
struct vftoken_vfs {
	unsigned int used;              /**< how many are in use, or on a driver of another kind */
	char unknown[VFTOKEN_BDF_SIZE]; /**< the first whose use can't be known; empty for none */
	int why;                        /**< why, a negative errno value */
	char list[VFTOKEN_VFS_LIST_SIZE]; /**< used ones first; if it is cut, how many more */
};

/**
 * Look at a PF's VFs, so many.
 *
 * @param look
 *   Find out which are in use. Else they are left alone, since looking keeps others from opening
 * them.
 * @param vfs
 *   Receives what was found.
 */
void vftoken_vfs_look(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs,
		      bool look, struct vftoken_vfs *vfs);

/**
 * Whether a VF's IOMMU group is in some process's use (vftoken_in_use()). Where the group is the
 * PF's, too, this process knows of its own devices, and of others' nothing.
 */
struct vftoken_fact vftoken_vfs_in_use(const struct vftoken_context *ctx, const char *vf,
				       const struct vftoken_sriov *sriov);

/**
 * Whether a PF's VFs, so many, are neither being enabled nor disabled. Who writes their number
 * meanwhile is kept waiting, beyond SIGKILL.
 *
 * @return
 *   0, or -EBUSY: they are being changed; or why that can't be known. It is said.
 */
int vftoken_vfs_are_stable(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs);

/**
 * Whether VFs can be enabled, as far as that is known before: a refusal is said, and nothing is
 * changed.
 *
 * @return
 *   0, or -EACCES or -EROFS: this process can't write sriov_numvfs; or -ENOENT: vfio-pci's
 *   enable_sriov is off.
 */
int vftoken_vfs_may_enable(const struct vftoken_context *ctx, const char *pf);

/**
 * Enable VFs, and wait until each is there and on vfio-pci; else they are disabled again.
 *
 * @return
 *   0, or as vftoken_pf_enable_vfs(). A failure is said.
 */
int vftoken_vfs_enable(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs);

/**
 * VFs that were there before stay, whatever an administrator has bound them to. A warning says when
 * one isn't on vfio-pci.
 */
void vftoken_vfs_keep(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs);

#endif /* VFTOKEN_VFS_H */
