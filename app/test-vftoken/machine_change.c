/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vftoken/vfio.h>

#include "machine.h"
#include "message.h"

static bool
disable_vfs(const char *pf, const struct vftoken_sriov *sriov)
{
	int ret;

	if (sriov->numvfs == 0)
		return true;
	/* vfio-pci doesn't let VFs be disabled either while this is off. */
	if (strcmp(sriov->driver, SYSFS_VFIO_PCI) == 0)
		sysfs_write_enable_sriov(true);
	ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, pf, 0);
	return ret == 0 ||
	       message_refuse("%s: its VFs can't be disabled: %s; see dmesg", pf, strerror(-ret));
}

static bool
on_vfio_pci(const char *bdf)
{
	char driver[VFTOKEN_DRIVER_SIZE];

	return sysfs_driver(bdf, driver) == 0 && strcmp(driver, SYSFS_VFIO_PCI) == 0;
}

/* A group has one file, so a PF and a VF in the same one couldn't be opened apart. */
static bool
own_group(const char *pf, const char *vf)
{
	char pf_group[VFTOKEN_GROUP_SIZE], vf_group[VFTOKEN_GROUP_SIZE];

	if (vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, pf, pf_group) < 0 ||
	    vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, vf, vf_group) < 0)
		return message_refuse(
			"%s refused: it or its VF %s has no IOMMU group; turn the IOMMU on (intel_iommu=on or amd_iommu=on for the kernel)",
			pf, vf);
	if (strcmp(pf_group, vf_group) == 0)
		return message_refuse(
			"%s refused: its VF %s shares its IOMMU group; use a slot with ACS", pf,
			vf);
	return true;
}

static bool
vfs_ready(struct machine *machine, struct machine_pf *pf)
{
	unsigned int i;

	for (i = 0; i < machine->num_vfs; i++)
		if (vftoken_sriov_vf(VFTOKEN_SYSFS_DEVICES, pf->was.bdf, (uint16_t)i, pf->vfs[i]) < 0 ||
		    !on_vfio_pci(pf->vfs[i]))
			return false;
	return true;
}

static bool
enable_vfs(struct machine *machine, struct machine_pf *pf)
{
	const char *bdf = pf->was.bdf;
	unsigned int i;
	int ret;

	/* Without tokens vfio-pci doesn't enable VFs at all; then no case runs. */
	if (!machine_has_tokens())
		return true;
	sysfs_write_enable_sriov(true);
	ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, bdf, (uint16_t)machine->num_vfs);
	if (ret < 0)
		return message_refuse("%s: %u VFs can't be enabled: %s; see dmesg", bdf,
				      machine->num_vfs, strerror(-ret));
	for (i = 0; i < machine->num_vfs; i++) {
		ret = vftoken_sriov_vf(VFTOKEN_SYSFS_DEVICES, bdf, (uint16_t)i, pf->vfs[i]);
		if (ret == 0)
			ret = sysfs_bind(pf->vfs[i], SYSFS_VFIO_PCI);
		if (ret < 0)
			return message_refuse(
				"%s: its VF %u can't be bound to vfio-pci: %s; see dmesg", bdf, i,
				strerror(-ret));
		if (!own_group(bdf, pf->vfs[i]))
			return false;
	}
	return true;
}

static bool
prepare_pf(struct machine *machine, struct machine_pf *pf)
{
	const char *bdf = pf->was.bdf;
	struct vftoken_sriov sriov;
	bool enabled;
	int ret;

	ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, bdf, &sriov);
	if (ret < 0)
		return message_refuse("%s can't be read: %s", bdf, strerror(-ret));
	if (strcmp(sriov.driver, SYSFS_VFIO_PCI) == 0 && sriov.numvfs == machine->num_vfs &&
	    sysfs_read_enable_sriov(&enabled) == 0 && enabled && vfs_ready(machine, pf))
		return true;
	if (!disable_vfs(bdf, &sriov))
		return false;
	/* New VFs are to come to vfio-pci by themselves. */
	sysfs_write(bdf, "sriov_drivers_autoprobe", "1");
	ret = sysfs_bind(bdf, SYSFS_VFIO_PCI);
	if (ret < 0)
		return message_refuse("%s can't be bound to vfio-pci: %s", bdf,
				      ret == -ENOEXEC ? "vfio-pci refuses it; see dmesg"
						      : strerror(-ret));
	return enable_vfs(machine, pf);
}

