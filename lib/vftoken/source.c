/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "private.h"

#define STAY ",stay"
#define ELLIPSIS "\u2026"

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
keep_token(struct vftoken_source *source, struct vftoken_store *store, const vftoken_uuid_t token,
	   const struct vftoken_subject *subject)
{
	const int ret = vftoken_store_put(store, token, &source->slot);

	if (ret == -ESTALE)
		return vftoken_refuse_of(subject, ret, MSG(store_gone));
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
	/* With zeros before it, a token of digits alone would be a number, too. */
	if (!isdigit((unsigned char)digits[0]) || *end != '\0' || errno != 0 || fd > INT_MAX ||
	    vftoken_secret_length(digits) > 0) {
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
	vftoken_uuid_t token;
	int ret;

	if (colon != NULL && is_word(text, (size_t)(colon - text)))
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_scheme), (int)(colon - text),
					 text);
	if (strchr(text, '/') != NULL)
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_path), masked);
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

/* Whether the token stands where its name should: a shell has expanded $TOKEN. */
static bool
is_token_after(const char *text, const char *scheme)
{
	const size_t length = strlen(scheme);

	return strncmp(text, scheme, length) == 0 && vftoken_secret_length(text + length) > 0 &&
	       text[length + vftoken_secret_length(text + length)] != '/';
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

	if (is_token_after(text, "file:") || is_token_after(text, "env:"))
		return vftoken_refuse_of(subject, -EINVAL, MSG(source_is_token),
					 (int)strcspn(text, ":"), text);

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
parse_text(char *text, size_t length, const char *shown, vftoken_uuid_t token,
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

/* Say why a file isn't read. */
static int
refuse_file(const struct vftoken_file *file, const char *shown,
	    const struct vftoken_subject *subject)
{
	const char *reason = strerror(file->err);
	const int err = -file->err;

	switch (file->fault) {
	case VFTOKEN_FILE_UNOPENED:
		return vftoken_refuse_of(subject, err, MSG(source_unopened), shown, reason);
	case VFTOKEN_FILE_UNPOLLED:
		return vftoken_refuse_of(subject, err, MSG(source_unpolled), shown, reason);
	case VFTOKEN_FILE_DIRECTORY:
		return vftoken_refuse_of(subject, err, MSG(source_directory), shown);
	case VFTOKEN_FILE_WRITABLE:
		return vftoken_refuse_of(subject, err, MSG(source_writable), shown);
	case VFTOKEN_FILE_OWNER:
		return vftoken_refuse_of(subject, err, MSG(source_owner), shown, file->owner);
	case VFTOKEN_FILE_LINK:
		return vftoken_refuse_of(subject, err, MSG(source_link_owner), shown, file->path,
					 file->owner);
	case VFTOKEN_FILE_TIMEOUT:
		return vftoken_refuse_of(subject, err, MSG(source_timeout), shown,
					 VFTOKEN_FILE_WAIT_MS / 1000);
	case VFTOKEN_FILE_LONG:
		return vftoken_refuse_of(subject, err, MSG(source_too_long), shown,
					 VFTOKEN_FILE_MAX);
	case VFTOKEN_FILE_MEMORY:
		return vftoken_refuse_of(subject, err, MSG(out_of_memory));
	default:
		return vftoken_refuse_of(subject, err, MSG(source_unreadable), shown, reason);
	}
}

/* Wait until no other thread reads the source. Who clears the context waits, too. */
static void
wait_for_reader(struct vftoken_context *ctx, const struct vftoken_source *source)
{
	if (!source->reading)
		return;
	ctx->waiting++;
	while (source->reading)
		vftoken_wait_for_change(ctx);
	ctx->waiting--;
	pthread_cond_broadcast(&ctx->changed);
}

/* Two readers of a FIFO would have a part each. Others may use the context meanwhile. */
static void
begin_file(struct vftoken_context *ctx, struct vftoken_source *source)
{
	wait_for_reader(ctx, source);
	source->reading = true;
	vftoken_begin_wait(ctx);
}

static void
end_file(struct vftoken_context *ctx, struct vftoken_source *source)
{
	vftoken_end_wait(ctx);
	source->reading = false;
}

/* Read a file by its path, or else the source's fd. A next token need not be there. */
static int
read_file(struct vftoken_context *ctx, struct vftoken_source *source, const char *shown,
	  vftoken_uuid_t token, const struct vftoken_subject *subject)
{
	const bool named = source->kind == VFTOKEN_SOURCE_FILE;
	struct vftoken_file file;
	int ret;

	begin_file(ctx, source);
	ret = vftoken_file_read(named ? shown + strlen("file:") : NULL, source->fd, &file);
	end_file(ctx, source);
	if (ret == -ENOENT && shown != source->shown)
		return ret;
	if (shown != source->shown)
		source->next = file.id;
	if (ret < 0)
		refuse_file(&file, shown, subject);
	else
		ret = parse_text(file.text, file.length, shown, token, subject);
	if (ret == 0 && file.readable)
		vftoken_say_of(subject, MSG(source_readable), shown);
	explicit_bzero(&file, sizeof(file));
	return ret;
}

static int
read_kept(const struct vftoken_source *source, const struct vftoken_store *store,
	  vftoken_uuid_t token, const struct vftoken_subject *subject)
{
	const int ret = vftoken_store_get(store, source->slot, token);

	if (ret == -ESTALE)
		return vftoken_refuse_of(subject, ret, MSG(store_gone));
	return ret == 0 ? 0 : vftoken_refuse_of(subject, ret, MSG(store_unreadable));
}

/*
 * Take a variable out of the environment. It is on the stack that the kernel made, where unsetenv()
 * would leave it, and may be there twice.
 */
static void
remove_variable(const char *name, const char *shown, const struct vftoken_subject *subject)
{
	const size_t length = strlen(name);
	bool stays = false;
	char **variable;

	for (variable = environ; *variable != NULL; variable++)
		if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
			stays |= vftoken_overwrite(*variable + length + 1) < 0;
	unsetenv(name);
	if (stays)
		vftoken_say_of(subject, MSG(source_constant), shown);
}

/*
 * A variable that is set is read, and kept. One that isn't was read before: its token was kept.
 */
static int
read_env(struct vftoken_source *source, struct vftoken_store *store, vftoken_uuid_t token,
	 const struct vftoken_subject *subject)
{
	const char *end = stay_suffix(source->shown);
	char *name, *text;
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
	if (ret == 0 && text != NULL && *end == '\0') {
		ret = keep_token(source, store, token, subject);
		if (ret == 0)
			remove_variable(name, source->shown, subject);
	}
	free(name);
	return ret;
}

/* A descriptor of stdin, stdout or stderr doesn't become free for a device. */
static void
close_source(int fd)
{
	const int null = fd <= STDERR_FILENO ? vftoken_fd_open("/dev/null", O_RDWR) : -1;

	if (null < 0) {
		close(fd);
		return;
	}
	dup2(null, fd);
	close(null);
}

static int
read_fd_once(struct vftoken_context *ctx, struct vftoken_source *source, vftoken_uuid_t token,
	     const struct vftoken_subject *subject)
{
	int ret;

	ret = read_file(ctx, source, source->shown, token, subject);
	if (ret == 0)
		ret = keep_token(source, &ctx->store, token, subject);
	if (ret < 0)
		return ret;
	close_source(source->fd);
	source->kind = VFTOKEN_SOURCE_KEPT;
	return 0;
}

int
vftoken_source_read(struct vftoken_context *ctx, struct vftoken_source *source,
		    vftoken_uuid_t token, const struct vftoken_subject *subject)
{
	vftoken_uuid_t read;
	int ret = -EINVAL;

	wait_for_reader(ctx, source);
	switch (source->kind) {
	case VFTOKEN_SOURCE_KEPT:
		ret = read_kept(source, &ctx->store, read, subject);
		break;
	case VFTOKEN_SOURCE_FILE:
		ret = read_file(ctx, source, source->shown, read, subject);
		break;
	case VFTOKEN_SOURCE_ENV:
		ret = read_env(source, &ctx->store, read, subject);
		break;
	case VFTOKEN_SOURCE_FD:
		ret = read_fd_once(ctx, source, read, subject);
		break;
	}
	if (ret == 0)
		memcpy(token, read, sizeof(vftoken_uuid_t));
	explicit_bzero(read, sizeof(read));
	return ret;
}

void
vftoken_source_next(const struct vftoken_source *source, char shown[VFTOKEN_NEXT_SIZE])
{
	snprintf(shown, VFTOKEN_NEXT_SIZE, "%s.next", source->shown);
}

int
vftoken_source_read_next(struct vftoken_context *ctx, struct vftoken_source *source,
			 vftoken_uuid_t token, const struct vftoken_subject *subject)
{
	char shown[VFTOKEN_NEXT_SIZE];
	vftoken_uuid_t read;
	int ret;

	if (source->kind != VFTOKEN_SOURCE_FILE)
		return -ENOENT;
	vftoken_source_next(source, shown);
	ret = read_file(ctx, source, shown, read, subject);
	if (ret == 0)
		memcpy(token, read, sizeof(vftoken_uuid_t));
	explicit_bzero(read, sizeof(read));
	return ret;
}

/* Rename the file that was read, unless somebody else has renamed or replaced it meanwhile. */
static int
rename_next(const struct vftoken_source *source, const char *next, const char *path)
{
	if (vftoken_file_is(path, &source->next))
		return -EALREADY;
	if (access(next, F_OK) == 0 && !vftoken_file_is(next, &source->next))
		return -ESTALE;
	return rename(next, path) < 0 ? -errno : 0;
}

int
vftoken_source_take_next(struct vftoken_context *ctx, struct vftoken_source *source)
{
	const char *path = source->shown + strlen("file:");
	char shown[VFTOKEN_NEXT_SIZE];
	const char *next = shown + strlen("file:");
	int ret;

	vftoken_source_next(source, shown);
	begin_file(ctx, source);
	ret = rename_next(source, next, path);
	end_file(ctx, source);
	if (ret == -ESTALE)
		return ret;
	if (ret == 0)
		vftoken_say(ctx, MSG(next_renamed), next, path);
	else if (ret != -EALREADY)
		vftoken_say(ctx, MSG(next_stays), next, path, strerror(-ret), path);
	return 0;
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
	/* It may be a token in the wrong place, which was refused. */
	if (source->shown != NULL)
		explicit_bzero(source->shown, strlen(source->shown));
	free(source->shown);
	source->shown = NULL;
}
