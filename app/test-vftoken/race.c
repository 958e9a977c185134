/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job.h"
#include "race.h"

#define WATCH_MS 100

const char *
race_op_name(enum race_op op)
{
	static const char *const names[RACE_OPS] = {
		"enabling VFs",   "disabling VFs",  "unbinding the PF",
		"binding the PF", "opening the PF", "setting the token",
		"closing the PF", "opening a VF",   "closing a VF",
	};

	return names[op];
}

unsigned int
race_draw(uint64_t *random, unsigned int below)
{
	uint64_t value;

	/* Steele, Lea and Flood: Fast Splittable Pseudorandom Number Generators. */
	*random += 0x9e3779b97f4a7c15;
	value = *random;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	value ^= value >> 31;
	return (unsigned int)(value % below);
}

void
race_note(struct race_user *self, const char *what, unsigned int number)
{
	if (self->begun < RACE_BEGINNING)
		snprintf(self->beginning[self->begun++], sizeof(self->beginning[0]), "%s %u", what,
			 number);
}

void
race_begin(struct race_user *self, enum race_op op)
{
	atomic_store(&self->since, job_now());
	atomic_store(&self->op, op);
}

void
race_end(struct race_user *self, int answer, bool allowed, const char *with)
{
	const enum race_op op = (enum race_op)atomic_exchange(&self->op, RACE_OPS);
	const int number = answer > -RACE_ERRNOS ? -answer : RACE_ERRNOS - 1;
	struct race *race = self->game->race;
	char text[RACE_TEXT_SIZE];
	unsigned int place;

	atomic_fetch_add(&race->answers[op][number], 1);
	if (allowed)
		return;
	snprintf(text, sizeof(text), "round %u, %s: %s%s%s: %s", atomic_load(&self->game->round),
		 self->name, race_op_name(op), with != NULL ? " with " : "",
		 with != NULL ? with : "", verdict_word(answer));
	place = atomic_fetch_add(&race->n_unexpected, 1);
	if (place == 0)
		strcpy(race->unexpected, text);
	/* It is printed at once, as the kernel's messages of that time may tell more. */
	if (place < RACE_UNEXPECTED)
		printf("# unexpected: %s\n", text);
	fflush(stdout);
}

void
race_close(struct race_user *self, enum race_op op, struct device *device)
{
	race_begin(self, op);
	backend_close(device);
	race_end(self, 0, true, NULL);
}

static void
fill_game(struct race *race, struct race_game *game, const struct machine_pf *pf, uint64_t *random)
{
	static const char *const roles[] = { "administrator of", "PF", "VF" };
	struct race_user *user;
	unsigned int i;

	game->race = race;
	for (i = 0; i < race->n_users; i++) {
		user = &game->users[i];
		user->game = game;
		user->bdf = i < 2 ? pf->was.bdf : pf->vfs[(i - 2) % race->run->num_vfs];
		snprintf(user->name, sizeof(user->name), "%s %s", roles[i < 2 ? i : 2], user->bdf);
		/* Similar seeds would give the users the same operations. */
		user->random = (uint64_t)race_draw(random, 1U << 31) << 32 | i;
		atomic_init(&user->op, RACE_OPS);
	}
}

static void
fill(const struct run *run, struct race *race)
{
	const unsigned int seconds = run->choice->stress;
	uint64_t random = run->choice->seed;
	unsigned int i;

	race->run = run;
	race->begun = job_now();
	race->n_users = run->num_vfs + 2;
	if (seconds > 0) {
		race->rounds = 1;
		race->until = race->begun + seconds * 1000L;
		race->wait_ms = 4000;
		race->hold_us = 300000;
		race->n_games = 1;
	} else {
		race->rounds = run->choice->race;
		/* A group can't be opened twice. */
		if (run->backend == BACKEND_IOMMUFD)
			race->n_users += run->num_vfs;
		/* To open and close a device takes two resets of 100 ms each. */
		race->wait_ms = 200;
		race->hold_us = 20000;
		race->n_games = run->machine->n_pfs;
	}
	for (i = 0; i < race->n_games; i++)
		fill_game(race, &race->games[i], &run->machine->pfs[i], &random);
}

