/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/* Each path through the library: what it leaves of a token, and each of its calls failing. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "file.h"
#include "info.h"
#include "pf.h"
#include "test_util.h"

#define IOMMUFD 43
#define FD 100 /* of an fd: source */
#define RULES 3

#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF2 "0000:01:10.2"
#define OTHER "0000:02:00.0"
#define NUMVFS TEST_DEVICES "/" PF "/sriov_numvfs"

/* The token as bytes, and halves of its text that aren't one. */
static const uuid_t token_a = { 0xb6, 0x71, 0xfd, 0x64, 0x4c, 0x5d, 0x49, 0x1e,
				0x9e, 0xb8, 0xda, 0x01, 0xff, 0x1f, 0x33, 0x41 };
#define START_A "b671fd64-4c5d-491e"
#define END_A "-9eb8-da01ff1f3341"

/* Byte by byte, so that the comparison leaves no part of it in a register that is saved. */
static bool
is_token(const void *bytes, const uuid_t token)
{
	const volatile unsigned char *byte = bytes;
	size_t i = 0;

	while (i < sizeof(uuid_t) && byte[i] == token[i])
		i++;
	return i == sizeof(uuid_t);
}

struct run;

/* One call of the library, with what comes before. */
struct path {
	const char *name;
	void (*call)(struct run *r); /* sets ret, and must not assert */
	const char *rules[RULES];
	const char *text;     /* what the call is given */
	const char *variable; /* what VF_TOKEN holds */
	const char *giver;    /* the rule of the token provider */
	bool pf;              /* this process holds the PF open */
	int numvfs;           /* VFs that are enabled */
	int refusal;          /* what the kernel says to a token */

	int ret;            /* 0, a negative errno value, or 1 for a descriptor */
	bool says;          /* each refusal is explained */
	bool gives;         /* the token is in the outputs */
	bool sends;         /* the kernel gets the token */
	unsigned int kept;  /* how often it is in memory files afterwards */
	unsigned int shown; /* how often it is in memory afterwards: in the variable */
};

struct run {
	const struct path *path;
	struct vftoken_context *ctx;
	struct vftoken_context *giver;
	int pf_fd;
	bool sent;
	int ret;
	uuid_t token;
	uint16_t num_vfs;
	struct vftoken_device *device;
};

static const uuid_t untouched_token = { 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a };
#define UNTOUCHED_NUMBER 0x5a5a
#define UNTOUCHED_DEVICE ((struct vftoken_device *)(void *)&test_calls)

static void
add_rule(struct run *r)
{
	r->ret = vftoken_add_rule(r->ctx, r->path->text);
}

static void
add_num_vfs(struct run *r)
{
	r->ret = vftoken_add_num_vfs(r->ctx, r->path->text);
}

static void
read_default(struct run *r)
{
	r->ret = vftoken_read_default(r->ctx, r->token);
}

static void
open_device(struct run *r)
{
	r->ret = vftoken_open(r->ctx, GROUP_FD, r->path->text);
}

/* The other VF is opened from another thread, and nobody asks for it. */
static void
open_two(struct run *r)
{
	int group_fd;

	vftoken_queue(r->ctx, GROUP_FD, VF2);
	r->ret = vftoken_open(r->ctx, GROUP_FD, r->path->text);
	vftoken_drop_queued(r->ctx, &group_fd);
}

static void
open_cdev(struct run *r)
{
	r->ret = vftoken_open_cdev(r->ctx, "cdev", IOMMUFD, r->path->text);
}

static void
open_with_group(struct run *r)
{
	r->ret = vftoken_device_open(r->ctx, r->path->text, &r->device);
}

static void
transfer(struct run *r)
{
	r->ret = vftoken_transfer_token(r->ctx, r->path->text);
}

static void
reload(struct run *r)
{
	r->ret = vftoken_pf_reload_token(r->ctx, r->path->text);
}

static void
enable(struct run *r)
{
	r->ret = vftoken_pf_enable_vfs(r->ctx, r->path->text, 2);
}

