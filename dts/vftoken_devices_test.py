# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-vftoken on an SR-IOV device: what it shows, sets, enables and checks."""
from __future__ import annotations

import json
import shlex

import pytest

from framework.common import BY_CDEV, TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import complained, result, said_only

WRONG_FILE = '/run/wrong-token'
RIGHT = f'file:{TOKEN_FILE}'
WRONG = f'file:{WRONG_FILE}'
ENABLE_SRIOV = '/sys/module/vfio_pci/parameters/enable_sriov'


@pytest.fixture
def vftoken(lab):
    """Runs the command in the lab: exit code, stdout, stderr."""
    lab.write(WRONG_FILE, WRONG_TOKEN, mode=0o600)

    def run(*args, before=''):
        result = lab.run(f'{before} dpdk-vftoken {shlex.join(args)} 2>/run/vftoken.err', timeout=90)
        return result.status, result.output, lab.check('cat /run/vftoken.err')

    return run


@pytest.fixture
def sriov(lab, pf):
    """Where the PF's VFs are enabled; ends with vfio-pci's parameter on and two VFs again."""
    path = f'/sys/bus/pci/devices/{pf}/sriov_numvfs'
    yield path
    lab.check(f'echo 1 >{ENABLE_SRIOV}; [ "$(cat {path})" = 2 ] || '
              f'{{ echo 0 >{path}; echo 2 >{path}; }}')


@pytest.fixture
def vf_testpmd(vftoken, start, pf, vfs):
    """A testpmd on the first VF with the token that was set before; no process has the PF."""
    assert vftoken('set', pf, RIGHT)[0] == 0
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}={RIGHT}')
    assert testpmd.ports == 1, testpmd.log
    return testpmd


def refused(ended, code, *message):
    """The command has ended with a code, nothing on stdout, and one message on stderr."""
    assert ended[:2] == (code, '')
    complained(ended[2], message)


@pytest.fixture
def check(lab, vftoken):
    """What status tells of tokens at devices' own files: unknown on a kernel without such files."""
    answer = json.loads(vftoken('status', '--json')[1])['cdev_check']
    assert (answer == 'unknown') == bool(lab.run('[ -d /dev/vfio/devices ]').status)
    return answer


@pytest.fixture
def group(lab):
    """Tells a device's IOMMU group."""
    return lambda device: lab.check(
        f'basename $(readlink /sys/bus/pci/devices/{device}/iommu_group)').strip()


def table(group, check, pf, vfs, users):
    """The PF and its VFs on vfio-pci, as status shows them; users has the PIDs of testpmds."""
    width = len(pf) if vfs else 2
    lines = [f'DEVICE        ROLE  DRIVER    VFS  {"PF":{width}}  GROUP  IN USE  USED BY']
    for device in (pf, *vfs):
        role, num, its_pf = ('PF', f'{len(vfs)}/8', '-') if device == pf else ('VF', '-', pf)
        use = f'yes     {users[device]} dpdk-testpmd' if device in users else 'no      -'
        lines.append(f'{device}  {role}    vfio-pci  {num:3}  {its_pf:{width}}  '
                     f'{group(device):5}  {use}')
    return '\n'.join([*lines, result('cmd_kernel_support', 'yes'),
                      result('cmd_enable_sriov', 'on')])


