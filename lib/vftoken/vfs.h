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

/** Room for a list of VFs in words, with its final NUL. */
#define VFTOKEN_VFS_LIST_SIZE 1024

/**
 * The PF's VFs as a list in words. A list that is cut says so.
 *
 * @param look
 *   Mark those in use, if that can be known, and count them. Else they are left alone, since
 * looking keeps others from opening them.
 * @return
 *   How many are in use.
 */
unsigned int vftoken_vfs_list(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs,
			      bool look, char list[VFTOKEN_VFS_LIST_SIZE]);

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
