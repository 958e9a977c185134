# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Telemetry tells how each device stands, and no token."""
import datetime
import json
import re
import time

import pytest

from framework.common import TOKEN, TOKEN_FILE


@pytest.fixture
def status(lab):
    """A process's answer to /vf_token/status, by device, read with dpdk-telemetry.py."""
    def ask(prefix, device=''):
        command = '/vf_token/status' + (f',{device}' if device else '')
        output = lab.check(f'echo {command} | dpdk-telemetry.py -f {prefix}')
        assert TOKEN not in output
        answer = json.loads(output.splitlines()[-1])['/vf_token/status']
        left_out = answer.pop('left_out', 0)
        assert list(answer) == [re.sub('[:.]', '_', entry['device']) for entry in answer.values()]
        entries = {entry['device']: entry for entry in answer.values()}
        without = lab.run('[ -d /dev/vfio/devices ]').status
        for entry in entries.values():
            assert 'error' in entry or (entry.pop('cdev_check') == 'unknown') == bool(without)
        return {**entries, 'left_out': left_out} if left_out else entries
    return ask


def test_pf_and_vf(start, lab, pf, vfs, status):
    """The status must tell of each device that has a rule or is open, from each process's view.

    Steps: Start the PF's testpmd with a token from a file for the PF, and one on a VF with a
    default token from a variable; ask both for all, and the PF's for one device that it has nothing
    to do with and for one that isn't there.
    Verify: Each field is as it is; the PF's token was set just now.
    """
    start('pf', [pf], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    start('vf', vfs[:1], '--vfio-vf-token=env:VF_TOKEN', env={'VF_TOKEN': TOKEN})
    now = float(lab.check('date +%s'))
    total = int(lab.check(f'cat /sys/bus/pci/devices/{pf}/sriov_totalvfs'))

    answer = status('pf')
    assert list(answer) == [pf]
    token_set = datetime.datetime.fromisoformat(answer[pf].pop('token_set').replace('Z', '+00:00'))
    assert now - 120 < token_set.timestamp() <= now
    assert answer[pf] == {
        'device': pf, 'role': 'PF', 'driver': 'vfio-pci', 'vfs_total': total, 'vfs_enabled': 2,
        'vfs_change': 'no',
        'open': 'yes', 'token_source': 'file', 'kernel_support': 'yes'}
    vf_facts = {'device': vfs[0], 'role': 'VF', 'driver': 'vfio-pci', 'pf': pf,
                'pf_driver': 'vfio-pci', 'kernel_support': 'yes'}
    assert status('vf') == {vfs[0]: {**vf_facts, 'open': 'yes', 'token_source': 'env'}}

    # Covered by the PF's rule, though this process hasn't opened it.
    assert status('pf', vfs[0]) == {vfs[0]: {**vf_facts, 'open': 'no', 'token_source': 'file'}}
    assert status('pf', '0000:0a:00.0') == {
        '0000:0a:00.0': {'device': '0000:0a:00.0', 'error': 'No such device'}}


def test_reload_and_detach(start, lab, pf, status):
    """The status must follow what happens to a PF.

    Steps: Start the PF's testpmd with the token in its arguments, and its status with it; reload
    the token a second later; detach the PF.
    Verify: The time at which the token was set goes on; afterwards the PF is not open and the token
    was never set by an open of this process.
    """
    testpmd = start('pf', [pf], f'--vfio-vf-token={pf}={TOKEN}')
    before = status('pf')[pf]
    assert before['open'] == 'yes' and before['token_source'] == 'literal'
    time.sleep(1.1)
    lab.check(f'echo /vf_token/reload,{pf} | dpdk-telemetry.py -f pf')
    after = status('pf')[pf]
    assert after['token_set'] > before['token_set']
    assert {**after, 'token_set': ''} == {**before, 'token_set': ''}

    for command in ('port stop 0', 'port close 0', f'device detach {pf}'):
        testpmd.command(command)
    closed = status('pf')[pf]
    assert (closed['open'], closed['token_set']) == ('no', 'never')


def test_many_rules(start, status):
    """More devices than an answer holds must be counted, and each still be asked for by its name.

    Steps: Start a testpmd without a device with a rule for each of 60 devices; ask for all, and for
    the last one.
    Verify: The answer tells of the 48 first and how many it leaves out; the one asked for is told
    of.
    """
    devices = [f'0000:80:{number >> 3:02x}.{number & 7}' for number in range(60)]
    rules = [f'--vfio-vf-token={device}=file:{TOKEN_FILE}' for device in devices]
    start('many', ['0000:00:1e.0'], *rules)
    answer = status('many')
    assert list(answer) == [*devices[:48], 'left_out'] and answer['left_out'] == 12
    assert status('many', devices[-1])[devices[-1]]['error'] == 'No such device'
