# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Shells in the lab for a person, each on a terminal of its own.

The process that has the lab listens on a socket in the folder of its logs, which only its user may
enter. Who asks there is handed the socket of a console, and has it while the connection lasts.
"""
from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

from .console import BadInput, LabError
from .vm import Lab

LEAVE = b'\x1d'
# The last that the guest writes on a console whose shell has ended.
LEFT = 4 * LEAVE
NAME = 'terminals'


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Hand each key on as it is, until the end of the with statement."""
    saved = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)


def _converse(guest: socket.socket) -> bool:
    """Join the terminal and the guest's shell; whether one of them leaves, or the machine ends."""
    with _raw_terminal():
        while True:
            ready = select.select([0, guest], [], [])[0]
            if guest in ready:
                try:
                    data = guest.recv(65536)
                except OSError:
                    data = b''
                if not data:
                    return False
                os.write(1, data.removesuffix(LEFT))
                if data.endswith(LEFT):
                    return True
            if 0 in ready:
                keys = os.read(0, 4096)
                if not keys or LEAVE in keys:
                    return True
                guest.sendall(keys)


def _terminal() -> tuple[int, int, str]:
    """What the guest must know of this terminal: its rows, columns and type."""
    size = shutil.get_terminal_size()
    return size.lines, size.columns, os.environ.get('TERM', 'vt100')


def shell(lab: Lab) -> None:
    """The shell with which the machine ends, and others on the terminals that attach."""
    with _listening(lab):
        _converse(lab.terminal(*_terminal(), 'poweroff -f')[1])
    print()


def attach(build: Path) -> None:
    """One more shell in the lab that started last with this build folder."""
    for path in sorted((build / 'lab').glob(f'*/{NAME}'), reverse=True):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            try:
                with _at(path.parent) as address:
                    server.connect(address)
            except OSError:
                # One that was killed leaves its socket.
                continue
            server.send(json.dumps(_terminal()).encode())
            answer, fds = socket.recv_fds(server, 65536, 1)[:2]
            if not fds:
                raise LabError(answer.decode() or 'the lab has ended')
            print(f'In the lab of {path.parent}.\nCtrl-] or exit leaves this shell.', flush=True)
            with socket.socket(fileno=fds[0]) as guest:
                stays = _converse(guest)
            print('' if stays else '\nThe lab has ended.')
            return
    raise BadInput(f"no shell of a lab runs on the build folder '{build}'; start one with "
                   'devtools/lab/lab')


@contextlib.contextmanager
def _at(folder: Path) -> Iterator[str]:
    """An address in a folder; its whole path can be too long for one."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f'/proc/self/fd/{fd}/{NAME}'
    finally:
        os.close(fd)


@contextlib.contextmanager
def _listening(lab: Lab) -> Iterator[None]:
    """Let this user's other processes have shells in the lab."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        with _at(lab.logs) as address:
            listener.bind(address)
        try:
            listener.listen()
            threading.Thread(target=_accept, args=[lab, listener], daemon=True).start()
            yield
        finally:
            (lab.logs / NAME).unlink()


def _accept(lab: Lab, listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client = listener.accept()[0]
            threading.Thread(target=_lend, args=[lab, client], daemon=True).start()


def _lend(lab: Lab, client: socket.socket) -> None:
    """Let a process have a console until its connection ends."""
    # It may die at any time, and so may the machine.
    with client, contextlib.suppress(LabError, OSError, ValueError):
        rows, columns, term = json.loads(client.recv(4096))
        try:
            port, guest = lab.terminal(rows, columns, term, "printf '\\035\\035\\035\\035'")
        except LabError as err:
            client.send(str(err).encode())
            return
        try:
            socket.send_fds(client, [b'ready'], [guest.fileno()])
            client.recv(1)
        finally:
            lab.end_terminal(port, guest)
