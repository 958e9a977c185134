/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "private.h"

#define UUID_CHARS (UUID_STR_LEN - 1)

static bool
is_hyphen(int i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

/*
 * Read the bytes of a text of a UUID's length, up to the first wrong character; where that is.
 * uuid_parse() doesn't say where, and leaves the token on the stack.
 */
static int
parse_bytes(const char *text, uuid_t token)
{
	size_t n;
	int i = 0;

	for (n = 0; n < sizeof(uuid_t); n++, i += 2) {
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
vftoken_parse_uuid(const char *text, const char *shown, uuid_t token,
		   const struct vftoken_subject *subject)
{
	const size_t length = strlen(text);
	uuid_t parsed;
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
	else if (uuid_is_null(parsed))
		ret = vftoken_refuse_of(subject, -EINVAL, MSG(uuid_nil), shown);
	else
		uuid_copy(token, parsed);
	explicit_bzero(parsed, sizeof(parsed));
	return ret;
}
