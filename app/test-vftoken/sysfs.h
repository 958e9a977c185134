/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the suite changes in sysfs: drivers of PCI devices, and vfio-pci's module parameter.
 */

#ifndef SYSFS_H
#define SYSFS_H

#include <limits.h>
#include <stdbool.h>

#include <vftoken/sriov.h>

#define SYSFS_VFIO_PCI "vfio-pci"
#define SYSFS_TEXT_SIZE 128

/** Read a device's file without its line end, or write it; 0 or a negative errno value. */
int sysfs_read(const char *bdf, const char *file, char text[SYSFS_TEXT_SIZE]);
int sysfs_write(const char *bdf, const char *file, const char *text);

/** The same for vfio-pci's module parameter enable_sriov; -ENOENT: this vfio-pci has none. */
int sysfs_read_enable_sriov(bool *enabled);
int sysfs_write_enable_sriov(bool enabled);

/** The same for the override, in the form that the kernel takes: empty for none. */
int sysfs_read_override(const char *bdf, char override[SYSFS_TEXT_SIZE]);
int sysfs_write_override(const char *bdf, const char *override);

/** The device's driver; empty when it has none, or there is no such device. */
int sysfs_driver(const char *bdf, char driver[VFTOKEN_DRIVER_SIZE]);

/**
 * Bind a device to a driver, which its driver_override names from then on.
 *
 * @param driver
 *   Its name; empty takes the device's driver away, and leaves driver_override.
 * @return
 *   0, or -ENOEXEC (the driver isn't there or doesn't take it), or a negative errno value.
 */
int sysfs_bind(const char *bdf, const char *driver);

/** Let the kernel choose a driver for a device that has none. */
int sysfs_probe(const char *bdf);

/** The file of the device's group; 0 or a negative errno value. */
int sysfs_group_path(const char *bdf, char path[PATH_MAX]);

/** The device's own file (cdev); 0 or a negative errno value. */
int sysfs_cdev_path(const char *bdf, char path[PATH_MAX]);

/** Whether a network interface of the device is up; -ENODEV: it has none. */
int sysfs_interface_up(const char *bdf);

/** Whether some process has a device of the device's group open. */
struct vftoken_fact sysfs_in_use(const char *bdf);

#endif /* SYSFS_H */
