# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What devtools/bench counts in the lab, where counts can't be noisy, and that it measures."""
from __future__ import annotations

import pytest

from bench import guest, trace
from bench.builds import TESTPMD, Builds
from bench.figures import Reach
from framework.build import program
from framework.testpmd import Testpmd

pytestmark = [pytest.mark.vm, pytest.mark.long]

NO_MORE = Reach('difference', 0)


@pytest.fixture(scope='module')
def machine(build):
    """The benchmark's machine, with one PF and with our DPDK in both places; the plain NIC."""
    ours = program(build, 'dpdk-testpmd').parents[1]
    assert ours / TESTPMD == program(build, 'dpdk-testpmd')
    with guest.machine(Builds(build, ours, ours), build, 1) as (lab, plain):
        if lab.run(f'[ -e {trace.FOLDER}/events/raw_syscalls ]').status:
            pytest.skip("this kernel can't trace system calls; Debian's can")
        yield lab, plain


@pytest.fixture(scope='module')
def users(machine):
    """The PF's process, and the addresses of its seven VFs."""
    lab, _ = machine
    pf = lab.pfs[0]
    with Testpmd(lab, 'pf', [pf], f'--vfio-vf-token=file:{guest.TOKEN_FILE}', '--vfio-num-vfs=7',
                 env=guest.in_path('ours'), app=['--disable-link-check']) as process:
        assert process.ports == 1, process.log
        yield process, lab.vfs(pf)


def samples(figures):
    """The samples of ours, by the row and what they are of."""
    return {(figure.row, figure.what): list(figure.ours) for figure in figures}


def test_device_without_token(machine):
    """A device that needs no token must cost one ioctl, though one is given.

    Steps: Trace a testpmd that opens a NIC without SR-IOV, with a token for all devices.
    Verify: One ioctl opened it; at most five files were looked at.
    """
    lab, plain = machine
    found = samples(guest.one_open(lab, 'plain', plain, 1, NO_MORE))
    assert found['plain', 'ioctls'] == [1]
    assert found['sysfs decision', 'files looked at, plain'][0] <= 5


def test_vf(machine, users):
    """A VF must cost one ioctl, with its token, and five files at most.

    Steps: Trace a testpmd that opens a VF with its token.
    Verify: One ioctl opened it; at most five files were looked at.
    """
    found = samples(guest.one_open(machine[0], 'VF', users[1][0], 1, NO_MORE))
    assert found['VF', 'ioctls'] == [1]
    assert found['sysfs decision', 'files looked at, VF'][0] <= 5


def test_many_vfs(machine, users, monkeypatch):
    """As many devices must be found in the trace as a process opens.

    Steps: Measure the start and the end with one VF and with seven.
    Verify: Seven take longer than one, and all their opens and their end less than twice as long.
    """
    monkeypatch.setattr(guest, 'STARTS', {1: (None, None), 7: (None, None)})
    start, opens, end, start_of_7, opens_of_7, end_of_7 = (
        figure.ours[0] for figure in guest.start_ups(machine[0], users[1], 1))
    assert start < start_of_7
    assert opens_of_7 < 2 * opens
    assert end < end_of_7 < 2 * end + 0.5


def test_one_refused(machine, users):
    """A start of which one VF is refused must be measured with the others open.

    Steps: Measure the start with seven VFs, of which one has a wrong token.
    Verify: It takes no longer than one with the right token for all.
    """
    refused = guest.one_refused(machine[0], users[1], 1)
    assert refused.ours[0] < 1.1 * refused.stock[0]


def test_rotation(machine, users):
    """A new token must cost one ioctl, and VFs no packet.

    Steps: Trace the PF's process while it is told to set its token again; do so again while two VFs
    exchange packets.
    Verify: One ioctl; all packets sent were received.
    """
    lab, _ = machine
    process, vfs = users
    found = samples(guest.rotation(lab, lab.pfs[0], process, 1))
    assert found['rotation', 'ioctls'] == [1]
    lost = guest.lost(lab, vfs[:2], process, 2)
    assert list(lost.ours) == [0]


def test_memory_and_traffic(machine, users):
    """What is measured twice on the same build must be the same.

    Steps: Measure memory on a NIC without SR-IOV, and packets from VF to VF, with our testpmd in
    both places.
    Verify: Memory differs by nothing, the time per packet by less than a twentieth.
    """
    lab, plain = machine
    own, resident, *_ = guest.memory(lab, [plain], 1, 'plain')
    assert list(own.ours) == list(own.stock)
    assert list(resident.ours) == list(resident.stock)
    assert guest.traffic(lab, users[1][:2], 1).ratio == pytest.approx(1, rel=0.05)
