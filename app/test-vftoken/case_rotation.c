/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <unistd.h>

#include "step.h"

/* A new token while VFs are in use: TOKEN_WRONG becomes the one that counts. */

static void
start(const struct run *run, struct device *pf, struct device *vf)
{
	step_start_pf(run, pf, run->pf);
	step_open(run, vf, run->vf, TOKEN_RIGHT);
	step_set_token(pf, TOKEN_WRONG);
}

static void
vf_stays(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	start(run, &pf, &vf);
	step_works(&vf, "the VF, opened with the old token,");
	step_works(&pf, "the PF");
}

static void
next_vf(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	start(run, &pf, &vf);
	step_try(run, run->vf2, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf2, TOKEN_WRONG, 0);
	step_works(&vf, "the VF, opened with the old token,");
}

static void
same_vf(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	start(run, &pf, &vf);
	backend_close(&vf);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_WRONG, 0);
}

static void
same_group(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	start(run, &pf, &vf);
	step_open_again(&vf, run->vf, TOKEN_RIGHT, -EACCES);
	step_open_again(&vf, run->vf, TOKEN_NONE, -EACCES);
	step_open_again(&vf, run->vf, TOKEN_WRONG, 0);
}

static void
pf_again(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	start(run, &pf, &vf);
	backend_close(&pf);
	step_try(run, run->pf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_WRONG, 0);
	step_works(&vf, "the VF, opened with the old token,");
}

static void
many(const struct run *run, const void *arg)
{
	struct device pf, vf;
	int i;

	(void)arg;
	start(run, &pf, &vf);
	for (i = 0; i < 1000; i++)
		step_set_token(&pf, i % 2 == 0 ? TOKEN_NIL : TOKEN_RIGHT);
	step_works(&vf, "the VF, opened before,");
	backend_close(&vf);
	step_try(run, run->vf, TOKEN_NIL, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
to_nil(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	start(run, &pf, &vf);
	backend_close(&vf);
	step_set_token(&pf, TOKEN_NIL);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_NIL, 0);
}

static const struct suite_case cases[] = {
	{ "rotation/vf-stays",
	  "A VF that is open stays open, and works, when the token is set anew.", vf_stays, NULL,
	  0 },
	{ "rotation/next-vf",
	  "While a VF opened with the old token is in use, another takes the new token only.",
	  next_vf, NULL, NEEDS_TWO_VFS },
	{ "rotation/same-vf", "A VF that was closed opens again with the new token only.", same_vf,
	  NULL, 0 },
	{ "rotation/same-group",
	  "A VF that is open opens a second time, through its group, with the new token only.",
	  same_group, NULL, GROUP_ONLY },
	{ "rotation/pf-again",
	  "While a VF opened with the old token is in use, the PF opens with the new token only.",
	  pf_again, NULL, 0 },
	{ "rotation/many",
	  "After a thousand rotations the last token counts, and an open VF works.", many, NULL,
	  0 },
	{ "rotation/to-nil",
	  "The nil UUID can be set; then no token is EACCES still, and the nil UUID opens a VF.",
	  to_nil, NULL, 0 },
};

const struct suite_cases rotation_cases = { cases, SUITE_DIM(cases) };
