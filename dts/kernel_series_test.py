# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A kernel that devtools/kernel has built, with our series and, for contrast, without it."""
from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from framework import distribution
from framework.build import guest_files, guest_programs, usertool
from framework.common import NO_IOMMU_FILE, TOKEN
from framework.messages import said_only
from framework.testpmd import Testpmd
from kernel import compare
from lab.vm import Lab

pytestmark = pytest.mark.vm

# A NIC without SR-IOV, in an IOMMU group of its own.
PLAIN_NIC = ('-device', 'pcie-root-port,id=plain,chassis=30',
             '-device', 'e1000e,bus=plain,romfile=')
FIND_PLAIN = 'grep -l 0x10d3 /sys/bus/pci/devices/*/device'
# Nothing uses it: the disk controller.
OTHER = '0000:00:1f.2'
SERIES = ('patched', 'unpatched')


@pytest.fixture(scope='module')
def kernels():
    """The folders of the kernel with the series and of the one without."""
    given = Path(os.environ.get('LAB_KERNEL', ''))
    if given.name != 'patched' or not (given.parent / 'unpatched').is_dir():
        pytest.skip("the lab's kernel isn't of a series; test.sh --tree DIR builds one")
    return {name: given.parent / name for name in SERIES}


def release(kernels):
    """The version, as (5, 4)."""
    modules = next((kernels['patched'] / 'lib/modules').iterdir()).name
    major, minor = re.match(r'(\d+)\.(\d+)', modules).groups()
    return int(major), int(minor)


def has_cdev(kernels):
    """Whether devices have cdevs there, besides their groups."""
    return release(kernels) >= (6, 6)


@pytest.fixture(scope='module')
def old(kernels):
    """Skips a kernel that has the mechanism but for the cdev path."""
    if release(kernels) > (5, 6):
        pytest.skip('this kernel has VF tokens without the series, too')


@pytest.fixture(params=SERIES)
def stock(request, build, kernels, old):
    """A machine on either kernel with the distribution's testpmd, a PF and a plain NIC on vfio-pci;
    the kernel's name, the PF and the NIC."""
    files = {**distribution.testpmd_files(),
             '/usr/local/bin/dpdk-devbind.py': usertool(build, 'dpdk-devbind.py')}
    with Lab(build, kernel=kernels[request.param], files=files, qemu_arguments=PLAIN_NIC) as lab:
        plain = lab.check(FIND_PLAIN).split('/')[-2]
        lab.check(f'dpdk-devbind.py -b vfio-pci {lab.pfs[0]} {plain}', timeout=60)
        yield lab, request.param, lab.pfs[0], plain


def ports(lab, name, device, *eal):
    """How many ports the distribution's testpmd drives on a device, and its log."""
    with Testpmd(lab, name, [device], *eal, program=distribution.TESTPMD) as testpmd:
        return testpmd.ports, testpmd.log


def test_old_user_space(stock):
    """User space that knows no VF tokens must go on as before where it needs none, and be refused
    VFs, as the cover letter intends.

    Steps: On either kernel, start the distribution's testpmd without a token on a NIC without
    SR-IOV and on a PF. Enable a VF. With the series, start it on the VF, without a token; then
    on the PF with a token, and on the VF with that.
    Verify: NIC and PF work on both. Without the series there is no VF. With it, the VF is refused
    without the token, and works with it.
    """
    lab, kernel, pf, plain = stock
    assert ports(lab, 'plain', plain)[0] == 1
    assert ports(lab, 'pf', pf)[0] == 1
    enabled = lab.run(f'echo 1 >/sys/bus/pci/devices/{pf}/sriov_numvfs')
    if kernel == 'unpatched':
        assert enabled.status != 0 and not lab.vfs(pf)
        assert 'support SRIOV configuration via sysfs' in lab.check('dmesg')
        return
    assert enabled.status == 0, enabled.output
    vf, = lab.vfs(pf)
    none, log = ports(lab, 'vf', vf)
    assert none == 0 and f'Getting a vfio_dev_fd for {vf} failed' in log
    token = f'--vfio-vf-token={TOKEN}'
    with Testpmd(lab, 'pf', [pf], token, program=distribution.TESTPMD) as pf_process:
        assert pf_process.ports == 1
        assert ports(lab, 'vf', vf)[0] == 0
        assert ports(lab, 'vf', vf, token)[0] == 1


def test_without_the_mechanism(build, kernels, old):
    """On a kernel that knows no VF tokens our DPDK must say so, rather than fail without a reason.

    Steps: On the kernel without the series, start testpmd on the PF, with and without a token.
    Verify: With one it is refused, and the message says that the kernel lacks it; without it
    starts.
    """
    with Lab(build, kernel=kernels['unpatched'], files=guest_files(build)) as lab:
        pf = lab.pfs[0]
        lab.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)
        with Testpmd(lab, 'refused', [pf], f'--vfio-vf-token={TOKEN}') as testpmd:
            assert testpmd.ports == 0
            said_only(testpmd.log, ('kernel_without_tokens', pf))
        with Testpmd(lab, 'plain', [pf]) as testpmd:
            assert testpmd.ports == 1, testpmd.log


