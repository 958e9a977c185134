/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "pci_pf.h"
#include "pci_sriov.h"
#include "vf_token_private.h"
#include "vfio_device.h"

#define LIST_SIZE 1024
#define CUT "\u2026"
#define STEP_MS 10

static struct vftoken_opened *
find_opened(const struct vftoken *vt, const char *name)
{
	struct vftoken_opened *opened = vt->opened;
	char bdf[VFTOKEN_BDF_SIZE];

	if (vftoken_parse_bdf(name, bdf) == 0)
		for (; opened != NULL; opened = opened->next)
			if (strcmp(opened->bdf, bdf) == 0)
				return opened;
	vftoken_refuse(vt, ENODEV, "%s isn't open in this process; open the PF first", name);
	return NULL;
}

static int
set_token(struct vftoken *vt, struct vftoken_opened *pf, const uuid_t token)
{
	const uint16_t feature = VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;
	int ret;

	if (uuid_is_null(token))
		return vftoken_refuse(
			vt, EINVAL,
			"PF %s keeps its VF token: the nil UUID is no secret; make one with uuidgen",
			pf->bdf);
	ret = vfio_device_feature_set(pf->device_fd, feature, token, sizeof(uuid_t));
	if (ret == -ENOTTY)
		return vftoken_refuse(
			vt, ENOTTY,
			"%s takes no VF token: it isn't an SR-IOV PF on vfio-pci, or this kernel doesn't know VF tokens (Linux 5.7 and later do; for earlier ones see dpdk-vf-token's kernel-patches/)",
			pf->bdf);
	if (ret < 0)
		return vftoken_refuse(
			vt, -ret, "PF %s keeps its VF token: the kernel refused the new one: %s",
			pf->bdf, strerror(-ret));
	pf->token_set = time(NULL);
	return 0;
}

