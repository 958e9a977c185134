#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Run the functional suites on several kernels and DPDK versions, and show the results as a table.

The kernels are those that Debian 12 and 13 boot, Debian's 6.12 built with our series, and those
given, as they are or as trees to build with a series. All suites run on all of them; where a kernel
has a file per device, those of dts and the PF's daemon run by cdev, too. With --quick all but the
long tests run, on the lab's default kernel alone.
"""
from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / 'devtools'), str(SOURCE / 'dts')]

import debian  # noqa: E402
from framework.build import dpdk_tree  # noqa: E402
from kernel.build import debian_source  # noqa: E402
from kernel.series import PATCHES, find_series  # noqa: E402
from kernel.tree import KernelError, find_tree  # noqa: E402
from lab import qemu  # noqa: E402

KERNELS = ('6.1', '6.12')
SERIES_KERNEL = '6.12'
# How the lab differs from its default, as NAME=VALUE of the variables LAB_NAME. Nothing is the
# group path, which DPDK takes first.
PATHS = ('', 'path=cdev')
# Other machines, for the suites about opens, on the default kernel.
MACHINES = ('nic=virtio', 'iommu=scalable', 'iommu=amd')
OPENS = ('vf_right_token', 'vf_refused', 'rotation', 'pf_restart', 'num_vfs', 'per_pf_token',
         'secondary', 'hotplug', 'status', 'secrecy', 'ioctls', 'traffic')
# What a kernel's configuration has for the second, and what takes the first away.
CDEV_OPTION = 'CONFIG_VFIO_DEVICE_CDEV=y'
NO_GROUP = '# CONFIG_VFIO_GROUP is not set'
# The series that only a tree of the user's can show.
TREES = ('5.4', '5.5')


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
    """A kernel and a build of DPDK to run the suites on."""
    name: str
    kernel: str
    build: Path
    quick: bool = False
    lab: str = ''

    @property
    def title(self) -> str:
        """Kernel, DPDK and what is special in few words."""
        return f'{self.name} / {dpdk_version(self.build)} {self.lab}'.rstrip()

    @property
    def report(self) -> Path:
        """Where pytest puts its JUnit file."""
        return self.build / 'matrix' / (re.sub(r'[^\w.]+', '-', self.title).strip('-') + '.xml')

    def run(self) -> tuple[dict[str, Cell], int]:
        """Run the suites; returns the cells by suite, and pytest's status."""
        self.report.unlink(missing_ok=True)
        tests = 'not fast and not long' if self.quick else 'not fast'
        if self.lab in MACHINES:
            places = [f'dts/{suite}_test.py' for suite in OPENS]
        else:
            places = ['tests/example_pf_daemon_test.py' if self.lab else 'tests', 'dts']
        env = {name: value for name, value in os.environ.items() if not name.startswith('LAB_')}
        env |= {'BUILD': str(self.build), 'LAB_KERNEL': self.kernel}
        if self.lab:
            name, value = self.lab.split('=')
            env[f'LAB_{name.upper()}'] = value
        # A process's suites share a lab, which takes one processor in software emulation.
        status = subprocess.run(
            [sys.executable, '-m', 'pytest', '-m', tests, '--numprocesses=2',
             '--dist=loadfile', f'--junit-xml={self.report}',
             *(SOURCE / place for place in places)],
            env=env, stdin=subprocess.DEVNULL, check=False).returncode
        return read_report(self.report) if self.report.exists() else {}, status


def dpdk_version(build: Path) -> str:
    """The version of the DPDK that a build folder has."""
    try:
        return (dpdk_tree(build) / 'VERSION').read_text('ascii').strip()
    except OSError as err:
        sys.exit(f"matrix.py: '{build}' has no build of DPDK: {err}")


def read_report(report: Path) -> dict[str, Cell]:
    """The cells of pytest's JUnit file, by suite."""
    cells: dict[str, Cell] = {}
    for case in ElementTree.parse(report).iter('testcase'):
        # A file that can't be imported is a test's name without a class. A class follows its file.
        parts = (case.get('classname') or case.get('name') or '').split('.')
        name = next((part for part in parts if part.endswith('_test')), parts[-1])
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
    return given or '.'.join(qemu.find_kernel(None, None).release.split('.')[:2])


