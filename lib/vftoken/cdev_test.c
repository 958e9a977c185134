/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/* Opens by a device's own file and iommufd, which test_wrap.c answers. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "device.h"
#include "pf.h"
#include "test_util.h"

#define BIND _IO(VFIO_TYPE, VFIO_BASE + 18)
#define IOMMUFD 42

/* A PF and VFs of it, one in its IOMMU group, one on a variant driver; a PF on the kernel's driver,
 * its VF; neither. */
#define PF "0000:01:00.0"
#define VF "0000:01:10.0"
#define VF2 "0000:01:10.2"
#define VF_SHARING "0000:01:10.4"
#define VF_VARIANT "0000:01:10.6"
#define PF_IGB "0000:02:00.0"
#define VF_OF_IGB "0000:02:10.0"
#define PLAIN "0000:05:00.0"
#define FILE_VF "vfio/devices/vfio1"

#define A "=" TOKEN_A
#define FROM_A "b6" DOTS
#define NO_RULE SAID(vf_needs_token, VF, PF, "vfio-pci", PF)
#define WRONG SAID(vf_wrong_token, VF, FROM_A, PF, PF)
#define REFUSED(bdf, why) SAID(device_refused, bdf, why)

static void
make_devices(void)
{
	static const struct {
		struct test_device device;
		const char *cdev;
		const char *group;
	} devices[] = {
		{ { PF, "vfio-pci", NULL, "7\n", "3\n" }, "vfio0", "9" },
		{ { VF, "vfio-pci", PF, NULL, NULL }, "vfio1", "10" },
		{ { VF2, "vfio-pci", PF, NULL, NULL }, "noiommu-vfio2", "12" },
		{ { VF_SHARING, "vfio-pci", PF, NULL, NULL }, "vfio3", "9" },
		{ { VF_VARIANT, "mlx5_vfio_pci", PF, NULL, NULL }, "vfio4", "13" },
		{ { PF_IGB, "igb", NULL, "7\n", "1\n" }, NULL, "14" },
		{ { VF_OF_IGB, "vfio-pci", PF_IGB, NULL, NULL }, "vfio5", "16" },
		{ { PLAIN, "vfio-pci", NULL, NULL, NULL }, "vfio6", "18" },
	};
	char path[PATH_MAX];
	size_t i;

	assert_int_equal(mkdir("vfio", 0755), 0);
	assert_int_equal(mkdir("vfio/devices", 0755), 0);
	test_write_text("iommu", "");
	for (i = 0; i < TEST_DIM(devices); i++) {
		test_device_make(&devices[i].device);
		snprintf(path, sizeof(path), "../../groups/%s", devices[i].group);
		test_device_link(devices[i].device.bdf, "iommu_group", path);
		if (devices[i].cdev == NULL)
			continue;
		snprintf(path, sizeof(path), TEST_DEVICES "/%s/vfio-dev", devices[i].device.bdf);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), TEST_DEVICES "/%s/vfio-dev/%s", devices[i].device.bdf,
			 devices[i].cdev);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "vfio/devices/%s", devices[i].cdev);
		test_write_text(path, "");
	}
}

static struct vftoken_context *
make_context(const char *rule)
{
	struct vftoken_context *ctx = test_context();

	ctx->vfio = "vfio";
	ctx->iommu = "iommu";
	if (rule != NULL)
		assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	return ctx;
}

#define MOST 3

/* One open: the rule, what each ioctl must have and answers, and exactly the messages. */
struct cdev_case {
	const char *name;
	const char *rule;
	struct {
		const char *token; /* of the bind; NULL for none */
		int answer;
	} binds[MOST];
	unsigned int n;
	struct test_said said[MOST];
	int ret;
};

