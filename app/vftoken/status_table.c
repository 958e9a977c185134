/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "status.h"

#define COLUMNS 7
#define NUMBERS_SIZE sizeof("65535/65535")

static const char *const titles[COLUMNS] = {
	"DEVICE", "ROLE", "DRIVER", "VFS", "PF", "GROUP", "IN USE",
};

/* A device's cells; numbers has room for one of them. */
static void
fill(const struct status_device *device, const char *cells[COLUMNS], char numbers[NUMBERS_SIZE])
{
	const struct vftoken_info *info = &device->info;

	strcpy(numbers, "-");
	if (info->role == VFTOKEN_ROLE_PF)
		snprintf(numbers, NUMBERS_SIZE, "%u/%u", info->numvfs, info->totalvfs);
	cells[0] = info->bdf;
	cells[1] = vftoken_role_name(info->role);
	cells[2] = info->driver[0] != '\0' ? info->driver : "-";
	cells[3] = numbers;
	cells[4] = info->pf[0] != '\0' ? info->pf : "-";
	cells[5] = device->group[0] != '\0' ? device->group : "-";
	cells[6] = vftoken_answer_name(device->in_use.answer);
}

static void
widen(const char *const cells[COLUMNS], int widths[COLUMNS])
{
	int i;

	for (i = 0; i < COLUMNS; i++)
		if ((int)strlen(cells[i]) > widths[i])
			widths[i] = (int)strlen(cells[i]);
}

static void
print_row(const char *const cells[COLUMNS], const int widths[COLUMNS])
{
	int i;

	for (i = 0; i < COLUMNS; i++)
		printf("%-*s  ", widths[i], cells[i]);
}

/* The last column. */
static void
print_users(const struct status_device *device)
{
	size_t i;

	for (i = 0; i < device->n_users; i++)
		printf("%s%ld %s", i > 0 ? ", " : "", device->users[i].pid, device->users[i].name);
	if (i > 0)
		putchar('\n');
	else
		puts(device->in_use.answer == VFTOKEN_NO ? "-" : "unknown");
}

void
status_print_table(const struct status_list *list)
{
	char numbers[NUMBERS_SIZE];
	const char *cells[COLUMNS];
	int widths[COLUMNS] = { 0 };
	size_t i;

	if (list->count == 0) {
		/* What was named and can't be shown has been complained about. */
		if (list->all)
			answer(MSG(cmd_no_pfs));
		return;
	}
	widen(titles, widths);
	for (i = 0; i < list->count; i++) {
		fill(&list->devices[i], cells, numbers);
		widen(cells, widths);
	}
	print_row(titles, widths);
	puts("USED BY");
	for (i = 0; i < list->count; i++) {
		fill(&list->devices[i], cells, numbers);
		print_row(cells, widths);
		print_users(&list->devices[i]);
	}
	for (i = 0; i < list->count; i++)
		if (list->devices[i].info.vfs_change.answer == VFTOKEN_YES)
			answer(MSG(cmd_vfs_change), list->devices[i].info.bdf);
	answer(MSG(cmd_kernel_support), vftoken_answer_name(list->devices[0].info.support.answer));
	answer(MSG(cmd_enable_sriov), list->enable_sriov);
	if (list->cdev_check == VFTOKEN_NO)
		answer(MSG(cmd_cdev_unchecked));
}
