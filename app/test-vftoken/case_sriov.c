/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include "step.h"

/* VFs that vfio-pci enables and disables. */

static void
parameter_off(const struct run *run, const void *arg)
{
	(void)arg;
	step_num_vfs(run->pf, 0, 0);
	verdict_answer(sysfs_write_enable_sriov(false), 0, "turning enable_sriov off");
	step_num_vfs(run->pf, 1, -ENOENT);
	verdict_answer(sysfs_write_enable_sriov(true), 0, "turning enable_sriov on");
	step_num_vfs(run->pf, 1, 0);
}

static void
must_be_on(const char *bdf, const char *driver)
{
	char now[VFTOKEN_DRIVER_SIZE];

	verdict_answer(sysfs_driver(bdf, now), 0, "reading the driver of %s", bdf);
	if (strcmp(now, driver) != 0)
		verdict_fail("%s is on '%s' and must be on '%s'", bdf, now, driver);
}

static void
new_vfs(const struct run *run, const void *arg)
{
	char override[SYSFS_TEXT_SIZE];
	unsigned int i;
	const char *vf;

	(void)arg;
	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	for (i = 0; i < run->num_vfs; i++) {
		vf = run->machine->pfs[0].vfs[i];
		verdict_answer(sysfs_read_override(vf, override), 0,
			       "reading driver_override of %s", vf);
		if (strcmp(override, SYSFS_VFIO_PCI) != 0)
			verdict_fail("%s has the driver_override '%s' and must have '%s'", vf,
				     override, SYSFS_VFIO_PCI);
		must_be_on(vf, SYSFS_VFIO_PCI);
	}
}

/* The administrator has the last word about a VF's driver. */
static void
changed_override(const struct run *run, const void *arg)
{
	static const char none[] = "no-such-driver";

	(void)arg;
	step_give_token(run, run->pf);
	step_bind(run->vf, "");
	verdict_answer(sysfs_write_override(run->vf, none), 0, "writing another driver_override");
	sysfs_probe(run->vf);
	must_be_on(run->vf, "");
	verdict_answer(sysfs_write_override(run->vf, ""), 0, "clearing driver_override");
	step_bind(run->vf, SYSFS_VFIO_PCI);
	step_try(run, run->vf, TOKEN_NONE, -EACCES);
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static void
unbound_pf(const struct run *run, const void *arg)
{
	struct vftoken_sriov sriov;

	(void)arg;
	step_bind(run->pf, "");
	verdict_answer(vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, run->pf, &sriov), 0, "reading %s", run->pf);
	if (sriov.numvfs != 0)
		verdict_fail("the PF has %u VFs without a driver", sriov.numvfs);
	verdict_answer(vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, run->vf, &sriov), -ENODEV, "reading %s, which is gone",
		       run->vf);
}

static void
while_pf_open(const struct run *run, const void *arg)
{
	struct device pf;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	step_num_vfs(run->pf, 0, 0);
	step_num_vfs(run->pf, run->num_vfs, 0);
	step_works(&pf, "the PF, whose VFs were removed and came back,");
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

static const struct suite_case cases[] = {
	{ "sriov/parameter-off",
	  "With vfio-pci's enable_sriov off a write to sriov_numvfs is refused with ENOENT.",
	  parameter_off, NULL, 0 },
	{ "sriov/new-vfs", "New VFs have the driver_override vfio-pci and are on vfio-pci.",
	  new_vfs, NULL, 0 },
	{ "sriov/changed-override",
	  "An administrator may change a VF's driver_override, and back on vfio-pci it takes the token.",
	  changed_override, NULL, 0 },
	{ "sriov/unbound-pf", "Unbinding the PF disables its VFs.", unbound_pf, NULL, 0 },
	{ "sriov/while-pf-open", "VFs can be disabled and enabled while the PF is open.",
	  while_pf_open, NULL, 0 },
};

const struct suite_cases sriov_cases = { cases, SUITE_DIM(cases) };
