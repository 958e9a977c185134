# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Each message about VF tokens has an entry in doc/guides/troubleshooting.rst, and none is stale.

Ours are what libvftoken, the glue in DPDK and dpdk-vftoken say, and what dpdk-test-vftoken says of
its use and of the machine; what it says of the kernel, as a case's result, has one entry for all.
devtools, tests and examples aren't for a VF's user. The kernel's are our series' and those below.

A message is on the page as a paragraph that is one literal, with a word in capitals where the code
has a conversion. The code is read as text: of each call of a function that messages go through, the
first argument that is a string is the message, and strings behind it are parts put into it.
"""
from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from conftest import SOURCE

pytestmark = pytest.mark.fast

PAGE = SOURCE / 'doc/guides/troubleshooting.rst'
LIBRARY = r'vftoken_log|vftoken_refuse|refuse|fail|snprintf(?=\(why,)'
GLUE = r'rte_log|vf_token_log|RTE_LOG\w*|EAL_LOG|PCI_LOG|rte_exit'
KERNEL = r'(?:pci|dev|pr)_(?:info|notice|warn|err|crit|alert|emerg)(?:_ratelimited|_once)?'
# Where there are messages, and the functions that they go through.
PLACES = (
    ('lib/eal/linux/*.c', LIBRARY),
    ('drivers/bus/pci/linux/*.c', LIBRARY),
    ('app/vftoken/*.c', 'complain|printf'),
    ('app/test-vftoken/*.c', 'message_refuse|verdict_skip|return'),
    ('app/test-vftoken/verdict.c', 'verdict_fail'),
    ('subprojects/packagefiles/**/*.c', GLUE),
    ('subprojects/packagefiles/**/*.patch', GLUE),
    ('kernel-patches/**/*.patch', KERNEL),
)
# What others say: Linux up to 7.3 without our series (vfio-pci, vfio, the PCI core), and DPDK.
OTHERS = {
    'VF token required to access device',
    'Incorrect VF token provided for device',
    'VF token incorrectly provided, %s',
    'Captured SR-IOV VF %s driver_override',
    'VF %s bound to driver %s while PF bound to driver %s',
    'Cannot bind to PF with SR-IOV enabled',
    'Relaying device request to user (#%u)',
    'No device request channel registered, blocked until released by user',
    'Device is currently in use, task "%s" (%d) blocked until device is released',
    'Driver does not support SRIOV configuration via sysfs',
    'driver does not support SR-IOV configuration via sysfs',
    'no driver bound to device; cannot configure SR-IOV',
    '%d VFs already enabled. Disable before enabling %d VFs',
    'not enough MMIO resources for SR-IOV',
    "can't enable %d VFs (bus %02x out of range of %pR)",
    'Cannot open /dev/vfio/%s: %s',
    'Getting a vfio_dev_fd for %s failed',
    'invalid parameters for --vfio-vf-token',
    "invalid vfio vf token parameter: '%s'",
    'Requested device %s cannot be used',
}
STRING = r'"(?:[^"\\\n]|\\.)*"'
# One string of C, from several and from macros such as PRIx32.
STRINGS = rf'(?:[A-Z]\w+\s*)*{STRING}(?:\s*(?:{STRING}|[A-Z]\w+))*'
CONVERSION = r'%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j)?[a-zA-Z]R?'
ESCAPES = {r'\n': '\n', r'\"': '"', r'\u2026': '…'}


def files(pattern: str) -> list[Path]:
    """The files of a place, without unit tests and fuzz targets."""
    return [path for path in sorted(SOURCE.glob(pattern))
            if not re.search('_(test|fuzz)', path.name)]


def read(pattern: str) -> str:
    """A place's code, without comments; of a patch what it leaves. An answer looks like a call."""
    code = ''
    for path in files(pattern):
        text = path.read_text()
        if path.suffix == '.patch':
            text = ''.join(re.findall(r'^[ +](?!\+\+)(.*\n)', text, re.MULTILINE))
        code += re.sub(r'^#.*', '', text, flags=re.MULTILINE)
    code = re.sub(rf'({STRING})|/\*.*?\*/', lambda match: match[1] or '', code, flags=re.DOTALL)
    return re.sub(rf'\breturn ({STRINGS});', r'return (\1);', code)


@functools.lru_cache
def macros() -> dict[str, str]:
    """Our macros that are strings."""
    code = ''.join(path.read_text() for folder in ('lib', 'drivers', 'app')
                   for path in files(f'{folder}/**/*.[ch]'))
    return dict(re.findall(rf'^#define (\w+) ({STRING})$', code, re.MULTILINE))


