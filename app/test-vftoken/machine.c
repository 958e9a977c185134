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
#include <sys/stat.h>
#include <unistd.h>

#include <vftoken/vfio.h>

#include "machine.h"
#include "message.h"

bool
machine_has_tokens(void)
{
	bool enabled;

	/* The kernel got the parameter and the tokens in one series. */
	return sysfs_read_enable_sriov(&enabled) == 0;
}

static bool
node_path(const char *bdf, char path[PATH_MAX])
{
	char name[VFTOKEN_GROUP_SIZE];

	if (vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, bdf, name) < 0)
		return false;
	snprintf(path, PATH_MAX, "%s/%s", VFTOKEN_VFIO_FOLDER, name);
	return true;
}

static void
record_node(const char *bdf, struct machine_node *node)
{
	char path[PATH_MAX];
	struct stat info;

	node->there = node_path(bdf, path) && stat(path, &info) == 0;
	if (node->there) {
		node->uid = info.st_uid;
		node->gid = info.st_gid;
		node->mode = info.st_mode & 07777;
	}
}

/* Of network interfaces it can be told that nothing uses them; a disk may be anybody's. */
static bool
idle(const char *bdf, const char *driver)
{
	bool any, up;

	sysfs_interfaces(bdf, &any, &up);
	if (up)
		return message_refuse(
			"%s refused: its network interface is up; set it down (ip link set DEVICE down)",
			bdf);
	if (driver[0] != '\0' && strcmp(driver, SYSFS_VFIO_PCI) != 0 && !any)
		return message_refuse(
			"%s refused: it is on %s, for whatever use; unbind it (echo %s >/sys/bus/pci/devices/%s/driver/unbind)",
			bdf, driver, bdf, bdf);
	if (vftoken_sriov_in_use(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, bdf) == 1)
		return message_refuse(
			"%s refused: some process has it open; end that process first", bdf);
	return true;
}

static bool
record_device(struct machine_device *was, const struct vftoken_sriov *sriov)
{
	int ret;

	strcpy(was->driver, sriov->driver);
	record_node(was->bdf, &was->node);
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
		return message_refuse("%s refused: another %s is testing it", pf->was.bdf,
				      message_program);
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
		if (ret == 0)
			ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, was->bdf, &sriov);
		if (ret != 0)
			return message_refuse("%s refused: its VF %u can't be read: %s",
					      pf->was.bdf, i, strerror(-ret));
		if (!record_device(was, &sriov))
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
	int ret;

	ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, pf->was.bdf, &sriov);
	if (ret < 0)
		return message_refuse("%s refused: %s", pf->was.bdf,
				      ret == -ENODEV ? "there is no such PCI device; see lspci -D"
						     : strerror(-ret));
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
	int ret;

	if (other->bdf[0] == '\0')
		return true;
	ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, other->bdf, &sriov);
	if (ret < 0)
		return message_refuse("%s refused: %s", other->bdf, strerror(-ret));
	if (sriov.role != VFTOKEN_ROLE_NONE)
		return message_refuse(
			"%s refused: --other takes a device that is neither PF nor VF", other->bdf);
	return record_device(other, &sriov);
}

static bool
load_vfio_pci(struct machine *machine)
{
	machine->had_vfio_pci = access(MACHINE_VFIO_PCI, F_OK) == 0;
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
