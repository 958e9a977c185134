/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * A device opened by a file of its own, `/dev/vfio/devices/vfioN`, instead of by its IOMMU group
 * (Linux's Documentation/driver-api/vfio.rst; kernels with VFIO_DEVICE_CDEV, 6.6 and later).
 */

#ifndef VFIO_CDEV_H
#define VFIO_CDEV_H

#include <uuid/uuid.h>

#ifdef __cplusplus
extern "C" {
#endif

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
int vfio_device_bind_iommufd(int device_fd, int iommufd, const uuid_t token);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_H */
