# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-vftoken, the administrator's command, without a device."""
from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import stat
import subprocess
import time
import uuid

import pexpect
import pytest

from framework.build import program
from framework.common import SOURCE, TOKEN, TOKEN_FILE
from framework.messages import complained

pytestmark = pytest.mark.fast

FOLDER = SOURCE / 'app/vftoken'
COMMANDS = ['status', 'generate', 'set', 'enable', 'disable', 'check']
NOBODY = 'ffff:ff:1f.7'
RIGHT = f'file:{TOKEN_FILE}'


@pytest.fixture
def local(build):
    """Runs the command on the machine that runs the tests: status, stdout, stderr."""
    def run(*args, **more):
        done = subprocess.run([program(build, 'dpdk-vftoken'), *args], text=True, check=False,
                              timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **more)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize('args, message', [
    ([], ('cmd_no_command', ', '.join(COMMANDS))),
    (['staus'], ('cmd_unknown_command', ', '.join(COMMANDS))),
    (['help', 'staus'], ('cmd_unknown_command', ', '.join(COMMANDS))),
    (['help', TOKEN], ('cmd_unknown_command', ', '.join(COMMANDS))),
    (['status', '--yaml'], ('cmd_option', 'status')),
    (['set', NOBODY, RIGHT, '--json'], ('cmd_option', 'set')),
    (['generate', '--output'], ('cmd_option', 'generate')),
    (['status', '01:00'], ('cmd_not_a_bdf',)),
    (['status', TOKEN], ('cmd_not_a_bdf',)),
    (['status', '\x1b[31mx'], ('cmd_not_a_bdf',)),
    (['generate', 'file'], ('cmd_usage', 'generate', '[--output FILE]')),
    (['set', NOBODY], ('cmd_usage', 'set', 'BDF SOURCE')),
    (['enable', NOBODY, RIGHT], ('cmd_usage', 'enable', 'BDF N SOURCE')),
    (['disable', NOBODY, '2'], ('cmd_usage', 'disable', 'BDF')),
    (['set', TOKEN, RIGHT], ('cmd_not_a_bdf',)),
    (['disable', '1'], ('cmd_not_a_bdf',)),
    (['enable', NOBODY, '0', RIGHT], ('cmd_num_vfs', 65535)),
    (['enable', NOBODY, '65536', RIGHT], ('cmd_num_vfs', 65535)),
    (['enable', NOBODY, '2x', RIGHT], ('cmd_num_vfs', 65535)),
    (['check', NOBODY, f'{NOBODY}={RIGHT}'], ('cmd_source_with_bdf',)),
    (['set', NOBODY, TOKEN[:-1]], ('uuid_length', 'all devices', '3e…', 35, 36)),
    (['enable', NOBODY, '2', '/run/vf-token'], ('source_path', 'all devices', '/r…')),
    (['set', NOBODY, 'fd:99'], ('source_fd_closed', 'all devices', 'fd:99', '99')),
], ids=lambda value: ' '.join(value) if isinstance(value, list) else '')
def test_wrong_usage(local, args, message):
    """Wrong usage must end with 2 and one message, which shows no token.

    Steps: Give a wrong command line.
    Verify: The exit code and the message; nothing on stdout.
    """
    code, out, err = local(*args)
    assert (code, out) == (2, '')
    complained(err, message)
    assert TOKEN[:-1] not in err


@pytest.mark.parametrize('name, shown', [
    ('\x1b[31mx', '?[31mx'), ('a\nb', 'a?b'), (TOKEN, '*' * len(TOKEN)),
], ids=['escape', 'line end', 'token'])
def test_printable(local, tmp_path, name, shown):
    """What is shown of an argument must have no control characters and no token.

    Steps: Generate into such a file twice.
    Verify: The message shows its name so.
    """
    assert local('generate', '--output', name, cwd=tmp_path) == (0, '', '')
    code, _, err = local('generate', '--output', name, cwd=tmp_path)
    assert code == 1 and f"'{shown}' is there already" in err
    complained(err, ('cmd_file_exists',))


