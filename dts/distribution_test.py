# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The distribution's programs and ours agree on a VF's token, on either side of it."""
import functools
import json
import re
import subprocess

import pytest

from framework import distribution
from framework.build import guest_files, program
from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.fixtures import prepared_lab
from framework.messages import said, said_only
from framework.testpmd import Testpmd

pytestmark = pytest.mark.vm

TOKENS = {'right': TOKEN, 'wrong': WRONG_TOKEN, 'none': ''}
OPENERS = {'testpmd': distribution.by_testpmd, 'ovs': distribution.by_ovs,
           'qemu': distribution.by_qemu}
# The distribution's binaries, with our EAL and PCI bus in the place of its own.
ON_OURS = {name: functools.partial(OPENERS[name], ours=True) for name in ('testpmd', 'ovs')}
RULE = f'--vfio-vf-token={TOKEN}'


@pytest.fixture(scope='module')
def lab(build):
    """A machine as the other tests have it, with the distribution's programs, too."""
    yield from prepared_lab(build, {**guest_files(build), **distribution.testpmd_files(),
                                    **distribution.program_files(),
                                    **distribution.our_libraries(build / 'shared')}, memory=2048)


@pytest.fixture(scope='module')
def same_abi(build):
    """Skips where the distribution's programs can't run on our libraries."""
    if len(distribution.our_libraries(build / 'shared')) == 1:
        pytest.skip("the distribution's DPDK has another ABI than ours")


@pytest.fixture(scope='class', params=['our-testpmd', *(
    pytest.param(name, marks=pytest.mark.long) for name in ('dpdk-vftoken', 'testpmd'))])
def owner(request, lab):
    """Who has set the token of the PF: our testpmd, the command, or the distribution's testpmd."""
    pf = lab.pfs[0]
    if request.param == 'dpdk-vftoken':
        lab.check(f'dpdk-vftoken disable {pf} && dpdk-vftoken enable {pf} 2 file:{TOKEN_FILE}',
                  timeout=60)
        yield request.param
        return
    ours = request.param == 'our-testpmd'
    with Testpmd(lab, 'owner', [pf], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}' if ours else RULE,
                 program='dpdk-testpmd' if ours else distribution.TESTPMD) as testpmd:
        assert testpmd.ports == 1, testpmd.log
        yield request.param


class TestOpeners:
    """Openers of a VF under each owner of its PF, who stays meanwhile."""

    @pytest.mark.parametrize('token', TOKENS)
    @pytest.mark.parametrize('opener', OPENERS)
    def test_opener(self, lab, owner, vfs, opener, token):
        """A program of the distribution's must have a VF with the token, and be refused it without.

        Steps: Set the PF's token; open a VF by the distribution's testpmd, Open vSwitch or QEMU,
        with the right token, a wrong one and none.
        Verify: With the right one it works. Else it doesn't.
        """
        opened = OPENERS[opener](lab, vfs[0], TOKENS[token])
        assert opened.works == (token == 'right'), f'{owner}: {opened.said}'


@pytest.fixture
def checked_by_cdev(lab, pf_testpmd):
    """Whether the kernel checks tokens where VFs are opened by their own files."""
    if lab.run('[ -e /dev/iommu ] && [ -d /dev/vfio/devices ]').status:
        pytest.skip('this kernel has no VFIO_DEVICE_CDEV')
    answer = json.loads(lab.check('dpdk-vftoken status --json'))['cdev_check']
    assert answer in ('yes', 'no')
    return answer == 'yes'


@pytest.mark.parametrize('token', TOKENS)
def test_qemu_by_cdev(lab, checked_by_cdev, vfs, token):
    """QEMU passes no token on when it uses iommufd: a kernel that checks tokens there must refuse
    it, with the right token, too, and it has the VF on one that doesn't, with any token or none.

    Steps: Start the PF's testpmd; open a VF by QEMU with iommufd, with the right token, a wrong one
    and none.
    Verify: It works if the kernel checks no tokens there.
    """
    opened = distribution.by_qemu(lab, vfs[0], TOKENS[token], cdev=True)
    assert opened.works != checked_by_cdev, opened.said
    assert opened.works or 'Permission denied' in opened.said


