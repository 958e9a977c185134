/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz_util.h"

static void
keep_text(struct fuzz_messages *messages, const char *text, char end)
{
	const size_t length = strlen(text);
	size_t i;

	assert(length > 0);
	for (i = 0; i < length; i++)
		assert(!iscntrl((unsigned char)text[i]));
	assert(messages->length + length + 1 < sizeof(messages->text));
	memcpy(messages->text + messages->length, text, length);
	messages->length += length;
	messages->text[messages->length++] = end;
	messages->text[messages->length] = '\0';
}

static void
keep_message(enum vftoken_log_level level, const char *id, const char *text, void *opaque)
{
	assert(level <= VFTOKEN_LOG_INFO);
	keep_text(opaque, id, ' ');
	keep_text(opaque, text, '\n');
}

struct vftoken_context *
fuzz_rules(struct fuzz_messages *messages)
{
	struct vftoken_context *ctx = vftoken_context_create();

	assert(ctx != NULL);
	messages->length = 0;
	messages->text[0] = '\0';
	vftoken_context_set_log(ctx, keep_message, messages);
	return ctx;
}

char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	assert(text != NULL);
	return text;
}

void
fuzz_change_digits(char *text, size_t length)
{
	static const char from[] = "123456789abcABC", to[] = "234567891bcaBCA";
	const char *digit;
	size_t i;

	for (i = 0; i < length; i++)
		if (text[i] != '\0' && (digit = strchr(from, text[i])) != NULL)
			text[i] = to[digit - from];
}

size_t
fuzz_next_secret(const char *text, size_t *at)
{
	size_t length = 0;

	for (; text[*at] != '\0'; *at += length > 0 ? length : 1) {
		for (length = 0;
		     isxdigit((unsigned char)text[*at + length]) || text[*at + length] == '-';)
			length++;
		if (length >= 20)
			return length;
	}
	return 0;
}

int
fuzz_next_fd(void)
{
	const int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	assert(fd >= 0);
	close(fd);
	return fd;
}
