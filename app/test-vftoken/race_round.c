/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "race_round.h"
#include "race_thread.h"
#include "stress_worker.h"

/* The PF is unbound in one round out of so many. */
#define UNBIND_EVERY 4

/* Rounds between two checks of the count of users. */
#define CHECK_EVERY 100

/* Longest time that the VFs are there before they are disabled: it takes two of a device's resets,
 * of 100 ms each, to open and close it.
 */
#define OVERLAP_MS 200

static void
draw_tokens(struct race_game *game, uint64_t *random)
{
	unsigned int i, j;

	for (i = 0; i < RACE_NONE; i++)
		for (j = 0; j < sizeof(uuid_t); j++)
			game->tokens[i][j] = (unsigned char)stress_draw(random, 256);
}

static void
set_vfs(struct race_thread *admin, enum race_op op)
{
	const unsigned int n = op == RACE_ENABLE ? admin->game->race->run->num_vfs : 0;
	int ret;

	race_begin(admin, op);
	ret = pci_sriov_set_numvfs(NULL, admin->bdf, (uint16_t)n);
	/* As the PF is closed, what it was like is restored with no lock that would keep VFs, which
	 * are just being enabled, from being switched off again: they can't be read.
	 */
	race_end(admin, ret, ret == 0 || (op == RACE_ENABLE && ret == -EIO), "");
}

static void
bind_pf(struct race_thread *admin, enum race_op op)
{
	int ret;

	race_begin(admin, op);
	ret = sysfs_bind(admin->bdf, op == RACE_BIND ? SYSFS_VFIO_PCI : "");
	race_end(admin, ret, ret == 0, "");
}

static void
play_round(struct race_game *game, bool unbind)
{
	struct race_thread *admin = &game->threads[0];
	pthread_t threads[RACE_THREADS];
	unsigned int i;

	draw_tokens(game, &admin->random);
	atomic_store(&game->over, false);
	for (i = 1; i < game->race->n_threads; i++)
		if (pthread_create(&threads[i], NULL, i == 1 ? race_pf : race_vf,
				   &game->threads[i]) != 0)
			verdict_fail("no thread could be started");
	set_vfs(admin, RACE_ENABLE);
	usleep(stress_draw(&admin->random, OVERLAP_MS * 1000));
	if (unbind) {
		bind_pf(admin, RACE_UNBIND);
		bind_pf(admin, RACE_BIND);
	} else {
		set_vfs(admin, RACE_DISABLE);
	}
	atomic_store(&game->over, true);
	for (i = 1; i < game->race->n_threads; i++)
		pthread_join(threads[i], NULL);
}

static bool
open_one(struct race_thread *admin, enum race_op op, struct device *device, const char *bdf,
	 enum race_token token, int must, const char *how)
{
	int ret;

	ret = race_open(admin, op, device, bdf, token);
	race_end(admin, ret, ret == must, how);
	return ret == 0;
}

/* Between two rounds nobody uses a VF, and the PF must know that. */
static void
check_count(struct race_game *game)
{
	struct race_thread *admin = &game->threads[0];
	const char *vf_bdf = game->threads[2].bdf;
	struct device pf, vf;

	draw_tokens(game, &admin->random);
	set_vfs(admin, RACE_ENABLE);
	if (open_one(admin, RACE_PF_OPEN, &pf, admin->bdf, RACE_FIRST, 0,
		     " with a new token, as no VF is in use"))
		race_close(admin, RACE_PF_CLOSE, &pf);
	if (open_one(admin, RACE_VF_OPEN, &vf, vf_bdf, RACE_FIRST, 0, " with the PF's new token")) {
		if (open_one(admin, RACE_PF_OPEN, &pf, admin->bdf, RACE_NONE, -EACCES,
			     " without a token, as a VF is in use"))
			race_close(admin, RACE_PF_CLOSE, &pf);
		race_close(admin, RACE_VF_CLOSE, &vf);
	}
	if (open_one(admin, RACE_PF_OPEN, &pf, admin->bdf, RACE_NONE, 0,
		     " without a token, as no VF is in use any more"))
		race_close(admin, RACE_PF_CLOSE, &pf);
	set_vfs(admin, RACE_DISABLE);
}

/* A PF's part of the rounds, as its administrator; `arg` is its struct race_game. */
static void *
play(void *arg)
{
	struct race_game *game = arg;
	struct race *race = game->race;
	const unsigned int first = (unsigned int)(game - race->games) + 1;
	unsigned int n = 0, round;
	bool last;

	race_own_files();
	set_vfs(&game->threads[0], RACE_DISABLE);
	for (round = first; round <= race->rounds; round += race->n_games) {
		if (atomic_load(&race->n_unexpected) >= RACE_UNEXPECTED)
			break;
		atomic_store(&game->round, round);
		last = race->rounds - round < race->n_games;
		/* With the PF's driver its count goes, so none is unbound right before a check. */
		play_round(game, ++n % UNBIND_EVERY == 1 && !last);
		atomic_fetch_add(&race->rounds_done, 1);
		if (n % CHECK_EVERY != 0 && !last)
			continue;
		check_count(game);
		printf("# round %u, %s: %u answers were unexpected so far\n", round,
		       game->threads[0].bdf, atomic_load(&race->n_unexpected));
		fflush(stdout);
	}
	return NULL;
}

void
race_play(const struct run *run, void *arg)
{
	pthread_t threads[MACHINE_PFS];
	struct race *race = arg;
	unsigned int i;

	(void)run;
	/* Without the process that watches it nobody could tell what it is stuck in. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < race->n_games; i++)
		if (pthread_create(&threads[i], NULL, play, &race->games[i]) != 0)
			verdict_fail("no thread could be started");
	for (i = 0; i < race->n_games; i++)
		pthread_join(threads[i], NULL);
}
