# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The console blocks of the guides, and terminals in the lab to run them on.

A block is `.. code-block:: console`. Lines that start with a prompt are commands: `# ` root's, `$ `
a user's, `testpmd> ` those of a running testpmd; a command goes on behind a `\\` at the end and in
lines that start with `> `. `^C` interrupts. What stands beneath a command is its output, in which
`...` leaves out some text of a line or, by itself, any number of lines.

`:caption:` names the block's terminal; those without share one. With `:class: fails`, the last
command must fail; with `:class: host`, they are not for the lab.
"""
from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pexpect

from framework.common import SOURCE
from lab.vm import Lab

FOLDER = SOURCE / 'doc/guides'
PROMPTS = ('# ', '$ ', 'testpmd> ')
INTERRUPT = '^C'
TIMEOUT = 120
# A user, and what a guide has on another machine than this one.
SET_UP = '''
echo user:x:1000:1000::/tmp:/bin/sh >>/etc/passwd && echo user:x:1000: >>/etc/group &&
ln -s ../lib/doctor/doctor /usr/local/bin/
'''

_OPTIONS = {'caption': r'[\w ()-]+', 'class': r'(host|fails)'}
_DIRECTIVE = re.compile(r'( *)\.\. code-block:: console$')
_OPTION = re.compile(r' *:(\w+): *(.*)$')
_PS1 = 'status=$?> '
_STATUS = r'status=(\d+)> '


@dataclass
class Command:
    """One command, and the output that the guide shows beneath it."""
    line: int
    prompt: str
    text: str
    output: list[str] = field(default_factory=list)


@dataclass
class Block:
    """A console block."""
    page: str
    line: int
    options: dict[str, str] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)

    @property
    def host(self) -> bool:
        """Whether it isn't for the lab."""
        return self.options.get('class') == 'host'

    @property
    def fails(self) -> bool:
        """Whether its last command must fail."""
        return self.options.get('class') == 'fails'

    def option(self, number: int, name: str, value: str) -> None:
        """Take an option."""
        if not re.fullmatch(_OPTIONS.get(name, ''), value):
            raise ValueError(f'{self.page}.rst:{number}: unknown option or value')
        self.options[name] = value

    def take(self, number: int, line: str) -> None:
        """Take one more line of text."""
        last = self.commands[-1] if self.commands else None
        prompt = next((text for text in PROMPTS if (line + ' ').startswith(text)), '')
        if last and not last.output and last.text.endswith('\\'):
            last.text = last.text[:-1].rstrip() + ' ' + line.strip()
        elif last and not last.output and line.startswith('>'):
            last.text += '\n' + line[2:]
        elif line == INTERRUPT:
            self.commands.append(Command(number, INTERRUPT, ''))
        elif prompt:
            # One without a command shows that the program waits for one.
            if line[len(prompt):]:
                self.commands.append(Command(number, prompt, line[len(prompt):]))
        elif last:
            last.output.append(line)
        else:
            raise ValueError(f'{self.page}.rst:{number}: output without a command')


def blocks(page: str) -> Iterator[Block]:
    """The console blocks of a page."""
    block: Block | None = None
    margin, blank = 0, 0
    for number, line in enumerate((FOLDER / f'{page}.rst').read_text('utf-8').splitlines(), 1):
        found = _DIRECTIVE.match(line)
        indent = len(line) - len(line.lstrip())
        if found:
            if block:
                yield block
            block, margin, blank = Block(page, number), len(found[1]) + 3, 0
        elif not line:
            blank += 1
        elif block and indent < margin:
            yield block
            block = None
        elif block and (option := _OPTION.match(line)) and not blank:
            block.option(number, option[1], option[2])
        elif block:
            if block.commands:
                block.commands[-1].output += [''] * blank
            blank = 0
            block.take(number, line[margin:])
        if not found and 'code-block:: console' in line:
            raise ValueError(f'{page}.rst:{number}: a directive needs a line of its own')
    if block:
        yield block


def pages() -> list[str]:
    """The names of all pages."""
    return sorted(path.stem for path in FOLDER.glob('*.rst'))


