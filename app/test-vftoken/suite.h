/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The table of cases, and how they are run: each in a process of its own, that starts from a
 * prepared machine, may leave it as it likes, and has a time limit.
 */

#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>
#include <stdio.h>

#include "backend.h"
#include "machine.h"
#include "verdict.h"

#define SUITE_DIM(array) (sizeof(array) / sizeof((array)[0]))

/* What a case needs beyond a PF, where it makes sense, and what it leaves behind: the PF's token as
 * TOKEN_RIGHT.
 */
#define NEEDS_TWO_VFS	(1U << 0)
#define NEEDS_TWO_PFS	(1U << 1)
#define NEEDS_OTHER	(1U << 2)
#define GROUP_ONLY	(1U << 3)
#define IOMMUFD_ONLY	(1U << 4)
#define KEEPS_TOKEN	(1U << 5)

/** What a case gets to know. */
struct run {
	enum backend backend;
	const char *pf;
	const char *vf;		/* the PF's first */
	const char *vf2;	/* its second */
	const char *pf2;
	const char *pf2_vf;
	const char *other;
	unsigned int num_vfs;
	bool has_token;		/* the case before has left the PF with TOKEN_RIGHT */
	const struct machine *machine;
};

struct suite_case {
	const char *name;	/* THEME/WHAT */
	const char *holds;	/* one sentence: what must hold */
	void (*run)(const struct run *run, const void *arg);
	const void *arg;	/* for run */
	unsigned int needs;
};

/** A theme's part of the table. */
struct suite_cases {
	const struct suite_case *cases;
	unsigned int n;
};

extern const struct suite_cases open_cases, option_cases, bind_cases, feature_cases, token_cases,
	rotation_cases, users_cases, sriov_cases, removal_cases, process_cases, two_pf_cases;

/** What the person asked for. */
struct suite_choice {
	bool backends[BACKENDS];
	const char
		*pattern; /* of fnmatch(3), for `group/THEME/WHAT` or `THEME/WHAT`; NULL for all */
	FILE *junit;		/* NULL for none */
	unsigned int stress;	/* seconds of it instead of the cases; 0 for none */
	unsigned int race;	/* rounds of it instead of the cases; 0 for none */
	unsigned int seed;
};

/** Print the cases that were chosen; returns how many there are. */
unsigned int suite_list(const struct suite_choice *choice, bool print);

/**
 * Run them.
 *
 * @return
 *   Whether something was proved, and nothing did not hold. False when a signal has ended it early
 *   (job_signal in job.h).
 */
bool suite_run(const struct suite_choice *choice, struct machine *machine);

#endif /* SUITE_H */
