/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <string.h>

#include "message.h"
#include "report.h"

static void
put_text(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", file);
			break;
		case '<':
			fputs("&lt;", file);
			break;
		case '"':
			fputs("&quot;", file);
			break;
		default:
			/* XML 1.0 has no other control characters. */
			fputc((unsigned char)*text >= ' ' || strchr("\t\n", *text) != NULL ? *text
											   : '?',
			      file);
		}
	}
}

static void
put_case(FILE *file, const struct junit_case *done)
{
	const char *element = done->verdict.result == VERDICT_SKIPPED ? "skipped" : "failure";

	fprintf(file, "  <testcase classname=\"%s.%s\" time=\"%.3f\" name=\"%s: ", message_program,
		backend_name(done->backend), done->seconds, done->one->name);
	put_text(file, done->one->holds);
	if (done->verdict.result == VERDICT_HELD) {
		fputs("\"/>\n", file);
		return;
	}
	fprintf(file, "\">\n    <%s message=\"", element);
	put_text(file, done->verdict.why);
	fputs("\"/>\n  </testcase>\n", file);
}

int
junit_write(FILE *file, const struct junit_case *cases, unsigned int n)
{
	unsigned int i, results[VERDICT_SKIPPED + 1] = { 0 };
	double seconds = 0;

	for (i = 0; i < n; i++) {
		results[cases[i].verdict.result]++;
		seconds += cases[i].seconds;
	}
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"%s\" tests=\"%u\" failures=\"%u\" skipped=\"%u\" time=\"%.3f\">\n",
		message_program, n, results[VERDICT_NOT_HELD], results[VERDICT_SKIPPED], seconds);
	for (i = 0; i < n; i++)
		put_case(file, &cases[i]);
	fputs("</testsuite>\n", file);
	return fflush(file) != 0 || ferror(file) ? -1 : 0;
}
