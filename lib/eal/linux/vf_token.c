/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vf_token_loan.h"
#include "vf_token_private.h"

#define FIRST_BUCKETS 16
/* At least three of four buckets are empty, so that most look-ups see one or two of them. */
#define BUCKETS_PER_RULE 4
#define NEIGHBOURS 16

static struct vftoken process = VFTOKEN_INIT;

struct vftoken *
vftoken_create(void)
{
	struct vftoken *vt = calloc(1, sizeof(*vt));

	if (vt != NULL)
		*vt = (struct vftoken)VFTOKEN_INIT;
	return vt;
}

void
vftoken_destroy(struct vftoken *vt)
{
	if (vt == NULL)
		return;
	vftoken_clear(vt);
	free(vt);
}

struct vftoken *
vftoken_process(void)
{
	return &process;
}

void
vftoken_set_log(struct vftoken *vt, vftoken_log_t log, void *opaque)
{
	pthread_mutex_lock(&vt->lock);
	vt->log = log;
	vt->opaque = opaque;
	pthread_mutex_unlock(&vt->lock);
}

void
vftoken_set_ask(struct vftoken *vt, vftoken_ask_t ask, void *opaque, const char *asked)
{
	pthread_mutex_lock(&vt->lock);
	vt->ask = ask;
	vt->ask_opaque = opaque;
	vt->asked = asked;
	pthread_mutex_unlock(&vt->lock);
}

/* Devices' keys differ in few bits; with two rounds each of these changes half of the hash's. */
static uint32_t
hash(uint64_t key)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio */

	key *= golden;
	key ^= key >> 32;
	return (uint32_t)((key * golden) >> 32);
}

/*
 * Neighbours' rules often come one after the other, so their buckets are in one line of a
 * processor's cache. Where one is taken, the next is in another line: this one's are for them.
 */
static uint32_t *
bucket_of(const struct vftoken *vt, uint64_t key)
{
	const uint32_t last = vt->n_buckets - 1;
	uint32_t i = hash(key / NEIGHBOURS) ^ (uint32_t)(key % NEIGHBOURS);

	for (;; i += NEIGHBOURS + 1) {
		uint32_t *bucket = &vt->buckets[i & last];

		if (*bucket == 0 || vt->rules[*bucket - 1].key == key)
			return bucket;
	}
}

static struct vftoken_rule *
find_key(const struct vftoken *vt, uint64_t key)
{
	const uint32_t *bucket;

	if (vt->n_rules == 0)
		return NULL;
	bucket = bucket_of(vt, key);
	return *bucket != 0 ? &vt->rules[*bucket - 1] : NULL;
}

