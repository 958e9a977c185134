/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "test_util.h"

#define NOBODY 65534

struct test_message test_messages[TEST_MESSAGES];
unsigned int test_n_messages;

static char folder[PATH_MAX];
static int folder_before = -1;
static unsigned int fds_before;

int
test_setup(void **state)
{
	const char *parent = getenv("TMPDIR");

	(void)state;
	test_n_messages = 0;
	test_wraps_reset();
	umask(022);
	snprintf(folder, sizeof(folder), "%s/vftoken-test-XXXXXX",
		 parent != NULL ? parent : "/tmp");
	folder_before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder_before < 0 || mkdtemp(folder) == NULL || chmod(folder, 0755) < 0)
		return -1;
	fds_before = test_open_fds();
	return chdir(folder);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
test_teardown(void **state)
{
	(void)state;
	test_wraps_reset();
	test_become_root();
	assert_int_equal(test_open_fds(), fds_before);
	if (fchdir(folder_before) < 0)
		return -1;
	close(folder_before);
	return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static bool
shows(const char *message, const char *part, size_t length)
{
	for (; *message != '\0'; message++)
		if (strncasecmp(message, part, length) == 0)
			return true;
	return false;
}

/* Three characters of the start are too many; so are four of any other part. */
static void
assert_not_shown(const char *message, const char *secret)
{
	const size_t length = strlen(secret);
	size_t i;

	for (i = 0; i + 3 < length; i++)
		if (shows(message, secret + i, i == 0 ? 3 : 4))
			fail_msg("message shows part of %s: %s", secret, message);
}

void
test_assert_no_secret(const char *message)
{
	assert_not_shown(message, TOKEN_A);
	assert_not_shown(message, TOKEN_B);
}

static void
capture(enum vftoken_log_level level, const char *id, const char *text, void *opaque)
{
	struct test_message *m = &test_messages[test_n_messages];

	assert_ptr_equal(opaque, test_messages);
	assert_in_range(test_n_messages, 0, TEST_MESSAGES - 1);
	test_assert_no_secret(text);
	assert_null(strpbrk(text, "\r\n"));
	m->level = level;
	snprintf(m->id, sizeof(m->id), "%s", id);
	snprintf(m->text, sizeof(m->text), "%s", text);
	test_n_messages++;
}

struct vftoken_context *
test_context(void)
{
	struct vftoken_context *ctx = vftoken_context_create();

	assert_non_null(ctx);
	vftoken_context_set_log(ctx, capture, test_messages);
	vftoken_context_set_sysfs(ctx, TEST_DEVICES);
	return ctx;
}

void
test_assert_message(unsigned int n, const struct test_said *said)
{
	static const enum vftoken_log_level levels[] = {
#define MESSAGE(id, level, text, cause, remedy) VFTOKEN_LOG_##level,
#include "messages.def"
#undef MESSAGE
	};
	const char *const *argument = said->arguments;
	const struct test_message *m = &test_messages[n];
	const char *rest = m->text;

	if (n >= test_n_messages)
		fail_msg("expected %s, but no message", said->id);
	if (strcmp(m->id, said->id) != 0)
		fail_msg("expected %s, not %s: %s", said->id, m->id, m->text);
	assert_int_equal(m->level, levels[said->number]);
	for (; *argument != NULL; argument++) {
		const char *found = strstr(rest, *argument);

		if (found == NULL)
			fail_msg("%s should have '%s': %s", m->id, *argument, m->text);
		rest = found + strlen(*argument);
	}
}

void
test_assert_all_said(const struct test_said *said, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && said[i].id != NULL; i++)
		test_assert_message(i, &said[i]);
	if (test_n_messages > i)
		fail_msg("unexpected message: %s", test_messages[i].text);
	test_n_messages = 0;
}

void
test_assert_said(const struct test_said *said)
{
	test_assert_all_said(said, 1);
}

struct vftoken_rule *
test_find_rule(const struct vftoken_context *ctx, const char *bdf)
{
	uint64_t key = VFTOKEN_KEY_NONE;

	if (bdf != NULL)
		assert_int_equal(vftoken_parse_key(bdf, &key), 0);
	return vftoken_find_rule(ctx, key, VFTOKEN_KEY_NONE);
}

/* As the library calls it. */
int
test_read_rule(struct vftoken_context *ctx, struct vftoken_rule *rule,
	       const struct vftoken_subject *subject, uuid_t token)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = vftoken_read_rule(ctx, rule, subject, token);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

int
test_read_source(struct vftoken_context *ctx, struct vftoken_source *source, uuid_t token,
		 const struct vftoken_subject *subject)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = vftoken_source_read(ctx, source, token, subject);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

void
test_assert_token(struct vftoken_context *ctx, const char *bdf, const char *text)
{
	const struct vftoken_subject subject = { .ctx = ctx };
	struct vftoken_rule *rule = test_find_rule(ctx, bdf);
	const unsigned int n = test_n_messages;
	uuid_t token, expected_token;

	assert_non_null(rule);
	assert_int_equal(test_read_rule(ctx, rule, &subject, token), 0);
	assert_int_equal(uuid_parse(text, expected_token), 0);
	assert_memory_equal(token, expected_token, sizeof(uuid_t));
	assert_int_equal(test_n_messages, n);
}

