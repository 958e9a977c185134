/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "pci_status.h"
#include "vf_token_private.h"
#include "vfio_device.h"

/* The kernel has had vfio-pci's enable_sriov as long as VF tokens. */
static void
read_parameter(const char *devices, struct pci_status *status)
{
	static const char parameter[] = "module/parameters/enable_sriov";
	char path[PATH_MAX], value;
	int fd;

	snprintf(path, sizeof(path), "%s/../drivers/vfio-pci/%s", devices, parameter);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		status->support = PCI_STATUS_YES;
		status->enable_sriov = read(fd, &value, 1) == 1 && value == 'Y';
		close(fd);
		return;
	}
	if (errno != ENOENT)
		return;
	snprintf(path, sizeof(path), "%s/../drivers/vfio-pci", devices);
	if (access(path, F_OK) == 0)
		status->support = PCI_STATUS_NO;
}

/* What this process knows of the device. An open PF can be asked itself for kernel support. */
static void
read_process(struct vftoken *vt, struct pci_status *status)
{
	const struct vftoken_rule *rule = vftoken_find(vt, status->bdf, status->facts.pf);
	const struct vftoken_opened *opened;

	if (rule != NULL)
		status->source = vftoken_source_kind(&rule->source);
	else if (vt->ask != NULL)
		status->source = vt->asked;
	for (opened = vt->opened; opened != NULL; opened = opened->next) {
		if (strcmp(opened->bdf, status->bdf) != 0)
			continue;
		status->open = true;
		status->token_set = opened->token_set;
		if (opened->pf)
			status->support = vfio_device_feature_probe(
						  opened->device_fd,
						  VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
						  VFIO_DEVICE_FEATURE_SET) == 0
						  ? PCI_STATUS_YES
						  : PCI_STATUS_NO;
		break;
	}
}

int
pci_status_read(struct vftoken *vt, const char *devices, const char *name,
		struct pci_status *status)
{
	int ret;

	if (devices == NULL)
		devices = PCI_SRIOV_SYSFS_DEVICES;
	memset(status, 0, sizeof(*status));
	ret = vftoken_parse_bdf(name, status->bdf);
	/* Without the lock: while a PF's VFs are being disabled, sysfs may not answer. */
	if (ret == 0)
		ret = pci_sriov_read(devices, status->bdf, &status->facts);
	if (ret < 0)
		return ret == -ERANGE ? -EINVAL : ret;
	status->source = "none";
	read_parameter(devices, status);
	pthread_mutex_lock(&vt->lock);
	read_process(vt, status);
	pthread_mutex_unlock(&vt->lock);
	return 0;
}

const char *
pci_status_role(const struct pci_status *status)
{
	switch (status->facts.role) {
	case PCI_SRIOV_PF:
		return "PF";
	case PCI_SRIOV_VF:
		return "VF";
	default:
		return "neither";
	}
}

const char *
pci_status_support(const struct pci_status *status)
{
	switch (status->support) {
	case PCI_STATUS_YES:
		return "yes";
	case PCI_STATUS_NO:
		return "no";
	default:
		return "unknown";
	}
}
