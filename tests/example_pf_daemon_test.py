# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF's process without DPDK, built against the installed libvftoken, shares its VFs out."""
import re
import subprocess
from pathlib import Path

import pytest

from framework.build import guest_files
from framework.common import TOKEN
from framework.messages import said_only
from installed import Installed
from lab.vm import Lab

pytestmark = pytest.mark.vm

NEW = '8d3c1b0a-5e4f-4a6b-9c7d-0123456789ab'
FILE, OLD_FILE = '/run/daemon-token', '/run/old-daemon-token'
GUIDE = Path(__file__).resolve().parent.parent / 'doc/guides/library_example.rst'
KINDS = ('shared', 'static')
READY = 'ready; SIGHUP rotates the VF token'
UNBOUND = '/run/unbound'


@pytest.fixture(scope='module')
def installed(build, tmp_path_factory):
    """The installed files of a build."""
    return Installed(build, tmp_path_factory.mktemp('installed'))


@pytest.fixture(scope='module')
def lab(build, installed, tmp_path_factory):
    """A machine with a PF on vfio-pci, without VFs, and the daemon in both kinds."""
    folder = tmp_path_factory.mktemp('daemon')
    daemons = {f'/usr/local/sbin/{kind}': installed.example(kind, folder / kind, 'pf_daemon')
               for kind in KINDS}
    with Lab(build=build, files={**guest_files(build), **daemons}, timeout=1800) as machine:
        machine.check(f'dpdk-devbind.py -b vfio-pci {machine.pfs[0]}', timeout=60)
        machine.write(FILE, TOKEN, mode=0o600)
        machine.write(OLD_FILE, TOKEN, mode=0o600)
        yield machine


class Daemon:
    """The daemon on a console of its own; a context manager that ends it."""

    def __init__(self, lab, pf, kind='static', source=f'file:{FILE}', wrapper=''):
        self._lab = lab
        self._console = lab.console('pf-daemon')
        self._console.sendline("sh -c 'echo $$ >/run/daemon.pid; "
                               f"exec {wrapper} {kind} {pf} 2 {source}'")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._console.close()

    def says(self, text):
        """Wait until it says that, which is no message of the library's."""
        self._console.expect_exact(text)

    def said(self, message, *arguments):
        """Wait until it says a message of the library's."""
        self._console.expect(rf'(pf_daemon: [^\r\n]* \[{message}\])\r')
        said_only(self._console.match[1], (message, *arguments))

    def signal(self, name):
        """Send it a signal."""
        self._lab.check(f'kill -{name} $(cat /run/daemon.pid)')

    def status(self):
        """Its exit status, once it has ended."""
        self._console.expect_exact(self._console.prompt)
        self._console.sendline('echo ended with $?')
        self._console.expect('ended with (\\d+)')
        return int(self._console.match[1])


@pytest.fixture
def daemon(lab, pf):
    """Starts the daemon (see Daemon)."""
    lab.write(FILE, TOKEN, mode=0o600)
    yield lambda **more: Daemon(lab, pf, **more)
    lab.check(f'dpdk-vftoken disable {pf}')


@pytest.fixture
def unbind(lab, pf):
    """Unbinds the PF, in the background, as the kernel waits until it is free."""
    yield lambda: lab.check(f'{{ echo {pf} >/sys/bus/pci/drivers/vfio-pci/unbind; '
                            f'touch {UNBOUND}; }} </dev/null >/dev/null 2>&1 &')
    await_unbound(lab)
    lab.check(f'rm {UNBOUND}')
    lab.bind(pf, 'vfio-pci')


def await_unbound(lab):
    """Wait until the PF is unbound. The link to its driver goes before that."""
    lab.check(f'until [ -e {UNBOUND} ]; do sleep 0.1; done', timeout=20)


def opens(lab, vf, file):
    """Whether the token in a file opens a VF."""
    return lab.run(f'dpdk-vftoken check {vf} file:{file}').status == 0


