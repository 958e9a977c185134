/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdlib.h>
#include <string.h>

#include "opening.h"

static struct vftoken_context process = VFTOKEN_CONTEXT_INIT;

struct vftoken_context *
vftoken_context_create(void)
{
	struct vftoken_context *ctx = calloc(1, sizeof(*ctx));

	if (ctx != NULL)
		*ctx = (struct vftoken_context)VFTOKEN_CONTEXT_INIT;
	return ctx;
}

void
vftoken_context_destroy(struct vftoken_context *ctx)
{
	if (ctx == NULL)
		return;
	vftoken_context_clear(ctx);
	free(ctx);
}

struct vftoken_context *
vftoken_context_process(void)
{
	return &process;
}

void
vftoken_context_set_log(struct vftoken_context *ctx, vftoken_log_t log, void *opaque)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->log = log;
	ctx->log_opaque = opaque;
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_context_set_provider(struct vftoken_context *ctx, vftoken_provider_t provider, void *opaque,
			     const char *name)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->provider = provider;
	ctx->provider_opaque = opaque;
	ctx->provider_name = name;
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_context_set_sysfs(struct vftoken_context *ctx, const char *devices)
{
	ctx->sysfs = devices;
}

void
vftoken_begin_wait(struct vftoken_context *ctx)
{
	ctx->waiting++;
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_end_wait(struct vftoken_context *ctx)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->waiting--;
	pthread_cond_broadcast(&ctx->changed);
}

void
vftoken_wait_for_change(struct vftoken_context *ctx)
{
	pthread_cond_wait(&ctx->changed, &ctx->lock);
}

void
vftoken_context_clear(struct vftoken_context *ctx)
{
	struct vftoken_handle *handle;

	pthread_mutex_lock(&ctx->lock);
	ctx->starting = false;
	ctx->stopping = false;
	vftoken_clear_ahead(ctx);
	vftoken_close_together(ctx);
	/* Last, as others use the context while devices are closed. */
	while (ctx->waiting > 0)
		vftoken_wait_for_change(ctx);
	vftoken_clear_rules(ctx);
	vftoken_store_clear(&ctx->store);
	while ((handle = ctx->handles) != NULL) {
		ctx->handles = handle->next;
		free(handle);
	}
	pthread_mutex_unlock(&ctx->lock);
}

struct vftoken_handle *
vftoken_find_handle(const struct vftoken_context *ctx, uint64_t key)
{
	struct vftoken_handle *handle = ctx->handles;

	while (handle != NULL && handle->key != key)
		handle = handle->next;
	return handle;
}

/* Whether an open device is one of a rule, or was opened once more since. */
static bool
is_listed(const struct vftoken_context *ctx, const struct vftoken_handle *handle)
{
	const struct vftoken_rule *rule = vftoken_find_rule(ctx, handle->key, VFTOKEN_KEY_NONE);

	return vftoken_find_handle(ctx, handle->key) != handle ||
	       (rule != NULL && rule->key == handle->key);
}

unsigned int
vftoken_list_devices(struct vftoken_context *ctx, char bdfs[][VFTOKEN_BDF_SIZE], unsigned int max)
{
	const struct vftoken_handle *handle;
	unsigned int n = 0;
	size_t i;

	pthread_mutex_lock(&ctx->lock);
	for (i = 0; i < ctx->n_rules; i++)
		if (ctx->rules[i]->has_source && ctx->rules[i]->key != VFTOKEN_KEY_DEFAULT &&
		    n++ < max)
			vftoken_format_key(ctx->rules[i]->key, bdfs[n - 1]);
	for (handle = ctx->handles; handle != NULL; handle = handle->next)
		if (!is_listed(ctx, handle) && n++ < max)
			vftoken_format_key(handle->key, bdfs[n - 1]);
	pthread_mutex_unlock(&ctx->lock);
	return n;
}
