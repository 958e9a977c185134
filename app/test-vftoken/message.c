/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdarg.h>
#include <stdio.h>

#include "message.h"

const char message_program[] = "dpdk-test-vftoken";

bool
message_refuse(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", message_program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}
