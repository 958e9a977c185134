/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "file.h"
#include "test_util.h"

#define FILE_LENGTH(length) SAID(uuid_length, "file:token", length, "36")
#define NO_SUCH_FILE "No such file or directory"

/*
 * Parse and read a source: the result, what is said, and the token, which is untouched by a
 * failure. `token` is NULL for a failure.
 */
static void
assert_read(const char *text, const char *token, int ret, const struct test_said *said)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx };
	struct vftoken_source source;
	uuid_t read, expected;

	memset(read, 0xa5, sizeof(read));
	memset(expected, 0xa5, sizeof(expected));
	assert_int_equal(vftoken_source_parse(&source, &ctx->store, text, &subject), 0);
	assert_int_equal(test_read_source(ctx, &source, read, &subject), ret);
	test_assert_said(said);
	if (token != NULL)
		assert_int_equal(uuid_parse(token, expected), 0);
	assert_memory_equal(read, expected, sizeof(uuid_t));
	vftoken_source_free(&source);
	vftoken_context_destroy(ctx);
}

static const struct test_said nothing = SAID_NOTHING;

/* A literal is the token, in any hex case, and its source shows two characters of it. */
static void
literal(void **state)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx };
	struct vftoken_source source;

	(void)state;
	assert_read(TOKEN_A, TOKEN_A, 0, &nothing);
	assert_read(TOKEN_B, TOKEN_B, 0, &nothing);
	assert_int_equal(vftoken_source_parse(&source, &ctx->store, TOKEN_B, &subject), 0);
	assert_string_equal(source.shown, "C8" DOTS);
	vftoken_source_free(&source);
	vftoken_context_destroy(ctx);
	assert_int_equal(test_store_size(), -1);
}

/* A literal whose memory file is gone, as after closefrom(3), is an error and no other token. */
static void
literal_without_file(void **state)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx,
						 .purpose = VFTOKEN_FOR_OPEN,
						 .device = "0000:01:10.0" };
	struct vftoken_source source;
	uuid_t token;

	(void)state;
	assert_int_equal(vftoken_source_parse(&source, &ctx->store, TOKEN_A, &subject), 0);
	close(ctx->store.fd);
	assert_int_equal(test_read_source(ctx, &source, token, &subject), -ESTALE);
	test_said(store_gone, "0000:01:10.0");
	vftoken_source_free(&source);
	vftoken_context_destroy(ctx);
}

/* The number of the store's descriptor may be that of a log since: it gets no token and gives none.
 */
static void
reused_descriptor(void **state)
{
	struct vftoken_context *ctx = test_context();
	int store, log;

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=" TOKEN_A), 0);
	assert_int_equal(vftoken_add_rule(ctx, "02:00.0=env:VF_TOKEN"), 0);
	store = ctx->store.fd;
	test_write_text("daemon.log", "a log of more than sixteen bytes");
	close(store);
	log = open("daemon.log", O_RDWR);
	assert_int_equal(log, store);
	test_refuse_token(ctx, "0000:01:00.0", -ESTALE);
	test_said(store_gone);
	setenv("VF_TOKEN", TOKEN_B, 1);
	test_refuse_token(ctx, "0000:02:00.0", -ESTALE);
	test_said(store_gone);
	assert_string_equal(getenv("VF_TOKEN"), TOKEN_B);
	assert_int_equal(vftoken_add_rule(ctx, "03:00.0=" TOKEN_B), -ESTALE);
	test_said(store_gone, "0000:03:00.0");
	vftoken_context_destroy(ctx);
	test_assert_file("daemon.log", "a log of more than sixteen bytes");
	assert_int_equal(fcntl(log, F_GETFD), 0);
	close(log);
	unsetenv("VF_TOKEN");
}

