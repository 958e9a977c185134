# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A VF is refused, with an explanation, to a process without the PF's token."""
import pytest

from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import said_only


@pytest.mark.token_check
def test_no_token(pf_testpmd, start, pf, vfs):
    """Without a rule a VF must be refused in a message that names its PF and the remedy.

    Steps: Start the PF's testpmd with a token; start one on a VF without any.
    Verify: It has no port, and says why and what to do.
    """
    testpmd = start('vf', vfs[:1])
    assert testpmd.ports == 0
    said_only(testpmd.log, ('vf_needs_token', vfs[0], pf, 'vfio-pci', pf))


@pytest.mark.token_check
def test_wrong_token(pf_testpmd, start, lab, pf, vfs):
    """With a wrong token a VF must be refused in a message that names the PF and no token.

    Steps: Start the PF's testpmd with a token; start one on a VF with another, from a file, with
    all log levels on.
    Verify: It has no port, says whose token it isn't, and neither token is in any log.
    """
    lab.write('/run/wrong-token', WRONG_TOKEN, mode=0o600)
    testpmd = start('vf', vfs[:1], '--vfio-vf-token=file:/run/wrong-token', '--log-level=*:8')
    assert testpmd.ports == 0
    said_only(testpmd.log, ('vf_wrong_token', vfs[0], 'file:/run/wrong-token', pf, pf))
    for token in (TOKEN, WRONG_TOKEN):
        assert token not in testpmd.log + pf_testpmd.log + lab.dmesg()


def test_file_that_others_may_write(pf_testpmd, start, lab, pf, vfs):
    """A token file that others may write must not be used, and the VF stay closed.

    Steps: Start the PF's testpmd; make the token's file writable by all; start one on a VF with it.
    Verify: It has no port and says which file and what to do.
    """
    lab.write('/run/open-token', TOKEN, mode=0o666)
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}=file:/run/open-token')
    assert testpmd.ports == 0
    said_only(testpmd.log, ('source_writable', vfs[0], 'file:/run/open-token'))


def test_right_token_after_refusals(pf_testpmd, start, pf, vfs):
    """A refusal must leave nothing behind that keeps the right token out.

    Steps: Have a VF refused without a token, then open it with the right one.
    Verify: It opens.
    """
    start('refused', vfs[:1]).close()
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 1, testpmd.log
