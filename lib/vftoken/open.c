/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdev.h"
#include "device.h"
#include "private.h"
#include "sriov.h"
#include "transfer.h"
#include "vfio.h"

#define OPTION "vf_token="

/* The kernel's rule: only a VF of a PF on vfio-pci, or an SR-IOV PF on vfio-pci, takes a token. */
static bool
kernel_takes_token(const struct vftoken_sriov *sriov)
{
	switch (sriov->role) {
	case VFTOKEN_ROLE_VF:
		return vftoken_is_vfio_pci(sriov->pf_driver);
	case VFTOKEN_ROLE_PF:
		return vftoken_is_vfio_pci(sriov->driver);
	default:
		return false;
	}
}

static void
say_not_sent(const struct vftoken_opening *o)
{
	switch (o->sriov.role) {
	case VFTOKEN_ROLE_VF:
		vftoken_say(o->ctx, MSG(token_not_sent_vf), o->source, o->name, o->sriov.pf,
			    vftoken_driver_name(o->sriov.pf_driver));
		break;
	case VFTOKEN_ROLE_PF:
		vftoken_say(o->ctx, MSG(token_not_sent_pf), o->source, o->name,
			    vftoken_driver_name(o->sriov.driver));
		break;
	default:
		vftoken_say(o->ctx, MSG(token_not_sent), o->source, o->name);
	}
}

/* The kernel resets the device meanwhile, which takes 100 ms. Others may use the context. */
static int
open_by_group(struct vftoken_opening *o, const char *options)
{
	int ret;

	vftoken_begin_wait(o->ctx);
	ret = vftoken_vfio_open(o->group_fd, o->name, options);
	vftoken_end_wait(o->ctx);
	return ret;
}

static int
open_without_token(struct vftoken_opening *o)
{
	o->sent = false;
	return o->path != NULL ? vftoken_cdev_bind(o, NULL) : open_by_group(o, NULL);
}

static int
send_token(struct vftoken_opening *o, const vftoken_uuid_t token)
{
	char options[sizeof(OPTION) + VFTOKEN_UUID_SIZE] = OPTION;
	int ret;

	if (o->path != NULL)
		return vftoken_cdev_bind_with_token(o, token);
	vftoken_format_uuid(token, options + strlen(OPTION));
	o->sent = true;
	ret = open_by_group(o, options);
	explicit_bzero(options, sizeof(options));
	return ret;
}

/* The PF's process may have set the next token, and have ended before it renamed the file. */
static int
open_with_next(struct vftoken_opening *o, const struct vftoken_subject *subject)
{
	char shown[VFTOKEN_NEXT_SIZE];
	vftoken_uuid_t token;
	int ret;

	ret = vftoken_source_read_next(o->ctx, &o->rule->source, token, subject);
	if (ret == -ENOENT)
		return -EACCES;
	if (ret < 0) {
		o->explained = true;
		return ret;
	}
	vftoken_source_next(&o->rule->source, shown);
	vftoken_say(o->ctx, MSG(next_tried), o->name, o->source, shown);
	ret = send_token(o, token);
	explicit_bzero(token, sizeof(token));
	return ret;
}

static int
open_with_token(struct vftoken_opening *o)
{
	const struct vftoken_subject subject = { .ctx = o->ctx,
						 .purpose = VFTOKEN_FOR_OPEN,
						 .device = o->name };
	vftoken_uuid_t token;
	int ret;

	ret = o->rule != NULL ? vftoken_read_rule(o->ctx, o->rule, &subject, token)
			      : vftoken_ask_provider(o->ctx, o->name, &subject, token);
	if (ret == -ENOKEY && o->rule == NULL) {
		/* The token provider has none either. */
		o->source = NULL;
		return open_without_token(o);
	}
	if (ret < 0) {
		o->explained = true;
		return ret;
	}
	ret = send_token(o, token);
	explicit_bzero(token, sizeof(token));
	return ret == -EACCES && o->rule != NULL ? open_with_next(o, &subject) : ret;
}

static void
explain_access(const struct vftoken_opening *o)
{
	const struct vftoken_sriov *sriov = &o->sriov;

	if (sriov->role == VFTOKEN_ROLE_NONE)
		vftoken_say(o->ctx, MSG(access_denied), o->name);
	else if (o->source == NULL && sriov->pf_bound.answer == VFTOKEN_UNKNOWN &&
		 sriov->role == VFTOKEN_ROLE_VF)
		vftoken_say(o->ctx, MSG(vf_needs_token_hidden), o->name, sriov->pf, sriov->pf);
	else if (sriov->role == VFTOKEN_ROLE_VF && o->source == NULL)
		vftoken_say(o->ctx, MSG(vf_needs_token), o->name, sriov->pf,
			    vftoken_driver_name(sriov->pf_driver), sriov->pf);
	else if (sriov->role == VFTOKEN_ROLE_VF)
		vftoken_say(o->ctx, MSG(vf_wrong_token), o->name, o->source, sriov->pf, sriov->pf);
	else if (o->source == NULL)
		vftoken_say(o->ctx, MSG(pf_needs_token), o->name, sriov->numvfs, o->name);
	else
		vftoken_say(o->ctx, MSG(pf_wrong_token), o->name, sriov->numvfs, o->source);
}

