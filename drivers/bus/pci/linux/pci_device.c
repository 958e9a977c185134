/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pci_device.h"
#include "pci_sriov.h"
#include "pci_vf_token.h"
#include "vf_token_private.h"

static int
explain(struct vftoken *vt, const struct pci_sriov *facts, const char *bdf, int err)
{
	const char *driver = facts->driver[0] != '\0' ? facts->driver : "no driver";

	switch (err) {
	case EUNATCH:
		return vftoken_refuse(vt, err, "%s not opened: VFIO isn't there; modprobe vfio-pci",
				      bdf);
	case ENOENT:
		if (strstr(facts->driver, "vfio") != NULL)
			return vftoken_refuse(
				vt, err,
				"%s not opened: its IOMMU group's file isn't in %s; let this container have it",
				bdf, vt->vfio);
		return vftoken_refuse(
			vt, err,
			"%s not opened: it is on %s, not vfio-pci; bind it (dpdk-devbind.py -b vfio-pci %s)",
			bdf, driver, bdf);
	case EBUSY:
		return vftoken_refuse(
			vt, err,
			"%s not opened: some process has it, or another device of its IOMMU group, open; end that process first",
			bdf);
	case EXDEV:
		return vftoken_refuse(
			vt, err,
			"%s not opened: another device of its IOMMU group is on a driver other than vfio-pci; bind all of them to vfio-pci",
			bdf);
	case EACCES:
		return vftoken_refuse(
			vt, err,
			"%s not opened: this user may not open its IOMMU group; run as root, or let the user own the group's file in %s",
			bdf, vt->vfio);
	default:
		return vftoken_refuse(vt, err, "%s not opened: its IOMMU group can't be opened: %s",
				      bdf, strerror(err));
	}
}

static int
open_group(struct vftoken *vt, const char *devices, const char *bdf, struct vfio_group *group)
{
	char name[PCI_SRIOV_GROUP_SIZE];
	struct pci_sriov facts;
	int ret;

	ret = pci_sriov_read(devices, bdf, &facts);
	if (ret < 0)
		return vftoken_refuse(vt, -ret, "%s not opened: %s", bdf,
				      ret == -ENODEV ? "there is no such PCI device; see lspci -D"
						     : strerror(-ret));
	ret = pci_sriov_group(devices, vt->vfio, bdf, name);
	if (ret == -ENODEV)
		return vftoken_refuse(
			vt, ENODEV,
			"%s not opened: it has no IOMMU group; turn the IOMMU on (intel_iommu=on or amd_iommu=on for the kernel, VT-d or AMD-Vi in the firmware)",
			bdf);
	if (ret == 0)
		ret = vfio_group_open(group, vt->vfio, name);
	return ret < 0 ? explain(vt, &facts, bdf, -ret) : 0;
}

int
pci_device_open(struct vftoken *vt, const char *devices, const char *name,
		struct pci_device *device)
{
	struct pci_device opened;
	int ret;

	pthread_mutex_lock(&vt->lock);
	if (vftoken_parse_bdf(name, opened.bdf) < 0)
		ret = vftoken_refuse(vt, EINVAL, "'%s' isn't a BDF such as 0000:01:00.0", name);
	else
		ret = open_group(vt, devices, opened.bdf, &opened.group);
	pthread_mutex_unlock(&vt->lock);
	if (ret < 0)
		return ret;
	ret = pci_vf_token_open(vt, devices, opened.group.group_fd, opened.bdf);
	if (ret < 0) {
		vfio_group_close(&opened.group);
		return ret;
	}
	opened.device_fd = ret;
	*device = opened;
	return 0;
}

void
pci_device_close(struct vftoken *vt, struct pci_device *device)
{
	pci_vf_token_closing(vt, device->bdf);
	close(device->device_fd);
	vfio_group_close(&device->group);
}
