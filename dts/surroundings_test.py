# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What an administrator may have set up otherwise: a locked-down kernel, sleeping devices, suspend,
memory without hugepages, VFs that get no driver, a PF that goes back to its kernel driver."""
import time

import pytest

from framework.build import guest_files
from framework.common import TOKEN_FILE
from framework.fixtures import prepared_lab
from framework.messages import said_only

pytestmark = [pytest.mark.vm, pytest.mark.long]

LOCKDOWN = '/sys/kernel/security/lockdown'
SYSFS = '/sys/bus/pci/devices'
FIFO = '/run/token-fifo'


@pytest.fixture(scope='module')
def lab(build):
    """A machine that is locked down, and whose vfio-pci lets unused devices sleep."""
    yield from prepared_lab(build, guest_files(build),
                            append='lockdown=confidentiality vfio_pci.disable_idle_d3=0')


@pytest.fixture
def rule(pf):
    """The PF's token, as an option of EAL."""
    return f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'


def test_lockdown(start, lab, pf_testpmd, pf, vfs, rule):
    """A kernel that is locked down must open VFs by their token, as others do.

    Steps: Lock the kernel down (confidentiality); start the PF's testpmd, one on a VF without the
    token, and one with it.
    Verify: The first VF's is refused with the reason, the other has its VF.
    """
    lab.check('mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security')
    if lab.run(f'[ -e {LOCKDOWN} ]').status:
        pytest.skip("this kernel can't be locked down")
    assert '[confidentiality]' in lab.check(f'cat {LOCKDOWN}')
    assert pf_testpmd.ports == 1
    refused = start('vf-none', vfs[:1])
    said_only(refused.log, ('vf_needs_token', vfs[0], pf, 'vfio-pci', pf))
    refused.close()
    assert start('vf', vfs[:1], rule).ports == 1


def test_idle_d3(start, lab, pf, vfs, rule):
    """A PF that sleeps while nobody uses it must wake up for its process, and stay awake for VFs.

    Steps: Disable the VFs, and look at the PF's power state; start its testpmd with two VFs, and
    one on these, which send each other packets; end all, and look again, also without VFs.
    Verify: The PF sleeps while it has no VFs and no process, and not otherwise; the packets arrive.
    """
    assert lab.check('cat /sys/module/vfio_pci/parameters/disable_idle_d3') == 'N'
    if lab.run(f'[ -e {SYSFS}/{pf}/power_state ]').status:
        pytest.skip("this kernel doesn't show power states")

    def state():
        return lab.check(f'sleep 1; cat {SYSFS}/{pf}/power_state')

    lab.check(f'dpdk-vftoken disable {pf}')
    assert state() == 'D3hot'
    pf_testpmd = start('pf', [pf], rule, f'--vfio-num-vfs={len(vfs)}')
    testpmd = start('vf', vfs, rule)
    assert (pf_testpmd.ports, testpmd.ports) == (1, 2)
    assert testpmd.exchange(1000) >= 1000
    testpmd.close()
    pf_testpmd.close()
    assert state() == 'D0'
    lab.check(f'dpdk-vftoken disable {pf}')
    assert state() == 'D3hot'
    lab.enable(pf, len(vfs))


def test_suspend(start, lab, pf, vfs, rule):
    """Processes on the PF and on VFs must go on after the machine was suspended.

    Steps: Start the PF's testpmd and one on two VFs; suspend all devices, and wake them up; let the
    VFs send each other packets; start another process on the PF's VFs afterwards.
    Verify: The packets arrive, and the token is the same.
    """
    if lab.run('grep -q devices /sys/power/pm_test').status:
        pytest.skip("this kernel can't try a suspend")
    pf_testpmd = start('pf', [pf], rule)
    testpmd = start('vf', vfs, rule)
    lab.check('echo devices >/sys/power/pm_test && echo freeze >/sys/power/state; '
              'echo none >/sys/power/pm_test', timeout=60)
    assert 'PM: suspend entry' in lab.check('dmesg')
    assert (pf_testpmd.ports, testpmd.ports) == (1, 2)
    assert testpmd.exchange(1000) >= 1000
    testpmd.close()
    assert start('vf-again', vfs[:1], rule).ports == 1


