# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-vftoken generate, where the kernel interrupts its calls or can't sync."""
import errno
import os
import subprocess
import uuid

import pytest

from framework.build import program
from framework.messages import complained

pytestmark = pytest.mark.fast

# Each call fails once with EINTR, and close() after it has closed. A sync of a folder fails with
# the number in FOLDER_ERROR, if it isn't 0. Each file and folder synced goes to the file SYNCED.
CALLS = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool interrupted(bool *before)
{
    bool now = !*before;

    *before = true;
    if (now)
        errno = EINTR;
    return now;
}

ssize_t getrandom(void *buffer, size_t size, unsigned int flags)
{
    static bool before;

    return interrupted(&before) ? -1 : syscall(SYS_getrandom, buffer, size, flags);
}

static int open_file(const char *path, int flags, mode_t mode)
{
    static bool file, folder;

    if (flags & O_CREAT ? interrupted(&file) : flags & O_DIRECTORY && interrupted(&folder))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

ssize_t write(int fd, const void *data, size_t size)
{
    static bool before;

    return fd > 2 && interrupted(&before) ? -1 : syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
    static bool file, folder;
    char name[64], path[4096];
    struct stat st;
    ssize_t length;
    FILE *log;

    fstat(fd, &st);
    if (interrupted(S_ISDIR(st.st_mode) ? &folder : &file))
        return -1;
    if (S_ISDIR(st.st_mode) && atoi(getenv("FOLDER_ERROR")) != 0) {
        errno = atoi(getenv("FOLDER_ERROR"));
        return -1;
    }
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    length = readlink(name, path, sizeof(path));
    log = fopen(getenv("SYNCED"), "a");
    fprintf(log, "%.*s%s\n", (int)length, path, fd <= 2 ? ", a standard stream" : "");
    fclose(log);
    return 0;
}

int close(int fd)
{
    static bool before;
    struct stat st;
    bool file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    syscall(SYS_close, fd);
    return file && interrupted(&before) ? -1 : 0;
}
'''


@pytest.fixture(scope='module')
def calls(tmp_path_factory):
    """These calls as a library."""
    folder = tmp_path_factory.mktemp('calls')
    (folder / 'calls.c').write_text(CALLS)
    subprocess.run(['gcc', '-shared', '-fPIC', '-U_FORTIFY_SOURCE', folder / 'calls.c', '-o',
                    folder / 'calls.so'], check=True)
    return folder / 'calls.so'


@pytest.fixture
def generate(build, calls, tmp_path):
    """Runs the command in a folder of its own; gives its end, and what was synced."""
    def run(output, folder_error=0, redirects=''):
        log = tmp_path / 'synced'
        done = subprocess.run(
            ['sh', '-c', f'exec "$@" {redirects}', 'sh', program(build, 'dpdk-vftoken'),
             'generate', '--output', output], text=True, check=False, timeout=60, cwd=tmp_path,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, 'LD_PRELOAD': str(calls), 'SYNCED': str(log),
                 'FOLDER_ERROR': str(folder_error)})
        return done, log.read_text().splitlines() if log.exists() else []

    return run


@pytest.mark.parametrize('name', ['token', './token', 'folder/token'])
def test_synced(generate, tmp_path, name):
    """A token's file must be on the disk with its name, and an interrupted call be tried again.

    Steps: Generate into a file, in the working directory or another, while each call fails once
    with EINTR.
    Verify: It succeeds. The file holds a UUID. The file, then its folder, were synced.
    """
    (tmp_path / 'folder').mkdir()
    done, synced = generate(name)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    path = (tmp_path / name).resolve()
    assert uuid.UUID(path.read_text().strip()).version == 4
    assert synced == [str(path), str(path.parent)]


@pytest.mark.parametrize('redirects', ['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])
def test_no_standard_stream(generate, tmp_path, redirects):
    """A token's file must not become stdin, stdout or stderr where these are closed.

    Steps: Close them, and generate into a file.
    Verify: It succeeds; neither the file nor its folder was one of them.
    """
    done, synced = generate('token', redirects=redirects)
    assert done.returncode == 0
    assert synced == [str(tmp_path / 'token'), str(tmp_path)]


@pytest.mark.parametrize('error, code', [(errno.EINVAL, 0), (errno.EIO, 1)],
                         ids=['EINVAL', 'EIO'])
def test_folder_not_synced(generate, tmp_path, error, code):
    """A file system that can't sync a folder must do; a folder that isn't synced must be a failure.

    Steps: Generate into a file whose folder's sync fails.
    Verify: With EINVAL the file stays; with EIO it doesn't, and a message says so.
    """
    done, _ = generate('token', error)
    assert done.returncode == code
    assert (tmp_path / 'token').exists() == (code == 0)
    if code:
        complained(done.stderr, ('cmd_file_not_written', 'token', 'Input/output error'))
    else:
        assert done.stderr == ''
