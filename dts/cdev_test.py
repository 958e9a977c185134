# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Devices by their own files and iommufd, with no group path in the machine.

With LAB_PATH=cdev the other suites run so, too; here is what is different by that path.
"""
from __future__ import annotations

import json
import re

import pytest

from dpdk.source import CDEV
from framework.build import dpdk_tree, guest_files
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import complained, messages, result, said, said_only
from lab import qemu
from lab.vm import Lab

pytestmark = pytest.mark.vm

WRONG_FILE = '/run/wrong-token'
NO_LINK_CHECK = ['--disable-link-check']


@pytest.fixture(scope='module')
def lab(build):
    """A machine without /dev/vfio/vfio, with the PF on vfio-pci and two files of tokens."""
    version = re.match(r'(\d+)\.(\d+)', qemu.find_kernel(None, None).release)
    if version and tuple(map(int, version.groups())) < (6, 6):
        pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
    with Lab(build=build, files=guest_files(build), timeout=1800) as machine:
        machine.bind(machine.pfs[0], 'vfio-pci')
        if machine.run('[ -e /dev/iommu ] && [ -d /dev/vfio/devices ]').status:
            pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
        machine.check('rm -f /dev/vfio/vfio')
        machine.write(TOKEN_FILE, TOKEN, mode=0o600)
        machine.write(WRONG_FILE, WRONG_TOKEN, mode=0o600)
        yield machine


@pytest.fixture
def vftoken(lab):
    """Runs dpdk-vftoken in the lab: exit code, stdout, stderr."""
    def run(arguments):
        done = lab.run(f'dpdk-vftoken {arguments} 2>/run/vftoken.err', timeout=90)
        return done.status, done.output, lab.check('cat /run/vftoken.err')

    return run


@pytest.fixture
def checked(vftoken):
    """Whether the kernel checks tokens there."""
    answer = json.loads(vftoken('status --json')[1])['cdev_check']
    assert answer in ('yes', 'no')
    return answer == 'yes'


@pytest.fixture
def vfs(lab, vftoken, pf):
    """Two VFs, whose PF has the token of the file."""
    if not lab.vfs(pf):
        assert vftoken(f'enable {pf} 2 file:{TOKEN_FILE}')[0] == 0
    assert vftoken(f'set {pf} file:{TOKEN_FILE}')[0] == 0
    return lab.vfs(pf)


@pytest.fixture
def dpdk(build):
    """Skips a DPDK that knows groups only."""
    if not (dpdk_tree(build) / CDEV).is_file():
        pytest.skip('this DPDK opens devices by group only')


@pytest.fixture
def rule(pf):
    """The PF's token, for it and its VFs."""
    return f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'


def test_commands(lab, vftoken, checked, pf):
    """The commands must set tokens, enable VFs and check tokens without a group.

    Steps: Enable two VFs with a token; check the right token and a wrong one on a VF; show the
    status; disable them.
    Verify: The right token opens a VF, the wrong one only on a kernel that checks none, which is
    said then; no VF is in use; then there are no VFs.
    """
    code, out, err = vftoken(f'enable {pf} 2 file:{TOKEN_FILE}')
    assert code == 0, err
    vfs = out.split()
    assert vfs == lab.vfs(pf)
    unchecked = [] if checked else [('cdev_unchecked', pf)]
    complained(err, *unchecked, ('pf_token_set', pf), ('vfs_enabled', pf, 2))
    code, out, err = vftoken(f'check {vfs[0]} file:{TOKEN_FILE}')
    assert (code, out) == (0, result('cmd_opens_vf', vfs[0])), err
    code, out, err = vftoken(f'check {vfs[0]} file:{WRONG_FILE}')
    assert code == (1 if checked else 0)
    if checked:
        said_only(err, ('vf_wrong_token', vfs[0], f'file:{WRONG_FILE}', pf))
    else:
        said_only(err, ('cdev_unchecked', vfs[0]))
    assert (result('cmd_cdev_unchecked') in vftoken('status')[1]) != checked
    assert [device['in_use'] for device in json.loads(vftoken('status --json')[1])['devices'][1:]
            ] == ['no', 'no']
    assert vftoken(f'disable {pf}') == (0, result('cmd_no_vfs', pf), '')
    assert not lab.vfs(pf)


