# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The tests on a kernel that watches itself, booted in the lab."""
from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.target import BIND
from lab.vm import Lab, LabError

from . import compare
from .check import Results, Skipped
from .tree import KernelError

# Half of it is for hugepages; an eighth is KASAN's, and kmemleak remembers each allocation.
MEMORY = 4096
# A disk controller that each of the lab's machines has and nothing uses.
OTHER = '0000:00:1f.2'
SUITE = '/usr/local/bin/dpdk-test-vftoken'
LIMIT = 3000
ROUND = 10  # seconds that a round of the race may take

# An object is suspect once it is older than five seconds and no scan has found a pointer to it.
_SCAN = '''
cd /sys/kernel/debug || exit 1
sleep 6; echo scan >kmemleak; sleep 6; echo scan >kmemleak; cat kmemleak; echo clear >kmemleak
'''


def _run(lab: Lab, command: str, limit: float = LIMIT) -> str:
    """Run what must succeed; returns its output."""
    try:
        done = lab.run(command, limit)
    except LabError as err:
        raise KernelError(str(err)) from err
    if done.status:
        raise KernelError(f'in the lab, this ended with status {done.status}: {command.strip()}\n'
                          + '\n'.join(done.output.splitlines()[-40:]))
    return done.output


def _suite(lab: Lab) -> str:
    output = _run(lab, f'{SUITE} --pf {lab.pfs[0]} --pf2 {lab.pfs[1]} --other {OTHER}')
    counts = [len(re.findall(pattern, output, re.MULTILINE))
              for pattern in (r'^ok ', r'^ok .* # SKIP ')]
    return f'{counts[0] - counts[1]} cases ok, {counts[1]} skipped'


def _race(lab: Lab, rounds: int) -> str:
    output = _run(lab, f'{SUITE} --pf {lab.pfs[0]} --pf2 {lab.pfs[1]} --race {rounds}',
                  LIMIT + ROUND * rounds)
    return '; '.join(re.findall(r'(\d+ rounds in .*);', output))


def _selftest(lab: Lab, program: str) -> str:
    """A selftest wants a PF, a VF of it and perhaps a device that is neither, on vfio-pci."""
    pf = lab.pfs[0]
    for device in (pf, OTHER):
        _run(lab, BIND.format(device=device, driver='vfio-pci'))
    _run(lab, f'echo 2 >/sys/bus/pci/devices/{pf}/sriov_numvfs')
    try:
        output = _run(lab, f'{program} {pf} {lab.vfs(pf)[0]} {OTHER}')
    finally:
        _run(lab, f'echo 0 >/sys/bus/pci/devices/{pf}/sriov_numvfs')
        for device in (pf, OTHER):
            _run(lab, BIND.format(device=device, driver=''))
    return (output.splitlines() or [''])[-1].lstrip('# ')


def _kmemleak(lab: Lab, series: str) -> str:
    new, known = compare.leaks(_run(lab, _SCAN), series)
    if new:
        raise KernelError('\n'.join(new))
    return f"no leak but for {known} of this kernel's own" if known else 'no leak'


def _log(lab: Lab) -> str:
    text = (lab.logs / 'serial.log').read_text('utf-8', 'replace')
    found = compare.reports(text)
    if found:
        raise KernelError('\n'.join(found) + f'\nthe whole log is {lab.logs / "serial.log"}')
    return f'no report in {len(text.splitlines())} lines'


def _kunit(lab: Lab) -> str:
    ran, failed = compare.kunit((lab.logs / 'serial.log').read_text('utf-8', 'replace'))
    if failed:
        raise KernelError('\n'.join(failed))
    if not ran:
        raise Skipped('the series has none for this kernel')
    return f'{ran} ok'


def boot(results: Results, series: str, kernel: Path, build: Path, suite: Path,
         selftests: Sequence[Path], race: int) -> None:
    """All steps on a kernel with debug options and the series of that name."""
    files: Mapping[str, Path] = {SUITE: suite, **{
        f'/usr/local/bin/{path.name}': path for path in selftests}}
    try:
        # KASAN would fall silent after its first report.
        with Lab(build, pfs=2, memory=MEMORY, kernel=kernel, append='kasan_multi_shot',
                 files=files, timeout=4 * LIMIT + ROUND * race) as lab:
            results.step('debug: KUnit', lambda: _kunit(lab))
            results.step('debug: dpdk-test-vftoken', lambda: _suite(lab))
            for path in selftests:
                program = shlex.quote(f'/usr/local/bin/{path.name}')
                results.step(f'debug: {path.name}', lambda: _selftest(lab, program))
            results.step('debug: race', lambda: _race(lab, race))
            results.step('debug: kmemleak', lambda: _kmemleak(lab, series))
            results.step('debug: kernel log', lambda: _log(lab))
    except LabError as err:
        raise KernelError(str(err)) from err
