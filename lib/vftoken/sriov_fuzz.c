/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Fuzz target: what sysfs shows of a VF and its PF. Each line of the input is one of `entries`, as
 * `NAME=CONTENT`, where a `$` stands for a line end; an entry that has no line isn't there.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "info.h"
#include "sriov.h"
#include "fuzz_util.h"

#define VF "0000:01:10.0"
#define PF "0000:01:00.0"
#define DEVICES "devices"
#define VFIO "vfio"

/* A token, and more of it than messages may show. */
#define TOKEN "b671fd64-4c5d-491e-9eb8-da01ff1f3341"
#define SECRET "b67"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct entry {
	const char *name;
	const char *path;
	bool link;
	/* The content that it shall have and the one that it has; not from the heap, where what
	 * stays from one input to the next looks like a leak. */
	struct content {
		bool there;
		char text[PATH_MAX];
	} wanted, made;
} entries[] = {
	{ .name = "driver", .path = DEVICES "/" VF "/driver", .link = true },
	{ .name = "enable_sriov", .path = "drivers/vfio-pci/module/parameters/enable_sriov" },
	{ .name = "iommu_group", .path = DEVICES "/" VF "/iommu_group", .link = true },
	{ .name = "pf/driver", .path = DEVICES "/" PF "/driver", .link = true },
	{ .name = "physfn", .path = DEVICES "/" VF "/physfn", .link = true },
	{ .name = "sriov_offset", .path = DEVICES "/" VF "/sriov_offset" },
	{ .name = "sriov_stride", .path = DEVICES "/" VF "/sriov_stride" },
	{ .name = "sriov_totalvfs", .path = DEVICES "/" VF "/sriov_totalvfs" },
	{ .name = "virtfn0", .path = DEVICES "/" VF "/virtfn0", .link = true },
};

#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static char folder[PATH_MAX];

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
remove_folder(void)
{
	nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const folders[] = {
		DEVICES,
		DEVICES "/" PF,
		DEVICES "/" VF,
		"drivers",
		"drivers/vfio-pci",
		"drivers/vfio-pci/module",
		"drivers/vfio-pci/module/parameters",
		VFIO,
	};
	const char *parent = getenv("TMPDIR");
	size_t i;

	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%s/vftoken-fuzz-XXXXXX",
		 parent != NULL ? parent : "/dev/shm");
	assert(mkdtemp(folder) != NULL);
	atexit(remove_folder);
	assert(chdir(folder) == 0);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert(mkdir(folders[i], 0700) == 0);
	return 0;
}

static const char *
content(const char *name)
{
	size_t i;

	for (i = 0; strcmp(entries[i].name, name) != 0; i++)
		;
	return entries[i].wanted.there ? entries[i].wanted.text : NULL;
}

static void
want(const char *line)
{
	size_t i, length;
	char *c;

	for (i = 0; i < N_ENTRIES; i++) {
		struct content *wanted = &entries[i].wanted;

		length = strlen(entries[i].name);
		if (strncmp(line, entries[i].name, length) != 0 || line[length] != '=')
			continue;
		line += length + 1;
		/* There are no other links. */
		if (strlen(line) >= PATH_MAX || (entries[i].link && line[0] == '\0'))
			return;
		strcpy(wanted->text, line);
		wanted->there = true;
		for (c = wanted->text; *c != '\0' && !entries[i].link; c++)
			if (*c == '$')
				*c = '\n';
		return;
	}
}

