/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "job.h"
#include "message.h"
#include "race.h"
#include "report.h"
#include "stress.h"
#include "suite.h"

/* Far more than a case takes, also in a machine in software emulation. */
#define CASE_SECONDS 60

static const struct suite_cases *const themes[] = {
	&open_cases,  &option_cases, &bind_cases,    &feature_cases, &token_cases,  &rotation_cases,
	&users_cases, &sriov_cases,  &removal_cases, &process_cases, &two_pf_cases,
};

static const struct suite_cases race_only = { &race_case, 1 };
static const struct suite_cases stress_only = { &stress_case, 1 };

/* Where the walk over the table is. */
struct walk {
	unsigned int theme;
	unsigned int next;
	enum backend backend;
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

/* One of the choice's themes; NULL when it has fewer. */
static const struct suite_cases *
theme_at(const struct suite_choice *choice, unsigned int index)
{
	if (choice->race > 0)
		return index == 0 ? &race_only : NULL;
	if (choice->stress > 0)
		return index == 0 ? &stress_only : NULL;
	return index < SUITE_DIM(themes) ? themes[index] : NULL;
}

/* The next case of the choice; NULL when there is none left. */
static const struct suite_case *
next_case(const struct suite_choice *choice, struct walk *walk)
{
	const struct suite_cases *theme;
	const struct suite_case *one;

	for (; walk->backend < BACKENDS; walk->backend++, walk->theme = 0) {
		for (; (theme = theme_at(choice, walk->theme)) != NULL;
		     walk->theme++, walk->next = 0) {
			while (walk->next < theme->n) {
				one = &theme->cases[walk->next++];
				if (chosen(choice, walk->backend, one))
					return one;
			}
		}
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

/* What the machine lacks for a case; NULL for nothing. */
static const char *
lacks(const struct run *run, const struct suite_case *one, const char *const backends[BACKENDS])
{
	if (!machine_has_tokens())
		return "this kernel's vfio-pci has no VF tokens (Linux 5.7)";
	if ((one->needs & NEEDS_TWO_VFS) != 0 && run->vf2 == NULL)
		return "it takes two VFs; give --num-vfs 2 or more";
	if ((one->needs & NEEDS_TWO_PFS) != 0 && run->pf2 == NULL)
		return "it takes a second PF; give --pf2";
	if ((one->needs & NEEDS_OTHER) != 0 && run->other == NULL)
		return "it takes a device that is neither PF nor VF; give --other";
	return backends[run->backend];
}

struct work {
	const struct suite_case *one;
	const struct run *run;
};

static void
run_case(const void *arg)
{
	const struct work *work = arg;

	work->one->run(work->run, work->one->arg);
	verdict_here->result = VERDICT_HELD;
}

static void
conclude(enum job_end end, struct verdict *verdict)
{
	static const char *const why[] = {
		[JOB_CRASHED] = "the case's process has crashed",
		[JOB_TIMEOUT] = "it took too long and was killed: the kernel has not answered",
		[JOB_STOPPED] = "a signal has stopped it",
		[JOB_STUCK] = "it was killed and doesn't end: the kernel doesn't let go of it",
	};

	if (end == JOB_DONE)
		return;
	verdict->result = VERDICT_NOT_HELD;
	strcpy(verdict->why, why[end]);
}

static void
fill_run(struct run *run, enum backend backend, const struct machine *machine)
{
	const struct machine_pf *pf = machine->pfs;

	memset(run, 0, sizeof(*run));
	run->machine = machine;
	run->backend = backend;
	run->num_vfs = machine->num_vfs;
	run->pf = pf[0].was.bdf;
	run->vf = pf[0].vfs[0];
	if (machine->num_vfs > 1)
		run->vf2 = pf[0].vfs[1];
	if (machine->n_pfs > 1) {
		run->pf2 = pf[1].was.bdf;
		run->pf2_vf = pf[1].vfs[0];
	}
	if (machine->other.bdf[0] != '\0')
		run->other = machine->other.bdf;
}

/* Run one case on a prepared machine. */
static enum job_end
prove(const struct suite_choice *choice, const struct run *run, struct junit_case *done)
{
	const struct work work = { done->one, run };
	struct timespec start, end;
	enum job_end ended;

	/* What stays when the process ends before it says otherwise. */
	verdict_here->result = VERDICT_NOT_HELD;
	strcpy(verdict_here->why, "the case's process has ended without a word");
	race_setup(choice->race, choice->seed);
	stress_setup(choice->stress, choice->seed);
	clock_gettime(CLOCK_MONOTONIC, &start);
	/* A race watches its operations itself. */
	ended = job_run(run_case, &work,
			CASE_SECONDS + choice->stress + choice->race * RACE_SECONDS);
	clock_gettime(CLOCK_MONOTONIC, &end);
	conclude(ended, verdict_here);
	done->verdict = *verdict_here;
	done->seconds =
		(double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	return ended;
}

/* Prepare the machine for a case and run it, or skip it. */
static enum job_end
run_one(const struct suite_choice *choice, struct machine *machine, struct junit_case *done,
	const char *const backends[BACKENDS], bool *has_token)
{
	enum job_end end;
	struct run run;
	const char *why;

	fill_run(&run, done->backend, machine);
	run.has_token = *has_token;
	why = lacks(&run, done->one, backends);
	if (why != NULL) {
		done->verdict.result = VERDICT_SKIPPED;
		strcpy(done->verdict.why, why);
		return JOB_DONE;
	}
	if (!machine_prepare(machine))
		return JOB_NOT_STARTED;
	end = prove(choice, &run, done);
	*has_token = done->verdict.result == VERDICT_HELD && (done->one->needs & KEEPS_TOKEN) != 0;
	return end;
}

/* Run all until one ends the run; returns how many have a result. */
static unsigned int
run_all(const struct suite_choice *choice, struct machine *machine, struct junit_case *done,
	unsigned int n, const char **ended_early)
{
	const char *vf = machine->pfs[0].vfs[0], *backends[BACKENDS];
	struct walk walk = { 0 };
	bool has_token = false;
	enum job_end end;
	unsigned int i;

	for (i = 0; i < BACKENDS; i++)
		backends[i] = backend_lacks((enum backend)i, vf);
	for (i = 0; i < n; i++) {
		done[i].one = next_case(choice, &walk);
		done[i].backend = walk.backend;
		job_check_signals();
		if (job_signal != 0)
			return i;
		end = run_one(choice, machine, &done[i], backends, &has_token);
		if (end == JOB_NOT_STARTED)
			*ended_early = "the next case can't be started";
		if (end == JOB_STOPPED || end == JOB_NOT_STARTED)
			return i;
		tap_case(i + 1, walk.backend, done[i].one, &done[i].verdict);
		if (end == JOB_STUCK) {
			*ended_early = "the kernel doesn't let go of a killed process";
			return i + 1;
		}
	}
	return n;
}

bool
suite_run(const struct suite_choice *choice, struct machine *machine)
{
	const unsigned int n = suite_list(choice, false);
	struct junit_case *done = calloc(n, sizeof(*done));
	unsigned int i, ran, results[VERDICT_SKIPPED + 1] = { 0 };
	const char *ended_early = NULL;
	char stopped[32];
	bool ok = true;

	verdict_here = mmap(NULL, sizeof(*verdict_here), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == NULL || verdict_here == MAP_FAILED) {
		free(done);
		return message_refuse("out of memory");
	}
	backend_draw_tokens();
	tap_begin(n, machine);
	ran = run_all(choice, machine, done, n, &ended_early);
	if (job_signal != 0) {
		snprintf(stopped, sizeof(stopped), "stopped by SIG%s", sigabbrev_np(job_signal));
		ended_early = stopped;
	}
	if (ended_early != NULL)
		tap_bail_out(ended_early);
	for (i = 0; i < ran; i++)
		results[done[i].verdict.result]++;
	printf("# %u held, %u did not, %u skipped\n", results[VERDICT_HELD],
	       results[VERDICT_NOT_HELD], results[VERDICT_SKIPPED]);
	if (choice->junit != NULL && junit_write(choice->junit, done, ran) < 0)
		ok = message_refuse("the JUnit file can't be written: %s", strerror(errno));
	munmap(verdict_here, sizeof(*verdict_here));
	free(done);
	return ok && ended_early == NULL && results[VERDICT_NOT_HELD] == 0 &&
	       results[VERDICT_HELD] > 0;
}
