/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "status.h"
#include "vfio_group.h"

static const char *
vf_in_use(const char *vf)
{
	switch (pci_sriov_in_use(NULL, VFIO_GROUP_FOLDER, vf)) {
	case 0:
		return "no";
	case 1:
		return "yes";
	default:
		return "unknown";
	}
}

static int
append(struct status_list *list, const struct pci_status *status)
{
	struct status_device *more;

	more = realloc(list->devices, (list->count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->devices = more;
	more[list->count].status = *status;
	more[list->count].in_use =
		status->facts.role == PCI_SRIOV_VF ? vf_in_use(status->bdf) : "-";
	list->count++;
	return 0;
}

/* Add a device, and if it is a PF its VFs; of others than a PF only one that was named. */
static int
add_device(struct status_list *list, const char *name, bool named)
{
	struct pci_status status, vf_status;
	char vf[VFTOKEN_BDF_SIZE];
	uint16_t i;
	int ret;

	ret = pci_status_read(vftoken_process(), NULL, name, &status);
	if (ret < 0)
		return ret;
	if (status.support == PCI_STATUS_YES)
		list->enable_sriov = status.enable_sriov ? "on" : "off";
	if (!named && status.facts.role != PCI_SRIOV_PF)
		return 0;
	ret = append(list, &status);
	for (i = 0; ret == 0 && i < status.facts.numvfs; i++)
		/* They may go meanwhile. */
		if (pci_sriov_vf(NULL, status.bdf, i, vf) == 0 &&
		    pci_status_read(vftoken_process(), NULL, vf, &vf_status) == 0)
			ret = append(list, &vf_status);
	return ret;
}

static enum exit_code
add_named(struct status_list *list, const char *name)
{
	const int ret = add_device(list, name, true);

	switch (ret) {
	case 0:
		return DONE;
	case -EINVAL:
		return complain(WRONG, "'%s' isn't a BDF such as 0000:01:00.0", name);
	case -ENODEV:
		return complain(FAILED, "%s: there is no such PCI device; see lspci -D", name);
	default:
		return complain(FAILED, "%s: %s", name, strerror(-ret));
	}
}

static enum exit_code
add_all(struct status_list *list)
{
	struct dirent **entries;
	int i, n, ret = 0;

	n = scandir(PCI_SRIOV_SYSFS_DEVICES, &entries, NULL, alphasort);
	if (n < 0)
		return complain(FAILED, PCI_SRIOV_SYSFS_DEVICES " can't be read: %s",
				strerror(errno));
	for (i = 0; i < n; i++) {
		/* One that isn't there any more, or isn't a device, isn't missed. */
		if (ret != -ENOMEM)
			ret = add_device(list, entries[i]->d_name, false);
		free(entries[i]);
	}
	free(entries);
	return ret == -ENOMEM ? complain(FAILED, "out of memory") : DONE;
}

static enum exit_code
status(const struct arguments *arguments)
{
	struct status_list list = { .enable_sriov = "unknown" };
	enum exit_code code = DONE, one;
	int i;

	if (arguments->count == 0)
		code = add_all(&list);
	for (i = 0; i < arguments->count; i++) {
		one = add_named(&list, arguments->words[i]);
		code = code == DONE ? one : code;
	}
	if (code != WRONG && !arguments->json)
		status_print_table(&list);
	else if (code != WRONG && status_print_json(&list) < 0)
		code = complain(FAILED, "out of memory");
	free(list.devices);
	return code;
}

const struct command status_command = {
	.name = "status",
	.synopsis = "[--json] [BDF...]",
	.summary = "show SR-IOV PFs and their VFs",
	.help = "Without a BDF all SR-IOV PFs of this machine are shown; each PF with its VFs. 'VF TOKENS'\n"
		"is whether the kernel knows them: unknown unless vfio-pci is loaded. A VF is in use\n"
		"when some process has its IOMMU group open. No device is opened.\n",
	.json = true,
	.max_words = INT_MAX,
	.run = status,
};
