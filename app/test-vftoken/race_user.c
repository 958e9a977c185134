/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <vftoken/vfio.h>

#include "job.h"
#include "race.h"

/* One round out of so many unbinds the PF. */
#define UNBIND_EVERY 4

/* Rounds between two messages about the progress. */
#define SAY_EVERY 100

/* Longest times in microseconds between two attempts to open a device. */
#define VF_PAUSE_US 10000
#define PF_PAUSE_US 50000

/* How often an open PF sets the token at most, and the longest pause after each time as a part of
 * race->hold_us.
 */
#define SETS 32
#define SET_DIVISOR 20

static void
make_odd(atomic_uint *changes, bool odd)
{
	if (atomic_load(changes) % 2 != odd)
		atomic_fetch_add(changes, 1);
}

static void
doubt_token(struct race_game *game)
{
	make_odd(&game->token_changes, true);
}

static void
know_token(struct race_game *game, unsigned int token)
{
	atomic_store(&game->token, token);
	make_odd(&game->token_changes, false);
}

static enum token
draw_token(struct race_user *self)
{
	/* The right one in half of the cases, as the kernel refuses the others at once. */
	static const enum token draws[] = {
		TOKEN_RIGHT, TOKEN_RIGHT, TOKEN_RIGHT, TOKEN_RIGHT, TOKEN_RIGHT,
		TOKEN_WRONG, TOKEN_WRONG, TOKEN_NONE,  TOKEN_NIL,   TOKEN_MALFORMED,
	};

	return draws[race_draw(&self->random, SUITE_DIM(draws))];
}

/* Whether a device answers so while it comes or goes, or while its PF is locked for that. */
static bool
going_away(int answer)
{
	return answer == -EAGAIN || answer == -EBUSY || answer == -EINVAL || answer == -EIO ||
	       answer == -ENODEV || answer == -ENOENT || answer == -ENXIO || answer == -EXDEV;
}

static bool
settled(unsigned int before, const atomic_uint *changes)
{
	return before % 2 == 0 && before == atomic_load(changes);
}

static bool
allowed(const struct race_game *game, enum token token, int answer, bool may_open, bool may_refuse,
	unsigned int vfs)
{
	const enum backend backend = game->race->run->backend;

	if (answer == 0)
		return may_open && token != TOKEN_MALFORMED;
	if (answer == (token == TOKEN_MALFORMED ? backend_malformed(backend) : -EACCES))
		return may_refuse || token == TOKEN_MALFORMED;
	/* In short rounds the kernel may reset a bus later, once it isn't locked any more. */
	return going_away(answer) && (game->race->until == 0 || !settled(vfs, &game->vfs_changes));
}

/* Begin to open a device. TOKEN_RIGHT is the PF's token, TOKEN_WRONG the one that it gets next. */
static int
open_device(struct race_user *self, enum race_op op, struct device *device, enum token token,
	    unsigned int current)
{
	const struct race_game *game = self->game;
	const unsigned char *uuid = backend_token(token);

	if (token == TOKEN_RIGHT || token == TOKEN_WRONG)
		uuid = game->tokens[(current + (token == TOKEN_WRONG)) % RACE_TOKENS];
	race_begin(self, op);
	return backend_open(device, game->race->run->backend, self->bdf, uuid);
}

static int
open_vf(struct race_user *self, struct device *device, enum token token)
{
	const struct race_game *game = self->game;
	const unsigned int tokens = atomic_load(&game->token_changes);
	const unsigned int vfs = atomic_load(&game->vfs_changes);
	bool same;
	int ret;

	ret = open_device(self, RACE_VF_OPEN, device, token, atomic_load(&game->token));
	same = settled(tokens, &game->token_changes);
	race_end(self, ret,
		 allowed(game, token, ret, token == TOKEN_RIGHT || (token == TOKEN_WRONG && !same),
			 token != TOKEN_RIGHT || !same, vfs),
		 backend_token_name(token));
	return ret;
}

static void
count_use(struct race_game *game, atomic_int *users, int change)
{
	atomic_fetch_add(users, change);
	atomic_fetch_add(&game->use_changes, 1);
}

