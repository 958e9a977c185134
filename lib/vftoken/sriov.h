/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What sysfs says of a PCI device's part in SR-IOV (Linux's
 * Documentation/ABI/testing/sysfs-bus-pci). For libvftoken's own files.
 */

#ifndef VFTOKEN_SRIOV_H
#define VFTOKEN_SRIOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "info.h"

/** Room for the name of a group's file and its final NUL. */
#define VFTOKEN_GROUP_SIZE 24

/** Room for the name of a device's own VFIO file and its final NUL. */
#define VFTOKEN_CDEV_SIZE 32

/** What sysfs says of a device. */
struct vftoken_sriov {
	enum vftoken_role role;
	char driver[VFTOKEN_DRIVER_SIZE];    /**< the device's driver; empty when it has none */
	char pf[VFTOKEN_BDF_SIZE];           /**< a VF's PF; else empty */
	uint64_t pf_key;                     /**< of that PF; else VFTOKEN_KEY_NONE */
	char pf_driver[VFTOKEN_DRIVER_SIZE]; /**< that PF's driver; empty when it has none */
	struct vftoken_fact pf_bound;        /**< whether a VF's PF has a driver */
	uint16_t totalvfs;                   /**< a PF's most VFs */
	uint16_t numvfs;                     /**< a PF's VFs that are there now */
};

/**
 * Read what sysfs says of a device. Nothing that is read waits, whatever the kernel does to the
 * device.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param bdf
 *   The device, as the kernel writes it: `0000:01:00.0`.
 * @param sriov
 *   Receives it. On failure the role is none, and all else is empty.
 * @return
 *   0, or
 *   -ENODEV: there is no such device;
 *   -ENOENT: there is no such folder of devices, as in a container without sysfs;
 *   -EINVAL: a file doesn't hold what it should;
 *   or what readlink(2), open(2) and read(2) return.
 */
int vftoken_sriov_read(const char *devices, const char *bdf, struct vftoken_sriov *sriov);

/**
 * Read a device's file.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param bdf
 *   The device, as the kernel writes it.
 * @param file
 *   The file's name in the device's folder.
 * @param text
 *   Receives what one read(2) gives, and a final NUL; empty on failure.
 * @param size
 *   Room in it.
 * @return
 *   The text's length, or -ENAMETOOLONG, or what open(2) and read(2) return.
 */
int vftoken_sriov_read_file(const char *devices, const char *bdf, const char *file, char *text,
			    size_t size);

/**
 * Write a text into a device's file with one write(2).
 *
 * @return
 *   0, or -ENAMETOOLONG, or what open(2) and write(2) return.
 */
int vftoken_sriov_write_file(const char *devices, const char *bdf, const char *file,
			     const char *text);

/**
 * Whether two devices are in one IOMMU group, which only one process can open.
 */
bool vftoken_sriov_share_group(const char *devices, const char *vfio, const char *bdf,
			       const char *other);

/**
 * Whether this process could write a device's file.
 *
 * @return
 *   0, or -ENAMETOOLONG, or what access(2) returns: -EACCES, or -EROFS where sysfs is read-only.
 */
int vftoken_sriov_may_write(const char *devices, const char *bdf, const char *file);

/**
 * The address of one of a PF's VFs.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param pf
 *   The PF, as the kernel writes it.
 * @param index
 *   The VF's number, from 0 on.
 * @param vf
 *   Receives the address; empty on failure.
 * @return
 *   0, or -ENODEV (there is no such VF), or what readlink(2) returns.
 */
int vftoken_sriov_vf(const char *devices, const char *pf, uint16_t index,
		     char vf[VFTOKEN_BDF_SIZE]);

/**
 * Whether a PF's VFs are being enabled or disabled at this moment: a VF more than there are links
 * is there (PCI Express 5.0, section 9.3.3.9 and 9.3.3.10: First VF Offset, VF Stride). A VF that
 * is in use keeps the kernel waiting in this state.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param pf
 *   The PF, as the kernel writes it.
 * @param numvfs
 *   How many VFs it has, from vftoken_sriov_read().
 * @return
 *   The fact; why it is unknown: what reading sriov_offset and sriov_stride, and access(2), return.
 */
struct vftoken_fact vftoken_sriov_vfs_change(const char *devices, const char *pf, uint16_t numvfs);

/**
 * Whether vfio-pci's module parameter enable_sriov lets VFs be enabled.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES. The parameter is read
 *   beside it, in `../drivers/vfio-pci`.
 * @return
 *   The fact; why it is unknown: -ENOENT (vfio-pci isn't loaded, or doesn't have it), -EIO (it is
 *   empty), or what open(2) and read(2) return.
 */
struct vftoken_fact vftoken_sriov_enable_sriov(const char *devices);

/**
 * Enable or disable a PF's VFs: one write to sriov_numvfs. The kernel takes a number only while no
 * VF is enabled, or 0, which waits until no VF is in use.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param pf
 *   The PF, as the kernel writes it.
 * @param num_vfs
 *   How many VFs; 0 disables them.
 * @return
 *   0, or what open(2) and write(2) return: for vfio-pci
 *   -ENOENT: its module parameter enable_sriov is off, or the driver can't enable VFs;
 *   -EBUSY: another number is enabled;
 *   -ERANGE: more than sriov_totalvfs.
 */
int vftoken_sriov_set_numvfs(const char *devices, const char *pf, uint16_t num_vfs);

/**
 * The name of the VFIO file of a device's IOMMU group.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param vfio
 *   The folder with VFIO's group files, `/dev/vfio`.
 * @param bdf
 *   The device, as the kernel writes it.
 * @param name
 *   Receives the name: `noiommu-` and the group's number if there is such a file, else the number,
 *   whether there is such a file or not.
 * @return
 *   0, or -ENODEV (the device has no group), -EINVAL (its number is none), -ENAMETOOLONG or what
 *   readlink(2) returns.
 */
int vftoken_sriov_group(const char *devices, const char *vfio, const char *bdf,
			char name[VFTOKEN_GROUP_SIZE]);

/**
 * The name of a device's own VFIO file (cdev), which is in the folder `devices` of VFIO's.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param bdf
 *   The device, as the kernel writes it.
 * @param name
 *   Receives the name, such as `vfio3`.
 * @return
 *   0, or -ENOENT (it has none: not on a VFIO driver, or a kernel without VFIO_DEVICE_CDEV),
 *   -EINVAL (it isn't such a name), -ENAMETOOLONG or what open(2) returns.
 */
int vftoken_sriov_cdev(const char *devices, const char *bdf, char name[VFTOKEN_CDEV_SIZE]);

/**
 * Whether a device on a VFIO driver is enabled, as it is while some process has it open.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param bdf
 *   The device, as the kernel writes it.
 * @return
 *   The fact; why it is unknown: -EINVAL (the file `enable` holds no number), or what open(2) and
 *   read(2) return.
 */
struct vftoken_fact vftoken_sriov_enabled(const char *devices, const char *bdf);

/**
 * Whether some process has a device's IOMMU group open, found by opening it.
 *
 * @param devices
 *   The folder that holds a folder per device, such as VFTOKEN_SYSFS_DEVICES.
 * @param vfio
 *   The folder with VFIO's group files, `/dev/vfio`.
 * @param bdf
 *   The device, as the kernel writes it.
 * @return
 *   The fact; why it is unknown: what vftoken_sriov_group() and open(2) return.
 */
struct vftoken_fact vftoken_sriov_in_use(const char *devices, const char *vfio, const char *bdf);

#endif /* VFTOKEN_SRIOV_H */
