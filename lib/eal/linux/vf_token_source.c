/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vf_token_hex.h"
#include "vf_token_source.h"

#define UUID_CHARS (UUID_STR_LEN - 1)
#define SOURCES "a UUID, file:PATH, env:NAME or fd:N"
#define STAY ",stay"
#define ELLIPSIS "\u2026"
#define OPENS 3

static bool
is_hyphen(int i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int fail(int err, char why[VFTOKEN_WHY_SIZE], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int
fail(int err, char why[VFTOKEN_WHY_SIZE], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, VFTOKEN_WHY_SIZE, format, ap);
	va_end(ap);
	return -err;
}

/* A text that may be a secret, as its first two characters and an ellipsis. */
static void
mask(const char *text, char masked[8])
{
	size_t n = 0;

	for (; n < 2 && text[n] != '\0'; n++)
		masked[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	memcpy(masked + n, ELLIPSIS, sizeof(ELLIPSIS));
}

/* Read the bytes of a text of a UUID's length, up to the first wrong character; where that is. */
static int
parse_bytes(const char *text, uuid_t token)
{
	size_t n;
	int i = 0;

	for (n = 0; n < sizeof(uuid_t); n++, i += 2) {
		int byte;

		if (is_hyphen(i) && text[i++] != '-')
			return i - 1;
		byte = vftoken_hex_pair(text + i);
		if (byte < 0)
			return vftoken_hex_digit(text[i]) < 0 ? i : i + 1;
		token[n] = (unsigned char)byte;
	}
	return i;
}

static int
parse_uuid(const char *text, const char *shown, uuid_t token, char why[VFTOKEN_WHY_SIZE])
{
	const size_t length = strlen(text);
	uuid_t parsed;
	int wrong, ret = 0;

	if (length == 0)
		return fail(EINVAL, why, "%s is empty", shown);
	if (text[0] == '{' || text[length - 1] == '}')
		return fail(EINVAL, why, "%s has braces; write the UUID without them", shown);
	if (length != UUID_CHARS)
		return fail(EINVAL, why, "%s has %zu characters; a UUID has %d", shown, length,
			    UUID_CHARS);
	wrong = parse_bytes(text, parsed);
	if (wrong < UUID_CHARS)
		ret = fail(EINVAL, why, "%s isn't a UUID: character %d %s", shown, wrong + 1,
			   is_hyphen(wrong) ? "must be '-'" : "isn't a hex digit");
	else if (uuid_is_null(parsed))
		ret = fail(EINVAL, why,
			   "%s is the nil UUID, which is no secret; make one with uuidgen", shown);
	else
		uuid_copy(token, parsed);
	explicit_bzero(parsed, sizeof(parsed));
	return ret;
}

static int
keep_token(struct vftoken_source *source, struct vftoken_vault *vault, const uuid_t token,
	   char why[VFTOKEN_WHY_SIZE])
{
	const int ret = vftoken_vault_put(vault, token, &source->slot);

	return ret == 0 ? 0
			: fail(-ret, why, "a memory file for the token can't be made: %s",
			       strerror(-ret));
}

static int
parse_fd(struct vftoken_source *source, const char *text, char why[VFTOKEN_WHY_SIZE])
{
	const char *digits = text + strlen("fd:");
	char masked[8];
	char *end;
	long fd;

	errno = 0;
	fd = strtol(digits, &end, 10);
	if (!isdigit((unsigned char)digits[0]) || *end != '\0' || errno != 0 || fd > INT_MAX) {
		mask(digits, masked);
		return fail(EINVAL, why, "fd:%s isn't the number of a file descriptor", masked);
	}
	if (fcntl((int)fd, F_GETFD) < 0)
		return fail(EBADF, why,
			    "%s isn't open in this process; open it for the command (%s<FILE)",
			    text, digits);
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
parse_literal(struct vftoken_source *source, struct vftoken_vault *vault, const char *text,
	      const char *masked, char why[VFTOKEN_WHY_SIZE])
{
	const char *colon = strchr(text, ':');
	uuid_t token;
	int ret;

	if (colon != NULL && is_word(text, (size_t)(colon - text)))
		return fail(EINVAL, why, "%.*s: is an unknown source scheme; use " SOURCES,
			    (int)(colon - text), text);
	if (colon != NULL)
		return fail(EINVAL, why, "%s has an unknown source scheme; use " SOURCES, masked);
	ret = parse_uuid(text, masked, token, why);
	if (ret < 0)
		return ret;
	ret = keep_token(source, vault, token, why);
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
vftoken_source_parse(struct vftoken_source *source, struct vftoken_vault *vault, const char *text,
		     char why[VFTOKEN_WHY_SIZE])
{
	struct vftoken_source parsed = { .kind = VFTOKEN_SOURCE_KEPT, .slot = VFTOKEN_VAULT_NONE };
	char masked[8];
	int ret = 0;

	mask(text, masked);
	if (text[0] == '\0')
		return fail(EINVAL, why, "the token's source is empty; use " SOURCES);
	if (strlen(text) >= PATH_MAX)
		return fail(EINVAL, why, "%s has %zu characters; a source has at most %d", masked,
			    strlen(text), PATH_MAX - 1);
	if (strcmp(text, "file:") == 0)
		return fail(EINVAL, why, "%s names no file", text);
	if (strcmp(text, "env:") == 0 || strcmp(text, "env:" STAY) == 0)
		return fail(EINVAL, why, "%s names no environment variable", text);
	if (strncmp(text, "env:", 4) == 0 && strchr(text, '=') != NULL)
		return fail(EINVAL, why, "env: takes a variable's name, which can't hold a '='");

	if (strncmp(text, "file:", 5) == 0)
		parsed.kind = VFTOKEN_SOURCE_FILE;
	else if (strncmp(text, "env:", 4) == 0)
		parsed.kind = VFTOKEN_SOURCE_ENV;
	else if (strncmp(text, "fd:", 3) == 0)
		parsed.kind = VFTOKEN_SOURCE_FD;

	parsed.shown = strdup(parsed.kind == VFTOKEN_SOURCE_KEPT ? masked : text);
	if (parsed.shown == NULL)
		return fail(ENOMEM, why, "out of memory");
	if (parsed.kind == VFTOKEN_SOURCE_FD)
		ret = parse_fd(&parsed, text, why);
	else if (parsed.kind == VFTOKEN_SOURCE_KEPT)
		ret = parse_literal(&parsed, vault, text, masked, why);
	if (ret < 0)
		vftoken_source_free(&parsed);
	else
		*source = parsed;
	return ret;
}

static int
check_file(int fd, const char *shown, char why[VFTOKEN_WHY_SIZE])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(errno, why, "%s can't be read: %s", shown, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail(EISDIR, why, "%s is a directory; name a file", shown);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return 0;
	/* Without a name it is out of others' reach, whatever its mode: a memfd's is 0777. */
	if (st.st_nlink == 0)
		return 0;
	if (st.st_mode & 0022)
		return fail(EPERM, why, "%s may be written by others than its owner; chmod 600 it",
			    shown);
	if (st.st_mode & 0004)
		fail(0, why,
		     "%s may be read by everybody on this machine; chmod 600 it if it can be",
		     shown);
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

/* Read to the end, or one byte more than allowed, and never wait for ever. */
static ssize_t
read_all(int fd, const char *shown, char text[VFTOKEN_SOURCE_MAX + 1], char why[VFTOKEN_WHY_SIZE])
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct timespec start;
	size_t length = 0;
	ssize_t n = 1;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (n != 0 && length <= VFTOKEN_SOURCE_MAX) {
		switch (poll(&ready, 1, milliseconds_left(&start))) {
		case 0:
			return fail(ETIMEDOUT, why,
				    "%s: no writer wrote and closed it within %d seconds", shown,
				    VFTOKEN_SOURCE_WAIT_MS / 1000);
		case -1:
			if (errno == EINTR)
				continue;
			return fail(errno, why, "%s can't be waited for: %s", shown,
				    strerror(errno));
		}
		n = read(fd, text + length, VFTOKEN_SOURCE_MAX + 1 - length);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail(errno, why, "%s can't be read: %s", shown, strerror(errno));
		length += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)length;
}

static int
parse_text(char *text, size_t length, const char *shown, uuid_t token, char why[VFTOKEN_WHY_SIZE])
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
			return fail(EINVAL, why,
				    "%s holds binary data; it must hold one UUID as text", shown);
	text[length] = '\0';
	return parse_uuid(text, shown, token, why);
}

static int
read_fd(int fd, const char *shown, uuid_t token, char why[VFTOKEN_WHY_SIZE])
{
	char text[VFTOKEN_SOURCE_MAX + 1];
	ssize_t length;
	int ret;

	ret = check_file(fd, shown, why);
	if (ret < 0)
		return ret;
	length = read_all(fd, shown, text, why);
	if (length < 0)
		ret = (int)length;
	else if (length > VFTOKEN_SOURCE_MAX)
		ret = fail(EFBIG, why, "%s is longer than %d bytes; it must hold one UUID", shown,
			   VFTOKEN_SOURCE_MAX);
	else
		ret = parse_text(text, (size_t)length, shown, token, why);
	explicit_bzero(text, sizeof(text));
	return ret;
}

static int
read_file(const char *shown, uuid_t token, char why[VFTOKEN_WHY_SIZE])
{
	unsigned int tries = 0;
	int fd, ret;

	/*
	 * A path through a link that is being swapped, as Kubernetes does, may lead nowhere for a
	 * moment. Without O_NONBLOCK, a FIFO that nobody writes would hold the open for ever.
	 */
	do
		fd = open(shown + strlen("file:"),
			  O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == ENOENT && ++tries < OPENS);
	if (fd < 0)
		return fail(errno, why, "%s can't be opened: %s", shown, strerror(errno));
	ret = read_fd(fd, shown, token, why);
	close(fd);
	return ret;
}

static int
read_kept(const struct vftoken_source *source, const struct vftoken_vault *vault, uuid_t token,
	  char why[VFTOKEN_WHY_SIZE])
{
	if (vftoken_vault_get(vault, source->slot, token) < 0)
		return fail(EIO, why, "the memory file that keeps the token can't be read");
	return 0;
}

/* What is set now counts; what was set and taken out before, only while nothing is. */
static int
read_env(struct vftoken_source *source, struct vftoken_vault *vault, uuid_t token,
	 char why[VFTOKEN_WHY_SIZE])
{
	const char *end = stay_suffix(source->shown);
	char *name, *text;
	bool take_out;
	int ret;

	name = strndup(source->shown + strlen("env:"),
		       (size_t)(end - source->shown) - strlen("env:"));
	if (name == NULL)
		return fail(ENOMEM, why, "out of memory");
	text = getenv(name);
	if (text != NULL)
		ret = parse_uuid(text, source->shown, token, why);
	else if (source->slot != VFTOKEN_VAULT_NONE)
		ret = read_kept(source, vault, token, why);
	else
		ret = fail(ENOENT, why, "%s isn't set in this process's environment; export it",
			   source->shown);
	take_out = ret == 0 && text != NULL && *end == '\0';
	if (take_out)
		ret = keep_token(source, vault, token, why);
	if (take_out && ret == 0) {
		/* It is on the stack that the kernel made, where unsetenv() would leave it. */
		explicit_bzero(text, strlen(text));
		unsetenv(name);
	}
	free(name);
	return ret;
}

static int
read_fd_once(struct vftoken_source *source, struct vftoken_vault *vault, uuid_t token,
	     char why[VFTOKEN_WHY_SIZE])
{
	int ret;

	ret = read_fd(source->fd, source->shown, token, why);
	if (ret < 0)
		return ret;
	ret = keep_token(source, vault, token, why);
	if (ret < 0)
		return ret;
	close(source->fd);
	source->kind = VFTOKEN_SOURCE_KEPT;
	return 0;
}

int
vftoken_source_read(struct vftoken_source *source, struct vftoken_vault *vault, uuid_t token,
		    char why[VFTOKEN_WHY_SIZE])
{
	uuid_t read;
	int ret = -EINVAL;

	why[0] = '\0';
	switch (source->kind) {
	case VFTOKEN_SOURCE_KEPT:
		ret = read_kept(source, vault, read, why);
		break;
	case VFTOKEN_SOURCE_FILE:
		ret = read_file(source->shown, read, why);
		break;
	case VFTOKEN_SOURCE_ENV:
		ret = read_env(source, vault, read, why);
		break;
	case VFTOKEN_SOURCE_FD:
		ret = read_fd_once(source, vault, read, why);
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
