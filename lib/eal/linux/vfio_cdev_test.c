/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "vfio_cdev.h"
#include "vftoken_test_util.h"

#define FD 42
#define IOMMUFD 43

/* The kernel's words for it, as they are in memory. */
struct words {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t devid;
	uint64_t token;
};

static void
assert_bind(const struct words *expected)
{
	assert_int_equal(test_n_ioctls, 1);
	assert_int_equal(test_ioctls[0].fd, FD);
	assert_int_equal(test_ioctls[0].request, _IO(';', 118));
	assert_memory_equal(test_ioctls[0].bytes, expected, expected->argsz);
}

/* Without a token no more is sent than kernels before the token know. */
static void
bind_without_token(void **state)
{
	static const struct test_answer answer = { .ret = 0 };

	(void)state;
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_bind_iommufd(FD, IOMMUFD, NULL), 0);
	assert_bind(&(const struct words){ 16, 0, IOMMUFD, 0, 0 });
}

/* A token is announced by a flag, and not copied: the kernel gets the caller's own. */
static void
bind_with_token(void **state)
{
	static const struct test_answer answer = { .ret = 0 };
	uuid_t token;

	(void)state;
	assert_int_equal(uuid_parse(TOKEN_A, token), 0);
	test_answer(&answer, 1);
	assert_int_equal(vfio_device_bind_iommufd(FD, IOMMUFD, token), 0);
	assert_bind(&(const struct words){ 24, 1, IOMMUFD, 0, (uintptr_t)token });
}

/* The kernel's errno is passed on, with a token and without. */
static void
errno_passed_on(void **state)
{
	static const int errnos[] = { EACCES, EBUSY, EFAULT, EINVAL, ENOTTY };
	static const uuid_t token = { 1 };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(errnos); i++) {
		test_answer(&(const struct test_answer){ .ret = -errnos[i] }, 1);
		assert_int_equal(vfio_device_bind_iommufd(FD, IOMMUFD, NULL), -errnos[i]);
		test_answer(&(const struct test_answer){ .ret = -errnos[i] }, 1);
		assert_int_equal(vfio_device_bind_iommufd(FD, IOMMUFD, token), -errnos[i]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bind_without_token, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(bind_with_token, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(errno_passed_on, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("vfio_cdev", tests, NULL, NULL);
}