static void
use_vf(const struct run *run, void *arg)
{
	struct race_user *self = arg;
	struct race_game *game = self->game;
	unsigned int hold, pause;
	char driver[PATH_MAX];
	struct device device;
	enum token token;

	(void)run;
	snprintf(driver, sizeof(driver), "%s/%s/driver", VFTOKEN_SYSFS_DEVICES, self->bdf);
	while (!atomic_load(&game->over)) {
		/* A look is cheaper than an attempt to open a VF that isn't there. */
		if (access(driver, F_OK) < 0) {
			usleep(VF_PAUSE_US / 2);
			continue;
		}
		token = draw_token(self);
		hold = race_draw(&self->random, game->race->hold_us);
		pause = race_draw(&self->random, VF_PAUSE_US);
		race_note(self, backend_token_name(token), hold / 1000);
		count_use(game, &game->maybe_in_use, 1);
		if (open_vf(self, &device, token) == 0) {
			count_use(game, &game->surely_in_use, 1);
			usleep(hold);
			count_use(game, &game->surely_in_use, -1);
			race_close(self, RACE_VF_CLOSE, &device);
		}
		count_use(game, &game->maybe_in_use, -1);
		usleep(pause);
	}
}

/* Open the PF. If no VF is in use, it takes another token than the current one, too. */
static int
open_pf(struct race_user *self, struct device *device, enum token token)
{
	struct race_game *game = self->game;
	const unsigned int current = atomic_load(&game->token);
	const bool sure = atomic_load(&game->token_changes) % 2 == 0;
	const unsigned int vfs = atomic_load(&game->vfs_changes);
	const unsigned int use = atomic_load(&game->use_changes);
	const bool in_use = atomic_load(&game->surely_in_use) > 0;
	const bool idle = atomic_load(&game->maybe_in_use) == 0;
	const bool current_or_next = token == TOKEN_RIGHT || token == TOKEN_WRONG;
	bool same_use;
	int ret;

	if (token == TOKEN_WRONG)
		doubt_token(game);
	ret = open_device(self, RACE_PF_OPEN, device, token, current);
	/* If the PF is locked for a change of VFs, by group the kernel has taken the token already.
	 * By cdev only some kernels have.
	 */
	if (current_or_next &&
	    (ret == 0 || (ret == -EAGAIN && game->race->run->backend == BACKEND_GROUP)))
		know_token(game, (current + (token == TOKEN_WRONG)) % RACE_TOKENS);
	else if (token == TOKEN_WRONG && ret == -EACCES && sure)
		know_token(game, current);
	same_use = use == atomic_load(&game->use_changes);
	race_end(self, ret,
		 allowed(game, token, ret,
			 token == TOKEN_RIGHT || (token == TOKEN_WRONG && !sure) ||
				 !(same_use && in_use),
			 !(token == TOKEN_RIGHT && sure) && !(same_use && idle), vfs),
		 backend_token_name(token));
	return ret;
}

static void
set_token(struct race_user *self, const struct device *pf)
{
	struct race_game *game = self->game;
	const unsigned int next = (atomic_load(&game->token) + 1) % RACE_TOKENS;
	int ret;

	doubt_token(game);
	race_begin(self, RACE_SET);
	ret = vftoken_vfio_feature_set(pf->fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, game->tokens[next],
				       sizeof(uuid_t));
	race_end(self, ret, ret == 0, NULL);
	if (ret == 0)
		know_token(game, next);
}

static void
use_pf(const struct run *run, void *arg)
{
	struct race_user *self = arg;
	struct race_game *game = self->game;
	unsigned int pause, set_pause, sets;
	struct device device;
	enum token token;

	(void)run;
	while (!atomic_load(&game->over)) {
		token = draw_token(self);
		/* VFs must be refused with the nil token, so the PF never takes it. */
		if (token == TOKEN_NIL)
			token = TOKEN_NONE;
		sets = race_draw(&self->random, SETS);
		set_pause = race_draw(&self->random, game->race->hold_us / SET_DIVISOR);
		pause = race_draw(&self->random, PF_PAUSE_US);
		race_note(self, backend_token_name(token), sets);
		if (open_pf(self, &device, token) == 0) {
			for (; sets > 0 && !atomic_load(&game->over); sets--) {
				set_token(self, &device);
				usleep(set_pause);
			}
			race_close(self, RACE_PF_CLOSE, &device);
		}
		usleep(pause);
	}
}

