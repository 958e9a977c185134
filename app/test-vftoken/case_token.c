/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>

#include "step.h"

/* How long the kernel keeps a token, also when the PF's process restarts. */

static void
before_vfs(const struct run *run)
{
	struct device pf;

	step_num_vfs(run->pf, 0, 0);
	step_start_pf(run, &pf);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_needs_token(run, run->vf);
}

static void
after_vfs(const struct run *run)
{
	struct device pf;

	step_num_vfs(run->pf, 0, 0);
	step_open(run, &pf, run->pf, TOKEN_WRONG);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_set_token(&pf, TOKEN_RIGHT);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

/* The token stays when VFs are disabled and enabled. */
static void
outlives_vfs(const struct run *run)
{
	step_give_token(run);
	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_needs_token(run, run->vf);
}

static void
outlives_fd(const struct run *run)
{
	struct device pf;

	step_start_pf(run, &pf);
	backend_close(&pf);
	step_needs_token(run, run->vf);
	step_open(run, &pf, run->pf, TOKEN_NONE);
	backend_close(&pf);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
start_pf(const struct run *run, void *arg)
{
	struct device pf;

	(void)arg;
	step_start_pf(run, &pf);
}

/* For the kernel a crash of the PF's process is the same. */
static void
outlives_process(const struct run *run)
{
	step_kill(step_start(start_pf, run, NULL));
	step_needs_token(run, run->vf);
}

/* Neither the last token nor a simple one opens the VF. */
static void
random_at_bind(const struct run *run)
{
	static const uuid_t ones = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct device vf;

	step_give_token(run);
	step_num_vfs(run->pf, 0, 0);
	step_bind(run->pf, "");
	step_bind(run->pf, SYSFS_VFIO_PCI);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_NIL, -EACCES);
	verdict_answer(backend_open(&vf, run->backend, run->vf, ones), -EACCES,
		       "opening a VF with the UUID of ones only");
}

/* The open alone gives the PF a token. */
static void
set_by_open_only(const struct run *run)
{
	struct device pf, vf;

	step_open(run, &pf, run->pf, TOKEN_RIGHT);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	backend_close(&pf);
	step_try(run, run->pf, TOKEN_RIGHT, 0);
	step_works(&vf, "the VF");
}

/* The VF stays open while the PF restarts. The PF needs the token for that. */
static void
restart(const struct run *run)
{
	struct device pf, vf;

	step_start_pf(run, &pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	backend_close(&pf);
	step_works(&vf, "the VF, whose PF was closed,");
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_WRONG, -EACCES);
	step_open(run, &pf, run->pf, TOKEN_RIGHT);
	step_works(&vf, "the VF, whose PF was opened again,");
	step_works(&pf, "the PF");
}

static void
restart_killed(const struct run *run)
{
	const pid_t pid = step_start(start_pf, run, NULL);
	struct device vf;

	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_kill(pid);
	step_works(&vf, "the VF, whose PF's process was killed,");
	step_needs_token(run, run->pf);
}

/* A refused open of the PF doesn't change the state. */
static void
restart_often(const struct run *run)
{
	struct device vf;
	int i;

	step_use_vf(run, &vf);
	for (i = 0; i < 5; i++) {
		step_needs_token(run, run->pf);
		step_works(&vf, "the VF");
	}
	backend_close(&vf);
	step_try(run, run->pf, TOKEN_NONE, 0);
}

/* A new token while VFs are in use: TOKEN_WRONG becomes the PF's. */

static void
start(const struct run *run, struct device *pf, struct device *vf)
{
	step_start_pf(run, pf);
	step_open(run, vf, run->vf, TOKEN_RIGHT);
	step_set_token(pf, TOKEN_WRONG);
}

static void
vf_stays(const struct run *run)
{
	struct device pf, vf;

	start(run, &pf, &vf);
	step_works(&vf, "the VF, opened with the old token,");
	step_works(&pf, "the PF");
}

static void
next_vf(const struct run *run)
{
	struct device pf, vf;

	start(run, &pf, &vf);
	step_try(run, run->vf2, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf2, TOKEN_WRONG, 0);
	step_works(&vf, "the VF, opened with the old token,");
}

static void
same_vf(const struct run *run)
{
	struct device pf, vf;

	start(run, &pf, &vf);
	backend_close(&vf);
	step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_WRONG, 0);
}

static void
same_group(const struct run *run)
{
	struct device pf, vf;

	start(run, &pf, &vf);
	step_open_again(&vf, run->vf, TOKEN_RIGHT, -EACCES);
	step_open_again(&vf, run->vf, TOKEN_NONE, -EACCES);
	step_open_again(&vf, run->vf, TOKEN_WRONG, 0);
}

static void
pf_again(const struct run *run)
{
	struct device pf, vf;

	start(run, &pf, &vf);
	backend_close(&pf);
	step_try(run, run->pf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_WRONG, 0);
	step_works(&vf, "the VF, opened with the old token,");
}

