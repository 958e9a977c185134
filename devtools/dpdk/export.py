#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Write a patch series that brings libvftoken and the glue into a DPDK tree.

First comes a fix that stands alone; then libvftoken as DPDK's own library lib/vftoken, whose
functions are internal to DPDK, in steps that build; then the glue, and tests. The patches are by
whom git is configured for in the tree. Nobody has signed them off: a person does that.
"""
from __future__ import annotations

import argparse
import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dpdk.fetch import FetchError, Wrap  # noqa: E402
from dpdk.source import SourceError, Tree, apply, check, find_glue, find_tree  # noqa: E402

PROGRAM = 'export.py'
SOURCE = Path(__file__).resolve().parents[2]
LIBRARY = Path('lib/vftoken')
# What makes libvftoken look like a library of DPDK's own, which it is here.
LINKED = re.compile(r"^(shared|static)_rte_vftoken = dependency\('libvftoken'.*\n", re.MULTILINE)
EXPORT_MACROS = 'lib/eal/common/eal_export.h'
LIBRARIES = 'lib/meson.build'
DRIVERS = 'doc/guides/linux_gsg/linux_drivers.rst'
TESTS = 'app/test'
UNIT_TEST = 'test_vf_token.c'


class Step(NamedTuple):
    """A part of the library that builds and links with those before it."""
    subject: str
    message: str
    parts: str  # the stems of its sources


# In order of dependence.
STEPS = (
    Step('vftoken: add context and messages of VF tokens', '''
A PF that is driven by vfio-pci shares a secret UUID, the VF token, with
those who may open its VFs. EAL takes one such token for all devices and
tries it on each, though every PF has a token of its own, a UUID among the
arguments is there for all to see, and the kernel refuses a token where it
has no use for one.

Begin a library that holds rules which say where the token of a device
comes from, opens the device with it, sets the token of a PF, and explains
a refusal in one sentence. EAL is to use it, so it needs no EAL, neither
its UUIDs nor its threads. Nobody but EAL and the PCI bus shall use it, so
all its functions are internal to DPDK. They keep their prefix vftoken_,
since the same text is a library of its own in the project dpdk-vf-token:
a fix there is a fix here.

This part has what the others share: the context, the catalogue of
messages, the form of a BDF, and the masking of tokens in texts and
arguments. context.h is whole, for the picture; what it declares comes with
the next parts, and each part brings its messages.
''', 'arguments bdf context mask message'),
    Step('vftoken: read VF tokens from their sources', '''
A UUID in the arguments is seen by all users, and in logs. Let a rule name
a file, an environment variable or a file descriptor instead.

A source that others could have written gives them the devices, so a file
that its group or others may write, or that belongs to somebody else, is
refused. A FIFO or a file system that doesn't answer must not stop a
start, so reading ends after five seconds. What has to be kept is in a
memory file that isn't mapped: no core dump has it.
''', 'fd file owner rules source store thread transfer uuid'),
    Step('vftoken: read SR-IOV PFs and VFs from sysfs', '''
Only a VF whose PF is on vfio-pci, or an SR-IOV PF on vfio-pci, takes a
token. Read from sysfs which of them a device is, and what it belongs to,
so that neither a guess nor a second try is needed. A container may hide
the PF or all of sysfs, so what isn't known is told apart from "no".
''', 'sriov'),
    Step('vftoken: open devices with their VF token', '''
Send the token where the kernel wants one, by group and by cdev, and
nowhere else. That is one ioctl, and no refusal in the kernel's log. If the
kernel refuses the device, say what, why, and what to do.

The kernel resets a device as it is opened, which takes 100 ms, and can do
that for many side by side. Let a program say what it is going to open, and
open it together; and keep what it closes at its end, to close that
together.
''', 'ahead cdev device open stop vfio'),
    Step('vftoken: set the VF token of a PF and enable its VFs', '''
The token of a PF has to be set before there are VFs that others could
want, and only the process that has the PF open can do so. Set it, then
enable the VFs that a rule asks for. What can't be done whole isn't begun,
or undone.

A token can be replaced while VFs are in use: the next one is in a file
beside the current one, so that at each moment one of them is right.
''', 'pf vfs'),
    Step('vftoken: tell status and check the start of a program', '''
Status of each device, without its token, is for telemetry. A rule that
nothing was done with at the end of a start is likely mistyped, and said.

Whoever can replace the sockets of telemetry or of the multi-process
channel could ask for tokens or for a reload, so have their folder checked.
''', 'clear info socket start'),
)

MESON = '''# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors

if not is_linux
    build = false
    reason = 'only supported on Linux'
    subdir_done()
endif

# headers are <vftoken/NAME.h>
includes += include_directories('..')
includes += global_inc
sources = files(
{sources}
)
'''

API = '''/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the headers of libvftoken share.
 */

#ifndef VFTOKEN_API_H
#define VFTOKEN_API_H

#include <rte_common.h>
#include <rte_compat.h>

/** A UUID: its 16 bytes in the order of its text, as rte_uuid_t has them. */
typedef unsigned char vftoken_uuid_t[16];

#endif /* VFTOKEN_API_H */
'''

EXPORTS = '''/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <eal_export.h>

#include "context.h"

/* The sources of libvftoken know no DPDK, so what they export is listed here. */
'''

MAINTAINERS = '''VF tokens
M: {author}
F: lib/vftoken/

'''

NEWS = '''
* **Added VF tokens per device.**

  Added the internal library vftoken, with which EAL takes the VF token of each device,
  or of each SR-IOV PF and its VFs, from a file, an environment variable, a file descriptor
  or a UUID (``--vfio-vf-token``), and enables the VFs of a PF (``--vfio-num-vfs``).

  Added the telemetry commands ``/vf_token/status``, and ``/vf_token/reload`` which sets
  the VF token of a PF again from its source.

  A secondary process asks its primary process for the tokens that no rule of its own gives,
  so that it needs no ``--vfio-vf-token`` any more.
'''

# The part of the guide to vfio-pci's VFs that one token for all devices made.
GUIDE_FROM = r'^To access the VFs, the user needs to create a new token,\n'
GUIDE_TO = r'[.][.] note::\n\n   Linux versions earlier than version 5[.]7 '
GUIDE = '''Whoever is to open the PF or its VFs needs the token that the PF's process has set.

EAL takes tokens as rules.
``--vfio-vf-token=[BDF=]SOURCE`` can be given any number of times.
A rule with the address of a PF is for the PF and its VFs;
one with the address of a VF is for this VF, instead of its PF's;
one without an address is for all other devices.
A token is only sent for a device for which the kernel requires one.
Two different rules for one device are an error.

The source says where the token, a UUID, is read from:

``file:PATH``
   A file or FIFO, at each open and each reload.
   A file that its group or others may write is refused.

``env:NAME``
   An environment variable, once. Then it is overwritten and unset,
   unless the source is ``env:NAME,stay``.

``fd:N``
   A file descriptor that is open at the start, once. Then it is closed.

a UUID
   The token itself. EAL overwrites it in the arguments,
   but until then any user can read it there, and a shell may keep it.

The process of the PF sets the token before it enables VFs.
``--vfio-num-vfs=[BDF=]N`` lets EAL do both before the driver of the PF is probed.

#. Load the ``vfio-pci`` module with ``enable_sriov`` parameter set

   .. code-block:: console

      sudo modprobe vfio-pci enable_sriov=1

   Alternatively, pass the parameter through ``sysfs`` if the module is loaded or built-in:

   .. code-block:: console

      echo 1 | sudo tee /sys/module/vfio_pci/parameters/enable_sriov

#. Write a new token to a file that only its owner may read

   .. code-block:: console

      (umask 077; cat /proc/sys/kernel/random/uuid > /run/vf-token)

#. Bind the PF to ``vfio-pci``

   .. code-block:: console

      ./usertools/dpdk-devbind.py -b vfio-pci 0000:86:00.0

#. Start the DPDK application that will manage the PF, and have it enable two VFs

   .. code-block:: console

      <build_dir>/app/dpdk-testpmd -l 22-25 -a 86:00.0 --file-prefix=pf \\
      --vfio-vf-token=86:00.0=file:/run/vf-token --vfio-num-vfs=86:00.0=2 -- -i

#. Start the DPDK application that will manage a VF

   .. code-block:: console

      <build_dir>/app/dpdk-testpmd -l 26-29 -a 86:02.0 --file-prefix=vf0 \\
      --vfio-vf-token=86:00.0=file:/run/vf-token -- -i

A secondary process asks its primary process for a token that no rule of its own gives.

The telemetry command ``/vf_token/status`` shows the devices that have a rule or are open,
with the source of their token, and never a token.
To replace the token of a PF while its process runs,
write the next one to the file's name with ``.next`` behind, and reload:

.. code-block:: console

   (umask 077; cat /proc/sys/kernel/random/uuid > /run/vf-token.next)
   echo /vf_token/reload,0000:86:00.0 | ./usertools/dpdk-telemetry.py -f pf

VFs that are open stay open.
When the token is set, ``.next`` is renamed to the name of the file.
The reload is refused if other users can reach the socket of telemetry.

If a device is refused, a message in the log says why and what to do.
'''

TEST_MESSAGE = '''test/vftoken: add unit tests of VF tokens

Test the rules and their refusals, the masking of tokens in arguments, the
sources that don't outlive their reading, and the look-ups in a made sysfs.
They need neither a device nor a privilege.
'''

LETTER_SUBJECT = 'VF tokens per device'
LETTER = '''This series is for DPDK {version}.

Signed-off-by: none of the patches is signed off. The person who sends them
adds their own, after reading them (git am --signoff, or git rebase
--signoff). Add what you have measured and tested yourself to this letter,
and "Depends-on:" where it is needed.

Problem
-------

A PF on vfio-pci shares a secret UUID, the VF token, with those who may
open its VFs. EAL has one token for the process, from its arguments:

- two PFs can't have a token each;
- all users can read it in ps, and a secondary process needs it once more;
- it is tried on each device, and a refusal says neither what was wrong nor
  what to do; a device that needs no token costs a failed open;
- the PF's token and its VFs are left to scripts;
- nobody can replace a token without a restart.

Design
------

Rules say where the token of a device comes from: --vfio-vf-token can be
given many times, as [BDF=]SOURCE with a file, an environment variable, a
file descriptor, or a UUID as before. The library lib/vftoken reads sysfs,
and sends the token where the kernel requires one, and nowhere else, by
group and by cdev. It sets the token of a PF, and enables VFs
(--vfio-num-vfs). A secondary process asks its primary one. Telemetry shows
the status and, as the one command that changes something, has the token of
a PF set again from its source: a process has no other door by which an
administrator could ask for it. It is refused if another user could reach
the socket, and no token goes through it.

The first patch is a fix that stands alone. The next ones add the library
in steps that build, then come EAL's options and opens, the PCI bus, and
unit tests.

The functions are internal (RTE_EXPORT_INTERNAL_SYMBOL or an INTERNAL map),
for EAL and the PCI bus alone, so they add nothing to the ABI.
rte_eal_vfio_get_vf_token() gives the token of the rule without an address,
and nil without one, as before.

Left out
--------

- The library inside EAL: it is of use, and tested, without DPDK.
- DPDK's rte_uuid and rte_thread: they are in EAL, which depends on this
  library. A UUID is 16 bytes here as there.
- Devargs instead of an option: they are printed, and saved for telemetry.
- The prefix rte_ for internal names: the same text is a library elsewhere.
- net/nbl and bus/fslmc open devices by themselves, and are left alone.

What checkpatches.sh says of the library: macros make code of the catalogue
of messages, a compiler's attribute keeps tokens out of vector registers
that get saved, and pthreads, since EAL's threads are above it.

Measurements
------------

In a virtual machine with emulated igb devices, not on real NICs: an open
takes one ioctl, as with one right token before; a look-up among 65,536
rules 207 instructions for a device's own and 410 for its PF's; the time of
a start doesn't differ from that of the released DPDK with one device. A
start opens all its devices in the time of one reset (100 ms for a VF).

How it was tested
-----------------

By unit tests (app/test/test_vf_token.c), and in the project dpdk-vf-token,
whose tests build DPDK with the same changes: more unit tests of the
library, and functional tests with emulated PFs and VFs in that machine, by
group and by cdev. Real hardware hasn't been tested.
'''


def git(folder: Path, *args: str, stdin: str = '', env: dict[str, str] | None = None) -> str:
    """Run git in a folder."""
    done = subprocess.run(['git', *args], cwd=folder, input=stdin, text=True, check=False, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SourceError(f'git {args[0]} failed: {done.stdout.strip()}')
    return done.stdout


def author(tree: Tree) -> str:
    """Who git says is at work in a tree."""
    return re.sub(r'>.*', '>', git(tree.path, 'var', 'GIT_AUTHOR_IDENT')).strip()


class Repository:
    """A git repository of our own, whatever a person has set up for git."""

    def __init__(self, path: Path, who: str) -> None:
        self.path = path
        self.who = who
        name, _, mail = who.rstrip('>').rpartition(' <')
        self.env = {key: value for key, value in os.environ.items() if not key.startswith('GIT_')}
        self.env.update({
            'GIT_AUTHOR_NAME': name, 'GIT_AUTHOR_EMAIL': mail, 'GIT_COMMITTER_NAME': name,
            'GIT_COMMITTER_EMAIL': mail, 'GIT_CONFIG_GLOBAL': '/dev/null',
            'GIT_CONFIG_SYSTEM': '/dev/null'})
        self.run('init', '--quiet')

    def run(self, *args: str, stdin: str = '') -> str:
        """Run git."""
        return git(self.path, *args, stdin=stdin, env=self.env)

    def commit(self, message: str) -> None:
        """Commit all there is."""
        self.run('add', '--all', '--force')
        self.run('commit', '--quiet', '--file=-', stdin=message)

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a text file."""
        file = self.path / name
        if not file.exists():
            raise SourceError(f'the tree lacks {name}, which the series changes; take a whole DPDK')
        file.write_text(change(file.read_text('utf-8')), 'utf-8')


