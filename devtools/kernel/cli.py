#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Apply, build and check the kernel patches of kernel-patches/."""
from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

# The source may be somebody else's, or read-only.
sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / 'devtools'))

import debian  # noqa: E402

try:
    from kernel import build, check, debugboot, modules, series
    from kernel.build import Source
    from kernel.series import Series
    from kernel.tree import KernelError, Tree, find_tree
except ModuleNotFoundError as missing:
    sys.exit(f"kernel: Python's module {missing.name} is missing; "
             "install it with 'apt-get install python3-pexpect'")


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog='kernel', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    apply = commands.add_parser(
        'apply', help='make a patched copy of a tree, or a branch in it',
        description='Finds the series for a tree and applies it to a copy or, of a git checkout, '
                    'as a branch with a commit a patch. The tree itself stays as it is.')
    apply.add_argument('tree', metavar='TREE', help="a kernel's sources, from anywhere")
    where = apply.add_mutually_exclusive_group()
    where.add_argument('--to', type=Path, metavar='DIR', help='the copy (TREE-vf-token)')
    where.add_argument('--branch', metavar='NAME',
                       help=f'the branch of a git checkout ({series.BRANCH})')
    make = commands.add_parser(
        'build', help='build kernels for the lab, without and with the series',
        description="Builds kernels for the lab in the cache, and prints the folder. Its folders "
                    'unpatched and patched are what the lab boots (devtools/vm/lab --kernel DIR).')
    make.add_argument('tree', nargs='?', metavar='TREE', help="a kernel's sources, from anywhere")
    make.add_argument('--debian', metavar='VERSION', help="instead Debian's sources, such as 6.12")
    make.add_argument('--debug', action='store_true',
                      help='with KASAN, lockdep, kmemleak and more')
    make.add_argument('--to', type=Path, metavar='DIR', help='and copies the folder there')
    verify = commands.add_parser(
        'check', help='check a series: patch by patch, and on a kernel that watches itself',
        description='Checks each patch with checkpatch and by compiling what it may break, and all '
                    'of the series with sparse, its selftests, and in the lab on a kernel with '
                    'debug options, where dpdk-test-vftoken runs.')
    verify.add_argument('series', metavar='SERIES', help='its name, such as v6.12')
    verify.add_argument('tree', nargs='?', metavar='TREE',
                        help="a kernel's sources for it, from anywhere (Debian's)")
    verify.add_argument('--only', type=lambda text: text.split(','), default=list(check.STEPS),
                        metavar='STEP,...', help=f'of {", ".join(check.STEPS)}')
    verify.add_argument('--race', type=int, default=2000, metavar='ROUNDS',
                        help='of the race between users of PF and VFs (%(default)s)')
    verify.add_argument('--build', type=Path, metavar='DIR',
                        default=Path(os.environ.get('BUILD') or SOURCE / 'build'),
                        help='with dpdk-test-vftoken, and for the logs ($BUILD, else build)')
    alone = commands.add_parser(
        'modules', help="build only vfio's modules, for a kernel that stays as it is",
        description="Builds vfio's modules with the series against a kernel's headers, for those "
                    "who can't change their kernel. Other modules that use vfio, such as kvmgt, "
                    "must be rebuilt with the patched headers before they are loaded with these.")
    alone.add_argument('tree', nargs='?', metavar='TREE',
                       help="the sources that the kernel was built from (Debian's)")
    alone.add_argument('--kdir', type=Path, metavar='DIR',
                       default=Path('/lib/modules') / os.uname().release / 'build',
                       help="the kernel's headers (%(default)s)")
    alone.add_argument('--to', type=Path, metavar='DIR', default=Path('vfio-modules'),
                       help='the folder to make (%(default)s)')
    for command in (make, verify, alone):
        command.add_argument('--jobs', type=int, default=os.cpu_count() or 1, metavar='N',
                             help='compilers at a time (%(default)s)')
    for command in (apply, make, verify, alone):
        command.add_argument('--patches', type=Path, default=series.PATCHES, metavar='DIR',
                             help='with the series (kernel-patches)')
    args = parser.parse_args(argv)
    if args.command == 'build' and (args.tree is None) == (args.debian is None):
        make.error('name a tree, or a version of Debian with --debian')
    if args.command == 'check' and (unknown := set(args.only) - set(check.STEPS)):
        verify.error(f'there is no step {", ".join(sorted(unknown))}; see --help')
    return args


