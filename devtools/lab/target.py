# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What a functional test may ask of the machine that it runs on, virtual or real."""
from __future__ import annotations

import abc
import base64
import shlex
from typing import Self

from pexpect.spawnbase import SpawnBase

from .console import LabError, Result

# Moves a device to a driver, or without one to that which the kernel finds for it, if any.
BIND = '''
cd /sys/bus/pci/devices/{device} || exit 1
echo {driver} >driver_override
[ ! -e driver ] || echo {device} >driver/unbind
echo {device} >/sys/bus/pci/drivers_probe || true
'''


class Target(abc.ABC):
    """A machine with SR-IOV devices; a context manager, whose end leaves it as it was."""

    pfs: list[str]  # the addresses of the PFs that belong to the tests

    @abc.abstractmethod
    def run(self, command: str, timeout: float = 30) -> Result:
        """Run a shell command; what is left of it at its time limit is killed."""

    @abc.abstractmethod
    def console(self, name: str) -> SpawnBase:
        """Open an interactive shell, with a prompt of its own in its attribute prompt."""

    @abc.abstractmethod
    def close(self) -> None:
        """Leave the machine as it was; harmless when repeated."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self, command: str, timeout: float = 30) -> str:
        """Run a shell command that must succeed, and return its output."""
        result = self.run(command, timeout)
        if result.status:
            raise LabError(f'on the target, this failed with status {result.status}: '
                           f'{command.strip()}\n{result.output}')
        return result.output

    def vfs(self, pf: str) -> list[str]:
        """The addresses of a PF's VFs, in their order."""
        return self.check(f'cd /sys/bus/pci/devices/{shlex.quote(pf)} && '
                          'i=0; while [ -e virtfn$i ]; do basename "$(readlink virtfn$i)"; '
                          'i=$((i + 1)); done').split()

    def driver(self, device: str) -> str:
        """The kernel driver that a device is bound to, or ''."""
        link = f'/sys/bus/pci/devices/{shlex.quote(device)}/driver'
        return self.check(f'[ ! -e {link} ] || basename "$(readlink {link})"')

    def bind(self, device: str, driver: str) -> None:
        """Move a device to a kernel driver, or with '' to its own."""
        self.check(BIND.format(device=device, driver=driver), timeout=60)
        if driver and self.driver(device) != driver:
            raise LabError(f'{device} is not on {driver}')

    def enable(self, pf: str, vfs: int) -> None:
        """Enable so many VFs of a PF, or with 0 disable them."""
        self.check(f'echo {vfs} >/sys/bus/pci/devices/{pf}/sriov_numvfs', timeout=60)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file onto the machine, all at once."""
        data = base64.b64encode(text.encode()).decode('ascii')
        quoted = shlex.quote(path)
        self.check(f'umask 077\nbase64 -d >{quoted}.new <<END\n{data}\nEND\n'
                   f'chmod {mode:o} {quoted}.new && mv {quoted}.new {quoted}')

    def dmesg(self) -> str:
        """The kernel's log."""
        return self.check('dmesg')
