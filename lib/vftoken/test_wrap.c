/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "test_util.h"

const uint32_t test_viable = VFIO_GROUP_FLAGS_VIABLE;
struct test_ioctl test_ioctls[TEST_IOCTLS];
unsigned int test_n_ioctls;
static struct test_answer answers[TEST_IOCTLS];
static unsigned int n_answers;
int (*test_kernel)(unsigned long request, void *arg);

struct test_watched_open test_watched_open;
sem_t *_Atomic test_open_hangs;
void (*test_opened)(void);
void (*test_sleep)(unsigned int n);
unsigned int test_slept_ms;
static unsigned int n_sleeps;
_Atomic bool test_poll_fails;
_Atomic int test_out_of_memory;
static _Atomic bool clock_is_late;
static _Atomic int clock_calls_to_jump =
	-1; /* how many calls still tell the true time; -1 for all */

void
test_wraps_reset(void)
{
	memset(test_ioctls, 0, sizeof(test_ioctls));
	test_n_ioctls = 0;
	n_answers = 0;
	test_kernel = NULL;
	memset(&test_watched_open, 0, sizeof(test_watched_open));
	test_opened = NULL;
	test_sleep = NULL;
	test_slept_ms = 0;
	n_sleeps = 0;
	test_poll_fails = false;
	test_read_again = false;
	test_out_of_memory = 0;
	memset(&test_calls, 0, sizeof(test_calls));
	clock_calls_to_jump = -1;
	clock_is_late = false;
}

void
test_answer(const struct test_answer *script, unsigned int n)
{
	assert_in_range(n, 0, TEST_IOCTLS);
	if (n > 0)
		memcpy(answers, script, n * sizeof(*script));
	n_answers = n;
	test_n_ioctls = 0;
}

/* The token of a bind, which the request points to. */
static void
record_token(struct test_ioctl *call)
{
	uint32_t flags;
	uint64_t from;

	memcpy(&flags, call->bytes + sizeof(flags), sizeof(flags));
	memcpy(&from, call->bytes + 2 * sizeof(from), sizeof(from));
	call->token[0] = '\0';
	if ((flags & 1) != 0 && from != 0)
		uuid_unparse_lower((const unsigned char *)(uintptr_t)from, call->token);
}

/* What a request hands over, and what the answer leaves in it. */
static void
record(struct test_ioctl *call, const struct test_answer *answer, void *arg)
{
	struct vfio_device_feature *feature = arg;
	struct vfio_group_status *status = arg;

	switch (call->request) {
	case VFIO_DEVICE_FEATURE:
		assert_in_range(feature->argsz, sizeof(*feature), TEST_IOCTL_BYTES);
		memcpy(call->bytes, arg, feature->argsz);
		if (answer->data != NULL)
			memcpy(feature->data, answer->data, answer->size);
		break;
	case VFIO_GROUP_GET_DEVICE_FD:
		assert_in_range(strlen(arg), 1, TEST_IOCTL_BYTES - 1);
		strcpy((char *)call->bytes, arg);
		break;
	case VFIO_GROUP_GET_STATUS:
		assert_int_equal(status->argsz, sizeof(*status));
		assert_int_equal(status->flags, 0);
		if (answer->data != NULL)
			memcpy(&status->flags, answer->data, sizeof(status->flags));
		break;
	case VFIO_GROUP_SET_CONTAINER:
		call->number = *(const int *)arg;
		break;
	case VFIO_SET_IOMMU:
		call->number = (int)(intptr_t)arg;
		break;
	/* VFIO_DEVICE_BIND_IOMMUFD, for which older headers have no name. */
	case _IO(VFIO_TYPE, VFIO_BASE + 18):
		assert_in_range(*(const uint32_t *)arg, 16, 4096);
		memcpy(call->bytes, arg, *(const uint32_t *)arg < 24 ? 16 : 24);
		record_token(call);
		break;
	default:
		fail_msg("ioctl %#lx isn't one of VFIO's", call->request);
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...);

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct test_answer *answer;
	struct test_ioctl *call;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (test_call_fails(TEST_CALL_ioctl))
		return -1;
	if (test_kernel != NULL)
		return test_kernel(request, arg);
	if (test_n_ioctls == n_answers)
		fail_msg("one ioctl more than the %u expected", n_answers);
	answer = &answers[test_n_ioctls];
	call = &test_ioctls[test_n_ioctls];
	memset(call, 0, sizeof(*call));
	call->fd = fd;
	call->request = request;
	record(call, answer, arg);
	test_n_ioctls++;
	/* A success leaves errno as it was, and it may have been anything. */
	errno = answer->ret < 0 ? -answer->ret : EDOM;
	return answer->ret < 0 ? -1 : answer->ret;
}

/*
 * open() and usleep() come before the C library's by their names alone: with large files open() is
 * another symbol for the linker, which --wrap would have to know.
 */
int
open(const char *path, int flags, ...)
{
	struct test_watched_open *watched = &test_watched_open;
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (test_call_fails(TEST_CALL_open))
		return -1;
	if (watched->path != NULL && strcmp(path, watched->path) == 0 &&
	    (flags & O_ACCMODE) == watched->access) {
		watched->n++;
		if (test_opened != NULL && watched->err == 0)
			test_opened();
		if (test_open_hangs != NULL)
			sem_wait(test_open_hangs);
		if (watched->err != 0) {
			errno = watched->err;
			return -1;
		}
	}
	return openat(AT_FDCWD, path, flags, mode);
}

int
usleep(useconds_t microseconds)
{
	const struct timespec time = { .tv_sec = microseconds / 1000000,
				       .tv_nsec = microseconds % 1000000 * 1000L };

	if (test_sleep == NULL)
		return nanosleep(&time, NULL);
	test_slept_ms += microseconds / 1000;
	test_sleep(++n_sleeps);
	return 0;
}

void
test_clock_late(void)
{
	clock_is_late = true;
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

	if (clock_is_late)
		now->tv_sec -= 3600;
	clock_is_late = false;
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
	if (test_call_fails(TEST_CALL_poll))
		return -1;
	errno = ENOMEM;
	return test_poll_fails ? -1 : __real_poll(fds, n, timeout);
}

static bool
allocation_fails(enum test_call call)
{
	if (test_call_fails(call))
		return true;
	if (test_out_of_memory <= 0 || --test_out_of_memory > 0)
		return false;
	errno = ENOMEM;
	return true;
}

/* Count what is allocated. */
static void *
allocated(void *made)
{
	test_allocations += made != NULL;
	return made;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	return allocation_fails(TEST_CALL_calloc) ? NULL : allocated(__real_calloc(n, size));
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_realloc(void *old, size_t size)
{
	if (allocation_fails(TEST_CALL_realloc))
		return NULL;
	return old == NULL ? allocated(__real_realloc(old, size)) : __real_realloc(old, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *
__wrap_strdup(const char *text)
{
	return allocation_fails(TEST_CALL_strdup) ? NULL : allocated(__real_strdup(text));
}

char *__real_strndup(const char *text, size_t length);
char *__wrap_strndup(const char *text, size_t length);

char *
__wrap_strndup(const char *text, size_t length)
{
	return allocation_fails(TEST_CALL_strndup) ? NULL : allocated(__real_strndup(text, length));
}

void __real_free(void *memory);
void __wrap_free(void *memory);

void
__wrap_free(void *memory)
{
	test_allocations -= memory != NULL;
	__real_free(memory);
}
