# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""VFs that were opened with a token pass packets."""
from framework.common import TOKEN_FILE


def test_vf_to_vf(pf_testpmd, start, pf, vfs):
    """Two VFs must exchange packets while the PF's process runs.

    Steps: Start the PF's testpmd and its forwarding, one on both VFs with each VF's peer the other;
    let each send to the other.
    Verify: Each VF received at least 10,000 packets, by the process's own forwarding statistics.
    """
    pf_testpmd.command('start')
    testpmd = start('vf', vfs, f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 2, testpmd.log
    assert testpmd.exchange(10000) >= 10000
