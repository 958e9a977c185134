/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * How a case ends. A case runs in a process of its own, which ends with the first thing that isn't
 * as it must be; what it held open is closed by that, so no case cleans up.
 */

#ifndef VERDICT_H
#define VERDICT_H

enum verdict_result {
	VERDICT_HELD,
	VERDICT_NOT_HELD,
	VERDICT_SKIPPED,
};

#define VERDICT_WHY_SIZE 512

/** In memory that the case's process shares with the suite's. */
struct verdict {
	enum verdict_result result;
	char why[VERDICT_WHY_SIZE];
};

/** Where this process's case puts its verdict. */
extern struct verdict *verdict_here;

/** End the case: it did not hold, for a reason in one sentence. */
_Noreturn void verdict_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** End the case: the machine or its kernel lacks what it takes. */
_Noreturn void verdict_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Go on only if an answer is the one that must come.
 *
 * @param answer
 *   0 or more for success, else a negative errno value.
 * @param must
 *   0 for success, else a negative errno value.
 * @param format
 *   What was done.
 */
void verdict_answer(int answer, int must, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** An answer in words: `success` or an errno's name. */
const char *verdict_word(int answer);

#endif /* VERDICT_H */
