/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The processes of the stress run. What they do is drawn from the seed alone, so a seed gives each
 * of them the same operations in the same order; how these meet is up to the machine.
 *
 * Each knows what the kernel must answer from what the others say they are doing. Where that
 * changes in the middle of an operation, either answer is right.
 */

#ifndef STRESS_WORKER_H
#define STRESS_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "suite.h"

/** The PF's process, the administrator's, and one for each VF. */
#define STRESS_WORKERS (2 + MACHINE_VFS)

#define STRESS_TOKENS 4
#define STRESS_BEGINNING 12
#define STRESS_UNEXPECTED 8
#define STRESS_TEXT_SIZE 160

struct stress_worker {
	char name[24];
	uint64_t random;	/* the state that operations are drawn from */
	unsigned long done;
	unsigned long refused;
	unsigned int begun;	/* texts in beginning */
	char beginning[STRESS_BEGINNING][24];
};

/** What the workers share. */
struct stress {
	atomic_bool stop;
	atomic_uint token;		/* which of the tokens the PF has */
	/* Each is odd while what it counts the changes of is changing. */
	atomic_uint token_changes;
	atomic_uint vfs_changes;
	atomic_uint use_changes;	/* one more with each change of the two below */
	atomic_int maybe_in_use; /* VFs that are being opened, are open, or are being closed */
	atomic_int surely_in_use;	/* VFs that are open */
	atomic_uint n_unexpected;
	char unexpected[STRESS_UNEXPECTED][STRESS_TEXT_SIZE];
	uuid_t tokens[STRESS_TOKENS];
	unsigned int n_workers;
	struct stress_worker workers[STRESS_WORKERS];
};

/** Draw a number below another. */
unsigned int stress_draw(uint64_t *state, unsigned int below);

/** What a device answers, or its path, that is going away or whose PF is locked for that. */
bool stress_going_away(int answer);

/** The work of each kind of process, until stress->stop. */
void stress_pf(const struct run *run, struct stress *stress, struct stress_worker *self);
void stress_admin(const struct run *run, struct stress *stress, struct stress_worker *self);
void stress_vf(const struct run *run, struct stress *stress, struct stress_worker *self,
		const char *vf);

#endif /* STRESS_WORKER_H */
