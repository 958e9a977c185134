/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "private.h"

#define UUID_CHARS (VFTOKEN_UUID_SIZE - 1)

static bool
is_hyphen(int i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

/*
 * Read the bytes of a text of a UUID's length, up to the first wrong character; where that is.
 * libuuid's uuid_parse() doesn't say where, and leaves the token on the stack. DPDK's is in EAL,
 * which this library can't link, as EAL links it.
 */
static int
parse_bytes(const char *text, vftoken_uuid_t token)
{
	size_t n;
	int i = 0;

	for (n = 0; n < sizeof(vftoken_uuid_t); n++, i += 2) {
		int high, low;

		if (is_hyphen(i) && text[i++] != '-')
			return i - 1;
		high = vftoken_hex_digit(text[i]);
		if (high < 0)
			return i;
		low = vftoken_hex_digit(text[i + 1]);
		if (low < 0)
			return i + 1;
		token[n] = (unsigned char)(high << 4 | low);
	}
	return i;
}

int
vftoken_parse_uuid(const char *text, const char *shown, vftoken_uuid_t token,
		   const struct vftoken_subject *subject)
{
	static const vftoken_uuid_t nil;
	const size_t length = strlen(text);
	vftoken_uuid_t parsed;
	int wrong, ret = 0;

	if (length == 0)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_empty), shown);
	if (text[0] == '{' || text[length - 1] == '}')
		return vftoken_refuse_of(subject, -EINVAL, MSG(uuid_braces), shown);
	if (length != UUID_CHARS)
		return vftoken_refuse_of(subject, -EINVAL, MSG(uuid_length), shown, length,
					 UUID_CHARS);
	wrong = parse_bytes(text, parsed);
	if (wrong < UUID_CHARS && is_hyphen(wrong))
		ret = vftoken_refuse_of(subject, -EINVAL, MSG(uuid_hyphen), shown, wrong + 1);
	else if (wrong < UUID_CHARS)
		ret = vftoken_refuse_of(subject, -EINVAL, MSG(uuid_digit), shown, wrong + 1);
	else if (memcmp(parsed, nil, sizeof(nil)) == 0)
		ret = vftoken_refuse_of(subject, -EINVAL, MSG(uuid_nil), shown);
	else
		memcpy(token, parsed, sizeof(vftoken_uuid_t));
	explicit_bzero(parsed, sizeof(parsed));
	return ret;
}

void
vftoken_format_uuid(const vftoken_uuid_t token, char text[VFTOKEN_UUID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t n;
	int i = 0;

	for (n = 0; n < sizeof(vftoken_uuid_t); n++) {
		if (is_hyphen(i))
			text[i++] = '-';
		text[i++] = digits[token[n] >> 4];
		text[i++] = digits[token[n] & 0xf];
	}
	text[i] = '\0';
}
