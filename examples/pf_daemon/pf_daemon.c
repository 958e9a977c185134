/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * A PF's process without DPDK. It holds the PF open, sets its VF token and enables N VFs.
 *
 *     pf_daemon 0000:01:00.0 2 file:/etc/vf-token
 *
 * On SIGHUP it reads the source again and sets the token. VFs that are open stay open. SIGTERM and
 * SIGINT end it. It disables the VFs that it has enabled, unless they are in use. It also ends when
 * the kernel requests the PF, as somebody unbinds or unplugs it, so that the kernel needn't wait.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vfio.h>

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

/* An eventfd that VFIO signals when the kernel requests the device; -1 if it can't. */
static int
make_request_fd(int device_fd)
{
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_REQ_IRQ_INDEX,
			.count = 1,
		},
	};
	const int32_t fd = eventfd(0, EFD_CLOEXEC);

	memcpy(irq.set.data, &fd, sizeof(fd));
	if (fd >= 0 && ioctl(device_fd, VFIO_DEVICE_SET_IRQS, &irq) == 0)
		return fd;
	fprintf(stderr, "pf_daemon: requests of the kernel aren't noticed: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Wait until the process is to end: true for a signal, false for a request of the kernel. */
static bool
wait_for_end(struct vftoken_context *ctx, const char *pf, int signal_fd, int request_fd)
{
	struct pollfd fds[] = {
		{ .fd = request_fd, .events = POLLIN }, /* poll() ignores a -1 */
		{ .fd = signal_fd, .events = POLLIN },
	};
	struct signalfd_siginfo signal;

	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0) {
			vftoken_device_requested(ctx, pf);
			return false;
		}
		if (read(signal_fd, &signal, sizeof(signal)) != sizeof(signal) ||
		    signal.ssi_signo != SIGHUP)
			break;
		rotate(ctx, pf);
	}
	return true;
}

/* Enable VFs, and wait for the end. Return 1 if the VFs are to be disabled then. */
static int
serve(struct vftoken_context *ctx, const char *pf, uint16_t num_vfs, int signal_fd, int request_fd)
{
	struct vftoken_info before = { .size = sizeof(before) };
	bool by_signal;
	int ret;

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

	by_signal = wait_for_end(ctx, pf, signal_fd, request_fd);
	tell_manager("STOPPING=1");
	/* The kernel disables the VFs of a PF that is unbound or unplugged. */
	return by_signal && before.numvfs == 0;
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
	/* Arguments in another order: the log gets no token and no control characters. */
	vftoken_make_printable(argv[1]);
	vftoken_make_printable(argv[2]);
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
run(struct vftoken_context *ctx, int argc, char **argv, int signal_fd)
{
	struct vftoken_device *device;
	uint16_t num_vfs;
	int ret, request_fd;

	if (!take_arguments(ctx, argc, argv, &num_vfs))
		return -EINVAL;
	ret = vftoken_device_open(ctx, argv[1], &device);
	if (ret < 0)
		return ret;
	request_fd = make_request_fd(vftoken_device_fd(device));
	ret = serve(ctx, argv[1], num_vfs, signal_fd, request_fd);
	/*
	 * Before the VFs are disabled: an unbind that has begun waits for this, and sriov_numvfs
	 * waits for the unbind.
	 */
	vftoken_device_close(device);
	if (request_fd >= 0)
		close(request_fd);
	return ret > 0 ? vftoken_pf_disable_vfs(ctx, argv[1]) : ret;
}

int
main(int argc, char **argv)
{
	struct vftoken_context *ctx;
	sigset_t signals;
	int ret, signal_fd;

	/* What is printed where stderr is closed gets into no other file. */
	vftoken_keep_standard_fds();

	/* Block them first, so each signal waits to be read. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);

	ctx = vftoken_context_create();
	if (ctx == NULL || signal_fd < 0) {
		fprintf(stderr, "pf_daemon: out of memory or descriptors\n");
		vftoken_context_destroy(ctx);
		return EXIT_FAILURE;
	}
	vftoken_context_set_log(ctx, log_message, NULL);
	ret = run(ctx, argc, argv, signal_fd);
	vftoken_context_destroy(ctx);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
