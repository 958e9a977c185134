# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF that is unplugged while it is in use: its process is told, and a new PF in its slot works.

The machine has a socket of QEMU's monitor (QMP) beside what the lab gives. device_del there is an
orderly request, as by the slot's button: the guest lets the device go when nobody uses it any more,
and only then is it gone. A removal by surprise isn't tested.
"""
import contextlib
import json
import socket
import time

import pytest

from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from lab import qemu
from lab.vm import Lab

pytestmark = pytest.mark.vm

UNPLUG_TIMEOUT = 60  # seconds


class Monitor:
    """QEMU's monitor."""

    def __init__(self, path):
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.connect(str(path))
        self._lines = self._sock.makefile('r')
        self._lines.readline()
        self.events = []
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        """A command's answer; events that come before it are kept."""
        self._sock.sendall(json.dumps({'execute': command, 'arguments': arguments}).encode())
        while True:
            answer = json.loads(self._lines.readline())
            if 'event' in answer:
                self.events.append(answer['event'])
                continue
            assert 'return' in answer, answer
            return answer['return']

    def pf(self):
        """The path of the one igb device."""
        return next(f'{parent}/{entry["name"]}'
                    for parent in ('/machine/peripheral', '/machine/peripheral-anon')
                    for entry in self.ask('qom-list', path=parent) if entry['type'] == 'child<igb>')


@pytest.fixture(scope='module')
def monitored(build, tmp_path_factory):
    """A machine with one PF, and its monitor."""
    path = tmp_path_factory.mktemp('monitor') / 'qmp'
    command = qemu.command
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(qemu, 'command', lambda *args: [
            *command(*args), '-qmp', f'unix:{path},server=on,wait=off'])
        lab = stack.enter_context(Lab(build=build, files=guest_files(build)))
        lab.write(TOKEN_FILE, TOKEN, mode=0o600)
        lab.write('/run/wrong-token', WRONG_TOKEN, mode=0o600)
        yield lab, Monitor(path)


@pytest.fixture
def lab(monitored):
    """The machine, its PF on vfio-pci."""
    lab = monitored[0]
    lab.check(f'dpdk-devbind.py -b vfio-pci {lab.pfs[0]}', timeout=60)
    return lab


@pytest.fixture
def unplug(monitored, pf):
    """Asks for the PF to be unplugged, and afterwards plugs a new one into its slot."""
    lab, monitor = monitored
    yield lambda: monitor.ask('device_del', id=monitor.pf())
    assert gone(lab, pf)
    # The slot is powered down after the device has left the guest.
    wait(lambda: monitor.ask('query-status') and 'DEVICE_DELETED' in monitor.events)
    monitor.events.clear()
    monitor.ask('device_add', driver='igb', bus='port0', mac='02:00:00:00:01:00')
    assert wait(lambda: not lab.run(f'[ -e /sys/bus/pci/devices/{pf}/driver ]').status)


def wait(done, timeout=UNPLUG_TIMEOUT):
    """Whether something is so within some time."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def gone(lab, pf, timeout=UNPLUG_TIMEOUT):
    """Whether the guest has no such device, within some time."""
    return wait(lambda: lab.run(f'[ -e /sys/bus/pci/devices/{pf} ]').status != 0, timeout)


def requested(testpmd, pf):
    """Wait until a testpmd says, maybe within a prompt, that the kernel requests the PF."""
    testpmd.console.expect(rf'{pf}[^\r\n]* \[device_requested\]', timeout=UNPLUG_TIMEOUT)
    testpmd.settle()


def starts(start, lab, pf):
    """Whether the PF can be driven, with two VFs under its token."""
    testpmd = start('pf', [pf], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}', '--vfio-num-vfs=2',
                    memory=32, app=['--total-num-mbufs=2048', '--disable-device-start'])
    assert testpmd.ports == 1, testpmd.log
    vf = lab.vfs(pf)[0]
    assert lab.run(f'dpdk-vftoken check {vf} file:/run/wrong-token').status == 1
    assert lab.run(f'dpdk-vftoken check {vf} file:{TOKEN_FILE}').status == 0
    return testpmd


@pytest.mark.parametrize('how', ['detach', 'kill'])
def test_unplugged(unplug, start, lab, pf, how):
    """The process of a PF that is to be unplugged must be told; when it lets go, or is killed, the
    PF and its VFs go.

    Steps: Start a testpmd on the PF with two VFs; device_del the PF; wait; detach the PF, or kill
    the testpmd.
    Verify: The testpmd says that the kernel requests the PF, and answers with its port; the PF
    stays until the testpmd lets go. Then it is gone, as are its VFs, and the testpmd that was not
    killed runs on without a port.
    """
    testpmd = starts(start, lab, pf)
    vfs = lab.vfs(pf)
    unplug()
    assert wait(lambda: not lab.vfs(pf))
    # Once the VFs are gone, the kernel asks for the PF.
    requested(testpmd, pf)
    assert testpmd.ports == 1
    assert not gone(lab, pf, timeout=1)
    if how == 'kill':
        testpmd.kill()
    else:
        for command in ('port stop 0', 'port close 0', f'device detach {pf}'):
            testpmd.command(command)
    assert all(gone(lab, device) for device in [pf, *vfs])
    assert testpmd.ports == 0
    assert testpmd.running == (how == 'detach')


def test_new_pf(start, lab, pf):
    """A PF that was plugged into the slot of another must be driven as any.

    Steps: Start a testpmd with two VFs on the PF that the tests above plugged in.
    Verify: It drives the PF, and the VFs are under its token.
    """
    starts(start, lab, pf)
