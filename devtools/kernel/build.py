# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Kernels for the lab, without and with the series, from one tree."""
from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import debian

from . import config, series as patches, tree as sources
from .series import Series
from .tree import KernelError, Tree, run

HERE = Path(__file__).resolve().parent
# Program by the Debian package that has it; elf.h is for objtool.
NEEDED = {'gcc': 'gcc', 'make': 'make', 'flex': 'flex', 'bison': 'bison', 'bc': 'bc',
          'patch': 'patch', 'xz': 'xz-utils', '/usr/include/libelf.h': 'libelf-dev'}
# Old kernels' host programs define a variable twice.
OLD_HOST = ['HOSTCFLAGS=-O2 -w -fcommon']
# Today's gcc warns about much of their own code.
QUIET = ['KCFLAGS=-w']
# By the kind of kernel; without a name it is the lab's.
FRAGMENTS = {'': [config.LAB], 'debug': [config.LAB, config.DEBUG],
             'kcsan': [config.LAB, config.KCSAN], 'nogroup': [config.LAB, config.NOGROUP]}
# As many results as are kept: a few versions, some states of their series.
KEPT = 12

Say = Callable[[str], None]


def require_programs(needed: dict[str, str]) -> None:
    """Refuse to begin what can't be finished."""
    missing = [package for program, package in needed.items()
               if not (os.path.exists(program) if program.startswith('/')
                       else shutil.which(program))]
    if missing:
        raise KernelError('this takes Debian packages that are missing; as root: apt-get install '
                          + ' '.join(missing))


class Builder:
    """A source folder of ours and the objects built from it."""

    def __init__(self, tree: Tree, work: Path, jobs: int, fragments: Sequence[Path],
                 about: str = '') -> None:
        """`about` is what the names of those symbols contain that the configuration must have."""
        self.tree = tree
        self.objects = work / 'objects'
        self._log = work / 'log'
        self._jobs = jobs
        self._fragments = fragments
        self._about = about
        self.objects.mkdir(exist_ok=True)

    def make(self, *args: str) -> str:
        """Run make; its output also goes to the log."""
        argv = ['make', '-s', f'-j{self._jobs}', f'O={self.objects}',
                *(OLD_HOST if self.tree.old else []), *args]
        done = run(argv, self.tree.path)
        with open(self._log, 'a', encoding='utf-8') as log:
            log.write(f'$ {" ".join(argv)}\n{done.stdout}')
        if done.returncode:
            tail = '\n'.join(done.stdout.strip().splitlines()[-20:])
            raise KernelError(f'building Linux {self.tree.name} failed; its last lines:\n{tail}')
        return done.stdout

    def configure(self) -> None:
        """Make .config from the fragments; also after Kconfig files have changed."""
        self.make('tinyconfig')
        with open(self.objects / '.config', 'a', encoding='utf-8') as file:
            for fragment in self._fragments:
                file.write(fragment.read_text('utf-8'))
        self.make('olddefconfig')
        config.require(self._fragments, self.objects / '.config', self.tree.path, self._about)

    def kernel(self, to: Path, suffix: str) -> None:
        """Build the kernel and its modules, and put them into a folder."""
        self.configure()
        # Else the build asks git, which may find a repository around the folder.
        version = f'LOCALVERSION={suffix}'
        self.make(version, 'bzImage', 'modules', *(QUIET if self.tree.old else []))
        # The lab makes the lists of modules that depmod would.
        self.make(version, 'modules_install', f'INSTALL_MOD_PATH={to}', 'INSTALL_MOD_STRIP=1',
                  'DEPMOD=true')
        for link in ('build', 'source'):
            for path in to.glob(f'lib/modules/*/{link}'):
                path.unlink()
        shutil.copyfile(self.objects / 'arch/x86/boot/bzImage', to / 'bzImage')
        shutil.copyfile(self.objects / '.config', to / 'config')


