# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What a token costs in system calls: a few at the open of a device, none per packet."""
import re

import pytest

from framework.common import BY_CDEV, TOKEN, TOKEN_FILE, WRONG_TOKEN

SYSFS = '/sys/bus/pci/devices/'
# VFIO_DEVICE_BIND_IOMMUFD and VFIO_DEVICE_ATTACH_IOMMUFD_PT, as strace names their numbers.
BIND = 'VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY'
ATTACH = 'VFIO_IOMMU_SPAPR_TCE_CREATE'
OPEN = BIND if BY_CDEV else 'VFIO_GROUP_GET_DEVICE_FD'


def short(name, arguments):
    """A system call in few words: its name and the path, or what an ioctl asks for."""
    if name == 'ioctl':
        # Some requests share a number; strace names them all, VFIO's container's last.
        return arguments.split(', ')[1].split(' or ')[-1]
    path = re.search('"(/[^"]*)"', arguments)
    if path:
        # aarch64 has no readlink().
        return f'{name.replace("linkat", "link")} {path[1].removeprefix(SYSFS)}'
    # By which call the C library does fstat() depends on its version.
    return 'fstat' if name == 'newfstatat' else name


# How the C library starts a thread and waits for it.
THREAD = ('brk', 'clone', 'clone3', 'futex', 'madvise', 'mmap', 'mprotect', 'munmap',
          'rt_sigprocmask')
# How it reads a clock: a system call only where the kernel finds the processor's counter unstable.
CLOCK = 'clock_gettime'


def opening(lab, device, *eal):
    """The system calls, with their results, with which a testpmd opens a device, from the time
    that it has the IOMMU group, or looks for the device's own file, until it asks the device for
    its properties."""
    # EAL's lesser messages go to a log that may be there or not, with calls of their own.
    argv = ('dpdk-testpmd -l 0,1 -m 128 --file-prefix=traced --log-level=lib.eal:error '
            f'-a {device} ' + ' '.join(eal))
    lab.check(f'strace -o /tmp/trace {argv} -- --nb-cores=1 --total-num-mbufs=8192 </dev/null',
              timeout=120)
    begin = 'vfio-dev' if BY_CDEV else 'VFIO_GROUP_GET_STATUS'
    trace = lab.check(f"sed -n '/{begin}/,/VFIO_DEVICE_GET_INFO/p' /tmp/trace")
    calls = [(short(name, arguments), int(result)) for name, arguments, result
             in re.findall(r'^(\w+)\((.*)\) += (-?\d+)', trace, re.MULTILINE)
             if name != CLOCK]
    # Newer versions of DPDK map each page by itself.
    return [call for call, last in zip(calls, [None, *calls])
            if call != last or call[0] != 'VFIO_IOMMU_MAP_DMA']


def opens(calls):
    """The results of the opens of a device among system calls."""
    return [result for name, result in calls if name == OPEN]


@pytest.mark.parametrize('source, reads', [
    (TOKEN, ['fstat', 'pread64']),
    (f'file:{TOKEN_FILE}', []),
], ids=['literal', 'file'])
def test_vf_with_its_token(pf_testpmd, checked, lab, pf, vfs, source, reads):
    """A VF must cost one open, with its token, and before it only what it takes to know from sysfs
    that a token is wanted and to read it.

    Steps: Start the PF's testpmd; trace one on a VF with the right token.
    Verify: The system calls are those of DPDK without our patches, where the open comes after the
    mapping of memory, and between these two a few of sysfs, on the VF and its PF, and those that
    read the source, where a literal is kept in a file without a name, or that start a thread which
    reads a file. The open succeeded. Where the kernel checks no token by cdev, it takes two more.
    """
    calls = opening(lab, vfs[0], f'--vfio-vf-token={pf}={source}')
    names = [name for name, _ in calls if name not in THREAD]
    begin, end = ['VFIO_GROUP_GET_STATUS', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_SET_IOMMU',
                  'VFIO_IOMMU_MAP_DMA'], [OPEN]
    if BY_CDEV:
        cdev = lab.check(f'ls {SYSFS}{vfs[0]}/vfio-dev')
        names = names[names.index(f'readlink {vfs[0]}/driver'):]
        begin, reads = [], [f'openat /dev/vfio/devices/{cdev}', *reads]
        end = [*([OPEN] if checked else 3 * [OPEN]), ATTACH]
    assert names == [
        *begin, f'readlink {vfs[0]}/driver', f'readlink {vfs[0]}/physfn', f'readlink {pf}/driver',
        *reads, *end, 'VFIO_DEVICE_GET_INFO']
    assert opens(calls)[-1] >= 0


@pytest.mark.token_check
def test_refused_vf(pf_testpmd, lab, vfs):
    """A refused VF must cost one open too, as a second try would only fill the kernel's log.

    Steps: Start the PF's testpmd; trace one on a VF with a wrong token.
    Verify: One VFIO_GROUP_GET_DEVICE_FD, or by cdev one VFIO_DEVICE_BIND_IOMMUFD, and it failed.
    """
    assert opens(opening(lab, vfs[0], f'--vfio-vf-token={WRONG_TOKEN}')) == [-1]


def test_packets(pf_testpmd, start, lab, pf, vfs):
    """Packets must cost no system call.

    Steps: Start the PF's testpmd and one on both VFs; trace its forwarding thread while it is told
    to start, exchanges packets and is told to stop.
    Verify: Tens of thousands of packets pass, and the thread's only system calls are those with
    which it takes the orders to send first, to forward, and then waits for the next.
    """
    testpmd = start('vf', vfs, f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 2, testpmd.log
    worker = lab.check(f'grep -l worker /proc/{testpmd.pid()}/task/*/comm').split('/')[-2]
    lab.check(f'strace -o /tmp/trace -p {worker} >/tmp/strace.log 2>&1 & echo $! >/tmp/strace.pid; '
              'until grep -q attached /tmp/strace.log; do sleep 0.1; done')
    assert testpmd.exchange(50_000) >= 50_000
    lab.check('read -r pid </tmp/strace.pid; kill $pid; '
              'while kill -0 $pid 2>/dev/null; do sleep 0.1; done')
    calls = [call for call in re.findall(r'^(\w+)\(', lab.check('cat /tmp/trace'), re.MULTILINE)
             if call != CLOCK]
    assert calls == ['read', 'write', 'read', 'write', 'read']
