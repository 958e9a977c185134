# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/dpdk/export.py writes a series that DPDK's own tools take, or nothing at all."""
import os
import re
import subprocess
import sys
import tarfile

import pytest

from dpdk.export import Library
from dpdk.fetch import Wrap
from dpdk.source import find_glue, find_tree
from framework.common import SOURCE

pytestmark = pytest.mark.fast

TOOL = SOURCE / 'devtools/dpdk/export.py'
# What the series changes, and what checks it. All else of DPDK stays in the tarball.
FILES = re.compile('[^/]*/(VERSION|ABI_VERSION|MAINTAINERS|[.]mailmap|meson.build|config/.*|'
                   'buildtools/.*|devtools/.*|lib/meson.build|lib/eal/.*|drivers/bus/pci/.*|'
                   'doc/guides/linux_gsg/.*)')
PERSON = {'GIT_AUTHOR_NAME': 'Ünal Tester', 'GIT_AUTHOR_EMAIL': 'tester@example.com',
          'GIT_COMMITTER_NAME': 'Somebody Else', 'GIT_COMMITTER_EMAIL': 'else@example.com',
          'GIT_CONFIG_GLOBAL': os.devnull}


@pytest.fixture(scope='module')
def pristine(tmp_path_factory):
    """What there is of DPDK 22.11 without the glue."""
    wrap = Wrap(SOURCE / 'subprojects/dpdk-22.11.wrap')
    if not wrap.tarball.exists():
        pytest.skip(f'there is no {wrap.tarball}; devtools/demo.sh or devtools/test.sh fetches it')
    folder = tmp_path_factory.mktemp('pristine')
    with tarfile.open(wrap.tarball) as archive:
        archive.extractall(folder, (member for member in archive if FILES.fullmatch(member.name)))
    return folder / wrap.folder.name


@pytest.fixture
def tree(pristine, tmp_path):
    """A copy of it."""
    subprocess.run(['cp', '-a', pristine, tmp_path / 'dpdk'], check=True)
    return tmp_path / 'dpdk'


