/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <vftoken/vfio.h>

#include "step.h"

void
step_open(const struct run *run, struct device *device, const char *bdf, enum token token)
{
	verdict_answer(backend_open(device, run->backend, bdf, backend_token(token)), 0,
		       "opening %s with %s", bdf, backend_token_name(token));
}

void
step_try(const struct run *run, const char *bdf, enum token token, int must)
{
	struct device device;
	int ret;

	ret = backend_open(&device, run->backend, bdf, backend_token(token));
	if (ret == 0)
		backend_close(&device);
	if (token == TOKEN_MALFORMED && must == -EINVAL)
		must = backend_malformed(run->backend);
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
step_needs_token(const struct run *run, const char *bdf)
{
	step_try(run, bdf, TOKEN_NONE, -EACCES);
	step_try(run, bdf, TOKEN_WRONG, -EACCES);
	step_try(run, bdf, TOKEN_RIGHT, 0);
}

void
step_start_pf(const struct run *run, struct device *pf)
{
	step_open(run, pf, run->pf, TOKEN_NONE);
	step_set_token(pf, TOKEN_RIGHT);
}

void
step_give_token(const struct run *run)
{
	struct device pf;

	/* The kernel resets the PF at open and close, which takes most of a case's time. */
	if (run->has_token)
		return;
	step_start_pf(run, &pf);
	backend_close(&pf);
}

void
step_use_vf(const struct run *run, struct device *vf)
{
	step_give_token(run);
	step_open(run, vf, run->vf, TOKEN_RIGHT);
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
	const int fd = backend_open_again(&device->group, bdf, backend_token(token));

	verdict_answer(fd, must, "opening %s, whose group is open, with %s", bdf,
		       backend_token_name(token));
	return fd;
}

char *
step_end_of_memory(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory;

	memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || munmap(memory + page, page) < 0)
		verdict_fail("no memory can be mapped: %s", strerror(errno));
	return memory + page;
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
	/* The child ends with the case, also when the suite is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	function(run, arg);
	/* A verdict ends with another status. */
	_exit(42);
}

void
step_join(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		verdict_fail("a process of the case has crashed");
	/* The child has written the verdict. */
	if (WEXITSTATUS(status) != 42)
		_exit(0);
}

/* What a child does first. */
struct start {
	void (*function)(const struct run *run, void *arg);
	void *arg;
	int ready;
};

static void
start_and_stay(const struct run *run, void *arg)
{
	const struct start *start = arg;

	start->function(run, start->arg);
	step_signal(start->ready);
	pause();
}

pid_t
step_start(void (*function)(const struct run *run, void *arg), const struct run *run, void *arg)
{
	struct start start = { .function = function, .arg = arg };
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends) < 0)
		verdict_fail("no pipe: %s", strerror(errno));
	start.ready = ends[1];
	pid = step_fork(start_and_stay, run, &start);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		/* The child has ended with a verdict. */
		_exit(0);
	return pid;
}

void
step_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void
step_signal(int fd)
{
	if (write(fd, "", 1) != 1)
		verdict_fail("a process of the case has gone");
}
