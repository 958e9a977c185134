/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define STAY ",stay"
#define ELLIPSIS "\u2026"
#define OPENS 3

/* A text that may be a secret, as its first two characters and an ellipsis. */
static void
mask(const char *text, char masked[8])
{
	size_t n = 0;

	for (; n < 2 && text[n] != '\0'; n++)
		masked[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	memcpy(masked + n, ELLIPSIS, sizeof(ELLIPSIS));
}

static int
keep_token(struct vftoken_source *source, struct vftoken_store *store, const uuid_t token,
	   const struct vftoken_subject *subject)
{
	const int ret = vftoken_store_put(store, token, &source->slot);

	return ret == 0 ? 0 : vftoken_refuse_of(subject, ret, MSG(store_failed), strerror(-ret));
}

static int
parse_fd(struct vftoken_source *source, const char *text, const struct vftoken_subject *subject)
{
	const char *digits = text + strlen("fd:");
	char masked[8];
	char *end;
	long fd;

	errno = 0;
	fd = strtol(digits, &end, 10);
	if (!isdigit((unsigned char)digits[0]) || *end != '\0' || errno != 0 || fd > INT_MAX) {
		mask(digits, masked);
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_fd_number), masked);
	}
	if (fcntl((int)fd, F_GETFD) < 0)
		return vftoken_refuse_of(subject, -EBADF, MSG(source_fd_closed), text, digits);
	source->fd = (int)fd;
	return 0;
}

/* Letters that aren't all hex digits can't be a part of a mistyped UUID, so they may be shown. */
static bool
is_word(const char *text, size_t length)
{
	bool hex = true;
	size_t i;

	for (i = 0; i < length; i++) {
		if (!isalpha((unsigned char)text[i]))
			return false;
		hex &= isxdigit((unsigned char)text[i]) != 0;
	}
	return !hex;
}

static int
parse_literal(struct vftoken_source *source, struct vftoken_store *store, const char *text,
	      const char *masked, const struct vftoken_subject *subject)
{
	const char *colon = strchr(text, ':');
	uuid_t token;
	int ret;

	if (colon != NULL && is_word(text, (size_t)(colon - text)))
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_scheme), (int)(colon - text),
					 text);
	if (colon != NULL)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_scheme_masked), masked);
	ret = vftoken_parse_uuid(text, masked, token, subject);
	if (ret < 0)
		return ret;
	ret = keep_token(source, store, token, subject);
	explicit_bzero(token, sizeof(token));
	return ret;
}

/* The end of an env: source's name: its ",stay", or the end of the text. */
static const char *
stay_suffix(const char *text)
{
	const size_t length = strlen(text), stay = strlen(STAY);

	return length > stay && strcmp(text + length - stay, STAY) == 0 ? text + length - stay
									: text + length;
}

int
vftoken_source_parse(struct vftoken_source *source, struct vftoken_store *store, const char *text,
		     const struct vftoken_subject *subject)
{
	struct vftoken_source parsed = { .kind = VFTOKEN_SOURCE_KEPT, .slot = VFTOKEN_STORE_NONE };
	char masked[8];
	int ret = 0;

	mask(text, masked);
	if (text[0] == '\0')
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_missing));
	if (strlen(text) >= PATH_MAX)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_length), masked, strlen(text),
					 PATH_MAX - 1);
	if (strcmp(text, "file:") == 0)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_no_file), text);
	if (strcmp(text, "env:") == 0 || strcmp(text, "env:" STAY) == 0)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_no_variable), text);
	if (strncmp(text, "env:", 4) == 0 && strchr(text, '=') != NULL)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_variable_equals));

	if (strncmp(text, "file:", 5) == 0)
		parsed.kind = VFTOKEN_SOURCE_FILE;
	else if (strncmp(text, "env:", 4) == 0)
		parsed.kind = VFTOKEN_SOURCE_ENV;
	else if (strncmp(text, "fd:", 3) == 0)
		parsed.kind = VFTOKEN_SOURCE_FD;

	parsed.shown = strdup(parsed.kind == VFTOKEN_SOURCE_KEPT ? masked : text);
	if (parsed.shown == NULL)
		return vftoken_refuse_of(subject, -ENOMEM, MSG(out_of_memory));
	if (parsed.kind == VFTOKEN_SOURCE_FD)
		ret = parse_fd(&parsed, text, subject);
	else if (parsed.kind == VFTOKEN_SOURCE_KEPT)
		ret = parse_literal(&parsed, store, text, masked, subject);
	if (ret < 0)
		vftoken_source_free(&parsed);
	else
		*source = parsed;
	return ret;
}

