/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verdict.h"

struct verdict *verdict_here;

static _Noreturn void
end(enum verdict_result result, const char *format, va_list ap)
{
	vsnprintf(verdict_here->why, sizeof(verdict_here->why), format, ap);
	verdict_here->result = result;
	_exit(0);
}

void
verdict_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	end(VERDICT_NOT_HELD, format, ap);
}

void
verdict_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	end(VERDICT_SKIPPED, format, ap);
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
