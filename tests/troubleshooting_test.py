# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The troubleshooting guide has each message about VF tokens, with its cause and its remedy.

Those of libvftoken and dpdk-vftoken are in catalogues (messages.def), which messages_rst.c prints.
The others are in troubleshooting.rst itself, as paragraphs of one literal, with a word in capitals
where the code has a conversion: those of dpdk-test-vftoken, the glue in DPDK and our kernel series,
which are looked for in the code, and those of OTHERS.
"""
from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

GUIDES = SOURCE / 'doc/guides'
# Messages that aren't in a catalogue: the files, and the functions that they go through.
PLACES = (
    ('app/test-vftoken/*.c', 'message_refuse|verdict_skip|return'),
    ('app/test-vftoken/verdict.c', 'verdict_fail'),
    ('lib/eal/linux/*.c', 'rte_log'),
    # The fixes are for an export alone, whose later patches take their messages out again.
    ('subprojects/packagefiles/**/0*.patch', r'rte_log|RTE_LOG\w*|EAL_LOG|PCI_LOG|rte_exit'),
    ('kernel-patches/**/*.patch',
     '(?:pci|dev|pr)_(?:info|notice|warn|err|crit|alert|emerg)(?:_ratelimited|_once)?'),
)
# Linux up to 7.3 without our series (vfio-pci, vfio, the PCI core), and DPDK.
OTHERS = {
    'VF token required to access device',
    'Incorrect VF token provided for device',
    'VF token incorrectly provided, PF not bound to vfio-pci',
    'VF token incorrectly provided, not a PF or VF',
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
    '%s not managed by VFIO driver, skipping',
    '%s VFIO group is not viable! Not all devices in IOMMU group bound to VFIO or unbound',
    '%s failed to select IOMMU type',
}
ENTRY = re.compile(r'\.\. _(\w+):\n\n``(\w+)``\n   ``(.+)``\n\n'
                   r'   :Level: (\w+)\n   :Cause: (.*)\n   :Remedy: (.*)\n')
STRING = r'"(?:[^"\\\n]|\\.)*"'
# One string of C, from several and from macros.
STRINGS = rf'{STRING}(?:\s*(?:{STRING}|[A-Z]\w+))*'
CONVERSION = r'%[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z|j)?[a-zA-Z]R?'

# A write to it waits for the VFs' users, even beyond SIGKILL, where dpdk-vftoken disable refuses.
BY_HAND = '>/sys/bus/pci/devices/[^ ]*/sriov_numvfs'


def read(path: Path) -> str:
    """A file's code, without comments; of a patch what it adds."""
    code = path.read_text('utf-8')
    if path.suffix == '.patch':
        code = ''.join(re.findall(r'^\+(?!\+\+)(.*\n)', code, re.MULTILINE))
    return re.sub(rf'({STRING})|/\*.*?\*/', lambda match: match[1] or '', code, flags=re.DOTALL)


def value(run: str) -> str:
    """What strings of C behind each other are, with a conversion for each macro."""
    text = ''.join(part[1:-1] if part[0] == '"' else '%s'
                   for part in re.findall(rf'{STRING}|\w+', run))
    return text.replace(r'\n', '\n').replace(r'\"', '"')


def has_words(text: str) -> bool:
    """Whether a text has words of its own, and is one line; help has more."""
    return re.search('[A-Za-z]{2}', re.sub(CONVERSION, '', text)) is not None and '\n' not in text


@functools.lru_cache
def strings(pattern: str, before: str = '') -> set[str]:
    """The strings that files have behind something."""
    code = ''.join(map(read, sorted(SOURCE.glob(pattern))))
    found = (value(run).rstrip('\n').removeprefix('EAL: ')
             for run in re.findall(rf'{before}({STRINGS})', code))
    return set(filter(has_words, found))


def messages(pattern: str, functions: str) -> set[str]:
    """The first string of each call of a function."""
    return strings(pattern, rf'\b(?:{functions})\b\s*(?:\([^;"]*)?')


@functools.lru_cache
def paragraphs() -> list[str]:
    """The paragraphs of troubleshooting.rst, each as one line."""
    text = (GUIDES / 'troubleshooting.rst').read_text('utf-8')
    return [' '.join(paragraph.split()) for paragraph in re.split(r'\n\s*\n', text)]


@functools.lru_cache
def entries() -> list[str]:
    """The messages in troubleshooting.rst."""
    return [text[2:-2] for text in paragraphs() if re.fullmatch('``[^`]+``', text)]