static int
check_file(int fd, const char *shown, const struct vftoken_subject *subject, bool *readable)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vftoken_refuse_of(subject, -errno, MSG(source_unreadable), shown,
					 strerror(errno));
	if (S_ISDIR(st.st_mode))
		return vftoken_refuse_of(subject, -EISDIR, MSG(source_directory), shown);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return 0;
	/* Without a name it is out of others' reach, whatever its mode: a memfd's is 0777. */
	if (st.st_nlink == 0)
		return 0;
	if (st.st_mode & 0022)
		return vftoken_refuse_of(subject, -EPERM, MSG(source_writable), shown);
	*readable = (st.st_mode & 0004) != 0;
	return 0;
}

static int
milliseconds_left(const struct timespec *start)
{
	struct timespec now;
	long passed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
	return passed < VFTOKEN_SOURCE_WAIT_MS ? (int)(VFTOKEN_SOURCE_WAIT_MS - passed) : 0;
}

/* Read to the end, or one byte more than allowed, and wait VFTOKEN_SOURCE_WAIT_MS at most. */
static ssize_t
read_all(int fd, const char *shown, char text[VFTOKEN_SOURCE_MAX + 1],
	 const struct vftoken_subject *subject)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct timespec start;
	size_t length = 0;
	ssize_t n = 1;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (n != 0 && length <= VFTOKEN_SOURCE_MAX) {
		switch (poll(&ready, 1, milliseconds_left(&start))) {
		case 0:
			return vftoken_refuse_of(subject, -ETIMEDOUT, MSG(source_timeout), shown,
						 VFTOKEN_SOURCE_WAIT_MS / 1000);
		case -1:
			if (errno == EINTR)
				continue;
			return vftoken_refuse_of(subject, -errno, MSG(source_unpolled), shown,
						 strerror(errno));
		}
		n = read(fd, text + length, VFTOKEN_SOURCE_MAX + 1 - length);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return vftoken_refuse_of(subject, -errno, MSG(source_unreadable), shown,
						 strerror(errno));
		length += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)length;
}

static int
parse_text(char *text, size_t length, const char *shown, uuid_t token,
	   const struct vftoken_subject *subject)
{
	size_t i;

	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	while (length > 0 && isspace((unsigned char)text[0])) {
		text++;
		length--;
	}
	for (i = 0; i < length; i++)
		if (!isprint((unsigned char)text[i]) && !isspace((unsigned char)text[i]))
			return vftoken_refuse_of(subject, -EINVAL, MSG(source_binary), shown);
	text[length] = '\0';
	return vftoken_parse_uuid(text, shown, token, subject);
}

static int
read_fd(int fd, const char *shown, uuid_t token, const struct vftoken_subject *subject)
{
	char text[VFTOKEN_SOURCE_MAX + 1];
	bool readable = false;
	ssize_t length;
	int ret;

	ret = check_file(fd, shown, subject, &readable);
	if (ret < 0)
		return ret;
	length = read_all(fd, shown, text, subject);
	if (length < 0)
		ret = (int)length;
	else if (length > VFTOKEN_SOURCE_MAX)
		ret = vftoken_refuse_of(subject, -EFBIG, MSG(source_too_long), shown,
					VFTOKEN_SOURCE_MAX);
	else
		ret = parse_text(text, (size_t)length, shown, token, subject);
	explicit_bzero(text, sizeof(text));
	if (ret == 0 && readable)
		vftoken_say_of(subject, MSG(source_readable), shown);
	return ret;
}

