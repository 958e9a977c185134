# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-test-vftoken --race: processes that open devices while VFs and drivers come and go."""
from __future__ import annotations

import os
import re

import pytest

from conformance_test import STATE, cases
from framework.build import guest_programs
from lab.vm import Lab
from random_ioctls_test import REPORTS

pytestmark = [pytest.mark.vm, pytest.mark.long]

ROUNDS = int(os.environ.get('RACE_ROUNDS', '20'))
SECONDS_PER_ROUND = 10  # at most, with a debug kernel on a busy machine
MARK = 'the race begins'
MORE_REPORTS = r'\bleaks?\b|possible circular|blocked for more than'


@pytest.fixture(scope='module')
def machine(build):
    """A machine of its own with two PFs, as their drivers come and go."""
    with Lab(build, pfs=2, timeout=600 + 2 * ROUNDS * SECONDS_PER_ROUND,
             files=guest_programs(build, 'dpdk-test-vftoken')) as lab:
        yield lab


@pytest.fixture
def unchanged(machine):
    """Fails the test if the machine isn't as before."""
    state = STATE.format(devices=' '.join(machine.pfs))
    before = machine.check(state)
    yield
    assert machine.check(state) == before


def counts(output):
    """What each operation was answered, and how often."""
    found = re.findall(r'^# ([a-zA-Z ]+): (\d+ \w+(?:, \d+ \w+)*)$', output, re.MULTILINE)
    return {name: {answer: int(count) for count, answer in
                   (one.split() for one in answers.split(', '))} for name, answers in found}


def test_rounds(machine, unchanged):
    """However opens and removals meet, no VF must open without the token, nothing must get stuck,
    no user stay counted, and the kernel must have nothing to report.

    Steps: Race for two PFs with two VFs each. RACE_ROUNDS is the number of rounds.
    Verify: All answers are ones that the rules allow; each operation has succeeded, and opens were
        refused too; the kernel's log has no report; the machine is as before.
    """
    machine.check(f'echo {MARK} >/dev/kmsg')
    done = machine.run(f'dpdk-test-vftoken --pf {machine.pfs[0]} --pf2 {machine.pfs[1]} '
                       f'--race {ROUNDS}', timeout=60 + 2 * ROUNDS * SECONDS_PER_ROUND)
    print(done.output)
    assert done.status == 0 and cases(done.output)['group/race/rounds'] == 'ok', done.output
    assert f'\n# seed 1: {ROUNDS} rounds in ' in done.output
    answers = counts(done.output)
    for name in ('disabling VFs', 'unbinding the PF', 'binding the PF',
                 'setting the token', 'closing the PF', 'closing a VF'):
        assert list(answers[name]) == ['success'], done.output
    assert sum(answers['enabling VFs'].values()) >= ROUNDS
    for device in ('the PF', 'a VF'):
        opened = answers[f'opening {device}']
        assert opened['success'] == answers[f'closing {device}']['success'] >= ROUNDS // 5
        assert len(opened) > 1, done.output
    # In a long race dmesg forgets its beginning.
    log = (machine.logs / 'serial.log').read_text('utf-8', 'replace').split(MARK)[-1]
    assert 'Adding to iommu group' in log
    assert re.findall(rf'.*(?:{REPORTS}|{MORE_REPORTS}).*', log) == []


def test_stopped(machine, unchanged):
    """SIGTERM must end a race, and the machine must be as before.

    Steps: Start a race, and send the signal in one of its first rounds.
    Verify: Its status is the signal's; no process is left.
    """
    done = machine.run(f'''
        dpdk-test-vftoken --pf {machine.pfs[0]} --race 1000 >/tmp/out & pid=$!
        sleep 5; kill -TERM $pid; wait $pid''', timeout=60)
    output = machine.check('cat /tmp/out')
    assert done.status == 143, output
    assert 'Bail out! stopped by SIGTERM' in output
    assert not machine.run('pidof dpdk-test-vftoken').output
