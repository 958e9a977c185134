/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.h"
#include "race_round.h"
#include "race_thread.h"
#include "step.h"
#include "stress_worker.h"

#define WATCH_MS 100

static unsigned int race_rounds, race_seed;

void
race_setup(unsigned int rounds, unsigned int seed)
{
	race_rounds = rounds;
	race_seed = seed;
}

static void
fill_game(struct race *race, struct race_game *game, const struct machine_pf *pf, uint64_t *random)
{
	static const char *const roles[] = { "administrator of", "PF", "VF" };
	struct race_thread *thread;
	unsigned int i;

	game->race = race;
	for (i = 0; i < race->n_threads; i++) {
		thread = &game->threads[i];
		thread->game = game;
		thread->bdf = i < 2 ? pf->was.bdf : pf->vfs[i - 2];
		snprintf(thread->name, sizeof(thread->name), "%s %s", roles[i < 2 ? i : 2],
			 thread->bdf);
		/* Seeds beside each other would give threads the same operations. */
		thread->random = (uint64_t)stress_draw(random, 1U << 31) << 32 | i;
		atomic_init(&thread->op, RACE_OPS);
	}
}

static void
fill(const struct run *run, struct race *race)
{
	uint64_t random = race_seed;
	unsigned int i;

	race->run = run;
	race->rounds = race_rounds;
	race->n_games = run->machine->n_pfs;
	race->n_threads = run->num_vfs + 2;
	race->begun = race_now();
	for (i = 0; i < race->n_games; i++)
		fill_game(race, &race->games[i], &run->machine->pfs[i], &random);
}

static void
report(const struct race *race)
{
	const char *separator;
	unsigned int i;
	int number;

	for (i = 0; i < RACE_OPS; i++) {
		printf("# %s", race_op_name((enum race_op)i));
		separator = ": ";
		for (number = 0; number < RACE_ERRNOS; number++) {
			if (race->answers[i][number] == 0)
				continue;
			printf("%s%lu %s", separator, race->answers[i][number],
			       verdict_word(-number));
			separator = ", ";
		}
		putchar('\n');
	}
	printf("# seed %u: %u rounds in %ld s; %u unexpected\n", race_seed, race->rounds_done,
	       race_now() - race->begun, race->n_unexpected);
	fflush(stdout);
}

static bool
running(pid_t pid)
{
	siginfo_t info = { 0 };

	/* Its status is step_join()'s. */
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

/* Say what each thread is doing. The verdict will be another one if they can't be killed. */
static void
report_busy(const struct race *race)
{
	const struct race_thread *thread;
	unsigned int i, j;
	enum race_op op;

	for (i = 0; i < race->n_games; i++) {
		for (j = 0; j < race->n_threads; j++) {
			thread = &race->games[i].threads[j];
			op = (enum race_op)thread->op;
			if (op != RACE_OPS)
				printf("# round %u, %s: %s, for %ld s now\n", race->games[i].round,
				       thread->name, race_op_name(op), race_now() - thread->since);
		}
	}
	fflush(stdout);
}

static void
fail_if_stuck(const struct race *race, const struct race_thread *thread)
{
	const enum race_op op = (enum race_op)thread->op;

	if (op == RACE_OPS || race_now() - thread->since <= RACE_SECONDS)
		return;
	report(race);
	report_busy(race);
	verdict_fail("round %u, %s: %s has taken more than %d s", thread->game->round, thread->name,
		     race_op_name(op), RACE_SECONDS);
}

/* From another process, as one with a thread that the kernel holds can't end itself. */
static void
watch(const struct race *race, pid_t pid)
{
	unsigned int i, j;

	for (; running(pid); usleep(WATCH_MS * 1000))
		for (i = 0; i < race->n_games; i++)
			for (j = 0; j < race->n_threads; j++)
				fail_if_stuck(race, &race->games[i].threads[j]);
}

static void
run_race(const struct run *run, const void *arg)
{
	struct race *race;
	pid_t pid;

	(void)arg;
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED)
		verdict_fail("out of memory");
	fill(run, race);
	pid = step_fork(race_play, run, race);
	watch(race, pid);
	report(race);
	step_join(pid);
	if (race->n_unexpected > 0)
		verdict_fail("%u answers were unexpected; the first: %s", race->n_unexpected,
			     race->unexpected);
}

const struct suite_case race_case = {
	"race/rounds",
	"However opens, closes, rotations, removals of VFs and unbinds of the PF meet, none gets stuck or opens a VF that it mustn't, and no user stays counted.",
	run_race,
	NULL,
	0,
};
