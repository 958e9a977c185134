/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "opening.h"
#include "thread.h"

/* An open that outlives the call that asks for it. */
struct kept_opening {
	struct vftoken_opening o;
	char bdf[VFTOKEN_BDF_SIZE];
	char path[]; /* empty by group */
};

/* The devices that are opened at the same time. */
struct wave {
	struct vftoken_context *ctx;
	struct vftoken_opening *next;
	bool vfs; /* and no others; else no VFs */
};

/* Who looks at the list waits until no other thread opens what is in it. */
static void
wait_for_waves(struct vftoken_context *ctx)
{
	while (ctx->together)
		vftoken_wait_for_change(ctx);
}

static struct vftoken_opening *
next_of_wave(struct wave *wave)
{
	struct vftoken_opening *o;

	for (o = wave->next; o != NULL; o = o->next)
		if (o->ahead == VFTOKEN_QUEUED && (o->sriov.role == VFTOKEN_ROLE_VF) == wave->vfs)
			break;
	wave->next = o != NULL ? o->next : NULL;
	return o;
}

/*
 * Whether the device has been reset. The kernel resets a device as its first user opens it; the
 * flag says that this has worked.
 */
static bool
reset(const struct vftoken_opening *o)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (o->first_user && ioctl(o->ret, VFIO_DEVICE_GET_INFO, &info) == 0 &&
	    (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0)
		return true;
	return ioctl(o->ret, VFIO_DEVICE_RESET) == 0;
}

/* Open one device, and see that it is reset. Messages wait for who asks for the device. */
static void
open_one(struct vftoken_opening *o)
{
	vftoken_hold(&o->held);
	vftoken_opening_run(o);
	vftoken_hold(NULL);
	if (o->ret >= 0) {
		vftoken_begin_wait(o->ctx);
		o->was_reset = reset(o);
		vftoken_end_wait(o->ctx);
	}
	o->ahead = VFTOKEN_OPENED;
}

static void *
run_wave(void *opaque)
{
	struct wave *wave = opaque;
	struct vftoken_opening *o;

	pthread_mutex_lock(&wave->ctx->lock);
	while ((o = next_of_wave(wave)) != NULL)
		open_one(o);
	pthread_mutex_unlock(&wave->ctx->lock);
	return NULL;
}

static void
open_wave(struct vftoken_opening *first, bool vfs)
{
	struct wave wave = { first->ctx, first, vfs };
	struct wave count = wave;
	unsigned int n = 0;

	while (next_of_wave(&count) != NULL)
		n++;
	vftoken_begin_wait(wave.ctx);
	vftoken_thread_crowd(n, run_wave, &wave);
	vftoken_end_wait(wave.ctx);
}

void
vftoken_open_together(struct vftoken_opening *o)
{
	struct vftoken_opening *each = o->ctx->ahead;

	while (each != NULL && each->ahead != VFTOKEN_QUEUED)
		each = each->next;
	if (each == NULL) {
		vftoken_opening_prepare(o);
		vftoken_opening_run(o);
		return;
	}
	o->next = o->ctx->ahead;
	o->ahead = VFTOKEN_QUEUED;
	for (each = o; each != NULL; each = each->next) {
		if (each->ahead != VFTOKEN_QUEUED)
			continue;
		vftoken_hold(&each->held);
		vftoken_opening_prepare(each);
		vftoken_hold(NULL);
	}
	/* A PF's open may set the token that its VFs are opened with, and its reset resets them. */
	o->ctx->together = true;
	open_wave(o, false);
	open_wave(o, true);
	o->ctx->together = false;
	pthread_cond_broadcast(&o->ctx->changed);
	vftoken_say_held(o->ctx, &o->held);
}

static struct vftoken_opening **
find_ahead(struct vftoken_context *ctx, uint64_t key)
{
	struct vftoken_opening **link = &ctx->ahead;

	while (*link != NULL && (*link)->key != key)
		link = &(*link)->next;
	return link;
}

/* Take one out of the list. */
static struct vftoken_opening *
unlink_ahead(struct vftoken_opening **link)
{
	struct vftoken_opening *o = *link;

	if (o != NULL)
		*link = o->next;
	return o;
}

static void
free_ahead(struct vftoken_opening *o)
{
	vftoken_drop_held(&o->held);
	free(o);
}

/* Close a device that nobody asked for, which resets it. */
static void
close_ahead(struct vftoken_opening *o)
{
	if (o->ahead == VFTOKEN_OPENED && o->ret >= 0) {
		vftoken_begin_wait(o->ctx);
		close(o->ret);
		vftoken_end_wait(o->ctx);
	}
	free_ahead(o);
}

