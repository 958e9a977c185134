# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Without an IOMMU, in VFIO's unsafe mode, the token is demanded and works as with one."""
import os
import subprocess

import pytest

import debian
from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import said_only
from lab import qemu
from lab.vm import Lab

pytestmark = [pytest.mark.vm, pytest.mark.long]

MODE = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode'
# Debian's kernels are built without the mode, the lab's own kernels with it. It concerns the module
# vfio alone, which is built here from Debian's source, against the kernel's headers where their own
# paths expect them.
BUILD_MODULE = '''
set -eu
mount -t overlay -o "lowerdir=$1/usr:/usr" overlay /usr
tar -C "$2" --strip-components=2 -xJf /usr/src/linux-source-*.tar.xz --wildcards '*/drivers/vfio'
exec make -C "/usr/src/linux-headers-$3" "M=$2/vfio" KCFLAGS=-DCONFIG_VFIO_NOIOMMU=1 vfio.ko
'''


def has_mode(modules):
    """Whether a kernel's own module vfio has the mode."""
    return any(b'parm=enable_unsafe_noiommu_mode:' in module.read_bytes()
               for module in modules.rglob('vfio.ko'))


def vfio_module(release, folder):
    """The module vfio of Debian's kernel, with the mode."""
    major, minor = release.split('-')[0].split('.')[:2]
    try:
        packages = debian.unpack(f'linux-headers-{release}', [
            f'linux-headers-{release}', f'linux-source-{major}.{minor}'])
    except debian.DebianError as err:
        pytest.skip(f"Debian's archive doesn't have what kernel {release} was built from: {err}")
    as_root = [] if os.getuid() == 0 else ['--map-root-user']
    done = subprocess.run(['unshare', '--mount', *as_root, 'sh', '-c', BUILD_MODULE, 'sh',
                           packages, folder, release], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        pytest.skip(f'the module cannot be built here: {done.stdout[-500:]}')
    return folder / 'vfio/vfio.ko'


@pytest.fixture(scope='module')
def lab(build, tmp_path_factory):
    """A machine without an IOMMU, in the unsafe mode, with one PF on vfio-pci and two VFs."""
    modules = qemu.find_kernel(None, None).modules
    if modules is None:
        pytest.skip('the kernel given has no modules, of which one is to be replaced')
    release = modules.name
    files = guest_files(build)
    if not has_mode(modules):
        files[f'/lib/modules/{release}/vfio.ko'] = vfio_module(
            release, tmp_path_factory.mktemp('vfio'))
    with Lab(build=build, files=files, append='intel_iommu=off') as guest:
        guest.check(f'echo 1 >{MODE}')
        guest.check(f'dpdk-devbind.py -b vfio-pci {guest.pfs[0]}', timeout=60)
        guest.check(f'echo 2 >/sys/bus/pci/devices/{guest.pfs[0]}/sriov_numvfs')
        assert guest.check('cd /dev/vfio && echo *') == 'noiommu-0 noiommu-1 noiommu-2 vfio'
        guest.write(TOKEN_FILE, TOKEN + '\n', mode=0o600)
        yield guest


def test_refused(pf_testpmd, start, pf, vfs):
    """A VF must be refused without the token and with a wrong one, with the usual messages.

    Steps: Without an IOMMU, start the PF's testpmd with the token; one on a VF without a token, one
    with a wrong one.
    Verify: No port, and the reason, each time.
    """
    none = start('none', vfs[:1])
    assert none.logged('IOMMU type') == 'Using IOMMU type 8 (No-IOMMU)'
    assert none.ports == 0
    said_only(none.log, ('vf_needs_token', vfs[0], pf, 'vfio-pci', pf))
    wrong = start('wrong', vfs[:1], f'--vfio-vf-token={WRONG_TOKEN}')
    assert wrong.ports == 0
    said_only(wrong.log, ('vf_wrong_token', vfs[0], '11…', pf, pf))


def test_right_token(pf_testpmd, lab, start, pf, vfs):
    """VFs must open with the token and pass packets, and only the token take over their PF.

    Steps: Without an IOMMU, start the PF's testpmd and one on both VFs with the token; let the VFs
    exchange packets; kill the PF's process, start one on the PF without the token, one with it.
    Verify: Two ports on groups named noiommu-N that pass packets; the first is refused in a
    message, the second drives the PF.
    """
    rule = f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'
    testpmd = start('vf', vfs, rule)
    assert testpmd.ports == 2, testpmd.log
    assert testpmd.logged('IOVA mode') == "Selected IOVA mode 'PA'"
    fds = lab.check(f'ls -l /proc/{testpmd.pid()}/fd').split()
    assert {'/dev/vfio/noiommu-1', '/dev/vfio/noiommu-2'} <= set(fds)
    assert testpmd.exchange(1000) >= 1000
    pf_testpmd.kill()
    thief = start('thief', [pf])
    assert thief.ports == 0
    said_only(thief.log, ('pf_needs_token', pf, 2, pf))
    assert start('heir', [pf], rule).ports == 1
    assert testpmd.ports == 2
