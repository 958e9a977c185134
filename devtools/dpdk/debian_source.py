#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Make Debian's source package of DPDK one with VF tokens, which programs of Debian's then use.

The unpacked source gets the glue as quilt patches, a dependency on libvftoken-dev, and a version
that is newer than Debian's and older than Debian's next. It is by whom git is configured for.
"""
from __future__ import annotations

import argparse
import difflib
import email.utils
import re
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dpdk.export import author, insert  # noqa: E402
from dpdk.fetch import FetchError, Wrap  # noqa: E402
from dpdk.source import SourceError, check, find_glue, find_tree  # noqa: E402

PROGRAM = 'debian_source.py'
SUFFIX = '+vftoken1'
LIBRARY = 'libvftoken-dev'
OWN_FILES = '0000-eal-add-VF-tokens.patch'


def own_files(wrap: Wrap) -> str:
    """A patch that adds the glue's own files."""
    text = 'Description: the files of dpdk-vf-token that are the same for each DPDK\n'
    for file in wrap.own_files:
        lines = file.read_text('utf-8').splitlines(keepends=True)
        text += ''.join(difflib.unified_diff(
            [], lines, '/dev/null', f'b/{file.relative_to(wrap.overlay)}'))
    return text


def depend(control: str) -> str:
    """Build with libvftoken; whoever links DPDK statically needs it, too."""
    control = insert(control, r'^Build-Depends: ', f'{LIBRARY},\n               ', after=True)
    return insert(control, r'^Package: libdpdk-dev\n(?:\S.*\n| .*\n)*?Depends: ',
                  f'{LIBRARY},\n         ', after=True)


def release(changelog: str, who: str) -> str:
    """A changelog with a new version on top."""
    first = changelog.split('\n', 1)[0]
    head = re.match(r'(\S+) \((\S+)\) (\S+); ', first)
    if not head:
        raise SourceError(f"debian/changelog begins with '{first}' instead of a version")
    package, version, suite = head.groups()
    return (f'{package} ({version}{SUFFIX}) {suite}; urgency=medium\n\n'
            '  * Take VF tokens as rules, with libvftoken.\n\n'
            f' -- {who}  {email.utils.formatdate(localtime=True)}\n\n{changelog}')


def change(folder: str) -> str:
    """Change an unpacked source package; returns its new version."""
    tree = find_tree(folder)
    debian = tree.path / 'debian'
    series = debian / 'patches/series'
    if not series.is_file():
        raise SourceError(f"'{folder}' isn't Debian's source package of DPDK, unpacked: it has no "
                          'debian/patches/series; get one with apt-get source dpdk')
    wrap = find_glue(tree)
    check(wrap, tree)
    texts = {debian / 'patches/vftoken' / patch.name: patch.read_text('utf-8')
             for patch in wrap.patches}
    texts[debian / 'patches/vftoken' / OWN_FILES] = own_files(wrap)
    listed = [f'vftoken/{file.name}\n' for file in sorted(texts)]
    had = series.read_text('utf-8')
    if listed[0] in had:
        raise SourceError(f"'{folder}' has the patches already; take it as Debian has it")
    texts[series] = had + ('' if had.endswith('\n') else '\n') + ''.join(listed)
    for name, function in (('control', depend),
                           ('changelog', lambda text: release(text, author(tree)))):
        texts[debian / name] = function((debian / name).read_text('utf-8'))
    before = {file: file.read_text('utf-8') for file in texts if file.exists()}
    (debian / 'patches/vftoken').mkdir()
    try:
        for file, text in texts.items():
            file.write_text(text, 'utf-8')
    except OSError:
        for file, text in before.items():
            file.write_text(text, 'utf-8')
        shutil.rmtree(debian / 'patches/vftoken')
        raise
    return str(re.findall(r'\((.*)\)', texts[debian / 'changelog'])[0])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('source', metavar='SOURCE',
                        help='the folder that apt-get source dpdk unpacks')
    args = parser.parse_args()
    try:
        print(f'{args.source}: {change(args.source)}')
    except (SourceError, FetchError, OSError) as err:
        print(f'{PROGRAM}: {err}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
