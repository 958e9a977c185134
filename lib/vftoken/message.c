/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct vftoken_held_message {
	struct vftoken_held_message *next;
	enum vftoken_message id;
	char text[];
};

/* Of this thread; NULL when messages are said at once. */
static _Thread_local struct vftoken_held *holder;

void
vftoken_hold(struct vftoken_held *held)
{
	holder = held;
}

/* Out of memory, a message is said too early rather than not at all. */
static bool
hold_message(enum vftoken_message id, const char *text)
{
	struct vftoken_held_message **link, *message;

	if (holder == NULL)
		return false;
	message = calloc(1, sizeof(*message) + strlen(text) + 1);
	if (message == NULL)
		return false;
	message->id = id;
	memcpy(message->text, text, strlen(text) + 1);
	for (link = &holder->first; *link != NULL;)
		link = &(*link)->next;
	*link = message;
	return true;
}

static void
log_message(const struct vftoken_context *ctx, enum vftoken_message id, const char *text)
{
	if (ctx->log != NULL)
		ctx->log(messages[id].level, messages[id].id, text, ctx->log_opaque);
}

void
vftoken_say_held(const struct vftoken_context *ctx, struct vftoken_held *held)
{
	const struct vftoken_held_message *message;

	for (message = held->first; message != NULL; message = message->next)
		log_message(ctx, message->id, message->text);
	vftoken_drop_held(held);
}

void
vftoken_drop_held(struct vftoken_held *held)
{
	struct vftoken_held_message *message;

	while ((message = held->first) != NULL) {
		held->first = message->next;
		free(message);
	}
}

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
	if (!hold_message(id, message))
		log_message(subject->ctx, id, message);
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
