# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""DPDK built as shared libraries knows the token as the static build does."""
import subprocess

import pytest

from framework.build import program, shared_guest_files
from framework.common import TOKEN_FILE
from framework.fixtures import prepared_lab
from framework.messages import said_only

pytestmark = pytest.mark.vm

DRIVERS = '/usr/local/lib/pmds'


@pytest.fixture(scope='module')
def lab(build):
    """A machine as the other tests have it, with the shared build and its drivers."""
    yield from prepared_lab(build, shared_guest_files(build / 'shared', DRIVERS))


def test_libraries(build):
    """EAL and libvftoken must be libraries of their own, or the next test shows nothing.

    Steps: Ask ldd for the libraries of the shared testpmd.
    Verify: Both are among them.
    """
    testpmd = program(build / 'shared', 'dpdk-testpmd')
    libraries = subprocess.run(['ldd', testpmd], stdout=subprocess.PIPE, text=True,
                               check=True).stdout
    assert 'librte_eal.so' in libraries and 'libvftoken.so' in libraries


def test_pf_and_vf(lab, start, pf, vfs):
    """PF and VF must open with the token, and a VF without it be refused, in the shared build.

    Steps: Start the PF's testpmd and one on a VF with the token, and one on the other VF without,
    all with EAL and the PCI bus in libraries of their own.
    Verify: The PF and the first VF have a port each, the other process is told of the PF.
    """
    # EAL loads no driver from below a folder that all may write; the build may be in /tmp.
    lab.check('chmod 755 /tmp')
    rule = f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'
    assert start('pf', [pf], rule, '-d', DRIVERS).ports == 1
    assert start('vf', vfs[:1], rule, '-d', DRIVERS).ports == 1
    said_only(start('none', vfs[1:], '-d', DRIVERS).log,
              ('vf_needs_token', vfs[1], pf, 'vfio-pci', pf))
