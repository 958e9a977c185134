# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A dpdk-testpmd in the lab."""
from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping, Sequence

from lab.vm import Lab, LabError

PROMPT = 'testpmd> '
# No command of it.
SETTLE = 'settle'
START_TIMEOUT = 90
# Characters that a console is to echo, each by itself. The lab's aarch64 takes 8 ms for one, and
# more when others keep the host busy.
MOST_TYPED = 1500
# For EAL: newer versions of the PCI bus don't say by themselves which device they probe.
SHOW_PROBES = '--log-level=bus.pci:info'


class Testpmd:
    """One testpmd process on a console of its own; a context manager that ends it."""

    __test__ = False  # for pytest, which takes the name for a test's

    def __init__(self, lab: Lab, name: str, devices: Sequence[str], *eal: str,
                 env: Mapping[str, str] | None = None, redirect: str = '',
                 app: Sequence[str] = (), memory: int = 128, prefix: str = '',
                 program: str = 'dpdk-testpmd') -> None:
        """Start it on the devices, with more EAL arguments, more of its own (app) and so many MB,
        and wait for its prompt. A secondary process has its primary's name as its prefix. The
        program may be another build's."""
        self._lab = lab
        self.name = name
        self.console = lab.console(name)
        self._pid_file = f'/run/{name}.pid'
        variables = ''.join(f'{key}={shlex.quote(value)} ' for key, value in (env or {}).items())
        allowed = [word for device in devices for word in ('-a', device)]
        argv = [program, '-l', '0,1', '-m', str(memory), f'--file-prefix={prefix or name}',
                *allowed, *eal, '--', '-i', '--nb-cores=1', '--total-num-mbufs=8192',
                # its message would come in the middle of a prompt
                '--no-lsc-interrupt',
                # Linux before 5.18 takes seconds to unlock all the addresses that DPDK reserves.
                '--no-mlockall', *app]
        script = f'echo $$ >{self._pid_file}; exec {shlex.join(argv)}'
        self._line = f'{variables}sh -c {shlex.quote(script)} {redirect}'
        if len(self._line) > MOST_TYPED:
            lab.write(f'/run/{name}.sh', self._line, mode=0o600)
            self._line = f'. /run/{name}.sh'
        self.start()

    def start(self) -> None:
        """Start it as it was started at first, which is for one that was killed."""
        self.console.sendline(self._line)
        self.running = self.console.expect_exact([PROMPT, self.console.prompt],
                                                 timeout=START_TIMEOUT) == 0
        self.log = self.console.before.replace('\r', '')

    def __enter__(self) -> Testpmd:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.console.close()

    def command(self, text: str, timeout: float = 30) -> str:
        """What it prints in answer to a command at its prompt."""
        self.console.sendline(text)
        self.console.expect_exact(PROMPT, timeout=timeout)
        return self.console.before.replace('\r', '')

    def settle(self) -> None:
        """Wait until all that it printed unasked, prompts too, has come: what it echoes comes after
        that."""
        self.console.sendline(SETTLE)
        self.console.expect_exact(SETTLE)
        self.console.expect_exact(PROMPT)

    def logged(self, pattern: str) -> str:
        """The first line of its start-up log that matches, without EAL's own prefix, or ''."""
        for line in self.log.splitlines():
            if re.search(pattern, line):
                return line.removeprefix('EAL: ')
        return ''

    @property
    def ports(self) -> int:
        """How many ports it drives."""
        if not self.running:
            return 0
        answer = self.command('show port summary all')
        found = re.search(r'Number of available ports: (\d+)', answer)
        return int(found[1]) if found else 0

    def pid(self) -> int:
        """Its process id in the guest."""
        return int(self._lab.check(f'cat {self._pid_file}'))

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would end it, and wait until it is gone."""
        self._lab.check(f'kill -KILL {self.pid()}')
        self.console.expect_exact(self.console.prompt)
        self.running = False

    def mac(self, port: int) -> str:
        """A port's MAC address."""
        found = re.search(r'MAC address: ([0-9A-F:]{17})', self.command(f'show port info {port}'))
        if not found:
            raise LabError(f'{self.name}: port {port} shows no MAC address')
        return found[1]

    def forwarded(self) -> int:
        """Packets that this process received and forwarded, on the port that has the fewest."""
        answer = self.command('show fwd stats all')
        return min(map(int, re.findall(r'^ *RX-packets: *(\d+)', answer, re.MULTILINE)), default=0)

    def exchange(self, packets: int, timeout: float = 60) -> int:
        """Let ports 0 and 1 send each other packets until each has received that many."""
        for port in (0, 1):
            self.command(f'set eth-peer {port} {self.mac(1 - port)}')
        self.command('set fwd mac')
        self.command('start tx_first')
        deadline = time.monotonic() + timeout
        count = 0
        while count < packets and time.monotonic() < deadline:
            time.sleep(0.5)
            count = self.forwarded()
        self.command('stop')
        return count
