/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Fuzz target: rules and numbers of VFs. Each line of the input is both.
 */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_util.h"

#define MAX_LINES 16

/* What a message may show of a text that may be a token. */
#define SHOWN 2

#define HEX "0123456789abcdefABCDEF"
#define LONGEST_NUM_VFS strlen("ffffffff:ff:1f.7=65535")

/* A token that a rule must have. */
struct expected {
	uint64_t key;
	uuid_t token;
};

/* A context, and the literal tokens that its rules must have. */
struct set {
	struct vftoken_context *ctx;
	struct fuzz_messages messages;
	struct expected tokens[MAX_LINES];
	uint32_t n_tokens;
};

static struct set sets[2];

static bool
starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* A BDF that ends where `text` does, said in another way than the library's. */
static int
parse_bdf(const char *text, uint64_t *key)
{
	static const unsigned long most[] = { 7, 0x1f, 0xff, UINT32_MAX };
	static const unsigned int shift[] = { 0, 3, 8, 16 };
	const char *at = text + strlen(text);
	bool in_range = true;
	unsigned int i;

	*key = 0;
	for (i = 0; i < 4; i++) {
		const char *end = at;
		unsigned long number;

		while (at > text && isxdigit((unsigned char)at[-1]))
			at--;
		if (at == end)
			return -EINVAL;
		number = strtoul(at, NULL, 16);
		in_range &= number <= most[i];
		*key |= (uint64_t)number << shift[i];
		if (at == text)
			break;
		if (*--at != (i == 0 ? '.' : ':'))
			return -EINVAL;
	}
	if (i != 2 && i != 3)
		return -EINVAL;
	return in_range ? 0 : -ERANGE;
}

static void
check_bdf(const char *text)
{
	char bdf[VFTOKEN_BDF_SIZE] = "untouched", again[VFTOKEN_BDF_SIZE];
	uint64_t key, reread;
	const int ret = vftoken_parse_bdf(text, bdf);

	assert(ret == parse_bdf(text, &key));
	if (ret != 0) {
		assert(strcmp(bdf, "untouched") == 0);
		return;
	}
	assert(parse_bdf(bdf, &reread) == 0 && reread == key);
	assert(vftoken_parse_bdf(bdf, again) == 0 && strcmp(bdf, again) == 0);
}

/* The length of what stands before a '=' and is a BDF in range, with that '='; 0 for none. */
static size_t
bdf_length(const char *line)
{
	const char *equals = strchr(line, '=');
	uint64_t key;
	char *bdf;
	int ret;

	if (equals == NULL)
		return 0;
	bdf = fuzz_text((const uint8_t *)line, (size_t)(equals - line));
	ret = parse_bdf(bdf, &key);
	free(bdf);
	return ret == 0 ? (size_t)(equals - line) + 1 : 0;
}

