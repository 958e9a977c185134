/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci_sriov.h"
#include "pci_vf_token.h"
#include "vf_token_loan.h"
#include "vf_token_private.h"
#include "vfio_device.h"

#define OPTION "vf_token="

/* What is known of one open. */
struct opening {
	struct vftoken *vt;
	int group_fd;
	const char *name;
	struct pci_sriov facts;
	bool facts_known;
	struct vftoken_rule *rule;
	const char *source; /* of the token, in words; NULL when there is none */
	bool sent; /* the last try had the token */
	bool explained;
};

static bool
is_vfio_pci(const char *driver)
{
	return strcmp(driver, "vfio-pci") == 0;
}

/* The kernel's rule: only a VF of a PF on vfio-pci, or an SR-IOV PF on vfio-pci, takes a token. */
static bool
kernel_takes_token(const struct pci_sriov *facts)
{
	switch (facts->role) {
	case PCI_SRIOV_VF:
		return is_vfio_pci(facts->pf_driver);
	case PCI_SRIOV_PF:
		return is_vfio_pci(facts->driver);
	default:
		return false;
	}
}

static const char *
driver_or_none(const char *driver)
{
	return driver[0] != '\0' ? driver : "no driver";
}

static void
say_not_sent(const struct opening *o)
{
	if (o->facts.role == PCI_SRIOV_VF)
		vftoken_log(
			o->vt, VFTOKEN_LOG_INFO,
			"VF token from %s isn't sent for VF %s: its PF %s is on %s, not vfio-pci, so the kernel wants none",
			o->source, o->name, o->facts.pf, driver_or_none(o->facts.pf_driver));
	else if (o->facts.role == PCI_SRIOV_PF)
		vftoken_log(
			o->vt, VFTOKEN_LOG_INFO,
			"VF token from %s isn't sent for PF %s: it is on %s, not vfio-pci, so the kernel wants none",
			o->source, o->name, driver_or_none(o->facts.driver));
	else
		vftoken_log(
			o->vt, VFTOKEN_LOG_INFO,
			"VF token from %s isn't sent for %s: sysfs shows neither an SR-IOV PF nor a VF, so the kernel wants none",
			o->source, o->name);
}

static int
open_without_token(struct opening *o)
{
	o->sent = false;
	return vfio_device_open(o->group_fd, o->name, NULL);
}

static int
open_with_token(struct opening *o)
{
	char options[sizeof(OPTION) + UUID_STR_LEN] = OPTION;
	char why[VFTOKEN_WHY_SIZE];
	uuid_t token;
	int ret;

	ret = o->rule != NULL ? vftoken_read(o->vt, o->rule, token, why)
			      : vftoken_ask(o->vt, o->name, token, why);
	if (ret == -ENOKEY && o->rule == NULL) {
		/* Who was asked has no token either. */
		o->source = NULL;
		return open_without_token(o);
	}
	if (ret < 0) {
		vftoken_log(o->vt, VFTOKEN_LOG_ERR,
			    "%s not opened, since its VF token can't be read: %s", o->name, why);
		o->explained = true;
		return ret;
	}
	if (why[0] != '\0')
		vftoken_log(o->vt, VFTOKEN_LOG_WARNING, "VF token of %s: %s", o->name, why);
	uuid_unparse_lower(token, options + strlen(OPTION));
	o->sent = true;
	ret = vfio_device_open(o->group_fd, o->name, options);
	explicit_bzero(token, sizeof(token));
	explicit_bzero(options, sizeof(options));
	return ret;
}

