#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Debian packages for this project, fetched without installing them.

A private apt state in the cache, whose sources are derived from the machine's own, so that neither
the machine's apt configuration nor its package lists change and no mirror is named here.
"""
from __future__ import annotations

import argparse
import contextlib
import fcntl
import fnmatch
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

KEYRING = Path('/usr/share/keyrings/debian-archive-keyring.gpg')
FETCH_TIMEOUT = 1800
UNRELEASED = 'sid'
# The releases whose packages may be taken where the machine's own release lacks them.
RELEASES = ('bookworm', 'trixie')


class DebianError(Exception):
    """Something that a person must act on; the text says what."""


class NoPackage(DebianError):
    """The archive doesn't have the package."""


def cache_dir() -> Path:
    """The project's cache folder; it is created when something is first put there."""
    base = os.environ.get('XDG_CACHE_HOME', '')
    # The XDG specification has relative values ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / '.cache'
    return root / 'dpdk-vf-token'


@contextlib.contextmanager
def locked(name: str) -> Iterator[Path]:
    """Hold the cache's lock `name`, so that two processes don't make the same thing twice."""
    root = cache_dir()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = open(root / f'.{name}.lock', 'w', encoding='ascii')
    except OSError as err:
        raise DebianError(f'cannot use the cache folder {root}: {err.strerror}; '
                          'set XDG_CACHE_HOME to a folder that you may write to') from err
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield root


@contextlib.contextmanager
def making(final: Path) -> Iterator[Path]:
    """A path for a file or folder that takes the place of `final` if all goes well, else goes."""
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{final.name}.', dir=final.parent) as work:
        made = Path(work, final.name)
        yield made
        made.rename(final)


def codename() -> str:
    """The running Debian's code name, from os-release."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    name = release.get('VERSION_CODENAME', '')
    if release.get('ID') != 'debian' or not name:
        raise DebianError('this machine does not run a released Debian (see /etc/os-release), '
                          'so its packages cannot be fetched')
    return name


def places() -> list[tuple[str, str]]:
    """Where a package may be, as suite and release, the machine's own first."""
    others = [release for release in RELEASES if release != codename()]
    return [(suite, release) for release in ('', *others) for suite in ('', 'backports')]


@dataclass(frozen=True)
class Entry:
    """One of the machine's own Debian sources."""
    uri: str
    suite: str
    keyring: str

    def line(self, kind: str) -> str:
        """This source as a line of a sources.list; kind is deb or deb-src."""
        key = f' [signed-by={self.keyring}]' if self.keyring else ''
        return f'{kind}{key} {self.uri} {self.suite} main'


def machine_entries() -> list[Entry]:
    """The machine's own sources of the running Debian, without those of other vendors."""
    release = codename()
    out = run(['apt-get', 'indextargets', '--format', '$(REPO_URI)\t$(CODENAME)\t$(SIGNED_BY)',
               'Created-By: Packages', 'Origin: Debian', 'Component: main'],
              'cannot ask apt for its sources')
    entries = []
    for uri, suite, signed_by in re.findall(r'^(\S+)\t(\S+)\t(.*)$', out, re.MULTILINE):
        if suite not in (release, f'{release}-updates', f'{release}-security'):
            continue
        # Older apt leaves $(SIGNED_BY) as it is, and a key may stand inline instead of in a file.
        keyring = signed_by if signed_by.startswith('/') else str(KEYRING)
        entry = Entry(uri, suite, keyring if Path(keyring).exists() else '')
        if entry not in entries and not uri.startswith('cdrom:'):
            entries.append(entry)
    if not any(entry.suite == release for entry in entries):
        raise DebianError(f"apt's lists have no Debian {release} main on this machine; "
                          "run 'apt-get update' as root, then try again")
    return entries


