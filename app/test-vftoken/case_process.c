/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "step.h"

/* The kernel checks the token at the open. An open device is a file like any other. */

/* The user "nobody", who should own no file of the machine. */
#define NOBODY 65534

/* A child uses what it got by fork(2). */
static void
use_vf(const struct run *run, void *arg)
{
	(void)run;
	step_works(arg, "the VF, got by fork,");
}

static void
forked(const struct run *run)
{
	struct device vf;
	pid_t pid;

	step_use_vf(run, &vf);
	pid = step_start(use_vf, run, &vf);
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_kill(pid);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
open_in_child(const struct run *run, void *arg)
{
	(void)arg;
	step_needs_token(run, run->vf);
}

/* The parent has the PF, and has opened the VF. Its child needs the token all the same. */
static void
child_opens(const struct run *run)
{
	struct device pf;

	step_start_pf(run, &pf);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	step_join(step_fork(open_in_child, run, NULL));
	step_works(&pf, "the PF");
}

/* Open the VF by a group that another process has opened; returns its file. */
static int
open_by_group(const struct run *run, const struct device *vf)
{
	step_open_again(vf, run->vf, TOKEN_NONE, -EACCES);
	step_open_again(vf, run->vf, TOKEN_WRONG, -EACCES);
	return step_open_again(vf, run->vf, TOKEN_RIGHT, 0);
}

static void
use_group(const struct run *run, void *arg)
{
	close(open_by_group(run, arg));
}

static void
forked_group(const struct run *run)
{
	struct device vf;

	step_use_vf(run, &vf);
	step_join(step_fork(use_group, run, &vf));
	step_works(&vf, "the VF");
}

/* A message with one byte and a file. */
union ancillary {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static void
send_file(int socket, int fd)
{
	union ancillary ancillary = { 0 };
	struct iovec data = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = ancillary.bytes,
				  .msg_controllen = sizeof(ancillary.bytes) };

	ancillary.header.cmsg_level = SOL_SOCKET;
	ancillary.header.cmsg_type = SCM_RIGHTS;
	ancillary.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&ancillary.header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		verdict_fail("a file can't be passed: %s", strerror(errno));
}

static int
receive_file(int socket)
{
	union ancillary ancillary;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = ancillary.bytes,
				  .msg_controllen = sizeof(ancillary.bytes) };
	int fd;

	if (recvmsg(socket, &message, 0) != 1)
		/* The sender has ended with a verdict. */
		_exit(0);
	if (CMSG_FIRSTHDR(&message) == NULL)
		verdict_fail("no file was passed");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Open the VF, pass it on, and end. */
static void
pass_device(const struct run *run, void *arg)
{
	struct device vf;

	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	send_file(*(int *)arg, vf.fd);
}

static void
pass_group(const struct run *run, void *arg)
{
	struct device vf;

	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	send_file(*(int *)arg, vf.group.group_fd);
	/* A device opens only while its group is in a container. */
	send_file(*(int *)arg, vf.group.container_fd);
}

/* Start a child that sends what it opens over a socket, and ends. */
static pid_t
start_sender(const struct run *run, void (*function)(const struct run *run, void *arg), int *end)
{
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		verdict_fail("no socket: %s", strerror(errno));
	step_give_token(run);
	pid = step_fork(function, run, &sockets[1]);
	close(sockets[1]);
	*end = sockets[0];
	return pid;
}

static void
passed(const struct run *run)
{
	struct device vf;
	int socket;
	pid_t pid;

	pid = start_sender(run, pass_device, &socket);
	vf.fd = receive_file(socket);
	step_join(pid);
	step_works(&vf, "the VF, passed over a socket by a process that has ended,");
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	close(vf.fd);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
passed_group(const struct run *run)
{
	struct device vf;
	int socket;
	pid_t pid;

	pid = start_sender(run, pass_group, &socket);
	vf.group.group_fd = receive_file(socket);
	vf.group.container_fd = receive_file(socket);
	step_join(pid);
	vf.fd = open_by_group(run, &vf);
	step_works(&vf, "the VF, by a group passed over a socket,");
}

/* Give away the file that a user needs to open the VF. */
static void
give_to_nobody(const struct run *run)
{
	char path[PATH_MAX];

	if (run->backend == BACKEND_IOMMUFD)
		snprintf(path, sizeof(path), "/proc/self/fd/%d", backend_open_cdev(run->vf));
	else
		verdict_answer(sysfs_group_path(run->vf, path), 0, "finding the group of %s",
			       run->vf);
	/* The file goes when the VF is disabled. */
	if (chown(path, NOBODY, NOBODY) < 0)
		verdict_fail("%s can't be given away: %s", path, strerror(errno));
}

static void
become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		verdict_fail("a process can't leave root: %s", strerror(errno));
}

static void
open_as_nobody(const struct run *run, void *arg)
{
	const char *common = run->backend == BACKEND_IOMMUFD ? "/dev/iommu" : "/dev/vfio/vfio";

	(void)arg;
	become_nobody();
	if (access(common, R_OK | W_OK) < 0)
		verdict_skip("%s is root's own here", common);
	step_needs_token(run, run->vf);
}

static void
user_with_file(const struct run *run)
{
	step_give_token(run);
	give_to_nobody(run);
	step_join(step_fork(open_as_nobody, run, NULL));
	/* The next case gets another file. */
	step_num_vfs(run->pf, 0, 0);
}

static void
open_without_file(const struct run *run, void *arg)
{
	(void)arg;
	become_nobody();
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
}

static void
user_without_file(const struct run *run)
{
	step_give_token(run);
	step_join(step_fork(open_without_file, run, NULL));
}

const struct suite_case process_cases[] = {
	SUITE_CASE(
		"process/forked", forked, 0,
		"A VF's file that a child got by fork works there, and the VF is in use until the child ends."),
	SUITE_CASE("process/child-opens", child_opens, 0,
		   "The child of a PF's process needs the token to open a VF."),
	SUITE_CASE("process/forked-group", forked_group, GROUP_ONLY,
		   "A VF's group that a child got by fork opens the VF with the token only."),
	SUITE_CASE(
		"process/passed", passed, 0,
		"A VF's file passed over a socket works without the token, and is in use when the sender has ended."),
	SUITE_CASE("process/passed-group", passed_group, GROUP_ONLY,
		   "A VF's group passed over a socket opens the VF with the token only."),
	SUITE_CASE("process/user-with-file", user_with_file, 0,
		   "A user who has but the VF's file opens the VF with the token only."),
	SUITE_CASE(
		"process/user-without-file", user_without_file, 0,
		"A user who hasn't the VF's file doesn't open the VF, not with the token either: EACCES."),
	SUITE_END,
};
