/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "private.h"
#include "thread.h"

void
vftoken_stop_begin(struct vftoken_context *ctx)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->stopping = true;
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_keep_closing(struct vftoken_context *ctx, int device_fd)
{
	struct vftoken_closing *closing = ctx->stopping ? calloc(1, sizeof(*closing)) : NULL;

	if (closing == NULL)
		return;
	closing->device_fd = fcntl(device_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (closing->device_fd < 0) {
		free(closing);
		return;
	}
	closing->next = ctx->closings;
	ctx->closings = closing;
}

static void *
close_each(void *opaque)
{
	struct vftoken_context *ctx = opaque;
	struct vftoken_closing *closing;

	pthread_mutex_lock(&ctx->lock);
	while ((closing = ctx->closings) != NULL) {
		ctx->closings = closing->next;
		vftoken_begin_wait(ctx);
		close(closing->device_fd);
		vftoken_end_wait(ctx);
		free(closing);
	}
	pthread_mutex_unlock(&ctx->lock);
	return NULL;
}

void
vftoken_close_together(struct vftoken_context *ctx)
{
	const struct vftoken_closing *closing;
	unsigned int n = 0;

	for (closing = ctx->closings; closing != NULL; closing = closing->next)
		n++;
	if (n == 0)
		return;
	vftoken_begin_wait(ctx);
	vftoken_thread_crowd(n, close_each, ctx);
	vftoken_end_wait(ctx);
}
