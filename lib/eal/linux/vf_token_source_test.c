/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vf_token_source.h"
#include "vftoken_test_util.h"

#define LENGTH " characters; a UUID has 36"
#define EVERYBODY " may be read by everybody on this machine; chmod 600 it if it can be"
#define OTHERS " may be written by others than its owner; chmod 600 it"

/*
 * Parse and read a source: the result, the reason, and the token, which is untouched by a failure.
 * `token` is NULL for a failure.
 */
static void
assert_read(const char *text, const char *token, int ret, const char *reason)
{
	struct vftoken_vault vault = VFTOKEN_VAULT_INIT;
	char why[VFTOKEN_WHY_SIZE] = "not written";
	struct vftoken_source source;
	uuid_t read, expected;

	memset(read, 0xa5, sizeof(read));
	memset(expected, 0xa5, sizeof(expected));
	assert_int_equal(vftoken_source_parse(&source, &vault, text, why), 0);
	assert_int_equal(vftoken_source_read(&source, &vault, read, why), ret);
	test_assert_no_secret(why);
	assert_string_equal(why, reason);
	if (token != NULL)
		assert_int_equal(uuid_parse(token, expected), 0);
	assert_memory_equal(read, expected, sizeof(uuid_t));
	vftoken_source_free(&source);
	vftoken_vault_clear(&vault);
}

/* A literal is the token, in any hex case, and its source shows two characters of it. */
static void
literal(void **state)
{
	struct vftoken_vault vault = VFTOKEN_VAULT_INIT;
	char why[VFTOKEN_WHY_SIZE];
	struct vftoken_source source;

	(void)state;
	assert_read(TOKEN_A, TOKEN_A, 0, "");
	assert_read(TOKEN_B, TOKEN_B, 0, "");
	assert_int_equal(vftoken_source_parse(&source, &vault, TOKEN_B, why), 0);
	assert_string_equal(source.shown, "C8" DOTS);
	vftoken_source_free(&source);
	vftoken_vault_clear(&vault);
	assert_int_equal(test_vault_size(), -1);
}

/* A literal whose memory file is gone, as after closefrom(3), is an error and no other token. */
static void
literal_without_file(void **state)
{
	struct vftoken_vault vault = VFTOKEN_VAULT_INIT;
	char why[VFTOKEN_WHY_SIZE];
	struct vftoken_source source;
	uuid_t token;

	(void)state;
	assert_int_equal(vftoken_source_parse(&source, &vault, TOKEN_A, why), 0);
	close(vault.fd);
	assert_int_equal(vftoken_source_read(&source, &vault, token, why), -EIO);
	assert_string_equal(why, "the memory file that keeps the token can't be read");
	vault.fd = -1;
	vftoken_source_free(&source);
}

/* A file holds one UUID, with white space around it or not, and nothing else. */
static void
file_content(void **state)
{
	static const struct {
		const char *content;
		size_t length; /* 0: as long as the text */
		const char *token;
		const char *reason;
	} cases[] = {
		{ TOKEN_A, 0, TOKEN_A, "" },
		{ TOKEN_B "\n", 0, TOKEN_B, "" },
		{ " \t\r\n\v\f" TOKEN_A "\r\n\n ", 0, TOKEN_A, "" },
		{ "", 0, NULL, " is empty" },
		{ " \n\n", 0, NULL, " is empty" },
		{ "b671fd64-4c5d-491e-9eb8-da01ff1f334\n", 0, NULL, " has 35" LENGTH },
		{ TOKEN_A "0\n", 0, NULL, " has 37" LENGTH },
		{ TOKEN_A "\n" TOKEN_B "\n", 0, NULL, " has 73" LENGTH },
		{ "b671fd64-4c5d-491e-9eb8-da01ff1f334x", 0, NULL,
		  " isn't a UUID: character 36 isn't a hex digit" },
		{ "b671fd64-4c5d 491e-9eb8-da01ff1f3341", 0, NULL,
		  " isn't a UUID: character 14 must be '-'" },
		{ "{" TOKEN_A "}\n", 0, NULL, " has braces; write the UUID without them" },
		{ "00000000-0000-0000-0000-000000000000\n", 0, NULL,
		  " is the nil UUID, which is no secret; make one with uuidgen" },
		{ "\xb6\x71\xfd\x64\x4c\x5d\x49\x1e\x9e\xb8\xda\x01\xff\x1f\x33\x41", 0, NULL,
		  " holds binary data; it must hold one UUID as text" },
		{ TOKEN_A "\0", 37, NULL, " holds binary data; it must hold one UUID as text" },
		{ "\0" TOKEN_A, 37, NULL, " holds binary data; it must hold one UUID as text" },
	};
	char reason[128];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		const size_t length = cases[i].length;

		test_write("token", cases[i].content,
			   length != 0 ? length : strlen(cases[i].content), 0600);
		snprintf(reason, sizeof(reason), "%s%s", cases[i].token == NULL ? "file:token" : "",
			 cases[i].reason);
		assert_read("file:token", cases[i].token, cases[i].token == NULL ? -EINVAL : 0,
			    reason);
	}
}

