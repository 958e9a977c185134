/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pf.h"
#include "sriov.h"
#include "vfs.h"

#define CUT "\u2026"
#define STEP_MS 10

/* What keeps a VF from being disabled, in words; empty when nothing does or it can't be known. */
static void
find_use(const struct vftoken_context *ctx, const char *vf, char use[VFTOKEN_DRIVER_SIZE])
{
	struct vftoken_sriov sriov;

	use[0] = '\0';
	if (vftoken_sriov_in_use(ctx->sysfs, ctx->vfio, vf) == 1)
		snprintf(use, VFTOKEN_DRIVER_SIZE, " in use");
	else if (vftoken_sriov_read(ctx->sysfs, vf, &sriov) == 0 && sriov.driver[0] != '\0' &&
		 strstr(sriov.driver, "vfio") == NULL)
		snprintf(use, VFTOKEN_DRIVER_SIZE, " on %.32s", sriov.driver);
}

unsigned int
vftoken_vfs_list(const struct vftoken_context *ctx, const char *pf, uint16_t num_vfs, bool look,
		 char list[VFTOKEN_VFS_LIST_SIZE])
{
	char vf[VFTOKEN_BDF_SIZE], use[VFTOKEN_DRIVER_SIZE] = "";
	unsigned int used = 0;
	size_t length = 0;
	uint16_t i;

	list[0] = '\0';
	for (i = 0; i < num_vfs && vftoken_sriov_vf(ctx->sysfs, pf, i, vf) == 0; i++) {
		if (look)
			find_use(ctx, vf, use);
		used += use[0] != '\0';
		if (length < VFTOKEN_VFS_LIST_SIZE)
			length += (size_t)snprintf(list + length, VFTOKEN_VFS_LIST_SIZE - length,
						   "%s%s%s", i > 0 ? ", " : "", vf, use);
	}
	if (length >= VFTOKEN_VFS_LIST_SIZE)
		memcpy(list + VFTOKEN_VFS_LIST_SIZE - sizeof(CUT), CUT, sizeof(CUT));
	return used;
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
	char vf[VFTOKEN_BDF_SIZE], driver[VFTOKEN_DRIVER_SIZE], list[VFTOKEN_VFS_LIST_SIZE];
	int ret;

	ret = vftoken_sriov_set_numvfs(ctx->sysfs, pf, num_vfs);
	if (ret == -ENOENT)
		return vftoken_refuse(ctx, ret, MSG(vfs_sriov_off), pf);
	if (ret < 0)
		return vftoken_refuse(ctx, ret, MSG(vfs_not_enabled), pf, num_vfs, strerror(-ret));
	ret = wait_for_vfs(ctx, pf, num_vfs, VFTOKEN_PF_WAIT_MS, vf, driver);
	if (ret == 0) {
		vftoken_vfs_list(ctx, pf, num_vfs, false, list);
		vftoken_say(ctx, MSG(vfs_enabled), pf, num_vfs, list);
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
	char vf[VFTOKEN_BDF_SIZE], driver[VFTOKEN_DRIVER_SIZE], list[VFTOKEN_VFS_LIST_SIZE];
	const int ret = wait_for_vfs(ctx, pf, num_vfs, 0, vf, driver);

	if (ret == -ETIMEDOUT)
		vftoken_say(ctx, MSG(vfs_incomplete), pf, num_vfs);
	else if (ret < 0)
		vftoken_say(ctx, MSG(vfs_kept_elsewhere), pf, vf, driver);
	vftoken_vfs_list(ctx, pf, num_vfs, false, list);
	vftoken_say(ctx, MSG(vfs_kept), pf, num_vfs, list);
}