@functools.lru_cache
def values() -> re.Pattern[str]:
    """What may stand for conversions: words in capitals, numbers and other strings of the code."""
    texts = set().union(*(strings(place) for place, _ in PLACES))
    return re.compile('(?:' + '|'.join(map(re.escape, texts)) + '|[A-Z0-9])*')


def fits(message: str, entry: str) -> bool:
    """Whether an entry is one of a message."""
    shape = '(.*?)'.join(map(re.escape, re.split(f'(?:{CONVERSION})+', message)))
    match = re.fullmatch(shape, entry)
    return match is not None and all(map(values().fullmatch, match.groups()))


def without_entry(texts: set[str]) -> list[str]:
    """The messages that aren't on the page."""
    return [text for text in sorted(texts) if not any(fits(text, entry) for entry in entries())]


@pytest.fixture(scope='module', name='printed')
def fixture_printed(tmp_path_factory) -> str:
    """The catalogues as the guide has them."""
    program = tmp_path_factory.mktemp('messages') / 'messages'
    subprocess.run(['cc', '-std=c11', '-o', program, GUIDES / 'messages_rst.c'], check=True)
    return subprocess.run([program], check=True, stdout=subprocess.PIPE).stdout.decode('utf-8')


def test_catalogues(printed):
    """Each message of the catalogues must have an id of its own, a cause and a remedy.

    Steps: Print the catalogues.
    Verify: No id is there twice; no cause is empty, and no remedy but of infos.
    """
    found = ENTRY.findall(printed)
    assert len(found) == printed.count('\n.. _') > 100
    assert len({name for name, *_ in found}) == len(found)
    for label, name, text, level, cause, remedy in found:
        assert label == name and '%' not in text
        assert cause and (remedy or level == 'info'), name


@pytest.mark.parametrize('pattern, functions', PLACES, ids=[place[0] for place in PLACES])
def test_messages_have_entries(pattern, functions):
    """A message that is in no catalogue must be on the page.

    Steps: Look for the messages in the code, and for each on the page.
    Verify: There is none that isn't on the page.
    """
    found = messages(pattern, functions)
    assert found or 'packagefiles' in pattern, 'no message is found any more'
    assert without_entry(found) == []


def test_entries_have_messages():
    """What is on the page must be a message still, with its cause and its remedy.

    Steps: Look for the message of each entry; look at what follows it.
    Verify: There is one; a cause and a remedy follow, maybe after other messages.
    """
    known = OTHERS.union(*(messages(*place) for place in PLACES))
    assert len(entries()) == len(set(entries())), 'a message is on the page twice'
    assert [entry for entry in entries() if not any(fits(text, entry) for text in known)] == []
    assert without_entry(OTHERS) == []
    for text, following in zip(paragraphs(), paragraphs()[1:]):
        if text[2:-2] in entries():
            assert re.match(':Cause: .* :Remedy: ', following) or following[2:-2] in entries(), text


def sentences(path: Path) -> Iterator[str]:
    """A file's strings of four words and more, but for help."""
    code = re.sub(r'^#.*|\.summary = .*', '', read(path), flags=re.MULTILINE)
    for text in map(value, re.findall(STRINGS, code)):
        if has_words(text) and len(text.split()) > 3:
            yield text.strip()


@pytest.mark.parametrize('folder', ['lib/vftoken', 'app/vftoken'])
def test_no_sentence_outside_the_catalogues(printed, folder):
    """No sentence may reach people that isn't in a catalogue.

    Steps: Look for strings of four words and more in the code.
    Verify: There is none but parts of messages, which the guide explains.
    """
    outside = {text for path in sorted((SOURCE / folder).glob('*.[ch]'))
               if not re.search('(_test|_fuzz)[.]|^(test|fuzz)_', path.name)
               for text in sentences(path)}
    guide = ' '.join(paragraphs()) + printed
    assert [text for text in sorted(outside) if text not in guide] == []


@pytest.mark.parametrize('catalogue', ['lib/vftoken/messages.def', 'app/vftoken/messages.def'])
def test_disable_by_the_command(catalogue):
    """No message must tell to disable VFs by hand, which waits for their users.

    Steps: Look for writes to sriov_numvfs in the catalogue.
    Verify: There are none.
    """
    assert not re.findall(BY_HAND, (SOURCE / catalogue).read_text('utf-8'))
