/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verdict.h"

struct verdict *verdict_here;

void
verdict_set(enum verdict_result result, const char *why)
{
	verdict_here->result = result;
	snprintf(verdict_here->why, sizeof(verdict_here->why), "%s", why);
}

void
verdict_end(enum verdict_result result, const char *format, ...)
{
	char why[VERDICT_WHY_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	verdict_set(result, why);
	_exit(0);
}

const char *
verdict_word(int answer)
{
	const char *name = answer < 0 ? strerrorname_np(-answer) : "success";

	return name != NULL ? name : "an unknown errno";
}

void
verdict_answer(int answer, int must, const char *format, ...)
{
	char what[VERDICT_WHY_SIZE / 2];
	va_list ap;

	if (answer == must || (answer > 0 && must == 0))
		return;
	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	verdict_fail("%s: the answer is %s and must be %s", what, verdict_word(answer),
		     verdict_word(must));
}
