/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "transfer.h"

/* Where the rule of a key is, or would be. */
static size_t
find_place(const struct vftoken_context *ctx, uint64_t key)
{
	size_t low = 0, high = ctx->n_rules;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (ctx->rules[middle]->key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct vftoken_rule *
vftoken_find_key(const struct vftoken_context *ctx, uint64_t key)
{
	const size_t place = find_place(ctx, key);

	return place < ctx->n_rules && ctx->rules[place]->key == key ? ctx->rules[place] : NULL;
}

struct vftoken_rule *
vftoken_find_rule(const struct vftoken_context *ctx, uint64_t key, uint64_t pf)
{
	const uint64_t keys[] = { key, pf, VFTOKEN_KEY_DEFAULT };
	struct vftoken_rule *rule;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		rule = vftoken_find_key(ctx, keys[i]);
		if (rule != NULL && rule->has_source)
			return rule;
	}
	return NULL;
}

uint16_t
vftoken_find_num_vfs(const struct vftoken_context *ctx, uint64_t key)
{
	const struct vftoken_rule *rule = vftoken_find_key(ctx, key);

	return rule != NULL ? rule->num_vfs : 0;
}

/* The rule of a key, made if there is none; NULL with errno ENOSPC or ENOMEM. */
static struct vftoken_rule *
make_rule(struct vftoken_context *ctx, uint64_t key)
{
	const size_t place = find_place(ctx, key);
	struct vftoken_rule **rules, *rule;

	if (place < ctx->n_rules && ctx->rules[place]->key == key)
		return ctx->rules[place];
	errno = ENOSPC;
	if (ctx->n_rules == VFTOKEN_MAX_RULES)
		return NULL;
	/* Room for a power of two. */
	if ((ctx->n_rules & (ctx->n_rules - 1)) == 0) {
		rules = realloc(ctx->rules, (ctx->n_rules == 0 ? 1 : 2 * ctx->n_rules) *
						    sizeof(struct vftoken_rule *));
		if (rules == NULL)
			return NULL;
		ctx->rules = rules;
	}
	rule = calloc(1, sizeof(*rule));
	if (rule == NULL)
		return NULL;
	rule->key = key;
	memmove(&ctx->rules[place + 1], &ctx->rules[place],
		(ctx->n_rules - place) * sizeof(struct vftoken_rule *));
	ctx->rules[place] = rule;
	ctx->n_rules++;
	return rule;
}

/* Take away a rule that nothing was asked with, after a failure. */
static void
drop_empty_rule(struct vftoken_context *ctx, struct vftoken_rule *rule)
{
	const size_t place = find_place(ctx, rule->key);

	if (rule->source.shown != NULL || rule->num_vfs != 0)
		return;
	ctx->n_rules--;
	memmove(&ctx->rules[place], &ctx->rules[place + 1],
		(ctx->n_rules - place) * sizeof(struct vftoken_rule *));
	free(rule);
}

/* The key of a rule's `BDF=` part, which is `length` characters long. */
static int
rule_key(const struct vftoken_context *ctx, const char *text, size_t length, uint64_t *key)
{
	const int ret = vftoken_parse_key_to(text, '=', key);

	if (ret == -ERANGE)
		return vftoken_refuse(ctx, -EINVAL, MSG(rule_bdf_range), (int)length, text);
	/* Unless it looks like a BDF it may be a token with the BDF behind, so it isn't shown. */
	if (ret < 0 && (strspn(text, "0123456789abcdefABCDEF:.") != length ||
			(length > 2 && strcspn(text, ":.") > length)))
		return vftoken_refuse(ctx, ret, MSG(rule_bdf_masked), length < 2 ? (int)length : 2,
				      text);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(rule_bdf), (int)length, text);
	return 0;
}

static bool
is_fd_of_another_rule(const struct vftoken_context *ctx, const struct vftoken_source *source)
{
	size_t i;

	if (source->kind != VFTOKEN_SOURCE_FD)
		return false;
	for (i = 0; i < ctx->n_rules; i++) {
		const struct vftoken_source *other = &ctx->rules[i]->source;

		if (ctx->rules[i]->has_source && other->kind == VFTOKEN_SOURCE_FD &&
		    other->fd == source->fd)
			return true;
	}
	return false;
}