static void
assert_cdev(const struct cdev_case *c)
{
	struct test_answer answers[MOST];
	struct vftoken_context *ctx = make_context(c->rule);
	const unsigned int fds = test_open_fds();
	unsigned int i;
	int ret;

	print_message("%s, rule %s, answer %d\n", c->name, c->rule != NULL ? c->rule : "none",
		      c->binds[0].answer);
	for (i = 0; i < c->n; i++)
		answers[i] = (struct test_answer){ .ret = c->binds[i].answer };
	test_answer(answers, c->n);
	ret = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, c->name);
	assert_int_equal(ret < 0 ? ret : 0, c->ret);
	assert_int_equal(test_n_ioctls, c->n);
	for (i = 0; i < c->n; i++) {
		int32_t iommufd;

		assert_int_equal(test_ioctls[i].request, BIND);
		memcpy(&iommufd, test_ioctls[i].bytes + 2 * sizeof(iommufd), sizeof(iommufd));
		assert_int_equal(iommufd, IOMMUFD);
		assert_string_equal(test_ioctls[i].token,
				    c->binds[i].token != NULL ? c->binds[i].token : "");
	}
	test_assert_all_said(c->said, MOST);
	if (ret >= 0) {
		assert_int_equal(test_ioctls[0].fd, ret);
		test_assert_opened(ret, FILE_VF);
		assert_int_equal(close(ret), 0);
	}
	assert_int_equal(test_open_fds(), fds);
	vftoken_context_destroy(ctx);
}

/* Who gets a token is decided as by group, and one bind opens the device. */
static void
one_bind(void **state)
{
	static const struct cdev_case cases[] = {
		{ VF, PF A, { { TOKEN_A, 0 } }, 1, { SAID_NOTHING }, 0 },
		{ VF, VF A, { { TOKEN_A, 0 } }, 1, { SAID_NOTHING }, 0 },
		{ PF, TOKEN_A, { { TOKEN_A, 0 } }, 1, { SAID_NOTHING }, 0 },
		{ VF, NULL, { { NULL, 0 } }, 1, { SAID_NOTHING }, 0 },
		{ PF, NULL, { { NULL, 0 } }, 1, { SAID_NOTHING }, 0 },
		{ VF_OF_IGB,
		  TOKEN_A,
		  { { NULL, 0 } },
		  1,
		  { SAID(token_not_sent_vf, FROM_A, VF_OF_IGB, PF_IGB, "igb") },
		  0 },
		{ PLAIN, PLAIN A, { { NULL, 0 } }, 1, { SAID(token_not_sent, FROM_A, PLAIN) }, 0 },
		{ "fsl-mc.0", TOKEN_A, { { NULL, 0 } }, 1, { SAID_NOTHING }, 0 },
		/* sysfs was wrong. */
		{ VF_OF_IGB,
		  TOKEN_A,
		  { { NULL, -EACCES }, { TOKEN_A, 0 } },
		  2,
		  { SAID(token_not_sent_vf, FROM_A, VF_OF_IGB, PF_IGB, "igb"),
		    SAID(token_wanted, VF_OF_IGB, FROM_A) },
		  0 },
	};
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_cdev(&cases[i]);
}

/* Each refusal is explained once, by its errno and by what the file and sysfs show. */
static void
refused(void **state)
{
	static const struct cdev_case cases[] = {
		{ VF, NULL, { { NULL, -EACCES } }, 1, { NO_RULE }, -EACCES },
		{ VF, PF A, { { TOKEN_A, -EACCES } }, 1, { WRONG }, -EACCES },
		{ PF,
		  NULL,
		  { { NULL, -EACCES } },
		  1,
		  { SAID(pf_needs_token, PF, "3", PF) },
		  -EACCES },
		{ VF, NULL, { { NULL, -EBUSY } }, 1, { SAID(device_busy, VF) }, -EBUSY },
		{ VF, NULL, { { NULL, -EINVAL } }, 1, { SAID(device_busy, VF) }, -EINVAL },
		{ VF_SHARING,
		  PF A,
		  { { TOKEN_A, -EBUSY } },
		  1,
		  { SAID(vf_in_group_of_pf, VF_SHARING, PF) },
		  -EBUSY },
		{ VF, PF A, { { TOKEN_A, -ENODEV } }, 1, { SAID(cdev_gone, VF, VF) }, -ENODEV },
		{ VF,
		  NULL,
		  { { NULL, -ENOTTY } },
		  1,
		  { SAID(cdev_foreign, VF, FILE_VF) },
		  -ENOTTY },
		{ VF, PF A, { { TOKEN_A, -EPERM } }, 1, { SAID(cdev_unsafe, VF) }, -EPERM },
		{ VF, PF A, { { TOKEN_A, -EIO } }, 1, { REFUSED(VF, "Input/output error") }, -EIO },
		{ VF,
		  "file:none",
		  { { NULL, 0 } },
		  0,
		  { SAID(source_unopened, VF, "file:none", "No such file or directory") },
		  -ENOENT },
	};
	static const struct {
		int err;
		struct test_said said;
	} files[] = {
		{ ENOENT, SAID(cdev_missing, VF, FILE_VF) },
		{ EACCES, SAID(cdev_access, VF, FILE_VF) },
		{ EPERM, SAID(cdev_access, VF, FILE_VF) },
		{ EMFILE, SAID(cdev_unopened, VF, FILE_VF, "Too many open files") },
	};
	size_t i;

	(void)state;
	make_devices();
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_cdev(&cases[i]);
	for (i = 0; i < TEST_DIM(files); i++) {
		const struct cdev_case c = { .name = VF, .rule = PF A, .ret = -files[i].err };
		struct cdev_case one = c;

		one.said[0] = files[i].said;
		test_watched_open = (struct test_watched_open){ FILE_VF, O_RDWR, files[i].err, 0 };
		assert_cdev(&one);
	}
}

