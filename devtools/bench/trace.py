# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The kernel's trace of a process's system calls in the lab."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lab.target import Target

READ, WRITE, IOCTL = 0, 1, 16
# What takes a path: open, access, readlink, openat, newfstatat, readlinkat, faccessat, statx.
PATHS = {2, 21, 89, 257, 262, 267, 269, 332}
# linux/vfio.h
GROUP_GET_DEVICE_FD, DEVICE_FEATURE = 0x3b6a, 0x3b75

FOLDER = '/sys/kernel/tracing'
_BEGIN = f'''
cd {FOLDER} && echo 0 >tracing_on && echo >trace && echo 65536 >buffer_size_kb &&
echo 1 >options/event-fork && echo 1 >events/raw_syscalls/enable &&
echo 1 >events/sched/sched_process_exec/enable && echo {{filter}} >events/raw_syscalls/filter &&
echo 1 >tracing_on
'''
_END = f'''
cd {FOLDER} && echo 0 >tracing_on && echo >set_event_pid && grep -v '^#' trace
'''
_LINE = re.compile(r'-(\d+) +\[\d+\] .{5} +(\d+\.\d+): '
                   r'(?:sys_(enter|exit): NR (\d+) (.*)|sched_process_exec|'
                   r'tracing_mark_write: (end))')


@dataclass(frozen=True)
class Call:
    """A system call of one thread: its number, first two arguments and result, and when it was
    made and answered, in seconds."""
    number: int
    arguments: Sequence[int]
    result: int
    start: float
    end: float

    def asks(self, request: int) -> bool:
        """Whether it is this ioctl."""
        return self.number == IOCTL and self.arguments[1] == request


@dataclass(frozen=True)
class Trace:
    """What one process did."""
    start: float  # when the last exec was
    end: float  # when it was gone; 0 if it still runs
    calls: Sequence[Call]


def parse(text: str) -> Trace:
    """Read the kernel's text. A call without an end, or without a begin, is left out."""
    start, end, calls = 0.0, 0.0, []
    open_calls: dict[str, tuple[int, list[int], float]] = {}
    for line in text.splitlines():
        found = _LINE.search(line)
        if not found:
            continue
        thread, when, kind, number, rest, gone = found.groups()
        if gone:
            end = float(when)
        elif kind is None:
            start = float(when)
        elif kind == 'enter':
            arguments = [int(word, 16) for word in rest.strip('()').split(', ')[:2]]
            open_calls[thread] = int(number), arguments, float(when)
        elif thread in open_calls and open_calls[thread][0] == int(number):
            which, arguments, begin = open_calls.pop(thread)
            calls.append(Call(which, arguments, int(rest.removeprefix('= ')), begin, float(when)))
    return Trace(start, end, sorted(calls, key=lambda call: call.start))


def run(lab: Target, command: str, only: Sequence[int] = (), timeout: float = 300) -> Trace:
    """Trace a command from its exec on; only some system calls, if any are named."""
    lab.check(_BEGIN.format(filter=_filter(only)))
    # The shell is the process whose exec comes next.
    lab.check(f"sh -c 'echo $$ >{FOLDER}/set_event_pid; exec {command}' && "
              f'echo end >{FOLDER}/trace_marker', timeout)
    return parse(lab.check(_END, timeout))


def during(lab: Target, pid: int, command: str, timeout: float = 60) -> Trace:
    """Trace what a process does while another command runs."""
    lab.check(_BEGIN.format(filter=_filter(())) +
              f'ls /proc/{pid}/task >{FOLDER}/set_event_pid')
    lab.check(command, timeout)
    return parse(lab.check(_END, timeout))


def _filter(only: Sequence[int]) -> str:
    return "'" + (' || '.join(f'id == {number}' for number in only) or '0') + "'"


@dataclass(frozen=True)
class Opening:
    """What it took to open one device: the calls from the ioctl before the first try to the last
    try, and the seconds."""
    calls: Sequence[Call]
    seconds: float

    @property
    def ioctls(self) -> int:
        """How many of them are ioctls."""
        return sum(call.number == IOCTL for call in self.calls)

    @property
    def system_calls(self) -> int:
        """How many calls there are."""
        return len(self.calls)

    @property
    def outside(self) -> float:
        """The seconds that weren't spent in ioctls."""
        return self.seconds - sum(call.end - call.start for call in self.calls
                                  if call.number == IOCTL)

    @property
    def paths(self) -> int:
        """How many of them look at a file by its path."""
        return sum(call.number in PATHS for call in self.calls)


def openings(trace: Trace) -> list[Opening]:
    """How each device was opened."""
    result: list[Opening] = []
    window: list[Call] = []
    for call in trace.calls:
        if call.number == IOCTL and not call.asks(GROUP_GET_DEVICE_FD):
            tries = [one for one in window if one.asks(GROUP_GET_DEVICE_FD)]
            if tries:
                inside = window[1:window.index(tries[-1]) + 1]
                result.append(Opening(inside, tries[-1].end - window[0].end))
            window = []
        window.append(call)
    return result
