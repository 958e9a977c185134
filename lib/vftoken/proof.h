/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the proofs of libvftoken share: for CBMC, models of what the library calls and CBMC has no
 * model of. A proof includes the files that it is about, and so reaches their static functions. It
 * holds for each value that any_text() and the like stand for; allocations fail, too.
 */

#ifndef VFTOKEN_PROOF_H
#define VFTOKEN_PROOF_H

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

/*
 * A proof, a bound on the turns of its loops, and maybe another on those of one loop. CBMC proves
 * that no loop turns more often.
 */
#define PROOF(name, ...) void prove_##name(void)

bool nondet_bool(void);
char nondet_char(void);
int nondet_int(void);
uint16_t nondet_uint16_t(void);
uint32_t nondet_uint32_t(void);
uint64_t nondet_uint64_t(void);
size_t nondet_size_t(void);

/* How often a refusal was said. */
unsigned int refusals;

/* Any text of less than `size` characters. */
void
any_text(char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size - 1; i++)
		text[i] = nondet_char();
	text[size - 1] = '\0';
}

int
vftoken_refuse(const struct vftoken_context *ctx, int err, enum vftoken_message id,
	       const char *text, ...)
{
	(void)ctx, (void)id, (void)text;
	refusals++;
	return err;
}

int
vftoken_refuse_of(const struct vftoken_subject *subject, int err, enum vftoken_message id,
		  const char *text, ...)
{
	(void)subject, (void)id, (void)text;
	refusals++;
	return err;
}

void
explicit_bzero(void *bytes, size_t size)
{
	memset(bytes, 0, size);
}

/* %s with a precision, and %x with leading zeros: all that the proofs come across. */
int
snprintf(char *text, size_t size, const char *format, ...)
{
	size_t length = 0;
	va_list ap;

	va_start(ap, format);
	for (; *format != '\0'; format++) {
		int i, width = 1;

		if (*format != '%') {
			if (length + 1 < size)
				text[length] = *format;
			length++;
			continue;
		}
		format++;
		if (*format == '.') {
			const int precision = va_arg(ap, int);
			const char *s = va_arg(ap, const char *);

			assert(format[1] == '*' && format[2] == 's');
			format += 2;
			for (i = 0; i < precision && s[i] != '\0'; i++, length++)
				if (length + 1 < size)
					text[length] = s[i];
		} else {
			const unsigned int number = va_arg(ap, unsigned int);

			if (*format == '0') {
				width = format[1] - '0';
				format += 2;
			}
			assert(*format == 'x');
			for (i = 7; i >= 0; i--)
				if (i < width || number >> 4 * i != 0) {
					if (length + 1 < size)
						text[length] =
							"0123456789abcdef"[number >> 4 * i & 0xf];
					length++;
				}
		}
	}
	va_end(ap);
	if (size > 0)
		text[length < size ? length : size - 1] = '\0';
	return (int)length;
}

char *
strchrnul(const char *text, int c)
{
	while (*text != '\0' && *text != (char)c)
		text++;
	return (char *)text;
}

#endif /* VFTOKEN_PROOF_H */
