/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "job.h"

/* Longest time to end killed processes: the kernel resets each device that they had open. */
#define KILLED_SECONDS 20

int job_signal;
static sigset_t before;

static void
waited_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM);
}

void
job_block_signals(void)
{
	sigset_t set;

	waited_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	/* The machine is restored even when nobody reads the output any more. */
	signal(SIGPIPE, SIG_IGN);
	/* Children of a killed case become children of this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void
job_unblock_signals(void)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
}

long
job_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Wait for one of the signals until a time, at most a tenth of a second. */
static void
wait_signal(long until)
{
	const long left = until - job_now();
	const struct timespec time = { .tv_nsec = (left < 0     ? 0
						   : left < 100 ? left
								: 100) *
						  1000000 };
	sigset_t set;
	int signal;

	waited_signals(&set);
	signal = sigtimedwait(&set, NULL, &time);
	if (signal > 0 && signal != SIGCHLD)
		job_signal = signal;
}

void
job_check_signals(void)
{
	wait_signal(job_now());
}

static _Noreturn void
child(void (*function)(const void *arg), const void *arg, pid_t parent)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	job_unblock_signals();
	function(arg);
	_exit(0);
}

/* Reap the processes that have ended; returns whether all have. */
static bool
reap(pid_t leader, int *status, bool *ended)
{
	pid_t pid;
	int one;

	while ((pid = waitpid(-leader, &one, WNOHANG)) > 0)
		if (pid == leader) {
			*status = one;
			*ended = true;
		}
	return pid < 0 && errno == ECHILD;
}

enum job_end
job_run(void (*function)(const void *arg), const void *arg, unsigned int seconds)
{
	const pid_t parent = getpid(), leader = fork();
	enum job_end end = JOB_DONE;
	bool ended = false, gone = false;
	long until;
	int status = 0;

	if (leader < 0)
		return JOB_NOT_STARTED;
	if (leader == 0)
		child(function, arg, parent);
	setpgid(leader, leader);
	for (until = job_now() + seconds * 1000L; !ended && job_signal == 0 && job_now() < until;) {
		wait_signal(until);
		gone = reap(leader, &status, &ended);
	}
	if (!ended)
		end = job_signal != 0 ? JOB_STOPPED : JOB_TIMEOUT;
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		end = JOB_CRASHED;
	/* What is left, such as a write to sysfs, ends once all devices are closed. */
	if (!gone)
		kill(-leader, SIGKILL);
	for (until = job_now() + KILLED_SECONDS * 1000L; !gone && job_now() < until;) {
		wait_signal(until);
		gone = reap(leader, &status, &ended);
	}
	return gone ? end : JOB_STUCK;
}
