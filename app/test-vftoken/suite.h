/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The table of cases, and how they are run: each in a process of its own, that starts from a
 * prepared machine, may leave it as it likes, and has a time limit. The results are TAP, version 13
 * (testanything.org).
 */

#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>

#include "backend.h"
#include "machine.h"
#include "verdict.h"

#define SUITE_DIM(array) (sizeof(array) / sizeof((array)[0]))

/** Longest time that a case, or one operation of a race, may take: far more than it does, also in a
 * machine in software emulation.
 */
#define SUITE_SECONDS 60

/* What a case needs beyond a PF, where it makes sense, and what it leaves behind: the PF's token as
 * TOKEN_RIGHT.
 */
#define NEEDS_TWO_VFS (1U << 0)
#define NEEDS_TWO_PFS (1U << 1)
#define NEEDS_OTHER (1U << 2)
#define GROUP_ONLY (1U << 3)
#define IOMMUFD_ONLY (1U << 4)
#define KEEPS_TOKEN (1U << 5)

/** What the user asked for. */
struct suite_choice {
	bool backends[BACKENDS];
	const char
		*pattern; /* of fnmatch(3), for `group/THEME/WHAT` or `THEME/WHAT`; NULL for all */
	unsigned int stress; /* seconds of it instead of the cases; 0 for none */
	unsigned int race;   /* rounds of it instead of the cases; 0 for none */
	unsigned int seed;
};

/** What a case gets to know. */
struct run {
	const struct suite_choice *choice;
	const struct machine *machine;
	const struct suite_case *one;
	enum backend backend;
	const char *pf;
	const char *vf;  /* the PF's first */
	const char *vf2; /* its second */
	const char *pf2;
	const char *pf2_vf;
	const char *other;
	unsigned int num_vfs;
	bool has_token; /* the case before has left the PF with TOKEN_RIGHT */
};

struct suite_case {
	const char *name;  /* THEME/WHAT; NULL ends a table */
	const char *holds; /* one sentence: what must hold */
	void (*run)(const struct run *run);
	const void *arg; /* for run */
	unsigned int needs;
};

/** A case without an argument, and the end of a table. */
#define SUITE_CASE(name, run, needs, holds) \
	{ \
		name, holds, run, NULL, needs \
	}
#define SUITE_END \
	{ \
		.name = NULL \
	}

extern const struct suite_case open_cases[], option_cases[], bind_cases[], feature_cases[],
	token_cases[], users_cases[], sriov_cases[], process_cases[], two_pf_cases[], race_cases[],
	stress_cases[];

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
