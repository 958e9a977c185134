# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Starts that fail, by a kill or for want of something: nothing hinders the next one."""
import itertools
import re
import time

import pytest

from framework.common import TOKEN_FILE, WRONG_TOKEN
from framework.messages import messages, said
from framework.testpmd import PROMPT, SHOW_PROBES

pytestmark = [pytest.mark.vm, pytest.mark.long]

STEPS = 15  # in the time of a start and its end
MOST_STEPS = 60
FEWEST_STEPS = 3
WRONG_FILE = '/run/wrong-token'
LOG = '/run/start.log'

# A small testpmd that starts quickly; it ends with its standard input, interactive or not.
TESTPMD = ('dpdk-testpmd -l 0,1 -m 32 --file-prefix={prefix} -a {device} '
           '--vfio-vf-token={pf}=file:' + TOKEN_FILE + ' ' + SHOW_PROBES + ' {eal} -- --nb-cores=1 '
           '--total-num-mbufs=2048 --disable-device-start --no-lsc-interrupt')
PROC_INFO = 'dpdk-proc-info --file-prefix={prefix} -a {device} -- --stats'

# Its input must not end, and it must be gone before anything is looked at.
KILL = '''
[ -p /run/no-input ] || mkfifo /run/no-input
exec 9<>/run/no-input
{command} <&9 >{log} 2>&1 &
pid=$!
sleep {delay}
kill -KILL $pid 2>/dev/null || echo ended >>{log}
wait $pid 2>/dev/null
[ ! -e /proc/$pid ]
'''


@pytest.fixture
def sriov(lab, pf):
    """Where the PF's VFs are enabled; a test ends with two again, as it began."""
    path = f'/sys/bus/pci/devices/{pf}/sriov_numvfs'
    yield path
    lab.check(f'[ "$(cat {path})" = 2 ] || {{ echo 0 >{path}; echo 2 >{path}; }}')


@pytest.fixture
def primary(lab, start, pf, vfs):
    """A testpmd on a VF; no process has the PF."""
    lab.check(f'dpdk-vftoken set {pf} file:{TOKEN_FILE}')
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token=file:{TOKEN_FILE}', memory=32,
                    app=['--disable-link-check', '--total-num-mbufs=2048'])
    assert testpmd.ports == 1, testpmd.log
    return testpmd


def kill(lab, command, delay):
    """Start a command and kill it after so many seconds; what it wrote until then."""
    lab.check(KILL.format(command=command, delay=f'{delay:.3f}', log=LOG), timeout=60)
    return lab.check(f'cat {LOG}')


def delays(whole):
    """Ever longer delays, for a loop that ends when what it kills had started or ended before. The
    time that a start and its end take in whole gives the step."""
    return (whole / STEPS * number for number in range(MOST_STEPS))


def files(lab, prefix):
    """What is there for the processes of a prefix: run-time files and huge pages."""
    return set(lab.check(f'find /run/dpdk/{prefix} /dev/hugepages/{prefix}map_*').split())


def works(lab, command):
    """The seconds in which a testpmd drives its port and ends, as it must."""
    begin = time.monotonic()
    done = lab.run(f'{command} </dev/null 2>&1', timeout=90)
    assert (done.status, 'Port 0 is closed' in done.output) == (0, True), done.output
    return time.monotonic() - begin


def shows(lab, device):
    """The seconds in which a secondary process reads its primary's device, as it must."""
    begin = time.monotonic()
    done = lab.run(f'{PROC_INFO.format(prefix="vf", device=device)} 2>&1', timeout=60)
    assert (done.status, 'NIC statistics for port 0' in done.output) == (0, True), done.output
    return time.monotonic() - begin


def numvfs(lab, sriov):
    """How many VFs there are."""
    return int(lab.check(f'cat {sriov}'))


def test_pf(lab, sriov, pf):
    """A PF's process that was to enable VFs may be killed at any step: there are as many VFs as it
    was asked for or none, and the same start works.

    Steps: Without VFs, start a testpmd on the PF with two; kill it after 0 s; start it again and
    let it end. Again with ever longer delays, until it was killed when it had started.
    Verify: None or two VFs after each kill, not always the same; each time the second start drives
    the PF, has two VFs and leaves the files that it leaves without a kill before, no others.
    """
    command = TESTPMD.format(prefix='killed', device=pf, pf=pf, eal='--vfio-num-vfs=2')
    whole = works(lab, command)
    usual = files(lab, 'killed')
    seen = []
    for delay in delays(whole):
        lab.check(f'echo 0 >{sriov}')
        log = kill(lab, f'{command} -i', delay)
        seen.append(numvfs(lab, sriov))
        works(lab, command)
        assert (numvfs(lab, sriov), files(lab, 'killed')) == (2, usual), delay
        if PROMPT in log:
            break
    assert len(seen) >= FEWEST_STEPS and set(seen) == {0, 2} and seen[-1] == 2, seen


