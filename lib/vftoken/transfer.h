/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * A token on its way from one process to another: in a memory file whose descriptor is passed over
 * a socket (SCM_RIGHTS in unix(7)), so that no message and no buffer of either side holds the
 * token. For libvftoken's own files.
 */

#ifndef VFTOKEN_TRANSFER_H
#define VFTOKEN_TRANSFER_H

#include "api.h"

/**
 * Put a token into a memory file.
 *
 * @return
 *   The memory file, to be passed on and closed; or what memfd_create(2) and pwrite(2) return.
 */
int vftoken_transfer_make(const vftoken_uuid_t token);

/**
 * Take a token out of a memory file: read it, overwrite it, for whoever else has the file open too,
 * and close the file.
 *
 * @param fd
 *   The memory file. It is closed in any case.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @return
 *   0, or -EIO (it holds no token, or can't be overwritten).
 */
int vftoken_transfer_take(int fd, vftoken_uuid_t token);

#endif /* VFTOKEN_TRANSFER_H */
