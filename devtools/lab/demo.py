#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Plays the story of a VF token in the lab: two processes that share it, and others that don't."""
from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / 'devtools'), str(SOURCE / 'dts')]

import pexpect  # noqa: E402

from framework.build import guest_files  # noqa: E402
from framework.messages import lines, messages  # noqa: E402
from framework.testpmd import Testpmd  # noqa: E402
from lab.vm import Lab, LabError  # noqa: E402

TOKEN = '/run/vf-token'
WRONG_TOKEN = '/run/other-token'
PACKETS = 10000
BOLD, GREEN, RED, GREY, PLAIN = '\033[1m', '\033[32m', '\033[31m', '\033[90m', '\033[0m'


class Unexpected(Exception):
    """A step went otherwise than the story says."""


class Teller:
    """Prints one line a step, with a clock while it lasts."""

    def __init__(self) -> None:
        self._tty = sys.stdout.isatty()
        self._steps = 0

    def colour(self, code: str, text: str) -> str:
        """The text in colour, on a terminal."""
        return f'{code}{text}{PLAIN}' if self._tty else text

    @contextlib.contextmanager
    def _clock(self, line: str) -> Iterator[None]:
        done = threading.Event()
        start = time.monotonic()

        def tick() -> None:
            while not done.wait(0.2):
                clock = f' {time.monotonic() - start:.0f} s '
                # A line that wraps can't be overwritten.
                room = shutil.get_terminal_size().columns - len(clock) - 1
                print(f'\r{line[:room]}{clock}', end='', flush=True)

        ticker = threading.Thread(target=tick, daemon=True)
        if self._tty:
            ticker.start()
        try:
            yield
        finally:
            done.set()
            if self._tty:
                ticker.join()
                print('\r\033[K', end='')

    def step(self, done: str, expected: str, action: Callable[[], str]) -> None:
        """Do something; action returns what happened, or raises Unexpected with it."""
        self._steps += 1
        line = f'{self._steps:2} {done:<48} expected: {expected:<16}'
        start = time.monotonic()
        try:
            with self._clock(line):
                happened = action()
            code, word = GREEN, 'ok'
        except Unexpected as err:
            happened, code, word = str(err), RED, 'NOT AS EXPECTED'
        first, *more = happened.split('\n')
        took = self.colour(GREY, f'({time.monotonic() - start:.1f} s)')
        print(f'{line} {self.colour(code, f"{word}: {first}")} {took}', flush=True)
        for text in more:
            print('   ' + self.colour(GREY, text), flush=True)
        if word != 'ok':
            raise Unexpected(done)


