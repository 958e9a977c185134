/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step.h"

/* The token is asked for at the open; an open device is a file like any other. */

/* Whoever "nobody" is, no file of the machine should be theirs. */
#define NOBODY 65534

struct shared {
	struct device vf;
	int go[2];    /* the case lets the child go on */
	int ready[2]; /* the child is where it should be */
};

static void
make_pipes(struct shared *shared)
{
	if (pipe(shared->go) < 0 || pipe(shared->ready) < 0)
		verdict_fail("no pipe: %s", strerror(errno));
}

/* The child keeps what it got by fork(2), until it is let go. */
static void
hold(const struct run *run, void *arg)
{
	struct shared *shared = arg;

	(void)run;
	step_works(&shared->vf, "the VF, got by fork,");
	step_signal(shared->ready[1]);
	step_wait(shared->go[0]);
}

static void
forked(const struct run *run, const void *arg)
{
	struct shared shared;
	pid_t pid;

	(void)arg;
	make_pipes(&shared);
	step_give_token(run, run->pf);
	step_open(run, &shared.vf, run->vf, TOKEN_RIGHT);
	pid = step_fork(hold, run, &shared);
	close(shared.ready[1]);
	step_wait(shared.ready[0]);
	backend_close(&shared.vf);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_signal(shared.go[1]);
	step_join(pid);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
open_in_child(const struct run *run, void *arg)
{
	(void)arg;
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

/* That the parent has the PF, or has opened the VF before, is no token. */
static void
child_opens(const struct run *run, const void *arg)
{
	struct device pf;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	step_join(step_fork(open_in_child, run, NULL));
	step_works(&pf, "the PF");
}

static void
try_group(const struct run *run, void *arg)
{
	const struct shared *shared = arg;

	step_open_again(&shared->vf, run->vf, TOKEN_NONE, -EACCES);
	step_open_again(&shared->vf, run->vf, TOKEN_WRONG, -EACCES);
	close(step_open_again(&shared->vf, run->vf, TOKEN_RIGHT, 0));
}

static void
forked_group(const struct run *run, const void *arg)
{
	struct shared shared;

	(void)arg;
	step_give_token(run, run->pf);
	step_open(run, &shared.vf, run->vf, TOKEN_RIGHT);
	step_join(step_fork(try_group, run, &shared));
	step_works(&shared.vf, "the VF");
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
	/* Its container goes along, as a device opens only while the group is in one. */
	send_file(*(int *)arg, vf.group.container_fd);
}

static void
passed(const struct run *run, const void *arg)
{
	struct device vf = { .backend = run->backend };
	int sockets[2];
	pid_t pid;

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		verdict_fail("no socket: %s", strerror(errno));
	step_give_token(run, run->pf);
	pid = step_fork(pass_device, run, &sockets[1]);
	close(sockets[1]);
	vf.fd = receive_file(sockets[0]);
	step_join(pid);
	step_works(&vf, "the VF, passed over a socket by a process that has ended,");
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	close(vf.fd);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
passed_group(const struct run *run, const void *arg)
{
	struct device vf = { .backend = run->backend };
	int sockets[2];
	pid_t pid;

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		verdict_fail("no socket: %s", strerror(errno));
	step_give_token(run, run->pf);
	pid = step_fork(pass_group, run, &sockets[1]);
	close(sockets[1]);
	vf.group.group_fd = receive_file(sockets[0]);
	vf.group.container_fd = receive_file(sockets[0]);
	step_join(pid);
	step_open_again(&vf, run->vf, TOKEN_NONE, -EACCES);
	step_open_again(&vf, run->vf, TOKEN_WRONG, -EACCES);
	vf.fd = step_open_again(&vf, run->vf, TOKEN_RIGHT, 0);
	step_works(&vf, "the VF, by a group passed over a socket,");
}

/* The files that a user needs to open the VF. */
static void
give_to_nobody(const struct run *run)
{
	char name[VFTOKEN_GROUP_SIZE], path[PATH_MAX];

	if (run->backend == BACKEND_IOMMUFD) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", backend_open_cdev(run->vf));
	} else {
		verdict_answer(vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, run->vf, name), 0,
			       "finding the group of %s", run->vf);
		snprintf(path, sizeof(path), "%s/%s", VFTOKEN_VFIO_FOLDER, name);
	}
	/* It goes with the VF when the machine is put back. */
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
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
user_with_file(const struct run *run, const void *arg)
{
	(void)arg;
	step_give_token(run, run->pf);
	give_to_nobody(run);
	step_join(step_fork(open_as_nobody, run, NULL));
	/* Others' right to the file is not the next case's. */
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
user_without_file(const struct run *run, const void *arg)
{
	(void)arg;
	step_give_token(run, run->pf);
	step_join(step_fork(open_without_file, run, NULL));
}

static const struct suite_case cases[] = {
	{ "process/forked",
	  "A VF's file that a child got by fork works there, and the VF is in use until the child ends.",
	  forked, NULL, 0 },
	{ "process/child-opens", "The child of a PF's process needs the token to open a VF.",
	  child_opens, NULL, 0 },
	{ "process/forked-group",
	  "A VF's group that a child got by fork opens the VF with the token only.", forked_group,
	  NULL, GROUP_ONLY },
	{ "process/passed",
	  "A VF's file passed over a socket works without the token, and is in use when the sender has ended.",
	  passed, NULL, 0 },
	{ "process/passed-group",
	  "A VF's group passed over a socket opens the VF with the token only.", passed_group, NULL,
	  GROUP_ONLY },
	{ "process/user-with-file",
	  "A user who has but the VF's file opens the VF with the token only.", user_with_file,
	  NULL, 0 },
	{ "process/user-without-file",
	  "A user who hasn't the VF's file doesn't open the VF, not with the token either: EACCES.",
	  user_without_file, NULL, 0 },
};

const struct suite_cases process_cases = { cases, SUITE_DIM(cases) };
