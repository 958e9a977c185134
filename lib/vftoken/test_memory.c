/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_util.h"

#ifdef __has_feature /* clang's; gcc defines __SANITIZE_ADDRESS__ */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* The two forms of a token, and how much of one in a row is a find. */
#define TEXT_LENGTH (UUID_STR_LEN - 1)
#define TEXT_PART 12
#define BYTES_LENGTH sizeof(uuid_t)
#define BYTES_PART 8

#define CHUNK 65536
/* What a find may have before a chunk or behind it, in whole words. */
#define MARGIN 40

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

/* Not one that fails. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *opaque);

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
	assert_int_equal(__real_pthread_create(&thread, &attr, call, &c), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
}

struct find {
	char place[64];
	unsigned long at;
	size_t length;
	bool text;
};

/* The first finds of the last search, for a message. */
static struct find finds[4];
static unsigned int n_finds;

/* Of each word that a token has, one bit, so that the token itself isn't kept here. */
static uint8_t words[8192];

/* What is searched, with zeros around it. */
static _Alignas(8) uint8_t bytes[MARGIN + CHUNK + MARGIN];

/* The token's byte n, or in lower case its character n. Only ever one, so that no copy is made. */
static uint8_t
part_of(const char *token, bool text, size_t n)
{
	const char *digits = token + 2 * n + (n > 3) + (n > 5) + (n > 7) + (n > 9);

	if (text)
		return (uint8_t)tolower((unsigned char)token[n]);
	return (uint8_t)(vftoken_hex_digit(digits[0]) << 4 | vftoken_hex_digit(digits[1]));
}

static bool
is_part(uint8_t byte, const char *token, bool text, size_t n)
{
	return (text ? tolower(byte) : byte) == part_of(token, text, n);
}

/* The same for letters of both cases. */
static uint32_t
hash(uint32_t word)
{
	return (word | 0x20202020) * 0x9e3779b1 >> 16;
}

static void
learn_words(const char *token, bool text, size_t length)
{
	uint8_t word[sizeof(uint32_t)];
	uint32_t value;
	size_t n, i;

	for (n = 0; n + sizeof(word) <= length; n++) {
		for (i = 0; i < sizeof(word); i++)
			word[i] = part_of(token, text, n + i);
		memcpy(&value, word, sizeof(word));
		words[hash(value) / 8] |= (uint8_t)(1 << hash(value) % 8);
	}
}

static void
start_search(const char *token)
{
	n_finds = 0;
	memset(words, 0, sizeof(words));
	learn_words(token, true, TEXT_LENGTH);
	learn_words(token, false, BYTES_LENGTH);
}

/* Where the part ends whose byte or character n is at i; start receives where it starts. */
static size_t
end_of_part(size_t i, const char *token, bool text, size_t n, size_t *start)
{
	const size_t length = text ? TEXT_LENGTH : BYTES_LENGTH;
	size_t end = i, left = n;

	for (; left > 0 && i > 0 && is_part(bytes[i - 1], token, text, left - 1); left--)
		i--;
	*start = i;
	for (; n < length && end < sizeof(bytes) && is_part(bytes[end], token, text, n); n++)
		end++;
	return end;
}

/* Where the part of a token ends that the byte at i is in; 0 when it is in none, or a short one. */
static size_t
find_part(size_t i, const char *token, const char *place, unsigned long address)
{
	size_t n, start, end;
	int text;

	for (text = 0; text < 2; text++)
		for (n = 0; n < (text ? TEXT_LENGTH : BYTES_LENGTH); n++) {
			end = end_of_part(i, token, text, n, &start);
			if (end <= i || end - start < (text ? TEXT_PART : BYTES_PART))
				continue;
			if (n_finds < TEST_DIM(finds)) {
				struct find *find = &finds[n_finds];

				*find = (struct find){ .at = address + start - i,
						       .length = end - start,
						       .text = text };
				snprintf(find->place, sizeof(find->place), "%s", place);
			}
			n_finds++;
			return end;
		}
	return 0;
}