def insert(text: str, anchor: str, new: str, after: bool = False, replace: bool = False) -> str:
    """Put new text before, after or instead of what a regular expression finds once."""
    found = list(re.finditer(anchor, text, re.MULTILINE))
    if len(found) != 1:
        raise SourceError(f"a text to change has '{anchor}' {len(found)} times instead of once; "
                          f"{PROGRAM} doesn't know this DPDK yet")
    start, end = found[0].span()
    return text[:end if after else start] + new + text[end if after or replace else start:]


# The stems of the files for tests, fuzz targets and proofs.
OURS_ALONE = '_(test|fuzz|proof)$|^(test|fuzz)_|^proof$'


class Library:
    """The sources of libvftoken, without tests, fuzz targets and proofs."""

    def __init__(self, source: Path) -> None:
        folder = source / LIBRARY
        self.files = sorted(path for path in folder.iterdir() if path.suffix in ('.c', '.def', '.h')
                            and not re.search(OURS_ALONE, path.stem))
        exports = (folder / 'version.map').read_text('utf-8')
        self.exports = re.findall(r'^\t(\w+);$', exports, re.MULTILINE)

    def step(self, number: int) -> list[Path]:
        """The files that there are after some steps: their sources, and what these include."""
        stems = {stem for step in STEPS[:number] for stem in step.parts.split()}
        if number == len(STEPS):
            return self.files
        files = [path for path in self.files if path.suffix == '.c' and path.stem in stems]
        for path in files:
            for name in re.findall(r'^#include "(.*)"$', path.read_text('utf-8'), re.MULTILINE):
                file = path.parent / name
                if file not in files:
                    files.append(file)
        return sorted(files)

    def write(self, to: Path, macros: bool, number: int = len(STEPS)) -> None:
        """Make the folder of a library of DPDK's, as it is after some steps.

        The files are copies, but for what ties them to DPDK. DPDK since 25.07 finds exports marked
        in sources, earlier ones have a map.
        """
        to.mkdir(parents=True, exist_ok=True)
        files = self.step(number)
        texts = {path.name: path.read_text('utf-8') for path in files}
        code = ''.join(text for name, text in texts.items() if name.endswith('.c'))
        exports = [name for name in self.exports if re.search(rf'^{name}\(', code, re.MULTILINE)]
        if number < len(STEPS):
            texts['messages.def'] = said(texts['messages.def'], code)
        texts['api.h'] = API
        for name, text in texts.items():
            (to / name).write_text(adapt(text), 'utf-8')
        sources = [name for name in texts if name.endswith('.c')]
        if macros:
            marks = ''.join(f'RTE_EXPORT_INTERNAL_SYMBOL({name})\n' for name in exports)
            (to / 'exports.c').write_text(EXPORTS + marks, 'utf-8')
            sources = sorted([*sources, 'exports.c'])
        else:
            names = ''.join(f'\t{name};\n' for name in exports)
            (to / 'version.map').write_text(
                f'INTERNAL {{\n\tglobal:\n\n{names}\n\tlocal: *;\n}};\n', 'utf-8')
        (to / 'meson.build').write_text(MESON.format(
            sources=_lines(sources)), 'utf-8')