bool
machine_prepare(struct machine *machine)
{
	const char *other = machine->other.bdf;
	unsigned int i;
	int ret;

	machine->changed = true;
	for (i = 0; i < machine->n_pfs; i++)
		if (!prepare_pf(machine, &machine->pfs[i]))
			return false;
	ret = other[0] != '\0' ? sysfs_bind(other, SYSFS_VFIO_PCI) : 0;
	return ret == 0 ||
	       message_refuse("%s can't be bound to vfio-pci: %s", other, strerror(-ret));
}

static bool
restore_node(const struct machine_device *was)
{
	char name[VFTOKEN_GROUP_SIZE], path[PATH_MAX];

	if (!was->node.there || vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, was->bdf, name) < 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s", VFTOKEN_VFIO_FOLDER, name);
	if (chown(path, was->node.uid, was->node.gid) == 0 && chmod(path, was->node.mode) == 0)
		return true;
	return message_refuse("%s can't be given back to its owner: %s", path, strerror(errno));
}

static bool
restore_device(const struct machine_device *was)
{
	int ret;

	ret = sysfs_bind(was->bdf, was->driver);
	if (ret == 0)
		ret = sysfs_write_override(was->bdf, was->override);
	if (ret == 0)
		return restore_node(was);
	return message_refuse("%s can't be bound to %s again, with driver_override '%s': %s",
			      was->bdf, was->driver[0] != '\0' ? was->driver : "no driver",
			      was->override, strerror(-ret));
}

static bool
restore_vfs(const struct machine_pf *pf)
{
	const char *bdf = pf->was.bdf;
	bool ok = true;
	uint16_t i;
	int ret;

	if (pf->had_vfs == 0)
		return true;
	/* None shall be taken by a driver that it wasn't on. */
	sysfs_write(bdf, "sriov_drivers_autoprobe", "0");
	if (strcmp(pf->was.driver, SYSFS_VFIO_PCI) == 0)
		sysfs_write_enable_sriov(true);
	ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, bdf, pf->had_vfs);
	if (ret < 0)
		return message_refuse("%s: its %u VFs can't be enabled again: %s", bdf, pf->had_vfs,
				      strerror(-ret));
	for (i = 0; i < pf->had_vfs; i++)
		ok &= restore_device(&pf->vfs_were[i]);
	return ok;
}

static bool
restore_pf(struct machine_pf *pf)
{
	const char *bdf = pf->was.bdf;
	struct vftoken_sriov sriov;
	bool ok;
	int ret;

	ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, bdf, &sriov);
	if (ret < 0)
		return message_refuse("%s can't be put back: %s", bdf, strerror(-ret));
	ok = disable_vfs(bdf, &sriov);
	/* One that was on vfio-pci is bound anew as well: that draws another token. */
	if (ok)
		sysfs_bind(bdf, "");
	ok = ok && restore_device(&pf->was) && restore_vfs(pf);
	if (pf->autoprobe[0] != '\0')
		sysfs_write(bdf, "sriov_drivers_autoprobe", pf->autoprobe);
	return ok;
}

bool
machine_restore(struct machine *machine)
{
	unsigned int i;
	bool ok = true;

	if (machine->changed) {
		if (machine->other.bdf[0] != '\0')
			ok &= restore_device(&machine->other);
		for (i = machine->n_pfs; i > 0; i--)
			ok &= restore_pf(&machine->pfs[i - 1]);
		sysfs_write_enable_sriov(machine->had_enable_sriov);
		/* busybox's says no if a module that it needs is still needed by another. */
		if (!machine->had_vfio_pci && system("modprobe -r vfio-pci") != 0 &&
		    access(MACHINE_VFIO_PCI, F_OK) == 0)
			ok = message_refuse("vfio-pci was loaded and can't be unloaded");
		machine->changed = false;
	}
	for (i = 0; i < machine->n_pfs; i++)
		free(machine->pfs[i].vfs_were);
	return ok;
}