static void
explain_access(const struct opening *o)
{
	const char *name = o->name, *source = o->source, *pf = o->facts.pf;

	if (o->facts.role == PCI_SRIOV_VF && source == NULL)
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"VF %s refused by the kernel: its PF %s is on %s, which demands the PF's VF token, and no rule covers this VF; give the token that the PF's process uses (--vfio-vf-token=%s=SOURCE)",
			name, pf, driver_or_none(o->facts.pf_driver), pf);
	else if (o->facts.role == PCI_SRIOV_VF)
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"VF %s refused by the kernel: the token from %s isn't the VF token of its PF %s; give the token that the PF's process uses (--vfio-vf-token=%s=SOURCE)",
			name, source, pf, pf);
	else if (o->facts.role == PCI_SRIOV_PF && source == NULL)
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"PF %s refused by the kernel: of its VFs (%u enabled) some are in use, which demands the current VF token, and no rule covers this PF; give that token (--vfio-vf-token=%s=SOURCE), or end the VFs' processes first",
			name, o->facts.numvfs, name);
	else if (o->facts.role == PCI_SRIOV_PF)
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"PF %s refused by the kernel: of its VFs (%u enabled) some are in use, and the token from %s isn't the current VF token; give that token (--vfio-vf-token=%s=SOURCE), or end the VFs' processes first",
			name, o->facts.numvfs, source, name);
	else
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"%s refused by the kernel: access denied, though sysfs shows neither an SR-IOV PF nor a VF; see dmesg for the driver's reason",
			name);
}

static void
explain(const struct opening *o, int err)
{
	const char *name = o->name;

	switch (err) {
	case EACCES:
		explain_access(o);
		break;
	case ENODEV:
		if (o->sent && strstr(o->facts.driver, "vfio") != NULL)
			vftoken_log(
				o->vt, VFTOKEN_LOG_ERR,
				"%s refused by the kernel: this kernel doesn't know VF tokens (Linux 5.7 and later do); use a later one or one with the series in dpdk-vf-token's kernel-patches/, or leave the token out",
				name);
		else
			vftoken_log(
				o->vt, VFTOKEN_LOG_ERR,
				"%s refused by the kernel: no such device in its IOMMU group; bind it to a VFIO driver (dpdk-devbind.py -b vfio-pci %s)",
				name, name);
		break;
	case EPERM:
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"%s refused by the kernel: VFIO has no IOMMU here, so that only a process with CAP_SYS_RAWIO may open devices; run as root",
			name);
		break;
	case EBUSY:
		vftoken_log(
			o->vt, VFTOKEN_LOG_ERR,
			"%s refused by the kernel: it is in use in another way; end the process that has it open, as /dev/vfio/devices/ or through another group",
			name);
		break;
	default:
		vftoken_log(o->vt, VFTOKEN_LOG_ERR,
			    "%s refused by the kernel: %s; see dmesg for its reason", name,
			    strerror(err));
	}
}

/* The first try follows sysfs. One more where the kernel's answer shows that sysfs was wrong. */
static int
open_device(struct opening *o)
{
	int ret;

	if (o->source == NULL)
		return open_without_token(o);
	if (kernel_takes_token(&o->facts)) {
		ret = open_with_token(o);
		if (ret != -EINVAL || !o->sent)
			return ret;
		vftoken_log(
			o->vt, VFTOKEN_LOG_WARNING,
			"%s: the kernel has no use for a VF token, against what sysfs says; trying without",
			o->name);
		return open_without_token(o);
	}
	if (o->facts_known)
		say_not_sent(o);
	ret = open_without_token(o);
	if (ret != -EACCES)
		return ret;
	vftoken_log(
		o->vt, VFTOKEN_LOG_WARNING,
		"%s: the kernel demands a VF token, against what sysfs says; trying with the one from %s",
		o->name, o->source);
	return open_with_token(o);
}

/* Remember an open device. Out of memory, only the PF's duties for it will fail. */
static void
remember(const struct opening *o, const char *bdf, int device_fd)
{
	struct vftoken_opened *opened = calloc(1, sizeof(*opened));

	if (opened == NULL)
		return;
	opened->next = o->vt->opened;
	opened->device_fd = device_fd;
	opened->pf = o->facts.role == PCI_SRIOV_PF;
	opened->vf = o->facts.role == PCI_SRIOV_VF;
	if (opened->pf && o->sent)
		opened->token_set = time(NULL);
	snprintf(opened->bdf, sizeof(opened->bdf), "%s", bdf);
	o->vt->opened = opened;
}

