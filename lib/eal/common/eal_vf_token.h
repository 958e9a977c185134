/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#ifndef EAL_VF_TOKEN_H
#define EAL_VF_TOKEN_H

#include <vftoken/context.h>

/**
 * @file
 * What libvftoken and EAL have to do with each other besides the opening of
 * devices. It is the same text for each version of DPDK.
 */

/**
 * Take the value of --vfio-vf-token as a rule, and overwrite a literal token
 * in it and in the arguments that EAL saved. A refusal has been explained.
 *
 * @return
 *   0; a negative errno value for a refused rule.
 */
int eal_vf_token_rule(char *rule);

/**
 * Answer secondary processes that ask for tokens, or in one of them ask the
 * primary process.
 */
void eal_vf_token_setup(void);

/** Give up what eal_vf_token_setup() set up, and wipe the rules. */
void eal_vf_token_cleanup(void);

#endif /* EAL_VF_TOKEN_H */
