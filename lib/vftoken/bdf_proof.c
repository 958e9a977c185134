/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Proof: texts as BDFs.
 */

#include "bdf.c"

#include "proof.h"

/* Of a text of up to 24 characters, a failure changes nothing, and no token is taken for a BDF. */
PROOF(parse_key, 26)
{
	const uint64_t before = nondet_uint64_t();
	const char end = nondet_bool() ? '=' : '\0';
	uint64_t key = before;
	char text[25];
	size_t i = 0;
	int ret;

	any_text(text, sizeof(text));
	ret = vftoken_parse_key_to(text, end, &key);
	assert(ret == 0 || ret == -EINVAL || ret == -ERANGE);
	assert(ret == 0 ? key >> 48 == 0 : key == before);
	while (vftoken_hex_digit(text[i]) >= 0 || text[i] == ':' || text[i] == '.')
		i++;
	assert(ret == -EINVAL || text[i] == end);
}

/* Four numbers, of which some are too large, give a key of theirs alone. */
PROOF(parse_numbers, 22)
{
	const unsigned int domain = nondet_uint32_t(), bus = nondet_uint16_t() & 0xfff;
	const unsigned int device = nondet_uint16_t() & 0xfff, function = nondet_uint16_t() & 0xfff;
	char text[8 + 3 + 3 + 3 + 4];
	uint64_t key;
	int ret;

	snprintf(text, sizeof(text), "%x:%x:%x.%x", domain, bus, device, function);
	ret = vftoken_parse_key(text, &key);
	if (bus > 0xff || device > 0x1f || function > 7) {
		assert(ret == -ERANGE);
		return;
	}
	assert(ret == 0 && key >> 16 == domain);
	assert((key >> 8 & 0xff) == bus && (key >> 3 & 0x1f) == device && (key & 7) == function);
}

/* A key's BDF has room, and gives the key. */
PROOF(format_key, 18)
{
	const uint64_t key = nondet_uint64_t() >> 16;
	char bdf[VFTOKEN_BDF_SIZE];
	uint64_t again;

	vftoken_format_key(key, bdf);
	assert(vftoken_parse_key(bdf, &again) == 0 && again == key);
}