/*
 * A kernel whose bind takes no token is told from one that refuses it for another process's open by
 * a bind with a token that isn't there.
 */
static void
no_token_taken(void **state)
{
	static const struct test_answer first[] = { { .ret = -EINVAL },
						    { .ret = -EINVAL },
						    { .ret = 0 } };
	static const struct test_answer next[] = { { .ret = 0 } };
	static const struct test_answer pf[] = { { .ret = 0 }, { .ret = 0 } };
	static const struct test_answer fails[] = { { .ret = 0 }, { .ret = -EIO } };
	static const struct test_answer busy[] = { { .ret = -EINVAL }, { .ret = -EFAULT } };
	struct vftoken_context *ctx = make_context(TOKEN_A);
	int fds[3], fd;
	size_t i;

	(void)state;
	make_devices();
	/* The other one first, as what a kernel takes is remembered. */
	test_answer(busy, TEST_DIM(busy));
	assert_int_equal(vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, VF), -EINVAL);
	test_said(device_busy, VF);
	assert_int_equal(test_n_ioctls, 2);

	test_answer(first, TEST_DIM(first));
	fds[0] = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, VF);
	assert_true(fds[0] >= 0);
	test_said(cdev_unchecked, VF, "vfio/devices");
	assert_string_equal(test_ioctls[0].token, TOKEN_A);
	assert_string_equal(test_ioctls[2].token, "");
	/* From then on one bind, and one warning for a PF. */
	test_answer(next, TEST_DIM(next));
	fds[1] = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, VF2);
	assert_true(fds[1] >= 0);
	test_said_nothing();
	assert_string_equal(test_ioctls[0].token, "");
	test_answer(pf, TEST_DIM(pf));
	fds[2] = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, PF);
	assert_true(fds[2] >= 0);
	test_said_nothing();
	assert_int_equal(test_ioctls[1].request, VFIO_DEVICE_FEATURE);
	assert_int_equal(test_ioctls[1].fd, fds[2]);
	/* Nothing of the PF is open: the warning comes again. */
	vftoken_closing(ctx, VF);
	vftoken_closing(ctx, VF2);
	vftoken_closing(ctx, PF);
	test_answer(fails, TEST_DIM(fails));
	assert_int_equal(vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, PF), -EIO);
	test_said(pf_token_refused, PF, "Input/output error");
	test_answer(pf, TEST_DIM(pf));
	fd = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, PF);
	assert_true(fd >= 0);
	test_said(cdev_unchecked, PF, "vfio/devices");
	assert_int_equal(close(fd), 0);
	for (i = 0; i < TEST_DIM(fds); i++)
		assert_int_equal(close(fds[i]), 0);
	vftoken_context_destroy(ctx);
}

/* Open another VF of the PF while the kernel opens the first one. */
static struct vftoken_context *opener;
static int second_fd;

static int
open_second(unsigned long request, void *arg)
{
	(void)arg;
	assert_int_equal(request, BIND);
	if (second_fd < 0) {
		second_fd = 0;
		second_fd = vftoken_open_cdev(opener, FILE_VF, IOMMUFD, VF2);
		assert_true(second_fd >= 0);
	}
	return 0;
}

