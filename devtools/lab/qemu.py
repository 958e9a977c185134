# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The virtual machine: which QEMU, which kernel, and the command line that joins them."""
from __future__ import annotations

import contextlib
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import debian

from . import image

QEMU = 'qemu-system-x86_64'
# Debian's releases that may have a kernel which the machine's own and its backports lack.
RELEASES = ('bookworm', 'trixie')
# As many VFs as users of such devices ask for. A VF needs two queues and an interrupt of its own;
# what isn't a VF's must do for the PF.
NVME_SRIOV = ('sriov_max_vfs=100,sriov_vq_flexible=200,sriov_vi_flexible=100,'
              'max_ioqpairs=202,msix_qsize=102')


class MachineError(Exception):
    """The machine cannot be made as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Qemu:
    """A QEMU that models igb, and what it takes to run it."""
    binary: Path
    arguments: tuple[str, ...] = ()
    so_path: str = ''

    def env(self) -> dict[str, str]:
        """The environment to run it in."""
        env = dict(os.environ)
        if self.so_path:
            env['LD_LIBRARY_PATH'] = self.so_path
        return env

    def has_igb(self) -> bool:
        """Whether it models the SR-IOV device that the lab is about."""
        try:
            done = subprocess.run([self.binary, '-device', 'help'], env=self.env(), text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return 'name "igb"' in done.stdout


def find_qemu() -> Qemu:
    """The QEMU on PATH if it models igb, else Debian's, from the cache."""
    own = shutil.which(QEMU)
    if own and Qemu(Path(own)).has_igb():
        return Qemu(Path(own))
    # Debian 12's own QEMU is older than igb; its backports have a newer one.
    suite = 'backports' if debian.codename() == 'bookworm' else ''
    root = debian.unpack('qemu', ['qemu-system-x86'], suite)
    folders = [root / 'usr/share' / name for name in ('qemu', 'seabios')]
    qemu = Qemu(root / 'usr/bin' / QEMU,
                tuple(arg for folder in folders for arg in ('-L', str(folder))),
                image.so_path(root))
    if not qemu.has_igb():
        raise MachineError(f"the QEMU in '{root}' does not run or has no igb device; remove that "
                           'folder, so that it is fetched again, or install a QEMU 8 or newer')
    return qemu


@dataclass(frozen=True)
class Kernel:
    """A kernel to boot: its image, and the folder lib/modules/VERSION if it has one."""
    image: Path
    modules: Path | None = None

    @property
    def release(self) -> str:
        """Its release as its modules have it."""
        return self.modules.name if self.modules else ''


def find_kernel(given: Path | str | None, modules: Path | None) -> Kernel:
    """The kernel given by its image, as a version of Debian's, such as 6.12, or as a folder with
    bzImage and lib/modules/RELEASE, as devtools/kernel makes it; else the one that the environment
    variable LAB_KERNEL gives so, else the running Debian's own. Debian's are kept in the cache."""
    given = str(given or os.environ.get('LAB_KERNEL', ''))
    named = re.fullmatch(r'\d+\.\d+', given)
    if modules and (named or not given):
        raise MachineError(f"the modules '{modules}' need their kernel's image too (--kernel)")
    if named or not given:
        return _debian_kernel(given)
    bzimage = Path(given)
    if bzimage.is_dir():
        bzimage, modules = _in_folder(bzimage, modules)
    if not bzimage.is_file():
        raise MachineError(f"there is no kernel image '{bzimage}'; give a bzImage or vmlinux of an "
                           "x86-64 kernel, a folder with bzImage and lib/modules/RELEASE, or the "
                           "version of one of Debian's, such as 6.12")
    return Kernel(bzimage.resolve(), _modules_folder(modules) if modules else None)


def _in_folder(folder: Path, modules: Path | None) -> tuple[Path, Path]:
    """The image in a folder that has a kernel, and its modules if others aren't given."""
    both = [path for path in (folder / 'patched', folder / 'unpatched') if path.is_dir()]
    if both and not (folder / 'bzImage').exists():
        raise MachineError(f"'{folder}' has several kernels; name one: "
                           + ' or '.join(map(str, both)))
    return folder / 'bzImage', modules or folder / 'lib/modules'


def _debian_kernel(version: str) -> Kernel:
    """Debian's kernel of a version, or without one the running Debian's."""
    own = _unpacked_kernel(debian.unpack('linux', ['linux-image-amd64'], meta=True))
    if not version or own.release.startswith(f'{version}.'):
        return own
    others = [('', release) for release in RELEASES if release != debian.codename()]
    for suite, release in [('backports', ''), *others]:
        with contextlib.suppress(debian.NoPackage):
            return _unpacked_kernel(debian.unpack(
                f'linux-{version}', [f'linux-image-amd64={version}.*'], suite, meta=True,
                release=release))
    raise MachineError(f"Debian has no kernel {version}; give another version, or a kernel's image")


def _unpacked_kernel(root: Path) -> Kernel:
    images = sorted((root / 'boot').glob('vmlinuz-*'))
    trees = sorted((root / 'lib/modules').glob('*')) or sorted((root / 'usr/lib/modules').glob('*'))
    if not images or not trees:
        raise MachineError(f"'{root}' has no kernel; remove it, so that it is fetched again")
    return Kernel(_uncompressed(images[0]), trees[0])


