# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Devices that come and go while a process runs, with the rules that were given at its start."""
import time

import pytest

from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import once, said_only

# A device that no driver of testpmd's takes: without any it would take all.
NO_DEVICE = ['0000:00:00.0']
# So that nothing waits for the link of a VF whose PF has no process.
NO_LINK_CHECK = ['--disable-link-check']
PULLED = '/run/pulled'


@pytest.fixture
def rule(pf):
    """The PF's token, for it and its VFs."""
    return f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'


@pytest.fixture
def two_vfs(lab, pf):
    """Two VFs after the test, as before it, whatever becomes of them in it."""
    yield
    sysfs = f'/sys/bus/pci/devices/{pf}/sriov_numvfs'
    if not lab.run(f'[ -e {PULLED}.log ]').status:
        assert pulled(lab)
    lab.check(f'rm -f {PULLED}*; [ $(cat {sysfs}) = 2 ] || {{ echo 0 >{sysfs}; echo 2 >{sysfs}; }}')


@pytest.fixture
def empty(start, rule):
    """A testpmd with the rule and without a device."""
    testpmd = start('empty', NO_DEVICE, rule, app=NO_LINK_CHECK)
    assert testpmd.running and testpmd.ports == 0, testpmd.log
    return testpmd


def attach(testpmd, device):
    """What it says to the attachment of a device."""
    return testpmd.command(f'port attach {device}')


def detach(testpmd, port, device):
    """Stop, close and detach a port."""
    testpmd.command(f'port stop {port}')
    testpmd.command(f'port close {port}')
    assert f'Device {device} is detached' in testpmd.command(f'device detach {device}')


def pull(lab, pf):
    """Disable the PF's VFs, in the background, as the kernel waits until they are free."""
    lab.check(f'{{ echo 0 >/sys/bus/pci/devices/{pf}/sriov_numvfs; touch {PULLED}; }} '
              f'</dev/null >{PULLED}.log 2>&1 &')


def pulled(lab, timeout=20):
    """Whether the VFs are gone, within some time. Not asked of sriov_numvfs, as while a change
    waits the kernel keeps its readers waiting too."""
    deadline = time.monotonic() + timeout
    while lab.run(f'[ -e {PULLED} ]').status:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_attach_vfs(pf_testpmd, empty, vfs):
    """VFs must open with a rule of the start when they are attached later, more than once.

    Steps: Start the PF's testpmd, one without a device but with the PF's rule; attach both VFs to
    it, let them exchange packets, detach them, attach them again.
    Verify: Two ports that pass packets, none, two ports that pass packets.
    """
    for _ in range(2):
        for vf in vfs:
            assert 'is attached' in attach(empty, vf)
        empty.command('port start all')
        assert empty.ports == 2
        assert empty.exchange(1000) >= 1000
        for port, vf in enumerate(vfs):
            detach(empty, port, vf)
        assert empty.ports == 0


@pytest.mark.token_check
def test_attach_pf(lab, empty, start, pf, vfs, rule):
    """A PF must be opened with its rule when it is attached later, also when its VF is in use.

    Steps: Attach the PF to a testpmd with its rule; start one on a VF with the token; detach the
    PF, and attach it to a testpmd without a rule, then again to the first.
    Verify: The VF opens, so the token was set; the one without the rule is refused in a message
    and lives on, the first has its port again.
    """
    assert 'is attached' in attach(empty, pf)
    testpmd = start('vf', vfs[:1], rule)
    assert testpmd.ports == 1, testpmd.log
    detach(empty, 0, pf)
    other = start('other', NO_DEVICE)
    said_only(attach(other, pf), ('pf_needs_token', pf, 2, pf))
    assert other.ports == 0
    assert 'is attached' in attach(empty, pf)
    assert empty.ports == 1
    assert testpmd.ports == 1


