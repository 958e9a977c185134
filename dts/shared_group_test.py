# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF and its VFs in one IOMMU group, as in a slot without ACS: only one process can have them."""
import pytest

from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE
from framework.messages import complained, said, said_only
from lab.vm import Lab

pytestmark = pytest.mark.vm


@pytest.fixture(scope='module')
def lab(build):
    """A machine with one PF on vfio-pci, whose port has no ACS."""
    with Lab(build=build, files=guest_files(build),
             qemu_arguments=['-global', 'pcie-root-port.disable-acs=on']) as machine:
        machine.bind(machine.pfs[0], 'vfio-pci')
        machine.write(TOKEN_FILE, TOKEN, mode=0o600)
        yield machine


def test_one_process(lab, start, pf):
    """The PF's process must be told that it makes VFs which nobody else can have, and who tries.

    Steps: Start the PF's testpmd with two VFs, and one on a VF; disable the VFs with dpdk-vftoken;
    end the first, and start a testpmd on PF and VFs.
    Verify: Each says why it can't be; the process that has them all has them.
    """
    rule = f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'
    testpmd = start('pf', [pf], rule, '--vfio-num-vfs=2')
    assert testpmd.ports == 1, testpmd.log
    vfs = lab.vfs(pf)
    said(testpmd.log, 'vfs_share_group', pf, vfs[0])
    refused = start('vf', vfs[:1], rule)
    assert refused.ports == 0
    said_only(refused.log, ('vf_in_group_of_pf', vfs[0], pf))
    refused.close()
    result = lab.run(f'dpdk-vftoken disable {pf}')
    assert result.status
    complained(result.output, ('use_of_shared_group', pf, vfs[0]))
    testpmd.close()
    alone = start('all', [pf, *vfs], rule)
    assert alone.ports == 3, alone.log
