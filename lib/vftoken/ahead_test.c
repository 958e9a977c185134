/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/* Devices that are opened together, before each is asked for. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define PF "0000:01:00.0"
#define OTHER "0000:02:00.0"
#define VFS 7

static const char *const vfs[VFS] = {
	"0000:01:10.0", "0000:01:10.2", "0000:01:10.4", "0000:01:10.6",
	"0000:01:11.0", "0000:01:11.2", "0000:01:11.4",
};

/* What the kernel saw, in its order, and how many threads it had at once. */
static struct {
	pthread_mutex_t lock;
	char opens[16][VFIO_DEVICE_NAME_SIZE];
	unsigned int n_opens;
	unsigned int n_resets;
	uint32_t flags; /* of each device */
	unsigned int inside;
	unsigned int most;
	unsigned int until; /* opens wait until as many are inside, for five seconds */
	const char *refused;
	char *stacks[16]; /* a place in the stack of the thread that opened */
} kernel = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
make_kernel(unsigned int until, const char *refused)
{
	kernel.n_opens = 0;
	kernel.n_resets = 0;
	kernel.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	kernel.most = 0;
	kernel.until = until;
	kernel.refused = refused;
}

static void
come_in(const char *text)
{
	pthread_mutex_lock(&kernel.lock);
	if (text != NULL && kernel.n_opens < TEST_DIM(kernel.opens))
		snprintf(kernel.opens[kernel.n_opens], sizeof(kernel.opens[0]), "%s", text);
	if (kernel.n_opens < TEST_DIM(kernel.stacks))
		kernel.stacks[kernel.n_opens] = __builtin_frame_address(0);
	kernel.n_opens += text != NULL;
	kernel.n_resets += text == NULL;
	kernel.inside++;
	kernel.most = kernel.inside > kernel.most ? kernel.inside : kernel.most;
	pthread_mutex_unlock(&kernel.lock);
}

static void
go_out(void)
{
	pthread_mutex_lock(&kernel.lock);
	kernel.inside--;
	pthread_mutex_unlock(&kernel.lock);
}

static bool
is_full(void)
{
	bool full;

	pthread_mutex_lock(&kernel.lock);
	full = kernel.most >= kernel.until;
	pthread_mutex_unlock(&kernel.lock);
	return full;
}

static int
answer(unsigned long request, void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const char *text = request == VFIO_GROUP_GET_DEVICE_FD ? arg : NULL;
	struct vfio_device_info *info = arg;
	unsigned int tries = 0;
	bool refused;

	if (request == VFIO_DEVICE_GET_INFO) {
		info->flags = kernel.flags;
		return 0;
	}
	come_in(text);
	while (text != NULL && strncmp(text, PF, strlen(PF)) != 0 && !is_full() && tries++ < 5000)
		nanosleep(&pause, NULL);
	go_out();
	refused = text != NULL && kernel.refused != NULL &&
		  strncmp(text, kernel.refused, strlen(kernel.refused)) == 0;
	errno = EACCES;
	if (text == NULL || refused)
		return refused ? -1 : 0;
	return openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
}

static void
make_devices(void)
{
	static const struct test_device pf = { PF, "vfio-pci", NULL, "7\n", "7\n" };
	static const struct test_device other = { OTHER, "vfio-pci", NULL, NULL, NULL };
	size_t i;

	test_device_make(&pf);
	test_device_make(&other);
	for (i = 0; i < VFS; i++)
		test_device_make(&(const struct test_device){ vfs[i], "vfio-pci", PF, NULL, NULL });
	test_kernel = answer;
}

static struct vftoken_context *
start(const char *rule)
{
	struct vftoken_context *ctx = test_context();

	vftoken_start_begin(ctx, "vfio-v", 0, NULL);
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	return ctx;
}

/* What the part that opens does first. */
static unsigned int
queue_expected(struct vftoken_context *ctx)
{
	char bdf[VFTOKEN_BDF_SIZE];
	unsigned int n = 0;

	while (vftoken_next_expected(ctx, bdf) == 0) {
		assert_int_equal(vftoken_queue(ctx, GROUP_FD, bdf), 0);
		n++;
	}
	return n;
}

static void
expect_vfs(struct vftoken_context *ctx)
{
	size_t i;

	for (i = 0; i < VFS; i++)
		vftoken_expect(ctx, vfs[i]);
}

