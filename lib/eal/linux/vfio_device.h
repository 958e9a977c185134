/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The VFIO device file: how it is opened and which features it has. One function, one ioctl.
 */

#ifndef VFIO_DEVICE_H
#define VFIO_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

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
int vfio_device_open(int group_fd, const char *name, const char *options);

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
int vfio_device_feature_probe(int device_fd, uint16_t feature, uint32_t operations);

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
 *   0, or -E2BIG (size is too large), or as vfio_device_feature_probe().
 */
int vfio_device_feature_get(int device_fd, uint16_t feature, void *data, size_t size);

/**
 * Write a feature's data: VFIO_DEVICE_FEATURE with SET.
 *
 * @param device_fd
 *   The device's file.
 * @param feature
 *   The feature's index. VFIO_DEVICE_FEATURE_PCI_VF_TOKEN takes the 16 bytes of a UUID in its own
 *   order, which is libuuid's.
 * @param data
 *   The data. No copy of it is left behind.
 * @param size
 *   Bytes of data, at most VFIO_DEVICE_FEATURE_MAX.
 * @return
 *   0, or -E2BIG (size is too large), or as vfio_device_feature_probe().
 */
int vfio_device_feature_set(int device_fd, uint16_t feature, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_DEVICE_H */
