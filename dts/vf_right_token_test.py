# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A VF opens for a process that has the token of the PF's process."""
import pytest

from framework.common import TOKEN, TOKEN_FILE
from framework.messages import messages


def test_token_file(pf_testpmd, checked, start, pf, vfs):
    """PF and VFs must open with one token, given by the PF's address.

    Steps: Start the PF's testpmd with the token from a file; start another on both VFs with it.
    Verify: The second drives two ports, and neither has any message, such as a refusal, but the one
    warning that each has where the kernel checks no token.
    """
    testpmd = start('vf', vfs, f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 2, testpmd.log
    expected = [] if checked else ['cdev_unchecked']
    assert messages(testpmd.log) == messages(pf_testpmd.log) == expected


def test_plain_uuid(pf_testpmd, start, vfs):
    """--vfio-vf-token=UUID must mean what it means upstream: this token, for all devices.

    Steps: Start the PF's testpmd with the token from a file, one on a VF with the bare UUID.
    Verify: The VF opens.
    """
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={TOKEN.upper()}')
    assert testpmd.ports == 1, testpmd.log


@pytest.mark.vm
@pytest.mark.parametrize('level', [1, 2])
def test_memory_files_without_code(pf_testpmd, start, lab, vfs, level):
    """Where memory files can't be executed, the file that keeps a literal must be made, too.

    Steps: Set vm.memfd_noexec; start the PF's testpmd, and one on a VF with a literal.
    Verify: The VF opens.
    """
    parameter = '/proc/sys/vm/memfd_noexec'
    if lab.run(f'[ -e {parameter} ]').status:
        pytest.skip('this kernel has no vm.memfd_noexec')
    lab.check(f'echo {level} >{parameter}')
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={TOKEN}')
    lab.check(f'echo 0 >{parameter}')
    assert testpmd.ports == 1, testpmd.log


@pytest.mark.parametrize('source, env, redirect', [
    ('env:VF_TOKEN', {'VF_TOKEN': TOKEN}, ''),
    ('fd:7', {}, f'7<{TOKEN_FILE}'),
    ('fd:7', {}, f'7<<END\n {TOKEN}\nEND'),
], ids=['env', 'fd of a file', 'fd of a pipe'])
def test_other_sources(pf_testpmd, start, vfs, source, env, redirect):
    """Both VFs must open with a token from the environment or from a descriptor read once.

    Steps: Start the PF's testpmd; start one on both VFs with the source as the default rule.
    Verify: It drives two ports.
    """
    testpmd = start('vf', vfs, f'--vfio-vf-token={source}', env=env, redirect=redirect)
    assert testpmd.ports == 2, testpmd.log