/* Make an entry what it shall be, which mostly it is from the last input. */
static void
make(struct entry *entry)
{
	const struct content *wanted = &entry->wanted;
	int fd;

	if (wanted->there == entry->made.there && strcmp(wanted->text, entry->made.text) == 0)
		return;
	if (entry->made.there && (!wanted->there || entry->link))
		assert(unlink(entry->path) == 0);
	entry->made = *wanted;
	if (wanted->there && entry->link) {
		assert(symlink(wanted->text, entry->path) == 0);
	} else if (wanted->there) {
		fd = open(entry->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert(fd >= 0);
		assert(write(fd, wanted->text, strlen(wanted->text)) ==
		       (ssize_t)strlen(wanted->text));
		close(fd);
	}
}

/* What a link's last part must be read as; false when there isn't room for it. */
static bool
last_part(const char *target, size_t size, const char **last)
{
	*last = "";
	if (target != NULL)
		*last = strrchr(target, '/') != NULL ? strrchr(target, '/') + 1 : target;
	return strlen(*last) < size;
}

/* What a number must be read as: what sysfs writes, and white space and a sign before it; or -1. */
static long
number(const char *text)
{
	char *end;
	long value;

	if (text == NULL || strlen(text) > 14)
		return -1;
	value = strtol(text, &end, 10);
	return end != text && (*end == '\n' || *end == '\0') && value <= UINT16_MAX ? value : -1;
}

static int
expect_pf(struct vftoken_sriov *sriov)
{
	const long totalvfs = number(content("sriov_totalvfs"));
	const char *vf;

	if (content("sriov_totalvfs") == NULL)
		return 0;
	if (totalvfs < 0)
		return -EINVAL;
	sriov->role = VFTOKEN_ROLE_PF;
	sriov->totalvfs = (uint16_t)totalvfs;
	if (totalvfs > 0 && !last_part(content("virtfn0"), VFTOKEN_BDF_SIZE, &vf))
		return -EINVAL;
	sriov->numvfs = totalvfs > 0 && vf[0] != '\0';
	return 0;
}

static int
expect(struct vftoken_sriov *sriov)
{
	const char *driver, *pf, *pf_driver;
	char bdf[VFTOKEN_BDF_SIZE];

	*sriov = (struct vftoken_sriov){ .pf_key = VFTOKEN_KEY_NONE };
	if (!last_part(content("driver"), sizeof(sriov->driver), &driver) ||
	    !last_part(content("physfn"), sizeof(sriov->pf), &pf))
		return -EINVAL;
	strcpy(sriov->driver, driver);
	strcpy(sriov->pf, pf);
	if (pf[0] == '\0')
		return expect_pf(sriov);
	if (vftoken_parse_bdf(pf, bdf) < 0)
		return -EINVAL;
	assert(vftoken_parse_key(bdf, &sriov->pf_key) == 0);
	sriov->role = VFTOKEN_ROLE_VF;
	pf_driver = content(strcmp(pf, VF) == 0 ? "driver" : "pf/driver");
	if (strcmp(pf, VF) != 0 && strcmp(pf, PF) != 0) {
		sriov->pf_bound.why = -ENOENT;
		return 0;
	}
	if (!last_part(pf_driver, sizeof(sriov->pf_driver), &pf_driver))
		return -EINVAL;
	strcpy(sriov->pf_driver, pf_driver);
	sriov->pf_bound.answer = pf_driver[0] != '\0' ? VFTOKEN_YES : VFTOKEN_NO;
	return 0;
}

static void
check_read(const struct vftoken_sriov *expected, int ret)
{
	struct vftoken_sriov sriov;

	memset(&sriov, 0xa5, sizeof(sriov));
	assert(vftoken_sriov_read(DEVICES, VF, &sriov) == ret);
	assert(sriov.role == expected->role);
	assert(strcmp(sriov.driver, expected->driver) == 0);
	assert(strcmp(sriov.pf, expected->pf) == 0);
	assert(sriov.pf_key == expected->pf_key);
	assert(strcmp(sriov.pf_driver, expected->pf_driver) == 0);
	assert(sriov.pf_bound.answer == expected->pf_bound.answer);
	assert(sriov.pf_bound.why == expected->pf_bound.why);
	assert(sriov.totalvfs == expected->totalvfs && sriov.numvfs == expected->numvfs);
}

static void
check_links(void)
{
	char vf[VFTOKEN_BDF_SIZE], group[VFTOKEN_GROUP_SIZE];
	struct vftoken_fact in_use;
	const char *last;
	int ret;

	if (!last_part(content("virtfn0"), sizeof(vf), &last))
		ret = -EINVAL;
	else
		ret = last[0] == '\0' ? -ENODEV : 0;
	assert(vftoken_sriov_vf(DEVICES, VF, 0, vf) == ret);
	assert(ret != 0 || strcmp(vf, last) == 0);
	if (!last_part(content("iommu_group"), sizeof(group) - strlen("noiommu-"), &last))
		ret = -EINVAL;
	else
		ret = last[0] == '\0' ? -ENODEV : 0;
	assert(vftoken_sriov_group(DEVICES, VFIO, VF, group) == ret);
	assert(ret != 0 || strcmp(group, last) == 0);
	in_use = vftoken_sriov_in_use(DEVICES, VFIO, VF);
	assert(in_use.answer == VFTOKEN_UNKNOWN && in_use.why < 0);
}

/* A rule's token is in no message, whatever sysfs says. */
static void
check_process(const struct vftoken_sriov *expected, int ret)
{
	static struct fuzz_messages messages;
	struct vftoken_context *ctx = fuzz_rules(&messages);
	struct vftoken_info info = { .size = sizeof(info) };
	uint64_t pf_key;

	assert(vftoken_parse_key(PF, &pf_key) == 0);
	vftoken_context_set_sysfs(ctx, DEVICES);
	assert(vftoken_add_rule(ctx, PF "=" TOKEN) == 0);
	assert(vftoken_info_read(ctx, VF, &info) == ret);
	assert(strcmp(info.driver, expected->driver) == 0 && strcmp(info.pf, expected->pf) == 0);
	if (ret == 0) {
		const char *enable_sriov = content("enable_sriov");
		const bool covered = expected->pf_key == pf_key;

		if (enable_sriov == NULL || enable_sriov[0] == '\0')
			assert(info.enable_sriov.answer == VFTOKEN_UNKNOWN);
		else
			assert(info.enable_sriov.answer ==
			       (enable_sriov[0] == 'Y' ? VFTOKEN_YES : VFTOKEN_NO));
		assert(strcmp(info.source, covered ? "literal" : "none") == 0);
	}
	/* No such group. */
	assert(vftoken_open(ctx, -1, VF) == -EBADF);
	assert(strstr(messages.text, "device_refused ") != NULL);
	assert(strstr(messages.text, "Bad file descriptor") != NULL);
	assert(strstr(messages.text, SECRET) == NULL ||
	       strstr(expected->pf_driver, SECRET) != NULL);
	vftoken_context_destroy(ctx);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int next_fd = fuzz_next_fd();
	struct vftoken_sriov expected;
	int ret;
	size_t i;

	for (i = 0; i < N_ENTRIES; i++) {
		entries[i].wanted.there = false;
		entries[i].wanted.text[0] = '\0';
	}
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		const size_t length = end != NULL ? (size_t)(end - data) : size;
		char *line = fuzz_text(data, length);

		want(line);
		free(line);
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	for (i = 0; i < N_ENTRIES; i++)
		make(&entries[i]);
	ret = expect(&expected);
	if (ret < 0)
		expected = (struct vftoken_sriov){ .pf_key = VFTOKEN_KEY_NONE };
	check_read(&expected, ret);
	check_links();
	check_process(&expected, ret);
	assert(fuzz_next_fd() == next_fd);
	return 0;
}
