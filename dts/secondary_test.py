# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A secondary process opens its primary's VFs without a token of its own."""
import pytest

from framework.common import TOKEN, TOKEN_FILE, WRONG_TOKEN
from framework.messages import said_only


@pytest.fixture
def proc_info(lab):
    """Runs dpdk-proc-info as the secondary process of a testpmd, and gives all that it says."""
    def run(prefix, device, *eal):
        return lab.run(f'dpdk-proc-info --file-prefix={prefix} -a {device} --log-level=*:8 '
                       f'{" ".join(eal)} -- --stats 2>&1', timeout=90)
    return run


@pytest.mark.parametrize('source, env, redirect', [
    (f'file:{TOKEN_FILE}', {}, ''),
    ('env:VF_TOKEN', {'VF_TOKEN': TOKEN}, ''),
    ('fd:7', {}, f'7<{TOKEN_FILE}'),
    (TOKEN, {}, ''),
], ids=['file', 'env', 'fd', 'literal'])
def test_asks_its_primary(pf_testpmd, start, lab, vfs, proc_info, source, env, redirect):
    """A secondary process must open a VF with its primary's token, whatever that one's source.

    Steps: Start the PF's testpmd; start one on a VF with a source of its token; run dpdk-proc-info
    as its secondary process without a token, with all logs.
    Verify: It shows the VF's port; neither it nor its arguments shows the token.
    """
    vf_testpmd = start('vf', vfs[:1], f'--vfio-vf-token={source}', env=env, redirect=redirect)
    assert vf_testpmd.ports == 1, vf_testpmd.log
    done = proc_info('vf', vfs[0])
    assert done.status == 0, done.output
    assert 'NIC statistics for port 0' in done.output, done.output
    assert TOKEN not in done.output
    assert vf_testpmd.ports == 1


@pytest.mark.group
def test_primary_cannot_give_it(pf_testpmd, start, lab, pf, vfs, proc_info):
    """A secondary process must say why it has no token when its primary can't read it any more.

    Steps: Start the PF's testpmd, and one on a VF with the token from a file; remove the file; run
    dpdk-proc-info as its secondary process.
    Verify: Both say why, and the VF's testpmd goes on.
    """
    lab.check(f'cp -p {TOKEN_FILE} /run/removed')
    vf_testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}=file:/run/removed')
    lab.check('rm /run/removed')
    done = proc_info('vf', vfs[0])
    assert done.status != 0
    why = 'No such file or directory'
    said_only(done.output, ('provider_failed', vfs[0], why))
    said_only(vf_testpmd.command('show port summary all'),
              ('source_unopened', vfs[0], 'file:/run/removed', why))


@pytest.mark.group
def test_own_rule_comes_first(pf_testpmd, start, pf, vfs, proc_info):
    """A secondary process that was given a token must use that one.

    Steps: Start the PF's testpmd, and one on a VF with the token; run dpdk-proc-info as its
    secondary process with a wrong one, then with the right one.
    Verify: The wrong one is refused, the right one taken.
    """
    start('vf', vfs[:1], f'--vfio-vf-token=file:{TOKEN_FILE}')
    refused = proc_info('vf', vfs[0], f'--vfio-vf-token={WRONG_TOKEN}')
    said_only(refused.output, ('vf_wrong_token', vfs[0], '11…', pf, pf))
    assert proc_info('vf', vfs[0], f'--vfio-vf-token=file:{TOKEN_FILE}').status == 0
