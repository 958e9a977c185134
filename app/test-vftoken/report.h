/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The results: TAP (testanything.org, version 13) on stdout, and JUnit's XML into a file.
 */

#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "suite.h"

/** Say how many cases there will be, and on what they run. */
void tap_begin(unsigned int n, const struct machine *machine);

/** One case's line. */
void tap_case(unsigned int number, enum backend backend, const struct suite_case *one,
		const struct verdict *verdict);

/** The last line of a run that ended early. */
void tap_bail_out(const char *why);

/** A result for JUnit, which wants the totals before the cases. */
struct junit_case {
	enum backend backend;
	const struct suite_case *one;
	struct verdict verdict;
	double seconds;
};

/** Write all results; 0, or -1 with errno. */
int junit_write(FILE *file, const struct junit_case *cases, unsigned int n);

#endif /* REPORT_H */
