# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Which QEMU the lab takes, and which devices it asks for."""
import re
from pathlib import Path

import pytest

from lab import qemu

pytestmark = pytest.mark.fast

AMD64, ARM64 = map(qemu.find_arch, ('amd64', 'arm64'))


def devices(arch=AMD64, nic='igb', pfs=2):
    """The devices of a machine, each as QEMU's text."""
    setup = qemu.Setup(arch, nic, next(iter(arch.iommus)), pfs, 0, 1024, 2, 'tcg')
    argv = qemu.command(qemu.Qemu(Path('qemu')), qemu.Kernel(Path('kernel')), setup, 'initrd',
                        Path('log'), 3, [])
    return [argv[place + 1] for place, word in enumerate(argv) if word == '-device']


def program(path, *properties):
    """A QEMU whose devices have these properties."""
    path.parent.mkdir(parents=True)
    path.write_text('#!/bin/sh\n' + ''.join(f'echo "  {name}=<str>"\n' for name in properties))
    path.chmod(0o755)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Makes QEMUs: that on PATH, and those of Debian's packages by folder."""
    monkeypatch.setenv('PATH', f'{tmp_path}/path:/bin')
    monkeypatch.setattr(qemu.debian, 'codename', lambda: 'bookworm')
    monkeypatch.setattr(qemu.debian, 'unpack', lambda name, *_, **__: tmp_path / name)

    def make(**places):
        for name, properties in places.items():
            folder = name.replace('_', '-') + ('' if name == 'path' else '/usr/bin')
            program(tmp_path / folder / AMD64.qemu, *properties)
        return tmp_path
    return make


@pytest.mark.parametrize('nic, iommu, own, place', [
    ('', '', ['mac'], 'path'), ('igb', 'scalable', ['mac'], 'path'),
    ('igb', '', [], 'qemu/usr/bin'),
    ('virtio', '', ['mac', 'sriov-pf'], 'path'),
    ('virtio', '', ['mac'], 'qemu-backports/usr/bin'),
    ('virtio', 'amd', ['mac', 'sriov-pf'], 'qemu-backports/usr/bin')])
def test_qemu_with_devices(packages, nic, iommu, own, place):
    """The QEMU on PATH must be taken if it has all devices, else one of Debian's that has them.

    Steps: Make three QEMUs, of which that on PATH has some of the devices; look for one.
    Verify: It is the first with those that the NIC and the IOMMU need.
    """
    top = packages(path=own, qemu=['mac'], qemu_backports=['mac', 'sriov-pf', 'dma-remap'])
    assert qemu.find_qemu(AMD64, nic, iommu).binary == top / place / AMD64.qemu


def test_no_qemu(packages):
    """Where no QEMU has a device, the error must name it.

    Steps: Make QEMUs that lack the property for virtio; look for one with it.
    Verify: The error names device and property, and the folder.
    """
    top = packages(path=['mac'], qemu_backports=['mac'])
    with pytest.raises(qemu.MachineError, match=f'{top}/qemu-backports.*virtio-net-pci.sriov-pf'):
        qemu.find_qemu(AMD64, 'virtio')


def test_newer_c_library(packages):
    """A QEMU with a newer C library must run by that library's dynamic linker.

    Steps: Make a QEMU with a dynamic linker in its folder; look for it.
    Verify: The command begins with the linker, and no other program's libraries change.
    """
    top = packages(path=[], qemu=['mac']) / 'qemu'
    (top / 'usr/lib64').mkdir()
    linker = top / 'usr/lib64/ld-linux-x86-64.so.2'
    linker.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    linker.chmod(0o755)
    found = qemu.find_qemu(AMD64)
    assert found.program[:4] == [str(linker), '--library-path', found.so_path,
                                 str(top / 'usr/bin' / AMD64.qemu)]
    assert 'LD_LIBRARY_PATH' not in found.env()


def test_virtio():
    """A virtio PF must come after its VFs, which QEMU wants, and each have a network and a MAC.

    Steps: Make a machine with two of them.
    Verify: Seven VFs before each PF, on its port; no MAC is there twice.
    """
    nics = [text for text in devices(nic='virtio') if text.startswith('virtio-net-pci')]
    parts = [re.search(r'bus=port(\d),addr=0\.(\d),.*,(id|sriov-pf)=nic(\d),mac=(\S+?),', nic)
             for nic in nics]
    assert [part.groups()[:4] for part in parts] == [
        (pf, str(function), 'sriov-pf' if function else 'id', pf)
        for pf in '01' for function in [1, 2, 3, 4, 5, 6, 7, 0]]
    assert len({part[5] for part in parts}) == 16


def test_root_bus():
    """PFs on a root bus must leave each other room for their VFs.

    Steps: Make a machine for arm64 with all PFs that it may have.
    Verify: No address of a device is a VF's, and no two VFs have one. The 82576's VFs begin 0x80
    after the PF, two apart (its data sheet, "VF offset" and "VF stride").
    """
    slots = [int(found[1]) for text in devices(ARM64, pfs=ARM64.max_pfs)
             if (found := re.search(r'\baddr=(\d+)', text))]
    pfs = [int(re.search(r'addr=(\d+)', text)[1]) * 8
           for text in devices(ARM64, pfs=ARM64.max_pfs) if text.startswith('igb')]
    taken = [slot * 8 for slot in slots] + [pf + 0x80 + 2 * vf for pf in pfs for vf in range(7)]
    assert len(pfs) == ARM64.max_pfs
    assert len(set(taken)) == len(taken) and max(taken) < 256
