/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Opening VFIO devices: whether the kernel wants a VF token for a device, the open, and what to
 * tell a person when the kernel refuses.
 *
 * A program that has its own VFIO containers and groups, as DPDK has, opens a device with
 * vftoken_open(). Others take vftoken_device_open(), which opens the device's IOMMU group too.
 */

#ifndef VFTOKEN_DEVICE_H
#define VFTOKEN_DEVICE_H

#include <stdbool.h>

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Open a device of a VFIO group, with the token that the rules give it where the kernel wants one.
 *
 * A VF whose PF is on vfio-pci gets its token, and so does an SR-IOV PF on vfio-pci when a rule
 * covers it; nothing else is sent one, since the kernel refuses a token that it wouldn't use. That
 * is one ioctl. When no rule covers such a device, the token provider is asked. Where the
 * kernel's answer shows that sysfs was wrong (a race, a variant driver), the open is tried once
 * more, and a warning says so.
 *
 * Each refusal is explained in one error message: what was refused, why, and what to do.
 *
 * @param ctx
 *   The context.
 * @param group_fd
 *   The group's file, `/dev/vfio/N`, with its container set.
 * @param name
 *   The device's name, such as `0000:01:00.0`. One that isn't a BDF is opened without a token.
 * @return
 *   The device fd, or a negative errno value: of VFIO_GROUP_GET_DEVICE_FD (linux/vfio.h), or of
 * reading the source or of the token provider when a token is needed and can't be had. For vfio-pci
 *   -EACCES: the token is wrong, or missing where one is needed.
 */
VFTOKEN_API
int vftoken_open(struct vftoken_context *ctx, int group_fd, const char *name);

/**
 * Open a device by its own file (cdev) and iommufd, with the token that the rules give it where the
 * kernel wants one. Who gets a token, the token provider and the messages are those of
 * vftoken_open(). The token goes into VFIO_DEVICE_BIND_IOMMUFD; that is one ioctl.
 *
 * A kernel before 6.17 without our kernel-patches/ takes no token there and opens a VF to anybody
 * who may open its file. Then a warning says so, once for each PF that is opened or whose VF is,
 * and the device is opened without a token; a PF's is set afterwards, for opens by group.
 *
 * @param ctx
 *   The context.
 * @param path
 *   The device's file, such as `/dev/vfio/devices/vfio3`, which this function opens.
 * @param iommufd
 *   The file `/dev/iommu`, open for reading and writing as long as the device is.
 * @param name
 *   The device's name, such as `0000:01:00.0`. One that isn't a BDF is opened without a token.
 * @return
 *   The device fd, which is bound and is attached to no address space yet; or a negative errno
 *   value: of open(2) of its file, of VFIO_DEVICE_BIND_IOMMUFD (linux/vfio.h), or of reading the
 *   source or of the token provider when a token is needed and can't be had. For vfio-pci
 *   -EACCES: the token is wrong, or missing where one is needed;
 *   -EBUSY or -EINVAL: some process has the device or its IOMMU group open.
 */
VFTOKEN_API
int vftoken_open_cdev(struct vftoken_context *ctx, const char *path, int iommufd, const char *name);

/**
 * Say which device this program is going to open, so that several are opened in the time of one.
 * The kernel resets a device as it is opened, which takes 100 ms, and can do that for many at once.
 *
 * The part of the program that knows the devices calls this for each of them. The part that opens
 * them asks for their names with vftoken_next_expected(), before it opens the first, and hands over
 * what each is opened with: vftoken_queue() or vftoken_queue_cdev(). The next vftoken_open() or
 * vftoken_open_cdev() opens them all, PFs before VFs, and sees that each is reset
 * (vftoken_was_reset()). The calls for the others return what came of them, and say what there is
 * to say, as if each was opened by its own call. At the end vftoken_drop_queued() tells which were
 * never asked for.
 *
 * @param ctx
 *   The context. Except between vftoken_start_begin() and vftoken_start_end() this does nothing.
 * @param name
 *   The device's name. One that isn't a BDF is opened alone, as are all when memory runs out.
 */
VFTOKEN_API
void vftoken_expect(struct vftoken_context *ctx, const char *name);

/**
 * Take the next device from those that vftoken_expect() named, in its order.
 *
 * @param ctx
 *   The context.
 * @param bdf
 *   Receives the device's name. Untouched on failure.
 * @return
 *   0, or -ENOENT: there are no more.
 */
VFTOKEN_API
int vftoken_next_expected(struct vftoken_context *ctx, char bdf[VFTOKEN_BDF_SIZE]);

/**
 * Have a device opened together with the one that vftoken_open() opens next.
 *
 * @param ctx
 *   The context.
 * @param group_fd
 *   The group's file, `/dev/vfio/N`, with its container set. The caller has opened it since any
 *   device of the group was open, and keeps it open until vftoken_open() or vftoken_drop_queued()
 *   has returned the device.
 * @param name
 *   The device's name, a BDF.
 * @return
 *   0, or -EINVAL (the name isn't a BDF) or -ENOMEM.
 */
VFTOKEN_API
int vftoken_queue(struct vftoken_context *ctx, int group_fd, const char *name);

/**
 * The same by the device's own file.
 *
 * @param ctx
 *   The context.
 * @param path
 *   As for vftoken_open_cdev(); the text is copied.
 * @param iommufd
 *   As for vftoken_open_cdev().
 * @param name
 *   The device's name, a BDF.
 * @return
 *   0, or -EINVAL (the name isn't a BDF) or -ENOMEM.
 */
