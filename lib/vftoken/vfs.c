/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pf.h"
#include "sriov.h"
#include "vfs.h"

/* Room for the VFs of a list that are in use, and for the others, of which a few are enough. */
#define REST_SIZE 1024
#define USED_SIZE (VFTOKEN_VFS_LIST_SIZE - REST_SIZE - 32)
#define STEP_MS 10

/*
 * In a container or a kernel without the file of the group. The driver enables a device for its
 * user, so the device need not be opened. Who may not open it by its own file shall not be told
 * that it is free.
 */
static struct vftoken_fact
without_group(const struct vftoken_context *ctx, const char *vf)
{
	const struct vftoken_fact fact = vftoken_sriov_enabled(ctx->sysfs, vf);
	char name[VFTOKEN_CDEV_SIZE], path[PATH_MAX];

	if (fact.answer == VFTOKEN_UNKNOWN)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, -ENOENT };
	if (fact.answer == VFTOKEN_NO && vftoken_sriov_cdev(ctx->sysfs, vf, name) == 0 &&
	    snprintf(path, sizeof(path), "%s/devices/%s", ctx->vfio, name) < PATH_MAX &&
	    faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0 && errno != ENOENT)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, -errno };
	return fact;
}

struct vftoken_fact
vftoken_vfs_in_use(const struct vftoken_context *ctx, const char *vf,
		   const struct vftoken_sriov *sriov)
{
	struct vftoken_fact fact = { VFTOKEN_NO, 0 };
	uint64_t key;

	/* On another driver, or on none, no process can open it by VFIO. */
	if (strstr(sriov->driver, "vfio") == NULL)
		return fact;
	fact = vftoken_sriov_in_use(ctx->sysfs, ctx->vfio, vf);
	if (fact.why == -ENOENT)
		return without_group(ctx, vf);
	if (fact.answer != VFTOKEN_YES || sriov->role != VFTOKEN_ROLE_VF ||
	    !vftoken_sriov_share_group(ctx->sysfs, ctx->vfio, vf, sriov->pf))
		return fact;
	if (vftoken_find_handle(ctx, sriov->pf_key) == NULL)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, -EXDEV };
	if (vftoken_parse_key(vf, &key) < 0 || vftoken_find_handle(ctx, key) == NULL)
		fact.answer = VFTOKEN_NO;
	return fact;
}

int
vftoken_vfs_are_stable(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs)
{
	const struct vftoken_fact change = vftoken_sriov_vfs_change(ctx->sysfs, pf, num_vfs);

	if (change.answer == VFTOKEN_YES)
		return vftoken_refuse(ctx, -EBUSY, MSG(vfs_change), pf);
	if (change.answer == VFTOKEN_UNKNOWN)
		return vftoken_refuse(ctx, change.why, MSG(vfs_change_unknown), pf,
				      strerror(-change.why));
	return 0;
}

int
vftoken_vfs_may_enable(const struct vftoken_context *ctx, const char *pf)
{
	const int ret = vftoken_sriov_may_write(ctx->sysfs, pf, "sriov_numvfs");

	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(vfs_not_writable), pf, strerror(-ret));
	if (vftoken_sriov_enable_sriov(ctx->sysfs).answer == VFTOKEN_NO)
		return vftoken_refuse(ctx, -ENOENT, MSG(vfs_sriov_off), pf);
	return 0;
}

/* What keeps a VF from being disabled, in words; empty when nothing does or nobody is to look. */
static void
find_use(const struct vftoken_context *ctx, const char *vf, char use[VFTOKEN_DRIVER_SIZE],
	 struct vftoken_vfs *vfs)
{
	struct vftoken_fact in_use;
	struct vftoken_sriov sriov;
	int ret;

	ret = vftoken_sriov_read(ctx->sysfs, vf, &sriov);
	/* Without a driver it is in nobody's use. */
	if (ret == -ENODEV || (ret == 0 && sriov.driver[0] == '\0'))
		return;
	if (ret == 0 && strstr(sriov.driver, "vfio") == NULL) {
		snprintf(use, VFTOKEN_DRIVER_SIZE, " on %.32s", sriov.driver);
		return;
	}
	in_use = (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret };
	if (ret == 0)
		in_use = vftoken_vfs_in_use(ctx, vf, &sriov);
	if (in_use.answer == VFTOKEN_YES) {
		snprintf(use, VFTOKEN_DRIVER_SIZE, " in use");
	} else if (in_use.answer == VFTOKEN_UNKNOWN && vfs->unknown[0] == '\0') {
		memcpy(vfs->unknown, vf, VFTOKEN_BDF_SIZE);
		vfs->why = in_use.why;
	}
}

