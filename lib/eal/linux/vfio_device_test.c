/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "vfio_device.h"
#include "vftoken_test_util.h"

#define BDF "0000:01:10.0"
#define FD 42

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
		assert_int_equal(vfio_device_open(FD, cases[i].name, cases[i].options), 7);
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
	static const struct test_answer answer = { .ret = 0 };
	char text[VFIO_DEVICE_NAME_SIZE + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[VFIO_DEVICE_NAME_SIZE] = '\0';
	test_answer(NULL, 0);
	assert_int_equal(vfio_device_open(FD, text, NULL), -ENAMETOOLONG);
	assert_int_equal(vfio_device_open(FD, text + 3, "a=1"), -ENAMETOOLONG);
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_open(FD, text + 1, NULL), 0);
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_open(FD, text + 5, "a=1"), 0);
	assert_int_equal(strlen((const char *)test_ioctls[0].bytes), VFIO_DEVICE_NAME_SIZE - 1);
}

static const int errnos[] = { EACCES, EBUSY, EFAULT, EINVAL, ENODEV, ENOTTY, EPERM };

/* The kernel's errno is passed on, whichever ioctl it is. */
static void
errno_passed_on(void **state)
{
	uint8_t data[4] = { 1, 2, 3, 4 }, before[4];
	size_t i;

	(void)state;
	memcpy(before, data, sizeof(data));
	for (i = 0; i < TEST_DIM(errnos); i++) {
		/* What the kernel leaves in the buffer of a failed GET stays there. */
		const struct test_answer answer = { -errnos[i], "junk", 4 };

		test_answer(&answer, 1);
		assert_int_equal(vfio_device_feature_get(FD, 3, data, sizeof(data)), -errnos[i]);
		assert_memory_equal(data, before, sizeof(data));
		test_answer(&answer, 1);
		assert_int_equal(vfio_device_feature_set(FD, 3, data, sizeof(data)), -errnos[i]);
		assert_memory_equal(data, before, sizeof(data));
		test_answer(&(const struct test_answer){ .ret = -errnos[i] }, 1);
		assert_int_equal(vfio_device_feature_probe(FD, 3, VFIO_DEVICE_FEATURE_SET),
				 -errnos[i]);
		test_answer(&(const struct test_answer){ .ret = -errnos[i] }, 1);
		assert_int_equal(vfio_device_open(FD, BDF, NULL), -errnos[i]);
		assert_int_equal(test_n_ioctls, 1);
	}
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
	static const struct test_answer answer = { .ret = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		test_answer(&answer, 1);
		assert_int_equal(vfio_device_feature_probe(FD, cases[i].feature,
							   cases[i].operations), 0);
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
	assert_int_equal(vfio_device_feature_get(FD, 9, data, 10), 0);
	assert_feature(18, 0x10009, "\0\0\0\0\0\0\0\0\0\0");
	assert_string_equal(data, "0123456789");
}

/* A set sends the data: a token as its 16 bytes, in the order in which a UUID is written. */
static void
feature_set(void **state)
{
	static const struct test_answer answer = { .ret = 0 };
	uuid_t token;

	(void)state;
	assert_int_equal(uuid_parse(TOKEN_A, token), 0);
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_feature_set(FD, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, token,
						 sizeof(token)), 0);
	assert_feature(24, 0x20000,
		       "\xb6\x71\xfd\x64\x4c\x5d\x49\x1e\x9e\xb8\xda\x01\xff\x1f\x33\x41");
}

/* 256 bytes of data are possible; one more is refused without asking the kernel. */
static void
feature_length(void **state)
{
	static const struct test_answer answer = { .ret = 0 };
	uint8_t data[VFIO_DEVICE_FEATURE_MAX + 1];

	(void)state;
	memset(data, 0x5a, sizeof(data));
	test_answer(NULL, 0);
	assert_int_equal(vfio_device_feature_set(FD, 1, data, sizeof(data)), -E2BIG);
	assert_int_equal(vfio_device_feature_get(FD, 1, data, sizeof(data)), -E2BIG);
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_feature_set(FD, 1, data, VFIO_DEVICE_FEATURE_MAX), 0);
	assert_feature(264, 0x20001, data);
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_feature_get(FD, 1, data, VFIO_DEVICE_FEATURE_MAX), 0);
	assert_int_equal(data[VFIO_DEVICE_FEATURE_MAX - 1], 0);
	assert_int_equal(data[VFIO_DEVICE_FEATURE_MAX], 0x5a);
}

static void
set_token(void *opaque)
{
	uuid_t token;

	if (uuid_parse(TOKEN_A, token) == 0)
		*(int *)opaque = vfio_device_feature_set(FD, 0, token, sizeof(token));
	explicit_bzero(token, sizeof(token));
}

/* A set leaves no copy of the token behind. */
static void
nothing_left(void **state)
{
	static const struct test_answer answer = { .ret = 0 };
	int ret = -1;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	test_answer(&answer, 1);
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
		cmocka_unit_test_setup_teardown(open_text, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(open_length, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(errno_passed_on, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_probe, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_get, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_set, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(feature_length, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(nothing_left, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vfio_device", tests, NULL, NULL);
}