static void
close_device(struct vftoken_context *ctx, const char *bdf, int fd)
{
	vftoken_closing(ctx, bdf);
	close(fd);
}

/* How many of the threads that opened have left no stack. */
static unsigned int
stacks_gone(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char in_memory;
	unsigned int i, n = 0;

	for (i = 0; i < kernel.n_opens; i++)
		n += mincore((char *)((uintptr_t)kernel.stacks[i] & ~(page - 1)), page,
			     &in_memory) < 0 &&
		     errno == ENOMEM;
	return n;
}

/* The PF first, then all VFs at once; each is handed over to who asks, and counts from then on. */
static void
together(void **state)
{
	static const char with_token[] = PF " vf_token=" TOKEN_A;
	struct vftoken_context *ctx = start(TOKEN_A);
	char bdfs[VFS + 1][VFTOKEN_BDF_SIZE];
	int fds[VFS], pf;
	size_t i;

	(void)state;
	make_devices();
	make_kernel(VFS, NULL);
	expect_vfs(ctx);
	vftoken_expect(ctx, PF);
	vftoken_expect(ctx, "not a BDF");
	assert_int_equal(queue_expected(ctx), VFS + 1);
	assert_int_equal(vftoken_list_devices(ctx, bdfs, 1), 0);
	/* One that nobody expected is opened with them. */
	fds[0] = vftoken_open(ctx, GROUP_FD, vfs[0]);
	assert_true(fds[0] >= 0);
	assert_int_equal(kernel.n_opens, VFS + 1);
	/* It is the one of which it isn't known that nobody else has it open. */
	assert_int_equal(kernel.n_resets, 1);
	assert_int_equal(kernel.most, VFS);
	/* This thread opened the PF and one VF. */
	assert_int_equal(stacks_gone(), VFS - 1);
	assert_string_equal(kernel.opens[0], with_token);
	assert_int_equal(vftoken_list_devices(ctx, bdfs, VFS + 1), 1);
	pf = vftoken_open(ctx, GROUP_FD, PF);
	for (i = 1; i < VFS; i++) {
		assert_int_equal(vftoken_pf_reload_token(ctx, vfs[i]), -ENODEV);
		test_n_messages = 0;
		fds[i] = vftoken_open(ctx, GROUP_FD, vfs[i]);
		assert_true(fds[i] >= 0);
		assert_true(vftoken_was_reset(ctx, vfs[i]));
	}
	assert_true(vftoken_was_reset(ctx, PF));
	assert_int_equal(kernel.n_opens, VFS + 1);
	assert_int_equal(vftoken_list_devices(ctx, bdfs, VFS + 1), VFS + 1);
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_said_nothing();
	/* Once more it is opened by itself. */
	close_device(ctx, vfs[1], fds[1]);
	fds[1] = vftoken_open(ctx, GROUP_FD, vfs[1]);
	assert_int_equal(kernel.n_opens, VFS + 2);
	assert_int_equal(kernel.n_resets, 1);
	assert_false(vftoken_was_reset(ctx, vfs[1]));
	for (i = 0; i < VFS; i++)
		close_device(ctx, vfs[i], fds[i]);
	close_device(ctx, PF, pf);
	assert_false(vftoken_was_reset(ctx, PF));
	assert_false(vftoken_was_reset(ctx, "not a BDF"));
	vftoken_context_destroy(ctx);
}

static void *
open_last(void *ctx)
{
	const int fd = vftoken_open(ctx, GROUP_FD, vfs[VFS - 1]);

	if (fd >= 0)
		close_device(ctx, vfs[VFS - 1], fd);
	return fd >= 0 ? ctx : NULL;
}

/* A thread that asks for a device while another one opens it gets that one. */
static void
asked_meanwhile(void **state)
{
	struct vftoken_context *ctx = start(NULL);
	pthread_t thread;
	void *result;
	size_t i;
	int fd;

	(void)state;
	make_devices();
	make_kernel(VFS - 1, NULL);
	for (i = 1; i < VFS; i++)
		assert_int_equal(vftoken_queue(ctx, GROUP_FD, vfs[i]), 0);
	assert_int_equal(pthread_create(&thread, NULL, open_last, ctx), 0);
	fd = vftoken_open(ctx, GROUP_FD, vfs[0]);
	assert_true(fd >= 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, ctx);
	close_device(ctx, vfs[0], fd);
	assert_in_range(kernel.n_opens, VFS, VFS + 1);
	vftoken_context_destroy(ctx);
}

