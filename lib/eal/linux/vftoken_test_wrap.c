/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/vfio.h>

#include "vftoken_test_util.h"

struct test_ioctl test_ioctls[TEST_IOCTLS];
unsigned int test_n_ioctls;
static struct test_answer answers[TEST_IOCTLS];
static unsigned int n_answers;

bool test_poll_fails;
int test_out_of_memory;
static int clock_calls_to_jump = -1; /* how many calls still tell the true time; -1 for all */

void
test_wraps_reset(void)
{
	memset(test_ioctls, 0, sizeof(test_ioctls));
	test_n_ioctls = 0;
	n_answers = 0;
	test_poll_fails = false;
	test_out_of_memory = 0;
	clock_calls_to_jump = -1;
}

void
test_answer(const struct test_answer *script, unsigned int n)
{
	assert_in_range(n, 0, TEST_IOCTLS);
	memcpy(answers, script, n * sizeof(*script));
	n_answers = n;
	test_n_ioctls = 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	struct test_ioctl *call = &test_ioctls[test_n_ioctls];
	struct vfio_device_feature *feature;
	const struct test_answer *answer = &answers[test_n_ioctls];
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (test_n_ioctls == n_answers)
		fail_msg("one ioctl more than the %u expected", n_answers);
	memset(call, 0, sizeof(*call));
	call->fd = fd;
	call->request = request;
	if (request == VFIO_DEVICE_FEATURE) {
		feature = arg;
		assert_in_range(feature->argsz, sizeof(*feature), TEST_IOCTL_BYTES);
		memcpy(call->bytes, arg, feature->argsz);
		if (answer->data != NULL)
			memcpy(feature->data, answer->data, answer->size);
	} else {
		assert_in_range(strlen(arg), 1, TEST_IOCTL_BYTES - 1);
		strcpy((char *)call->bytes, arg);
	}
	test_n_ioctls++;
	/* A success leaves errno as it was, and it may have been anything. */
	errno = answer->ret < 0 ? -answer->ret : EDOM;
	return answer->ret < 0 ? -1 : answer->ret;
}

void
test_clock_jumps(void)
{
	clock_calls_to_jump = 1;
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	const int ret = __real_clock_gettime(clock, now);

	if (clock_calls_to_jump > 0)
		clock_calls_to_jump--;
	else if (clock_calls_to_jump == 0)
		now->tv_sec += 3600;
	return ret;
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	errno = ENOMEM;
	return test_poll_fails ? -1 : __real_poll(fds, n, timeout);
}

static bool
allocation_fails(void)
{
	return test_out_of_memory > 0 && --test_out_of_memory == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(old, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *
__wrap_strdup(const char *text)
{
	return allocation_fails() ? NULL : __real_strdup(text);
}