static void
start(struct run *r)
{
	r->ret = vftoken_pf_start(r->ctx, r->path->text, &r->num_vfs);
}

static void
disable(struct run *r)
{
	r->ret = vftoken_pf_disable_vfs(r->ctx, r->path->text);
}

static void
closing(struct run *r)
{
	vftoken_device_requested(r->ctx, r->path->text);
	vftoken_closing(r->ctx, r->path->text);
}

static void
read_info(struct run *r)
{
	struct vftoken_info info = { .size = sizeof(info) };

	r->ret = vftoken_info_read(r->ctx, r->path->text, &info);
}

static void
list(struct run *r)
{
	char bdfs[RULES][VFTOKEN_BDF_SIZE];

	r->ret = vftoken_list_devices(r->ctx, bdfs, RULES) == 1 ? 0 : -EINVAL;
}

static void
find_vf(struct run *r)
{
	char vf[VFTOKEN_BDF_SIZE];

	r->ret = vftoken_find_vf(r->ctx, r->path->text, 1, vf);
}

static void
in_use(struct run *r)
{
	r->ret = test_fact(vftoken_in_use(r->ctx, r->path->text));
}

static char masked[80];

static void
mask(struct run *r)
{
	(void)r;
	vftoken_mask_rule(masked);
}

static void
clear(struct run *r)
{
	vftoken_context_clear(r->ctx);
}

static void
create(struct run *r)
{
	struct vftoken_context *ctx = vftoken_context_create();

	r->ret = ctx != NULL ? 0 : -ENOMEM;
	vftoken_context_destroy(ctx);
}

