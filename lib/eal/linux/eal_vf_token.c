/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_memzone.h>
#include <rte_string_fns.h>
#include <rte_telemetry.h>

#include <vftoken/context.h>
#include <vftoken/device.h>
#include <vftoken/info.h>
#include <vftoken/pf.h>

#include "eal_internal_cfg.h"
#include "eal_options.h"
#include "eal_vf_token.h"

/* As many as one answer of telemetry holds (max_output_len in /info). */
#define VF_TOKEN_STATUS_MAX 48

#define VF_TOKEN_MP "eal_vf_token"
#define VF_TOKEN_MP_TIMEOUT_S 5

/* What the names of the sockets in the runtime directory begin with. */
#define VF_TOKEN_MP_SOCKETS "mp_socket"
#define VF_TOKEN_TELEMETRY_SOCKETS "dpdk_telemetry.v2"

/* The token itself comes as a memory file, so that no message holds it. */
struct vf_token_mp_param {
	int result;
	char device[VFTOKEN_BDF_SIZE];
};

static void
vf_token_log(enum vftoken_log_level level, const char *id, const char *text,
		void *opaque __rte_unused)
{
	static const uint32_t levels[] = {
		[VFTOKEN_LOG_ERR] = RTE_LOG_ERR,
		[VFTOKEN_LOG_WARNING] = RTE_LOG_WARNING,
		[VFTOKEN_LOG_INFO] = RTE_LOG_INFO,
	};

	rte_log(levels[level], RTE_LOGTYPE_EAL, "EAL: %s [%s]\n", text, id);
}

int
eal_vf_token_rule(char *rule)
{
	struct vftoken_context *ctx = vftoken_context_process();
	const int ret = vftoken_add_rule(ctx, rule);
	char **saved = eal_saved_args();
	int n = 0;

	while (saved != NULL && saved[n] != NULL)
		n++;
	vftoken_hide_rule(ctx, rule, n, saved);
	vftoken_hide_rule(ctx, rule, 1, &rule);
	return ret;
}

/* The device asked for, an empty text for none. What isn't a BDF may be a
 * token, so it isn't shown.
 */
static int
vf_token_device(const char *params, char device[VFTOKEN_BDF_SIZE])
{
	int ret = 0;

	device[0] = '\0';
	if (params != NULL && params[0] != '\0')
		ret = vftoken_parse_bdf(params, device);
	if (ret < 0)
		strlcpy(device, "not a BDF", VFTOKEN_BDF_SIZE);
	return ret;
}

static int
vf_token_reload(const char *cmd __rte_unused, const char *params,
		struct rte_tel_data *d)
{
	struct vftoken_context *ctx = vftoken_context_process();
	char device[VFTOKEN_BDF_SIZE];
	int ret;

	ret = vf_token_device(params, device);
	if (ret == 0)
		ret = vftoken_check_sockets(ctx, rte_eal_get_runtime_dir(),
				VF_TOKEN_TELEMETRY_SOCKETS);
	if (ret == 0)
		ret = vftoken_pf_reload_token(ctx,
				device[0] != '\0' ? device : NULL);

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "device",
			device[0] != '\0' ? device : "all");
	rte_tel_data_add_dict_string(d, "result",
			ret == 0 ? "reloaded" : strerror(-ret));
	return 0;
}

