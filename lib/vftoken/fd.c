/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fd.h"

int
vftoken_fd_raise(int fd)
{
	int raised;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	raised = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return raised < 0 ? -EMFILE : raised;
}

int
vftoken_fd_open(const char *path, int flags)
{
	return vftoken_fd_raise(open(path, flags | O_CLOEXEC));
}