/* clang-format off */
static const struct path paths[] = {
	{ "a literal rule", add_rule, .text = TOKEN_A, .says = true, .kept = 1 },
	{ "a literal rule in capitals", add_rule, .text = VF "=B671FD64-4C5D-491E-9EB8-DA01FF1F3341",
	  .says = true, .kept = 1 },
	{ "one more rule", add_rule, { VF "=" TOKEN_A, VF2 "=file:token" }, TOKEN_A,
	  .says = true, .kept = 2 },
	{ "a file's rule", add_rule, .text = "file:token", .says = true },
	{ "a variable's rule", add_rule, .text = VF "=env:VF_TOKEN", .variable = TOKEN_A,
	  .says = true, .shown = 1 },
	{ "an fd's rule", add_rule, .text = "fd:100", .says = true },
	{ "a token that is cut", add_rule, .text = START_A "-9eb8-da01ff1f33", .ret = -EINVAL,
	  .says = true },
	{ "a token in braces", add_rule, .text = VF "={" TOKEN_A "}", .ret = -EINVAL, .says = true },
	{ "a token with a wrong end", add_rule, .text = START_A "-9eb8-da01ff1f334g", .ret = -EINVAL,
	  .says = true },
	{ "a token with a wrong hyphen", add_rule, .text = START_A "_9eb8-da01ff1f3341",
	  .ret = -EINVAL, .says = true },
	{ "a token before a BDF", add_rule, .text = TOKEN_A "=" VF, .ret = -EINVAL, .says = true },
	{ "a token of no scheme", add_rule, .text = "enf:" TOKEN_A, .ret = -EINVAL, .says = true },
	{ "a token as an fd", add_rule, .text = "fd:" TOKEN_A, .ret = -EINVAL, .says = true },
	{ "a token as a file", add_rule, .text = "file:" TOKEN_A, .ret = -EINVAL, .says = true },
	{ "a token in a variable's name", add_rule, .text = "env:VF_TOKEN=" TOKEN_A, .ret = -EINVAL,
	  .says = true },
	{ "a rule again", add_rule, { TOKEN_A }, TOKEN_A, .kept = 1 },
	{ "two rules", add_rule, { TOKEN_A }, START_A "-9eb8-da01ff1f3342", .ret = -EEXIST,
	  .says = true, .kept = 1 },
	{ "a number of VFs", add_num_vfs, .text = PF "=2", .says = true },
	{ "a token as a number of VFs", add_num_vfs, .text = TOKEN_A, .ret = -EINVAL, .says = true },

	{ "the default of a literal", read_default, { TOKEN_A }, .says = true, .gives = true,
	  .kept = 1 },
	{ "the default of a file", read_default, { "file:token" }, .says = true, .gives = true },
	{ "the default of a variable", read_default, { "env:VF_TOKEN" }, .variable = TOKEN_A,
	  .says = true, .gives = true, .kept = 1 },
	{ "the default of a variable that stays", read_default, { "env:VF_TOKEN,stay" },
	  .variable = TOKEN_A, .says = true, .gives = true, .shown = 1 },
	{ "the default of an fd", read_default, { "fd:100" }, .says = true, .gives = true, .kept = 1 },
	{ "a file with a token that is cut", read_default, { "file:cut" }, .ret = -EINVAL,
	  .says = true },
	{ "a file with two tokens", read_default, { "file:two" }, .ret = -EINVAL, .says = true },
	{ "a long file", read_default, { "file:long" }, .ret = -EFBIG, .says = true },
	{ "a file that others may write", read_default, { "file:open" }, .ret = -EPERM, .says = true },
	{ "a file with what isn't text", read_default, { "file:binary" }, .ret = -EINVAL,
	  .says = true },
	{ "a variable in braces", read_default, { "env:VF_TOKEN" }, .variable = "{" TOKEN_A "}",
	  .ret = -EINVAL, .says = true, .shown = 1 },

	{ "an open with a literal", open_device, { TOKEN_A }, VF, .ret = 1, .says = true,
	  .sends = true, .kept = 1 },
	{ "an open with a file", open_device, { PF "=file:token" }, VF, .ret = 1, .says = true,
	  .sends = true },
	{ "an open with a variable", open_device, { VF "=env:VF_TOKEN" }, VF, .variable = TOKEN_A,
	  .ret = 1, .says = true, .sends = true, .kept = 1 },
	{ "an open with an fd", open_device, { VF "=fd:100" }, VF, .ret = 1, .says = true,
	  .sends = true, .kept = 1 },
	{ "an open of the PF", open_device, { "file:token" }, PF, .ret = 1, .says = true },
	{ "an open without a rule", open_device, .text = VF, .ret = -EACCES, .says = true },
	{ "an open with a wrong token", open_device, { TOKEN_A }, VF, .refusal = EACCES,
	  .ret = -EACCES, .says = true, .kept = 1 },
	{ "an open with the next token", open_device, { "file:old" }, VF, .ret = 1, .says = true,
	  .sends = true },
	{ "an open with a token that isn't wanted", open_device, { TOKEN_A }, VF, .refusal = EINVAL,
	  .ret = 1, .says = true, .kept = 1 },
	{ "an open with a provider", open_device, .text = VF, .giver = "file:token", .ret = 1,
	  .says = true, .sends = true },
	{ "an open with a provider's literal", open_device, .text = VF, .giver = TOKEN_A, .ret = 1,
	  .says = true, .sends = true, .kept = 1 },
	{ "an open with a provider and a wrong token", open_device, .text = VF,
	  .giver = "file:token", .refusal = EACCES, .ret = -EACCES, .says = true },
	{ "an open of no SR-IOV device", open_device, { TOKEN_A }, OTHER, .ret = 1, .says = true,
	  .kept = 1 },
	{ "an open with the group", open_with_group, { "file:token" }, VF, .says = true,
	  .sends = true },
	{ "an open with the group and a wrong token", open_with_group, { "file:token" }, VF,
	  .refusal = EACCES, .ret = -EACCES, .says = true },
	{ "an open of two with a literal", open_two, { TOKEN_A }, VF, .ret = 1, .says = true,
	  .sends = true, .kept = 1 },
	{ "an open of two with a file", open_two, { "file:token" }, VF, .ret = 1, .says = true,
	  .sends = true },
	{ "an open by cdev", open_cdev, { "file:token" }, VF, .ret = 1, .says = true, .sends = true },
	{ "an open by cdev of the PF", open_cdev, { TOKEN_A }, PF, .ret = 1, .says = true,
	  .kept = 1 },
	{ "an open by cdev and a wrong token", open_cdev, { "file:token" }, VF, .refusal = EACCES,
	  .ret = -EACCES, .says = true },
	{ "an open by cdev where no token is taken", open_cdev, { "file:token" }, VF,
	  .refusal = EINVAL, .ret = 1, .says = true },
	{ "an open by cdev of the PF where none is", open_cdev, { "file:token" }, PF,
	  .refusal = EINVAL, .ret = 1, .says = true },
	{ "a close", closing, { "file:token" }, PF, .pf = true },

	{ "a transfer of a file's", transfer, { "file:token" }, VF, .ret = 1, .says = true, .kept = 1 },
	{ "a transfer of a literal", transfer, { PF "=" TOKEN_A }, VF, .ret = 1, .says = true,
	  .kept = 2 },
	{ "a transfer of a variable's", transfer, { "env:VF_TOKEN" }, VF, .variable = TOKEN_A,
	  .ret = 1, .says = true, .kept = 2 },
	{ "a transfer of an fd's", transfer, { "fd:100" }, VF, .ret = 1, .says = true, .kept = 2 },

	{ "a reload", reload, { "file:token" }, PF, .pf = true, .says = true, .sends = true },
	{ "a reload of the next token", reload, { "file:vfio" }, PF, .pf = true, .says = true,
	  .sends = true },
	{ "a reload of all", reload, { TOKEN_A }, .pf = true, .says = true, .sends = true, .kept = 1 },
	{ "a reload of a PF that isn't open", reload, { "file:token" }, PF, .ret = -ENODEV,
	  .says = true },
	{ "VFs", enable, { "file:token" }, PF, .pf = true, .says = true, .sends = true },
	{ "VFs that are there", enable, { "file:token" }, PF, .pf = true, .numvfs = 2, .says = true,
	  .sends = true },
	{ "other VFs", enable, { "file:token" }, PF, .pf = true, .numvfs = 1, .ret = -EBUSY,
	  .says = true },
	{ "a start", start, { "file:token" }, PF, .pf = true, .says = true, .sends = true },
	{ "no more VFs", disable, { "file:token" }, PF, .numvfs = 2, .says = true },

	{ "device info", read_info, { "file:token" }, PF, .pf = true },
	{ "device info of a VF", read_info, { TOKEN_A }, VF, .kept = 1 },
	{ "a list", list, { VF "=" TOKEN_A }, .kept = 1 },
	{ "a VF's address", find_vf, .text = PF, .numvfs = 2 },
	{ "a device's use", in_use, .text = VF },
	{ "a masked literal", mask, .text = TOKEN_A },
	{ "a masked rule", mask, .text = VF "=" TOKEN_A },
	{ "a masked name", mask, .text = "env:VF_TOKEN=" TOKEN_A },
	{ "a masked number", mask, .text = "fd:" TOKEN_A },
	{ "a clear context", clear, { VF "=" TOKEN_A, VF2 "=env:VF_TOKEN,stay" }, .variable = TOKEN_A,
	  .shown = 1 },
	{ "a context", create, .text = NULL },
};
/* clang-format on */

