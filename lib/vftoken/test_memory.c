/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test_util.h"

#ifdef __has_feature /* clang's; gcc defines __SANITIZE_ADDRESS__ */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#define TEXT_LENGTH (UUID_STR_LEN - 1)

bool
test_can_search_memory(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	const char *preload = getenv("LD_PRELOAD");

	return preload == NULL || strstr(preload, "valgrind") == NULL;
#endif
}

struct call {
	void (*function)(void *opaque);
	void *opaque;
};

static void *
call(void *opaque)
{
	const struct call *c = opaque;

	c->function(c->opaque);
	return NULL;
}

void
test_call(void (*function)(void *opaque), void *opaque)
{
	static _Alignas(4096) char stack[1 << 20];
	struct call c = { function, opaque };
	pthread_attr_t attr;
	pthread_t thread;

	memset(stack, 0, sizeof(stack));
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, sizeof(stack)), 0);
	assert_int_equal(pthread_create(&thread, &attr, call, &c), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
}

static unsigned int
value_of(char digit)
{
	const char *digits = "0123456789abcdef";

	return (unsigned int)(strchr(digits, tolower((unsigned char)digit)) - digits);
}

static bool
is_text(const uint8_t *bytes, const char *token)
{
	size_t i;

	for (i = 0; i < TEXT_LENGTH; i++)
		if (tolower(bytes[i]) != tolower((unsigned char)token[i]))
			return false;
	return true;
}

/* Digit by digit, so that the search itself makes no copy. */
static bool
is_binary(const uint8_t *bytes, const char *token)
{
	for (; *token != '\0'; token += 2, bytes++) {
		token += *token == '-';
		if (*bytes != (value_of(token[0]) << 4 | value_of(token[1])))
			return false;
	}
	return true;
}

static unsigned int
search_range(int memory, unsigned long start, unsigned long end, const char *token)
{
	static uint8_t bytes[4096 + TEXT_LENGTH];
	const uint8_t first = (uint8_t)(value_of(token[0]) << 4 | value_of(token[1]));
	const int digit = tolower((unsigned char)token[0]);
	unsigned int found = 0;
	ssize_t n, i;

	/* Not what is read here. */
	if (start <= (unsigned long)bytes && (unsigned long)bytes < end)
		return search_range(memory, start, (unsigned long)bytes, token) +
		       search_range(memory, (unsigned long)(bytes + sizeof(bytes)), end, token);
	for (; start < end; start += 4096) {
		const size_t left = end - start;

		memset(bytes, 0, sizeof(bytes));
		n = pread(memory, bytes, left < sizeof(bytes) ? left : sizeof(bytes), (off_t)start);
		for (i = 0; i < n && i < 4096; i++)
			/* The first character decides nearly always, and an emulator is slow. */
			if (bytes[i] == first || (bytes[i] | 0x20) == digit)
				found += is_text(bytes + i, token) || is_binary(bytes + i, token);
	}
	return found;
}

unsigned int
test_search_memory(const char *token)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long start, end;
	unsigned int found = 0;
	char line[512], mode[8];

	assert_non_null(maps);
	assert_true(memory >= 0);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && mode[1] == 'w')
			found += search_range(memory, start, end, token);
	fclose(maps);
	close(memory);
	return found;
}
