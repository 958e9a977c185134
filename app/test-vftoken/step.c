/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <vftoken/vfio.h>

#include "step.h"

void
step_open(const struct run *run, struct device *device, const char *bdf, enum token token)
{
	verdict_answer(backend_open(device, run->backend, bdf, token), 0, "opening %s with %s", bdf,
		       backend_token_name(token));
}

void
step_try(const struct run *run, const char *bdf, enum token token, int must)
{
	struct device device;
	int ret;

	ret = backend_open(&device, run->backend, bdf, token);
	if (ret == 0)
		backend_close(&device);
	verdict_answer(ret, must, "opening %s with %s", bdf, backend_token_name(token));
}

void
step_set_token(const struct device *pf, enum token token)
{
	verdict_answer(vftoken_vfio_feature_set(pf->fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
					       backend_token(token), sizeof(uuid_t)),
		       0, "setting the PF's token");
}

void
step_start_pf(const struct run *run, struct device *pf, const char *bdf)
{
	step_open(run, pf, bdf, TOKEN_NONE);
	step_set_token(pf, TOKEN_RIGHT);
}

void
step_give_token(const struct run *run, const char *bdf)
{
	struct device pf;

	/* The PF is reset as it is opened and closed, which takes most of a case's time. */
	if (run->has_token && bdf == run->pf)
		return;
	step_start_pf(run, &pf, bdf);
	backend_close(&pf);
}

void
step_works(const struct device *device, const char *which)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint32_t id;

	if (ioctl(device->fd, VFIO_DEVICE_GET_INFO, &info) < 0 ||
	    ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		verdict_fail("%s doesn't describe itself any more: %s", which, strerror(errno));
	if (pread(device->fd, &id, sizeof(id), (off_t)config.offset) != sizeof(id) ||
	    id == UINT32_MAX)
		verdict_fail("%s has no configuration space any more", which);
}

int
step_open_again(const struct device *device, const char *bdf, enum token token, int must)
{
	int fd;

	fd = vftoken_vfio_open(device->group.group_fd, bdf,
			      token != TOKEN_NONE ? backend_option(token) : NULL);
	verdict_answer(fd, must, "opening %s, whose group is open, with %s", bdf,
		       backend_token_name(token));
	return fd;
}

void
step_num_vfs(const char *pf, unsigned int num_vfs, int must)
{
	verdict_answer(vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, pf, (uint16_t)num_vfs), must,
		       "writing %u to sriov_numvfs of %s", num_vfs, pf);
}

void
step_bind(const char *bdf, const char *driver)
{
	verdict_answer(sysfs_bind(bdf, driver), 0, "binding %s to %s", bdf,
		       driver[0] != '\0' ? driver : "no driver");
}

pid_t
step_fork(void (*function)(const struct run *run, void *arg), const struct run *run, void *arg)
{
	const pid_t pid = fork();

	if (pid < 0)
		verdict_fail("no process could be started: %s", strerror(errno));
	if (pid > 0)
		return pid;
	function(run, arg);
	/* Another status than that of a verdict. */
	_exit(42);
}

void
step_join(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		verdict_fail("a process of the case has crashed");
	/* It has written the verdict already. */
	if (WEXITSTATUS(status) != 42)
		_exit(0);
}

void
step_wait(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		/* The child that should have written has ended with a verdict. */
		_exit(0);
}

void
step_signal(int fd)
{
	if (write(fd, "", 1) != 1)
		verdict_fail("a process of the case has gone");
}
