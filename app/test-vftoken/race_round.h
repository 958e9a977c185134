/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The rounds of a race, and the administrator's part in them.
 */

#ifndef RACE_ROUND_H
#define RACE_ROUND_H

#include "suite.h"

/** The race's process; `arg` is its struct race. */
void race_play(const struct run *run, void *arg);

#endif /* RACE_ROUND_H */