static const int allocation_errs[] = { ENOMEM, 0 };

/* What each call may fail with. */
static const int *const errs[TEST_CALLS] = {
	[TEST_CALL_access] = (const int[]){ EACCES, EIO, 0 },
	[TEST_CALL_calloc] = allocation_errs,
	[TEST_CALL_fcntl] = (const int[]){ EBADF, 0 },
	[TEST_CALL_fstat] = (const int[]){ EIO, EOVERFLOW, 0 },
	[TEST_CALL_ftruncate] = (const int[]){ EIO, 0 },
	[TEST_CALL_ioctl] = (const int[]){ EACCES, EBUSY, EINTR, EINVAL, EIO, ENODEV, ENOMEM,
					   ENOTTY, EPERM, 0 },
	[TEST_CALL_lstat] = (const int[]){ EACCES, EIO, 0 },
	[TEST_CALL_memfd_create] = (const int[]){ EMFILE, ENFILE, ENOMEM, EPERM, 0 },
	[TEST_CALL_open] = (const int[]){ EACCES, EINTR, EIO, EMFILE, ENOENT, ENOMEM, 0 },
	[TEST_CALL_poll] = (const int[]){ EINTR, ENOMEM, 0 },
	[TEST_CALL_pread] = (const int[]){ EINTR, EIO, 0 },
	[TEST_CALL_pthread_create] = (const int[]){ EAGAIN, 0 },
	[TEST_CALL_pwrite] = (const int[]){ EINTR, EIO, ENOSPC, 0 },
	[TEST_CALL_read] = (const int[]){ EAGAIN, EINTR, EIO, 0 },
	[TEST_CALL_readlink] = (const int[]){ EACCES, EIO, ENOMEM, 0 },
	[TEST_CALL_realloc] = allocation_errs,
	[TEST_CALL_strdup] = allocation_errs,
	[TEST_CALL_strndup] = allocation_errs,
	[TEST_CALL_write] = (const int[]){ EBUSY, EINTR, EIO, ENOMEM, ENOSPC, 0 },
};

