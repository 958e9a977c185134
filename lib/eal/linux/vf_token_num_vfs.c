/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vf_token_private.h"

static struct vftoken_num_vfs *
find(const struct vftoken *vt, uint64_t key)
{
	struct vftoken_num_vfs *entry = vt->num_vfs;

	while (entry != NULL && entry->key != key)
		entry = entry->next;
	return entry;
}

static int
add(struct vftoken *vt, const char *text)
{
	const char *equals = strchr(text, '=');
	const char *number = equals != NULL ? equals + 1 : text;
	char bdf[2 * VFTOKEN_BDF_SIZE] = "all PFs";
	uint64_t key = VFTOKEN_DEFAULT_KEY;
	struct vftoken_num_vfs *entry;
	unsigned long value;
	char *end;

	/* It may be a token, meant for another option, so it isn't shown. */
	if (strlen(text) > strlen("ffffffff:ff:1f.7=65535"))
		return vftoken_refuse(
			vt, EINVAL,
			"number of VFs '%.2s\u2026' refused: it is longer than any; give [BDF=]N, such as 0000:01:00.0=2",
			text);
	if (equals != NULL) {
		snprintf(bdf, sizeof(bdf), "%.*s", (int)(equals - text), text);
		if (vftoken_parse_key(bdf, &key) < 0)
			return vftoken_refuse(
				vt, EINVAL,
				"number of VFs '%s' refused: '%s' before the '=' isn't a BDF such as 0000:01:00.0",
				text, bdf);
	}
	value = strtoul(number, &end, 10);
	if (!isdigit((unsigned char)number[0]) || *end != '\0' || value < 1 || value > UINT16_MAX)
		return vftoken_refuse(
			vt, EINVAL,
			"number of VFs '%s' refused: '%s' isn't a number from 1 to 65535", text,
			number);
	if (find(vt, key) != NULL)
		return vftoken_refuse(
			vt, EEXIST,
			"number of VFs '%s' refused: there is one for %s already; keep one of the two",
			text, bdf);
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return vftoken_refuse(vt, ENOMEM, "number of VFs '%s' refused: out of memory",
				      text);
	entry->next = vt->num_vfs;
	entry->key = key;
	entry->num_vfs = (uint16_t)value;
	vt->num_vfs = entry;
	return 0;
}

int
vftoken_add_num_vfs(struct vftoken *vt, const char *text)
{
	int ret;

	pthread_mutex_lock(&vt->lock);
	ret = add(vt, text);
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

uint16_t
vftoken_find_num_vfs(const struct vftoken *vt, const char *name)
{
	const struct vftoken_num_vfs *entry;
	uint64_t key = VFTOKEN_DEFAULT_KEY;

	if (name != NULL && vftoken_parse_key(name, &key) < 0)
		return 0;
	entry = find(vt, key);
	return entry != NULL ? entry->num_vfs : 0;
}
