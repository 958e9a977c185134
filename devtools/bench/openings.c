/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * Times, in nanoseconds: VFs enabled and opened, by libvftoken one by one and together, and with
 * nothing but the kernel's calls; and VFIO_GROUP_GET_DEVICE_FD by itself. kernels.py runs it in the
 * lab.
 */

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <uuid/uuid.h>

#include <vftoken/device.h>
#include <vftoken/pf.h>
#include <vftoken/sriov.h>
#include <vftoken/vfio.h>

#define MAX_VFS 256
#define TRIES 100

struct times {
	uint64_t passed; /* sleeps included */
	uint64_t cpu;
};

static uint64_t
now(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time) < 0)
		err(1, "clock_gettime");
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct times
start(void)
{
	return (struct times){ now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID) };
}

static void
stop(const char *what, const struct times *since)
{
	const uint64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID) - since->cpu;

	printf("%s %" PRIu64 " %" PRIu64 "\n", what, now(CLOCK_MONOTONIC) - since->passed, cpu);
}

static void
log_message(enum vftoken_log_level level, const char *id, const char *text, void *opaque)
{
	(void)opaque;
	if (level != VFTOKEN_LOG_INFO)
		warnx("%s [%s]", text, id);
}

static void
disable(const char *pf)
{
	const int ret = vftoken_sriov_set_numvfs(VFTOKEN_SYSFS_DEVICES, pf, 0);

	if (ret < 0)
		errx(1, "%s keeps its VFs: %s", pf, strerror(-ret));
}

/* As a program with libvftoken does it, whose messages say what is wrong. */
static struct vftoken_device *
enable_vfs(struct vftoken_context *ctx, const char *pf, uint16_t num_vfs, struct times *since)
{
	struct vftoken_device *pf_device;

	if (vftoken_device_open(ctx, pf, &pf_device) < 0)
		exit(1);
	*since = start();
	if (vftoken_pf_enable_vfs(ctx, pf, num_vfs) < 0)
		exit(1);
	return pf_device;
}

static void
enable_ours(struct vftoken_context *ctx, const char *pf, uint16_t num_vfs)
{
	static struct vftoken_device *vfs[MAX_VFS];
	struct vftoken_device *pf_device;
	char vf[VFTOKEN_BDF_SIZE];
	struct times since;
	uint16_t i;

	pf_device = enable_vfs(ctx, pf, num_vfs, &since);
	for (i = 0; i < num_vfs; i++)
		if (vftoken_find_vf(ctx, pf, i, vf) < 0 ||
		    vftoken_device_open(ctx, vf, &vfs[i]) < 0)
			exit(1);
	stop("ours", &since);
	for (i = 0; i < num_vfs; i++)
		vftoken_device_close(vfs[i]);
	disable(pf);
	vftoken_device_close(pf_device);
}

/* As DPDK's start does it: each VF's group is opened, then all VFs together. */
static void
enable_together(struct vftoken_context *ctx, const char *pf, uint16_t num_vfs)
{
	static struct vftoken_vfio_group groups[MAX_VFS];
	static char vfs[MAX_VFS][VFTOKEN_BDF_SIZE];
	static int fds[MAX_VFS];
	struct vftoken_device *pf_device;
	char group[VFTOKEN_GROUP_SIZE];
	struct times since;
	uint16_t i;

	pf_device = enable_vfs(ctx, pf, num_vfs, &since);
	for (i = 0; i < num_vfs; i++)
		if (vftoken_find_vf(ctx, pf, i, vfs[i]) < 0 ||
		    vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, vfs[i], group) <
			    0 ||
		    vftoken_vfio_group_open(&groups[i], VFTOKEN_VFIO_FOLDER, group) < 0 ||
		    vftoken_queue(ctx, groups[i].group_fd, vfs[i]) < 0)
			errx(1, "VF %u of %s can't be opened", i, pf);
	for (i = 0; i < num_vfs; i++) {
		fds[i] = vftoken_open(ctx, groups[i].group_fd, vfs[i]);
		if (fds[i] < 0)
			exit(1);
	}
	stop("together", &since);
	for (i = 0; i < num_vfs; i++) {
		vftoken_closing(ctx, vfs[i]);
		close(fds[i]);
		vftoken_vfio_group_close(&groups[i]);
	}
	disable(pf);
	vftoken_device_close(pf_device);
}

/* The last part of where a device's link points. */
static void
bare_link(const char *bdf, const char *link, char name[NAME_MAX + 1])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), VFTOKEN_SYSFS_DEVICES "/%s/%s", bdf, link);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		err(1, "%s", path);
	target[length] = '\0';
	snprintf(name, NAME_MAX + 1, "%s", strrchr(target, '/') + 1);
}

