/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The steps that cases are made of. Each ends the case if it can't be taken or its outcome isn't
 * the one that must be.
 */

#ifndef STEP_H
#define STEP_H

#include <sys/types.h>

#include "suite.h"

/** Open a device with a token; it must open. */
void step_open(const struct run *run, struct device *device, const char *bdf, enum token token);

/** Open a device with a token, and close it; the answer must be this one. For TOKEN_MALFORMED that
 * is the group's, EINVAL.
 */
void step_try(const struct run *run, const char *bdf, enum token token, int must);

/** A device must open with TOKEN_RIGHT, and be refused with TOKEN_WRONG or none. */
void step_needs_token(const struct run *run, const char *bdf);

/** Set the token of a PF that is open. */
void step_set_token(const struct device *pf, enum token token);

/** Open the PF, set TOKEN_RIGHT, and leave it open. */
void step_start_pf(const struct run *run, struct device *pf);

/** Set TOKEN_RIGHT on the PF, and leave it closed. */
void step_give_token(const struct run *run);

/** Set TOKEN_RIGHT on the PF, and open the first VF with it. */
void step_use_vf(const struct run *run, struct device *vf);

/** An open device must answer: its description, and its configuration space. */
void step_works(const struct device *device, const char *which);

/** Open a device a second time, through the group that is open; the answer must be this one. */
int step_open_again(const struct device *device, const char *bdf, enum token token, int must);

/** The end of a page, behind which there is no memory. */
char *step_end_of_memory(void);

/** Set how many VFs a PF has; the answer must be this one. */
void step_num_vfs(const char *pf, unsigned int num_vfs, int must);

/** Take a device's driver away, or bind it; either must succeed. */
void step_bind(const char *bdf, const char *driver);

/** A child of the case: it ends with the function, and the case with its failure. */
pid_t step_fork(void (*function)(const struct run *run, void *arg), const struct run *run,
		void *arg);

/** Wait for a child; the case ends if the child's did. */
void step_join(pid_t pid);

/** Tell the case through a pipe that a child has come so far. */
void step_signal(int fd);

/** A child that has done the function when this returns, and stays with its files open. */
pid_t step_start(void (*function)(const struct run *run, void *arg), const struct run *run,
		 void *arg);

/** End such a child, as a crash would. */
void step_kill(pid_t pid);

#endif /* STEP_H */
