/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Hex digits, of BDFs and UUIDs. For libvftoken's own files.
 */

#ifndef VF_TOKEN_HEX_H
#define VF_TOKEN_HEX_H

/* The value plus one of each character that is a hex digit, 0 of the others. */
extern const unsigned char vftoken_hex_digits[256];

/* The value of a hex digit of any case; -1 of what is none. */
static inline int
vftoken_hex_digit(char c)
{
	return vftoken_hex_digits[(unsigned char)c] - 1;
}

/* The value of two hex digits; -1 unless there are two. */
static inline int
vftoken_hex_pair(const char *text)
{
	const int high = vftoken_hex_digit(text[0]);

	return high < 0 ? -1 : high << 4 | vftoken_hex_digit(text[1]);
}

#endif /* VF_TOKEN_HEX_H */