/* 4096 bytes are read, and not one more. */
static void
file_length(void **state)
{
	char text[VFTOKEN_SOURCE_MAX + 1];

	(void)state;
	memset(text, '\n', sizeof(text));
	memcpy(text + 100, TOKEN_A, strlen(TOKEN_A));
	test_write("token", text, VFTOKEN_SOURCE_MAX, 0600);
	assert_read("file:token", TOKEN_A, 0, "");
	memset(text, '\n', sizeof(text));
	memcpy(text + VFTOKEN_SOURCE_MAX - strlen(TOKEN_B), TOKEN_B, strlen(TOKEN_B));
	test_write("token", text, VFTOKEN_SOURCE_MAX, 0600);
	assert_read("file:token", TOKEN_B, 0, "");
	test_write("token", text, VFTOKEN_SOURCE_MAX + 1, 0600);
	assert_read("file:token", NULL, -EFBIG,
		    "file:token is longer than 4096 bytes; it must hold one UUID");
	assert_read("file:/dev/zero", NULL, -EFBIG,
		    "file:/dev/zero is longer than 4096 bytes; it must hold one UUID");
}

/* A file that others may write is refused; one that everybody may read is taken with a warning. */
static void
file_mode(void **state)
{
	static const struct {
		mode_t mode;
		int ret;
		const char *reason;
	} cases[] = {
		{ 0400, 0, "" },
		{ 0600, 0, "" },
		{ 0640, 0, "" },
		{ 0440, 0, "" },
		{ 0644, 0, "file:token" EVERYBODY },
		{ 0604, 0, "file:token" EVERYBODY },
		{ 0620, -EPERM, "file:token" OTHERS },
		{ 0602, -EPERM, "file:token" OTHERS },
		{ 0660, -EPERM, "file:token" OTHERS },
		{ 0666, -EPERM, "file:token" OTHERS },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		unlink("token");
		test_write("token", TOKEN_A, strlen(TOKEN_A), cases[i].mode);
		assert_read("file:token", cases[i].ret == 0 ? TOKEN_A : NULL, cases[i].ret,
			    cases[i].reason);
	}
	/* The content's fault is said rather than the warning. */
	test_write("token", "", 0, 0644);
	assert_read("file:token", NULL, -EINVAL, "file:token is empty");
}

