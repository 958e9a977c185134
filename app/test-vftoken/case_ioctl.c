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

#include <vftoken/vfio.h>

#include "step.h"

/* libvftoken has no names for what it never sends. */
#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)

struct bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr;
};

#define FLAG_TOKEN (1U << 0)

/* How often two processes bind one file. */
#define SHARED_ROUNDS 8

/* Open an iommufd and the file of a VF, but don't bind it. The PF has the right token. */
static int
open_files(const struct run *run, int *iommufd)
{
	int fd;

	step_give_token(run);
	fd = backend_open_cdev(run->vf);
	verdict_answer(fd, 0, "opening the file of %s", run->vf);
	*iommufd = backend_open_iommufd();
	verdict_answer(*iommufd, 0, "opening an iommufd");
	return fd;
}

/* Bind a file. The request has the right token; the flags tell whether it counts. */
static int
bind_raw(int fd, int iommufd, size_t argsz, uint32_t flags)
{
	struct bind bind = { (uint32_t)argsz, flags, iommufd, 0,
			     (uintptr_t)backend_token(TOKEN_RIGHT) };

	return ioctl(fd, BIND_IOMMUFD, &bind) < 0 ? -errno : 0;
}

/* Bind a file as a process does. */
static void
bind_with(int fd, int iommufd, enum token token, int must)
{
	verdict_answer(vftoken_vfio_bind_iommufd(fd, iommufd, backend_token(token)), must,
		       "binding a file with %s", backend_token_name(token));
}

static void
unknown_flag(const struct run *run)
{
	int iommufd;
	const int fd = open_files(run, &iommufd);

	verdict_answer(bind_raw(fd, iommufd, sizeof(struct bind), FLAG_TOKEN | 1U << 31), -EINVAL,
		       "binding with an unknown flag");
}

static void
token_without_flag(const struct run *run)
{
	int iommufd;
	const int fd = open_files(run, &iommufd);

	verdict_answer(bind_raw(fd, iommufd, sizeof(struct bind), 0), -EACCES,
		       "binding with a token that no flag announces");
}

/* What a request covers, how much of it can be read, and what its last byte is. */
struct extent {
	uint32_t argsz;
	uint32_t flags;
	size_t readable;
	unsigned char last;
	int must;
};

/* The right token, at an address whose upper half is zero if the kernel gives one. */
static const unsigned char *
low_token(void)
{
	void *const wish = (void *)0x10000000;
	void *memory = mmap(wish, sizeof(uuid_t), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || (uintptr_t)memory > UINT32_MAX)
		verdict_fail("no memory can be mapped at a low address");
	memcpy(memory, backend_token(TOKEN_RIGHT), sizeof(uuid_t));
	return memory;
}

static void
bind_extent(const struct run *run, const struct extent *extent, const unsigned char *token)
{
	unsigned char *request = (unsigned char *)step_end_of_memory() - extent->readable;
	const size_t known = sizeof(struct bind);
	int iommufd;
	const int fd = open_files(run, &iommufd);
	struct bind bind = { extent->argsz, extent->flags, iommufd, 0, (uintptr_t)token };

	memcpy(request, &bind, extent->readable < known ? extent->readable : known);
	if (extent->readable > known)
		request[extent->readable - 1] = extent->last;
	verdict_answer(ioctl(fd, BIND_IOMMUFD, request) < 0 ? -errno : 0, extent->must,
		       "binding with flags %u, argsz %u and %zu bytes of memory, the last one %u",
		       extent->flags, extent->argsz, extent->readable, extent->last);
	close(fd);
	close(iommufd);
}

