# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF's process takes a new token without a restart."""
import json

import pytest

from framework.common import TOKEN
from framework.messages import said, said_only

NEW = '8d3c1b0a-5e4f-4a6b-9c7d-0123456789ab'
FILE, OLD_FILE = '/run/rotated-token', '/run/old-token'
FOLDER = '/run/rotation'


def telemetry(lab, prefix, command):
    """A process's answer to a telemetry command, as text."""
    output = lab.check(f'echo {command} | dpdk-telemetry.py -f {prefix}')
    return output.splitlines()[-1]


def refused(start, args, *message):
    """A testpmd is refused its device with a message; its memory is free for the next one."""
    testpmd = start(*args)
    assert testpmd.ports == 0
    testpmd.close()
    said_only(testpmd.log, message)


@pytest.mark.token_check
def test_reload(start, lab, pf, vfs):
    """After a reload open VFs must go on, and whoever opens a VF or the PF needs the new token.

    Steps: Start the PF's testpmd and one on a VF with a token from a file; put a new token into the
    file and have the PF's process reload it; open the other VF with the old token, then with the
    new one; kill the PF's process and start it with the old token, then with the new one.
    Verify: The old token is refused and the new one taken, both times; the first VF's process goes
    on; the telemetry's answer names the PF and shows neither token.
    """
    lab.write(FILE, TOKEN, mode=0o600)
    lab.write(OLD_FILE, TOKEN, mode=0o600)
    new, old = f'--vfio-vf-token={pf}=file:{FILE}', f'--vfio-vf-token={pf}=file:{OLD_FILE}'
    pf_testpmd = start('pf', [pf], new)
    first = start('vf', vfs[:1], new)
    assert first.ports == 1, first.log
    lab.write(FILE, NEW, mode=0o600)
    answer = telemetry(lab, 'pf', f'/vf_token/reload,{pf}')
    assert json.loads(answer) == {'/vf_token/reload': {'device': pf, 'result': 'reloaded'}}

    refused(start, ['vf-old', vfs[1:], old],
            'vf_wrong_token', vfs[1], f'file:{OLD_FILE}', pf, pf)
    assert start('vf-new', vfs[1:], new).ports == 1
    assert first.ports == 1

    pf_testpmd.kill()
    refused(start, ['pf-old', [pf], old], 'pf_wrong_token', pf, 2, f'file:{OLD_FILE}')
    assert start('pf-new', [pf], new).ports == 1
    assert first.ports == 1


def test_reload_all(start, lab, pf, vfs):
    """A reload without a PF's address must reach the PF, by the default rule too.

    Steps: Start the PF's testpmd with a file for all devices, change the file, reload all; open a
    VF with the new token.
    Verify: It opens.
    """
    lab.write(FILE, TOKEN, mode=0o600)
    start('pf', [pf], f'--vfio-vf-token=file:{FILE}')
    lab.write(FILE, NEW, mode=0o600)
    assert json.loads(telemetry(lab, 'pf', '/vf_token/reload')) == {
        '/vf_token/reload': {'device': 'all', 'result': 'reloaded'}}
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token=file:{FILE}')
    assert testpmd.ports == 1, testpmd.log


def test_reload_fails(start, lab, pf, vfs):
    """A reload that fails must say so and leave the token as it was.

    Steps: Start the PF's testpmd with a token from a file, spoil the file, reload; open a VF with
    the token; ask for the reload of a device that isn't open.
    Verify: The answers are errors, and the VF opens.
    """
    lab.write(FILE, TOKEN, mode=0o600)
    lab.write(OLD_FILE, TOKEN, mode=0o600)
    start('pf', [pf], f'--vfio-vf-token=file:{FILE}')
    lab.write(FILE, 'spoiled', mode=0o600)
    assert 'Invalid argument' in telemetry(lab, 'pf', f'/vf_token/reload,{pf}')
    assert 'No such device' in telemetry(lab, 'pf', '/vf_token/reload,0000:0a:00.0')
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token=file:{OLD_FILE}')
    assert testpmd.ports == 1, testpmd.log


@pytest.fixture
def folder(lab):
    """A folder with a file for a token, which may become read-only."""
    lab.check(f'mkdir {FOLDER} && mount --bind {FOLDER} {FOLDER}')
    lab.write(f'{FOLDER}/token', TOKEN, mode=0o600)
    yield FOLDER
    lab.check(f'umount {FOLDER} && rm -r {FOLDER}')


@pytest.mark.parametrize('step', [
    pytest.param('written', marks=pytest.mark.long),
    pytest.param('set', marks=pytest.mark.token_check),
    pytest.param('renamed', marks=pytest.mark.long)])
def test_killed(start, lab, pf, vfs, folder, step):
    """At whatever step of a rotation the PF's process ends, a file must have the current token.

    Steps: Start the PF's testpmd and one on a VF with a token from a file; write a new token beside
    it; reload, in a folder that can't be changed, so that the new file can't be renamed; reload in
    one that can. Kill the PF's process after one of these steps, and start it again; start a
    testpmd on the other VF; reload.
    Verify: Each start succeeds. In the end there is one file with the new token, which opens a VF.
    """
    file = f'{folder}/token'
    rule = f'--vfio-vf-token={pf}=file:{file}'
    pf_testpmd = start('pf', [pf], rule)
    first = start('vf', vfs[:1], rule)
    assert first.ports == 1, first.log
    lab.write(f'{file}.next', NEW, mode=0o600)
    if step == 'set':
        lab.check(f'mount -o remount,bind,ro {folder}')
    if step != 'written':
        assert '"reloaded"' in telemetry(lab, 'pf', f'/vf_token/reload,{pf}')
    pf_testpmd.kill()
    tried = [('next_tried', device, f'file:{file}', f'file:{file}.next') if step == 'set' else ()
             for device in (pf, vfs[1])]

    again = start('pf-again', [pf], rule)
    assert again.ports == 1, again.log
    said_only(again.log, *tried[:1] if tried[0] else [])
    second = start('vf-again', vfs[1:], rule)
    assert second.ports == 1, second.log
    said_only(second.log, *tried[1:] if tried[1] else [])
    second.close()
    if step == 'set':
        lab.check(f'mount -o remount,bind,rw {folder}')
    assert '"reloaded"' in telemetry(lab, 'pf-again', f'/vf_token/reload,{pf}')
    assert lab.check(f'cat {folder}/*') == NEW
    assert first.ports == 1
    last = start('vf-last', vfs[1:], rule)
    assert last.ports == 1, last.log
    said_only(last.log)


def test_next_is_spoiled(start, lab, pf, vfs, folder):
    """A next token that isn't one must be refused, and leave the token and both files.

    Steps: Start the PF's testpmd with a token from a file; write something else beside it; reload;
    open a VF.
    Verify: The answer is an error, and the VF opens.
    """
    file = f'{folder}/token'
    pf_testpmd = start('pf', [pf], f'--vfio-vf-token=file:{file}')
    lab.write(f'{file}.next', 'spoiled', mode=0o600)
    assert 'Invalid argument' in telemetry(lab, 'pf', f'/vf_token/reload,{pf}')
    said(pf_testpmd.command('show port summary all'), 'uuid_length', pf, f'file:{file}.next', 7, 36)
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token=file:{file}')
    assert testpmd.ports == 1, testpmd.log
    said_only(testpmd.log)
