/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * A PCI device opened by itself, for a process without DPDK: its IOMMU group in a container of its
 * own, and the device with its VF token.
 */

#ifndef PCI_DEVICE_H
#define PCI_DEVICE_H

#include "vf_token.h"
#include "vfio_group.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open device. */
struct pci_device {
	struct vfio_group group;
	int device_fd;
	char bdf[VFTOKEN_BDF_SIZE];
};

/**
 * Open a device. The functions of pci_pf.h find it by its name until it is closed. The kernel
 * resets a device as its first user opens it, and again as the last one closes it.
 *
 * Each failure is explained in one error message: what was refused, why, and what to do.
 *
 * @param vt
 *   The set of rules.
 * @param devices
 *   The sysfs folder with the devices; NULL for PCI_SRIOV_SYSFS_DEVICES.
 * @param name
 *   The device, as vftoken_parse_bdf() takes it.
 * @param device
 *   Receives the open device, to be closed with pci_device_close(); untouched on failure.
 * @return
 *   0, or
 *   -EINVAL: the name isn't a BDF;
 *   -ENODEV: sysfs has no such device, or no IOMMU group for it;
 *   or a negative errno value of vfio_group_open() or pci_vf_token_open().
 */
int pci_device_open(struct vftoken *vt, const char *devices, const char *name,
		struct pci_device *device);

/**
 * Close a device. A PF keeps its VF token and its VFs.
 *
 * @param vt
 *   The set of rules.
 * @param device
 *   From pci_device_open().
 */
void pci_device_close(struct vftoken *vt, struct pci_device *device);

#ifdef __cplusplus
}
#endif

#endif /* PCI_DEVICE_H */