def test_pf_with_its_vfs(lab, sriov, pf):
    """VFs that a process enabled with its last breath must be under its token already.

    Steps: Without VFs, set another token; start a testpmd on the PF with two VFs, and kill it as
    soon as sysfs shows them.
    Verify: The process's token opens them, the other one doesn't; the next start works.
    """
    lab.write(WRONG_FILE, WRONG_TOKEN, mode=0o600)
    lab.check(f'echo 0 >{sriov}; dpdk-vftoken set {pf} file:{WRONG_FILE}')
    command = TESTPMD.format(prefix='killed', device=pf, pf=pf, eal='--vfio-num-vfs=2')
    lab.check(f'{command} -i >{LOG} 2>&1 & pid=$!; until [ "$(cat {sriov})" = 2 ]; do :; done; '
              'kill -KILL $pid; wait $pid; [ ! -e /proc/$pid ]', timeout=60)
    for vf in lab.vfs(pf):
        assert lab.run(f'dpdk-vftoken check {vf} file:{TOKEN_FILE}').status == 0
        assert lab.run(f'dpdk-vftoken check {vf} file:{WRONG_FILE}').status == 1
    works(lab, command)


def test_vf(lab, sriov, pf, vfs):
    """A VF's process may be killed at any step of its start: the next one gets the VF.

    Steps: Set the PF's token; start a testpmd on a VF; kill it after 0 s; start it again and let it
    end. Again with ever longer delays, until it was killed when it had started.
    Verify: Each second start drives the VF and leaves no more files than without a kill before; the
    VFs are the same.
    """
    lab.check(f'dpdk-vftoken set {pf} file:{TOKEN_FILE}')
    command = TESTPMD.format(prefix='killed', device=vfs[0], pf=pf, eal='')
    whole = works(lab, command)
    usual = files(lab, 'killed')
    for steps, delay in enumerate(delays(whole), 1):
        log = kill(lab, f'{command} -i', delay)
        works(lab, command)
        assert (lab.vfs(pf), files(lab, 'killed')) == (vfs, usual), delay
        if PROMPT in log:
            break
    assert steps >= FEWEST_STEPS and PROMPT in log, log


def test_secondary(lab, primary, pf, vfs):
    """A secondary process may be killed at any step of its start: its primary lives on, and a next
    primary hands the token over to a next secondary.

    Steps: Start a testpmd on a VF; start dpdk-proc-info as its secondary process; kill it after
    0 s; kill the primary and start both again, as the dead one may have held a lock in DPDK's
    shared memory. Again with ever longer delays, until the secondary had ended by itself.
    Verify: The primary has the VF after the kill; each second start shows the VF's port; nothing is
    left of the dead but their sockets, and not these either once a primary has ended in order.
    """
    usual = files(lab, 'vf')
    command = PROC_INFO.format(prefix='vf', device=vfs[0])
    for steps, delay in enumerate(delays(2 * shows(lab, vfs[0])), 1):
        log = kill(lab, command, delay)
        assert primary.ports == 1
        primary.kill()
        primary.start()
        assert primary.ports == 1, primary.log
        shows(lab, vfs[0])
        if log.endswith('ended'):
            break
    assert steps >= FEWEST_STEPS and log.endswith('ended'), log
    assert lab.vfs(pf) == vfs
    primary.console.sendline('quit')
    primary.console.expect_exact(primary.console.prompt)
    assert files(lab, 'vf') <= usual


def test_primary_of_a_secondary(lab, primary, pf, vfs):
    """A primary process may be killed at any step of its secondary's start: the secondary ends too,
    and the next primary and secondary start.

    Steps: Start a testpmd on a VF, and dpdk-proc-info as its secondary process; kill the primary
    after 0 s; start both again. Again with ever longer delays, until the secondary had
    ended by itself.
    Verify: The secondary ends soon, with or without success; the primary drives the VF again, and a
    secondary shows it; no file is left that wasn't there before.
    """
    usual = files(lab, 'vf')
    command = PROC_INFO.format(prefix='vf', device=vfs[0])
    # Each step starts a primary again, so there are fewer.
    for steps, delay in enumerate(delays(3 * shows(lab, vfs[0])), 1):
        ended = lab.check(f'timeout -s KILL 30 {command} >{LOG} 2>&1 & pid=$!; sleep {delay:.3f}; '
                          f'[ -e /proc/$pid ] && before=no || before=yes; '
                          f'kill -KILL {primary.pid()}; wait $pid; echo $? $before', timeout=60)
        status, before = ended.split()
        assert status != '137', lab.check(f'cat {LOG}')
        primary.console.expect_exact(primary.console.prompt)
        primary.start()
        assert primary.ports == 1, primary.log
        shows(lab, vfs[0])
        assert files(lab, 'vf') == usual
        if before == 'yes':
            break
    assert steps >= FEWEST_STEPS and (status, before) == ('0', 'yes')
    assert lab.vfs(pf) == vfs


