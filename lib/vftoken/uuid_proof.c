/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Proof: texts of up to 38 characters as UUIDs.
 */

#include "uuid.c"

#include "proof.h"

/* Well-formed and not nil, said in another way than the library's. */
static bool
is_token(const char *text)
{
	bool nil = true;
	size_t i;

	for (i = 0; i < 36; i++) {
		const char c = text[i];
		const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		const bool digit =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (hyphen ? c != '-' : !digit)
			return false;
		nil &= hyphen || c == '0';
	}
	return text[36] == '\0' && !nil;
}

/* A well-formed text is taken and is not nil; another is refused, once, and changes nothing. */
PROOF(parse_uuid, 40)
{
	const struct vftoken_subject subject = { .ctx = NULL };
	static const vftoken_uuid_t nil;
	vftoken_uuid_t before, token;
	char text[39];
	int ret;

	any_text(text, sizeof(text));
	memcpy(token, before, sizeof(before));
	ret = vftoken_parse_uuid(text, "", token, &subject);
	assert(ret == (is_token(text) ? 0 : -EINVAL));
	assert(refusals == (ret == 0 ? 0 : 1));
	assert((memcmp(token, nil, sizeof(nil)) == 0) <= (ret != 0));
	assert(ret == 0 || memcmp(token, before, sizeof(before)) == 0);
}
