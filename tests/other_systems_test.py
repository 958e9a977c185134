# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What the scripts say on systems that aren't Debian."""
import os
import re
import shlex
import subprocess

import pytest

import guides
from framework.common import SOURCE

pytestmark = pytest.mark.fast

UBUNTU = 'ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n'
FEDORA = 'ID=fedora\nPRETTY_NAME="Fedora Linux 41 (Container Image)"\n'
# bash takes functions from here, and `command` finds them; one without apt finds none.
NO_APT = 'command() { [ "$*" != "-v apt-get" ] && builtin command "$@"; }\n'


def packages(name):
    """A list of prepare.sh."""
    text = (SOURCE / 'devtools/prepare.sh').read_text('utf-8')
    return re.search(rf"^{name}='([^']*)'", text, re.MULTILINE)[1].split()


@pytest.mark.parametrize('script', ['demo.sh', 'test.sh --fast', 'bench.sh'])
@pytest.mark.parametrize('release, functions, system, install', [
    (UBUNTU, '', 'Ubuntu 24.04.1 LTS', ['apt-get', 'install', *packages('PACKAGES_BUILD')]),
    (FEDORA, NO_APT, 'Fedora Linux 41 (Container Image)',
     ['dnf', 'install', *packages('PACKAGES_FEDORA')]),
    ('', NO_APT, 'an unknown system', ['dnf', 'install', *packages('PACKAGES_FEDORA')]),
], ids=['Ubuntu', 'Fedora', 'unknown'])
def test_refused(tmp_path, script, release, functions, system, install):
    """A script that needs Debian must say so before it does anything, and how to build without it.

    Steps: Put the release's file of another system into a mount namespace; run the script.
    Verify: Status 1; one message names the system and the packages; no folder was made.
    """
    (tmp_path / 'release').write_text(release)
    (tmp_path / 'functions').write_text(functions)
    as_root = [] if os.getuid() == 0 else ['--map-root-user']
    command = (f'mount --bind {shlex.quote(str(tmp_path))}/release $(readlink -f /etc/os-release) '
               f'&& exec bash {shlex.quote(str(SOURCE))}/devtools/{script}')
    done = subprocess.run(['unshare', '--mount', *as_root, 'sh', '-c', command], text=True,
                          check=False, timeout=60, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, 'BUILD': str(tmp_path / 'build'),
                               'BASH_ENV': str(tmp_path / 'functions')})
    if done.stdout.startswith('unshare: '):
        pytest.skip(f'this machine lets nobody mount: {done.stdout.strip()}')
    assert done.returncode == 1
    assert f'Debian 12 or 13, and this is {system};' in done.stdout
    assert f': {" ".join(install)}, then as in doc/guides/getting_started.rst' in done.stdout
    assert len(done.stdout.splitlines()) == 1 and not (tmp_path / 'build').exists()


def test_guide():
    """The guide must name the packages that the scripts name.

    Steps: Compare its commands with the lists.
    Verify: Debian's list is in the guide's; Fedora's is the same.
    """
    texts = [command.text.split() for block in guides.blocks('getting_started')
             for command in block.commands]
    apt, = (words[2:] for words in texts if words[:2] == ['apt-get', 'install'])
    dnf, = (words[2:] for words in texts if words[:2] == ['dnf', 'install'])
    assert set(packages('PACKAGES_BUILD')) <= set(apt)
    assert dnf == packages('PACKAGES_FEDORA')
