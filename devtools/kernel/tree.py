# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A kernel's source tree: which version it is, and copies of it."""
from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What a copy never has: history, and what a build left in the tree.
PRODUCTS = ('.git', '*.o', '*.a', '*.ko', '*.cmd', '*.mod', '*.mod.c', '*.order', '.config*',
            '.version', '.tmp_*', 'vmlinux', 'vmlinux.*', 'System.map', 'Module.symvers',
            'include/config', 'include/generated', 'arch/*/include/generated')
# What a kernel for the lab isn't built from, which is more than half of a tree. The build reads
# all of Kconfig and many a Makefile there nevertheless.
UNUSED = tuple(f'{folder}/*.[chS]' for folder in (
    'arch/[!x]*', 'drivers/gpu/drm', 'drivers/media', 'drivers/net/wireless', 'drivers/scsi',
    'drivers/staging', 'sound')) + ('Documentation/devicetree', '*.dts', '*.dtsi')


class KernelError(Exception):
    """Something that a person must act on; the text says what."""


def run(argv: Sequence[str | Path], cwd: Path | None = None, env: dict[str, str] | None = None,
        stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output has its errors too."""
    try:
        return subprocess.run(argv, cwd=cwd, env={**os.environ, 'LC_ALL': 'C', **(env or {})},
                              input=stdin or '', text=True, errors='replace', check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError as err:
        raise KernelError(f"there is no program {argv[0]}; install it") from err


def run_well(argv: Sequence[str | Path], cwd: Path | None = None,
             env: dict[str, str] | None = None, stdin: str | None = None) -> str:
    """Run a program that must succeed; returns its output."""
    done = run(argv, cwd, env, stdin)
    if done.returncode:
        tail = '\n'.join(done.stdout.strip().splitlines()[-8:])
        raise KernelError(f'{" ".join(map(str, argv))} failed:\n{tail}')
    return done.stdout


@dataclass(frozen=True)
class Tree:
    """A kernel's source tree."""
    path: Path
    version: tuple[int, int, int]
    extra: str  # such as -rc5

    @property
    def name(self) -> str:
        """Its version as people write it."""
        return '.'.join(map(str, self.version)) + self.extra

    @property
    def old(self) -> bool:
        """Whether today's gcc finds much to complain about."""
        return self.version < (5, 10, 0)

    def in_git(self) -> bool:
        """Whether it is the top of a git checkout."""
        return (self.path / '.git').exists()


def find_tree(given: Path | str) -> Tree:
    """The tree in a folder."""
    path = Path(given).resolve()
    if not path.is_dir():
        raise KernelError(f"there is no folder '{given}'; name a folder with a kernel's sources")
    try:
        text = (path / 'Makefile').read_text('utf-8', 'replace')
    except OSError:
        text = ''
    head = dict(re.findall(r'^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRA)(?:VERSION)? *= *(\S*)$', text,
                           re.MULTILINE))
    numbers = [head.get(name, '') for name in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL')]
    if not all(number.isdecimal() for number in numbers) or not (path / 'drivers/vfio').is_dir():
        raise KernelError(f"'{given}' is no kernel tree: it lacks a Makefile with VERSION, "
                          'PATCHLEVEL and SUBLEVEL, or drivers/vfio; name the top folder of a '
                          "kernel's sources")
    major, minor, patch = map(int, numbers)
    return Tree(path, (major, minor, patch), head.get('EXTRA', ''))


def copy(tree: Path, to: Path, leave_out: Sequence[str] = PRODUCTS,
         only: Sequence[str] = ('.',)) -> None:
    """Copy a tree, or only some of it, into the folder `to`, which must be there."""
    pack = ['tar', '-C', str(tree), *excluded(leave_out, '.'), '-cf', '-',
            *(name if name == '.' else f'./{name}' for name in only)]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packing:
        unpacked = subprocess.run(['tar', '-C', str(to), '-xf', '-'], stdin=packing.stdout,
                                  check=False)
    if packing.returncode or unpacked.returncode:
        raise KernelError(f"cannot copy '{tree}' to '{to}'; see tar's message above")


def excluded(patterns: Sequence[str], top: str) -> list[str]:
    """tar's options that leave out what is below the archive's folder `top`, or, if a pattern
    begins with a '*', anywhere."""
    return ['--anchored', '--wildcards', *(f'--exclude={pattern}' if pattern.startswith('*') else
                                           f'--exclude={top}/{pattern}' for pattern in patterns)]