@contextlib.contextmanager
def workshop(name: str) -> Iterator[Path]:
    """A folder for sources and objects, which disappears; its log stays, below the name. One
    process at a time has a folder for a name."""
    with debian.locked(f'kernels-{name}') as cache, contextlib.ExitStack() as held:
        top = cache / 'kernels'
        with debian.locked('kernels'):
            top.mkdir(exist_ok=True)
            for old in top.glob('.work.*'):
                # Who is at work in it holds its lock; who was killed doesn't.
                with contextlib.suppress(OSError), _lock(old):
                    shutil.rmtree(old, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix='.work.', dir=top))
            held.enter_context(_lock(work))
        log = top / f'{name}.log'
        try:
            yield work
        except KernelError as err:
            raise KernelError(f'{err}\nThe whole log is {log}') from err
        finally:
            if (work / 'log').exists():
                (work / 'log').replace(log)
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Source:
    """Where a kernel's sources come from."""
    name: str
    facts: bytes  # what tells them from others of that name
    # Into a folder of ours, if names are given only these folders and files.
    put: Callable[[Path, Sequence[str]], Tree]


def tree_source(tree: Tree) -> Source:
    """A tree of the user's, which isn't touched. Only its vfio tells whether it was built before;
    the rest of it is taken for unchanged."""
    def put(to: Path, only: Sequence[str]) -> Tree:
        sources.copy(tree.path, to, sources.PRODUCTS + sources.UNUSED, only or ['.'])
        return sources.find_tree(to)

    digest = hashlib.sha256(str(tree.path).encode())
    for top in ('Makefile', 'drivers/vfio', 'include/linux/vfio.h', 'include/uapi/linux/vfio.h'):
        path = tree.path / top
        for file in sorted(path.rglob('*')) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(str(file).encode() + file.read_bytes())
    return Source(tree.name, digest.digest(), put)


def debian_source(version: str) -> Source:
    """Debian's sources of a version, such as 6.12."""
    package = f'linux-source-{version}'
    tarball = _debian_package(package) / f'usr/src/{package}.tar.xz'

    def put(to: Path, only: Sequence[str]) -> Tree:
        sources.run_well(['tar', '-C', to, '--strip-components=1',
                          *sources.excluded(sources.UNUSED, package), '-xJf', tarball,
                          *(f'{package}/{name}' for name in only)])
        return sources.find_tree(to)

    info = tarball.stat()
    return Source(f'debian-{version}', f'{info.st_size} {info.st_mtime_ns}'.encode(), put)


def _debian_package(package: str) -> Path:
    for suite, release in [*debian.places(), ('', debian.UNRELEASED)]:
        with contextlib.suppress(debian.NoPackage):
            return debian.unpack(package, [package], suite, release=release)
    raise KernelError(f'Debian has no {package}; name a tree instead')


def _build(source: Source, chosen: Series, work: Path, to: Path, kind: str, jobs: int,
           say: Say) -> None:
    """Put kernels without and with the series into the folders unpatched and patched below `to`;
    of a series without patches only the former."""
    start = time.monotonic()
    (work / 'source').mkdir()
    tree = source.put(work / 'source', [])
    kinds = [('unpatched', '')]
    if chosen.patches:
        patches.check(chosen, tree)
        kinds.append(('patched', '-vf-token'))
    builder = Builder(tree, work, jobs, FRAGMENTS[kind])
    say(f'building Linux {tree.name}' + (f' with {kind}.config' if kind else ''))
    for name, suffix in kinds:
        if name == 'patched':
            patches.apply_in_place(chosen.patches, tree.path)
        (to / name).mkdir()
        builder.kernel(to / name, suffix)
        say(f'{name} after {time.monotonic() - start:.0f} s')


def _key(source: Source, chosen: Series, kind: str) -> str:
    """What tells a result from any other: the source, the series, the configuration, this code."""
    digest = hashlib.sha256(source.facts)
    own = [HERE / name for name in ('build.py', 'config.py', 'tree.py')]
    for path in (*chosen.patches, *FRAGMENTS[kind], *own):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kernels(source: Source, chosen: Series, kind: str, jobs: int, say: Say) -> Path:
    """A folder of the cache with kernels without and, if it has patches, with the series, built if
    need be."""
    require_programs(NEEDED)
    name = source.name + (f'-{kind}' if kind else '')
    top = debian.cache_dir() / 'kernels'
    final = top / f'{name}-{_key(source, chosen, kind)}'
    if final.is_dir():
        os.utime(final)
        return final
    with workshop(name) as work:
        if not final.is_dir():
            (work / 'result').mkdir()
            _build(source, chosen, work, work / 'result', kind, jobs, say)
            (work / 'result').rename(final)
            results = [path for path in top.iterdir() if path.is_dir() and path.name[0] != '.']
            for old in sorted(results, key=os.path.getmtime)[:-KEPT]:
                shutil.rmtree(old, ignore_errors=True)
    return final
