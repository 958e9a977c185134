# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The guest's root file system: an initramfs from Debian's tools, its Python and kernel modules."""
from __future__ import annotations

import hashlib
import io
import lzma
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import debian

HERE = Path(__file__).resolve().parent
GUEST = HERE / 'guest'
PYTHON = Path('/usr/bin/python3')
# It doesn't edit lines, which is what a program at the other end of a console wants.
SHELL = Path('/usr/bin/dash')
TOOLS = ('busybox-static', 'kmod', 'pciutils', 'strace')
MODULES = ('virtio_pci', 'virtio_console', 'vfio', 'vfio_iommu_type1', 'vfio_pci', 'igb', 'igbvf')
PYTHON_LEFT_OUT = {'test', 'tests', 'idlelib', 'lib2to3', 'ensurepip', 'tkinter', 'turtledemo',
                   'pydoc_data', 'distutils', 'idle_test', 'site-packages', 'dist-packages'}
ETC = {'passwd': 'root:x:0:0:root:/root:/bin/sh\n', 'group': 'root:x:0:\n',
       'inittab': '::once:sh /usr/lib/lab/agent\n'}


class ImageError(Exception):
    """The guest image cannot be made; the text says why and what to do."""


class Cpio:
    """A "newc" archive in memory, as the kernel unpacks it."""

    def __init__(self) -> None:
        self.data = io.BytesIO()
        self._names: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str, mode: int, content: bytes = b'', mtime: int = 0,
            device: tuple[int, int] = (0, 0)) -> None:
        """Add one entry, with the folders above it, unless an entry of that name is there."""
        name = _merged(name)
        if name in self._names:
            return
        self._names.add(name)
        parent = os.path.dirname(name)
        if parent and parent not in self._names:
            self.add(parent, stat.S_IFDIR | 0o755)
        fields = (len(self._names), mode, 0, 0, 1, mtime, len(content), 0, 0, *device,
                  len(os.fsencode(name)) + 1, 0)
        self.data.write(b'070701' + b''.join(b'%08X' % field for field in fields)
                        + os.fsencode(name) + b'\0')
        self._pad()
        self.data.write(content)
        self._pad()

    def add_file(self, name: str, path: Path) -> None:
        """Add a file or a symbolic link of the host."""
        info = path.lstat()
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        # Python's caches are valid only for the very time of their source.
        self.add(name, info.st_mode, content, int(info.st_mtime))

    def link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        self.add(name, stat.S_IFLNK | 0o777, os.fsencode(target))

    def finish(self) -> bytes:
        """The archive's bytes."""
        self.add('TRAILER!!!', 0)
        self.data.write(b'\0' * (-self.data.tell() % 512))
        return self.data.getvalue()

    def _pad(self) -> None:
        self.data.write(b'\0' * (-self.data.tell() % 4))


def _merged(name: str) -> str:
    """A path of the guest without its leading slash, /bin and the like in /usr."""
    name = os.path.normpath('/' + name).lstrip('/')
    top, slash, _ = name.partition('/')
    return f'usr/{name}' if slash and top in ('bin', 'sbin', 'lib', 'lib64') else name


def is_elf(path: Path) -> bool:
    """Whether a file is an ELF file; all such may need libraries."""
    with open(path, 'rb') as file:
        return file.read(4) == b'\x7fELF'


def so_path(root: Path) -> str:
    """Where the libraries of packages unpacked below root are, for LD_LIBRARY_PATH."""
    return ':'.join(str(folder) for prefix in ('lib', 'usr/lib')
                    for folder in [root / prefix, *sorted((root / prefix).glob('*-linux-gnu'))])


