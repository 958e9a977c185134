/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <vftoken/vfio.h>

#include "machine.h"

/* It is there when vfio-pci is loaded or built in. */
#define VFIO_PCI_MODULE "/sys/module/vfio_pci"

bool
machine_has_tokens(void)
{
	bool enabled;

	/* The kernel got the parameter and the tokens in one series. */
	return sysfs_read_enable_sriov(&enabled) == 0;
}

/* An interface that is down is idle. Whether a disk is idle can't be seen. */
static bool
idle(const char *bdf, const char *driver)
{
	const int up = sysfs_interface_up(bdf);
	struct vftoken_fact in_use;

	if (up > 0)
		return message_refuse(
			"%s refused: its network interface is up; set it down (ip link set DEVICE down)",
			bdf);
	if (driver[0] != '\0' && strcmp(driver, SYSFS_VFIO_PCI) != 0 && up < 0)
		return message_refuse(
			"%s refused: it is on %s, for whatever use; unbind it (echo %s >/sys/bus/pci/devices/%s/driver/unbind)",
			bdf, driver, bdf, bdf);
	in_use = sysfs_in_use(bdf);
	if (in_use.answer == VFTOKEN_YES)
		return message_refuse(
			"%s refused: some process has it open; end that process first", bdf);
	/* Without an IOMMU group no process can have it open by VFIO. */
	if (in_use.answer == VFTOKEN_UNKNOWN && in_use.why != -ENODEV)
		return message_refuse(
			"%s refused: whether some process has it open isn't known: %s; run this as root, where /dev/vfio is",
			bdf, strerror(-in_use.why));
	return true;
}

static bool
read_device(const char *bdf, struct vftoken_sriov *sriov)
{
	int ret;

	ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, bdf, sriov);
	return ret == 0 ||
	       message_refuse("%s refused: %s", bdf,
			      ret == -ENODEV ? "there is no such PCI device; see lspci -D"
					     : strerror(-ret));
}

static bool
record_device(struct machine_device *was, const struct vftoken_sriov *sriov)
{
	char path[PATH_MAX];
	int ret;

	strcpy(was->driver, sriov->driver);
	was->group.exists =
		sysfs_group_path(was->bdf, path) == 0 && stat(path, &was->group.was) == 0;
	was->cdev.exists = sysfs_cdev_path(was->bdf, path) == 0 && stat(path, &was->cdev.was) == 0;
	ret = sysfs_read_override(was->bdf, was->override);
	if (ret < 0)
		return message_refuse("%s refused: its driver_override can't be read: %s", was->bdf,
				      strerror(-ret));
	return idle(was->bdf, was->driver);
}

/* A second run would find the PF idle between two cases of the first. */
static bool
lock(struct machine_pf *pf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", VFTOKEN_SYSFS_DEVICES, pf->was.bdf);
	pf->lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pf->lock_fd >= 0 && flock(pf->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return message_refuse("%s refused: another dpdk-test-vftoken is testing it",
				      pf->was.bdf);
	return true;
}

static bool
record_vfs(struct machine_pf *pf)
{
	struct machine_device *was;
	struct vftoken_sriov sriov;
	uint16_t i;
	int ret;

	pf->vfs_were = calloc(pf->had_vfs, sizeof(*pf->vfs_were));
	if (pf->vfs_were == NULL && pf->had_vfs > 0)
		return message_refuse("out of memory");
	for (i = 0; i < pf->had_vfs; i++) {
		was = &pf->vfs_were[i];
		ret = vftoken_sriov_vf(VFTOKEN_SYSFS_DEVICES, pf->was.bdf, i, was->bdf);
		if (ret != 0)
			return message_refuse("%s refused: its VF %u can't be read: %s",
					      pf->was.bdf, i, strerror(-ret));
		if (!read_device(was->bdf, &sriov) || !record_device(was, &sriov))
			return false;
		if (sriov.driver[0] != '\0' && strcmp(sriov.driver, SYSFS_VFIO_PCI) != 0)
			return message_refuse(
				"%s refused: its VF %s is on %s; unbind it (echo %s >/sys/bus/pci/devices/%s/driver/unbind)",
				pf->was.bdf, was->bdf, sriov.driver, was->bdf, was->bdf);
	}
	return true;
}

static bool
record_pf(struct machine *machine, struct machine_pf *pf)
{
	struct vftoken_sriov sriov;

	if (!read_device(pf->was.bdf, &sriov))
		return false;
	if (sriov.role != VFTOKEN_ROLE_PF)
		return message_refuse("%s refused: it is no SR-IOV PF%s%s", pf->was.bdf,
				      sriov.role == VFTOKEN_ROLE_VF ? "; give its PF, " : "",
				      sriov.pf);
	if (sriov.totalvfs < machine->num_vfs)
		return message_refuse(
			"%s refused: it has at most %u VFs; give --num-vfs %u or less", pf->was.bdf,
			sriov.totalvfs, sriov.totalvfs);
	pf->had_vfs = sriov.numvfs;
	sysfs_read(pf->was.bdf, "sriov_drivers_autoprobe", pf->autoprobe);
	return lock(pf) && record_device(&pf->was, &sriov) && record_vfs(pf);
}

static bool
record_other(struct machine_device *other)
{
	struct vftoken_sriov sriov;

	if (other->bdf[0] == '\0')
		return true;
	if (!read_device(other->bdf, &sriov))
		return false;
	if (sriov.role != VFTOKEN_ROLE_NONE)
		return message_refuse(
			"%s refused: --other takes a device that is neither PF nor VF", other->bdf);
	return record_device(other, &sriov);
}

static bool
load_vfio_pci(struct machine *machine)
{
	machine->had_vfio_pci = access(VFIO_PCI_MODULE, F_OK) == 0;
	if (!machine->had_vfio_pci && system("modprobe vfio-pci") != 0)
		return message_refuse("vfio-pci can't be loaded; see dmesg");
	sysfs_read_enable_sriov(&machine->had_enable_sriov);
	return true;
}

bool
machine_record(struct machine *machine)
{
	unsigned int i;

	if (geteuid() != 0)
		return message_refuse("run as root: drivers are bound and VFs enabled");
	for (i = 0; i < machine->n_pfs; i++)
		if (!record_pf(machine, &machine->pfs[i]))
			return false;
	return record_other(&machine->other) && load_vfio_pci(machine);
}

static bool
disable_vfs(const char *pf, const struct vftoken_sriov *sriov)
{
	int ret;

	if (sriov->numvfs == 0)
		return true;
	/* While this is off, vfio-pci can't disable VFs either. */
	if (strcmp(sriov->driver, SYSFS_VFIO_PCI) == 0)
		sysfs_write_enable_sriov(true);
	ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, pf, 0);
	return ret == 0 ||
	       message_refuse("%s: its VFs can't be disabled: %s; see dmesg", pf, strerror(-ret));
}

