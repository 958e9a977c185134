/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vftoken/device.h>
#include <vftoken/info.h>
#include <vftoken/pf.h>

#include "command.h"

/*
 * Open a PF by the rule. Not while its VFs are in use: the kernel resets a PF as it is opened and
 * closed, which would stop their traffic, and would take no other token than the current one.
 */
static enum exit_code
open_pf(const char *bdf, struct vftoken_device **device)
{
	struct vftoken_context *ctx = vftoken_context_process();
	struct vftoken_info info = { .size = sizeof(info) };
	struct vfs_by_use vfs;
	int ret;

	/* What can't be read, vftoken_device_open() explains. */
	ret = vftoken_info_read(ctx, bdf, &info);
	if (ret == 0 && info.role == VFTOKEN_ROLE_VF)
		return complain(FAILED, MSG(cmd_is_a_vf), bdf);
	if (ret == 0 && info.role != VFTOKEN_ROLE_PF)
		return complain(FAILED, MSG(cmd_without_sriov), bdf);
	sort_vfs(bdf, info.numvfs, &vfs);
	if (vfs.used[0] != '\0')
		return complain(FAILED, MSG(cmd_vf_in_use), bdf, vfs.used);
	if (vfs.elsewhere[0] != '\0')
		return complain(FAILED, MSG(cmd_vf_elsewhere), bdf, vfs.elsewhere);
	if (vfs.unknown[0] != '\0')
		return complain(FAILED, MSG(cmd_vf_use_unknown), bdf, vfs.unknown);
	return vftoken_device_open(ctx, bdf, device) == 0 ? DONE : FAILED;
}

static enum exit_code
set(const struct arguments *arguments)
{
	struct vftoken_context *ctx = vftoken_context_process();
	char bdf[VFTOKEN_BDF_SIZE];
	struct vftoken_info status = { .size = sizeof(status) };
	struct vftoken_device *device;
	enum exit_code code;
	int ret;

	code = take_source(arguments->words[1]);
	if (code == DONE)
		code = take_device(arguments->words[0], bdf);
	if (code == DONE)
		code = open_pf(bdf, &device);
	if (code != DONE)
		return code;
	/* If sysfs shows vfio-pci, the open has set the token; a pipe can't be read twice. */
	ret = vftoken_info_read(ctx, bdf, &status);
	if (ret < 0 || status.token_set == 0)
		ret = vftoken_pf_reload_token(ctx, bdf);
	vftoken_device_close(device);
	if (ret < 0)
		return FAILED;
	answer(MSG(cmd_token_set), bdf);
	return DONE;
}

const struct command set_command = {
	.name = "set",
	.synopsis = "BDF SOURCE",
	.summary = "set a PF's VF token",
	.help = "The PF must be bound to vfio-pci and be open in no process; it is opened, and so reset,\n"
		"for a moment. The kernel keeps the token until another is set or the PF is unbound.\n"
		"While a VF is in use, only a process that holds the PF open can set another token.\n",
	.min_words = 2,
	.max_words = 2,
	.run = set,
};

static enum exit_code
take_num_vfs(const char *text, uint16_t *num_vfs)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || value < 1 ||
	    value > UINT16_MAX)
		return complain(WRONG, MSG(cmd_num_vfs), UINT16_MAX);
	*num_vfs = (uint16_t)value;
	return DONE;
}

static enum exit_code
enable(const struct arguments *arguments)
{
	struct vftoken_context *ctx = vftoken_context_process();
	char bdf[VFTOKEN_BDF_SIZE], vf[VFTOKEN_BDF_SIZE];
	struct vftoken_device *device;
	uint16_t i, num_vfs = 0;
	enum exit_code code;
	int ret;

	code = take_source(arguments->words[2]);
	if (code == DONE)
		code = take_device(arguments->words[0], bdf);
	if (code == DONE)
		code = take_num_vfs(arguments->words[1], &num_vfs);
	if (code == DONE)
		code = open_pf(bdf, &device);
	if (code != DONE)
		return code;
	ret = vftoken_pf_enable_vfs(ctx, bdf, num_vfs);
	vftoken_device_close(device);
	if (ret < 0)
		return FAILED;
	/* On a terminal libvftoken's message has just named them. */
	if (isatty(STDOUT_FILENO) && isatty(STDERR_FILENO))
		return DONE;
	for (i = 0; i < num_vfs && vftoken_find_vf(ctx, bdf, i, vf) == 0; i++)
		puts(vf);
	return DONE;
}

const struct command enable_command = {
	.name = "enable",
	.synopsis = "BDF N SOURCE",
	.summary = "set a PF's VF token, then enable N VFs",
	.help = "The PF must be bound to vfio-pci, whose enable_sriov must be on, and be open in no\n"
		"process. The VFs' BDFs go to stdout, one a line, unless that is a terminal, where a\n"
		"message names them. The VFs are bound to vfio-pci and stay until they are disabled.\n"
		"A pipe is read once, so give it as fd:0, not as file:.\n",
	.min_words = 3,
	.max_words = 3,
	.run = enable,
};

static enum exit_code
disable(const struct arguments *arguments)
{
	char bdf[VFTOKEN_BDF_SIZE];
	const enum exit_code code = take_device(arguments->words[0], bdf);

	if (code != DONE)
		return code;
	if (vftoken_pf_disable_vfs(vftoken_context_process(), bdf) < 0)
		return FAILED;
	answer(MSG(cmd_no_vfs), bdf);
	return DONE;
}

const struct command disable_command = {
	.name = "disable",
	.synopsis = "BDF",
	.summary = "disable a PF's VFs",
	.help = "That is refused while a VF is in use or bound to a driver other than a VFIO one.\n",
	.min_words = 1,
	.max_words = 1,
	.run = disable,
};
