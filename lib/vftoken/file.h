/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * Reading the file, FIFO or pipe that holds a token, in limited time. A file system of FUSE or NFS
 * may keep an open or a read waiting, so a thread of its own does both, and is left behind when the
 * time is up. For libvftoken's own files.
 */

#ifndef VFTOKEN_FILE_H
#define VFTOKEN_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/** Most bytes that are read. */
#define VFTOKEN_FILE_MAX 4096

/** How long the read waits, in milliseconds. */
#define VFTOKEN_FILE_WAIT_MS 5000

/** Why a file isn't read. */
enum vftoken_file_fault {
	VFTOKEN_FILE_READ,      /**< it is read */
	VFTOKEN_FILE_UNOPENED,  /**< open(2) fails */
	VFTOKEN_FILE_ERROR,     /**< fstat(2) or read(2) fails */
	VFTOKEN_FILE_UNPOLLED,  /**< poll(2) fails */
	VFTOKEN_FILE_DIRECTORY, /**< it is a directory */
	VFTOKEN_FILE_WRITABLE,  /**< its group or others may write it */
	VFTOKEN_FILE_OWNER,     /**< its owner isn't trusted */
	VFTOKEN_FILE_LINK,      /**< the owner of a link in its path isn't trusted */
	VFTOKEN_FILE_TIMEOUT,   /**< the time is up */
	VFTOKEN_FILE_LONG,      /**< it is longer than VFTOKEN_FILE_MAX */
	VFTOKEN_FILE_MEMORY,    /**< out of memory or threads */
};

/** By what a file is known again, which may be renamed but not written. */
struct vftoken_file_id {
	dev_t dev;
	ino_t ino;
	struct timespec written;
};

/** What was read. */
struct vftoken_file {
	enum vftoken_file_fault fault;
	int err;       /**< the errno value of the fault; 0 without one */
	uid_t owner;   /**< who isn't trusted */
	bool readable; /**< users other than root and this process's may read it */
	struct vftoken_file_id id;
	size_t length;
	char text[VFTOKEN_FILE_MAX + 1];
	char path[PATH_MAX]; /**< the path; of VFTOKEN_FILE_LINK the link */
};

/**
 * Read a file.
 *
 * @param path
 *   The file's path. Its owner, and the owners of links in it, must be root or this process's
 *   effective user. NULL for fd.
 * @param fd
 *   Without a path, a descriptor, which stays open. Whoever has handed it to this process is
 *   trusted.
 * @param file
 *   Receives what was read. The caller wipes it after use.
 * @return
 *   0, or the negative errno value of the fault.
 */
int vftoken_file_read(const char *path, int fd, struct vftoken_file *file);

/** Whether the file at a path is the one that was read, and hasn't been written since. */
bool vftoken_file_is(const char *path, const struct vftoken_file_id *id);

#endif /* VFTOKEN_FILE_H */