@pytest.mark.parametrize('memory', ['--no-huge', '--in-memory', '--no-huge --no-shconf'])
def test_memory(start, pf, vfs, rule, memory):
    """Whatever memory DPDK has, a token must be taken.

    Steps: Start a testpmd on the PF and one on a VF without hugepages, and with no files.
    Verify: Both have their device.
    """
    for name, device in ('pf', pf), ('vf', vfs[0]):
        testpmd = start(name, [device], rule, *memory.split(), memory=96)
        assert testpmd.ports == 1, testpmd.log


def test_no_autoprobe(start, lab, pf, vfs, rule):
    """Where the kernel gives VFs no driver by itself, VFs must be on vfio-pci all the same, which
    is their driver_override.

    Steps: Disable the VFs, turn sriov_drivers_autoprobe off, and start the PF's testpmd with VFs.
    Verify: It has its VFs, and each is on vfio-pci.
    """
    lab.check(f'echo 0 >{SYSFS}/{pf}/sriov_numvfs && echo 0 >{SYSFS}/{pf}/sriov_drivers_autoprobe')
    testpmd = start('pf', [pf], rule, f'--vfio-num-vfs={pf}={len(vfs)}')
    lab.check(f'echo 1 >{SYSFS}/{pf}/sriov_drivers_autoprobe')
    assert testpmd.ports == 1, testpmd.log
    said_only(testpmd.log, ('pf_token_set', pf, f'file:{TOKEN_FILE}'),
              ('vfs_enabled', pf, len(vfs), *vfs))
    assert [lab.driver(vf) for vf in lab.vfs(pf)] == ['vfio-pci'] * len(vfs)


def test_killed_while_it_reads(start, lab, pf, vfs):
    """A PF's process that is killed while it waits for a token must leave everything as it was.

    Steps: Start the PF's testpmd with a FIFO as its source, into which the token is written, and
    one on a VF; have it reload, which waits for a writer; kill it; start it again with a writer.
    Verify: It starts again, while the VF's process goes on.
    """
    lab.check(f'rm -f {FIFO} && mkfifo -m 600 {FIFO}')
    write = f'cat {TOKEN_FILE} >{FIFO} 2>/dev/null &'
    rule = f'--vfio-vf-token={pf}=file:{FIFO}'
    lab.check(write)
    testpmd = start('pf', [pf], rule)
    assert testpmd.ports == 1, testpmd.log
    vf_testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    lab.check(f'(echo /vf_token/reload,{pf} | dpdk-telemetry.py -f pf) >/dev/null 2>&1 & sleep 2')
    testpmd.kill()
    lab.check(write)
    again = start('pf-again', [pf], rule)
    assert again.ports == 1, again.log
    assert vf_testpmd.ports == 1


def test_bound_back(start, lab, pf, vfs, rule):
    """A PF that goes back to its kernel driver while a VF is in use must get there once the VF is
    closed, and be told in the VF's process.

    Steps: Start a testpmd on a VF; bind the PF to igb, which waits; end the testpmd; bind the PF to
    vfio-pci again, and enable its VFs.
    Verify: The VF's process says that the kernel wants the VF; the PF is on igb after its end.
    """
    lab.check(f'dpdk-vftoken set {pf} file:{TOKEN_FILE}')
    testpmd = start('vf', vfs[:1], rule)
    assert testpmd.ports == 1, testpmd.log
    lab.check(f'(dpdk-devbind.py -b igb {pf}; touch /run/bound) >/dev/null 2>&1 &')
    testpmd.console.expect(rf'({vfs[0]}: [^\r\n]*|VF {vfs[0]}: [^\r\n]*)\[vf_requested\]')
    time.sleep(1)
    assert lab.driver(pf) != 'igb'
    testpmd.close()
    lab.check('until [ -e /run/bound ]; do sleep 0.2; done', timeout=60)
    assert lab.driver(pf) == 'igb'
    assert lab.vfs(pf) == []
    lab.bind(pf, 'vfio-pci')
    lab.enable(pf, len(vfs))
