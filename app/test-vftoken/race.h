/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Threads that open, close and set tokens while VFs and the PF's driver come and go.
 */

#ifndef RACE_H
#define RACE_H

#include "suite.h"

/** Longest time that one operation may take: a device is reset as it is opened and closed. */
#define RACE_SECONDS 60

extern const struct suite_case race_case;

/** How many rounds the case runs, and what its operations are drawn from. */
void race_setup(unsigned int rounds, unsigned int seed);

#endif /* RACE_H */