def libraries(files: Iterable[Path], root: Path | None = None) -> list[Path]:
    """The shared libraries that ELF files need, found as the dynamic linker finds them."""
    paths = [str(path) for path in files]
    if not paths:
        return []
    env = {key: value for key, value in os.environ.items() if not key.startswith('LD_')}
    env['LC_ALL'] = 'C'
    if root:
        env['LD_LIBRARY_PATH'] = so_path(root)
    # One file more, as with several files ldd heads each one's part with its name.
    out = subprocess.run(['ldd', str(PYTHON), *paths], env=env, text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    user = ''
    found: dict[Path, None] = {}
    for line in out.splitlines():
        if not line[:1].isspace():
            user = line.rstrip(':')
        elif line.endswith('=> not found'):
            remedy = (f"remove the folder '{root}', so that it is fetched again" if root
                      else 'build or install it')
            raise ImageError(f'{user} needs the library {line.split()[0]}, '
                             f'which is not on this machine; {remedy}')
        elif match := re.search(r'(/.*) \(0x[0-9a-f]+\)$', line):
            found[Path(match[1])] = None
    return list(found)


def _key(parts: Iterable[Path]) -> str:
    """A hash of what the image is made from: names, sizes and times, and our own code."""
    digest = hashlib.sha256()
    for path in (HERE / 'image.py', *sorted(GUEST.iterdir())):
        digest.update(path.read_bytes())
    for path in parts:
        info = path.lstat()
        digest.update(f'{path}\0{info.st_size}\0{info.st_mtime_ns}\n'.encode())
    return digest.hexdigest()[:16]


def _python_files() -> list[Path]:
    code = 'import os, sys; print(os.path.dirname(os.__file__), sys.implementation.cache_tag)'
    done = subprocess.run([PYTHON, '-I', '-c', code], text=True, check=False,
                          stdout=subprocess.PIPE)
    folder, _, tag = done.stdout.strip().rpartition(' ')
    if done.returncode or not folder:
        raise ImageError(f"{PYTHON} does not run; install Debian's package python3")
    top = Path(folder)
    files = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders
                            if name not in PYTHON_LEFT_OUT and not name.startswith('config-'))
        files += [Path(folder, name) for name in sorted(names)]
    # Another Python's caches are of no use in the guest.
    return [path for path in files
            if path.exists() and (path.suffix != '.pyc' or path.name.endswith(f'.{tag}.pyc'))]


def _module_files(tree: Path, wanted: Iterable[str]) -> dict[str, bytes]:
    """The modules wanted and all that they need, by file name, as far as the kernel has them."""
    index = {path.name.split('.ko')[0].replace('-', '_'): path for path in tree.rglob('*.ko*')}
    todo, found = list(wanted), {}
    while todo:
        path = index.pop(todo.pop().replace('-', '_'), None)
        if path is None:
            continue
        content = path.read_bytes()
        if path.suffix == '.xz':
            content = lzma.decompress(content)
        elif path.suffix != '.ko':
            raise ImageError(f'{path}: kernel modules compressed this way are not supported; '
                             'build the kernel without module compression or with xz')
        found[path.name.split('.ko')[0] + '.ko'] = content
        for match in re.finditer(rb'\0depends=([^\0]+)\0', content):
            todo += match[1].decode().split(',')
    return found


