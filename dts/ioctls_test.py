# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What opening a device costs in ioctls."""
import re

from conftest import TOKEN_FILE, WRONG_TOKEN


def opens(lab, device, *eal):
    """The VFIO_GROUP_GET_DEVICE_FD ioctls of a testpmd on a device, as strace saw them."""
    argv = f'dpdk-testpmd -l 0,1 -m 128 --file-prefix=traced -a {device} ' + ' '.join(eal)
    lab.check(f'strace -f --seccomp-bpf -e trace=ioctl -o /tmp/trace {argv} -- --nb-cores=1 </dev/null', timeout=120)
    trace = lab.check('cat /tmp/trace')
    return re.findall(r'VFIO_GROUP_GET_DEVICE_FD.*= (-?\d+)', trace)


def test_vf_with_its_token(pf_testpmd, lab, pf, vfs):
    """A VF must cost one open, with its token.

    Steps: Start the PF's testpmd; trace one on a VF with the right token.
    Verify: One VFIO_GROUP_GET_DEVICE_FD, and it succeeded.
    """
    fds = opens(lab, vfs[0], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert len(fds) == 1 and int(fds[0]) >= 0


def test_refused_vf(pf_testpmd, lab, vfs):
    """A refused VF must cost one open too, as a second try would only fill the kernel's log.

    Steps: Start the PF's testpmd; trace one on a VF with a wrong token.
    Verify: One VFIO_GROUP_GET_DEVICE_FD, and it failed.
    """
    fds = opens(lab, vfs[0], f'--vfio-vf-token={WRONG_TOKEN}')
    assert fds == ['-1']
