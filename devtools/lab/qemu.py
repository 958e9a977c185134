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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import debian

from . import image

# As many VFs as users of such devices ask for. A VF needs two queues and an interrupt of its own;
# what isn't a VF's must do for the PF.
NVME_SRIOV = ('sriov_max_vfs=100,sriov_vq_flexible=200,sriov_vi_flexible=100,'
              'max_ioqpairs=202,msix_qsize=102')
# The first is the lab's as a rule.
NICS = ('igb', 'virtio')
# A property of the device that the lab is about, and those of devices that came later, by what
# takes them. An 82576's VF sends nothing through the SMMUv3 of QEMU 10.
IGB = ('igb', 'mac')
QEMU_11 = ('virtio-net-pci', 'sriov-pf')
NEEDS = {'virtio': [QEMU_11], 'amd': [('amd-iommu', 'dma-remap')], 'arm64': [QEMU_11]}


class MachineError(Exception):
    """The machine cannot be made as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Arch:
    """An architecture of the guest: what differs from one to the next."""
    name: str
    """As Debian names it, such as amd64."""
    qemu: str
    qemu_package: str
    machine: str
    cpu: str
    append: str
    """Arguments for the guest's kernel."""
    iommus: Mapping[str, tuple[str, str]]
    """QEMU's device and the kernel's arguments by name; the first is the lab's as a rule."""
    ports: bool
    """Whether a PF has a root port of its own; else it is on the root bus."""
    max_pfs: int
    arguments: tuple[str, ...] = ()

    @property
    def nics(self) -> tuple[str, ...]:
        """The NICs that it can have. A virtio VF is a function of its PF's slot on a port."""
        return NICS if self.ports else NICS[:1]

    @property
    def packages(self) -> str:
        """The architecture of Debian's packages, as debian.unpack() takes it."""
        return '' if self is ARCHS[0] else self.name

    def folder(self, name: str) -> str:
        """The folder of the cache for packages of this architecture."""
        return '-'.join(filter(None, (name, self.packages)))


ARCHS = (
    Arch('amd64', 'qemu-system-x86_64', 'qemu-system-x86', 'q35,kernel-irqchip=split',
         'Nehalem,+rdrand',
         # no_timer_check: else the kernel panics where a busy host lets it see too few of the
         # timer's interrupts.
         'console=ttyS0 random.trust_cpu=on no_timer_check',
         {'intel': ('intel-iommu,intremap=on,caching-mode=on', 'intel_iommu=on iommu=nopt'),
          'scalable': ('intel-iommu,intremap=on,caching-mode=on,x-scalable-mode=on',
                       'intel_iommu=on,sm_on iommu=nopt'),
          'amd': ('amd-iommu,intremap=on,dma-remap=on', 'iommu=nopt')},
         True, 8),
    Arch('arm64', 'qemu-system-aarch64', 'qemu-system-arm', 'virt,gic-version=3,iommu=smmuv3',
         'cortex-a57', 'console=ttyAMA0', {'smmuv3': ('', 'iommu.passthrough=0')}, False, 7,
         # A disk controller, for what takes a device that is neither PF nor VF.
         ('-device', 'ich9-ahci,addr=3')),
)


def chosen(what: str, given: str | None, offered: Iterable[str]) -> str:
    """Which of those offered is given, else by the environment variable LAB_WHAT, else the first.
    """
    names = list(offered)
    name = given or os.environ.get(f'LAB_{what.upper()}', '') or names[0]
    if name not in names:
        raise MachineError(f"the lab has no {what} '{name}'; it has: {', '.join(names)}")
    return name


def find_arch(given: str | None = None) -> Arch:
    """The architecture of this name, chosen as by chosen()."""
    by_name = {arch.name: arch for arch in ARCHS}
    return by_name[chosen('arch', given, by_name)]


@dataclass(frozen=True)
class Qemu:
    """A QEMU, and what it takes to run it."""
    binary: Path
    arguments: tuple[str, ...] = ()
    so_path: str = ''
    linker: Path | None = None
    """The dynamic linker of its own packages, if their C library is newer than this machine's."""

    @property
    def program(self) -> list[str]:
        """The command that runs it."""
        own = [] if self.linker is None else [self.linker, '--library-path', self.so_path]
        return [str(part) for part in (*own, self.binary, *self.arguments)]

    def env(self) -> dict[str, str]:
        """The environment to run it in."""
        env = dict(os.environ)
        if self.so_path and self.linker is None:
            env['LD_LIBRARY_PATH'] = self.so_path
        return env

    def models(self, properties: Iterable[tuple[str, str]]) -> bool:
        """Whether it has these devices, each with its property."""
        for device, name in properties:
            try:
                done = subprocess.run([*self.program, '-device', f'{device},help'], env=self.env(),
                                      text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, timeout=60, check=False)
            except (OSError, subprocess.TimeoutExpired):
                return False
            if f' {name}=' not in done.stdout:
                return False
        return True


