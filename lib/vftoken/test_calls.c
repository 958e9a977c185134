/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test_util.h"

struct test_calls test_calls;
_Atomic bool test_read_again;
_Atomic long test_allocations;

bool
test_call_fails(enum test_call call)
{
	unsigned int n;

	if (!test_calls.on)
		return false;
	n = test_calls.n++;
	if (n < TEST_DIM(test_calls.made))
		test_calls.made[n] = call;
	if (n + 1 != test_calls.failing)
		return false;
	errno = test_calls.err;
	return true;
}

/* These come before the C library's by their names alone, as open() in test_wrap.c. */

int
access(const char *path, int mode)
{
	return test_call_fails(TEST_CALL_access) ? -1 : faccessat(AT_FDCWD, path, mode, 0);
}

int
fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return test_call_fails(TEST_CALL_fcntl) ? -1 : (int)syscall(SYS_fcntl, fd, command, arg);
}

int
fstat(int fd, struct stat *st)
{
	return test_call_fails(TEST_CALL_fstat) ? -1 : fstatat(fd, "", st, AT_EMPTY_PATH);
}

int
ftruncate(int fd, off_t size)
{
	return test_call_fails(TEST_CALL_ftruncate) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int
lstat(const char *path, struct stat *st)
{
	return test_call_fails(TEST_CALL_lstat) ? -1
						: fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int
memfd_create(const char *name, unsigned int flags)
{
	return test_call_fails(TEST_CALL_memfd_create)
		       ? -1
		       : (int)syscall(SYS_memfd_create, name, flags);
}

ssize_t
pread(int fd, void *to, size_t size, off_t offset)
{
	const struct iovec vector = { to, size };

	return test_call_fails(TEST_CALL_pread) ? -1 : preadv(fd, &vector, 1, offset);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *opaque);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *opaque);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
		      void *opaque)
{
	return test_call_fails(TEST_CALL_pthread_create)
		       ? errno
		       : __real_pthread_create(thread, attr, run, opaque);
}

ssize_t
pwrite(int fd, const void *from, size_t size, off_t offset)
{
	const struct iovec vector = { (void *)(uintptr_t)from, size };

	return test_call_fails(TEST_CALL_pwrite) ? -1 : pwritev(fd, &vector, 1, offset);
}

ssize_t
read(int fd, void *to, size_t size)
{
	const struct iovec vector = { to, size };

	if (test_read_again) {
		errno = EAGAIN;
		return -1;
	}
	return test_call_fails(TEST_CALL_read) ? -1 : readv(fd, &vector, 1);
}

ssize_t
readlink(const char *path, char *target, size_t size)
{
	return test_call_fails(TEST_CALL_readlink) ? -1 : readlinkat(AT_FDCWD, path, target, size);
}

ssize_t
write(int fd, const void *from, size_t size)
{
	const struct iovec vector = { (void *)(uintptr_t)from, size };

	return test_call_fails(TEST_CALL_write) ? -1 : writev(fd, &vector, 1);
}
