/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "command.h"

/* The UUID as text with a line end instead of the NUL. */
#define LINE_SIZE UUID_STR_LEN

/*
 * The kernel's random bytes, in the form of RFC 4122, section 4.4. libuuid's uuid_generate_random()
 * would quietly take worse ones where it can't have these.
 */
static int
make_line(char line[LINE_SIZE])
{
	uuid_t token;
	ssize_t n;

	/* So few bytes come whole, or not at all. */
	do
		n = getrandom(token, sizeof(token), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	token[6] = (token[6] & 0x0f) | 0x40;
	token[8] = (token[8] & 0x3f) | 0x80;
	uuid_unparse_lower(token, line);
	line[LINE_SIZE - 1] = '\n';
	explicit_bzero(token, sizeof(token));
	return 0;
}

static int
write_line(int fd, const char line[LINE_SIZE])
{
	size_t written = 0;
	ssize_t n;

	while (written < LINE_SIZE) {
		n = write(fd, line + written, LINE_SIZE - written);
		if (n < 0 && errno != EINTR)
			return -1;
		written += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int
open_file(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int
sync_file(int fd)
{
	int ret;

	do
		ret = fsync(fd);
	while (ret < 0 && errno == EINTR);
	return ret;
}

/* With the folder synced a file doesn't disappear when the machine crashes. */
static int
sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd, ret = -1, err;

	if (copy == NULL)
		return -1;
	fd = open_file(dirname(copy), O_RDONLY | O_DIRECTORY);
	/* Who may write to a folder need not be allowed to read it, and some file systems can't. */
	if (fd >= 0 ? sync_file(fd) == 0 || errno == EINVAL : errno == EACCES)
		ret = 0;
	err = errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	errno = err;
	return ret;
}

static enum exit_code
write_file(const char *path, const char line[LINE_SIZE])
{
	const int fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	int err = 0;

	if (fd < 0 && errno == EEXIST)
		return complain(FAILED, MSG(cmd_file_exists), path);
	if (fd < 0)
		return complain(FAILED, MSG(cmd_file_not_made), path, strerror(errno));
	if (write_line(fd, line) < 0 || sync_file(fd) < 0)
		err = errno;
	/* Linux closes a file on EINTR, too. */
	if (close(fd) < 0 && errno != EINTR && err == 0)
		err = errno;
	if (err == 0 && sync_folder(path) < 0)
		err = errno;
	if (err == 0)
		return DONE;
	unlink(path);
	return complain(FAILED, MSG(cmd_file_not_written), path, strerror(err));
}

static enum exit_code
generate(const struct arguments *arguments)
{
	enum exit_code code = DONE;
	char line[LINE_SIZE];

	/* A limit on file sizes shall be write(2)'s error, not the end before the file is gone. */
	signal(SIGXFSZ, SIG_IGN);
	if (make_line(line) < 0)
		return complain(FAILED, MSG(cmd_no_random), strerror(errno));
	if (arguments->output != NULL)
		code = write_file(arguments->output, line);
	else if (write_line(STDOUT_FILENO, line) < 0)
		code = complain(FAILED, MSG(cmd_token_not_written), strerror(errno));
	explicit_bzero(line, sizeof(line));
	return code;
}

const struct command generate_command = {
	.name = "generate",
	.synopsis = "[--output FILE]",
	.summary = "make a token: a random UUID",
	.help = "The token goes to stdout, or to FILE, which is made for its owner alone (0600) and\n"
		"must not be there yet.\n",
	.output = true,
	.run = generate,
};