/* The kernel takes TOKEN_A for a VF, unless the path says what else. */
static struct run *running;

static int
open_in_kernel(const char *text)
{
	const char *token = strstr(text, " vf_token=");
	const bool is_vf = strncmp(text, "0000:01:10", strlen("0000:01:10")) == 0;

	errno = running->path->refusal;
	if (token != NULL && errno != 0)
		return -1;
	if (token != NULL)
		running->sent |= strcmp(token, " vf_token=" TOKEN_A) == 0;
	errno = EACCES;
	if (is_vf && !running->sent && running->path->refusal != EINVAL)
		return -1;
	return openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
}

/* A kernel that refuses a token with EINVAL takes none. */
static int
bind_in_kernel(const void *arg)
{
	struct {
		uint32_t argsz;
		uint32_t flags;
		int32_t iommufd;
		uint32_t out_devid;
		uint64_t token;
	} bind = { .argsz = 0 };

	memcpy(&bind, arg, *(const uint32_t *)arg < sizeof(bind) ? 16 : sizeof(bind));
	errno = EACCES;
	if (bind.flags == 0)
		return strcmp(running->path->text, VF) == 0 && running->path->refusal != EINVAL ? -1
												: 0;
	errno = running->path->refusal;
	if (errno != 0)
		return -1;
	errno = EFAULT;
	if (bind.token == 0)
		return -1;
	running->sent |= is_token((const void *)(uintptr_t)bind.token, token_a);
	return 0;
}

static int
kernel(unsigned long request, void *arg)
{
	struct vfio_device_feature *feature = arg;
	struct vfio_group_status *status = arg;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		return open_in_kernel(arg);
	/* VFIO_DEVICE_BIND_IOMMUFD, for which older headers have no name. */
	case _IO(VFIO_TYPE, VFIO_BASE + 18):
		return bind_in_kernel(arg);
	case VFIO_DEVICE_FEATURE:
		if (feature->argsz > sizeof(*feature))
			running->sent |= is_token(feature->data, token_a);
		return 0;
	default:
		return 0;
	}
}

static void
dont_sleep(unsigned int n)
{
	(void)n;
}

static int
provide(const char *name, void *opaque)
{
	return vftoken_transfer_token(opaque, name);
}

