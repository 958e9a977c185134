/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * A race: processes that open devices while tokens, VFs and drivers change. Each PF has one that
 * opens the PF and sets its token, each VF has one that opens the VF, and an administrator's
 * enables and disables the VFs and unbinds the PF. By iommufd two bind each VF in short rounds.
 * What they do is drawn from the seed alone, so a seed gives each of them the same operations in
 * the same order; how these meet is up to the machine.
 *
 * Nothing keeps them apart. Each says what it is doing, and knows from that which answers the rules
 * allow. Where something changes in the middle of an operation, either answer is right.
 */

#ifndef RACE_H
#define RACE_H

#include <stdatomic.h>
#include <stdint.h>

#include "step.h"

/** The administrator, the PF's user, and up to two for each VF. */
#define RACE_USERS (2 + 2 * MACHINE_VFS)

#define RACE_TOKENS 4
#define RACE_BEGINNING 12
#define RACE_TEXT_SIZE 192

/** So many unexpected answers are shown, and end the race. */
#define RACE_UNEXPECTED 8

/** One more than Linux's largest errno. */
#define RACE_ERRNOS 134

enum race_op {
	RACE_ENABLE,
	RACE_DISABLE,
	RACE_UNBIND,
	RACE_BIND,
	RACE_PF_OPEN,
	RACE_SET,
	RACE_PF_CLOSE,
	RACE_VF_OPEN,
	RACE_VF_CLOSE,
	RACE_OPS, /**< none of these */
};

/** A process. */
struct race_user {
	struct race_game *game;
	const char *bdf;
	char name[40];
	pid_t pid;
	uint64_t random;    /* the state that operations are drawn from */
	unsigned int begun; /* texts in beginning */
	char beginning[RACE_BEGINNING][32];
	atomic_uint op;    /* an enum race_op that it is in the middle of */
	atomic_long since; /* when that began, as job_now() */
};

/** A PF and its processes. */
struct race_game {
	struct race *race;
	atomic_uint round;
	atomic_bool over;           /* the round */
	uuid_t tokens[RACE_TOKENS]; /* others in each round */
	atomic_uint token;          /* which of them the PF has */
	atomic_uint token_changes;  /* odd while it may be another */
	atomic_uint vfs_changes;    /* odd while VFs come, go, or aren't there */
	atomic_uint use_changes;    /* one more with each change of the two below */
	atomic_int maybe_in_use;    /* VFs that are being opened, are open, or are being closed */
	atomic_int surely_in_use;   /* VFs that are open */
	struct race_user users[RACE_USERS];
};

/** What all processes share. */
struct race {
	const struct run *run;
	unsigned int rounds;  /* to play */
	unsigned int wait_ms; /* longest time between two changes of VFs */
	unsigned int hold_us; /* longest time that a VF stays open */
	long begun;           /* as job_now() */
	long until;           /* a round goes on until then; 0 for one change of VFs */
	unsigned int n_games;
	unsigned int n_users; /* of each game */
	atomic_uint rounds_done;
	atomic_ulong answers[RACE_OPS][RACE_ERRNOS];
	atomic_uint n_unexpected;
	char unexpected[RACE_TEXT_SIZE]; /* the first */
	struct race_game games[MACHINE_PFS];
};

/** An operation in words. */
const char *race_op_name(enum race_op op);

/** Draw a number below another. */
unsigned int race_draw(uint64_t *random, unsigned int below);

/** The work of an administrator, whose struct race_game `arg` is: all rounds, with their users. */
void race_play(const struct run *run, void *arg);

/** Note what a process does next, for the report of how it began. */
void race_note(struct race_user *self, const char *what, unsigned int number);

/** An operation begins. */
void race_begin(struct race_user *self, enum race_op op);

/** It has ended; an answer that isn't allowed is shown, with what the operation was done with. */
void race_end(struct race_user *self, int answer, bool allowed, const char *with);

/** Close a device: a whole operation. */
void race_close(struct race_user *self, enum race_op op, struct device *device);

#endif /* RACE_H */