@pytest.fixture
def without_vfs(lab, sriov, pf):
    """The command of a testpmd that is to enable VFs, where there are none."""
    lab.check(f'echo 0 >{sriov}')
    return TESTPMD.format(prefix='failed', device=pf, pf=pf,
                          eal='--single-file-segments --vfio-num-vfs=2 --log-level=bus.pci:info')


@pytest.fixture
def pages(lab):
    """Sets the number of huge pages, or without one sets it back, as the test's end does."""
    path = '/proc/sys/vm/nr_hugepages'
    before = lab.check(f'cat {path}')

    def give(number=before):
        # Those of processes that ended count as used.
        lab.check(f'rm -f /dev/hugepages/*map_*; echo {number} >{path}; '
                  f'[ $(cat {path}) = {number} ]')

    yield give
    give()


@pytest.mark.parametrize('number, why', [(0, 'Cannot get hugepage information'),
                                         (4, 'Not enough memory available')])
def test_no_huge_pages(lab, sriov, without_vfs, pages, number, why):
    """A start without the huge pages that it needs must enable no VFs.

    Steps: Without VFs, take all huge pages away, or all but 8 MB; start a testpmd on the PF with
    two VFs; give the huge pages back and start it again.
    Verify: The first start fails and says why, and there are no VFs; the second works.
    """
    pages(number)
    done = lab.run(f'{without_vfs} </dev/null 2>&1', timeout=60)
    assert done.status != 0 and why in done.output, done.output
    assert numvfs(lab, sriov) == 0
    pages()
    works(lab, without_vfs)
    assert numvfs(lab, sriov) == 2


def test_too_few_descriptors(lab, sriov, without_vfs):
    """With too few file descriptors a start must fail at any step with that reason, and enable VFs
    only after all that could fail before the PF's driver takes over.

    Steps: Without VFs, start a testpmd on the PF with two VFs and 12 file descriptors at most; one
    more each time, until it works. Start it without a limit.
    Verify: Before, each start says "Too many open files", or where DPDK panics what it wanted to
    open; there are VFs only where it says so and the driver was probed; the last start works.
    """
    for limit in itertools.count(12):
        assert limit < 100
        lab.check(f'echo 0 >{sriov}')
        done = lab.run(f'(ulimit -n {limit}; {without_vfs} </dev/null) 2>&1', timeout=60)
        probed = 'vfs_enabled' in messages(done.output) and 'Probe PCI driver' in done.output
        assert numvfs(lab, sriov) == (2 if probed else 0), done.output
        if done.status == 0 and 'Port 0 is closed' in done.output:
            break
        # At its very end DPDK opens a thing or two more.
        assert re.search('Too many open files|PANIC|libgcc_s.so.1', done.output), done.output
    assert probed
    works(lab, without_vfs)


@pytest.mark.parametrize('error, why', [
    ('EROFS', 'Read-only file system'), ('EIO', 'Input/output error'),
    ('ENOMEM', 'Cannot allocate memory'), ('EBUSY', 'Device or resource busy')])
def test_write_fails(lab, sriov, without_vfs, pf, error, why):
    """Where sriov_numvfs can't be written, the PF must be refused with the reason and the next
    start work.

    Steps: Without VFs, start a testpmd on the PF with two VFs, while sriov_numvfs is mounted
    read-only or strace has the write to it fail; then start it again.
    Verify: The first has no port and says why, and there are no VFs; the second works.
    """
    if error == 'EROFS':
        before = f'mount --bind {sriov} {sriov}; mount -o remount,bind,ro {sriov} {sriov};'
        after = f'; umount {sriov}'
    else:
        before = f'strace -f -o /run/trace -P {sriov} -e inject=write:error={error}'
        after = ''
    done = lab.run(f'{before} {without_vfs} </dev/null 2>&1{after}', timeout=90)
    if error == 'EROFS':
        said(done.output, 'vfs_not_writable', pf, why)
    else:
        said(done.output, 'vfs_not_enabled', pf, 2, why)
    assert 'No probed ethernet devices' in done.output
    assert numvfs(lab, sriov) == 0
    works(lab, without_vfs)
    assert numvfs(lab, sriov) == 2