/* What a child of fork(2) shares is empty once its parent has cleared the context. */
static void
cleared_for_child(void **state)
{
	struct vftoken_context *ctx = test_context();
	const uuid_t zeros = { 0 };
	uuid_t token;
	int fd;

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=" TOKEN_A), 0);
	fd = dup(ctx->store.fd);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, token, sizeof(token), 0), sizeof(token));
	assert_memory_not_equal(token, zeros, sizeof(token));
	vftoken_context_clear(ctx);
	assert_int_equal(pread(fd, token, sizeof(token), 0), 0);
	/* As seen by the child. */
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=" TOKEN_A), 0);
	assert_int_equal(ftruncate(ctx->store.fd, 0), 0);
	test_refuse_token(ctx, "0000:01:00.0", -EIO);
	test_said(store_unreadable);
	close(fd);
	vftoken_context_destroy(ctx);
}

/* A file holds one UUID, with white space around it or not, and nothing else. */
static void
file_content(void **state)
{
	static const struct {
		const char *content;
		size_t length; /* 0: as long as the text */
		const char *token;
		struct test_said said;
	} cases[] = {
		{ TOKEN_A, 0, TOKEN_A, SAID_NOTHING },
		{ TOKEN_B "\n", 0, TOKEN_B, SAID_NOTHING },
		{ " \t\r\n\v\f" TOKEN_A "\r\n\n ", 0, TOKEN_A, SAID_NOTHING },
		{ "", 0, NULL, SAID(source_empty, "file:token") },
		{ " \n\n", 0, NULL, SAID(source_empty, "file:token") },
		{ "b671fd64-4c5d-491e-9eb8-da01ff1f334\n", 0, NULL, FILE_LENGTH("35") },
		{ TOKEN_A "0\n", 0, NULL, FILE_LENGTH("37") },
		{ TOKEN_A "\n" TOKEN_B "\n", 0, NULL, FILE_LENGTH("73") },
		{ "b671fd64-4c5d-491e-9eb8-da01ff1f334x", 0, NULL,
		  SAID(uuid_digit, "file:token", "36") },
		{ "b671fd64-4c5d 491e-9eb8-da01ff1f3341", 0, NULL,
		  SAID(uuid_hyphen, "file:token", "14") },
		{ "{" TOKEN_A "}\n", 0, NULL, SAID(uuid_braces, "file:token") },
		{ "00000000-0000-0000-0000-000000000000\n", 0, NULL, SAID(uuid_nil, "file:token") },
		{ "\xb6\x71\xfd\x64\x4c\x5d\x49\x1e\x9e\xb8\xda\x01\xff\x1f\x33\x41", 0, NULL,
		  SAID(source_binary, "file:token") },
		{ TOKEN_A "\0", 37, NULL, SAID(source_binary, "file:token") },
		{ "\0" TOKEN_A, 37, NULL, SAID(source_binary, "file:token") },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		const size_t length = cases[i].length;

		test_write("token", cases[i].content,
			   length != 0 ? length : strlen(cases[i].content), 0600);
		assert_read("file:token", cases[i].token, cases[i].token == NULL ? -EINVAL : 0,
			    &cases[i].said);
	}
}

/* 4096 bytes are read, and not one more. */
static void
file_length(void **state)
{
	static const struct test_said longer[] = {
		SAID(source_too_long, "file:token", "4096"),
		SAID(source_too_long, "file:/dev/zero", "4096"),
	};
	char text[VFTOKEN_FILE_MAX + 1];

	(void)state;
	memset(text, '\n', sizeof(text));
	memcpy(text + 100, TOKEN_A, strlen(TOKEN_A));
	test_write("token", text, VFTOKEN_FILE_MAX, 0600);
	assert_read("file:token", TOKEN_A, 0, &nothing);
	memset(text, '\n', sizeof(text));
	memcpy(text + VFTOKEN_FILE_MAX - strlen(TOKEN_B), TOKEN_B, strlen(TOKEN_B));
	test_write("token", text, VFTOKEN_FILE_MAX, 0600);
	assert_read("file:token", TOKEN_B, 0, &nothing);
	test_write("token", text, VFTOKEN_FILE_MAX + 1, 0600);
	assert_read("file:token", NULL, -EFBIG, &longer[0]);
	assert_read("file:/dev/zero", NULL, -EFBIG, &longer[1]);
}

