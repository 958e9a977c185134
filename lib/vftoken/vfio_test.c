/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/vfio.h>

#include "vfio.h"
#include "test_util.h"

#define BDF "0000:01:10.0"
#define FD 42
#define IOMMUFD 43
#define VIABLE 0, &test_viable, sizeof(test_viable)

static const struct test_answer done = { .ret = 0 };

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
	struct vftoken_vfio_group group = { -77, -78 };

	assert_int_equal(vftoken_vfio_group_open(&group, folder, name), ret);
	assert_int_equal(group.container_fd, -77);
	assert_int_equal(group.group_fd, -78);
	assert_int_equal(test_open_fds(), fds);
}

/* A viable group is put into a container of its own, with the type of IOMMU that its name says. */
static void
group_opened(void **state)
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
		struct vftoken_vfio_group group;

		test_answer(answers, TEST_DIM(answers));
		assert_int_equal(vftoken_vfio_group_open(&group, "vfio", cases[i].name), 0);
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
		vftoken_vfio_group_close(&group);
		assert_int_equal(test_open_fds(), fds);
	}
}

/* Where a file can't be opened its errno is told, and where VFIO isn't there that is told. */
static void
group_file_refused(void **state)
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
		/* The group alone. */
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
	assert_not_opened(VFTOKEN_VFIO_FOLDER, "12", -EUNATCH);
	assert_int_equal(test_watched_open.n, 1);
}

/* Paths longer than any can be are refused, not cut. */
static void
group_path_too_long(void **state)
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
group_container_refused(void **state)
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
		{ { { VIABLE }, { .ret = -EBUSY } }, 2, -EBUSY },
		{ { { VIABLE }, { .ret = -EPERM } }, 2, -EPERM },
		{ { { VIABLE }, { .ret = 0 }, { .ret = -ENODEV } }, 3, -ENODEV },
		{ { { VIABLE }, { .ret = 0 }, { .ret = -EPERM } }, 3, -EPERM },
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

/* What the kernel gets: argsz, flags and the data behind. */
static void
assert_feature(uint32_t argsz, uint32_t flags, const void *data)
{
	const struct vfio_device_feature *feature = (const void *)test_ioctls[0].bytes;

	assert_int_equal(test_n_ioctls, 1);
	assert_int_equal(test_ioctls[0].fd, FD);
	assert_int_equal(test_ioctls[0].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(feature->argsz, argsz);
	assert_int_equal(feature->flags, flags);
	assert_memory_equal(feature->data, data, argsz - sizeof(*feature));
}

/* The name goes to the kernel as it is, the options behind one space, in one ioctl. */
static void
open_text(void **state)
{
	static const struct {
		const char *name;
		const char *options;
		const char *text;
	} cases[] = {
		{ BDF, NULL, BDF },
		{ BDF, "vf_token=" TOKEN_A, BDF " vf_token=" TOKEN_A },
		{ BDF, "a=1 b=2", BDF " a=1 b=2" },
		{ "fsl-mc.0", NULL, "fsl-mc.0" },
	};
	static const struct test_answer answer = { .ret = 7 };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_answer(&answer, 1);
		assert_int_equal(vftoken_vfio_open(FD, cases[i].name, cases[i].options), 7);
		assert_int_equal(test_n_ioctls, 1);
		assert_int_equal(test_ioctls[0].fd, FD);
		assert_int_equal(test_ioctls[0].request, VFIO_GROUP_GET_DEVICE_FD);
		assert_string_equal((const char *)test_ioctls[0].bytes, cases[i].text);
	}
}