int
pci_vf_token_open(struct vftoken *vt, const char *devices, int group_fd, const char *name)
{
	struct opening o = { .vt = vt, .group_fd = group_fd, .name = name };
	char bdf[VFTOKEN_BDF_SIZE] = "";
	int ret;

	pthread_mutex_lock(&vt->lock);
	if (vftoken_parse_bdf(name, bdf) == 0) {
		ret = pci_sriov_read(devices, bdf, &o.facts);
		o.facts_known = ret == 0;
		if (ret < 0)
			vftoken_log(vt, VFTOKEN_LOG_WARNING,
				    "%s: its SR-IOV facts can't be read from sysfs: %s", name,
				    strerror(-ret));
		o.rule = vftoken_find(vt, bdf, o.facts.pf);
		if (o.rule != NULL)
			o.source = vftoken_rule_source(o.rule);
		else if (vt->ask != NULL && kernel_takes_token(&o.facts))
			o.source = vt->asked;
	}
	ret = open_device(&o);
	if (ret < 0 && !o.explained)
		explain(&o, -ret);
	if (ret >= 0 && bdf[0] != '\0')
		remember(&o, bdf, ret);
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

int
pci_vf_token_lend(struct vftoken *vt, const char *devices, const char *name)
{
	char bdf[VFTOKEN_BDF_SIZE], why[VFTOKEN_WHY_SIZE];
	struct vftoken_rule *rule;
	struct pci_sriov facts;
	uuid_t token;
	int ret;

	if (vftoken_parse_bdf(name, bdf) < 0)
		return -EINVAL;
	pthread_mutex_lock(&vt->lock);
	/* Of a device that sysfs can't tell of, the PF isn't known. */
	pci_sriov_read(devices, bdf, &facts);
	rule = vftoken_find(vt, bdf, facts.pf);
	ret = -ENOKEY;
	if (rule != NULL) {
		ret = vftoken_read(vt, rule, token, why);
		if (ret == 0) {
			ret = vftoken_loan_make(token);
			explicit_bzero(token, sizeof(token));
			if (ret < 0)
				snprintf(why, sizeof(why), "%s", strerror(-ret));
		}
		if (ret < 0)
			vftoken_refuse(vt, -ret, "VF token of %s not lent: %s", bdf, why);
	}
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

void
pci_vf_token_closing(struct vftoken *vt, const char *name)
{
	struct vftoken_opened **link, *opened;
	char bdf[VFTOKEN_BDF_SIZE];

	if (vftoken_parse_bdf(name, bdf) < 0)
		return;
	pthread_mutex_lock(&vt->lock);
	for (link = &vt->opened; (opened = *link) != NULL; link = &opened->next)
		if (strcmp(opened->bdf, bdf) == 0) {
			*link = opened->next;
			free(opened);
			break;
		}
	pthread_mutex_unlock(&vt->lock);
}

void
pci_vf_token_wanted_back(struct vftoken *vt, const char *name)
{
	const struct vftoken_opened *opened;
	char bdf[VFTOKEN_BDF_SIZE];
	bool vf = false;

	pthread_mutex_lock(&vt->lock);
	/* Of sysfs nothing may be asked here: its files of the PF wait for the same event. */
	if (vftoken_parse_bdf(name, bdf) == 0)
		for (opened = vt->opened; opened != NULL; opened = opened->next)
			vf |= opened->vf && strcmp(opened->bdf, bdf) == 0;
	vftoken_log(vt, VFTOKEN_LOG_WARNING,
		    "%s%s is wanted back by the kernel, which waits: %s; close and detach it",
		    vf ? "VF " : "", name,
		    vf ? "its PF's VFs are being disabled, or it is being unbound"
		       : "it is being unbound or removed");
	pthread_mutex_unlock(&vt->lock);
}
