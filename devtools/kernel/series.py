# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A series of patches: which tree it is for, and how it gets there."""
from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .tree import KernelError, Tree, copy, run, run_well

PATCHES = Path(__file__).resolve().parents[2] / 'kernel-patches'
# The first release of a long-term line that the series was made for, or tried on.
OLDEST = {'v5.4': (5, 4, 270), 'v6.6': (6, 6, 57)}
BRANCH = 'vf-token'


@dataclass(frozen=True)
class Series:
    """A folder of patches as git format-patch makes them."""
    name: str
    patches: tuple[Path, ...]

    def files(self) -> set[str]:
        """The files that the patches change or make."""
        return {name for patch in self.patches for name in
                re.findall(r'^(?:---|\+\+\+) [ab]/(\S+)', patch.read_text('utf-8'), re.MULTILINE)}


# For a kernel that is built as it is.
NONE = Series('', ())


def all_series(folder: Path = PATCHES) -> dict[str, Series]:
    """The series there are, by name."""
    found = {path.name: Series(path.name, tuple(sorted(path.glob('[0-9]*.patch'))))
             for path in sorted(folder.resolve().glob('v*.*'))}
    return {name: series for name, series in found.items() if series.patches}


def find_series(tree: Tree, folder: Path = PATCHES) -> Series:
    """The series for a tree."""
    known = all_series(folder)
    name = f'v{tree.version[0]}.{tree.version[1]}'
    if name not in known:
        raise KernelError(f"'{tree.path}' is Linux {tree.name}, for which there is no series; "
                          f'there are {", ".join(known) or "none"} (see {folder}/README.md)')
    oldest = OLDEST.get(name, tree.version)
    if tree.version < oldest:
        raise KernelError(
            f"'{tree.path}' is Linux {tree.name}, which is too old: the series {name} is for "
            f'{".".join(map(str, oldest))} and later; take a newer release of that line')
    return known[name]


def _patch(patch: Path, folder: Path, *options: str) -> str:
    """Apply one patch; returns why it doesn't apply, or nothing."""
    done = run(['patch', '-p1', '--fuzz=0', '--batch', '--forward', '--reject-file=-',
                '--no-backup-if-mismatch', *options, '--input', patch], cwd=folder)
    return done.stdout.strip() or 'patch failed' if done.returncode else ''


def _reversed(patch: Path, folder: Path) -> bool:
    # --forward would refuse what is to be undone.
    return run(['patch', '-p1', '--fuzz=0', '--force', '--reverse', '--dry-run', '--input', patch],
               cwd=folder).returncode == 0


def check(series: Series, tree: Tree, head: bool = False) -> None:
    """Refuse a tree, or what its git checkout's HEAD has, that the series doesn't apply to."""
    with tempfile.TemporaryDirectory(prefix='kernel-apply.') as work:
        folder = Path(work)
        for name in series.files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if head:
                shown = run(['git', 'show', f'HEAD:{name}'], tree.path)
                if shown.returncode == 0:
                    (folder / name).write_text(shown.stdout, encoding='utf-8')
            elif (tree.path / name).is_file():
                shutil.copyfile(tree.path / name, folder / name)
        if _reversed(series.patches[-1], folder):
            raise KernelError(f"'{tree.path}' has the series {series.name} already")
        for patch in series.patches:
            if _reversed(patch, folder):
                raise KernelError(f"'{tree.path}' has {patch.name} of the series {series.name} "
                                  'already, but not all of it; take an unpatched tree')
            reason = _patch(patch, folder)
            if reason:
                raise KernelError(f"{patch.name} does not apply to '{tree.path}' (Linux "
                                  f'{tree.name}), which was left as it is; patch says:\n{reason}')


def apply_in_place(patches: Iterable[Path], folder: Path) -> None:
    """Apply patches, which were checked, to a copy of ours."""
    for patch in patches:
        reason = _patch(patch, folder)
        if reason:
            raise KernelError(f"{patch.name} does not apply to '{folder}':\n{reason}")


def apply_to_copy(series: Series, tree: Tree, to: Path) -> None:
    """Make a patched copy of a tree, without what was built in it."""
    if to.exists():
        raise KernelError(f"'{to}' is there already; name a folder that isn't")
    check(series, tree)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f'.{to.name}.', dir=to.parent))
    except OSError as err:
        raise KernelError(f"cannot make the folder '{to}': {err.strerror}") from err
    try:
        copy(tree.path, temporary)
        apply_in_place(series.patches, temporary)
        temporary.chmod(0o755)
        temporary.rename(to)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def apply_as_branch(series: Series, tree: Tree, branch: str = BRANCH) -> None:
    """Make a branch of a commit a patch on top of the checkout's HEAD. The checkout itself stays as
    it is, since the commits are made in an index of their own."""
    def git(*args: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
        return run_well(['git', *args], tree.path, {'GIT_INDEX_FILE': index, **(env or {})},
                        stdin).strip()

    if not tree.in_git():
        raise KernelError(f"'{tree.path}' is no git checkout; use --to FOLDER for a patched copy")
    with tempfile.TemporaryDirectory(prefix='kernel-apply.') as work:
        index = f'{work}/index'
        ref = f'refs/heads/{branch}'
        git('check-ref-format', ref)
        if run(['git', 'show-ref', '--quiet', ref], tree.path).returncode == 0:
            raise KernelError(f"'{tree.path}' has a branch {branch} already; name another with "
                              '--branch')
        commit = git('rev-parse', '--verify', 'HEAD')
        check(series, tree, head=True)
        git('read-tree', commit)
        for patch in series.patches:
            facts = dict(re.findall(r'^(Author|Email|Subject|Date): (.*)$', git(
                'mailinfo', f'{work}/message', f'{work}/diff',
                stdin=patch.read_text('utf-8')), re.MULTILINE))
            git('apply', '--cached', f'{work}/diff')
            message = facts['Subject'] + '\n\n' + Path(work, 'message').read_text('utf-8')
            commit = git('commit-tree', git('write-tree'), '-p', commit, stdin=message,
                         env={'GIT_AUTHOR_NAME': facts['Author'], 'GIT_AUTHOR_DATE': facts['Date'],
                              'GIT_AUTHOR_EMAIL': facts['Email']})
        git('branch', branch, commit)
