# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A PF's process dies while VFs pass traffic: their process lives on, and nothing leaks."""
import re
import time

import pytest

from framework.common import TOKEN_FILE, WRONG_TOKEN
from framework.messages import said_only

pytestmark = [pytest.mark.long, pytest.mark.token_check]

ROUNDS = 50
TRAFFIC_EVERY = 5
REFUSED_EVERY = 10
PACKETS = 10000
PROMPT = 5  # seconds
# With caches dropped, slab memory grows by 8 to 17 kB a round, 10 kB where testpmd has no device at
# all (vmap_area, which the kernel frees lazily); the memory available varies by 9 MB in any ten.
MORE_SLAB = 25 * ROUNDS  # kB
LESS_AVAILABLE = 40000  # kB; it wanders by up to 31 MB without a trend
# A small PF process, that doesn't wait for links: most of the test's time is its start.
SMALL = {'memory': 32, 'app': ['--disable-link-check', '--total-num-mbufs=2048']}
BAD = r'\b(?:BUG|WARNING|Oops|Call Trace|refcount_t|DMAR:.*fault|blocked for more than|leak)\b'
MARK = 'fifty restarts'


@pytest.fixture
def rule(pf):
    """The PF's token, for it and its VFs."""
    return f'--vfio-vf-token={pf}=file:{TOKEN_FILE}'


@pytest.fixture
def pf_process(start, pf, rule):
    """The PF's testpmd, a small one."""
    testpmd = start('pf', [pf], rule, **SMALL)
    assert testpmd.ports == 1, testpmd.log
    return testpmd


@pytest.fixture
def users(pf_process, start, vfs, rule):
    """A testpmd with both VFs."""
    testpmd = start('vf', vfs, rule, app=['--disable-link-check'])
    assert testpmd.ports == 2, testpmd.log
    return testpmd


def lives(testpmd):
    """Whether a VFs' process has its ports and says so promptly."""
    begin = time.monotonic()
    return testpmd.ports == 2 and time.monotonic() - begin < PROMPT


def flow(testpmd):
    """Start traffic between its ports and leave it running; whether packets arrive on both."""
    for port in (0, 1):
        testpmd.command(f'set eth-peer {port} {testpmd.mac(1 - port)}')
    testpmd.command('set fwd mac')
    testpmd.command('start tx_first')
    return flows(testpmd)


def flows(testpmd, timeout=20):
    """Whether packets arrive on both ports, counted from now."""
    testpmd.command('clear fwd stats all')
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        # A count that the device's reset made go backwards isn't one.
        if PACKETS <= testpmd.forwarded() < 1 << 31:
            return True
        time.sleep(0.1)
    return False


def reopen(testpmd, vfs):
    """Close the VFs of a process and open them again."""
    testpmd.command('stop')
    testpmd.command('port stop all')
    testpmd.command('port close all')
    for device in vfs:
        testpmd.command(f'device detach {device}')
    for device in vfs:
        assert 'is attached' in testpmd.command(f'port attach {device}')
    testpmd.command('port start all')


def held(lab, testpmd, pf):
    """What a leak would change: the VFs' process's descriptors, VFs, huge pages, kernel memory."""
    # Twice, as what the first frees makes more to free.
    text = lab.check('for i in 1 2; do sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.5; done; '
                     'cat /proc/meminfo')
    memory = dict(re.findall(r'^(\w+): +(\d+)', text, re.MULTILINE))
    exact = {'fds': lab.check(f'ls /proc/{testpmd.pid()}/fd | wc -l'),
             'vfs': lab.vfs(pf), 'huge pages': memory['HugePages_Free']}
    return exact, int(memory['Slab']), int(memory['MemAvailable'])


def refused(start, pf):
    """Let a process without and one with a wrong token try to take the PF over."""
    for eal, message in (([], ('pf_needs_token', pf, 2, pf)),
                         ([f'--vfio-vf-token={WRONG_TOKEN}'], ('pf_wrong_token', pf, 2, '11…'))):
        thief = start('thief', [pf], *eal, **SMALL)
        assert thief.ports == 0
        said_only(thief.log, message)
        thief.close()


def test_traffic_after_take_over(pf_process, users, vfs):
    """VFs must pass traffic again when the PF was taken over and they were opened again: the
    kernel resets a PF when its process ends, and with it goes what the VFs' users had set up in
    their devices, down to memory access and bus mastering.

    Steps: Kill the PF's process while its VFs exchange packets; take the PF over; detach the VFs
    and attach them again, in the same process.
    Verify: Their process answers all the time; packets stop with the PF's process, don't resume
    with the next one's start, and do when the VFs were opened again.
    """
    assert flow(users)
    pf_process.kill()
    assert lives(users)
    assert not flows(users, timeout=2)
    pf_process.start()
    assert pf_process.ports == 1, pf_process.log
    assert lives(users)
    assert not flows(users, timeout=2)
    reopen(users, vfs)
    assert flow(users)


def test_fifty_restarts(lab, pf_process, users, start, pf, vfs):
    """A PF's process may die and be replaced any number of times: only one with the current token
    takes its place, the VFs' process lives on, and nothing leaks.

    Steps: 50 times: kill the PF's process, take the PF over with the token. The VFs, which the
    kernel's reset of the PF silences, are opened again and pass traffic at the first and each fifth
    kill, else they are just open, as all takes too long. At each tenth a process without a token
    and one with a wrong one try first.
    Verify: Both are refused, the one with the token drives the PF; the VFs' process answers
    promptly with two ports, at each round. At the end it has as many descriptors as at the start,
    there are as many VFs and free huge pages, kernel memory grew by little more than where no
    device is used, and the kernel has nothing to complain of.
    """
    # Once, as the first time leaves what stays.
    pf_process.kill()
    pf_process.start()
    reopen(users, vfs)
    lab.check(f'echo {MARK} >/dev/kmsg')
    before, slab, available = held(lab, users, pf)
    for number in range(ROUNDS):
        traffic = number % TRAFFIC_EVERY == 0
        if traffic:
            reopen(users, vfs)
            assert flow(users), number
        pf_process.kill()
        assert lives(users), number
        if traffic:
            users.command('stop')
        if number % REFUSED_EVERY == 0:
            refused(start, pf)
        pf_process.start()
        assert pf_process.ports == 1, pf_process.log
        assert lives(users), number
    reopen(users, vfs)
    assert flow(users)
    users.command('stop')
    after, more_slab, less_available = held(lab, users, pf)
    assert after == before
    assert more_slab - slab < MORE_SLAB
    assert available - less_available < LESS_AVAILABLE
    assert re.findall(f'.*{BAD}.*', lab.dmesg().split(MARK)[-1]) == []