/* A device that the kernel could not reset as it opened it is reset once more. */
static void
not_reset(void **state)
{
	struct vftoken_context *ctx = start(NULL);
	int first, second;

	(void)state;
	make_devices();
	make_kernel(1, NULL);
	kernel.flags = VFIO_DEVICE_FLAGS_PCI;
	assert_int_equal(vftoken_queue(ctx, GROUP_FD, OTHER), 0);
	first = vftoken_open(ctx, GROUP_FD, PF);
	second = vftoken_open(ctx, GROUP_FD, OTHER);
	assert_int_equal(kernel.n_resets, 2);
	assert_true(vftoken_was_reset(ctx, OTHER));
	close_device(ctx, PF, first);
	close_device(ctx, OTHER, second);
	vftoken_context_destroy(ctx);
}

/* A refusal is said when the device is asked for, and takes nothing from the others. */
static void
refused(void **state)
{
	struct vftoken_context *ctx = start(PF "=" TOKEN_A);
	size_t i;
	int fd;

	(void)state;
	make_devices();
	make_kernel(1, vfs[2]);
	assert_int_equal(vftoken_add_rule(ctx, "0000:01:10.6=file:none"), 0);
	expect_vfs(ctx);
	queue_expected(ctx);
	for (i = 0; i < VFS; i++) {
		fd = vftoken_open(ctx, GROUP_FD, vfs[i]);
		if (i == 2) {
			assert_int_equal(fd, -EACCES);
			test_said(vf_wrong_token, vfs[2], "b6" DOTS, PF, PF);
		} else if (i == 3) {
			assert_int_equal(fd, -ENOENT);
			test_said(source_unopened, vfs[3], "file:none",
				  "No such file or directory");
		} else {
			assert_true(fd >= 0);
			test_said_nothing();
			close_device(ctx, vfs[i], fd);
		}
	}
	assert_int_equal(kernel.n_opens, VFS - 1);
	/* Nothing is remembered of the refusal. */
	make_kernel(1, NULL);
	fd = vftoken_open(ctx, GROUP_FD, vfs[2]);
	assert_true(fd >= 0);
	close_device(ctx, vfs[2], fd);
	assert_int_equal(kernel.n_opens, 1);
	vftoken_context_destroy(ctx);
}

/* What nobody asks for is closed, and its group returned. */
static void
dropped(void **state)
{
	const unsigned int before = test_open_fds();
	struct vftoken_context *ctx = start(TOKEN_A);
	const unsigned int fds = test_open_fds();
	int fd, group_fd = -1;

	(void)state;
	make_devices();
	make_kernel(1, vfs[2]);
	assert_int_equal(vftoken_queue(ctx, 50, vfs[1]), 0);
	assert_int_equal(vftoken_queue(ctx, 51, vfs[2]), 0);
	assert_int_equal(vftoken_queue_cdev(ctx, "none", 52, vfs[3]), 0);
	vftoken_expect(ctx, vfs[4]);
	fd = vftoken_open(ctx, GROUP_FD, vfs[0]);
	assert_int_equal(kernel.n_opens, 3);
	assert_int_equal(test_open_fds(), fds + 2);
	assert_int_equal(vftoken_drop_queued(ctx, &group_fd), 0);
	assert_int_equal(group_fd, 50);
	assert_int_equal(test_open_fds(), fds + 1);
	assert_int_equal(vftoken_drop_queued(ctx, &group_fd), 0);
	assert_int_equal(group_fd, 51);
	assert_int_equal(vftoken_drop_queued(ctx, &group_fd), 0);
	assert_int_equal(group_fd, -1);
	group_fd = 53;
	assert_int_equal(vftoken_drop_queued(ctx, &group_fd), -ENOENT);
	assert_int_equal(group_fd, 53);
	assert_int_equal(queue_expected(ctx), 0);
	test_said_nothing();
	close_device(ctx, vfs[0], fd);
	/* Or with the context, and with what was never opened. */
	assert_int_equal(vftoken_queue(ctx, 50, vfs[1]), 0);
	fd = vftoken_open(ctx, GROUP_FD, vfs[0]);
	assert_int_equal(vftoken_queue(ctx, 50, vfs[2]), 0);
	close_device(ctx, vfs[0], fd);
	vftoken_context_clear(ctx);
	assert_int_equal(test_open_fds(), before);
	vftoken_context_destroy(ctx);
}