ANOTHER_DRIVER = '''
set -e
cd /sys/bus/pci/devices/{vf}
modprobe igbvf
basename $(readlink driver)
echo igbvf >driver_override
echo {vf} >driver/unbind
echo {vf} >/sys/bus/pci/drivers_probe
basename $(readlink driver)
'''


def test_another_driver(build, kernels, old):
    """The host's driver must not take a VF by itself, but the administrator may give it one.

    Steps: Enable a VF; load the host's driver for VFs; make it the VF's driver_override, and bind.
    Verify: The VF is on vfio-pci at first, then on that driver; the kernel has logged that.
    """
    with Lab(build, kernel=kernels['patched'], vfs=1) as lab:
        vf, = lab.vfs(lab.pfs[0])
        assert lab.check(ANOTHER_DRIVER.format(vf=vf)).splitlines() == ['vfio-pci', 'igbvf']
        assert f'{vf}: Bound to igbvf, though the PF is bound to vfio-pci' in lab.check('dmesg')


# Gives a PF a token and opens its VFs with it, one after the other and then side by side; prints
# the seconds of each.
OPEN_ALL = """
import fcntl, os, struct, sys, threading, time
SET_CONTAINER, SET_IOMMU, GET_DEVICE = 0x3b68, 0x3b66, 0x3b6a
token, pf, *vfs = sys.argv[1:]
def open_group(bdf):
    name = os.path.basename(os.readlink(f'/sys/bus/pci/devices/{bdf}/iommu_group'))
    container = os.open('/dev/vfio/vfio', os.O_RDWR)
    group = os.open(f'/dev/vfio/{name}', os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack('i', container))
    fcntl.ioctl(container, SET_IOMMU, 1)
    return group
def open_device(bdf, group):
    name = bytearray(f'{bdf} vf_token={token}'.encode() + bytes(1))
    os.close(fcntl.ioctl(group, GET_DEVICE, name))
open_device(pf, open_group(pf))
groups = [open_group(vf) for vf in vfs]
for wait in True, False:
    start = time.monotonic()
    threads = [threading.Thread(target=open_device, args=pair) for pair in zip(vfs, groups)]
    for thread in threads:
        thread.start()
        if wait:
            thread.join()
    for thread in threads:
        thread.join()
    print(time.monotonic() - start)
"""


def test_side_by_side(build, kernels, old):
    """VFs must not wait for each other's reset.

    Steps: With the series, open and close seven VFs one after the other, then side by side.
    Verify: Side by side takes less than half of the time.
    """
    with Lab(build, kernel=kernels['patched'], vfs=7) as lab:
        lab.write('/tmp/open.py', OPEN_ALL)
        devices = [lab.pfs[0], *lab.vfs(lab.pfs[0])]
        alone, together = map(float, lab.check(
            f'python3 /tmp/open.py {TOKEN} {" ".join(devices)}').split())
        print(f'seven VFs: {alone:.2f} s one after the other, {together:.2f} s side by side')
        assert together < alone / 2


def tap(output, ending):
    """The names of the cases that ended so in a TAP output."""
    return set(re.findall(rf'^{ending} \d+ - (\S+?):', output, re.MULTILINE))


def conformance(build, kernel, *args, qemu_arguments=()):
    """What dpdk-test-vftoken prints on a kernel, which must report no mistake of its own."""
    with Lab(build, kernel=kernel, pfs=2, timeout=1200, qemu_arguments=qemu_arguments,
             files=guest_programs(build, 'dpdk-test-vftoken')) as lab:
        output = lab.run(' '.join(['dpdk-test-vftoken --pf', lab.pfs[0], '--pf2', lab.pfs[1],
                                   '--other', OTHER, *args]), timeout=1000).output
        assert not compare.reports(lab.dmesg())
        return output


def test_all_rules(build, kernels):
    """With the series all rules must hold, by each path that the kernel has.

    Steps: Run dpdk-test-vftoken, by group, and by iommufd if the kernel has cdevs.
    Verify: Nothing is not ok, and nothing is skipped but what the lab can't have.
    """
    backend = 'all' if has_cdev(kernels) else 'group'
    output = conformance(build, kernels['patched'], '--backend', backend)
    assert len(tap(output, 'ok')) > (200 if has_cdev(kernels) else 100), output
    assert not tap(output, 'not ok') and 'Bail out' not in output, output
    assert set(re.findall(r'^ok \d+ - (\S+?):.* # SKIP', output, re.MULTILINE)) <= NO_IOMMU_FILE


def test_cdev_hole(build, kernels):
    """Without the series a VF can be had by its cdev with no token.

    Steps: Without the series, run dpdk-test-vftoken's cases of opening a VF, by group and iommufd.
    Verify: All hold by group. By iommufd those don't that need a token, or give one.
    """
    if not has_cdev(kernels):
        pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
    output = conformance(build, kernels['unpatched'], '--case', "'vf/*'")
    failed = tap(output, 'not ok')
    assert failed and all(case.startswith('iommufd/') for case in failed), output
    assert any(case.startswith('group/') for case in tap(output, 'ok')), output


