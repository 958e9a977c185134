# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The model of the token's rules, which Spin checks in each order of events."""
import subprocess

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

MODEL = SOURCE / 'kernel-patches/model/token.pml'
GROUP, CDEV = [], ['-DCDEV']


def check(folder, *flags):
    """What Spin says of the model, in each state that it can reach."""
    subprocess.run(['spin', *flags, '-a', MODEL], cwd=folder, check=True, timeout=60)
    subprocess.run(['gcc', '-O2', '-DSAFETY', '-DCOLLAPSE', '-o', 'pan', 'pan.c'], cwd=folder,
                   check=True, timeout=60)
    return subprocess.run(['./pan', '-m5000000'], cwd=folder, stdout=subprocess.PIPE, text=True,
                          check=True, timeout=600).stdout


@pytest.mark.parametrize('path', [GROUP, CDEV], ids=['group', 'cdev'])
def test_holds(tmp_path, path):
    """No order of events may break a rule.

    Steps: Let Spin look at each state of the model.
    Verify: It finds no error, and has seen all.
    """
    said = check(tmp_path, *path)
    assert 'errors: 0' in said and 'max search depth too small' not in said, said


@pytest.mark.parametrize('path, fault', [
    *((GROUP, fault) for fault in (1, 2, 3, 4, 5)), *((CDEV, fault) for fault in (2, 4, 5, 6, 7)),
], ids=lambda value: ('cdev' if value else 'group') if isinstance(value, list) else str(value))
def test_fault_is_found(tmp_path, path, fault):
    """Each mistake that the model can be given must be found.

    Steps: Let Spin look at the model with it.
    Verify: It finds an error.
    """
    assert 'errors: 1' in check(tmp_path, *path, f'-DFAULT={fault}')
