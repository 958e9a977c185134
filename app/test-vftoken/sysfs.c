/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>

#include "sysfs.h"

#define ENABLE_SRIOV "/sys/module/vfio_pci/parameters/enable_sriov"
#define DRIVERS_PROBE "/sys/bus/pci/drivers_probe"

static int
read_text(const char *path, char text[SYSFS_TEXT_SIZE])
{
	ssize_t length;
	int fd;

	text[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, SYSFS_TEXT_SIZE - 1);
	if (length < 0)
		length = -errno;
	close(fd);
	if (length < 0)
		return (int)length;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static int
write_text(const char *path, const char *text)
{
	int fd, ret;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void
device_path(char path[PATH_MAX], const char *bdf, const char *file)
{
	snprintf(path, PATH_MAX, "%s/%s/%s", VFTOKEN_SYSFS_DEVICES, bdf, file);
}

bool
sysfs_there(const char *bdf, const char *file)
{
	char path[PATH_MAX];

	device_path(path, bdf, file);
	return access(path, F_OK) == 0;
}

int
sysfs_read(const char *bdf, const char *file, char text[SYSFS_TEXT_SIZE])
{
	char path[PATH_MAX];

	device_path(path, bdf, file);
	return read_text(path, text);
}

int
sysfs_write(const char *bdf, const char *file, const char *text)
{
	char path[PATH_MAX];

	device_path(path, bdf, file);
	return write_text(path, text);
}

int
sysfs_read_enable_sriov(bool *enabled)
{
	char text[SYSFS_TEXT_SIZE];
	int ret;

	ret = read_text(ENABLE_SRIOV, text);
	*enabled = text[0] == 'Y';
	return ret;
}

int
sysfs_write_enable_sriov(bool enabled)
{
	return write_text(ENABLE_SRIOV, enabled ? "Y" : "N");
}

int
sysfs_read_override(const char *bdf, char override[SYSFS_TEXT_SIZE])
{
	int ret;

	ret = sysfs_read(bdf, "driver_override", override);
	/* How the kernel shows that there is none. */
	if (strcmp(override, "(null)") == 0)
		override[0] = '\0';
	return ret;
}

int
sysfs_write_override(const char *bdf, const char *override)
{
	/* An empty write wouldn't reach the kernel. */
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
	return write_text(DRIVERS_PROBE, bdf);
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
	/* What it answers is about the last driver that was tried; the link tells the outcome. */
	sysfs_probe(bdf);
	ret = sysfs_driver(bdf, now);
	return ret == 0 && strcmp(now, driver) != 0 ? -ENOEXEC : ret;
}

void
sysfs_interfaces(const char *bdf, bool *any, bool *up)
{
	char path[PATH_MAX], flags[SYSFS_TEXT_SIZE];
	glob_t found;
	size_t i;

	*any = *up = false;
	device_path(path, bdf, "net/*/flags");
	if (glob(path, 0, NULL, &found) != 0)
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		*any = true;
		*up |= read_text(found.gl_pathv[i], flags) == 0 &&
		       (strtoul(flags, NULL, 16) & IFF_UP) != 0;
	}
	globfree(&found);
}
