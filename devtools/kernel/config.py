# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Kernel configurations: fragments, and whether a configuration is what they ask for."""
from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from .tree import KernelError

HERE = Path(__file__).resolve().parent
LAB = HERE / 'lab.config'
DEBUG = HERE / 'debug.config'
CHECK = HERE / 'check.config'


def symbols(text: str) -> dict[str, str]:
    """The symbols of a configuration or fragment; what isn't set is n."""
    found = {}
    for line in text.splitlines():
        if match := re.fullmatch(r'CONFIG_(\w+)=(.*)', line):
            found[match[1]] = match[2]
        elif match := re.fullmatch(r'# CONFIG_(\w+) is not set', line):
            found[match[1]] = 'n'
    return found


def known_symbols(tree: Path) -> set[str]:
    """The symbols that a tree's Kconfig files define for x86."""
    found: set[str] = set()
    for folder, folders, names in os.walk(tree):
        if folder == str(tree / 'arch'):
            folders[:] = ['x86']
        for name in names:
            if name.startswith('Kconfig'):
                text = Path(folder, name).read_text('utf-8', 'replace')
                found.update(re.findall(r'^\s*(?:menu)?config\s+(\w+)', text, re.MULTILINE))
    return found


def lost(fragments: Sequence[Path], config: str, known: set[str], about: str = '') -> list[str]:
    """What the fragments ask for and the configuration isn't, though the tree knows the symbol;
    `about` is what the names must contain."""
    have = symbols(config)
    wanted: dict[str, str] = {}
    for fragment in fragments:
        wanted.update(symbols(fragment.read_text('utf-8')))
    return [f'CONFIG_{name} should be {value} and is {have.get(name, "n")}'
            for name, value in wanted.items()
            if name in known and about in name and have.get(name, 'n') != value]


def require(fragments: Sequence[Path], config: Path, tree: Path, about: str = '') -> None:
    """Refuse a configuration that lost what the fragments ask for."""
    missing = lost(fragments, config.read_text('utf-8'), known_symbols(tree), about)
    if missing:
        raise KernelError(
            f"the configuration of '{tree}' isn't what {' and '.join(f.name for f in fragments)} "
            f'ask for: {"; ".join(missing)}; something that it depends on is missing there')
