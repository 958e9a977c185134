# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A VF's process that isn't root's, or is root's in a container: it has the VF's device file, a
token's file and some memory, and no more."""
import pytest

from framework.common import TOKEN, WRONG_TOKEN
from framework.messages import said_only

USER = 4711
FOLDER = '/run/vf-user'
CAP_IPC_LOCK = 14

# Becomes a user, with a limit for locked memory in KiB (-1 is none) and with no capability but
# those named, and runs a program.
SCRIPT = '''
import ctypes, os, resource, sys

PR_CAPBSET_DROP = 24
user, limit, capabilities, *argv = sys.argv[1:]
keep = [int(number) for number in capabilities.split()]
libc = ctypes.CDLL(None)
for number in range(64):
    if number not in keep:
        libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
size = int(limit) * 1024 if int(limit) >= 0 else resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_MEMLOCK, (size, size))
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
os.execvp(argv[0], argv)
'''


class Caller:
    """Runs programs as somebody who owns the VF's device file and a folder with tokens."""

    def __init__(self, lab, user, limit, capabilities=''):
        self._lab = lab
        self._prefix = (f'RUNTIME_DIRECTORY={FOLDER} python3 {FOLDER}/become.py {user} {limit} '
                        f"'{capabilities}'")

    def run(self, command):
        """How a command ends."""
        return self._lab.run(f'{self._prefix} {command} </dev/null', timeout=90)

    def testpmd(self, vf, source):
        """How a testpmd on the VF ends, which it does at once if it can start."""
        return self.run(f'dpdk-testpmd -l 0,1 -m 128 --in-memory --iova-mode=va -a {vf} '
                        f'--vfio-vf-token={source} -- --nb-ports=1 --nb-cores=1 '
                        '--total-num-mbufs=8192 --no-mlockall')


@pytest.fixture
def become(lab, pf_testpmd, vfs):
    """Makes a Caller; the PF's testpmd has set the token."""
    group = lab.check(f'basename "$(readlink /sys/bus/pci/devices/{vfs[0]}/iommu_group)"')
    lab.check(f'mkdir -p {FOLDER}')
    lab.write(f'{FOLDER}/become.py', SCRIPT)
    lab.write(f'{FOLDER}/right', TOKEN, mode=0o600)
    lab.write(f'{FOLDER}/wrong', WRONG_TOKEN, mode=0o600)

    def make(user, limit, capabilities=''):
        lab.check(f'chown -R {user}:{user} {FOLDER} /dev/vfio/{group}')
        return Caller(lab, user, limit, capabilities)
    yield make
    lab.check(f'chown 0:0 /dev/vfio/{group}; rm -r {FOLDER}')


@pytest.mark.parametrize('who', [
    pytest.param((USER, -1), id='user'),
    # As the pod in examples/kubernetes is, and as one that may use IPC_LOCK.
    pytest.param((0, -1), id='root in a pod'),
    pytest.param((0, 64, CAP_IPC_LOCK), id='root in a container'),
])
def test_token(become, pf, vfs, who):
    """The VF must open with the right token, and be refused with another, without the rights of
    root.

    Steps: Ask dpdk-vftoken whether each token opens the VF; start a testpmd on it with each.
    Verify: The right one opens it; the wrong one is refused, with the message that explains it.
    """
    caller = become(*who)
    assert [caller.run(f'dpdk-vftoken check {vfs[0]} file:{FOLDER}/{name}').status
            for name in ('right', 'wrong')] == [0, 1]
    started = caller.testpmd(vfs[0], f'file:{FOLDER}/right')
    assert started.status == 0, started.output
    assert 'Port 0:' in started.output
    refused = caller.testpmd(vfs[0], f'file:{FOLDER}/wrong')
    assert refused.status
    said_only(refused.output, ('vf_wrong_token', vfs[0], f'file:{FOLDER}/wrong', pf, pf))


def test_others_token(become, lab, vfs):
    """A token's file that the user may not read must be explained.

    Steps: Give the user's own file to root; start a testpmd with it as the user.
    Verify: It says that the file can't be opened, and why.
    """
    caller = become(USER, -1)
    lab.check(f'chown 0:0 {FOLDER}/right')
    refused = caller.testpmd(vfs[0], f'file:{FOLDER}/right')
    assert refused.status
    said_only(refused.output,
              ('source_unopened', vfs[0], f'file:{FOLDER}/right', 'Permission denied'))


def test_memory_limit(become, vfs):
    """With a low limit for locked memory the VF must not open, and the log must show that it is
    the memory, not the token.

    Steps: Start a testpmd with the right token as a user who may lock 64 KiB.
    Verify: It fails with the kernel's error, and nothing is said against the token.
    """
    refused = become(USER, 64).testpmd(vfs[0], f'file:{FOLDER}/right')
    assert refused.status
    assert 'Cannot allocate memory' in refused.output
    assert 'token' not in refused.output
