# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The developer's time: from a clone to the first VF that is refused, and from a change to its
result. By the clock, so the machine's other load is in it."""
from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .builds import TESTPMD
from .figures import Figure, Reach

ROW = "the developer's time"
ROUNDS = 3  # of what is quick
TOUCHED = 'lib/vftoken/rules.c'
_REFUSED = re.compile(r" *\d+ start a VF's testpmd without a token .* ok: refused\b")


def refused(output: Iterable[str], clock: Callable[[], float] = time.monotonic) -> float:
    """When the line of demo.sh's output came that says that a VF was refused; reads all of it."""
    when, said = None, ''
    for line in output:
        said += line
        if when is None and _REFUSED.match(line):
            when = clock()
    if when is None:
        raise OSError(f'demo.sh refused no VF without a token; it said:\n{said}')
    return when


def _run(argv: Sequence[str | Path], env: Mapping[str, str]) -> float:
    """Run a command that must succeed; how long it took."""
    start = time.monotonic()
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise OSError(f'{argv[0]} failed; it said:\n{done.stdout}')
    return time.monotonic() - start


def _demo(tree: Path, env: Mapping[str, str]) -> float:
    """Run demo.sh; how long it took to refuse the first VF."""
    start = time.monotonic()
    with subprocess.Popen([tree / 'devtools/demo.sh'], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout
        when = refused(demo.stdout)
    if demo.returncode:
        raise OSError('demo.sh failed after it had refused a VF; run it to see how')
    return when - start


def _rebuild(tree: Path, env: Mapping[str, str]) -> float:
    """Build all again that depends on a file of libvftoken's."""
    testpmd, = tree.glob(f'build/subprojects/dpdk-*/{TESTPMD}')
    before = testpmd.stat().st_mtime_ns
    (tree / TOUCHED).touch()
    took = _run(['ninja', '-C', tree / 'build'], env)
    if testpmd.stat().st_mtime_ns == before:
        raise OSError(f"{testpmd} wasn't linked again after a change of {TOUCHED}")
    return took


def measure(source: Path, cold: bool) -> list[Figure]:
    """The row of the developer's time, in a clone of what is committed. The first
    figure takes an empty cache, and is left out unless cold."""
    with tempfile.TemporaryDirectory(prefix='bench-developer.') as folder:
        tree = Path(folder) / 'clone'
        env = {name: value for name, value in os.environ.items() if name != 'BUILD'}
        if cold:
            env['XDG_CACHE_HOME'] = str(Path(folder) / 'cache')
        took = _run(['git', 'clone', '--quiet', source, tree], env) + _demo(tree, env)
        figures = [Figure(ROW, 'clone to first refused VF, nothing cached', 's', [took],
                          reach=Reach('ours', 600))] if cold else []
        figures += [
            Figure(ROW, 'to first refused VF, all built', 's',
                   [_demo(tree, env) for _ in range(ROUNDS)], reach=Reach('ours', 60)),
            Figure(ROW, f'rebuild after a change of {Path(TOUCHED).name}', 's',
                   [_rebuild(tree, env) for _ in range(ROUNDS)], reach=Reach('ours', 5))]
        test = (tree / 'devtools/test.sh', '--fast')
        _run(test, env)
        figures.append(Figure(ROW, 'test.sh --fast, all built', 's', [_run(test, env)],
                              reach=Reach('ours', 60)))
    return figures
