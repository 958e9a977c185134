# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A malformed --vfio-vf-token ends EAL's start with one message."""
import subprocess

import pytest

from framework.build import program
from framework.common import TOKEN
from framework.messages import said_only

pytestmark = pytest.mark.fast

# A rule for no device is one for this.
ALL = 'all devices'
BAD = {
    '': ('source_missing', ALL),
    '0000:01:00.0=': ('source_missing', '0000:01:00.0'),
    '0000:01:00.0': ('rule_no_source', '0000:01:00.0'),
    TOKEN[:-1]: ('uuid_length', ALL, '3e…', 35, 36),
    f'{{{TOKEN}}}': ('uuid_braces', ALL, '{3…'),
    f'0000:01:20.0={TOKEN}': ('rule_bdf_range', '0000:01:20.0'),
    'vault:x': ('source_scheme', ALL, 'vault'),
}


def start(build, *rules):
    """What testpmd says to rules, on the machine that runs the tests, without any device."""
    argv = [program(build, 'dpdk-testpmd'), '--no-pci', '--no-huge', '-m', '64', '--in-memory']
    argv += [f'--vfio-vf-token={rule}' for rule in rules]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


@pytest.mark.parametrize('rule, message', BAD.items(), ids=[rule or 'empty' for rule in BAD])
def test_one_bad_rule(build, rule, message):
    """A bad rule must end the start with its reason, not with pages of usage.

    Steps: Start testpmd with the rule.
    Verify: It fails, and says the reason once, in a few lines.
    """
    done = start(build, rule)
    assert done.returncode != 0
    said_only(done.stdout, message)
    assert len(done.stdout.splitlines()) < 12
    assert TOKEN not in done.stdout


def test_doubled_rule(build):
    """A second rule for one device, written differently, must be refused.

    Steps: Start testpmd with a rule for 0000:01:00.0 and one for 01:00.0.
    Verify: It fails and names the device.
    """
    done = start(build, f'0000:01:00.0={TOKEN}', f'01:00.0={TOKEN}')
    assert done.returncode != 0
    said_only(done.stdout, ('rule_twice', '01:00.0'))


def test_help(build):
    """EAL's help must show the option with its sources.

    Steps: Ask testpmd for help.
    Verify: The option's form and each source are there.
    """
    text = subprocess.run([program(build, 'dpdk-testpmd'), '--help'], stdout=subprocess.PIPE,
                          text=True, timeout=60, check=False).stdout
    assert '--vfio-vf-token=[BDF=]SOURCE' in text
    assert 'SOURCE is a UUID, file:PATH, env:NAME or fd:N.' in text
