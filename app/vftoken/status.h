/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * How devices stand, for the two forms in which that is shown.
 */

#ifndef STATUS_H
#define STATUS_H

#include <vftoken/info.h>

/** A device. */
struct status_device {
	struct vftoken_info info;
	const char *in_use; /**< of a VF: `yes`, `no` or `unknown` */
};

/** What is shown. */
struct status_list {
	struct status_device *devices;
	size_t count;
	const char *enable_sriov;       /**< vfio-pci's parameter: `on`, `off` or `unknown` */
	enum vftoken_answer cdev_check; /**< whether the kernel checks tokens by cdev */
};

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
