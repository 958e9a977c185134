/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "job.h"
#include "suite.h"

/* The place in the table. */
struct walk {
	enum backend backend;
	unsigned int theme;
	unsigned int next;
};

static bool
chosen(const struct suite_choice *choice, enum backend backend, const struct suite_case *one)
{
	char full[128];

	if (!choice->backends[backend] ||
	    (one->needs & (backend == BACKEND_GROUP ? IOMMUFD_ONLY : GROUP_ONLY)) != 0)
		return false;
	snprintf(full, sizeof(full), "%s/%s", backend_name(backend), one->name);
	return choice->pattern == NULL || fnmatch(choice->pattern, one->name, 0) == 0 ||
	       fnmatch(choice->pattern, full, 0) == 0;
}

/* The next case of the choice; NULL when there is none left. */
static const struct suite_case *
next_case(const struct suite_choice *choice, struct walk *walk)
{
	static const struct suite_case *const all[] = {
		open_cases,  option_cases, bind_cases,    feature_cases, token_cases,
		users_cases, sriov_cases,  process_cases, two_pf_cases,  NULL,
	};
	static const struct suite_case *const race[] = { race_cases, NULL };
	static const struct suite_case *const stress[] = { stress_cases, NULL };
	const struct suite_case *const *themes = choice->race > 0     ? race
						 : choice->stress > 0 ? stress
								      : all;
	const struct suite_case *one;

	for (; walk->backend < BACKENDS; walk->backend++, walk->theme = 0)
		for (; themes[walk->theme] != NULL; walk->theme++, walk->next = 0)
			while ((one = &themes[walk->theme][walk->next])->name != NULL) {
				walk->next++;
				if (chosen(choice, walk->backend, one))
					return one;
			}
	return NULL;
}

unsigned int
suite_list(const struct suite_choice *choice, bool print)
{
	const struct suite_case *one;
	struct walk walk = { 0 };
	unsigned int n;

	for (n = 0; (one = next_case(choice, &walk)) != NULL; n++)
		if (print)
			printf("%s/%s: %s\n", backend_name(walk.backend), one->name, one->holds);
	return n;
}

static void
put_plan(unsigned int n, const struct machine *machine)
{
	struct utsname name;
	unsigned int i;

	uname(&name);
	printf("TAP version 13\n1..%u\n# Linux %s on %s\n", n, name.release, name.machine);
	for (i = 0; i < machine->n_pfs; i++)
		printf("# PF %s, %u VFs\n", machine->pfs[i].was.bdf, machine->num_vfs);
	fflush(stdout);
}

/* Print a YAML string; a reason may quote a text for the kernel. */
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

static void
put_case(unsigned int number, const struct run *run)
{
	const bool failed = verdict_here->result == VERDICT_NOT_HELD;

	printf("%sok %u - %s/%s: %s", failed ? "not " : "", number, backend_name(run->backend),
	       run->one->name, run->one->holds);
	if (verdict_here->result == VERDICT_SKIPPED)
		printf(" # SKIP %s", verdict_here->why);
	putchar('\n');
	if (failed) {
		fputs("  ---\n  message: ", stdout);
		put_quoted(verdict_here->why);
		fputs("\n  ...\n", stdout);
	}
	fflush(stdout);
}

/* What the kernel lacks for each backend, seen on a VF that is there. */
static const char *missing[BACKENDS];

/* What the machine lacks for a case; NULL for nothing. */
static const char *
lacks(const struct run *run)
{
	const unsigned int needs = run->one->needs;

	if (!machine_has_tokens())
		return "this kernel's vfio-pci has no VF tokens (Linux 5.7)";
	if ((needs & NEEDS_TWO_VFS) != 0 && run->vf2 == NULL)
		return "it takes two VFs; give --num-vfs 2 or more";
	if ((needs & NEEDS_TWO_PFS) != 0 && run->pf2 == NULL)
		return "it takes a second PF; give --pf2";
	if ((needs & NEEDS_OTHER) != 0 && run->other == NULL)
		return "it takes a device that is neither PF nor VF; give --other";
	return missing[run->backend];
}

static void
run_case(const void *arg)
{
	const struct run *run = arg;

	run->one->run(run);
	verdict_here->result = VERDICT_HELD;
}

