/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What host.py measures without a device:
 *
 *   bench_micro find RULES TIMES            look rules up, TIMES times each way, for callgrind
 *   bench_micro parse RULES literal|file    print how many nanoseconds it takes to add rules
 *   bench_micro write TIMES                 print how many so many bare pwrite(2) take
 *   bench_micro open DEVICES BDF            try to open a device of a made sysfs
 *
 * The rules name the PF and the VFs of cards with 64 functions, each on a bus of its own.
 */

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <vftoken/device.h>
#include <vftoken/private.h>

#define CARD_FUNCTIONS 64
#define RULE_SIZE 80

enum way {
	OWN,  /* a device that a rule names */
	PF,   /* a VF whose PF a rule names */
	NONE, /* one that no rule covers, so that the default is looked for, too */
	N_WAYS,
};

/* The address of function n of a card; rules name those below CARD_FUNCTIONS. */
static void
format_address(uint32_t card, uint32_t n, char bdf[VFTOKEN_BDF_SIZE])
{
	vftoken_format_key((uint64_t)card << 8 | n, bdf);
}

static void
format_rule(const char *kind, uint32_t i, char rule[RULE_SIZE])
{
	char bdf[VFTOKEN_BDF_SIZE];

	format_address(i / CARD_FUNCTIONS, i % CARD_FUNCTIONS, bdf);
	if (strcmp(kind, "literal") == 0)
		snprintf(rule, RULE_SIZE, "%s=3e7e882e-1daf-417f-ad8d-%012" PRIx32, bdf, i);
	else
		snprintf(rule, RULE_SIZE, "%s=file:/run/vf-tokens/%s", bdf, bdf);
}

static void
add_rule(struct vftoken_context *ctx, const char *rule)
{
	if (vftoken_add_rule(ctx, rule) < 0)
		errx(1, "the rule %s was refused", rule);
}

/* After each call callgrind writes what it counted, so it must stay a function. */
static __attribute__((noinline)) void
look_up(const struct vftoken_context *ctx, enum way way, uint32_t times)
{
	char bdf[VFTOKEN_BDF_SIZE], pf[VFTOKEN_BDF_SIZE];
	uint64_t key, pf_key;
	uint32_t i;

	for (i = 0; i < times; i++) {
		const uint32_t n = (uint32_t)((uint64_t)i * ctx->n_rules / times);
		const uint32_t card = n / CARD_FUNCTIONS + (way == NONE ? VFTOKEN_MAX_RULES : 0);
		const uint32_t function = n % CARD_FUNCTIONS + (way == OWN ? 0 : CARD_FUNCTIONS);

		format_address(card, function, bdf);
		format_address(card, 0, pf);
		if (vftoken_parse_key(bdf, &key) < 0 || vftoken_parse_key(pf, &pf_key) < 0 ||
		    (vftoken_find_rule(ctx, key, pf_key) == NULL) != (way == NONE))
			errx(1, "the look-up of %s went wrong", bdf);
	}
}

static void
find(struct vftoken_context *ctx, uint32_t rules, uint32_t times)
{
	char rule[RULE_SIZE];
	enum way way;
	uint32_t i;

	for (i = 0; i < rules; i++) {
		format_rule("file", i, rule);
		add_rule(ctx, rule);
	}
	for (way = 0; way < N_WAYS; way++)
		look_up(ctx, way, times);
}

/* Processor time: the machine's load has less influence on it. */
static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void
parse(struct vftoken_context *ctx, uint32_t rules, const char *kind)
{
	char(*texts)[RULE_SIZE] = calloc(rules, sizeof(*texts));
	int64_t start;
	uint32_t i;

	if (texts == NULL)
		err(1, "calloc");
	for (i = 0; i < rules; i++)
		format_rule(kind, i, texts[i]);
	start = now();
	for (i = 0; i < rules; i++)
		add_rule(ctx, texts[i]);
	printf("%" PRId64 "\n", now() - start);
	free(texts);
}

static void
write_bare(uint32_t times)
{
	const int fd = memfd_create("bench", MFD_CLOEXEC);
	const vftoken_uuid_t token = "0123456789abcde";
	int64_t start;
	uint32_t i;

	start = now();
	for (i = 0; i < times; i++)
		if (pwrite(fd, token, sizeof(token), (off_t)(i * sizeof(token))) < 0)
			err(1, "pwrite");
	printf("%" PRId64 "\n", now() - start);
	close(fd);
}

/* The open itself fails, as there is no group. */
static void
open_device(struct vftoken_context *ctx, const char *devices, const char *bdf)
{
	vftoken_context_set_sysfs(ctx, devices);
	add_rule(ctx, "3e7e882e-1daf-417f-ad8d-882eea5ee337");
	if (vftoken_open(ctx, -1, bdf) >= 0)
		errx(1, "%s was opened", bdf);
}

static uint32_t
number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int
main(int argc, char **argv)
{
	struct vftoken_context *ctx = vftoken_context_process();

	if (argc == 4 && strcmp(argv[1], "find") == 0)
		find(ctx, number(argv[2]), number(argv[3]));
	else if (argc == 4 && strcmp(argv[1], "parse") == 0)
		parse(ctx, number(argv[2]), argv[3]);
	else if (argc == 3 && strcmp(argv[1], "write") == 0)
		write_bare(number(argv[2]));
	else if (argc == 4 && strcmp(argv[1], "open") == 0)
		open_device(ctx, argv[2], argv[3]);
	else
		errx(2, "takes 'find RULES TIMES', 'parse RULES literal|file', 'write TIMES' or "
			"'open DEVICES BDF'");
	vftoken_context_clear(ctx);
	return 0;
}
