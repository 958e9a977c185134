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

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dpdk.fetch import FetchError, Wrap  # noqa: E402
from dpdk.source import SourceError, Tree, apply, check, find_glue, find_tree  # noqa: E402
from dpdk.texts import (API, EXPORTS, GUIDE, GUIDE_FROM, GUIDE_TO, LETTER,  # noqa: E402
                        LETTER_SUBJECT, MAINTAINERS, MESON, NEWS, PROGRAMMERS, PROGRAMMERS_TO,
                        STEPS, TEST_MESSAGE)

PROGRAM = 'export.py'
SOURCE = Path(__file__).resolve().parents[2]
LIBRARY = Path('lib/vftoken')
# What makes libvftoken look like a library of DPDK's own, which it is here.
LINKED = re.compile(r"^(shared|static)_rte_vftoken = dependency\('libvftoken'.*\n", re.MULTILINE)
EXPORT_MACROS = 'lib/eal/common/eal_export.h'
LIBRARIES = 'lib/meson.build'
DRIVERS = 'doc/guides/linux_gsg/linux_drivers.rst'
EAL_GUIDE = 'doc/guides/prog_guide/env_abstraction_layer.rst'
TESTS = 'app/test'
UNIT_TEST = 'test_vf_token.c'


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
    tree.edit(EAL_GUIDE, lambda text: insert(text, PROGRAMMERS_TO, PROGRAMMERS + '\n'))
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
                      EAL_GUIDE, news(tree.version), f'{TESTS}/meson.build', f'{TESTS}/test.h'],
               work)
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
