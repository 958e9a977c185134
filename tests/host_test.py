# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The suites run on a real host, whose part the lab's machine plays: it has all that they need."""
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import debian
from framework.build import guest_files
from framework.common import SOURCE
from lab.vm import Lab

pytestmark = pytest.mark.vm

PACKAGES = Path(pytest.__file__).parent.parent
TREE = '/root/dpdk-vf-token'
SUITES = ['kernel_pf', 'pf_restart', 'vf_refused', 'vf_right_token', 'vfs_on_vfio_pci']
STATE = 'cd /sys/bus/pci/devices/{pf}; ' \
    'cat sriov_numvfs /sys/module/vfio_pci/parameters/enable_sriov driver_override; ' \
    'basename $(readlink driver)'
SSHD = '''
set -e
ip link set lo up
mkdir -p /root/.ssh /etc/dropbear
dropbearkey -t ed25519 -f /etc/dropbear/host >/dev/null
dropbearkey -t ed25519 -f /root/.ssh/id_dropbear | grep ^ssh >/root/.ssh/authorized_keys
chmod -R go= /root /root/.ssh
dropbear -r /etc/dropbear/host -p 127.0.0.1:2222 -s
cat >/usr/local/bin/ssh <<'END'
#!/bin/sh
# dbclient knows no -o, and asks for an unknown host's key.
shift 2
exec dbclient -y -y "$@"
END
chmod +x /usr/local/bin/ssh
'''


@pytest.fixture(scope='module')
def lab(build):
    """A machine with pytest, an ssh server and the suites."""
    wanted = ('_pytest', 'attr', 'iniconfig', 'packaging', 'pexpect', 'pluggy', 'ptyprocess', 'py',
              'pytest')
    dropbear = debian.unpack('dropbear', ['dropbear-bin'])
    files = {
        **guest_files(build),
        **{f'{TREE}/{name}': SOURCE / name
           for name in ('conftest.py', 'devtools', 'dts', 'pytest.ini')},
        **{f'/usr/lib/python3/dist-packages/{name}': PACKAGES / name for name in wanted
           if (PACKAGES / name).exists()},
        **{f'/usr/local/bin/{path.name}': path for folder in ('bin', 'sbin')
           for path in (dropbear / 'usr' / folder).glob('*') if not path.is_symlink()},
    }
    with Lab(build=build, files=files, timeout=1800) as machine:
        machine.check(SSHD)
        yield machine


def suites(lab, *args):
    """Run the suites in the machine, by its own pytest."""
    return lab.run(f'cd {TREE} && PYTHONDONTWRITEBYTECODE=1 python3 -m pytest -rs '
                   f'{" ".join(f"dts/{suite}_test.py" for suite in SUITES)} {" ".join(args)} 2>&1',
                   timeout=400)


@pytest.mark.long
@pytest.mark.parametrize('target', ['local', 'ssh://root@127.0.0.1:2222'])
def test_suites_pass(lab, pf, target):
    """The suites must pass on a host, here or by ssh, and leave it as it was.

    Steps: Run some suites on the machine as the target, with its PF on igb and without VFs.
    Verify: All that are about PFs on vfio-pci pass, and none else; the table and the JUnit report
    show it; the PF is on igb, without VFs, its driver_override and enable_sriov as before.
    """
    lab.check('echo N >/sys/module/vfio_pci/parameters/enable_sriov; '
              f'echo igb >/sys/bus/pci/devices/{pf}/driver_override')
    before = lab.check(STATE.format(pf=pf))
    assert before == '0\nN\nigb\nigb'
    done = suites(lab, '--target', target, '--pf', pf, '--junitxml=/tmp/report.xml')
    assert done.status == 0, done.output
    assert f'suites on {target}' in done.output
    table = dict(re.findall(r'^(\w+) +(\d[\d ]*)$', done.output, re.MULTILINE))
    assert sorted(table) == SUITES
    assert table['kernel_pf'].split() == ['2']
    assert 'stays on its kernel driver' in done.output
    report = ElementTree.fromstring(lab.check('cat /tmp/report.xml')).find('testsuite')
    assert (report.get('failures'), report.get('errors'), report.get('skipped')) == ('0', '0', '2')
    assert lab.check(STATE.format(pf=pf)) == before


@pytest.mark.parametrize('args, why', [
    (['--target', 'local'], 'needs --pf BDF'),
    (['--target', 'telnet://lab'], "'telnet://lab' is no target; give local or ssh://"),
    (['--target', 'local', '--pf', '1:20.0'], "'1:20.0' is out of range; a BDF goes up to"),
    (['--target', 'local', '--pf', '0:1f.0'], '0000:00:1f.0 is no SR-IOV PF; name one with --pf'),
    (['--target', 'ssh://root@127.0.0.1:2223', '--pf', '0000:01:00.0'],
     "root@127.0.0.1 can't be reached"),
], ids=['no-pf', 'no-target', 'no-bdf', 'not-a-pf', 'no-ssh'])
def test_bad_target(lab, pf, args, why):
    """A target that can't be must be refused, and nothing changed.

    Steps: Run the suites with arguments that can't be.
    Verify: They fail and say why; the PF is as before.
    """
    before = lab.check(STATE.format(pf=pf))
    done = suites(lab, '-x', *args)
    assert done.status != 0
    assert why in done.output
    assert lab.check(STATE.format(pf=pf)) == before
