# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A kernel that devtools/kernel has built, with our series and, for contrast, without it."""
from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from framework import distribution
from framework.build import guest_files, guest_programs, usertool
from framework.common import TOKEN
from framework.messages import said_only
from framework.testpmd import Testpmd
from lab.vm import Lab

pytestmark = pytest.mark.vm

# A NIC without SR-IOV, in an IOMMU group of its own.
PLAIN_NIC = ('-device', 'pcie-root-port,id=plain,chassis=30',
             '-device', 'e1000e,bus=plain,romfile=')
FIND_PLAIN = 'grep -l 0x10d3 /sys/bus/pci/devices/*/device'
# Nothing uses it: the disk controller.
OTHER = '0000:00:1f.2'
# /dev/iommu is root's own in the lab.
NO_IOMMU_FILE = {'iommufd/process/user-with-file'}
SERIES = ('patched', 'unpatched')


@pytest.fixture(scope='module')
def kernels():
    """The folders of the kernel with the series and of the one without."""
    given = Path(os.environ.get('LAB_KERNEL', ''))
    if given.name != 'patched' or not (given.parent / 'unpatched').is_dir():
        pytest.skip("the lab's kernel isn't of a series; test.sh --tree DIR builds one")
    return {name: given.parent / name for name in SERIES}


def release(kernels):
    """The version, as (5, 4)."""
    modules = next((kernels['patched'] / 'lib/modules').iterdir()).name
    major, minor = re.match(r'(\d+)\.(\d+)', modules).groups()
    return int(major), int(minor)


def has_cdev(kernels):
    """Whether devices have cdevs there, besides their groups."""
    return release(kernels) >= (6, 6)


@pytest.fixture(scope='module')
def old(kernels):
    """Skips a kernel that has the mechanism but for the cdev path."""
    if release(kernels) > (5, 6):
        pytest.skip('this kernel has VF tokens without the series, too')


@pytest.fixture(params=SERIES)
def stock(request, build, kernels, old):
    """A machine on either kernel with the distribution's testpmd, a PF and a plain NIC on vfio-pci;
    the kernel's name, the PF and the NIC."""
    files = {**distribution.testpmd_files(),
             '/usr/local/bin/dpdk-devbind.py': usertool(build, 'dpdk-devbind.py')}
    with Lab(build, kernel=kernels[request.param], files=files, qemu_arguments=PLAIN_NIC) as lab:
        plain = lab.check(FIND_PLAIN).split('/')[-2]
        lab.check(f'dpdk-devbind.py -b vfio-pci {lab.pfs[0]} {plain}', timeout=60)
        yield lab, request.param, lab.pfs[0], plain


def ports(lab, name, device, *eal):
    """How many ports the distribution's testpmd drives on a device, and its log."""
    with Testpmd(lab, name, [device], *eal, program=distribution.TESTPMD) as testpmd:
        return testpmd.ports, testpmd.log


def test_old_user_space(stock):
    """User space that knows no VF tokens must go on as before where it needs none, and be refused
    VFs, as the cover letter intends.

    Steps: On either kernel, start the distribution's testpmd without a token on a NIC without
    SR-IOV and on a PF. Enable a VF. With the series, start it on the VF, without a token; then
    on the PF with a token, and on the VF with that.
    Verify: NIC and PF work on both. Without the series there is no VF. With it, the VF is refused
    without the token, and works with it.
    """
    lab, kernel, pf, plain = stock
    assert ports(lab, 'plain', plain)[0] == 1
    assert ports(lab, 'pf', pf)[0] == 1
    enabled = lab.run(f'echo 1 >/sys/bus/pci/devices/{pf}/sriov_numvfs')
    if kernel == 'unpatched':
        assert enabled.status != 0 and not lab.vfs(pf)
        assert 'support SRIOV configuration via sysfs' in lab.check('dmesg')
        return
    assert enabled.status == 0, enabled.output
    vf, = lab.vfs(pf)
    none, log = ports(lab, 'vf', vf)
    assert none == 0 and f'Getting a vfio_dev_fd for {vf} failed' in log
    token = f'--vfio-vf-token={TOKEN}'
    with Testpmd(lab, 'pf', [pf], token, program=distribution.TESTPMD) as pf_process:
        assert pf_process.ports == 1
        assert ports(lab, 'vf', vf)[0] == 0
        assert ports(lab, 'vf', vf, token)[0] == 1


