/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <string.h>

#include "status.h"

#define COLUMNS 7
#define NUMBERS_SIZE sizeof("65535/65535")

static const char *const titles[COLUMNS] = {
	"DEVICE", "ROLE", "DRIVER", "VFS", "PF", "IN USE", "VF TOKENS",
};

/* A device's cells; numbers has room for one of them. */
static void
fill(const struct status_device *device, const char *cells[COLUMNS], char numbers[NUMBERS_SIZE])
{
	const struct pci_sriov *facts = &device->status.facts;

	strcpy(numbers, "-");
	if (facts->role == PCI_SRIOV_PF)
		snprintf(numbers, NUMBERS_SIZE, "%u/%u", facts->numvfs, facts->totalvfs);
	cells[0] = device->status.bdf;
	cells[1] = pci_status_role(&device->status);
	cells[2] = facts->driver[0] != '\0' ? facts->driver : "-";
	cells[3] = numbers;
	cells[4] = facts->pf[0] != '\0' ? facts->pf : "-";
	cells[5] = device->in_use;
	cells[6] = pci_status_support(&device->status);
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

	for (i = 0; i < COLUMNS - 1; i++)
		printf("%-*s  ", widths[i], cells[i]);
	printf("%s\n", cells[i]);
}

void
status_print_table(const struct status_list *list)
{
	char numbers[NUMBERS_SIZE];
	const char *cells[COLUMNS];
	int widths[COLUMNS] = { 0 };
	size_t i;

	widen(titles, widths);
	for (i = 0; i < list->count; i++) {
		fill(&list->devices[i], cells, numbers);
		widen(cells, widths);
	}
	print_row(titles, widths);
	for (i = 0; i < list->count; i++) {
		fill(&list->devices[i], cells, numbers);
		print_row(cells, widths);
	}
	printf("vfio-pci's enable_sriov: %s\n", list->enable_sriov);
}