def run(argv: Sequence[str | Path], failure: str, cwd: Path | None = None,
        env: Mapping[str, str] | None = None, executable: Path | None = None) -> str:
    """What a program prints that must succeed; the error of one that doesn't begins with
    `failure`."""
    try:
        done = subprocess.run(argv, cwd=cwd, env={**os.environ, 'LC_ALL': 'C', **(env or {})},
                              executable=executable, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=FETCH_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise DebianError(f'{failure}: {err}') from err
    if done.returncode:
        tail = '\n'.join(done.stderr.strip().splitlines()[-5:])
        raise DebianError(f'{failure}:\n{tail}')
    return done.stdout


class Apt:
    """apt on a private state below the cache folder."""

    def __init__(self, kind: str = 'deb', suite: str = '', release: str = '',
                 architecture: str = '') -> None:
        """kind is deb or deb-src; suite adds one that the machine lacks, such as backports;
        release is another Debian than the machine's, by its code name; architecture, such as
        arm64, is that of a machine on which nothing is installed."""
        self._kind = kind
        self._architecture = architecture
        self._release = release or codename()
        self._extra = f'{self._release}-{suite}' if suite else ''
        self.folder = cache_dir() / 'apt' / '-'.join(
            filter(None, (kind, suite, release, architecture)))
        self._fresh = False

    def _update(self) -> None:
        # Only a released Debian has suites for updates.
        entries = [replace(entry, suite=entry.suite.replace(codename(), self._release, 1))
                   for entry in machine_entries()
                   if self._release != UNRELEASED or entry.suite == codename()]
        if self._extra:
            main = next(entry for entry in entries if entry.suite == self._release)
            entries.append(Entry(main.uri, self._extra, main.keyring))
        for name in ('lists/partial', 'cache/archives/partial'):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / 'sources.list').write_text(
            ''.join(entry.line(self._kind) + '\n' for entry in entries), encoding='utf-8')
        self._fresh = True
        self.run('apt-get', 'update', '--error-on=any')

    def run(self, tool: str, *args: str, cwd: Path | None = None) -> str:
        """Run an apt tool on this state; the first call brings the package lists up to date."""
        if not self._fresh:
            self._update()
        options = {'Dir::State::Lists': self.folder / 'lists', 'Dir::Cache': self.folder / 'cache',
                   'Dir::Etc::sourcelist': self.folder / 'sources.list',
                   'Dir::Etc::sourceparts': '/dev/null', 'Acquire::Languages': 'none',
                   # apt's own user can't enter a cache in somebody's home.
                   'APT::Sandbox::User': 'root', 'Debug::NoLocking': '1'}
        if self._architecture:
            options |= {'APT::Architecture': self._architecture,
                        'APT::Architectures': self._architecture, 'Dir::State::status': '/dev/null'}
        argv = [tool, '-q']
        for key, value in options.items():
            argv += ['-o', f'{key}={value}']
        return run(argv + list(args), f'{tool} {" ".join(args)} failed', cwd)

    def download(self, packages: Sequence[str], to: Path) -> None:
        """Put packages into a folder, and those of their dependencies that the machine lacks."""
        (to / 'partial').mkdir()
        target = ['-t', self._extra] if self._extra else []
        try:
            said = self.run('apt-get', 'install', '--download-only', '--reinstall', '--yes',
                            '--no-install-recommends', '-o', f'Dir::Cache::archives={to}', *target,
                            *packages)
        except DebianError as err:
            if 'Unable to locate package' in str(err):
                raise NoPackage(str(err)) from err
            raise
        # Of a package that is installed in a version which the archive doesn't have.
        if unfit := re.search(r'^.* is not possible.*$', said, re.MULTILINE):
            raise DebianError(f'cannot fetch {" ".join(packages)}: {unfit[0]}')

    def depends(self, package: str) -> list[str]:
        """What a metapackage such as linux-image-amd64 depends on by name, and of that what belongs
        to the same software, as its name tells; one of some version is PACKAGE=VERSION, in which *
        stands for anything."""
        family = package.split('-')[0]
        names, left = [], [package]
        while left:
            said = self.run('apt-cache', 'depends', left.pop(0))
            new = [name for name in re.findall(r'^ *Depends: ([^<\s]+)', said, re.MULTILINE)
                   if name not in names and name.startswith(f'{family}-')]
            names += new
            left += new
        if not names:
            raise NoPackage(f"Debian's archive has no {package}")
        return names


def unpack(name: str, packages: Sequence[str], suite: str = '', meta: bool = False,
           release: str = '', architecture: str = '') -> Path:
    """The cache folder `name` with these packages unpacked, and their dependencies that the
    machine lacks; with `meta`, instead with what depends() finds. suite, release and architecture
    are as for Apt."""
    final = cache_dir() / 'packages' / codename() / name
    if final.is_dir():
        return final
    with locked(f'packages-{name}'):
        if final.is_dir():
            return final
        print(f'fetching from Debian: {" ".join(packages)}', file=sys.stderr, flush=True)
        # Two folders of packages may need one apt state.
        with (locked('apt'), tempfile.TemporaryDirectory(dir=cache_dir(), prefix='.debs.') as work,
              making(final) as folder):
            debs, apt = Path(work), Apt(suite=suite, release=release, architecture=architecture)
            if meta:
                apt.run('apt-get', 'download', *apt.depends(packages[0]), cwd=debs)
            else:
                apt.download(packages, debs)
            for deb in sorted(debs.glob('*.deb')):
                run(['dpkg', '-x', deb, folder], f'cannot unpack {deb.name}')
    return final


def source(package: str, pattern: str, dest: Path, release: str = '') -> Path:
    """Put the file of a source package that matches a glob pattern into the folder dest; release
    is the code name of another Debian than the machine's to take it from."""
    with locked('apt'), tempfile.TemporaryDirectory(dir=cache_dir(), prefix='.source.') as work:
        Apt('deb-src', release=release).run('apt-get', 'source', '--download-only', package,
                                            cwd=Path(work))
        names = sorted(os.listdir(work))
        found = fnmatch.filter(names, pattern)
        if len(found) != 1:
            raise DebianError(f"Debian's source package {package} has "
                              f"{len(found) or 'no'} files that match '{pattern}'; it has: "
                              + ', '.join(names))
        try:
            with making(dest / found[0]) as made:
                shutil.copyfile(Path(work, found[0]), made)
        except OSError as err:
            raise DebianError(f'cannot put {found[0]} into {dest}: {err.strerror}') from err
    return dest / found[0]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('command', choices=['unpack'], help='into a folder of the cache')
    parser.add_argument('--architecture', default='', help="another than this machine's: arm64; "
                        'nothing counts as installed then')
    parser.add_argument('--release', default='', help="another than this machine's: trixie")
    parser.add_argument('name', metavar='NAME', help='of the folder')
    parser.add_argument('packages', metavar='PACKAGE', nargs='+')
    args = parser.parse_args()
    try:
        print(unpack(args.name, args.packages, release=args.release,
                     architecture=args.architecture))
    except DebianError as err:
        print(f'debian.py: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
