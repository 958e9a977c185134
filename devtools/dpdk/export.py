#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Write a patch series that brings libvftoken and the glue into a DPDK tree.

The first patch adds libvftoken as DPDK's own library lib/vftoken, whose functions are internal to
DPDK; the others are the glue's. They are by whom git is configured for in the tree, and signed off.
"""
from __future__ import annotations

import argparse
import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dpdk.fetch import FetchError, Wrap  # noqa: E402
from dpdk.source import SourceError, Tree, apply, check, find_glue, find_tree  # noqa: E402

PROGRAM = 'export.py'
SOURCE = Path(__file__).resolve().parents[2]
LIBRARY = Path('lib/vftoken')
# What makes libvftoken look like a library of DPDK's own, which it is here.
LINKED = re.compile(r"^(shared|static)_rte_vftoken = dependency\('libvftoken'.*\n", re.MULTILINE)
EXPORT_MACROS = 'lib/eal/common/eal_export.h'
LIBRARIES = 'lib/meson.build'
MESSAGE = '''vftoken: add library for VF tokens

A PF that is driven by vfio-pci shares a secret UUID, the VF token, with
those who may open its VFs. EAL takes one such token for all devices and
tries it on each, though every PF has a token of its own, a UUID among the
arguments is there for all to see, and the kernel refuses a token where it
has no use for one.

Add a library that holds rules which say where the token of a device comes
from: a file, an environment variable, a file descriptor or a UUID. It
finds out from sysfs which device needs one, opens the device with it, sets
the token of a PF and enables its VFs. A refusal is explained in one
sentence.

The library needs no EAL, since EAL is to use it, and it is the same text
as in the project dpdk-vf-token, but for api.h and its exports. All
functions are internal to DPDK.
'''

MESON = '''# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors

if not is_linux
    build = false
    reason = 'only supported on Linux'
    subdir_done()
endif

# headers are <vftoken/NAME.h>
includes += include_directories('..')
includes += global_inc
sources = files(
{sources}
)
if get_option('enable_driver_sdk')
    install_headers(
{headers}
        subdir: 'vftoken')
endif
'''

API = '''/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the headers of libvftoken share.
 */

#ifndef VFTOKEN_API_H
#define VFTOKEN_API_H

#include <rte_common.h>
#include <rte_compat.h>

/** An exported function. */
#define VFTOKEN_API __rte_internal

/** A function that takes a format as printf(3) does, and its arguments. */
#define VFTOKEN_PRINTF(format, first) __rte_format_printf(format, first)

/** A UUID: its 16 bytes in the order of its text, as rte_uuid_t has them. */
typedef unsigned char vftoken_uuid_t[16];

#endif /* VFTOKEN_API_H */
'''

EXPORTS = '''/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <eal_export.h>

#include "context.h"

/* The sources of libvftoken know no DPDK, so what they export is listed here. */
'''

MAINTAINERS = '''VF tokens
M: {author}
F: lib/vftoken/

'''

NEWS = '''
* **Added VF tokens per device.**

  Added the internal library vftoken, with which EAL takes the VF token of each device,
  or of each SR-IOV PF and its VFs, from a file, an environment variable, a file descriptor
  or a UUID (``--vfio-vf-token``), and enables the VFs of a PF (``--vfio-num-vfs``).
'''


def git(folder: Path, *args: str, stdin: str = '', env: dict[str, str] | None = None) -> str:
    """Run git in a folder."""
    done = subprocess.run(['git', *args], cwd=folder, input=stdin, text=True, check=False, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SourceError(f'git {args[0]} failed: {done.stdout.strip()}')
    return done.stdout


def author(tree: Tree) -> str:
    """Who git says is at work in a tree."""
    return re.sub(r'>.*', '>', git(tree.path, 'var', 'GIT_AUTHOR_IDENT')).strip()


class Repository:
    """A git repository of our own, whatever a person has set up for git."""

    def __init__(self, path: Path, who: str) -> None:
        self.path = path
        self.who = who
        name, _, mail = who.rstrip('>').rpartition(' <')
        self.env = {key: value for key, value in os.environ.items() if not key.startswith('GIT_')}
        self.env.update({
            'GIT_AUTHOR_NAME': name, 'GIT_AUTHOR_EMAIL': mail, 'GIT_COMMITTER_NAME': name,
            'GIT_COMMITTER_EMAIL': mail, 'GIT_CONFIG_GLOBAL': '/dev/null',
            'GIT_CONFIG_SYSTEM': '/dev/null'})
        self.run('init', '--quiet')

    def run(self, *args: str, stdin: str = '') -> str:
        """Run git."""
        return git(self.path, *args, stdin=stdin, env=self.env)

    def commit(self, message: str) -> None:
        """Commit all there is."""
        self.run('add', '--all', '--force')
        self.run('commit', '--quiet', '--signoff', '--file=-', stdin=message)

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a text file."""
        file = self.path / name
        if not file.exists():
            raise SourceError(f'the tree lacks {name}, which the series changes; take a whole DPDK')
        file.write_text(change(file.read_text('utf-8')), 'utf-8')


