/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * VFIO's files and ioctls (Linux's Documentation/driver-api/vfio.rst): a device opened by its IOMMU
 * group or by a file of its own, and its features. For libvftoken's own files.
 */

#ifndef VFTOKEN_VFIO_H
#define VFTOKEN_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"

/** Where VFIO's files are. */
#define VFTOKEN_VFIO_FOLDER "/dev/vfio"

/** The file of iommufd, with which devices are opened by their own files. */
#define VFTOKEN_IOMMU_FILE "/dev/iommu"

/** The open files of a group, from which devices can be opened. */
struct vftoken_vfio_group {
	int container_fd;
	int group_fd;
};

/**
 * Open a group, in a container of its own with an IOMMU.
 *
 * @param group
 *   Receives the open files, to be closed with vftoken_vfio_group_close(); untouched on failure.
 * @param folder
 *   The folder of VFIO's files, such as VFTOKEN_VFIO_FOLDER.
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
int vftoken_vfio_group_open(struct vftoken_vfio_group *group, const char *folder, const char *name);

/**
 * Close a group, whose devices have been closed before.
 */
void vftoken_vfio_group_close(struct vftoken_vfio_group *group);

/** Room for a device's name with its options, and the final NUL. */
#define VFIO_DEVICE_NAME_SIZE 256

/** Most bytes of a feature's data. */
#define VFIO_DEVICE_FEATURE_MAX 256

/**
 * Open a device of a group: VFIO_GROUP_GET_DEVICE_FD.
 *
 * @param group_fd
 *   The group's file, `/dev/vfio/N`, with its container set.
 * @param name
 *   The device's name; a BDF such as `0000:01:00.0` for PCI.
 * @param options
 *   `key=value` pairs with single spaces between, such as `vf_token=UUID`; NULL for none.
 * @return
 *   The device fd, or -ENAMETOOLONG (name and options don't fit VFIO_DEVICE_NAME_SIZE), or what the
 *   kernel answers (linux/vfio.h): for vfio-pci
 *   -EACCES: the token is wrong, or missing where one is needed;
 *   -EINVAL: an option is unknown, malformed or given twice, or the token wouldn't be used;
 *   -ENODEV: no such device in the group, or a kernel that knows no options.
 */
int vftoken_vfio_open(int group_fd, const char *name, const char *options);

/**
 * Ask whether a device has a feature: VFIO_DEVICE_FEATURE with PROBE.
 *
 * @param device_fd
 *   The device's file.
 * @param feature
 *   The feature's index, such as VFIO_DEVICE_FEATURE_PCI_VF_TOKEN.
 * @param operations
 *   VFIO_DEVICE_FEATURE_GET, VFIO_DEVICE_FEATURE_SET or both.
 * @return
 *   0: it can do them all. -ENOTTY: the feature isn't there. -EINVAL: an operation isn't.
 */
int vftoken_vfio_feature_probe(int device_fd, uint16_t feature, uint32_t operations);

/**
 * Read a feature's data: VFIO_DEVICE_FEATURE with GET.
 *
 * @param device_fd
 *   The device's file.
 * @param feature
 *   The feature's index.
 * @param data
 *   Receives the data. Untouched on failure.
 * @param size
 *   Bytes of data, at most VFIO_DEVICE_FEATURE_MAX.
 * @return
 *   0, or -E2BIG (size is too large), or as vftoken_vfio_feature_probe().
 */
int vftoken_vfio_feature_get(int device_fd, uint16_t feature, void *data, size_t size);

/**
 * Write a feature's data: VFIO_DEVICE_FEATURE with SET.
 *
 * @param device_fd
 *   The device's file.
 * @param feature
 *   The feature's index. VFIO_DEVICE_FEATURE_PCI_VF_TOKEN takes a vftoken_uuid_t.
 * @param data
 *   The data. No copy of it is left behind.
 * @param size
 *   Bytes of data, at most VFIO_DEVICE_FEATURE_MAX.
 * @return
 *   0, or -E2BIG (size is too large), or as vftoken_vfio_feature_probe().
 */
int vftoken_vfio_feature_set(int device_fd, uint16_t feature, const void *data, size_t size);

/**
 * Open a device whose file is open: VFIO_DEVICE_BIND_IOMMUFD.
 *
 * @param device_fd
 *   The device's file. After a refusal it may be tried again.
 * @param iommufd
 *   The file `/dev/iommu`, which has to stay open as long as the device.
 * @param token
 *   The VF token; NULL for none.
 * @return
 *   0, or what the kernel answers: for vfio-pci
 *   -EACCES: the token is wrong, or missing where one is needed;
 *   -EINVAL: the token wouldn't be used, the kernel takes none here (before 6.17), or the device is
 *   open by another file;
 *   -EBUSY: the device's group is open;
 *   -ENOTTY: the kernel has no VFIO_DEVICE_CDEV.
 */
int vftoken_vfio_bind_iommufd(int device_fd, int iommufd, const vftoken_uuid_t token);

/**
 * Whether VFIO_DEVICE_BIND_IOMMUFD takes a VF token for a device that this process is about to
 * bind. The device stays as it is, but can't be opened by its group for a moment.
 *
 * @param device_fd
 *   The device's own file, not bound yet.
 */
bool vftoken_vfio_bind_takes_token(int device_fd);

/**
 * Whether the kernel's VFIO_DEVICE_BIND_IOMMUFD knows VF tokens. No device is touched, so this one
 * may be another process's.
 *
 * @param device_fd
 *   The own file of any device.
 */
bool vftoken_vfio_bind_knows_token(int device_fd);

#endif /* VFTOKEN_VFIO_H */