/*
 * Search what was read. Each part that counts has a whole word at a multiple of its size, so only
 * those are looked at, one by one for the same reason as above. Nearly all are zero, or no word of
 * the token, and an emulator is slow. A find ends at *until, before which no other starts.
 */
static void
search_chunk(size_t size, const char *token, const char *place, unsigned long start,
	     unsigned long *until)
{
	uint32_t word;
	size_t i, end;

	for (i = MARGIN; i < MARGIN + size; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if (word == 0 || (words[hash(word) / 8] >> hash(word) % 8 & 1) == 0 ||
		    start + i - MARGIN < *until)
			continue;
		end = find_part(i, token, place, start + i - MARGIN);
		if (end > 0)
			*until = start + end - MARGIN;
	}
}

static void
search_range(int file, unsigned long start, unsigned long end, const char *token, const char *place)
{
	unsigned long at, until = 0;

	for (at = start; at < end; at += CHUNK) {
		const size_t before = at > start ? MARGIN : 0;
		const size_t size = end - at < CHUNK ? end - at : CHUNK;
		const size_t behind = end - at - size < MARGIN ? end - at - size : MARGIN;

		memset(bytes, 0, sizeof(bytes));
		if (pread(file, bytes + MARGIN - before, before + size + behind,
			  (off_t)(at - before)) > 0)
			search_chunk(size, token, place, at, &until);
	}
}

unsigned int
test_search_memory(const char *token)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	const unsigned long own = (unsigned long)bytes;
	char line[512], mode[8], place[64];
	unsigned long start, end;

	assert_non_null(maps);
	assert_true(memory >= 0);
	start_search(token);
	while (fgets(line, sizeof(line), maps) != NULL) {
		strcpy(place, "no name");
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %63s", &start, &end, mode, place) < 3 ||
		    mode[1] != 'w')
			continue;
		/* Not what is read here. */
		if (start <= own && own < end) {
			search_range(memory, start, own, token, place);
			start = own + sizeof(bytes);
		}
		search_range(memory, start, end, token, place);
	}
	fclose(maps);
	close(memory);
	return n_finds;
}

/* Call a function with each memory file of this process. */
static void
for_each_file(void (*function)(int fd, off_t size, const char *name, void *opaque), void *opaque)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char name[64];
	struct stat st;
	ssize_t n;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), entry->d_name, name, sizeof(name) - 1);
		name[n < 0 ? 0 : n] = '\0';
		if (strncmp(name, "/memfd:", strlen("/memfd:")) == 0 &&
		    fstat(atoi(entry->d_name), &st) == 0)
			function(atoi(entry->d_name), st.st_size, name, opaque);
	}
	closedir(dir);
}

static void
search_file(int fd, off_t size, const char *name, void *opaque)
{
	search_range(fd, 0, (unsigned long)size, opaque, name);
}

unsigned int
test_search_files(const char *token)
{
	start_search(token);
	for_each_file(search_file, (void *)(uintptr_t)token);
	return n_finds;
}

static void
add_size(int fd, off_t size, const char *name, void *opaque)
{
	long *sum = opaque;

	(void)fd;
	if (strncmp(name, "/memfd:vf_token", strlen("/memfd:vf_token")) == 0)
		*sum = (*sum < 0 ? 0 : *sum) + size;
}

long
test_store_size(void)
{
	long size = -1;

	for_each_file(add_size, &size);
	return size;
}

static bool
is_found(unsigned int found, unsigned int allowed, const char *where, const char *when)
{
	unsigned int i;

	if (found == allowed)
		return true;
	print_error("%s: %u places in %s have parts of the token, and not %u\n", when, found, where,
		    allowed);
	for (i = 0; i < n_finds && i < TEST_DIM(finds); i++)
		print_error("\t%zu %s in %s, at %#lx\n", finds[i].length,
			    finds[i].text ? "characters" : "bytes", finds[i].place, finds[i].at);
	return false;
}

bool
test_is_hidden(const char *token, unsigned int in_memory, unsigned int in_files, const char *when)
{
	const bool hidden = is_found(test_search_memory(token), in_memory, "memory", when);

	return is_found(test_search_files(token), in_files, "memory files", when) && hidden;
}