# What a header says of an exported function, and of one that takes a format.
VFTOKEN_API = 'VFTOKEN_API\n'
VFTOKEN_PRINTF = 'VFTOKEN_PRINTF('


def adapt(text: str) -> str:
    """A source's text with DPDK's own marks."""
    return text.replace(VFTOKEN_API, '__rte_internal\n').replace(
        VFTOKEN_PRINTF, '__rte_format_printf(')


def said(catalogue: str, code: str) -> str:
    """The part of the catalogue that code says."""
    head, *entries = re.split(r'^(?=MESSAGE|SECTION)', catalogue, flags=re.MULTILINE)
    kept = [entry for entry in entries if entry.startswith('SECTION')
            or f'MSG({entry.split(",")[0].removeprefix("MESSAGE(")})' in code]
    # A section without messages is none.
    kept = [entry for entry, after in zip(kept, [*kept[1:], 'SECTION'])
            if not (entry.startswith('SECTION') and after.startswith('SECTION'))]
    return (head + ''.join(kept)).rstrip('\n') + '\n'


def _lines(names: Iterable[str]) -> str:
    return '\n'.join(f"        '{name}'," for name in names)


def add_library(tree: Repository) -> None:
    """Make a tree build libvftoken, before EAL, and tell people of it."""
    tree.edit(LIBRARIES, lambda text: insert(
        text, r"^        'eal', #", "        'vftoken', # eal depends on vftoken\n"))
    if 'always_enable = [' in (tree.path / LIBRARIES).read_text('utf-8'):
        tree.edit(LIBRARIES, lambda text: insert(
            text, r'^always_enable = \[\n( .*\n)*\]\n',
            "if is_linux\n    always_enable += 'vftoken' # eal depends on it there\nendif\n",
            after=True))
    tree.edit('MAINTAINERS', lambda text: insert(
        text, r'^Linux VFIO\n', MAINTAINERS.format(author=tree.who)))
    tree.edit('.mailmap', lambda text: add_to_mailmap(text, tree.who))


