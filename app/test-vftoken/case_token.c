/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step.h"

/* How long a token lives, and that of a PF's process. */

static void
before_vfs(const struct run *run, const void *arg)
{
	struct device pf;

	(void)arg;
	step_num_vfs(run->pf, 0, 0);
	step_start_pf(run, &pf, run->pf);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
after_vfs(const struct run *run, const void *arg)
{
	struct device pf;

	(void)arg;
	step_num_vfs(run->pf, 0, 0);
	step_open(run, &pf, run->pf, TOKEN_WRONG);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_set_token(&pf, TOKEN_RIGHT);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

/* Removing VFs and enabling them again doesn't touch it. */
static void
outlives_vfs(const struct run *run, const void *arg)
{
	(void)arg;
	step_give_token(run, run->pf);
	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
outlives_fd(const struct run *run, const void *arg)
{
	struct device pf;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	backend_close(&pf);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	step_open(run, &pf, run->pf, TOKEN_NONE);
	backend_close(&pf);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
start_pf_and_die(const struct run *run, void *arg)
{
	struct device pf;

	step_start_pf(run, &pf, run->pf);
	step_signal(*(int *)arg);
	pause();
}

/* A crash of the PF's process, as far as the kernel sees it. */
static void
outlives_process(const struct run *run, const void *arg)
{
	int ends[2];
	pid_t pid;

	(void)arg;
	if (pipe(ends) < 0)
		verdict_fail("no pipe");
	pid = step_fork(start_pf_and_die, run, &ends[1]);
	close(ends[1]);
	step_wait(ends[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

/* A token of the last binding, and those that a lazy kernel would begin with. */
static void
random_at_bind(const struct run *run, const void *arg)
{
	static const uuid_t ones = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct device vf;

	(void)arg;
	step_give_token(run, run->pf);
	step_num_vfs(run->pf, 0, 0);
	step_bind(run->pf, "");
	step_bind(run->pf, SYSFS_VFIO_PCI);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_NIL, -EACCES);
	verdict_answer(backend_open_with(&vf, run->backend, run->vf, ones), -EACCES,
		       "opening a VF with the UUID of ones only");
}

/* A PF that isn't open may be given a token by its open alone. */
static void
set_by_open_only(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	step_open(run, &pf, run->pf, TOKEN_RIGHT);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	backend_close(&pf);
	step_try(run, run->pf, TOKEN_RIGHT, 0);
	step_works(&vf, "the VF");
}

/* PF restart: the VF's process goes on, and the PF's comes back only with the token. */
static void
restart(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	backend_close(&pf);
	step_works(&vf, "the VF, whose PF was closed,");
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_WRONG, -EACCES);
	step_open(run, &pf, run->pf, TOKEN_RIGHT);
	step_works(&vf, "the VF, whose PF was opened again,");
	step_works(&pf, "the PF");
}

static void
restart_killed(const struct run *run, const void *arg)
{
	struct device vf;
	int ends[2];
	pid_t pid;

	(void)arg;
	if (pipe(ends) < 0)
		verdict_fail("no pipe");
	pid = step_fork(start_pf_and_die, run, &ends[1]);
	close(ends[1]);
	step_wait(ends[0]);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	step_works(&vf, "the VF, whose PF's process was killed,");
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_RIGHT, 0);
}

/* A refused open of the PF is no way around a VF that is in use. */
static void
restart_often(const struct run *run, const void *arg)
{
	struct device vf;
	int i;

	(void)arg;
	step_give_token(run, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	for (i = 0; i < 5; i++) {
		step_try(run, run->pf, TOKEN_NONE, -EACCES);
		step_try(run, run->pf, TOKEN_RIGHT, 0);
		step_works(&vf, "the VF");
	}
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static const struct suite_case cases[] = {
	{ "token/before-vfs", "A token set before VFs are enabled is the one they open with.",
	  before_vfs, NULL, 0 },
	{ "token/after-vfs", "A token set after VFs were enabled is the one they open with.",
	  after_vfs, NULL, 0 },
	{ "token/outlives-vfs", "The token stays when VFs are disabled and enabled again.",
	  outlives_vfs, NULL, 0 },
	{ "token/outlives-fd",
	  "The token stays when the PF is closed, and when it is opened again.", outlives_fd, NULL,
	  0 },
	{ "token/outlives-process", "The token stays when the PF's process is killed.",
	  outlives_process, NULL, 0 },
	{ "token/random-at-bind",
	  "A PF that is bound to vfio-pci starts with a random token: the last one, none, the nil UUID and ones are all EACCES.",
	  random_at_bind, NULL, 0 },
	{ "token/by-open", "A token set by the PF's open alone is as good as one set by the ioctl.",
	  set_by_open_only, NULL, 0 },
	{ "restart/closed",
	  "While a VF is open the PF closes and opens again with its token only, and the VF goes on.",
	  restart, NULL, 0 },
	{ "restart/killed",
	  "While a VF is open the PF's process may be killed; the PF opens again with its token only, and the VF goes on.",
	  restart_killed, NULL, 0 },
	{ "restart/often", "The PF restarts any number of times while a VF is open.", restart_often,
	  NULL, 0 },
};

const struct suite_cases token_cases = { cases, SUITE_DIM(cases) };