/* Two opens at once warn once. */
static void
two_at_once(void **state)
{
	int fd;

	(void)state;
	make_devices();
	opener = make_context(TOKEN_A);
	opener->cdev_check = VFTOKEN_NO;
	second_fd = -1;
	test_kernel = open_second;
	fd = vftoken_open_cdev(opener, FILE_VF, IOMMUFD, VF);
	assert_true(fd >= 0);
	test_said(cdev_unchecked, VF2, "vfio/devices");
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(second_fd), 0);
	vftoken_context_destroy(opener);
}

/* A variant driver that checks none says nothing of vfio-pci. */
static void
variant(void **state)
{
	static const struct test_answer none[] = { { .ret = -EINVAL },
						   { .ret = -EINVAL },
						   { .ret = 0 } };
	static const struct test_answer next[] = { { .ret = 0 } };
	struct vftoken_context *ctx = make_context(TOKEN_A);
	int fds[2];

	(void)state;
	make_devices();
	test_answer(none, TEST_DIM(none));
	fds[0] = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, VF_VARIANT);
	assert_true(fds[0] >= 0);
	test_said(cdev_unchecked, VF_VARIANT, "vfio/devices");
	test_answer(next, TEST_DIM(next));
	fds[1] = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, VF);
	assert_true(fds[1] >= 0);
	test_said_nothing();
	assert_string_equal(test_ioctls[0].token, TOKEN_A);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
	vftoken_context_destroy(ctx);
}

/* While the token was read its PF has left vfio-pci, so that the bind takes none. */
static int
leave_vfio(unsigned long request, void *arg)
{
	static unsigned int n;

	(void)arg;
	assert_int_equal(request, BIND);
	switch (n++) {
	case 0:
		assert_int_equal(unlink(TEST_DEVICES "/" PF "/driver"), 0);
		errno = EINVAL;
		return -1;
	case 1:
		errno = EFAULT;
		return -1;
	default:
		return 0;
	}
}

static void
not_wanted(void **state)
{
	struct vftoken_context *ctx = make_context(TOKEN_A);
	int fd;

	(void)state;
	make_devices();
	test_kernel = leave_vfio;
	fd = vftoken_open_cdev(ctx, FILE_VF, IOMMUFD, VF);
	assert_true(fd >= 0);
	test_said(token_not_wanted, VF);
	assert_int_equal(close(fd), 0);
	vftoken_context_destroy(ctx);
}

/* A device that another process has opened is one that this process holds open. */
static void
received(void **state)
{
	struct vftoken_info info = { .size = sizeof(info) };
	struct vftoken_context *ctx = make_context(VF A);

	(void)state;
	make_devices();
	assert_int_equal(vftoken_add_rule(ctx, PLAIN A), 0);
	vftoken_context_set_provider(ctx, test_provide_none, NULL, "the primary process");
	vftoken_received(ctx, IOMMUFD, VF);
	vftoken_received(ctx, IOMMUFD, "fsl-mc.0");
	assert_int_equal(vftoken_start_end(ctx), 0);
	test_said(rule_unused, PLAIN);
	assert_int_equal(vftoken_info_read(ctx, VF, &info), 0);
	assert_true(info.open);
	vftoken_device_requested(ctx, VF);
	test_said(vf_requested, VF);
	vftoken_closing(ctx, VF);
	assert_int_equal(vftoken_info_read(ctx, VF, &info), 0);
	assert_false(info.open);
	vftoken_context_destroy(ctx);
}

