# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The sockets of a DPDK process give no token, and set none, for another user."""
import array
import contextlib
import multiprocessing
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from framework.build import program
from framework.common import TOKEN
from framework.messages import said, said_only

pytestmark = pytest.mark.fast

NOBODY = 65534
DEVICE = '0000:01:00.0'
ALLOWED, REFUSED = 0, -1  # -EPERM

# What a secondary process sends: its kind (a request), the name of the action, the lengths of the
# parameter and of the list of descriptors, and the parameter.
MESSAGE = struct.Struct('i64sii256s')
PARAMETER = struct.Struct('i17s3x')
REQUEST = MESSAGE.pack(1, b'eal_vf_token', PARAMETER.size, 0, PARAMETER.pack(0, DEVICE.encode()))


def ask(folder):
    """What a primary process answers to a request for a token: a result, and the token if any."""
    path = tempfile.mktemp(dir='/tmp')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
        asker.bind(path)
        os.chmod(path, 0o777)
        asker.settimeout(10)
        asker.sendto(REQUEST, f'{folder}/mp_socket')
        answer, control, _, _ = asker.recvmsg(4096, socket.CMSG_SPACE(4 * 8))
    os.unlink(path)
    result, _ = PARAMETER.unpack_from(MESSAGE.unpack_from(answer)[4])
    fds = array.array('i')
    for _, kind, data in control:
        if kind == socket.SCM_RIGHTS:
            fds.frombytes(data)
    return result, [os.pread(fd, 16, 0).hex() for fd in fds]


def tell(folder, command):
    """What telemetry answers to a command."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(10)
        client.connect(f'{folder}/dpdk_telemetry.v2')
        client.recv(4096)
        client.send(command.encode())
        return client.recv(16384).decode()


def become_nobody():
    """Become another user."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def as_root(function, *args):
    """What one of the functions above returns."""
    return function(*args)


def as_nobody(function, *args):
    """What one of the functions above returns to another user."""
    with multiprocessing.get_context('fork').Pool(1, become_nobody) as pool:
        return pool.apply(function, args)


class Primary:
    """A testpmd without devices, on the machine that runs the tests, which has a token's rule."""

    def __init__(self, build, top):
        self.folder = top / 'dpdk/rte'
        (top / 'token').write_text(TOKEN)
        (top / 'token').chmod(0o600)
        self._log = top / 'log'
        argv = [program(build, 'dpdk-testpmd'), '-l', '0,1', '--no-pci', '--no-huge', '-m', '64',
                f'--vfio-vf-token={DEVICE}=file:{top}/token', '--', '-i',
                '--total-num-mbufs=2048']
        with open(self._log, 'wb') as log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=log, stderr=log, umask=0,
                env={**os.environ, 'RUNTIME_DIRECTORY': str(top)})

    def __enter__(self):
        deadline = time.monotonic() + 60
        while 'testpmd> ' not in self.log() and self._process.poll() is None:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        assert self._process.poll() is None, self.log()
        return self

    def __exit__(self, *_):
        self._process.communicate(b'quit\n', timeout=60)

    def log(self):
        """All that it has said."""
        return self._log.read_text('utf-8')


@pytest.fixture
def top():
    """A folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def primary(build, top):
    """Starts a primary process with an empty umask (see Primary)."""
    with contextlib.ExitStack() as running:
        yield lambda: running.enter_context(Primary(build, top))


def test_closed(primary):
    """In a folder as DPDK makes it, whatever the umask, the owner must get what he asks for.

    Steps: Start a testpmd; ask it for a token, as a secondary process does; reload by telemetry.
    Verify: It gives the token, and says no more than that it has not used it itself; telemetry
    finds no PF to reload.
    """
    process = primary()
    assert ask(process.folder) == (ALLOWED, [TOKEN.replace('-', '')])
    assert '"No such device"' in tell(process.folder, '/vf_token/reload')
    said_only(process.log(), ('rule_unused', DEVICE), ('no_pf_open',))


@pytest.mark.parametrize('mode, owner, asker, message', [
    (0o777, 0, as_nobody, 'socket_replaceable'),
    (0o755, 0, as_nobody, 'socket_open'),
    # Nobody's folder is closed to all others but root.
    (0o700, NOBODY, as_root, 'socket_foreign'),
], ids=['writable', 'open', "another's"])
def test_open(primary, top, mode, owner, asker, message):
    """In a folder that another user has made or may enter, nobody must get a token or have one set.

    Steps: Make the runtime directory before; start a testpmd with an empty umask. As another user,
        or as root where that user can replace the sockets, ask for a token; reload by telemetry;
        read the status.
    Verify: No token comes, and none is set; the testpmd says why. The status is shown.
    """
    if os.getuid() != 0:
        pytest.skip('only root can be another user')
    folder = top / 'dpdk/rte'
    folder.mkdir(parents=True)
    folder.chmod(mode)
    os.chown(folder, owner, owner)
    process = primary()
    result, tokens = asker(ask, str(process.folder))
    assert (result, tokens) == (REFUSED, [])
    said(process.log(), message, folder)
    assert '"Operation not permitted"' in asker(tell, str(process.folder), '/vf_token/reload')
    assert DEVICE in asker(tell, str(process.folder), '/vf_token/status')


@pytest.mark.parametrize('command', ['reload', 'status'])
def test_telemetry_shows_no_argument(primary, command):
    """Telemetry must not show what it gets instead of a BDF, which may be a token.

    Steps: Start a testpmd; give each command a token for a device.
    Verify: The answer says that it isn't a BDF; neither it nor the log has the token.
    """
    process = primary()
    answer = tell(process.folder, f'/vf_token/{command},{TOKEN}')
    assert '"not a BDF"' in answer and '"Invalid argument"' in answer
    assert TOKEN not in answer + process.log()
