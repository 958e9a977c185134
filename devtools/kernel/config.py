# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Kernel configurations: fragments, and whether a configuration is what they ask for."""
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .tree import KernelError, run

HERE = Path(__file__).resolve().parent
LAB = HERE / 'lab.config'
DEBUG = HERE / 'debug.config'
KCSAN = HERE / 'kcsan.config'
NOGROUP = HERE / 'nogroup.config'
CHECK = HERE / 'check.config'


def symbols(text: str) -> dict[str, str]:
    """The symbols of a configuration or fragment that are set."""
    return dict(re.findall(r'^CONFIG_(\w+)=(.*)$', text, re.MULTILINE))


def known_symbols(tree: Path) -> set[str]:
    """The symbols that a tree's Kconfig files define for x86."""
    tops = [path for path in tree.iterdir() if path.name != 'arch']
    return set(run(['grep', '-rhoP', r'^\s*(menu)?config\s+\K\w+', '--include=Kconfig*', *tops,
                    *tree.glob('arch/Kconfig'), *tree.glob('arch/x86')]).stdout.split())


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
