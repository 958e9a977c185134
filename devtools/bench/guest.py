# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What is measured in the lab: our testpmd beside the one of DPDK as it was released."""
from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.build import usertool
from framework.messages import said_only
from framework.testpmd import Testpmd
from lab.vm import Lab

from . import trace
from .builds import TESTPMD, Builds
from .figures import Figure, Reach

STOCK = 'stock DPDK'
TOKEN = '3e7e882e-1daf-417f-ad8d-882eea5ee337'
WRONG_TOKEN = '00000000-1daf-417f-ad8d-882eea5ee337'
TOKEN_FILE = '/run/bench-vf-token'
TOOLS = ('dpdk-devbind.py', 'dpdk-telemetry.py')
FOLDERS = {'ours': '/opt/ours', 'stock': '/opt/stock'}
# Time is the number of instructions, 2 ns each, whatever else the host does; sleeps take no time of
# the host's.
ICOUNT = ('-icount', 'shift=1,sleep=off')
# A NIC without SR-IOV, in an IOMMU group of its own.
PLAIN_NIC = ('-device', 'pcie-root-port,id=plain,chassis=30',
             '-device', 'e1000e,bus=plain,romfile=')
FIND_PLAIN = 'grep -l 0x10d3 /sys/bus/pci/devices/*/device'
SAME_TIME = Reach('ratio', 1.0)
# By the number of VFs, of the start and of the end.
STARTS = {1: (SAME_TIME, None), 7: (Reach('ratio', 0.45), None),
          28: (Reach('ratio', 0.25), None), 56: (Reach('ratio', 0.22), Reach('ratio', 0.25))}
PACKETS_FOR = 5  # seconds


def files(builds: Builds) -> Mapping[str, Path]:
    """What the guest needs."""
    return {**{f'/usr/local/bin/{name}': usertool(builds.build, name) for name in TOOLS},
            f'{FOLDERS["ours"]}/dpdk-testpmd': builds.ours / TESTPMD,
            f'{FOLDERS["stock"]}/dpdk-testpmd': builds.stock / TESTPMD}


@contextlib.contextmanager
def machine(builds: Builds, folder: Path, pfs: int) -> Iterator[tuple[Lab, str]]:
    """A guest with PFs and a plain NIC, whose address is the second value, on vfio-pci, and the
    PFs' token in a file."""
    with Lab(folder, pfs=pfs, memory=1024 + 256 * pfs, files=files(builds), timeout=7200,
             qemu_arguments=[*ICOUNT, *PLAIN_NIC]) as lab:
        plain = lab.check(FIND_PLAIN).split('/')[-2]
        lab.check(f'dpdk-devbind.py -b vfio-pci {plain} {" ".join(lab.pfs)}', timeout=300)
        lab.write(TOKEN_FILE, TOKEN, mode=0o600)
        yield lab, plain


def start_up(side: str, name: str, devices: Sequence[str], *eal: str) -> str:
    """The command line of a testpmd that ends at its prompt."""
    allowed = ' '.join(f'-a {device}' for device in devices)
    return (f'{FOLDERS[side]}/dpdk-testpmd -l 0,1 -m 256 --file-prefix={name} '
            f'--log-level=lib.eal:error {allowed} {" ".join(eal)} -- -i --nb-cores=1 --no-mlockall '
            '--no-lsc-interrupt --total-num-mbufs=16384 --rxd=64 --txd=64 --disable-link-check '
            f'</dev/null >/tmp/{name}.log 2>&1')


def both(rounds: int) -> Iterator[str]:
    """Ours and the other in turns, now the one first and now the other."""
    for number in range(rounds):
        yield from ('ours', 'stock') if number % 2 == 0 else ('stock', 'ours')


def figure(row: str, what: str, unit: str, samples: Mapping[str, Sequence[float]],
           reach: Reach | None, at: float | None = None) -> Figure:
    """A figure of ours against stock DPDK."""
    return Figure(row, what, unit, samples['ours'], samples['stock'], STOCK, reach, at)


def one_open(lab: Lab, row: str, device: str, rounds: int, ioctls: Reach) -> list[Figure]:
    """The cost of the open of one device by a process that was given a token."""
    found: dict[str, list[trace.Opening]] = {'ours': [], 'stock': []}
    for side in both(rounds):
        command = start_up(side, 'open', [device], f'--vfio-vf-token={TOKEN}')
        opening, = trace.openings(trace.run(lab, command))
        found[side].append(opening)

    def of(name: str, scale: float = 1) -> dict[str, list[float]]:
        return {side: [getattr(one, name) * scale for one in many]
                for side, many in found.items()}

    return [figure(row, 'ioctls', '', of('ioctls'), ioctls),
            figure(row, 'system calls', '', of('system_calls'), None),
            figure(row, 'time', 'ms', of('seconds', 1000), SAME_TIME),
            figure(row, 'time outside of ioctls', 'us', of('outside', 1e6), None),
            Figure('sysfs decision', f'files looked at, {row}', '', of('paths')['ours'],
                   reach=Reach('ours', 5))]


