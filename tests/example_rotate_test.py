# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""An application of one's own, built against what is installed, rotates its PF's token."""
import pytest

from framework.build import shared_guest_files
from framework.common import TOKEN
from framework.fixtures import prepared_lab
from framework.messages import said_only
from installed import Installed

pytestmark = pytest.mark.vm

NEW = '8d3c1b0a-5e4f-4a6b-9c7d-0123456789ab'
FILE, OLD_FILE = '/run/rotated-token', '/run/old-token'
DRIVERS = '/usr/local/lib/pmds'
KINDS = ('shared', 'static')


@pytest.fixture(scope='module')
def lab(build, tmp_path_factory):
    """A machine as the other tests have it, with the example in both kinds, and the drivers for the
    shared one, which are those of the build, as they find their libraries."""
    folder = tmp_path_factory.mktemp('example')
    installed = Installed(build, folder / 'installed')
    examples = {f'/usr/local/bin/{kind}': installed.example(kind, folder / kind) for kind in KINDS}
    yield from prepared_lab(build, {**shared_guest_files(build, DRIVERS), **examples})


@pytest.mark.parametrize('kind', KINDS)
def test_rotate(lab, start, pf, vfs, kind):
    """On SIGHUP the example must set the new token: open VFs go on, and others need the new one.

    Steps: Start the example on the PF with a token from a file, and a testpmd on a VF; put a new
    token into the file, send SIGHUP; open the other VF with the old token, then with the new one;
    send SIGTERM.
    Verify: The old token is refused and the new one taken; the first VF's process goes on; the
    example ends well.
    """
    lab.write(FILE, TOKEN, mode=0o600)
    lab.write(OLD_FILE, TOKEN, mode=0o600)
    new, old = (f'--vfio-vf-token={pf}=file:{file}' for file in (FILE, OLD_FILE))
    # EAL loads no driver from below a folder that all may write; the build may be in /tmp.
    lab.check('chmod 755 /tmp')
    plugins = f'-d {DRIVERS}' if kind == 'shared' else ''
    example = lab.console('pf')
    example.sendline(f"sh -c 'echo $$ >/run/pf.pid; exec {kind} -m 64 --file-prefix=pf -a {pf} "
                     f"{new} {plugins}'")
    example.expect_exact('SIGHUP rotates the VF token', timeout=90)
    first = start('vf', vfs[:1], new)
    assert first.ports == 1, first.log
    lab.write(FILE, NEW, mode=0o600)
    lab.check('kill -HUP $(cat /run/pf.pid)')
    example.expect_exact(f'{pf}: rotated')

    refused = start('vf-old', vfs[1:], old)
    said_only(refused.log, ('vf_wrong_token', vfs[1], f'file:{OLD_FILE}', pf, pf))
    refused.close()
    assert start('vf-new', vfs[1:], new).ports == 1
    assert first.ports == 1

    lab.check('kill -TERM $(cat /run/pf.pid)')
    example.expect_exact(example.prompt)
    example.sendline('echo ended with $?')
    example.expect('ended with (\\d+)')
    assert example.match[1] == '0'
    example.close()