def fetch(given: Sequence[str], trees: Sequence[Path], quick: bool) -> list[str]:
    """The kernels to run on as they are, the default one first; Debian's are fetched, and the
    sources of those to be built are looked at."""
    kernels = list(dict.fromkeys([default_kernel(), *(() if quick else KERNELS), *given]))
    for kernel in kernels:
        qemu.find_kernel(kernel, None)
    if not quick:
        debian_source(SERIES_KERNEL)
    for tree in trees:
        find_series(find_tree(tree), PATCHES)
    return kernels


def series_kernel(*source: str) -> str:
    """The kernel built from these sources with our series."""
    done = subprocess.run([SOURCE / 'devtools/kernel/kernel', 'build', *source],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise KernelError(f'there is no kernel from {source[-1]}; see above')
    return str(Path(done.stdout.strip()) / 'patched')


def paths(kernel: str) -> Sequence[str]:
    """Those of PATHS that a kernel has, if it was built here. Debian's
    kernels have no file per device, and no configuration is beside them."""
    try:
        config = (Path(kernel) / 'config').read_text('utf-8')
    except OSError:
        return PATHS[:1]
    if NO_GROUP in config:
        return PATHS[1:]
    return PATHS if CDEV_OPTION in config else PATHS[:1]


def columns(kernels: Sequence[str], trees: Sequence[Path], builds: Sequence[Path],
            quick: bool) -> Iterator[Column]:
    """The columns. Kernels are built when it is their turn, as devtools/test.sh has one built
    beside the suites on others."""
    for kernel in kernels:
        yield from (Column(kernel, kernel, build.resolve(), quick, path)
                    for build in builds for path in paths(kernel))
    if not quick:
        yield from (Column(kernels[0], kernels[0], builds[0].resolve(), lab=machine)
                    for machine in MACHINES)
    sources = [[str(tree)] for tree in trees]
    if not quick:
        sources.insert(0, ['--debian', SERIES_KERNEL])
    for source in sources:
        kernel = series_kernel(*source)
        name = qemu.find_kernel(kernel, None).release
        yield from (Column(name, kernel, build.resolve(), quick, path)
                    for build in builds for path in paths(kernel))


def run(kernels: Sequence[str], trees: Sequence[Path], builds: Sequence[Path],
        quick: bool) -> bool:
    """Run all columns and show the table; returns whether all went well."""
    results: dict[str, Mapping[str, Cell]] = {}
    good = True
    start = time.monotonic()
    for column in columns(kernels, trees, builds, quick):
        print(f'== kernel / DPDK: {column.title}', flush=True)
        results[column.title], status = column.run()
        good = good and status == 0
    print(f'== the matrix, after {(time.monotonic() - start) / 60:.0f} min')
    print(table(results))
    for version in TREES:
        if not any(title.startswith(f'{version}.') for title in results):
            print(f'{version} with its series: skipped, as no tree of it was given; give one, from '
                  'kernel.org or anywhere, with --tree DIR')
    return good


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('--build', action='append', type=Path, metavar='DIR',
                        help='with a DPDK; may be repeated ($BUILD, else build)')
    parser.add_argument('--kernel', action='append', default=[], metavar='IMAGE|VERSION',
                        help="besides Debian's, that is " + ', '.join(KERNELS)
                        + ', and $LAB_KERNEL; may be repeated')
    parser.add_argument('--tree', action='append', default=[], type=Path, metavar='DIR',
                        help='of Linux, to build with its series, of ' + ', '.join(TREES)
                        + '; may be repeated')
    parser.add_argument('--quick', action='store_true',
                        help="only on the lab's default kernel, without the long tests")
    parser.add_argument('--fetch', action='store_true',
                        help='only find the kernels, and fetch what is missing')
    args = parser.parse_args()
    builds = args.build or [Path(os.environ.get('BUILD') or SOURCE / 'build')]
    try:
        kernels = fetch(args.kernel, args.tree, args.quick)
        return 0 if args.fetch or run(kernels, args.tree, builds, args.quick) else 1
    except (debian.DebianError, qemu.MachineError, KernelError) as err:
        print(f'matrix.py: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
