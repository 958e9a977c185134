/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdlib.h>

#include "private.h"

static struct vftoken_context process = VFTOKEN_CONTEXT_INIT;

struct vftoken_context *
vftoken_context_create(void)
{
	struct vftoken_context *ctx = calloc(1, sizeof(*ctx));

	if (ctx != NULL)
		*ctx = (struct vftoken_context)VFTOKEN_CONTEXT_INIT;
	return ctx;
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

struct vftoken_handle *
vftoken_find_handle(const struct vftoken_context *ctx, uint64_t key)
{
	struct vftoken_handle *handle = ctx->handles;

	while (handle != NULL && handle->key != key)
		handle = handle->next;
	return handle;
}