def find_qemu(arch: Arch, nic: str = '', iommu: str = '') -> Qemu:
    """The QEMU on PATH if it models these devices, else Debian's, from the cache."""
    needs = [*NEEDS.get(arch.name, ()), *NEEDS.get(nic, ()), *NEEDS.get(iommu, ())]
    own = Qemu(Path(shutil.which(arch.qemu) or arch.qemu))
    if own.models([IGB, *needs]):
        return own
    # Debian 12's own QEMU is older than igb; its backports have a newer one, and those of Debian 13
    # the newest.
    old = debian.codename() == 'bookworm'
    name, suite, release = ('qemu', 'backports' if old else '', '') if not needs else (
        'qemu-backports', 'backports', 'trixie' if old else '')
    root = debian.unpack(arch.folder(name), [arch.qemu_package], suite, release=release)
    folders = [root / 'usr/share' / data for data in ('qemu', 'seabios')]
    linker = root / 'usr/lib64/ld-linux-x86-64.so.2'
    qemu = Qemu(root / 'usr/bin' / arch.qemu,
                tuple(arg for folder in folders for arg in ('-L', str(folder))),
                image.so_path(root), linker if linker.exists() else None)
    if not qemu.models([IGB, *needs]):
        lacks = ', '.join('.'.join(need) for need in (IGB, *needs))
        raise MachineError(f"the QEMU in '{root}' does not run or lacks a device ({lacks}); remove "
                           'that folder, so that it is fetched again, or install a newer QEMU')
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


def find_kernel(given: Path | str | None, modules: Path | None,
                arch: Arch | None = None) -> Kernel:
    """The kernel given by its image, as a version of Debian's, such as 6.12, or as a folder with
    bzImage and lib/modules/RELEASE, as devtools/kernel makes it; else the one that the environment
    variable LAB_KERNEL gives so, else the running Debian's own. Debian's are kept in the cache."""
    arch = arch or find_arch()
    given = str(given or os.environ.get('LAB_KERNEL', ''))
    named = re.fullmatch(r'\d+\.\d+', given)
    if modules and (named or not given):
        raise MachineError(f"the modules '{modules}' need their kernel's image too (--kernel)")
    if named or not given:
        return _debian_kernel(given, arch)
    bzimage = Path(given)
    if bzimage.is_dir():
        bzimage, modules = _in_folder(bzimage, modules)
    if not bzimage.is_file():
        raise MachineError(f"there is no kernel image '{bzimage}'; give a bzImage or vmlinux of an "
                           f"{arch.name} kernel, a folder with bzImage and lib/modules/RELEASE, or "
                           "the version of one of Debian's, such as 6.12")
    return Kernel(bzimage.resolve(), _modules_folder(modules) if modules else None)


def _in_folder(folder: Path, modules: Path | None) -> tuple[Path, Path]:
    """The image in a folder that has a kernel, and its modules if others aren't given."""
    both = [path for path in (folder / 'patched', folder / 'unpatched') if path.is_dir()]
    if both and not (folder / 'bzImage').exists():
        raise MachineError(f"'{folder}' has several kernels; name one: "
                           + ' or '.join(map(str, both)))
    return folder / 'bzImage', modules or folder / 'lib/modules'


def _debian_kernel(version: str, arch: Arch) -> Kernel:
    """Debian's kernel of a version, or without one the running Debian's."""
    package = f'linux-image-{arch.name}'
    own = _unpacked_kernel(debian.unpack(arch.folder('linux'), [package], meta=True,
                                         architecture=arch.packages))
    if not version or own.release.startswith(f'{version}.'):
        return own
    for suite, release in debian.places()[1:]:
        with contextlib.suppress(debian.NoPackage):
            return _unpacked_kernel(debian.unpack(
                arch.folder(f'linux-{version}'), [f'{package}={version}.*'], suite, meta=True,
                release=release, architecture=arch.packages))
    raise MachineError(f"Debian has no kernel {version}; give another version, or a kernel's image")


def _unpacked_kernel(root: Path) -> Kernel:
    trees = sorted((root / 'lib/modules').glob('*')) or sorted((root / 'usr/lib/modules').glob('*'))
    # Linux 7.3's packages have the image beside the modules.
    images = [*sorted((root / 'boot').glob('vmlinuz-*')), *(tree / 'vmlinuz' for tree in trees)]
    images = [image for image in images if image.exists()]
    if not images or not trees:
        raise MachineError(f"'{root}' has no kernel; remove it, so that it is fetched again")
    return Kernel(_uncompressed(images[0], trees[0].name), trees[0])


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