/* One of all processes; NULL when there are fewer. */
static const struct race_user *
user_at(const struct race *race, unsigned int index)
{
	const unsigned int game = index / race->n_users;

	return game < race->n_games ? &race->games[game].users[index % race->n_users] : NULL;
}

static void
report_beginnings(const struct race *race)
{
	const struct race_user *user;
	unsigned int i, j;

	for (i = 0; (user = user_at(race, i)) != NULL; i++) {
		printf("# %s begins:", user->name);
		for (j = 0; j < user->begun; j++)
			printf(" %s,", user->beginning[j]);
		putchar('\n');
	}
}

static void
report(const struct race *race)
{
	const double seconds = (double)(job_now() - race->begun) / 1000;
	const unsigned int seed = race->run->choice->seed;
	unsigned long n, operations = 0;
	const char *separator;
	unsigned int i;
	int number;

	report_beginnings(race);
	for (i = 0; i < RACE_OPS; i++) {
		printf("# %s", race_op_name((enum race_op)i));
		separator = ": ";
		for (number = 0; number < RACE_ERRNOS; number++) {
			n = race->answers[i][number];
			operations += n;
			if (n > 0)
				printf("%s%lu %s", separator, n, verdict_word(-number));
			separator = n > 0 ? ", " : separator;
		}
		putchar('\n');
	}
	printf("# seed %u: ", seed);
	if (race->until == 0)
		printf("%u rounds in %.0f s", race->rounds_done, seconds);
	else
		printf("%lu operations in %.0f s, %.1f per second", operations, seconds,
		       (double)operations / seconds);
	printf("; %u unexpected\n", race->n_unexpected);
	fflush(stdout);
}

static bool
running(pid_t pid)
{
	siginfo_t info = { 0 };

	/* step_join() gets the status. */
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

/* Say what each process is doing: if they can't be killed, the verdict is another one. */
static void
report_busy(const struct race *race)
{
	const struct race_user *user;
	unsigned int i;

	for (i = 0; (user = user_at(race, i)) != NULL; i++)
		if (user->op != RACE_OPS)
			printf("# round %u, %s: %s, for %ld s now\n", user->game->round, user->name,
			       race_op_name((enum race_op)user->op),
			       (job_now() - user->since) / 1000);
	fflush(stdout);
}

static void
fail_if_stuck(const struct race *race, const struct race_user *user)
{
	const enum race_op op = (enum race_op)user->op;

	if (op == RACE_OPS || job_now() - user->since <= SUITE_SECONDS * 1000L)
		return;
	report(race);
	report_busy(race);
	verdict_fail("round %u, %s: %s has taken more than %d s", user->game->round, user->name,
		     race_op_name(op), SUITE_SECONDS);
}

static void
watch(const struct race *race, pid_t pid)
{
	const struct race_user *user;
	unsigned int i;

	for (; running(pid); usleep(WATCH_MS * 1000))
		for (i = 0; (user = user_at(race, i)) != NULL; i++)
			fail_if_stuck(race, user);
}

static void
run_race(const struct run *run)
{
	struct race *race;
	unsigned int i;

	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED)
		verdict_fail("out of memory");
	fill(run, race);
	for (i = 0; i < race->n_games; i++)
		race->games[i].users[0].pid = step_fork(race_play, run, &race->games[i]);
	for (i = 0; i < race->n_games; i++)
		watch(race, race->games[i].users[0].pid);
	report(race);
	for (i = 0; i < race->n_games; i++)
		step_join(race->games[i].users[0].pid);
	if (race->n_unexpected > 0)
		verdict_fail("%u answers were unexpected; the first: %s", race->n_unexpected,
			     race->unexpected);
}

const struct suite_case race_cases[] = {
	SUITE_CASE(
		"race/rounds", run_race, 0,
		"However opens, closes, rotations, removals of VFs and unbinds of the PF meet, none gets stuck or opens a VF that it mustn't, and no user stays counted."),
	SUITE_END,
};

const struct suite_case stress_cases[] = {
	SUITE_CASE(
		"stress/race", run_race, 0,
		"However opens, closes, rotations and removals of VFs meet, each answer is the one that the rules give."),
	SUITE_END,
};
