# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Messages of libvftoken and dpdk-vftoken in what a program has printed.

A message is a line with its id behind, such as `EAL: TEXT [vf_needs_token]`. Tests expect the id
and the arguments in the text. The words around them belong to the catalogues (messages.def). An
expected message is a sequence: the id, then arguments in their order.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

from .common import BY_CDEV, SOURCE

# An id is two words or more, which tells it from other text in brackets.
_MESSAGE = re.compile(r'^(.*) \[([a-z]+(?:_[a-z]+)+)\]\r?$', re.MULTILINE)


def messages(text: str) -> list[str]:
    """The ids of all messages in a text."""
    return [message for _, message in _MESSAGE.findall(text)]


def lines(text: str) -> list[str]:
    """The messages in a text, as a person reads them, without EAL's own prefix."""
    return [f'{line.removeprefix("EAL: ")} [{message}]' for line, message in _MESSAGE.findall(text)]


def once(text: str) -> str:
    """A text's lines, each once, for messages that come again and again while something waits."""
    return '\n'.join(dict.fromkeys(text.splitlines()))


def _has(line: str, message: str, arguments: Sequence[object]) -> None:
    """The arguments are in the line, each as a whole word or address behind the one before."""
    end = 0
    for argument in arguments:
        word = re.compile(rf'(?<![\w:]){re.escape(str(argument))}(?!\w)')
        found = word.search(line, end)
        assert found, f"{message} doesn't have {argument!r} of {arguments}:\n{line}"
        end = found.end()


def said(text: str, message: str, *arguments: object) -> None:
    """There is one message with this id, and it has these arguments; others may be there too."""
    found = [line for line, name in _MESSAGE.findall(text) if name == message]
    assert len(found) == 1, f'{message} is there {len(found)} times instead of once:\n{text}'
    _has(found[0], message, arguments)


# The message at each open by cdev on a kernel that checks no token there.
UNCHECKED = 'cdev_unchecked'


def said_only(text: str, *expected: Sequence[object]) -> None:
    """The messages are these, in this order, and no others. In a lab by cdev, one that the kernel
    checks no token doesn't count, unless it is expected."""
    wanted = [str(message) for message, *_ in expected]
    found = [message for message in _MESSAGE.findall(text)
             if not BY_CDEV or message[1] != UNCHECKED or UNCHECKED in wanted]
    assert [name for _, name in found] == wanted, f'the messages should be {wanted}:\n{text}'
    for (line, name), (_, *arguments) in zip(found, expected):
        _has(line, name, arguments)


def complained(stderr: str, *expected: Sequence[object]) -> None:
    """What dpdk-vftoken has printed on stderr is these messages, and nothing else."""
    said_only(stderr, *expected)
    for line in stderr.splitlines():
        assert line.startswith('dpdk-vftoken: ') and _MESSAGE.match(line), stderr


def result(message: str, *arguments: object) -> str:
    """A line of dpdk-vftoken's on stdout, where a message has no id, as its catalogue has it."""
    catalogue = (SOURCE / 'app/vftoken/messages.def').read_text('utf-8')
    found = re.search(rf'^MESSAGE\({message}, INFO,\n\t"(.*)",$', catalogue, re.MULTILINE)
    assert found, f'{message} is no INFO of app/vftoken/messages.def'
    return found[1] % arguments
