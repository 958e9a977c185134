# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The example units: a service each for a PF and its VFs, which share the token, under a systemd
that is the first process of a PID namespace in the lab."""
import shutil
import subprocess
from pathlib import Path

import pytest

from framework.build import guest_files, program
from framework.common import SOURCE, TOKEN
from framework.messages import said_only
from installed import Installed
from lab.vm import Lab

pytestmark = pytest.mark.vm

UNITS = SOURCE / 'examples/systemd'
NEW = '8d3c1b0a-5e4f-4a6b-9c7d-0123456789ab'
FILE, OLD_FILE = '/etc/vf-token/token', '/run/old-vf-token'
# What the units start: the system's programs, and those that 'meson install' and packages put into
# different places.
PROGRAMS = ('/bin/kill', '/bin/sh', '/sbin/modprobe')
OURS = ('bin/dpdk-devbind.py', 'bin/dpdk-testpmd', 'sbin/dpdk-vftoken', 'sbin/pf_daemon')
LIBRARY = Path('/usr/lib/systemd')
SYSTEM = LIBRARY / 'system'

# What a container's manager does before it starts systemd, in namespaces made for that. systemd is
# not to see the lab's own arguments for the kernel, which set vfio-pci's parameters. Programs under
# /tmp and /home, where a build may be, are hidden from services.
BOOT = '''
mount --make-rshared /
mkdir -p /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
: >/etc/cmdline && mount --bind /etc/cmdline /proc/cmdline
for program in /usr/local/bin/dpdk-testpmd /usr/local/sbin/*; do
	cp -L $program $program.new && mv $program.new $program
done
exec env -i container=lab PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd --system \\
	--unit=multi-user.target --log-target=console
'''

START = '''
rmmod vfio_pci
start-stop-daemon -S -b -x /usr/bin/unshare -- -m -p -f --mount-proc sh /etc/boot
until pidof systemd >/etc/systemd.pid; do sleep 0.2; done
until in-systemd systemctl is-system-running --wait | grep -E 'running|degraded'; do
	sleep 0.5
done
in-systemd systemctl start systemd-journald.socket && in-systemd systemd-sysusers
'''

ENTER = '''#!/bin/sh
exec nsenter -t "$(cat /etc/systemd.pid)" -m -p "$@"
'''


def files_of_systemd():
    """What the lab's guest needs of this machine's systemd, by its path there."""
    programs = [LIBRARY / name for name in ('systemd', 'systemd-executor', 'systemd-journald')]
    programs += [Path('/usr/bin', name) for name in ('journalctl', 'systemctl', 'systemd-sysusers')]
    units = [*SYSTEM.glob('*.target'), *SYSTEM.glob('systemd-journald*')]
    return {str(path): path for path in programs + units if path.is_file()}


@pytest.fixture(scope='module')
def lab(build, tmp_path_factory):
    """A machine whose PF is on its kernel driver, with the units, and under systemd."""
    folder = tmp_path_factory.mktemp('units')
    daemon = Installed(build, folder / 'installed').example('static', folder / 'daemon',
                                                            'pf_daemon')
    files = {**guest_files(build), **files_of_systemd(), '/usr/local/sbin/pf_daemon': daemon,
             '/usr/local/sbin/dpdk-vftoken': program(build, 'dpdk-vftoken'),
             '/etc/modprobe.d': UNITS / 'modprobe.d', '/etc/sysusers.d': UNITS / 'sysusers.d',
             **{f'/etc/systemd/system/{unit.name}': unit for unit in UNITS.glob('*.service')}}
    with Lab(build=build, files=files, timeout=1800) as machine:
        if 'cgroup2' not in machine.check('cat /proc/filesystems'):
            pytest.skip("this kernel lacks cgroups, without which systemd doesn't start")
        machine.write('/etc/boot', BOOT)
        machine.write('/usr/local/bin/in-systemd', ENTER, mode=0o755)
        machine.check(START, timeout=120)
        yield machine


@pytest.fixture
def systemd(lab, pf):
    """Runs a command under systemd; at the end, the units that it started are stopped."""
    lab.check('mkdir -p -m 700 /etc/vf-token')
    lab.write(FILE, TOKEN + '\n', mode=0o600)
    lab.write(OLD_FILE, TOKEN, mode=0o600)
    yield lambda command: lab.check(f'in-systemd {command}', timeout=90)
    lab.check(f'in-systemd systemctl stop pf-daemon@{pf}', timeout=90)


@pytest.fixture
def vfs(lab, systemd, pf):
    """The VFs, once the PF's unit is up."""
    systemd(f'systemctl start pf-daemon@{pf}')
    return lab.vfs(pf)