static int
refuse_room(const struct vftoken_context *ctx, const struct vftoken_subject *subject)
{
	if (errno == ENOSPC)
		return vftoken_refuse(ctx, -ENOSPC, MSG(rules_full), VFTOKEN_MAX_RULES);
	return vftoken_refuse_of(subject, -ENOMEM, MSG(out_of_memory));
}

/*
 * Whether a rule's source of an earlier start, which failed, is given again. What it was read from
 * may be gone since: a literal is overwritten, a variable removed, an fd closed.
 */
static bool
is_given_again(const struct vftoken_source *source, const char *text)
{
	if (source->shown == NULL || source->slot == VFTOKEN_STORE_NONE)
		return false;
	if (strcmp(vftoken_source_kind(source), "literal") != 0)
		return strcmp(source->shown, text) == 0;
	return strlen(text) == VFTOKEN_UUID_SIZE - 1 && text[strspn(text, "*")] == '\0';
}

/* Whether a rule's source is given once more. A literal is compared as a token. */
static bool
is_repeated(const struct vftoken_context *ctx, const struct vftoken_source *source,
	    const char *text)
{
	char kept[VFTOKEN_UUID_SIZE];
	vftoken_uuid_t token;
	bool equal;

	if (strcmp(vftoken_source_kind(source), "literal") != 0)
		return strcmp(source->shown, text) == 0;
	if (is_given_again(source, text))
		return true;
	if (vftoken_store_get(&ctx->store, source->slot, token) < 0)
		return false;
	vftoken_format_uuid(token, kept);
	equal = strcasecmp(kept, text) == 0;
	explicit_bzero(token, sizeof(token));
	explicit_bzero(kept, sizeof(kept));
	return equal;
}

static int
add_rule(struct vftoken_context *ctx, const char *text)
{
	struct vftoken_subject subject = { .ctx = ctx, .purpose = VFTOKEN_FOR_RULE };
	const char *equals = vftoken_find_equals(text), *from = equals != NULL ? equals + 1 : text;
	uint64_t key = VFTOKEN_KEY_DEFAULT;
	char bdf[VFTOKEN_BDF_SIZE];
	struct vftoken_source source;
	struct vftoken_rule *rule;
	int ret;

	if (equals != NULL) {
		ret = rule_key(ctx, text, (size_t)(equals - text), &key);
		if (ret < 0)
			return ret;
		vftoken_format_key(key, bdf);
		subject.device = bdf;
	} else if (vftoken_parse_key(text, &key) != -EINVAL) {
		return vftoken_refuse(ctx, -EINVAL, MSG(rule_no_source), text);
	}
	rule = make_rule(ctx, key);
	if (rule == NULL)
		return refuse_room(ctx, &subject);
	if (rule->has_source && is_repeated(ctx, &rule->source, from))
		return 0;
	if (rule->has_source)
		return vftoken_refuse_of(&subject, -EEXIST, MSG(rule_twice));
	if (is_given_again(&rule->source, from)) {
		rule->has_source = true;
		return 0;
	}
	ret = vftoken_source_parse(&source, &ctx->store, from, &subject);
	if (ret == 0 && is_fd_of_another_rule(ctx, &source)) {
		ret = vftoken_refuse_of(&subject, -EEXIST, MSG(rule_fd_twice), source.shown);
		vftoken_source_free(&source);
	}
	if (ret < 0) {
		drop_empty_rule(ctx, rule);
		return ret;
	}
	vftoken_source_free(&rule->source);
	rule->source = source;
	rule->has_source = true;
	return 0;
}

int
vftoken_add_rule(struct vftoken_context *ctx, const char *text)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = add_rule(ctx, text);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