static int
read_file(const char *shown, uuid_t token, const struct vftoken_subject *subject)
{
	unsigned int tries = 0;
	int fd, ret;

	/*
	 * A path through a link that is being swapped, as Kubernetes does, may lead nowhere for a
	 * moment. Without O_NONBLOCK, the open of a FIFO waits for a writer.
	 */
	do
		fd = open(shown + strlen("file:"), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == ENOENT && ++tries < OPENS);
	if (fd < 0)
		return vftoken_refuse_of(subject, -errno, MSG(source_unopened), shown,
					 strerror(errno));
	ret = read_fd(fd, shown, token, subject);
	close(fd);
	return ret;
}

static int
read_kept(const struct vftoken_source *source, const struct vftoken_store *store, uuid_t token,
	  const struct vftoken_subject *subject)
{
	if (vftoken_store_get(store, source->slot, token) < 0)
		return vftoken_refuse_of(subject, -EIO, MSG(store_unreadable));
	return 0;
}

/* What is set now counts; what was set and taken out before, only while nothing is. */
static int
read_env(struct vftoken_source *source, struct vftoken_store *store, uuid_t token,
	 const struct vftoken_subject *subject)
{
	const char *end = stay_suffix(source->shown);
	char *name, *text;
	bool take_out;
	int ret;

	name = strndup(source->shown + strlen("env:"),
		       (size_t)(end - source->shown) - strlen("env:"));
	if (name == NULL)
		return vftoken_refuse_of(subject, -ENOMEM, MSG(out_of_memory));
	text = getenv(name);
	if (text != NULL)
		ret = vftoken_parse_uuid(text, source->shown, token, subject);
	else if (source->slot != VFTOKEN_STORE_NONE)
		ret = read_kept(source, store, token, subject);
	else
		ret = vftoken_refuse_of(subject, -ENOENT, MSG(source_unset), source->shown);
	take_out = ret == 0 && text != NULL && *end == '\0';
	if (take_out)
		ret = keep_token(source, store, token, subject);
	if (take_out && ret == 0) {
		/* It is on the stack that the kernel made, where unsetenv() would leave it. */
		explicit_bzero(text, strlen(text));
		unsetenv(name);
	}
	free(name);
	return ret;
}

static int
read_fd_once(struct vftoken_source *source, struct vftoken_store *store, uuid_t token,
	     const struct vftoken_subject *subject)
{
	int ret;

	ret = read_fd(source->fd, source->shown, token, subject);
	if (ret < 0)
		return ret;
	ret = keep_token(source, store, token, subject);
	if (ret < 0)
		return ret;
	close(source->fd);
	source->kind = VFTOKEN_SOURCE_KEPT;
	return 0;
}

int
vftoken_source_read(struct vftoken_source *source, struct vftoken_store *store, uuid_t token,
		    const struct vftoken_subject *subject)
{
	uuid_t read;
	int ret = -EINVAL;

	switch (source->kind) {
	case VFTOKEN_SOURCE_KEPT:
		ret = read_kept(source, store, read, subject);
		break;
	case VFTOKEN_SOURCE_FILE:
		ret = read_file(source->shown, read, subject);
		break;
	case VFTOKEN_SOURCE_ENV:
		ret = read_env(source, store, read, subject);
		break;
	case VFTOKEN_SOURCE_FD:
		ret = read_fd_once(source, store, read, subject);
		break;
	}
	if (ret == 0)
		uuid_copy(token, read);
	explicit_bzero(read, sizeof(read));
	return ret;
}

const char *
vftoken_source_kind(const struct vftoken_source *source)
{
	/* What came from an fd is kept as a literal is. */
	if (strncmp(source->shown, "fd:", 3) == 0)
		return "fd";
	switch (source->kind) {
	case VFTOKEN_SOURCE_FILE:
		return "file";
	case VFTOKEN_SOURCE_ENV:
		return "env";
	default:
		return "literal";
	}
}

void
vftoken_source_free(struct vftoken_source *source)
{
	free(source->shown);
	source->shown = NULL;
}
