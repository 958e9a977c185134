/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "thread.h"

#define STACK_SIZE 262144
/* Each waits for a device most of the time. */
#define CROWD_MAX 64

static int
start(pthread_t *thread, char *stack, void *(*run)(void *opaque), void *opaque)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	if (stack != NULL)
		pthread_attr_setstack(&attr, stack, STACK_SIZE);
	else
		pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(thread, &attr, run, opaque);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

int
vftoken_thread_start(pthread_t *thread, void *(*run)(void *opaque), void *opaque)
{
	return start(thread, NULL, run, opaque);
}

/* Each with a page at its end that nobody may touch. */
static char *
map_stacks(unsigned int n)
{
	const size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	char *stacks;

	stacks = mmap(NULL, (size_t)n * STACK_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stacks == MAP_FAILED)
		return NULL;
	while (n > 0)
		mprotect(stacks + (size_t)--n * STACK_SIZE, guard, PROT_NONE);
	return stacks;
}

void
vftoken_thread_crowd(unsigned int n, void *(*run)(void *opaque), void *opaque)
{
	const unsigned int most = n - 1 < CROWD_MAX ? n - 1 : CROWD_MAX;
	char *const stacks = n > 1 ? map_stacks(most) : NULL;
	pthread_t threads[CROWD_MAX];
	unsigned int others = 0;

	while (stacks != NULL && others < most &&
	       start(&threads[others], stacks + (size_t)others * STACK_SIZE, run, opaque) == 0)
		others++;
	run(opaque);
	while (others > 0)
		pthread_join(threads[--others], NULL);
	if (stacks != NULL)
		munmap(stacks, (size_t)most * STACK_SIZE);
}