/* A file that others may write is refused; one that everybody may read is taken with a warning. */
static void
file_mode(void **state)
{
	static const struct {
		mode_t mode;
		int ret;
		struct test_said said;
	} cases[] = {
		{ 0400, 0, SAID_NOTHING },
		{ 0600, 0, SAID_NOTHING },
		{ 0640, 0, SAID_NOTHING },
		{ 0440, 0, SAID_NOTHING },
		{ 0644, 0, SAID(source_readable, "file:token") },
		{ 0604, 0, SAID(source_readable, "file:token") },
		{ 0620, -EPERM, SAID(source_writable, "file:token") },
		{ 0602, -EPERM, SAID(source_writable, "file:token") },
		{ 0660, -EPERM, SAID(source_writable, "file:token") },
		{ 0666, -EPERM, SAID(source_writable, "file:token") },
	};
	static const struct test_said empty = SAID(source_empty, "file:token");
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		unlink("token");
		test_write("token", TOKEN_A, strlen(TOKEN_A), cases[i].mode);
		assert_read("file:token", cases[i].ret == 0 ? TOKEN_A : NULL, cases[i].ret,
			    &cases[i].said);
	}
	/* The content's fault is said rather than the warning. */
	test_write("token", "", 0, 0644);
	assert_read("file:token", NULL, -EINVAL, &empty);
}

/* What isn't a file that can be read is told apart. */
static void
file_cannot_be_read(void **state)
{
	static const struct {
		const char *source;
		int ret;
		struct test_said said;
	} cases[] = {
		{ "file:none", -ENOENT, SAID(source_unopened, "file:none", NO_SUCH_FILE) },
		{ "file:none/x", -ENOENT, SAID(source_unopened, "file:none/x", NO_SUCH_FILE) },
		{ "file:token/x", -ENOTDIR,
		  SAID(source_unopened, "file:token/x", "Not a directory") },
		{ "file:.", -EISDIR, SAID(source_directory, "file:.") },
		{ "file:dangling", -ENOENT, SAID(source_unopened, "file:dangling", NO_SUCH_FILE) },
		{ "file:loop", -ELOOP,
		  SAID(source_unopened, "file:loop", "Too many levels of symbolic links") },
		{ "file:socket", -ENXIO,
		  SAID(source_unopened, "file:socket", "No such device or address") },
		{ "file:/dev/null", -EINVAL, SAID(source_empty, "file:/dev/null") },
		{ "file:/proc/self/mem", -EIO,
		  SAID(source_unreadable, "file:/proc/self/mem", "Input/output error") },
	};
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t i;

	(void)state;
	test_write_text("token", TOKEN_A);
	assert_int_equal(symlink("none", "dangling"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	for (i = 0; i < TEST_DIM(cases); i++)
		assert_read(cases[i].source, NULL, cases[i].ret, &cases[i].said);
	close(fd);
}

/* A file that is gone for a moment, as behind a link that is being swapped, is looked for again. */
static void
file_gone_for_a_moment(void **state)
{
	static const struct test_said gone = SAID(source_unopened, "file:token", NO_SUCH_FILE);

	(void)state;
	test_write_text("token", TOKEN_A);
	test_watched_open = (struct test_watched_open){ "token", O_RDONLY, ENOENT, 0 };
	assert_read("file:token", NULL, -ENOENT, &gone);
	assert_int_equal(test_watched_open.n, 3);
}

/* A file that this process may not read is refused. */
static void
file_unreadable(void **state)
{
	static const struct test_said denied =
		SAID(source_unopened, "file:token", "Permission denied");

	(void)state;
	test_write("token", TOKEN_A, strlen(TOKEN_A), 0000);
	if (!test_become_nobody()) {
		print_message("no user to become here, so nothing is unreadable\n");
		skip();
	}
	assert_read("file:token", NULL, -EACCES, &denied);
}

/* A file is read each time: after it was replaced, the new token counts. */
static void
file_replaced(void **state)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx };
	struct vftoken_source source;
	char text[UUID_STR_LEN];
	uuid_t token;

	(void)state;
	/* As Kubernetes mounts a secret: token -> ..data/token, ..data -> a folder per version. */
	assert_int_equal(mkdir("..1", 0755) + mkdir("..2", 0755), 0);
	test_write("..1/token", TOKEN_A "\n", strlen(TOKEN_A "\n"), 0644);
	test_write("..2/token", TOKEN_B "\n", strlen(TOKEN_B "\n"), 0644);
	assert_int_equal(symlink("..1", "..data"), 0);
	assert_int_equal(symlink("..data/token", "token"), 0);
	assert_int_equal(vftoken_source_parse(&source, &ctx->store, "file:token", &subject), 0);
	assert_int_equal(test_read_source(ctx, &source, token, &subject), 0);
	test_said(source_readable, "file:token");
	uuid_unparse_lower(token, text);
	assert_string_equal(text, TOKEN_A);

	assert_int_equal(symlink("..2", "..new"), 0);
	assert_int_equal(rename("..new", "..data"), 0);
	assert_int_equal(test_read_source(ctx, &source, token, &subject), 0);
	test_said(source_readable, "file:token");
	uuid_unparse_upper(token, text);
	assert_string_equal(text, TOKEN_B);

	test_write_text("new", TOKEN_A);
	assert_int_equal(rename("new", "token"), 0);
	assert_int_equal(test_read_source(ctx, &source, token, &subject), 0);
	test_said_nothing();
	uuid_unparse_lower(token, text);
	assert_string_equal(text, TOKEN_A);

	assert_int_equal(unlink("token"), 0);
	assert_int_equal(test_read_source(ctx, &source, token, &subject), -ENOENT);
	test_said(source_unopened, "file:token", NO_SUCH_FILE);
	assert_int_equal(ctx->store.fd, -1);
	vftoken_source_free(&source);
	vftoken_context_destroy(ctx);
}