/* Make room for one more rule. */
static int
grow(struct vftoken *vt)
{
	const uint32_t n_buckets = vt->n_buckets == 0 ? FIRST_BUCKETS : 4 * vt->n_buckets;
	struct vftoken_rule *rules;
	uint32_t *buckets;
	uint32_t i;

	if (BUCKETS_PER_RULE * (vt->n_rules + 1) <= vt->n_buckets)
		return 0;
	rules = realloc(vt->rules, n_buckets / BUCKETS_PER_RULE * sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	vt->rules = rules;
	buckets = calloc(n_buckets, sizeof(*buckets));
	if (buckets == NULL)
		return -ENOMEM;
	free(vt->buckets);
	vt->buckets = buckets;
	vt->n_buckets = n_buckets;
	for (i = 0; i < vt->n_rules; i++)
		*bucket_of(vt, vt->rules[i].key) = i + 1;
	return 0;
}

/* Refuse a rule in one sentence. */
static int refuse(const struct vftoken *vt, int ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int
refuse(const struct vftoken *vt, int ret, const char *format, ...)
{
	char why[VFTOKEN_WHY_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	vftoken_log(vt, VFTOKEN_LOG_ERR, "VF token rule refused: %s", why);
	return ret;
}

/* The key of a rule's `BDF=` part, which is `length` characters long. */
static int
rule_key(const struct vftoken *vt, const char *text, size_t length, uint64_t *key)
{
	char bdf[2 * VFTOKEN_BDF_SIZE] = "";
	int ret = -EINVAL;

	if (length < sizeof(bdf)) {
		memcpy(bdf, text, length);
		bdf[length] = '\0';
		ret = vftoken_parse_key(bdf, key);
	}
	if (ret == -ERANGE)
		return refuse(vt, -EINVAL, "%s is out of range; a BDF goes up to ffffffff:ff:1f.7",
			      bdf);
	/* Unless it looks like a BDF it may be a token with the BDF behind, so it isn't shown. */
	if (ret < 0 && (strspn(bdf, "0123456789abcdefABCDEF:.") != length ||
			(length > 2 && strpbrk(bdf, ":.") == NULL)))
		return refuse(vt, ret, "%.*s\u2026 before the '=' isn't a BDF such as 0000:01:00.0",
			      length < 2 ? (int)length : 2, text);
	if (ret < 0)
		return refuse(vt, ret, "'%s' before the '=' isn't a BDF such as 0000:01:00.0", bdf);
	return 0;
}

static bool
is_fd_of_another_rule(const struct vftoken *vt, const struct vftoken_source *source)
{
	uint32_t i;

	if (source->kind != VFTOKEN_SOURCE_FD)
		return false;
	for (i = 0; i < vt->n_rules; i++) {
		const struct vftoken_source *other = &vt->rules[i].source;

		if (other->kind == VFTOKEN_SOURCE_FD && other->fd == source->fd)
			return true;
	}
	return false;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The '=' behind a rule's BDF; NULL when it has none. A path or a name may hold one too. */
static const char *
find_equals(const char *text)
{
	return has_prefix(text, "file:") || has_prefix(text, "env:") ? NULL : strchr(text, '=');
}

void
vftoken_mask_rule(char *text)
{
	const char *equals = find_equals(text);
	const size_t length = equals != NULL ? (size_t)(equals - text) : 0;
	char bdf[2 * VFTOKEN_BDF_SIZE], *secret = text;
	uint64_t key;

	/* What stands before the '=' and isn't a BDF may be the token. */
	snprintf(bdf, sizeof(bdf), "%.*s", (int)length, text);
	if (length < sizeof(bdf) && vftoken_parse_key(bdf, &key) != -EINVAL)
		secret = text + length + 1;
	if (has_prefix(secret, "file:"))
		return;
	/* Someone may give what the variable holds, or the token instead of the fd's number. */
	if (has_prefix(secret, "env:")) {
		secret = strchrnul(secret, '=');
	} else if (has_prefix(secret, "fd:")) {
		secret += strlen("fd:");
		if (secret[strspn(secret, "0123456789")] == '\0')
			return;
	}
	memset(secret, '*', strlen(secret));
}

static int
add_rule(struct vftoken *vt, const char *text)
{
	const char *equals = find_equals(text);
	const char *source = equals != NULL ? equals + 1 : text;
	const int bdf_length = equals != NULL ? (int)(equals - text) : 0;
	struct vftoken_rule rule = { .key = VFTOKEN_DEFAULT_KEY };
	char why[VFTOKEN_WHY_SIZE];
	uint64_t key;
	int ret;

	if (equals != NULL) {
		ret = rule_key(vt, text, (size_t)bdf_length, &rule.key);
		if (ret < 0)
			return ret;
	} else if (vftoken_parse_key(text, &key) != -EINVAL) {
		return refuse(vt, -EINVAL, "%s names a device but no token; add =SOURCE", text);
	}
	if (find_key(vt, rule.key) != NULL)
		return refuse(vt, -EEXIST, "there is a rule for %.*s already; keep one of the two",
			      bdf_length > 0 ? bdf_length : 11,
			      bdf_length > 0 ? text : "all devices");
	if (vt->n_rules == VFTOKEN_MAX_RULES)
		return refuse(vt, -ENOSPC,
			      "there are %d rules already; name PFs, whose rules cover their VFs",
			      VFTOKEN_MAX_RULES);
	if (grow(vt) < 0)
		return refuse(vt, -ENOMEM, "out of memory");
	ret = vftoken_source_parse(&rule.source, &vt->vault, source, why);
	if (ret < 0)
		return refuse(vt, ret, "%.*s%s%s", bdf_length, text, equals != NULL ? ": " : "",
			      why);
	if (is_fd_of_another_rule(vt, &rule.source)) {
		vftoken_source_free(&rule.source);
		return refuse(vt, -EEXIST,
			      "%s is another rule's source already, and can be read once", source);
	}

	vt->rules[vt->n_rules++] = rule;
	*bucket_of(vt, rule.key) = vt->n_rules;
	return 0;
}

int
vftoken_add_rule(struct vftoken *vt, const char *text)
{
	int ret;

	pthread_mutex_lock(&vt->lock);
	ret = add_rule(vt, text);
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

void
vftoken_clear(struct vftoken *vt)
{
	struct vftoken_num_vfs *num_vfs;
	struct vftoken_opened *opened;
	uint32_t i;

	pthread_mutex_lock(&vt->lock);
	for (i = 0; i < vt->n_rules; i++)
		vftoken_source_free(&vt->rules[i].source);
	free(vt->rules);
	free(vt->buckets);
	vt->rules = NULL;
	vt->buckets = NULL;
	vt->n_rules = 0;
	vt->n_buckets = 0;
	vftoken_vault_clear(&vt->vault);
	while ((num_vfs = vt->num_vfs) != NULL) {
		vt->num_vfs = num_vfs->next;
		free(num_vfs);
	}
	while ((opened = vt->opened) != NULL) {
		vt->opened = opened->next;
		free(opened);
	}
	pthread_mutex_unlock(&vt->lock);
}

struct vftoken_rule *
vftoken_find(const struct vftoken *vt, const char *bdf, const char *pf)
{
	struct vftoken_rule *rule = NULL;
	uint64_t key;

	if (vt->n_rules == 0)
		return NULL;
	if (bdf != NULL && vftoken_parse_key(bdf, &key) == 0)
		rule = find_key(vt, key);
	if (rule == NULL && pf != NULL && vftoken_parse_key(pf, &key) == 0)
		rule = find_key(vt, key);
	return rule != NULL ? rule : find_key(vt, VFTOKEN_DEFAULT_KEY);
}

int
vftoken_read(struct vftoken *vt, struct vftoken_rule *rule, uuid_t token,
	     char why[VFTOKEN_WHY_SIZE])
{
	uint32_t i;

	/* A variable may be several rules' source; the first of them keeps it for all. */
	if (rule->source.kind == VFTOKEN_SOURCE_ENV)
		for (i = 0; &vt->rules[i] != rule; i++)
			if (vt->rules[i].source.kind == VFTOKEN_SOURCE_ENV &&
			    strcmp(vt->rules[i].source.shown, rule->source.shown) == 0) {
				rule = &vt->rules[i];
				break;
			}
	return vftoken_source_read(&rule->source, &vt->vault, token, why);
}

int
vftoken_read_default(struct vftoken *vt, uuid_t token)
{
	struct vftoken_rule *rule;
	char why[VFTOKEN_WHY_SIZE];
	int ret = -ENOENT;

	pthread_mutex_lock(&vt->lock);
	rule = vftoken_find(vt, NULL, NULL);
	if (rule != NULL) {
		ret = vftoken_read(vt, rule, token, why);
		if (ret < 0)
			vftoken_log(vt, VFTOKEN_LOG_ERR, "The default VF token can't be read: %s",
				    why);
	}
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

const char *
vftoken_rule_source(const struct vftoken_rule *rule)
{
	return rule->source.shown;
}

int
vftoken_ask(const struct vftoken *vt, const char *name, uuid_t token, char why[VFTOKEN_WHY_SIZE])
{
	int ret;

	why[0] = '\0';
	ret = vt->ask(name, vt->ask_opaque);
	if (ret >= 0)
		ret = vftoken_loan_take(ret, token);
	if (ret < 0)
		snprintf(why, VFTOKEN_WHY_SIZE, "%s didn't give it: %s", vt->asked, strerror(-ret));
	return ret;
}

/* Whether an open device is one of a rule, or was opened once more since. */
static bool
is_listed(const struct vftoken *vt, const struct vftoken_opened *opened)
{
	const struct vftoken_opened *other = vt->opened;
	uint64_t key;

	while (other != opened && strcmp(other->bdf, opened->bdf) != 0)
		other = other->next;
	return other != opened ||
	       (vftoken_parse_key(opened->bdf, &key) == 0 && find_key(vt, key) != NULL);
}

unsigned int
vftoken_devices(struct vftoken *vt, char bdfs[][VFTOKEN_BDF_SIZE], unsigned int max)
{
	const struct vftoken_opened *opened;
	unsigned int n = 0;
	uint32_t i;

	pthread_mutex_lock(&vt->lock);
	for (i = 0; i < vt->n_rules; i++)
		if (vt->rules[i].key != VFTOKEN_DEFAULT_KEY && n++ < max)
			vftoken_format_key(vt->rules[i].key, bdfs[n - 1]);
	for (opened = vt->opened; opened != NULL; opened = opened->next)
		if (!is_listed(vt, opened) && n++ < max)
			memcpy(bdfs[n - 1], opened->bdf, VFTOKEN_BDF_SIZE);
	pthread_mutex_unlock(&vt->lock);
	return n;
}

int
vftoken_refuse(const struct vftoken *vt, int err, const char *format, ...)
{
	char message[2 * VFTOKEN_WHY_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	vftoken_log(vt, VFTOKEN_LOG_ERR, "%s", message);
	return -err;
}

void
vftoken_log(const struct vftoken *vt, enum vftoken_log_level level, const char *format, ...)
{
	char message[2 * VFTOKEN_WHY_SIZE];
	va_list ap;
	char *c;

	if (vt->log == NULL)
		return;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	/* A path or a variable's name may hold a line end. */
	for (c = message; *c != '\0'; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	vt->log(level, message, vt->opaque);
}
