/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "status.h"

static int
append(struct status_list *list, const struct vftoken_info *info)
{
	struct status_device *more;

	more = realloc(list->devices, (list->count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->devices = more;
	more[list->count].info = *info;
	more[list->count].in_use = "-";
	if (info->role == VFTOKEN_ROLE_VF)
		more[list->count].in_use = vftoken_answer_name(
			vftoken_in_use(vftoken_context_process(), info->bdf).answer);
	list->count++;
	if (list->cdev_check == VFTOKEN_UNKNOWN)
		list->cdev_check = vftoken_cdev_check(vftoken_context_process(), info->bdf).answer;
	return 0;
}

/* Add a device, and if it is a PF its VFs; of others than a PF only one that was named. */
static int
add_device(struct status_list *list, const char *name, bool named)
{
	struct vftoken_info info = { .size = sizeof(info) }, vf_info = { .size = sizeof(vf_info) };
	char vf[VFTOKEN_BDF_SIZE];
	uint16_t i;
	int ret;

	ret = vftoken_info_read(vftoken_context_process(), name, &info);
	if (ret < 0)
		return ret;
	if (info.enable_sriov.answer != VFTOKEN_UNKNOWN)
		list->enable_sriov = info.enable_sriov.answer == VFTOKEN_YES ? "on" : "off";
	if (!named && info.role != VFTOKEN_ROLE_PF)
		return 0;
	ret = append(list, &info);
	for (i = 0; ret == 0 && i < info.numvfs; i++)
		/* They may go meanwhile. */
		if (vftoken_find_vf(vftoken_context_process(), info.bdf, i, vf) == 0 &&
		    vftoken_info_read(vftoken_context_process(), vf, &vf_info) == 0)
			ret = append(list, &vf_info);
	return ret;
}

static enum exit_code
add_named(struct status_list *list, char *name)
{
	char bdf[VFTOKEN_BDF_SIZE];
	enum exit_code code;
	int ret;

	code = take_device(name, bdf);
	if (code != DONE)
		return code;
	ret = add_device(list, bdf, true);
	switch (ret) {
	case 0:
		return DONE;
	case -ENODEV:
		return complain(FAILED, MSG(cmd_no_device), bdf);
	default:
		return complain(FAILED, MSG(cmd_device_unreadable), bdf, strerror(-ret));
	}
}

static enum exit_code
add_all(struct status_list *list)
{
	struct dirent **entries;
	int i, n, ret = 0;

	n = scandir(VFTOKEN_SYSFS_DEVICES, &entries, NULL, alphasort);
	if (n < 0)
		return complain(FAILED, MSG(cmd_no_sysfs), strerror(errno));
	for (i = 0; i < n; i++) {
		/* One that isn't there any more, or isn't a device, isn't missed. */
		if (ret != -ENOMEM)
			ret = add_device(list, entries[i]->d_name, false);
		free(entries[i]);
	}
	free(entries);
	return ret == -ENOMEM ? complain(FAILED, MSG(cmd_memory)) : DONE;
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
		code = complain(FAILED, MSG(cmd_memory));
	free(list.devices);
	return code;
}

const struct command status_command = {
	.name = "status",
	.synopsis = "[--json] [BDF...]",
	.summary = "show SR-IOV PFs and their VFs",
	.help = "Without a BDF all SR-IOV PFs of this machine are shown, each PF with its VFs. The column\n"
		"'VF TOKENS' says whether the kernel knows them: unknown unless vfio-pci is loaded. A VF\n"
		"is in use when a process has its IOMMU group open. No device is opened. A line says if\n"
		"this kernel opens VFs by their files in /dev/vfio/devices without a token.\n",
	.json = true,
	.max_words = INT_MAX,
	.run = status,
};
