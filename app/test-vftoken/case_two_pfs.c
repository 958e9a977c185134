/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>

#include "step.h"

/* The first PF has TOKEN_RIGHT, the second TOKEN_WRONG. */
static void
give_tokens(const struct run *run)
{
	struct device pf2;

	step_give_token(run, run->pf);
	step_open(run, &pf2, run->pf2, TOKEN_NONE);
	step_set_token(&pf2, TOKEN_WRONG);
	backend_close(&pf2);
}

static void
tokens(const struct run *run, const void *arg)
{
	(void)arg;
	give_tokens(run);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->pf2_vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	step_try(run, run->pf2_vf, TOKEN_WRONG, 0);
}

static void
users(const struct run *run, const void *arg)
{
	struct device vf;

	(void)arg;
	give_tokens(run);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_try(run, run->pf2, TOKEN_NONE, 0);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_WRONG, -EACCES);
}

static void
rotation(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	give_tokens(run);
	step_open(run, &vf, run->pf2_vf, TOKEN_WRONG);
	step_open(run, &pf, run->pf, TOKEN_NONE);
	step_set_token(&pf, TOKEN_NIL);
	step_try(run, run->pf2, TOKEN_NONE, -EACCES);
	step_try(run, run->pf2, TOKEN_WRONG, 0);
	step_works(&vf, "the other PF's VF");
}

static void
unbinding(const struct run *run, const void *arg)
{
	struct device vf;

	(void)arg;
	give_tokens(run);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_bind(run->pf2, "");
	step_works(&vf, "a VF of the PF that stays");
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_bind(run->pf2, SYSFS_VFIO_PCI);
	step_num_vfs(run->pf2, run->num_vfs, 0);
	step_try(run, run->pf2_vf, TOKEN_WRONG, -EACCES);
	backend_close(&vf);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
pf_token_on_pf(const struct run *run, const void *arg)
{
	struct device vf;

	(void)arg;
	give_tokens(run);
	step_open(run, &vf, run->pf2_vf, TOKEN_WRONG);
	/* No VF of the first is in use: it takes any. */
	step_try(run, run->pf, TOKEN_NIL, 0);
	step_try(run, run->pf2, TOKEN_RIGHT, -EACCES);
}

static const struct suite_case cases[] = {
	{ "two-pfs/tokens", "Each PF has its own token, and the other's is EACCES for its VFs.",
	  tokens, NULL, NEEDS_TWO_PFS },
	{ "two-pfs/users", "A VF in use has its own PF demand the token, and not the other one.",
	  users, NULL, NEEDS_TWO_PFS },
	{ "two-pfs/rotation", "A new token of one PF leaves the other's as it was.", rotation, NULL,
	  NEEDS_TWO_PFS },
	{ "two-pfs/unbinding", "Unbinding one PF leaves the other's token and VFs as they were.",
	  unbinding, NULL, NEEDS_TWO_PFS },
	{ "two-pfs/idle-beside-busy",
	  "A PF none of whose VFs is in use takes any token while the other's VFs are in use.",
	  pf_token_on_pf, NULL, NEEDS_TWO_PFS },
};

const struct suite_cases two_pf_cases = { cases, SUITE_DIM(cases) };
