/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vftoken_fuzz_util.h"

static void
keep_message(enum vftoken_log_level level, const char *message, void *opaque)
{
	struct fuzz_messages *messages = opaque;
	const size_t length = strlen(message);
	size_t i;

	assert(level <= VFTOKEN_LOG_INFO);
	assert(length > 0);
	for (i = 0; i < length; i++)
		assert(!iscntrl((unsigned char)message[i]));
	assert(messages->length + length + 1 < sizeof(messages->text));
	memcpy(messages->text + messages->length, message, length);
	messages->length += length;
	messages->text[messages->length++] = '\n';
	messages->text[messages->length] = '\0';
}

struct vftoken *
fuzz_rules(struct fuzz_messages *messages)
{
	struct vftoken *vt = vftoken_create();

	assert(vt != NULL);
	messages->length = 0;
	messages->text[0] = '\0';
	vftoken_set_log(vt, keep_message, messages);
	return vt;
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

int
fuzz_next_fd(void)
{
	const int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	assert(fd >= 0);
	close(fd);
	return fd;
}
