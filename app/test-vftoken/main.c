/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vftoken/context.h>

#include "job.h"
#include "suite.h"

#define EXIT_USAGE 2

static const char usage[] =
	"usage: dpdk-test-vftoken --pf BDF [--pf2 BDF] [--other BDF] [OPTION]...\n"
	"       dpdk-test-vftoken --list [--backend B] [--case PATTERN]\n"
	"\n"
	"Tests that a kernel and an SR-IOV NIC keep the rules of VF tokens. Prints TAP.\n"
	"\n"
	"  --pf BDF          the PF to test, such as 0000:01:00.0, that nothing uses\n"
	"  --pf2 BDF         a second PF, for the cases that take two\n"
	"  --other BDF       a device that is neither PF nor VF, for the cases that take one\n"
	"  --num-vfs N       VFs of each PF, 1 to 256 (2)\n"
	"  --backend B       group, iommufd or all (all)\n"
	"  --case PATTERN    only the cases whose names match, such as 'vf/*' or 'group/vf/*'\n"
	"  --list            print the cases and what must hold\n"
	"  --stress SECONDS  instead of the cases, race their operations for so long\n"
	"  --race ROUNDS     instead of the cases, race opens against VFs and drivers that go\n"
	"  --seed N          draw the operations of --stress or --race from this number (1)\n"
	"  --help, --version\n"
	"\n"
	"Status: 0 all held; 1 something did not, or nothing was proved; 2 wrong usage, or a device\n"
	"was refused. The machine is left as it was.\n";

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "case", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "list", no_argument, NULL, 'l' },
	{ "num-vfs", required_argument, NULL, 'n' },
	{ "other", required_argument, NULL, 'o' },
	{ "pf", required_argument, NULL, 'p' },
	{ "pf2", required_argument, NULL, 'q' },
	{ "race", required_argument, NULL, 'r' },
	{ "seed", required_argument, NULL, 'd' },
	{ "stress", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct suite_choice choice;
	struct machine machine;
	bool list;
};

static bool
parse_number(const char *name, const char *text, unsigned int low, unsigned int high,
	     unsigned int *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < low ||
	    value > high)
		return message_refuse("--%s '%s' isn't a number from %u to %u", name, text, low,
				      high);
	*number = (unsigned int)value;
	return true;
}

static bool
parse_bdf(const char *name, const char *text, char bdf[VFTOKEN_BDF_SIZE])
{
	if (vftoken_parse_bdf(text, bdf) == 0)
		return true;
	return message_refuse("--%s '%s' isn't a BDF such as 0000:01:00.0", name, text);
}

static bool
parse_backend(const char *text, bool backends[BACKENDS])
{
	const bool all = strcmp(text, "all") == 0;
	unsigned int i;
	bool any = all;

	for (i = 0; i < BACKENDS; i++) {
		backends[i] = all || strcmp(text, backend_name(i)) == 0;
		any |= backends[i];
	}
	return any || message_refuse("--backend '%s' isn't group, iommufd or all", text);
}

static bool
parse_option(struct arguments *args, int option, const char *name, const char *text)
{
	struct machine *machine = &args->machine;

	switch (option) {
	case 'b':
		return parse_backend(text, args->choice.backends);
	case 'c':
		args->choice.pattern = text;
		return true;
	case 'l':
		args->list = true;
		return true;
	case 'n':
		return parse_number(name, text, 1, MACHINE_VFS, &machine->num_vfs);
	case 'o':
		return parse_bdf(name, text, machine->other.bdf);
	case 'p':
		/* A second one is --pf2. */
		return parse_bdf(name, text,
				 machine->pfs[machine->pfs[0].was.bdf[0] != '\0'].was.bdf);
	case 'q':
		return parse_bdf(name, text, machine->pfs[1].was.bdf);
	case 'r':
		return parse_number(name, text, 1, 1000000, &args->choice.race);
	case 'd':
		return parse_number(name, text, 0, UINT_MAX, &args->choice.seed);
	case 's':
		return parse_number(name, text, 1, 86400, &args->choice.stress);
	default:
		return false;
	}
}

static bool
check(struct arguments *args)
{
	struct machine *machine = &args->machine;

	if (args->choice.race > 0 && args->choice.stress > 0)
		return message_refuse("--race and --stress are two tests; give one of them");
	if (suite_list(&args->choice, false) == 0)
		return message_refuse("no case matches '%s'; see --list", args->choice.pattern);
	if (args->list)
		return true;
	if (machine->pfs[0].was.bdf[0] == '\0')
		return message_refuse("give the PF to test: --pf BDF");
	machine->n_pfs = machine->pfs[1].was.bdf[0] != '\0' ? 2 : 1;
	if (strcmp(machine->pfs[0].was.bdf, machine->pfs[1].was.bdf) == 0)
		return message_refuse("--pf and --pf2 are the same PF");
	return true;
}

/* Returns true to go on, or false to exit with a status. */
static bool
parse(struct arguments *args, int argc, char **argv, int *status)
{
	int index, option;

	*status = EXIT_USAGE;
	/* getopt would print the argument as it is. */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (option == 'h' || option == 'v') {
			fputs(option == 'h' ? usage : "dpdk-test-vftoken " VFTOKEN_VERSION "\n",
			      stdout);
			*status = EXIT_SUCCESS;
			return false;
		}
		if (option == '?')
			return message_refuse(
				"an option is unknown or lacks its value; see --help");
		if (!parse_option(args, option, options[index].name, optarg)) {
			fputs("See --help.\n", stderr);
			return false;
		}
	}
	if (optind < argc) {
		message_refuse("'%s' isn't an option; see --help", argv[optind]);
		return false;
	}
	return check(args);
}

int
main(int argc, char **argv)
{
	static struct arguments args = {
		.choice = { .backends = { true, true }, .seed = 1 },
		.machine = { .num_vfs = 2 },
	};
	int status;
	bool ok;

	vftoken_keep_standard_fds();
	if (!parse(&args, argc, argv, &status))
		return status;
	if (args.list) {
		suite_list(&args.choice, true);
		return EXIT_SUCCESS;
	}
	job_block_signals();
	if (!machine_record(&args.machine))
		return EXIT_USAGE;
	if (machine_prepare(&args.machine)) {
		ok = suite_run(&args.choice, &args.machine);
		status = ok ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (!machine_restore(&args.machine))
		status = EXIT_FAILURE;
	if (job_signal != 0) {
		/* The parent sees that the signal has ended this process. */
		fflush(NULL);
		signal(job_signal, SIG_DFL);
		raise(job_signal);
		job_unblock_signals();
	}
	return status;
}
