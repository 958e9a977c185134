# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The kernel's own selftest of VFs and tokens, vfio_pci_sriov_uapi_test, on the lab's kernel."""
from __future__ import annotations

import json
import re

import pytest

from framework.build import guest_programs
from kernel.build import debian_source
from kernel.tree import run_well
from lab.vm import Lab

pytestmark = [pytest.mark.vm, pytest.mark.long]

# A version of Debian's sources that has it, and the parts that it is made from.
VERSION = '7.3'
PARTS = ('Kbuild', 'Kconfig', 'Makefile', 'arch/x86', 'drivers/dma',
         'drivers/net/ethernet/intel/igb', 'drivers/vfio', 'include', 'scripts',
         'tools/arch/x86/include', 'tools/include', 'tools/testing/selftests', 'usr')
PROGRAM = 'vfio_pci_sriov_uapi_test'
# The ways to an IOMMU, with the container's file and with iommufd in its place, of nine cases each.
CONTAINER = ('vfio_type1_iommu', 'vfio_type1v2_iommu')
COMPATIBLE = ('iommufd_compat_type1', 'iommufd_compat_type1v2')
CDEV = ('iommufd',)
TOKENS = ('same_uuid', 'diff_uuid', 'null_uuid')


@pytest.fixture(scope='module')
def program(tmp_path_factory):
    """The selftest, linked so that it needs no library of the guest."""
    folder = tmp_path_factory.mktemp('kernel')
    tree, made = folder / 'source', folder / 'made'
    tree.mkdir()
    made.mkdir()
    debian_source(VERSION).put(tree, PARTS)
    run_well(['make', '-s', '-C', tree, f'O={made}', 'headers'])
    run_well(['make', '-s', '-C', tree / 'tools/testing/selftests/vfio', f'OUTPUT={made}',
              f'KHDR_INCLUDES=-isystem{made}/usr/include', 'LDFLAGS=-static',
              f'TEST_GEN_PROGS={made / PROGRAM}', made / PROGRAM])
    return made / PROGRAM


def test_uapi(build, program):
    """The kernel's own cases must pass by each way that the kernel has.

    Steps: Bind the PF to vfio-pci, and run the selftest; leave out the cdev where the kernel checks
        no token there, and all that needs iommufd where it has none.
    Verify: All cases pass, none is skipped.
    """
    files = {**guest_programs(build, 'dpdk-vftoken'), f'/usr/local/bin/{PROGRAM}': program}
    with Lab(build, files=files) as lab:
        lab.bind(lab.pfs[0], 'vfio-pci')
        modes = CONTAINER
        if lab.run('test -e /dev/iommu').status == 0:
            answer = json.loads(lab.check('dpdk-vftoken status --json'))['cdev_check']
            modes += COMPATIBLE + (CDEV if answer == 'yes' else ())
        variants = ' '.join(f'-v {mode}_{token}' for mode in modes for token in TOKENS)
        done = lab.run(f'{PROGRAM} {variants} {lab.pfs[0]}', timeout=300)
    found = re.search(r'^# Totals: pass:(\d+) fail:(\d+) xfail:0 xpass:0 skip:(\d+) error:0$',
                      done.output, re.MULTILINE)
    assert done.status == 0 and found, done.output
    assert [int(number) for number in found.groups()] == [9 * len(modes), 0, 0], done.output
