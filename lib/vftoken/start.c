/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include "opening.h"

void
vftoken_start_begin(struct vftoken_context *ctx, const char *shortest, int argc, char **argv)
{
	vftoken_keep_standard_fds();
	pthread_mutex_lock(&ctx->lock);
	vftoken_clear_ahead(ctx);
	while (ctx->waiting > 0)
		vftoken_wait_for_change(ctx);
	ctx->starting = true;
	vftoken_retire_rules(ctx);
	vftoken_mask_arguments(ctx, shortest, argc, argv);
	pthread_mutex_unlock(&ctx->lock);
}

/* Say why nothing was done for a number of VFs. */
static int
refuse_number(const struct vftoken_context *ctx, const struct vftoken_rule *rule, const char *bdf)
{
	struct vftoken_sriov sriov;
	const int ret = vftoken_sriov_read(ctx->sysfs, bdf, &sriov);

	if (ret == -ENODEV)
		return vftoken_refuse(ctx, -ENODEV, MSG(num_vfs_no_device), bdf, rule->num_vfs);
	if (ret == 0 && strcmp(sriov.driver, "vfio-pci") != 0)
		return vftoken_refuse(ctx, -ENODEV, MSG(num_vfs_driver), bdf, rule->num_vfs,
				      vftoken_driver_name(sriov.driver), bdf);
	return vftoken_refuse(ctx, -ENODEV, MSG(num_vfs_unopened), bdf, rule->num_vfs, bdf);
}

/* Whether a rule for one device was used. A process with a token provider enables no VFs. */
static int
check_rule(const struct vftoken_context *ctx, const struct vftoken_rule *rule)
{
	char bdf[VFTOKEN_BDF_SIZE];

	if (rule->key == VFTOKEN_KEY_DEFAULT)
		return 0;
	vftoken_format_key(rule->key, bdf);
	if (rule->has_source && !rule->found)
		vftoken_say(ctx, MSG(rule_unused), bdf);
	if (rule->num_vfs == 0 || rule->done == VFTOKEN_DONE || ctx->provider != NULL)
		return 0;
	return rule->done == VFTOKEN_REFUSED ? -ECANCELED : refuse_number(ctx, rule, bdf);
}

/* Say when this process has opened VFs that it has itself enabled, for others. */
static void
say_own_vfs(const struct vftoken_context *ctx, const struct vftoken_handle *pf)
{
	const struct vftoken_handle *vf;
	char bdf[VFTOKEN_BDF_SIZE];
	unsigned int n = 0;

	for (vf = ctx->handles; vf != NULL; vf = vf->next)
		n += vf->pf_key == pf->key;
	vftoken_format_key(pf->key, bdf);
	if (n > 0)
		vftoken_say(ctx, MSG(own_vfs), n, bdf, bdf);
}

int
vftoken_start_end(struct vftoken_context *ctx)
{
	const struct vftoken_handle *handle;
	int one, ret = 0;
	size_t i;

	pthread_mutex_lock(&ctx->lock);
	ctx->starting = false;
	vftoken_clear_ahead(ctx);
	for (i = 0; i < ctx->n_rules; i++) {
		one = check_rule(ctx, ctx->rules[i]);
		ret = ret == 0 ? one : ret;
	}
	for (handle = ctx->handles; handle != NULL; handle = handle->next)
		if (vftoken_find_num_vfs(ctx, handle->key) != 0 ||
		    vftoken_find_num_vfs(ctx, VFTOKEN_KEY_DEFAULT) != 0)
			say_own_vfs(ctx, handle);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}
