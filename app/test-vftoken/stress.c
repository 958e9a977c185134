/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "step.h"
#include "stress.h"
#include "stress_worker.h"

static unsigned int stress_seconds, stress_seed;

void
stress_setup(unsigned int seconds, unsigned int seed)
{
	stress_seconds = seconds;
	stress_seed = seed;
}

/* A worker's process. */
struct place {
	struct stress *stress;
	unsigned int index;
};

static void
work(const struct run *run, void *arg)
{
	const struct place *place = arg;
	struct stress_worker *self = &place->stress->workers[place->index];

	if (place->index == 0)
		stress_pf(run, place->stress, self);
	else if (place->index == 1)
		stress_admin(run, place->stress, self);
	else
		stress_vf(run, place->stress, self, run->machine->pfs[0].vfs[place->index - 2]);
}

static void
fill(const struct run *run, struct stress *stress)
{
	uint64_t random = stress_seed;
	struct stress_worker *worker;
	unsigned int i, j;

	for (i = 0; i < STRESS_TOKENS; i++)
		for (j = 0; j < sizeof(uuid_t); j++)
			stress->tokens[i][j] = (unsigned char)stress_draw(&random, 256);
	stress->n_workers = run->num_vfs + 2;
	for (i = 0; i < stress->n_workers; i++) {
		worker = &stress->workers[i];
		/* Seeds beside each other would give workers the same operations. */
		worker->random = (uint64_t)stress_draw(&random, 1U << 31) << 32 | i;
		if (i < 2)
			strcpy(worker->name, i == 0 ? "PF" : "administrator");
		else
			snprintf(worker->name, sizeof(worker->name), "VF %u", i - 2);
	}
}

static void
report(const struct stress *stress)
{
	const struct stress_worker *worker;
	unsigned int i, j, n;
	unsigned long all = 0;

	for (i = 0; i < stress->n_workers; i++) {
		worker = &stress->workers[i];
		printf("# %s begins:", worker->name);
		for (j = 0; j < worker->begun; j++)
			printf(" %s,", worker->beginning[j]);
		printf("\n# %s: %lu operations, %lu refused\n", worker->name, worker->done,
		       worker->refused);
		all += worker->done;
	}
	n = stress->n_unexpected;
	for (i = 0; i < n && i < STRESS_UNEXPECTED; i++)
		printf("# unexpected: %s\n", stress->unexpected[i]);
	printf("# seed %u: %lu operations in %u s, %.1f per second; %u unexpected\n", stress_seed,
	       all, stress_seconds, (double)all / stress_seconds, n);
	fflush(stdout);
}

static void
race(const struct run *run, const void *arg)
{
	struct place places[STRESS_WORKERS];
	pid_t pids[STRESS_WORKERS];
	struct stress *stress;
	struct device pf;
	unsigned int i;

	(void)arg;
	stress = mmap(NULL, sizeof(*stress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (stress == MAP_FAILED)
		verdict_fail("out of memory");
	fill(run, stress);
	verdict_answer(backend_open_with(&pf, run->backend, run->pf, stress->tokens[0]), 0,
		       "opening the PF with the first token");
	backend_close(&pf);
	for (i = 0; i < stress->n_workers; i++) {
		places[i] = (struct place){ stress, i };
		pids[i] = step_fork(work, run, &places[i]);
	}
	sleep(stress_seconds);
	atomic_store(&stress->stop, true);
	for (i = 0; i < stress->n_workers; i++)
		step_join(pids[i]);
	report(stress);
	if (stress->n_unexpected > 0)
		verdict_fail("%u answers were unexpected; the first: %s", stress->n_unexpected,
			     stress->unexpected[0]);
}

const struct suite_case stress_case = {
	"stress/race",
	"However opens, closes, rotations and removals of VFs meet, each answer is the one that the rules give.",
	race,
	NULL,
	0,
};
