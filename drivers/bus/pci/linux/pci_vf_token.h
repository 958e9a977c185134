/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The open policy: whether the kernel wants a VF token for a device, the open, and what to tell a
 * person when the kernel refuses.
 */

#ifndef PCI_VF_TOKEN_H
#define PCI_VF_TOKEN_H

#include "vf_token.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Open a device of a VFIO group, with the token that the rules give it where the kernel wants one.
 *
 * A VF whose PF is on vfio-pci gets its token, and so does an SR-IOV PF on vfio-pci when a rule
 * covers it; nothing else is sent one, since the kernel refuses a token that it wouldn't use. That
 * is one ioctl. When no rule covers such a device, vftoken_set_ask()'s function is asked. Where the
 * kernel sees it otherwise than sysfs does (a race, a variant driver), the open is tried once more,
 * and a warning says so.
 *
 * Each refusal is explained in one error message: what was refused, why, and what to do.
 *
 * @param vt
 *   The set of rules.
 * @param devices
 *   The sysfs folder with the devices; NULL for PCI_SRIOV_SYSFS_DEVICES.
 * @param group_fd
 *   The group's file, `/dev/vfio/N`, with its container set.
 * @param name
 *   The device's name, such as `0000:01:00.0`. One that isn't a BDF is opened without a token.
 * @return
 *   The device fd, or a negative errno value: of vfio_device_open(), or of reading the source or
 *   the function asked when a token is needed and can't be had.
 */
int pci_vf_token_open(struct vftoken *vt, const char *devices, int group_fd, const char *name);

/**
 * Lend a device's token to another process that this one trusts, such as a secondary process of it:
 * the answer to its vftoken_set_ask() function.
 *
 * @param vt
 *   The set of rules.
 * @param devices
 *   The sysfs folder with the devices; NULL for PCI_SRIOV_SYSFS_DEVICES.
 * @param name
 *   The device's name, PF or VF.
 * @return
 *   A memory file that holds the token until the other process has taken it, to be passed on as a
 *   descriptor (SCM_RIGHTS in unix(7)) and closed; or
 *   -EINVAL: the name isn't a BDF;
 *   -ENOKEY: no rule covers the device;
 *   or a negative errno value of reading the source (vf_token.h), memfd_create(2) or pwrite(2).
 */
int pci_vf_token_lend(struct vftoken *vt, const char *devices, const char *name);

/**
 * Say that a device that pci_vf_token_open() opened is about to be closed. Until then the PF's
 * duties (pci_pf.h) find it by its name.
 *
 * @param vt
 *   The set of rules.
 * @param name
 *   The device's name.
 */
void pci_vf_token_closing(struct vftoken *vt, const char *name);

/**
 * Say in a warning that the kernel wants a device back that this process holds open: to be called
 * when VFIO signals the device request (VFIO_PCI_REQ_IRQ_INDEX in linux/vfio.h).
 *
 * @param vt
 *   The set of rules.
 * @param name
 *   The device's name.
 */
void pci_vf_token_wanted_back(struct vftoken *vt, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* PCI_VF_TOKEN_H */
