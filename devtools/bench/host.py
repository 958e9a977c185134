# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What is measured without a device: rules, by micro.c under valgrind and by the clock."""
from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figures import Figure, Reach

SIZES = (1, 1000, 65536)
LOOK_UPS = 4096
# In micro.c's order.
WAYS = ("a device's own", "a VF's PF's", 'none')
UNDER_1000 = Reach('ours', 1000, less=True)
UNDER_50_MS = Reach('ours', 50, less=True)
BARE = 'as many bare pwrite(2)'


def run(micro: Path, *args: object, tool: Sequence[str | Path] = ()) -> tuple[str, str]:
    """What the program says; the tool before it has its say on the error output."""
    try:
        done = subprocess.run([*tool, micro, *map(str, args)], text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    except FileNotFoundError as err:
        raise OSError(f"there is no program {err.filename}; install it with apt-get") from err
    if done.returncode:
        raise OSError(f'{micro.name} {args[0]} failed:\n{done.stderr.strip()}')
    return done.stdout, done.stderr


def instructions(micro: Path, function: str, *args: object, dump_after: str = '') -> list[int]:
    """How many instructions callgrind counts while a function runs, and all that it calls: up to
    each end of another function, or else in all."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'out'
        run(micro, *args, tool=['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}',
                                f'--toggle-collect={function}',
                                *([f'--dump-after={dump_after}'] if dump_after else [])])
        dumps = [path for path in out.parent.iterdir() if dump_after == '' or path.suffix]
        # out.1 to out.N; what comes after the last is in out.
        dumps.sort(key=lambda path: int(path.suffix[1:] or 0))
        counts = [re.search(r'^totals: (\d+)$', path.read_text('utf-8'), re.MULTILINE)
                  for path in dumps]
    if not counts or not all(count and int(count[1]) for count in counts):
        raise OSError(f'callgrind saw no {function}() in {micro}; was it inlined?')
    return [int(count[1]) for count in counts if count]


def system_calls(micro: Path, *args: object) -> list[str]:
    """The system calls of a run, one a line, with their paths in brackets."""
    _, said = run(micro, *args, tool=['valgrind', '--tool=none', '--trace-syscalls=yes'])
    return [line for line in said.splitlines() if line.startswith('SYSCALL[')]


def look_up(micro: Path, rules: int) -> Mapping[str, float]:
    """Instructions per look-up, by the way that it goes."""
    counts = instructions(micro, 'vftoken_find_rule', 'find', rules, LOOK_UPS,
                          dump_after='look_up*')
    return {way: count / LOOK_UPS for way, count in zip(WAYS, counts, strict=True)}


def growth(few: float, many: float, way: str) -> Figure:
    """Of 64k rules against 1k: a binary search takes 17 steps at most instead of 10."""
    _, less, more = SIZES
    return Figure('rule look-up', f'growth, {way}', 'instructions', [many], [few],
                  f'of {less:,} rules', Reach('ratio', more.bit_length() / less.bit_length()))


def measure_look_up(micro: Path) -> list[Figure]:
    """Instructions don't differ from round to round."""
    found = {rules: look_up(micro, rules) for rules in SIZES}
    return [*(Figure('rule look-up', f'{way}, {rules:,} ' + ('rule' if rules == 1 else 'rules'),
                     'instructions', [found[rules][way]], reach=UNDER_1000, at=rules)
              for way in WAYS for rules in SIZES),
            *(growth(found[SIZES[1]][way], found[SIZES[2]][way], way) for way in WAYS)]


def measure_parsing(micro: Path, rounds: int) -> list[Figure]:
    """A literal is put away with one pwrite(2), which takes as long as the kernel wants."""
    rules = SIZES[-1]
    figures = []
    times: dict[str, list[float]] = {'file': [], 'literal': [], 'write': []}
    for _ in range(rounds):
        for kind, samples in times.items():
            args = ('write', rules) if kind == 'write' else ('parse', rules, kind)
            samples.append(int(run(micro, *args)[0]) / 1e6)
    for kind in ('file', 'literal'):
        what = f'{rules:,} {kind} rules'
        stock = times['write'] if kind == 'literal' else []
        [count] = instructions(micro, 'vftoken_add_rule', 'parse', rules, kind)
        figures += [Figure('parsing rules', f'time, {what}', 'ms', times[kind], stock,
                           BARE if stock else '', UNDER_50_MS),
                    Figure('parsing rules', f'each of {what}', 'instructions', [count / rules])]
    return figures


def measure(micro: Path, rounds: int) -> list[Figure]:
    """All that can be measured on any machine."""
    return measure_look_up(micro) + measure_parsing(micro, rounds)
