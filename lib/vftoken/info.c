/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "private.h"
#include "sriov.h"
#include "vfio.h"
#include "vfs.h"

/* The size of a struct vftoken_info in the first version that had one. */
#define FIRST_SIZE (offsetof(struct vftoken_info, token_set) + sizeof(time_t))

/* The kernel has had vfio-pci's enable_sriov as long as VF tokens. */
static void
read_parameter(const char *devices, struct vftoken_info *info)
{
	char path[PATH_MAX];

	info->enable_sriov = vftoken_sriov_enable_sriov(devices);
	info->support = info->enable_sriov;
	if (info->support.answer != VFTOKEN_UNKNOWN || info->support.why == -EIO)
		info->support = (struct vftoken_fact){ VFTOKEN_YES, 0 };
	snprintf(path, sizeof(path), "%s/../drivers/vfio-pci", devices);
	if (info->support.why == -ENOENT && access(path, F_OK) == 0)
		info->support = (struct vftoken_fact){ VFTOKEN_NO, 0 };
}

/* What this process knows of the device. An open PF can be asked itself for kernel support. */
static void
read_process(const struct vftoken_context *ctx, uint64_t key, uint64_t pf,
	     struct vftoken_info *info)
{
	const struct vftoken_rule *rule = vftoken_find_rule(ctx, key, pf);
	const struct vftoken_handle *handle = vftoken_find_handle(ctx, key);

	info->source = "none";
	if (rule != NULL)
		info->source = vftoken_source_kind(&rule->source);
	else if (ctx->provider != NULL)
		info->source = ctx->provider_name;
	if (handle == NULL)
		return;
	info->open = true;
	info->token_set = handle->token_set;
	if (handle->pf)
		info->support = (struct vftoken_fact){ vftoken_vfio_feature_probe(
							       handle->device_fd,
							       VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
							       VFIO_DEVICE_FEATURE_SET) == 0
							       ? VFTOKEN_YES
							       : VFTOKEN_NO,
						       0 };
}

static int
read_info(struct vftoken_context *ctx, const char *name, struct vftoken_info *info)
{
	struct vftoken_sriov sriov;
	uint64_t key;
	int ret;

	if (vftoken_parse_key(name, &key) < 0)
		return -EINVAL;
	vftoken_format_key(key, info->bdf);
	ret = vftoken_sriov_read(ctx->sysfs, info->bdf, &sriov);
	if (ret < 0)
		return ret;
	memcpy(info->driver, sriov.driver, sizeof(info->driver));
	memcpy(info->pf, sriov.pf, sizeof(info->pf));
	memcpy(info->pf_driver, sriov.pf_driver, sizeof(info->pf_driver));
	info->pf_bound = sriov.pf_bound;
	info->role = sriov.role;
	info->totalvfs = sriov.totalvfs;
	info->numvfs = sriov.numvfs;
	info->vfs_change = (struct vftoken_fact){ VFTOKEN_NO, 0 };
	if (sriov.role == VFTOKEN_ROLE_PF)
		info->vfs_change = vftoken_sriov_vfs_change(ctx->sysfs, info->bdf, sriov.numvfs);
	read_parameter(ctx->sysfs, info);
	pthread_mutex_lock(&ctx->lock);
	read_process(ctx, key, sriov.pf_key, info);
	pthread_mutex_unlock(&ctx->lock);
	return 0;
}

int
vftoken_info_read(struct vftoken_context *ctx, const char *name, struct vftoken_info *info)
{
	struct vftoken_info read = { .size = info->size };
	int ret;

	if (info->size < FIRST_SIZE)
		return -EINVAL;
	ret = read_info(ctx, name, &read);
	/* A caller of a later version sees zeros in what this one doesn't know. */
	memset(info, 0, read.size);
	memcpy(info, &read, read.size < sizeof(read) ? read.size : sizeof(read));
	return ret;
}

const char *
vftoken_role_name(enum vftoken_role role)
{
	switch (role) {
	case VFTOKEN_ROLE_PF:
		return "PF";
	case VFTOKEN_ROLE_VF:
		return "VF";
	default:
		return "neither";
	}
}

const char *
vftoken_answer_name(enum vftoken_answer answer)
{
	switch (answer) {
	case VFTOKEN_YES:
		return "yes";
	case VFTOKEN_NO:
		return "no";
	default:
		return "unknown";
	}
}

int
vftoken_find_vf(struct vftoken_context *ctx, const char *pf, uint16_t index,
		char vf[VFTOKEN_BDF_SIZE])
{
	return vftoken_sriov_vf(ctx->sysfs, pf, index, vf);
}

struct vftoken_fact
vftoken_in_use(struct vftoken_context *ctx, const char *bdf)
{
	struct vftoken_fact fact;
	struct vftoken_sriov sriov;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = vftoken_sriov_read(ctx->sysfs, bdf, &sriov);
	if (ret == 0)
		fact = vftoken_vfs_in_use(ctx, bdf, &sriov);
	else
		fact = (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret };
	pthread_mutex_unlock(&ctx->lock);
	return fact;
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