/* A group opens only once, so a PF and a VF need groups of their own. */
static bool
own_group(const char *pf, const char *vf)
{
	char pf_group[PATH_MAX], vf_group[PATH_MAX];

	if (sysfs_group_path(pf, pf_group) < 0 || sysfs_group_path(vf, vf_group) < 0)
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
enable_vfs(const char *pf, unsigned int num_vfs)
{
	int ret;

	sysfs_write_enable_sriov(true);
	ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, pf, (uint16_t)num_vfs);
	return ret == 0 || message_refuse("%s: %u VFs can't be enabled: %s; see dmesg", pf, num_vfs,
					  strerror(-ret));
}

static bool
bind_vfs(const struct machine *machine, struct machine_pf *pf)
{
	const char *bdf = pf->was.bdf;
	unsigned int i;
	int ret;

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
	    sysfs_read_enable_sriov(&enabled) == 0 && enabled)
		return bind_vfs(machine, pf);
	if (!disable_vfs(bdf, &sriov))
		return false;
	/* The kernel binds new VFs to vfio-pci. */
	sysfs_write(bdf, "sriov_drivers_autoprobe", "1");
	ret = sysfs_bind(bdf, SYSFS_VFIO_PCI);
	if (ret < 0)
		return message_refuse("%s can't be bound to vfio-pci: %s", bdf,
				      ret == -ENOEXEC ? "vfio-pci refuses it; see dmesg"
						      : strerror(-ret));
	/* A vfio-pci without tokens can't enable VFs; then no case runs. */
	return !machine_has_tokens() ||
	       (enable_vfs(bdf, machine->num_vfs) && bind_vfs(machine, pf));
}

bool
machine_prepare(struct machine *machine)
{
	const char *other = machine->other.bdf;
	unsigned int i;
	int ret;

	for (i = 0; i < machine->n_pfs; i++)
		if (!prepare_pf(machine, &machine->pfs[i]))
			return false;
	ret = other[0] != '\0' ? sysfs_bind(other, SYSFS_VFIO_PCI) : 0;
	return ret == 0 ||
	       message_refuse("%s can't be bound to vfio-pci: %s", other, strerror(-ret));
}

static bool
restore_node(const struct machine_node *node, const char *path)
{
	if (chown(path, node->was.st_uid, node->was.st_gid) == 0 &&
	    chmod(path, node->was.st_mode & 07777) == 0)
		return true;
	return message_refuse("%s can't be given back to its owner: %s", path, strerror(errno));
}

static bool
restore_nodes(const struct machine_device *was)
{
	char path[PATH_MAX];
	bool ok = true;

	if (was->group.exists && sysfs_group_path(was->bdf, path) == 0)
		ok = restore_node(&was->group, path);
	if (was->cdev.exists && sysfs_cdev_path(was->bdf, path) == 0)
		ok &= restore_node(&was->cdev, path);
	return ok;
}

static bool
restore_device(const struct machine_device *was)
{
	int ret;

	ret = sysfs_bind(was->bdf, was->driver);
	if (ret == 0)
		ret = sysfs_write_override(was->bdf, was->override);
	if (ret == 0)
		return restore_nodes(was);
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
	/* No other driver may take them. */
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
	/* A PF that was on vfio-pci is bound again, too, for another random token. */
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

	if (machine->other.bdf[0] != '\0')
		ok &= restore_device(&machine->other);
	for (i = machine->n_pfs; i > 0; i--)
		ok &= restore_pf(&machine->pfs[i - 1]);
	sysfs_write_enable_sriov(machine->had_enable_sriov);
	/* busybox's modprobe fails also when only a dependency stays loaded. */
	if (!machine->had_vfio_pci && system("modprobe -r vfio-pci") != 0 &&
	    access(VFIO_PCI_MODULE, F_OK) == 0)
		ok = message_refuse("vfio-pci was loaded and can't be unloaded");
	return ok;
}
