# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What the guides tell people to type works, and says what they show."""
import contextlib
import functools
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

import guides
from framework import distribution
from framework.build import guest_files, usertool
from framework.common import SOURCE
from lab.vm import Lab

# As devtools/lab/lab has it, in which testpmd takes what it would on a reader's machine.
MEMORY = 2048

# What is played on terminals of this machine.
IN_SHELLS = 'getting_started'
# The page about programs of others, and what their packages do when they are installed.
OTHERS = 'other_programs'
SET_UP_OTHERS = '''
modprobe tun && mkdir -p /etc/openvswitch /var/run/openvswitch /var/log/openvswitch &&
ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema &&
ovsdb-server --remote=punix:/var/run/openvswitch/db.sock --detach --pidfile -vconsole:off &&
ovs-vsctl --no-wait init
'''

# What comes with GitHub's runner, and what a machine needn't have that runs the tests.
ELSEWHERE = ('./config.sh', './svc.sh', 'dnf', 'kubectl', 'podman', 'reboot', 'scp', 'ssh',
             'systemctl', 'systemd-sysusers', 'update-grub')

# What root has in it.
PATH = f'{os.environ["PATH"]}:/usr/sbin:/sbin'


def files(build):
    """What a guide's reader has in PATH."""
    return {**guest_files(build),
            '/usr/local/bin/dpdk-hugepages.py': usertool(build, 'dpdk-hugepages.py'),
            '/usr/local/lib/doctor': SOURCE / 'devtools/doctor'}


def files_for(build, page):
    """What a page's reader has in PATH, with the programs of others that the page is about."""
    if page != OTHERS:
        return files(build)
    return {**files(build), **distribution.testpmd_files(), **distribution.program_files()}


# What the default run plays, too; the matrix plays all pages.
READ_FIRST = ('admin_guide',)


def pages(host):
    """The pages with blocks of a kind, and those that can't be read: their test says why."""
    for page in guides.pages():
        try:
            if any(block.host == host for block in guides.blocks(page)):
                yield page
        except ValueError:
            yield page


@pytest.mark.vm
@pytest.mark.parametrize('page', [
    pytest.param(page, marks=[] if page in READ_FIRST else pytest.mark.long)
    for page in pages(host=False) if page != IN_SHELLS])
def test_lab(build, page):
    """Each console block of a page must do what the page says, in the page's order.

    Steps: Boot a machine; type all commands of the page's blocks, each on its block's terminal.
    Verify: Each ends as the block says, and its output is the one shown.
    """
    blocks = [block for block in guides.blocks(page) if not block.host]
    with Lab(build=build, files=files_for(build, page), memory=MEMORY) as lab:
        lab.check(guides.SET_UP)
        if page == OTHERS:
            lab.check(SET_UP_OTHERS)
        session = guides.Session(functools.partial(guides.Terminal, lab))
        for block in blocks:
            wrong = list(session.play(block))
            assert not wrong, '\n'.join(wrong)


@pytest.mark.vm
def test_lab_command(build, tmp_path):
    """The guide for beginners must work in the lab's shells from its start to its end.

    Steps: Run devtools/lab/lab on a terminal, and with --attach on each further one; type all
    commands of the page's blocks there.
    Verify: Each ends as the block says, and its output is the one shown.
    """
    given = [f'--file={guest}={host}' for guest, host in files(build).items()]
    with contextlib.ExitStack() as stack:
        def open_terminal(_name, _shell):
            args = ['--build', str(tmp_path), *(['--attach'] if opened else given)]
            # Wide, so that the shell breaks no line that it edits.
            shell = pexpect.spawn(str(SOURCE / 'devtools/lab/lab'), args, encoding='utf-8',
                                  timeout=150, dimensions=(50, 400))
            stack.callback(shell.close, force=True)
            opened.append(shell)
            return guides.PersonsTerminal(shell)

        opened = []
        session = guides.Session(open_terminal)
        for block in guides.blocks(IN_SHELLS):
            wrong = [] if block.host else list(session.play(block))
            assert not wrong, '\n'.join(wrong)
        assert len(opened) == 3