static int
add_num_vfs(struct vftoken_context *ctx, const char *text)
{
	const char *equals = strchr(text, '=');
	const char *number = equals != NULL ? equals + 1 : text;
	char bdf[sizeof("ffffffff:ff:1f.7=65535")] = "all PFs";
	uint64_t key = VFTOKEN_KEY_DEFAULT;
	struct vftoken_rule *rule;
	unsigned long value;
	char *end;

	/* It may be a token, meant for another option, so it isn't shown. */
	if (strlen(text) > strlen("ffffffff:ff:1f.7=65535"))
		return vftoken_refuse(ctx, -EINVAL, MSG(num_vfs_length), text);
	if (equals != NULL) {
		snprintf(bdf, sizeof(bdf), "%.*s", (int)(equals - text), text);
		if (vftoken_parse_key(bdf, &key) < 0)
			return vftoken_refuse(ctx, -EINVAL, MSG(num_vfs_bdf), text, bdf);
	}
	value = strtoul(number, &end, 10);
	if (!isdigit((unsigned char)number[0]) || *end != '\0' || value < 1 || value > UINT16_MAX)
		return vftoken_refuse(ctx, -EINVAL, MSG(num_vfs_number), text, number);
	rule = make_rule(ctx, key);
	if (rule == NULL && errno == ENOSPC)
		return vftoken_refuse(ctx, -ENOSPC, MSG(rules_full), VFTOKEN_MAX_RULES);
	if (rule == NULL)
		return vftoken_refuse(ctx, -ENOMEM, MSG(num_vfs_memory), text);
	if (rule->num_vfs != 0 && rule->num_vfs != value)
		return vftoken_refuse(ctx, -EEXIST, MSG(num_vfs_twice), text, bdf);
	rule->num_vfs = (uint16_t)value;
	return 0;
}

int
vftoken_add_num_vfs(struct vftoken_context *ctx, const char *text)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = add_num_vfs(ctx, text);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

void
vftoken_retire_rules(struct vftoken_context *ctx)
{
	size_t i;

	for (i = 0; i < ctx->n_rules; i++) {
		ctx->rules[i]->has_source = false;
		ctx->rules[i]->found = false;
		ctx->rules[i]->num_vfs = 0;
		ctx->rules[i]->done = VFTOKEN_NOT_TRIED;
	}
}

void
vftoken_clear_rules(struct vftoken_context *ctx)
{
	size_t i;

	for (i = 0; i < ctx->n_rules; i++) {
		vftoken_source_free(&ctx->rules[i]->source);
		free(ctx->rules[i]);
	}
	free(ctx->rules);
	ctx->rules = NULL;
	ctx->n_rules = 0;
}

int
vftoken_read_rule(struct vftoken_context *ctx, struct vftoken_rule *rule,
		  const struct vftoken_subject *subject, vftoken_uuid_t token)
{
	size_t i;

	/* A variable may be several rules' source; the one that was read first keeps it for all. */
	if (rule->source.kind == VFTOKEN_SOURCE_ENV)
		for (i = 0; i < ctx->n_rules; i++)
			if (ctx->rules[i]->has_source &&
			    ctx->rules[i]->source.kind == VFTOKEN_SOURCE_ENV &&
			    ctx->rules[i]->source.slot != VFTOKEN_STORE_NONE &&
			    strcmp(ctx->rules[i]->source.shown, rule->source.shown) == 0) {
				rule = ctx->rules[i];
				break;
			}
	return vftoken_source_read(ctx, &rule->source, token, subject);
}

int
vftoken_read_default(struct vftoken_context *ctx, vftoken_uuid_t token)
{
	const struct vftoken_subject subject = { .ctx = ctx, .purpose = VFTOKEN_FOR_DEFAULT };
	struct vftoken_rule *rule;
	int ret = -ENOENT;

	pthread_mutex_lock(&ctx->lock);
	rule = vftoken_find_rule(ctx, VFTOKEN_KEY_NONE, VFTOKEN_KEY_NONE);
	if (rule != NULL)
		ret = vftoken_read_rule(ctx, rule, &subject, token);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

int
vftoken_ask_provider(struct vftoken_context *ctx, const char *name,
		     const struct vftoken_subject *subject, vftoken_uuid_t token)
{
	const vftoken_provider_t provider = ctx->provider;
	const char *provider_name = ctx->provider_name;
	void *opaque = ctx->provider_opaque;
	int ret;

	vftoken_begin_wait(ctx);
	ret = provider(name, opaque);
	vftoken_end_wait(ctx);
	if (ret >= 0)
		ret = vftoken_transfer_take(ret, token);
	if (ret == -EOPNOTSUPP)
		vftoken_refuse_of(subject, ret, MSG(provider_without), provider_name, name);
	else if (ret < 0 && ret != -ENOKEY)
		vftoken_refuse_of(subject, ret, MSG(provider_failed), provider_name,
				  strerror(-ret));
	return ret;
}