def differs(expected: list[str], output: str) -> str:
    """What differs between a guide and what came, as a diff; '' if nothing does."""
    pattern = ''.join(
        r'(?:.*\n)*' if line.strip() == '...'
        else '.*'.join(map(re.escape, line.rstrip().split('...'))) + r'\n'
        for line in expected)
    came = [line.rstrip() for line in output.splitlines()]
    if re.fullmatch(pattern, ''.join(line + '\n' for line in came)):
        return ''
    return '\n'.join(difflib.unified_diff(expected, came, 'guide', 'lab', n=99, lineterm=''))


class Terminal:
    """A shell in the lab, and what runs in it."""

    def __init__(self, lab: Lab, name: str, prompt: str) -> None:
        self._lab = lab
        self._file = f'/run/guides-{name}'
        self._at = prompt
        self._shell = prompt
        self._console = lab.console(name)
        if prompt == '$ ':
            self._console.sendline('ulimit -l unlimited')
            self._console.sendline('exec su -s /usr/bin/dash user')
        self._console.sendline(f"PS1='{_PS1}'; export HOME=/tmp")
        self._console.expect(_STATUS)

    def run(self, command: Command) -> tuple[str, int | None]:
        """What a command prints, and how it ends; None for one that goes on or was interrupted."""
        typed = self._typed(command)
        if command.prompt == INTERRUPT:
            self._console.send('\x03')
        elif command.prompt != self._at:
            raise ValueError(f'the terminal shows {self._at!r}, the guide {command.prompt!r}')
        else:
            self._console.sendline(typed)
        found = self._console.expect([_STATUS, 'testpmd> '], timeout=TIMEOUT)
        lines = self._console.before.replace('\r', '').split('\n')
        self._at = 'testpmd> ' if found else self._shell
        if command.prompt == INTERRUPT:
            return '\n'.join(lines[1:]), None
        # What came before the echo is of another time; testpmd may echo what the terminal did, too.
        echo = next((number for number, line in enumerate(lines) if line.endswith(typed)), 0)
        while lines[echo + 1:] and lines[echo + 1] == typed:
            echo += 1
        return '\n'.join(lines[echo + 1:]), None if found else int(self._console.match[1])

    def _typed(self, command: Command) -> str:
        if command.prompt == 'testpmd> ':
            return command.text
        # A file, so that its echo is one line whatever it holds.
        self._lab.write(self._file, command.text + '\n')
        return f'. {self._file}'


class PersonsTerminal(Terminal):
    """A shell of devtools/lab/lab on a terminal of this machine, as a person has it."""

    def __init__(self, console: pexpect.spawn) -> None:
        self._at = self._shell = '# '
        self._console = console
        self._console.expect_exact('lab# ')
        self._console.sendline(f"PS1='{_PS1}'")
        self._console.expect(_STATUS)

    def _typed(self, command: Command) -> str:
        return command.text


class Session:
    """The terminals of one page."""

    def __init__(self, open_terminal: Callable[[str, str], Terminal]) -> None:
        self._open = open_terminal
        self._terminals: dict[tuple[str, str], Terminal] = {}

    def _terminal(self, block: Block, command: Command) -> Terminal:
        name = re.sub(r'\W+', '-', block.options.get('caption', 'main')).strip('-')
        shell = '$ ' if command.prompt == '$ ' else '# '
        if command.prompt not in ('# ', '$ '):
            shell = next((key[1] for key in self._terminals if key[0] == name), shell)
        key = name, shell
        if key not in self._terminals:
            self._terminals[key] = self._open(name if shell == '# ' else f'{name}-user', shell)
        return self._terminals[key]

    def play(self, block: Block) -> Iterator[str]:
        """Run a block; what was not as the guide says."""
        for command in block.commands:
            place = f'{block.page}.rst:{command.line}: {command.text}'
            output, status = self._terminal(block, command).run(command)
            if diff := differs(command.output, output):
                yield f'{place}\n{diff}'
            fails = block.fails and command is block.commands[-1]
            if status is not None and bool(status) != fails:
                yield f'{place}\nends with {status}; its output:\n{output}'
