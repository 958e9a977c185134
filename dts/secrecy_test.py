# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A token is seen by nobody who isn't told it."""
import pytest

from conftest import TOKEN, TOKEN_FILE

# Looks for the token, whose hex digits are its argument, as bytes and as text in any case.
SEARCH = '''
import re, sys, uuid
token = uuid.UUID(sys.argv[1])
data = open(sys.argv[2], 'rb').read()
print(data.count(token.bytes) + len(re.findall(str(token).encode(), data, re.IGNORECASE)))
'''


@pytest.fixture
def core(lab):
    """Makes a core dump of a testpmd, which ends it, and tells how often a text is in it."""
    lab.write('/tmp/search.py', SEARCH)
    lab.check('echo 0 >/proc/sys/kernel/core_uses_pid; echo /tmp/core >/proc/sys/kernel/core_pattern')

    def count(testpmd, token):
        pid = testpmd.pid()
        lab.check(f'python3 -c "import resource; resource.prlimit({pid}, resource.RLIMIT_CORE, '
                  f'(-1, -1))" && kill -SEGV {pid}')
        testpmd.console.expect_exact(testpmd.console.prompt, timeout=60)
        return int(lab.check(f'python3 /tmp/search.py {token} /tmp/core; rm /tmp/core', timeout=60))

    return count


def test_literal_is_hidden(pf_testpmd, start, lab, vfs):
    """A literal token must be gone from argv and from telemetry once EAL has parsed it.

    Steps: Start the PF's testpmd; start one on a VF with the UUID in its arguments and all logs.
    Verify: Neither /proc/PID/cmdline, nor /eal/params, nor the log has it; the stars are there.
    """
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={TOKEN}', '--log-level=*:8')
    assert testpmd.ports == 1, testpmd.log
    shown = lab.check(f"tr '\\0' ' ' </proc/{testpmd.pid()}/cmdline")
    params = lab.check('echo /eal/params | dpdk-telemetry.py -f vf')
    stars = '--vfio-vf-token=' + '*' * len(TOKEN)
    for text in (shown, params):
        assert stars in text and TOKEN not in text
    # The console echoed what was typed; the log is what came after that.
    assert TOKEN not in testpmd.log.split('\n', 1)[1]


@pytest.mark.parametrize('source, env, redirect', [
    (f'file:{TOKEN_FILE}', {}, ''),
    ('env:VF_TOKEN', {'VF_TOKEN': TOKEN}, ''),
    ('fd:7', {}, f'7<{TOKEN_FILE}'),
], ids=['file', 'env', 'fd'])
def test_not_in_a_core_dump(pf_testpmd, start, lab, vfs, core, source, env, redirect):
    """After the open a token must not be in the process's memory.

    Steps: Start the PF's testpmd; start one on a VF with a source and all logs, and have it dump
    its core.
    Verify: The VF is open; the token is neither as bytes nor as text in the core, which has the
    source's name; nor is it in the log, the arguments or telemetry.
    """
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={source}', '--log-level=*:8', env=env,
                    redirect=redirect)
    assert testpmd.ports == 1, testpmd.log
    params = lab.check('echo /eal/params | dpdk-telemetry.py -f vf')
    cmdline = lab.check(f"tr '\\0' ' ' </proc/{testpmd.pid()}/cmdline")
    assert source in params and source in cmdline
    # The console echoed what was typed, with the variable; the log is what came after that.
    for text in (testpmd.log.split('\n', 1)[1], params, cmdline):
        assert TOKEN not in text
    assert core(testpmd, TOKEN) == 0


def test_core_dump_is_searched(pf_testpmd, start, vfs, core):
    """The search must find a token that is there, or the test above shows nothing.

    Steps: Start a testpmd with a token in an environment variable that nothing reads; dump its core.
    Verify: The search finds it.
    """
    testpmd = start('vf', [], '--no-pci', env={'NOBODYS': TOKEN})
    assert core(testpmd, TOKEN) > 0
