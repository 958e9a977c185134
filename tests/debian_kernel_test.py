# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Which of Debian's packages have a kernel, and where in them it is."""
import pytest

import debian
from lab import qemu

pytestmark = pytest.mark.fast

# What apt-cache says of the metapackages of two kernels.
ARCHIVE = {
    'linux-image-amd64': ['linux-image-6.1.0-56-amd64'],
    'linux-image-6.1.0-56-amd64': ['kmod', 'linux-base', '<linux-initramfs-tool>'],
    'linux-image-amd64=7.3.*': ['linux-image-7.3.4-amd64', 'linux-modules-amd64'],
    'linux-image-7.3.4-amd64': ['linux-binary-7.3.4-amd64', 'linux-modules-7.3.4-amd64'],
    'linux-modules-amd64': ['linux-modules-7.3.4-amd64'],
    'linux-modules-7.3.4-amd64': ['kmod'],
}


class Apt(debian.Apt):
    """apt with an archive of these packages."""

    def run(self, tool, *args, cwd=None):
        assert (tool, args[0]) == ('apt-cache', 'depends')
        return ''.join(f'  Depends: {name}\n' for name in ARCHIVE.get(args[1], ()))


@pytest.mark.parametrize('package, names', [
    ('linux-image-amd64', ['linux-image-6.1.0-56-amd64', 'linux-base']),
    ('linux-image-amd64=7.3.*', ['linux-image-7.3.4-amd64', 'linux-modules-amd64',
                                 'linux-binary-7.3.4-amd64', 'linux-modules-7.3.4-amd64'])])
def test_depends(package, names):
    """All packages of a kernel must be found, each once, and nobody else's.

    Steps: Ask for what a metapackage depends on, directly or through others.
    Verify: It is the kernel's packages.
    """
    assert Apt().depends(package) == names


def test_depends_on_nothing():
    """A package that the archive lacks must be known from a failure.

    Steps: Ask for what an unknown package depends on.
    Verify: The error names it.
    """
    with pytest.raises(debian.NoPackage, match=r'linux-image-amd64=9\.9\.\*'):
        Apt().depends('linux-image-amd64=9.9.*')


@pytest.mark.parametrize('own, places', [
    ('bookworm', [('', ''), ('backports', ''), ('', 'trixie'), ('backports', 'trixie')]),
    ('trixie', [('', ''), ('backports', ''), ('', 'bookworm'), ('backports', 'bookworm')])])
def test_places(monkeypatch, own, places):
    """The machine's own release must be asked first, and each other with its backports.

    Steps: Ask where packages may be, on two releases.
    Verify: The order is right, and no release is there twice.
    """
    monkeypatch.setattr(debian, 'codename', lambda: own)
    assert debian.places() == places


@pytest.mark.parametrize('image, modules', [
    ('boot/vmlinuz-6.1.0-56-amd64', 'lib/modules/6.1.0-56-amd64'),
    ('usr/lib/modules/7.3.4-amd64/vmlinuz', 'usr/lib/modules/7.3.4-amd64')])
def test_kernel_in_packages(tmp_path, monkeypatch, image, modules):
    """A kernel must be found where its packages have it: below /boot or beside the modules.

    Steps: Unpack a kernel's files; look for a kernel of that version.
    Verify: Image and modules are those. Without an image, the error names the folder.
    """
    (tmp_path / modules).mkdir(parents=True)
    (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / image).write_bytes(bytes(0x400))
    monkeypatch.setattr(debian, 'cache_dir', lambda: tmp_path / 'cache')
    monkeypatch.setattr(debian, 'unpack', lambda *_, **__: tmp_path)
    assert qemu.find_kernel(None, None) == qemu.Kernel(tmp_path / image, tmp_path / modules)
    (tmp_path / image).unlink()
    with pytest.raises(qemu.MachineError, match=f"'{tmp_path}' has no kernel"):
        qemu.find_kernel(None, None)