def test_open_and_traffic(dpdk, checked, vftoken, start, pf, vfs, rule):
    """PF and VFs must open with one token and pass packets, and be known to be in use.

    Steps: Start the PF's testpmd with two VFs, and one on both VFs; let them exchange packets; show
    the status, and disable the VFs.
    Verify: Each VF receives 10,000 packets; both are in use, so they stay.
    """
    pf_testpmd = start('pf', [pf], rule, '--vfio-num-vfs=2')
    assert pf_testpmd.ports == 1, pf_testpmd.log
    assert 'cdev mode' in pf_testpmd.log
    pf_testpmd.command('start')
    testpmd = start('vf', vfs, rule)
    assert testpmd.ports == 2, testpmd.log
    assert messages(testpmd.log) == ([] if checked else ['cdev_unchecked'])
    assert testpmd.exchange(10000) >= 10000
    assert [device['in_use'] for device in json.loads(vftoken('status --json')[1])['devices'][1:]
            ] == ['yes', 'yes']
    code, _, err = vftoken(f'disable {pf}')
    assert code == 1
    complained(err, ('vfs_in_use', pf, 2, vfs[0], vfs[1]))
    testpmd.close()
    assert vftoken(f'disable {pf}')[0] == 0


def test_refused(dpdk, checked, start, lab, pf, vfs, rule):
    """A refusal must be explained once, by the token and not by the kernel's age, and leave nothing
    behind.

    Steps: Start a testpmd on a VF without a token, one with a wrong one; attach the VF to a testpmd
    with a wrong token, then, with the right one in the file, again.
    Verify: Each is refused in one message, and opens at last; all open where no token is checked.
    """
    none = start('none', vfs[:1], app=NO_LINK_CHECK)
    wrong = start('wrong', vfs[1:], f'--vfio-vf-token=file:{WRONG_FILE}', app=NO_LINK_CHECK)
    if not checked:
        assert (none.ports, wrong.ports) == (1, 1)
        assert messages(none.log) == []
        said_only(wrong.log, ('cdev_unchecked', vfs[1]))
        pytest.skip('this kernel checks no token by cdev')
    assert (none.ports, wrong.ports) == (0, 0)
    said_only(none.log, ('vf_needs_token', vfs[0], pf, 'vfio-pci', pf))
    said_only(wrong.log, ('vf_wrong_token', vfs[1], f'file:{WRONG_FILE}', pf, pf))
    for testpmd in (none, wrong):
        assert 'kernel version' not in testpmd.log
        testpmd.close()
    lab.write('/run/late-token', WRONG_TOKEN, mode=0o600)
    late = start('late', ['0000:00:00.0'], f'--vfio-vf-token={pf}=file:/run/late-token',
                 app=NO_LINK_CHECK)
    said(late.command(f'port attach {vfs[0]}'), 'vf_wrong_token', vfs[0])
    lab.write('/run/late-token', TOKEN, mode=0o600)
    for vf in vfs:
        assert 'is attached' in late.command(f'port attach {vf}')
    late.command('port start all')
    assert late.ports == 2
    busy = start('busy', vfs[:1], rule, app=NO_LINK_CHECK)
    assert busy.ports == 0
    said_only(busy.log, ('device_busy', vfs[0]))


def test_rotation(dpdk, checked, start, lab, pf, vfs):
    """A reload must set the PF's token while a VF is open.

    Steps: Start the PF's testpmd and one on a VF with the token of a file; put another token into
    the file, and reload it; start one on the other VF with the old token, then with the new.
    Verify: The old token is refused, the new one taken, and the first VF goes on.
    """
    lab.write('/run/rotated', TOKEN, mode=0o600)
    rule = f'--vfio-vf-token={pf}=file:/run/rotated'
    pf_testpmd = start('pf', [pf], rule)
    first = start('first', vfs[:1], rule, app=NO_LINK_CHECK)
    assert (pf_testpmd.ports, first.ports) == (1, 1), pf_testpmd.log + first.log
    lab.write('/run/rotated', WRONG_TOKEN, mode=0o600)
    answer = lab.check(f'echo /vf_token/reload,{pf} | dpdk-telemetry.py -f pf')
    assert '"reloaded"' in answer
    if checked:
        old = start('old', vfs[1:], f'--vfio-vf-token=file:{TOKEN_FILE}', app=NO_LINK_CHECK)
        assert old.ports == 0
        said_only(old.log, ('vf_wrong_token', vfs[1], f'file:{TOKEN_FILE}', pf, pf))
        old.close()
    new = start('new', vfs[1:], rule, app=NO_LINK_CHECK)
    assert new.ports == 1 and first.ports == 1


def test_secondary(dpdk, start, lab, vfs, rule):
    """A secondary process must get a device from its primary, with no token at all.

    Steps: Start a testpmd on a VF with the token; run dpdk-proc-info as its secondary process, and
    once more with a rule of its own for the VF.
    Verify: It shows the VF's port, and says nothing of the rule, which it needn't use.
    """
    testpmd = start('vf', vfs[:1], rule, app=NO_LINK_CHECK)
    assert testpmd.ports == 1, testpmd.log
    for own in '', f'--vfio-vf-token={vfs[0]}=file:{TOKEN_FILE}':
        done = lab.run(f'dpdk-proc-info --file-prefix=vf -a {vfs[0]} {own} -- --stats 2>&1',
                       timeout=90)
        assert done.status == 0 and 'NIC statistics for port 0' in done.output, done.output
        assert messages(done.output) == []
