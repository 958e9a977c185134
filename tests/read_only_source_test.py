# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A read-only source folder is built from a copy in the build folder."""
import os
import shutil
import subprocess

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

# What demo.sh and test.sh do first. Only a mount is read-only for root too.
SCRIPT = '''
set -eu
[ "$(id -u)" -ne 0 ] || mount -o bind,ro "$1" "$1"
run() { . "$1/devtools/prepare.sh"; }
run "$1"
writable_source
echo "$SOURCE"
touch "$SOURCE/subprojects/mark"
'''


def prepared_source(source, build):
    """Where demo.sh and test.sh would build from."""
    argv = ['sh', '-c', SCRIPT, str(source / 'devtools/test.sh'), str(source)]
    if os.getuid() == 0:
        argv = ['unshare', '--mount', *argv]
    done = subprocess.run(argv, env={**os.environ, 'BUILD': str(build)}, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.stderr.startswith('unshare: '):
        pytest.skip(f'this machine lets root mount nothing: {done.stderr.strip()}')
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_copy(tmp_path):
    """What is built must be a copy as the source is now, again when it changed, with spaces in both
    paths, and the source stay untouched.

    Steps: Make a source folder read-only and prepare a build; change a file; prepare again.
    Verify: The copy has the change, and what was unpacked in it is still there.
    """
    source, build = tmp_path / 'the source', tmp_path / 'the build'
    for name in ('devtools', 'subprojects/packagefiles'):
        shutil.copytree(SOURCE / name, source / name)
    if os.getuid() != 0:
        (source / 'subprojects').chmod(0o555)
    assert prepared_source(source, build) == str(build / 'source')
    (build / 'source/subprojects/dpdk-0').mkdir()
    (build / 'source/subprojects/dpdk-0/unpacked').touch()
    (source / 'devtools/new').write_text('changed')
    assert prepared_source(source, build) == str(build / 'source')
    assert (build / 'source/devtools/new').read_text() == 'changed'
    assert (build / 'source/subprojects/dpdk-0/unpacked').exists()
    assert not (source / 'subprojects/mark').exists()
