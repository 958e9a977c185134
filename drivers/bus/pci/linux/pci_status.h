/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * How a device stands: what sysfs shows of it, and what this process has to do with it. Nothing
 * here opens a device, and nothing shows a token.
 */

#ifndef PCI_STATUS_H
#define PCI_STATUS_H

#include <stdbool.h>
#include <time.h>

#include "pci_sriov.h"
#include "vf_token.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Whether the kernel knows VF tokens. */
enum pci_status_support {
	PCI_STATUS_UNKNOWN,	/**< vfio-pci isn't loaded, or has no say in the device */
	PCI_STATUS_NO,
	PCI_STATUS_YES,
};

/** How a device stands. */
struct pci_status {
	char bdf[VFTOKEN_BDF_SIZE];
	struct pci_sriov facts;
	enum pci_status_support support;
	bool enable_sriov;	/**< vfio-pci's parameter: it lets VFs be enabled */
	bool open;		/**< this process holds the device open */
	/** What kind of source its rule has: `literal`, `file`, `env` or `fd`, who is asked
	 * (vftoken_set_ask()), or `none`.
	 */
	const char *source;
	/** When this process last gave the kernel the PF's token, in seconds since 1970; 0 for
	 * never.
	 */
	time_t token_set;
};

/**
 * Read how a device stands.
 *
 * @param vt
 *   The set of rules.
 * @param devices
 *   The sysfs folder with the devices; NULL for PCI_SRIOV_SYSFS_DEVICES. What vfio-pci says of
 *   itself is read from its folder beside it, `../drivers/vfio-pci`.
 * @param name
 *   The device's name.
 * @param status
 *   Receives it; all zero on failure, but for bdf.
 * @return
 *   0, or -EINVAL (the name isn't a BDF) or a negative errno value of pci_sriov_read().
 */
int pci_status_read(struct vftoken *vt, const char *devices, const char *name,
		struct pci_status *status);

/** The word for a device's role: `PF`, `VF` or `neither`. */
const char *pci_status_role(const struct pci_status *status);

/** The word for the kernel's support: `yes`, `no` or `unknown`. */
const char *pci_status_support(const struct pci_status *status);

#ifdef __cplusplus
}
#endif

#endif /* PCI_STATUS_H */