static void
extents(const struct run *run)
{
	static const struct extent cases[] = {
		{ 0, 0, 8, 0, -EINVAL },
		{ 8, 0, 8, 0, -EINVAL },
		{ 8, FLAG_TOKEN, 24, 0, -EINVAL },
		{ 15, FLAG_TOKEN, 24, 0, -EINVAL },
		{ 16, 0, 8, 0, -EFAULT },
		{ 16, 0, 16, 0, -EACCES },
		/* Of the pointer there is nothing, or a byte of an address without memory. */
		{ 16, FLAG_TOKEN, 16, 0, -EFAULT },
		{ 17, FLAG_TOKEN, 17, 0, -EFAULT },
		{ 24, FLAG_TOKEN, 16, 0, -EFAULT },
		{ 24, 0, 16, 0, -EFAULT },
		/* What an extension may add must be zero, as long as the kernel doesn't know it. */
		{ 25, FLAG_TOKEN, 24, 0, -EFAULT },
		{ 32, FLAG_TOKEN, 32, 0, 0 },
		{ 32, FLAG_TOKEN, 32, 1, -E2BIG },
		{ 32, 0, 32, 1, -E2BIG },
		{ 4096, FLAG_TOKEN, 4096, 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		bind_extent(run, &cases[i], backend_token(TOKEN_RIGHT));
}

/* A pointer whose last bytes are zero may do without them. */
static void
cut_pointer(const struct run *run)
{
	struct extent extent = { .flags = FLAG_TOKEN };
	const unsigned char *token = low_token();

	for (extent.argsz = 20; extent.argsz < 24; extent.argsz++) {
		extent.readable = extent.argsz;
		bind_extent(run, &extent, token);
	}
}

/* A bad pointer counts only where a token would. */
static void
bad_pointer(const struct run *run)
{
	struct vftoken_vfio_group group;
	int iommufd;
	const int fd = open_files(run, &iommufd);

	bind_with(fd, iommufd, TOKEN_MALFORMED, -EFAULT);
	bind_with(fd, iommufd, TOKEN_RIGHT, 0);
	bind_with(fd, iommufd, TOKEN_MALFORMED, -EINVAL);
	close(fd);
	if (backend_lacks(BACKEND_GROUP, run->vf) != NULL)
		return;
	verdict_answer(backend_open_group(&group, run->vf), 0, "opening the group of %s", run->vf);
	bind_with(backend_open_cdev(run->vf), iommufd, TOKEN_MALFORMED, -EBUSY);
}

/* Bind the PF's file to another token by a request that the kernel can't write its answer to. */
static int
bind_without_answer(const struct run *run)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bind *request = (void *)(step_end_of_memory() - page);
	int fd;

	fd = backend_open_cdev(run->pf);
	verdict_answer(fd, 0, "opening the file of %s", run->pf);
	*request = (struct bind){ sizeof(*request), FLAG_TOKEN, backend_open_iommufd(), 0,
				  (uintptr_t)backend_token(TOKEN_WRONG) };
	if (mprotect(request, page, PROT_READ) < 0)
		verdict_fail("memory can't be made read-only: %s", strerror(errno));
	verdict_answer(ioctl(fd, BIND_IOMMUFD, request) < 0 ? -errno : 0, -EFAULT,
		       "binding without memory for the answer");
	return fd;
}

/* Kernels differ in whether such a bind of a PF changes its token. It has one, either way. */
static void
failed_bind(const struct run *run)
{
	struct device vf;
	int ret;

	step_give_token(run);
	close(bind_without_answer(run));
	ret = backend_open(&vf, run->backend, run->vf, backend_token(TOKEN_RIGHT));
	if (ret == 0)
		backend_close(&vf);
	else
		verdict_answer(ret, -EACCES, "opening %s with the token from before", run->vf);
	step_try(run, run->vf, TOKEN_WRONG, ret == 0 ? -EACCES : 0);
}

static void
no_iommufd(const struct run *run)
{
	int iommufd;
	const int fd = open_files(run, &iommufd);

	verdict_answer(bind_raw(fd, -1, sizeof(struct bind), FLAG_TOKEN), -EINVAL,
		       "binding to iommufd -1");
}

/* A refusal doesn't change the file: the right token binds it afterwards. */
static void
after_refusal(const struct run *run)
{
	int iommufd;
	const int fd = open_files(run, &iommufd);

	bind_with(fd, iommufd, TOKEN_NONE, -EACCES);
	bind_with(fd, iommufd, TOKEN_WRONG, -EACCES);
	bind_with(fd, iommufd, TOKEN_RIGHT, 0);
	bind_with(fd, iommufd, TOKEN_RIGHT, -EINVAL);
}

/* A file that isn't bound answers nothing. */
static void
unbound(const struct run *run)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int iommufd;
	const int fd = open_files(run, &iommufd);

	bind_with(fd, iommufd, TOKEN_WRONG, -EACCES);
	verdict_answer(ioctl(fd, VFIO_DEVICE_GET_INFO, &info) < 0 ? -errno : 0, -EINVAL,
		       "VFIO_DEVICE_GET_INFO on a file that was refused");
	/* The open file is no user of the PF. */
	step_try(run, run->pf, TOKEN_NONE, 0);
}

/* One of two processes that have a file in common. */
struct binding {
	int fd;
	int iommufd;
	enum token token;
	int answer;
};

static void
bind_shared(const struct run *run, void *arg)
{
	struct binding *binding = arg;

	(void)run;
	binding->answer = vftoken_vfio_bind_iommufd(binding->fd, binding->iommufd,
						    backend_token(binding->token));
}