def test_status(vftoken, group, check, vf_testpmd, pf, vfs):
    """status must show each PF and VF, and which process uses them, as a table and as JSON.

    Steps: Have a testpmd use one VF; ask for the status of all, and of the other VF.
    Verify: The whole table and JSON.
    """
    pid = vf_testpmd.pid()
    assert vftoken('status') == (0, table(group, check, pf, vfs, {vfs[0]: pid}), '')
    code, out, err = vftoken('status', '--json')
    assert (code, err) == (0, '')
    vf = {'role': 'VF', 'driver': 'vfio-pci', 'pf': pf, 'pf_driver': 'vfio-pci',
          'kernel_support': 'yes'}
    unused = {'in_use': 'no', 'used_by': []}
    other = {'device': vfs[1], **vf, 'iommu_group': group(vfs[1]), **unused}
    assert json.loads(out) == {'enable_sriov': 'on', 'cdev_check': check, 'devices': [
        {'device': pf, 'role': 'PF', 'driver': 'vfio-pci', 'vfs_total': 8, 'vfs_enabled': 2,
         'vfs_change': 'no', 'kernel_support': 'yes', 'iommu_group': group(pf), **unused},
        {'device': vfs[0], **vf, 'iommu_group': group(vfs[0]), 'in_use': 'yes',
         'used_by': [{'pid': pid, 'name': 'dpdk-testpmd'}]}, other]}
    code, out, err = vftoken('status', '--json', vfs[1])
    assert (code, err, json.loads(out)['devices']) == (0, '', [other])


def test_status_of_a_pf_in_use(vftoken, group, check, pf_testpmd, pf, vfs):
    """status must show the process of a PF.

    Steps: Have a testpmd use the PF; ask for the status.
    Verify: Its PID and name stand at the PF, and no VF is in use.
    """
    pid = pf_testpmd.pid()
    assert vftoken('status') == (0, table(group, check, pf, vfs, {pf: pid}), '')


def test_kernel_pf(lab, vftoken, group, check, sriov, pf):
    """A PF on its kernel driver must be shown so, be told apart and get no token.

    Steps: Bind the PF to igb; ask for its status, check it, set its token; bind it to vfio-pci.
    Verify: The status before and after; no token is taken; none is set, and why.
    """
    lab.check(f'dpdk-devbind.py -b igb {pf}', timeout=60)
    try:
        code, out, err = vftoken('status')
        assert (code, err) == (0, '')
        assert out.splitlines()[1].split() == [pf, 'PF', 'igb', '0/7', '-', group(pf), 'no', '-']
        assert vftoken('check', pf, RIGHT) == (0, result('cmd_pf_takes_none', pf, 'igb'), '')
        refused(vftoken('set', pf, RIGHT), 1, 'not_on_vfio', pf, 'igb', pf)
    finally:
        lab.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)
    assert vftoken('status') == (0, table(group, check, pf, [], {}), '')


def test_vf_of_a_kernel_pf(lab, vftoken, sriov, pf):
    """For a VF of a PF on its kernel driver, no token is taken.

    Steps: Bind the PF to igb, enable a VF, and check the VF.
    Verify: It says so.
    """
    lab.check(f'dpdk-devbind.py -b igb {pf}', timeout=60)
    try:
        lab.check(f'echo 1 >{sriov}')
        vf = lab.vfs(pf)[0]
        assert vftoken('check', vf, RIGHT) == (0, result('cmd_vf_takes_none', vf, pf, 'igb'), '')
        lab.check(f'echo 0 >{sriov}')
    finally:
        lab.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)


@pytest.mark.parametrize('source, before', [
    (RIGHT, ''), (TOKEN, ''), ('env:T', f'T={TOKEN}'), ('fd:0', f'echo {TOKEN} |'),
    ('file:/dev/fd/0', f'echo {TOKEN} |'),
], ids=['file', 'literal', 'env', 'fd', 'pipe'])
def test_set(vftoken, pf, vfs, source, before):
    """A token must be set from any source, and stay without a process that drives the PF.

    Steps: Set another token, then this one; check a VF with both.
    Verify: The other is refused, this one opens it.
    """
    assert vftoken('set', pf, WRONG)[0] == 0
    assert vftoken('set', pf, source, before=before) == (0, result('cmd_token_set', pf), '')
    assert vftoken('check', vfs[0], WRONG)[0] == 1
    assert vftoken('check', vfs[0], RIGHT)[0] == 0


def test_set_then_open(vf_testpmd, start, pf, vfs):
    """A VF must open with the token that was set and no other, while no process has the PF.

    Steps: Set the token; start a testpmd on a VF with it, and one on another VF with another.
    Verify: The first drives its VF, the second is refused.
    """
    assert vf_testpmd.ports == 1
    said_only(start('wrong', vfs[1:], f'--vfio-vf-token={pf}={WRONG}').log,
              ('vf_wrong_token', vfs[1], WRONG, pf, pf))


