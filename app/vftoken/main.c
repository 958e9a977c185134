/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command *const commands[] = {
	&status_command, &generate_command, &set_command,
	&enable_command, &disable_command,  &check_command,
};

#define NAMES_SIZE 128
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char head[] =
	"A VF token is a UUID that the owner of an SR-IOV PF on vfio-pci sets. The kernel opens the PF's\n"
	"VFs only to processes that give this token.\n";

static const char sources[] =
	"SOURCE says where the token comes from:\n"
	"  file:PATH  a file with the UUID, which only its owner may write\n"
	"  env:NAME   an environment variable with the UUID\n"
	"  fd:N       an open file descriptor, such as fd:0 for stdin\n"
	"  UUID       the token itself; prefer one of the others, as this one is in ps for a\n"
	"             moment, until it is overwritten, and stays in the shell's history\n";

static const char tail[] =
	"Exit code: 0 done, or of check: it does; 1 failed or refused, or of check: it doesn't; 2 wrong\n"
	"usage, or of check: it can't be found out.\n"
	"\n"
	"Example:\n"
	"  modprobe vfio-pci enable_sriov=1 && dpdk-devbind.py -b vfio-pci 0000:01:00.0\n"
	"  dpdk-vftoken generate --output /run/vf-token\n"
	"  dpdk-vftoken enable 0000:01:00.0 2 file:/run/vf-token\n"
	"  dpdk-vftoken check 0000:01:10.0 file:/run/vf-token\n"
	"  dpdk-testpmd -a 0000:01:10.0 --vfio-vf-token=0000:01:00.0=file:/run/vf-token -- -i\n"
	"  dpdk-vftoken status\n"
	"\n"
	"See dpdk-vftoken(8), and dpdk-vftoken help COMMAND.\n";

/* The names of the commands, for a message. */
static void
list_names(char names[NAMES_SIZE])
{
	size_t i, length = 0;

	for (i = 0; i < COMMANDS && length < NAMES_SIZE; i++)
		length += (size_t)snprintf(names + length, NAMES_SIZE - length, "%s%s",
					   i > 0 ? ", " : "", commands[i]->name);
}

static void
help(void)
{
	size_t i;

	printf("Usage: dpdk-vftoken COMMAND ARGUMENT...\n\n%s\nCommands:\n", head);
	for (i = 0; i < COMMANDS; i++)
		printf("  %-8s  %-17s  %s\n", commands[i]->name, commands[i]->synopsis,
		       commands[i]->summary);
	printf("  %-8s  %-17s  %s\n", "help", "[COMMAND]", "explain a command");
	printf("BDF is a PCI device, such as 0000:01:00.0.\n\n%s\n%s", sources, tail);
}

static void
command_help(const struct command *command)
{
	printf("Usage: dpdk-vftoken %s %s\n\n%s\n%s", command->name, command->synopsis, head,
	       command->help);
	if (strstr(command->synopsis, "SOURCE") != NULL)
		printf("\n%s", sources);
}

/* Words that can't be understood aren't shown: one may be a token. */
static enum exit_code
run_command(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments arguments = { .count = 0 };
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			command_help(command);
			return DONE;
		}
		if (option == 'j' && command->json)
			arguments.json = true;
		else if (option == 'o' && command->output)
			arguments.output = optarg;
		else
			return complain(WRONG, MSG(cmd_option), command->name);
	}
	arguments.count = argc - optind;
	arguments.words = argv + optind;
	if (arguments.count < command->min_words || arguments.count > command->max_words)
		return complain(WRONG, MSG(cmd_usage), command->name, command->synopsis);
	return command->run(&arguments);
}

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	return NULL;
}

/* The help on a command, if one is named, or on the program. */
static enum exit_code
help_on(int argc, char **argv, const char *names)
{
	const struct command *command = argc > 2 ? find_command(argv[2]) : NULL;

	if (argc > 2 && command == NULL)
		return complain(WRONG, MSG(cmd_unknown_command), names);
	if (command != NULL)
		command_help(command);
	else
		help();
	return DONE;
}

static enum exit_code
run(int argc, char **argv)
{
	const struct command *command;
	char names[NAMES_SIZE];

	list_names(names);
	if (argc < 2)
		return complain(WRONG, MSG(cmd_no_command), names);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help_on(argc, argv, names);
	if (strcmp(argv[1], "--version") == 0) {
		puts("dpdk-vftoken " VFTOKEN_VERSION);
		return DONE;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return complain(WRONG, MSG(cmd_unknown_command), names);
	return run_command(command, argc - 1, argv + 1);
}

static void
log_message(enum vftoken_log_level level, const char *id, const char *text, void *opaque)
{
	(void)level;
	(void)opaque;
	complain(DONE, id, "%s", text);
}

int
main(int argc, char **argv)
{
	enum exit_code code;

	vftoken_keep_standard_fds();
	vftoken_context_set_log(vftoken_context_process(), log_message, NULL);
	code = run(argc, argv);
	vftoken_context_clear(vftoken_context_process());
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(FAILED, MSG(cmd_stdout), strerror(errno));
	return code;
}