static void
many(const struct run *run)
{
	struct device pf, vf;
	int i;

	start(run, &pf, &vf);
	for (i = 0; i < 1000; i++)
		step_set_token(&pf, i % 2 == 0 ? TOKEN_NIL : TOKEN_RIGHT);
	step_works(&vf, "the VF, opened before,");
	backend_close(&vf);
	step_try(run, run->vf, TOKEN_NIL, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
to_nil(const struct run *run)
{
	struct device pf, vf;

	start(run, &pf, &vf);
	backend_close(&vf);
	step_set_token(&pf, TOKEN_NIL);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_NIL, 0);
}

const struct suite_case token_cases[] = {
	SUITE_CASE("token/before-vfs", before_vfs, 0,
		   "A token set before VFs are enabled is the one they open with."),
	SUITE_CASE("token/after-vfs", after_vfs, 0,
		   "A token set after VFs were enabled is the one they open with."),
	SUITE_CASE("token/outlives-vfs", outlives_vfs, 0,
		   "The token stays when VFs are disabled and enabled again."),
	SUITE_CASE("token/outlives-fd", outlives_fd, 0,
		   "The token stays when the PF is closed, and when it is opened again."),
	SUITE_CASE("token/outlives-process", outlives_process, 0,
		   "The token stays when the PF's process is killed."),
	SUITE_CASE(
		"token/random-at-bind", random_at_bind, 0,
		"A PF that is bound to vfio-pci starts with a random token: the last one, none, the nil UUID and ones are all EACCES."),
	SUITE_CASE("token/by-open", set_by_open_only, 0,
		   "A token set by the PF's open alone is as good as one set by the ioctl."),
	SUITE_CASE(
		"restart/closed", restart, 0,
		"While a VF is open the PF closes and opens again with its token only, and the VF goes on."),
	SUITE_CASE(
		"restart/killed", restart_killed, 0,
		"While a VF is open the PF's process may be killed; the PF opens again with its token only, and the VF goes on."),
	SUITE_CASE("restart/often", restart_often, 0,
		   "The PF restarts any number of times while a VF is open."),
	SUITE_CASE("rotation/vf-stays", vf_stays, 0,
		   "A VF that is open stays open, and works, when the token is set again."),
	SUITE_CASE(
		"rotation/next-vf", next_vf, NEEDS_TWO_VFS,
		"While a VF opened with the old token is in use, another takes the new token only."),
	SUITE_CASE("rotation/same-vf", same_vf, 0,
		   "A VF that was closed opens again with the new token only."),
	SUITE_CASE(
		"rotation/same-group", same_group, GROUP_ONLY,
		"A VF that is open opens a second time, through its group, with the new token only."),
	SUITE_CASE(
		"rotation/pf-again", pf_again, 0,
		"While a VF opened with the old token is in use, the PF opens with the new token only."),
	SUITE_CASE("rotation/many", many, 0,
		   "After a thousand rotations the last token counts, and an open VF works."),
	SUITE_CASE(
		"rotation/to-nil", to_nil, 0,
		"The nil UUID can be set; then no token is EACCES still, and the nil UUID opens a VF."),
	SUITE_END,
};

/* The first PF has TOKEN_RIGHT, the second TOKEN_WRONG. */
static void
give_tokens(const struct run *run)
{
	struct device pf2;

	step_give_token(run);
	step_open(run, &pf2, run->pf2, TOKEN_NONE);
	step_set_token(&pf2, TOKEN_WRONG);
	backend_close(&pf2);
}

static void
tokens(const struct run *run)
{
	give_tokens(run);
	step_try(run, run->vf, TOKEN_WRONG, -EACCES);
	step_try(run, run->pf2_vf, TOKEN_RIGHT, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
	step_try(run, run->pf2_vf, TOKEN_WRONG, 0);
}

static void
users(const struct run *run)
{
	struct device vf;

	give_tokens(run);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
	step_try(run, run->pf2, TOKEN_NONE, 0);
	step_try(run, run->pf, TOKEN_NONE, -EACCES);
	step_try(run, run->pf, TOKEN_WRONG, -EACCES);
}

static void
rotation(const struct run *run)
{
	struct device pf, vf;

	give_tokens(run);
	step_open(run, &vf, run->pf2_vf, TOKEN_WRONG);
	step_open(run, &pf, run->pf, TOKEN_NONE);
	step_set_token(&pf, TOKEN_NIL);
	step_try(run, run->pf2, TOKEN_NONE, -EACCES);
	step_try(run, run->pf2, TOKEN_WRONG, 0);
	step_works(&vf, "the other PF's VF");
}

static void
unbinding(const struct run *run)
{
	struct device vf;

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
pf_token_on_pf(const struct run *run)
{
	struct device vf;

	give_tokens(run);
	step_open(run, &vf, run->pf2_vf, TOKEN_WRONG);
	/* No VF of the first PF is in use, so it takes any token. */
	step_try(run, run->pf, TOKEN_NIL, 0);
	step_try(run, run->pf2, TOKEN_RIGHT, -EACCES);
}

const struct suite_case two_pf_cases[] = {
	SUITE_CASE("two-pfs/tokens", tokens, NEEDS_TWO_PFS,
		   "Each PF has its own token, and the other's is EACCES for its VFs."),
	SUITE_CASE("two-pfs/users", users, NEEDS_TWO_PFS,
		   "A VF in use has its own PF demand the token, and not the other one."),
	SUITE_CASE("two-pfs/rotation", rotation, NEEDS_TWO_PFS,
		   "A new token of one PF leaves the other's as it was."),
	SUITE_CASE("two-pfs/unbinding", unbinding, NEEDS_TWO_PFS,
		   "Unbinding one PF leaves the other's token and VFs as they were."),
	SUITE_CASE(
		"two-pfs/idle-beside-busy", pf_token_on_pf, NEEDS_TWO_PFS,
		"A PF none of whose VFs is in use takes any token while the other's VFs are in use."),
	SUITE_END,
};
