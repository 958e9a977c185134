/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Many processes that open, close, set tokens and remove VFs against each other.
 */

#ifndef STRESS_H
#define STRESS_H

#include "suite.h"

extern const struct suite_case stress_case;

/** How long the case runs, and what its operations are drawn from. */
void stress_setup(unsigned int seconds, unsigned int seed);

#endif /* STRESS_H */
