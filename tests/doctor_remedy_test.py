# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/doctor in the lab: what it finds is so, and what it prints mends it."""
import re

import pytest

from framework.build import guest_files
from framework.common import SOURCE
from lab.vm import Lab

pytestmark = pytest.mark.vm

FOLDER = SOURCE / 'devtools/doctor'
HUGEPAGES = 'sys/kernel/mm/hugepages/hugepages-2048kB'
UNBIND = 'echo {pf} >/sys/bus/pci/drivers/vfio-pci/unbind; ' \
    'echo >/sys/bus/pci/devices/{pf}/driver_override; '
BREAKS = {
    'enable_sriov off': ('echo 0 >/sys/module/vfio_pci/parameters/enable_sriov',
                         ["vfio-pci's enable_sriov is off"]),
    'no hugepages': (f'echo 0 >/{HUGEPAGES}/nr_hugepages', ['0 MB of hugepages are free']),
    'PF on igb': (UNBIND + 'echo {pf} >/sys/bus/pci/drivers/igb/bind', ['{pf} is on igb']),
    'VF on no driver': ('echo {vf} >/sys/bus/pci/drivers/vfio-pci/unbind',
                        ['its VF {vf} is on no driver']),
    'much': (f'{UNBIND} modprobe -r vfio_iommu_type1; modprobe -r vfio-pci; '
             f'umount /dev/hugepages; echo 9 >/{HUGEPAGES}/nr_hugepages',
             ["vfio_iommu_type1 isn't loaded", "vfio-pci isn't loaded", 'no hugetlbfs is mounted',
              '18 MB of hugepages are free', '{pf} is on no driver']),
}


@pytest.fixture(scope='module')
def lab(build):
    """A machine of its own, with the doctor."""
    with Lab(build, files={**guest_files(build), '/usr/local/lib/doctor': FOLDER}) as machine:
        machine.check('ln -s ../lib/doctor/doctor /usr/local/bin')
        yield machine


@pytest.fixture
def healthy(lab, pf):
    """Its PF on vfio-pci with two VFs."""
    lab.check(f'dpdk-devbind.py -b vfio-pci {pf} && cd /sys/bus/pci/devices/{pf} && '
              'echo 0 >sriov_numvfs && echo 2 >sriov_numvfs', timeout=60)
    assert lab.run(f'doctor {pf}').status == 0


# In the default run, the one with all kinds of findings but two.
@pytest.mark.parametrize('change, findings', [
    pytest.param(*found, id=name, marks=[] if name == 'much' else pytest.mark.long)
    for name, found in BREAKS.items()])
def test_remedy(lab, pf, healthy, vfs, change, findings):
    """What is missing must be found, and what the doctor prints must mend it.

    Steps: On a machine that lacks nothing, take something away; ask the doctor; run its remedies
        from top to bottom; ask again.
    Verify: Each thing, and no other, is missing; then nothing is.
    """
    lab.check(change.format(pf=pf, vf=vfs[0]))
    done = lab.run(f'doctor {pf}')
    found = re.findall(r'^missing: (.*)\n {4}(.*)$', done.output, re.MULTILINE)
    assert done.status == 1 and len(found) == done.output.count('missing: ') == len(findings)
    for (text, _), words in zip(found, findings):
        assert text.startswith(words.format(pf=pf, vf=vfs[0])), done.output
    for _, remedy in found:
        lab.check(remedy, timeout=60)
    done = lab.run(f'doctor {pf}')
    assert done.status == 0, done.output


def test_another_user(lab, pf, healthy):
    """Another user than root must be told what is missing for that user, and nothing be hidden.

    Steps: Run the doctor as a user without rights.
    Verify: Locked memory is missing, and nothing else is; all else is as root sees it.
    """
    done = lab.run('python3 -c "import os; os.setgid(1000); os.setuid(1000); '
                   f"os.execvp('doctor', ['doctor', '{pf}'])\"")
    # 8 MB since Linux 5.16, 64 KB before.
    limit = int(lab.check('ulimit -l')) // 1024
    mine = lab.check(f'doctor {pf}').replace('ok: this user may lock all memory', f'''\
missing: this user may lock {limit} MB of memory, and VFIO locks all that a process maps
    sudo prlimit --memlock=unlimited --pid $$''')
    assert (done.status, done.output) == (1, mine)


def test_iommu_off(build):
    """A kernel that was told to leave the IOMMU off must be found.

    Steps: Boot one; ask the doctor.
    Verify: The reason and the remedy; that its absence mends it, the other tests show.
    """
    with Lab(build, files={'/usr/local/lib/doctor': FOLDER}, append='intel_iommu=off') as machine:
        done = machine.run(f'/usr/local/lib/doctor/doctor {machine.pfs[0]}')
    assert done.status == 1
    assert "missing: there are no IOMMU groups: the kernel's argument intel_iommu=off\n" \
        "    sed -i 's/ *\\bintel_iommu=off\\b//' /etc/default/grub" in done.output
