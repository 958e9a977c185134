# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What meson install puts in place is a DPDK, and a libvftoken, to build applications with."""
import os
import signal
import subprocess
from pathlib import Path

import pytest

from framework.build import dpdk_tree
from framework.messages import said_only
from installed import Installed

# No memory, device or file that somebody else could want, nor one that only root has.
EAL = ['--no-huge', '--no-pci', '--no-shconf', '--no-telemetry', '-m', '64']

USE = '''#include <vftoken/pf.h>
int main(void) { return vftoken_pf_reload_token(vftoken_context_process(), NULL) == 0; }'''


@pytest.fixture(scope='module', params=[
    pytest.param('', id='static', marks=pytest.mark.fast),
    # test.sh --fast doesn't build it.
    pytest.param('shared', id='shared'),
])
def installed(request, build, tmp_path_factory):
    """The installed files of a build of static, and one of shared libraries."""
    return Installed(build / request.param, tmp_path_factory.mktemp('installed'))


def test_programs(installed):
    """DPDK's programs, ours and DPDK's tools must be there and start.

    Steps: Ask each for its help, but dpdk-devbind.py, which wants lspci even for that.
    Verify: Each ends well; testpmd's tells of the token's rules.
    """
    programs = ('bin/dpdk-telemetry.py', 'bin/dpdk-testpmd', 'sbin/dpdk-test-vftoken',
                'sbin/dpdk-vftoken')
    helps = {name: installed.run(installed.prefix / name, '--help') for name in programs}
    assert '--vfio-vf-token' in helps['bin/dpdk-testpmd']
    assert os.access(installed.prefix / 'bin/dpdk-devbind.py', os.X_OK)


def test_pkg_config(installed, build):
    """pkg-config must know both packages, and what a static link of DPDK needs besides.

    Steps: Ask for their versions, and for DPDK's libraries, shared and static.
    Verify: The versions are those built; only the static link names libvftoken, which it needs.
    """
    version = (dpdk_tree(build) / 'VERSION').read_text().split()
    assert installed.pkg_config('--modversion', 'libdpdk') == version
    assert installed.pkg_config('--modversion', 'libvftoken')
    assert '-lvftoken' not in installed.pkg_config('--libs', 'libdpdk')
    assert '-lvftoken' in installed.pkg_config('--static', '--libs', 'libdpdk')


def test_bound_at_the_start(installed, tmp_path):
    """The dynamic linker must bind all functions before a program starts, and then write-protect
    their addresses. Else it saves registers, with parts of a token, on the stack later.

    Steps: Link programs with libvftoken, shared and static, and with the static DPDK, as pkg-config
    says; look at them, and at all programs and libraries that are installed.
    Verify: Each asks for it.
    """
    files = []
    for words in (['libvftoken'], ['--static', 'libvftoken'], ['--static', 'libdpdk']):
        flags = installed.pkg_config('--cflags', '--libs', *words)
        if '--static' in words:
            flags = [flag.replace('-lvftoken', '-l:libvftoken.a') for flag in flags]
        files.append(tmp_path / f'{len(files)}')
        installed.compile(USE, f'-I{installed.prefix}/include', '-o', files[-1], *flags)
    files += [file for file in installed.prefix.glob('*bin/*') if file.suffix != '.py']
    files += [file for file in installed.libraries.rglob('*.so') if file.is_file()]
    assert {'dpdk-testpmd', 'dpdk-test-vftoken', 'dpdk-vftoken', 'libvftoken.so'} <= \
        {file.name for file in files}
    for file in files:
        assert installed.bound_at_the_start(file), file


def test_headers(installed):
    """Each header of libvftoken must compile by itself, as C11.

    Steps: Compile a program of each header alone.
    Verify: No warning.
    """
    headers = sorted((installed.prefix / 'include/vftoken').glob('*.h'))
    assert headers
    for header in headers:
        installed.compile(f'#include <vftoken/{header.name}>', '-std=c11', '-fsyntax-only',
                          *installed.pkg_config('--cflags', 'libvftoken'))