static void
make_files(void)
{
	static const struct {
		struct test_device device;
		const char *group;
	} devices[] = {
		{ { PF, "vfio-pci", NULL, "7\n", "0\n" }, "../../../kernel/iommu_groups/9" },
		{ { VF, "vfio-pci", PF, NULL, NULL }, "../../../kernel/iommu_groups/10" },
		{ { VF2, "vfio-pci", PF, NULL, NULL }, "../../../kernel/iommu_groups/11" },
		{ { OTHER, "vfio-pci", NULL, NULL, NULL }, "../../../kernel/iommu_groups/12" },
	};
	static char zeros[VFTOKEN_FILE_MAX];
	size_t i;
	int fd;

	for (i = 0; i < TEST_DIM(devices); i++) {
		test_device_make(&devices[i].device);
		test_device_link(devices[i].device.bdf, "iommu_group", devices[i].group);
	}
	assert_int_equal(mkdir("vfio", 0755), 0);
	test_write_text("vfio/vfio", "");
	test_write_text("vfio/10", "");
	test_write_text("vfio/11", "");
	test_write_text("cdev", "");
	test_write_text("token", TOKEN_A "\n");
	test_write_text("old", TOKEN_B "\n");
	test_write_text("old.next", TOKEN_A "\n");
	/* It can't replace a folder. */
	test_write_text("vfio.next", TOKEN_A "\n");
	test_write_text("cut", "  " START_A "-9eb8-da01ff1f33\n");
	test_write_text("two", TOKEN_A "\n" TOKEN_A "\n");
	test_write_text("binary", TOKEN_A "\1");
	test_write("open", TOKEN_A, strlen(TOKEN_A), 0666);
	test_write_text("long", TOKEN_A);
	fd = open("long", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
}

static void
forget_outputs(struct run *r)
{
	memcpy(r->token, untouched_token, sizeof(uuid_t));
	r->num_vfs = UNTOUCHED_NUMBER;
	r->device = UNTOUCHED_DEVICE;
	r->sent = false;
	r->ret = 0;
	test_n_messages = 0;
}

static char variable[80];

static void
fill_fd(void)
{
	const int fd = test_pipe(TOKEN_A);

	assert_int_equal(dup2(fd, FD), FD);
	close(fd);
}

/* The kernel makes the VFs as their number is written. */
static void
make_vfs(void)
{
	test_device_link(PF, "virtfn0", "../" VF);
	test_device_link(PF, "virtfn1", "../" VF2);
}

static void
set_numvfs(int numvfs)
{
	char text[8];

	snprintf(text, sizeof(text), "%d\n", numvfs);
	test_write_text(NUMVFS, text);
	make_vfs();
	if (numvfs < 2)
		unlink(TEST_DEVICES "/" PF "/virtfn1");
	if (numvfs < 1)
		unlink(TEST_DEVICES "/" PF "/virtfn0");
	test_watched_open = (struct test_watched_open){ NUMVFS, O_WRONLY, 0, 0 };
	test_opened = make_vfs;
}

static void
begin(struct run *r, const struct path *path)
{
	size_t i;

	*r = (struct run){ .path = path, .ctx = test_context(), .pf_fd = -1 };
	running = r;
	test_kernel = kernel;
	test_sleep = dont_sleep;
	r->ctx->vfio = "vfio";
	if (path->variable != NULL) {
		snprintf(variable, sizeof(variable), "VF_TOKEN=%s", path->variable);
		assert_int_equal(putenv(variable), 0);
	}
	fill_fd();
	set_numvfs(path->numvfs);
	if (path->pf) {
		r->pf_fd = vftoken_open(r->ctx, GROUP_FD, PF);
		assert_true(r->pf_fd >= 0);
	}
	for (i = 0; i < RULES && path->rules[i] != NULL; i++)
		assert_int_equal(vftoken_add_rule(r->ctx, path->rules[i]), 0);
	/* One by one, so that it is in no register that a thread starts with. */
	for (i = 0; path->call == mask && path->text[i] != '\0'; i++)
		((volatile char *)masked)[i] = path->text[i];
	if (path->call == start)
		assert_int_equal(vftoken_add_num_vfs(r->ctx, PF "=2"), 0);
	if (path->giver != NULL) {
		r->giver = test_context();
		assert_int_equal(vftoken_add_rule(r->giver, path->giver), 0);
		vftoken_context_set_provider(r->ctx, provide, r->giver, "the primary process");
	}
	forget_outputs(r);
}

static void
end(struct run *r)
{
	vftoken_context_destroy(r->ctx);
	vftoken_context_destroy(r->giver);
	if (r->pf_fd >= 0)
		close(r->pf_fd);
	close(FD);
	unsetenv("VF_TOKEN");
	explicit_bzero(variable, sizeof(variable));
	explicit_bzero(masked, sizeof(masked));
	test_n_messages = 0;
}

static unsigned int n_wrong;

/* Something is wrong; all that is shall be told. */
static void VFTOKEN_PRINTF(1, 2) wrong(const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	vprint_error(text, ap);
	va_end(ap);
	print_error("\n");
	n_wrong++;
}

/* What a success gave is right, and what a failure had to leave is as it was. */
static void
check_outputs(const struct run *r, const char *when)
{
	const struct path *path = r->path;

	if (!is_token(r->token, path->gives && r->ret == 0 ? token_a : untouched_token))
		wrong("%s: not the right token", when);
	if (r->num_vfs != (path->call == start && r->ret == 0 ? 2 : UNTOUCHED_NUMBER))
		wrong("%s: not the right number of VFs", when);
	if ((r->device != UNTOUCHED_DEVICE) != (path->call == open_with_group && r->ret == 0))
		wrong("%s: not the right device", when);
	if (path->sends && r->ret >= 0 && !r->sent)
		wrong("%s: the kernel didn't get the token", when);
}

static void
check_messages(const struct run *r, const char *when)
{
	unsigned int errors = 0, i;

	for (i = 0; i < test_n_messages; i++)
		errors += test_messages[i].level == VFTOKEN_LOG_ERR;
	if (r->ret >= 0 && errors > 0)
		wrong("%s: it succeeded, but said: %s", when, test_messages[0].text);
	/* The token provider explains itself, too. */
	if (r->ret < 0 && r->path->says && (errors < 1 || errors > (r->giver != NULL ? 2 : 1)))
		wrong("%s: %d, with %u errors said", when, r->ret, errors);
}

static void
check(struct run *r, const char *when)
{
	const int ret = r->path->ret;

	if (r->ret < -4095 || (r->ret >= 0 && ret < 0) || (r->ret > 0 && ret == 0) ||
	    (r->ret == 0 && ret > 0))
		wrong("%s: %d, and not %d", when, r->ret, ret);
	check_outputs(r, when);
	check_messages(r, when);
	explicit_bzero(r->token, sizeof(r->token));
}

/* What a success handed out. */
static void
give_back(struct run *r)
{
	if (r->device != UNTOUCHED_DEVICE)
		vftoken_device_close(r->device);
	else if (r->ret > 0)
		close(r->ret);
}

static void
call_path(void *opaque)
{
	struct run *r = opaque;

	r->path->call(r);
}

/* A rule that was added is there, and has the token. */
static void
check_rule(struct run *r, const char *when)
{
	const struct vftoken_subject subject = { .ctx = r->ctx };
	const char *equals = strchr(r->path->text, '=');
	struct vftoken_rule *rule = test_find_rule(r->ctx, equals != NULL ? VF : NULL);
	uuid_t token;

	if (rule == NULL || test_read_rule(r->ctx, rule, &subject, token) != 0 ||
	    !is_token(token, token_a))
		wrong("%s: the rule hasn't the token", when);
	explicit_bzero(token, sizeof(token));
}

/* Nothing of the token is left behind, but where it is kept, and in the variable. */
static void
nothing_left(void **state)
{
	struct run r;
	size_t i;

	(void)state;
	if (!test_can_search_memory()) {
		print_message("memory isn't the program's own under this tool\n");
		skip();
	}
	make_files();
	for (i = 0; i < TEST_DIM(paths); i++) {
		const struct path *path = &paths[i];

		begin(&r, path);
		test_call(call_path, &r);
		check(&r, path->name);
		if (path->ret < 0)
			assert_int_equal(r.ret, path->ret);
		n_wrong += !test_is_hidden(TOKEN_A, path->shown, path->kept, path->name);
		if (path->call == add_rule && path->ret == 0)
			check_rule(&r, path->name);
		give_back(&r);
		end(&r);
		n_wrong += !test_is_hidden(TOKEN_A, 0, 0, path->name);
	}
	assert_int_equal(n_wrong, 0);
}

/* How many descriptors are open, but for those of the stores, which a failure may have made. */
static unsigned int
open_fds(const struct run *r)
{
	return test_open_fds() - (r->ctx->store.fd >= 0) -
	       (r->giver != NULL && r->giver->store.fd >= 0);
}

/* Call a path with one call failing; how many calls it made. */
static unsigned int
fail_call(const struct path *path, unsigned int failing, int err, const char *when, bool search)
{
	const long allocations = test_allocations;
	unsigned int fds, memory, files, n;
	struct run r;

	begin(&r, path);
	fds = open_fds(&r);
	test_calls = (struct test_calls){ .on = true, .failing = failing, .err = err };
	if (search)
		test_call(call_path, &r);
	else
		call_path(&r);
	test_calls.on = false;
	n = test_calls.n;
	check(&r, when);
	if (search) {
		memory = test_search_memory(TOKEN_A);
		files = test_search_files(TOKEN_A);
		if (memory > (path->variable != NULL) || files > path->kept)
			wrong("%s: %u in memory, %u in files", when, memory, files);
	}
	if (r.ret < 0) {
		if (open_fds(&r) > fds)
			wrong("%s: descriptors are left open", when);
		/* What was read from a pipe is gone. */
		fill_fd();
		forget_outputs(&r);
		call_path(&r);
		check(&r, when);
		if (r.ret < 0 && r.ret != path->ret)
			wrong("%s: then without a failure: %d", when, r.ret);
	}
	if (path->call == add_rule && r.ret == 0)
		check_rule(&r, when);
	give_back(&r);
	end(&r);
	if (test_allocations != allocations)
		wrong("%s: memory is leaked", when);
	return n;
}

/* Whichever call fails, nothing is half done, left open or left behind, and it is said. */
static void
each_call_fails(void **state)
{
	static const char *const names[TEST_CALLS] = {
		"access",       "calloc",  "fcntl",  "fstat",   "ftruncate",      "ioctl",  "lstat",
		"memfd_create", "open",    "poll",   "pread",   "pthread_create", "pwrite", "read",
		"readlink",     "realloc", "strdup", "strndup", "write",
	};
	const bool search = test_can_search_memory();
	unsigned int failures = 0, seen[TEST_CALLS] = { 0 };
	char when[128];
	size_t i;

	(void)state;
	make_files();
	for (i = 0; i < TEST_DIM(paths); i++) {
		if (paths[i].call == open_two)
			continue; /* its calls come in any order; see ahead_test.c */

		const unsigned int fds = test_open_fds();
		const unsigned int n = fail_call(&paths[i], 0, 0, paths[i].name, search);
		enum test_call made[TEST_DIM(test_calls.made)];
		unsigned int failing;
		const int *err;

		assert_in_range(n, 0, TEST_DIM(made));
		memcpy(made, test_calls.made, sizeof(made));
		for (failing = 1; failing <= n; failing++) {
			const enum test_call call = made[failing - 1];

			for (err = errs[call]; *err != 0; err++) {
				snprintf(when, sizeof(when), "%s, call %u, %s: %s", paths[i].name,
					 failing, names[call], strerror(*err));
				/* The search takes longer than all else; most errors are alike. */
				fail_call(&paths[i], failing, *err, when,
					  search &&
						  err - errs[call] < (call == TEST_CALL_ioctl) + 1);
				seen[call]++;
				failures++;
			}
		}
		assert_int_equal(test_open_fds(), fds);
	}
	for (i = 0; i < TEST_CALLS; i++)
		print_message("%s%s: %u", i > 0 ? ", " : "", names[i], seen[i]);
	print_message("\n%u failures\n", failures);
	assert_int_equal(n_wrong, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_left, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(each_call_fails, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
