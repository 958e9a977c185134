# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Runs in the lab: opens a PF and its VF, binds and unbinds them, while one allocation or copy to
or from user space fails after the other. Answers may differ, but no wrong token may open a VF.

The first argument is the PF. `opens` as the second has closes succeed.

No VF is enabled meanwhile: if it can't be added, PCI's own code warns and goes on, and a BUG_ON()
ends the next try."""
from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import itertools
import os
import struct
import sys
from collections import Counter
from collections.abc import Callable

SET_CONTAINER, SET_IOMMU, GET_DEVICE, FEATURE, BIND = 0x3b68, 0x3b66, 0x3b6a, 0x3b75, 0x3b76
SET_TOKEN = 1 << 17
DEVICES = '/sys/bus/pci/devices'
PROBE = '/sys/bus/pci/drivers_probe'
# The number of the point that fails next. The kernel counts it down; 0 means that it has failed.
FAIL_NTH = '/proc/thread-self/fail-nth'
# More points than that are those of other code, such as ACPI's.
MOST = 400

Files = list[int]


class Token:
    """A token as each path wants it."""

    def __init__(self, character: str) -> None:
        self.text = '-'.join(character * count for count in (8, 4, 4, 4, 12))
        self.memory = ctypes.create_string_buffer(bytes.fromhex(character * 32), 16)


RIGHT, WRONG, NEW = Token('a'), Token('b'), Token('c')


def by_group(files: Files, bdf: str, token: Token) -> int:
    """Open a device by its group."""
    group = os.path.basename(os.readlink(f'{DEVICES}/{bdf}/iommu_group'))
    files.append(container := os.open('/dev/vfio/vfio', os.O_RDWR))
    files.append(opened := os.open(f'/dev/vfio/{group}', os.O_RDWR))
    fcntl.ioctl(opened, SET_CONTAINER, struct.pack('i', container))
    fcntl.ioctl(container, SET_IOMMU, 1)
    name = f'{bdf} vf_token={token.text}'.encode() + bytes(1)
    files.append(device := fcntl.ioctl(opened, GET_DEVICE, bytearray(name)))
    return device


def by_cdev(files: Files, bdf: str, token: Token) -> int:
    """Open a device by its own file."""
    name, = os.listdir(f'{DEVICES}/{bdf}/vfio-dev')
    files.append(iommufd := os.open('/dev/iommu', os.O_RDWR))
    files.append(device := os.open(f'/dev/vfio/devices/{name}', os.O_RDWR))
    fcntl.ioctl(device, BIND, struct.pack('=IIiIQ', 24, 1, iommufd, 0,
                                          ctypes.addressof(token.memory)))
    return device


def set_token(device: int, token: Token) -> None:
    """Give an open PF a token."""
    fcntl.ioctl(device, FEATURE, struct.pack('=II', 24, SET_TOKEN) + token.memory.raw)


def write(path: str, text: str) -> None:
    """Write to a file of sysfs, in one go."""
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def close(files: Files) -> None:
    """Close the files, the last one first."""
    while files:
        os.close(files.pop())


def sweep(name: str, operation: Callable[[Files], None], undo: Callable[[], None] = lambda: None,
          must: str = 'done', closes: bool = True) -> None:
    """Let the first point fail, then the second, until the operation ends before it comes to the
    point; then the answer must be this one. With another than `done`, it is never `done`. Some
    points must change the answer. What is opened is closed while points fail, if closes do."""
    answers: Counter[str] = Counter()
    left = os.open(FAIL_NTH, os.O_RDWR)
    for nth in itertools.count(1):
        files: Files = []
        text = str(nth).encode()
        os.pwrite(left, text, 0)
        try:
            operation(files)
            answer = 'done'
            if closes:
                close(files)
        except OSError as err:
            answer = errno.errorcode.get(err.errno, str(err.errno))
        except MemoryError:
            answer = 'ENOMEM'
        # To read the number may come to the point, too, and so may to write it.
        with contextlib.suppress(OSError):
            text = os.pread(left, 16, 0).strip()
        with contextlib.suppress(OSError):
            os.pwrite(left, b'0', 0)
        close(files)
        undo()
        if text != b'0' and answer != must or must != 'done' and answer == 'done':
            sys.exit(f'{name}: {answer} with {nth} points before a failure; {must} must be')
        if text != b'0' or nth == MOST:
            break
        answers[answer] += 1
    os.close(left)
    failed = answers.total() - answers[must]
    print(f'{name}: {answers.total()} failures, {failed} calls failed: '
          + ', '.join(f'{count} {answer}' for answer, count in sorted(answers.items())), flush=True)
    if not failed:
        sys.exit(f'{name}: no failure changed the answer')


def bind(bdf: str) -> None:
    """Bind a device to vfio-pci, unless it is."""
    write(f'{DEVICES}/{bdf}/driver_override', 'vfio-pci')
    if not os.path.exists(f'{DEVICES}/{bdf}/driver'):
        write(PROBE, bdf)
    # The write succeeds even if the driver doesn't take the device.
    os.readlink(f'{DEVICES}/{bdf}/driver')


def rebind(bdf: str) -> None:
    """Take a device's driver away and bind it again."""
    write(f'{DEVICES}/{bdf}/driver/unbind', bdf)
    bind(bdf)


def main(pf: str, what: str = '') -> None:
    """All sweeps."""
    closes = what != 'opens'
    write(f'{DEVICES}/{pf}/sriov_numvfs', '0')
    write(f'{DEVICES}/{pf}/sriov_numvfs', '1')
    vf = os.path.basename(os.readlink(f'{DEVICES}/{pf}/virtfn0'))
    bind(vf)
    paths = {'group': by_group}
    if os.path.isdir('/dev/vfio/devices'):
        paths['cdev'] = by_cdev
    for name, path in paths.items():
        sweep(f'PF by {name}', lambda files: set_token(path(files, pf, RIGHT), RIGHT),
              closes=closes)
        held: Files = []
        set_token(path(held, pf, RIGHT), RIGHT)
        sweep(f'VF by {name}', lambda files: void(path(files, vf, RIGHT)), closes=closes)
        sweep(f'VF by {name}, wrong token', lambda files: void(path(files, vf, WRONG)),
              must='EACCES')
        close(held)
        # A PF whose VFs have no users takes any token.
        path(held, pf, NEW)
        close(held)
    sweep('VF bound', lambda files: rebind(vf), lambda: bind(vf))
    sweep('PF bound', lambda files: rebind(pf), lambda: bind(pf))


def void(_: int) -> None:
    """Nothing is done with the device."""


if __name__ == '__main__':
    main(*sys.argv[1:])
