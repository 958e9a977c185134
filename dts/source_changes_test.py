# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A token's file that changes while it is read: what is read is what was there before or after."""
import json

import pytest

from framework.common import TOKEN

OTHER = '8d3c1b0a-5e4f-4a6b-9c7d-0123456789ab'
FOLDER = '/run/changing'
RELOADS = 1000
ROUNDS = 2

# Changes the file as fast as it can in a process of its own, while it has a PF's process reload its
# token again and again by telemetry. Prints how many changes and reloads there were, and all of the
# reloads' results but the good one.
SCRIPT = r'''
import ctypes, itertools, json, multiprocessing, os, shutil, socket, sys

folder, how, pf, reloads, *tokens = sys.argv[1:]


def write(path, text):
    """A file that can be seen half written, under this name."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        file.write(text[:20])
        file.flush()
        file.write(text[20:] + '\n')


def rename(number, token):
    """Replace the file by a new one."""
    write(f'{folder}/.token', token)
    os.rename(f'{folder}/.token', f'{folder}/token')


def swap(number, token):
    """Swap the link to the folder that has the file, and remove the old folder, as Kubernetes
    does."""
    new = f'..{number}'
    old = os.readlink(f'{folder}/..data') if number else None
    os.mkdir(f'{folder}/{new}')
    write(f'{folder}/{new}/token', token)
    os.symlink(new, f'{folder}/..data_tmp')
    os.rename(f'{folder}/..data_tmp', f'{folder}/..data')
    if old is None:
        os.symlink('..data/token', f'{folder}/token')
    else:
        shutil.rmtree(f'{folder}/{old}')


def change(changes, begun):
    for number, token in enumerate(itertools.cycle(tokens)):
        {'rename': rename, 'swap': swap}[how](number, token)
        changes.value = number + 1
        begun.set()


shutil.rmtree(folder, ignore_errors=True)
os.mkdir(folder)
# Without a lock, which the changer may hold when it is killed.
changes, begun = multiprocessing.RawValue(ctypes.c_int), multiprocessing.Event()
changer = multiprocessing.Process(target=change, args=(changes, begun), daemon=True)
changer.start()
begun.wait()
bad = []
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as telemetry:
    telemetry.connect('/run/dpdk/changing/dpdk_telemetry.v2')
    telemetry.recv(16384)
    for _ in range(int(reloads)):
        telemetry.send(f'/vf_token/reload,{pf}'.encode())
        result = json.loads(telemetry.recv(16384))['/vf_token/reload']['result']
        if result != 'reloaded':
            bad.append(result)
changer.kill()
changer.join()
print(json.dumps({'changes': changes.value, 'reloads': int(reloads), 'bad': bad}))
'''


@pytest.mark.long
@pytest.mark.parametrize('how', ['rename', 'swap'])
def test_reload_while_it_changes(start, lab, pf, vfs, how):
    """A file that is replaced, or reached by a link that is swapped, must be read each time, and be
    read whole.

    Steps: Start the PF's testpmd with a token from a file; have it reload 1000 times while the file
    goes from one token to another and back as fast as it can, with half-written files under other
    names; open a VF with each of the two. All that twice.
    Verify: No reload fails; one of the two tokens opens the VF, the other doesn't.
    """
    lab.write('/run/changes.py', SCRIPT)
    lab.check(f'mkdir -p {FOLDER}')
    files = {'/run/one-token': TOKEN, '/run/other-token': OTHER}
    for path, token in [*files.items(), (f'{FOLDER}/token', TOKEN)]:
        lab.write(path, token, mode=0o600)
    # Each reload is worth a line, and the console is slow.
    testpmd = start('changing', [pf], f'--vfio-vf-token={pf}=file:{FOLDER}/token',
                    '--log-level=lib.eal:error')
    assert testpmd.ports == 1, testpmd.log
    changes = 0
    for _ in range(ROUNDS):
        done = json.loads(lab.check(f'python3 /run/changes.py {FOLDER} {how} {pf} {RELOADS} '
                                    f'{TOKEN} {OTHER}', timeout=120))
        assert done['bad'] == []
        changes += done['changes']
        opened = [lab.run(f'dpdk-vftoken check {vfs[0]} file:{path}').status for path in files]
        assert sorted(opened) == [0, 1]
    print(f'{how}: {changes} changes in {ROUNDS * RELOADS} reloads')
    assert changes > ROUNDS * RELOADS / 10
    assert testpmd.ports == 1
