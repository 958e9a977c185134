# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A virtual machine with SR-IOV devices for the time of a with statement."""
from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pexpect import fdpexpect

import debian

from . import image, qemu
from .console import (BadInput, Console, Control, LabError, Result, drain, end_session,
                      open_command)
from .target import Target

__all__ = ['BadInput', 'Console', 'Lab', 'LabError', 'Result']

# The kernel's hvc driver has no more terminals.
CONSOLES = 8
BOOT_TIMEOUT = 300
# A testpmd needs two; more only make the boot longer in software emulation.
CPUS = 2


class Lab(Target):
    """A running machine; a context manager, whose end is the machine's end."""

    def __init__(self, build: Path, pfs: int = 1, vfs: int = 0, memory: int = 1024,
                 cpus: int | None = None, kernel: Path | str | None = None,
                 modules: Path | None = None, accel: str | None = None,
                 files: Mapping[str, Path] | None = None, timeout: float = 600,
                 append: str = '', nvmes: int = 0, qemu_arguments: Sequence[str] = (),
                 arch: str | None = None, nic: str | None = None,
                 iommu: str | None = None) -> None:
        """Boot the machine and wait until it takes commands. Below `build` it writes its logs;
        `vfs` binds each PF to vfio-pci and enables that many; `kernel` is an image or a version of
        Debian's; after `timeout` seconds it ends; `append` are more arguments for its kernel;
        `nvmes` is the number of NVMe controllers with up to 100 VFs each; `qemu_arguments` are more
        arguments for QEMU; `arch`, of which `files` are, `nic` and `iommu` are of qemu.py's, as
        qemu.chosen() chooses them. The environment variable LAB_PATH=cdev leaves VFIO devices
        their own files only, as on a kernel without groups."""
        cpus = CPUS if cpus is None else cpus
        path = os.environ.get('LAB_PATH', '')
        if path not in ('', 'cdev'):
            raise BadInput(f"LAB_PATH is '{path}'; it must be cdev or empty")
        try:
            guest = qemu.find_arch(arch)
            self._check(pfs=(pfs, 1, guest.max_pfs), vfs=(vfs, 0, 7), memory=(memory, 384, 1 << 20),
                        cpus=(cpus, 1, 64), timeout=(timeout, 1, 7 * 86400), nvmes=(nvmes, 0, 4))
            setup = qemu.Setup(guest, qemu.chosen('nic', nic, guest.nics),
                               qemu.chosen('iommu', iommu, guest.iommus), pfs, nvmes, memory, cpus,
                               qemu.choose_accel(accel, guest), append, tuple(qemu_arguments))
            # First, so that what can't be put into the guest is found before anything is fetched.
            content = [image.extra(files or {}, guest.packages)]
            chosen = qemu.find_kernel(kernel, modules, guest)
            program = qemu.find_qemu(guest, setup.nic, setup.iommu)
            content.insert(0, image.base(chosen.modules, guest.packages))
        except (qemu.MachineError, image.ImageError) as err:
            raise BadInput(str(err)) from err
        except debian.DebianError as err:
            raise LabError(str(err)) from err
        self.logs = self._folder(build)
        self.pfs: list[str] = []
        self.nvmes: list[str] = []
        self.release = ''
        self._reason = ''
        self._process: subprocess.Popen[bytes] | None = None
        self._open: list[Console] = []
        self._stack = contextlib.ExitStack()
        self._watchdog = threading.Timer(timeout, self._expire, [timeout])
        self._watchdog.daemon = True
        try:
            self._start(setup, program, chosen, content, timeout)
            if path:
                self._leave_cdev()
            for pf in self.pfs if vfs else []:
                self.bind(pf, 'vfio-pci')
                self.enable(pf, vfs)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _check(**given: tuple[float, float, float]) -> None:
        for name, (value, low, high) in given.items():
            if not low <= value <= high:
                raise BadInput(f'{name} is {value}; it must be from {low} to {high}')

    @staticmethod
    def _folder(build: Path) -> Path:
        top = Path(build).resolve() / 'lab'
        try:
            top.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(prefix=time.strftime('%Y%m%d-%H%M%S-'), dir=top)
        except OSError as err:
            raise BadInput(f"cannot write the lab's logs to '{top}': {err.strerror}; "
                           'name a build folder that you may write to') from err
        return Path(folder)

    def _start(self, setup: qemu.Setup, program: qemu.Qemu, kernel: qemu.Kernel,
               content: Sequence[bytes], timeout: float) -> None:
        ours, theirs = [], []
        for _ in range(1 + CONSOLES):
            pair = socket.socketpair()
            ours.append(self._stack.enter_context(pair[0]))
            theirs.append(pair[1])
        self._control = Control(ours[0], self._ended)
        self._free = list(enumerate(ours[1:]))
        with contextlib.ExitStack() as passed:
            for sock in theirs:
                passed.enter_context(sock)
            initrd = passed.enter_context(self._initrd(content))
            fds = [sock.fileno() for sock in theirs]
            argv = qemu.command(program, kernel, setup, f'/proc/self/fd/{initrd.fileno()}',
                                self.logs / 'serial.log', fds[0], fds[1:])
            (self.logs / 'qemu.cmd').write_text(shlex.join(argv) + '\n', encoding='utf-8')
            log = passed.enter_context(open(self.logs / 'qemu.log', 'wb'))
            # Its death with ours is the one thing that also works when we are killed.
            self._process = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'KILL', *argv], env=program.env(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                pass_fds=[*fds, initrd.fileno()])
        self._watchdog.start()
        word, self.release, *found = self._control.line(time.monotonic() + BOOT_TIMEOUT).split()
        devices = [device.split('=') for device in found]
        self.pfs = [address for kind, address in devices if kind == 'pf']
        self.nvmes = [address for kind, address in devices if kind == 'nvme']
        if word != 'ready' or (len(self.pfs), len(self.nvmes)) != (setup.pfs, setup.nvmes):
            raise LabError(f'the guest sees {len(self.pfs)} of {setup.pfs} PFs and '
                           f'{len(self.nvmes)} of {setup.nvmes} NVMe controllers; {self._ended()}')

    def _leave_cdev(self) -> None:
        """Take the container's file away, if there is one, without which no IOMMU group can be
        used."""
        if self.run('[ -e /dev/iommu ]').status:
            raise BadInput(f'LAB_PATH=cdev: the kernel {self.release} has no iommufd')
        self.check('rm -f /dev/vfio/vfio')

    @staticmethod
    def _initrd(content: Sequence[bytes]) -> BinaryIO:
        """The guest image in a file without a name, as that can't be left behind."""
        file = os.fdopen(os.memfd_create('initrd'), 'w+b')
        for part in content:
            file.write(part)
        file.flush()
        return file

    def _expire(self, timeout: float) -> None:
        self._reason = f'its time limit of {timeout:g} s was reached'
        if self._process:
            self._process.kill()

    def _ended(self) -> str:
        """Why the guest says nothing more, with the last lines of the log that tells it."""
        for name in ('qemu.log', 'serial.log'):
            text = (self.logs / name).read_text('utf-8', 'replace')
            lines = [line for line in text.splitlines() if line.strip() and 'warning:' not in line]
            if lines:
                break
        else:
            return self._reason or f'nothing was logged in {self.logs}'
        reason = f'{self._reason}; ' if self._reason else ''
        # What follows a panic's message is long and says less.
        panics = (number for number, line in enumerate(lines) if 'Kernel panic' in line)
        end = next(panics, len(lines)) + 1
        return f'{reason}the end of {self.logs / name}:\n' + '\n'.join(lines[:end][-20:])

    def close(self) -> None:
        """End the machine; harmless when repeated."""
        process, self._process = self._process, None
        if process:
            self._watchdog.cancel()
            process.kill()
            process.wait()
        for console in self._open[:]:
            with contextlib.suppress(Exception):
                drain(console)
        self._stack.close()

    def run(self, command: str, timeout: float = 30) -> Result:
        """Run a shell command in the guest; its output comes without its last newline."""
        return self._control.run(command, timeout)

    def console(self, name: str) -> Console:
        """Open an interactive shell; its transcript goes to NAME.log in the logs."""
        if not re.fullmatch(r'[A-Za-z0-9_.-]+', name) or name in ('qemu', 'serial'):
            raise LabError(f"'{name}' cannot name a console; use letters, digits, '_', '.', '-'")
        if any(console.name == name for console in self._open):
            raise LabError(f"the console '{name}' is open already")
        port, sock = self._take()

        def released(console: Console) -> None:
            self._open.remove(console)
            self._free.append((port, sock))

        console = Console(name, port, sock, self._control, self.logs / f'{name}.log', released)
        self._open.append(console)
        return console

    def terminal(self, rows: int, columns: int, term: str,
                 afterwards: str) -> tuple[int, socket.socket]:
        """A shell for a person: its port and raw socket. `afterwards` is run when it has ended."""
        port, sock = self._take()
        file = f'/run/lab/hvc{port}'
        # Until its session can be ended.
        self.check(f'rm -f {file}\n'
                   f'{open_command(port, "lab# ", rows, columns, term, "sh", afterwards)}\n'
                   f'until [ -s {file} ]; do sleep 0.1; done')
        return port, sock

    def end_terminal(self, port: int, sock: socket.socket) -> None:
        """Kill what runs on a person's terminal and give its port back."""
        end_session(fdpexpect.fdspawn(sock, encoding='utf-8', codec_errors='replace'), port,
                    self._control)
        self._free.append((port, sock))

    def _take(self) -> tuple[int, socket.socket]:
        """A port that nobody uses."""
        if not self._free:
            raise LabError(f'all {CONSOLES} consoles are in use; close one')
        return self._free.pop(0)
