/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <unistd.h>

#include "step.h"

/* The PF takes any token, or none, exactly while no VF is in use. */

#define MAX_OPEN 3

/* Orders in which up to three open VFs are closed. */
static const unsigned int orders[][MAX_OPEN] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
};

static void
close_in_order(const struct run *run, const unsigned int *order, unsigned int n)
{
	struct device vfs[MAX_OPEN];
	unsigned int i;

	for (i = 0; i < n; i++)
		step_open(run, &vfs[i], run->machine->pfs[0].vfs[i], TOKEN_RIGHT);
	for (i = 0; i < MAX_OPEN; i++) {
		if (order[i] >= n)
			continue;
		step_try(run, run->pf, TOKEN_NONE, -EACCES);
		backend_close(&vfs[order[i]]);
	}
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
any_order(const struct run *run, const void *arg)
{
	const unsigned int n = run->num_vfs < MAX_OPEN ? run->num_vfs : MAX_OPEN;
	unsigned int i;

	(void)arg;
	step_give_token(run, run->pf);
	/* Of two, the first and the last order are all there are. */
	for (i = 0; i < SUITE_DIM(orders); i += n == MAX_OPEN ? 1 : SUITE_DIM(orders) - 1)
		close_in_order(run, orders[i], n);
}

static void
twice(const struct run *run, const void *arg)
{
	struct device vf;
	int again;

	(void)arg;
	step_give_token(run, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	again = step_open_again(&vf, run->vf, TOKEN_RIGHT, 0);
	close(vf.fd);
	vf.fd = again;
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_works(&vf, "the VF, by its second file,");
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
refused(const struct run *run, const void *arg)
{
	(void)arg;
	step_give_token(run, run->pf);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_MALFORMED, backend_malformed(run->backend));
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
refused_beside(const struct run *run, const void *arg)
{
	struct device vf;

	(void)arg;
	step_give_token(run, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_try(run, run->vf2, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf2, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

/* The PF itself is no user: opened again beside itself it sets the token. */
static void
pf_no_user(const struct run *run, const void *arg)
{
	struct device pf;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	close(step_open_again(&pf, run->pf, TOKEN_NONE, 0));
	close(step_open_again(&pf, run->pf, TOKEN_WRONG, 0));
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_WRONG, 0);
}

/* As a VF is in use, the PF that is open opens again with the current token only. */
static void
pf_again(const struct run *run, const void *arg)
{
	struct device pf, vf;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_open_again(&pf, run->pf, TOKEN_NONE, -EACCES);
	step_open_again(&pf, run->pf, TOKEN_WRONG, -EACCES);
	close(step_open_again(&pf, run->pf, TOKEN_RIGHT, 0));
	backend_close(&vf);
	close(step_open_again(&pf, run->pf, TOKEN_WRONG, 0));
}

static const struct suite_case cases[] = {
	{ "users/any-order",
	  "In whichever order VFs close, the PF takes no token only after the last one has.",
	  any_order, NULL, NEEDS_TWO_VFS },
	{ "users/twice", "A VF opened twice is in use until both its files are closed.", twice,
	  NULL, GROUP_ONLY },
	{ "users/refused", "A VF whose open was refused is not in use.", refused, NULL, 0 },
	{ "users/refused-beside", "A refused open doesn't count beside a VF that is in use.",
	  refused_beside, NULL, NEEDS_TWO_VFS },
	{ "users/pf-no-user",
	  "The PF's own open doesn't count: a second one, through its group, sets the token.",
	  pf_no_user, NULL, GROUP_ONLY },
	{ "users/pf-again",
	  "A PF that is open opens a second time, while a VF is in use, with its token only.",
	  pf_again, NULL, GROUP_ONLY },
};

const struct suite_cases users_cases = { cases, SUITE_DIM(cases) };
