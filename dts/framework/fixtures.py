# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A plugin of pytest: the lab and the testpmd processes of the functional tests."""
from __future__ import annotations

import collections
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from doctor.pci import bdf
from dpdk.source import CDEV
from lab.target import Target
from lab.vm import Lab

from .build import dpdk_tree, guest_files
from .common import BY_CDEV, SOURCE, TOKEN, TOKEN_FILE, VM
from .host import Host
from .testpmd import Testpmd


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the tests run."""
    group = parser.getgroup('functional suites')
    group.addoption('--target', default=VM, help='vm (the default): virtual machines; local: this '
                    'machine; ssh://[USER@]HOST[:PORT]: another one. A real one needs --pf')
    group.addoption('--pf', action='append', default=[], metavar='BDF', type=bdf, help='an SR-IOV '
                    'PF of a real target, which belongs to the tests while they run')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a real target, skip what isn't about it."""
    if config.getoption('target') == VM:
        return
    for item in items:
        if item.get_closest_marker('vm'):
            item.add_marker(pytest.mark.skip(reason='needs virtual machines of its own'))
        elif 'lab' not in item.fixturenames:
            item.add_marker(pytest.mark.skip(reason="isn't about a target"))


@pytest.fixture(autouse=True)
def has_the_path(request: pytest.FixtureRequest) -> None:
    """Where the lab leaves devices their own files only, skip what is about groups."""
    if BY_CDEV and request.node.get_closest_marker('group'):
        pytest.skip('is about IOMMU groups')
    if BY_CDEV and 'start' in request.fixturenames and not (
            dpdk_tree(request.getfixturevalue('build')) / CDEV).is_file():
        pytest.skip('this DPDK opens devices by group only')


@pytest.fixture(autouse=True)
def checks_tokens(request: pytest.FixtureRequest) -> None:
    """Where the kernel checks no token, skip what is about the check."""
    if BY_CDEV and request.node.get_closest_marker('token_check') and (
            not request.getfixturevalue('checked')):
        pytest.skip('this kernel checks no token by cdev')


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter,
                            config: pytest.Config) -> None:
    """A table of suites on the target."""
    outcomes = ('passed', 'failed', 'error', 'skipped')
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        for report in terminalreporter.getreports(outcome):
            counts[Path(report.nodeid.split('::')[0]).name][outcome] += 1
    terminalreporter.section(f'suites on {config.getoption("target")}')
    terminalreporter.line(f'{"":40}' + ''.join(f'{outcome:>9}' for outcome in outcomes))
    for suite, count in sorted(counts.items()):
        name = suite.removesuffix('_test.py')
        cells = ''.join(f'{count[outcome] or "":>9}' for outcome in outcomes)
        terminalreporter.line(f'{name:40}{cells}'.rstrip())


@pytest.fixture(scope='session')
def build() -> Path:
    """The build folder."""
    return Path(os.environ.get('BUILD', SOURCE / 'build')).resolve()


def prepared_lab(build: Path, files: Mapping[str, Path], **more: Any) -> Iterator[Lab]:
    """A machine with one PF on vfio-pci, two VFs and the token in a file of root's own."""
    with Lab(build=build, files=files, timeout=1800, **more) as machine:
        pf = machine.pfs[0]
        machine.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)
        machine.enable(pf, 2)
        machine.write(TOKEN_FILE, TOKEN + '\n', mode=0o600)
        yield machine


@pytest.fixture(scope='session')
def shared_lab(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The machine that most tests share."""
    target = request.config.getoption('target')
    if target == VM:
        build = request.getfixturevalue('build')
        yield from prepared_lab(build, guest_files(build))
        return
    with Host(target, request.config.getoption('pf')) as host:
        host.write(TOKEN_FILE, TOKEN + '\n', mode=0o600)
        yield host
        host.check(f'rm -f {TOKEN_FILE}')


@pytest.fixture(scope='session')
def lab(shared_lab: Target) -> Target:
    """The machine of a test; some suites have one of their own."""
    return shared_lab


@pytest.fixture(autouse=True)
def fits_the_pf(request: pytest.FixtureRequest) -> None:
    """On a real target, skip what its PF's driver makes impossible."""
    if request.config.getoption('target') == VM:
        return
    host = request.getfixturevalue('shared_lab')
    driver = host.driver(host.pfs[0])
    about_kernel_pf = request.node.get_closest_marker('kernel_pf') is not None
    if about_kernel_pf != host.bifurcated(host.pfs[0]):
        pytest.skip(f'is about a PF that {"stays on" if about_kernel_pf else "leaves"} its kernel '
                    f"driver; this target's is on {driver}")


@pytest.fixture
def pf(lab: Lab) -> str:
    """The PF's address."""
    return lab.pfs[0]


@pytest.fixture
def vfs(lab: Lab, pf: str) -> list[str]:
    """The addresses of its VFs."""
    return lab.vfs(pf)


@pytest.fixture
def checked(lab: Target) -> bool:
    """Whether the kernel checks tokens on the path that the lab has."""
    if not BY_CDEV:
        return True
    answer: str = json.loads(lab.run('dpdk-vftoken status --json').output)['cdev_check']
    assert answer in ('yes', 'no')
    return answer == 'yes'


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
