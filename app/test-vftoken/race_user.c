/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <vftoken/vfio.h>

#include "race.h"

/* Longest times in microseconds between two attempts to open a device. */
#define VF_PAUSE_US 10000
#define PF_PAUSE_US 50000

/* Most settings of the token while the PF is open once; how many of their pauses a VF's use is. */
#define SETS 32
#define SET_DIVISOR 20

static enum token
draw_token(struct race_user *self)
{
	/* The right one in half of the cases, as the others end at once. */
	static const enum token draws[] = {
		TOKEN_RIGHT, TOKEN_RIGHT, TOKEN_RIGHT, TOKEN_RIGHT, TOKEN_RIGHT,
		TOKEN_WRONG, TOKEN_WRONG, TOKEN_NONE,  TOKEN_NIL,   TOKEN_MALFORMED,
	};

	return draws[race_draw(&self->random, SUITE_DIM(draws))];
}

/* The answer of a device, or of its path, that is going away or whose PF is locked for that. */
static bool
going_away(int answer)
{
	switch (-answer) {
	case EAGAIN:
	case EBUSY:
	case EINVAL:
	case EIO:
	case ENODEV:
	case ENOENT:
	case ENXIO:
	case EXDEV:
		return true;
	default:
		return false;
	}
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
	const struct race *race = game->race;

	if (answer == 0)
		return may_open && token != TOKEN_MALFORMED;
	if (answer == (token == TOKEN_MALFORMED ? backend_malformed(race->run->backend) : -EACCES))
		return may_refuse || token == TOKEN_MALFORMED;
	/* Two PFs of a card may be reset together. */
	return going_away(answer) && (race->n_games > 1 || !settled(vfs, &game->vfs_changes));
}

/* Begin to open a device; TOKEN_RIGHT is what the PF has, TOKEN_WRONG what it will get next. */
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

void
race_use_vf(const struct run *run, void *arg)
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
		/* While it isn't there, a look is cheaper than an attempt. */
		if (access(driver, F_OK) < 0) {
			usleep(VF_PAUSE_US / 2);
			continue;
		}
		token = draw_token(self);
		hold = race_draw(&self->random, game->race->hold_us);
		pause = race_draw(&self->random, VF_PAUSE_US);
		race_note(self, backend_token_name(token), hold);
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

/* Open the PF; another token than the current one becomes that if no VF is in use. */
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
		race_doubt_token(game);
	ret = open_device(self, RACE_PF_OPEN, device, token, current);
	/* A PF may be locked for a change of VFs. By group the kernel has taken the token before it
	 * finds out, by cdev only some kernels have.
	 */
	if (current_or_next &&
	    (ret == 0 || (ret == -EAGAIN && game->race->run->backend == BACKEND_GROUP)))
		race_know_token(game, (current + (token == TOKEN_WRONG)) % RACE_TOKENS);
	else if (token == TOKEN_WRONG && ret == -EACCES && sure)
		race_know_token(game, current);
	else if (token == TOKEN_RIGHT && !sure)
		race_doubt_token(game);
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

	race_doubt_token(game);
	race_begin(self, RACE_SET);
	ret = vftoken_vfio_feature_set(pf->fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
				       game->tokens[next], sizeof(uuid_t));
	race_end(self, ret, ret == 0, NULL);
	if (ret == 0)
		race_know_token(game, next);
}

void
race_use_pf(const struct run *run, void *arg)
{
	struct race_user *self = arg;
	struct race_game *game = self->game;
	unsigned int pause, set_pause, sets;
	struct device device;
	enum token token;

	(void)run;
	while (!atomic_load(&game->over)) {
		token = draw_token(self);
		/* As the PF's token it would be one that VFs' processes must be refused with. */
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
