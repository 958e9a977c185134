# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-vftoken status, on made devices."""
import json
import os
import shlex
import subprocess

import pytest

from framework.build import program
from framework.messages import result

pytestmark = pytest.mark.fast

PF, VF = '0000:01:00.0', '0000:01:10.0'
# Opens of a group fail as the kernel's do while another process has it open: BUSY has their paths.
CALLS = r'''
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int open(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if (strncmp(path, "/dev/vfio/", 10) == 0 && strstr(getenv("BUSY"), path) != NULL) {
        errno = EBUSY;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
'''
# /dev/full stands for the PF's group, and /dev/zero for the VF's.
MOUNTS = '''
set -e
cd {folder}
mkdir -p dev/vfio/devices
touch dev/null dev/vfio/7 dev/vfio/8
mount --bind /dev/null dev/null
mount --bind /dev/full dev/vfio/7
mount --bind /dev/zero dev/vfio/8
mount --rbind pci /sys/bus/pci
mount --rbind dev /dev
{command}
'''


def link(path, target):
    """A link in the made tree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.fixture
def machine(build, tmp_path):
    """Runs a shell command on a machine with a PF and a VF; `busy` are the groups in use."""
    devices = tmp_path / 'pci/devices'
    for device, group in ((PF, 7), (VF, 8)):
        link(devices / device / 'driver', '../../drivers/vfio-pci')
        link(devices / device / 'iommu_group', f'../../../../kernel/iommu_groups/{group}')
    for name, text in (('sriov_totalvfs', '7\n'), ('sriov_numvfs', '1\n'),
                       ('sriov_offset', '128\n'), ('sriov_stride', '2\n')):
        (devices / PF / name).write_text(text)
    link(devices / PF / 'virtfn0', f'../{VF}')
    link(devices / VF / 'physfn', f'../{PF}')
    (tmp_path / 'pci/drivers/vfio-pci/module/parameters').mkdir(parents=True)
    (tmp_path / 'pci/drivers/vfio-pci/module/parameters/enable_sriov').write_text('Y\n')
    (tmp_path / 'calls.c').write_text(CALLS)
    subprocess.run(['gcc', '-shared', '-fPIC', '-o', tmp_path / 'calls', tmp_path / 'calls.c'],
                   check=True)

    def run(command, busy=()):
        as_root = [] if os.getuid() == 0 else ['--map-root-user']
        # Other tests' processes must not be seen.
        argv = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', *as_root, 'sh', '-c',
                MOUNTS.format(folder=shlex.quote(str(tmp_path)), command=command)]
        status = f'env LD_PRELOAD={tmp_path}/calls {program(build, "dpdk-vftoken")} status'
        done = subprocess.run(argv, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
                              capture_output=True, env={
                                  **os.environ, 'STATUS': status,
                                  'BUSY': ' '.join(f'/dev/vfio/{group}' for group in busy)})
        if done.stderr.startswith('unshare: '):
            pytest.skip(f'this machine lets nobody mount: {done.stderr.strip()}')
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def lines(output, *last):
    """The table's cells; below it are its two lines, and perhaps others."""
    head, pf, vf, *more = output.splitlines()
    assert head.split() == 'DEVICE ROLE DRIVER VFS PF GROUP IN USE USED BY'.split()
    assert more == [result('cmd_kernel_support', 'yes'), result('cmd_enable_sriov', 'on'), *last]
    return pf.split(), vf.split()


def test_idle(machine):
    """Devices that no process has must be shown so.

    Steps: Ask for the status where no group is in use.
    Verify: Both devices with their groups; the kernel's support is told of the machine.
    """
    assert lines(machine('$STATUS')) == (
        [PF, 'PF', 'vfio-pci', '1/7', '-', '7', 'no', '-'],
        [VF, 'VF', 'vfio-pci', '-', PF, '8', 'no', '-'])