static void
vf_token_add_time(struct rte_tel_data *d, const char *name, time_t when)
{
	char text[sizeof("2026-01-01T00:00:00Z")] = "never";
	struct tm tm;

	if (when != 0 && gmtime_r(&when, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	rte_tel_data_add_dict_string(d, name, text);
}

static void
vf_token_fill_status(struct rte_tel_data *d, const char *name)
{
	struct vftoken_info info = { .size = sizeof(info) };
	int ret;

	ret = vftoken_info_read(vftoken_context_process(), name, &info);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "device", name);
	if (ret < 0) {
		rte_tel_data_add_dict_string(d, "error", strerror(-ret));
		return;
	}
	rte_tel_data_add_dict_string(d, "role", vftoken_role_name(info.role));
	rte_tel_data_add_dict_string(d, "driver", info.driver);
	if (info.role == VFTOKEN_ROLE_VF) {
		rte_tel_data_add_dict_string(d, "pf", info.pf);
		rte_tel_data_add_dict_string(d, "pf_driver",
				info.pf_driver);
	}
	if (info.role == VFTOKEN_ROLE_PF) {
		rte_tel_data_add_dict_int(d, "vfs_total",
				info.totalvfs);
		rte_tel_data_add_dict_int(d, "vfs_enabled",
				info.numvfs);
		rte_tel_data_add_dict_string(d, "vfs_change",
				vftoken_answer_name(info.vfs_change.answer));
		vf_token_add_time(d, "token_set", info.token_set);
	}
	rte_tel_data_add_dict_string(d, "open", info.open ? "yes" : "no");
	rte_tel_data_add_dict_string(d, "token_source", info.source);
	rte_tel_data_add_dict_string(d, "kernel_support",
			vftoken_answer_name(info.support.answer));
	rte_tel_data_add_dict_string(d, "cdev_check", vftoken_answer_name(
			vftoken_cdev_check(vftoken_context_process(), name).answer));
}

/* A name in telemetry's answers is made of letters, digits and _ alone. */
static void
vf_token_add_status(struct rte_tel_data *all, const char *name)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	char key[VFTOKEN_BDF_SIZE];
	char *c;

	if (d == NULL)
		return;
	vf_token_fill_status(d, name);
	strlcpy(key, name, sizeof(key));
	for (c = key; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	if (rte_tel_data_add_dict_container(all, key, d, 0) != 0)
		rte_tel_data_free(d);
}

static int
vf_token_status(const char *cmd __rte_unused, const char *params,
		struct rte_tel_data *d)
{
	char devices[VF_TOKEN_STATUS_MAX][VFTOKEN_BDF_SIZE];
	char device[VFTOKEN_BDF_SIZE];
	unsigned int i, n;
	int ret;

	rte_tel_data_start_dict(d);
	ret = vf_token_device(params, device);
	if (ret < 0) {
		rte_tel_data_add_dict_string(d, "device", device);
		rte_tel_data_add_dict_string(d, "error", strerror(-ret));
		return 0;
	}
	if (device[0] != '\0') {
		vf_token_add_status(d, device);
		return 0;
	}
	n = vftoken_list_devices(vftoken_context_process(), devices, RTE_DIM(devices));
	for (i = 0; i < RTE_MIN(n, RTE_DIM(devices)); i++)
		vf_token_add_status(d, devices[i]);
	if (n > RTE_DIM(devices))
		rte_tel_data_add_dict_int(d, "left_out", n - RTE_DIM(devices));
	return 0;
}

static int
vf_token_mp_primary(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = { .len_param = sizeof(struct vf_token_mp_param) };
	struct vf_token_mp_param *param = (struct vf_token_mp_param *)reply.param;
	struct vftoken_context *ctx = vftoken_context_process();
	int fd, ret;

	if (msg->len_param != sizeof(*param)) {
		rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL,
				"EAL: Received an invalid request for a VF token\n");
		return -1;
	}
	memcpy(param, msg->param, sizeof(*param));
	param->device[sizeof(param->device) - 1] = '\0';
	/* a datagram doesn't say who sent it */
	fd = vftoken_check_sockets(ctx, rte_eal_get_runtime_dir(),
			VF_TOKEN_MP_SOCKETS);
	if (fd == 0)
		fd = vftoken_transfer_token(ctx, param->device);
	param->result = RTE_MIN(fd, 0);
	if (fd >= 0) {
		reply.num_fds = 1;
		reply.fds[0] = fd;
	}
	strlcpy(reply.name, VF_TOKEN_MP, sizeof(reply.name));
	ret = rte_mp_reply(&reply, peer);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int
vf_token_mp_ask(const char *name, void *opaque __rte_unused)
{
	const struct timespec timeout = { .tv_sec = VF_TOKEN_MP_TIMEOUT_S };
	struct rte_mp_msg request = { .len_param = sizeof(struct vf_token_mp_param) };
	struct vf_token_mp_param *param = (struct vf_token_mp_param *)request.param;
	struct rte_mp_reply reply = { 0 };
	int ret = -EPROTO;

	if (rte_memzone_lookup(VF_TOKEN_MP) == NULL)
		return -EOPNOTSUPP;
	strlcpy(request.name, VF_TOKEN_MP, sizeof(request.name));
	strlcpy(param->device, name, sizeof(param->device));
	if (rte_mp_request_sync(&request, &reply, &timeout) < 0) {
		ret = -rte_errno;
	} else if (reply.nb_received == 1 &&
			reply.msgs[0].len_param == sizeof(*param)) {
		param = (struct vf_token_mp_param *)reply.msgs[0].param;
		if (param->result < 0)
			ret = param->result;
		else if (reply.msgs[0].num_fds == 1)
			ret = reply.msgs[0].fds[0];
	}
	free(reply.msgs);
	return ret;
}

/* The memzone tells secondary processes that this one answers. It stays, since
 * a primary process that has ended isn't one without libvftoken.
 */
static int
vf_token_mp_answer(void)
{
	if (rte_mp_action_register(VF_TOKEN_MP, vf_token_mp_primary) < 0)
		return rte_errno == ENOTSUP ? 0 : -1;
	return rte_memzone_reserve(VF_TOKEN_MP, 1, SOCKET_ID_ANY, 0) == NULL ? -1 : 0;
}

void
eal_vf_token_setup(void)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		vftoken_context_set_provider(vftoken_context_process(),
				vf_token_mp_ask, NULL, "the primary process");
	else if (vf_token_mp_answer() < 0)
		rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL,
				"EAL: Secondary processes can't ask for VF tokens: %s\n",
				rte_strerror(rte_errno));
}

void
eal_vf_token_cleanup(void)
{
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		rte_mp_action_unregister(VF_TOKEN_MP);
	vftoken_context_clear(vftoken_context_process());
}

RTE_INIT(vf_token_init)
{
	vftoken_context_set_log(vftoken_context_process(), vf_token_log, NULL);
	rte_telemetry_register_cmd("/vf_token/reload", vf_token_reload,
		"Reads a PF's VF token from its source and sets it; "
		"no token is shown. Parameters: PF's PCI address, none for all");
	rte_telemetry_register_cmd("/vf_token/status", vf_token_status,
		"Shows the devices that have a VF token rule or are open, "
		"no token. Parameters: PCI address, none for all");
}