VFTOKEN_API
int vftoken_queue_cdev(struct vftoken_context *ctx, const char *path, int iommufd,
		       const char *name);

/**
 * Close and forget a device that was queued, and that nobody has asked for since.
 *
 * @param ctx
 *   The context.
 * @param group_fd
 *   Receives its group's file, which the caller may close now; -1 if it was queued by its own file.
 *   Untouched on failure.
 * @return
 *   0, or -ENOENT: there are no more. Nor is any device expected then.
 */
VFTOKEN_API
int vftoken_drop_queued(struct vftoken_context *ctx, int *group_fd);

/**
 * Whether an open device is known to have been reset for this open. That is so for devices that
 * were opened together: the kernel resets a device as it opens it for its first user, and says with
 * VFIO_DEVICE_FLAGS_RESET (linux/vfio.h) whether it could; else VFIO_DEVICE_RESET has done it. If
 * not, it is up to the caller.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The device's name.
 */
VFTOKEN_API
bool vftoken_was_reset(struct vftoken_context *ctx, const char *name);

/**
 * Say that this process holds a device that another process has opened and handed over, such as
 * its primary process by cdev. No token is needed for it: its rule counts as used.
 *
 * @param ctx
 *   The context.
 * @param device_fd
 *   The device fd.
 * @param name
 *   The device's name.
 */
VFTOKEN_API
void vftoken_received(struct vftoken_context *ctx, int device_fd, const char *name);

/**
 * Say that a device that vftoken_open() or vftoken_open_cdev() opened, or that vftoken_received()
 * told of, is about to be closed. Until then the PF's duties (pf.h) find it by its name.
 *
 * After vftoken_stop_begin() the kernel's release of the device, which takes 100 ms for its reset,
 * waits for vftoken_context_clear(), which releases all devices in the time of one.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The device's name.
 */
VFTOKEN_API
void vftoken_closing(struct vftoken_context *ctx, const char *name);

/**
 * Say why a device's IOMMU group can't be opened, if it is a VF whose group is its PF's, too. Call
 * it when the group's file can't be opened.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The device's name.
 */
VFTOKEN_API
void vftoken_group_refused(struct vftoken_context *ctx, const char *name);

/**
 * Say in a warning that the kernel waits for the release of a device that this process holds open.
 * Call it when VFIO signals the device request (VFIO_PCI_REQ_IRQ_INDEX in linux/vfio.h).
 *
 * @param ctx
 *   The context.
 * @param name
 *   The device's name.
 */
VFTOKEN_API
void vftoken_device_requested(struct vftoken_context *ctx, const char *name);

/**
 * Hand a device's token over to another process that this one trusts, such as a secondary process.
 * It is what the token provider of that process returns.
 *
 * @param ctx
 *   The context.
 * @param name
 *   The device's name, PF or VF.
 * @return
 *   A memory file that holds the token until the other process has taken it, to be passed on as a
 *   descriptor (SCM_RIGHTS in unix(7)) and closed; or
 *   -EINVAL: the name isn't a BDF;
 *   -ENOKEY: no rule covers the device;
 *   or a negative errno value of reading the device's files in sysfs, the source (context.h),
 *   memfd_create(2) or pwrite(2).
 */
VFTOKEN_API
int vftoken_transfer_token(struct vftoken_context *ctx, const char *name);

/** A device that vftoken_device_open() opened. */
struct vftoken_device;

/**
 * Open a device, with its IOMMU group in a container of its own; where VFIO's group files aren't
 * there, as in some containers and kernels, by the device's own file (cdev), bound to an iommufd of
 * its own. The functions of pf.h find it by its name until it is closed. The kernel resets a device
 * as its first user opens it, and again as the last one closes it.
 *
 * Each failure is explained in one error message: what was refused, why, and what to do.
 *
 * @param ctx
 *   The context, which must live as long as the device.
 * @param name
 *   The device, as vftoken_parse_bdf() takes it.
 * @param device
 *   Receives the open device, to be closed with vftoken_device_close(); untouched on failure.
 * @return
 *   0, or
 *   -EINVAL: the name isn't a BDF;
 *   -ENODEV: sysfs has no such device, or no IOMMU group for it;
 *   -ENOENT: there is no sysfs;
 *   -EUNATCH: VFIO isn't there;
 *   -EPERM: this process may not open `/dev/iommu`;
 *   -EXDEV: another device of the group is on a driver other than vfio-pci;
 *   -ENOMEM: out of memory;
 *   or a negative errno value of open(2), of VFIO's ioctls on the group (linux/vfio.h), of
 *   vftoken_open() or of vftoken_open_cdev().
 */
VFTOKEN_API
int vftoken_device_open(struct vftoken_context *ctx, const char *name,
			struct vftoken_device **device);

/**
 * The device fd of an open device.
 */
VFTOKEN_API
int vftoken_device_fd(const struct vftoken_device *device);

/**
 * Close a device. A PF keeps its VF token and its VFs.
 *
 * @param device
 *   From vftoken_device_open(); NULL does nothing.
 */
VFTOKEN_API
void vftoken_device_close(struct vftoken_device *device);

#ifdef __cplusplus
}
#endif

#endif /* VFTOKEN_DEVICE_H */