def test_without_the_mechanism(build, kernels, old):
    """On a kernel that knows no VF tokens our DPDK must say so, rather than fail without a reason.

    Steps: On the kernel without the series, start testpmd on the PF, with and without a token.
    Verify: With one it is refused, and the message says that the kernel lacks it; without it
    starts.
    """
    with Lab(build, kernel=kernels['unpatched'], files=guest_files(build)) as lab:
        pf = lab.pfs[0]
        lab.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)
        with Testpmd(lab, 'refused', [pf], f'--vfio-vf-token={TOKEN}') as testpmd:
            assert testpmd.ports == 0
            said_only(testpmd.log, ('kernel_without_tokens', pf))
        with Testpmd(lab, 'plain', [pf]) as testpmd:
            assert testpmd.ports == 1, testpmd.log


ANOTHER_DRIVER = '''
set -e
cd /sys/bus/pci/devices/{vf}
modprobe igbvf
basename $(readlink driver)
echo igbvf >driver_override
echo {vf} >driver/unbind
echo {vf} >/sys/bus/pci/drivers_probe
basename $(readlink driver)
'''


def test_another_driver(build, kernels, old):
    """The host's driver must not take a VF by itself, but the administrator may give it one.

    Steps: Enable a VF; load the host's driver for VFs; make it the VF's driver_override, and bind.
    Verify: The VF is on vfio-pci at first, then on that driver; the kernel has logged that.
    """
    with Lab(build, kernel=kernels['patched'], vfs=1) as lab:
        vf, = lab.vfs(lab.pfs[0])
        assert lab.check(ANOTHER_DRIVER.format(vf=vf)).splitlines() == ['vfio-pci', 'igbvf']
        assert f'{vf}: Bound to igbvf, though the PF is bound to vfio-pci' in lab.check('dmesg')


def tap(output, ending):
    """The names of the cases that ended so in a TAP output."""
    return set(re.findall(rf'^{ending} \d+ - (\S+?):', output, re.MULTILINE))


def conformance(build, kernel, *args):
    """What dpdk-test-vftoken prints on a kernel."""
    with Lab(build, kernel=kernel, pfs=2, timeout=1200,
             files=guest_programs(build, 'dpdk-test-vftoken')) as lab:
        return lab.run(' '.join(['dpdk-test-vftoken --pf', lab.pfs[0], '--pf2', lab.pfs[1],
                                 '--other', OTHER, *args]), timeout=1000).output


def test_all_rules(build, kernels):
    """With the series all rules must hold, by each path that the kernel has.

    Steps: Run dpdk-test-vftoken, by group, and by iommufd if the kernel has cdevs.
    Verify: Nothing is not ok, and nothing is skipped but what the lab can't have.
    """
    backend = 'all' if has_cdev(kernels) else 'group'
    output = conformance(build, kernels['patched'], '--backend', backend)
    assert len(tap(output, 'ok')) > (200 if has_cdev(kernels) else 100), output
    assert not tap(output, 'not ok') and 'Bail out' not in output, output
    assert set(re.findall(r'^ok \d+ - (\S+?):.* # SKIP', output, re.MULTILINE)) <= NO_IOMMU_FILE


def test_cdev_hole(build, kernels):
    """Without the series a VF can be had by its cdev with no token.

    Steps: Without the series, run dpdk-test-vftoken's cases of opening a VF, by group and iommufd.
    Verify: All hold by group. By iommufd those don't that need a token, or give one.
    """
    if not has_cdev(kernels):
        pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
    output = conformance(build, kernels['unpatched'], '--case', "'vf/*'")
    failed = tap(output, 'not ok')
    assert failed and all(case.startswith('iommufd/') for case in failed), output
    assert any(case.startswith('group/') for case in tap(output, 'ok')), output
