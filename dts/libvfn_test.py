# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""libvfn, a library for NVMe over VFIO that nobody here wrote, as the user of a VF.

The environment variable LIBVFN names a build of it with its examples (libnvme-dev).
"""
from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from framework.build import guest_programs
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from lab.vm import Lab

LIBVFN = os.environ.get('LIBVFN')
pytestmark = [pytest.mark.vm, pytest.mark.long,
              pytest.mark.skipif(not LIBVFN, reason='LIBVFN names no build of libvfn')]


@pytest.fixture(scope='module')
def lab(build):
    """A machine with an NVMe controller, and the program that shows a controller's registers."""
    with Lab(build=build, nvmes=1,
             files={**guest_programs(build, 'dpdk-vftoken'),
                    '/usr/local/bin/regs': Path(LIBVFN) / 'examples/regs'}) as machine:
        machine.bind(machine.nvmes[0], 'vfio-pci')
        machine.write(TOKEN_FILE, TOKEN, mode=0o600)
        machine.check(f'dpdk-vftoken enable {machine.nvmes[0]} 1 file:{TOKEN_FILE}', timeout=60)
        yield machine


@pytest.mark.group
@pytest.mark.parametrize('variable, end', [
    (f'VFTOKEN={TOKEN}', 'could not enable controller\nregs: failed to init nvme controller: '
                         'Connection timed out'),
    (f'VFTOKEN={WRONG_TOKEN}', 'failed to get device fd\nregs: failed to init nvme controller: '
                               'Permission denied'),
    ('', 'failed to get device fd\nregs: failed to init nvme controller: Permission denied')],
    ids=['right', 'wrong', 'none'])
def test_token(lab, variable, end):
    """A VF must open for libvfn with the PF's token alone.

    Steps: Start a program on a VF with the right token, a wrong one and none, by IOMMU group, as
        libvfn passes none by cdev.
    Verify: Only with the right one it gets the device; then it ends, as the PF has given the VF no
        queues.
    """
    vf, = lab.vfs(lab.nvmes[0])
    done = lab.run(f'{variable} VFN_IOMMU_FORCE_VFIO=1 regs -d {vf}')
    # The lines of its log say in which file they were written.
    assert re.sub(r'^. .*: ', '', done.output, flags=re.MULTILINE).endswith(end), done.output
