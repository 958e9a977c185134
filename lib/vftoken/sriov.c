/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "private.h"
#include "sriov.h"

static int
device_path(const char *devices, const char *bdf, const char *file, char path[PATH_MAX])
{
	const int length = snprintf(path, PATH_MAX, "%s/%s/%s", devices, bdf, file);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The last part of where a device's link points; empty when there is no such link. */
static int
read_link(const char *devices, const char *bdf, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t length;
	int ret;

	name[0] = '\0';
	ret = device_path(devices, bdf, link, path);
	if (ret < 0)
		return ret;
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return errno == ENOENT ? 0 : -errno;
	target[length] = '\0';
	last = strrchr(target, '/');
	last = last != NULL ? last + 1 : target;
	if (strlen(last) >= size)
		return -EINVAL;
	memcpy(name, last, strlen(last) + 1);
	return 0;
}

int
vftoken_sriov_read_file(const char *devices, const char *bdf, const char *file, char *text,
			size_t size)
{
	char path[PATH_MAX];
	ssize_t length;
	int fd, ret;

	text[0] = '\0';
	ret = device_path(devices, bdf, file, path);
	if (ret < 0)
		return ret;
	fd = vftoken_fd_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	length = read(fd, text, size - 1);
	ret = length < 0 ? -errno : (int)length;
	close(fd);
	text[ret < 0 ? 0 : ret] = '\0';
	return ret;
}

int
vftoken_sriov_write_file(const char *devices, const char *bdf, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = device_path(devices, bdf, file, path);
	if (ret < 0)
		return ret;
	fd = vftoken_fd_open(path, O_WRONLY);
	if (fd < 0)
		return fd;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int
vftoken_sriov_may_write(const char *devices, const char *bdf, const char *file)
{
	char path[PATH_MAX];
	const int ret = device_path(devices, bdf, file, path);

	if (ret < 0)
		return ret;
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* A device's file that holds one decimal number. */
static int
read_number(const char *devices, const char *bdf, const char *file, uint16_t *number)
{
	unsigned long value;
	char text[16], *end;
	int length;

	length = vftoken_sriov_read_file(devices, bdf, file, text, sizeof(text));
	if (length < 0)
		return length;
	if (length == sizeof(text) - 1)
		return -EINVAL;
	value = strtoul(text, &end, 10);
	if (end == text || (*end != '\n' && *end != '\0') || value > UINT16_MAX)
		return -EINVAL;
	*number = (uint16_t)value;
	return 0;
}

int
vftoken_sriov_vf(const char *devices, const char *pf, uint16_t index, char vf[VFTOKEN_BDF_SIZE])
{
	char link[sizeof("virtfn65535")];
	int ret;

	snprintf(link, sizeof(link), "virtfn%u", index);
	ret = read_link(devices, pf, link, vf, VFTOKEN_BDF_SIZE);
	return ret == 0 && vf[0] == '\0' ? -ENODEV : ret;
}

/*
 * Count a PF's VFs by their links. The kernel keeps a reader of sriov_numvfs waiting as long as
 * somebody writes to it, which is until the last user of a VF has closed it.
 */
static int
count_vfs(const char *devices, const char *pf, uint16_t most, uint16_t *n)
{
	char vf[VFTOKEN_BDF_SIZE];
	int ret = 0;

	for (*n = 0; ret == 0 && *n < most; *n += ret == 0)
		ret = vftoken_sriov_vf(devices, pf, *n, vf);
	return ret == -ENODEV ? 0 : ret;
}

static int
read_pf(const char *devices, const char *bdf, struct vftoken_sriov *sriov)
{
	int ret;

	ret = read_number(devices, bdf, "sriov_totalvfs", &sriov->totalvfs);
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	sriov->role = VFTOKEN_ROLE_PF;
	return count_vfs(devices, bdf, sriov->totalvfs, &sriov->numvfs);
}

/* Some containers see a VF and not its PF. */
static int
read_pf_driver(const char *devices, struct vftoken_sriov *sriov)
{
	char path[PATH_MAX];
	int ret;

	ret = read_link(devices, sriov->pf, "driver", sriov->pf_driver, sizeof(sriov->pf_driver));
	if (ret < 0)
		return ret;
	sriov->pf_bound.answer = sriov->pf_driver[0] != '\0' ? VFTOKEN_YES : VFTOKEN_NO;
	if (sriov->pf_bound.answer == VFTOKEN_NO &&
	    device_path(devices, sriov->pf, "", path) == 0 && access(path, F_OK) < 0)
		sriov->pf_bound = (struct vftoken_fact){ VFTOKEN_UNKNOWN, -errno };
	return 0;
}

static int
read_info(const char *devices, const char *bdf, struct vftoken_sriov *sriov)
{
	int ret;

	ret = read_link(devices, bdf, "driver", sriov->driver, sizeof(sriov->driver));
	if (ret < 0)
		return ret;
	ret = read_link(devices, bdf, "physfn", sriov->pf, sizeof(sriov->pf));
	if (ret < 0)
		return ret;
	if (sriov->pf[0] == '\0')
		return read_pf(devices, bdf, sriov);
	if (vftoken_parse_key(sriov->pf, &sriov->pf_key) < 0)
		return -EINVAL;
	sriov->role = VFTOKEN_ROLE_VF;
	return read_pf_driver(devices, sriov);
}

int
vftoken_sriov_read(const char *devices, const char *bdf, struct vftoken_sriov *sriov)
{
	char path[PATH_MAX];
	int ret;

	*sriov = (struct vftoken_sriov){ .pf_key = VFTOKEN_KEY_NONE };
	ret = read_info(devices, bdf, sriov);
	/* Only a device without any of the files may not be there at all. */
	if (ret == 0 && sriov->role == VFTOKEN_ROLE_NONE && sriov->driver[0] == '\0') {
		ret = device_path(devices, bdf, "", path);
		if (ret == 0 && access(path, F_OK) < 0)
			ret = errno == ENOENT && access(devices, F_OK) == 0 ? -ENODEV : -errno;
	}
	if (ret < 0)
		*sriov = (struct vftoken_sriov){ .pf_key = VFTOKEN_KEY_NONE };
	return ret;
}

struct vftoken_fact
vftoken_sriov_vfs_change(const char *devices, const char *pf, uint16_t numvfs)
{
	char bdf[VFTOKEN_BDF_SIZE], path[PATH_MAX];
	uint16_t offset = 0, stride = 0;
	uint64_t key = 0;
	int ret;

	ret = vftoken_parse_key(pf, &key);
	if (ret == 0)
		ret = read_number(devices, pf, "sriov_offset", &offset);
	if (ret == 0)
		ret = read_number(devices, pf, "sriov_stride", &stride);
	/* Where the next VF would be. A VF's links go before the kernel waits for its users. */
	vftoken_format_key(key + offset + (uint64_t)stride * numvfs, bdf);
	if (ret == 0)
		ret = device_path(devices, bdf, "", path);
	if (ret < 0)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret };
	if (access(path, F_OK) == 0)
		return (struct vftoken_fact){ VFTOKEN_YES, 0 };
	if (errno == ENOENT)
		return (struct vftoken_fact){ VFTOKEN_NO, 0 };
	return (struct vftoken_fact){ VFTOKEN_UNKNOWN, -errno };
}

struct vftoken_fact
vftoken_sriov_enable_sriov(const char *devices)
{
	static const char parameter[] = "drivers/vfio-pci/module/parameters/enable_sriov";
	char value[2];
	const int ret = vftoken_sriov_read_file(devices, "..", parameter, value, sizeof(value));

	if (ret < 1)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret < 0 ? ret : -EIO };
	return (struct vftoken_fact){ value[0] == 'Y' ? VFTOKEN_YES : VFTOKEN_NO, 0 };
}

int
vftoken_sriov_set_numvfs(const char *devices, const char *pf, uint16_t num_vfs)
{
	char text[sizeof("65535\n")];

	snprintf(text, sizeof(text), "%u\n", num_vfs);
	return vftoken_sriov_write_file(devices, pf, "sriov_numvfs", text);
}

int
vftoken_sriov_group(const char *devices, const char *vfio, const char *bdf,
		    char name[VFTOKEN_GROUP_SIZE])
{
	char path[PATH_MAX], group[VFTOKEN_GROUP_SIZE - sizeof("noiommu-") + 1];
	int ret;

	ret = read_link(devices, bdf, "iommu_group", group, sizeof(group));
	if (ret < 0)
		return ret;
	if (group[0] == '\0')
		return -ENODEV;
	snprintf(name, VFTOKEN_GROUP_SIZE, "noiommu-%s", group);
	if (snprintf(path, sizeof(path), "%s/%s", vfio, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (access(path, F_OK) < 0)
		memcpy(name, group, sizeof(group));
	return 0;
}

int
vftoken_sriov_cdev(const char *devices, const char *bdf, char name[VFTOKEN_CDEV_SIZE])
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;
	int ret;

	ret = device_path(devices, bdf, "vfio-dev", path);
	if (ret < 0)
		return ret;
	folder = opendir(path);
	if (folder == NULL)
		return -errno;
	ret = -ENOENT;
	/* Without an IOMMU the name begins with noiommu-. */
	while (ret == -ENOENT && (entry = readdir(folder)) != NULL) {
		if (strstr(entry->d_name, "vfio") == NULL)
			continue;
		ret = strlen(entry->d_name) < VFTOKEN_CDEV_SIZE ? 0 : -EINVAL;
		if (ret == 0)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(folder);
	return ret;
}

struct vftoken_fact
vftoken_sriov_enabled(const char *devices, const char *bdf)
{
	uint16_t users = 0;
	const int ret = read_number(devices, bdf, "enable", &users);

	if (ret < 0)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret };
	return (struct vftoken_fact){ users > 0 ? VFTOKEN_YES : VFTOKEN_NO, 0 };
}

bool
vftoken_sriov_share_group(const char *devices, const char *vfio, const char *bdf, const char *other)
{
	char group[VFTOKEN_GROUP_SIZE], other_group[VFTOKEN_GROUP_SIZE];

	return vftoken_sriov_group(devices, vfio, bdf, group) == 0 &&
	       vftoken_sriov_group(devices, vfio, other, other_group) == 0 &&
	       strcmp(group, other_group) == 0;
}

struct vftoken_fact
vftoken_sriov_in_use(const char *devices, const char *vfio, const char *bdf)
{
	char path[PATH_MAX], group[VFTOKEN_GROUP_SIZE];
	int fd, ret;

	ret = vftoken_sriov_group(devices, vfio, bdf, group);
	if (ret < 0)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, ret };
	/* The path fits: it isn't longer than the one looked for there. */
	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - VFTOKEN_GROUP_SIZE - 1, vfio, group);
	fd = vftoken_fd_open(path, O_RDWR);
	if (fd == -EBUSY)
		return (struct vftoken_fact){ VFTOKEN_YES, 0 };
	if (fd < 0)
		return (struct vftoken_fact){ VFTOKEN_UNKNOWN, fd };
	close(fd);
	return (struct vftoken_fact){ VFTOKEN_NO, 0 };
}