@dataclass(frozen=True)
class StartUp:
    """A start with many VFs, in seconds."""
    prompt: float  # from exec
    opens: float  # from the first open's beginning to the last one's end
    end: float  # from the prompt


def start_up_of(lab: Lab, side: str, vfs: Sequence[str], *eal: str, opened: int) -> StartUp:
    """Start a testpmd that opens so many of the VFs, and end it."""
    traced = trace.run(lab, start_up(side, 'many', vfs, *eal), [trace.READ, trace.IOCTL],
                       timeout=900)
    many = [call for call in traced.calls if call.asks(trace.GROUP_GET_DEVICE_FD)]
    assert sum(call.result >= 0 for call in many) == opened, lab.check('cat /tmp/many.log')
    prompt = next(call for call in traced.calls if call.start > traced.start
                  and call.number == trace.READ and call.arguments[0] == 0)
    return StartUp(prompt.start - traced.start,
                   max(call.end for call in many) - many[0].start, traced.end - prompt.end)


def start_ups(lab: Lab, vfs: Sequence[str], rounds: int) -> list[Figure]:
    """The time from exec to the prompt with many VFs, for all their opens, and from the prompt to
    the end."""
    result = []
    for size, (started, ended) in STARTS.items():
        found: dict[str, list[StartUp]] = {'ours': [], 'stock': []}
        for side in both(rounds):
            found[side].append(start_up_of(lab, side, vfs[:size], f'--vfio-vf-token={TOKEN}',
                                           opened=size))
        many_vfs = '1 VF' if size == 1 else f'{size} VFs'
        result += [figure('start-up', f'{what}, {many_vfs}', 's',
                          {side: [getattr(one, name) for one in many]
                           for side, many in found.items()}, reach, size)
                   for name, what, reach in (('prompt', 'until the prompt', started),
                                             ('opens', 'all opens', None),
                                             ('end', 'until the end', ended))]
    return result


