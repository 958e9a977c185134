# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What a series is checked for: on the patches, on the source, and by a boot with debug options."""
from __future__ import annotations

import functools
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import build, compare, config, series as patches
from .build import Builder, Say, Source, require_programs, workshop
from .series import Series
from .tree import KernelError, Tree, run

STEPS = ('checkpatch', 'bisect', 'sparse', 'selftest', 'debug')
# Another boot, which is for kernels from 5.8 on.
KCSAN = 'kcsan'
# By the Debian package that has it; see build.NEEDED.
NEEDED = {'perl': 'perl', 'sparse': 'sparse'}
SELFTESTS = 'tools/testing/selftests'
# What a series may break: vfio, and who includes its headers. KVM does so, too, but takes minutes
# and uses nothing of them that others don't.
USERS = ('drivers/vfio', 'drivers/iommu/iommufd', 'samples/vfio-mdev')


class Skipped(Exception):
    """There is nothing to check; the text says why."""


@dataclass
class Results:
    """The steps and how they ended."""
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def step(self, name: str, function: Callable[[], str | None]) -> bool:
        """One line for a step, and what it found if it failed."""
        found = ''
        try:
            ended, said = 'ok', function() or ''
        except Skipped as why:
            ended, said = 'skip', str(why)
        except KernelError as err:
            ended, said = 'not ok', 'see above'
            found = str(err)
        self.rows.append((ended, name, said))
        if found:
            print(found, flush=True)
        print(f'{ended} - {name}' + (f': {said}' if said else ''), flush=True)
        return ended != 'not ok'

    def table(self) -> str:
        """All steps."""
        width = max((len(name) for _, name, _ in self.rows), default=0)
        return '\n'.join(f'{name:{width}}  {ended:6}  {said}'.rstrip()
                         for ended, name, said in self.rows)

    @property
    def good(self) -> bool:
        """Whether no step failed."""
        return all(ended != 'not ok' for ended, _, _ in self.rows)


def checkpatch(tree: Path, patch: Path) -> None:
    """The tree's own checkpatch must have nothing to say. Of each new file it asks whether
    MAINTAINERS names it; it does, as vfio's and the selftests' entries are by folder. The commits
    of Fixes: are mainline's, which a tree without history doesn't know."""
    done = run(['perl', 'scripts/checkpatch.pl', '--strict', '--quiet', '--no-summary',
                '--show-types', '--ignore', 'FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID', patch], cwd=tree)
    if done.returncode or done.stdout.strip():
        raise KernelError(done.stdout.strip())


class Walk:
    """From an unpatched source folder of ours to a patched one, a patch at a time."""

    def __init__(self, chosen: Series, tree: Tree, work: Path, jobs: int) -> None:
        self._series = chosen
        self._source = tree.path
        self._work = work
        self._builder = Builder(tree, work, jobs, [config.LAB, config.CHECK], 'VFIO')
        self._targets = [f'{name}/' for name in USERS if (tree.path / name).is_dir()]
        self._known: Counter[str] = Counter()
        self._sparse: Counter[str] = Counter()

    def _warnings(self, *args: str) -> Counter[str]:
        output = self._builder.make(*args)
        return compare.warnings(output, self._builder.objects, self._source)

    def begin(self, steps: Sequence[str]) -> str:
        """Learn what is said about the tree without the series."""
        self._builder.configure()
        self._builder.make('prepare', 'scripts')
        if 'bisect' in steps:
            self._known = self._warnings('W=1', *self._targets)
        if 'sparse' in steps:
            self._sparse = self._check()
        return f'{self._known.total()} warnings, {self._sparse.total()} reports of sparse'

    def _check(self) -> Counter[str]:
        # C=2 has all files checked, whether they need to be compiled or not. W=1 is for those that
        # need, so that no other option has all of them compiled again.
        return self._warnings('W=1', 'C=2', 'CHECK=sparse', 'drivers/vfio/')

    def compile(self, patch: Path) -> None:
        """What a patch has changed must compile without new warnings."""
        if re.search(r'^\+\+\+ \S*Kconfig', patch.read_text('utf-8'), re.MULTILINE):
            self._builder.configure()
        now = self._warnings('W=1', *self._targets)
        new = compare.new_warnings(self._known, now)
        if new:
            raise KernelError('new warnings:\n' + '\n'.join(new))
        self._known |= now

    def sparse(self) -> str:
        """Nor may sparse find more than before."""
        new = compare.new_warnings(self._sparse, self._check())
        if new:
            raise KernelError("sparse's new reports:\n" + '\n'.join(new))
        return f'{self._sparse.total()} reports before and after'

    def selftests(self, to: Path) -> str:
        """The selftests of the series must compile with the tree's own headers; the programs go
        into a folder."""
        folders = sorted({str(Path(name).parent) for name in self._series.files()
                          if name.startswith(SELFTESTS + '/') and name.endswith('.c')})
        if not folders:
            raise Skipped('the series has none')
        self._builder.make('headers')
        for folder in folders:
            made = self._work / 'selftests'
            made.mkdir(exist_ok=True)
            done = run(['make', '-s', '-C', self._source / folder, f'OUTPUT={made}',
                        f'CFLAGS=-O2 -Wall -Werror -I{self._builder.objects}/usr/include',
                        'LDFLAGS=-static'])
            if done.returncode or 'warning:' in done.stdout:
                raise KernelError(done.stdout.strip())
        programs = [path for path in made.iterdir() if path.is_file()]
        for path in programs:
            shutil.copy(path, to / path.name)
        return ', '.join(path.name for path in programs)


def walk(results: Results, chosen: Series, tree: Tree, work: Path, steps: Sequence[str],
         jobs: int, programs: Path) -> None:
    """All steps that need a source folder of ours; selftests go into the folder `programs`."""
    if not results.step('applies', functools.partial(patches.check, chosen, tree)):
        return
    if 'checkpatch' in steps:
        for patch in chosen.patches:
            results.step(f'checkpatch {patch.name[:4]}',
                         functools.partial(checkpatch, tree.path, patch))
    if not set(steps) & {'bisect', 'sparse', 'selftest', 'debug'}:
        return
    state = Walk(chosen, tree, work, jobs)
    if not results.step('without the series', lambda: state.begin(steps)):
        return
    for patch in chosen.patches:
        patches.apply_in_place([patch], tree.path)
        if 'bisect' in steps:
            results.step(f'bisect {patch.name[:4]}', functools.partial(state.compile, patch))
    if 'sparse' in steps:
        results.step('sparse', state.sparse)
    if set(steps) & {'selftest', 'debug'}:
        results.step('selftest', lambda: state.selftests(programs))


def check(source: Source, chosen: Series, steps: Sequence[str], jobs: int, folder: Path,
          say: Say) -> Results:
    """The steps chosen, but for the boot; selftests go into a folder."""
    require_programs({**build.NEEDED, **NEEDED})
    results = Results()
    with workshop(f'check-{source.name}') as work:
        (work / 'source').mkdir()
        say(f'putting {source.name} into a folder')
        walk(results, chosen, source.put(work / 'source', []), work, steps, jobs, folder)
    return results
