# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The data path on the host: whether its code is the same, and what a packet costs."""
from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

import pexpect

from .builds import TESTPMD, Builds
from .figures import Figure, Reach
from .guest import STOCK, both, figure

# What packets pass on their way through testpmd.
LIBRARIES = ('lib/librte_ethdev.a', 'lib/librte_mbuf.a', 'lib/librte_mempool.a',
             'lib/librte_ring.a', 'drivers/libtmp_rte_mempool_ring.a',
             'drivers/libtmp_rte_net_e1000.a', 'drivers/libtmp_rte_net_null.a')
ARGUMENTS = ('-l', '0,1', '--no-huge', '--no-pci', '-m', '64', '--no-telemetry',
             '--vdev=net_null0', '--vdev=net_null1', '--', '--total-num-mbufs=2048',
             '--nb-cores=1', '--no-mlockall')
START_TIMEOUT = 300
SECONDS = 10


def code(library: Path) -> str:
    """The machine code of a library's functions, without the names of files."""
    done = subprocess.run(['objdump', '--disassemble', '--no-show-raw-insn', library],
                          stdout=subprocess.PIPE, text=True, check=True)
    return ''.join(line for line in done.stdout.splitlines(keepends=True)
                   if ' file format ' not in line and not line.startswith('In archive '))


def per_packet(testpmd: Path) -> float:
    """How many instructions it takes to receive a packet at one port and to send it from another,
    where the ports themselves cost next to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'callgrind.out'
        # On a terminal, as it would keep what it says to itself in a pipe.
        process = pexpect.spawn(
            'valgrind', ['--tool=callgrind', '--fair-sched=yes', f'--callgrind-out-file={out}',
                         '--toggle-collect=pkt_burst_io_forward', str(testpmd),
                         f'--file-prefix={out.parent.name}', *ARGUMENTS],
            encoding='utf-8', timeout=START_TIMEOUT)
        process.expect_exact('Press enter')
        time.sleep(SECONDS)
        process.sendline()
        process.expect(pexpect.EOF)
        said = process.before or ''
        packets = re.findall(r'RX-packets: (\d+)', said)
        instructions = re.search(r'^(?:summary|totals): (\d+)', out.read_text(), re.MULTILINE)
        assert packets and instructions, said
        return int(instructions[1]) / sum(map(int, packets[:2]))


def measure(builds: Builds, rounds: int) -> list[Figure]:
    """The rows about the data path that need no lab."""
    differ = sum(code(builds.ours / name) != code(builds.stock / name) for name in LIBRARIES)
    samples: dict[str, list[float]] = {'ours': [], 'stock': []}
    for side in both(rounds):
        folder = builds.ours if side == 'ours' else builds.stock
        samples[side].append(per_packet(folder / TESTPMD))
    return [Figure('data path', f'libraries of {len(LIBRARIES)} whose code differs', '', [differ],
                   reach=Reach('ours', 0), against=STOCK),
            figure('data path', 'instructions per packet, testpmd with net_null', '', samples,
                   Reach('ratio', 1.0))]
