#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Check the links of the READMEs and guides without a network: files are there, addresses are
well-formed, and each name in literals that begins with a folder of the tree is one."""
from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

SOURCE = Path(__file__).resolve().parents[2]
HOST = re.compile(r'([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$')
MARKDOWN = re.compile(r'\]\(([^)\s]+)\)')
REST = re.compile(r'<([^\s<>`]+)>`_|^\.\. (?:graphviz|image|figure|literalinclude):: (\S+)|'
                  r'^\.\. _[^:`]+: (\S+)$', re.MULTILINE)
URL = re.compile(r'\bhttps?:[^\s`<>()"\']*')
LITERAL = re.compile(r'(`+)([^`\n]+)\1')


def texts() -> list[Path]:
    """The files to check."""
    return [*sorted(SOURCE.glob('*.md')), SOURCE / 'kernel-patches/README.md',
            *sorted(SOURCE.glob('doc/guides/*.rst'))]


def links(text: str, markdown: bool) -> Iterator[str]:
    """The addresses and files that a text links."""
    for found in (MARKDOWN if markdown else REST).finditer(text):
        yield next(group for group in found.groups() if group)
    yield from (found[0].rstrip('.,:;') for found in URL.finditer(text))


def wrong_link(link: str, folder: Path) -> str:
    """What is wrong with a link; '' if nothing is."""
    parts = urlsplit(link)
    if parts.scheme in ('http', 'https'):
        return '' if HOST.fullmatch(parts.hostname or '') else 'is no well-formed address'
    if parts.scheme:
        return f'has an unknown scheme, {parts.scheme}'
    return '' if not parts.path or (folder / parts.path).exists() else 'leads to no file'


def wrong_literals(text: str, tops: set[str]) -> Iterator[str]:
    """Names of files that aren't there. What holds a placeholder, such as VERSION, isn't looked
    for."""
    for found in LITERAL.finditer(text):
        for word in found[2].split():
            name = word.removeprefix('./').rstrip('.,:;')
            top, slash, _ = name.partition('/')
            placeholder = re.search('[A-Z]{2,}', name.replace('README', ''))
            if slash and top in tops and not placeholder and not any(SOURCE.glob(name)):
                yield f"'{name}' is no file of the tree"


def check(path: Path, tops: set[str]) -> Iterator[str]:
    """What is wrong with a file."""
    text = path.read_text('utf-8')
    for link in dict.fromkeys(links(text, path.suffix == '.md')):
        if wrong := wrong_link(link, path.parent):
            yield f"'{link}' {wrong}"
    yield from wrong_literals(text, tops)


def main() -> int:
    """The command."""
    # What is fetched or built comes and goes.
    tops = {path.name for path in SOURCE.iterdir()
            if path.is_dir() and not path.name.startswith(('.', 'build'))} - {'subprojects'}
    wrong = [f'{path.relative_to(SOURCE)}: {text}' for path in texts()
             for text in check(path, tops)]
    print(*wrong, sep='\n', end='\n' if wrong else '')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
