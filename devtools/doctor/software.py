# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Checks of what is installed: this project's programs, its DPDK, and the libraries."""
from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .facts import MISSING, NOTE, OK, Finding, Machine

TOOLS = ('dpdk-devbind.py', 'dpdk-telemetry.py', 'dpdk-test-vftoken', 'dpdk-testpmd',
         'dpdk-vftoken')
# With all of DPDK's drivers: by default only the lab's are built.
INSTALL = ('meson setup -Ddpdk-22.11:enable_drivers= build-nic && ninja -C build-nic && '
           'meson install -C build-nic && ldconfig')


def answer(program: Path, *arguments: str) -> str:
    """What a program prints, whatever its status."""
    try:
        done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                              check=False, errors='replace')
    except (OSError, subprocess.TimeoutExpired) as err:
        return str(err)
    return done.stdout


def programs(machine: Machine) -> Iterator[Finding]:
    """Whether this project's programs are installed, and its DPDK."""
    if absent := [name for name in TOOLS if not machine.program(name)]:
        yield Finding(MISSING, f'not installed: {", ".join(absent)}', INSTALL)
    if testpmd := machine.program('dpdk-testpmd'):
        # Either ends it before it does anything.
        text = answer(testpmd, '-v', '--help')
        named = re.search(r"RTE Version: 'DPDK (\S+)'", text)
        version = named[1] if named else machine.package('libdpdk')
        if '--vfio-num-vfs' in text:
            yield Finding(OK, f'DPDK {version}'.strip() + ' has the options of VF tokens')
        elif '--vfio-intr' in text:
            yield Finding(MISSING, f'DPDK {version} without this project: dpdk-testpmd has no '
                          '--vfio-num-vfs', INSTALL)
        else:
            yield Finding(MISSING, "dpdk-testpmd doesn't start: "
                          + (text.strip() or 'it says nothing').splitlines()[-1], 'ldconfig')


def libraries(machine: Machine) -> Iterator[Finding]:
    """Whether programs can be built with them; none is needed to run those that are installed."""
    versions = {name: machine.package(name) for name in ('libdpdk', 'libvftoken')}
    if all(versions.values()):
        yield Finding(OK, 'programs can be built with '
                      + ' and '.join(f'{name} {version}' for name, version in versions.items()))
    else:
        lacks = ' and no '.join(name for name, version in versions.items() if not version)
        yield Finding(NOTE, f'programs cannot be built: pkg-config has no {lacks}', INSTALL)