/* Without the group path a device is opened by its own file; with it, by group. */
static void
device(void **state)
{
	static const struct test_answer bound[] = { { .ret = 0 }, { .ret = 0 } };
	static const struct test_answer denied[] = { { .ret = -EACCES } };
	struct vftoken_context *ctx = make_context(TOKEN_A);
	const unsigned int fds = test_open_fds();
	struct vftoken_device *opened;

	(void)state;
	make_devices();
	/* Neither /dev/vfio/vfio nor the group's file is there; then the first is. */
	test_answer(bound, TEST_DIM(bound));
	assert_int_equal(vftoken_device_open(ctx, "1:10.0", &opened), 0);
	test_said_nothing();
	assert_int_equal(test_n_ioctls, 1);
	assert_string_equal(test_ioctls[0].token, TOKEN_A);
	test_assert_opened(vftoken_device_fd(opened), FILE_VF);
	vftoken_device_close(opened);
	test_write_text("vfio/vfio", "");
	test_answer(bound, TEST_DIM(bound));
	assert_int_equal(vftoken_device_open(ctx, PF, &opened), 0);
	assert_int_equal(vftoken_pf_reload_token(ctx, PF), 0);
	test_said(pf_token_set, PF, FROM_A);
	assert_int_equal(test_ioctls[1].fd, vftoken_device_fd(opened));
	vftoken_device_close(opened);
	assert_int_equal(test_open_fds(), fds);

	test_answer(denied, TEST_DIM(denied));
	assert_int_equal(vftoken_device_open(ctx, VF, &opened), -EACCES);
	test_assert_said(&(const struct test_said)WRONG);
	test_answer(NULL, 0);
	test_watched_open = (struct test_watched_open){ "iommu", O_RDWR, EACCES, 0 };
	assert_int_equal(vftoken_device_open(ctx, VF, &opened), -EPERM);
	test_said(iommufd_access, VF, "iommu");
	test_watched_open.err = EMFILE;
	assert_int_equal(vftoken_device_open(ctx, VF, &opened), -EMFILE);
	test_said(iommufd_refused, VF, "iommu", "Too many open files");
	assert_int_equal(unlink("vfio/vfio"), 0);
	assert_int_equal(vftoken_device_open(ctx, PF_IGB, &opened), -EUNATCH);
	test_said(vfio_missing, PF_IGB);
	assert_int_equal(mkdir("drivers", 0755), 0);
	assert_int_equal(mkdir("drivers/vfio-pci", 0755), 0);
	assert_int_equal(vftoken_device_open(ctx, PF_IGB, &opened), -ENOENT);
	test_said(not_on_vfio, PF_IGB, "igb", PF_IGB);
	ctx->iommu = "none";
	assert_int_equal(vftoken_device_open(ctx, VF, &opened), -EUNATCH);
	test_said(no_vfio_path, VF, "vfio", "none");
	assert_int_equal(test_open_fds(), fds);
	vftoken_context_destroy(ctx);
}

/* Where the group's file isn't there, an enabled device is in use, and only then. */
static void
in_use(void **state)
{
	struct vftoken_context *ctx = make_context(NULL);

	(void)state;
	make_devices();
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), -ENOENT);
	test_device_file(VF, "enable", "x\n");
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), -ENOENT);
	test_device_file(VF, "enable", "1\n");
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 1);
	test_device_file(VF, "enable", "0\n");
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 0);
	/* In the PF's group it is known of the VF itself. */
	test_device_file(VF_SHARING, "enable", "1\n");
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF_SHARING)), 1);
	assert_int_equal(unlink(FILE_VF), 0);
	assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), 0);
	test_write(FILE_VF, "", 0, 0600);
	if (test_become_nobody()) {
		assert_int_equal(test_fact(vftoken_in_use(ctx, VF)), -EACCES);
		test_become_root();
	}
	vftoken_context_destroy(ctx);
}

/* Whether tokens are checked there is asked once, without a bind that could succeed. */
static void
check(void **state)
{
	static const struct {
		int answer;
		int fact;
	} cases[] = {
		{ -EINVAL, 0 },
		{ -ENOTTY, 0 },
		{ -E2BIG, 1 },
		{ 0, 0 },
	};
	struct vftoken_context *ctx;
	size_t i;

	(void)state;
	make_devices();
	ctx = make_context(NULL);
	test_answer(NULL, 0);
	assert_int_equal(test_fact(vftoken_cdev_check(ctx, PF_IGB)), -ENOENT);
	assert_int_equal(test_fact(vftoken_cdev_check(ctx, "0000:07:00.0")), -ENODEV);
	assert_int_equal(unlink("vfio/devices/vfio6"), 0);
	assert_int_equal(test_fact(vftoken_cdev_check(ctx, PLAIN)), -ENOENT);
	vftoken_context_destroy(ctx);
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct test_answer answer = { .ret = cases[i].answer };

		ctx = make_context(NULL);
		test_answer(&answer, 1);
		assert_int_equal(test_fact(vftoken_cdev_check(ctx, VF)), cases[i].fact);
		assert_string_equal(test_ioctls[0].token, "");
		assert_int_equal(test_fact(vftoken_cdev_check(ctx, PF_IGB)), cases[i].fact);
		vftoken_context_destroy(ctx);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_bind, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refused, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_token_taken, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(two_at_once, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(variant, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(not_wanted, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(received, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(device, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(in_use, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(check, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("cdev", tests, NULL, NULL);
}
