/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Descriptors that are none of 0, 1 and 2, even when a program has closed these: what it prints
 * would go into a token's memory file, or to a device. For libvftoken's own files.
 */

#ifndef VFTOKEN_FD_H
#define VFTOKEN_FD_H

/**
 * Move a new descriptor above 2.
 *
 * @param fd
 *   The descriptor, which is closed if it isn't the one returned; or negative, a failure of the
 *   call that should have made it.
 * @return
 *   A descriptor above 2, closed on exec; or -errno: of that call, or -EMFILE.
 */
int vftoken_fd_raise(int fd);

/**
 * Open a file for this process alone.
 *
 * @return
 *   A descriptor above 2, closed on exec; or what open(2) returns.
 */
int vftoken_fd_open(const char *path, int flags);

#endif /* VFTOKEN_FD_H */
