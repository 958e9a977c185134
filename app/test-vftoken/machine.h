/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The machine: what it was like, what the cases start from, and how it is put back.
 *
 * All that the suite will change is recorded before anything is changed. Putting it back goes by
 * that record and by what sysfs shows, not by a log of what was done, so that it works from
 * whatever a case left behind, also twice.
 */

#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "sysfs.h"

/** There when vfio-pci is loaded or built in. */
#define MACHINE_VFIO_PCI "/sys/module/vfio_pci"

/** PFs that the cases use: the one under test, and another. */
#define MACHINE_PFS 2

/** Most VFs of a PF that the suite enables. */
#define MACHINE_VFS 64

/** The file of a device's group, which an administrator may have given to somebody. */
struct machine_node {
	bool there;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/** What a device was like. */
struct machine_device {
	char bdf[VFTOKEN_BDF_SIZE];
	char driver[VFTOKEN_DRIVER_SIZE];
	char override[SYSFS_TEXT_SIZE];
	struct machine_node node;
};

struct machine_pf {
	struct machine_device was;
	char autoprobe[SYSFS_TEXT_SIZE];	/* sriov_drivers_autoprobe */
	uint16_t had_vfs;
	struct machine_device *vfs_were;	/* had_vfs of them */
	int lock_fd;				/* keeps a second run away */
	char vfs[MACHINE_VFS][VFTOKEN_BDF_SIZE];	/* those that the cases use */
};

struct machine {
	struct machine_pf pfs[MACHINE_PFS];
	unsigned int n_pfs;
	struct machine_device other;	/* neither PF nor VF; no BDF for none */
	unsigned int num_vfs;		/* of each PF, for the cases */
	bool had_vfio_pci;		/* the module */
	bool had_enable_sriov;
	bool changed;
};

/**
 * Record what the machine is like, and refuse it when a device is in use or can't be tested.
 * Nothing is changed, unless vfio-pci had to be loaded.
 *
 * @param machine
 *   With the BDFs, n_pfs and num_vfs filled in.
 * @return
 *   true; false after a message on stderr that says what is refused, why and what to do.
 */
bool machine_record(struct machine *machine);

/**
 * What the cases start from: the PFs on vfio-pci with num_vfs VFs each, all on vfio-pci, and none
 * of them open; the other device on vfio-pci.
 *
 * @return
 *   true; false after a message on stderr.
 */
bool machine_prepare(struct machine *machine);

/**
 * Put the machine back as it was recorded.
 *
 * @return
 *   true; false after a message on stderr for each thing that can't be put back.
 */
bool machine_restore(struct machine *machine);

/** Whether this kernel's vfio-pci has the mechanism of VF tokens. */
bool machine_has_tokens(void);

#endif /* MACHINE_H */
