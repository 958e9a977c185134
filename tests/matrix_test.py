# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Which columns devtools/lab/matrix.py runs."""
import subprocess
from types import SimpleNamespace

import pytest

from lab import matrix

pytestmark = pytest.mark.fast


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A build folder, whose DPDK is 26.11."""
    (tmp_path / 'VERSION').write_text('26.11.0\n')
    monkeypatch.setattr(matrix, 'dpdk_tree', lambda folder: folder)
    return tmp_path


@pytest.mark.parametrize('config, paths', [
    ('CONFIG_VFIO_GROUP=y\nCONFIG_VFIO_DEVICE_CDEV=y\n', ['', 'path=cdev']),
    ('# CONFIG_VFIO_GROUP is not set\nCONFIG_VFIO_DEVICE_CDEV=y\n', ['path=cdev']),
    ('# CONFIG_VFIO_DEVICE_CDEV is not set\n', ['']),
    (None, ['']),
], ids=['both', 'cdev', 'groups', 'debian'])
def test_paths(build, config, paths):
    """A kernel must have a column for each path that it has.

    Steps: Make the columns of a kernel by its configuration, or without one.
    Verify: One by group but on a kernel without groups, and one by cdev where the kernel has it;
    their titles and reports differ.
    """
    if config:
        (build / 'config').write_text(config)
    columns = list(matrix.columns([str(build)], [], [build], True))
    assert [column.lab for column in columns] == paths
    assert len({column.report for column in columns}) == len(paths)
    assert [column.title.endswith('26.11.0 path=cdev') for column in columns] == [
        bool(path) for path in paths]


def test_machines(build, monkeypatch):
    """Each other machine must have a column, on the default kernel and by group.

    Steps: Make the columns of two kernels without --quick.
    Verify: One for each machine, with the first kernel.
    """
    monkeypatch.setattr(matrix, 'series_kernel', lambda *_: str(build))
    monkeypatch.setattr(matrix.qemu, 'find_kernel', lambda *_: SimpleNamespace(release='6.12'))
    columns = list(matrix.columns(['6.1', '6.12'], [], [build], False))
    assert [(column.kernel, column.lab) for column in columns if column.lab] == [
        ('6.1', machine) for machine in matrix.MACHINES]


@pytest.mark.parametrize('lab, variables, places', [
    ('', {}, ['tests', 'dts']),
    ('path=cdev', {'LAB_PATH': 'cdev'}, ['tests/example_pf_daemon_test.py', 'dts']),
    ('nic=virtio', {'LAB_NIC': 'virtio'},
     [f'dts/{suite}_test.py' for suite in matrix.OPENS]),
], ids=['default', 'path', 'nic'])
def test_run(build, monkeypatch, lab, variables, places):
    """What a column is about must reach the lab, and tests that aren't about it run once.

    Steps: Run a column where pytest is only looked at.
    Verify: The lab's variables are the column's and not the caller's; by cdev of tests only the
    PF's daemon runs, on another machine the suites about opens, which all exist.
    """
    ran = []
    monkeypatch.setenv('LAB_ARCH', 'else')
    monkeypatch.setattr(subprocess, 'run', lambda argv, env, **_: ran.append((argv, env)) or
                        SimpleNamespace(returncode=0))
    assert matrix.Column('6.12', '6.12', build, lab=lab).run() == ({}, 0)
    (argv, env), = ran
    assert {name: value for name, value in env.items() if name.startswith('LAB_')} == {
        'LAB_KERNEL': '6.12', **variables}
    assert argv[-len(places):] == [matrix.SOURCE / place for place in places]
    assert all(path.exists() for path in argv[-len(places):])