def _uncompressed(bzimage: Path, release: str) -> Path:
    """The ELF kernel in a bzImage of this release, kept in the cache, as the guest would unpack it
    slowly; an image of another architecture as it is."""
    final = debian.cache_dir() / 'images' / f'vmlinuz-{release}.elf'
    if final.exists():
        return final
    data = bzimage.read_bytes()
    if data[0x202:0x206] != b'HdrS':
        return bzimage
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


def choose_accel(asked: str | None, arch: Arch) -> str:
    """The accelerator: KVM only where the processor has it, as /dev/kvm alone proves nothing."""
    if arch is not ARCHS[0]:
        if asked == 'kvm':
            raise MachineError(f"KVM cannot run {arch.name} here; use --accel tcg")
        return 'tcg'
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
    arch: Arch
    nic: str
    iommu: str
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
        setup.arch.append, setup.arch.iommus[setup.iommu][1], 'panic=-1',
        # Here and not in the guest's set-up, so that a built-in vfio-pci gets them as well.
        'vfio_pci.enable_sriov=1 vfio_pci.disable_idle_d3=1',
        f'hugepagesz=2M hugepages={setup.memory // 4}',
        # What costs time in software emulation and gains nothing here.
        'mitigations=off nokaslr',
        # Last, as of two that contradict each other the kernel takes the later.
        setup.append,
    ])


def command(qemu: Qemu, kernel: Kernel, setup: Setup, initrd: str, serial: Path,
            control: int, consoles: Sequence[int]) -> list[str]:
    """QEMU's command line; control and consoles are file descriptors of sockets."""
    fast = setup.accel == 'kvm'
    # ',' separates QEMU's options; doubled it stands for itself.
    log = str(serial).replace(',', ',,')
    argv = [*qemu.program, '-nodefaults', '-no-user-config', '-no-reboot',
            '-display', 'none', '-M', setup.arch.machine,
            # With a thread a processor, QEMU 10 fails an assertion (iotlb_to_section) about once in
            # 60 boots, when one changes the memory map that another reads; it isn't faster either.
            '-accel', 'kvm' if fast else 'tcg,thread=single',
            '-cpu', 'host' if fast else setup.arch.cpu,
            '-smp', str(setup.cpus), '-m', str(setup.memory),
            *_devices(setup.arch.iommus[setup.iommu][0]), *setup.arch.arguments,
            '-kernel', str(kernel.image), '-initrd', initrd, '-append', kernel_arguments(setup),
            '-chardev', f'file,id=serial,path={log}', '-serial', 'chardev:serial',
            '-device', 'virtio-serial-pci,max_ports=31',
            '-chardev', f'socket,id=control,fd={control}',
            '-device', 'virtserialport,chardev=control,name=control']
    for number, port in enumerate(consoles):
        argv += ['-chardev', f'socket,id=hvc{number},fd={port}',
                 '-device', f'virtconsole,chardev=hvc{number}']
    for number in range(setup.pfs):
        place = _port(argv, number) if setup.arch.ports else _slot(number)
        if setup.nic == 'virtio':
            argv += _virtio(number, place)
        else:
            argv += _devices(f'igb,{place},mac={_mac(number)}')
    for number in range(setup.nvmes):
        # QEMU has SR-IOV for controllers of a subsystem only.
        argv += _devices(f'nvme-subsys,id=subsys{number}')
        place = _port(argv, setup.pfs + number)
        argv += _devices(f'nvme,{place},subsys=subsys{number},serial={number},{NVME_SRIOV}')
    return argv + list(setup.arguments)


def _devices(*devices: str) -> list[str]:
    """The arguments for devices; an empty one is none."""
    return [argument for device in devices if device for argument in ('-device', device)]


def _mac(number: int, vf: int = 0) -> str:
    return f'02:00:00:00:{number + 1:02x}:{vf:02x}'


def _port(argv: list[str], number: int) -> str:
    """A root port for a device, and the device's place there."""
    argv += _devices(f'pcie-root-port,id=port{number},chassis={number + 1}')
    return f'bus=port{number}'


def _slot(number: int) -> str:
    """A PF's place on the root bus, where SMMUv3 gives its VFs groups of their own. They take two
    slots, 16 after their PF's."""
    return f'addr={2 * number + 2}'


def _virtio(number: int, place: str) -> list[str]:
    """A PF and its VFs, which are devices of QEMU's of their own, on a hub."""
    argv = []
    # QEMU wants the VFs before their PF.
    for function in [*range(1, 8), 0]:
        name = f'nic{number}.{function}'
        own = f'id=nic{number}' if function == 0 else f'sriov-pf=nic{number}'
        argv += ['-netdev', f'hubport,hubid={number},id={name}',
                 *_devices(f'virtio-net-pci,{place},addr=0.{function},netdev={name},{own},'
                           f'mac={_mac(number, function)},disable-legacy=on,iommu_platform=on')]
    return argv