def in_use(lab, vf):
    """Wait until a VF is open in a process."""
    # It takes a look at the VF's device file, which in that moment nobody else can open.
    lab.check(f'until dpdk-vftoken status | grep -q "^{vf} .* yes  "; do sleep 1; done',
              timeout=60)
    return True


def opens(lab, vf, file):
    """Whether the token in a file opens a VF."""
    return lab.run(f'dpdk-vftoken check {vf} file:{file}').status == 0


@pytest.fixture
def dpdk_pf(lab, systemd):
    """The PF's unit starts a DPDK application, by the drop-in."""
    folder = '/etc/systemd/system/pf-daemon@.service.d'
    lab.check(f'mkdir {folder}')
    lab.write(f'{folder}/testpmd.conf', (UNITS / 'pf-testpmd.conf').read_text('utf-8'))
    systemd('systemctl daemon-reload')
    yield
    systemd("systemctl stop 'pf-daemon@*'")
    lab.check(f'rm -r {folder}')
    systemd('systemctl daemon-reload')


@pytest.mark.fast
@pytest.mark.parametrize('prefix', ['/usr', '/usr/local'])
@pytest.mark.parametrize('drop_in', [False, True], ids=['units', 'drop-in'])
def test_verify(tmp_path, drop_in, prefix):
    """systemd must find nothing wrong with the units, nor with the drop-in, wherever our programs
    are installed.

    Steps: Put them into a folder that has systemd's own targets and, for each program that they
    start, some program; let systemd-analyze verify an instance of each.
    Verify: It says nothing.
    """
    folder = tmp_path / 'etc/systemd/system'
    folder.mkdir(parents=True)
    for name in [*PROGRAMS, *(f'{prefix}/{name}' for name in OURS)]:
        path = tmp_path / name.lstrip('/')
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy('/bin/true', path)
    shutil.copytree(SYSTEM, tmp_path / 'usr/lib/systemd/system', symlinks=True,
                    ignore=lambda _, names: [name for name in names
                                             if not name.endswith(('.target', '.slice'))])
    units = sorted(UNITS.glob('*.service'))
    assert units
    for unit in units:
        shutil.copy(unit, folder)
    # It takes what follows a colon, of which each BDF has two, for another name.
    names = [unit.name.replace('@', '@instance') for unit in units]
    if drop_in:
        (folder / 'pf-daemon@.service.d').mkdir()
        shutil.copy(UNITS / 'pf-testpmd.conf', folder / 'pf-daemon@.service.d')
    done = subprocess.run(['systemd-analyze', 'verify', f'--root={tmp_path}', '--man=no', *names],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, done.stdout) == (0, '')


def test_start(lab, systemd, pf):
    """Starting a VF's unit must start the PF's, and that bind the PF; both share the token, which
    nobody else sees.

    Steps: Enable the unit of the first VF, and start it. Look at its process and its credential;
    read that as another user, and look for the token in the processes' arguments and in the log.
    Verify: The PF is on vfio-pci, which lets it have VFs, by our file in modprobe.d; the VF is in
    use by a process that isn't root's; the credential is that user's alone; the token is nowhere.
    """
    # There is none yet, but its address is known beforehand.
    vf = pf.replace('00.0', '10.0')
    assert lab.driver(pf) == 'igb'
    systemd(f'systemctl enable --now vf-testpmd@{vf}')
    systemd(f'systemctl disable vf-testpmd@{vf}')
    assert lab.driver(pf) == 'vfio-pci'
    assert lab.check('cat /sys/module/vfio_pci/parameters/enable_sriov') == 'Y'
    assert vf in lab.vfs(pf)
    assert in_use(lab, vf)
    assert 'vf-app' in lab.check('ps | grep "[d]pdk-testpmd"')

    folder = f'/run/credentials/vf-testpmd@{vf}.service'
    assert TOKEN in systemd(f'cat {folder}/vf-token')
    assert systemd(f"stat -c '%A' {folder}/vf-token").endswith('---')
    other = lab.run("in-systemd python3 -c 'import os; os.setuid(12345); "
                    f'open("{folder}/vf-token")\'')
    assert other.output.startswith('Traceback') and 'PermissionError' in other.output
    seen = lab.check('cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; in-systemd journalctl')
    assert f'file:{FILE}' in seen and TOKEN not in seen