static int
bare_open(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

struct bare_device {
	struct vftoken_vfio_group group;
	int device_fd;
};

static void
bare_device_open(struct bare_device *device, const char *bdf, const char *token)
{
	char group[NAME_MAX + 1], path[PATH_MAX];
	struct vftoken_vfio_group *files = &device->group;

	bare_link(bdf, "iommu_group", group);
	snprintf(path, sizeof(path), VFTOKEN_VFIO_FOLDER "/%s", group);
	files->container_fd = bare_open(VFTOKEN_VFIO_FOLDER "/vfio", O_RDWR);
	files->group_fd = bare_open(path, O_RDWR);
	if (ioctl(files->group_fd, VFIO_GROUP_SET_CONTAINER, &files->container_fd) < 0 ||
	    ioctl(files->container_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		err(1, "the group of %s", bdf);
	snprintf(path, sizeof(path), "%s vf_token=%s", bdf, token);
	device->device_fd = ioctl(files->group_fd, VFIO_GROUP_GET_DEVICE_FD, path);
	if (device->device_fd < 0)
		err(1, "%s", bdf);
}

static void
bare_device_close(struct bare_device *device)
{
	close(device->device_fd);
	vftoken_vfio_group_close(&device->group);
}

static void
bare_set_token(int device_fd, const uuid_t token)
{
	union {
		uint8_t bytes[sizeof(struct vfio_device_feature) + sizeof(uuid_t)];
		struct vfio_device_feature feature;
	} set;

	set.feature.argsz = sizeof(set.bytes);
	set.feature.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;
	memcpy(set.feature.data, token, sizeof(uuid_t));
	if (ioctl(device_fd, VFIO_DEVICE_FEATURE, &set) < 0)
		err(1, "VFIO_DEVICE_FEATURE");
}

/* The same with no library between, and no calls but those that the kernel wants for it. */
static void
enable_bare(const char *pf, uint16_t num_vfs, const uuid_t token)
{
	char text[UUID_STR_LEN], link[16], path[PATH_MAX], vf[NAME_MAX + 1];
	static struct bare_device vfs[MAX_VFS];
	struct bare_device pf_device;
	struct times since;
	uint16_t i;
	int fd;

	uuid_unparse_lower(token, text);
	bare_device_open(&pf_device, pf, text);
	since = start();
	bare_set_token(pf_device.device_fd, token);
	snprintf(path, sizeof(path), VFTOKEN_SYSFS_DEVICES "/%s/sriov_numvfs", pf);
	fd = bare_open(path, O_WRONLY);
	if (dprintf(fd, "%u", num_vfs) < 0)
		err(1, "%s", path);
	close(fd);
	for (i = 0; i < num_vfs; i++) {
		snprintf(link, sizeof(link), "virtfn%u", i);
		bare_link(pf, link, vf);
		bare_device_open(&vfs[i], vf, text);
	}
	stop("bare", &since);
	for (i = 0; i < num_vfs; i++)
		bare_device_close(&vfs[i]);
	disable(pf);
	bare_device_close(&pf_device);
}

/* In turns, now the one first and now the other, so that what changes with time changes both. */
static int
enable(const char *pf, const char *rule, unsigned int num_vfs, unsigned int rounds)
{
	struct vftoken_context *ctx = vftoken_context_process();
	uuid_t token;

	vftoken_context_set_log(ctx, log_message, NULL);
	if (num_vfs > MAX_VFS || vftoken_add_rule(ctx, rule) < 0 ||
	    vftoken_read_default(ctx, token) < 0)
		return 2;
	while (rounds-- > 0) {
		if (rounds % 2 == 0)
			enable_ours(ctx, pf, (uint16_t)num_vfs);
		enable_bare(pf, (uint16_t)num_vfs, token);
		if (rounds % 2 != 0)
			enable_ours(ctx, pf, (uint16_t)num_vfs);
		enable_together(ctx, pf, (uint16_t)num_vfs);
	}
	return 0;
}

/* One VFIO_GROUP_GET_DEVICE_FD; without a group, what it costs to measure. */
static int
open_timed(int group_fd, const char *text, uint64_t *cpu)
{
	const uint64_t before = now(CLOCK_THREAD_CPUTIME_ID);
	const int fd = group_fd < 0 ? 0 : ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, text);

	*cpu = now(CLOCK_THREAD_CPUTIME_ID) - before;
	if (fd < 0)
		err(1, "%s", text);
	return fd;
}

/* A device opened by its first user, then once more while it is open; by each text in turn. */
static int
get(const char *device, unsigned int rounds, char **texts)
{
	uint64_t cpu, cost = UINT64_MAX;
	char name[VFTOKEN_GROUP_SIZE];
	struct vftoken_vfio_group group;
	int i, first, again;

	if (vftoken_sriov_group(VFTOKEN_SYSFS_DEVICES, VFTOKEN_VFIO_FOLDER, device, name) < 0 ||
	    vftoken_vfio_group_open(&group, VFTOKEN_VFIO_FOLDER, name) < 0)
		errx(1, "the group of %s can't be opened", device);
	for (i = 0; i < TRIES; i++) {
		open_timed(-1, NULL, &cpu);
		cost = cpu < cost ? cpu : cost;
	}
	while (rounds-- > 0)
		for (i = 0; texts[i] != NULL; i++) {
			first = open_timed(group.group_fd, texts[i], &cpu);
			printf("%d first %" PRIu64 "\n", i, cpu - cost);
			again = open_timed(group.group_fd, texts[i], &cpu);
			printf("%d again %" PRIu64 "\n", i, cpu - cost);
			close(again);
			close(first);
		}
	vftoken_vfio_group_close(&group);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "enable") == 0)
		return enable(argv[2], argv[3], (unsigned int)atoi(argv[4]),
			      (unsigned int)atoi(argv[5]));
	if (argc > 4 && strcmp(argv[1], "get") == 0)
		return get(argv[2], (unsigned int)atoi(argv[3]), &argv[4]);
	fprintf(stderr, "usage: bench_openings enable PF RULE VFS ROUNDS\n"
			"       bench_openings get DEVICE ROUNDS TEXT...\n");
	return 2;
}
