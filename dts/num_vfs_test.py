# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""--vfio-num-vfs: the PF's process sets the token, then enables VFs."""
import pytest

from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE
from framework.messages import said_only
from lab.vm import Lab

pytestmark = pytest.mark.vm

# The PCI device ID of the lab's PFs as a rule. DPDK's driver for them logs that it sees VFs.
I82576 = '0x10c9'


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


@pytest.fixture
def token_set(pf):
    """The message that the PF has its token."""
    return 'pf_token_set', pf, f'file:{TOKEN_FILE}'


def refused(testpmd, lab, sysfs, *expected, num_vfs=0):
    """A testpmd has no device, with these messages; that many VFs are enabled all the same."""
    assert testpmd.ports == 0, testpmd.log
    assert lab.check(f'cat {sysfs}/sriov_numvfs') == str(num_vfs)
    said_only(testpmd.log, *expected)


def test_enables(start, lab, checked, pf, sysfs, rule, token_set):
    """The option must set the token and enable the VFs before the PF's driver looks for them.

    Steps: Start the PF's testpmd with a token and two VFs; start one on both VFs with the token.
    Verify: Both VFs are named and on vfio-pci, the driver knows of them, and they pass packets.
    """
    testpmd = start('pf', [pf], rule, f'--vfio-num-vfs={pf}=2')
    assert testpmd.ports == 1, testpmd.log
    vfs = lab.vfs(pf)
    said_only(testpmd.log, token_set, ('vfs_enabled', pf, 2, ', '.join(vfs)))
    if lab.check(f'cat {sysfs}/device') == I82576:
        assert testpmd.logged('SRIOV is active')
    if checked:
        said_only(start('none', vfs[:1]).log, ('vf_needs_token', vfs[0], pf, 'vfio-pci', pf))
    vf_testpmd = start('vf', vfs, rule)
    assert vf_testpmd.ports == 2, vf_testpmd.log
    assert vf_testpmd.exchange(10000) >= 10000


def test_keeps(start, lab, pf, sysfs, rule, token_set):
    """VFs in the number asked for must stay, also while they are in use.

    Steps: Enable two VFs for a PF's testpmd and open one; kill the PF's and start it again.
    Verify: It says that they are there already, and the VF's process goes on.
    """
    first = start('pf', [pf], rule, '--vfio-num-vfs=2')
    vfs = lab.vfs(pf)
    vf_testpmd = start('vf', vfs[:1], rule)
    first.kill()
    testpmd = start('pf-again', [pf], rule, '--vfio-num-vfs=2')
    assert testpmd.ports == 1, testpmd.log
    said_only(testpmd.log, token_set, ('vfs_kept', pf, 2, ', '.join(vfs)))
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
    refused(start('three', [pf], rule, '--vfio-num-vfs=3'), lab, sysfs,
            ('num_vfs_other', pf, 2, f'{vfs[0]} in use, {vfs[1]}', 3, 2, pf), num_vfs=2)


def test_too_many(start, lab, pf, sysfs, rule):
    """More VFs than the PF can have must be refused with what it can have.

    Steps: Start the PF's testpmd with 99 VFs.
    Verify: It is refused and says so; there are no VFs.
    """
    total = lab.check(f'cat {sysfs}/sriov_totalvfs')
    refused(start('pf', [pf], rule, '--vfio-num-vfs=99'), lab, sysfs,
            ('num_vfs_range', pf, 99, total))


def test_no_token_rule(start, lab, pf, sysfs):
    """VFs without a token must be refused.

    Steps: Start the PF's testpmd with VFs and no token.
    Verify: It is refused and says so; there are no VFs.
    """
    refused(start('pf', [pf], '--vfio-num-vfs=2'), lab, sysfs, ('vfs_without_rule', pf, pf))


def test_sriov_off(start, lab, pf, sysfs, rule):
    """With enable_sriov off, the parameter must be named, and the token not be set.

    Steps: Turn vfio-pci's enable_sriov off, start the PF's testpmd with VFs.
    Verify: It is refused and says so; there are no VFs.
    """
    lab.check('echo 0 >/sys/module/vfio_pci/parameters/enable_sriov')
    refused(start('pf', [pf], rule, '--vfio-num-vfs=2'), lab, sysfs, ('vfs_sriov_off', pf))