/* A variable holds one UUID; messages show its name and never its value. */
static void
environment(void **state)
{
	static const struct {
		const char *value;
		int ret;
		struct test_said said;
	} cases[] = {
		{ NULL, -ENOENT, SAID(source_unset, "env:VF_TOKEN") },
		{ TOKEN_A, 0, SAID_NOTHING },
		{ TOKEN_B, 0, SAID_NOTHING },
		{ "", -EINVAL, SAID(source_empty, "env:VF_TOKEN") },
		{ TOKEN_A " ", -EINVAL, SAID(uuid_length, "env:VF_TOKEN", "37", "36") },
		{ "{" TOKEN_A "}", -EINVAL, SAID(uuid_braces, "env:VF_TOKEN") },
		{ "b671fd64_4c5d-491e-9eb8-da01ff1f3341", -EINVAL,
		  SAID(uuid_hyphen, "env:VF_TOKEN", "9") },
		{ "00000000-0000-0000-0000-000000000000", -EINVAL, SAID(uuid_nil, "env:VF_TOKEN") },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		unsetenv("VF_TOKEN");
		if (cases[i].value != NULL)
			setenv("VF_TOKEN", cases[i].value, 1);
		assert_read("env:VF_TOKEN", cases[i].ret == 0 ? cases[i].value : NULL, cases[i].ret,
			    &cases[i].said);
	}
}

/*
 * A variable is wiped and unset once it was read and its token kept, unless it shall stay. When it
 * is set once more it is read once more, into the same slot.
 */