static void
explain_group(const struct vftoken_opening *o, int err)
{
	switch (err) {
	case ENODEV:
		if (o->sent && strstr(o->sriov.driver, "vfio") != NULL)
			vftoken_say(o->ctx, MSG(kernel_without_tokens), o->name);
		else if (o->key == VFTOKEN_KEY_NONE)
			vftoken_say(o->ctx, MSG(not_in_group_no_pci), o->name);
		else
			vftoken_say(o->ctx, MSG(not_in_group), o->name, o->name);
		break;
	case EPERM:
		vftoken_say(o->ctx, MSG(no_iommu_privilege), o->name);
		break;
	case EBUSY:
		vftoken_say(o->ctx, MSG(device_busy), o->name);
		break;
	default:
		vftoken_say(o->ctx, MSG(device_refused), o->name, strerror(err));
	}
}

/* A bind's EINVAL also says that another process has the device, which the PF's driver tells. */
static bool
still_takes_token(const struct vftoken_opening *o)
{
	char bdf[VFTOKEN_BDF_SIZE];
	struct vftoken_sriov sriov;

	vftoken_format_key(o->key, bdf);
	return o->path != NULL && vftoken_sriov_read(o->ctx->sysfs, bdf, &sriov) == 0 &&
	       kernel_takes_token(&sriov);
}

/* The first try follows sysfs. One more where the kernel's answer shows that sysfs was wrong. */
static int
open_device(struct vftoken_opening *o)
{
	int ret;

	if (o->source == NULL)
		return open_without_token(o);
	if (kernel_takes_token(&o->sriov)) {
		ret = open_with_token(o);
		if (ret != -EINVAL || !o->sent || still_takes_token(o))
			return ret;
		vftoken_say(o->ctx, MSG(token_not_wanted), o->name);
		return open_without_token(o);
	}
	if (o->sriov_known)
		say_not_sent(o);
	ret = open_without_token(o);
	if (ret != -EACCES)
		return ret;
	vftoken_say(o->ctx, MSG(token_wanted), o->name, o->source);
	return open_with_token(o);
}

/* Remember an open device. Out of memory, only the PF's duties for it will fail. */
static void
remember(const struct vftoken_opening *o)
{
	struct vftoken_handle *handle = calloc(1, sizeof(*handle));

	if (o->unchecked)
		vftoken_cdev_say_unchecked(o);
	if (handle == NULL)
		return;
	handle->next = o->ctx->handles;
	handle->key = o->key;
	handle->device_fd = o->ret;
	handle->pf = o->sriov.role == VFTOKEN_ROLE_PF;
	handle->was_reset = o->was_reset;
	handle->unchecked = o->unchecked;
	handle->pf_key = o->sriov.pf_key;
	if (handle->pf && o->sent)
		handle->token_set = time(NULL);
	o->ctx->handles = handle;
}

void
vftoken_opening_prepare(struct vftoken_opening *o)
{
	char bdf[VFTOKEN_BDF_SIZE];
	int ret;

	vftoken_format_key(o->key, bdf);
	ret = vftoken_sriov_read(o->ctx->sysfs, bdf, &o->sriov);
	o->sriov_known = ret == 0;
	if (ret < 0)
		vftoken_say(o->ctx, MSG(sriov_unreadable), o->name, strerror(-ret));
	o->rule = vftoken_find_rule(o->ctx, o->key, o->sriov.pf_key);
	if (o->rule != NULL) {
		o->rule->found = true;
		o->source = o->rule->source.shown;
	} else if (o->ctx->provider != NULL && kernel_takes_token(&o->sriov)) {
		o->source = o->ctx->provider_name;
	}
}

void
vftoken_opening_run(struct vftoken_opening *o)
{
	int ret = o->path != NULL ? vftoken_cdev_open_file(o) : 0;

	if (ret == 0)
		ret = open_device(o);
	o->ret = ret;
	if (ret >= 0)
		return;
	if (!o->explained && ret == -EACCES)
		explain_access(o);
	else if (!o->explained && o->path != NULL)
		vftoken_cdev_explain(o, -ret);
	else if (!o->explained)
		explain_group(o, -ret);
	if (o->path != NULL && o->device_fd >= 0)
		close(o->device_fd);
}