def insert(text: str, anchor: str, new: str, after: bool = False) -> str:
    """Put new text before or after what a regular expression finds once."""
    found = list(re.finditer(anchor, text, re.MULTILINE))
    if len(found) != 1:
        raise SourceError(f"a text to change has '{anchor}' {len(found)} times instead of once; "
                          f"{PROGRAM} doesn't know this DPDK yet")
    place = found[0].end() if after else found[0].start()
    return text[:place] + new + text[place:]


# The stems of the files for tests, fuzz targets and proofs.
OURS_ALONE = '_(test|fuzz|proof)$|^(test|fuzz)_|^proof$'


class Library:
    """The sources of libvftoken, without tests, fuzz targets and proofs."""

    def __init__(self, source: Path) -> None:
        folder = source / LIBRARY
        self.files = sorted(path for path in folder.iterdir() if path.suffix in ('.c', '.def', '.h')
                            and not re.search(OURS_ALONE, path.stem))
        exports = (folder / 'version.map').read_text('utf-8')
        self.exports = re.findall(r'^\t(\w+);$', exports, re.MULTILINE)

    def names(self, ending: str, mark: str = '') -> list[str]:
        """The files that end so and have a text in them."""
        return [path.name for path in self.files
                if path.name.endswith(ending) and mark in path.read_text('utf-8')]

    def write(self, to: Path, macros: bool) -> None:
        """Make the folder of a library of DPDK's: a copy, but for what ties it to DPDK.

        DPDK since 25.07 finds exports marked in sources, earlier ones have a map.
        """
        to.mkdir(parents=True)
        for path in self.files:
            shutil.copyfile(path, to / path.name)
        (to / 'api.h').write_text(API, 'utf-8')
        sources = self.names('.c')
        if macros:
            marks = ''.join(f'RTE_EXPORT_INTERNAL_SYMBOL({name})\n' for name in self.exports)
            (to / 'exports.c').write_text(EXPORTS + marks, 'utf-8')
            sources = sorted([*sources, 'exports.c'])
        else:
            names = ''.join(f'\t{name};\n' for name in self.exports)
            (to / 'version.map').write_text(
                f'INTERNAL {{\n\tglobal:\n\n{names}\n\tlocal: *;\n}};\n', 'utf-8')
        (to / 'meson.build').write_text(MESON.format(
            sources=_lines(sources), headers=_lines(self.names('.h', 'VFTOKEN_API'))), 'utf-8')


def _lines(names: Iterable[str]) -> str:
    return '\n'.join(f"        '{name}'," for name in names)


def add_library(library: Library, tree: Repository, version: str) -> None:
    """Make a tree build libvftoken, before EAL, and tell people of it."""
    library.write(tree.path / LIBRARY, (tree.path / EXPORT_MACROS).exists())
    tree.edit(LIBRARIES, lambda text: insert(
        text, r"^        'eal', #", "        'vftoken', # eal depends on vftoken\n"))
    if 'always_enable = [' in (tree.path / LIBRARIES).read_text('utf-8'):
        tree.edit(LIBRARIES, lambda text: insert(
            text, r'^always_enable = \[\n( .*\n)*\]\n',
            "if is_linux\n    always_enable += 'vftoken' # eal depends on it there\nendif\n",
            after=True))
    tree.edit('MAINTAINERS', lambda text: insert(
        text, r'^Linux VFIO\n', MAINTAINERS.format(author=tree.who)))
    tree.edit('.mailmap', lambda text: add_to_mailmap(text, tree.who))
    # A release that is out has no news any more.
    if '-rc' in version:
        tree.edit(news(version), lambda text: insert(text, r'^\n\nRemoved Items\n', NEWS))


