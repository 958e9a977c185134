/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "race_thread.h"
#include "stress_worker.h"
#include "vfio_device.h"

/* Longest times, in microseconds, that a VF stays open, between two attempts to open a device, and
 * between two settings of the token. The PF is locked for most of a round.
 */
#define HOLD_US 20000
#define VF_PAUSE_US 10000
#define PF_PAUSE_US 50000
#define SET_US 1000

/* Most settings while the PF is open once. */
#define SETS 32

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

static const char *
with(enum race_token token)
{
	static const char *const texts[] = { " with the round's first token",
					     " with the round's second token",
					     " with a token that was never set",
					     " without a token" };

	return texts[token];
}

long
race_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

void
race_own_files(void)
{
	if (unshare(CLONE_FILES) < 0)
		verdict_fail("a thread can't have files of its own: %s", strerror(errno));
}

void
race_begin(struct race_thread *self, enum race_op op)
{
	atomic_store(&self->since, race_now());
	atomic_store(&self->op, op);
}

void
race_end(struct race_thread *self, int answer, bool allowed, const char *how)
{
	const enum race_op op = (enum race_op)atomic_exchange(&self->op, RACE_OPS);
	const int number = answer > -RACE_ERRNOS ? -answer : RACE_ERRNOS - 1;
	struct race *race = self->game->race;
	char text[RACE_TEXT_SIZE];
	unsigned int place;

	atomic_fetch_add(&race->answers[op][number], 1);
	if (allowed)
		return;
	snprintf(text, sizeof(text), "round %u, %s: %s%s: %s", atomic_load(&self->game->round),
		 self->name, race_op_name(op), how, verdict_word(answer));
	place = atomic_fetch_add(&race->n_unexpected, 1);
	if (place == 0)
		strcpy(race->unexpected, text);
	/* At once, as the kernel's messages of that time may tell more. */
	if (place < RACE_UNEXPECTED)
		printf("# unexpected: %s\n", text);
	fflush(stdout);
}

int
race_open(struct race_thread *self, enum race_op op, struct device *device, const char *bdf,
	  enum race_token token)
{
	struct race_game *game = self->game;

	race_begin(self, op);
	return backend_open_with(device, game->race->run->backend, bdf,
				 token != RACE_NONE ? game->tokens[token] : NULL);
}

void
race_close(struct race_thread *self, enum race_op op, struct device *device)
{
	race_begin(self, op);
	backend_close(device);
	race_end(self, 0, true, "");
}

/* What the PF's thread, which alone changes the token, knows of it. */
struct known {
	enum race_token token;
	bool sure; /* the PF has this token, or no VF can be in use: it must take it */
};

static void
learn(struct known *known, enum race_token token, int answer)
{
	if (token == RACE_NONE || answer == -EACCES)
		return;
	/* The kernel takes the token first; then the PF may be locked for a change of VFs. */
	if (answer == 0 || answer == -EAGAIN)
		*known = (struct known){ token, true };
	else if (token != known->token)
		known->sure = false;
}

static void
set_tokens(struct race_thread *self, const struct device *device, struct known *known)
{
	unsigned int i;
	int ret;

	for (i = stress_draw(&self->random, SETS); i > 0; i--) {
		known->token = known->token == RACE_FIRST ? RACE_SECOND : RACE_FIRST;
		known->sure = true;
		race_begin(self, RACE_SET);
		ret = vfio_device_feature_set(device->fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
					      self->game->tokens[known->token], sizeof(uuid_t));
		race_end(self, ret, ret == 0, "");
		usleep(stress_draw(&self->random, SET_US));
	}
}

void *
race_pf(void *arg)
{
	static const enum race_token draws[] = { RACE_FIRST, RACE_FIRST, RACE_SECOND, RACE_SECOND,
						 RACE_NONE };
	/* Nobody has been told a token of this round, so nobody can have opened a VF. */
	struct known known = { RACE_FIRST, true };
	enum race_token token = RACE_FIRST;
	struct race_thread *self = arg;
	struct device device;
	bool must;
	int ret;

	race_own_files();
	while (!atomic_load(&self->game->over)) {
		must = known.sure && token == known.token;
		ret = race_open(self, RACE_PF_OPEN, &device, self->bdf, token);
		race_end(self, ret, ret == 0 || stress_going_away(ret) || (ret == -EACCES && !must),
			 must ? " with a token that it must take, as it has it or no VF is in use"
			      : with(token));
		learn(&known, token, ret);
		if (ret == 0) {
			set_tokens(self, &device, &known);
			race_close(self, RACE_PF_CLOSE, &device);
		}
		usleep(stress_draw(&self->random, PF_PAUSE_US));
		token = draws[stress_draw(&self->random, SUITE_DIM(draws))];
	}
	return NULL;
}

void *
race_vf(void *arg)
{
	static const enum race_token draws[] = { RACE_FIRST,  RACE_FIRST,  RACE_FIRST, RACE_SECOND,
						 RACE_SECOND, RACE_SECOND, RACE_NEVER, RACE_NONE };
	struct race_thread *self = arg;
	enum race_token token;
	struct device device;
	bool may_open;
	int ret;

	race_own_files();
	while (!atomic_load(&self->game->over)) {
		/* For most of a round it isn't there, and a look is cheaper than an attempt. */
		if (!sysfs_there(self->bdf, "driver")) {
			usleep(stress_draw(&self->random, VF_PAUSE_US));
			continue;
		}
		token = draws[stress_draw(&self->random, SUITE_DIM(draws))];
		may_open = token == RACE_FIRST || token == RACE_SECOND;
		ret = race_open(self, RACE_VF_OPEN, &device, self->bdf, token);
		race_end(self, ret, ret == 0 ? may_open : ret == -EACCES || stress_going_away(ret),
			 with(token));
		if (ret == 0) {
			usleep(stress_draw(&self->random, HOLD_US));
			race_close(self, RACE_VF_CLOSE, &device);
		}
		usleep(stress_draw(&self->random, VF_PAUSE_US));
	}
	return NULL;
}