static int
open_named(struct vftoken_opening *o)
{
	const bool is_bdf = vftoken_parse_key(o->name, &o->key) == 0;

	if (!is_bdf)
		o->key = VFTOKEN_KEY_NONE;
	pthread_mutex_lock(&o->ctx->lock);
	if (!is_bdf)
		vftoken_opening_run(o);
	else if (!vftoken_take_ahead(o))
		vftoken_open_together(o);
	if (o->ret >= 0 && is_bdf)
		remember(o);
	pthread_mutex_unlock(&o->ctx->lock);
	return o->ret;
}

int
vftoken_open(struct vftoken_context *ctx, int group_fd, const char *name)
{
	struct vftoken_opening o = { .ctx = ctx, .group_fd = group_fd, .name = name };

	return open_named(&o);
}

int
vftoken_open_cdev(struct vftoken_context *ctx, const char *path, int iommufd, const char *name)
{
	struct vftoken_opening o = {
		.ctx = ctx, .path = path, .device_fd = -1, .iommufd = iommufd, .name = name
	};

	return open_named(&o);
}

void
vftoken_received(struct vftoken_context *ctx, int device_fd, const char *name)
{
	struct vftoken_opening o = { .ctx = ctx, .name = name, .ret = device_fd };

	if (vftoken_parse_key(name, &o.key) < 0)
		return;
	pthread_mutex_lock(&ctx->lock);
	vftoken_opening_prepare(&o);
	remember(&o);
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_group_refused(struct vftoken_context *ctx, const char *name)
{
	char bdf[VFTOKEN_BDF_SIZE];
	struct vftoken_sriov sriov;
	struct vftoken_rule *rule;
	uint64_t key;

	if (vftoken_parse_key(name, &key) < 0)
		return;
	vftoken_format_key(key, bdf);
	pthread_mutex_lock(&ctx->lock);
	if (vftoken_sriov_read(ctx->sysfs, bdf, &sriov) == 0 && sriov.role == VFTOKEN_ROLE_VF &&
	    vftoken_sriov_share_group(ctx->sysfs, ctx->vfio, bdf, sriov.pf))
		vftoken_say(ctx, MSG(vf_in_group_of_pf), name, sriov.pf);
	/* It isn't the rule that is wrong. */
	rule = vftoken_find_rule(ctx, key, sriov.pf_key);
	if (rule != NULL)
		rule->found = true;
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_closing(struct vftoken_context *ctx, const char *name)
{
	struct vftoken_handle **link, *handle;
	uint64_t key;

	if (vftoken_parse_key(name, &key) < 0)
		return;
	pthread_mutex_lock(&ctx->lock);
	for (link = &ctx->handles; (handle = *link) != NULL; link = &handle->next)
		if (handle->key == key) {
			*link = handle->next;
			vftoken_keep_closing(ctx, handle->device_fd);
			free(handle);
			break;
		}
	pthread_mutex_unlock(&ctx->lock);
}

void
vftoken_device_requested(struct vftoken_context *ctx, const char *name)
{
	const struct vftoken_handle *handle = NULL;
	uint64_t key;

	pthread_mutex_lock(&ctx->lock);
	/* Don't read sysfs here: its files of the PF wait for the same event. */
	if (vftoken_parse_key(name, &key) == 0)
		handle = vftoken_find_handle(ctx, key);
	if (handle != NULL && handle->pf_key != VFTOKEN_KEY_NONE)
		vftoken_say(ctx, MSG(vf_requested), name);
	else
		vftoken_say(ctx, MSG(device_requested), name);
	pthread_mutex_unlock(&ctx->lock);
}

static int
transfer(struct vftoken_context *ctx, uint64_t key)
{
	char bdf[VFTOKEN_BDF_SIZE];
	const struct vftoken_subject subject = { .ctx = ctx,
						 .purpose = VFTOKEN_FOR_TRANSFER,
						 .device = bdf };
	struct vftoken_sriov sriov;
	struct vftoken_rule *rule;
	vftoken_uuid_t token;
	int ret;

	vftoken_format_key(key, bdf);
	ret = vftoken_sriov_read(ctx->sysfs, bdf, &sriov);
	rule = vftoken_find_rule(ctx, key, sriov.pf_key);
	if (rule == NULL && ret < 0 && ctx->n_rules > 0)
		return vftoken_refuse_of(&subject, ret, MSG(transfer_pf_unknown), strerror(-ret));
	if (rule == NULL)
		return -ENOKEY;
	ret = vftoken_read_rule(ctx, rule, &subject, token);
	if (ret < 0)
		return ret;
	ret = vftoken_transfer_make(token);
	explicit_bzero(token, sizeof(token));
	return ret < 0 ? vftoken_refuse_of(&subject, ret, MSG(store_failed), strerror(-ret)) : ret;
}

int
vftoken_transfer_token(struct vftoken_context *ctx, const char *name)
{
	uint64_t key;
	int ret;

	if (vftoken_parse_key(name, &key) < 0)
		return -EINVAL;
	pthread_mutex_lock(&ctx->lock);
	ret = transfer(ctx, key);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}
