# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF's process dies while a VF is in use: only one with the current token may take its place."""
import pytest

from framework.common import TOKEN_FILE, WRONG_TOKEN
from framework.messages import said_only


@pytest.fixture
def orphan(pf_testpmd, start, pf, vfs):
    """A VF's testpmd whose PF's process was killed."""
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 1, testpmd.log
    pf_testpmd.kill()
    return testpmd


@pytest.mark.token_check
@pytest.mark.parametrize('rules, message', [
    ([], ('pf_needs_token', '{pf}', 2, '{pf}')),
    ([f'--vfio-vf-token={WRONG_TOKEN}'], ('pf_wrong_token', '{pf}', 2, '11…')),
], ids=['none', 'wrong'])
def test_without_the_token(orphan, start, pf, rules, message):
    """A process without the token must not get the PF, and be told that its VFs are in use.

    Steps: Kill the PF's process while a VF is open; start one on the PF without a token, or with
    another one.
    Verify: It has no port and says why; the VF's process goes on.
    """
    testpmd = start('thief', [pf], *rules)
    assert testpmd.ports == 0
    said_only(testpmd.log, [str(word).format(pf=pf) for word in message])
    assert orphan.ports == 1


def test_with_the_token(orphan, start, pf):
    """A process with the current token must get the PF.

    Steps: Kill the PF's process while a VF is open; start one on the PF with the token.
    Verify: It drives the PF, and the VF's process goes on.
    """
    testpmd = start('heir', [pf], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 1, testpmd.log
    assert orphan.ports == 1
