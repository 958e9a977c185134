/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What sysfs says of a PCI device's part in SR-IOV (Linux's
 * Documentation/ABI/testing/sysfs-bus-pci).
 */

#ifndef PCI_SRIOV_H
#define PCI_SRIOV_H

#include <stdint.h>

#include "vf_token.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where the kernel shows its PCI devices. */
#define PCI_SRIOV_SYSFS_DEVICES "/sys/bus/pci/devices"

/** Room for a kernel driver's name and its final NUL. */
#define PCI_SRIOV_DRIVER_SIZE 64

enum pci_sriov_role {
	PCI_SRIOV_NEITHER,	/**< no SR-IOV capability, and no VF */
	PCI_SRIOV_PF,		/**< has the SR-IOV capability (PCI Express 5.0, section 9.3.3) */
	PCI_SRIOV_VF,
};

struct pci_sriov {
	enum pci_sriov_role role;
	char driver[PCI_SRIOV_DRIVER_SIZE];	/**< the device's driver; empty when it has none */
	char pf[VFTOKEN_BDF_SIZE];		/**< a VF's PF; else empty */
	char pf_driver[PCI_SRIOV_DRIVER_SIZE];	/**< that PF's driver; empty when it has none */
	uint16_t totalvfs;			/**< a PF's most VFs */
	uint16_t numvfs;			/**< a PF's VFs that are enabled now */
};

/**
 * Read a device's facts, from five files at most.
 *
 * @param devices
 *   The folder that holds a folder per device; NULL for PCI_SRIOV_SYSFS_DEVICES.
 * @param bdf
 *   The device, as the kernel writes it: `0000:01:00.0`.
 * @param facts
 *   Receives the facts. All zero on failure.
 * @return
 *   0, or
 *   -ENODEV: there is no such device;
 *   -EINVAL: a file doesn't hold what it should;
 *   or what readlink(2), open(2) and read(2) return.
 */
int pci_sriov_read(const char *devices, const char *bdf, struct pci_sriov *facts);

#ifdef __cplusplus
}
#endif

#endif /* PCI_SRIOV_H */