def one_refused(lab: Lab, vfs: Sequence[str], rounds: int) -> Figure:
    """A start with many VFs, of which one has a wrong token, beside one with the right one for
    all."""
    refused = vfs[len(vfs) // 2]
    right = f'--vfio-vf-token={TOKEN}'
    wrong = f'--vfio-vf-token={refused}={WRONG_TOKEN}'
    all_open, one_less = [], []
    for _ in range(rounds):
        all_open.append(start_up_of(lab, 'ours', vfs, right, opened=len(vfs)).prompt)
        one_less.append(start_up_of(lab, 'ours', vfs, right, wrong, opened=len(vfs) - 1).prompt)
        log = lab.check('cat /tmp/many.log')
        said_only(log, ('vf_wrong_token', refused))
        assert log.count('Configuring Port') == len(vfs) - 1, log
    return Figure('start-up', f'{len(vfs)} VFs, one refused, until the prompt', 's', one_less,
                  all_open, 'none refused', SAME_TIME)


def in_path(side: str) -> dict[str, str]:
    """The environment in which Testpmd finds one of the two."""
    return {'PATH': f'{FOLDERS[side]}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'}


def memory(lab: Lab, devices: Sequence[str], rounds: int, when: str, *eal: str) -> list[Figure]:
    """Memory at the prompt, its peak until then, and the threads that are left. The reach is for
    what the process has for itself: the code that it runs belongs to all who run it, and the kernel
    maps that in pieces of 16 pages."""
    # What depends on where things happen to lie: huge pages, and which pages a fault brings in.
    lab.check('echo 0 >/proc/sys/kernel/randomize_va_space; '
              'echo never >/sys/kernel/mm/transparent_hugepage/enabled')
    # The kernel counts the peak in steps of up to 64 pages a thread, the pages themselves exactly.
    found: dict[str, dict[str, list[float]]] = {
        key: {'ours': [], 'stock': []} for key in ('Anonymous', 'Rss', 'VmHWM', 'Threads')}
    for side in both(rounds):
        with Testpmd(lab, 'memory', devices, *eal, env=in_path(side), memory=256,
                     app=['--disable-link-check', '--rxd=64', '--txd=64']) as testpmd:
            text = lab.check(f'cd /proc/{testpmd.pid()} && cat status smaps_rollup')
            assert testpmd.ports == len(devices), testpmd.log
            # To quit many ports takes longer than the lab waits.
            testpmd.kill()
        for key, samples in found.items():
            number, = re.findall(rf'^{key}:\s+(\d+)', text, re.MULTILINE)
            samples[side].append(float(number))
    return [figure('memory', f'of its own at the prompt, {when}', 'KiB', found['Anonymous'],
                   Reach('difference', 64)),
            figure('memory', f'resident at the prompt, {when}', 'KiB', found['Rss'], None),
            figure('memory', f'peak until then, as the kernel estimates it, {when}', 'KiB',
                   found['VmHWM'], None),
            figure('memory', f'threads at the prompt, {when}', '', found['Threads'],
                   Reach('difference', 0))]


def rotation(lab: Lab, pf: str, process: Testpmd, rounds: int) -> list[Figure]:
    """From the request that a PF's process reads to the kernel's answer."""
    ioctls, times = [], []
    for _ in range(rounds):
        traced = trace.during(lab, process.pid(),
                              f'echo /vf_token/reload,{pf} | dpdk-telemetry.py -f {process.name}')
        feature = next(call for call in traced.calls if call.asks(trace.DEVICE_FEATURE))
        assert feature.result == 0, feature
        # The token's file is read in between.
        asked = {call.arguments[0] for call in traced.calls
                 if call.number == trace.WRITE and call.start > feature.end}
        request = max((call for call in traced.calls
                       if call.number == trace.READ and call.end < feature.start
                       and call.arguments[0] in asked), key=lambda call: call.end)
        times.append((feature.end - request.end) * 1e6)
        ioctls.append(float(sum(call.number == trace.IOCTL and call.start > request.end
                                for call in traced.calls)))
    return [Figure('rotation', 'ioctls', '', ioctls, reach=Reach('ours', 1)),
            Figure('rotation', "from the request to the kernel's answer", 'us', times)]


def traffic(lab: Lab, vfs: Sequence[str], rounds: int) -> Figure:
    """Packets from VF to VF and back, through testpmd."""
    rates: dict[str, list[float]] = {'ours': [], 'stock': []}
    for side in both(rounds):
        with Testpmd(lab, 'traffic', vfs, f'--vfio-vf-token={TOKEN}', env=in_path(side)) as testpmd:
            begin_traffic(testpmd)
            testpmd.command('show port stats all')
            time.sleep(PACKETS_FOR)
            # By testpmd's clock, since it was last asked.
            found = re.findall(r'Rx-pps: +(\d+)', testpmd.command('show port stats all'))
            rates[side].append(float(sum(map(int, found))))
    return figure('data path', 'VF to VF, time per packet', 'us',
                  {side: [1e6 / rate for rate in many] for side, many in rates.items()}, SAME_TIME)


def begin_traffic(testpmd: Testpmd) -> None:
    """Let its two ports send each other the same packets again and again."""
    for port in (0, 1):
        testpmd.command(f'set eth-peer {port} {testpmd.mac(1 - port)}')
    testpmd.command('set fwd mac')
    testpmd.command('start tx_first')


def lost(lab: Lab, vfs: Sequence[str], process: Testpmd, rotations: int) -> Figure:
    """Packets that VFs lost while their PF's token was set again."""
    with Testpmd(lab, 'users', vfs, f'--vfio-vf-token={TOKEN}', env=in_path('ours')) as testpmd:
        begin_traffic(testpmd)
        for _ in range(rotations):
            answer = lab.check(f'echo /vf_token/reload | dpdk-telemetry.py -f {process.name}', 60)
            assert '"result": "reloaded"' in answer, answer
        testpmd.command('stop')
        stats = testpmd.command('show port stats all')
    counts = {name: sum(map(int, re.findall(rf'{name}: +(\d+)', stats)))
              for name in ('RX-packets', 'TX-packets', 'TX-errors')}
    assert counts['TX-packets'] > 0, stats
    gone = counts['TX-packets'] + counts['TX-errors'] - counts['RX-packets']
    return Figure('rotation', f'packets lost of {counts["TX-packets"]:,} during {rotations} '
                  'rotations', '', [gone], reach=Reach('ours', 0))


def measure(builds: Builds, folder: Path, rounds: int) -> list[Figure]:
    """All rows about DPDK in the lab."""
    with machine(builds, folder, 8) as (lab, plain):
        pf = lab.pfs[0]
        figures = one_open(lab, 'opening a device that needs no token', plain, rounds,
                           Reach('difference', 0, less=True))
        figures += memory(lab, [pf], rounds, 'without rules')
        with Testpmd(lab, 'pf', lab.pfs, f'--vfio-vf-token=file:{TOKEN_FILE}', '--vfio-num-vfs=7',
                     env=in_path('ours'), app=['--disable-link-check']) as process:
            vfs = [vf for one in lab.pfs for vf in lab.vfs(one)]
            figures += one_open(lab, 'opening a VF with its token', vfs[0], rounds,
                                Reach('difference', 0))
            figures += start_ups(lab, vfs, rounds)
            figures.append(one_refused(lab, vfs, rounds))
            figures += memory(lab, vfs, rounds, f'{len(vfs)} VFs', f'--vfio-vf-token={TOKEN}')
            figures += rotation(lab, pf, process, rounds)
            figures.append(traffic(lab, vfs[:2], rounds))
            figures.append(lost(lab, vfs[:2], process, rounds))
    return figures
