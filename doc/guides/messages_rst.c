/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * Prints the catalogues of messages as reStructuredText, for the troubleshooting guide: a section
 * for each SECTION, and a definition with a label for each MESSAGE.
 */

#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\u2026"
#define ERR "error"
#define WARNING "warning"
#define INFO "info"

struct entry {
	const char *section; /* its title; of a message NULL */
	const char *id;
	const char *level;
	const char *text;
	const char *cause;
	const char *remedy;
};

static const struct entry entries[] = {
#define SECTION(title) { .section = (title) },
#define MESSAGE(id, level, text, cause, remedy) { NULL, #id, level, text, cause, remedy },
#include "../../lib/vftoken/messages.def"
#include "../../app/vftoken/messages.def"
};

static void
print_section(const char *title)
{
	size_t i;

	printf("\n%s\n", title);
	for (i = 0; i < strlen(title); i++)
		putchar('-');
	putchar('\n');
}

/* A conversion may stand before an ellipsis already. */
static void
print_text(const char *text)
{
	while (*text != '\0') {
		if (*text != '%') {
			putchar(*text++);
			continue;
		}
		text += 1 + strspn(text + 1, "*.0123456789hlz") + 1;
		if (strncmp(text, ELLIPSIS, strlen(ELLIPSIS)) != 0)
			fputs(ELLIPSIS, stdout);
	}
}

static void
print_message(const struct entry *message)
{
	printf("\n.. _%s:\n\n``%s``\n   ``", message->id, message->id);
	print_text(message->text);
	printf("``\n\n   :Level: %s\n   :Cause: %s\n   :Remedy: %s\n", message->level,
	       message->cause, message->remedy);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (entries[i].section != NULL)
			print_section(entries[i].section);
		else
			print_message(&entries[i]);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