def test_used(machine):
    """The process of a PF, and those of a VF, must be told with PID and name.

    Steps: Have a shell hold the PF's group, and two the VF's, one of them twice; ask for the
        status as a table and as JSON.
    Verify: PIDs and names, each process once.
    """
    output = machine('''
        (exec 3<>/dev/vfio/7; exec sleep 60) & pf=$!
        (exec 3<>/dev/vfio/8 4<>/dev/vfio/8; exec sleep 60) & first=$!
        (exec 3<>/dev/vfio/8; exec tail -f /dev/null) & second=$!
        until [ "$(cat /proc/$pf/comm /proc/$first/comm /proc/$second/comm | tr '\\n' ' ')" = \\
            'sleep sleep tail ' ]; do :; done
        echo $pf $first $second; $STATUS; $STATUS --json; kill $pf $first $second''', busy=(7, 8))
    pids, rest = output.split('\n', 1)
    pf, *vf = sorted(map(int, pids.split()))
    table, brace, text = rest.partition('{\n')
    shown = lines(table)
    assert shown[0][5:] == ['7', 'yes', str(pf), 'sleep']
    assert ' '.join(shown[1][5:]) == f'8 yes {vf[0]} sleep, {vf[1]} tail'
    told = {entry['device']: entry for entry in json.loads(brace + text)['devices']}
    assert {key: told[PF][key] for key in ('iommu_group', 'in_use', 'used_by')} == {
        'iommu_group': '7', 'in_use': 'yes', 'used_by': [{'pid': pf, 'name': 'sleep'}]}
    assert told[VF]['used_by'] == [{'pid': vf[0], 'name': 'sleep'}, {'pid': vf[1], 'name': 'tail'}]


def test_cdev(machine, tmp_path):
    """A process that has a device by its own file must be told, too.

    Steps: Give the PF such a file, and have a process hold it; ask for the status.
    Verify: Its PID and name. The file isn't one that checks tokens, which is said.
    """
    (tmp_path / f'pci/devices/{PF}/vfio-dev/vfio0').mkdir(parents=True)
    output = machine('''
        touch /dev/vfio/devices/vfio0; mount --bind /dev/vfio/7 /dev/vfio/devices/vfio0
        umount /dev/vfio/7
        (exec 3<>/dev/vfio/devices/vfio0; exec sleep 60) & pf=$!
        until [ "$(cat /proc/$pf/comm)" = sleep ]; do :; done
        echo $pf; $STATUS; kill $pf''', busy=(7,))
    pf, table = output.split('\n', 1)
    assert lines(table, result('cmd_cdev_unchecked'))[0][6:] == ['yes', pf, 'sleep']


def test_hidden_user(machine):
    """A process that can't be seen must not be taken for none.

    Steps: Say that the VF's group is in use, which no process has open; ask for its status.
    Verify: It is in use, by a process that is unknown; as JSON, by none that is known.
    """
    assert lines(machine('$STATUS', busy=(8,)))[1][5:] == ['8', 'yes', 'unknown']
    [_, told] = json.loads(machine('$STATUS --json', busy=(8,)))['devices']
    assert (told['in_use'], told['used_by']) == ('yes', [])


def test_unknown_group(machine, tmp_path):
    """A group that can't be read must not be taken for none.

    Steps: Put a file into the place of the link to the VF's group; ask for its status.
    Verify: Its group is unknown, and so is whether it is in use.
    """
    group = tmp_path / f'pci/devices/{VF}/iommu_group'
    group.unlink()
    group.write_text('')
    assert lines(machine('$STATUS'))[1][5:] == ['unknown', 'unknown', 'unknown']


def test_name_of_a_process(machine):
    """A process's name must not reach the terminal as it is.

    Steps: Have a process with an escape in its name hold the VF's group; ask for the status.
    Verify: The name has none.
    """
    output = machine('''
        name=$(printf '\\033[31mx'); cp /bin/sleep "$name"
        (exec 3<>/dev/vfio/8; exec "./$name" 60) & vf=$!
        until [ "$(cat /proc/$vf/comm)" = "$name" ]; do :; done
        $STATUS; kill $vf''', busy=(8,))
    assert '\033' not in output and '?[31mx' in output


@pytest.mark.parametrize('enabled', [0, 1])
def test_disable(machine, tmp_path, enabled):
    """disable must say that it is done.

    Steps: Disable an idle VF, or none.
    Verify: The PF has none, and a sentence says so.
    """
    number = tmp_path / 'pci/devices' / PF / 'sriov_numvfs'
    number.write_text(f'{enabled}\n')
    if not enabled:
        (tmp_path / 'pci/devices' / VF).rename(tmp_path / VF)
    assert machine(f'${{STATUS%status}} disable {PF}') == result('cmd_no_vfs', PF) + '\n'
    assert number.read_text().strip() == '0'


def test_empty_machine(machine, tmp_path):
    """A machine without a PF must be told of in a sentence, not by a bare head of a table.

    Steps: Take the devices away; ask for the status, and for it as JSON.
    Verify: The sentence; an empty list.
    """
    for device in (PF, VF):
        (tmp_path / 'pci/devices' / device).rename(tmp_path / device)
    assert machine('$STATUS') == result('cmd_no_pfs') + '\n'
    assert json.loads(machine('$STATUS --json'))['devices'] == []
