/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the unit tests of libvftoken share: a folder to work in and captured messages
 * (test_util.c), a kernel that answers by script and the failures that a healthy machine
 * doesn't show, by the linker's --wrap (test_wrap.c) or before the C library (test_calls.c),
 * and a search of the process's memory (test_memory.c).
 */

#ifndef VFTOKEN_TEST_UTIL_H
#define VFTOKEN_TEST_UTIL_H

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include <cmocka.h>
#include <uuid/uuid.h>

#include "info.h"
#include "private.h"

#define TEST_DIM(array) (sizeof(array) / sizeof((array)[0]))

/* Of an IOMMU group, in what opens a device. */
#define GROUP_FD 42

/* Tokens, the second one in another hex case; no message may show three characters of them. */
#define TOKEN_A "b671fd64-4c5d-491e-9eb8-da01ff1f3341"
#define TOKEN_B "C87A0E2D-93FE-4B66-ACD3-7E59BD8A6F12"

/* What a masked literal ends with. */
#define DOTS "\u2026"

/*
 * A folder of the test's own, which is the current one while the test runs, so that messages show
 * the same short paths everywhere. With it the messages, calls and failures of the last test go.
 */
int test_setup(void **state);
int test_teardown(void **state);

/* Messages. */

#define TEST_MESSAGES 8

struct test_message {
	enum vftoken_log_level level;
	char id[64];
	char text[VFTOKEN_MESSAGE_SIZE];
};

extern struct test_message test_messages[TEST_MESSAGES];
extern unsigned int test_n_messages;

/* Fail if a message shows a token, or three characters or more of one. */
void test_assert_no_secret(const char *message);

/* A context whose messages are captured, and which looks into TEST_DEVICES for sysfs. */
struct vftoken_context *test_context(void);

/* A message of the catalogue, and its arguments: texts that it must hold, in this order. */
struct test_said {
	const char *id; /* NULL for no message */
	enum vftoken_message number;
	const char *arguments[8];
};

#define SAID(id, ...) \
	{ \
#id, VFTOKEN_MESSAGE_##id, \
		{ \
			__VA_ARGS__ \
		} \
	}
#define SAID_NOTHING \
	{ \
		NULL, VFTOKEN_MESSAGES, \
		{ \
			NULL \
		} \
	}

/* Message n, from 0 on, since the last call of the next function is this one. */
void test_assert_message(unsigned int n, const struct test_said *said);

/* The messages since the last call are exactly these, up to n or the first that is nothing. */
void test_assert_all_said(const struct test_said *said, unsigned int n);

/* The messages since the last call are exactly this one, or none. */
void test_assert_said(const struct test_said *said);

/* test_said(no_device, "0000:01:00.0"): the only message since the last call. */
#define test_said(...) test_assert_said(&(const struct test_said)SAID(__VA_ARGS__))
#define test_said_nothing() test_assert_said(&(const struct test_said)SAID_NOTHING)

/* test_all_said(SAID(...), SAID(...)): the only messages since the last call. */
#define test_all_said(...) \
	test_assert_all_said((const struct test_said[TEST_MESSAGES]){ __VA_ARGS__ }, TEST_MESSAGES)

/* vftoken_read_rule() and vftoken_source_read() with the context's lock held, as they want it. */
int test_read_rule(struct vftoken_context *ctx, struct vftoken_rule *rule,
		   const struct vftoken_subject *subject, uuid_t token);
int test_read_source(struct vftoken_context *ctx, struct vftoken_source *source, uuid_t token,
		     const struct vftoken_subject *subject);

/* A rule is found for the device, and its token can be read without a warning. */
void test_assert_token(struct vftoken_context *ctx, const char *bdf, const char *token);

/* Fail unless reading a rule's token fails like this, and gives none. */
void test_refuse_token(struct vftoken_context *ctx, const char *bdf, int ret);

/* The rule that covers a device, whose PF is unknown; a bdf of NULL for the default. */
struct vftoken_rule *test_find_rule(const struct vftoken_context *ctx, const char *bdf);

/* Files. */

void test_write(const char *path, const char *text, size_t length, mode_t mode);
void test_write_text(const char *path, const char *text);

/* A short file holds exactly this text. */
void test_assert_file(const char *path, const char *expected);

/* A fact as a number: 1 for yes, 0 for no, or why it is unknown. */
int test_fact(struct vftoken_fact fact);

/* How many descriptors this process has open. */
unsigned int test_open_fds(void);

/* How many threads it has. */
unsigned int test_threads(void);

/* The descriptor is of this file, for reading and writing, and not for other programs. */
void test_assert_opened(int fd, const char *path);

/* A pipe's read end, into which the text was written; its write end is closed. */
int test_pipe(const char *text);

/* A thread of the test's own that opens a FIFO, writes and closes it after a while. */
void test_write_late(const char *path, const char *text, unsigned int milliseconds);
void test_join_late(void);

/* Take away root's right to read everything; false when that isn't possible here. */
bool test_become_nobody(void);
void test_become_root(void);

/* A PCI device as sysfs shows it; NULL or negative for what it hasn't. */
struct test_device {
	const char *bdf;
	const char *driver;
	const char *pf;
	const char *totalvfs;
	const char *numvfs;
};

