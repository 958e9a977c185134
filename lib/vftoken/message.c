/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdarg.h>
#include <stdio.h>

#include "private.h"

static const struct {
	enum vftoken_log_level level;
	const char *id;
} messages[] = {
#define MESSAGE(id, level, text, cause, remedy) { VFTOKEN_LOG_##level, #id },
#include "messages.def"
#undef MESSAGE
};

/* The words around a subject's device, before a refusal. A warning is about the token alone. */
static const struct {
	const char *before;
	const char *after;
} purposes[] = {
	[VFTOKEN_FOR_ITSELF] = { "", "" },
	[VFTOKEN_FOR_RULE] = { "VF token rule for ", " refused: " },
	[VFTOKEN_FOR_DEFAULT] = { "VF token of ", " not read: " },
	[VFTOKEN_FOR_OPEN] = { "", " not opened: " },
	[VFTOKEN_FOR_RELOAD] = { "PF ", " keeps its VF token: " },
	[VFTOKEN_FOR_TRANSFER] = { "VF token of ", " not handed over: " },
};

static void
send_message(const struct vftoken_subject *subject, enum vftoken_message id, const char *text,
	     va_list ap)
{
	const enum vftoken_log_level level = messages[id].level;
	char message[VFTOKEN_MESSAGE_SIZE];
	size_t length = 0;

	if (subject->ctx->log == NULL)
		return;
	if (subject->purpose != VFTOKEN_FOR_ITSELF)
		length = (size_t)snprintf(
			message, sizeof(message), "%s%s%s",
			level == VFTOKEN_LOG_ERR ? purposes[subject->purpose].before
						 : "VF token of ",
			subject->device != NULL ? subject->device : "all devices",
			level == VFTOKEN_LOG_ERR ? purposes[subject->purpose].after : ": ");
	if (length < sizeof(message))
		vsnprintf(message + length, sizeof(message) - length, text, ap);
	/* A path or a variable's name may hold a line end, or be a token. */
	vftoken_make_printable(message);
	subject->ctx->log(level, messages[id].id, message, subject->ctx->log_opaque);
}

void
vftoken_say(const struct vftoken_context *ctx, enum vftoken_message id, const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	send_message(&(const struct vftoken_subject){ .ctx = ctx }, id, text, ap);
	va_end(ap);
}

int
vftoken_refuse(const struct vftoken_context *ctx, int err, enum vftoken_message id,
	       const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	send_message(&(const struct vftoken_subject){ .ctx = ctx }, id, text, ap);
	va_end(ap);
	return err;
}

void
vftoken_say_of(const struct vftoken_subject *subject, enum vftoken_message id, const char *text,
	       ...)
{
	va_list ap;

	va_start(ap, text);
	send_message(subject, id, text, ap);
	va_end(ap);
}

int
vftoken_refuse_of(const struct vftoken_subject *subject, int err, enum vftoken_message id,
		  const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	send_message(subject, id, text, ap);
	va_end(ap);
	return err;
}

const char *
vftoken_driver_name(const char *driver)
{
	return driver[0] != '\0' ? driver : "no driver";
}
