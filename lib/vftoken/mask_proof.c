/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Proof: what is masked of a text. It can be written here.
 */

#include "mask.c"

#include "proof.h"

/* So many of a UUID's characters in a row are never shown. */
#define SECRET 20
#define TOKEN 36
#define LONGEST 37

/* What may stand before a token in a rule, such as a BDF, and behind it. */
#define BEFORE 9
#define BEHIND 1

ssize_t
getrandom(void *bytes, size_t size, unsigned int flags)
{
	(void)flags;
	assert(__CPROVER_w_ok(bytes, size));
	return (ssize_t)size;
}

/* CBMC's own model is for constant sizes. */
void *
memset(void *bytes, int byte, size_t size)
{
	char *text = bytes;
	size_t i;

	for (i = 0; i < size; i++)
		text[i] = (char)byte;
	return bytes;
}

static bool
may_be_secret(char c)
{
	return vftoken_hex_digit(c) >= 0 || c == '-';
}

/* Of UUID_CHARS or decimal digits; uuid_chars is about the former. */
size_t
strspn(const char *text, const char *set)
{
	size_t length = 0;

	assert(set[9] == '9' && (set[10] == 'a' || set[10] == '\0'));
	while (set[10] == 'a' ? may_be_secret(text[length])
			      : text[length] >= '0' && text[length] <= '9')
		length++;
	return length;
}

size_t
strcspn(const char *text, const char *set)
{
	size_t length = 0;

	assert(set[9] == '9' && set[10] == 'a');
	while (text[length] != '\0' && !may_be_secret(text[length]))
		length++;
	return length;
}

/* One run of such characters, anywhere in a text, is overwritten if it is long, and nothing else.
 */
PROOF(mask, 39, "vftoken_mask.0:3")
{
	const size_t from = nondet_size_t(), to = nondet_size_t(), at = nondet_size_t();
	char text[LONGEST + 1], masked[sizeof(text)];
	size_t i;

	__CPROVER_assume(from <= to && to <= LONGEST && at <= LONGEST);
	any_text(text, sizeof(text));
	for (i = 0; i < LONGEST; i++)
		__CPROVER_assume(text[i] != '\0' &&
				 may_be_secret(text[i]) == (i >= from && i < to));
	memcpy(masked, text, sizeof(text));
	assert(vftoken_mask(masked) == 0);
	assert(masked[at] == (at >= from && at < to && to - from >= SECRET ? '*' : text[at]));
}

/* Those characters are the library's. */
PROOF(uuid_chars, 24)
{
	const char c = nondet_char();

	assert(may_be_secret(c) == (c != '\0' && strchr(UUID_CHARS, c) != NULL));
}

/* Whether `text` has a token at `at`, of any hex digits. */
static bool
has_token(const char *text, size_t at)
{
	size_t i;

	for (i = 0; i < TOKEN; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[at + i] != '-'
							    : vftoken_hex_digit(text[at + i]) < 0)
			return false;
	return true;
}

/* Any answer that the real one may give, which bdf_proof.c is about. A BDF has no other characters.
 */
int
vftoken_parse_key_to(const char *text, char end, uint64_t *key)
{
	const int ret = nondet_int();

	while (vftoken_hex_digit(*text) >= 0 || *text == ':' || *text == '.')
		text++;
	if (*text != end)
		return -EINVAL;
	__CPROVER_assume(ret == 0 || ret == -EINVAL || ret == -ERANGE);
	if (ret == 0)
		*key = nondet_uint64_t() >> 16;
	return ret;
}

/* Nothing is left of a token in a rule, unless "file:" or "env:" stands before it. */
PROOF(mask_rule, 48, "vftoken_mask.0:1")
{
	const size_t at = nondet_size_t(), i = nondet_size_t();
	char text[BEFORE + TOKEN + BEHIND + 1], masked[sizeof(text)];
	size_t j;

	__CPROVER_assume(at <= BEFORE && i < TOKEN);
	any_text(text, sizeof(text));
	for (j = 0; j < BEFORE; j++)
		__CPROVER_assume(j >= at ||
				 (text[j] != '\0' && strncmp(text + j, "file:", 5) != 0 &&
				  strncmp(text + j, "env:", 4) != 0));
	__CPROVER_assume(has_token(text, at));
	memcpy(masked, text, sizeof(text));
	assert(vftoken_mask_rule(masked) == 0);
	assert(masked[at + i] == '*');
}

/* Of any bytes, no control character is left: none of ASCII, and none of the two bytes of UTF-8. */
PROOF(make_printable, 9)
{
	const size_t i = nondet_size_t();
	char text[8];

	any_text(text, sizeof(text));
	__CPROVER_assume(i < strlen(text));
	vftoken_make_printable(text);
	assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
	assert((unsigned char)text[i] != 0xc2 || (unsigned char)text[i + 1] >= 0xa0);
}
