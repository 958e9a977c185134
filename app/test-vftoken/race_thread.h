/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The threads of a race for a PF: one opens and closes the PF, one each VF, and the administrator's
 * enables and disables the VFs and unbinds the PF. Nothing of ours keeps them apart, so an answer
 * is checked only as far as it doesn't depend on how they meet.
 */

#ifndef RACE_THREAD_H
#define RACE_THREAD_H

#include <stdatomic.h>
#include <stdint.h>

#include "suite.h"

/** The administrator's, the PF's, and one for each VF. */
#define RACE_THREADS (2 + MACHINE_VFS)

/** So many unexpected answers are shown, and end the race. */
#define RACE_UNEXPECTED 8
#define RACE_TEXT_SIZE 192

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

/** Tokens are drawn anew for each round. */
enum race_token {
	RACE_FIRST,
	RACE_SECOND,	/**< this one and the first are the PF's by turns */
	RACE_NEVER,	/**< never the PF's */
	RACE_NONE,
};

struct race_thread {
	struct race_game *game;
	const char *bdf;
	char name[40];
	uint64_t random;	/* the state that operations are drawn from */
	atomic_uint op;		/* an enum race_op that it is in the middle of */
	atomic_long since;	/* when that began, in seconds */
};

/** A PF with its threads. */
struct race_game {
	struct race *race;
	atomic_uint round;
	atomic_bool over;	/* the round */
	uuid_t tokens[RACE_NONE];
	struct race_thread threads[RACE_THREADS];
};

/** What the race's process shares with the one that watches it. */
struct race {
	const struct run *run;
	unsigned int rounds;
	unsigned int n_games;
	unsigned int n_threads;	/* of each game */
	long begun;
	atomic_uint rounds_done;
	atomic_ulong answers[RACE_OPS][RACE_ERRNOS];
	atomic_uint n_unexpected;
	char unexpected[RACE_TEXT_SIZE];	/* the first */
	struct race_game games[MACHINE_PFS];
};

/** An operation in words. */
const char *race_op_name(enum race_op op);

/** The time in seconds. */
long race_now(void);

/**
 * Give the calling thread files of its own. The kernel waits for a device's users when it takes the
 * device away; if the thread that waits there had the users' files too, a process that is killed
 * would wait for itself for ever.
 */
void race_own_files(void);

/** A thread begins an operation. */
void race_begin(struct race_thread *self, enum race_op op);

/** It has ended, with an answer; one that isn't allowed is noted with how the operation was done. */
void race_end(struct race_thread *self, int answer, bool allowed, const char *how);

/** Begin to open a device; race_end() must follow. */
int race_open(struct race_thread *self, enum race_op op, struct device *device, const char *bdf,
		enum race_token token);

/** Close it. */
void race_close(struct race_thread *self, enum race_op op, struct device *device);

/** The threads of a PF and of a VF, a struct race_thread, until the round is over. */
void *race_pf(void *arg);
void *race_vf(void *arg);

#endif /* RACE_THREAD_H */
