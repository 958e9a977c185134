/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <stdio.h>
#include <sys/utsname.h>

#include "report.h"

void
tap_begin(unsigned int n, const struct machine *machine)
{
	struct utsname name;
	unsigned int i;

	uname(&name);
	printf("TAP version 13\n1..%u\n# Linux %s on %s\n", n, name.release, name.machine);
	for (i = 0; i < machine->n_pfs; i++)
		printf("# PF %s, %u VFs\n", machine->pfs[i].was.bdf, machine->num_vfs);
	fflush(stdout);
}

/* As a YAML string; a reason may quote what was given to the kernel. */
static void
put_quoted(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if (*text == '\n' || *text == '\t')
			fputs(*text == '\n' ? "\\n" : "\\t", stdout);
		else
			putchar(*text);
	}
	putchar('"');
}

void
tap_case(unsigned int number, enum backend backend, const struct suite_case *one,
	 const struct verdict *verdict)
{
	printf("%sok %u - %s/%s: %s", verdict->result == VERDICT_NOT_HELD ? "not " : "", number,
	       backend_name(backend), one->name, one->holds);
	if (verdict->result == VERDICT_SKIPPED)
		printf(" # SKIP %s", verdict->why);
	putchar('\n');
	if (verdict->result == VERDICT_NOT_HELD) {
		fputs("  ---\n  message: ", stdout);
		put_quoted(verdict->why);
		fputs("\n  ...\n", stdout);
	}
	fflush(stdout);
}

void
tap_bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	fflush(stdout);
}
