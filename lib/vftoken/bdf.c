/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "private.h"

/* One hex number of a BDF; strtoul() would take a sign, white space and 0x too. */
static bool
parse_number(const char **text, uint64_t *number)
{
	const char *start = *text;
	int digit;

	*number = 0;
	for (; (digit = vftoken_hex_digit(**text)) >= 0; (*text)++)
		if (*number <= UINT32_MAX)
			*number = *number << 4 | (uint64_t)digit;
	return *text != start;
}

int
vftoken_parse_key_to(const char *text, char end, uint64_t *key)
{
	uint64_t domain = 0, bus, device, function;

	if (!parse_number(&text, &bus) || *text++ != ':' || !parse_number(&text, &device))
		return -EINVAL;
	if (*text == ':') {
		text++;
		domain = bus;
		bus = device;
		if (!parse_number(&text, &device))
			return -EINVAL;
	}
	if (*text++ != '.' || !parse_number(&text, &function) || *text != end)
		return -EINVAL;
	if (domain > UINT32_MAX || bus > 0xff || device > 0x1f || function > 7)
		return -ERANGE;
	*key = domain << 16 | bus << 8 | device << 3 | function;
	return 0;
}

int
vftoken_parse_key(const char *text, uint64_t *key)
{
	return vftoken_parse_key_to(text, '\0', key);
}

void
vftoken_format_key(uint64_t key, char bdf[VFTOKEN_BDF_SIZE])
{
	snprintf(bdf, VFTOKEN_BDF_SIZE, "%04" PRIx32 ":%02x:%02x.%x", (uint32_t)(key >> 16),
		 (unsigned int)(key >> 8) & 0xff, (unsigned int)(key >> 3) & 0x1f,
		 (unsigned int)key & 7);
}

int
vftoken_parse_bdf(const char *text, char bdf[VFTOKEN_BDF_SIZE])
{
	uint64_t key;
	int ret;

	ret = vftoken_parse_key(text, &key);
	if (ret == 0)
		vftoken_format_key(key, bdf);
	return ret;
}
