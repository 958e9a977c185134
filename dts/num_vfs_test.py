# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""--vfio-num-vfs: the PF's process sets the token, then enables VFs."""
import pytest

from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE
from lab.vm import Lab

pytestmark = pytest.mark.vm


@pytest.fixture(scope='module')
def lab(build):
    """A machine with one PF on vfio-pci and no VFs."""
    with Lab(build=build, files=guest_files(build)) as machine:
        machine.check(f'dpdk-devbind.py -b vfio-pci {machine.pfs[0]}', timeout=60)
        machine.write(TOKEN_FILE, TOKEN, mode=0o600)
        yield machine


# Set up before, and so ended after, all testpmd processes, as the kernel waits for a VF's user.
@pytest.fixture(autouse=True)
def sysfs(lab, pf):
    """The PF's folder in sysfs; a test starts and ends without VFs."""
    folder = f'/sys/bus/pci/devices/{pf}'
    yield folder
    lab.check(f'echo 0 >{folder}/sriov_numvfs; '
              'echo 1 >/sys/module/vfio_pci/parameters/enable_sriov')


@pytest.fixture
def rule(pf):
    """The PF's token, as an option of EAL."""
    return f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'


def refused(testpmd, lab, sysfs, num_vfs=0):
    """Why a testpmd has no PF; that many VFs are enabled all the same."""
    assert testpmd.ports == 0, testpmd.log
    assert lab.check(f'cat {sysfs}/sriov_numvfs') == str(num_vfs)
    return testpmd.said('^EAL: .*(VFs|VF token)')


def test_enables(start, lab, pf, sysfs, rule):
    """The option must set the token and enable the VFs before the PF's driver looks for them.

    Steps: Start the PF's testpmd with a token and two VFs; start one on both VFs with the token.
    Verify: Both VFs are named and on vfio-pci, the driver knows of them, and they pass packets.
    """
    testpmd = start('pf', [pf], rule, f'--vfio-num-vfs={pf}=2')
    assert testpmd.ports == 1, testpmd.log
    vfs = lab.vfs(pf)
    assert testpmd.said('VFs') == f'PF {pf} has 2 VFs: {", ".join(vfs)}'
    assert testpmd.said('SRIOV is active')
    assert start('none', vfs[:1]).refusal
    vf_testpmd = start('vf', vfs, rule)
    assert vf_testpmd.ports == 2, vf_testpmd.log
    assert vf_testpmd.exchange(10000) >= 10000


def test_keeps(start, lab, pf, sysfs, rule):
    """VFs in the number asked for must stay, also while they are in use.

    Steps: Enable two VFs for a PF's testpmd and open one; kill the PF's and start it again.
    Verify: It says that they are there already, and the VF's process goes on.
    """
    first = start('pf', [pf], rule, '--vfio-num-vfs=2')
    vf_testpmd = start('vf', lab.vfs(pf)[:1], rule)
    first.kill()
    testpmd = start('pf-again', [pf], rule, '--vfio-num-vfs=2')
    assert testpmd.ports == 1, testpmd.log
    assert testpmd.said('VFs').startswith(f'PF {pf} has 2 VFs already: ')
    assert vf_testpmd.ports == 1


def test_another_number(start, lab, pf, sysfs, rule):
    """Another number than is enabled must be refused, with the VFs and which of them are in use.

    Steps: Enable two VFs and open the first; start the PF's testpmd with three.
    Verify: It is refused and says so; there are two VFs still.
    """
    lab.check(f'echo 2 >{sysfs}/sriov_numvfs')
    vfs = lab.vfs(pf)
    start('pf', [pf], rule)
    start('vf', vfs[:1], rule)
    lab.check('kill -KILL $(cat /run/pf.pid); sleep 1')
    assert refused(start('three', [pf], rule, '--vfio-num-vfs=3'), lab, sysfs, 2) == (
        f'PF {pf} has 2 VFs enabled ({vfs[0]} in use, {vfs[1]}), not 3, and changing that would '
        'pull them from under their users; ask for 2, or disable them first (echo 0 >'
        f'/sys/bus/pci/devices/{pf}/sriov_numvfs)')


def test_too_many(start, lab, pf, sysfs, rule):
    """More VFs than the PF can have must be refused with what it can have.

    Steps: Start the PF's testpmd with 99 VFs.
    Verify: It is refused and says so; there are no VFs.
    """
    total = lab.check(f'cat {sysfs}/sriov_totalvfs')
    assert refused(start('pf', [pf], rule, '--vfio-num-vfs=99'), lab, sysfs) == (
        f"PF {pf} can't have 99 VFs; it can have 1 to {total}")


def test_no_token_rule(start, lab, pf, sysfs):
    """VFs without a token must be refused.

    Steps: Start the PF's testpmd with VFs and no token.
    Verify: It is refused and says so; there are no VFs.
    """
    assert refused(start('pf', [pf], '--vfio-num-vfs=2'), lab, sysfs) == (
        f'PF {pf} gets no VFs without a VF token, and no rule covers it; give one '
        f'(--vfio-vf-token={pf}=SOURCE)')


def test_sriov_off(start, lab, pf, sysfs, rule):
    """With enable_sriov off, the parameter must be named.

    Steps: Turn vfio-pci's enable_sriov off, start the PF's testpmd with VFs.
    Verify: It is refused and says so; there are no VFs.
    """
    lab.check('echo 0 >/sys/module/vfio_pci/parameters/enable_sriov')
    testpmd = start('pf', [pf], rule, '--vfio-num-vfs=2')
    assert testpmd.ports == 0
    assert testpmd.said('gets no VFs') == (
        f"PF {pf} gets no VFs, since vfio-pci's enable_sriov is off; turn it on (echo 1 >"
        '/sys/module/vfio_pci/parameters/enable_sriov, or enable_sriov=1 for modprobe)')


def test_vf_elsewhere(start, lab, pf, sysfs, rule):
    """A VF that an administrator took off vfio-pci must be left there, with a warning.

    Steps: Enable two VFs and unbind the first; start the PF's testpmd with two.
    Verify: It drives the PF, and names the VF that isn't on vfio-pci.
    """
    lab.check(f'echo 2 >{sysfs}/sriov_numvfs')
    vf = lab.vfs(pf)[0]
    lab.check(f'echo {vf} >/sys/bus/pci/drivers/vfio-pci/unbind')
    testpmd = start('pf', [pf], rule, '--vfio-num-vfs=2')
    assert testpmd.ports == 1, testpmd.log
    assert testpmd.said('its VF') == (
        f'PF {pf}: its VF {vf} is on no driver, not vfio-pci; it is left there')


def test_vf_of_its_own(start, lab, pf, sysfs, rule):
    """A VF must be told that it can have none.

    Steps: Start the PF's testpmd with a VF, then one on the VF with VFs.
    Verify: The second is refused and says so.
    """
    start('pf', [pf], rule, f'--vfio-num-vfs={pf}=1')
    vf = lab.vfs(pf)[0]
    testpmd = start('vf', [vf], rule, f'--vfio-num-vfs={vf}=1')
    assert refused(testpmd, lab, sysfs, 1) == (
        f'{vf} has no VFs: it is a VF itself; name an SR-IOV PF')
