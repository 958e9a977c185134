/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "owner.h"
#include "thread.h"

#define OPENS 3
#define PAUSE_MS 10

/* One read, shared by the thread that does it and the one that waits for it. */
struct job {
	struct vftoken_file file;
	int fd;
	struct timespec end;
	pthread_mutex_t lock;
	pthread_cond_t end_of_read;
	bool done; /* by the thread */
	bool left; /* by who waits; the thread frees the job */
};

static void
fail(struct vftoken_file *file, enum vftoken_file_fault fault, int err)
{
	file->fault = fault;
	file->err = err;
}

static int
milliseconds_left(const struct timespec *end)
{
	struct timespec now;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
	return left > 0 ? (int)left : 0;
}

/* What others may do to the file. A memory file is out of their reach: its mode is 0777. */
static void
check_mode(struct vftoken_file *file, int fd, const struct stat *st)
{
	if (vftoken_is_memory_file(st))
		return;
	if (st->st_mode & 0022)
		fail(file, VFTOKEN_FILE_WRITABLE, EPERM);
	file->readable = vftoken_others_may_read(fd, st);
}

static void
check_file(struct vftoken_file *file, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		fail(file, VFTOKEN_FILE_ERROR, errno);
	} else if (S_ISDIR(st.st_mode)) {
		fail(file, VFTOKEN_FILE_DIRECTORY, EISDIR);
	} else if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)) {
		file->id = (struct vftoken_file_id){ st.st_dev, st.st_ino, st.st_mtim };
		check_mode(file, fd, &st);
		if (file->path[0] != '\0' && !vftoken_is_trusted(st.st_uid)) {
			fail(file, VFTOKEN_FILE_OWNER, EPERM);
			file->owner = st.st_uid;
		}
	}
}

/* Read what is there; 0 at the end, negative when nothing is there yet, or with a fault. */
static ssize_t
read_some(struct vftoken_file *file, int fd, int wait_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t n;

	n = poll(&ready, 1, wait_ms);
	if (n < 0 && errno != EINTR)
		fail(file, VFTOKEN_FILE_UNPOLLED, errno);
	if (n <= 0)
		return -1;
	n = read(fd, file->text + file->length, VFTOKEN_FILE_MAX + 1 - file->length);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		fail(file, VFTOKEN_FILE_ERROR, errno);
	return n;
}

/* Read to the end, or one byte more than allowed. */
static void
read_all(struct vftoken_file *file, int fd, const struct timespec *end)
{
	ssize_t n = 1;
	int left;

	while (n != 0 && file->length <= VFTOKEN_FILE_MAX) {
		left = milliseconds_left(end);
		n = read_some(file, fd, left);
		if (n < 0 && left == 0)
			fail(file, VFTOKEN_FILE_TIMEOUT, ETIMEDOUT);
		if (file->fault != VFTOKEN_FILE_READ)
			return;
		/* It may have said that it is ready, and have had nothing. */
		if (n < 0)
			poll(NULL, 0, PAUSE_MS);
		file->length += n > 0 ? (size_t)n : 0;
	}
	if (file->length > VFTOKEN_FILE_MAX)
		fail(file, VFTOKEN_FILE_LONG, EFBIG);
}

static int
open_path(struct vftoken_file *file)
{
	char links[PATH_MAX];
	unsigned int tries = 0;
	int fd;

	memcpy(links, file->path, sizeof(links));
	if (!vftoken_links_are_trusted(links, &file->owner)) {
		fail(file, VFTOKEN_FILE_LINK, EPERM);
		memcpy(file->path, links, sizeof(links));
		return -1;
	}
	/*
	 * A path through a link that is being swapped, as Kubernetes does, may lead nowhere for a
	 * moment. Without O_NONBLOCK, the open of a FIFO waits for a writer.
	 */
	do
		fd = vftoken_fd_open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	while (fd == -ENOENT && ++tries < OPENS);
	if (fd < 0)
		fail(file, VFTOKEN_FILE_UNOPENED, -fd);
	return fd;
}

static void
read_file(struct job *job)
{
	struct vftoken_file *file = &job->file;
	const int fd = file->path[0] != '\0' ? open_path(file) : job->fd;

	if (file->fault == VFTOKEN_FILE_READ)
		check_file(file, fd);
	if (file->fault == VFTOKEN_FILE_READ)
		read_all(file, fd, &job->end);
	if (file->path[0] != '\0' && fd >= 0)
		close(fd);
}

static void
free_job(struct job *job)
{
	explicit_bzero(&job->file, sizeof(job->file));
	pthread_cond_destroy(&job->end_of_read);
	pthread_mutex_destroy(&job->lock);
	free(job);
}

static void *
run(void *opaque)
{
	struct job *job = opaque;
	bool left;

	read_file(job);
	pthread_mutex_lock(&job->lock);
	job->done = true;
	left = job->left;
	pthread_cond_signal(&job->end_of_read);
	pthread_mutex_unlock(&job->lock);
	if (left)
		free_job(job);
	return NULL;
}

static struct job *
make_job(const char *path, int fd)
{
	struct job *job = calloc(1, sizeof(*job));
	pthread_condattr_t attr;

	if (job == NULL)
		return NULL;
	if (path != NULL)
		memccpy(job->file.path, path, '\0', sizeof(job->file.path) - 1);
	job->fd = fd;
	clock_gettime(CLOCK_MONOTONIC, &job->end);
	job->end.tv_sec += VFTOKEN_FILE_WAIT_MS / 1000;
	pthread_mutex_init(&job->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&job->end_of_read, &attr);
	pthread_condattr_destroy(&attr);
	return job;
}

/* Wait for the thread, and take what it has read; or leave the job to it. */
static void
wait_for(struct job *job, struct vftoken_file *file)
{
	/* The thread notices itself that the time is up, unless it can't. */
	struct timespec end = { job->end.tv_sec + 1, job->end.tv_nsec };
	bool done;
	int ret = 0;

	pthread_mutex_lock(&job->lock);
	while (!job->done && ret == 0)
		ret = pthread_cond_timedwait(&job->end_of_read, &job->lock, &end);
	done = job->done;
	job->left = !done;
	if (done)
		*file = job->file;
	pthread_mutex_unlock(&job->lock);
	if (done)
		free_job(job);
	else
		fail(file, VFTOKEN_FILE_TIMEOUT, ETIMEDOUT);
}

int
vftoken_file_read(const char *path, int fd, struct vftoken_file *file)
{
	struct job *job = make_job(path, fd);
	pthread_t thread;
	int ret = ENOMEM;

	file->length = 0;
	file->readable = false;
	if (job != NULL)
		ret = vftoken_thread_start(&thread, run, job);
	if (ret == 0) {
		pthread_detach(thread);
		wait_for(job, file);
	} else {
		fail(file, VFTOKEN_FILE_MEMORY, ret);
		if (job != NULL)
			free_job(job);
	}
	return -file->err;
}

bool
vftoken_file_is(const char *path, const struct vftoken_file_id *id)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino &&
	       st.st_mtim.tv_sec == id->written.tv_sec && st.st_mtim.tv_nsec == id->written.tv_nsec;
}
