/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "step.h"

/*
 * Devices that are taken away while they are open: the kernel asks for them, and waits. So a
 * process of its own does the write that the kernel holds up.
 */

/* The kernel repeats its request every ten seconds; the first comes at once. */
#define REQUEST_MS 15000
#define STILL_HELD_MS 500
#define FREED_MS 15000

/* Ask to be told when the kernel wants a device back. */
static int
watch_requests(const struct device *device)
{
	union {
		uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
		struct vfio_irq_set set;
	} request = { { 0 } };
	const int32_t fd = eventfd(0, EFD_CLOEXEC);

	request.set.argsz = sizeof(request.bytes);
	request.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	request.set.index = VFIO_PCI_REQ_IRQ_INDEX;
	request.set.count = 1;
	memcpy(request.set.data, &fd, sizeof(fd));
	if (fd < 0 || ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &request) < 0)
		verdict_fail("the device request can't be watched: %s", strerror(errno));
	return fd;
}

static bool
readable(int fd, int milliseconds)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, milliseconds) > 0;
}

/* What takes a device away, and the pipe that says that the kernel has let it. */
struct removal {
	void (*remove)(const struct run *run);
	int ends[2];
};

static void
remove_in_child(const struct run *run, void *arg)
{
	const struct removal *removal = arg;
	const int done = STDERR_FILENO + 1;

	/* Its copies of the devices' files would keep them open. Kernels before 5.9 know no
	 * close_range(2), but closefrom(3) does without.
	 */
	dup2(removal->ends[1], done);
	closefrom(done + 1);
	removal->remove(run);
	step_signal(done);
}

static pid_t
start_removal(const struct run *run, struct removal *removal)
{
	if (pipe(removal->ends) < 0)
		verdict_fail("no pipe: %s", strerror(errno));
	return step_fork(remove_in_child, run, removal);
}

static void
must_be_held_up(const struct removal *removal)
{
	if (readable(removal->ends[0], STILL_HELD_MS))
		verdict_fail("the kernel hasn't waited until the device was closed");
}

static void
must_be_done(struct removal *removal, pid_t pid)
{
	if (!readable(removal->ends[0], FREED_MS))
		verdict_fail("the device is closed, and the kernel still waits");
	step_join(pid);
}

static void
disable_vfs(const struct run *run)
{
	step_num_vfs(run->pf, 0, 0);
}

static void
unbind_pf(const struct run *run)
{
	step_bind(run->pf, "");
}

static void
unbind_vf(const struct run *run)
{
	step_bind(run->vf, "");
}

static void
must_be_gone(const struct run *run)
{
	struct vftoken_sriov sriov;

	verdict_answer(vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, run->vf, &sriov), -ENODEV, "reading %s, which is gone",
		       run->vf);
}

/* Take a VF away that is open; the PF is closed. */
static void
remove_vf(const struct run *run, void (*how)(const struct run *run))
{
	struct removal removal = { .remove = how };
	struct device vf;
	int wanted;
	pid_t pid;

	step_give_token(run, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	wanted = watch_requests(&vf);
	pid = start_removal(run, &removal);
	if (!readable(wanted, REQUEST_MS))
		verdict_fail("the kernel hasn't asked for the VF");
	must_be_held_up(&removal);
	backend_close(&vf);
	must_be_done(&removal, pid);
}

static void
vf_disabled(const struct run *run, const void *arg)
{
	(void)arg;
	remove_vf(run, disable_vfs);
	must_be_gone(run);
	/* Nothing was left that counts as a VF in use. */
	step_try(run, run->pf, TOKEN_NONE, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
vf_unbound(const struct run *run, const void *arg)
{
	(void)arg;
	remove_vf(run, unbind_vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
	step_bind(run->vf, SYSFS_VFIO_PCI);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
pf_unbound(const struct run *run, const void *arg)
{
	(void)arg;
	remove_vf(run, unbind_pf);
	must_be_gone(run);
	step_bind(run->pf, SYSFS_VFIO_PCI);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
}

/* PF and VF are open: the kernel asks for the VF, then for the PF. */
static void
open_pf_unbound(const struct run *run, const void *arg)
{
	struct removal removal = { .remove = unbind_pf };
	int vf_wanted, pf_wanted;
	struct device pf, vf;
	pid_t pid;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	vf_wanted = watch_requests(&vf);
	pf_wanted = watch_requests(&pf);
	pid = start_removal(run, &removal);
	if (!readable(vf_wanted, REQUEST_MS))
		verdict_fail("the kernel hasn't asked for the VF");
	must_be_held_up(&removal);
	backend_close(&vf);
	if (!readable(pf_wanted, REQUEST_MS))
		verdict_fail("the kernel hasn't asked for the PF");
	must_be_held_up(&removal);
	backend_close(&pf);
	must_be_done(&removal, pid);
	must_be_gone(run);
}

/* Two VFs are open: each is asked for, and the kernel waits for both. */
static void
both_disabled(const struct run *run, const void *arg)
{
	struct removal removal = { .remove = disable_vfs };
	struct device vfs[2];
	int first, wanted[2];
	pid_t pid;

	(void)arg;
	step_give_token(run, run->pf);
	step_open(run, &vfs[0], run->vf, TOKEN_RIGHT);
	step_open(run, &vfs[1], run->vf2, TOKEN_RIGHT);
	wanted[0] = watch_requests(&vfs[0]);
	wanted[1] = watch_requests(&vfs[1]);
	pid = start_removal(run, &removal);
	/* Which one comes first is the kernel's affair. */
	first = readable(wanted[0], STILL_HELD_MS) ? 0 : 1;
	if (!readable(wanted[first], REQUEST_MS))
		verdict_fail("the kernel has asked for neither VF");
	backend_close(&vfs[first]);
	if (!readable(wanted[1 - first], REQUEST_MS))
		verdict_fail("the kernel hasn't asked for the second VF");
	must_be_held_up(&removal);
	backend_close(&vfs[1 - first]);
	must_be_done(&removal, pid);
	must_be_gone(run);
}

static const struct suite_case cases[] = {
	{ "removal/vf-disabled",
	  "Disabling VFs asks for one that is open, waits until it is closed, and leaves no user behind.",
	  vf_disabled, NULL, 0 },
	{ "removal/vf-unbound",
	  "Unbinding a VF that is open asks for it, waits until it is closed, and leaves no user behind.",
	  vf_unbound, NULL, 0 },
	{ "removal/pf-unbound",
	  "Unbinding the PF asks for a VF that is open, waits until it is closed, and ends the token.",
	  pf_unbound, NULL, 0 },
	{ "removal/open-pf-unbound",
	  "Unbinding a PF that is open too asks for its VF, then for itself, and waits for both.",
	  open_pf_unbound, NULL, 0 },
	{ "removal/both-disabled",
	  "Disabling VFs asks for each one that is open, and waits for all.", both_disabled, NULL,
	  NEEDS_TWO_VFS },
};

const struct suite_cases removal_cases = { cases, SUITE_DIM(cases) };
