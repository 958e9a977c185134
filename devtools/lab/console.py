# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The two ways to talk to the guest: the control channel and interactive consoles."""
from __future__ import annotations

import itertools
import math
import select
import shlex
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pexpect import EOF, TIMEOUT, fdpexpect
from pexpect.spawnbase import SpawnBase

GRACE = 15
_MARKS = itertools.count()


class LabError(Exception):
    """The lab, or a command in it, failed; the text carries what was seen last."""


class BadInput(LabError):
    """What the caller asked for cannot be; nothing was changed."""


@dataclass(frozen=True)
class Result:
    """How a command in the guest ended: its exit status and all that it wrote."""
    status: int
    output: str


class Control:
    """The channel on which the guest's agent runs commands, one at a time."""

    def __init__(self, sock: socket.socket, ended: Callable[[], str]) -> None:
        """ended says why nothing more can come from the guest."""
        self._sock = sock
        self._ended = ended
        self._lock = threading.Lock()
        self._buffer = b''

    def line(self, deadline: float) -> str:
        """The next line from the agent."""
        while b'\n' not in self._buffer:
            self._fill(deadline)
        line, _, self._buffer = self._buffer.partition(b'\n')
        return line.decode('ascii', 'replace')

    def _fill(self, deadline: float) -> None:
        ready = select.select([self._sock], [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            raise LabError(f'the guest does not answer; {self._ended()}')
        try:
            data = self._sock.recv(65536)
        except OSError:
            data = b''
        if not data:
            raise LabError(f'the machine has ended; {self._ended()}')
        self._buffer += data

    def run(self, command: str, timeout: float) -> Result:
        """Run a shell command in the guest; what is left of it at its time limit is killed."""
        script = command.encode() + b'\n'
        seconds = max(1, math.ceil(timeout))
        with self._lock:
            start = time.monotonic()
            deadline = start + seconds + GRACE
            try:
                self._sock.settimeout(seconds + GRACE)
                self._sock.sendall(b'%d %d\n' % (seconds, len(script)) + script)
            except OSError as err:
                raise LabError(f'the guest takes no commands; {self._ended()}') from err
            status, length = map(int, self.line(deadline).split())
            while len(self._buffer) < length:
                self._fill(deadline)
            data, self._buffer = self._buffer[:length], self._buffer[length:]
        output = data.decode('utf-8', 'replace').removesuffix('\n')
        if status == 137 and time.monotonic() - start >= seconds:
            raise LabError(f'in the guest, this took more than {seconds} s: {command}\n'
                           f'its output:\n{_tail(output)}')
        return Result(status, output)


def _tail(text: str, lines: int = 20) -> str:
    return '\n'.join(text.splitlines()[-lines:])


# Ends what runs in $session, by thread, as the first of a process is a zombie while others still
# leave the kernel, with files and devices open.
END_SESSION = '''
alive() {
	for stat in /proc/[0-9]*/task/*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		pid=${line%% *}
		set -- ${line##*) }
		[ "$4" = "$session" ] && [ "$1" != Z ] && echo "$pid"
	done
}
try=0
while [ $try -lt 100 ]; do
	pids=$(alive)
	[ -n "$pids" ] || break
	kill -KILL $pids 2>/dev/null
	sleep 0.1
	try=$((try + 1))
done
'''


class Console(fdpexpect.fdspawn):
    """An interactive shell in the guest, to be used as any pexpect spawn object."""

    closed: bool

    def __init__(self, name: str, port: int, sock: socket.socket, control: Control,
                 log: Path, released: Callable[[Console], None]) -> None:
        self.prompt = f'{name}# '
        self._port = port
        self._control = control
        self._released = released
        self._transcript = open(log, 'a', encoding='utf-8', buffering=1)
        super().__init__(sock.fileno(), timeout=30, encoding='utf-8', codec_errors='replace')
        self.name = name
        self.logfile_read = self._transcript
        self.delaybeforesend = None
        control.run(open_command(port, self.prompt), 30)
        try:
            self.expect_exact(self.prompt)
        except (EOF, TIMEOUT) as err:
            raise LabError(f'the console {name} (/dev/hvc{port}) gives no prompt') from err

    def close(self) -> None:
        """Kill what runs on this console and give its port back; harmless when repeated."""
        if self.closed:
            return
        self.closed = True
        self.flag_eof = False
        try:
            end_session(self, self._port, self._control)
        finally:
            self._transcript.close()
            self._released(self)

    def isalive(self) -> bool:
        """Whether the console can still be used."""
        return not self.closed


def drain(console: SpawnBase, quiet: float = 0) -> None:
    """Take into the transcript what came on a console, until it is quiet for so long."""
    try:
        while True:
            console.read_nonblocking(65536, quiet)
    except (TIMEOUT, EOF):
        pass


def end_session(spawn: SpawnBase, port: int, control: Control) -> None:
    """Kill what runs on a console port."""
    mark = f'-- closed {next(_MARKS)} --'
    control.run(f'session=$(cat /run/lab/hvc{port}){END_SESSION}', 30)
    # So that the port's next user doesn't read what this one left. First the way must be clear, as
    # the kernel drops what a full terminal doesn't take within a second.
    drain(spawn, 0.2)
    control.run(f"echo '{mark}' >/dev/hvc{port}", 30)
    spawn.expect_exact(mark, timeout=10)


def open_command(port: int, prompt: str, rows: int = 50, cols: int = 200, term: str = 'dumb',
                 shell: str = 'dash', afterwards: str = '') -> str:
    """The guest's command that starts a shell on a console port."""
    words = [str(port), prompt, str(rows), str(cols), term, shell, afterwards]
    device = f'/dev/hvc{port}'
    # A daemon, as what a script starts with '&' ignores Ctrl-C.
    inner = f'exec setsid -c sh /usr/lib/lab/console {shlex.join(words)} <{device} >{device} 2>&1'
    return shlex.join(['start-stop-daemon', '-S', '-b', '-x', '/bin/sh', '--', '-c', inner])
