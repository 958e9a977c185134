/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Proof: rules and numbers of VFs in a context.
 */

#include "rules.c"

#include "proof.h"

#define MOST_RULES 2

static struct vftoken_context ctx;
static struct vftoken_rule some[MOST_RULES], *one[1], *two[2], *four[4];
static char shown[] = "file:token";

/* What strtoul() has read, and whether it was the whole text. */
static unsigned long number;
static bool only_digits;

/* CBMC's own models of the next three are of bytes, and take hours. Here are pointers only. */
void *
memmove(void *to, const void *from, size_t size)
{
	struct vftoken_rule **into = to, *const *rules = from, *copy[MOST_RULES];
	const size_t n = size / sizeof(copy[0]);
	size_t i;

	assert(n <= MOST_RULES);
	for (i = 0; i < MOST_RULES; i++)
		if (i < n)
			copy[i] = rules[i];
	for (i = 0; i < MOST_RULES; i++)
		if (i < n)
			into[i] = copy[i];
	return to;
}

/* Which has room for as many as asked for, and no more. */
void *
realloc(void *from, size_t size)
{
	struct vftoken_rule **rules = from;
	struct vftoken_rule **grown = size < sizeof(two) ? one : size < sizeof(four) ? two : four;
	size_t i;

	if (nondet_bool())
		return NULL;
	for (i = 0; i < MOST_RULES; i++)
		if (i < ctx.n_rules)
			grown[i] = rules[i];
	return grown;
}

void *
calloc(size_t n, size_t size)
{
	static struct vftoken_rule made;

	assert(n == 1 && size == sizeof(made));
	return nondet_bool() ? &made : NULL;
}

void
free(void *rule)
{
	(void)rule;
}

/* A number is exact up to 2^32. A sign or white space may come first; the value is any then. */
unsigned long
strtoul(const char *text, char **end, int base)
{
	const bool digit = *text >= '0' && *text <= '9';

	assert(base == 10);
	number = digit ? 0 : nondet_uint64_t();
	for (; digit ? *text >= '0' && *text <= '9' : *text != '\0' && nondet_bool(); text++)
		if (digit && number <= UINT32_MAX)
			number = 10 * number + (unsigned long)(*text - '0');
	only_digits = digit && *text == '\0';
	*end = (char *)text;
	return number;
}

/* Any answer that the real one may give, which bdf_proof.c is about. */
int
vftoken_parse_key_to(const char *text, char end, uint64_t *key)
{
	const int ret = nondet_int();

	while (vftoken_hex_digit(*text) >= 0 || *text == ':' || *text == '.')
		text++;
	__CPROVER_assume(ret == 0 || ret == -EINVAL || ret == -ERANGE);
	if (*text != end)
		return -EINVAL;
	if (ret == 0)
		*key = nondet_uint64_t() >> 16;
	return ret;
}

int
vftoken_parse_key(const char *text, uint64_t *key)
{
	return vftoken_parse_key_to(text, '\0', key);
}

/* The first '=', or none where a path or a name may hold one. */
const char *
vftoken_find_equals(const char *text)
{
	return nondet_bool() ? NULL : strchr(text, '=');
}

void
vftoken_format_key(uint64_t key, char bdf[VFTOKEN_BDF_SIZE])
{
	assert(key >> 48 == 0);
	any_text(bdf, VFTOKEN_BDF_SIZE);
}

/* Any answer, for what stands behind a rule's BDF. */
int
vftoken_source_parse(struct vftoken_source *source, struct vftoken_store *store, const char *text,
		     const struct vftoken_subject *subject)
{
	assert(store == &ctx.store && (subject->device == NULL || text[-1] == '='));
	if (nondet_bool())
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_missing));
	source->kind = nondet_bool() ? VFTOKEN_SOURCE_FD : VFTOKEN_SOURCE_FILE;
	source->shown = shown;
	return 0;
}

/* A new rule has no source that would be freed for the one that it gets. */
void
vftoken_source_free(struct vftoken_source *source)
{
	assert(source->shown == NULL);
}

static bool
is_in(const char *set, char c)
{
	bool in = false;

	for (; *set != '\0'; set++)
		in |= *set == c;
	return in;
}

size_t
strspn(const char *text, const char *set)
{
	size_t length = 0;

	while (text[length] != '\0' && is_in(set, text[length]))
		length++;
	return length;
}

size_t
strcspn(const char *text, const char *set)
{
	size_t length = 0;

	while (text[length] != '\0' && !is_in(set, text[length]))
		length++;
	return length;
}

/* Up to MOST_RULES rules with a source, in order, and their keys. */
static void
any_rules(uint64_t keys[MOST_RULES])
{
	size_t i;

	ctx.n_rules = nondet_size_t();
	__CPROVER_assume(ctx.n_rules <= MOST_RULES);
	ctx.rules = ctx.n_rules < 2 ? one : ctx.n_rules < 3 ? two : four;
	for (i = 0; i < MOST_RULES; i++) {
		keys[i] = nondet_uint64_t();
		__CPROVER_assume(i == 0 || keys[i - 1] < keys[i]);
		some[i].key = keys[i];
		some[i].has_source = true;
		some[i].source.shown = shown;
		if (i < ctx.n_rules)
			ctx.rules[i] = &some[i];
	}
}

/* A new rule comes to its place among the others, and leaves it when it stays empty. */
PROOF(make_rule, 4, "find_place.0:4")
{
	const uint64_t key = nondet_uint64_t();
	uint64_t keys[MOST_RULES];
	struct vftoken_rule *rule;
	size_t before, i;

	any_rules(keys);
	before = ctx.n_rules;
	rule = make_rule(&ctx, key);
	assert(rule == NULL || (rule->key == key && vftoken_find_key(&ctx, key) == rule));
	assert(ctx.n_rules == before || (ctx.n_rules == before + 1 && rule != NULL));
	for (i = 1; i < ctx.n_rules; i++)
		assert(ctx.rules[i - 1]->key < ctx.rules[i]->key);
	for (i = 0; i < before; i++)
		assert(vftoken_find_key(&ctx, keys[i]) == &some[i]);
	if (rule != NULL)
		drop_empty_rule(&ctx, rule);
	assert(ctx.n_rules == before);
	for (i = 0; i < before; i++)
		assert(ctx.rules[i] == &some[i]);
}

/* The first number of VFs of a context is the text's; one that is refused leaves no rule. */
PROOF(add_num_vfs, 26, "find_place.0:1")
{
	char text[24];
	int ret;

	any_text(text, sizeof(text));
	ret = add_num_vfs(&ctx, text);
	assert(refusals == (ret == 0 ? 0 : 1));
	assert(ctx.n_rules == (ret == 0 ? 1 : 0));
	if (ret == 0)
		assert(ctx.rules[0]->num_vfs == number && number > 0 && only_digits);
}

/* The first rule of a context has the source behind its BDF; one that is refused leaves none. */
PROOF(add_rule, 26, "find_place.0:3")
{
	char text[20];
	int ret;

	any_text(text, sizeof(text));
	ret = add_rule(&ctx, text);
	assert(refusals == (ret == 0 ? 0 : 1));
	assert(ctx.n_rules == (ret == 0 ? 1 : 0));
	assert(ret != 0 || ctx.rules[0]->has_source);
}