def words(command):
    """The programs of a shell command, each with its arguments, without its variables."""
    found = [[]]
    for word in shlex.split(command, comments=True):
        if word in ('&&', '||', '|', ';'):
            found.append([])
        elif found[-1] or not re.match(r'\w+=', word):
            found[-1].append(word)
    return [part for part in found if part]


def help_of(path, args):
    """What a program says of itself, and of its command, if its first argument is one."""
    def ask(*command):
        return subprocess.run([path, *command, '--help'], text=True, timeout=60, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout

    said = ask()
    is_command = args[0].isalpha() and re.search(rf'^ +{args[0]}\b', said, re.MULTILINE)
    return said + (ask(args[0]) if is_command else '')


@pytest.mark.fast
@pytest.mark.parametrize('guide, came, same', [
    ([], '', True),
    ([], 'a', False),
    (['a'], 'a  \n', True),
    (['a'], 'a\nb', False),
    (['a', '...'], 'a\nb\nc', True),
    (['a', '...', 'c'], 'a\nc', True),
    (['...'], '', True),
    (['a ... c'], 'a b b c', True),
    (['a ... c'], 'a b\nc', False),
    (['', '...'], 'a', False),
])
def test_comparison(guide, came, same):
    """A guide may leave out parts of lines, and whole lines, where it says so, and nowhere else.

    Steps: Compare what guides could show with what could come.
    Verify: They are the same or not.
    """
    assert (guides.differs(guide, came) == '') == same


@pytest.mark.fast
def test_blocks(monkeypatch, tmp_path):
    """The blocks of a page must be read as a person reads them.

    Steps: Read a page with options, commands over several lines, output and other text.
    Verify: The commands, on their terminals, with their output.
    """
    monkeypatch.setattr(guides, 'FOLDER', tmp_path)
    (tmp_path / 'page.rst').write_text('''
.. code-block:: console
   :caption: PF

   # one \\
         --two
   out

   put
   testpmd> three
   testpmd>

* A list.

  .. code-block:: console
     :class: fails

     $ cat <<END
     > four
     > END

  No output.
''')
    pf, other = guides.blocks('page')
    assert [(command.prompt, command.text, command.output) for command in pf.commands] == [
        ('# ', 'one --two', ['out', '', 'put']), ('testpmd> ', 'three', [])]
    assert (pf.options, pf.fails, other.fails) == ({'caption': 'PF'}, False, True)
    assert [(command.prompt, command.text) for command in other.commands] == [
        ('$ ', 'cat <<END\nfour\nEND')]


@pytest.mark.fast
@pytest.mark.parametrize('text', [
    '- .. code-block:: console\n\n     # true',
    '.. code-block:: console\n   :class: hots\n\n   # true',
    '.. code-block:: console\n\n   true'], ids=['place', 'option', 'prompt'])
def test_blocks_refused(monkeypatch, tmp_path, text):
    """A block that can't be run must not go unnoticed.

    Steps: Read a page with a directive behind a bullet, an unknown class, or a lack of prompts.
    Verify: It is refused.
    """
    monkeypatch.setattr(guides, 'FOLDER', tmp_path)
    (tmp_path / 'page.rst').write_text(text)
    with pytest.raises(ValueError, match='page.rst:'):
        list(guides.blocks('page'))


@pytest.mark.fast
@pytest.mark.parametrize('page', pages(host=True))
def test_host(build, page):
    """What can't be typed in the lab must at least be there.

    Steps: Look for the programs of a page's other blocks, in the tree or on this machine; ask those
    in the tree for their help.
    Verify: Each is there, and the help has each long option used.
    """
    ours = {Path(name).name: path for name, path in files(build).items()}
    for block in guides.blocks(page):
        for command in block.commands if block.host else []:
            place = f'{page}.rst:{command.line}: '
            for program, *args in words(command.text):
                if program == 'cd' or program in ELSEWHERE:
                    continue
                path = ours.get(program)
                if program.startswith('build/'):
                    path = build / program.removeprefix('build/')
                elif '/' in program:
                    path = SOURCE / program
                elif path is None:
                    assert shutil.which(program, path=PATH), place + program
                    continue
                assert path.is_file(), place + program
                options = [arg.partition('=')[0] for arg in args if arg.startswith('--')]
                said = help_of(path, args) if options else ''
                for option in options:
                    assert re.search(rf'{re.escape(option)}\b', said), place + option
