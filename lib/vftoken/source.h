/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Where a token comes from, as context.h lists it.
 *
 * What must be kept, a literal and what came from an fd or a variable, is kept in a store
 * (store.h).
 */

#ifndef VFTOKEN_SOURCE_H
#define VFTOKEN_SOURCE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "file.h"
#include "message.h"
#include "store.h"

enum vftoken_source_kind {
	VFTOKEN_SOURCE_KEPT, /**< in the store: a literal, or read from an fd before */
	VFTOKEN_SOURCE_FILE,
	VFTOKEN_SOURCE_ENV,
	VFTOKEN_SOURCE_FD,
};

/** A parsed source. */
struct vftoken_source {
	enum vftoken_source_kind kind;
	bool reading;  /**< a thread reads it, without the context's lock */
	int fd;        /**< of an `fd:` */
	uint32_t slot; /**< where in the store it is kept, or VFTOKEN_STORE_NONE */
	char *shown;   /**< the source as given, a literal masked; the argument follows the ':' */
	struct vftoken_file_id next; /**< of the next token's file, when it was last read */
};

/**
 * Parse a source. Nothing is read yet, and a failure changes nothing.
 *
 * @param source
 *   Receives the source, to be freed with vftoken_source_free().
 * @param store
 *   Where a literal token is kept.
 * @param text
 *   A UUID, `file:PATH`, `env:NAME` or `fd:N`.
 * @param subject
 *   What it is parsed for. A failure is said, with at most two characters of a literal.
 * @return
 *   0, or
 *   -EINVAL: the text is none of these;
 *   -EBADF: the fd isn't open;
 *   -ENOMEM, or what memfd_create(2) and pwrite(2) return: the token can't be kept.
 */
int vftoken_source_parse(struct vftoken_source *source, struct vftoken_store *store,
			 const char *text, const struct vftoken_subject *subject);

/**
 * Read the token, now. The context's lock is held, but while a file or an fd is read, which may
 * take VFTOKEN_FILE_WAIT_MS. A second thread waits until the first one has read the source.
 *
 * @param ctx
 *   The context, in whose store the source was parsed.
 * @param source
 *   The source. An `fd:` is closed once it was read, and its token kept in the store.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @param subject
 *   What it is read for. A failure or a warning is said.
 * @return
 *   0, or
 *   -EINVAL: what was read isn't a UUID, or is the nil UUID;
 *   -EFBIG: more than VFTOKEN_FILE_MAX bytes;
 *   -EISDIR: a directory;
 *   -EPERM: the file may be written by its group or others, or its owner or that of a link to it
 *   isn't trusted (owner.h);
 *   -ETIMEDOUT: nobody wrote to the FIFO or pipe for VFTOKEN_FILE_WAIT_MS, or nobody closed it, or
 *   the file system doesn't answer;
 *   -ENOENT: no such variable;
 *   -ESTALE: the store is no longer there;
 *   or what open(2), fstat(2) and read(2) return.
 */
int vftoken_source_read(struct vftoken_context *ctx, struct vftoken_source *source,
			vftoken_uuid_t token, const struct vftoken_subject *subject);

/** Room for a `file:` source whose path has a `.next` behind, with its final NUL. */
#define VFTOKEN_NEXT_SIZE (PATH_MAX + 8)

/** The source of the next token of a `file:` source, as a message shows it. */
void vftoken_source_next(const struct vftoken_source *source, char shown[VFTOKEN_NEXT_SIZE]);

/**
 * Read the next token, from the file beside that of the source, as vftoken_source_read() does.
 *
 * @return
 *   0, or
 *   -ENOENT: there is no such file, which isn't said, or the source isn't a `file:`;
 *   or as vftoken_source_read().
 */
int vftoken_source_read_next(struct vftoken_context *ctx, struct vftoken_source *source,
			     vftoken_uuid_t token, const struct vftoken_subject *subject);

/**
 * Let the file of the next token, as it was last read, replace the source's, as rename(2) does: at
 * each moment one of them is there. It is said whether that was possible.
 *
 * @return
 *   0, or -ESTALE: another next token was written meanwhile, which isn't said. Its file stays.
 */
int vftoken_source_take_next(struct vftoken_context *ctx, struct vftoken_source *source);

/**
 * Parse the text of a UUID (RFC 4122, section 3), in any hex case.
 *
 * @param text
 *   The text.
 * @param shown
 *   What a message calls it.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @param subject
 *   What it is parsed for. A failure is said, without the text.
 * @return
 *   0, or -EINVAL: it isn't a UUID, or is the nil UUID.
 */
int vftoken_parse_uuid(const char *text, const char *shown, vftoken_uuid_t token,
		       const struct vftoken_subject *subject);

/** Room for the text of a UUID, with its final NUL. */
#define VFTOKEN_UUID_SIZE 37

/**
 * Write the text of a UUID, in lower case. The caller wipes it after use.
 */
void vftoken_format_uuid(const vftoken_uuid_t token, char text[VFTOKEN_UUID_SIZE]);

/**
 * The word for a source's kind: `literal`, `file`, `env` or `fd`.
 */
const char *vftoken_source_kind(const struct vftoken_source *source);

/**
 * Free what a source holds. An `fd:` that was never read stays open: it is the caller's.
 */
void vftoken_source_free(struct vftoken_source *source);

#endif /* VFTOKEN_SOURCE_H */
