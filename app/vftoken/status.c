/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "status.h"

/* A device without a link has no group; one whose link can't be read may have one. */
static void
read_group(struct status_device *device)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), VFTOKEN_SYSFS_DEVICES "/%s/iommu_group", device->info.bdf);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0) {
		strcpy(device->group, errno == ENOENT ? "" : "unknown");
		return;
	}
	target[n] = '\0';
	snprintf(device->group, sizeof(device->group), "%s", basename(target));
}

static int
append(struct status_list *list, const struct vftoken_info *info)
{
	struct status_device *more;

	more = realloc(list->devices, (list->count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->devices = more;
	more += list->count++;
	*more = (struct status_device){ .info = *info, .in_use = { VFTOKEN_NO, 0 } };
	read_group(more);
	if (info->role != VFTOKEN_ROLE_NONE)
		more->in_use = vftoken_in_use(vftoken_context_process(), info->bdf);
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

static int
print(const struct status_list *list, bool json)
{
	if (json)
		return status_print_json(list);
	status_print_table(list);
	return 0;
}

static enum exit_code
status(const struct arguments *arguments)
{
	struct status_list list = { .enable_sriov = "unknown", .all = arguments->count == 0 };
	enum exit_code code = DONE, one;
	int i;

	if (list.all)
		code = add_all(&list);
	for (i = 0; i < arguments->count; i++) {
		one = add_named(&list, arguments->words[i]);
		code = code == DONE ? one : code;
	}
	if (code != WRONG && (status_find_users(&list) < 0 || print(&list, arguments->json) < 0))
		code = complain(FAILED, MSG(cmd_memory));
	while (list.count > 0)
		free(list.devices[--list.count].users);
	free(list.devices);
	return code;
}

const struct command status_command = {
	.name = "status",
	.synopsis = "[--json] [BDF...]",
	.summary = "show SR-IOV PFs and their VFs",
	.help = "Without a BDF all SR-IOV PFs of this machine are shown, each PF with its VFs: the device,\n"
		"its role and driver, a PF's VFs (enabled/possible), a VF's PF, the IOMMU group, whether\n"
		"some process has that group open, and the PIDs and names of those that do, as far as\n"
		"this user may see them. Whether a token is set can't be seen. No device is opened. A line\n"
		"says if this kernel opens VFs by their files in /dev/vfio/devices without a token.\n",
	.json = true,
	.max_words = INT_MAX,
	.run = status,
};