def test_stop(lab, systemd, vfs, pf):
    """Stopping the PF's unit must stop those of its VFs first, and leave no VFs.

    Steps: Start a VF's unit; stop the PF's.
    Verify: Both ended well, and there are no VFs.
    """
    systemd(f'systemctl start vf-testpmd@{vfs[0]}')
    assert in_use(lab, vfs[0])
    systemd(f'systemctl stop pf-daemon@{pf}')
    for unit in (f'pf-daemon@{pf}', f'vf-testpmd@{vfs[0]}'):
        state = systemd(f'systemctl show -P ActiveState -P Result {unit}')
        assert set(state.split()) == {'inactive', 'success'}, unit
    assert lab.vfs(pf) == []


def test_reload(lab, systemd, vfs, pf):
    """Reloading the PF's unit must rotate the token.

    Steps: Start a VF's unit; put a new token beside the file, and reload the PF's unit; try the
    other VF with the old token, and start its unit; restart the first one.
    Verify: The old token is refused; all units are up, and each VF is in use; the new file has
    replaced the old one.
    """
    systemd(f'systemctl start vf-testpmd@{vfs[0]}')
    assert in_use(lab, vfs[0])
    lab.write(f'{FILE}.next', NEW, mode=0o600)
    systemd(f'systemctl reload pf-daemon@{pf}')
    status = f'in-systemd systemctl show -P StatusText pf-daemon@{pf}'
    lab.check(f'until {status} | grep "was set again"; do sleep 0.2; done')
    assert lab.check('cat /etc/vf-token/*') == NEW
    assert not opens(lab, vfs[1], OLD_FILE)
    assert in_use(lab, vfs[0])
    systemd(f'systemctl start vf-testpmd@{vfs[1]}')
    assert in_use(lab, vfs[1])
    systemd(f'systemctl restart vf-testpmd@{vfs[0]}')
    assert in_use(lab, vfs[0])
    units = systemd('systemctl list-units --plain --no-legend --state=running')
    assert f'pf-daemon@{pf}' in units and all(f'vf-testpmd@{vf}' in units for vf in vfs)


@pytest.mark.long
def test_other_token(lab, systemd, vfs, pf):
    """A VF's unit with a token that the PF doesn't have must say why it fails, and try again.

    Steps: Put a new token into the file without a reload; start a VF's unit. Once it has failed,
    reload the PF's unit.
    Verify: The log has the message that explains it, and neither token; after the reload the VF is
    in use.
    """
    lab.write(FILE, NEW, mode=0o600)
    systemd(f'systemctl start vf-testpmd@{vfs[0]}')
    log = f'in-systemd journalctl --no-pager -u vf-testpmd@{vfs[0]}'
    line = lab.check(f'until {log} | grep -m 1 vf_wrong_token; do sleep 1; done', timeout=60)
    said_only(line, ('vf_wrong_token', vfs[0],
                     f'file:/run/credentials/vf-testpmd@{vfs[0]}.service/vf-token', pf, pf))
    systemd(f'systemctl reload pf-daemon@{pf}')
    assert in_use(lab, vfs[0])
    seen = lab.check(log)
    assert TOKEN not in seen and NEW not in seen


@pytest.mark.long
def test_dpdk_pf(lab, systemd, dpdk_pf, vfs, pf):
    """With the drop-in, a DPDK application on the PF must do the same; a reload that fails says so.

    Steps: Start a VF's unit; put something else than a token into the file, and reload the PF's
    unit; put a new token beside it, and reload again; try the other VF with the old token, and
    start its unit; stop the PF's unit.
    Verify: The first reload fails and changes nothing, the second one does what it should; each VF
    is in use; in the end there are no VFs.
    """
    assert 'dpdk-testpmd' in systemd(f'systemctl show -P ExecStart pf-daemon@{pf}')
    systemd(f'systemctl start vf-testpmd@{vfs[0]}')
    assert in_use(lab, vfs[0])
    lab.write(FILE, 'no token', mode=0o600)
    assert lab.run(f'in-systemd systemctl reload pf-daemon@{pf}', timeout=60).status
    assert opens(lab, vfs[1], OLD_FILE)
    lab.write(f'{FILE}.next', NEW, mode=0o600)
    systemd(f'systemctl reload pf-daemon@{pf}')
    assert not opens(lab, vfs[1], OLD_FILE)
    assert lab.check('cat /etc/vf-token/*') == NEW
    systemd(f'systemctl start vf-testpmd@{vfs[1]}')
    assert in_use(lab, vfs[1])
    systemd(f'systemctl stop pf-daemon@{pf}')
    assert lab.vfs(pf) == []
