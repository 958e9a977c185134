/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the fuzz targets of libvftoken share. Those that are given tokens take each input twice,
 * the second time with other hex digits in what may be a token: the answers and the messages must
 * be the same, or they would tell of the token.
 */

#ifndef VFTOKEN_FUZZ_UTIL_H
#define VFTOKEN_FUZZ_UTIL_H

/* A broken promise ends the run, in every kind of build. */
#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <uuid/uuid.h>

#include "private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The messages of one run, each after its id and with a line end. */
struct fuzz_messages {
	size_t length;
	char text[64 * 1024];
};

/* A context whose messages are kept. */
struct vftoken_context *fuzz_rules(struct fuzz_messages *messages);

/* A copy as a text, so that ASan sees a read behind it; it ends at a NUL within. To be freed. */
char *fuzz_text(const uint8_t *data, size_t size);

/*
 * Change hex digits to others, digits and letters among themselves. 0 stays, as the nil UUID is no
 * token, and so do d, e and f, of which `fd:`, `file:` and `env:` could come to be.
 */
void fuzz_change_digits(char *text, size_t length);

/*
 * The number that the next descriptor gets. It must be the same before and after an input; between
 * inputs libFuzzer opens some of its own.
 */
int fuzz_next_fd(void);

/*
 * The length of the next part of a text, from `at` on, that messages mask since it may be a token;
 * 0 when there is none. `at` becomes where it starts.
 */
size_t fuzz_next_secret(const char *text, size_t *at);

#endif /* VFTOKEN_FUZZ_UTIL_H */