@pytest.mark.parametrize('token', TOKENS)
@pytest.mark.parametrize('opener', ON_OURS)
def test_on_our_libraries(same_abi, pf_testpmd, lab, pf, vfs, opener, token):
    """A program of the distribution's must get our DPDK's sources of a token and explanations when
    it runs on our EAL and PCI bus, without being built again.

    Steps: Start the PF's testpmd; open a VF by the distribution's testpmd and Open vSwitch on our
    libraries, with the token in a file, a wrong one and none.
    Verify: With the right one it works. Else its log says why not, with our words.
    """
    source = {**TOKENS, 'right': f'file:{TOKEN_FILE}'}[token]
    opened = ON_OURS[opener](lab, vfs[0], source)
    assert opened.works == (token == 'right'), opened.said
    ids = set(re.findall(r'\[(vf_\w+)\]', opened.said))
    assert ids == {'right': set(), 'wrong': {'vf_wrong_token'}, 'none': {'vf_needs_token'}}[token]
    assert token == 'right' or pf in opened.said


@pytest.mark.parametrize('token', TOKENS)
def test_takes_the_pf_over(pf_testpmd, start, pf, vfs, token):
    """The distribution's testpmd must be able to take the PF of a dead process over with the token
    while a VF is in use, and not without.

    Steps: Start our testpmd on the PF and on a VF; kill the PF's; start the distribution's on the
    PF, with the right token, a wrong one and none.
    Verify: It has the PF with the right one only, and the VF's testpmd goes on.
    """
    vf_testpmd = start('vf', vfs[:1], RULE)
    pf_testpmd.kill()
    rule = [f'--vfio-vf-token={TOKENS[token]}'] if token != 'none' else []
    taken = start('distribution', [pf], *rule, program=distribution.TESTPMD)
    assert taken.ports == (1 if token == 'right' else 0), taken.log
    assert vf_testpmd.ports == 1


@pytest.mark.parametrize('token', TOKENS)
def test_our_vf(start, lab, pf, vfs, token):
    """Our testpmd must be a VF's user under the distribution's PF process.

    Steps: Start the distribution's testpmd on the PF with a token; start ours on a VF, with the
    token in a file, a wrong one and none.
    Verify: With the right one it has the VF. Else it says why not.
    """
    owner = start('distribution', [pf], RULE, program=distribution.TESTPMD)
    assert owner.ports == 1, owner.log
    source = {**TOKENS, 'right': f'file:{TOKEN_FILE}'}[token]
    testpmd = start('vf', vfs[:1], *([f'--vfio-vf-token={pf}={source}'] if source else []))
    assert testpmd.ports == (1 if token == 'right' else 0), testpmd.log
    said_only(testpmd.log, *{'right': [], 'wrong': [('vf_wrong_token', vfs[0], '11…', pf, pf)],
                             'none': [('vf_needs_token', vfs[0], pf)]}[token])


def test_secondary_of_ours(pf_testpmd, start, lab, vfs):
    """The distribution's dpdk-proc-info must run beside our primary process, with the token.

    Steps: Start our testpmd on the PF and a VF; run the distribution's dpdk-proc-info as its
    secondary, with and without the token.
    Verify: With the token it shows the VF's port, without it doesn't; the primary goes on.
    """
    testpmd = start('vf', vfs[:1], RULE)
    for token in (TOKEN, ''):
        opened = distribution.by_proc_info(lab, 'vf', vfs[0], token)
        assert opened.works == bool(token), opened.said
    assert testpmd.ports == 1


def test_our_secondary(same_abi, pf_testpmd, start, lab, vfs):
    """A secondary process on our libraries must run beside a primary of the distribution's with a
    rule of its own, and without one say that the primary gives no token.

    Steps: Start the distribution's testpmd on a VF; run dpdk-proc-info on our libraries as its
    secondary, with and without the token.
    Verify: With the token it shows the VF's port. Without it says why not; the primary goes on.
    """
    testpmd = start('vf', vfs[:1], RULE, program=distribution.TESTPMD)
    assert testpmd.ports == 1, testpmd.log
    opened = distribution.by_proc_info(lab, 'vf', vfs[0], TOKEN, ours=True)
    assert opened.works, opened.said
    opened = distribution.by_proc_info(lab, 'vf', vfs[0], '', ours=True)
    assert not opened.works
    said(opened.said, 'provider_without', vfs[0], vfs[0])
    assert testpmd.ports == 1


@pytest.mark.parametrize('name', ['librte_eal', 'librte_bus_pci'])
def test_abi(same_abi, build, name):
    """Our EAL and PCI bus must have the distribution's ABI, so that its programs run on them.

    Steps: Compare the two libraries' symbols and their versions with abidiff.
    Verify: Nothing was removed or changed.
    """
    theirs = next(distribution.root().glob(f'usr/lib/*-linux-gnu/{name}.so.??'))
    dpdk = program(build / 'shared', 'dpdk-testpmd').parents[1]
    ours = next(path for path in dpdk.glob(f'*/{name}.so.??'))
    done = subprocess.run(['abidiff', '--no-added-syms', theirs, ours], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
