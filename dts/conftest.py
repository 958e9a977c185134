# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The lab and the testpmd processes of the functional tests."""
from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / 'devtools'))

import dpdk  # noqa: E402
from testpmd import Testpmd  # noqa: E402
from vm.lab import Lab  # noqa: E402

TOKEN = '3e7e882e-1daf-417f-ad8d-882eea5ee337'
WRONG_TOKEN = '11112222-3333-4444-5555-666677778888'
TOKEN_FILE = '/run/vf-token'


@pytest.fixture(scope='session')
def build() -> Path:
    """The build folder."""
    return Path(os.environ.get('BUILD', SOURCE / 'build')).resolve()


def prepared_lab(build: Path, files: Mapping[str, Path]) -> Iterator[Lab]:
    """A machine with one PF on vfio-pci, two VFs and the token in a file of root's own."""
    with Lab(build=build, files=files, timeout=1800) as machine:
        pf = machine.pfs[0]
        machine.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)
        machine.check(f'echo 2 >/sys/bus/pci/devices/{pf}/sriov_numvfs')
        machine.write(TOKEN_FILE, TOKEN + '\n', mode=0o600)
        yield machine


@pytest.fixture(scope='session')
def lab(build: Path) -> Iterator[Lab]:
    """The machine that most tests share."""
    yield from prepared_lab(build, dpdk.files(SOURCE, build))


@pytest.fixture
def pf(lab: Lab) -> str:
    """The PF's address."""
    return lab.pfs[0]


@pytest.fixture
def vfs(lab: Lab, pf: str) -> list[str]:
    """The addresses of its VFs."""
    return lab.vfs(pf)


@pytest.fixture
def start(lab: Lab) -> Iterator[Callable[..., Testpmd]]:
    """Starts testpmd processes (see Testpmd), and ends them with the test."""
    with contextlib.ExitStack() as running:
        yield lambda *args, **more: running.enter_context(Testpmd(lab, *args, **more))


@pytest.fixture
def pf_testpmd(start: Callable[..., Testpmd], pf: str) -> Testpmd:
    """The PF's testpmd, which has set the token from the file."""
    testpmd = start('pf', [pf], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 1, testpmd.log
    return testpmd