static void
environment_unset(void **state)
{
	static const struct {
		const char *text;
		bool unset;
	} cases[] = {
		{ "env:VF_TOKEN", true },
		{ "env:VF_TOKEN,stay", false },
	};
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx };
	struct vftoken_source source;
	const char *value;
	uuid_t token;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		const char *const values[] = { TOKEN_A, TOKEN_B };
		char text[UUID_STR_LEN];
		size_t n;

		assert_int_equal(
			vftoken_source_parse(&source, &ctx->store, cases[i].text, &subject), 0);
		for (n = 0; n < 4; n++) {
			if (n % 2 == 0)
				setenv("VF_TOKEN", values[n / 2], 1);
			value = getenv("VF_TOKEN");
			assert_int_equal(test_read_source(ctx, &source, token, &subject), 0);
			uuid_unparse_lower(token, text);
			assert_int_equal(strcasecmp(text, values[n / 2]), 0);
			assert_int_equal(getenv("VF_TOKEN") == NULL, cases[i].unset);
			if (cases[i].unset && n % 2 == 0)
				assert_string_equal(value, "************************************");
		}
		assert_int_equal(test_store_size(), cases[i].unset ? (long)sizeof(uuid_t) : -1);
		vftoken_source_free(&source);
		vftoken_store_clear(&ctx->store);
	}
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* A variable whose token can't be kept stays, as it would be lost. */
static void
environment_not_kept(void **state)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx };
	struct vftoken_source source;
	uuid_t token;

	(void)state;
	setenv("VF_TOKEN", TOKEN_A, 1);
	assert_int_equal(vftoken_source_parse(&source, &ctx->store, "env:VF_TOKEN", &subject), 0);
	ctx->store.fd = 1000;
	assert_int_equal(test_read_source(ctx, &source, token, &subject), -ESTALE);
	test_said(store_gone);
	assert_string_equal(getenv("VF_TOKEN"), TOKEN_A);
	vftoken_source_free(&source);
	vftoken_context_destroy(ctx);
}

/* A variable that is in the environment twice leaves no copy. */
static void
environment_twice(void **state)
{
	static char first[] = "VF_TOKEN=" TOKEN_A, second[] = "VF_TOKEN=" TOKEN_B;
	char *variables[] = { first, second, NULL };
	struct vftoken_context *ctx = test_context();
	char **before = environ;

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=env:VF_TOKEN"), 0);
	environ = variables;
	test_assert_token(ctx, "0000:01:00.0", TOKEN_A);
	assert_null(environ[0]);
	environ = before;
	assert_string_equal(first, "VF_TOKEN=************************************");
	assert_string_equal(second, first);
	vftoken_context_destroy(ctx);
}

/* A constant in the environment can't be overwritten. It is taken out of it. */
static void
environment_constant(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *text = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *variables[] = { text, NULL };
	struct vftoken_context *ctx = test_context();
	struct vftoken_rule *rule;
	const struct vftoken_subject subject = { .ctx = ctx };
	char **before = environ;
	uuid_t token;

	(void)state;
	assert_ptr_not_equal(text, MAP_FAILED);
	strcpy(text, "VF_TOKEN=" TOKEN_A);
	assert_int_equal(mprotect(text, page, PROT_READ), 0);
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=env:VF_TOKEN"), 0);
	rule = test_find_rule(ctx, "0000:01:00.0");
	environ = variables;
	assert_int_equal(test_read_rule(ctx, rule, &subject, token), 0);
	assert_null(environ[0]);
	environ = before;
	test_said(source_constant, "env:VF_TOKEN");
	munmap(text, page);
	vftoken_context_destroy(ctx);
}

/* A shell has put the token where its name should be. */
static void
expanded_variable(void **state)
{
	struct vftoken_context *ctx = test_context();

	(void)state;
	assert_int_equal(vftoken_add_rule(ctx, "env:" TOKEN_A), -EINVAL);
	test_said(source_is_token, "env:");
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=file:" TOKEN_A), -EINVAL);
	test_said(source_is_token, "file:");
	/* A name may hold one. It isn't shown. */
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=file:" TOKEN_A "/token"), 0);
	test_refuse_token(ctx, "0000:01:00.0", -ENOENT);
	test_said(source_unopened, "file:************************************/token");
	assert_int_equal(vftoken_add_rule(ctx, "02:00.0=env:VF_TOKEN," TOKEN_A), 0);
	test_refuse_token(ctx, "0000:02:00.0", -ENOENT);
	test_said(source_unset, "env:VF_TOKEN,************************************");
	vftoken_context_destroy(ctx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(literal, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reused_descriptor, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(cleared_for_child, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(environment_twice, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(environment_constant, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(expanded_variable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(literal_without_file, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_content, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_length, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_mode, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_cannot_be_read, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_gone_for_a_moment, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_unreadable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(file_replaced, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(environment, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(environment_not_kept, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(environment_unset, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
