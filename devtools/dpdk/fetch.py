#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Put the DPDK release that a wrap file names where Meson looks for it.

From Debian's source package if it has that very tarball, else from DPDK's release server; either
way it is taken only with the sha256 in the wrap file. DPDK that was unpacked before with other
patches of ours is removed, as Meson patches it only when it unpacks it.
"""
import argparse
import configparser
import hashlib
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

# The source may be somebody else's, or read-only.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import debian  # noqa: E402

STAMP = '.vf-token-glue'
# The Debian release whose source package is the same DPDK.
DEBIAN_RELEASES = {'22.11': 'bookworm', '24.11': 'trixie', '25.11': 'sid'}
SERVER_TIMEOUT = 30


class FetchError(Exception):
    """There is no usable tarball; the text says why and what to do."""


class Wrap:
    """A wrap file of Meson's."""

    def __init__(self, path: Path) -> None:
        parser = configparser.ConfigParser()
        if not parser.read(path):
            raise FetchError(f"there is no wrap file '{path}'; name one of subprojects/dpdk-*.wrap")
        # Meson itself gets what a wrap-git names.
        self.in_git = 'wrap-git' in parser
        section = parser['wrap-git' if self.in_git else 'wrap-file']
        self.path = path
        self.version = path.stem.removeprefix('dpdk-')
        self.name = section.get('source_filename', '')
        self.sha256 = section.get('source_hash', '')
        self.url = section.get('source_url', '')
        self.folder = path.parent / section['directory']
        self.tarball = path.parent / 'packagecache' / self.name
        files = path.parent / 'packagefiles'
        self.patches = [files / name for name in section['diff_files'].replace(',', ' ').split()]
        self.overlay = files / section['patch_directory']
        self.own_files = sorted(file for file in self.overlay.rglob('*') if file.is_file())

    def glue(self) -> str:
        """What tells this wrap and its glue from any other."""
        digest = hashlib.sha256()
        for file in [self.path, *self.own_files, *self.patches]:
            digest.update(file.read_bytes())
        return digest.hexdigest() + '\n'

    def check(self, tarball: Path) -> None:
        """Refuse a tarball that isn't the one."""
        found = hashlib.sha256(tarball.read_bytes()).hexdigest()
        if found != self.sha256:
            raise FetchError(f"'{tarball}' isn't {self.name}: its sha256 is {found} instead of "
                             f'{self.sha256}; remove it, so that it is fetched again')


def from_debian(wrap: Wrap, folder: Path) -> Path:
    """The tarball as Debian's source package carries it."""
    upstream = wrap.name.removeprefix('dpdk-')
    return debian.source('dpdk', f'dpdk_{upstream.replace(".tar", ".orig.tar")}', folder,
                         DEBIAN_RELEASES.get(wrap.version, ''))


def from_server(wrap: Wrap, folder: Path) -> Path:
    """The tarball as DPDK released it."""
    file = folder / (wrap.name + '.part')
    with (urllib.request.urlopen(wrap.url, timeout=SERVER_TIMEOUT) as answer,
          open(file, 'wb') as out):
        shutil.copyfileobj(answer, out)
    return file


def fetch(wrap: Wrap) -> Path:
    """The tarball in the cache, fetched if it isn't there."""
    with debian.locked('dpdk') as cache:
        tarball = cache / wrap.name
        if tarball.exists():
            wrap.check(tarball)
            return tarball
        print(f'fetching {wrap.name}', file=sys.stderr, flush=True)
        failures = []
        for get in (from_debian, from_server):
            try:
                file = get(wrap, cache)
                wrap.check(file)
                file.rename(tarball)
                return tarball
            except (debian.DebianError, FetchError, OSError) as err:
                failures.append(f'{get.__name__.replace("_", " ")}: {err}')
    raise FetchError(f'{wrap.name} cannot be fetched; put it at {tarball} by hand\n'
                     + '\n'.join(failures))


def prepare(wrap: Wrap) -> None:
    """Leave the tarball for Meson to unpack, unless it did so with these patches before."""
    stamp = wrap.folder / STAMP
    if stamp.exists() and stamp.read_text() == wrap.glue():
        return
    if wrap.in_git:
        pass
    elif wrap.tarball.exists():
        wrap.check(wrap.tarball)
    else:
        wrap.tarball.parent.mkdir(exist_ok=True)
        shutil.copyfile(fetch(wrap), wrap.tarball)
    shutil.rmtree(wrap.folder, ignore_errors=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('--built', action='store_true',
                        help='say that Meson unpacked it with the present patches')
    parser.add_argument('wrap', type=Path, help='subprojects/dpdk-VERSION.wrap')
    args = parser.parse_args()
    try:
        wrap = Wrap(args.wrap)
        if args.built:
            (wrap.folder / STAMP).write_text(wrap.glue())
        else:
            prepare(wrap)
    except (debian.DebianError, FetchError, OSError) as err:
        print(f'fetch.py: {err}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
