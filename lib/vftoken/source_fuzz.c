/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Fuzz target: what a source holds. The input is the content of a file, a pipe and a variable.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "fuzz_util.h"

#define NAME "VFTOKEN_FUZZ"

/* How many writes the pipe's content comes in at most. */
#define MAX_WRITES 2

/* What a source holds, and what must be read from it. */
struct content {
	const char *text;
	size_t size;
	int ret;
	uuid_t token;
};

/* The UUID in a text of this length. */
static int
parse_uuid(const char *text, size_t length, uuid_t token)
{
	char uuid[UUID_STR_LEN];

	if (length != sizeof(uuid) - 1 || memchr(text, '\0', length) != NULL)
		return -EINVAL;
	memcpy(uuid, text, length);
	uuid[length] = '\0';
	return uuid_parse(uuid, token) == 0 && !uuid_is_null(token) ? 0 : -EINVAL;
}

/* A file's UUID may have white space around it. */
static int
parse_file(const char *text, size_t length, uuid_t token)
{
	if (length > VFTOKEN_FILE_MAX)
		return -EFBIG;
	for (; length > 0 && isspace((unsigned char)*text); length--)
		text++;
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	return parse_uuid(text, length, token);
}

static void
read_default(struct vftoken_context *ctx, const struct content *content)
{
	static const uuid_t untouched = "untouched";
	uuid_t token;

	uuid_copy(token, untouched);
	assert(vftoken_read_default(ctx, token) == content->ret);
	assert(uuid_compare(token, content->ret == 0 ? content->token : untouched) == 0);
}

static void
use_file(struct vftoken_context *ctx, const struct content *content)
{
	static int fd = -1;
	char rule[64];

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(pwrite(fd, content->text, content->size, 0) == (ssize_t)content->size);
	assert(ftruncate(fd, (off_t)content->size) == 0);
	snprintf(rule, sizeof(rule), "file:/proc/self/fd/%d", fd);
	assert(vftoken_add_rule(ctx, rule) == 0);
	read_default(ctx, content);
}

/* The first line comes in a read of its own, as from a slow writer. */
static void
use_fd(struct vftoken_context *ctx, const struct content *content)
{
	const char *text = content->text, *end = text + content->size;
	unsigned int writes;
	char rule[16];
	int fds[2];

	assert(pipe2(fds, O_DIRECT | O_CLOEXEC) == 0);
	for (writes = 1; text < end; writes++) {
		const char *line = memchr(text, '\n', (size_t)(end - text));
		const char *next = line != NULL && writes < MAX_WRITES ? line + 1 : end;

		assert(write(fds[1], text, (size_t)(next - text)) == next - text);
		text = next;
	}
	close(fds[1]);
	snprintf(rule, sizeof(rule), "fd:%d", fds[0]);
	assert(vftoken_add_rule(ctx, rule) == 0);
	read_default(ctx, content);
	/* It is read once; what came from it is kept. */
	assert(fcntl(fds[0], F_GETFD) == (content->ret == 0 ? -1 : FD_CLOEXEC));
	if (content->ret == 0)
		read_default(ctx, content);
	else
		close(fds[0]);
}

static void
use_env(struct vftoken_context *ctx, const struct content *content, bool stay)
{
	char *variable, *value;

	assert(asprintf(&variable, NAME "=%s", content->text) > 0);
	assert(putenv(variable) == 0);
	assert(vftoken_add_rule(ctx, stay ? "env:" NAME ",stay" : "env:" NAME) == 0);
	read_default(ctx, content);
	assert((getenv(NAME) == NULL) == (content->ret == 0 && !stay));
	value = variable + strlen(NAME "=");
	assert(strlen(value) == strlen(content->text));
	if (content->ret == 0 && !stay)
		assert(strspn(value, "*") == strlen(value));
	else
		assert(strcmp(value, content->text) == 0);
	if (content->ret == 0)
		read_default(ctx, content);
	unsetenv(NAME);
	free(variable);
}

/* Sources that stay, so that they may be compared with those of another text. */
static void
read_again(const char *text, size_t size, struct fuzz_messages *messages)
{
	struct vftoken_context *ctx = fuzz_rules(messages);
	struct content content = { .text = text, .size = size };

	content.ret = parse_file(text, size, content.token);
	use_file(ctx, &content);
	vftoken_context_clear(ctx);
	content.ret = parse_uuid(text, strlen(text), content.token);
	use_env(ctx, &content, true);
	vftoken_context_destroy(ctx);
}

/* Sources that are gone once they were read. */
static void
read_once(const char *text, size_t size, struct fuzz_messages *messages)
{
	struct vftoken_context *ctx = fuzz_rules(messages);
	struct content content = { .text = text, .size = size };

	content.ret = parse_file(text, size, content.token);
	use_fd(ctx, &content);
	vftoken_context_clear(ctx);
	content.ret = parse_uuid(text, strlen(text), content.token);
	use_env(ctx, &content, false);
	vftoken_context_destroy(ctx);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_messages messages[3];
	char *text = malloc(size + 1);
	int next_fd;

	assert(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	read_again(text, size, &messages[0]);
	next_fd = fuzz_next_fd();
	read_once(text, size, &messages[1]);
	fuzz_change_digits(text, size);
	read_again(text, size, &messages[2]);
	assert(fuzz_next_fd() == next_fd);
	assert(strcmp(messages[0].text, messages[2].text) == 0);
	free(text);
	return 0;
}