/* One must succeed; the other comes too late, or had a wrong token while there was time. */
static void
check_shared(const struct binding *bindings)
{
	const int other = bindings[bindings[0].answer == 0].answer;
	const bool wrong = bindings[1].token == TOKEN_WRONG;

	if (wrong)
		verdict_answer(bindings[0].answer, 0, "binding a shared file with %s",
			       backend_token_name(TOKEN_RIGHT));
	else if (bindings[0].answer != 0)
		verdict_answer(bindings[1].answer, 0, "binding a shared file by one of two");
	if (!wrong || other != -EACCES)
		verdict_answer(other, -EINVAL, "binding a shared file by the other of two");
}

static void
shared_file(const struct run *run)
{
	struct binding *bindings;
	pid_t pids[2];
	int i, round;

	bindings = mmap(NULL, sizeof(*bindings) * 2, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bindings == MAP_FAILED)
		verdict_fail("out of memory");
	for (round = 0; round < SHARED_ROUNDS; round++) {
		bindings[0].fd = open_files(run, &bindings[0].iommufd);
		bindings[0].token = TOKEN_RIGHT;
		bindings[1] = bindings[0];
		if (round % 2 == 1)
			bindings[1].token = TOKEN_WRONG;
		for (i = 0; i < 2; i++)
			pids[i] = step_fork(bind_shared, run, &bindings[i]);
		for (i = 0; i < 2; i++)
			step_join(pids[i]);
		check_shared(bindings);
		close(bindings[0].fd);
		close(bindings[0].iommufd);
	}
	/* No user stays counted. */
	step_try(run, run->pf, TOKEN_NONE, 0);
}

const struct suite_case bind_cases[] = {
	SUITE_CASE("bind/unknown-flag", unknown_flag, IOMMUFD_ONLY,
		   "An unknown flag is refused with EINVAL, also beside the right token."),
	SUITE_CASE("bind/no-flag", token_without_flag, IOMMUFD_ONLY,
		   "A token that no flag announces is no token: EACCES."),
	SUITE_CASE(
		"bind/extents", extents, IOMMUFD_ONLY,
		"A request may be longer than the kernel knows if the rest is zero, and shorter."),
	SUITE_CASE(
		"bind/bad-pointer", bad_pointer, IOMMUFD_ONLY,
		"A token that can't be read is EFAULT; of a bound file EINVAL, beside a group EBUSY."),
	SUITE_CASE("bind/cut-pointer", cut_pointer, IOMMUFD_ONLY,
		   "A request may end within a token's address if the rest of it is zero."),
	SUITE_CASE("bind/failed", failed_bind, IOMMUFD_ONLY,
		   "A PF's bind with another token that fails leaves one of the two."),
	SUITE_CASE("bind/no-iommufd", no_iommufd, IOMMUFD_ONLY,
		   "The right token without an iommufd is refused with EINVAL."),
	SUITE_CASE("bind/after-refusal", after_refusal, IOMMUFD_ONLY,
		   "After a refusal the same file opens with the right token, once."),
	SUITE_CASE(
		"bind/shared-file", shared_file, IOMMUFD_ONLY,
		"Of two processes that bind one file at once, one does, and the other is EINVAL."),
	SUITE_CASE(
		"bind/refused-file", unbound, IOMMUFD_ONLY,
		"The file of a refused device answers EINVAL to all else, and is no user of the PF."),
	SUITE_END,
};

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

/* Send TOKEN_WRONG to a PF, or to its VF. The PF's token is TOKEN_RIGHT. */
static void
ask(const struct run *run)
{
	const struct asking *asking = run->one->arg;
	union {
		uint8_t bytes[64];
		struct vfio_device_feature feature;
	} request = { { 0 } };
	struct device pf, vf;
	int ret;

	request.feature.argsz = asking->argsz;
	request.feature.flags = asking->flags;
	memcpy(request.feature.data, backend_token(TOKEN_WRONG), sizeof(uuid_t));
	step_start_pf(run, &pf);
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

/* The request, or half of its token, is at an address without memory. The token doesn't change. */
static void
no_memory(const struct run *run)
{
	/* Half of the token is behind the end. */
	struct vfio_device_feature *feature =
		(void *)(step_end_of_memory() - FULL + sizeof(uuid_t) / 2);
	struct device pf;
	int ret;

	step_start_pf(run, &pf);
	ret = ioctl(pf.fd, VFIO_DEVICE_FEATURE, NULL) < 0 ? -errno : 0;
	verdict_answer(ret, -EFAULT, "VFIO_DEVICE_FEATURE at address 0");
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

const struct suite_case feature_cases[] = {
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
	SUITE_CASE("feature/no-memory", no_memory, 0,
		   "A request or a token that can't be read is refused with EFAULT."),
	SUITE_END,
};
