/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "step.h"

/* An index that no feature has. */
#define UNKNOWN 0xffff

#define GET VFIO_DEVICE_FEATURE_GET
#define SET VFIO_DEVICE_FEATURE_SET
#define PROBE VFIO_DEVICE_FEATURE_PROBE

#define HEAD sizeof(struct vfio_device_feature)
#define FULL (HEAD + sizeof(uuid_t))

struct asking {
	bool of_vf;
	uint32_t argsz;
	uint32_t flags;
	int must;
	bool sets; /* the token becomes TOKEN_WRONG */
};

/* Ask a PF, whose token is TOKEN_RIGHT, or its VF; the data are TOKEN_WRONG. */
static void
ask(const struct run *run, const void *arg)
{
	const struct asking *asking = arg;
	union {
		uint8_t bytes[64];
		struct vfio_device_feature feature;
	} request = { { 0 } };
	struct device pf, vf;
	int ret;

	request.feature.argsz = asking->argsz;
	request.feature.flags = asking->flags;
	memcpy(request.feature.data, backend_token(TOKEN_WRONG), sizeof(uuid_t));
	step_start_pf(run, &pf, run->pf);
	if (asking->of_vf)
		step_open(run, &vf, run->vf, TOKEN_RIGHT);
	ret = ioctl(asking->of_vf ? vf.fd : pf.fd, VFIO_DEVICE_FEATURE, &request) < 0 ? -errno : 0;
	verdict_answer(ret, asking->must, "VFIO_DEVICE_FEATURE with flags 0x%x and argsz %u",
		       asking->flags, asking->argsz);
	if (memcmp(request.feature.data, backend_token(TOKEN_RIGHT), sizeof(uuid_t)) == 0)
		verdict_fail("the kernel has told the token");
	if (asking->of_vf)
		backend_close(&vf);
	step_try(run, run->vf, asking->sets ? TOKEN_WRONG : TOKEN_RIGHT, 0);
}

/* A request, or a token in it, that no memory holds; the token stays as it was. */
static void
no_memory(const struct run *run, const void *arg)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct vfio_device_feature *feature;
	struct device pf;
	char *memory;
	int ret;

	(void)arg;
	step_start_pf(run, &pf, run->pf);
	ret = ioctl(pf.fd, VFIO_DEVICE_FEATURE, NULL) < 0 ? -errno : 0;
	verdict_answer(ret, -EFAULT, "VFIO_DEVICE_FEATURE at address 0");
	memory = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED || munmap(memory + page, (size_t)page) < 0)
		verdict_fail("no memory can be mapped: %s", strerror(errno));
	/* Half of the token lies where there is nothing. */
	feature = (void *)(memory + page - FULL + sizeof(uuid_t) / 2);
	feature->argsz = FULL;
	feature->flags = SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;
	ret = ioctl(pf.fd, VFIO_DEVICE_FEATURE, feature) < 0 ? -errno : 0;
	verdict_answer(ret, -EFAULT, "setting a token of which half is no memory");
	step_try(run, run->vf, TOKEN_RIGHT, 0);
}

#define ASK(name, of_vf, argsz, flags, must, sets, holds) \
	{ \
		"feature/" name, holds, ask, \
			&(const struct asking){ of_vf, argsz, flags, must, sets }, 0 \
	}

static const struct suite_case cases[] = {
	ASK("set", false, FULL, SET, 0, true, "SET on a PF sets its token."),
	ASK("set-longer", false, FULL + 8, SET, 0, true,
	    "SET with more data than a token sets the token from the first 16 bytes."),
	ASK("set-short", false, FULL - 1, SET, -EINVAL, false,
	    "SET with a byte too few is refused with EINVAL."),
	ASK("set-empty", false, HEAD, SET, -EINVAL, false,
	    "SET without data is refused with EINVAL."),
	ASK("get", false, FULL, GET, -EINVAL, false,
	    "The token can't be read back: GET is refused with EINVAL."),
	ASK("probe-set", false, HEAD, PROBE | SET, 0, false,
	    "PROBE for SET on a PF answers that it is there, and sets nothing."),
	ASK("probe-set-data", false, FULL, PROBE | SET, 0, false,
	    "PROBE for SET with a token behind sets nothing."),
	ASK("probe-get", false, HEAD, PROBE | GET, -EINVAL, false,
	    "PROBE for GET is refused with EINVAL."),
	ASK("probe-both", false, HEAD, PROBE | GET | SET, -EINVAL, false,
	    "PROBE for GET and SET is refused with EINVAL."),
	ASK("get-and-set", false, FULL, GET | SET, -EINVAL, false,
	    "GET and SET at once are refused with EINVAL."),
	ASK("nothing", false, FULL, 0, -EINVAL, false,
	    "Neither GET nor SET nor PROBE is refused with EINVAL."),
	ASK("unknown-flag", false, FULL, SET | 1U << 19, -EINVAL, false,
	    "SET with the lowest unknown flag is refused with EINVAL."),
	ASK("highest-flag", false, FULL, SET | 1U << 31, -EINVAL, false,
	    "SET with the highest unknown flag is refused with EINVAL."),
	ASK("argsz-short", false, HEAD - 1, PROBE | SET, -EINVAL, false,
	    "An argsz that ends within the flags is refused with EINVAL."),
	ASK("argsz-0", false, 0, PROBE | SET, -EINVAL, false,
	    "An argsz of 0 is refused with EINVAL."),
	ASK("unknown-probe", false, HEAD, PROBE | SET | UNKNOWN, -ENOTTY, false,
	    "PROBE for an unknown feature is refused with ENOTTY."),
	ASK("unknown-set", false, FULL, SET | UNKNOWN, -ENOTTY, false,
	    "SET of an unknown feature is refused with ENOTTY."),
	ASK("unknown-get", false, FULL, GET | UNKNOWN, -ENOTTY, false,
	    "GET of an unknown feature is refused with ENOTTY."),
	ASK("vf-set", true, FULL, SET, -ENOTTY, false, "SET on a VF is refused with ENOTTY."),
	ASK("vf-probe", true, HEAD, PROBE | SET, -ENOTTY, false,
	    "PROBE for SET on a VF is refused with ENOTTY."),
	ASK("vf-get", true, FULL, GET, -ENOTTY, false, "GET on a VF is refused with ENOTTY."),
	{ "feature/no-memory", "A request or a token that can't be read is refused with EFAULT.",
	  no_memory, NULL, 0 },
};

const struct suite_cases feature_cases = { cases, SUITE_DIM(cases) };
