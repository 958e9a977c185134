# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The addresses of PCI devices, in whatever form libvftoken takes them too."""
from __future__ import annotations

import argparse
import re

_FORM = re.compile(r'(?:([0-9A-Fa-f]+):)?([0-9A-Fa-f]+):([0-9A-Fa-f]+)\.([0-9A-Fa-f]+)')
_MOST = (0xffffffff, 0xff, 0x1f, 7)


def bdf(text: str) -> str:
    """An address as the kernel writes it; a type for argparse."""
    found = _FORM.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' isn't a BDF such as 0000:01:00.0")
    numbers = [int(digits or '0', 16) for digits in found.groups()]
    if any(number > most for number, most in zip(numbers, _MOST)):
        raise argparse.ArgumentTypeError(
            f"'{text}' is out of range; a BDF goes up to ffffffff:ff:1f.7")
    return '{:04x}:{:02x}:{:02x}.{:x}'.format(*numbers)