@pytest.mark.parametrize('compiler, standard', [('gcc', 'gnu11'), ('g++', 'gnu++17')])
def test_names_clash_with_nobody(installed, compiler, standard):
    """Programs that use libvftoken beside DPDK, libpciaccess or libvfn must compile.

    Steps: Compile a program, as C and as C++, of all our headers and those that a user of PCI
        devices and VFIO includes too: ours first, and ours last. libvfn's count where Debian has
        them.
    Verify: No warning.
    """
    ours = [f'vftoken/{path.name}'
            for path in sorted((installed.prefix / 'include/vftoken').glob('*.h'))]
    theirs = ['linux/vfio.h', 'pciaccess.h', 'rte_bus_pci.h', 'rte_eal.h', 'rte_ethdev.h',
              'rte_pci.h', 'rte_uuid.h', 'rte_vfio.h', 'uuid/uuid.h']
    theirs += [name for name in ('vfn/nvme.h', 'vfn/pci.h', 'vfn/vfio.h')
               if Path('/usr/include', name).exists()]
    flags = [flag.replace('-I', '-isystem')  # whose warnings are others'
             for flag in installed.pkg_config('--cflags', 'libdpdk')]
    for headers in (ours + theirs, theirs + ours):
        installed.compile(''.join(f'#include <{header}>\n' for header in headers),
                          f'-std={standard}', '-fsyntax-only', f'-I{installed.prefix}/include',
                          *flags, compiler=compiler)


@pytest.mark.parametrize('kind', ['shared', 'static'])
def test_library_without_dpdk(installed, tmp_path, kind):
    """libvftoken must be of use to a program without DPDK.

    Steps: Build a program with it as pkg-config says, against its shared and its static library,
    and run it.
    Verify: It ends well; the first needs the shared library under its soname, the second none.
    """
    flags = installed.pkg_config('--cflags', '--libs', 'libvftoken')
    if kind == 'static':
        flags = [flag.replace('-lvftoken', '-l:libvftoken.a') for flag in flags]
    installed.compile(USE, '-o', tmp_path / 'use', *flags)
    installed.run(tmp_path / 'use')
    assert ('libvftoken.so.1' in installed.needed(tmp_path / 'use')) == (kind == 'shared')


def test_one_copy(installed, tmp_path):
    """An application that links EAL as a shared library must have one libvftoken with it, or it
    would have rules of its own, of which EAL knows nothing.

    Steps: Build the example against DPDK's shared libraries.
    Verify: It and EAL need the same shared libvftoken.
    """
    eal = installed.libraries / 'librte_eal.so'
    example = installed.example('shared', tmp_path / 'example')
    assert 'libvftoken.so.1' in installed.needed(example)
    assert 'libvftoken.so.1' in installed.needed(eal)
    assert 'librte_eal.so' in installed.needed(example)


@pytest.mark.parametrize('kind', ['shared', 'static'])
def test_example_starts(installed, tmp_path, kind):
    """The example must build against what is installed, shared and static, and start EAL.

    Steps: Build it with all warnings as errors, and start it without a device.
    Verify: It says that it needs one.
    """
    example = installed.example(kind, tmp_path / 'example')
    done = subprocess.run([example, *EAL], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 1
    assert 'no port to rotate the VF token of; name a PF with -a' in done.stdout


def test_example_takes_signals(installed, tmp_path):
    """The example must reach EAL's libvftoken on SIGHUP, and end on SIGTERM.

    Steps: Start the static one on a device that isn't a PF; send it both signals.
    Verify: EAL's log has libvftoken's refusal; it ends well.
    """
    example = installed.example('static', tmp_path / 'example')
    with subprocess.Popen([example, *EAL, '--vdev=net_null0'], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        started = next(line for line in process.stderr if 'ready' in line or 'Cause' in line)
        assert 'SIGHUP rotates the VF token' in started
        process.send_signal(signal.SIGHUP)
        said_only(process.stderr.readline(), ('pf_not_open', 'EAL: net_null0'))
        assert 'net_null0: not rotated' in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