/* Where test_device_make() makes its devices. */
#define TEST_DEVICES "devices"

void test_device_make(const struct test_device *device);

/* A file of a device. */
void test_device_file(const char *bdf, const char *name, const char *text);

/* A link among a device's files, such as virtfn0 or iommu_group. */
void test_device_link(const char *bdf, const char *name, const char *target);

/* Memory. */

/* False under a tool that keeps copies of its own. */
bool test_can_search_memory(void);

/*
 * Call a function on a stack of its own, where nothing is overwritten afterwards. It must not
 * assert.
 */
void test_call(void (*function)(void *opaque), void *opaque);

/*
 * How often a token or a part of it is in memory that is written, or in memory files: 8 or more of
 * its bytes, or 12 or more characters of its text in any case, in a row.
 */
unsigned int test_search_memory(const char *token);
unsigned int test_search_files(const char *token);

/* Whether they find it as often as this; else it is printed what is where. */
bool test_is_hidden(const char *token, unsigned int in_memory, unsigned int in_files,
		    const char *when);

/* Bytes kept in memory files of the library; -1 when there is none. */
long test_store_size(void);

/* The kernel. */

#define TEST_IOCTLS 6
#define TEST_IOCTL_BYTES 300

/*
 * One answer: a file descriptor or 0, or a negative errno value, and what is left in the data; of
 * VFIO_GROUP_GET_STATUS the data are the flags.
 */
struct test_answer {
	int ret;
	const void *data;
	size_t size;
};

struct test_ioctl {
	int fd;
	unsigned long request;
	uint8_t bytes[TEST_IOCTL_BYTES]; /* a text, or a whole vfio_device_feature */
	int number;                      /* a container's fd, or an IOMMU's type */
	char token[UUID_STR_LEN];        /* of a bind; empty for none */
};

extern struct test_ioctl test_ioctls[TEST_IOCTLS];
extern unsigned int test_n_ioctls;

/* What the next ioctls answer; one more than that fails the test. */
void test_answer(const struct test_answer *answers, unsigned int n);

/* Three answers: to a process that puts a group into a container. */
#define TEST_GROUP_OPENS \
	{ 0, &test_viable, sizeof(test_viable) }, { .ret = 0 }, \
	{ \
		.ret = 0 \
	}

extern const uint32_t test_viable;

/* Answers every ioctl instead of the script; it may be called from any thread. NULL for none. */
extern int (*test_kernel)(unsigned long request, void *arg);

/* A context opens a device, as this descriptor. The messages about it are forgotten. */
void test_open_device(struct vftoken_context *ctx, const char *bdf, int fd);

/* A token provider that has no rule for any device. */
int test_provide_none(const char *name, void *opaque);

/* Failures. Each is off by default. */

void test_wraps_reset(void);

/* From its second call on, the clock is an hour ahead. */
void test_clock_jumps(void);

/* The first call tells a time that is an hour ago. */
void test_clock_late(void);

/*
 * Opens of one path with one access mode: counted, and refused unless err is 0. With hang, they
 * wait for it, as on a file system that doesn't answer.
 */
struct test_watched_open {
	const char *path;
	int access; /* O_RDONLY, O_WRONLY or O_RDWR */
	int err;
	_Atomic unsigned int n;
};

extern struct test_watched_open test_watched_open;
extern sem_t *_Atomic test_open_hangs;
extern void (*test_opened)(void); /* called when such an open succeeds; NULL for nothing */

/* Called instead of a sleep, with the number of the sleep from 1 on; NULL for a true sleep. */
extern void (*test_sleep)(unsigned int n);
extern unsigned int test_slept_ms; /* what such sleeps would have taken */

/* The calls that may fail, of the library's and the test's own code. */
enum test_call {
	TEST_CALL_access,
	TEST_CALL_calloc,
	TEST_CALL_fcntl,
	TEST_CALL_fstat,
	TEST_CALL_ftruncate,
	TEST_CALL_ioctl,
	TEST_CALL_lstat,
	TEST_CALL_memfd_create,
	TEST_CALL_open,
	TEST_CALL_poll,
	TEST_CALL_pread,
	TEST_CALL_pthread_create,
	TEST_CALL_pwrite,
	TEST_CALL_read,
	TEST_CALL_readlink,
	TEST_CALL_realloc,
	TEST_CALL_strdup,
	TEST_CALL_strndup,
	TEST_CALL_write,
	TEST_CALLS,
};

/* They are counted while on is set. One of them fails: which, from 1 on; 0 for none. */
extern struct test_calls {
	bool on;
	unsigned int failing;
	int err;
	_Atomic unsigned int n;
	enum test_call made[64]; /* the first of them */
} test_calls;

/* For the calls themselves: whether this one fails, with errno set. */
bool test_call_fails(enum test_call call);

/* How many allocations that the library and the test made aren't freed. */
extern _Atomic long test_allocations;

extern _Atomic bool test_read_again;   /* read answers EAGAIN */
extern _Atomic bool test_poll_fails;   /* poll answers ENOMEM */
extern _Atomic int test_out_of_memory; /* which allocation fails, from 1 on; 0 for none */

#endif /* VFTOKEN_TEST_UTIL_H */