def maintain(tree: Repository, *names: str) -> None:
    """Say who maintains files of ours, too."""
    lines = ''.join(f'F: {name}\n' for name in names)
    tree.edit('MAINTAINERS', lambda text: insert(
        text, r'^F: lib/vftoken/\n', lines, after=True))


def tell(tree: Repository, version: str) -> None:
    """Document the options, where there are both."""
    tree.edit(DRIVERS, lambda text: insert(
        text, GUIDE_FROM + r'(.*\n)*?(?=\n' + GUIDE_TO + ')', GUIDE, replace=True))
    # A release that is out has no news any more.
    if '-rc' in version:
        tree.edit(news(version), lambda text: insert(text, r'^\n\nRemoved Items\n', NEWS))


def add_tests(tree: Repository) -> None:
    """Add the unit tests, and have DPDK run them."""
    header = (tree.path / TESTS / 'test.h').read_text('utf-8')
    text = (SOURCE / TESTS / UNIT_TEST).read_text('utf-8')
    build = f'{TESTS}/meson.build'
    if 'REGISTER_FAST_TEST' in header:
        flags = 'NOHUGE_OK, ASAN_OK' if 'NOHUGE_OK' in header else 'true, true'
        text += f'REGISTER_FAST_TEST(vf_token_autotest, {flags}, test_vf_token);\n'
        tree.edit(build, lambda text: insert(
            text, r"^    'test_version[.]c':", f"    '{UNIT_TEST}': ['vftoken'],\n"))
    else:
        text += 'REGISTER_TEST_COMMAND(vf_token_autotest, test_vf_token);\n'
        tree.edit(build, lambda text: insert(
            text, r"^        'test_version[.]c',\n", f"        '{UNIT_TEST}',\n"))
        tree.edit(build, lambda text: insert(
            text, r"^        \['version_autotest', ",
            "        ['vf_token_autotest', true, true],\n"))
    (tree.path / TESTS / UNIT_TEST).write_text(text, 'utf-8')
    maintain(tree, f'{TESTS}/{UNIT_TEST}')