/* Run one case on a prepared machine. */
static enum job_end
prove(const struct run *run)
{
	static const char *const why[] = {
		[JOB_CRASHED] = "the case's process has crashed",
		[JOB_TIMEOUT] = "it took too long and was killed: the kernel has not answered",
		[JOB_STOPPED] = "a signal has stopped it",
		[JOB_STUCK] = "it was killed and doesn't end: the kernel doesn't let go of it",
	};
	const struct suite_choice *choice = run->choice;
	enum job_end end;

	/* It stays if the process ends without a verdict. */
	verdict_set(VERDICT_NOT_HELD, "the case's process has ended without a word");
	/* A race watches its operations itself. */
	end = job_run(run_case, run, SUITE_SECONDS + choice->stress + choice->race * SUITE_SECONDS);
	if (end != JOB_DONE && end != JOB_NOT_STARTED)
		verdict_set(VERDICT_NOT_HELD, why[end]);
	return end;
}

/* Prepare the machine for a case and run it, or skip it. */
static enum job_end
run_one(struct machine *machine, struct run *run)
{
	const char *why = lacks(run);
	enum job_end end;

	if (why != NULL) {
		verdict_set(VERDICT_SKIPPED, why);
		return JOB_DONE;
	}
	if (!machine_prepare(machine))
		return JOB_NOT_STARTED;
	end = prove(run);
	run->has_token =
		verdict_here->result == VERDICT_HELD && (run->one->needs & KEEPS_TOKEN) != 0;
	return end;
}

/* Run all until one ends the run; returns how it ended. */
static enum job_end
run_all(struct machine *machine, struct run *run, unsigned int *results)
{
	struct walk walk = { 0 };
	enum job_end end = JOB_DONE;
	unsigned int number;

	for (number = 0; number < BACKENDS; number++)
		missing[number] = backend_lacks((enum backend)number, run->vf);
	for (number = 1; end != JOB_STUCK; number++) {
		run->one = next_case(run->choice, &walk);
		if (run->one == NULL)
			return JOB_DONE;
		job_check_signals();
		if (job_signal != 0)
			return JOB_STOPPED;
		run->backend = walk.backend;
		end = run_one(machine, run);
		if (end == JOB_STOPPED || end == JOB_NOT_STARTED)
			return end;
		put_case(number, run);
		results[verdict_here->result]++;
	}
	return end;
}

bool
suite_run(const struct suite_choice *choice, struct machine *machine)
{
	const struct machine_pf *pf = machine->pfs;
	unsigned int results[VERDICT_SKIPPED + 1] = { 0 };
	struct run run = {
		.choice = choice,
		.machine = machine,
		.pf = pf[0].was.bdf,
		.vf = pf[0].vfs[0],
		.vf2 = machine->num_vfs > 1 ? pf[0].vfs[1] : NULL,
		.pf2 = machine->n_pfs > 1 ? pf[1].was.bdf : NULL,
		.pf2_vf = pf[1].vfs[0],
		.other = machine->other.bdf[0] != '\0' ? machine->other.bdf : NULL,
		.num_vfs = machine->num_vfs,
	};
	enum job_end end;

	verdict_here = mmap(NULL, sizeof(*verdict_here), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict_here == MAP_FAILED)
		return message_refuse("out of memory");
	backend_draw_tokens();
	put_plan(suite_list(choice, false), machine);
	end = run_all(machine, &run, results);
	if (job_signal != 0)
		printf("Bail out! stopped by SIG%s\n", sigabbrev_np(job_signal));
	else if (end != JOB_DONE)
		printf("Bail out! %s\n", end == JOB_STUCK
						 ? "the kernel doesn't let go of a killed process"
						 : "the next case can't be started");
	printf("# %u held, %u did not, %u skipped\n", results[VERDICT_HELD],
	       results[VERDICT_NOT_HELD], results[VERDICT_SKIPPED]);
	munmap(verdict_here, sizeof(*verdict_here));
	return end == JOB_DONE && job_signal == 0 && results[VERDICT_NOT_HELD] == 0 &&
	       results[VERDICT_HELD] > 0;
}
