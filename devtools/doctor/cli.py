#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Say what a machine lacks for SR-IOV PFs and VFs in user space, and which command mends it."""
from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

# It changes nothing.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from doctor import devices, software, system  # noqa: E402
from doctor.facts import DOCTOR, MISSING, NOTE, Finding, Machine  # noqa: E402

# Each after those that must be mended before it.
CHECKS = (system.kernel, system.iommu, system.vfio, software.programs, software.libraries,
          system.hugepages, system.limits)


def examine(machine: Machine, names: list[str]) -> Iterator[Finding]:
    """All findings."""
    for check in CHECKS:
        yield from check(machine)
    for name in names:
        yield from devices.device(machine, name)
    if not names:
        yield from devices.pfs(machine)
    if machine.unseen:
        yield Finding(NOTE, "couldn't be read: /" + ', /'.join(machine.unseen),
                      ' '.join(['sudo', DOCTOR, *names]))


def address(text: str) -> str:
    """A PCI address as the kernel writes it."""
    found = re.fullmatch(r'([0-9a-f]{4,8}:)?([0-9a-f]{2}:[01][0-9a-f]\.[0-7])', text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' isn't a PCI address such as 0000:01:00.0")
    return (found[1] or '0000:') + found[2]


def main() -> int:
    """The command: 0 if nothing is missing, 1 if something is, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog='doctor', description=__doc__, epilog='It changes '
                                     'nothing. Remedies are for root, from top to bottom.')
    parser.add_argument('pfs', nargs='*', type=address, metavar='PF',
                        help='an SR-IOV PF to be driven from user space')
    parser.add_argument('--root', type=Path, default=Path('/'), metavar='DIR',
                        help='look at the sys, proc, boot, lib and usr below it (/)')
    args = parser.parse_args()
    if not args.root.is_dir():
        parser.error(f"--root '{args.root}' is no folder")
    # For who reads the first lines only.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    missing = False
    for finding in examine(Machine(args.root), args.pfs):
        print(finding)
        missing = missing or finding.kind == MISSING
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main())
