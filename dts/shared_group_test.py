# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF and its VFs in one IOMMU group, as in a slot without ACS: only one process can have them."""
import re
import time

import pytest

from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import complained, said, said_only
from lab.vm import Lab

pytestmark = pytest.mark.vm

WRONG_FILE = '/run/wrong-token'
# Memory for the packets is allocated after the devices are opened, and so must be mapped then.
LATE_MEMORY = {'memory': 16, 'app': ['--total-num-mbufs=32768', '--disable-link-check']}
LEAST_SENT = 10000


@pytest.fixture(scope='module')
def lab(build):
    """A machine with one PF on vfio-pci, whose port has no ACS."""
    with Lab(build=build, files=guest_files(build),
             qemu_arguments=['-global', 'pcie-root-port.disable-acs=on']) as machine:
        machine.bind(machine.pfs[0], 'vfio-pci')
        machine.write(TOKEN_FILE, TOKEN, mode=0o600)
        machine.write(WRONG_FILE, WRONG_TOKEN, mode=0o600)
        yield machine


@pytest.fixture
def two_vfs(lab, pf):
    """Two VFs, whose PF has the token of the file and is in no process's use."""
    if not lab.vfs(pf):
        lab.check(f'dpdk-vftoken enable {pf} 2 file:{TOKEN_FILE}')
    return lab.vfs(pf)


@pytest.fixture
def rules(pf, two_vfs):
    """The right token for the PF and the first VF, a wrong one for the second."""
    return [f'--vfio-vf-token={pf}=file:{TOKEN_FILE}',
            f'--vfio-vf-token={two_vfs[1]}=file:{WRONG_FILE}']


def sent(testpmd):
    """Packets that it sends in some seconds, on the port with the fewest."""
    testpmd.command('set fwd txonly')
    testpmd.command('start')
    time.sleep(5)
    testpmd.command('stop')
    answer = testpmd.command('show fwd stats all')
    return min(map(int, re.findall(r'TX-packets: *(\d+)', answer)), default=0)


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


def test_refused_at_the_start(start, pf, two_vfs, rules):
    """A refused device must leave the open ones of its group as they are.

    Steps: Start a testpmd on the PF and two VFs with a wrong token for the second VF, whose memory
    for packets is allocated later; let it send.
    Verify: The second VF is refused in a message; PF and first VF send.
    """
    testpmd = start('all', [pf, *two_vfs], *rules, **LATE_MEMORY)
    assert testpmd.ports == 2, testpmd.log
    said_only(testpmd.log, ('vf_wrong_token', two_vfs[1], f'file:{WRONG_FILE}', pf))
    assert sent(testpmd) >= LEAST_SENT


def test_refused_while_running(start, pf, two_vfs, rules):
    """The same for a device that is attached later; the next one of the group must open.

    Steps: Start a testpmd on the PF, and attach the second VF with a wrong token, then the first
    with the right one; let it send; detach the first VF, and attach it again.
    Verify: The second VF is refused in a message; the first is attached each time, and PF and VF
    send.
    """
    testpmd = start('all', [pf], *rules, **LATE_MEMORY)
    assert testpmd.ports == 1, testpmd.log
    answer = testpmd.command(f'port attach {two_vfs[1]}')
    said_only(answer, ('vf_wrong_token', two_vfs[1], f'file:{WRONG_FILE}', pf))
    for _ in range(2):
        assert 'is attached' in testpmd.command(f'port attach {two_vfs[0]}')
        testpmd.command('port start all')
        assert sent(testpmd) >= LEAST_SENT
        for command in ('port stop 1', 'port close 1'):
            testpmd.command(command)
        assert 'is detached' in testpmd.command(f'device detach {two_vfs[0]}')
