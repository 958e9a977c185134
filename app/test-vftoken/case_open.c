/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include "step.h"

/* How a device stands when it is opened. */
struct opening {
	void (*setup)(const struct run *run);
	const char *(*device)(const struct run *run);
	enum token token;
	int must; /* for TOKEN_MALFORMED what the group's interface answers */
};

static const char *
the_vf(const struct run *run)
{
	return run->vf;
}

static const char *
the_pf(const struct run *run)
{
	return run->pf;
}

static const char *
the_other(const struct run *run)
{
	return run->other;
}

static void
pf_closed(const struct run *run)
{
	step_give_token(run, run->pf);
}

static void
pf_open(const struct run *run)
{
	static struct device pf;

	step_start_pf(run, &pf, run->pf);
}

static void
vf_in_use(const struct run *run)
{
	static struct device vf;

	step_give_token(run, run->pf);
	step_open(run, &vf, run->vf, TOKEN_RIGHT);
}

/* The PF goes to the driver that the kernel has for it, and its VFs to vfio-pci. */
static void
pf_on_kernel_driver(const struct run *run)
{
	char driver[VFTOKEN_DRIVER_SIZE], vf[VFTOKEN_BDF_SIZE];
	int ret;

	step_give_token(run, run->pf);
	step_num_vfs(run->pf, 0, 0);
	step_bind(run->pf, "");
	sysfs_write_override(run->pf, "");
	sysfs_probe(run->pf);
	sysfs_driver(run->pf, driver);
	if (driver[0] == '\0' || strcmp(driver, SYSFS_VFIO_PCI) == 0)
		verdict_skip("this kernel has no driver of its own for the PF");
	sysfs_write(run->pf, "sriov_drivers_autoprobe", "0");
	ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, run->pf, 1);
	if (ret < 0)
		verdict_skip("the driver %s can't enable VFs: %s", driver, verdict_word(ret));
	verdict_answer(vftoken_sriov_vf(VFTOKEN_SYSFS_DEVICES, run->pf, 0, vf), 0, "finding the VF of a PF on %s",
		       driver);
	step_bind(vf, SYSFS_VFIO_PCI);
}

static void
nothing(const struct run *run)
{
	(void)run;
}

static void
open_device(const struct run *run, const void *arg)
{
	const struct opening *opening = arg;
	int must = opening->must;

	opening->setup(run);
	if (opening->token == TOKEN_MALFORMED)
		must = backend_malformed(run->backend);
	step_try(run, opening->device(run), opening->token, must);
}

/* An idle PF takes the token it is opened with: from then on its VFs open with that one. */
static void
open_pf_to_set(const struct run *run, const void *arg)
{
	const enum token token = *(const enum token *)arg;

	step_give_token(run, run->pf);
	step_try(run, run->pf, token, 0);
	if (token == TOKEN_NONE)
		step_try(run, run->vf, TOKEN_RIGHT, 0);
	else
		step_try(run, run->vf, token, 0);
	if (token == TOKEN_WRONG || token == TOKEN_NIL)
		step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
}

