# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The lab ends, whatever happens to the one who uses it, and leaves nothing running."""
import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.common import SOURCE
from lab.vm import Lab, LabError

# A user of the lab in a process of its own: tells that the lab is up, then sleeps in it.
USER = '''
import signal, sys, time
# A process in the background may have SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from lab.vm import Lab
with Lab(build=Path(sys.argv[2])) as lab:
    print('up', flush=True)
    time.sleep(600)
'''


def machines(folder):
    """The QEMU processes that log below a folder."""
    found = []
    for file in Path('/proc').glob('[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            if all(word in file.read_bytes() for word in (b'qemu-system', bytes(folder))):
                found.append(file.parent.name)
    return found


def gone(folder):
    """Whether such processes end within a few seconds."""
    deadline = time.monotonic() + 10
    while machines(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not machines(folder)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT],
                         ids=lambda number: number.name)
def test_user_is_killed(tmp_path, number):
    """No machine must outlive its user's process.

    Steps: Start a process that uses a lab, and end it with a signal.
    Verify: Its machine was there before and is gone after.
    """
    with subprocess.Popen([sys.executable, '-c', USER, str(SOURCE / 'devtools'), str(tmp_path)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as user:
        assert user.stdout.readline() == 'up\n'
        assert machines(tmp_path)
        user.send_signal(number)
        try:
            user.wait(timeout=30)
        finally:
            user.kill()
    assert gone(tmp_path)


def test_time_limit(tmp_path):
    """A lab must end at its time limit, and say so to who still uses it.

    Steps: Boot a lab with a limit, and run a command that lasts longer.
    Verify: The command fails with the limit as its reason, and the machine is gone.
    """
    with pytest.raises(LabError, match='its time limit of 15 s was reached'):
        with Lab(build=tmp_path, timeout=15) as lab:
            lab.run('sleep 60', timeout=60)
    assert gone(tmp_path)


def test_guest_crashes(tmp_path):
    """A guest whose kernel panics must end the lab, with the kernel's words in the error.

    Steps: Have the guest's kernel panic.
    Verify: An error with the panic's message, and the machine is gone.
    """
    with pytest.raises(LabError, match='Kernel panic - not syncing: sysrq triggered crash'):
        with Lab(build=tmp_path) as lab:
            lab.run('echo c >/proc/sysrq-trigger')
    assert gone(tmp_path)
