/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "pf.h"
#include "private.h"
#include "sriov.h"
#include "vfio.h"
#include "vfs.h"

/* The open PF of a name; NULL when this process hasn't opened it. */
static struct vftoken_handle *
find_pf(const struct vftoken_context *ctx, const char *name)
{
	struct vftoken_handle *pf = NULL;
	uint64_t key;

	if (vftoken_parse_key(name, &key) == 0)
		pf = vftoken_find_handle(ctx, key);
	if (pf == NULL)
		vftoken_say(ctx, MSG(pf_not_open), name);
	return pf;
}

static struct vftoken_rule *
find_rule(const struct vftoken_context *ctx, const struct vftoken_handle *pf)
{
	return vftoken_find_rule(ctx, pf->key, VFTOKEN_KEY_NONE);
}

static int
set_token(const struct vftoken_context *ctx, struct vftoken_handle *pf, const char *bdf,
	  const vftoken_uuid_t token, const char *from)
{
	int ret;

	ret = vftoken_vfio_feature_set(pf->device_fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, token,
				       sizeof(vftoken_uuid_t));
	if (ret == -ENOTTY)
		return vftoken_refuse(ctx, ret, MSG(pf_takes_no_token), bdf);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(pf_token_refused), bdf, strerror(-ret));
	pf->token_set = time(NULL);
	vftoken_say(ctx, MSG(pf_token_set), bdf, from);
	return 0;
}

/* Whether a PF's rule reads the same file as another one. */
static bool
shares_file(const struct vftoken_context *ctx, const struct vftoken_handle *pf,
	    const struct vftoken_source *source)
{
	const struct vftoken_rule *rule = pf->pf ? find_rule(ctx, pf) : NULL;

	return rule != NULL && rule->source.kind == VFTOKEN_SOURCE_FILE &&
	       strcmp(rule->source.shown, source->shown) == 0;
}

/*
 * Set the next token of each PF whose token is in the same file. Only then the file of the current
 * one may go, as long as it is the token of a PF that may have to be opened again.
 */
static int
set_next_token(struct vftoken_context *ctx, struct vftoken_rule *rule, const vftoken_uuid_t token)
{
	char shown[VFTOKEN_NEXT_SIZE], bdf[VFTOKEN_BDF_SIZE];
	struct vftoken_handle *pf;
	int one, ret = 0;

	vftoken_source_next(&rule->source, shown);
	for (pf = ctx->handles; pf != NULL; pf = pf->next) {
		if (!shares_file(ctx, pf, &rule->source))
			continue;
		pf->round = ctx->rounds;
		vftoken_format_key(pf->key, bdf);
		one = set_token(ctx, pf, bdf, token, shown);
		ret = ret == 0 ? one : ret;
	}
	return ret == 0 ? vftoken_source_take_next(ctx, &rule->source) : ret;
}

/* Take the next token of an open PF; -ENOENT without one. Another may be written meanwhile. */
static int
take_next_token(struct vftoken_context *ctx, struct vftoken_rule *rule,
		const struct vftoken_subject *subject)
{
	vftoken_uuid_t token;
	int ret;

	do {
		ret = vftoken_source_read_next(ctx, &rule->source, token, subject);
		if (ret < 0)
			return ret;
		if (find_pf(ctx, subject->device) == NULL)
			ret = -ENODEV;
		else
			ret = set_next_token(ctx, rule, token);
		explicit_bzero(token, sizeof(token));
	} while (ret == -ESTALE);
	return ret;
}

/*
 * Set a PF's token. A reload takes the next token, if there is one. The PF may be closed while it
 * is read.
 */
static int
set_token_from_rule(struct vftoken_context *ctx, struct vftoken_handle *pf, bool reload)
{
	struct vftoken_rule *rule = find_rule(ctx, pf);
	struct vftoken_subject subject = { .ctx = ctx, .purpose = VFTOKEN_FOR_RELOAD };
	char bdf[VFTOKEN_BDF_SIZE];
	int ret = -ENOENT;
	vftoken_uuid_t token;

	vftoken_format_key(pf->key, bdf);
	subject.device = bdf;
	if (rule == NULL)
		return vftoken_refuse(ctx, -ENOKEY, MSG(pf_without_rule), bdf, bdf);
	if (reload)
		ret = take_next_token(ctx, rule, &subject);
	if (ret != -ENOENT)
		return ret;
	ret = vftoken_read_rule(ctx, rule, &subject, token);
	if (ret < 0)
		return ret;
	pf = find_pf(ctx, bdf);
	ret = pf != NULL ? set_token(ctx, pf, bdf, token, rule->source.shown) : -ENODEV;
	explicit_bzero(token, sizeof(token));
	return ret;
}

