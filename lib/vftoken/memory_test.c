/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/* The search of the process's memory itself. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_util.h"

static const uuid_t token_a = { 0xb6, 0x71, 0xfd, 0x64, 0x4c, 0x5d, 0x49, 0x1e,
				0x9e, 0xb8, 0xda, 0x01, 0xff, 0x1f, 0x33, 0x41 };
static char data[64];

/* Some of a token's text or bytes, from n on. */
static void
put(char *to, bool text, bool capitals, size_t n, size_t length)
{
	const char *form = text ? TOKEN_A : (const char *)token_a;
	size_t i;

	memcpy(to, form + n, length);
	for (i = 0; text && capitals && i < length; i++)
		to[i] = (char)toupper((unsigned char)to[i]);
}

static void
skip_where_it_cannot(void)
{
	if (test_can_search_memory())
		return;
	print_message("memory isn't the program's own under this tool\n");
	skip();
}

/* Each part that is long enough is found once, wherever it is; a shorter one isn't. */
static void
parts(void **state)
{
	static const struct {
		bool text;
		bool capitals;
		size_t length; /* of the token */
		size_t least;
	} forms[] = {
		{ false, false, 16, 8 },
		{ true, false, 36, 12 },
		{ true, true, 36, 12 },
	};
	size_t i, n, at;

	(void)state;
	skip_where_it_cannot();
	for (i = 0; i < TEST_DIM(forms); i++) {
		const size_t length = forms[i].length, least = forms[i].least;

		for (n = 0; n + least <= length; n++) {
			at = n % 8;
			memset(data, '#', sizeof(data));
			put(data + at, forms[i].text, forms[i].capitals, n, least);
			assert_int_equal(test_search_memory(TOKEN_A), 1);
			data[at] = '#';
			assert_int_equal(test_search_memory(TOKEN_A), 0);
		}
		for (at = 0; at < 8; at++) {
			memset(data, '#', sizeof(data));
			put(data + at, forms[i].text, forms[i].capitals, 0, length);
			assert_int_equal(test_search_memory(TOKEN_A), 1);
		}
	}
	explicit_bzero(data, sizeof(data));
}

/* The heap, the stack and the environment are searched, too, and memory files apart from them. */
static void
places(void **state)
{
	char stack[UUID_STR_LEN] = "", *all[3] = { stack };
	size_t i;
	int fd;

	(void)state;
	skip_where_it_cannot();
	all[1] = calloc(1, UUID_STR_LEN);
	assert_non_null(all[1]);
	assert_int_equal(setenv("VF_TOKEN", "as long as a UUID, which has thirty-six", 1), 0);
	all[2] = getenv("VF_TOKEN");
	for (i = 0; i < TEST_DIM(all); i++) {
		put(all[i], true, false, 0, UUID_STR_LEN);
		assert_true(test_is_hidden(TOKEN_A, 1, 0, "in memory"));
		explicit_bzero(all[i], UUID_STR_LEN);
	}
	free(all[1]);
	unsetenv("VF_TOKEN");
	fd = memfd_create("any", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, token_a, sizeof(token_a), 3), sizeof(token_a));
	assert_true(test_is_hidden(TOKEN_A, 0, 1, "in a memory file"));
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_true(test_is_hidden(TOKEN_A, 0, 0, "cut off"));
	close(fd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parts, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(places, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