/* A text of 255 characters fits; one more, in the name or the options, isn't cut but refused. */
static void
open_length(void **state)
{
	static const struct test_answer opened = { .ret = 77 };
	char text[VFIO_DEVICE_NAME_SIZE + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[VFIO_DEVICE_NAME_SIZE] = '\0';
	test_answer(NULL, 0);
	assert_int_equal(vftoken_vfio_open(FD, text, NULL), -ENAMETOOLONG);
	assert_int_equal(vftoken_vfio_open(FD, text + 3, "a=1"), -ENAMETOOLONG);
	test_answer(&opened, 1);
	assert_int_equal(vftoken_vfio_open(FD, text + 1, NULL), opened.ret);
	test_answer(&opened, 1);
	assert_int_equal(vftoken_vfio_open(FD, text + 5, "a=1"), opened.ret);
	assert_int_equal(strlen((const char *)test_ioctls[0].bytes), VFIO_DEVICE_NAME_SIZE - 1);
}

/* A probe has the operations asked for and no data. */
static void
feature_probe(void **state)
{
	static const struct {
		uint16_t feature;
		uint32_t operations;
		uint32_t flags;
	} cases[] = {
		{ VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, VFIO_DEVICE_FEATURE_SET, 0x60000 },
		{ 3, VFIO_DEVICE_FEATURE_GET, 0x50003 },
		{ 0xffff, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET, 0x7ffff },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_answer(&done, 1);
		assert_int_equal(
			vftoken_vfio_feature_probe(FD, cases[i].feature, cases[i].operations), 0);
		assert_feature(8, cases[i].flags, "");
	}
}

/* A get sends zeros and hands out what the kernel wrote. */
static void
feature_get(void **state)
{
	static const struct test_answer answer = { 0, "0123456789", 10 };
	char data[11] = "..........";

	(void)state;
	test_answer(&answer, 1);
	assert_int_equal(vftoken_vfio_feature_get(FD, 9, data, 10), 0);
	assert_feature(18, 0x10009, "\0\0\0\0\0\0\0\0\0\0");
	assert_string_equal(data, "0123456789");
}

/* A set sends the data: a token as its 16 bytes, in the order in which a UUID is written. */
static void
feature_set(void **state)
{
	uuid_t token;

	(void)state;
	assert_int_equal(uuid_parse(TOKEN_A, token), 0);
	test_answer(&done, 1);
	assert_int_equal(vftoken_vfio_feature_set(FD, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, token,
						  sizeof(token)),
			 0);
	assert_feature(24, 0x20000,
		       "\xb6\x71\xfd\x64\x4c\x5d\x49\x1e\x9e\xb8\xda\x01\xff\x1f\x33\x41");
}

/* 256 bytes of data are possible; one more is refused without asking the kernel. */
static void
feature_length(void **state)
{
	uint8_t data[VFIO_DEVICE_FEATURE_MAX + 1];

	(void)state;
	memset(data, 0x5a, sizeof(data));
	test_answer(NULL, 0);
	assert_int_equal(vftoken_vfio_feature_set(FD, 1, data, sizeof(data)), -E2BIG);
	assert_int_equal(vftoken_vfio_feature_get(FD, 1, data, sizeof(data)), -E2BIG);
	test_answer(&done, 1);
	assert_int_equal(vftoken_vfio_feature_set(FD, 1, data, VFIO_DEVICE_FEATURE_MAX), 0);
	assert_feature(264, 0x20001, data);
	test_answer(&done, 1);
	assert_int_equal(vftoken_vfio_feature_get(FD, 1, data, VFIO_DEVICE_FEATURE_MAX), 0);
	assert_int_equal(data[VFIO_DEVICE_FEATURE_MAX - 1], 0);
	assert_int_equal(data[VFIO_DEVICE_FEATURE_MAX], 0x5a);
}

/* The kernel's words for it, as they are in memory. */
struct words {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t devid;
	uint64_t token;
};

static void
assert_bind(const unsigned char *token, const struct words *expected)
{
	test_answer(&done, 1);
	assert_int_equal(vftoken_vfio_bind_iommufd(FD, IOMMUFD, token), 0);
	assert_int_equal(test_n_ioctls, 1);
	assert_int_equal(test_ioctls[0].fd, FD);
	assert_int_equal(test_ioctls[0].request, _IO(';', 118));
	assert_memory_equal(test_ioctls[0].bytes, expected, expected->argsz);
}

/*
 * Without a token no more is sent than kernels before the token know. A token is announced by a
 * flag, and not copied: the kernel gets the caller's own.
 */
static void
bind_iommufd(void **state)
{
	uuid_t token;

	(void)state;
	assert_int_equal(uuid_parse(TOKEN_A, token), 0);
	assert_bind(NULL, &(const struct words){ 16, 0, IOMMUFD, 0, 0 });
	assert_bind(token, &(const struct words){ 24, 1, IOMMUFD, 0, (uintptr_t)token });
}

/* The kernel's errno is passed on, whichever ioctl it is. */
static void
errno_passed_on(void **state)
{
	static const int errnos[] = { EACCES, EBUSY, EFAULT, EINVAL, ENODEV, ENOTTY, EPERM };
	static const uuid_t token = { 1 };
	uint8_t data[4] = { 1, 2, 3, 4 }, before[4];
	size_t i;

	(void)state;
	memcpy(before, data, sizeof(data));
	for (i = 0; i < TEST_DIM(errnos); i++) {
		/* What the kernel leaves in the buffer of a failed GET stays there. */
		const struct test_answer junk = { -errnos[i], "junk", 4 };
		const struct test_answer none = { .ret = -errnos[i] };

		test_answer(&junk, 1);
		assert_int_equal(vftoken_vfio_feature_get(FD, 3, data, sizeof(data)), -errnos[i]);
		assert_memory_equal(data, before, sizeof(data));
		test_answer(&junk, 1);
		assert_int_equal(vftoken_vfio_feature_set(FD, 3, data, sizeof(data)), -errnos[i]);
		assert_memory_equal(data, before, sizeof(data));
		test_answer(&none, 1);
		assert_int_equal(vftoken_vfio_feature_probe(FD, 3, VFIO_DEVICE_FEATURE_SET),
				 -errnos[i]);
		test_answer(&none, 1);
		assert_int_equal(vftoken_vfio_open(FD, BDF, NULL), -errnos[i]);
		test_answer(&none, 1);
		assert_int_equal(vftoken_vfio_bind_iommufd(FD, IOMMUFD, NULL), -errnos[i]);
		test_answer(&none, 1);
		assert_int_equal(vftoken_vfio_bind_iommufd(FD, IOMMUFD, token), -errnos[i]);
		assert_int_equal(test_n_ioctls, 1);
	}
}

static void
set_token(void *opaque)
{
	uuid_t token;

	if (uuid_parse(TOKEN_A, token) == 0)
		*(int *)opaque = vftoken_vfio_feature_set(FD, 0, token, sizeof(token));
	explicit_bzero(token, sizeof(token));
}

/* A set leaves no copy of the token behind. */
static void
nothing_left(void **state)
{
	int ret = -1;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	test_answer(&done, 1);
	test_call(set_token, &ret);
	assert_int_equal(ret, 0);
	/* The kernel's own copy shows that the search finds one. */
	assert_int_equal(test_search_memory(TOKEN_A), 1);
	memset(test_ioctls, 0, sizeof(test_ioctls));
	assert_int_equal(test_search_memory(TOKEN_A), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(group_opened, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(group_file_refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(group_path_too_long, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(group_container_refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_text, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_length, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_probe, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_get, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_set, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_length, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(bind_iommufd, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(errno_passed_on, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(nothing_left, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
