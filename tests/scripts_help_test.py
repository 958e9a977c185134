# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The --help of the scripts in devtools."""
import os
import re
import subprocess

import pytest

from bench import main
from framework.common import SOURCE

pytestmark = pytest.mark.fast

# All but those that others source, and those for Meson and for a root of packages.
SCRIPTS = sorted(str(path.relative_to(SOURCE)) for folder in ('devtools', 'devtools/checks')
                 for path in (SOURCE / folder).glob('*.sh')
                 if path.name not in ('prepare.sh', 'head.sh', 'use-debian-dpdk.sh',
                                      'use-packages.sh', 'version.sh'))
# A machine that has no package. bash, unlike sh, takes functions from here.
BARE = '''
dpkg-query() { return 1; }
apt-get() { echo "apt-get $*" >>"$CALLED"; return 1; }
sudo() { "$@"; }
'''


@pytest.fixture
def bare(tmp_path):
    """Runs a script on a machine without packages: what ended, and what it called."""
    (tmp_path / 'bare').write_text(BARE)
    (tmp_path / 'called').write_text('')

    def run(script, *args):
        done = subprocess.run(['bash', SOURCE / script, *args], text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={
                                  **os.environ, 'BASH_ENV': str(tmp_path / 'bare'),
                                  'CALLED': str(tmp_path / 'called'),
                                  'BUILD': str(tmp_path / 'build')})
        return done, (tmp_path / 'called').read_text()

    return run


@pytest.mark.parametrize('script', SCRIPTS)
def test_help(bare, tmp_path, script):
    """Help must install nothing and build nothing.

    Steps: Ask each script for its help, where no package is installed.
    Verify: Status 0, the comment on its top; apt isn't called, and no build folder is made.
    """
    done, called = bare(script, '--help')
    assert (done.returncode, called) == (0, ''), done.stdout
    assert done.stdout.startswith(script.rpartition('/')[2]), done.stdout
    assert not (tmp_path / 'build').exists()


def test_without_help(bare):
    """The test above must see an installation.

    Steps: Run bench.sh without --help in the same way.
    Verify: It calls apt.
    """
    done, called = bare('devtools/bench.sh')
    assert done.returncode == 1 and called == 'apt-get -qq update\n', done.stdout


def test_bench_options(bare):
    """The help of bench.sh must tell each option and each part that it takes.

    Steps: Read its help; give it its options.
    Verify: The program takes them, and has no others; the parts are the same.
    """
    said = bare('devtools/bench.sh', '--only', 'host', '--help')[0].stdout
    told = re.findall(r'^ +(--\w+)( [A-Z])?', said, re.MULTILINE)
    taken = vars(main.parse([]))
    assert [option for option, _ in told] == [f'--{name}' for name in taken]
    assert [not value for _, value in told] == [value is False for value in taken.values()]
    assert f'of {", ".join(main.PARTS)};' in said
    assert f'measured ({taken["rounds"]})' in said
