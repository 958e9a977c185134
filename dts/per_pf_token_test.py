# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Each PF has a token of its own, which opens its VFs and no other PF's."""
import re
from itertools import pairwise

import pytest

from framework.build import guest_files
from framework.common import VIRTIO
from framework.messages import messages, said_only
from framework.testpmd import SHOW_PROBES
from lab.vm import Lab

pytestmark = pytest.mark.vm

PFS = 4
VFS = 7
TOKENS = [f'{number}1b05ae4-52f5-4e3c-8d8c-0c7c0f4a2b6{number}' for number in range(PFS)]
FILES = [f'/run/token-{number}' for number in range(PFS)]
# What the kernel's reset of a device takes, in seconds.
RESET = 0.1
# Small queues, for the many ports.
MANY = ['--disable-link-check', '--rxd=64', '--txd=64']


@pytest.fixture(scope='module')
def lab(build):
    """A machine with four PFs on vfio-pci, seven VFs each, and a token file for each PF."""
    with Lab(build=build, pfs=PFS, vfs=VFS, files=guest_files(build)) as machine:
        for path, token in zip(FILES, TOKENS):
            machine.write(path, token + '\n', mode=0o600)
        yield machine


def rules(pfs, files=FILES):
    """A rule for each PF, its token from its file."""
    return [f'--vfio-vf-token={pf}=file:{file}' for pf, file in zip(pfs, files)]


def refusal(vf, pf, file):
    """How a VF is refused to the token of a file."""
    return 'vf_wrong_token', vf, f'file:{file}', pf, pf


@pytest.fixture(params=['one process', 'two processes'])
def two_pfs(request, lab, start):
    """Two PFs that testpmd drives, each with its own token, and the first VF of each."""
    pfs = lab.pfs[:2]
    groups = [pfs] if request.param == 'one process' else [pfs[:1], pfs[1:]]
    for number, group in enumerate(groups):
        own = [rule for rule in rules(pfs) if any(pf in rule for pf in group)]
        testpmd = start(f'pf{number}', group, *own)
        assert testpmd.ports == len(group), testpmd.log
    return pfs, [lab.vfs(pf)[0] for pf in pfs]


def test_vfs_of_two_pfs(two_pfs, checked, start):
    """VFs of two PFs must open in one process that has a rule for each PF.

    Steps: Start testpmd on two PFs with a token each, in one process and in two; start one on a VF
    of each, with both rules.
    Verify: It drives both VFs, and nothing was refused; where the kernel checks no token, a warning
    says so for each PF.
    """
    pfs, vfs = two_pfs
    testpmd = start('vf', vfs, *rules(pfs))
    assert testpmd.ports == 2, testpmd.log
    assert messages(testpmd.log) == ([] if checked else ['cdev_unchecked'] * 2)


@pytest.mark.token_check
def test_each_others_token(two_pfs, start):
    """A VF must be refused to the token of the other PF, in both directions.

    Steps: As above, with the two rules' tokens exchanged.
    Verify: No port; each VF's refusal names its own PF and the file it was tried with.
    """
    pfs, vfs = two_pfs
    files = FILES[1::-1]
    testpmd = start('vf', vfs, *rules(pfs, files))
    assert testpmd.ports == 0
    said_only(testpmd.log, *(refusal(*names) for names in zip(vfs, pfs, files)))


@pytest.mark.token_check
def test_one_token_for_both(two_pfs, start):
    """One PF's token as the default must open that PF's VF and leave the other's closed.

    Steps: As above, with one rule without a BDF: first one PF's token, then the other's.
    Verify: One port each time; the refusal is that of the other PF's VF.
    """
    pfs, vfs = two_pfs
    for own, other in ((0, 1), (1, 0)):
        testpmd = start(f'vf{own}', vfs, f'--vfio-vf-token=file:{FILES[own]}')
        assert testpmd.ports == 1, testpmd.log
        assert vfs[own] in testpmd.command('show port summary all')
        said_only(testpmd.log, refusal(vfs[other], pfs[other], FILES[own]))
        testpmd.close()


@pytest.mark.skipif(VIRTIO, reason='net/virtio maps its devices itself, and so opens each alone')
@pytest.mark.token_check
def test_opened_together(lab, start):
    """Many VFs must be opened together, and a refused one must fail where it would alone.

    Steps: Start testpmd on four PFs with a rule each, and one on 28 VFs, of which the tenth has a
        rule with another PF's token.
    Verify: By the kernel's log, many of the 27 others didn't wait for the reset of the one before;
        they are probed in the order of their addresses; one sentence, between the ninth and the
        eleventh.
    """
    pfs = lab.pfs
    lab.check('echo Y >/sys/module/printk/parameters/time')
    owners = start('pf', pfs, *rules(pfs), app=MANY)
    assert owners.ports == PFS, owners.log
    vfs = [vf for pf in pfs for vf in lab.vfs(pf)]
    testpmd = start('vf', vfs, *rules(pfs), f'--vfio-vf-token={vfs[9]}=file:{FILES[0]}',
                    SHOW_PROBES, app=MANY)
    opened = re.findall(r'\[ *([\d.]+)\] vfio-pci (\S+): enabling device',
                        lab.dmesg())[1 - len(vfs):]
    assert {vf for _, vf in opened} == {*vfs} - {vfs[9]}
    times = [float(time) for time, _ in opened]
    waits = sorted(after - before for before, after in pairwise(times))
    # On a busy machine some come late, but none of those that wait comes earlier.
    assert waits[len(waits) // 4] < RESET
    found = re.findall(r'(?:device:|VF) ([0-9a-f:]{10}\.\d)', testpmd.log)
    assert [found.index(vf) for vf in vfs] == list(range(len(vfs))), testpmd.log
    said_only(testpmd.log, refusal(vfs[9], pfs[1], FILES[0]))
    assert testpmd.ports == len(vfs) - 1


@pytest.mark.long
@pytest.mark.token_check
def test_28_vfs(lab, start):
    """One process must be able to open all VFs of four PFs, each PF with its own token.

    Steps: Start testpmd on four PFs with a rule each; one on their 28 VFs with each PF's token
    that of the next; one on the VFs with the right four rules.
    Verify: The second is refused all 28, the third drives 28 ports.
    """
    pfs = lab.pfs
    owners = start('pf', pfs, *rules(pfs), app=MANY)
    assert owners.ports == PFS, owners.log
    vfs = [vf for pf in pfs for vf in lab.vfs(pf)]
    assert len(vfs) == PFS * VFS
    shifted = FILES[1:] + FILES[:1]
    testpmd = start('none', vfs, *rules(pfs, shifted), app=MANY)
    assert testpmd.ports == 0
    said_only(testpmd.log, *(refusal(vf, pf, file) for pf, file in zip(pfs, shifted)
                             for vf in lab.vfs(pf)))
    testpmd.close()
    testpmd = start('vf', vfs, *rules(pfs), app=MANY)
    assert testpmd.ports == PFS * VFS, testpmd.log
    assert messages(testpmd.log) == []
