# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Applications that use EAL as a library: what the arguments are in, and starts that fail."""
import subprocess
import time

import pytest

from framework.common import SOURCE, TOKEN, WRONG_TOKEN
from framework.messages import messages, said
from installed import Installed

pytestmark = pytest.mark.fast

EAL = ('--no-pci', '--no-huge', '-m', '64', '--no-shconf', '--no-telemetry')
STARS = '*' * len(TOKEN)
BDF = '0000:01:00.0'


@pytest.fixture(scope='module')
def program(build, tmp_path_factory):
    """The application."""
    folder = tmp_path_factory.mktemp('eal')
    return Installed(build, folder / 'installed').program(SOURCE / 'tests/eal_library.c',
                                                          folder / 'eal_library')


@pytest.fixture
def run(program):
    """Runs it, and gives its exit code and what it has printed."""
    def run_it(*words, env=None):
        done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False, env=env)
        return done.returncode, done.stdout
    return run_it


def shows(text, token=TOKEN):
    """It has started once, with this token, and what its arguments are then."""
    assert text.count('rte_eal_init: done') == 1, text
    assert f'token: {token}\n' in text
    return text.split('arguments: ')[1].splitlines()[0].split()


@pytest.mark.parametrize('how', ['plain', 'thread', 'again'])
def test_init(run, how):
    """A literal must be taken and overwritten, wherever EAL is started.

    Steps: Start EAL in main() and in a thread, and once more after rte_eal_cleanup().
    Verify: The token is the literal, which is gone from the arguments; DPDK refuses the start
    after the cleanup.
    """
    code, text = run(how, *EAL, f'--vfio-vf-token={TOKEN}')
    assert code == 0, text
    assert f'--vfio-vf-token={STARS}' in shows(text)
    assert messages(text) == []
    assert ('rte_eal_init: Operation already in progress' in text) == (how == 'again')


def test_file(run, tmp_path):
    """Arguments from a configuration file must be taken as others.

    Steps: Give EAL the lines of a file.
    Verify: The token is the literal, which is gone from the memory of the program.
    """
    file = tmp_path / 'arguments'
    file.write_text('\n'.join([*EAL, '--vfio-vf-token', TOKEN]))
    code, text = run('file', file)
    assert code == 0, text
    assert shows(text)[-2:] == ['--vfio-vf-token', STARS]
    assert messages(text) == []


@pytest.mark.parametrize('rule, code, expected', [
    (TOKEN, 0, 'argument_constant'), (f'{BDF}={TOKEN}', 0, 'argument_constant'),
    (TOKEN[:-1], 1, 'argument_constant'),
], ids=['literal', 'of a PF', 'refused'])
def test_constant(run, rule, code, expected):
    """Constant arguments must stay as they are, with a warning.

    Steps: Give EAL a literal in memory that can't be written, and one that is refused.
    Verify: It doesn't crash; it says that the token stays visible, and takes it or refuses it.
    """
    ended, text = run('constant', *EAL, f'--vfio-vf-token={rule}')
    assert ended == code, text
    assert expected in messages(text)
    if code == 0:
        assert f'--vfio-vf-token={rule}' in text
    else:
        said(text, 'uuid_length')


def test_constant_without_token(run):
    """Constant arguments without a token must draw no warning.

    Steps: Give EAL a variable as the source, in memory that can't be written.
    Verify: Nothing is said.
    """
    code, text = run('constant', *EAL, '--vfio-vf-token=env:VF_TOKEN', env={'VF_TOKEN': TOKEN})
    assert code == 0, text
    shows(text)
    assert messages(text) == []


@pytest.mark.parametrize('rules, env', [
    ([TOKEN], {}), ([TOKEN, f'{BDF}={WRONG_TOKEN}'], {}), (['env:VF_TOKEN'], {'VF_TOKEN': TOKEN}),
], ids=['literal', 'two literals', 'variable'])
def test_retry(program, tmp_path, rules, env):
    """After a start that failed, the same arguments must mean the same.

    Steps: Start EAL with a folder of drivers that isn't there, until it starts; make the folder
    when it has failed three times.
    Verify: It starts with the token, and doesn't take its rules for doubled ones.
    """
    folder = tmp_path / 'drivers'
    log = tmp_path / 'log'
    words = [program, 'retry', *EAL, '-d', folder, *(f'--vfio-vf-token={rule}' for rule in rules)]
    with open(log, 'w', encoding='utf-8') as output, subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, text=True,
            env=env) as process:
        deadline = time.monotonic() + 60
        while log.read_text('utf-8').count('Invalid argument') < 3:
            assert time.monotonic() < deadline and process.poll() is None, log.read_text('utf-8')
            time.sleep(0.05)
        folder.mkdir(mode=0o755)
        while 'arguments:' not in log.read_text('utf-8'):
            assert time.monotonic() < deadline and process.poll() is None, log.read_text('utf-8')
            time.sleep(0.05)
        process.communicate(timeout=60)
    text = log.read_text('utf-8')
    assert process.returncode == 0, text
    shows(text)
    assert messages(text) == ['rule_unused'] * (len(rules) - 1), text
