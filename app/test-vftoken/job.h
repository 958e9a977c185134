/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * A piece of work in a process of its own, with all the processes that it starts.
 */

#ifndef JOB_H
#define JOB_H

/** Why a job ended. */
enum job_end {
	JOB_DONE, /**< by itself */
	JOB_CRASHED,
	JOB_TIMEOUT,
	JOB_STOPPED, /**< SIGINT, SIGTERM, SIGHUP or SIGQUIT came; see job_signal */
	JOB_NOT_STARTED,
	JOB_STUCK, /**< it was killed, and the kernel doesn't let go of it */
};

/** The signal that came; 0 for none. */
extern int job_signal;

/** Block the signals that would end the suite before it restores the machine. */
void job_block_signals(void);

/** Let signals through again. */
void job_unblock_signals(void);

/** Set job_signal if a signal has come. */
void job_check_signals(void);

/** The time in milliseconds. */
long job_now(void);

/**
 * Run a function in a child process that leads a process group, and wait until nothing of that
 * group is left.
 *
 * @param function
 *   When it returns, the child exits with status 0.
 * @param seconds
 *   The group is killed after this time.
 */
enum job_end job_run(void (*function)(const void *arg), const void *arg, unsigned int seconds);

#endif /* JOB_H */
