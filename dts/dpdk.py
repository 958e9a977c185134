# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Where a build of ours has its DPDK."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"'{folder}' has {len(found)} files {pattern} instead of one; "
                                'run devtools/demo.sh or devtools/test.sh, which build it; a build '
                                'folder of an older version of this project must be removed before')
    return found[0]


def testpmd(build: Path) -> Path:
    """The dpdk-testpmd that was built."""
    return _one(build, 'subprojects/dpdk-*/app/dpdk-testpmd')


def vftoken(build: Path) -> Path:
    """The dpdk-vftoken that was built."""
    return _one(build, 'app/vftoken/dpdk-vftoken')


def test_vftoken(build: Path) -> Path:
    """The dpdk-test-vftoken that was built."""
    return _one(build, 'app/test-vftoken/dpdk-test-vftoken')


def source(build: Path) -> Path:
    """The sources of the DPDK that was built, with the glue."""
    info = json.loads((build / 'meson-info/meson-info.json').read_text('utf-8'))
    folder = testpmd(build).parents[1].name
    return Path(info['directories']['source']) / 'subprojects' / folder


def usertool(build: Path, name: str) -> Path:
    """One of DPDK's own scripts."""
    return _one(source(build), f'usertools/{name}')


def files(build: Path) -> Mapping[str, Path]:
    """What the lab's guest needs of DPDK, by its path there."""
    return {'/usr/local/bin/dpdk-proc-info': _one(build, 'subprojects/dpdk-*/app/dpdk-proc-info'),
            '/usr/local/bin/dpdk-test-vftoken': test_vftoken(build),
            '/usr/local/bin/dpdk-testpmd': testpmd(build),
            '/usr/local/bin/dpdk-vftoken': vftoken(build),
            **{f'/usr/local/bin/{name}': usertool(build, name)
               for name in ('dpdk-devbind.py', 'dpdk-telemetry.py')}}


def shared_files(build: Path, drivers: str) -> Mapping[str, Path]:
    """The same of a build of shared libraries, with the lab's drivers in a folder of the guest.
    The buses aren't in it: they come with the drivers that need them, and twice is once too much.
    """
    return {**files(build),
            **{f'{drivers}/{name}': _one(build, f'subprojects/dpdk-*/drivers/{name}')
               for name in ('librte_mempool_ring.so', 'librte_net_e1000.so')}}
