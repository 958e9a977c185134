/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "step.h"

/* VFs that vfio-pci enables and disables. */

static void
parameter_off(const struct run *run)
{
	step_num_vfs(run->pf, 0, 0);
	verdict_answer(sysfs_write_enable_sriov(false), 0, "turning enable_sriov off");
	step_num_vfs(run->pf, 1, -ENOENT);
	verdict_answer(sysfs_write_enable_sriov(true), 0, "turning enable_sriov on");
	step_num_vfs(run->pf, 1, 0);
}

static void
must_be_on(const char *bdf, const char *driver)
{
	char now[VFTOKEN_DRIVER_SIZE];

	verdict_answer(sysfs_driver(bdf, now), 0, "reading the driver of %s", bdf);
	if (strcmp(now, driver) != 0)
		verdict_fail("%s is on '%s' and must be on '%s'", bdf, now, driver);
}

static void
new_vfs(const struct run *run)
{
	char override[SYSFS_TEXT_SIZE];
	unsigned int i;
	const char *vf;

	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	for (i = 0; i < run->num_vfs; i++) {
		vf = run->machine->pfs[0].vfs[i];
		verdict_answer(sysfs_read_override(vf, override), 0,
			       "reading driver_override of %s", vf);
		if (strcmp(override, SYSFS_VFIO_PCI) != 0)
			verdict_fail("%s has the driver_override '%s' and must have '%s'", vf,
				     override, SYSFS_VFIO_PCI);
		must_be_on(vf, SYSFS_VFIO_PCI);
	}
}

/* The administrator has the last word about a VF's driver. */
static void
changed_override(const struct run *run)
{
	static const char none[] = "no-such-driver";

	step_give_token(run);
	step_bind(run->vf, "");
	verdict_answer(sysfs_write_override(run->vf, none), 0, "writing another driver_override");
	sysfs_probe(run->vf);
	must_be_on(run->vf, "");
	verdict_answer(sysfs_write_override(run->vf, ""), 0, "clearing driver_override");
	step_bind(run->vf, SYSFS_VFIO_PCI);
	step_needs_token(run, run->vf);
}

static void
must_be_gone(const struct run *run)
{
	struct vftoken_sriov sriov;

	verdict_answer(vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, run->vf, &sriov), -ENODEV,
		       "reading %s, which is gone", run->vf);
}

static void
unbound_pf(const struct run *run)
{
	struct vftoken_sriov sriov;

	step_bind(run->pf, "");
	verdict_answer(vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, run->pf, &sriov), 0, "reading %s",
		       run->pf);
	if (sriov.numvfs != 0)
		verdict_fail("the PF has %u VFs without a driver", sriov.numvfs);
	must_be_gone(run);
}

static void
while_pf_open(const struct run *run)
{
	struct device pf;

	step_start_pf(run, &pf);
	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_works(&pf, "the PF, whose VFs were removed and came back,");
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

/* PCI Local Bus Specification 3.0, section 6.7; PCI Power Management 1.2, section 3.2.4. */
#define CAPABILITY_POINTER 0x34
#define CAPABILITY_POWER 0x01
#define POWER_STATE 4
#define POWER_STATE_MASK 3
#define D3HOT 3

static off_t
config_offset(const struct device *device)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };

	verdict_answer(ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &config) < 0 ? -errno : 0, 0,
		       "asking for the configuration space");
	return (off_t)config.offset;
}

/* Where a device's power state is in its file; 0 when it has none. */
static off_t
find_power_state(const struct device *device)
{
	const off_t config = config_offset(device);
	unsigned char capability[2] = { 0, CAPABILITY_POINTER };
	unsigned int left = 48;

	if (pread(device->fd, &capability[1], 1, config + CAPABILITY_POINTER) != 1)
		return 0;
	while (capability[1] != 0 && left-- > 0) {
		const off_t at = config + capability[1];

		if (pread(device->fd, capability, sizeof(capability), at) != sizeof(capability))
			return 0;
		if (capability[0] == CAPABILITY_POWER)
			return at + POWER_STATE;
	}
	return 0;
}

static void
write_power_state(const struct device *device, off_t at, uint16_t state)
{
	uint16_t value;

	if (pread(device->fd, &value, sizeof(value), at) != sizeof(value))
		verdict_fail("the PF's power state can't be read");
	value = (uint16_t)((value & ~POWER_STATE_MASK) | state);
	/* A kernel may refuse it with an error, or by leaving the state as it is. */
	if (pwrite(device->fd, &value, sizeof(value), at) != sizeof(value) && errno != EBUSY)
		verdict_fail("the PF's power state can't be written: %s", strerror(errno));
}