def news(version: str) -> str:
    """The release notes of a version."""
    return 'doc/guides/rel_notes/release_{}_{}.rst'.format(*version.split('.'))


def add_to_mailmap(text: str, who: str) -> str:
    """Name a contributor where the alphabet has it, as DPDK wants its contributors named."""
    if re.search(rf'^{re.escape(who)}( <|$)', text, re.MULTILINE):
        return text

    def key(line: str) -> str:
        """What DPDK sorts by: a name without case and accents."""
        name = unicodedata.normalize('NFD', line.split(' <', 1)[0])
        return ''.join(c for c in name if unicodedata.category(c) != 'Mn').lower()

    lines = text.splitlines(keepends=True)
    place = next((i for i, line in enumerate(lines)
                  if line[0] not in '#\n' and key(line) > key(who)), len(lines))
    return ''.join([*lines[:place], who + '\n', *lines[place:]])


def link(text: str) -> str:
    """Say in a meson.build that libvftoken is DPDK's own."""
    text = LINKED.sub('', text)
    if 'libvftoken' in text:
        raise SourceError(f"the glue links libvftoken in a way that {PROGRAM} doesn't know")
    return text


def add_glue(wrap: Wrap, number: int, tree: Repository) -> str:
    """Apply one patch of the glue, linked to the library in the tree; returns its message."""
    part = copy.copy(wrap)
    part.patches = [wrap.patches[number]]
    part.own_files = [] if number else wrap.own_files
    apply(part, tree.path)
    for name in touched(part):
        if Path(name).name == 'meson.build':
            tree.edit(name, link)
    with tempfile.TemporaryDirectory(prefix=f'{PROGRAM}.') as work:
        facts = git(Path(work), 'mailinfo', 'message', 'diff',
                    stdin=part.patches[0].read_text('utf-8'))
        subject, = re.findall(r'^Subject: (.*)$', facts, re.MULTILINE)
        return f'{subject}\n\n' + (Path(work) / 'message').read_text('utf-8')


