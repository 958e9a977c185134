/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * A PF's process without DPDK: it holds the PF open, sets its VF token and enables N VFs.
 *
 *     pf_daemon 0000:01:00.0 2 file:/etc/vf-token
 *
 * SIGHUP sets the token afresh from its source; VFs that are open stay open. SIGTERM or SIGINT ends
 * it: VFs that it enabled are disabled, unless they are in use; VFs that were there before stay.
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

#include <pci_device.h>
#include <pci_pf.h>
#include <pci_sriov.h>

static void
log_message(enum vftoken_log_level level, const char *message, void *opaque)
{
	(void)level;
	(void)opaque;
	fprintf(stderr, "pf_daemon: %s\n", message);
}

/*
 * Tell the service manager how it stands, if there is one. That is a datagram to the socket which
 * it names (sd_notify(3)), so that no library is needed.
 */
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
	/* A socket without a file; its name starts with a NUL. */
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
			     size) < 0)
		fprintf(stderr, "pf_daemon: the service manager can't be told: %s\n",
			strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
rotate(const char *pf)
{
	/* A failure changes nothing. Either way the library has said what it did, and why. */
	if (pci_pf_reload_token(vftoken_process(), pf) == 0)
		tell_manager("STATUS=SIGHUP: the VF token was set afresh");
	else
		tell_manager("STATUS=SIGHUP: the VF token stays as it was, see the log");
}

/* Hold the PF until a signal to end. */
static int
serve(const char *pf, uint16_t num_vfs, const sigset_t *signals)
{
	struct vftoken *vt = vftoken_process();
	struct pci_sriov before;
	int ret, signal;

	ret = pci_sriov_read(NULL, pf, &before);
	if (ret < 0) {
		fprintf(stderr, "pf_daemon: PF %s: its VFs can't be read from sysfs: %s\n", pf,
			strerror(-ret));
		return ret;
	}
	ret = pci_pf_enable_vfs(vt, NULL, pf, num_vfs);
	if (ret < 0)
		return ret;
	fprintf(stderr, "pf_daemon: ready; SIGHUP rotates the VF token\n");
	tell_manager("READY=1\nSTATUS=the VF token is set, and VFs are enabled");

	while (sigwait(signals, &signal) == 0 && signal == SIGHUP)
		rotate(pf);

	tell_manager("STOPPING=1");
	return before.numvfs == 0 ? pci_pf_disable_vfs(vt, NULL, pf) : 0;
}

/* Take the arguments; a wrong one is explained. */
static bool
take_arguments(int argc, char **argv, uint16_t *num_vfs)
{
	unsigned long value;
	char *end;
	int ret;

	if (argc != 4) {
		fprintf(stderr, "usage: pf_daemon PF N SOURCE, such as\n"
				"       pf_daemon 0000:01:00.0 2 file:/etc/vf-token\n");
		return false;
	}
	ret = vftoken_add_rule(vftoken_process(), argv[3]);
	/* For a token given as such: what is in the arguments is in ps. */
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

int
main(int argc, char **argv)
{
	struct vftoken *vt = vftoken_process();
	struct pci_device device;
	sigset_t signals;
	uint16_t num_vfs;
	int ret;

	/* Blocked from the start, so that each signal waits for sigwait(). */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	vftoken_set_log(vt, log_message, NULL);
	if (!take_arguments(argc, argv, &num_vfs))
		return EXIT_FAILURE;
	ret = pci_device_open(vt, NULL, argv[1], &device);
	if (ret == 0) {
		ret = serve(device.bdf, num_vfs, &signals);
		pci_device_close(vt, &device);
	}
	vftoken_clear(vt);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