/* VFs don't work while their PF sleeps, so its user can't make it sleep. */
static void
power_state(const struct run *run)
{
	unsigned int round;
	struct device pf;
	uint16_t value;
	off_t at;

	step_start_pf(run, &pf);
	at = find_power_state(&pf);
	for (round = 0; at != 0 && round < 5; round++) {
		write_power_state(&pf, at, D3HOT);
		if (pread(pf.fd, &value, sizeof(value), at) != sizeof(value) ||
		    (value & POWER_STATE_MASK) != 0)
			verdict_fail("the PF of VFs is in the power state D%u",
				     value & POWER_STATE_MASK);
		write_power_state(&pf, at, 0);
	}
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	/* Without VFs it may sleep, and a process that leaves it so is no matter to the next. */
	step_num_vfs(run->pf, 0, 0);
	if (at != 0)
		write_power_state(&pf, at, D3HOT);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	backend_close(&pf);
	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

/*
 * Devices that are removed while they are open. The kernel requests them, and waits. So another
 * process does the write that waits.
 */

/* The kernel repeats its request every ten seconds; the first comes at once. */
#define REQUEST_MS 15000
#define STILL_HELD_MS 500
#define FREED_MS 15000

/* Get an event when the kernel requests a device. */
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

/* What removes a device, and the pipe for the end of that. */
struct removal {
	void (*remove)(const struct run *run);
	int ends[2];
};

static void
remove_in_child(const struct run *run, void *arg)
{
	const struct removal *removal = arg;
	const int done = STDERR_FILENO + 1;

	/* The child's copies of the device fds would keep the devices open. Kernels before 5.9 have
	 * no close_range(2), which closefrom(3) doesn't need.
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
must_be_wanted(int fd, const char *what)
{
	if (!readable(fd, REQUEST_MS))
		verdict_fail("the kernel hasn't asked for %s", what);
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

/* Remove a VF that is open. The PF is closed. */
static void
remove_vf(const struct run *run, void (*how)(const struct run *run))
{
	struct removal removal = { .remove = how };
	struct device vf;
	int wanted;
	pid_t pid;

	step_use_vf(run, &vf);
	wanted = watch_requests(&vf);
	pid = start_removal(run, &removal);
	must_be_wanted(wanted, "the VF");
	must_be_held_up(&removal);
	backend_close(&vf);
	must_be_done(&removal, pid);
}

static void
vf_disabled(const struct run *run)
{
	remove_vf(run, disable_vfs);
	must_be_gone(run);
	/* No VF counts as in use any more. */
	step_try(run, run->pf, TOKEN_NONE, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
vf_unbound(const struct run *run)
{
	remove_vf(run, unbind_vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
	step_bind(run->vf, SYSFS_VFIO_PCI);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
pf_unbound(const struct run *run)
{
	remove_vf(run, unbind_pf);
	must_be_gone(run);
	step_bind(run->pf, SYSFS_VFIO_PCI);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
}

/* PF and VF are open. The kernel requests the VF, then the PF. */
static void
open_pf_unbound(const struct run *run)
{
	struct removal removal = { .remove = unbind_pf };
	int vf_wanted, pf_wanted;
	struct device pf, vf;
	pid_t pid;

	step_start_pf(run, &pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	vf_wanted = watch_requests(&vf);
	pf_wanted = watch_requests(&pf);
	pid = start_removal(run, &removal);
	must_be_wanted(vf_wanted, "the VF");
	must_be_held_up(&removal);
	backend_close(&vf);
	must_be_wanted(pf_wanted, "the PF");
	must_be_held_up(&removal);
	backend_close(&pf);
	must_be_done(&removal, pid);
	must_be_gone(run);
}

/* Two VFs are open. The kernel requests each, and waits for both. */
static void
both_disabled(const struct run *run)
{
	struct removal removal = { .remove = disable_vfs };
	struct device vfs[2];
	int first, wanted[2];
	pid_t pid;

	step_use_vf(run, &vfs[0]);
	step_open(run, &vfs[1], run->vf2, TOKEN_RIGHT);
	wanted[0] = watch_requests(&vfs[0]);
	wanted[1] = watch_requests(&vfs[1]);
	pid = start_removal(run, &removal);
	/* The kernel chooses which one comes first. */
	first = readable(wanted[0], STILL_HELD_MS) ? 0 : 1;
	must_be_wanted(wanted[first], "either VF");
	backend_close(&vfs[first]);
	must_be_wanted(wanted[1 - first], "the second VF");
	must_be_held_up(&removal);
	backend_close(&vfs[1 - first]);
	must_be_done(&removal, pid);
	must_be_gone(run);
}

const struct suite_case sriov_cases[] = {
	SUITE_CASE(
		"sriov/parameter-off", parameter_off, 0,
		"With vfio-pci's enable_sriov off a write to sriov_numvfs is refused with ENOENT."),
	SUITE_CASE("sriov/new-vfs", new_vfs, 0,
		   "New VFs have the driver_override vfio-pci and are on vfio-pci."),
	SUITE_CASE(
		"sriov/changed-override", changed_override, 0,
		"An administrator may change a VF's driver_override, and back on vfio-pci it takes the token."),
	SUITE_CASE("sriov/unbound-pf", unbound_pf, 0, "Unbinding the PF disables its VFs."),
	SUITE_CASE("sriov/while-pf-open", while_pf_open, 0,
		   "VFs can be disabled and enabled while the PF is open."),
	SUITE_CASE("sriov/power-state", power_state, 0,
		   "A PF with VFs stays in D0, whatever its user writes to its power state."),
	SUITE_CASE(
		"removal/vf-disabled", vf_disabled, 0,
		"Disabling VFs asks for one that is open, waits until it is closed, and leaves no user behind."),
	SUITE_CASE(
		"removal/vf-unbound", vf_unbound, 0,
		"Unbinding a VF that is open asks for it, waits until it is closed, and leaves no user behind."),
	SUITE_CASE(
		"removal/pf-unbound", pf_unbound, 0,
		"Unbinding the PF asks for a VF that is open, waits until it is closed, and ends the token."),
	SUITE_CASE(
		"removal/open-pf-unbound", open_pf_unbound, 0,
		"Unbinding a PF that is open too asks for its VF, then for itself, and waits for both."),
	SUITE_CASE("removal/both-disabled", both_disabled, NEEDS_TWO_VFS,
		   "Disabling VFs asks for each one that is open, and waits for all."),
	SUITE_END,
};