bool
vftoken_take_ahead(struct vftoken_opening *o)
{
	struct vftoken_opening *opened;
	bool taken;

	wait_for_waves(o->ctx);
	opened = unlink_ahead(find_ahead(o->ctx, o->key));
	taken = opened != NULL && opened->ahead == VFTOKEN_OPENED;
	if (taken) {
		o->sriov = opened->sriov;
		o->sent = opened->sent;
		o->unchecked = opened->unchecked;
		o->ret = opened->ret;
		o->was_reset = opened->was_reset;
		vftoken_say_held(o->ctx, &opened->held);
	}
	if (opened != NULL)
		free_ahead(opened);
	return taken;
}

void
vftoken_clear_ahead(struct vftoken_context *ctx)
{
	struct vftoken_opening *list, *o;

	wait_for_waves(ctx);
	/* All at once, as others use the context while a device is closed. */
	list = ctx->ahead;
	ctx->ahead = NULL;
	while ((o = unlink_ahead(&list)) != NULL)
		close_ahead(o);
}

/* Add an open at the end of the list, with the other members of the struct from one of the same. */
static int
add_ahead(struct vftoken_context *ctx, const char *name, const struct vftoken_opening *how)
{
	const size_t size = how->path != NULL ? strlen(how->path) + 1 : 1;
	struct kept_opening *kept;
	uint64_t key;

	if (vftoken_parse_key(name, &key) < 0)
		return -EINVAL;
	kept = calloc(1, sizeof(*kept) + size);
	if (kept == NULL)
		return -ENOMEM;
	if (how->path != NULL)
		memcpy(kept->path, how->path, size);
	vftoken_format_key(key, kept->bdf);
	kept->o = *how;
	kept->o.ctx = ctx;
	kept->o.key = key;
	kept->o.name = kept->bdf;
	kept->o.path = how->path != NULL ? kept->path : NULL;
	pthread_mutex_lock(&ctx->lock);
	wait_for_waves(ctx);
	*find_ahead(ctx, VFTOKEN_KEY_NONE) = &kept->o;
	pthread_mutex_unlock(&ctx->lock);
	return 0;
}

void
vftoken_expect(struct vftoken_context *ctx, const char *name)
{
	static const struct vftoken_opening expected = { .ahead = VFTOKEN_EXPECTED };

	if (ctx->starting)
		add_ahead(ctx, name, &expected);
}

int
vftoken_next_expected(struct vftoken_context *ctx, char bdf[VFTOKEN_BDF_SIZE])
{
	struct vftoken_opening **link, *o;

	pthread_mutex_lock(&ctx->lock);
	wait_for_waves(ctx);
	link = &ctx->ahead;
	while (*link != NULL && (*link)->ahead != VFTOKEN_EXPECTED)
		link = &(*link)->next;
	o = unlink_ahead(link);
	if (o != NULL) {
		vftoken_format_key(o->key, bdf);
		free_ahead(o);
	}
	pthread_mutex_unlock(&ctx->lock);
	return o != NULL ? 0 : -ENOENT;
}

int
vftoken_queue(struct vftoken_context *ctx, int group_fd, const char *name)
{
	const struct vftoken_opening how = { .group_fd = group_fd,
					     .first_user = true,
					     .ahead = VFTOKEN_QUEUED };

	return add_ahead(ctx, name, &how);
}

int
vftoken_queue_cdev(struct vftoken_context *ctx, const char *path, int iommufd, const char *name)
{
	const struct vftoken_opening how = {
		.path = path,
		.device_fd = -1,
		.iommufd = iommufd,
		.first_user = true,
		.ahead = VFTOKEN_QUEUED,
	};

	return add_ahead(ctx, name, &how);
}

int
vftoken_drop_queued(struct vftoken_context *ctx, int *group_fd)
{
	struct vftoken_opening *o;
	int ret = -ENOENT;

	pthread_mutex_lock(&ctx->lock);
	wait_for_waves(ctx);
	while (ret < 0 && (o = unlink_ahead(&ctx->ahead)) != NULL) {
		if (o->ahead != VFTOKEN_EXPECTED) {
			*group_fd = o->path == NULL ? o->group_fd : -1;
			ret = 0;
		}
		close_ahead(o);
	}
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

bool
vftoken_was_reset(struct vftoken_context *ctx, const char *name)
{
	const struct vftoken_handle *handle = NULL;
	uint64_t key;
	bool ret;

	pthread_mutex_lock(&ctx->lock);
	if (vftoken_parse_key(name, &key) == 0)
		handle = vftoken_find_handle(ctx, key);
	ret = handle != NULL && handle->was_reset;
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}
