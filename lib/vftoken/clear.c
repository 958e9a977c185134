/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdlib.h>

#include "opening.h"

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

void
vftoken_context_destroy(struct vftoken_context *ctx)
{
	if (ctx == NULL)
		return;
	vftoken_context_clear(ctx);
	free(ctx);
}
