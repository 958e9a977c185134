/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Messages to people: each is an entry of the catalogue (messages.def), which code names by its id
 * and gives arguments. For libvftoken's own files.
 */

#ifndef VFTOKEN_MESSAGE_H
#define VFTOKEN_MESSAGE_H

#include "context.h"

/* The ids. */
enum vftoken_message {
#define MESSAGE(id, level, text, cause, remedy) VFTOKEN_MESSAGE_##id,
#include "messages.def"
#undef MESSAGE
	VFTOKEN_MESSAGES
};

/* The texts, each a constant of its own, so that compilers check the arguments. */
#define MESSAGE(id, level, text, cause, remedy) static const char vftoken_text_##id[] = text;
#include "messages.def"
#undef MESSAGE

/* A message as two arguments of the functions below; what its text takes follows. */
#define MSG(id) VFTOKEN_MESSAGE_##id, vftoken_text_##id

/* Room for a message that names a file or 256 VFs, with its final NUL. */
#define VFTOKEN_MESSAGE_SIZE 8192

/* What a token's source is looked at for: words that come before the sentence about the source. */
enum vftoken_purpose {
	VFTOKEN_FOR_ITSELF,   /* nothing comes before it */
	VFTOKEN_FOR_RULE,     /* a rule is added */
	VFTOKEN_FOR_DEFAULT,  /* the default rule's token is read */
	VFTOKEN_FOR_OPEN,     /* a device is opened */
	VFTOKEN_FOR_RELOAD,   /* a PF's token is set */
	VFTOKEN_FOR_TRANSFER, /* another process asks for the token */
};

struct vftoken_subject {
	const struct vftoken_context *ctx;
	enum vftoken_purpose purpose;
	const char *device; /* its name; NULL for all devices */
};

/*
 * On arm64 a function of variable arguments saves the vector registers on the stack, and these may
 * have a part of a token from a function such as strlen(), unless it may not use them.
 */
#if defined(__aarch64__) && !defined(__clang__)
#define VFTOKEN_NO_VECTORS __attribute__((target("general-regs-only")))
#else
#define VFTOKEN_NO_VECTORS
#endif

/* Say something. */
VFTOKEN_NO_VECTORS
void vftoken_say(const struct vftoken_context *ctx, enum vftoken_message id, const char *text, ...)
	VFTOKEN_PRINTF(3, 4);

/* Say why something is refused, and return the negative errno value given. */
VFTOKEN_NO_VECTORS
int vftoken_refuse(const struct vftoken_context *ctx, int err, enum vftoken_message id,
		   const char *text, ...) VFTOKEN_PRINTF(4, 5);

/* The same of a token's source. */
VFTOKEN_NO_VECTORS
void vftoken_say_of(const struct vftoken_subject *subject, enum vftoken_message id,
		    const char *text, ...) VFTOKEN_PRINTF(3, 4);
VFTOKEN_NO_VECTORS
int vftoken_refuse_of(const struct vftoken_subject *subject, int err, enum vftoken_message id,
		      const char *text, ...) VFTOKEN_PRINTF(4, 5);

/* Messages that wait, in their order, until they are said. */
struct vftoken_held {
	struct vftoken_held_message *first;
};

/* Hold what this thread says from now on; with NULL no longer. */
void vftoken_hold(struct vftoken_held *held);

/* Say what was held, or forget it. */
void vftoken_say_held(const struct vftoken_context *ctx, struct vftoken_held *held);
void vftoken_drop_held(struct vftoken_held *held);

/* A driver's name for a message. */
const char *vftoken_driver_name(const char *driver);

#endif /* VFTOKEN_MESSAGE_H */
