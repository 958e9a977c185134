# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The devices of a start are opened together: held by others, killed meanwhile, in which order."""
import re

import pytest

from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE
from framework.messages import messages
from framework.testpmd import SHOW_PROBES, Testpmd
from lab.vm import Lab

pytestmark = [pytest.mark.vm, pytest.mark.long]

# Small queues, for the many ports.
MANY = ['--disable-link-check', '--rxd=64', '--txd=64']
RULE = f'--vfio-vf-token=file:{TOKEN_FILE}'
# What is said of a VF that another process has: by DPDK up to 26.07, by 26.11, by us by cdev.
BUSY = r'Device or resource busy|Cannot open VFIO group|\[device_busy\]'


@pytest.fixture(scope='module')
def lab(build):
    """A machine with 28 VFs, and a token file. A hundred starts take their time."""
    with Lab(build=build, pfs=4, vfs=7, files=guest_files(build), timeout=3600) as machine:
        machine.write(TOKEN_FILE, TOKEN, mode=0o600)
        yield machine


@pytest.fixture(scope='module')
def vfs(lab):
    """The VFs of all PFs, which another testpmd drives."""
    with Testpmd(lab, 'pf', lab.pfs, RULE) as testpmd:
        assert testpmd.ports == len(lab.pfs), testpmd.log
        yield [vf for pf in lab.pfs for vf in lab.vfs(pf)]


def probed(testpmd):
    """The devices in the order in which they were probed."""
    return re.findall(r'Probe PCI driver: \S+ \(\S+\) device: (\S+)', testpmd.log)


def test_held_by_another(vfs, start):
    """A VF that another process holds must fail alone, with DPDK's own message, once.

    Steps: Start testpmd on the third VF, and another on the first seven.
    Verify: Six ports; one line that its group is busy.
    """
    assert start('holder', vfs[2:3], RULE).ports == 1
    testpmd = start('vf', vfs[:7], RULE, SHOW_PROBES, app=MANY)
    assert probed(testpmd) == vfs[:2] + vfs[3:7]
    assert len(re.findall(BUSY, testpmd.log)) == 1, testpmd.log
    assert testpmd.ports == 6


def test_plugged_in_alone(vfs, start):
    """After the start a device must be opened alone, and what was unplugged may come back.

    Steps: Start testpmd on two VFs; detach one, attach a third, and attach the first again.
    Verify: Each attach drives one port more, and takes no device that wasn't asked for.
    """
    testpmd = start('vf', vfs[:2], RULE, app=MANY)
    testpmd.command('port stop 1')
    testpmd.command('port close 1')
    assert f'Device {vfs[1]} is detached' in testpmd.command(f'device detach {vfs[1]}')
    for number, vf in ((2, vfs[2]), (3, vfs[1])):
        assert 'is attached' in testpmd.command(f'port attach {vf}')
        assert testpmd.ports == number
    # The fourth is free.
    assert start('other', vfs[3:4], RULE).ports == 1


def test_killed_meanwhile(lab, vfs, start):
    """A process that is killed in the middle must leave nothing that stops the next start.

    Steps: Kill testpmd on 28 VFs with SIGKILL after 20 growing delays; start it.
    Verify: 28 ports.
    """
    allowed = ' '.join(f'-a {vf}' for vf in vfs)
    for step in range(20):
        lab.check(f'timeout -s KILL {0.3 + step * 0.1:.1f} dpdk-testpmd -l 0,1 -m 128 '
                  f'--file-prefix=killed {allowed} {RULE} -- --no-mlockall '
                  f'{" ".join(MANY)} >/dev/null 2>&1 </dev/null || true')
    testpmd = start('vf', vfs, RULE, app=MANY)
    assert testpmd.ports == len(vfs), testpmd.log
    assert messages(testpmd.log) == []


def test_same_order(lab, vfs, start):
    """Ports must have the same numbers at each start, however busy the machine is.

    Steps: Keep a processor busy; start testpmd on three VFs of each PF a hundred times, and end it
        at its prompt.
    Verify: The devices are probed in the same order.
    """
    some = [vf for number, vf in enumerate(vfs) if number % 7 < 3]
    busy = lab.check('sh -c "while :; do :; done" >/dev/null 2>&1 & echo $!')
    try:
        for number in range(100):
            testpmd = start(f'vf{number}', some, RULE, SHOW_PROBES, app=MANY)
            assert probed(testpmd) == some
            testpmd.close()
    finally:
        lab.check(f'kill {busy}')