def test_set_refused(vftoken, vf_testpmd, pf, vfs):
    """A PF must not be opened, and so reset, under a VF that is in use; a VF has no token to set.

    Steps: Have a testpmd use a VF; set the PF's token, enable its VFs; set the VF's token.
    Verify: All are refused, say why, and the VF's token is the same.
    """
    for args in (['set', pf, WRONG], ['enable', pf, '2', RIGHT]):
        refused(vftoken(*args), 1, 'cmd_vf_in_use', pf, vfs[0])
    refused(vftoken('set', vfs[1], WRONG), 1, 'cmd_is_a_vf', vfs[1])
    assert vftoken('check', vfs[1], RIGHT)[0] == 0


def test_set_of_a_pf_in_use(vftoken, pf_testpmd, pf):
    """A PF that a process drives can't be opened, and the command must say so.

    Steps: Start the PF's testpmd; set a token.
    Verify: It is refused with the reason.
    """
    refused(vftoken('set', pf, WRONG), 1, 'device_busy' if BY_CDEV else 'group_busy', pf)


def test_enable_and_disable(lab, vftoken, group, check, sriov, start, pf):
    """VFs must be enabled with their token and disabled without any process of the PF.

    Steps: Disable the VFs, twice; enable two, twice; start a testpmd on them with the token.
    Verify: There are none, then two, whose BDFs are all of stdout; the testpmd drives them.
    """
    for _ in range(2):
        assert vftoken('disable', pf) == (0, result('cmd_no_vfs', pf), '')
        assert lab.check(f'cat {sriov}') == '0'
    for message in ('vfs_enabled', 'vfs_kept'):
        code, out, err = vftoken('enable', pf, '2', RIGHT)
        vfs = lab.vfs(pf)
        assert (code, out.split('\n')) == (0, vfs)
        complained(err, ('pf_token_set', pf, RIGHT), (message, pf, 2, ', '.join(vfs)))
        assert vftoken('status') == (0, table(group, check, pf, vfs, {}), '')
    on_terminal = lab.console('terminal')
    on_terminal.sendline(f'dpdk-vftoken enable {pf} 2 {RIGHT}; echo status=$?=')
    on_terminal.expect(r'status=(\d+)=', timeout=90)
    shown, status = on_terminal.before.replace('\r', ''), on_terminal.match[1]
    on_terminal.close()
    assert status == '0' and f': {", ".join(vfs)} [vfs_kept]' in shown
    assert not set(vfs) & set(shown.split('\n'))
    testpmd = start('vf', vfs, f'--vfio-vf-token={pf}={RIGHT}')
    assert testpmd.ports == 2, testpmd.log


def test_enable_refused(lab, vftoken, sriov, pf):
    """Where VFs can't be enabled, the reason must be named and there be none.

    Steps: Disable the VFs; ask for too many; turn vfio-pci's enable_sriov off and ask for two.
    Verify: Both fail with the reason; status shows the parameter.
    """
    assert vftoken('disable', pf)[0] == 0
    refused(vftoken('enable', pf, '9', RIGHT), 1, 'num_vfs_range', pf, 9, 8)
    lab.check(f'echo 0 >{ENABLE_SRIOV}')
    code, out, err = vftoken('enable', pf, '2', RIGHT)
    assert (code, out) == (1, '')
    complained(err, ('vfs_sriov_off', pf))
    assert lab.check(f'cat {sriov}') == '0'
    assert vftoken('status')[1].split('\n')[-1] == result('cmd_enable_sriov', 'off')


