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
from .check import KCSAN, Results, Skipped
from .series import Series
from .tree import KernelError

HERE = Path(__file__).resolve().parent
# Half of it is for hugepages; an eighth is KASAN's, and kmemleak remembers each allocation.
MEMORY = 4096
# A disk controller that each of the lab's machines has and nothing uses.
OTHER = '0000:00:1f.2'
# KASAN would fall silent after its first report. Where an allocation fails in ACPI's code for the
# routing of interrupts, it uses freed memory, and each PF's open comes by there.
ARGUMENTS = 'kasan_multi_shot acpi=noirq'
SUITE = '/usr/local/bin/dpdk-test-vftoken'
FAULTS = '/usr/local/bin/faults.py'
# Where the IOMMU's code needs memory to give a group that is closed its own domain back. If it has
# none, nobody can use the group until the next boot.
CLOSES_NEED_MEMORY = ('v5.4', 'v5.5')
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


def _faults(lab: Lab, series: str) -> str:
    """Each allocation and each copy of user space's fails in turn; what follows must succeed."""
    pf = lab.pfs[0]
    what = 'opens' if series in CLOSES_NEED_MEMORY else ''
    _run(lab, BIND.format(device=pf, driver='vfio-pci'))
    _run(lab, 'cd /sys/kernel/debug/failslab && echo N >ignore-gfp-wait && echo 0 >verbose; '
              'test ! -d ../fail_usercopy || echo 0 >../fail_usercopy/verbose')
    begin, end = (f'echo {line} >/dev/kmsg' for line in compare.FAILURES)
    _run(lab, begin)
    try:
        output = _run(lab, f'python3 {FAULTS} {pf} {what}')
    finally:
        _run(lab, end)
    _run(lab, BIND.format(device=pf, driver=''))
    print(output, flush=True)
    points, failed = (sum(map(int, numbers)) for numbers in zip(*re.findall(
        r': ([0-9]+) failures, ([0-9]+) calls failed:', output)))
    return f'{points} failures, by which {failed} calls failed'


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


def _read_log(lab: Lab) -> str:
    return (lab.logs / 'serial.log').read_text('utf-8', 'replace')


def _kmemleak(lab: Lab, series: str) -> str:
    new, known = compare.leaks(_run(lab, _SCAN), series, _read_log(lab))
    if new:
        raise KernelError('\n'.join(new))
    return f"no leak but for {known} of this kernel's own" if known else 'no leak'


def _log(lab: Lab) -> str:
    text = _read_log(lab)
    rest, known = compare.without_known(text)
    found = compare.reports(rest)
    if found:
        raise KernelError('\n'.join(found) + f'\nthe whole log is {lab.logs / "serial.log"}')
    own = f" but for {known} of this kernel's own at failures" if known else ''
    return f'no report in {len(text.splitlines())} lines{own}'


def _kunit(lab: Lab) -> str:
    ran, failed = compare.kunit(_read_log(lab))
    if failed:
        raise KernelError('\n'.join(failed))
    if not ran:
        raise Skipped('the series has none for this kernel')
    return f'{ran} ok'


def boot(results: Results, series: str, kernel: Path, build: Path, suite: Path,
         selftests: Sequence[Path], race: int) -> None:
    """All steps on a kernel with debug options and the series of that name."""
    files: Mapping[str, Path] = {SUITE: suite, FAULTS: HERE / 'faults.py', **{
        f'/usr/local/bin/{path.name}': path for path in selftests}}
    try:
        with Lab(build, pfs=2, memory=MEMORY, kernel=kernel, append=ARGUMENTS, files=files,
                 timeout=4 * LIMIT + ROUND * race) as lab:
            results.step('debug: KUnit', lambda: _kunit(lab))
            results.step('debug: failures', lambda: _faults(lab, series))
            results.step('debug: dpdk-test-vftoken', lambda: _suite(lab))
            for path in selftests:
                program = shlex.quote(f'/usr/local/bin/{path.name}')
                results.step(f'debug: {path.name}', lambda: _selftest(lab, program))
            results.step('debug: race', lambda: _race(lab, race))
            results.step('debug: kmemleak', lambda: _kmemleak(lab, series))
            results.step('debug: kernel log', lambda: _log(lab))
    except LabError as err:
        raise KernelError(str(err)) from err


def _races(lab: Lab, chosen: Series) -> str:
    """No data race in what the series touches; nor may other checkers report."""
    text = _read_log(lab)
    own, others = compare.data_races(text, '\n'.join(
        patch.read_text('utf-8') for patch in chosen.patches))
    found = own + [line for line in compare.reports(text) if 'KCSAN' not in line]
    if found:
        raise KernelError('\n'.join(found) + f'\nthe whole log is {lab.logs / "serial.log"}')
    return f"no data race in the series' functions, {others} elsewhere"


def boot_kcsan(results: Results, chosen: Series, kernel: Path, build: Path, suite: Path,
               race: int) -> None:
    """The race on a kernel with KCSAN."""
    try:
        with Lab(build, pfs=2, memory=MEMORY, kernel=kernel, files={SUITE: suite},
                 timeout=4 * LIMIT + ROUND * race) as lab:
            results.step(f'{KCSAN}: race', lambda: _race(lab, race))
            results.step(f'{KCSAN}: kernel log', lambda: _races(lab, chosen))
    except LabError as err:
        raise KernelError(str(err)) from err