def _add_modules(cpio: Cpio, tree: Path, tools: Path) -> None:
    version = tree.name
    with tempfile.TemporaryDirectory(prefix='lab-modules.') as work:
        target = Path(work, 'lib/modules', version)
        target.mkdir(parents=True)
        for name, content in _module_files(tree, MODULES).items():
            (target / name).write_bytes(content)
        for path in tree.glob('modules.builtin*'):
            (target / path.name).write_bytes(path.read_bytes())
        # Its name decides what kmod does; the package's links are absolute.
        kmod = next(path for path in (tools / 'bin/kmod', tools / 'usr/bin/kmod') if path.exists())
        done = subprocess.run(['depmod', '-b', work, version], executable=kmod, text=True,
                              env={'LD_LIBRARY_PATH': so_path(tools)}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise ImageError(f'depmod failed on the modules of {tree}:\n{done.stdout.strip()}')
        for path in sorted(target.iterdir()):
            cpio.add_file(f'lib/modules/{version}/{path.name}', path)


def _add_tools(cpio: Cpio, tools: Path) -> list[Path]:
    """Add Debian's tools; returns those that need libraries."""
    elves = []
    for folder in ('bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/share/misc'):
        for path in sorted((tools / folder).glob('*')):
            if path.is_symlink() or path.is_file():
                cpio.add_file(str(path.relative_to(tools)), path)
                if folder != 'usr/share/misc' and not path.is_symlink() and is_elf(path):
                    elves.append(path)
    busybox = next(path for path in elves if path.name == 'busybox')
    applets = subprocess.run([busybox, '--list'], text=True, check=True, stdout=subprocess.PIPE)
    for applet in applets.stdout.split():
        # Real programs lie in either folder.
        if f'usr/sbin/{applet}' not in cpio:
            cpio.link(f'usr/bin/{applet}', 'busybox')
    return elves


def base(modules: Path | None) -> bytes:
    """The part that is the same for all runs on one kernel; kept in the cache."""
    tools = debian.unpack('tools', TOOLS)
    python = _python_files()
    parts = [PYTHON.resolve(), SHELL, *python, tools]
    if modules:
        parts += [modules, *sorted(modules.rglob('*.ko*'))]
    final = debian.cache_dir() / 'images' / f'{_key(parts)}.cpio'
    if final.exists():
        return final.read_bytes()
    with debian.locked('images'):
        if final.exists():
            return final.read_bytes()
        cpio = Cpio()
        for name in ('bin', 'sbin', 'lib', 'lib64'):
            cpio.link(name, f'usr/{name}')
        for name in ('proc', 'sys', 'dev', 'tmp', 'run', 'root', 'var', 'usr/local/bin', 'mnt'):
            cpio.add(name, stat.S_IFDIR | 0o755)
        cpio.link('var/run', '../run')
        cpio.add('dev/console', stat.S_IFCHR | 0o600, device=(5, 1))
        for name, text in ETC.items():
            cpio.add(f'etc/{name}', stat.S_IFREG | 0o644, text.encode())
        cpio.add('init', stat.S_IFREG | 0o755, (GUEST / 'init').read_bytes())
        for name in ('agent', 'console'):
            cpio.add(f'usr/lib/lab/{name}', stat.S_IFREG | 0o644, (GUEST / name).read_bytes())
        needy = _add_tools(cpio, tools)
        cpio.add_file('usr/bin/python3', PYTHON.resolve())
        cpio.add_file('usr/bin/dash', SHELL)
        for path in python:
            cpio.add_file(str(path), path)
        needed = libraries(needy, tools)
        needed += libraries([PYTHON, *(path for path in python if path.suffix == '.so')])
        # The C library loads it by name when a thread ends.
        libc = next(path for path in needed if path.name == 'libc.so.6')
        needed.append(libc.with_name('libgcc_s.so.1'))
        for path in needed:
            cpio.add_file(_guest_path(path, tools), path.resolve())
        if modules:
            _add_modules(cpio, modules, tools)
        return _keep(final, cpio.finish())


def _keep(final: Path, content: bytes) -> bytes:
    final.parent.mkdir(parents=True, exist_ok=True)
    # Old images are of no use to anyone once their key has changed.
    for old in sorted(final.parent.glob('*.cpio'), key=os.path.getmtime)[:-5]:
        old.unlink(missing_ok=True)
    temporary = final.with_name(f'.{final.name}.{os.getpid()}')
    try:
        temporary.write_bytes(content)
        temporary.rename(final)
    finally:
        temporary.unlink(missing_ok=True)
    return content


def extra(files: Mapping[str, Path]) -> bytes:
    """The part of one run: the caller's files and folders, with the libraries that they need."""
    cpio = Cpio()
    elves: dict[Path | None, list[Path]] = {}
    for name, given in files.items():
        top = Path(given)
        if not name.startswith('/'):
            raise ImageError(f"the guest's path '{name}' must start with a slash")
        if not top.exists():
            raise ImageError(f"there is no file '{top}' to put into the guest as {name}")
        paths = sorted(path for path in top.rglob('*') if path.is_file()) if top.is_dir() else [top]
        for path in paths:
            place = os.path.join(name, path.relative_to(top)) if top.is_dir() else name
            real = path.resolve()
            if not is_elf(real):
                cpio.add_file(place, real)
                continue
            # At its own path, so that an rpath relative to it leads to its libraries.
            root = _package_root(real)
            elves.setdefault(root, []).append(real)
            own = _guest_path(real, root)
            cpio.add_file(own, real)
            if _merged(place) != _merged(own):
                cpio.link(place, own)
    for root, users in elves.items():
        for path in libraries(users, root):
            cpio.add_file(_guest_path(path, root), path.resolve())
    return cpio.finish()


def _package_root(path: Path) -> Path | None:
    """The folder that Debian packages were unpacked into, if the file is from one."""
    packages = (debian.cache_dir() / 'packages' / debian.codename()).resolve()
    if not path.is_relative_to(packages):
        return None
    return packages / path.relative_to(packages).parts[0]


def _guest_path(path: Path, root: Path | None) -> str:
    """Where a file of the host lies in the guest: unpacked packages are as if installed."""
    return '/' + str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)