def test_vf_elsewhere(start, lab, pf, sysfs, rule, token_set):
    """A VF that an administrator took off vfio-pci must be left there, with a warning.

    Steps: Enable two VFs and unbind the first; start the PF's testpmd with two.
    Verify: It drives the PF, and names the VF that isn't on vfio-pci.
    """
    lab.check(f'echo 2 >{sysfs}/sriov_numvfs')
    vf, other = lab.vfs(pf)
    lab.check(f'echo {vf} >/sys/bus/pci/drivers/vfio-pci/unbind')
    testpmd = start('pf', [pf], rule, '--vfio-num-vfs=2')
    assert testpmd.ports == 1, testpmd.log
    said_only(testpmd.log, token_set, ('vfs_kept_elsewhere', pf, vf, 'no driver'),
              ('vfs_kept', pf, 2, f'{vf}, {other}'))


def test_vf_of_its_own(start, lab, pf, sysfs, rule):
    """A VF must be told that it can have none.

    Steps: Start the PF's testpmd with a VF, then one on the VF with VFs.
    Verify: The second is refused and says so.
    """
    start('pf', [pf], rule, f'--vfio-num-vfs={pf}=1')
    vf = lab.vfs(pf)[0]
    testpmd = start('vf', [vf], rule, f'--vfio-num-vfs={vf}=1')
    refused(testpmd, lab, sysfs, ('pf_is_a_vf', vf), num_vfs=1)


def failed(testpmd, *expected):
    """A testpmd hasn't started, with these messages."""
    assert not testpmd.running, testpmd.log
    said_only(testpmd.log, *expected)


def test_no_such_pf(start, lab, pf, sysfs, rule):
    """A number of VFs for a wrong address must end the start.

    Steps: Start the PF's testpmd with VFs for a device that isn't there.
    Verify: It fails and says so; there are no VFs.
    """
    failed(start('pf', [pf], rule, '--vfio-num-vfs=0000:0a:00.0=2'),
           ('num_vfs_no_device', '0000:0a:00.0', 2))
    assert lab.vfs(pf) == []


@pytest.mark.parametrize('eal', [['--no-pci'], ['-a', '0000:0a:00.0']], ids=' '.join)
def test_pf_not_opened(start, pf, sysfs, rule, eal):
    """A number of VFs for a PF that the process doesn't open must end the start.

    Steps: Start a testpmd with VFs for the PF, without PCI and with another device alone.
    Verify: It fails and says so; it says too that the PF's rule isn't used.
    """
    failed(start('pf', [], rule, f'--vfio-num-vfs={pf}=2', *eal),
           ('rule_unused', pf), ('num_vfs_unopened', pf, 2, pf))


def test_pf_on_another_driver(start, lab, pf, sysfs, rule):
    """A number of VFs for a PF on another driver must end the start.

    Steps: Bind the PF to its kernel driver, and start its testpmd with VFs; bind it to vfio-pci
        again.
    Verify: It fails and names the driver.
    """
    lab.bind(pf, '')
    try:
        failed(start('pf', [pf], rule, f'--vfio-num-vfs={pf}=2'),
               ('rule_unused', pf), ('num_vfs_driver', pf, 2, lab.driver(pf), pf))
    finally:
        lab.bind(pf, 'vfio-pci')


def test_refused_number(start, lab, pf, sysfs, rule):
    """A number of VFs for one PF that is refused must end the start.

    Steps: Start the PF's testpmd with 99 VFs for this PF.
    Verify: It fails and gives one reason; there are no VFs.
    """
    total = lab.check(f'cat {sysfs}/sriov_totalvfs')
    failed(start('pf', [pf], rule, f'--vfio-num-vfs={pf}=99'), ('num_vfs_range', pf, 99, total))
    assert lab.vfs(pf) == []


def test_own_vfs(start, lab, pf, sysfs, rule, token_set):
    """A process that opens the VFs that it enables for others must be told so.

    Steps: Start a testpmd with VFs and without -a, end it, and start it again.
    Verify: The second one has opened the VFs of the first, and says so.
    """
    first = start('pf', [], rule, f'--vfio-num-vfs={pf}=2')
    assert first.ports == 1, first.log
    said_only(first.log, token_set, ('vfs_enabled', pf, 2))
    first.close()
    again = start('again', [], rule, f'--vfio-num-vfs={pf}=2')
    assert again.ports == 3, again.log
    said_only(again.log, token_set, ('vfs_kept', pf, 2), ('own_vfs', 2, pf, pf))