def strings(code: str) -> list[str]:
    """The strings in code; what a macro of others puts into one is a conversion."""
    found = []
    for run in re.findall(STRINGS, code):
        text = ''.join(macros().get(word, word if word[0] == '"' else '"%s"')[1:-1]
                       for word in re.findall(rf'{STRING}|\w+', run))
        found.append(re.sub(r'\\(?:u\w{4}|.)', lambda match: ESCAPES.get(match[0], '?'), text))
    return found


def arguments(code: str, start: int) -> list[str]:
    """The arguments of a call whose opening parenthesis ends at start."""
    depth, found = 1, ['']
    for match in re.compile(rf'{STRING}|.', re.DOTALL).finditer(code, start):
        depth += {'(': 1, '{': 1, ')': -1, '}': -1}.get(match[0], 0)
        if depth == 0:
            break
        if match[0] == ',' and depth == 1:
            found.append('')
        else:
            found[-1] += match[0]
    return found


def wordy(text: str) -> bool:
    """Whether a text has words of its own besides its conversions, in one line; help has more."""
    return re.search('[A-Za-z]{2}', re.sub(CONVERSION, '', text)) is not None and '\n' not in text


@functools.lru_cache
def scan(pattern: str, functions: str) -> tuple[set[str], set[str]]:
    """The messages of a place, and the parts that are put into them."""
    messages, parts, code = set(), set(), read(pattern)
    for call in re.finditer(rf'\b(?:{functions})\s*\(', code):
        rest = arguments(code, call.end())
        while rest and not re.match(rf'\s*{STRINGS}', rest[0]):
            rest.pop(0)
        if rest:
            messages.add(strings(rest[0])[0].rstrip('\n').removeprefix('EAL: '))
            parts.update(part.strip() for part in strings(' '.join(rest[1:])))
    return set(filter(wordy, messages)), set(filter(wordy, parts))


def paragraphs() -> list[str]:
    """The page's paragraphs, each as one line."""
    return [' '.join(text.split()) for text in re.split(r'\n\s*\n', PAGE.read_text())]


@functools.lru_cache
def entries() -> dict[str, str | None]:
    """The messages on the page, each with what the code has: of all that fit the longest.

    A conversion stands for words in capitals, for numbers and for other strings of the code.
    """
    known = OTHERS.union(*(scan(*place)[0] for place in PLACES))
    others = {text for pattern, _ in PLACES for text in strings(read(pattern)) if wordy(text)}
    value = re.compile('(?:' + '|'.join(map(re.escape, others)) + '|[A-Z0-9…])*')
    shapes = {text: re.compile('(.*?)'.join(map(re.escape, re.split(f'(?:{CONVERSION})+', text))))
              for text in sorted(known, key=len, reverse=True)}

    def fits(entry: str, text: str) -> bool:
        match = shapes[text].fullmatch(entry)
        return match is not None and all(map(value.fullmatch, match.groups()))

    literals = [text[2:-2] for text in paragraphs() if re.fullmatch('``[^`]+``', text)]
    assert len(literals) == len(set(literals)), 'a message is on the page twice'
    return {entry: next((text for text in shapes if fits(entry, text)), None) for entry in literals}


@pytest.mark.parametrize('pattern, functions', PLACES, ids=[place[0] for place in PLACES])
def test_messages_have_entries(pattern, functions):
    """A message, and each part that is put into one, must be on the page.

    Steps: Look for the messages in the code, and for each on the page.
    Verify: There is none that isn't on the page.
    """
    messages, parts = scan(pattern, functions)
    assert messages or functions == GLUE, 'no message is found any more'
    assert sorted(messages - set(entries().values())) == []
    assert sorted(part for part in parts if part not in ' '.join(paragraphs())) == []


def test_entries_have_messages():
    """What is on the page must be a message still, with its cause and its remedy.

    Steps: Look for the message of each entry; look at what follows it.
    Verify: There is one; a cause and a remedy follow, maybe after other messages.
    """
    assert [entry for entry, message in entries().items() if message is None] == []
    assert sorted(OTHERS - set(entries().values())) == []
    for text, following in zip(paragraphs(), paragraphs()[1:]):
        if text[2:-2] in entries():
            assert re.match(':Cause: .* :Remedy: ', following) or following[2:-2] in entries(), text


@pytest.mark.parametrize('pattern', ['lib/eal/linux/*.c', 'drivers/bus/pci/linux/*.c'])
def test_no_message_is_overlooked(pattern):
    """No sentence may reach people through a function that isn't known here.

    Steps: Look for strings of four words and more in libvftoken.
    Verify: Each is a message, or a part of one.
    """
    sentences = {text.strip() for text in strings(read(pattern)) if len(text.split()) > 3}
    assert sorted(sentences.difference(*scan(pattern, LIBRARY))) == []
