# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A malformed --vfio-vf-token ends EAL's start with one sentence."""
import subprocess

import pytest

from framework.build import program
from framework.common import TOKEN

pytestmark = pytest.mark.fast

BAD = {
    '': "the token's source is empty; use a UUID, file:PATH, env:NAME or fd:N",
    '0000:01:00.0=': "0000:01:00.0: the token's source is empty; use a UUID, file:PATH, env:NAME "
                     'or fd:N',
    '0000:01:00.0': '0000:01:00.0 names a device but no token; add =SOURCE',
    TOKEN[:-1]: '3e… has 35 characters; a UUID has 36',
    f'{{{TOKEN}}}': '{3… has braces; write the UUID without them',
    f'0000:01:20.0={TOKEN}': '0000:01:20.0 is out of range; a BDF goes up to ffffffff:ff:1f.7',
    'vault:x': 'vault: is an unknown source scheme; use a UUID, file:PATH, env:NAME or fd:N',
}


def start(build, *rules):
    """What testpmd says to rules, on the machine that runs the tests, without any device."""
    argv = [program(build, 'dpdk-testpmd'), '--no-pci', '--no-huge', '-m', '64', '--in-memory']
    argv += [f'--vfio-vf-token={rule}' for rule in rules]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


def refusals(done):
    """The sentences of refusal in testpmd's output."""
    prefix = 'EAL: VF token rule refused: '
    return [line.removeprefix(prefix) for line in done.stdout.splitlines()
            if line.startswith(prefix)]


@pytest.mark.parametrize('rule, reason', BAD.items(), ids=[rule or 'empty' for rule in BAD])
def test_one_bad_rule(build, rule, reason):
    """A bad rule must end the start with its reason, not with pages of usage.

    Steps: Start testpmd with the rule.
    Verify: It fails, and says the reason once, in a few lines.
    """
    done = start(build, rule)
    assert done.returncode != 0
    assert refusals(done) == [reason]
    assert len(done.stdout.splitlines()) < 12
    assert TOKEN not in done.stdout


def test_doubled_rule(build):
    """A second rule for one device, written differently, must be refused.

    Steps: Start testpmd with a rule for 0000:01:00.0 and one for 01:00.0.
    Verify: It fails and names the device.
    """
    done = start(build, f'0000:01:00.0={TOKEN}', f'01:00.0={TOKEN}')
    assert done.returncode != 0
    assert refusals(done) == ['there is a rule for 01:00.0 already; keep one of the two']


def test_help(build):
    """EAL's help must show the option with its sources.

    Steps: Ask testpmd for help.
    Verify: The option's form and each source are there.
    """
    text = subprocess.run([program(build, 'dpdk-testpmd'), '--help'], stdout=subprocess.PIPE,
                          text=True, timeout=60, check=False).stdout
    assert '--vfio-vf-token=[BDF=]SOURCE' in text
    assert 'SOURCE is a UUID, file:PATH, env:NAME or fd:N.' in text
