# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""One token for the many VFs of a PF that isn't a NIC: an NVMe controller."""
from __future__ import annotations

import time

import pytest

from framework.build import guest_programs
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import said_only
from lab.vm import Lab

pytestmark = pytest.mark.vm

VFS = 100
SYSFS = '/sys/bus/pci/devices'
WRONG_FILE = '/run/wrong-token'


@pytest.fixture(scope='module')
def lab(build):
    """A machine with an NVMe controller on vfio-pci."""
    with Lab(build=build, nvmes=1, timeout=1200,
             files=guest_programs(build, 'dpdk-test-vftoken', 'dpdk-vftoken')) as machine:
        pf = machine.nvmes[0]
        # dpdk-devbind.py knows no NVMe controllers.
        machine.check(f'echo vfio-pci >{SYSFS}/{pf}/driver_override && '
                      f'echo {pf} >/sys/bus/pci/drivers_probe')
        for path, token in (TOKEN_FILE, TOKEN), (WRONG_FILE, WRONG_TOKEN):
            machine.write(path, token, mode=0o600)
        yield machine


@pytest.fixture(scope='module')
def pf(lab):
    """The controller's address."""
    return lab.nvmes[0]


@pytest.fixture(scope='module')
def vfs(lab, pf, request):
    """The addresses of its VFs, which dpdk-vftoken enables."""
    start = time.monotonic()
    lab.check(f'dpdk-vftoken enable {pf} {VFS} file:{TOKEN_FILE}', timeout=120)
    seconds = time.monotonic() - start
    with request.config.pluginmanager.getplugin('capturemanager').global_and_fixture_disabled():
        print(f'\n{VFS} VFs enabled in {seconds:.1f} s')
    return lab.vfs(pf)


def test_enable(lab, vfs):
    """All VFs must be enabled, each on vfio-pci and in an IOMMU group of its own.

    Steps: Set the PF's token and enable 100 VFs with dpdk-vftoken.
    Verify: There are 100, on vfio-pci and in 100 groups; the output says how long it took.
    """
    def targets(link):
        return lab.check(f'for vf in {" ".join(vfs)}; do readlink {SYSFS}/$vf/{link}; done').split()

    assert len(vfs) == VFS
    assert [target.rpartition('/')[2] for target in targets('driver')] == ['vfio-pci'] * VFS
    assert len(set(targets('iommu_group'))) == VFS


def test_right_token(lab, vfs):
    """Each VF must open with its PF's token.

    Steps: Try the token on one VF after the other with dpdk-vftoken check.
    Verify: It opens them all.
    """
    lab.check(f'for vf in {" ".join(vfs)}; do dpdk-vftoken check $vf file:{TOKEN_FILE} || exit; '
              'done', timeout=300)


def test_wrong_token(lab, pf, vfs):
    """The first and the last VF must be refused with another token.

    Steps: Try a wrong token on both with dpdk-vftoken check.
    Verify: Status 1; the kernel's refusal, with the PF's address.
    """
    for vf in vfs[0], vfs[-1]:
        result = lab.run(f'dpdk-vftoken check {vf} file:{WRONG_FILE}')
        assert result.status == 1, result.output
        said_only(result.output, ('vf_wrong_token', vf, f'file:{WRONG_FILE}', pf, pf))


@pytest.mark.long
@pytest.mark.parametrize('theme', ['removal', 'restart', 'rotation', 'token', 'users'])
def test_conformance(lab, pf, vfs, theme):
    """The kernel's rules must hold for a PF that is no NIC, with 100 VFs.

    Steps: Run a theme of dpdk-test-vftoken's cases on the controller.
    Verify: All of them held, and none was skipped; the VFs are there as before.
    """
    output = lab.check(f"dpdk-test-vftoken --pf {pf} --num-vfs {VFS} --backend group "
                       f"--case '{theme}/*'", timeout=300)
    assert f'{VFS} VFs' in output
    assert ' 0 did not, 0 skipped' in output
    assert lab.vfs(pf) == vfs
