/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include <vftoken/device.h>
#include <vftoken/info.h>

#include "command.h"

static const char *
driver_or_none(const char *driver)
{
	return driver[0] != '\0' ? driver : "no driver";
}

/* A VF whose group is in nobody's use. Its reset harms nobody. */
static enum exit_code
try_vf(const char *vf)
{
	struct vftoken_context *ctx = vftoken_context_process();
	struct vftoken_device *device;
	vftoken_uuid_t token;
	int ret;

	/* So that EACCES from the open is the kernel's answer, not that of the source's file. */
	if (vftoken_read_default(ctx, token) < 0)
		return UNKNOWN;
	explicit_bzero(token, sizeof(token));
	ret = vftoken_device_open(ctx, vf, &device);
	if (ret == 0)
		vftoken_device_close(device);
	if (ret < 0 && ret != -EACCES)
		return UNKNOWN;
	return ret == 0 ? DONE : FAILED;
}

static enum exit_code
check_vf(const char *bdf, const struct vftoken_info *info)
{
	struct vftoken_device *device;
	enum exit_code code;

	if (strcmp(info->pf_driver, "vfio-pci") != 0) {
		answer(MSG(cmd_vf_takes_none), bdf, info->pf, driver_or_none(info->pf_driver));
		return DONE;
	}
	switch (vftoken_in_use(vftoken_context_process(), bdf).answer) {
	case VFTOKEN_NO:
		break;
	case VFTOKEN_YES:
		return complain(UNKNOWN, MSG(cmd_vf_not_checked), bdf);
	default:
		/* This open is to fail before the token counts, and to say why. */
		if (vftoken_device_open(vftoken_context_process(), bdf, &device) == 0)
			vftoken_device_close(device);
		return UNKNOWN;
	}
	code = try_vf(bdf);
	if (code == DONE)
		answer(MSG(cmd_opens_vf), bdf);
	else if (code == FAILED)
		answer(MSG(cmd_opens_not_vf), bdf);
	return code;
}

/*
 * A PF isn't opened: with none of its VFs in use the kernel would take any token as the new one;
 * with some in use it would reset them together with the PF. An unused VF tells as well.
 */
static enum exit_code
check_pf(const char *bdf, const struct vftoken_info *info)
{
	struct vfs_by_use vfs;
	enum exit_code code;

	if (strcmp(info->driver, "vfio-pci") != 0) {
		answer(MSG(cmd_pf_takes_none), bdf, driver_or_none(info->driver));
		return DONE;
	}
	sort_vfs(bdf, info->numvfs, &vfs);
	if (vfs.used[0] == '\0' && vfs.unknown[0] != '\0')
		return complain(UNKNOWN, MSG(cmd_use_unknown), bdf, vfs.unknown);
	if (vfs.used[0] == '\0') {
		answer(MSG(cmd_any_opens_pf), bdf);
		return DONE;
	}
	if (vfs.unused[0] == '\0')
		return complain(UNKNOWN, MSG(cmd_pf_not_checked), bdf, vfs.used);
	code = try_vf(vfs.unused);
	if (code == DONE)
		answer(MSG(cmd_opens_pf), bdf, vfs.used, vfs.unused);
	else if (code == FAILED)
		answer(MSG(cmd_opens_not_pf), bdf, vfs.used, vfs.unused);
	return code;
}

static enum exit_code
check(const struct arguments *arguments)
{
	char bdf[VFTOKEN_BDF_SIZE];
	struct vftoken_info info = { .size = sizeof(info) };
	enum exit_code code;
	int ret;

	code = take_source(arguments->words[1]);
	if (code == DONE)
		code = take_device(arguments->words[0], bdf);
	if (code != DONE)
		return code;
	ret = vftoken_info_read(vftoken_context_process(), bdf, &info);
	if (ret == -ENODEV)
		return complain(UNKNOWN, MSG(cmd_no_device), bdf);
	if (ret < 0)
		return complain(UNKNOWN, MSG(cmd_device_unreadable), bdf, strerror(-ret));
	switch (info.role) {
	case VFTOKEN_ROLE_VF:
		return check_vf(bdf, &info);
	case VFTOKEN_ROLE_PF:
		return check_pf(bdf, &info);
	default:
		answer(MSG(cmd_takes_none), bdf);
		return DONE;
	}
}

const struct command check_command = {
	.name = "check",
	.synopsis = "BDF SOURCE",
	.summary = "say whether a token opens a device",
	.help = "A VF is opened with the token and closed again, unless it is in use. A PF is never\n"
		"opened: while a VF of it is in use, the token is tried on another VF that isn't;\n"
		"otherwise any token opens the PF and becomes its VF token. Nothing is set.\n"
		"Exit code: 0 it does, or the kernel takes none; 1 it doesn't; 2 it can't be found out.\n",
	.min_words = 2,
	.max_words = 2,
	.run = check,
};