def touched(wrap: Wrap) -> list[str]:
    """The files that the glue's patches change."""
    numbers = git(Path('/'), 'apply', '--numstat', *map(str, wrap.patches))
    return [line.split('\t')[2] for line in numbers.splitlines()]


def copy_files(tree: Tree, names: Iterable[str], to: Path) -> None:
    """Copy those files of a tree that there are."""
    for name in names:
        if (tree.path / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree.path / name, to / name)


def find_fix(wrap: Wrap) -> Path:
    """The fix for what is wrong without libvftoken; it is for the versions of the common open."""
    common, = (patch for patch in wrap.patches if 'open-the-devices-of-a-start' in patch.name)
    fix, = common.parent.glob('fix-*.patch')
    return fix


def make_series(wrap: Wrap, tree: Tree, work: Path) -> Repository:
    """Commit the series to a repository which has only the files that it changes."""
    made = Repository(work, author(tree))
    copy_files(tree, [*touched(wrap), EXPORT_MACROS, LIBRARIES, 'MAINTAINERS', '.mailmap', DRIVERS,
                      news(tree.version), f'{TESTS}/meson.build', f'{TESTS}/test.h'], work)
    made.commit('base')
    made.run('tag', 'base')
    fix = copy.copy(wrap)
    fix.patches = [find_fix(wrap)]
    fix.own_files = []
    made.commit(add_glue(fix, 0, made))
    add_library(made)
    library = Library(SOURCE)
    for number, step in enumerate(STEPS, 1):
        library.write(made.path / LIBRARY, (made.path / EXPORT_MACROS).exists(), number)
        made.commit(f'{step.subject}\n{step.message}')
    for number, patch in enumerate(wrap.patches):
        # The glue is for a tree without the fix, and does all that it does.
        if 'open-VFIO-devices' in patch.name:
            made.run('apply', '--reverse', '-C1', str(fix.patches[0]))
        message = add_glue(wrap, number, made)
        if number == 0:
            maintain(made, *(str(file.relative_to(wrap.overlay)) for file in wrap.own_files))
        elif 'take-VF-tokens' in patch.name:
            tell(made, tree.version)
        made.commit(message)
    add_tests(made)
    made.commit(TEST_MESSAGE)
    return made


