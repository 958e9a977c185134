/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/vfio.h>

#include <vftoken/vfio.h>

#include "step.h"

/* What libvftoken never sends, so it has no names for it. */
#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)

struct bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr;
};

#define FLAG_TOKEN (1U << 0)

/* The file of a VF whose PF has the right token, not yet bound, and an iommufd. */
static int
open_files(const struct run *run, int *iommufd)
{
	int fd;

	step_give_token(run, run->pf);
	fd = backend_open_cdev(run->vf);
	verdict_answer(fd, 0, "opening the file of %s", run->vf);
	*iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (*iommufd < 0)
		verdict_fail("/dev/iommu can't be opened: %s", strerror(errno));
	return fd;
}

static int
bind_raw(int fd, struct bind bind)
{
	return ioctl(fd, BIND_IOMMUFD, &bind) < 0 ? -errno : 0;
}

static void
unknown_flag(const struct run *run, const void *arg)
{
	struct bind bind = { .argsz = sizeof(bind), .flags = FLAG_TOKEN | 1U << 31 };
	const int fd = open_files(run, &bind.iommufd);

	(void)arg;
	bind.token_uuid_ptr = (uintptr_t)backend_token(TOKEN_RIGHT);
	verdict_answer(bind_raw(fd, bind), -EINVAL, "binding with an unknown flag");
}

static void
token_without_flag(const struct run *run, const void *arg)
{
	struct bind bind = { .argsz = sizeof(bind) };
	const int fd = open_files(run, &bind.iommufd);

	(void)arg;
	bind.token_uuid_ptr = (uintptr_t)backend_token(TOKEN_RIGHT);
	verdict_answer(bind_raw(fd, bind), -EACCES, "binding with a token that no flag announces");
}

static void
short_argsz(const struct run *run, const void *arg)
{
	struct bind bind = { .argsz = 16, .flags = FLAG_TOKEN };
	const int fd = open_files(run, &bind.iommufd);
	int ret;

	(void)arg;
	bind.token_uuid_ptr = (uintptr_t)backend_token(TOKEN_RIGHT);
	ret = bind_raw(fd, bind);
	if (ret != -EINVAL && ret != -EFAULT)
		verdict_fail("binding with argsz 16: the answer is %s and must be EINVAL or EFAULT",
			     verdict_word(ret));
	bind.argsz = 8;
	verdict_answer(bind_raw(fd, bind), -EINVAL, "binding with argsz 8");
}

static void
no_iommufd(const struct run *run, const void *arg)
{
	struct bind bind = { .argsz = sizeof(bind), .flags = FLAG_TOKEN };
	const int fd = open_files(run, &bind.iommufd);

	(void)arg;
	bind.token_uuid_ptr = (uintptr_t)backend_token(TOKEN_RIGHT);
	bind.iommufd = -1;
	verdict_answer(bind_raw(fd, bind), -EINVAL, "binding to iommufd -1");
}

/* A refusal leaves the file as it was: it can be bound with the right token afterwards. */
static void
after_refusal(const struct run *run, const void *arg)
{
	int fd, iommufd;

	(void)arg;
	fd = open_files(run, &iommufd);
	verdict_answer(vftoken_vfio_bind_iommufd(fd, iommufd, NULL), -EACCES,
		       "binding without a token");
	verdict_answer(vftoken_vfio_bind_iommufd(fd, iommufd, backend_token(TOKEN_WRONG)), -EACCES,
		       "binding the same file with a wrong token");
	verdict_answer(vftoken_vfio_bind_iommufd(fd, iommufd, backend_token(TOKEN_RIGHT)), 0,
		       "binding the same file with the right token");
	verdict_answer(vftoken_vfio_bind_iommufd(fd, iommufd, backend_token(TOKEN_RIGHT)), -EINVAL,
		       "binding the same file again");
}

/* Until it is bound the file answers nothing. */
static void
unbound(const struct run *run, const void *arg)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd, iommufd, ret;

	(void)arg;
	fd = open_files(run, &iommufd);
	verdict_answer(vftoken_vfio_bind_iommufd(fd, iommufd, backend_token(TOKEN_WRONG)), -EACCES,
		       "binding with a wrong token");
	ret = ioctl(fd, VFIO_DEVICE_GET_INFO, &info) < 0 ? -errno : 0;
	verdict_answer(ret, -EINVAL, "VFIO_DEVICE_GET_INFO on a file that was refused");
	/* That it was open counts for nothing. */
	step_try(run, run->pf, TOKEN_NONE, 0);
}

static const struct suite_case cases[] = {
	{ "bind/unknown-flag",
	  "An unknown flag is refused with EINVAL, also beside the right token.", unknown_flag,
	  NULL, IOMMUFD_ONLY },
	{ "bind/no-flag", "A token that no flag announces is no token: EACCES.", token_without_flag,
	  NULL, IOMMUFD_ONLY },
	{ "bind/short-argsz",
	  "An argsz that ends before the token is refused with EINVAL or EFAULT.", short_argsz,
	  NULL, IOMMUFD_ONLY },
	{ "bind/no-iommufd", "The right token without an iommufd is refused with EINVAL.",
	  no_iommufd, NULL, IOMMUFD_ONLY },
	{ "bind/after-refusal", "After a refusal the same file opens with the right token, once.",
	  after_refusal, NULL, IOMMUFD_ONLY },
	{ "bind/refused-file",
	  "The file of a refused device answers EINVAL to all else, and is no user of the PF.",
	  unbound, NULL, IOMMUFD_ONLY },
};

const struct suite_cases bind_cases = { cases, SUITE_DIM(cases) };