def test_disable_refused(lab, vftoken, sriov, vf_testpmd, pf, vfs):
    """VFs that are in use must not be disabled.

    Steps: Have a testpmd use a VF; disable the VFs.
    Verify: It is refused with the VF's name; the testpmd still has it.
    """
    refused(vftoken('disable', pf), 1, 'vfs_in_use', pf, 2, f'{vfs[0]} in use, {vfs[1]}')
    assert vf_testpmd.ports == 1
    assert lab.check(f'cat {sriov}') == '2'


@pytest.fixture
def without_group(lab, vfs):
    """The file of the first VF's IOMMU group isn't there, as in a container that has others."""
    # Within devtmpfs, which removes the files that it made itself.
    group = lab.check(f'basename $(readlink /sys/bus/pci/devices/{vfs[0]}/iommu_group)')
    path = f'/dev/vfio/{group}'
    lab.check(f'mv {path} /dev/group')
    yield
    lab.check(f'mv /dev/group {path}')


@pytest.fixture
def without_enable(lab, vfs):
    """Nor does sysfs tell whether the VF is open."""
    path = f'/sys/bus/pci/devices/{vfs[0]}/enable'
    lab.check(f'mount --bind /dev/null {path}')
    yield
    lab.check(f'umount {path}')


def test_use_without_group(vftoken, vf_testpmd, without_group, pf, vfs):
    """Without the file of its group, sysfs must tell whether a VF is in use.

    Steps: Have a testpmd use a VF, and take the file of the VF's group away; ask for the status,
    disable the VFs, set the token.
    Verify: The VF is in use, and so the others are refused; the testpmd has its VF.
    """
    assert [line.split()[6] for line in vftoken('status')[1].splitlines()[2:4]] == ['yes', 'no']
    refused(vftoken('disable', pf), 1, 'vfs_in_use', pf, 2, f'{vfs[0]} in use, {vfs[1]}')
    refused(vftoken('set', pf, RIGHT), 1, 'cmd_vf_in_use', pf, vfs[0])
    assert vf_testpmd.ports == 1


def test_use_unknown(lab, vftoken, sriov, vf_testpmd, without_group, without_enable, pf, vfs):
    """Where it can't be known whether a VF is in use, nothing must be done to it.

    Steps: Have a testpmd use a VF, and take the file of the VF's group and sysfs' file away; ask
    for the status, disable the VFs, set and check the token.
    Verify: The status is unknown; all else is refused with the VF's name; the testpmd has its VF.
    """
    assert [line.split()[6] for line in vftoken('status')[1].splitlines()[2:4]] == ['unknown', 'no']
    refused(vftoken('disable', pf), 1, 'use_without_file', pf, vfs[0], '/dev/vfio')
    refused(vftoken('set', pf, RIGHT), 1, 'cmd_vf_use_unknown', pf, vfs[0])
    refused(vftoken('check', pf, RIGHT), 2, 'cmd_use_unknown', pf, vfs[0])
    assert vf_testpmd.ports == 1
    assert lab.check(f'cat {sriov}') == '2'


def test_while_vfs_go(lab, vftoken, sriov, vf_testpmd, pf):
    """While the kernel waits for a VF's user, the command must answer, and wait for nothing.

    Steps: Have a testpmd use a VF, and write 0 to sriov_numvfs; ask for the status, as a table and
    as JSON, and disable the VFs; end the testpmd.
    Verify: The status comes at once, and says that the VFs are being changed; disable is refused;
    the write ends after the testpmd, and then there are no VFs.
    """
    lab.check(f'(echo 0 >{sriov}; echo done >/run/written) >/dev/null 2>&1 & sleep 2')
    code, out, err = vftoken('status', before='timeout 10')
    assert (code, err) == (0, '')
    assert result('cmd_vfs_change', pf) in out.splitlines()
    code, out, err = vftoken('status', '--json', pf, before='timeout 10')
    assert (code, err, json.loads(out)['devices'][0]['vfs_change']) == (0, '', 'yes')
    refused(vftoken('disable', pf, before='timeout 10'), 1, 'vfs_change', pf)
    assert lab.run('cat /run/written').status != 0
    vf_testpmd.close()
    lab.check('for i in $(seq 50); do [ -e /run/written ] && exit; sleep 0.2; done; exit 1',
              timeout=30)
    assert lab.check(f'cat {sriov}; rm /run/written') == '0'