def listing(folder):
    """All files of a folder with what is in them."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob('*'))
            if path.is_file()}


def export(tree, *args, cwd=None):
    """Run the tool."""
    return subprocess.run([TOOL, tree, *args], cwd=cwd or tree.parent, text=True, check=False,
                          capture_output=True, env={**os.environ, **PERSON})


def run(tree, *argv):
    """Run a program that must succeed in a tree; returns its output."""
    done = subprocess.run(argv, cwd=tree, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **PERSON})
    assert done.returncode == 0, done.stdout
    return done.stdout


def apply(tree, patches):
    """Make a git repository of a tree, and apply patches to it."""
    run(tree, 'git', 'init', '--quiet')
    run(tree, 'git', 'add', '--all', '--force')
    run(tree, 'git', 'commit', '--quiet', '--message=base')
    run(tree, 'git', 'am', '--quiet', *patches)


def test_series_applies(tree, tmp_path):
    """The series must apply to the tree it is for, which stays as it is, and pass DPDK's checks.

    Steps: Export for DPDK 22.11, apply with git am; run DPDK's check-meson.py and
        check-symbol-maps.sh.
    Verify: The tree is as before until git am; there is a patch for the library and one for each of
        the glue, by the person whom git knows, signed off; the library and the glue are in the
        tree and linked; the checks find nothing.
    """
    before = listing(tree)
    done = export(tree, '--to', tmp_path / 'series')
    assert done.returncode == 0, done.stderr
    assert listing(tree) == before
    patches = sorted((tmp_path / 'series').iterdir())
    assert done.stdout.splitlines() == list(map(str, patches))
    wrap = find_glue(find_tree(tree))
    assert len(patches) == 1 + len(wrap.patches)

    apply(tree, patches)
    authors = run(tree, 'git', 'log', '--format=%an <%ae>', f'-{len(patches)}').splitlines()
    assert set(authors) == {'Ünal Tester <tester@example.com>'}
    signed = run(tree, 'git', 'log', f'-{len(patches)}')
    assert signed.count('Signed-off-by: Ünal Tester <tester@example.com>\n') == len(patches)
    for file in wrap.own_files:
        assert (tree / file.relative_to(wrap.overlay)).read_bytes() == file.read_bytes()
    for name in ('lib/eal/linux/meson.build', 'drivers/bus/pci/meson.build'):
        text = (tree / name).read_text()
        assert "deps += 'vftoken'" in text and 'libvftoken' not in text
    libraries = (tree / 'lib/meson.build').read_text()
    assert libraries.index("'vftoken',") < libraries.index("'eal',")
    assert run(tree, sys.executable, 'devtools/check-meson.py') == ''
    assert run(tree, 'devtools/check-symbol-maps.sh', 'lib/vftoken/version.map') == ''


def test_library_is_whole(tree, tmp_path):
    """The library must build by itself, with all that its map exports, marked as internal.

    Steps: Export, apply the first patch, compile and link lib/vftoken with its version map as DPDK
        does.
    Verify: No warning, and no library but libc is needed; the symbols of the shared library are those of libvftoken's version.map.
    """
    assert export(tree, '--to', tmp_path / 'series').returncode == 0
    apply(tree, [min((tmp_path / 'series').iterdir())])
    folder = tree / 'lib/vftoken'
    sources = sorted(folder.glob('*.c'))
    assert all(f"'{path.name}'," in (folder / 'meson.build').read_text() for path in sources)
    # What DPDK's own Meson writes, as far as it matters here.
    (tmp_path / 'rte_build_config.h').write_text('#define RTE_CACHE_LINE_SIZE 64\n')
    folders = ('config', 'lib', 'lib/eal/include', 'lib/eal/linux/include', 'lib/eal/x86/include')
    run(tree, 'gcc', '-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE',
        '-DALLOW_INTERNAL_API', *(f'-I{folder}' for folder in (*folders, tmp_path)), *sources,
        '-o', tmp_path / 'vftoken.so', '-Wl,--version-script=lib/vftoken/version.map',
        '-Wl,--no-undefined', '-pthread')
    symbols = run(tree, 'nm', '-D', '--defined-only', tmp_path / 'vftoken.so')
    found = re.findall(r' T (\w+)@@INTERNAL$', symbols, re.MULTILINE)
    assert sorted(found) == sorted(Library(SOURCE).exports)


def test_export_macros(tmp_path):
    """A DPDK since 25.07 must get its exports marked in a source file, each once.

    Steps: Write the library as for such a DPDK.
    Verify: There is no map; the symbols marked are those of libvftoken's version.map.
    """
    library = Library(SOURCE)
    library.write(tmp_path / 'vftoken', True)
    assert not (tmp_path / 'vftoken/version.map').exists()
    text = (tmp_path / 'vftoken/exports.c').read_text()
    marked = re.findall(r'^RTE_EXPORT_INTERNAL_SYMBOL\((\w+)\)$', text, re.MULTILINE)
    assert marked == library.exports
    assert "'exports.c'," in (tmp_path / 'vftoken/meson.build').read_text()


def test_sources_are_copies(tmp_path):
    """The sources must come word for word.

    Steps: Write the library; compare its files with those of lib/vftoken.
    Verify: Each is the same but for api.h, which ties it to DPDK; meson.build names each source
        file of ours, and no test.
    """
    Library(SOURCE).write(tmp_path / 'vftoken', False)
    ours = SOURCE / 'lib/vftoken'
    copies = {path.name for path in (tmp_path / 'vftoken').iterdir()}
    differ = [name for name in sorted(copies) if not (ours / name).exists()
              or (ours / name).read_bytes() != (tmp_path / 'vftoken' / name).read_bytes()]
    assert differ == ['api.h', 'meson.build', 'version.map']
    listed = re.findall(r"^    '(\w+[.]c)',$", (ours / 'meson.build').read_text(), re.MULTILINE)
    built = {name for name in listed if not re.search('_(test|fuzz)[.]|^(test|fuzz)_', name)}
    assert built == {name for name in copies if name.endswith('.c')}


@pytest.mark.parametrize('wrong, text', [
    ('no tree', "isn't a DPDK tree"),
    ('changed', 'does not apply'),
    ('has it', 'has lib/vftoken already'),
    ('unknown', "doesn't know this DPDK"),
    ('no room', 'is there already'),
])
def test_refused(tree, tmp_path, wrong, text):
    """What can't be exported must be refused in words, and leave nothing behind.

    Steps: Export for what is no DPDK, for a DPDK whose EAL is another, that has the library, or
        whose list of libraries is unlike any known; export to a folder that is there.
    Verify: An error that says so; no file is new.
    """
    if wrong == 'no tree':
        (tree / 'VERSION').unlink()
    elif wrong == 'changed':
        (tree / 'lib/eal/linux/eal_vfio.c').write_text('int changed;\n')
    elif wrong == 'has it':
        (tree / 'lib/vftoken').mkdir()
    elif wrong == 'unknown':
        (tree / 'lib/meson.build').write_text('libraries = []\n')
    elif wrong == 'no room':
        (tmp_path / 'series').mkdir()
    before = listing(tmp_path), sorted(tmp_path.iterdir())
    done = export(tree, '--to', tmp_path / 'series')
    assert done.returncode == 1 and done.stdout == ''
    assert text in done.stderr and 'Traceback' not in done.stderr
    assert (listing(tmp_path), sorted(tmp_path.iterdir())) == before
