# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-test-vftoken, the conformance suite, without a device."""
from __future__ import annotations

import re
import subprocess

import pytest

from framework.build import program
from framework.common import SOURCE

pytestmark = pytest.mark.fast

PF = 'ffff:ff:1f.0'


@pytest.fixture
def local(build):
    """Runs the suite on the machine that runs the tests: status, stdout, stderr."""
    def run(*args):
        done = subprocess.run([program(build, 'dpdk-test-vftoken'), *args], text=True, check=False,
                              timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize('args, why', [
    ([], 'give the PF to test: --pf BDF'),
    (['--pf', '01:00'], "--pf '01:00' isn't a BDF such as 0000:01:00.0"),
    (['--pf', PF, '--pf2', 'x'], "--pf2 'x' isn't a BDF such as 0000:01:00.0"),
    (['--pf', PF, '--pf', PF], '--pf and --pf2 are the same PF'),
    (['--pf', PF, '--other', ''], "--other '' isn't a BDF such as 0000:01:00.0"),
    (['--pf', PF, '--num-vfs', '0'], "--num-vfs '0' isn't a number from 1 to 256"),
    (['--pf', PF, '--num-vfs', '257'], "--num-vfs '257' isn't a number from 1 to 256"),
    (['--pf', PF, '--num-vfs', '2x'], "--num-vfs '2x' isn't a number from 1 to 256"),
    (['--pf', PF, '--stress', '0'], "--stress '0' isn't a number from 1 to 86400"),
    (['--pf', PF, '--race', '0'], "--race '0' isn't a number from 1 to 1000000"),
    (['--pf', PF, '--race', '9', '--stress', '9'],
     '--race and --stress are two tests; give one of them'),
    (['--pf', PF, '--seed', '-1'], "--seed '-1' isn't a number from 0 to 4294967295"),
    (['--pf', PF, '--backend', 'vfio'], "--backend 'vfio' isn't group, iommufd or all"),
    (['--pf', PF, '--case', 'no-such'], "no case matches 'no-such'; see --list"),
    (['--list', '--backend', 'group', '--case', 'iommufd/*'],
     "no case matches 'iommufd/*'; see --list"),
    ([PF], f"'{PF}' isn't an option; see --help"),
    (['--pf', PF], f'{PF} refused: there is no such PCI device; see lspci -D'),
], ids=lambda value: ' '.join(value) if isinstance(value, list) else '')
def test_wrong_usage(local, args, why):
    """Wrong usage must end with 2 and one sentence.

    Steps: Give a wrong command line.
    Verify: The exit code and the message; nothing on stdout.
    """
    code, out, err = local(*args)
    if 'run as root' in err:
        pytest.skip('a device is looked at by root only')
    assert (code, out) == (2, '')
    assert f'dpdk-test-vftoken: {why}\n' in err


def test_unknown_option(local):
    """An unknown option must end with 2 and name the help.

    Steps: Give one, and one without its value.
    Verify: The exit code and the message, which doesn't show it.
    """
    for option in ('--nothing', '-x', '--pf'):
        code, out, err = local(option)
        assert (code, out) == (2, '')
        assert err == ('dpdk-test-vftoken: an option is unknown or lacks its value; see --help\n')


def test_printable(local):
    """A message must show no control characters of an argument.

    Steps: Give a device with an escape sequence.
    Verify: The message has a question mark in its place.
    """
    code, _, err = local('--pf', '\x1b[31mx')
    assert code == 2
    assert "--pf '?[31mx' isn't a BDF" in err and '\x1b' not in err


def test_help(local):
    """--help must name each option, and the man page too; --version must tell the version.

    Steps: Call both; read the man page.
    Verify: Each option of the help is in the man page.
    """
    code, out, err = local('--help')
    assert (code, err) == (0, '')
    options = set(re.findall(r'--[a-z0-9-]+', out))
    assert {'--pf', '--pf2', '--other', '--num-vfs', '--backend', '--case', '--list',
            '--race', '--stress', '--seed', '--help', '--version'} == options
    page = (SOURCE / 'app/test-vftoken/dpdk-test-vftoken.8').read_text('utf-8').replace('\\-', '-')
    assert options <= set(re.findall(r'--[a-z0-9-]+', page))
    assert re.fullmatch(r'dpdk-test-vftoken \d+\.\d+\.\d+\n', local('--version')[1])


def test_list(local):
    """--list must print each case's name once and what must hold, with no device.

    Steps: List all cases, those of a backend and those of a pattern.
    Verify: Names are unique; each has one sentence; the choices are parts of all.
    """
    code, out, err = local('--list')
    assert (code, err) == (0, '')
    lines = out.splitlines()
    assert len(lines) > 200
    for line in lines:
        assert re.fullmatch(r'(group|iommufd)/[a-z0-9-]+/[a-z0-9-]+: [A-Z].*\.', line)
    names = [line.split(':')[0] for line in lines]
    assert len(set(names)) == len(names)
    assert local('--list', '--backend', 'group')[1].splitlines() == [
        line for line in lines if line.startswith('group/')]
    assert [line.split(':')[0] for line in local('--list', '--case', 'vf/*')[1].splitlines()] == [
        f'{backend}/vf/{token}' for backend in ('group', 'iommufd')
        for token in ('right', 'wrong', 'none', 'nil', 'malformed')]
