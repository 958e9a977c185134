#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Run the functional suites on several kernels and DPDK versions, and show the results as a table.

The kernels are those that Debian 12 and 13 boot, and those given. All suites run on all of them;
with --quick all run on the lab's default kernel, and on the others those about the kernel's rules.
"""
from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parent.parent

import debian  # noqa: E402
from vm import machine  # noqa: E402

KERNELS = ('6.1', '6.12')
KERNEL_SUITES = ('kernel_pf', 'pf_restart', 'rotation', 'vf_refused', 'vf_right_token',
                 'vfs_on_vfio_pci')


@dataclass
class Cell:
    """How the tests of a suite ended on one kernel and DPDK, and the seconds that they took."""
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    def add(self, ended: str, seconds: float) -> None:
        """Count one test."""
        self.counts[ended] += 1
        self.seconds += seconds

    def __str__(self) -> str:
        counts = [f'{self.counts[ended]} {word}' for ended, word in
                  (('failed', 'FAILED'), ('passed', 'passed'), ('skipped', 'skipped'))
                  if self.counts[ended]]
        return f'{", ".join(counts)} {self.seconds:.0f} s' if counts else '-'


@dataclass(frozen=True)
class Column:
    """A kernel and a build of DPDK, and the suites to run on them; without names, all."""
    kernel: str
    build: Path
    suites: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Kernel and DPDK in few words."""
        return f'{self.kernel} / {dpdk_version(self.build)}'

    def run(self) -> tuple[dict[str, Cell], int]:
        """Run the suites; returns the cells by suite, and pytest's status."""
        report = self.build / 'matrix' / (re.sub(r'[^\w.]+', '-', self.title).strip('-') + '.xml')
        report.parent.mkdir(exist_ok=True)
        report.unlink(missing_ok=True)
        files = [SOURCE / 'dts' / f'{suite}_test.py' for suite in self.suites] or [SOURCE / 'dts']
        # One process a column, as its suites share a lab.
        status = subprocess.run(
            [sys.executable, '-m', 'pytest', '-m', 'not fast', f'--junit-xml={report}', *files],
            env={**os.environ, 'BUILD': str(self.build), 'LAB_KERNEL': self.kernel},
            stdin=subprocess.DEVNULL, check=False).returncode
        return read_report(report) if report.exists() else {}, status


def dpdk_version(build: Path) -> str:
    """The DPDK that a build folder has, as MAJOR.MINOR."""
    found = [match[1] for path in sorted(build.glob('subprojects/dpdk-*'))
             if (match := re.fullmatch(r'dpdk-(?:stable-)?(\d+\.\d+)\S*', path.name))]
    if len(found) != 1:
        sys.exit(f"matrix.py: '{build}' has {len(found)} builds of DPDK instead of one; "
                 'run devtools/test.sh, which makes it')
    return found[0]


def read_report(report: Path) -> dict[str, Cell]:
    """The cells of pytest's JUnit file, by suite."""
    cells: dict[str, Cell] = {}
    for case in ElementTree.parse(report).iter('testcase'):
        # A file that can't be imported is a test's name without a class.
        name = (case.get('classname') or case.get('name') or '').rpartition('.')[2]
        tags = {child.tag for child in case}
        ended = ('failed' if tags & {'failure', 'error'} else
                 'skipped' if 'skipped' in tags else 'passed')
        cells.setdefault(name.removesuffix('_test'), Cell()).add(
            ended, float(case.get('time', 0)))
    return cells


def table(columns: Mapping[str, Mapping[str, Cell]]) -> str:
    """Suites as rows, kernel and DPDK as columns, and a row of totals."""
    suites = sorted({suite for cells in columns.values() for suite in cells})
    rows = [['kernel / DPDK', *columns]]
    rows += [[suite, *(str(cells.get(suite, Cell())) for cells in columns.values())]
             for suite in suites]
    rows.append(['all', *(str(total(cells.values())) for cells in columns.values())])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return '\n'.join('  '.join(text.ljust(width) for text, width in zip(row, widths)).rstrip()
                     for row in rows)


def total(cells: Iterable[Cell]) -> Cell:
    """The sum of cells."""
    result = Cell()
    for cell in cells:
        result.counts += cell.counts
        result.seconds += cell.seconds
    return result


def default_kernel() -> str:
    """The lab's default kernel, by the name that it is also chosen by."""
    given = os.environ.get('LAB_KERNEL', '')
    # Debian's are named by their version, as in 6.1.0-56-amd64.
    return given or '.'.join(machine.find_kernel(None, None).release.split('.')[:2])


def find_kernels(given: Sequence[str]) -> list[str]:
    """The kernels to run on, the default one first; Debian's are fetched."""
    kernels = list(dict.fromkeys([default_kernel(), *KERNELS, *given]))
    for kernel in kernels:
        machine.find_kernel(kernel, None)
    return kernels


def run(kernels: Sequence[str], builds: Sequence[Path], quick: bool) -> bool:
    """Run all columns and show the table; returns whether all went well."""
    results: dict[str, Mapping[str, Cell]] = {}
    good = True
    start = time.monotonic()
    for kernel in kernels:
        for build in builds:
            chosen = KERNEL_SUITES if quick and kernel != kernels[0] else ()
            column = Column(kernel, build.resolve(), chosen)
            print(f'== kernel / DPDK: {column.title}', flush=True)
            results[column.title], status = column.run()
            good = good and status == 0
    print(f'== the matrix, after {(time.monotonic() - start) / 60:.0f} min')
    print(table(results))
    return good


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('--build', action='append', type=Path, metavar='DIR',
                        help='with a DPDK; may be repeated ($BUILD, else build)')
    parser.add_argument('--kernel', action='append', default=[], metavar='IMAGE|VERSION',
                        help="besides Debian's, that is " + ', '.join(KERNELS)
                        + ', and $LAB_KERNEL; may be repeated')
    parser.add_argument('--quick', action='store_true',
                        help="on other kernels than the lab's default only the suites about the "
                        "kernel's rules")
    parser.add_argument('--fetch', action='store_true',
                        help='only find the kernels, and fetch those that are missing')
    args = parser.parse_args()
    builds = args.build or [Path(os.environ.get('BUILD') or SOURCE / 'build')]
    try:
        kernels = find_kernels(args.kernel)
        return 0 if args.fetch or run(kernels, builds, args.quick) else 1
    except (debian.DebianError, machine.MachineError) as err:
        print(f'matrix.py: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
