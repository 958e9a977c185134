/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * How a case ends. A case is a process, which ends at the first wrong answer. Its files are closed
 * then, so no case cleans up.
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

/** Put a verdict there. */
void verdict_set(enum verdict_result result, const char *why);

/** End the case with a verdict, for a reason in one sentence. */
_Noreturn void verdict_end(enum verdict_result result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** It did not hold. */
#define verdict_fail(...) verdict_end(VERDICT_NOT_HELD, __VA_ARGS__)

/** The machine or its kernel lacks what it takes. */
#define verdict_skip(...) verdict_end(VERDICT_SKIPPED, __VA_ARGS__)

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