def test_closed_output(build):
    """Results must not get lost where stdout is closed.

    Steps: Close it, and ask for help.
    Verify: Exit code 1 and a message.
    """
    done = subprocess.run(['sh', '-c', 'exec "$0" --help >&-', program(build, 'dpdk-vftoken')],
                          check=False, text=True, timeout=60, stderr=subprocess.PIPE)
    assert done.returncode == 1
    complained(done.stderr, ('cmd_stdout', 'Bad file descriptor'))


@pytest.mark.parametrize('args, code, message', [
    (['status', NOBODY], 1, ('cmd_no_device', NOBODY)),
    (['disable', NOBODY], 1, ('pf_unreadable', NOBODY, 'No such device')),
    (['set', NOBODY, TOKEN], 1, ('no_device', NOBODY)),
    (['enable', NOBODY, '1', TOKEN], 1, ('no_device', NOBODY)),
    (['check', NOBODY, TOKEN], 2, ('cmd_no_device', NOBODY)),
], ids=lambda value: value[0] if isinstance(value, list) else '')
def test_no_such_device(local, args, code, message):
    """A device that isn't there must be named.

    Steps: Run each command on such a device.
    Verify: The exit code, and a message that names it.
    """
    found, _, err = local(*args)
    assert found == code
    complained(err, message)


def test_generate(local):
    """Tokens must be random UUIDs of version 4.

    Steps: Generate a hundred.
    Verify: Each is one line with a UUID of that version and variant, and no two are the same.
    """
    lines = [local('generate') for _ in range(100)]
    assert all(code == 0 and err == '' for code, _, err in lines)
    tokens = [uuid.UUID(out.strip()) for _, out, _ in lines]
    assert [f'{token}\n' for token in tokens] == [out for _, out, _ in lines]
    assert all(token.version == 4 and token.variant == uuid.RFC_4122 for token in tokens)
    assert len(set(tokens)) == 100


def test_generate_into_a_file(local, tmp_path):
    """A token's file must be its owner's alone, whatever the umask, and never be overwritten.

    Steps: Generate into a file with an empty umask; do so again.
    Verify: Mode 0600 and a UUID; the second is refused and the file as it was.
    """
    path = tmp_path / 'token'
    assert local('generate', '--output', path, umask=0) == (0, '', '')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert uuid.UUID(text.strip()).version == 4
    code, out, err = local('generate', f'--output={path}')
    assert (code, out) == (1, '')
    complained(err, ('cmd_file_exists', path))
    assert path.read_text() == text


@pytest.mark.parametrize('there', [True, False])
def test_generate_follows_no_link(local, tmp_path, there):
    """A symbolic link must not be followed, as somebody else may have put it there.

    Steps: Generate into a link, to a file that is there or not.
    Verify: It is refused; the file is as it was.
    """
    link, target = tmp_path / 'link', tmp_path / 'target'
    link.symlink_to(target)
    if there:
        target.write_text('mine')
    code, _, err = local('generate', '--output', link)
    assert code == 1
    complained(err, ('cmd_file_exists', link))
    assert link.is_symlink()
    assert not there or target.read_text() == 'mine'
    assert there or not target.exists()


def test_generate_half_written(local, tmp_path):
    """A file that can't be written whole must not stay.

    Steps: Generate into a file with room for ten bytes.
    Verify: It fails, says so, and the file isn't there.
    """
    path = tmp_path / 'token'
    code, _, err = local('generate', '--output', path, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (10, 10)))
    assert code == 1
    complained(err, ('cmd_file_not_written', path, 'File too large'))
    assert not path.exists()


