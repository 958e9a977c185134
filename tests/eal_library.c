/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * An application that uses EAL as a library: eal_library HOW ARGUMENT...
 *
 * plain     gives rte_eal_init() its own arguments
 * thread    does so in a thread
 * constant  gives it copies in memory that can't be written
 * file      gives it those in the file that the argument names, one a line
 * retry     gives it the same arguments until it doesn't fail
 * again     calls rte_eal_cleanup() and rte_eal_init() once more
 *
 * It prints what EAL has done, and ends with its stdin.
 */

#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_uuid.h>

#define MAX_ARGUMENTS 64
#define RETRY_US 100000

struct start {
	int argc;
	char *argv[MAX_ARGUMENTS];
	int ret;
	int err; /* rte_errno is a thread's own */
};

static void *
start(void *opaque)
{
	struct start *s = opaque;
	char *argv[MAX_ARGUMENTS];

	/* EAL sorts the array. */
	memcpy(argv, s->argv, sizeof(argv));
	s->ret = rte_eal_init(s->argc, argv);
	s->err = rte_errno;
	printf("rte_eal_init: %s\n", s->ret < 0 ? rte_strerror(s->err) : "done");
	fflush(stdout);
	return NULL;
}

static void
start_in_thread(struct start *s)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, start, s) != 0)
		errx(1, "no thread");
	pthread_join(thread, NULL);
}

/* Put the arguments into memory that can't be written. */
static void
make_constant(struct start *s)
{
	const size_t size = sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t used = 0;
	int i;

	if (page == MAP_FAILED)
		err(1, "mmap");
	for (i = 0; i < s->argc; i++) {
		const size_t length = strlen(s->argv[i]) + 1;

		if (used + length > size)
			errx(1, "too long");
		s->argv[i] = memcpy(page + used, s->argv[i], length);
		used += length;
	}
	if (mprotect(page, size, PROT_READ) < 0)
		err(1, "mprotect");
}

/* Read the arguments from a file. */
static void
read_file(struct start *s)
{
	FILE *file = fopen(s->argv[1], "r");
	size_t size;

	if (file == NULL)
		err(1, "%s", s->argv[1]);
	for (s->argc = 1; s->argc < MAX_ARGUMENTS; s->argc++) {
		s->argv[s->argc] = NULL;
		if (getline(&s->argv[s->argc], &size, file) < 0)
			break;
		s->argv[s->argc][strcspn(s->argv[s->argc], "\n")] = '\0';
	}
	fclose(file);
}

/* Show the default rule's token, the arguments as they are now, and the ports. */
static void
show(const struct start *s)
{
	char text[RTE_UUID_STRLEN];
	rte_uuid_t token;
	int i;

	rte_eal_vfio_get_vf_token(token);
	rte_uuid_unparse(token, text, sizeof(text));
	printf("token: %s\nports: %u\narguments:", text, rte_eth_dev_count_avail());
	for (i = 1; i < s->argc; i++)
		printf(" %s", s->argv[i]);
	putchar('\n');
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct start s = { .argc = argc - 1 };
	const char *how = argc > 1 ? argv[1] : "";

	if (argc < 2 || argc > MAX_ARGUMENTS)
		errx(2, "HOW ARGUMENT...");
	memcpy(s.argv, argv + 1, s.argc * sizeof(char *));
	if (strcmp(how, "constant") == 0)
		make_constant(&s);
	if (strcmp(how, "file") == 0)
		read_file(&s);
	if (strcmp(how, "thread") == 0)
		start_in_thread(&s);
	else
		start(&s);
	while (strcmp(how, "retry") == 0 && s.ret < 0) {
		usleep(RETRY_US);
		start(&s);
	}
	if (s.ret < 0)
		return 1;
	show(&s);
	while (getchar() != EOF)
		;
	if (rte_eal_cleanup() < 0)
		return 1;
	if (strcmp(how, "again") == 0)
		start(&s);
	return 0;
}
