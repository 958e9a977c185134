/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <unistd.h>

#include "step.h"

/* The PF takes any token, or none, only while no VF is in use. */

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
any_order(const struct run *run)
{
	const unsigned int n = run->num_vfs < MAX_OPEN ? run->num_vfs : MAX_OPEN;
	unsigned int i;

	step_give_token(run);
	/* With two VFs there are only the first and the last order. */
	for (i = 0; i < SUITE_DIM(orders); i += n == MAX_OPEN ? 1 : SUITE_DIM(orders) - 1)
		close_in_order(run, orders[i], n);
}

static void
twice(const struct run *run)
{
	struct device vf;
	int again;

	step_use_vf(run, &vf);
	again = step_open_again(&vf, run->vf, TOKEN_RIGHT, 0);
	close(vf.fd);
	vf.fd = again;
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_works(&vf, "the VF, by its second file,");
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
refused(const struct run *run)
{
	step_give_token(run);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_MALFORMED, -EINVAL);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static void
refused_beside(const struct run *run)
{
	struct device vf;

	step_use_vf(run, &vf);
	step_try(run, run->vf2, TOKEN_WRONG, -EACCES);
	step_try(run, run->vf2, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

/* The PF itself is no user: a second open of it sets the token. */
static void
pf_no_user(const struct run *run)
{
	struct device pf;

	step_start_pf(run, &pf);
	close(step_open_again(&pf, run->pf, TOKEN_NONE, 0));
	close(step_open_again(&pf, run->pf, TOKEN_WRONG, 0));
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_WRONG, 0);
}

/* While a VF is in use, a second open of the PF needs the current token. */
static void
pf_again(const struct run *run)
{
	struct device pf, vf;

	step_start_pf(run, &pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_open_again(&pf, run->pf, TOKEN_NONE, -EACCES);
	step_open_again(&pf, run->pf, TOKEN_WRONG, -EACCES);
	close(step_open_again(&pf, run->pf, TOKEN_RIGHT, 0));
	backend_close(&vf);
	close(step_open_again(&pf, run->pf, TOKEN_WRONG, 0));
}

const struct suite_case users_cases[] = {
	SUITE_CASE(
		"users/any-order", any_order, NEEDS_TWO_VFS,
		"In whichever order VFs close, the PF takes no token only after the last one has."),
	SUITE_CASE("users/twice", twice, GROUP_ONLY,
		   "A VF opened twice is in use until both its files are closed."),
	SUITE_CASE("users/refused", refused, 0, "A VF whose open was refused is not in use."),
	SUITE_CASE("users/refused-beside", refused_beside, NEEDS_TWO_VFS,
		   "A refused open doesn't count beside a VF that is in use."),
	SUITE_CASE(
		"users/pf-no-user", pf_no_user, GROUP_ONLY,
		"The PF's own open doesn't count: a second one, through its group, sets the token."),
	SUITE_CASE(
		"users/pf-again", pf_again, GROUP_ONLY,
		"A PF that is open opens a second time, while a VF is in use, with its token only."),
	SUITE_END,
};
