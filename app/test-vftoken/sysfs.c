/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#include <vftoken/vfio.h>

#include "sysfs.h"

/* The library reads and writes a module parameter as a device's file. */
#define ENABLE_SRIOV "/sys/module", "vfio_pci", "parameters/enable_sriov"

int
sysfs_read(const char *bdf, const char *file, char text[SYSFS_TEXT_SIZE])
{
	int ret;

	ret = vftoken_sriov_read_file(VFTOKEN_SYSFS_DEVICES, bdf, file, text, SYSFS_TEXT_SIZE);
	text[strcspn(text, "\n")] = '\0';
	return ret < 0 ? ret : 0;
}

int
sysfs_write(const char *bdf, const char *file, const char *text)
{
	return vftoken_sriov_write_file(VFTOKEN_SYSFS_DEVICES, bdf, file, text);
}

int
sysfs_read_enable_sriov(bool *enabled)
{
	char text[2];
	int ret;

	ret = vftoken_sriov_read_file(ENABLE_SRIOV, text, sizeof(text));
	*enabled = text[0] == 'Y';
	return ret < 0 ? ret : 0;
}

int
sysfs_write_enable_sriov(bool enabled)
{
	return vftoken_sriov_write_file(ENABLE_SRIOV, enabled ? "Y" : "N");
}

int
sysfs_read_override(const char *bdf, char override[SYSFS_TEXT_SIZE])
{
	int ret;

	ret = sysfs_read(bdf, "driver_override", override);
	/* The kernel shows so that there is none. */
	if (strcmp(override, "(null)") == 0)
		override[0] = '\0';
	return ret;
}

int
sysfs_write_override(const char *bdf, const char *override)
{
	/* An empty write doesn't reach the kernel. */
	return sysfs_write(bdf, "driver_override", override[0] != '\0' ? override : "\n");
}

int
sysfs_driver(const char *bdf, char driver[VFTOKEN_DRIVER_SIZE])
{
	struct vftoken_sriov sriov;
	int ret;

	ret = vftoken_sriov_read(VFTOKEN_SYSFS_DEVICES, bdf, &sriov);
	strcpy(driver, sriov.driver);
	return ret;
}

int
sysfs_probe(const char *bdf)
{
	return vftoken_sriov_write_file("/sys/bus", "pci", "drivers_probe", bdf);
}

int
sysfs_bind(const char *bdf, const char *driver)
{
	char now[VFTOKEN_DRIVER_SIZE];
	int ret;

	ret = sysfs_driver(bdf, now);
	if (ret == 0 && driver[0] != '\0')
		ret = sysfs_write_override(bdf, driver);
	if (ret < 0 || strcmp(now, driver) == 0)
		return ret;
	if (now[0] != '\0')
		ret = sysfs_write(bdf, "driver/unbind", bdf);
	if (ret < 0 || driver[0] == '\0')
		return ret;
	/* The answer is the last tried driver's; the link shows the outcome. */
	sysfs_probe(bdf);
	ret = sysfs_driver(bdf, now);
	return ret == 0 && strcmp(now, driver) != 0 ? -ENOEXEC : ret;
}

int
sysfs_group_path(const char *bdf, char path[PATH_MAX])
{
	char name[VFTOKEN_GROUP_SIZE];
	int ret;

	ret = vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, bdf, name);
	if (ret == 0)
		snprintf(path, PATH_MAX, "%s/%s", VFTOKEN_VFIO_FOLDER, name);
	return ret;
}

int
sysfs_cdev_path(const char *bdf, char path[PATH_MAX])
{
	char name[VFTOKEN_CDEV_SIZE];
	int ret;

	ret = vftoken_sriov_cdev(VFTOKEN_SYSFS_DEVICES, bdf, name);
	if (ret == 0)
		snprintf(path, PATH_MAX, "%s/devices/%s", VFTOKEN_VFIO_FOLDER, name);
	return ret;
}

int
sysfs_interface_up(const char *bdf)
{
	char pattern[PATH_MAX], flags[SYSFS_TEXT_SIZE];
	int ret = -ENODEV;
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s/%s/net/*", VFTOKEN_SYSFS_DEVICES, bdf);
	if (glob(pattern, 0, NULL, &found) != 0)
		return ret;
	for (i = 0; i < found.gl_pathc && ret <= 0; i++) {
		vftoken_sriov_read_file(found.gl_pathv[i], ".", "flags", flags, sizeof(flags));
		ret = (strtoul(flags, NULL, 16) & IFF_UP) != 0;
	}
	globfree(&found);
	return ret;
}

/* A device on a VFIO driver is enabled as long as some process has it open. */
static struct vftoken_fact
member_in_use(const char *bdf)
{
	char driver[VFTOKEN_DRIVER_SIZE];
	const int ret = sysfs_driver(bdf, driver);

	if (ret < 0)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret };
	if (strstr(driver, "vfio") == NULL)
		return (struct vftoken_fact){ VFTOKEN_NO, 0 };
	return vftoken_sriov_enabled(VFTOKEN_SYSFS_DEVICES, bdf);
}

struct vftoken_fact
sysfs_in_use(const char *bdf)
{
	struct vftoken_fact fact;
	char pattern[PATH_MAX];
	glob_t found;
	size_t i;

	fact = vftoken_sriov_in_use(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, bdf);
	if (fact.why != -ENOENT)
		return fact;
	/* None of the group is on a VFIO driver, or it is a kernel without files of groups. */
	snprintf(pattern, sizeof(pattern), "%s/%s/iommu_group/devices/*", VFTOKEN_SYSFS_DEVICES,
		 bdf);
	if (glob(pattern, 0, NULL, &found) != 0)
		return fact;
	fact = (struct vftoken_fact){ VFTOKEN_NO, 0 };
	for (i = 0; i < found.gl_pathc && fact.answer == VFTOKEN_NO; i++)
		fact = member_in_use(strrchr(found.gl_pathv[i], '/') + 1);
	globfree(&found);
	return fact;
}