/*
 * Set the token of each PF with a rule; -ENODEV if there is none. The list may change while a token
 * is read.
 */
static int
set_all_tokens(struct vftoken_context *ctx)
{
	const unsigned int round = ++ctx->rounds;
	struct vftoken_handle *pf = ctx->handles;
	bool any = false;
	int one, ret = 0;

	while (pf != NULL) {
		if (!pf->pf || pf->round == round || find_rule(ctx, pf) == NULL) {
			pf = pf->next;
			continue;
		}
		pf->round = round;
		any = true;
		one = set_token_from_rule(ctx, pf, true);
		ret = ret == 0 ? one : ret;
		pf = ctx->handles;
	}
	return any ? ret : vftoken_refuse(ctx, -ENODEV, MSG(no_pf_open));
}

int
vftoken_pf_reload_token(struct vftoken_context *ctx, const char *name)
{
	struct vftoken_handle *pf;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	if (name != NULL) {
		pf = find_pf(ctx, name);
		ret = pf != NULL ? set_token_from_rule(ctx, pf, true) : -ENODEV;
	} else {
		ret = set_all_tokens(ctx);
	}
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

static int
check_pf(const struct vftoken_context *ctx, const char *pf, struct vftoken_sriov *sriov)
{
	const int ret = vftoken_sriov_read(ctx->sysfs, pf, sriov);

	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(pf_unreadable), pf, strerror(-ret));
	if (sriov->role == VFTOKEN_ROLE_VF)
		return vftoken_refuse(ctx, -ENOTSUP, MSG(pf_is_a_vf), pf);
	if (sriov->role == VFTOKEN_ROLE_NONE)
		return vftoken_refuse(ctx, -ENOTSUP, MSG(pf_without_sriov), pf);
	return 0;
}

/* All that can be refused before anything changes. */
static int
check_enable(const struct vftoken_context *ctx, const struct vftoken_handle *pf, const char *bdf,
	     uint16_t num_vfs, struct vftoken_sriov *sriov)
{
	struct vftoken_vfs vfs;
	int ret;

	ret = check_pf(ctx, bdf, sriov);
	if (ret < 0)
		return ret;
	ret = vftoken_vfs_are_stable(ctx, bdf, sriov->numvfs);
	if (ret < 0)
		return ret;
	if (sriov->totalvfs == 0)
		return vftoken_refuse(ctx, -ERANGE, MSG(num_vfs_none), bdf, num_vfs);
	if (num_vfs < 1 || num_vfs > sriov->totalvfs)
		return vftoken_refuse(ctx, -ERANGE, MSG(num_vfs_range), bdf, num_vfs,
				      sriov->totalvfs);
	if (sriov->numvfs != 0 && sriov->numvfs != num_vfs) {
		vftoken_vfs_look(ctx, bdf, sriov->numvfs, true, &vfs);
		return vftoken_refuse(ctx, -EBUSY, MSG(num_vfs_other), bdf, sriov->numvfs, vfs.list,
				      num_vfs, sriov->numvfs, bdf);
	}
	if (find_rule(ctx, pf) == NULL && pf->token_set == 0)
		return vftoken_refuse(ctx, -ENOKEY, MSG(vfs_without_rule), bdf, bdf);
	if (sriov->numvfs == 0) {
		ret = vftoken_vfs_may_enable(ctx, bdf);
		if (ret < 0)
			return ret;
	}
	ret = vftoken_vfio_feature_probe(pf->device_fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
					 VFIO_DEVICE_FEATURE_SET);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(vfs_without_token), bdf, strerror(-ret));
	return 0;
}

static int
set_token_and_enable(struct vftoken_context *ctx, const char *name, uint16_t num_vfs)
{
	struct vftoken_handle *pf = find_pf(ctx, name);
	struct vftoken_sriov sriov;
	char bdf[VFTOKEN_BDF_SIZE];
	int ret;

	if (pf == NULL)
		return -ENODEV;
	vftoken_format_key(pf->key, bdf);
	ret = check_enable(ctx, pf, bdf, num_vfs, &sriov);
	if (ret == 0 && find_rule(ctx, pf) != NULL)
		ret = set_token_from_rule(ctx, pf, false);
	if (ret < 0)
		return ret;
	if (sriov.numvfs == 0)
		return vftoken_vfs_enable(ctx, bdf, num_vfs);
	vftoken_vfs_keep(ctx, bdf, num_vfs);
	return 0;
}

