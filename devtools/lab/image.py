# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The guest's root file system: an initramfs from Debian's tools, its Python and kernel modules."""
from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import debian

HERE = Path(__file__).resolve().parent
GUEST = HERE / 'guest'
PYTHON = Path('/usr/bin/python3')
# It doesn't edit lines, which is what a program at the other end of a console wants.
SHELL = Path('/usr/bin/dash')
TOOLS = ('busybox-static', 'kmod', 'pciutils', 'strace')
# Where the guest can't have this machine's: Python, the shell, and our programs' libraries.
FOREIGN_TOOLS = (*TOOLS, 'dash', 'libjson-c5', 'libnuma1', 'libpython3-stdlib', 'python3-minimal')
MODULES = ('virtio_pci', 'virtio_console', 'virtio_net', 'vfio', 'vfio_iommu_type1', 'vfio_pci',
           'igb', 'igbvf', 'tun')
LEFT_OUT = ('doc', 'gconv', 'locale', 'man', 'perl-base')
PYTHON_LEFT_OUT = ('*-packages', '_tkinter.*', 'config-*', 'distutils', 'ensurepip', 'idlelib',
                   'lib2to3', 'pydoc_data', 'test', 'tkinter', 'turtledemo')
# All belongs to root, and folders may be read by all, whatever the umask.
ARCHIVE = '''find . -type d -exec chmod 755 {} + && find . -print0 |
cpio --create --format=newc --null --owner=+0:+0 --reproducible --quiet --file=../cpio'''


class ImageError(Exception):
    """The guest image cannot be made; the text says why and what to do."""


@contextlib.contextmanager
def _stage() -> Iterator[Path]:
    """A folder for what goes into an archive, with /bin and the like in /usr as in the guest."""
    with tempfile.TemporaryDirectory(prefix='lab-image.') as work:
        stage = Path(work, 'root')
        for name in ('bin', 'sbin', 'lib', 'lib64'):
            (stage / 'usr' / name).mkdir(parents=True)
            (stage / name).symlink_to(f'usr/{name}')
        yield stage


def _archive(stage: Path) -> bytes:
    """A folder as the kernel unpacks it."""
    debian.run(['sh', '-c', ARCHIVE], "cannot make the guest's archive with Debian's cpio", stage)
    return (stage / '../cpio').read_bytes()


