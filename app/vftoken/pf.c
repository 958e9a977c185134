/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "pci_device.h"
#include "pci_pf.h"
#include "pci_sriov.h"
#include "pci_status.h"

/*
 * Open a PF by the rule. Not while its VFs are in use: the kernel resets a PF as it is opened and
 * closed, which would stop their traffic, and would take no other token than the current one.
 */
static enum exit_code
open_pf(const char *bdf, struct pci_device *device)
{
	struct vfs_by_use vfs;
	struct pci_sriov facts;

	/* What can't be read, pci_device_open() explains. */
	if (pci_sriov_read(NULL, bdf, &facts) == 0 && facts.role != PCI_SRIOV_PF)
		return complain(FAILED,
				"%s has no VF token of its own: it is %s; name an SR-IOV PF", bdf,
				facts.role == PCI_SRIOV_VF ? "a VF" : "no SR-IOV device");
	sort_vfs(bdf, facts.numvfs, &vfs);
	if (vfs.used[0] != '\0')
		return complain(
			FAILED,
			"PF %s not opened: that would reset it, and with it its VF %s, which is in use; let the PF's process reload its token (/vf_token/reload in DPDK's telemetry), or end the VFs' processes first",
			bdf, vfs.used);
	if (vfs.elsewhere[0] != '\0')
		return complain(
			FAILED,
			"PF %s not opened: that would reset it, and with it its VF %s, which a kernel driver uses; unbind the VF first",
			bdf, vfs.elsewhere);
	return pci_device_open(vftoken_process(), NULL, bdf, device) == 0 ? DONE : FAILED;
}

static enum exit_code
set(const struct arguments *arguments)
{
	struct vftoken *vt = vftoken_process();
	char bdf[VFTOKEN_BDF_SIZE];
	struct pci_status status;
	struct pci_device device;
	enum exit_code code;
	int ret;

	code = take_source(arguments->words[1]);
	if (code == DONE)
		code = take_device(arguments->words[0], bdf);
	if (code == DONE)
		code = open_pf(bdf, &device);
	if (code != DONE)
		return code;
	/* The open has set the token already where sysfs shows vfio-pci; a pipe can't be read
	 * again. */
	ret = pci_status_read(vt, NULL, bdf, &status);
	if (ret < 0 || status.token_set == 0)
		ret = pci_pf_reload_token(vt, bdf);
	pci_device_close(vt, &device);
	if (ret < 0)
		return FAILED;
	printf("PF %s has this VF token now\n", bdf);
	return DONE;
}

const struct command set_command = {
	.name = "set",
	.synopsis = "BDF SOURCE",
	.summary = "set a PF's VF token",
	.help = "The PF must be bound to vfio-pci and be open in no process; it is opened, and so reset,\n"
		"for a moment. The kernel keeps the token until another is set or the PF is unbound.\n"
		"While a VF is in use, only a process that holds the PF open can set another token.\n",
	.min_words = 2,
	.max_words = 2,
	.run = set,
};

static enum exit_code
take_num_vfs(const char *text, uint16_t *num_vfs)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || value < 1 ||
	    value > UINT16_MAX)
		return complain(WRONG, "the number of VFs must be from 1 to %d", UINT16_MAX);
	*num_vfs = (uint16_t)value;
	return DONE;
}

static enum exit_code
enable(const struct arguments *arguments)
{
	struct vftoken *vt = vftoken_process();
	char bdf[VFTOKEN_BDF_SIZE], vf[VFTOKEN_BDF_SIZE];
	struct pci_device device;
	uint16_t i, num_vfs = 0;
	enum exit_code code;
	int ret;

	code = take_source(arguments->words[2]);
	if (code == DONE)
		code = take_device(arguments->words[0], bdf);
	if (code == DONE)
		code = take_num_vfs(arguments->words[1], &num_vfs);
	if (code == DONE)
		code = open_pf(bdf, &device);
	if (code != DONE)
		return code;
	ret = pci_pf_enable_vfs(vt, NULL, bdf, num_vfs);
	pci_device_close(vt, &device);
	if (ret < 0)
		return FAILED;
	for (i = 0; i < num_vfs && pci_sriov_vf(NULL, bdf, i, vf) == 0; i++)
		puts(vf);
	return DONE;
}

const struct command enable_command = {
	.name = "enable",
	.synopsis = "BDF N SOURCE",
	.summary = "set a PF's VF token, then enable N VFs",
	.help = "The PF must be bound to vfio-pci, whose enable_sriov must be on, and be open in no\n"
		"process. The VFs' BDFs go to stdout, one a line. The VFs are bound to vfio-pci and\n"
		"stay until they are disabled. A pipe is read once, so give it as fd:0, not as file:.\n",
	.min_words = 3,
	.max_words = 3,
	.run = enable,
};

static enum exit_code
disable(const struct arguments *arguments)
{
	char bdf[VFTOKEN_BDF_SIZE];
	const enum exit_code code = take_device(arguments->words[0], bdf);

	if (code != DONE)
		return code;
	return pci_pf_disable_vfs(vftoken_process(), NULL, bdf) == 0 ? DONE : FAILED;
}

const struct command disable_command = {
	.name = "disable",
	.synopsis = "BDF",
	.summary = "disable a PF's VFs",
	.help = "That is refused while a VF is in use or bound to a driver other than a VFIO one.\n",
	.min_words = 1,
	.max_words = 1,
	.run = disable,
};
