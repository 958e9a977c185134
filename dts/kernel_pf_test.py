# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A VF on vfio-pci whose PF stays on the kernel's own driver."""

import pytest

from framework.build import guest_files
from framework.common import TOKEN, VM
from framework.messages import said_only
from lab.vm import Lab

pytestmark = pytest.mark.kernel_pf


@pytest.fixture(scope='module')
def lab(request, build):
    """A machine whose PF is on the kernel's igb, with one VF bound to vfio-pci; or a real one."""
    if request.config.getoption('target') != VM:
        yield request.getfixturevalue('shared_lab')
        return
    with Lab(build=build, files=guest_files(build)) as machine:
        sysfs = f'/sys/bus/pci/devices/{machine.pfs[0]}'
        assert machine.check(f'basename $(readlink {sysfs}/driver)') == 'igb'
        machine.check(f'echo 1 >{sysfs}/sriov_numvfs')
        machine.check(f'dpdk-devbind.py -b vfio-pci {machine.vfs(machine.pfs[0])[0]}', timeout=60)
        yield machine


def test_default_token_is_not_sent(start, lab, pf, vfs):
    """Such a VF must open although a default token is given, since the kernel wants none for it.

    Steps: Leave the PF on igb, bind its VF to vfio-pci, start testpmd on it with a default token.
    Verify: It drives the VF, and said that and why the token wasn't sent.
    """
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={TOKEN}')
    assert testpmd.ports == 1, testpmd.log
    said_only(testpmd.log, ('token_not_sent_vf', '3e…', vfs[0], pf, lab.driver(pf)))


def test_without_a_token(start, vfs):
    """Such a VF must open without any token.

    Steps: As above, without a token.
    Verify: It drives the VF.
    """
    testpmd = start('vf', vfs[:1])
    assert testpmd.ports == 1, testpmd.log