def _add(stage: Path, name: str, file: Path, link: bool = False) -> None:
    """Copy a file to its place in the guest, or link it there, unless something is there."""
    place = stage / name.lstrip('/')
    if not os.path.lexists(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        if link:
            place.symlink_to(file)
        else:
            shutil.copy2(file, place)


def is_elf(path: Path) -> bool:
    """Whether a file is an ELF file; all such may need libraries."""
    with open(path, 'rb') as file:
        return file.read(4) == b'\x7fELF'


def so_path(root: Path) -> str:
    """Where the libraries of packages unpacked below root are, for LD_LIBRARY_PATH."""
    return ':'.join(str(folder) for prefix in ('lib', 'usr/lib')
                    for folder in [root / prefix, *sorted((root / prefix).glob('*-linux-gnu'))])


def libraries(files: Sequence[Path], so_paths: Iterable[str]) -> list[Path]:
    """The shared libraries that ELF files need, found as the dynamic linker finds them."""
    env = {key: value for key, value in os.environ.items() if not key.startswith('LD_')}
    env |= {'LC_ALL': 'C', 'LD_LIBRARY_PATH': ':'.join(so_paths)}
    # The first twice, as with several files ldd heads each one's part with its name.
    out = subprocess.run(['ldd', *files[:1], *files], env=env, text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    if lost := re.search(r'^(\S.*):\n(?:\s.*\n)*?\s(\S+) => not found', out, re.MULTILINE):
        root, _ = _in_packages(Path(lost[1]))
        remedy = (f"remove the folder '{root}', so that it is fetched again" if root
                  else 'build or install it')
        raise ImageError(f'{lost[1]} needs the library {lost[2]}, which is not on this machine; '
                         + remedy)
    return [Path(name) for name in re.findall(r'(/.*) \(0x[0-9a-f]+\)$', out, re.MULTILINE)]


def _in_packages(path: Path) -> tuple[Path | None, str]:
    """The folder that Debian packages were unpacked into, if the file is from one, and the file's
    place in the guest, where they are as if installed."""
    packages = (debian.cache_dir() / 'packages').resolve()
    if not path.is_relative_to(packages):
        return None, str(path)
    release, name, *rest = path.relative_to(packages).parts
    return packages / release / name, '/' + '/'.join(rest)


def _key(parts: Iterable[Path]) -> str:
    """A hash of what the image is made from: installed packages, files' times, and our own code."""
    digest = hashlib.sha256(debian.run(['dpkg-query', '-W'], 'cannot list packages').encode())
    for path in (HERE / 'image.py', *sorted(GUEST.iterdir())):
        digest.update(path.read_bytes())
    for path in parts:
        info = path.lstat()
        digest.update(f'{path}\0{info.st_size}\0{info.st_mtime_ns}\n'.encode())
    return digest.hexdigest()[:16]


def _add_python(stage: Path) -> None:
    """Add Python and what it comes with; its caches are valid only for the time of their source."""
    code = 'import os; print(os.path.dirname(os.__file__))'
    folder = debian.run([PYTHON, '-I', '-c', code], f'{PYTHON} does not run').strip()
    shutil.copytree(folder, stage / folder.lstrip('/'), ignore_dangling_symlinks=True,
                    ignore=shutil.ignore_patterns(*PYTHON_LEFT_OUT))
    _add(stage, str(PYTHON), PYTHON)


def _add_own(stage: Path) -> None:
    """Add this machine's shell and Python, and the libraries of all that is there."""
    _add(stage, str(SHELL), SHELL)
    _add_python(stage)
    needed = libraries([path for path in stage.rglob('*') if not path.is_symlink()
                        and path.is_file() and is_elf(path)], [so_path(stage)])
    # The C library loads it by name when a thread ends.
    libc = next(path for path in needed if path.name == 'libc.so.6')
    for path in [*needed, libc.with_name('libgcc_s.so.1')]:
        if not path.is_relative_to(stage):
            _add(stage, str(path), path)


def _add_modules(stage: Path, tree: Path, tools: Path) -> None:
    """Add the modules wanted and all that they need, as far as the kernel has them."""
    def kmod(*argv: str | Path) -> str:
        # Its name decides what it does; the package's links are absolute.
        return debian.run(argv, f"{argv[0]} failed on the modules of '{tree}'",
                          executable=tools / 'bin/kmod', env={'LD_LIBRARY_PATH': so_path(tools)})

    target = stage / 'lib/modules' / tree.name
    target.mkdir(parents=True)
    index = {path.name.split('.ko')[0].replace('-', '_'): path for path in tree.rglob('*.ko*')}
    todo = list(MODULES)
    while todo:
        if path := index.pop(todo.pop().replace('-', '_'), None):
            shutil.copy(path, target)
            todo += kmod('modinfo', '-F', 'depends', path).strip().split(',')
    for path in tree.glob('modules.builtin*'):
        shutil.copy(path, target)
    # The guest would take longer to unpack them.
    if packed := list(target.glob('*.ko.*')):
        debian.run(['zstd', '-d', '-q', '--rm', *packed],
                   f"cannot unpack the modules of '{tree}' with Debian's zstd")
    kmod('depmod', '-b', stage, tree.name)


def base(modules: Path | None, architecture: str = '') -> bytes:
    """The part that is the same for all runs on one kernel; kept in the cache. architecture is as
    for debian.unpack()."""
    tools = debian.unpack('tools', TOOLS)
    guest_tools = tools if not architecture else debian.unpack(
        f'tools-{architecture}', FOREIGN_TOOLS, architecture=architecture)
    parts = [modules, *sorted(modules.rglob('*.ko*'))] if modules else []
    images = debian.cache_dir() / 'images'
    final = images / f'{_key([tools, guest_tools, *parts])}.cpio'
    with debian.locked('images'):
        if final.exists():
            return final.read_bytes()
        with _stage() as stage, debian.making(final) as made:
            shutil.copytree(guest_tools, stage, symlinks=True, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns(*LEFT_OUT))
            _add(stage, '/bin/sh', Path('busybox'), link=True)
            _add(stage, '/init', Path('lib/lab/init'), link=True)
            shutil.copytree(GUEST, stage / 'lib/lab')
            if not architecture:
                _add_own(stage)
            if modules:
                _add_modules(stage, modules, tools)
            made.write_bytes(_archive(stage))
        # Old images are of no use to anyone once their key has changed.
        for old in sorted(images.glob('*.cpio'), key=os.path.getmtime)[:-5]:
            old.unlink(missing_ok=True)
        return final.read_bytes()


def extra(files: Mapping[str, Path], architecture: str = '') -> bytes:
    """The part of one run: the caller's files and folders, with the libraries that they need. For
    another architecture than this machine's, base() has these."""
    elves: list[Path] = []
    with _stage() as stage:
        for name, given in files.items():
            top = Path(given)
            if not name.startswith('/'):
                raise ImageError(f"the guest's path '{name}' must start with a slash")
            if not top.exists():
                raise ImageError(f"there is no file '{top}' to put into the guest as {name}")
            for path in sorted(top.rglob('*')) if top.is_dir() else [top]:
                place, real = str(Path(name) / path.relative_to(top)), path.resolve()
                if real.is_file() and is_elf(real):
                    # At its own path, so that an rpath relative to it leads to its libraries.
                    elves.append(real)
                    own = _in_packages(real)[1]
                    _add(stage, own, real)
                    _add(stage, place, Path(own), link=True)
                elif real.is_file():
                    _add(stage, place, real)
        roots = {root for root, _ in map(_in_packages, elves) if root}
        for path in [] if architecture else libraries(elves, map(so_path, roots)):
            _add(stage, _in_packages(path)[1], path)
        return _archive(stage)
