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
    ('CONFIG_VFIO_GROUP=y\nCONFIG_VFIO_DEVICE_CDEV=y\n', ['', 'cdev']),
    ('# CONFIG_VFIO_GROUP is not set\nCONFIG_VFIO_DEVICE_CDEV=y\n', ['cdev']),
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
    assert [column.path for column in columns] == paths
    assert len({column.report for column in columns}) == len(paths)
    assert [column.title.endswith('26.11.0 by cdev') for column in columns] == [
        bool(path) for path in paths]


@pytest.mark.parametrize('path', ['', 'cdev'])
def test_run(build, monkeypatch, path):
    """A column's path must reach the lab, and tests that aren't about it run once.

    Steps: Run a column where pytest is only looked at.
    Verify: LAB_PATH is the path, also against the caller's; by cdev of tests only the PF's daemon.
    """
    ran = []
    monkeypatch.setenv('LAB_PATH', 'else')
    monkeypatch.setattr(subprocess, 'run', lambda argv, env, **_: ran.append((argv, env)) or
                        SimpleNamespace(returncode=0))
    assert matrix.Column('6.12', '6.12', build, path=path).run() == ({}, 0)
    (argv, env), = ran
    assert env['LAB_PATH'] == path
    assert [str(place.relative_to(matrix.SOURCE)) for place in argv[-2:]] == [
        'tests/example_pf_daemon_test.py' if path else 'tests', 'dts']
