/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "step.h"

/* Which device is opened, in which state. */
struct opening {
	void (*setup)(const struct run *run);
	size_t device; /* its place in struct run */
	enum token token;
	int must;
};

static void
pf_open(const struct run *run)
{
	static struct device pf;

	step_start_pf(run, &pf);
}

static void
vf_in_use(const struct run *run)
{
	static struct device vf;

	step_use_vf(run, &vf);
}

/* Bind the PF to the kernel's own driver, and its VF to vfio-pci. */
static void
pf_on_kernel_driver(const struct run *run)
{
	char driver[VFTOKEN_DRIVER_SIZE], vf[VFTOKEN_BDF_SIZE];
	int ret;

	step_give_token(run);
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
	verdict_answer(vftoken_sriov_vf(VFTOKEN_SYSFS_DEVICES, run->pf, 0, vf), 0,
		       "finding the VF of a PF on %s", driver);
	step_bind(vf, SYSFS_VFIO_PCI);
}

static void
open_device(const struct run *run)
{
	const struct opening *opening = run->one->arg;
	const char *const *bdf = (const void *)((const char *)run + opening->device);

	if (opening->setup != NULL)
		opening->setup(run);
	step_try(run, *bdf, opening->token, opening->must);
}

/* A PF that is idle takes the token that it is opened with. Then its VFs open with that one. */
static void
open_pf_to_set(const struct run *run)
{
	const enum token token = *(const enum token *)run->one->arg;
	const bool taken = token != TOKEN_NONE && token != TOKEN_MALFORMED;

	step_give_token(run);
	step_try(run, run->pf, token, token == TOKEN_MALFORMED ? -EINVAL : 0);
	step_try(run, run->vf, taken ? token : TOKEN_RIGHT, 0);
	if (taken && token != TOKEN_RIGHT)
		step_try(run, run->vf, TOKEN_RIGHT, -EACCES);
}

#define OPEN(name, setup, device, token, must, needs, holds) \
	{ \
		name, holds, open_device, \
			&(const struct opening){ setup, offsetof(struct run, device), token, \
						 must }, \
			needs \
	}
#define SET(name, given, holds) \
	{ \
		name, holds, open_pf_to_set, &(const enum token){ given }, 0 \
	}

const struct suite_case open_cases[] = {
	OPEN("vf/right", step_give_token, vf, TOKEN_RIGHT, 0, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci opens with the PF's token."),
	OPEN("vf/wrong", step_give_token, vf, TOKEN_WRONG, -EACCES, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EACCES with another token."),
	OPEN("vf/none", step_give_token, vf, TOKEN_NONE, -EACCES, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EACCES without a token."),
	OPEN("vf/nil", step_give_token, vf, TOKEN_NIL, -EACCES, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EACCES with the nil UUID."),
	OPEN("vf/malformed", step_give_token, vf, TOKEN_MALFORMED, -EINVAL, KEEPS_TOKEN,
	     "A VF of a PF on vfio-pci is refused with EINVAL (iommufd: EFAULT) with a malformed token."),

	OPEN("vf-pf-open/right", pf_open, vf, TOKEN_RIGHT, 0, 0,
	     "A VF opens with the PF's token while the PF is open."),
	OPEN("vf-pf-open/wrong", pf_open, vf, TOKEN_WRONG, -EACCES, 0,
	     "A VF is refused with EACCES with another token while the PF is open."),
	OPEN("vf-pf-open/none", pf_open, vf, TOKEN_NONE, -EACCES, 0,
	     "A VF is refused with EACCES without a token while the PF is open, also to the PF's process."),
	OPEN("vf-pf-open/nil", pf_open, vf, TOKEN_NIL, -EACCES, 0,
	     "A VF is refused with EACCES with the nil UUID while the PF is open."),
	OPEN("vf-pf-open/malformed", pf_open, vf, TOKEN_MALFORMED, -EINVAL, 0,
	     "A VF is refused with EINVAL (iommufd: EFAULT) with a malformed token while the PF is open."),

	SET("pf/right", TOKEN_RIGHT,
	    "A PF none of whose VFs is in use opens with its token, and keeps it."),
	SET("pf/wrong", TOKEN_WRONG,
	    "A PF none of whose VFs is in use opens with another token, which becomes its token."),
	SET("pf/none", TOKEN_NONE,
	    "A PF none of whose VFs is in use opens without a token, and keeps its token."),
	SET("pf/nil", TOKEN_NIL,
	    "A PF none of whose VFs is in use opens with the nil UUID, which becomes its token."),
	SET("pf/malformed", TOKEN_MALFORMED,
	    "A PF none of whose VFs is in use is refused with EINVAL (iommufd: EFAULT) with a malformed token, and keeps its token."),

	OPEN("pf-vf-in-use/right", vf_in_use, pf, TOKEN_RIGHT, 0, 0,
	     "A PF with a VF in use opens with its current token."),
	OPEN("pf-vf-in-use/wrong", vf_in_use, pf, TOKEN_WRONG, -EACCES, 0,
	     "A PF with a VF in use is refused with EACCES with another token."),
	OPEN("pf-vf-in-use/none", vf_in_use, pf, TOKEN_NONE, -EACCES, 0,
	     "A PF with a VF in use is refused with EACCES without a token."),
	OPEN("pf-vf-in-use/nil", vf_in_use, pf, TOKEN_NIL, -EACCES, 0,
	     "A PF with a VF in use is refused with EACCES with the nil UUID."),
	OPEN("pf-vf-in-use/malformed", vf_in_use, pf, TOKEN_MALFORMED, -EINVAL, 0,
	     "A PF with a VF in use is refused with EINVAL (iommufd: EFAULT) with a malformed token."),

	OPEN("vf-kernel-pf/right", pf_on_kernel_driver, vf, TOKEN_RIGHT, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL with a token that was the PF's."),
	OPEN("vf-kernel-pf/wrong", pf_on_kernel_driver, vf, TOKEN_WRONG, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL with any token."),
	OPEN("vf-kernel-pf/none", pf_on_kernel_driver, vf, TOKEN_NONE, 0, 0,
	     "A VF whose PF is on a driver of the kernel opens without a token."),
	OPEN("vf-kernel-pf/nil", pf_on_kernel_driver, vf, TOKEN_NIL, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL with the nil UUID."),
	OPEN("vf-kernel-pf/malformed", pf_on_kernel_driver, vf, TOKEN_MALFORMED, -EINVAL, 0,
	     "A VF whose PF is on a driver of the kernel is refused with EINVAL (iommufd: EFAULT) with a malformed token."),

	OPEN("neither/right", NULL, other, TOKEN_RIGHT, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL with a PF's token."),
	OPEN("neither/wrong", NULL, other, TOKEN_WRONG, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL with any token."),
	OPEN("neither/none", NULL, other, TOKEN_NONE, 0, NEEDS_OTHER,
	     "A device that is neither PF nor VF opens without a token."),
	OPEN("neither/nil", NULL, other, TOKEN_NIL, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL with the nil UUID."),
	OPEN("neither/malformed", NULL, other, TOKEN_MALFORMED, -EINVAL, NEEDS_OTHER,
	     "A device that is neither PF nor VF is refused with EINVAL (iommufd: EFAULT) with a malformed token."),
	SUITE_END,
};
