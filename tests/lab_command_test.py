# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/lab/lab, the lab's command."""
import contextlib
import signal
import subprocess

import pexpect
import pytest

from framework.common import SOURCE

LAB = SOURCE / 'devtools/lab/lab'


def lab_command(build, *args, timeout=120):
    """Run it."""
    return subprocess.run([LAB, '--build', build, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, check=False)


def test_command(build):
    """It must run a command in a lab as asked for, and hand on its output and status.

    Steps: Ask for two PFs with three VFs each, and run a command that lists VFs and fails.
    Verify: Six VFs on vfio-pci, nothing else in the output, the command's own status.
    """
    done = lab_command(build, '--pfs', '2', '--vfs', '3', '--memory', '512', '--',
                       'ls -d /sys/bus/pci/drivers/vfio-pci/*/physfn; exit 7')
    assert done.returncode == 7, done.stderr
    assert len(done.stdout.splitlines()) == 6


@pytest.mark.long
def test_kernel_and_nvme(build):
    """It must boot another of Debian's kernels by its version, and have NVMe controllers.

    Steps: Ask for kernel 6.12 and two controllers; show the kernel, and the VFs that each can have.
    Verify: It is that kernel; two controllers with 100 VFs.
    """
    done = lab_command(build, '--kernel', '6.12', '--nvme', '2', '--',
                       'uname -r; for pf in $(lspci -D -d ::0108 | cut -d " " -f 1); do '
                       'cat /sys/bus/pci/devices/$pf/sriov_totalvfs; done')
    assert done.returncode == 0, done.stderr
    release, *totals = done.stdout.split()
    assert release.startswith('6.12.')
    assert totals == ['100', '100']


def test_shell(build):
    """Without a command it must be a shell for a person, with DPDK's programs on its PATH.

    Steps: Start it on a terminal, look for the programs that the guides use, leave with Ctrl-].
    Verify: It says what is in the lab; all are found; it ends with status 0.
    """
    shell = pexpect.spawn(str(LAB), ['--build', str(build)], encoding='utf-8', timeout=150)
    programs = ['dpdk-test-vftoken', 'dpdk-vftoken', 'dpdk-proc-info', 'dpdk-testpmd',
                'dpdk-devbind.py', 'dpdk-hugepages.py', 'dpdk-telemetry.py']
    shell.expect('In the lab: kernel .*, PF 0000:01:00.0, ' + ', '.join(programs))
    shell.expect_exact('lab# ')
    shell.sendline('which ' + ' '.join(programs))
    shell.expect('\r\n'.join(f'/usr/local/bin/{name}' for name in programs))
    shell.send('\x1d')
    shell.expect_exact(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0


@contextlib.contextmanager
def shell_command(build, *args):
    """It, on a terminal of its own."""
    shell = pexpect.spawn(str(LAB), ['--build', str(build), *args], encoding='utf-8', timeout=150)
    try:
        shell.expect_exact('lab# ')
        yield shell
    finally:
        shell.close(force=True)


def left(shell):
    """The status with which it ends."""
    shell.expect_exact(pexpect.EOF)
    shell.close()
    return shell.exitstatus


def attached_soon(attach):
    """A shell on a console that is being given back."""
    for _ in range(60):
        with contextlib.suppress(pexpect.EOF):
            return attach()
    raise AssertionError('all consoles stay in use')


def test_attach(build, tmp_path):
    """More shells on other terminals must be in the same machine, and leave it as it was.

    Steps: Attach to a lab; start a process on its terminal, which the other one ends. Leave by
    exit, attach until no console is left, once more, end one of them by SIGKILL, attach again.
    Leave the first shell.
    Verify: The status of each; who comes when all are in use is told so; a killed one's processes
    are gone and its console can be used; all shells end with the first.
    """
    (tmp_path / 'app').symlink_to(build / 'app')
    with contextlib.ExitStack() as stack:
        def attach():
            return stack.enter_context(shell_command(tmp_path, '--attach'))

        first = stack.enter_context(shell_command(tmp_path))
        first.sendline('/usr/bin/sleep 1000; echo status=$?')
        second = attach()
        second.sendline('until killall sleep; do sleep 0.1; done; exit')
        first.expect_exact('status=143')
        assert left(second) == 0
        others = [attach() for _ in range(7)]
        none = pexpect.spawn(str(LAB), ['--build', str(tmp_path), '--attach'], encoding='utf-8')
        none.expect_exact('all 8 consoles are in use')
        assert left(none) == 1
        others[0].sendline('/usr/bin/sleep 1000')
        others[0].expect_exact('sleep 1000\r\n')
        others[0].kill(signal.SIGKILL)
        again = attached_soon(attach)
        again.sendline('pidof sleep; echo none=$?')
        again.expect_exact('none=1')
        others[1].send('\x1d')
        assert left(others[1]) == 0
        first.send('\x1d')
        assert left(first) == 0
        again.expect_exact('The lab has ended.')
        assert left(again) == 0
    none = pexpect.spawn(str(LAB), ['--build', str(tmp_path), '--attach'], encoding='utf-8')
    none.expect_exact('no shell of a lab runs on the build folder')
    assert left(none) == 2


@pytest.mark.parametrize('args, name', [
    (['--pfs', '0'], 'pfs'), (['--vfs', '99'], 'vfs'), (['--nvme', '9'], 'nvmes'),
    (['--memory', 'much'], 'memory'),
    (['--kernel', '/nowhere'], '/nowhere'), (['--modules', '/nowhere'], '/nowhere'),
    (['--accel', 'hope'], 'hope'), (['--file', 'nothing'], 'nothing'),
    (['--arch', 'hope'], 'amd64, arm64'), (['--arch', 'arm64', '--pfs', '8'], 'from 1 to 7'),
    (['--arch', 'arm64', '--accel', 'kvm'], 'arm64'), (['--nic', 'hope'], 'igb, virtio'),
    (['--arch', 'arm64', '--nic', 'virtio'], "no nic 'virtio'; it has: igb"),
    (['--iommu', 'smmuv3'], 'intel, scalable, amd'),
    (['--attach', '--pfs', '2'], '--pfs'), (['--attach'], 'a command'),
], ids=lambda value: value if isinstance(value, str) else '')
@pytest.mark.fast
def test_bad_option(tmp_path, args, name):
    """A bad option must be refused with its name before anything is made.

    Steps: Give the option.
    Verify: Status 2, an error that names it, and an empty build folder.
    """
    done = lab_command(tmp_path, *args, '--', 'true')
    assert done.returncode == 2
    assert name in done.stderr
    assert not list(tmp_path.iterdir())