@pytest.mark.parametrize('args, message', [
    (['generate'], 'cmd_token_not_written'), (['status'], 'cmd_stdout'),
    (['status', '--json'], 'cmd_stdout'), (['--help'], 'cmd_stdout'),
], ids=lambda value: ' '.join(value) if isinstance(value, list) else '')
def test_full_output(build, args, message):
    """Results that can't be written must be a failure.

    Steps: Write them to a full device.
    Verify: Exit code 1 and a message.
    """
    with open('/dev/full', 'w', encoding='utf-8') as full:
        done = subprocess.run([program(build, 'dpdk-vftoken'), *args], stdout=full, text=True,
                              check=False, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1
    complained(done.stderr, (message, 'No space left on device'))


@pytest.mark.parametrize('command', ['set', 'check', 'enable', 'status'])
@pytest.mark.parametrize('token', [TOKEN, TOKEN[:-1] + 'x'], ids=['well-formed', 'malformed'])
def test_literal_is_overwritten(build, command, token):
    """A literal token must be gone from argv before anything that may take long, and so must one
    that is given instead of a BDF.

    Steps: Give one and a device that isn't there, with a stderr that takes no message, so that the
    process waits with its first message.
    Verify: /proc/PID/cmdline has stars in its place while the process runs.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, b'x')
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    argv = [str(program(build, 'dpdk-vftoken')), command, NOBODY, token]
    stars = '*' * len(token)
    if command == 'enable':
        argv.insert(3, '1')
    elif command == 'status':
        argv.remove(NOBODY)
        stars = stars[:-1] + token[-1].replace(TOKEN[-1], '*')
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=writer) as process:
        deadline = time.monotonic() + 10
        shown = []
        while stars not in shown and time.monotonic() < deadline:
            with open(f'/proc/{process.pid}/cmdline', encoding='utf-8') as cmdline:
                shown = cmdline.read().split('\0')
        waits = process.poll() is None
        process.kill()
    os.close(reader)
    os.close(writer)
    assert waits and shown[-2:] == [stars, '']
    assert shown[:-2] == argv[:-1]


def options(text):
    """The long options in a text."""
    return set(re.findall(r'(?<![\w-])--[a-z]+', text))


def test_the_same_everywhere(local):
    """--help, the manual page and the completion must tell of the same commands and options.

    Steps: Read them, and each command's --help.
    Verify: The same commands, with the same arguments, and options.
    """
    code, out, err = local('--help')
    assert (code, err) == (0, '')
    listed = out.partition('Commands:\n')[2].partition('BDF is')[0]
    assert re.findall(r'^  (\w+)', listed, re.MULTILINE) == [*COMMANDS, 'help']
    assert local('help') == (0, out, '')
    page = (FOLDER / 'dpdk-vftoken.8').read_text()
    plain = re.sub(r'\\f.|"', '', page.replace(r'\-', '-').replace(r'.\|.\|.', '...'))
    titles = re.findall(r'^\.TP\n\.B\w* ([a-z]\w+)( .*)?$',
                        plain.partition('.SH COMMANDS')[2].partition('.SH')[0], re.MULTILINE)
    assert [name for name, _ in titles] == [*COMMANDS, 'help']
    for name, arguments in titles[:-1]:
        code, text, _ = local(name, '--help')
        assert code == 0
        assert local('help', name) == (0, text, '')
        synopsis = ' '.join(re.sub(r'([\[\]])', r' \1 ', arguments).split())
        usage = text.splitlines()[0].removeprefix(f'Usage: dpdk-vftoken {name} ')
        assert ' '.join(re.sub(r'([\[\]])', r' \1 ', usage).split()) == synopsis
    completed = (FOLDER / 'dpdk-vftoken.bash').read_text()
    assert f"'{' '.join(COMMANDS)} help --help --version'" in completed
    assert options(completed) == {'--json', '--output', '--help', '--version'}
    assert re.fullmatch(r'dpdk-vftoken \d+\.\d+\.\d+(-\d+-g[0-9a-f]+)?\n', local('--version')[1])


@pytest.mark.parametrize('argv', [
    ['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z'], ['groff', '-man', '-ww', '-z'],
], ids=['man', 'groff'])
def test_manual_page(argv):
    """The manual page must be clean.

    Steps: Format it with all warnings.
    Verify: There are none.
    """
    if not shutil.which(argv[0]):
        pytest.skip(f'{argv[0]} is not on this machine')
    done = subprocess.run([*argv, FOLDER / 'dpdk-vftoken.8'], text=True, check=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert done.stderr == ''


@pytest.fixture
def complete(tmp_path):
    """Completes a line in a real bash, on a machine with one PF of seven VFs and one VF of it."""
    for device, file, text in (('0000:01:00.0', 'sriov_totalvfs', '7\n'),
                               ('0000:01:10.0', 'physfn', ''), ('0000:02:00.0', 'class', '')):
        folder = tmp_path / 'devices' / device
        folder.mkdir(parents=True)
        (folder / file).write_text(text)
    for name in ('token-a', 'token b'):
        (tmp_path / name).write_text('')
    script = (FOLDER / 'dpdk-vftoken.bash').read_text()
    script = script.replace('/sys/bus/pci/devices', str(tmp_path / 'devices'))
    (tmp_path / 'completion').write_text(script)

    def replies(line, breaks=' \t\n"\'><=;|&(:'):
        code = ('. ./completion; COMP_WORDBREAKS=$2 COMP_LINE=$1 COMP_POINT=${#1}; '
                'COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
                '_dpdk_vftoken; printf "%s\\n" "${COMPREPLY[@]}"; complete -p dpdk-vftoken >&2')
        done = subprocess.run(['bash', '--norc', '-c', code, 'bash', line, breaks], text=True,
                              check=True, cwd=tmp_path, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**os.environ, 'SECRET_ONE': 'x'})
        assert done.stderr == 'complete -F _dpdk_vftoken dpdk-vftoken\n'
        return done.stdout.split('\n')[:-1] if done.stdout != '\n' else []

    return replies


COMPLETIONS = [
    ('', [*COMMANDS, 'help', '--help', '--version']),
    ('help s', ['status', 'set']),
    ('s', ['status', 'set']),
    ('status ', ['0000:01:00.0', '0000:01:10.0']),
    ('status 0000:01:00.0 0000:01:1', ['10.0']),
    ('status --', ['--json', '--help']),
    ('generate --', ['--output', '--help']),
    ('generate --output tok', ['token-a', 'token b']),
    ('generate ', []),
    ('set ', ['0000:01:00.0']),
    ('set 0000:', ['01:00.0']),
    ('set 0000:01:00.0 ', ['file:', 'env:', 'fd:']),
    ('set 0000:01:00.0 f', ['file:', 'fd:']),
    ('set 0000:01:00.0 file:tok', ['token-a', 'token b']),
    ('set 0000:01:00.0 env:SECRET_', ['SECRET_ONE']),
    ('set 0000:01:00.0 fd:0 ', []),
    ('set --', ['--help']),
    ('enable 0', ['0000:01:00.0']),
    ('enable 0000:01:00.0 ', ['1', '2', '3', '4', '5', '6', '7']),
    ('enable 0000:02:00.0 ', []),
    ('enable 0000:01:00.0 2 e', ['env:']),
    ('disable ', ['0000:01:00.0']),
    ('check ', ['0000:01:00.0', '0000:01:10.0']),
    ('check 0000:01:10.0 fi', ['file:']),
    ('nothing ', []),
]


@pytest.mark.parametrize('line, expected', COMPLETIONS, ids=lambda value: value if isinstance(
    value, str) else '')
def test_completion(complete, line, expected):
    """The completion must offer what fits, and only what stands behind a colon when bash does.

    Steps: Complete a line in bash.
    Verify: What is offered.
    """
    assert sorted(complete(f'dpdk-vftoken {line}')) == sorted(expected)


def test_completion_without_colons(complete):
    """Where bash doesn't cut words at colons, whole words must be offered.

    Steps: Take the colon out of COMP_WORDBREAKS; complete a BDF and a file.
    Verify: The whole BDF and source.
    """
    assert complete('dpdk-vftoken set 0000:', ' \t\n') == ['0000:01:00.0']
    assert complete('dpdk-vftoken set 0000:01:00.0 file:token-', ' \t\n') == ['file:token-a']


@pytest.fixture
def zsh(complete, tmp_path):
    """A zsh in which a tab completes, on the same machine; its prompt is `> `."""
    del complete  # It makes the machine.
    functions = tmp_path / 'functions'
    functions.mkdir()
    text = (FOLDER / 'dpdk-vftoken.zsh').read_text()
    (functions / '_dpdk-vftoken').write_text(
        text.replace('@BASH_COMPLETION@', shlex.quote(str(tmp_path / 'completion'))))
    with pexpect.spawn('zsh', ['-f', '-i'], cwd=tmp_path, timeout=20, encoding='utf-8', echo=False,
                       dimensions=(50, 120), env={**os.environ, 'SECRET_ONE': 'x', 'TERM': 'dumb',
                                                  'HOME': str(tmp_path)}) as shell:
        shell.sendline(f"PROMPT='> ' RPROMPT= PROMPT_SP= PROMPT_CR=; fpath=({functions} $fpath); "
                       'autoload -U compinit; compinit -u -d dump; unsetopt zle_bracketed_paste; '
                       'function dpdk-vftoken() { print -rl -- "<${^@}>"; print end; }; '
                       "zstyle ':completion:*' insert-tab false; print rea''dy")
        shell.expect_exact('ready')
        yield shell


@pytest.mark.parametrize('line, expected', [
    ('sta', ['<status>']),
    ('status --j', ['<status>', '<--json>']),
    ('status 0000:01:1', ['<status>', '<0000:01:10.0>']),
    ('set 0000:', ['<set>', '<0000:01:00.0>']),
    ('set 0000:01:00.0 fi', ['<set>', '<0000:01:00.0>', '<file:>']),
    ('set 0000:01:00.0 file:token-', ['<set>', '<0000:01:00.0>', '<file:token-a>']),
    ('set 0000:01:00.0 env:SECRET_', ['<set>', '<0000:01:00.0>', '<env:SECRET_ONE>']),
    ('help gen', ['<help>', '<generate>']),
], ids=lambda value: value if isinstance(value, str) else '')
def test_completion_in_zsh(zsh, line, expected):
    """zsh must complete a line as bash does.

    Steps: Type a line that is completed in one way, a tab and the line's end.
    Verify: The command gets the completed words.
    """
    zsh.send(f'dpdk-vftoken {line}\t\r')
    zsh.expect('\r\nend\r\n')
    shown = zsh.before.replace('\r', '').split('\n')
    assert [word for word in shown if word.startswith('<')] == expected


def test_completions_are_the_same(complete, tmp_path):
    """The completion for zsh must offer all that the one for bash does, and nothing else.

    Steps: Run it for the lines of the test of bash, with a function in place of zsh's own.
    Verify: Whole words are offered as bash offers them where it doesn't cut words at colons.
    """
    script = (FOLDER / 'dpdk-vftoken.zsh').read_text()
    script = script.replace('@BASH_COMPLETION@', './completion')
    (tmp_path / 'zsh').write_text(script)
    code = ('compadd() { print -r -- ${@[-1]} }; words=(dpdk-vftoken "$@"); CURRENT=$#words; '
            'PREFIX=$words[-1]; run() { . ./zsh }; run')
    for line, _ in COMPLETIONS:
        words = line.split(' ')
        done = subprocess.run(['zsh', '-f', '-c', code, 'zsh', *words], text=True, check=True,
                              cwd=tmp_path, stdout=subprocess.PIPE,
                              env={**os.environ, 'SECRET_ONE': 'x'})
        assert done.stdout.splitlines() == complete(f'dpdk-vftoken {line}', ' \t\n'), line