/* Add a VF to a list; false when there is no room. */
static bool
append(char *list, size_t size, const char *vf, const char *use)
{
	const size_t length = strlen(list);
	const char *comma = length > 0 ? ", " : "";

	if (length + strlen(comma) + strlen(vf) + strlen(use) >= size)
		return false;
	snprintf(list + length, size - length, "%s%s%s", comma, vf, use);
	return true;
}

void
vftoken_vfs_look(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs, bool look,
		 struct vftoken_vfs *vfs)
{
	char vf[VFTOKEN_BDF_SIZE], use[VFTOKEN_DRIVER_SIZE], rest[REST_SIZE] = "";
	unsigned int more = 0;
	uint16_t i;

	memset(vfs, 0, sizeof(*vfs));
	for (i = 0; i < num_vfs; i++) {
		const int ret = vftoken_sriov_vf(ctx->sysfs, pf, i, vf);

		/* It has gone meanwhile, or can't be seen. */
		if (ret < 0) {
			snprintf(vfs->unknown, sizeof(vfs->unknown), "virtfn%u", i);
			vfs->why = ret;
			break;
		}
		use[0] = '\0';
		if (look)
			find_use(ctx, vf, use, vfs);
		vfs->used += use[0] != '\0';
		more += use[0] != '\0' ? !append(vfs->list, USED_SIZE, vf, use)
				       : !append(rest, sizeof(rest), vf, "");
	}
	if (rest[0] != '\0')
		append(vfs->list, sizeof(vfs->list), rest, "");
	if (more > 0) {
		snprintf(use, sizeof(use), "%u more", more);
		append(vfs->list, sizeof(vfs->list), use, "");
	}
}

/*
 * Wait for each VF to be there and on vfio-pci. Else, vf is the first that isn't, and driver what
 * it is on.
 */
static int
wait_for_vfs(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs,
	     unsigned int wait_ms, char vf[VFTOKEN_BDF_SIZE], char driver[VFTOKEN_DRIVER_SIZE])
{
	struct vftoken_sriov sriov = { .role = VFTOKEN_ROLE_NONE };
	unsigned int passed = 0;
	uint16_t i = 0;
	int ret;

	while (i < num_vfs) {
		ret = vftoken_sriov_vf(ctx->sysfs, pf, i, vf);
		if (ret == 0)
			ret = vftoken_sriov_read(ctx->sysfs, vf, &sriov);
		if (ret == 0 && strcmp(sriov.driver, "vfio-pci") == 0) {
			i++;
			continue;
		}
		snprintf(driver, VFTOKEN_DRIVER_SIZE, "%s", vftoken_driver_name(sriov.driver));
		if (passed >= wait_ms)
			return ret < 0 ? -ETIMEDOUT : -EXDEV;
		usleep(STEP_MS * 1000);
		passed += STEP_MS;
	}
	return 0;
}

int
vftoken_vfs_enable(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs)
{
	char vf[VFTOKEN_BDF_SIZE], driver[VFTOKEN_DRIVER_SIZE];
	struct vftoken_vfs vfs;
	int ret;

	ret = vftoken_sriov_set_numvfs(ctx->sysfs, pf, num_vfs);
	if (ret == -ENOENT)
		return vftoken_refuse(ctx, ret, MSG(vfs_sriov_off), pf);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(vfs_not_enabled), pf, num_vfs, strerror(-ret));
	ret = wait_for_vfs(ctx, pf, num_vfs, VFTOKEN_PF_WAIT_MS, vf, driver);
	if (ret == 0) {
		vftoken_vfs_look(ctx, pf, num_vfs, false, &vfs);
		vftoken_say(ctx, MSG(vfs_enabled), pf, num_vfs, vfs.list);
		if (vftoken_sriov_vf(ctx->sysfs, pf, 0, vf) == 0 &&
		    vftoken_sriov_share_group(ctx->sysfs, ctx->vfio, pf, vf))
			vftoken_say(ctx, MSG(vfs_share_group), pf, vf);
		return 0;
	}
	vftoken_sriov_set_numvfs(ctx->sysfs, pf, 0);
	if (ret == -ETIMEDOUT)
		return vftoken_refuse(ctx, ret, MSG(vfs_timeout), pf, num_vfs,
				      VFTOKEN_PF_WAIT_MS / 1000);
	return vftoken_refuse(ctx, ret, MSG(vfs_elsewhere), pf, vf, driver);
}

void
vftoken_vfs_keep(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs)
{
	char vf[VFTOKEN_BDF_SIZE], driver[VFTOKEN_DRIVER_SIZE];
	struct vftoken_vfs vfs;
	const int ret = wait_for_vfs(ctx, pf, num_vfs, 0, vf, driver);

	if (ret == -EXDEV)
		vftoken_say(ctx, MSG(vfs_kept_elsewhere), pf, vf, driver);
	vftoken_vfs_look(ctx, pf, num_vfs, false, &vfs);
	vftoken_say(ctx, MSG(vfs_kept), pf, num_vfs, vfs.list);
}
