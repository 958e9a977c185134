#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Make Meson's subproject dpdk-source of a DPDK tree from anywhere, with the glue nearest to it.

The glue is that of the newest wrap file which isn't newer than the tree; a tree that opens VFIO
devices by cdev, too, gets that of DPDK's main branch, and one whose EAL keeps the lists of a bus's
devices gets that branch's for the bus. The tree itself stays as it is; the subproject is a copy,
which is brought up to date when the tree or the glue has changed.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dpdk.fetch import STAMP, FetchError, Wrap  # noqa: E402

SUBPROJECTS = Path(__file__).resolve().parents[2] / 'subprojects'
FOLDER = 'dpdk-source'
MAIN = 'main'
# What a tree with DPDK 26.11's VFIO code has.
CDEV = 'lib/eal/linux/eal_vfio_cdev.c'
# What a tree since 26.07 has, where EAL keeps them.
LISTS = 'lib/eal/include/bus_driver.h', 'RTE_BUS_FOREACH_DEV'


class SourceError(Exception):
    """The tree can't be used; the text says why and what to do."""


@dataclass(frozen=True)
class Tree:
    """A DPDK tree and its version."""
    path: Path
    version: str

    def release(self) -> tuple[int, int]:
        """Year and month of its release."""
        year, month = self.version.split('.')[:2]
        return int(year), int(month)


def find_tree(given: str) -> Tree:
    """The tree in a folder."""
    path = Path(given).expanduser().resolve()
    try:
        version = (path / 'VERSION').read_text('ascii').strip()
    except (OSError, UnicodeDecodeError):
        version = ''
    if not re.match(r'\d+\.\d+\.\d+', version) or not (path / 'lib/eal').is_dir():
        raise SourceError(f"'{given}' isn't a DPDK tree: it has no VERSION such as 25.11.0 beside "
                          'lib/eal; name the top folder of a release or of a git checkout')
    return Tree(path, version)


def find_glue(tree: Tree, folder: Path = SUBPROJECTS) -> Wrap:
    """The wrap file with the glue that is nearest to a tree."""
    wraps = {path.stem.removeprefix('dpdk-'): path for path in folder.glob('dpdk-*.wrap')
             if path.stem != FOLDER}
    if MAIN in wraps and (tree.path / CDEV).is_file():
        return Wrap(wraps[MAIN])
    numbered = sorted((tuple(map(int, name.split('.'))), name) for name in wraps if name != MAIN)
    older = [name for release, name in numbered if release <= tree.release()]
    wrap = Wrap(wraps[older[-1] if older else numbered[0][1]])
    file, mark = tree.path / LISTS[0], LISTS[1]
    if MAIN in wraps and file.is_file() and mark in file.read_text('utf-8'):
        bus = {patch.name: patch for patch in Wrap(wraps[MAIN]).patches if 'bus-pci' in patch.name}
        wrap.patches = [bus.get(patch.name, patch) for patch in wrap.patches]
    return wrap


def _files(patch: Path) -> list[str]:
    """The files that a patch changes."""
    return re.findall(r'^\+\+\+ b/(\S+)', patch.read_text('utf-8'), re.MULTILINE)


def _patch(patch: Path, tree: Path) -> str:
    """Apply a patch where its context is exactly so; returns why it doesn't apply, else nothing."""
    done = subprocess.run(['patch', '--batch', '--forward', '--fuzz=0', '--no-backup-if-mismatch',
                           '-p1', '-i', patch], cwd=tree, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.strip() if done.returncode else ''


def apply(wrap: Wrap, tree: Path) -> None:
    """Put the glue into a tree."""
    for file in wrap.own_files:
        to = tree / file.relative_to(wrap.overlay)
        if to.exists():
            raise SourceError(f"'{to.relative_to(tree)}' is there already, so this DPDK has the "
                              'glue; name a tree without it')
        shutil.copyfile(file, to)
    for patch in wrap.patches:
        why = _patch(patch, tree)
        if why:
            raise SourceError(
                f'the glue of {wrap.path.stem} does not apply: {patch.parent.name}/{patch.name}\n'
                f'{why}\nsubprojects/packagefiles/README.md says how to make glue for a version')


def check(wrap: Wrap, tree: Tree) -> None:
    """Refuse a tree that the glue doesn't apply to, without touching or copying all of it."""
    with tempfile.TemporaryDirectory(prefix='dpdk-source.') as work:
        names = {name for patch in wrap.patches for name in _files(patch)}
        names |= {str(file.relative_to(wrap.overlay)) for file in wrap.own_files}
        for name in names:
            (Path(work) / name).parent.mkdir(parents=True, exist_ok=True)
            if (tree.path / name).is_file():
                shutil.copyfile(tree.path / name, Path(work) / name)
        apply(wrap, Path(work))


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What isn't source: git's folder, and build folders of Meson's."""
    return {name for name in names
            if name == '.git' or os.path.isdir(os.path.join(folder, name, 'meson-private'))}


def _state(tree: Path) -> Iterator[str]:
    """What changes when a file of the tree does."""
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(set(folders) - _left_out(folder, folders))
        for name in sorted(files):
            facts = os.lstat(os.path.join(folder, name))
            yield f'{folder}/{name} {facts.st_size} {facts.st_mtime_ns}\n'


def make(wrap: Wrap, tree: Tree, folder: Path = SUBPROJECTS) -> None:
    """Put a patched copy of a tree where Meson looks for the subproject."""
    place = folder / FOLDER
    digest = hashlib.sha256(wrap.glue().encode())
    for line in _state(tree.path):
        digest.update(line.encode())
    state = digest.hexdigest() + '\n'
    if place.exists() and not (place / STAMP).exists():
        raise SourceError(f"'{place}' wasn't made by this program; remove it")
    if place.exists():
        path, _, had = (place / STAMP).read_text('utf-8').partition('\n')
        if path != str(tree.path):
            raise SourceError(f"'{place}' has a copy of '{path}', which a build may need; remove "
                              f"it, or take another checkout of this project for '{tree.path}'")
        if had == state:
            return
    with tempfile.TemporaryDirectory(prefix='.dpdk-source.', dir=folder) as work:
        copy = Path(work) / 'copy'
        # With the files' times, so that Ninja builds only what has changed.
        shutil.copytree(tree.path, copy, symlinks=True, ignore=_left_out)
        apply(wrap, copy)
        (copy / STAMP).write_text(f'{tree.path}\n{state}', encoding='utf-8')
        shutil.rmtree(place, ignore_errors=True)
        copy.rename(place)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('--try', action='store_true', dest='only_try',
                        help='only say whether the glue applies, and which')
    parser.add_argument('tree', metavar='DPDK', help='a release or a git checkout')
    args = parser.parse_args()
    try:
        tree = find_tree(args.tree)
        wrap = find_glue(tree)
        check(wrap, tree)
        if not args.only_try:
            make(wrap, tree)
        print(f'DPDK {tree.version}: the glue of {wrap.path.stem} applies')
    except (SourceError, FetchError, OSError) as err:
        print(f'source.py: {err}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
