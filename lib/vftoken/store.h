/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The store: keeps tokens in a memory file that isn't mapped, so that they are in no core dump and
 * in no stray pointer's reach. A program may close the file's descriptor, with all that it doesn't
 * know, and get its number for another file, so each use looks whose it is. For libvftoken's own
 * files.
 */

#ifndef VFTOKEN_STORE_H
#define VFTOKEN_STORE_H

#include <stdint.h>
#include <sys/types.h>

#include "api.h"

/** Start with VFTOKEN_STORE_INIT. */
struct vftoken_store {
	int fd;        /**< the memory file, or -1 while nothing is kept */
	uint32_t used; /**< how many tokens are kept */
	dev_t dev;     /**< which file it is */
	ino_t ino;
};

#define VFTOKEN_STORE_INIT \
	{ \
		.fd = -1, .used = 0 \
	}

/** A slot that no token has. */
#define VFTOKEN_STORE_NONE UINT32_MAX

/**
 * Keep a token.
 *
 * @param store
 *   The store.
 * @param token
 *   The token.
 * @param slot
 *   The slot whose token it replaces, or VFTOKEN_STORE_NONE, which becomes a new one.
 * @return
 *   0, or -ESTALE: the descriptor isn't the store's any more; or what memfd_create(2), fstat(2) and
 *   pwrite(2) return.
 */
int vftoken_store_put(struct vftoken_store *store, const vftoken_uuid_t token, uint32_t *slot);

/**
 * Read a kept token.
 *
 * @return
 *   0, or -ESTALE: the descriptor isn't the store's any more; or -EIO: the file is empty, as a
 *   process that shares it since fork(2) has cleared it.
 */
int vftoken_store_get(const struct vftoken_store *store, uint32_t slot, vftoken_uuid_t token);

/**
 * Give up all kept tokens, for the processes too that share the file since fork(2). A descriptor
 * that isn't the store's any more stays as it is.
 */
void vftoken_store_clear(struct vftoken_store *store);

#endif /* VFTOKEN_STORE_H */