/* Only at the start; after it, and where nothing is queued, a device is opened by itself. */
static void
alone(void **state)
{
	struct vftoken_context *ctx = test_context();
	char bdf[VFTOKEN_BDF_SIZE];
	int fd;

	(void)state;
	make_devices();
	make_kernel(1, NULL);
	expect_vfs(ctx);
	assert_int_equal(vftoken_next_expected(ctx, bdf), -ENOENT);
	vftoken_start_begin(ctx, "vfio-v", 0, NULL);
	vftoken_expect(ctx, vfs[0]);
	vftoken_expect(ctx, vfs[1]);
	/* It is open, so that it needn't be expected any more. */
	fd = vftoken_open(ctx, GROUP_FD, vfs[0]);
	assert_int_equal(kernel.n_resets, 0);
	assert_false(vftoken_was_reset(ctx, vfs[0]));
	assert_int_equal(vftoken_next_expected(ctx, bdf), 0);
	assert_string_equal(bdf, vfs[1]);
	assert_int_equal(vftoken_next_expected(ctx, bdf), -ENOENT);
	assert_int_equal(vftoken_start_end(ctx), 0);
	expect_vfs(ctx);
	assert_int_equal(vftoken_next_expected(ctx, bdf), -ENOENT);
	close_device(ctx, vfs[0], fd);
	assert_int_equal(vftoken_queue(ctx, GROUP_FD, "VF"), -EINVAL);
	assert_int_equal(vftoken_queue_cdev(ctx, "vfio0", 50, ""), -EINVAL);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* At the end devices are kept until all are closed. */
static void
stop(void **state)
{
	struct vftoken_context *ctx = start(NULL);
	const unsigned int fds = test_open_fds();
	size_t i;

	(void)state;
	make_devices();
	make_kernel(1, NULL);
	for (i = 0; i < VFS; i++)
		close_device(ctx, vfs[i], vftoken_open(ctx, GROUP_FD, vfs[i]));
	assert_int_equal(test_open_fds(), fds);
	vftoken_stop_begin(ctx);
	for (i = 0; i < VFS; i++)
		close_device(ctx, vfs[i], vftoken_open(ctx, GROUP_FD, vfs[i]));
	assert_int_equal(test_open_fds(), fds + VFS);
	vftoken_context_clear(ctx);
	assert_int_equal(test_open_fds(), fds);
	/* That was one end, and the next start is as the first. */
	close_device(ctx, vfs[0], vftoken_open(ctx, GROUP_FD, vfs[0]));
	assert_int_equal(test_open_fds(), fds);
	vftoken_context_destroy(ctx);
}

/* Whichever call fails, each device is open or its refusal said, and nothing is left behind. */
static void
each_call_fails(void **state)
{
	unsigned int failing = 1, n;

	(void)state;
	make_devices();
	do {
		const long allocations = test_allocations;
		const unsigned int fds = test_open_fds();
		struct vftoken_context *ctx = start(TOKEN_A);
		size_t i;
		int fd;

		make_kernel(1, NULL);
		test_n_messages = 0;
		test_calls = (struct test_calls){ .on = true, .failing = failing, .err = ENOMEM };
		for (i = 1; i < VFS; i++)
			vftoken_queue(ctx, GROUP_FD, vfs[i]);
		vftoken_stop_begin(ctx);
		for (i = 0; i < VFS; i++) {
			const unsigned int said = test_n_messages;

			fd = vftoken_open(ctx, GROUP_FD, vfs[i]);
			if (fd < 0)
				assert_int_equal(test_n_messages, said + 1);
			else
				close_device(ctx, vfs[i], fd);
		}
		n = test_calls.n;
		test_calls.on = false;
		vftoken_context_destroy(ctx);
		assert_int_equal(test_open_fds(), fds);
		assert_int_equal(test_allocations, allocations);
	} while (failing++ <= n);
	print_message("%u failures\n", n);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(together, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(asked_meanwhile, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_reset, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(dropped, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(alone, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(stop, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(each_call_fails, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