def write_letter(file: Path, tree: Tree) -> None:
    """Fill in the cover letter that git has begun."""
    text = file.read_text('utf-8')
    text = text.replace('*** SUBJECT HERE ***', LETTER_SUBJECT)
    file.write_text(text.replace('*** BLURB HERE ***\n', LETTER.format(version=tree.version)),
                    'utf-8')


def export(wrap: Wrap, tree: Tree, to: Path) -> list[Path]:
    """Write the series for a tree to a new folder."""
    if to.exists():
        raise SourceError(f"'{to}' is there already; name a folder that isn't")
    if (tree.path / LIBRARY).exists():
        raise SourceError(f"'{tree.path}' has {LIBRARY} already; name a tree without it")
    check(wrap, tree)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{to.name}.', dir=to.parent) as work:
        (Path(work) / 'tree').mkdir()
        made = make_series(wrap, tree, Path(work) / 'tree')
        made.run('format-patch', '--quiet', '--zero-commit', '--no-signature', '--cover-letter',
                 '--output-directory=../series', 'base')
        series = Path(work) / 'series'
        write_letter(series / '0000-cover-letter.patch', tree)
        series.rename(to)
    return sorted(to.iterdir())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or '').split('\n', 1)[0])
    parser.add_argument('tree', metavar='TREE', help='a DPDK release or git checkout, which stays '
                        'as it is; what is in its files counts, committed or not')
    parser.add_argument('--to', type=Path, metavar='DIR',
                        help='the folder to make (vftoken-for-dpdk-VERSION)')
    args = parser.parse_args()
    # So that what is half done disappears.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        tree = find_tree(args.tree)
        to = args.to or Path(f'vftoken-for-dpdk-{tree.version}')
        for patch in export(find_glue(tree), tree, to.absolute()):
            print(patch)
    except (SourceError, FetchError, OSError) as err:
        print(f'{PROGRAM}: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
