# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Measure what the VF token costs: this build beside DPDK as it was released."""
from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# The source may be somebody else's, or read-only.
sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / 'devtools'), str(SOURCE / 'dts')]

import debian  # noqa: E402
from bench import (builds, datapath, developer, guest, host, kernels, plots,  # noqa: E402
                   table)
from bench.figures import Figure, Results  # noqa: E402
from dpdk.fetch import FetchError  # noqa: E402
from lab import qemu  # noqa: E402
from lab.vm import LabError  # noqa: E402

PARTS = ('host', 'datapath', 'guest', 'enabling', 'series', 'developer')


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line, which the help of bench.sh explains."""
    parser = argparse.ArgumentParser(prog='bench.sh', add_help=False)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--only', type=lambda text: text.split(','), default=list(PARTS))
    parser.add_argument('--kernels', type=Path)
    parser.add_argument('--build', type=Path,
                        default=Path(os.environ.get('BUILD') or SOURCE / 'build') / 'bench')
    parser.add_argument('--redraw', action='store_true')
    parser.add_argument('--guide', action='store_true')
    args = parser.parse_args(argv)
    if unknown := set(args.only) - set(PARTS):
        parser.error(f'there is no part {", ".join(sorted(unknown))}; see --help')
    for name in ('patched', 'unpatched') if args.kernels else ():
        if not (args.kernels / name).is_dir():
            parser.error(f"'{args.kernels}' has no folder {name}; name one that "
                         "'devtools/kernel/kernel build' has printed")
    if args.rounds < 1:
        parser.error(f'--rounds is {args.rounds}; it must be at least 1')
    return args


def this_machine() -> dict[str, str]:
    """What the figures were measured on."""
    cpu = re.search(r'^model name\s*: (.*)', Path('/proc/cpuinfo').read_text('utf-8'), re.MULTILINE)
    program = qemu.find_qemu(qemu.find_arch())
    version = subprocess.run([*program.program, '--version'], env=program.env(), text=True,
                             check=True, stdout=subprocess.PIPE).stdout.split('\n', 1)[0]
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30)
    return {'processor': f'{cpu[1] if cpu else os.uname().machine}, {os.cpu_count()} cores',
            'memory': f'{memory:.0f} GiB',
            'system': f'{os.uname().sysname} {os.uname().release}',
            'DPDK': builds.released(SOURCE),
            'QEMU': version,
            'kernel in the lab': qemu.find_kernel(None, None).release,
            'date': time.strftime('%Y-%m-%d')}


def parts(args: argparse.Namespace, made: builds.Builds) -> dict[str, Callable[[], list[Figure]]]:
    """How each part is measured."""
    return {
        'host': lambda: host.measure(made.program('bench_micro'), args.rounds),
        'datapath': lambda: datapath.measure(made, args.rounds),
        'guest': lambda: guest.measure(made, args.build, args.rounds),
        'enabling': lambda: kernels.enabling(args.build, made.program('bench_openings'),
                                             args.rounds),
        'series': lambda: kernels.series(args.build, made.program('bench_openings'), args.kernels,
                                         args.rounds),
        'developer': lambda: developer.measure(SOURCE, cold=True),
    }


def run(args: argparse.Namespace) -> Results:
    """Measure, and keep each part's figures as soon as they are there."""
    made = builds.make(SOURCE, args.build)
    facts = this_machine()
    for name, measure in parts(args, made).items():
        if name == 'series' and not args.kernels:
            print("bench: the kernel series isn't measured; give a folder that "
                  "'devtools/kernel/kernel build' made from a 5.5 tree (--kernels DIR)",
                  file=sys.stderr)
        elif name in args.only:
            start = time.monotonic()
            Results(facts, measure()).save(args.build / f'{name}.json')
            print(f'bench: {name}: {time.monotonic() - start:.0f} s', file=sys.stderr, flush=True)
    kept = [Results.load(path) for path in (args.build / f'{name}.json' for name in PARTS)
            if path.exists()]
    results = Results(facts, [figure for one in kept for figure in one.figures])
    results.save(args.build / 'results.json')
    return results


def main() -> int:
    """The command."""
    args = parse(sys.argv[1:])
    guide = SOURCE / 'doc/guides'
    if args.redraw:
        results = Results.load(guide / 'figures.json')
    else:
        results = run(args)
        print(table.text(results))
        plots.draw(results, args.build)
    if args.guide or args.redraw:
        results.save(guide / 'figures.json')
        (guide / 'performance_figures.inc').write_text(table.rst(results), encoding='utf-8')
        (guide / 'performance_answer.inc').write_text(table.answer(results), encoding='utf-8')
        plots.draw(results, guide / 'img')
    return 0 if args.redraw or all(figure.met is not False for figure in results.figures) else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (debian.DebianError, FetchError, LabError, qemu.MachineError,
            OSError) as err:
        sys.exit(f'bench.sh: {err}')
    except KeyboardInterrupt:
        sys.exit(130)
