/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "vf_token_hex.h"
#include "vf_token_private.h"

const unsigned char vftoken_hex_digits[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	['A'] = 11, 12, 13, 14, 15, 16,
	['a'] = 11, 12, 13, 14, 15, 16,
};

/* The kernel's form, `0000:01:00.0`, at one go, as each open looks two of them up. */
static inline bool
parse_kernel_form(const char *text, uint64_t *key)
{
	int high, low, bus, device, function;

	if ((high = vftoken_hex_pair(text)) < 0 || (low = vftoken_hex_pair(text + 2)) < 0 ||
	    text[4] != ':' || (bus = vftoken_hex_pair(text + 5)) < 0 || text[7] != ':' ||
	    (device = vftoken_hex_pair(text + 8)) < 0 || text[10] != '.' ||
	    (function = vftoken_hex_digit(text[11])) < 0 || text[12] != '\0' || device > 0x1f ||
	    function > 7)
		return false;
	*key = (uint32_t)high << 24 | (uint32_t)(low << 16 | bus << 8 | device << 3 | function);
	return true;
}

/* One hex number of a BDF. */
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
vftoken_parse_key(const char *text, uint64_t *key)
{
	uint64_t domain = 0, bus, device, function;

	if (parse_kernel_form(text, key))
		return 0;
	if (!parse_number(&text, &bus) || *text++ != ':' || !parse_number(&text, &device))
		return -EINVAL;
	if (*text == ':') {
		text++;
		domain = bus;
		bus = device;
		if (!parse_number(&text, &device))
			return -EINVAL;
	}
	if (*text++ != '.' || !parse_number(&text, &function) || *text != '\0')
		return -EINVAL;
	if (domain > UINT32_MAX || bus > 0xff || device > 0x1f || function > 7)
		return -ERANGE;
	*key = domain << 16 | bus << 8 | device << 3 | function;
	return 0;
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