@pytest.mark.parametrize('flr', ['on', 'off'])
def test_power_state(build, kernels, flr):
    """A PF with VFs must stay in D0 whatever its user writes, and the kernel must not warn.

    Steps: With the series, and a NIC with and without FLR, run the case of PMCSR, and cases of VFs
        that follow it.
    Verify: All hold. The kernel's log has no warning.
    """
    output = conformance(build, kernels['patched'], '--case', "'*/sriov/*'", qemu_arguments=(
        '-global', f'igb.x-pcie-flr-init={flr}'))
    assert 'group/sriov/power-state' in tap(output, 'ok'), output
    assert not tap(output, 'not ok') and 'Bail out' not in output, output


# Prints what a bind answers: without a token, with one, and with a pointer to no memory.
BIND_SAMPLE = """
import ctypes, errno, fcntl, os, struct
uuid = '2b2b2b2b-1111-4222-8333-444444444444'
with open('/sys/class/mtty/mtty/mdev_supported_types/mtty-1/create', 'w') as file:
    file.write(uuid)
name, = os.listdir(f'/sys/bus/mdev/devices/{uuid}/vfio-dev')
token = ctypes.create_string_buffer(16)
iommufd = os.open('/dev/iommu', os.O_RDWR)
for flags, pointer in (0, 0), (1, ctypes.addressof(token)), (1, 1):
    device = os.open(f'/dev/vfio/devices/{name}', os.O_RDWR)
    try:
        fcntl.ioctl(device, 0x3b76, struct.pack('=IIiIQ', 24, flags, iommufd, 0, pointer))
        print('bound')
    except OSError as err:
        print(errno.errorcode[err.errno])
    os.close(device)
"""


def test_driver_without_tokens(build, kernels):
    """A driver that knows no tokens must refuse one, also one that can't be read.

    Steps: With the series, bind the file of the kernel's sample of a mediated device: without a
        token, with one, and with a pointer to no memory.
    Verify: The first binds; the others are EINVAL.
    """
    if not has_cdev(kernels):
        pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
    modules = {path.name: path for path in kernels['patched'].rglob('m*.ko')}
    with Lab(build, kernel=kernels['patched'], files={
            f'/tmp/{name}': modules[name] for name in ('mdev.ko', 'mtty.ko')}) as lab:
        lab.check('insmod /tmp/mdev.ko && insmod /tmp/mtty.ko')
        lab.write('/tmp/bind.py', BIND_SAMPLE)
        assert lab.check('python3 /tmp/bind.py').split() == ['bound', 'EINVAL', 'EINVAL']


# Binds a PF with another token, so that the last step fails; then a VF with the token from before.
FAILED_BIND = """
import ctypes, errno, fcntl, mmap, os, struct, sys
BIND, FEATURE = 0x3b76, 0x3b75
libc = ctypes.CDLL(None, use_errno=True)
old, new = ctypes.create_string_buffer(b'o' * 16, 16), ctypes.create_string_buffer(b'n' * 16, 16)
iommufd = os.open('/dev/iommu', os.O_RDWR)
def request(token):
    return struct.pack('=IIiIQ', 24, bool(token), iommufd, 0, token and ctypes.addressof(token))
def file(bdf):
    name, = os.listdir(f'/sys/bus/pci/devices/{bdf}/vfio-dev')
    return os.open(f'/dev/vfio/devices/{name}', os.O_RDWR)
pf = file(sys.argv[1])
fcntl.ioctl(pf, BIND, request(0))
fcntl.ioctl(pf, FEATURE, struct.pack('=II', 24, 1 << 17) + old.raw)
os.close(pf)
memory = mmap.mmap(-1, mmap.PAGESIZE)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
memory[:24] = request(new)
assert libc.mprotect(ctypes.c_void_p(address), mmap.PAGESIZE, mmap.PROT_READ) == 0
assert libc.ioctl(file(sys.argv[1]), BIND, ctypes.c_void_p(address)) == -1
print(errno.errorcode[ctypes.get_errno()])
fcntl.ioctl(file(sys.argv[2]), BIND, request(old))
print('kept')
"""


def test_failed_bind(build, kernels):
    """A bind of a PF that fails must leave its token alone, unlike mainline's.

    Steps: With the series, bind a PF's file with a new token, in memory that the kernel can't
        write; bind a VF's file with the token from before.
    Verify: The first is EFAULT; the second succeeds.
    """
    if not has_cdev(kernels):
        pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
    with Lab(build, kernel=kernels['patched'], vfs=1) as lab:
        pf, = lab.pfs
        lab.write('/tmp/bind.py', FAILED_BIND)
        assert lab.check(f'python3 /tmp/bind.py {pf} {lab.vfs(pf)[0]}').split() == [
            'EFAULT', 'kept']