void
test_refuse_token(struct vftoken_context *ctx, const char *bdf, int ret)
{
	const struct vftoken_subject subject = { .ctx = ctx };
	uuid_t token, before;

	memset(token, 0xa5, sizeof(token));
	uuid_copy(before, token);
	assert_int_equal(test_read_rule(ctx, test_find_rule(ctx, bdf), &subject, token), ret);
	assert_memory_equal(token, before, sizeof(token));
}

void
test_write(const char *path, const char *text, size_t length, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

void
test_write_text(const char *path, const char *text)
{
	test_write(path, text, strlen(text), 0600);
}

void
test_assert_file(const char *path, const char *expected)
{
	char text[64];
	const int fd = open(path, O_RDONLY);
	const ssize_t length = read(fd, text, sizeof(text) - 1);

	close(fd);
	assert_true(length >= 0);
	text[length] = '\0';
	assert_string_equal(text, expected);
}

int
test_fact(struct vftoken_fact fact)
{
	if (fact.answer == VFTOKEN_UNKNOWN)
		return fact.why;
	assert_int_equal(fact.why, 0);
	return fact.answer == VFTOKEN_YES;
}

static unsigned int
count_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

unsigned int
test_open_fds(void)
{
	return count_entries("/proc/self/fd");
}

unsigned int
test_threads(void)
{
	/* Without . and .. */
	return count_entries("/proc/self/task") - 2;
}

void
test_assert_opened(int fd, const char *path)
{
	struct stat opened, expected;

	assert_int_equal(fstat(fd, &opened), 0);
	assert_int_equal(stat(path, &expected), 0);
	assert_int_equal(opened.st_ino, expected.st_ino);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int
test_pipe(const char *text)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
	close(fds[1]);
	return fds[0];
}

static struct {
	pthread_t thread;
	char path[32];
	char text[64];
	unsigned int milliseconds;
} late;

static void *
write_late(void *opaque)
{
	int fd;

	(void)opaque;
	usleep(late.milliseconds * 1000);
	fd = open(late.path, O_WRONLY);
	if (write(fd, late.text, strlen(late.text)) < 0)
		perror("late write");
	close(fd);
	return NULL;
}

void
test_write_late(const char *path, const char *text, unsigned int milliseconds)
{
	snprintf(late.path, sizeof(late.path), "%s", path);
	snprintf(late.text, sizeof(late.text), "%s", text);
	late.milliseconds = milliseconds;
	assert_int_equal(pthread_create(&late.thread, NULL, write_late, NULL), 0);
}

void
test_join_late(void)
{
	assert_int_equal(pthread_join(late.thread, NULL), 0);
}

bool
test_become_nobody(void)
{
	return geteuid() != 0 || seteuid(NOBODY) == 0;
}

void
test_become_root(void)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

void
test_device_link(const char *bdf, const char *name, const char *target)
{
	char path[128];

	snprintf(path, sizeof(path), TEST_DEVICES "/%s/%s", bdf, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

void
test_device_file(const char *bdf, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), TEST_DEVICES "/%s/%s", bdf, name);
	test_write(path, text, strlen(text), 0644);
}

void
test_device_make(const struct test_device *device)
{
	char path[128], vf[32];
	int i;

	mkdir(TEST_DEVICES, 0755);
	snprintf(path, sizeof(path), TEST_DEVICES "/%s", device->bdf);
	assert_int_equal(mkdir(path, 0755), 0);
	if (device->driver != NULL) {
		snprintf(path, sizeof(path), "../../../bus/pci/drivers/%s", device->driver);
		test_device_link(device->bdf, "driver", path);
	}
	if (device->pf != NULL) {
		snprintf(path, sizeof(path), "../%s", device->pf);
		test_device_link(device->bdf, "physfn", path);
	}
	if (device->totalvfs != NULL)
		test_device_file(device->bdf, "sriov_totalvfs", device->totalvfs);
	if (device->numvfs != NULL)
		test_device_file(device->bdf, "sriov_numvfs", device->numvfs);
	/* Far from all devices of the tests, so that none is a VF that is coming or going. */
	if (device->totalvfs != NULL) {
		test_device_file(device->bdf, "sriov_offset", "32768\n");
		test_device_file(device->bdf, "sriov_stride", "1\n");
	}
	for (i = 0; device->numvfs != NULL && i < atoi(device->numvfs); i++) {
		snprintf(path, sizeof(path), "virtfn%d", i);
		snprintf(vf, sizeof(vf), "../0000:ff:%02x.%x", i >> 3, i & 7);
		test_device_link(device->bdf, path, vf);
	}
}

void
test_open_device(struct vftoken_context *ctx, const char *bdf, int fd)
{
	const struct test_answer opened[] = { { .ret = fd } };

	test_answer(opened, 1);
	assert_int_equal(vftoken_open(ctx, GROUP_FD, bdf), fd);
	test_n_messages = 0;
}

int
test_provide_none(const char *name, void *opaque)
{
	(void)name;
	(void)opaque;
	return -ENOKEY;
}