def fails(program, *words):
    """What a program says when it fails."""
    done = subprocess.run([program, *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 1
    return done.stdout


@pytest.mark.fast
@pytest.mark.parametrize('compiler', ['gcc', 'clang'])
@pytest.mark.parametrize('kind', KINDS)
def test_build(installed, tmp_path, kind, compiler):
    """The daemon must build against what is installed, without DPDK, and say how it is used.

    Steps: Build it with all warnings as errors, by each compiler; start it without arguments, with
    none for the number of VFs, with that and the token in each other's place, and with a malformed
    source.
    Verify: Only the shared kind needs the shared library; neither needs DPDK. It fails and says
    what is wrong, without a token and control characters.
    """
    program = installed.example(kind, tmp_path / 'daemon', 'pf_daemon', compiler)
    assert ('libvftoken.so.1' in installed.needed(program)) == (kind == 'shared')
    assert 'librte' not in installed.needed(program)
    for words, reason in (([], 'usage: pf_daemon PF N SOURCE'),
                          (['0000:01:00.0', '0', 'file:/token'],
                           "'0' isn't a number of VFs; give one from 1 to 65535"),
                          (['0000:01:00.0', TOKEN, 'env:A'],
                           f"'{'*' * len(TOKEN)}' isn't a number of VFs"),
                          (['0000:01:00.0', '\x1b[31m2', 'env:A'],
                           "'?[31m2' isn't a number of VFs")):
        assert reason in fails(program, *words)
    said_only(fails(program, '0000:01:00.0', '2', 'fil:/token'),
              ('source_scheme', 'all devices', 'fil'))


@pytest.mark.parametrize('kind', KINDS)
def test_token(daemon, start, lab, pf, kind):
    """The daemon must set the token, enable VFs, rotate the token on SIGHUP, and on SIGTERM disable
    the VFs again.

    Steps: Start it; start a testpmd on a VF without a token, then with it; put a new token into the
    file, send SIGHUP; try the other VF with the old token and the new one; end the testpmd; send
    SIGTERM.
    Verify: At its start it says what the guide shows. Only the right token opens a VF, before and
    after; the first VF's process goes on; the daemon ends well and leaves no VFs.
    """
    shown = re.findall(r'^   (pf_daemon: .*)$', GUIDE.read_text('utf-8'), re.MULTILINE)
    assert shown[-1] == f'pf_daemon: {READY}'
    with daemon(kind=kind) as process:
        for line in shown:
            process.says(line.replace('/etc/vf-token', FILE))
        vfs = lab.vfs(pf)
        assert len(vfs) == 2
        refused = start('vf-none', vfs[:1])
        said_only(refused.log, ('vf_needs_token', vfs[0], pf, 'vfio-pci', pf))
        refused.close()
        first = start('vf', vfs[:1], f'--vfio-vf-token=file:{FILE}')
        assert first.ports == 1, first.log

        lab.write(FILE, NEW, mode=0o600)
        process.signal('HUP')
        process.said('pf_token_set', pf, f'file:{FILE}')
        assert not opens(lab, vfs[1], OLD_FILE)
        assert opens(lab, vfs[1], FILE)
        assert first.ports == 1
        first.close()

        process.signal('TERM')
        assert process.status() == 0
        assert lab.vfs(pf) == []


def test_secret_volume(daemon, lab, pf):
    """The token in a folder such as Kubernetes makes of a Secret must be replaced as the guide
    says, also by the first process of a container, for which signals have no default action.

    Steps: Make a folder whose file, readable for all, is reached by two links; start the daemon as
    the first process of a PID namespace; make the second link lead to a folder with the next token,
    too, by one rename, and remove the old folder; send SIGHUP from inside that namespace, while the
    folder is read-only; let the new token take the old one's place in the same way, and send SIGHUP
    once more.
    Verify: The old token opens a VF before the first signal only, the new one after that only; at
    each step what is in the folder opens it.
    """
    if lab.run('[ -e /proc/self/ns/pid ]').status:
        pytest.skip('this kernel lacks PID namespaces')
    lab.write('/run/new-daemon-token', NEW, mode=0o600)
    lab.check(f'''mkdir -p /run/secret/..1 && cd /run/secret && umask 022
        cat {OLD_FILE} >..1/vf-token && ln -s ..1 ..data && ln -s ..data/vf-token vf-token''')
    source = 'file:/run/secret/vf-token'
    with daemon(source=source, wrapper='unshare -p -f --mount-proc') as process:
        process.said('source_readable', pf, source)
        process.says(READY)
        vf = lab.vfs(pf)[0]
        tokens = (OLD_FILE, '/run/new-daemon-token', '/run/secret/vf-token')
        assert [opens(lab, vf, file) for file in tokens] == [True, False, True]
        lab.check(f'''cd /run/secret && umask 022 && mkdir ..2
            cat {OLD_FILE} >..2/vf-token && cat /run/new-daemon-token >..2/vf-token.next
            ln -s ..2 ..data_tmp && mv -T ..data_tmp ..data && rm -r ..1
            ln -s ..data/vf-token.next vf-token.next''')
        assert [opens(lab, vf, file) for file in tokens] == [True, False, True]
        lab.check('nsenter -t $(pidof static) -p -m sh -c '
                  '"mount --bind /run/secret /run/secret && mount -o remount,bind,ro /run/secret"')
        lab.check('nsenter -t $(pidof static) -p -m kill -HUP 1')
        process.said('pf_token_set', pf, f'{source}.next')
        process.said('next_stays', '/run/secret/vf-token.next', '/run/secret/vf-token',
                     'Read-only file system')
        assert [opens(lab, vf, file) for file in tokens] == [False, True, True]
        lab.check('''cd /run/secret && umask 022 && mkdir ..3
            cat /run/new-daemon-token >..3/vf-token && ln -s ..3 ..data_tmp
            mv -T ..data_tmp ..data && rm -r ..2 && rm vf-token.next''')
        assert [opens(lab, vf, file) for file in tokens] == [False, True, True]
        lab.check('nsenter -t $(pidof static) -p -m kill -HUP 1')
        process.said('pf_token_set', pf, source)
        assert [opens(lab, vf, file) for file in tokens] == [False, True, True]


def test_vfs_stay(daemon, start, lab, pf):
    """On SIGTERM, VFs must stay that are in use, or that the daemon didn't enable.

    Steps: Start it, and a testpmd on a VF; send SIGTERM. Start it again; send SIGTERM again.
    Verify: The first time it says that the VF is in use and fails; the second time it ends well;
    both VFs are there all the time, and with them the testpmd.
    """
    with daemon() as process:
        process.says(READY)
        vfs = lab.vfs(pf)
        testpmd = start('vf', vfs[:1], f'--vfio-vf-token=file:{FILE}')
        assert testpmd.ports == 1, testpmd.log
        process.signal('TERM')
        process.said('vfs_in_use', pf, 2, f'{vfs[0]} in use, {vfs[1]}')
        assert process.status() == 1
        assert lab.vfs(pf) == vfs
    with daemon() as process:
        process.says(READY)
        process.signal('TERM')
        assert process.status() == 0
        assert lab.vfs(pf) == vfs
    assert testpmd.ports == 1
    testpmd.close()


@pytest.mark.parametrize('text, mode, message', [
    ('no token', 0o600, ('uuid_length', f'file:{FILE}', 8, 36)),
    (NEW, 0o666, ('source_writable', f'file:{FILE}')),
], ids=['no token', 'writable'])
def test_bad_file(daemon, lab, pf, text, mode, message):
    """A bad token file must be explained, and change nothing.

    Steps: Start the daemon with a bad file; start it with a good one, put the bad one into its
    place and send SIGHUP.
    Verify: The first one fails, without a VF; the second one goes on, and the old token still opens
    a VF. Both say what is wrong with the file.
    """
    lab.write(FILE, text, mode=mode)
    with daemon() as process:
        process.said(message[0], pf, *message[1:])
        assert process.status() == 1
        assert lab.vfs(pf) == []
    lab.write(FILE, TOKEN, mode=0o600)
    with daemon() as process:
        process.says(READY)
        lab.write(FILE, text, mode=mode)
        process.signal('HUP')
        process.said(message[0], pf, *message[1:])
        assert opens(lab, lab.vfs(pf)[0], OLD_FILE)
        process.signal('TERM')
        assert process.status() == 0


def test_unbound(daemon, unbind, lab, pf):
    """When the PF is unbound, the daemon must end, so that the kernel needn't wait.

    Steps: Start the daemon; unbind the PF from vfio-pci.
    Verify: The daemon says that the kernel requests the PF, and ends well. The PF is unbound and
    has no VFs.
    """
    with daemon() as process:
        process.says(READY)
        assert len(lab.vfs(pf)) == 2
        unbind()
        process.said('device_requested', pf)
        assert process.status() == 0
        await_unbound(lab)
        assert lab.vfs(pf) == []


def test_signal_while_unbound(daemon, unbind, start, lab, pf):
    """SIGTERM must end the daemon also while an unbind of the PF waits for a VF's process: neither
    may wait for the other.

    Steps: Start the daemon, and a testpmd on a VF; unbind the PF; when the testpmd is asked for its
    VF, send SIGTERM to the daemon; when that has ended, end the testpmd.
    Verify: The daemon ends before the testpmd, and says that it leaves the VFs, which are being
    changed. The PF is unbound and has no VFs.
    """
    with daemon() as process:
        process.says(READY)
        vf = lab.vfs(pf)[0]
        testpmd = start('vf', [vf], f'--vfio-vf-token=file:{FILE}')
        assert testpmd.ports == 1, testpmd.log
        unbind()
        testpmd.console.expect(r'([^\r\n]* \[vf_requested\])\r')
        said_only(testpmd.console.match[1], ('vf_requested', vf))
        process.signal('TERM')
        process.said('vfs_change', pf)
        assert process.status() == 1
        testpmd.close()
        await_unbound(lab)
        assert lab.vfs(pf) == []