/* The administrator's operations. */
static void
change(struct race_user *admin, enum race_op op)
{
	const struct run *run = admin->game->race->run;
	int ret;

	make_odd(&admin->game->vfs_changes, true);
	race_begin(admin, op);
	if (op == RACE_BIND || op == RACE_UNBIND)
		ret = sysfs_bind(admin->bdf, op == RACE_BIND ? SYSFS_VFIO_PCI : "");
	else
		ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, admin->bdf,
					       op == RACE_ENABLE ? (uint16_t)run->num_vfs : 0);
	/* The close of the PF restores its configuration without a lock. That may switch off VFs
	 * that are just being enabled, and the kernel can't read them.
	 */
	race_end(admin, ret, ret == 0 || (op == RACE_ENABLE && ret == -EIO), NULL);
	make_odd(&admin->game->vfs_changes, op != RACE_ENABLE || ret < 0);
}

/* No VF is in use, so the PF must take a new token. It doesn't if the kernel still counts a VF. */
static void
give_token(struct race_user *admin)
{
	struct race_game *game = admin->game;
	struct device pf;
	unsigned int i, j;
	int ret;

	for (i = 0; i < RACE_TOKENS; i++)
		for (j = 0; j < sizeof(uuid_t); j++)
			game->tokens[i][j] = (unsigned char)race_draw(&admin->random, 256);
	race_begin(admin, RACE_PF_OPEN);
	ret = backend_open(&pf, game->race->run->backend, admin->bdf, game->tokens[0]);
	race_end(admin, ret, ret == 0, "a new token, as no VF is in use");
	if (ret == 0)
		race_close(admin, RACE_PF_CLOSE, &pf);
	know_token(game, 0);
}

/* Keep the VFs for some time. */
static void
keep_vfs(struct race_user *admin)
{
	const struct race *race = admin->game->race;
	long wait = race_draw(&admin->random, race->wait_ms);
	const long left = race->until - job_now();

	race_note(admin, "wait", (unsigned int)wait);
	if (race->until != 0 && left < wait)
		wait = left > 0 ? left : 0;
	usleep((unsigned int)wait * 1000);
}

static bool
play_on(const struct race *race)
{
	return race->n_unexpected < RACE_UNEXPECTED;
}

static void
play_round(const struct run *run, struct race_game *game, bool unbind)
{
	struct race_user *admin = &game->users[0];
	unsigned int i;

	give_token(admin);
	atomic_store(&game->over, false);
	for (i = 1; i < game->race->n_users; i++)
		game->users[i].pid = step_fork(i == 1 ? use_pf : use_vf, run, &game->users[i]);
	do {
		change(admin, RACE_ENABLE);
		keep_vfs(admin);
		change(admin, unbind ? RACE_UNBIND : RACE_DISABLE);
		if (unbind)
			change(admin, RACE_BIND);
	} while (job_now() < game->race->until && play_on(game->race));
	atomic_store(&game->over, true);
	for (i = 1; i < game->race->n_users; i++)
		step_join(game->users[i].pid);
}

void
race_play(const struct run *run, void *arg)
{
	struct race_game *game = arg;
	struct race *race = game->race;
	struct race_user *admin = &game->users[0];
	unsigned int n = 0, round = (unsigned int)(game - race->games) + 1;
	bool last;

	change(admin, RACE_DISABLE);
	for (; round <= race->rounds && play_on(race); round += race->n_games) {
		atomic_store(&game->round, round);
		last = race->rounds - round < race->n_games;
		/* An unbound PF loses its count of users, which the last round must leave. */
		play_round(run, game, ++n % UNBIND_EVERY == 1 && !last);
		atomic_fetch_add(&race->rounds_done, 1);
		if (n % SAY_EVERY != 0)
			continue;
		printf("# round %u, %s: %u answers were unexpected so far\n", round, admin->bdf,
		       race->n_unexpected);
		fflush(stdout);
	}
	give_token(admin);
}
