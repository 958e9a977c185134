/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "stress_worker.h"
#include "vfio_device.h"

/* Longest times that VFs stay open and that the administrator waits. */
#define HOLD_MS 300
#define ADMIN_MS 4000

/* Longest time between two settings of the token. */
#define SET_MS 10

/* After a refusal a process waits for a part of the time: the others shall get the processor too.
 */
#define REFUSED_DIVISOR 10

unsigned int
stress_draw(uint64_t *state, unsigned int below)
{
	uint64_t value;

	/* Steele, Lea and Flood: Fast Splittable Pseudorandom Number Generators. */
	*state += 0x9e3779b97f4a7c15;
	value = *state;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	value ^= value >> 31;
	return (unsigned int)(value % below);
}

bool
stress_going_away(int answer)
{
	switch (-answer) {
	case EAGAIN:
	case EBUSY:
	case EINVAL:
	case EIO:
	case ENODEV:
	case ENOENT:
	case ENXIO:
	case EXDEV:
		return true;
	default:
		return false;
	}
}

/* What a worker does next; which tokens these are depends on the others. */
static enum token
draw_token(struct stress_worker *self)
{
	/* The right one in half of the cases, as the others end at once. */
	const unsigned int drawn = stress_draw(&self->random, 8);

	return drawn < 4 ? TOKEN_RIGHT : (enum token)(drawn - 3);
}

static void
note(struct stress_worker *self, const char *what, unsigned int number)
{
	char *text;

	self->done++;
	if (self->begun == STRESS_BEGINNING)
		return;
	text = self->beginning[self->begun++];
	snprintf(text, sizeof(self->beginning[0]), "%s %u", what, number);
}

static const char *
word(enum token token)
{
	static const char *const words[] = { "right", "wrong", "none", "nil", "malformed" };

	return words[token];
}

static void
unexpected(struct stress *stress, const struct stress_worker *self, const char *what, int answer)
{
	const unsigned int place = atomic_fetch_add(&stress->n_unexpected, 1);

	if (place < STRESS_UNEXPECTED)
		snprintf(stress->unexpected[place], STRESS_TEXT_SIZE, "%s, operation %lu: %s: %s",
			 self->name, self->done, what, verdict_word(answer));
}

/* Open a device with the token of one of the others' sets. */
static int
open_device(const struct run *run, const struct stress *stress, struct device *device,
	    const char *bdf, enum token token, unsigned int current)
{
	const unsigned int which = token == TOKEN_RIGHT ? current : (current + 1) % STRESS_TOKENS;

	if (token == TOKEN_RIGHT || token == TOKEN_WRONG)
		return backend_open_with(device, run->backend, bdf, stress->tokens[which]);
	return backend_open(device, run->backend, bdf, token);
}

static bool
settled(unsigned int before, unsigned int after)
{
	return before == after && before % 2 == 0;
}

/* A VF's process, as far as one open. */
static int
open_vf(const struct run *run, struct stress *stress, struct stress_worker *self,
	struct device *device, const char *vf, enum token token)
{
	const unsigned int tokens = atomic_load(&stress->token_changes);
	const unsigned int vfs = atomic_load(&stress->vfs_changes);
	bool may_open, may_refuse, same_token, same_vfs;
	int ret;

	ret = open_device(run, stress, device, vf, token, atomic_load(&stress->token));
	same_token = settled(tokens, atomic_load(&stress->token_changes));
	same_vfs = settled(vfs, atomic_load(&stress->vfs_changes));
	may_open = token == TOKEN_RIGHT || (token == TOKEN_WRONG && !same_token);
	may_refuse = token != TOKEN_RIGHT || !same_token;
	if (!(ret == 0 && may_open) &&
	    !(ret == (token == TOKEN_MALFORMED ? backend_malformed(run->backend) : -EACCES) &&
	      may_refuse) &&
	    !(stress_going_away(ret) && !same_vfs))
		unexpected(stress, self, word(token), ret);
	self->refused += ret < 0;
	return ret;
}

void
stress_vf(const struct run *run, struct stress *stress, struct stress_worker *self, const char *vf)
{
	struct device device;
	unsigned int hold;
	enum token token;

	while (!atomic_load(&stress->stop)) {
		token = draw_token(self);
		hold = stress_draw(&self->random, HOLD_MS);
		note(self, word(token), hold);
		atomic_fetch_add(&stress->maybe_in_use, 1);
		atomic_fetch_add(&stress->use_changes, 1);
		if (open_vf(run, stress, self, &device, vf, token) == 0) {
			atomic_fetch_add(&stress->surely_in_use, 1);
			atomic_fetch_add(&stress->use_changes, 1);
			usleep(hold * 1000);
			atomic_fetch_sub(&stress->surely_in_use, 1);
			atomic_fetch_add(&stress->use_changes, 1);
			backend_close(&device);
		} else {
			usleep(hold * 1000 / REFUSED_DIVISOR);
		}
		atomic_fetch_sub(&stress->maybe_in_use, 1);
		atomic_fetch_add(&stress->use_changes, 1);
	}
}