@pytest.mark.token_check
def test_attach_after_a_refusal(pf_testpmd, lab, start, pf, vfs):
    """A VF that was refused must be attachable once its token file is right, since it is read at
    each open, and so must the other VF.

    Steps: Attach a VF to a testpmd whose rule names a file with a wrong token; put the right one
    into the file; attach the VF again, and the other.
    Verify: Refused in a message first; then two ports, and no token in what was said.
    """
    lab.write('/run/late-token', WRONG_TOKEN, mode=0o600)
    testpmd = start('late', NO_DEVICE, f'--vfio-vf-token={pf}=file:/run/late-token')
    answer = attach(testpmd, vfs[0])
    said_only(answer, ('vf_wrong_token', vfs[0], 'file:/run/late-token', pf, pf))
    assert testpmd.ports == 0
    lab.write('/run/late-token', TOKEN, mode=0o600)
    for vf in vfs:
        more = attach(testpmd, vf)
        assert 'is attached' in more, more
        answer += more
    assert testpmd.ports == 2
    assert TOKEN not in answer and WRONG_TOKEN not in answer


def test_attach_after_disable_and_enable(two_vfs, pf_testpmd, empty, lab, pf, vfs):
    """A VF that was disabled and enabled must open again in the same process.

    Steps: Attach both VFs to a testpmd with the PF's rule, detach them; set sriov_numvfs to 0, then
    to 2, while the PF's process runs; attach them again.
    Verify: While disabled they can't be attached; then two ports that pass packets.
    """
    for vf in vfs:
        assert 'is attached' in attach(empty, vf)
    for port, vf in enumerate(vfs):
        detach(empty, port, vf)
    sysfs = f'/sys/bus/pci/devices/{pf}/sriov_numvfs'
    lab.check(f'echo 0 >{sysfs}')
    assert f'Failed to attach port {vfs[0]}' in attach(empty, vfs[0])
    lab.check(f'echo 2 >{sysfs}')
    for vf in vfs:
        assert 'is attached' in attach(empty, vf)
    empty.command('port start all')
    assert empty.exchange(1000) >= 1000


def test_pulled_with_hot_plug(two_vfs, pf_testpmd, lab, start, pf, vfs, rule):
    """A process that handles removals must let VFs go that are pulled from under it, and get them
    again when they are back.

    Steps: Start testpmd with --hot-plug on both VFs and its forwarding; set sriov_numvfs to 0, then
    to 2; attach both VFs.
    Verify: The write returns, the process has no port and runs on, as does the PF's; then two ports
    that pass packets.
    """
    testpmd = start('vf', vfs, rule, app=[*NO_LINK_CHECK, '--hot-plug'])
    assert testpmd.ports == 2, testpmd.log
    testpmd.command('start')
    pull(lab, pf)
    assert pulled(lab)
    # Without ports it forwards on, until told otherwise.
    testpmd.settle()
    testpmd.command('stop')
    assert testpmd.ports == 0
    assert pf_testpmd.ports == 1
    lab.check(f'echo 2 >/sys/bus/pci/devices/{pf}/sriov_numvfs')
    for vf in vfs:
        assert 'is attached' in attach(testpmd, vf)
    testpmd.command('port start all')
    assert testpmd.exchange(1000) >= 1000


def test_pulled_without_hot_plug(two_vfs, pf_testpmd, lab, start, pf, vfs, rule):
    """A process that doesn't handle removals must survive a pull, say what the kernel requests of
    it, and be able to do so.

    Steps: Start testpmd on both VFs and its forwarding; set sriov_numvfs to 0; wait; detach both.
    Verify: The write waits, the process answers with its two ports and has said that the kernel
    requests the first VF; it says so of the second one when the first is detached. When both are
    detached the write returns, and the PF's process runs on.
    """
    testpmd = start('vf', vfs, rule, app=NO_LINK_CHECK)
    assert testpmd.ports == 2, testpmd.log
    testpmd.command('start')
    pull(lab, pf)
    assert not pulled(lab, timeout=2)
    # The prompt after what came unasked.
    answer = testpmd.command('')
    assert testpmd.ports == 2
    for command in ('stop', 'port stop 0', 'port close 0'):
        testpmd.command(command)
    # The message may come in the middle of the prompt.
    testpmd.console.sendline(f'device detach {vfs[0]}')
    events = [f'Device {vfs[0]} is detached', rf'{vfs[1]}[^\r\n]* \[vf_requested\]']
    assert {testpmd.console.expect(events) for _ in events} == {0, 1}
    testpmd.settle()
    detach(testpmd, 1, vfs[1])
    assert pulled(lab)
    assert testpmd.ports == 0 and pf_testpmd.ports == 1
    # At last, so that all else is known when it fails.
    said_only(once(answer), ('vf_requested', vfs[0]))
