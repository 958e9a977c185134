# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A malformed --vfio-vf-token ends EAL's start with one message."""
import subprocess
import time

import pytest

from framework.build import program
from framework.common import TOKEN, WRONG_TOKEN
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


@pytest.mark.parametrize('words', [
    [f'--vfio-vf-tokn={TOKEN}'], ['--vfio-vf-tokn', TOKEN], [f'--vfio_vf_token={TOKEN}'],
    [f'--vfio-vf-tokens=0000:01:00.0={TOKEN}'], [f'--vfio={TOKEN}'], [f'-vfio-vf-token={TOKEN}'],
    [f'--vfio-num-vfs={TOKEN}'], ['--', f'--vfio-vf-token={TOKEN}'],
    ['--', '--vfio-vf-token', TOKEN],
], ids=' '.join)
def test_mistyped_option(build, words):
    """A token must not be printed where the option is mistyped, or is given to the application.

    Steps: Start testpmd with a token behind such an option.
    Verify: It fails, and prints no token.
    """
    argv = [program(build, 'dpdk-testpmd'), '--no-pci', '--no-huge', '-m', '64', '--no-shconf']
    done = subprocess.run([*argv, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert TOKEN not in done.stdout and TOKEN[:8] not in done.stdout


@pytest.mark.parametrize('words', [[f'--vfio-vf-token={TOKEN}'], ['--vfio-vf-token', TOKEN]],
                         ids=' '.join)
def test_right_option(build, words):
    """A right option must be taken as it was before, and its token be gone from the arguments.

    Steps: Start a testpmd with it.
    Verify: It starts; /proc/PID/cmdline has stars in the token's place, and else what was given.
    """
    argv = [str(program(build, 'dpdk-testpmd')), '-l', '0,1', '--no-pci', '--no-huge', '-m', '64',
            '--no-shconf', '--no-telemetry', *words, '--', '-i', '--total-num-mbufs=2048']
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        shown = ''
        deadline = time.monotonic() + 60
        while 'testpmd> ' not in shown and process.poll() is None and time.monotonic() < deadline:
            shown += process.stdout.read(1)
        with open(f'/proc/{process.pid}/cmdline', encoding='utf-8') as cmdline:
            now = cmdline.read().split('\0')[:-1]
        process.communicate('quit\n', timeout=60)
    assert TOKEN not in shown
    assert sorted(now) == sorted(word.replace(TOKEN, '*' * len(TOKEN)) for word in argv)


def test_doubled_rule(build):
    """A second token for one device must be refused, however the device is written.

    Steps: Start testpmd with a rule for 0000:01:00.0 and one for 01:00.0, with different tokens.
    Verify: It fails and names the device.
    """
    done = start(build, f'0000:01:00.0={TOKEN}', f'01:00.0={WRONG_TOKEN}')
    assert done.returncode != 0
    said_only(done.stdout, ('rule_twice', '0000:01:00.0'))


def test_help(build):
    """EAL's help must show the option with its sources.

    Steps: Ask testpmd for help.
    Verify: The option's form and each source are there.
    """
    text = subprocess.run([program(build, 'dpdk-testpmd'), '--help'], stdout=subprocess.PIPE,
                          text=True, timeout=60, check=False).stdout
    assert '--vfio-vf-token=[BDF=]SOURCE' in text
    assert 'SOURCE is a UUID, file:PATH, env:NAME or fd:N.' in text