def say(text: str) -> None:
    """Progress for a person."""
    print(f'kernel: {text}', file=sys.stderr, flush=True)


def apply_command(args: argparse.Namespace) -> bool:
    """kernel apply."""
    tree = find_tree(args.tree)
    chosen = series.find_series(tree, args.patches)
    if args.branch or (not args.to and tree.in_git()):
        branch = args.branch or series.BRANCH
        series.apply_as_branch(chosen, tree, branch)
        place = f'branch {branch} of {tree.path}; git checkout {branch} takes you there'
    else:
        to = args.to or tree.path.with_name(f'{tree.path.name}-{series.BRANCH}')
        series.apply_to_copy(chosen, tree, to.absolute())
        place = str(to)
    print(f'{len(chosen.patches)} patches of {chosen.name} on Linux {tree.name}: {place}')
    return True


def chosen_source(tree: Tree | None, name: str, folder: Path) -> tuple[Source, Series]:
    """The sources and the series for them: a tree, or Debian's sources for the series of a name."""
    if tree:
        found = series.find_series(tree, folder)
        if name not in ('', found.name):
            raise KernelError(f"'{tree.path}' is Linux {tree.name}, which isn't what the series "
                              f'{name} is for')
        series.check(found, tree)
        return build.tree_source(tree), found
    known = series.all_series(folder)
    if name not in known:
        raise KernelError(f'there is no series {name}; there are {", ".join(known) or "none"}')
    return build.debian_source(name.removeprefix('v')), known[name]


def build_command(args: argparse.Namespace) -> bool:
    """kernel build."""
    source, chosen = chosen_source(find_tree(args.tree) if args.tree else None,
                                   f'v{args.debian}' if args.debian else '', args.patches)
    if args.to and args.to.exists():
        raise KernelError(f"'{args.to}' is there already; name a folder that isn't")
    folder = build.kernels(source, chosen, args.debug, args.jobs, say)
    print(shutil.copytree(folder, args.to) if args.to else folder)
    return True


def check_command(args: argparse.Namespace) -> bool:
    """kernel check."""
    source, chosen = chosen_source(find_tree(args.tree) if args.tree else None, args.series,
                                   args.patches)
    suite = args.build / 'app/test-vftoken/dpdk-test-vftoken'
    if 'debug' in args.only and not suite.exists():
        raise KernelError(f"there is no '{suite}'; devtools/demo.sh or devtools/test.sh builds it")
    with tempfile.TemporaryDirectory(prefix='kernel-check.') as folder:
        results = check.check(source, chosen, args.only, args.jobs, Path(folder), say)
        if 'debug' in args.only and results.good:
            kernel = build.kernels(source, chosen, True, args.jobs, say)
            debugboot.boot(results, chosen.name, kernel / 'patched', args.build, suite,
                           sorted(Path(folder).iterdir()), args.race)
    print(f'\n{chosen.name} on {source.name}\n{results.table()}')
    return results.good


def modules_command(args: argparse.Namespace) -> bool:
    """kernel modules."""
    version = modules.headers_version(args.kdir)
    source, chosen = chosen_source(find_tree(args.tree) if args.tree else None,
                                   '' if args.tree else 'v' + '.'.join(version.split('.')[:2]),
                                   args.patches)
    built = modules.modules(source, chosen, args.kdir, args.to, args.jobs)
    print(f'for Linux {version}, in the order of their loading: ' + ' '.join(map(str, built)))
    return True


COMMANDS = {'apply': apply_command, 'build': build_command, 'check': check_command,
            'modules': modules_command}


def main() -> int:
    """The command."""
    args = parse(sys.argv[1:])
    # So that the folders of a build disappear.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return 0 if COMMANDS[args.command](args) else 1
    except (KernelError, debian.DebianError) as err:
        print(f'kernel: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