class Story:
    """The steps; each returns what happened."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.pf = lab.pfs[0]
        self.rule = f'--vfio-vf-token={self.pf}=file:{TOKEN}'
        self.first: Testpmd | None = None
        self.vf: Testpmd | None = None

    def bind(self) -> str:
        """dpdk-devbind.py takes the PF from the kernel's driver."""
        self.lab.check(f'dpdk-devbind.py -b vfio-pci {self.pf}', timeout=60)
        driver = self.lab.driver(self.pf)
        if driver != 'vfio-pci':
            raise Unexpected(f'{self.pf} is on {driver}')
        return f'{self.pf} is on {driver}'

    def enable(self) -> str:
        """The kernel makes two VFs and binds them."""
        self.lab.enable(self.pf, 2)
        vfs = self.lab.vfs(self.pf)
        drivers = set(map(self.lab.driver, vfs))
        happened = f'{" and ".join(vfs)} are on {", ".join(drivers)}'
        if len(vfs) != 2 or drivers != {'vfio-pci'}:
            raise Unexpected(happened)
        return happened

    def _start(self, name: str, devices: list[str], *eal: str) -> Testpmd:
        testpmd = Testpmd(self.lab, name, devices, *eal)
        if testpmd.ports != len(devices):
            raise Unexpected(f'{testpmd.ports} of {len(devices)} ports\n{testpmd.log}')
        return testpmd

    def start_pf(self) -> str:
        """The PF's process sets the token."""
        self.lab.check(f'umask 077; cat /proc/sys/kernel/random/uuid >{TOKEN}; '
                       f'cat /proc/sys/kernel/random/uuid >{WRONG_TOKEN}')
        self.first = self._start('pf', [self.pf], self.rule)
        return 'it drives the PF'

    def _refused(self, message: str, name: str, device: str, *eal: str) -> str:
        with Testpmd(self.lab, name, [device], *eal) as testpmd:
            if testpmd.ports or messages(testpmd.log) != [message]:
                raise Unexpected(f'{testpmd.ports} ports\n{testpmd.log}')
            return '\n'.join(['refused', *lines(testpmd.log)])

    def vf_without(self) -> str:
        """A VF's process that knows no token."""
        return self._refused('vf_needs_token', 'vf-without', self.lab.vfs(self.pf)[0])

    def vf_wrong(self) -> str:
        """A VF's process that has another token."""
        return self._refused('vf_wrong_token', 'vf-wrong', self.lab.vfs(self.pf)[0],
                             f'--vfio-vf-token=file:{WRONG_TOKEN}')

    def vf_right(self) -> str:
        """A VF's process that has the PF's token."""
        self.vf = self._start('vf', self.lab.vfs(self.pf), self.rule)
        return 'it drives both VFs'

    def packets(self) -> str:
        """The VFs send each other packets."""
        assert self.vf
        count = self.vf.exchange(PACKETS)
        if count < PACKETS:
            raise Unexpected(f'each VF received {count:,}')
        return f'each VF received {count:,} and more'

    def take_over_without(self) -> str:
        """The PF's process dies; one without the token wants the PF."""
        assert self.first
        self.first.kill()
        return self._refused('pf_needs_token', 'pf-without', self.pf)

    def take_over(self) -> str:
        """One with the token wants it."""
        assert self.vf
        self._start('pf-again', [self.pf], self.rule)
        if self.vf.ports != 2:
            raise Unexpected("the VFs' process lost its ports")
        return "it drives the PF, and the VFs' process goes on"


def play(tell: Teller, build: Path) -> Path:
    """The whole story; returns the folder with its logs."""
    labs: list[Lab] = []

    def boot() -> str:
        labs.append(Lab(build=build, files=guest_files(build)))
        return f'Linux {labs[0].release}, PF {labs[0].pfs[0]}'

    tell.step('boot the lab: QEMU with an SR-IOV NIC', 'a prompt', boot)
    with labs[0] as lab:
        story = Story(lab)
        tell.step('bind the PF with dpdk-devbind.py', 'on vfio-pci', story.bind)
        tell.step('enable two VFs', 'both on vfio-pci', story.enable)
        tell.step("start the PF's testpmd, token from a file", 'starts', story.start_pf)
        tell.step("start a VF's testpmd without a token", 'refused', story.vf_without)
        tell.step("start a VF's testpmd with a wrong token", 'refused', story.vf_wrong)
        tell.step("start the VFs' testpmd with the right token", 'starts', story.vf_right)
        tell.step('let the two VFs exchange packets', f'{PACKETS:,} received', story.packets)
        tell.step("kill the PF's process; take over without a token", 'refused',
                  story.take_over_without)
        tell.step('take the PF over with the token', 'starts', story.take_over)
    return lab.logs


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--keep', action='store_true', help='keep the logs, and say where')
    args = parser.parse_args()
    build = Path(os.environ.get('BUILD', SOURCE / 'build')).resolve()
    tell = Teller()
    try:
        logs = play(tell, build)
    except Unexpected as err:
        print(tell.colour(RED, f'The story ended early, at: {err}.') + f' Logs: {build}/lab')
        return 1
    except (LabError, FileNotFoundError, pexpect.ExceptionPexpect) as err:
        print(tell.colour(RED, f'The lab failed: {err}') + f'\nLogs: {build}/lab')
        return 1
    except KeyboardInterrupt:
        return 130
    print(tell.colour(BOLD, 'Two processes shared a token, and those without it were turned away.'))
    if args.keep:
        print(f'Logs: {logs}')
    else:
        shutil.rmtree(logs, ignore_errors=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
