/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The machine: its state before, the state that the cases start from, and how it is restored.
 *
 * The suite records all that it may change before it changes anything. It restores the machine from
 * that record and from what sysfs shows, whatever a case left behind.
 */

#ifndef MACHINE_H
#define MACHINE_H

#include <err.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "sysfs.h"

/** PFs that the cases use: the one under test, and another. */
#define MACHINE_PFS 2

/** Most VFs of a PF that the suite enables. */
#define MACHINE_VFS 256

/** A file of VFIO, which may have been given to somebody. */
struct machine_node {
	bool exists;
	struct stat was;
};

/** What a device was like. */
struct machine_device {
	char bdf[VFTOKEN_BDF_SIZE];
	char driver[VFTOKEN_DRIVER_SIZE];
	char override[SYSFS_TEXT_SIZE];
	struct machine_node group;
	struct machine_node cdev;
};

struct machine_pf {
	struct machine_device was;
	char autoprobe[SYSFS_TEXT_SIZE]; /* sriov_drivers_autoprobe */
	uint16_t had_vfs;
	struct machine_device *vfs_were;         /* had_vfs of them */
	int lock_fd;                             /* keeps a second run away */
	char vfs[MACHINE_VFS][VFTOKEN_BDF_SIZE]; /* those that the cases use */
};

struct machine {
	struct machine_pf pfs[MACHINE_PFS];
	unsigned int n_pfs;
	struct machine_device other; /* neither PF nor VF; no BDF for none */
	unsigned int num_vfs;        /* of each PF, for the cases */
	bool had_vfio_pci;           /* the module */
	bool had_enable_sriov;
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

/** Say on stderr, in one sentence, what is refused, why and what to do; returns false. */
static inline bool __attribute__((format(printf, 1, 2))) message_refuse(const char *format, ...)
{
	char text[2 * PATH_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* An argument may hold control characters, or a token. */
	vftoken_make_printable(text);
	warnx("%s", text);
	return false;
}

#endif /* MACHINE_H */