/* What isn't a file that can be read is told apart. */
static void
file_cannot_be_read(void **state)
{
	static const struct {
		const char *source;
		int ret;
		const char *reason;
	} cases[] = {
		{ "file:none", -ENOENT, "file:none can't be opened: No such file or directory" },
		{ "file:none/x", -ENOENT,
		  "file:none/x can't be opened: No such file or directory" },
		{ "file:token/x", -ENOTDIR, "file:token/x can't be opened: Not a directory" },
		{ "file:.", -EISDIR, "file:. is a directory; name a file" },
		{ "file:dangling", -ENOENT,
		  "file:dangling can't be opened: No such file or directory" },
		{ "file:loop", -ELOOP,
		  "file:loop can't be opened: Too many levels of symbolic links" },
		{ "file:socket", -ENXIO, "file:socket can't be opened: No such device or address" },
		{ "file:/dev/null", -EINVAL, "file:/dev/null is empty" },
		{ "file:/proc/self/mem", -EIO,
		  "file:/proc/self/mem can't be read: Input/output error" },
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
		assert_read(cases[i].source, NULL, cases[i].ret, cases[i].reason);
	close(fd);
}

/* A file that is gone for a moment, as behind a link that is being swapped, is looked for again. */
static void
file_gone_for_a_moment(void **state)
{
	(void)state;
	test_write_text("token", TOKEN_A);
	test_watched_open = (struct test_watched_open){ "token", O_RDONLY, ENOENT, 0 };
	assert_read("file:token", NULL, -ENOENT,
		    "file:token can't be opened: No such file or directory");
	assert_int_equal(test_watched_open.n, 3);
}

/* A file that this process may not read is refused. */
static void
file_unreadable(void **state)
{
	(void)state;
	test_write("token", TOKEN_A, strlen(TOKEN_A), 0000);
	if (!test_become_nobody()) {
		print_message("no user to become here, so nothing is unreadable\n");
		skip();
	}
	assert_read("file:token", NULL, -EACCES, "file:token can't be opened: Permission denied");
}

/* A file is read afresh: after it was replaced, the new token counts. */
static void
file_replaced(void **state)
{
	struct vftoken_vault vault = VFTOKEN_VAULT_INIT;
	char why[VFTOKEN_WHY_SIZE], text[UUID_STR_LEN];
	struct vftoken_source source;
	uuid_t token;

	(void)state;
	/* As Kubernetes mounts a secret: token -> ..data/token, ..data -> a folder per version. */
	assert_int_equal(mkdir("..1", 0755) + mkdir("..2", 0755), 0);
	test_write("..1/token", TOKEN_A "\n", strlen(TOKEN_A "\n"), 0644);
	test_write("..2/token", TOKEN_B "\n", strlen(TOKEN_B "\n"), 0644);
	assert_int_equal(symlink("..1", "..data"), 0);
	assert_int_equal(symlink("..data/token", "token"), 0);
	assert_int_equal(vftoken_source_parse(&source, &vault, "file:token", why), 0);
	assert_int_equal(vftoken_source_read(&source, &vault, token, why), 0);
	assert_string_equal(why, "file:token" EVERYBODY);
	uuid_unparse_lower(token, text);
	assert_string_equal(text, TOKEN_A);

	assert_int_equal(symlink("..2", "..new"), 0);
	assert_int_equal(rename("..new", "..data"), 0);
	assert_int_equal(vftoken_source_read(&source, &vault, token, why), 0);
	uuid_unparse_upper(token, text);
	assert_string_equal(text, TOKEN_B);

	test_write_text("new", TOKEN_A);
	assert_int_equal(rename("new", "token"), 0);
	assert_int_equal(vftoken_source_read(&source, &vault, token, why), 0);
	assert_string_equal(why, "");
	uuid_unparse_lower(token, text);
	assert_string_equal(text, TOKEN_A);

	assert_int_equal(unlink("token"), 0);
	assert_int_equal(vftoken_source_read(&source, &vault, token, why), -ENOENT);
	assert_int_equal(vault.fd, -1);
	vftoken_source_free(&source);
}

/* A variable holds one UUID; messages show its name and never its value. */
static void
environment(void **state)
{
	static const struct {
		const char *value;
		int ret;
		const char *reason;
	} cases[] = {
		{ NULL, -ENOENT,
		  "env:VF_TOKEN isn't set in this process's environment; export it" },
		{ TOKEN_A, 0, "" },
		{ TOKEN_B, 0, "" },
		{ "", -EINVAL, "env:VF_TOKEN is empty" },
		{ TOKEN_A " ", -EINVAL, "env:VF_TOKEN has 37" LENGTH },
		{ "{" TOKEN_A "}", -EINVAL,
		  "env:VF_TOKEN has braces; write the UUID without them" },
		{ "b671fd64_4c5d-491e-9eb8-da01ff1f3341", -EINVAL,
		  "env:VF_TOKEN isn't a UUID: character 9 must be '-'" },
		{ "00000000-0000-0000-0000-000000000000", -EINVAL,
		  "env:VF_TOKEN is the nil UUID, which is no secret; make one with uuidgen" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		unsetenv("VF_TOKEN");
		if (cases[i].value != NULL)
			setenv("VF_TOKEN", cases[i].value, 1);
		assert_read("env:VF_TOKEN", cases[i].ret == 0 ? cases[i].value : NULL, cases[i].ret,
			    cases[i].reason);
	}
}

/*
 * A variable is wiped and unset once it was read and its token kept, unless it shall stay; set anew,
 * it is read anew, into the same slot.
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
	struct vftoken_vault vault = VFTOKEN_VAULT_INIT;
	struct vftoken_source source;
	char why[VFTOKEN_WHY_SIZE];
	const char *value;
	uuid_t token;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		const char *const values[] = { TOKEN_A, TOKEN_B };
		char text[UUID_STR_LEN];
		size_t n;

		assert_int_equal(vftoken_source_parse(&source, &vault, cases[i].text, why), 0);
		for (n = 0; n < 4; n++) {
			if (n % 2 == 0)
				setenv("VF_TOKEN", values[n / 2], 1);
			value = getenv("VF_TOKEN");
			assert_int_equal(vftoken_source_read(&source, &vault, token, why), 0);
			uuid_unparse_lower(token, text);
			assert_int_equal(strcasecmp(text, values[n / 2]), 0);
			assert_int_equal(getenv("VF_TOKEN") == NULL, cases[i].unset);
			if (cases[i].unset && n % 2 == 0)
				assert_string_equal(value, "");
		}
		assert_int_equal(test_vault_size(), cases[i].unset ? (long)sizeof(uuid_t) : -1);
		vftoken_source_free(&source);
		vftoken_vault_clear(&vault);
	}
}

/* A variable whose token can't be kept stays, as it would be lost. */
static void
environment_not_kept(void **state)
{
	struct vftoken_vault vault = { .fd = 1000, .used = 0 };
	struct vftoken_source source;
	char why[VFTOKEN_WHY_SIZE];
	uuid_t token;

	(void)state;
	setenv("VF_TOKEN", TOKEN_A, 1);
	assert_int_equal(vftoken_source_parse(&source, &vault, "env:VF_TOKEN", why), 0);
	assert_int_equal(vftoken_source_read(&source, &vault, token, why), -EBADF);
	assert_string_equal(why,
			    "a memory file for the token can't be made: Bad file descriptor");
	assert_string_equal(getenv("VF_TOKEN"), TOKEN_A);
	vftoken_source_free(&source);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(literal, test_setup, test_teardown),
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

	return cmocka_run_group_tests_name("vf_token_source", tests, NULL, NULL);
}
