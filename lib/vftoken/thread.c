/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <signal.h>

#include "thread.h"

#define STACK_SIZE 262144
/* Each waits for a device most of the time. */
#define CROWD_MAX 64

int
vftoken_thread_start(pthread_t *thread, void *(*run)(void *opaque), void *opaque)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(thread, &attr, run, opaque);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

void
vftoken_thread_crowd(unsigned int n, void *(*run)(void *opaque), void *opaque)
{
	pthread_t threads[CROWD_MAX];
	unsigned int others = 0;

	while (others + 1 < n && others < CROWD_MAX &&
	       vftoken_thread_start(&threads[others], run, opaque) == 0)
		others++;
	run(opaque);
	while (others > 0)
		pthread_join(threads[--others], NULL);
}