int
pci_pf_set_token(struct vftoken *vt, const char *name, const uuid_t token)
{
	struct vftoken_opened *pf;
	int ret = -ENODEV;

	pthread_mutex_lock(&vt->lock);
	pf = find_opened(vt, name);
	if (pf != NULL)
		ret = set_token(vt, pf, token);
	if (ret == 0)
		vftoken_log(vt, VFTOKEN_LOG_INFO, "PF %s has a new VF token", pf->bdf);
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

static int
set_token_from_rule(struct vftoken *vt, struct vftoken_opened *pf)
{
	struct vftoken_rule *rule = vftoken_find(vt, pf->bdf, NULL);
	char why[VFTOKEN_WHY_SIZE];
	uuid_t token;
	int ret;

	if (rule == NULL)
		return vftoken_refuse(
			vt, ENOKEY,
			"PF %s gets no VF token, since no rule covers it; give one (--vfio-vf-token=%s=SOURCE)",
			pf->bdf, pf->bdf);
	ret = vftoken_read(vt, rule, token, why);
	if (ret < 0)
		return vftoken_refuse(
			vt, -ret, "PF %s keeps its VF token, since the new one can't be read: %s",
			pf->bdf, why);
	if (why[0] != '\0')
		vftoken_log(vt, VFTOKEN_LOG_WARNING, "VF token of %s: %s", pf->bdf, why);
	ret = set_token(vt, pf, token);
	explicit_bzero(token, sizeof(token));
	if (ret == 0)
		vftoken_log(vt, VFTOKEN_LOG_INFO, "PF %s has the VF token from %s", pf->bdf,
			    vftoken_rule_source(rule));
	return ret;
}

int
pci_pf_reload_token(struct vftoken *vt, const char *name)
{
	struct vftoken_opened *pf;
	int one, ret = 0;

	pthread_mutex_lock(&vt->lock);
	if (name != NULL) {
		pf = find_opened(vt, name);
		ret = pf != NULL ? set_token_from_rule(vt, pf) : -ENODEV;
	} else {
		for (pf = vt->opened; pf != NULL; pf = pf->next) {
			if (!pf->pf || vftoken_find(vt, pf->bdf, NULL) == NULL)
				continue;
			one = set_token_from_rule(vt, pf);
			ret = ret == 0 ? one : ret;
		}
	}
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

/* What keeps a VF from being disabled, in words; empty when nothing does or it can't be known. */
static void
find_use(const struct vftoken *vt, const char *devices, const char *vf,
	 char use[PCI_SRIOV_DRIVER_SIZE])
{
	struct pci_sriov facts;

	use[0] = '\0';
	if (pci_sriov_in_use(devices, vt->vfio, vf) == 1)
		snprintf(use, PCI_SRIOV_DRIVER_SIZE, " in use");
	else if (pci_sriov_read(devices, vf, &facts) == 0 && facts.driver[0] != '\0' &&
		 strstr(facts.driver, "vfio") == NULL)
		snprintf(use, PCI_SRIOV_DRIVER_SIZE, " on %.32s", facts.driver);
}

/*
 * The PF's VFs as a list in words. When something was refused, those in use are marked, if that can
 * be known, and counted; else they are left alone, since looking keeps others from opening them.
 * A list that is cut says so.
 */
static unsigned int
list_vfs(const struct vftoken *vt, const char *devices, const char *pf, uint16_t num_vfs, bool look,
	 char list[LIST_SIZE])
{
	char vf[VFTOKEN_BDF_SIZE], use[PCI_SRIOV_DRIVER_SIZE] = "";
	unsigned int used = 0;
	size_t length = 0;
	uint16_t i;

	list[0] = '\0';
	for (i = 0; i < num_vfs && pci_sriov_vf(devices, pf, i, vf) == 0; i++) {
		if (look)
			find_use(vt, devices, vf, use);
		used += use[0] != '\0';
		if (length < LIST_SIZE)
			length += (size_t)snprintf(list + length, LIST_SIZE - length, "%s%s%s",
						   i > 0 ? ", " : "", vf, use);
	}
	if (length >= LIST_SIZE)
		memcpy(list + LIST_SIZE - sizeof(CUT), CUT, sizeof(CUT));
	return used;
}

static int
check_pf(const struct vftoken *vt, const char *devices, const char *pf, struct pci_sriov *facts)
{
	const int ret = pci_sriov_read(devices, pf, facts);

	if (ret < 0)
		return vftoken_refuse(vt, -ret, "%s: its SR-IOV facts can't be read from sysfs: %s",
				      pf, strerror(-ret));
	if (facts->role != PCI_SRIOV_PF)
		return vftoken_refuse(vt, ENOTSUP, "%s has no VFs: it %s; name an SR-IOV PF", pf,
				      facts->role == PCI_SRIOV_VF ? "is a VF itself"
								  : "has no SR-IOV capability");
	return 0;
}

/* All that can be refused before anything changes. */
static int
check_enable(const struct vftoken *vt, const char *devices, const struct vftoken_opened *pf,
	     uint16_t num_vfs, struct pci_sriov *facts)
{
	const uint32_t operations = VFIO_DEVICE_FEATURE_SET;
	char list[LIST_SIZE];
	int ret;

	ret = check_pf(vt, devices, pf->bdf, facts);
	if (ret < 0)
		return ret;
	if (num_vfs < 1 || num_vfs > facts->totalvfs)
		return vftoken_refuse(vt, ERANGE, "PF %s can't have %u VFs; it can have 1 to %u",
				      pf->bdf, num_vfs, facts->totalvfs);
	if (facts->numvfs != 0 && facts->numvfs != num_vfs) {
		list_vfs(vt, devices, pf->bdf, facts->numvfs, true, list);
		return vftoken_refuse(
			vt, EBUSY,
			"PF %s has %u VFs enabled (%s), not %u, and changing that would pull them from under their users; ask for %u, or disable them first (echo 0 >/sys/bus/pci/devices/%s/sriov_numvfs)",
			pf->bdf, facts->numvfs, list, num_vfs, facts->numvfs, pf->bdf);
	}
	if (vftoken_find(vt, pf->bdf, NULL) == NULL && pf->token_set == 0)
		return vftoken_refuse(
			vt, ENOKEY,
			"PF %s gets no VFs without a VF token, and no rule covers it; give one (--vfio-vf-token=%s=SOURCE)",
			pf->bdf, pf->bdf);
	ret = vfio_device_feature_probe(pf->device_fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
					operations);
	if (ret < 0)
		return vftoken_refuse(
			vt, -ret,
			"PF %s gets no VFs, since the kernel can't set its VF token (%s); it takes vfio-pci and Linux 5.7 or later (for earlier ones see dpdk-vf-token's kernel-patches/)",
			pf->bdf, strerror(-ret));
	return 0;
}

/*
 * Wait for each VF to be there and on vfio-pci. Else, vf is the first that isn't, and driver what
 * it is on.
 */
static int
wait_for_vfs(const char *devices, const char *pf, uint16_t num_vfs, unsigned int wait_ms,
	     char vf[VFTOKEN_BDF_SIZE], char driver[PCI_SRIOV_DRIVER_SIZE])
{
	struct pci_sriov facts = { .role = PCI_SRIOV_NEITHER };
	unsigned int passed = 0;
	uint16_t i = 0;
	int ret;

	while (i < num_vfs) {
		ret = pci_sriov_vf(devices, pf, i, vf);
		if (ret == 0)
			ret = pci_sriov_read(devices, vf, &facts);
		if (ret == 0 && strcmp(facts.driver, "vfio-pci") == 0) {
			i++;
			continue;
		}
		snprintf(driver, PCI_SRIOV_DRIVER_SIZE, "%s",
			 facts.driver[0] != '\0' ? facts.driver : "no driver");
		if (passed >= wait_ms)
			return ret < 0 ? -ETIMEDOUT : -EXDEV;
		usleep(STEP_MS * 1000);
		passed += STEP_MS;
	}
	return 0;
}

static void
say_enabled(const struct vftoken *vt, const char *devices, const char *pf, uint16_t num_vfs,
	    const char *already)
{
	char list[LIST_SIZE];

	list_vfs(vt, devices, pf, num_vfs, false, list);
	vftoken_log(vt, VFTOKEN_LOG_INFO, "PF %s has %u VFs%s: %s", pf, num_vfs, already, list);
}

/* VFs that were there before stay, whatever an administrator has bound them to since. */
static int
keep_vfs(const struct vftoken *vt, const char *devices, const char *pf, uint16_t num_vfs)
{
	char vf[VFTOKEN_BDF_SIZE], driver[PCI_SRIOV_DRIVER_SIZE];
	const int ret = wait_for_vfs(devices, pf, num_vfs, 0, vf, driver);

	if (ret == -ETIMEDOUT)
		vftoken_log(vt, VFTOKEN_LOG_WARNING,
			    "PF %s: sysfs doesn't show all of its %u VFs; see dmesg", pf, num_vfs);
	else if (ret < 0)
		vftoken_log(vt, VFTOKEN_LOG_WARNING,
			    "PF %s: its VF %s is on %s, not vfio-pci; it is left there", pf, vf,
			    driver);
	say_enabled(vt, devices, pf, num_vfs, " already");
	return 0;
}

static int
refuse_sriov_off(const struct vftoken *vt, const char *pf, const char *what)
{
	return vftoken_refuse(
		vt, ENOENT,
		"PF %s %s, since vfio-pci's enable_sriov is off; turn it on (echo 1 >/sys/module/vfio_pci/parameters/enable_sriov, or enable_sriov=1 for modprobe)",
		pf, what);
}

static int
enable_vfs(const struct vftoken *vt, const char *devices, const char *pf, uint16_t num_vfs)
{
	char vf[VFTOKEN_BDF_SIZE], driver[PCI_SRIOV_DRIVER_SIZE];
	int ret;

	ret = pci_sriov_set_numvfs(devices, pf, num_vfs);
	if (ret == -ENOENT)
		return refuse_sriov_off(vt, pf, "gets no VFs");
	if (ret < 0)
		return vftoken_refuse(
			vt, -ret, "PF %s gets no VFs: the kernel couldn't enable %u: %s; see dmesg",
			pf, num_vfs, strerror(-ret));
	ret = wait_for_vfs(devices, pf, num_vfs, PCI_PF_WAIT_MS, vf, driver);
	if (ret == 0) {
		say_enabled(vt, devices, pf, num_vfs, "");
		return 0;
	}
	pci_sriov_set_numvfs(devices, pf, 0);
	if (ret == -ETIMEDOUT)
		return vftoken_refuse(
			vt, ETIMEDOUT,
			"PF %s: not all of its %u VFs appeared within %d s, so they are disabled again; see dmesg",
			pf, num_vfs, PCI_PF_WAIT_MS / 1000);
	return vftoken_refuse(
		vt, EXDEV,
		"PF %s: its VF %s is on %s, not vfio-pci, so the VFs are disabled again; look for what binds it, such as a udev rule",
		pf, vf, driver);
}

static int
set_token_and_enable(struct vftoken *vt, const char *devices, const char *name, uint16_t num_vfs)
{
	struct vftoken_opened *pf = find_opened(vt, name);
	struct pci_sriov facts;
	int ret;

	if (pf == NULL)
		return -ENODEV;
	ret = check_enable(vt, devices, pf, num_vfs, &facts);
	if (ret < 0)
		return ret;
	if (vftoken_find(vt, pf->bdf, NULL) != NULL) {
		ret = set_token_from_rule(vt, pf);
		if (ret < 0)
			return ret;
	}
	return facts.numvfs != 0 ? keep_vfs(vt, devices, pf->bdf, num_vfs)
				 : enable_vfs(vt, devices, pf->bdf, num_vfs);
}

int
pci_pf_enable_vfs(struct vftoken *vt, const char *devices, const char *name, uint16_t num_vfs)
{
	int ret;

	pthread_mutex_lock(&vt->lock);
	ret = set_token_and_enable(vt, devices, name, num_vfs);
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

/* The number asked for; 0 for none. A number for all PFs means nothing to other devices. */
static uint16_t
asked_num_vfs(const struct vftoken *vt, const char *devices, const char *name)
{
	const uint16_t num_vfs = vftoken_find_num_vfs(vt, name);
	char bdf[VFTOKEN_BDF_SIZE];
	struct pci_sriov facts;

	if (num_vfs != 0 || vftoken_find_num_vfs(vt, NULL) == 0 ||
	    vftoken_parse_bdf(name, bdf) < 0 || pci_sriov_read(devices, bdf, &facts) < 0)
		return num_vfs;
	return facts.role == PCI_SRIOV_PF ? vftoken_find_num_vfs(vt, NULL) : 0;
}

int
pci_pf_start(struct vftoken *vt, const char *devices, const char *name, uint16_t *num_vfs)
{
	uint16_t asked;
	int ret = 0;

	pthread_mutex_lock(&vt->lock);
	asked = asked_num_vfs(vt, devices, name);
	if (asked != 0)
		ret = set_token_and_enable(vt, devices, name, asked);
	if (asked != 0 && ret == 0)
		*num_vfs = asked;
	pthread_mutex_unlock(&vt->lock);
	return ret;
}

static int
disable_vfs(const struct vftoken *vt, const char *devices, const char *pf)
{
	struct pci_sriov facts;
	char list[LIST_SIZE];
	int ret;

	ret = check_pf(vt, devices, pf, &facts);
	if (ret < 0 || facts.numvfs == 0)
		return ret;
	if (list_vfs(vt, devices, pf, facts.numvfs, true, list) > 0)
		return vftoken_refuse(
			vt, EBUSY,
			"PF %s keeps its %u VFs (%s); end the processes that use them, and unbind them from other drivers, first",
			pf, facts.numvfs, list);
	ret = pci_sriov_set_numvfs(devices, pf, 0);
	if (ret == -ENOENT)
		return refuse_sriov_off(vt, pf, "keeps its VFs");
	if (ret < 0)
		return vftoken_refuse(
			vt, -ret,
			"PF %s keeps its VFs: the kernel couldn't disable them: %s; see dmesg", pf,
			strerror(-ret));
	return 0;
}

int
pci_pf_disable_vfs(struct vftoken *vt, const char *devices, const char *name)
{
	char bdf[VFTOKEN_BDF_SIZE];
	int ret;

	pthread_mutex_lock(&vt->lock);
	if (vftoken_parse_bdf(name, bdf) < 0)
		ret = vftoken_refuse(vt, EINVAL, "'%s' isn't a BDF such as 0000:01:00.0", name);
	else
		ret = disable_vfs(vt, devices, bdf);
	pthread_mutex_unlock(&vt->lock);
	return ret;
}
