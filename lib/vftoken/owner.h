/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Who could set or read the token in a file. For libvftoken's own files.
 */

#ifndef VFTOKEN_OWNER_H
#define VFTOKEN_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>

/**
 * Whether an owner may set this process's tokens: root, the effective user, or in a user namespace
 * (user_namespaces(7)) who isn't mapped into it, as nobody inside can be that user.
 */
bool vftoken_is_trusted(uid_t owner);

/**
 * Whether the owners of all symbolic links in a path are trusted. A link that can't be followed is
 * left to open(2).
 *
 * @param path
 *   The path, in room for PATH_MAX characters. It becomes that of the link which isn't trusted.
 * @param owner
 *   Receives the owner of that link.
 */
bool vftoken_links_are_trusted(char *path, uid_t *owner);

/**
 * Whether a file is a memory file (memfd_create(2)), which has no name by which others could open
 * it. That it has no link isn't enough, since FUSE shows none for files with a name, and a file
 * that was removed may be open in another process.
 */
bool vftoken_is_memory_file(const struct stat *st);

/**
 * Whether users other than root and the effective one may read a file, by its mode or its access
 * control list (acl(5)).
 *
 * @param fd
 *   The open file.
 * @param st
 *   From fstat(2).
 */
bool vftoken_others_may_read(int fd, const struct stat *st);

#endif /* VFTOKEN_OWNER_H */
