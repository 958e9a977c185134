/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * A PF's process without DPDK. It holds the PF open, sets its VF token and enables N VFs.
 *
 *     pf_daemon 0000:01:00.0 2 file:/etc/vf-token
 *
 * On SIGHUP it reads the source again and sets the token. VFs that are open stay open. SIGTERM and
 * SIGINT end it. It disables the VFs that it has enabled, unless they are in use.
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vftoken/device.h>
#include <vftoken/info.h>
#include <vftoken/pf.h>

static void
log_message(enum vftoken_log_level level, const char *id, const char *text, void *opaque)
{
	(void)level;
	(void)opaque;
	fprintf(stderr, "pf_daemon: %s [%s]\n", text, id);
}

/* Send the state to the service manager's socket, if there is one (sd_notify(3)). */
static void
tell_manager(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size;
	int fd;

	if (name == NULL || strlen(name) > sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, name, strlen(name));
	/* An abstract socket: its name starts with a NUL. */
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size) < 0)
		fprintf(stderr, "pf_daemon: the service manager can't be told: %s\n",
			strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
rotate(struct vftoken_context *ctx, const char *pf)
{
	/* A failure changes nothing. The library logs a message in both cases. */
	if (vftoken_pf_reload_token(ctx, pf) == 0)
		tell_manager("STATUS=SIGHUP: the VF token was set again");
	else
		tell_manager("STATUS=SIGHUP: the VF token stays as it was, see the log");
}

/* Enable VFs, and wait for signals until one ends the process. */
static int
serve(struct vftoken_context *ctx, const char *pf, uint16_t num_vfs, const sigset_t *signals)
{
	struct vftoken_info before = { .size = sizeof(before) };
	int ret, signal;

	ret = vftoken_info_read(ctx, pf, &before);
	if (ret < 0) {
		fprintf(stderr, "pf_daemon: PF %s: its VFs can't be read from sysfs: %s\n", pf,
			strerror(-ret));
		return ret;
	}
	ret = vftoken_pf_enable_vfs(ctx, pf, num_vfs);
	if (ret < 0)
		return ret;
	fprintf(stderr, "pf_daemon: ready; SIGHUP rotates the VF token\n");
	tell_manager("READY=1\nSTATUS=the VF token is set, and VFs are enabled");

	while (sigwait(signals, &signal) == 0 && signal == SIGHUP)
		rotate(ctx, pf);

	tell_manager("STOPPING=1");
	return before.numvfs == 0 ? vftoken_pf_disable_vfs(ctx, pf) : 0;
}

/* Parse the arguments, and explain a wrong one. */
static bool
take_arguments(struct vftoken_context *ctx, int argc, char **argv, uint16_t *num_vfs)
{
	unsigned long value;
	char *end;
	int ret;

	if (argc != 4) {
		fprintf(stderr, "usage: pf_daemon PF N SOURCE, such as\n"
				"       pf_daemon 0000:01:00.0 2 file:/etc/vf-token\n");
		return false;
	}
	ret = vftoken_add_rule(ctx, argv[3]);
	/* The source may be a literal token, and ps shows the arguments. */
	vftoken_mask_rule(argv[3]);
	if (ret < 0)
		return false;
	value = strtoul(argv[2], &end, 10);
	if (end == argv[2] || *end != '\0' || value < 1 || value > UINT16_MAX) {
		fprintf(stderr, "pf_daemon: '%s' isn't a number of VFs; give one from 1 to 65535\n",
			argv[2]);
		return false;
	}
	*num_vfs = (uint16_t)value;
	return true;
}

/* Open the PF of the arguments, and serve it. */
static int
run(struct vftoken_context *ctx, int argc, char **argv, const sigset_t *signals)
{
	struct vftoken_device *device;
	uint16_t num_vfs;
	int ret;

	if (!take_arguments(ctx, argc, argv, &num_vfs))
		return -EINVAL;
	ret = vftoken_device_open(ctx, argv[1], &device);
	if (ret < 0)
		return ret;
	ret = serve(ctx, argv[1], num_vfs, signals);
	vftoken_device_close(device);
	return ret;
}

int
main(int argc, char **argv)
{
	struct vftoken_context *ctx;
	sigset_t signals;
	int ret;

	/* Block them first, so each signal waits for sigwait(). */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	ctx = vftoken_context_create();
	if (ctx == NULL) {
		fprintf(stderr, "pf_daemon: out of memory\n");
		return EXIT_FAILURE;
	}
	vftoken_context_set_log(ctx, log_message, NULL);
	ret = run(ctx, argc, argv, &signals);
	vftoken_context_destroy(ctx);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