/* A malformed token doesn't change the PF's. */
static void
open_pf_malformed(const struct run *run, const void *arg)
{
	(void)arg;
	step_give_token(run, run->pf);
	step_try(run, run->pf, TOKEN_MALFORMED, backend_malformed(run->backend));
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

#define OPEN(name, setup, device, token, must, needs, holds) \
	{ \
		name, holds, open_device, &(const struct opening){ setup, device, token, must }, \
			needs \
	}
#define SET(name, given, holds) \
	{ \
		name, holds, open_pf_to_set, &(const enum token){ given }, 0 \
	}

static const struct suite_case cases[] = {
	OPEN("vf/right", pf_closed, the_vf, TOKEN_RIGHT, 0, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci opens with the PF's token."),
	OPEN("vf/wrong", pf_closed, the_vf, TOKEN_WRONG, -EACCES, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EACCES with another token."),
	OPEN("vf/none", pf_closed, the_vf, TOKEN_NONE, -EACCES, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EACCES without a token."),
	OPEN("vf/nil", pf_closed, the_vf, TOKEN_NIL, -EACCES, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EACCES with the nil UUID."),
	OPEN("vf/malformed", pf_closed, the_vf, TOKEN_MALFORMED, -EINVAL, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EINVAL (iommufd: EFAULT) with a malformed token."),

	OPEN("vf-pf-open/right", pf_open, the_vf, TOKEN_RIGHT, 0, 0,
	     "A VF opens with the PF's token while the PF is open."),
	OPEN("vf-pf-open/wrong", pf_open, the_vf, TOKEN_WRONG, -EACCES, 0,
	     "A VF is refused with EACCES with another token while the PF is open."),
	OPEN("vf-pf-open/none", pf_open, the_vf, TOKEN_NONE, -EACCES, 0,
	     "A VF is refused with EACCES without a token while the PF is open, also to the PF's process."),
	OPEN("vf-pf-open/nil", pf_open, the_vf, TOKEN_NIL, -EACCES, 0,
	     "A VF is refused with EACCES with the nil UUID while the PF is open."),
	OPEN("vf-pf-open/malformed", pf_open, the_vf, TOKEN_MALFORMED, -EINVAL, 0,
	     "A VF is refused with EINVAL (iommufd: EFAULT) with a malformed token while the PF is open."),

	SET("pf/right", TOKEN_RIGHT,
	    "A PF none of whose VFs is in use opens with its token, and keeps it."),
	SET("pf/wrong", TOKEN_WRONG,
	    "A PF none of whose VFs is in use opens with another token, which becomes its token."),
	SET("pf/none", TOKEN_NONE,
	    "A PF none of whose VFs is in use opens without a token, and keeps its token."),
	SET("pf/nil", TOKEN_NIL,
	    "A PF none of whose VFs is in use opens with the nil UUID, which becomes its token."),
	{ "pf/malformed",
	  "A PF none of whose VFs is in use is refused with EINVAL (iommufd: EFAULT) with a malformed token, and keeps its token.",
	  open_pf_malformed, NULL, 0 },

	OPEN("pf-vf-in-use/right", vf_in_use, the_pf, TOKEN_RIGHT, 0, 0,
	     "A PF with a VF in use opens with its current token."),
	OPEN("pf-vf-in-use/wrong", vf_in_use, the_pf, TOKEN_WRONG, -EACCES, 0,
	     "A PF with a VF in use is refused with EACCES with another token."),
	OPEN("pf-vf-in-use/none", vf_in_use, the_pf, TOKEN_NONE, -EACCES, 0,
	     "A PF with a VF in use is refused with EACCES without a token."),
	OPEN("pf-vf-in-use/nil", vf_in_use, the_pf, TOKEN_NIL, -EACCES, 0,
	     "A PF with a VF in use is refused with EACCES with the nil UUID."),
	OPEN("pf-vf-in-use/malformed", vf_in_use, the_pf, TOKEN_MALFORMED, -EINVAL, 0,
	     "A PF with a VF in use is refused with EINVAL (iommufd: EFAULT) with a malformed token."),

	OPEN("vf-kernel-pf/right", pf_on_kernel_driver, the_vf, TOKEN_RIGHT, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL with a token that was the PF's."),
	OPEN("vf-kernel-pf/wrong", pf_on_kernel_driver, the_vf, TOKEN_WRONG, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL with any token."),
	OPEN("vf-kernel-pf/none", pf_on_kernel_driver, the_vf, TOKEN_NONE, 0, 0,
	     "A VF whose PF is on a driver of the kernel opens without a token."),
	OPEN("vf-kernel-pf/nil", pf_on_kernel_driver, the_vf, TOKEN_NIL, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL with the nil UUID."),
	OPEN("vf-kernel-pf/malformed", pf_on_kernel_driver, the_vf, TOKEN_MALFORMED, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL (iommufd: EFAULT) with a malformed token."),

	OPEN("neither/right", nothing, the_other, TOKEN_RIGHT, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL with a PF's token."),
	OPEN("neither/wrong", nothing, the_other, TOKEN_WRONG, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL with any token."),
	OPEN("neither/none", nothing, the_other, TOKEN_NONE, 0, NEEDS_OTHER,
	     "A device that is neither PF nor VF opens without a token."),
	OPEN("neither/nil", nothing, the_other, TOKEN_NIL, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL with the nil UUID."),
	OPEN("neither/malformed", nothing, the_other, TOKEN_MALFORMED, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL (iommufd: EFAULT) with a malformed token."),
};

const struct suite_cases open_cases = { cases, SUITE_DIM(cases) };