def news(version: str) -> str:
    """The release notes of a version."""
    return 'doc/guides/rel_notes/release_{}_{}.rst'.format(*version.split('.'))


def add_to_mailmap(text: str, who: str) -> str:
    """Name a contributor where the alphabet has it, as DPDK wants its contributors named."""
    if re.search(rf'^{re.escape(who)}( <|$)', text, re.MULTILINE):
        return text

    def key(line: str) -> str:
        """What DPDK sorts by: a name without case and accents."""
        name = unicodedata.normalize('NFD', line.split(' <', 1)[0])
        return ''.join(c for c in name if unicodedata.category(c) != 'Mn').lower()

    lines = text.splitlines(keepends=True)
    place = next((i for i, line in enumerate(lines)
                  if line[0] not in '#\n' and key(line) > key(who)), len(lines))
    return ''.join([*lines[:place], who + '\n', *lines[place:]])


def link(text: str) -> str:
    """Say in a meson.build that libvftoken is DPDK's own."""
    text = LINKED.sub('', text)
    if 'libvftoken' in text:
        raise SourceError(f"the glue links libvftoken in a way that {PROGRAM} doesn't know")
    return text


def add_glue(wrap: Wrap, number: int, tree: Repository) -> str:
    """Apply one patch of the glue, linked to the library in the tree; returns its message."""
    part = copy.copy(wrap)
    part.patches = [wrap.patches[number]]
    part.own_files = [] if number else wrap.own_files
    apply(part, tree.path)
    for name in touched(part):
        if Path(name).name == 'meson.build':
            tree.edit(name, link)
    with tempfile.TemporaryDirectory(prefix=f'{PROGRAM}.') as work:
        facts = git(Path(work), 'mailinfo', 'message', 'diff',
                    stdin=part.patches[0].read_text('utf-8'))
        subject, = re.findall(r'^Subject: (.*)$', facts, re.MULTILINE)
        return f'{subject}\n\n' + (Path(work) / 'message').read_text('utf-8')


def touched(wrap: Wrap) -> list[str]:
    """The files that the glue's patches change."""
    numbers = git(Path('/'), 'apply', '--numstat', *map(str, wrap.patches))
    return [line.split('\t')[2] for line in numbers.splitlines()]


def copy_files(tree: Tree, names: Iterable[str], to: Path) -> None:
    """Copy those files of a tree that there are."""
    for name in names:
        if (tree.path / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree.path / name, to / name)


def make_series(wrap: Wrap, tree: Tree, work: Path) -> Repository:
    """Commit the series to a repository which has only the files that it changes."""
    made = Repository(work, author(tree))
    copy_files(tree, [*touched(wrap), EXPORT_MACROS, LIBRARIES, 'MAINTAINERS', '.mailmap',
                      news(tree.version)], work)
    made.commit('base')
    made.run('tag', 'base')
    add_library(Library(SOURCE), made, tree.version)
    made.commit(MESSAGE)
    for number in range(len(wrap.patches)):
        made.commit(add_glue(wrap, number, made))
    return made


def export(wrap: Wrap, tree: Tree, to: Path) -> list[Path]:
    """Write the series for a tree to a new folder."""
    if to.exists():
        raise SourceError(f"'{to}' is there already; name a folder that isn't")
    if (tree.path / LIBRARY).exists():
        raise SourceError(f"'{tree.path}' has {LIBRARY} already; name a tree without it")
    check(wrap, tree)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{to.name}.', dir=to.parent) as work:
        (Path(work) / 'tree').mkdir()
        made = make_series(wrap, tree, Path(work) / 'tree')
        made.run('format-patch', '--quiet', '--zero-commit', '--no-signature',
                 '--output-directory=../series', 'base')
        (Path(work) / 'series').rename(to)
    return sorted(to.iterdir())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('tree', metavar='TREE', help='a DPDK release or git checkout, which stays '
                        'as it is; what is in its files counts, committed or not')
    parser.add_argument('--to', type=Path, metavar='DIR',
                        help='the folder to make (vftoken-for-dpdk-VERSION)')
    args = parser.parse_args()
    # So that what is half done disappears.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        tree = find_tree(args.tree)
        to = args.to or Path(f'vftoken-for-dpdk-{tree.version}')
        for patch in export(find_glue(tree), tree, to.absolute()):
            print(patch)
    except (SourceError, FetchError, OSError) as err:
        print(f'{PROGRAM}: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
