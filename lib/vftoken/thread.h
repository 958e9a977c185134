/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The library's own threads. For libvftoken's own files.
 */

#ifndef VFTOKEN_THREAD_H
#define VFTOKEN_THREAD_H

#include <pthread.h>

/**
 * Start a thread that takes no signals, which are for the program's own, and has a small stack,
 * since a process with mlockall(2) pays for all of it.
 *
 * @return
 *   0, or a positive errno value of pthread_create(3).
 */
int vftoken_thread_start(pthread_t *thread, void *(*run)(void *opaque), void *opaque);

/**
 * Call a function from this thread and from others at the same time, and wait until all calls have
 * returned. There are fewer others if no more can be started. Their stacks are gone then; libc
 * would keep them in memory.
 *
 * @param n
 *   How many calls would help.
 */
void vftoken_thread_crowd(unsigned int n, void *(*run)(void *opaque), void *opaque);

#endif /* VFTOKEN_THREAD_H */
