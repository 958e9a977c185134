/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "status.h"

#define VFIO "/dev/vfio"

/* The number of a device file, by which a process in a container has it open, too; else 0. */
static dev_t
number_of(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && S_ISCHR(file.st_mode) ? file.st_rdev : 0;
}

/* The files by which VFIO gives a device away: its group's, and its own. */
static void
find_files(struct status_device *device)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), VFIO "/%s", device->group);
	device->files[0] = number_of(path);
	if (device->files[0] == 0) {
		snprintf(path, sizeof(path), VFIO "/noiommu-%s", device->group);
		device->files[0] = number_of(path);
	}
	snprintf(path, sizeof(path), VFTOKEN_SYSFS_DEVICES "/%s/vfio-dev", device->info.bdf);
	folder = opendir(path);
	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), VFIO "/devices/%s", entry->d_name);
			device->files[1] = number_of(path);
		}
	closedir(folder);
}

static void
read_name(int process, char name[STATUS_NAME_SIZE])
{
	const int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, name, STATUS_NAME_SIZE - 1);

	if (fd >= 0)
		close(fd);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	vftoken_make_printable(name);
}

static int
add_user(struct status_device *device, int process, long pid)
{
	struct status_user *more;

	if (device->n_users > 0 && device->users[device->n_users - 1].pid == pid)
		return 0;
	more = realloc(device->users, (device->n_users + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	device->users = more;
	more[device->n_users].pid = pid;
	read_name(process, more[device->n_users].name);
	device->n_users++;
	return 0;
}

/* Add a process to the devices of which it has a file open. */
static int
look_at(struct status_list *list, int process, int fds, const char *fd, long pid)
{
	struct statx file;
	dev_t number;
	int ret = 0;
	size_t i;

	/* It may be a file of a file system whose server doesn't answer. */
	if (statx(fds, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &file) < 0 || !S_ISCHR(file.stx_mode))
		return 0;
	number = makedev(file.stx_rdev_major, file.stx_rdev_minor);
	for (i = 0; ret == 0 && i < list->count; i++)
		if (number != 0 &&
		    (number == list->devices[i].files[0] || number == list->devices[i].files[1]))
			ret = add_user(&list->devices[i], process, pid);
	return ret;
}

/* A process that ends meanwhile, or that is another user's, shows nothing. */
static int
look_at_process(struct status_list *list, int process, long pid)
{
	const int fds = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	int ret = 0;
	DIR *folder;

	folder = fds < 0 ? NULL : fdopendir(fds);
	if (folder == NULL) {
		if (fds >= 0)
			close(fds);
		return 0;
	}
	while (ret == 0 && (entry = readdir(folder)) != NULL)
		ret = look_at(list, process, fds, entry->d_name, pid);
	closedir(folder);
	return ret;
}

int
status_find_users(struct status_list *list)
{
	struct dirent *entry;
	int process, ret = 0;
	bool used = false;
	DIR *folder;
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->devices[i].in_use.answer != VFTOKEN_NO) {
			find_files(&list->devices[i]);
			used = true;
		}
	folder = used ? opendir("/proc") : NULL;
	if (folder == NULL)
		return 0;
	while (ret == 0 && (entry = readdir(folder)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		ret = look_at_process(list, process, strtol(entry->d_name, NULL, 10));
		close(process);
	}
	closedir(folder);
	return ret;
}
