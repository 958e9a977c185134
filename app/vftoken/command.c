/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "pci_sriov.h"
#include "vfio_group.h"

enum exit_code
complain(enum exit_code code, const char *format, ...)
{
	char message[VFTOKEN_WHY_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	fprintf(stderr, "dpdk-vftoken: %s\n", message);
	return code;
}

enum exit_code
take_device(const char *text, char bdf[VFTOKEN_BDF_SIZE])
{
	return vftoken_parse_bdf(text, bdf) == 0
		       ? DONE
		       : complain(WRONG, "the device given isn't a BDF such as 0000:01:00.0");
}

enum exit_code
take_source(char *text)
{
	struct vftoken *vt = vftoken_process();
	char *copy = strdup(text);
	int ret;

	/* First of all, as even a message may wait for who reads it. */
	vftoken_mask_rule(text);
	if (copy == NULL)
		return complain(FAILED, "out of memory");
	ret = vftoken_add_rule(vt, copy);
	explicit_bzero(copy, strlen(copy));
	free(copy);
	if (ret < 0)
		return WRONG;
	if (vftoken_devices(vt, NULL, 0) > 0)
		return complain(WRONG, "the source names a device too; give it without the BDF=");
	return DONE;
}

static char *
kind_of_use(const char *vf, struct vfs_by_use *vfs)
{
	struct pci_sriov facts;

	if (pci_sriov_read(NULL, vf, &facts) < 0)
		return vfs->unknown;
	if (facts.driver[0] == '\0')
		return NULL;
	if (strstr(facts.driver, "vfio") == NULL)
		return vfs->elsewhere;
	switch (pci_sriov_in_use(NULL, VFIO_GROUP_FOLDER, vf)) {
	case 0:
		return vfs->unused;
	case 1:
		return vfs->used;
	default:
		return vfs->unknown;
	}
}

void
sort_vfs(const char *pf, unsigned int num_vfs, struct vfs_by_use *vfs)
{
	char vf[VFTOKEN_BDF_SIZE], *first;
	unsigned int i;

	memset(vfs, 0, sizeof(*vfs));
	for (i = 0; i < num_vfs && pci_sriov_vf(NULL, pf, (uint16_t)i, vf) == 0; i++) {
		first = kind_of_use(vf, vfs);
		if (first != NULL && first[0] == '\0')
			strcpy(first, vf);
	}
}