def _modules_folder(given: Path) -> Path:
    """The folder lib/modules/VERSION in what the caller named: it or one above it."""
    for above in ('', 'lib/modules/*/', 'usr/lib/modules/*/', '*/'):
        found = [path.parent for path in sorted(given.glob(above + 'modules.order'))]
        if len(found) == 1:
            return found[0].resolve()
        if found:
            names = ', '.join(path.name for path in found)
            raise MachineError(f"'{given}' has modules of several kernels ({names}); name one")
    raise MachineError(f"'{given}' has no kernel modules; name a folder lib/modules/VERSION "
                       "as 'make modules_install' makes it")


def _uncompressed(bzimage: Path) -> Path:
    """The ELF kernel in a bzImage, kept in the cache, as the guest would unpack it slowly."""
    final = debian.cache_dir() / 'images' / f'{bzimage.name}.elf'
    if final.exists():
        return final
    data = bzimage.read_bytes()
    sectors, = struct.unpack_from('<B', data, 0x1f1)
    offset, length = struct.unpack_from('<II', data, 0x248)
    start = (sectors + 1) * 512 + offset
    with debian.making(final) as made:
        packed = made.with_suffix('.packed')
        # What follows is the kernel's size.
        packed.write_bytes(data[start:start + length - 4])
        # It knows all of the kernel's formats.
        debian.run(['zstd', '-d', '-q', '-o', made, packed],
                   f"cannot unpack the kernel '{bzimage}' with Debian's zstd")
    return final


def choose_accel(asked: str | None) -> str:
    """The accelerator: KVM only where the processor has it, as /dev/kvm alone proves nothing."""
    flags = re.search(r'^flags\s*:.*\b(vmx|svm)\b', Path('/proc/cpuinfo').read_text('utf-8'),
                      re.MULTILINE)
    usable = bool(flags) and os.access('/dev/kvm', os.R_OK | os.W_OK)
    if asked == 'kvm' and not usable:
        why = 'you may not use /dev/kvm' if flags else 'the processor offers no vmx or svm'
        raise MachineError(f'KVM cannot be used here: {why}; use --accel tcg')
    return asked or ('kvm' if usable else 'tcg')


@dataclass(frozen=True)
class Setup:
    """What the caller may choose about a machine."""
    pfs: int
    nvmes: int
    memory: int
    cpus: int
    accel: str
    append: str = ''
    arguments: tuple[str, ...] = ()


def kernel_arguments(setup: Setup) -> str:
    """The guest kernel's command line."""
    return ' '.join([
        'console=ttyS0 panic=-1 intel_iommu=on iommu=nopt',
        # Here and not in the guest's set-up, so that a built-in vfio-pci gets them as well.
        'vfio_pci.enable_sriov=1 vfio_pci.disable_idle_d3=1',
        f'hugepagesz=2M hugepages={setup.memory // 4}',
        # What costs time in software emulation and gains nothing here.
        'mitigations=off nokaslr random.trust_cpu=on',
        # Else the kernel panics where a busy host lets it see too few of the timer's interrupts.
        'no_timer_check',
        # Last, as of two that contradict each other the kernel takes the later.
        setup.append,
    ])


def command(qemu: Qemu, kernel: Kernel, setup: Setup, initrd: str, serial: Path,
            control: int, consoles: Sequence[int]) -> list[str]:
    """QEMU's command line; control and consoles are file descriptors of sockets."""
    fast = setup.accel == 'kvm'
    # ',' separates QEMU's options; doubled it stands for itself.
    log = str(serial).replace(',', ',,')
    argv = [str(qemu.binary), *qemu.arguments, '-nodefaults', '-no-user-config', '-no-reboot',
            '-display', 'none', '-M', 'q35,kernel-irqchip=split',
            # With a thread a processor, QEMU 10 fails an assertion (iotlb_to_section) about once in
            # 60 boots, when one changes the memory map that another reads; it isn't faster either.
            '-accel', 'kvm' if fast else 'tcg,thread=single',
            '-cpu', 'host' if fast else 'Nehalem,+rdrand',
            '-smp', str(setup.cpus), '-m', str(setup.memory),
            '-device', 'intel-iommu,intremap=on,caching-mode=on',
            '-kernel', str(kernel.image), '-initrd', initrd, '-append', kernel_arguments(setup),
            '-chardev', f'file,id=serial,path={log}', '-serial', 'chardev:serial',
            '-device', 'virtio-serial-pci,max_ports=31',
            '-chardev', f'socket,id=control,fd={control}',
            '-device', 'virtserialport,chardev=control,name=control']
    for number, port in enumerate(consoles):
        argv += ['-chardev', f'socket,id=hvc{number},fd={port}',
                 '-device', f'virtconsole,chardev=hvc{number}']
    for number in range(setup.pfs):
        argv += ['-device', f'pcie-root-port,id=port{number},chassis={number + 1}',
                 '-device', f'igb,bus=port{number},mac=02:00:00:00:{number + 1:02x}:00']
    for number in range(setup.nvmes):
        port = setup.pfs + number
        argv += ['-device', f'pcie-root-port,id=port{port},chassis={port + 1}',
                 # QEMU has SR-IOV for controllers of a subsystem only.
                 '-device', f'nvme-subsys,id=subsys{number}',
                 '-device', f'nvme,bus=port{port},subsys=subsys{number},serial={number},'
                            + NVME_SRIOV]
    return argv + list(setup.arguments)