/* How much of a source isn't secret: all of one that names where the token is, or a scheme. */
static size_t
public_source(const char *source)
{
	const size_t letters = strspn(source, "abcdefghijklmnopqrstuvwxyz"
					      "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (starts(source, "file:") || starts(source, "env:"))
		return strlen(source);
	/* A number that long may be a token. */
	if (starts(source, "fd:"))
		return strlen("fd:") + (strspn(source + 3, "0123456789") == strlen(source + 3) &&
							strlen(source + 3) < 20
						? strlen(source + 3)
						: 0);
	return source[letters] == ':' && strspn(source, HEX) < letters ? letters + 1 : 0;
}

/* How much of a rule messages may show: a BDF, also a mistyped one, and what is public behind. */
static size_t
public_rule(const char *line)
{
	const size_t bdf = bdf_length(line), hex = strspn(line, HEX ":.");
	const size_t before = strcspn(line, "=");
	size_t public;
	uint64_t key;

	if (starts(line, "file:") || starts(line, "env:") || parse_bdf(line, &key) != -EINVAL)
		return strlen(line);
	if (bdf == 0 && line[before] == '=' && hex == before && strcspn(line, ":.") < before)
		return before;
	/* Without a BDF, what is behind a '=' isn't looked at. */
	public = bdf == 0 && line[before] == '=' ? 0 : bdf + public_source(line + bdf);
	return strlen(line) < public + SHOWN ? strlen(line) : public + SHOWN;
}

/* How much the context holds. */
struct size {
	uint32_t rules, kept, num_vfs;
};

static struct size
size_of(const struct vftoken_context *ctx)
{
	struct size size = { 0, ctx->store.used, 0 };
	size_t i;

	for (i = 0; i < ctx->n_rules; i++) {
		size.rules += ctx->rules[i]->has_source;
		size.num_vfs += ctx->rules[i]->num_vfs != 0;
	}
	return size;
}

/* The key of the device that a line names, or of all devices. */
static uint64_t
key_of(const char *line)
{
	const size_t length = bdf_length(line);
	uint64_t key = VFTOKEN_KEY_DEFAULT;
	char *bdf;

	if (length == 0)
		return key;
	bdf = fuzz_text((const uint8_t *)line, length - 1);
	assert(parse_bdf(bdf, &key) == 0);
	free(bdf);
	return key;
}

/*
 * A rule that is refused, or equal to that of its device, changes nothing. One that was taken is
 * its device's, and its literal is kept.
 */
static int
add_rule(struct set *set, const char *line)
{
	const struct size before = size_of(set->ctx);
	const char *source = line + bdf_length(line);
	const size_t messages = set->messages.length;
	const int ret = vftoken_add_rule(set->ctx, line);
	const struct size after = size_of(set->ctx);
	const struct vftoken_rule *rule;
	struct expected *expected;
	uint64_t key;

	assert(ret == 0 || ret == -EINVAL || ret == -EEXIST || ret == -EBADF);
	assert((ret == 0) == (set->messages.length == messages));
	assert(after.num_vfs == before.num_vfs);
	if (after.rules == before.rules) {
		assert(after.kept == before.kept);
		return ret;
	}
	assert(ret == 0 && after.rules == before.rules + 1);
	key = key_of(line);
	rule = vftoken_find_rule(set->ctx, key, VFTOKEN_KEY_NONE);
	assert(rule != NULL && rule->key == key);
	assert(after.kept == before.kept + (rule->source.kind == VFTOKEN_SOURCE_KEPT));
	if (rule->source.kind == VFTOKEN_SOURCE_KEPT) {
		expected = &set->tokens[set->n_tokens++];
		expected->key = key;
		assert(uuid_parse(source, expected->token) == 0);
	} else {
		assert(strcmp(rule->source.shown, source) == 0);
	}
	return 0;
}

/* As add_rule(). A text that is too long may be a token. */
static int
add_num_vfs(struct set *set, const char *line)
{
	const struct size before = size_of(set->ctx);
	const size_t messages = set->messages.length;
	const int ret = vftoken_add_num_vfs(set->ctx, line);
	const struct size after = size_of(set->ctx);
	const char *number = line + bdf_length(line);

	assert(ret == 0 || ret == -EINVAL || ret == -EEXIST);
	assert((ret == 0) == (set->messages.length == messages));
	assert(after.num_vfs == before.num_vfs ||
	       (ret == 0 && after.num_vfs == before.num_vfs + 1));
	assert(after.rules == before.rules && after.kept == before.kept);
	if (ret == 0) {
		assert(strspn(number, "0123456789") == strlen(number));
		assert(vftoken_find_num_vfs(set->ctx, key_of(line)) == strtoul(number, NULL, 10));
	}
	return ret;
}

static void
mask_secrets(char *text)
{
	size_t length, at = 0;

	for (; (length = fuzz_next_secret(text, &at)) > 0; at += length)
		memset(text + at, '*', length);
}

/* All that may be a token is overwritten, and nothing else. */
static void
check_mask(const char *line)
{
	const size_t bdf = bdf_length(line);
	const char *source = line + bdf;
	size_t stays = 0;
	char *masked = fuzz_text((const uint8_t *)line, strlen(line)), *expected;

	assert(vftoken_mask_rule(masked) == 0);
	assert(strlen(masked) == strlen(line));
	if (starts(source, "env:"))
		stays = strcspn(source, "=");
	else if (starts(source, "file:") || starts(source, "fd:"))
		stays = public_source(source);
	expected = fuzz_text((const uint8_t *)line, strlen(line));
	memset(expected + bdf + stays, '*', strlen(source) - stays);
	mask_secrets(expected + bdf);
	assert(strcmp(masked, expected) == 0);
	free(expected);
	free(masked);
}

/* What may be a token isn't shown wherever it stands, such as in the name of a file. */
static void
change_secrets(char *text)
{
	size_t length, at = 0;

	for (; (length = fuzz_next_secret(text, &at)) > 0; at += length)
		fuzz_change_digits(text + at, length);
}

static void
run_line(const char *line)
{
	char *other = fuzz_text((const uint8_t *)line, strlen(line));
	char *bdf = fuzz_text((const uint8_t *)line, strcspn(line, "="));
	const size_t public = public_rule(line);

	check_bdf(bdf);
	free(bdf);
	check_mask(line);
	fuzz_change_digits(other + public, strlen(other + public));
	if (public == strlen(line))
		change_secrets(other + bdf_length(line));
	assert(add_rule(&sets[0], line) == add_rule(&sets[1], other));
	strcpy(other, line);
	if (strlen(line) > LONGEST_NUM_VFS)
		fuzz_change_digits(other + SHOWN, strlen(other + SHOWN));
	assert(add_num_vfs(&sets[0], line) == add_num_vfs(&sets[1], other));
	free(other);
}

/*
 * The rules that were taken are found, each once and in order, with the tokens that they came with.
 * What other sources name isn't this program's.
 */
static void
check_rules(struct set *set)
{
	const struct vftoken_context *ctx = set->ctx;
	const struct vftoken_subject subject = { .ctx = ctx };
	uint32_t i, literals = 0;

	for (i = 0; i < ctx->n_rules; i++) {
		struct vftoken_rule *rule = ctx->rules[i];

		assert(rule->has_source || rule->num_vfs != 0);
		assert(i == 0 || ctx->rules[i - 1]->key < rule->key);
		assert(vftoken_find_num_vfs(ctx, rule->key) == rule->num_vfs);
		if (!rule->has_source)
			continue;
		assert(vftoken_find_rule(ctx, rule->key, VFTOKEN_KEY_NONE) == rule);
		literals += rule->source.kind == VFTOKEN_SOURCE_KEPT;
	}
	assert(literals == set->n_tokens);
	for (i = 0; i < set->n_tokens; i++) {
		struct vftoken_rule *rule =
			vftoken_find_rule(ctx, set->tokens[i].key, VFTOKEN_KEY_NONE);
		uuid_t token;

		assert(rule != NULL && rule->key == set->tokens[i].key);
		pthread_mutex_lock(&set->ctx->lock);
		assert(vftoken_read_rule(set->ctx, rule, &subject, token) == 0);
		pthread_mutex_unlock(&set->ctx->lock);
		assert(uuid_compare(token, set->tokens[i].token) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int next_fd = fuzz_next_fd();
	unsigned int i, n = 0;

	for (i = 0; i < 2; i++) {
		sets[i].ctx = fuzz_rules(&sets[i].messages);
		sets[i].n_tokens = 0;
	}
	while (size > 0 && n++ < MAX_LINES) {
		const uint8_t *end = memchr(data, '\n', size);
		const size_t length = end != NULL ? (size_t)(end - data) : size;
		char *line = fuzz_text(data, length);

		run_line(line);
		free(line);
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	for (i = 0; i < 2; i++)
		check_rules(&sets[i]);
	assert(strcmp(sets[0].messages.text, sets[1].messages.text) == 0);
	for (i = 0; i < 2; i++)
		vftoken_context_destroy(sets[i].ctx);
	assert(fuzz_next_fd() == next_fd);
	return 0;
}
