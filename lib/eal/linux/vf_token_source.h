/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Where a token comes from, as vf_token.h lists it.
 *
 * What must be kept, a literal and what came from an fd or a variable, is kept in a vault
 * (vf_token_vault.h).
 */

#ifndef VF_TOKEN_SOURCE_H
#define VF_TOKEN_SOURCE_H

#include <stdint.h>

#include "vf_token.h"
#include "vf_token_vault.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes read from a file or an fd. */
#define VFTOKEN_SOURCE_MAX 4096

/** How long a read waits for the writer of a FIFO or pipe, in milliseconds. */
#define VFTOKEN_SOURCE_WAIT_MS 5000

enum vftoken_source_kind {
	VFTOKEN_SOURCE_KEPT,	/**< in the vault: a literal, or read from an fd before */
	VFTOKEN_SOURCE_FILE,
	VFTOKEN_SOURCE_ENV,
	VFTOKEN_SOURCE_FD,
};

/** A parsed source. */
struct vftoken_source {
	enum vftoken_source_kind kind;
	int fd;		/**< of an `fd:` */
	uint32_t slot;	/**< where in the vault it is kept, or VFTOKEN_VAULT_NONE */
	char *shown;	/**< the source as given, a literal masked; the argument follows the ':' */
};

/**
 * Parse a source. Nothing is read yet, and a failure changes nothing.
 *
 * @param source
 *   Receives the source, to be freed with vftoken_source_free().
 * @param vault
 *   Where a literal token is kept.
 * @param text
 *   A UUID, `file:PATH`, `env:NAME` or `fd:N`.
 * @param why
 *   Receives the reason of a failure, which shows at most two characters of a literal.
 * @return
 *   0, or
 *   -EINVAL: the text is none of these;
 *   -EBADF: the fd isn't open;
 *   -ENOMEM, or what memfd_create(2) and pwrite(2) return: the token can't be kept.
 */
int vftoken_source_parse(struct vftoken_source *source, struct vftoken_vault *vault,
		const char *text, char why[VFTOKEN_WHY_SIZE]);

/**
 * Read the token, now.
 *
 * @param source
 *   The source. An `fd:` is closed once it was read, and its token kept in the vault.
 * @param vault
 *   The vault that the source was parsed with.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @param why
 *   Receives, on failure, the reason; on success a warning or an empty text.
 * @return
 *   0, or
 *   -EINVAL: what was read isn't a UUID, or is the nil UUID;
 *   -EFBIG: more than VFTOKEN_SOURCE_MAX bytes;
 *   -EISDIR: a directory;
 *   -EPERM: the file may be written by its group or others;
 *   -ETIMEDOUT: nobody wrote to the FIFO or pipe for VFTOKEN_SOURCE_WAIT_MS, or nobody closed it;
 *   -ENOENT: no such variable; or what open(2), fstat(2) and read(2) return.
 */
int vftoken_source_read(struct vftoken_source *source, struct vftoken_vault *vault, uuid_t token,
		char why[VFTOKEN_WHY_SIZE]);

/**
 * The word for a source's kind: `literal`, `file`, `env` or `fd`.
 */
const char *vftoken_source_kind(const struct vftoken_source *source);

/**
 * Free what a source holds. An `fd:` that was never read stays open: it is the caller's.
 */
void vftoken_source_free(struct vftoken_source *source);

#ifdef __cplusplus
}
#endif

#endif /* VF_TOKEN_SOURCE_H */
