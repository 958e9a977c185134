/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * How devices stand, for the two forms in which that is shown.
 */

#ifndef STATUS_H
#define STATUS_H

#include <sys/types.h>

#include <vftoken/info.h>

/** Room for a process's name and its final NUL. */
#define STATUS_NAME_SIZE 16

/** A process that has a device. */
struct status_user {
	long pid;
	char name[STATUS_NAME_SIZE];
};

/** A device. */
struct status_device {
	struct vftoken_info info;
	char group[16];             /**< its IOMMU group, or `unknown`; empty without one */
	struct vftoken_fact in_use; /**< of a device that is neither PF nor VF: no */
	dev_t files[2];             /**< VFIO's files of the device, if it is in use; else 0 */
	struct status_user *users;  /**< as far as this process may see them */
	size_t n_users;
};

/** What is shown. */
struct status_list {
	struct status_device *devices;
	size_t count;
	const char *enable_sriov;       /**< vfio-pci's parameter: `on`, `off` or `unknown` */
	enum vftoken_answer cdev_check; /**< whether the kernel checks tokens by cdev */
	bool all;                       /**< no device was named */
};

/**
 * Find the processes that have the devices open.
 *
 * @return
 *   0, or -ENOMEM.
 */
int status_find_users(struct status_list *list);

/** Print the list as a table. */
void status_print_table(const struct status_list *list);

/**
 * Print the list as JSON.
 *
 * @return
 *   0, or -ENOMEM.
 */
int status_print_json(const struct status_list *list);

#endif /* STATUS_H */