def test_check_vf(vftoken, vf_testpmd, pf, vfs):
    """check must tell the right token from a wrong one, and say when it can't.

    Steps: Have a testpmd use a VF; check both VFs; check with a file that isn't there.
    Verify: For the other VF yes and no; for the used one, and without the file, no answer.
    """
    assert vftoken('check', vfs[1], RIGHT) == (0, result('cmd_opens_vf', vfs[1]), '')
    code, out, err = vftoken('check', vfs[1], WRONG)
    assert (code, out) == (1, result('cmd_opens_not_vf', vfs[1]))
    complained(err, ('vf_wrong_token', vfs[1], WRONG, pf, pf))
    refused(vftoken('check', vfs[0], RIGHT), 2, 'cmd_vf_not_checked', vfs[0])
    refused(vftoken('check', vfs[1], 'file:/run/none'), 2, 'source_unopened', 'file:/run/none',
            'No such file or directory')
    assert vf_testpmd.ports == 1


def test_check_vf_elsewhere(lab, vftoken, pf, vfs):
    """For a VF that isn't on vfio-pci the command must say so.

    Steps: Unbind a VF; check it; bind it again.
    Verify: No answer, with what it is on.
    """
    lab.check(f'echo {vfs[0]} >/sys/bus/pci/drivers/vfio-pci/unbind')
    try:
        ended = vftoken('check', vfs[0], RIGHT)
    finally:
        lab.check(f'echo {vfs[0]} >/sys/bus/pci/drivers/vfio-pci/bind')
    refused(ended, 2, 'not_on_vfio', vfs[0], 'no driver', vfs[0])


def test_check_pf(vftoken, start, pf, vfs):
    """A check of a PF must neither change its token nor disturb its VFs.

    Steps: Set the token; check the PF with a wrong one; have one VF used and check with both; have
    both used and check.
    Verify: Any token; then yes and no; then no answer; a VF opens with the first token still.
    """
    assert vftoken('set', pf, RIGHT)[0] == 0
    assert vftoken('check', pf, WRONG) == (0, result('cmd_any_opens_pf', pf), '')
    rule = f'--vfio-vf-token={pf}={RIGHT}'
    used = start('vf', vfs[:1], rule)
    assert used.ports == 1, used.log
    assert vftoken('check', pf, RIGHT) == (0, result('cmd_opens_pf', pf, *vfs), '')
    code, out, err = vftoken('check', pf, WRONG)
    assert (code, out) == (1, result('cmd_opens_not_pf', pf, *vfs))
    complained(err, ('vf_wrong_token', vfs[1], WRONG, pf, pf))
    other = start('other', vfs[1:], rule)
    assert other.ports == 1, other.log
    refused(vftoken('check', pf, RIGHT), 2, 'cmd_pf_not_checked', pf, vfs[0])
    assert used.ports == other.ports == 1


def test_check_while_the_pf_is_driven(vftoken, pf_testpmd, pf, vfs):
    """A VF's check must work while the PF's process runs, which is when it is asked for.

    Steps: Start the PF's testpmd; check a VF with the right and a wrong token.
    Verify: Yes and no; the testpmd goes on.
    """
    assert vftoken('check', vfs[0], RIGHT)[0] == 0
    assert vftoken('check', vfs[0], WRONG)[0] == 1
    assert pf_testpmd.ports == 1


def test_check_other_device(lab, vftoken, pf):
    """For a device without SR-IOV no token is taken.

    Steps: Check the bridge above the PF.
    Verify: It says so.
    """
    bridge = lab.check(f'basename "$(dirname "$(readlink -f /sys/bus/pci/devices/{pf})")"')
    assert vftoken('check', bridge, RIGHT) == (0, result('cmd_takes_none', bridge), '')
    assert vftoken('status', bridge)[1].split('\n')[1].split()[:2] == [bridge, 'neither']