int
vftoken_pf_enable_vfs(struct vftoken_context *ctx, const char *name, uint16_t num_vfs)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = set_token_and_enable(ctx, name, num_vfs);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

/*
 * The rule with the number asked for; NULL for none. A number for all PFs means nothing to other
 * devices, nor to a PF that can have no VFs.
 */
static int
find_asked(const struct vftoken_context *ctx, const char *name, struct vftoken_rule **asked)
{
	struct vftoken_sriov sriov;
	char bdf[VFTOKEN_BDF_SIZE];
	uint64_t key;
	int ret;

	*asked = NULL;
	if (vftoken_parse_key(name, &key) < 0)
		return 0;
	if (vftoken_find_num_vfs(ctx, key) != 0)
		*asked = vftoken_find_key(ctx, key);
	if (*asked != NULL || vftoken_find_num_vfs(ctx, VFTOKEN_KEY_DEFAULT) == 0)
		return 0;
	vftoken_format_key(key, bdf);
	ret = vftoken_sriov_read(ctx->sysfs, bdf, &sriov);
	if (ret < 0 && ret != -ENODEV)
		return vftoken_refuse(ctx, ret, MSG(pf_unreadable), bdf, strerror(-ret));
	if (sriov.totalvfs > 0)
		*asked = vftoken_find_key(ctx, VFTOKEN_KEY_DEFAULT);
	return 0;
}

int
vftoken_pf_start(struct vftoken_context *ctx, const char *name, uint16_t *num_vfs)
{
	struct vftoken_rule *asked;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = find_asked(ctx, name, &asked);
	if (ret == 0 && asked != NULL) {
		ret = set_token_and_enable(ctx, name, asked->num_vfs);
		asked->done = ret == 0 ? VFTOKEN_DONE : VFTOKEN_REFUSED;
		if (ret == 0)
			*num_vfs = asked->num_vfs;
	}
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

/* The kernel would keep this process waiting while somebody uses the VF, beyond SIGKILL. */
static int
refuse_unknown(const struct vftoken_context *ctx, const char *pf, const struct vftoken_vfs *vfs)
{
	switch (-vfs->why) {
	case EXDEV:
		return vftoken_refuse(ctx, vfs->why, MSG(use_of_shared_group), pf, vfs->unknown);
	case ENOENT:
		return vftoken_refuse(ctx, vfs->why, MSG(use_without_file), pf, vfs->unknown,
				      ctx->vfio);
	case EACCES:
	case EPERM:
		return vftoken_refuse(ctx, vfs->why, MSG(use_without_access), pf, vfs->unknown,
				      ctx->vfio);
	default:
		return vftoken_refuse(ctx, vfs->why, MSG(use_unknown), pf, vfs->unknown,
				      strerror(-vfs->why));
	}
}

static int
disable_vfs(const struct vftoken_context *ctx, const char *pf)
{
	struct vftoken_sriov sriov;
	struct vftoken_vfs vfs;
	int ret;

	ret = check_pf(ctx, pf, &sriov);
	if (ret < 0)
		return ret;
	ret = vftoken_vfs_are_stable(ctx, pf, sriov.numvfs);
	if (ret < 0)
		return ret;
	if (sriov.numvfs == 0)
		return 0;
	vftoken_vfs_look(ctx, pf, sriov.numvfs, true, &vfs);
	if (vfs.used > 0)
		return vftoken_refuse(ctx, -EBUSY, MSG(vfs_in_use), pf, sriov.numvfs, vfs.list);
	if (vfs.unknown[0] != '\0')
		return refuse_unknown(ctx, pf, &vfs);
	ret = vftoken_sriov_set_numvfs(ctx->sysfs, pf, 0);
	if (ret == -ENOENT)
		return vftoken_refuse(ctx, ret, MSG(vfs_kept_sriov_off), pf);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(vfs_not_disabled), pf, strerror(-ret));
	return 0;
}

int
vftoken_pf_disable_vfs(struct vftoken_context *ctx, const char *name)
{
	char bdf[VFTOKEN_BDF_SIZE];
	int ret;

	pthread_mutex_lock(&ctx->lock);
	if (vftoken_parse_bdf(name, bdf) < 0)
		ret = vftoken_refuse(ctx, -EINVAL, MSG(not_a_bdf), name);
	else
		ret = disable_vfs(ctx, bdf);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}
