/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "vfio_group.h"

static int
open_file(const char *folder, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A group gives out its devices only once it is in a container that has an IOMMU. */
static int
put_into_container(int container_fd, int group_fd, int iommu)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group_fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return -errno;
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return -EXDEV;
	if (ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd) < 0 ||
	    ioctl(container_fd, VFIO_SET_IOMMU, iommu) < 0)
		return -errno;
	return 0;
}

int
vfio_group_open(struct vfio_group *group, const char *folder, const char *name)
{
	static const char noiommu[] = "noiommu-";
	const int iommu = strncmp(name, noiommu, strlen(noiommu)) == 0 ? VFIO_NOIOMMU_IOMMU
								       : VFIO_TYPE1v2_IOMMU;
	struct vfio_group opened;
	int ret;

	if (folder == NULL)
		folder = VFIO_GROUP_FOLDER;
	opened.container_fd = open_file(folder, "vfio");
	/* Without the module its device file may still be there. */
	if (opened.container_fd == -ENOENT || opened.container_fd == -ENODEV)
		return -EUNATCH;
	if (opened.container_fd < 0)
		return opened.container_fd;
	ret = opened.group_fd = open_file(folder, name);
	if (ret >= 0)
		ret = put_into_container(opened.container_fd, opened.group_fd, iommu);
	if (ret == 0)
		*group = opened;
	else
		vfio_group_close(&opened);
	return ret;
}

void
vfio_group_close(struct vfio_group *group)
{
	if (group->group_fd >= 0)
		close(group->group_fd);
	close(group->container_fd);
}
