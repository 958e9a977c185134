/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "vfio_group.h"
#include "vftoken_test_util.h"

static void
make_files(void)
{
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/vfio", "");
	test_write_text("vfio/12", "");
	test_write_text("vfio/noiommu-12", "");
}

/* An open that fails tells the errno, leaves the group as it was, and no file open. */
static void
assert_not_opened(const char *folder, const char *name, int ret)
{
	const unsigned int fds = test_open_fds();
	struct vfio_group group = { -77, -78 };

	assert_int_equal(vfio_group_open(&group, folder, name), ret);
	assert_int_equal(group.container_fd, -77);
	assert_int_equal(group.group_fd, -78);
	assert_int_equal(test_open_fds(), fds);
}

/* A viable group is put into a container of its own, with the type of IOMMU that its name says. */
static void
opened(void **state)
{
	static const struct {
		const char *name;
		const char *path;
		int iommu;
	} cases[] = {
		{ "12", "vfio/12", VFIO_TYPE1v2_IOMMU },
		{ "noiommu-12", "vfio/noiommu-12", VFIO_NOIOMMU_IOMMU },
	};
	static const struct test_answer answers[] = { TEST_GROUP_OPENS };
	size_t i;

	(void)state;
	make_files();
	for (i = 0; i < TEST_DIM(cases); i++) {
		const unsigned int fds = test_open_fds();
		struct vfio_group group;

		test_answer(answers, TEST_DIM(answers));
		assert_int_equal(vfio_group_open(&group, "vfio", cases[i].name), 0);
		test_assert_opened(group.container_fd, "vfio/vfio");
		test_assert_opened(group.group_fd, cases[i].path);
		assert_int_equal(test_n_ioctls, 3);
		assert_int_equal(test_ioctls[0].request, VFIO_GROUP_GET_STATUS);
		assert_int_equal(test_ioctls[0].fd, group.group_fd);
		assert_int_equal(test_ioctls[1].request, VFIO_GROUP_SET_CONTAINER);
		assert_int_equal(test_ioctls[1].fd, group.group_fd);
		assert_int_equal(test_ioctls[1].number, group.container_fd);
		assert_int_equal(test_ioctls[2].request, VFIO_SET_IOMMU);
		assert_int_equal(test_ioctls[2].fd, group.container_fd);
		assert_int_equal(test_ioctls[2].number, cases[i].iommu);
		vfio_group_close(&group);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* Where a file can't be opened its errno is told, and where VFIO isn't there that is told. */
static void
file_refused(void **state)
{
	static const struct {
		const char *path;
		int err;
		int ret;
	} cases[] = {
		{ "vfio/vfio", ENOENT, -EUNATCH },
		{ "vfio/vfio", ENODEV, -EUNATCH },
		{ "vfio/vfio", EACCES, -EACCES },
		{ "vfio/vfio", EMFILE, -EMFILE },
		{ "vfio/12", ENOENT, -ENOENT },
		{ "vfio/12", EBUSY, -EBUSY },
		{ "vfio/12", EACCES, -EACCES },
		{ "vfio/12", EPERM, -EPERM },
		{ "vfio/12", ENODEV, -ENODEV },
	};
	size_t i;

	(void)state;
	make_files();
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_watched_open =
			(struct test_watched_open){ cases[i].path, O_RDWR, cases[i].err, 0 };
		test_answer(NULL, 0);
		assert_not_opened("vfio", "12", cases[i].ret);
		assert_int_equal(test_watched_open.n, 1);
	}
	/* VFIO's own folder, wherever this runs. */
	test_watched_open = (struct test_watched_open){ "/dev/vfio/vfio", O_RDWR, ENODEV, 0 };
	assert_not_opened(NULL, "12", -EUNATCH);
	assert_int_equal(test_watched_open.n, 1);
}

/* Paths longer than any can be are refused, not cut. */
static void
too_long(void **state)
{
	char name[PATH_MAX + 1], folder[PATH_MAX];

	(void)state;
	make_files();
	test_answer(NULL, 0);
	/* A path of all characters that fit is looked up, and isn't there. */
	memset(folder, '/', sizeof(folder));
	memcpy(folder, "none", strlen("none"));
	folder[PATH_MAX - sizeof("/vfio")] = '\0';
	assert_not_opened(folder, "12", -EUNATCH);
	folder[PATH_MAX - sizeof("/vfio")] = '/';
	folder[PATH_MAX - sizeof("/vfio") + 1] = '\0';
	assert_not_opened(folder, "12", -ENAMETOOLONG);
	memset(name, '/', sizeof(name));
	strcpy(name + PATH_MAX - strlen("vfio/") - strlen("12"), "12");
	assert_not_opened("vfio", name, -ENAMETOOLONG);
}

/* What the kernel refuses of a group's container is told, and a group that isn't viable is. */
static void
container_refused(void **state)
{
	static const uint32_t not_viable = VFIO_GROUP_FLAGS_CONTAINER_SET;
	static const struct {
		struct test_answer answers[3];
		unsigned int n;
		int ret;
	} cases[] = {
		{ { { .ret = -ENOTTY } }, 1, -ENOTTY },
		{ { { 0, NULL, 0 } }, 1, -EXDEV },
		{ { { 0, &not_viable, sizeof(not_viable) } }, 1, -EXDEV },
		{ { { 0, &test_viable, sizeof(test_viable) }, { .ret = -EBUSY } }, 2, -EBUSY },
		{ { { 0, &test_viable, sizeof(test_viable) }, { .ret = -EPERM } }, 2, -EPERM },
		{ { { 0, &test_viable, sizeof(test_viable) }, { .ret = 0 }, { .ret = -ENODEV } }, 3,
		  -ENODEV },
		{ { { 0, &test_viable, sizeof(test_viable) }, { .ret = 0 }, { .ret = -EPERM } }, 3,
		  -EPERM },
	};
	size_t i;

	(void)state;
	make_files();
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_answer(cases[i].answers, cases[i].n);
		assert_not_opened("vfio", "12", cases[i].ret);
		assert_int_equal(test_n_ioctls, cases[i].n);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opened, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(too_long, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(container_refused, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vfio_group", tests, NULL, NULL);
}
