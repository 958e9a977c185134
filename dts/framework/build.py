# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Where a build of ours has its programs, and its DPDK."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

# Where in a build each program is.
PROGRAMS = {'dpdk-proc-info': 'subprojects/dpdk-*/app', 'dpdk-test-vftoken': 'app/test-vftoken',
            'dpdk-testpmd': 'subprojects/dpdk-*/app', 'dpdk-vftoken': 'app/vftoken'}


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"'{folder}' has {len(found)} files {pattern} instead of one; "
                                'run devtools/demo.sh or devtools/test.sh, which build it; a build '
                                'folder of an older version of this project must be removed before')
    return found[0]


def program(build: Path, name: str) -> Path:
    """One of the programs that were built."""
    return _one(build, f'{PROGRAMS[name]}/{name}')


def dpdk_tree(build: Path) -> Path:
    """The sources of the DPDK that was built, with the glue."""
    info = json.loads((build / 'meson-info/meson-info.json').read_text('utf-8'))
    folder = program(build, 'dpdk-testpmd').parents[1].name
    return Path(info['directories']['source']) / 'subprojects' / folder


def usertool(build: Path, name: str) -> Path:
    """One of DPDK's own scripts."""
    return _one(dpdk_tree(build), f'usertools/{name}')


def guest_programs(build: Path, *names: str) -> Mapping[str, Path]:
    """Programs for the lab's guest, by their path there."""
    return {f'/usr/local/bin/{name}': program(build, name) for name in names}


def guest_files(build: Path) -> Mapping[str, Path]:
    """What the lab's guest needs of DPDK, in the same way."""
    return {**guest_programs(build, *PROGRAMS),
            **{f'/usr/local/bin/{name}': usertool(build, name)
               for name in ('dpdk-devbind.py', 'dpdk-telemetry.py')}}


def shared_guest_files(build: Path, drivers: str) -> Mapping[str, Path]:
    """The same of a build of shared libraries, with the lab's drivers in a folder of the guest.
    The buses aren't in it: they come with the drivers that need them, and twice is once too much.
    """
    return {**guest_files(build),
            **{f'{drivers}/{name}': _one(build, f'subprojects/dpdk-*/drivers/{name}')
               for name in ('librte_mempool_ring.so', 'librte_net_e1000.so')}}
