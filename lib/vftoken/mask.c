/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "private.h"

/* What a UUID's text is made of, and how many of them in a row may be a token, maybe mistyped. */
#define UUID_CHARS "0123456789abcdefABCDEF-"
#define SECRET_CHARS 20

/*
 * Overwrite a part of a text. A constant can't be written, and trying would end the process, so the
 * kernel writes first.
 */
static int
overwrite(char *text, size_t length)
{
	if (length > 0 && getrandom(text, length, GRND_NONBLOCK) < 0 && errno == EFAULT)
		return -EFAULT;
	memset(text, '*', length);
	return 0;
}

int
vftoken_overwrite(char *text)
{
	return overwrite(text, strlen(text));
}

size_t
vftoken_secret_length(const char *text)
{
	const size_t length = strspn(text, UUID_CHARS);

	return length >= SECRET_CHARS ? length : 0;
}

int
vftoken_mask(char *text)
{
	int ret = 0;

	while (*(text += strcspn(text, UUID_CHARS)) != '\0') {
		if (overwrite(text, vftoken_secret_length(text)) < 0)
			ret = -EFAULT;
		text += strspn(text, UUID_CHARS);
	}
	return ret;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *
vftoken_find_equals(const char *text)
{
	return has_prefix(text, "file:") || has_prefix(text, "env:") ? NULL : strchr(text, '=');
}

int
vftoken_mask_rule(char *text)
{
	const char *equals = vftoken_find_equals(text);
	char *secret = text;
	uint64_t key;

	/* What stands before the '=' and isn't a BDF may be the token. */
	if (equals != NULL && vftoken_parse_key_to(text, '=', &key) == 0)
		secret = text + (equals - text) + 1;
	if (has_prefix(secret, "file:"))
		return vftoken_mask(secret);
	/* Someone may give what the variable holds, or the token instead of the fd's number. */
	if (has_prefix(secret, "env:")) {
		if (vftoken_mask(secret) < 0)
			return -EFAULT;
		secret = strchrnul(secret, '=');
	} else if (has_prefix(secret, "fd:")) {
		secret += strlen("fd:");
		if (secret[strspn(secret, "0123456789")] == '\0' &&
		    vftoken_secret_length(secret) == 0)
			return 0;
	}
	return vftoken_overwrite(secret);
}

/* The length of the character that a text starts with; 0 if it isn't one to be shown. */
static size_t
printable_length(const unsigned char *text)
{
	const size_t length = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	size_t i;

	if (text[0] < 0x20 || (text[0] >= 0x7f && text[0] < 0xc2) || text[0] > 0xf4)
		return 0;
	for (i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* UTF-8 has the control characters from 0x80 to 0x9f as two bytes. */
	return text[0] == 0xc2 && text[1] < 0xa0 ? 0 : length;
}

void
vftoken_make_printable(char *text)
{
	size_t length;

	vftoken_mask(text);
	for (; *text != '\0'; text += length) {
		length = printable_length((const unsigned char *)text);
		if (length == 0) {
			*text = '?';
			length = 1;
		}
	}
}