/* Open the PF; another token than the current one becomes that if no VF is in use. */
static int
open_pf(const struct run *run, struct stress *stress, struct stress_worker *self,
	struct device *device, enum token token)
{
	const unsigned int current = atomic_load(&stress->token);
	const unsigned int vfs = atomic_load(&stress->vfs_changes);
	const unsigned int use = atomic_load(&stress->use_changes);
	const bool in_use = atomic_load(&stress->surely_in_use) > 0;
	const bool idle = atomic_load(&stress->maybe_in_use) == 0;
	bool may_open, may_refuse, same_use;
	int ret;

	if (token == TOKEN_WRONG)
		atomic_fetch_add(&stress->token_changes, 1);
	ret = open_device(run, stress, device, run->pf, token, current);
	/* A PF may be locked for a change of VFs. By group the kernel has taken the token before it
	 * finds out, by cdev some have, which then is the right one.
	 */
	while (token == TOKEN_WRONG && ret == -EAGAIN && run->backend == BACKEND_IOMMUFD)
		ret = open_device(run, stress, device, run->pf, token, current);
	if (token == TOKEN_WRONG) {
		if (ret == 0 || ret == -EAGAIN)
			atomic_store(&stress->token, (current + 1) % STRESS_TOKENS);
		atomic_fetch_add(&stress->token_changes, 1);
	}
	same_use = use == atomic_load(&stress->use_changes);
	may_open = token == TOKEN_RIGHT || (token != TOKEN_MALFORMED && !(same_use && in_use));
	may_refuse = token != TOKEN_RIGHT && !(same_use && idle);
	if (token == TOKEN_MALFORMED ? ret != backend_malformed(run->backend)
				     : !(ret == 0 && may_open) && !(ret == -EACCES && may_refuse) &&
					       !(stress_going_away(ret) &&
						 !settled(vfs, atomic_load(&stress->vfs_changes))))
		unexpected(stress, self, word(token), ret);
	self->refused += ret < 0;
	return ret;
}

static void
set_token(struct stress *stress, struct stress_worker *self, const struct device *device)
{
	const unsigned int next = (atomic_load(&stress->token) + 1) % STRESS_TOKENS;
	int ret;

	atomic_fetch_add(&stress->token_changes, 1);
	ret = vfio_device_feature_set(device->fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
				      stress->tokens[next], sizeof(uuid_t));
	if (ret == 0)
		atomic_store(&stress->token, next);
	else
		unexpected(stress, self, "set", ret);
	atomic_fetch_add(&stress->token_changes, 1);
	self->done++;
}

void
stress_pf(const struct run *run, struct stress *stress, struct stress_worker *self)
{
	struct device device;
	unsigned int i, pause, sets;
	enum token token;

	while (!atomic_load(&stress->stop)) {
		token = draw_token(self);
		/* As the PF's token it would be one that VFs' processes must be refused with. */
		if (token == TOKEN_NIL)
			token = TOKEN_NONE;
		sets = stress_draw(&self->random, 20);
		pause = stress_draw(&self->random, SET_MS);
		note(self, word(token), sets);
		if (open_pf(run, stress, self, &device, token) < 0) {
			usleep(sets * 1000);
			continue;
		}
		for (i = 0; i < sets && !atomic_load(&stress->stop); i++) {
			set_token(stress, self, &device);
			usleep(pause * 1000);
		}
		backend_close(&device);
	}
}

void
stress_admin(const struct run *run, struct stress *stress, struct stress_worker *self)
{
	unsigned int i, wait;
	int ret;

	while (!atomic_load(&stress->stop)) {
		wait = stress_draw(&self->random, ADMIN_MS);
		note(self, "vfs", wait);
		for (i = 0; i < wait && !atomic_load(&stress->stop); i += 10)
			usleep(10000);
		atomic_fetch_add(&stress->vfs_changes, 1);
		ret = pci_sriov_set_numvfs(NULL, run->pf, 0);
		if (ret < 0)
			unexpected(stress, self, "disabling VFs", ret);
		ret = pci_sriov_set_numvfs(NULL, run->pf, (uint16_t)run->num_vfs);
		if (ret < 0)
			unexpected(stress, self, "enabling VFs", ret);
		atomic_fetch_add(&stress->vfs_changes, 1);
	}
}
