/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vftoken/info.h>

#include "command.h"

enum exit_code
complain(enum exit_code code, const char *id, const char *text, ...)
{
	char message[2 * PATH_MAX];
	va_list ap;

	va_start(ap, text);
	vsnprintf(message, sizeof(message), text, ap);
	va_end(ap);
	vftoken_make_printable(message);
	fprintf(stderr, "dpdk-vftoken: %s [%s]\n", message, id);
	return code;
}

void
answer(const char *id, const char *text, ...)
{
	char message[2 * PATH_MAX];
	va_list ap;

	(void)id;
	va_start(ap, text);
	vsnprintf(message, sizeof(message), text, ap);
	va_end(ap);
	vftoken_make_printable(message);
	puts(message);
}

enum exit_code
take_device(char *text, char bdf[VFTOKEN_BDF_SIZE])
{
	if (vftoken_parse_bdf(text, bdf) == 0)
		return DONE;
	vftoken_mask(text);
	return complain(WRONG, MSG(cmd_not_a_bdf));
}

enum exit_code
take_source(char *text)
{
	struct vftoken_context *ctx = vftoken_context_process();
	char *copy = strdup(text);
	int ret;

	/* First of all, as even a message may wait for who reads it. */
	vftoken_mask_rule(text);
	if (copy == NULL)
		return complain(FAILED, MSG(cmd_memory));
	ret = vftoken_add_rule(ctx, copy);
	explicit_bzero(copy, strlen(copy));
	free(copy);
	if (ret < 0)
		return WRONG;
	if (vftoken_list_devices(ctx, NULL, 0) > 0)
		return complain(WRONG, MSG(cmd_source_with_bdf));
	return DONE;
}

static char *
kind_of_use(const char *vf, struct vfs_by_use *vfs)
{
	struct vftoken_info info = { .size = sizeof(info) };

	if (vftoken_info_read(vftoken_context_process(), vf, &info) < 0)
		return vfs->unknown;
	if (info.driver[0] == '\0')
		return NULL;
	if (strstr(info.driver, "vfio") == NULL)
		return vfs->elsewhere;
	switch (vftoken_in_use(vftoken_context_process(), vf).answer) {
	case VFTOKEN_NO:
		return vfs->unused;
	case VFTOKEN_YES:
		return vfs->used;
	default:
		return vfs->unknown;
	}
}

void
sort_vfs(const char *pf, unsigned int num_vfs, struct vfs_by_use *vfs)
{
	struct vftoken_context *ctx = vftoken_context_process();
	char vf[VFTOKEN_BDF_SIZE], *first;
	unsigned int i;

	memset(vfs, 0, sizeof(*vfs));
	for (i = 0; i < num_vfs; i++) {
		/* It has gone meanwhile, or can't be seen. */
		if (vftoken_find_vf(ctx, pf, (uint16_t)i, vf) < 0) {
			snprintf(vfs->unknown, sizeof(vfs->unknown), "virtfn%u", i);
			return;
		}
		first = kind_of_use(vf, vfs);
		if (first != NULL && first[0] == '\0')
			strcpy(first, vf);
	}
}
