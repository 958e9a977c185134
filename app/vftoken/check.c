/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "pci_device.h"
#include "pci_sriov.h"
#include "vfio_group.h"

static const char *
driver_or_none(const char *driver)
{
	return driver[0] != '\0' ? driver : "no driver";
}

/* A VF whose group is in nobody's use. Its reset harms nobody. */
static enum exit_code
try_vf(const char *vf)
{
	struct vftoken *vt = vftoken_process();
	struct pci_device device;
	uuid_t token;
	int ret;

	/* So that EACCES from the open is the kernel's answer, not that of the source's file. */
	if (vftoken_read_default(vt, token) < 0)
		return UNKNOWN;
	explicit_bzero(token, sizeof(token));
	ret = pci_device_open(vt, NULL, vf, &device);
	if (ret == 0)
		pci_device_close(vt, &device);
	if (ret < 0 && ret != -EACCES)
		return UNKNOWN;
	return ret == 0 ? DONE : FAILED;
}

static enum exit_code
check_vf(const char *bdf, const struct pci_sriov *facts)
{
	enum exit_code code;

	if (strcmp(facts->pf_driver, "vfio-pci") != 0) {
		printf("the kernel wants no token for VF %s, since its PF %s is on %s, not vfio-pci\n",
		       bdf, facts->pf, driver_or_none(facts->pf_driver));
		return DONE;
	}
	switch (pci_sriov_in_use(NULL, VFIO_GROUP_FOLDER, bdf)) {
	case 0:
		break;
	case 1:
		return complain(
			UNKNOWN,
			"it can't be found out whether the token opens VF %s, since the VF is in use; end the process that uses it first",
			bdf);
	default:
		/* This open is to fail before the token counts, and to say why. */
		pci_device_open(vftoken_process(), NULL, bdf, &(struct pci_device){ 0 });
		return UNKNOWN;
	}
	code = try_vf(bdf);
	if (code != UNKNOWN)
		printf("this token %s VF %s\n", code == DONE ? "opens" : "doesn't open", bdf);
	return code;
}

/*
 * A PF isn't opened: with none of its VFs in use the kernel would take any token as the new one;
 * with some in use it would reset them together with the PF. An unused VF tells as well.
 */
static enum exit_code
check_pf(const char *bdf, const struct pci_sriov *facts)
{
	struct vfs_by_use vfs;
	enum exit_code code;

	if (strcmp(facts->driver, "vfio-pci") != 0) {
		printf("the kernel wants no token for PF %s, since it is on %s, not vfio-pci\n",
		       bdf, driver_or_none(facts->driver));
		return DONE;
	}
	sort_vfs(bdf, facts->numvfs, &vfs);
	if (vfs.used[0] == '\0' && vfs.unknown[0] != '\0')
		return complain(
			UNKNOWN,
			"it can't be found out whether the token opens PF %s, since it can't be known whether its VF %s is in use; run as root",
			bdf, vfs.unknown);
	if (vfs.used[0] == '\0') {
		printf("any token opens PF %s, since none of its VFs is in use, and would become its VF token; nothing was tried\n",
		       bdf);
		return DONE;
	}
	if (vfs.unused[0] == '\0')
		return complain(
			UNKNOWN,
			"it can't be found out whether the token opens PF %s: all of its VFs are in use, and opening the PF would reset them; nothing was tried; end the process that uses VF %s first",
			bdf, vfs.used);
	code = try_vf(vfs.unused);
	if (code != UNKNOWN)
		printf("this token %s PF %s, whose VF %s is in use; it was tried on VF %s\n",
		       code == DONE ? "opens" : "doesn't open", bdf, vfs.used, vfs.unused);
	return code;
}

static enum exit_code
check(const struct arguments *arguments)
{
	char bdf[VFTOKEN_BDF_SIZE];
	struct pci_sriov facts;
	enum exit_code code;
	int ret;

	code = take_source(arguments->words[1]);
	if (code == DONE)
		code = take_device(arguments->words[0], bdf);
	if (code != DONE)
		return code;
	ret = pci_sriov_read(NULL, bdf, &facts);
	if (ret < 0)
		return complain(UNKNOWN, "%s: %s", bdf,
				ret == -ENODEV ? "there is no such PCI device; see lspci -D"
					       : strerror(-ret));
	switch (facts.role) {
	case PCI_SRIOV_VF:
		return check_vf(bdf, &facts);
	case PCI_SRIOV_PF:
		return check_pf(bdf, &facts);
	default:
		printf("the kernel wants no token for %s, which is neither an SR-IOV PF nor a VF\n",
		       bdf);
		return DONE;
	}
}

const struct command check_command = {
	.name = "check",
	.synopsis = "BDF SOURCE",
	.summary = "say whether a token opens a device",
	.help = "A VF is opened with the token and closed again, unless it is in use. A PF is never\n"
		"opened: while a VF of it is in use, the token is tried on another VF that isn't;\n"
		"otherwise any token opens the PF and becomes its VF token. Nothing is set.\n"
		"Exit code: 0 it does, or the kernel wants none; 1 it doesn't; 2 it can't be found out.\n",
	.min_words = 2,
	.max_words = 2,
	.run = check,
};
