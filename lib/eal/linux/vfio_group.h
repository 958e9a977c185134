/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * An IOMMU group by itself, for a process that has no container of its own (Linux's
 * Documentation/driver-api/vfio.rst). DPDK opens its groups itself.
 */

#ifndef VFIO_GROUP_H
#define VFIO_GROUP_H

#ifdef __cplusplus
extern "C" {
#endif

/** Where VFIO's files are. */
#define VFIO_GROUP_FOLDER "/dev/vfio"

/** The open files of a group, from which devices can be opened. */
struct vfio_group {
	int container_fd;
	int group_fd;
};

/**
 * Open a group, in a container of its own with an IOMMU.
 *
 * @param group
 *   Receives the open files, to be closed with vfio_group_close(); untouched on failure.
 * @param folder
 *   The folder of VFIO's files; NULL for VFIO_GROUP_FOLDER.
 * @param name
 *   The group's file in it: its number, or `noiommu-` and its number.
 * @return
 *   0, or
 *   -EUNATCH: the container's file can't be opened, since VFIO isn't there;
 *   -ENOENT: there is no such group, since no device of it is bound to a VFIO driver;
 *   -EBUSY: some process has the group open;
 *   -EXDEV: a device of the group is bound to another driver;
 *   -EACCES or -EPERM: this process may not open it;
 *   or what open(2) and ioctl(2) return.
 */
int vfio_group_open(struct vfio_group *group, const char *folder, const char *name);

/**
 * Close a group, whose devices have been closed before.
 */
void vfio_group_close(struct vfio_group *group);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_GROUP_H */
