# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/dpdk/export.py writes a series that DPDK's own tools take, and debian_source.py changes
Debian's source package of DPDK; or nothing at all."""
import errno
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import codespell_lib
import pytest

import dpdk.source
from dpdk import debian_source
from dpdk.export import Library, adapt
from dpdk.fetch import Wrap
from dpdk.source import find_glue, find_tree
from dpdk.texts import STEPS
from framework.common import SOURCE

pytestmark = pytest.mark.fast

TOOL = SOURCE / 'devtools/dpdk/export.py'
DEBIAN = SOURCE / 'devtools/dpdk/debian_source.py'
CONTROL = '''Source: dpdk
Build-Depends: chrpath,
               zlib1g-dev,

Package: dpdk
Depends: procps,

Package: libdpdk-dev
Section: libdevel
Pre-Depends: ${misc:Pre-Depends},
Depends: libbpf-dev,
         zlib1g-dev,
'''
CHANGELOG = '''dpdk (22.11.11-0+deb12u1) bookworm; urgency=medium

  * New upstream release.

 -- Somebody <somebody@example.com>  Fri, 27 Nov 2026 12:00:00 +0000
'''
# What the series changes, and what checks it. All else of DPDK stays in the tarball.
FILES = re.compile('[^/]*/(VERSION|ABI_VERSION|MAINTAINERS|[.]mailmap|meson.build|config/.*|'
                   'buildtools/.*|devtools/.*|lib/meson.build|lib/eal/.*|drivers/bus/pci/.*|'
                   'app/test/(meson.build|test.h)|doc/guides/linux_gsg/.*|'
                   'doc/guides/prog_guide/env_abstraction_layer.rst)')
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


def commit_base(tree):
    """Make a git repository of a tree."""
    run(tree, 'git', 'init', '--quiet')
    run(tree, 'git', 'add', '--all', '--force')
    run(tree, 'git', 'commit', '--quiet', '--message=base')
    run(tree, 'git', 'tag', 'base')


def apply(tree, patches):
    """Apply patches as their author, who signs them off."""
    run(tree, 'env', 'GIT_COMMITTER_NAME=Ünal Tester', 'GIT_COMMITTER_EMAIL=tester@example.com',
        'git', 'am', '--quiet', '--signoff', *patches)


def misspelt(tree, work, *files):
    """What codespell says with the dictionary that DPDK makes of its own."""
    project = work / 'codespell/codespell_lib'
    project.mkdir(parents=True)
    (project / 'data').symlink_to(Path(codespell_lib.__file__).parent / 'data')
    (work / 'dictionary').write_text(run(tree, 'devtools/build-dict.sh', project.parent))
    # stdio, as DPDK's later dictionaries have it.
    return subprocess.run(['codespell', '-D', work / 'dictionary', '-L', 'stdio', *files],
                          text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout


@pytest.fixture
def patches(tree, tmp_path):
    """The series for the tree, which is a git repository now, without its cover letter."""
    done = export(tree, '--to', tmp_path / 'series')
    assert done.returncode == 0, done.stderr
    commit_base(tree)
    letter, *patches = sorted((tmp_path / 'series').iterdir())
    assert letter.name == '0000-cover-letter.patch'
    return patches


def test_series_applies(tree, tmp_path):
    """The series must apply to the tree it is for, which stays as it is, and pass DPDK's checks.

    Steps: Export for DPDK 22.11, apply with git am --signoff; run DPDK's check-meson.py,
        check-symbol-maps.sh, check-spdx-tag.sh and check-git-log.sh, and codespell with DPDK's
        dictionary.
    Verify: The tree is as before until git am; there is a cover letter, a fix, a patch for each
        step of the library and of the glue, and tests; by the person whom git knows, signed off by
        nobody before; the library and the glue are in the tree and linked; each file of ours has a
        maintainer; the checks find nothing.
    """
    before = listing(tree)
    done = export(tree, '--to', tmp_path / 'series')
    assert done.returncode == 0, done.stderr
    assert listing(tree) == before
    letter, *patches = sorted((tmp_path / 'series').iterdir())
    assert done.stdout.splitlines() == list(map(str, [letter, *patches]))
    assert '***' not in letter.read_text() and 'Signed-off-by: none' in letter.read_text()
    assert all('Signed-off-by' not in patch.read_text() for patch in patches)
    wrap = find_glue(find_tree(tree))
    assert len(patches) == 1 + len(STEPS) + len(wrap.patches) + 1

    commit_base(tree)
    apply(tree, patches)
    authors = run(tree, 'git', 'log', '--format=%an <%ae>', 'base..').splitlines()
    assert set(authors) == {'Ünal Tester <tester@example.com>'} and len(authors) == len(patches)
    maintainers = (tree / 'MAINTAINERS').read_text()
    for file in wrap.own_files:
        name = file.relative_to(wrap.overlay)
        assert (tree / name).read_bytes() == file.read_bytes()
        assert f'F: {name}\n' in maintainers
    for name in ('lib/eal/linux/meson.build', 'drivers/bus/pci/meson.build'):
        text = (tree / name).read_text()
        assert "deps += 'vftoken'" in text and 'libvftoken' not in text
    libraries = (tree / 'lib/meson.build').read_text()
    assert libraries.index("'vftoken',") < libraries.index("'eal',")
    guide = (tree / 'doc/guides/linux_gsg/linux_drivers.rst').read_text()
    assert 'file:PATH' in guide and '14d63f20' not in guide
    guide = (tree / 'doc/guides/prog_guide/env_abstraction_layer.rst').read_text()
    assert guide.count('\nVF Tokens\n~~~~~~~~~\n') == 1
    assert run(tree, sys.executable, 'devtools/check-meson.py') == ''
    assert run(tree, 'devtools/check-symbol-maps.sh', 'lib/vftoken/version.map') == ''
    assert 'total: 0 errors, 0 warnings' in run(tree, 'devtools/check-spdx-tag.sh')
    assert misspelt(tree, tmp_path, *patches) == ''
    # The fix names a commit of DPDK's history, which a release hasn't.
    others = len(patches) - 1
    checked = run(tree, 'devtools/check-git-log.sh', '-r', f'HEAD~{others}..HEAD')
    assert checked.strip() == f'{others}/{others} valid patches'


def test_release_notes(tree, tmp_path):
    """A release that isn't out must tell of the options, of telemetry and of secondary processes.

    Steps: Export for a candidate of DPDK 22.11, with the section of its notes that comes next.
    Verify: The patch of the options adds them before that section.
    """
    notes = tree / 'doc/guides/rel_notes/release_22_11.rst'
    notes.parent.mkdir(parents=True)
    notes.write_text('New Features\n------------\n\n\nRemoved Items\n-------------\n')
    (tree / 'VERSION').write_text('22.11.0-rc1\n')
    done = export(tree, '--to', tmp_path / 'series')
    assert done.returncode == 0, done.stderr
    patch, = (tmp_path / 'series').glob('*-eal-take-VF-tokens-as-rules.patch')
    text = patch.read_text().split('+++ b/doc/guides/rel_notes/')[1].split('\ndiff')[0]
    for word in ('``--vfio-vf-token``', '``/vf_token/reload``', 'secondary process'):
        assert word in text
    assert text.index('/vf_token/reload') < text.index('Removed Items')


def test_glue_is_whole(tree, patches):
    """The fix that comes first must leave nothing behind.

    Steps: Apply the glue to a copy of the tree, and the series to the tree.
    Verify: The files of EAL and of the bus are the same, but for how they link libvftoken.
    """
    wrap = find_glue(find_tree(tree))
    with_glue = tree.parent / 'glue'
    subprocess.run(['cp', '-a', tree, with_glue], check=True)
    dpdk.source.apply(wrap, with_glue)
    apply(tree, patches)
    for folder in ('lib/eal', 'drivers/bus/pci'):
        ours, theirs = listing(tree / folder), listing(with_glue / folder)
        differ = {path.name for path in ours.keys() | theirs.keys()
                  if ours.get(path) != theirs.get(path)}
        assert differ <= {'meson.build'}


def test_library_grows_by_steps(tree, patches, tmp_path):
    """The library must build by itself after each step, with all that it exports, as internal.

    Steps: Export, apply the patches of the library one by one; compile and link lib/vftoken with
        its version map as DPDK does.
    Verify: No warning, and no library but libc is needed; the symbols of the shared library are
        those of its map; after the last step they are those of libvftoken, and the files are those
        of the whole library.
    """
    # What DPDK's own Meson writes, as far as it matters here.
    (tmp_path / 'rte_build_config.h').write_text('#define RTE_CACHE_LINE_SIZE 64\n')
    folders = ('config', 'lib', 'lib/eal/include', 'lib/eal/linux/include', 'lib/eal/x86/include')
    folder = tree / 'lib/vftoken'
    apply(tree, patches[:1])
    for patch in patches[1:1 + len(STEPS)]:
        apply(tree, [patch])
        sources = sorted(folder.glob('*.c'))
        build = (folder / 'meson.build').read_text()
        listed = re.findall(r"^        '(.*)',$", build, re.MULTILINE)
        assert listed == [path.name for path in sources]
        run(tree, 'gcc', '-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE',
            '-DALLOW_INTERNAL_API', *(f'-I{folder}' for folder in (*folders, tmp_path)), *sources,
            '-o', tmp_path / 'vftoken.so', '-Wl,--version-script=lib/vftoken/version.map',
            '-Wl,--no-undefined', '-pthread')
        symbols = run(tree, 'nm', '-D', '--defined-only', tmp_path / 'vftoken.so')
        found = re.findall(r' T (\w+)@@INTERNAL$', symbols, re.MULTILINE)
        mapped = re.findall(r'^\t(\w+);$', (folder / 'version.map').read_text(), re.MULTILINE)
        assert found and sorted(found) == sorted(mapped)
    assert sorted(found) == sorted(Library(SOURCE).exports)
    Library(SOURCE).write(tmp_path / 'whole', False)
    assert listing(folder) == listing(tmp_path / 'whole')


def test_steps_name_each_source():
    """Each source of the library must be in one step.

    Steps: Compare the steps with the sources.
    Verify: They are the same.
    """
    sources = [path.stem for path in Library(SOURCE).files if path.suffix == '.c']
    assert sorted(stem for step in STEPS for stem in step.parts.split()) == sorted(sources)


def test_checkpatches(tree, patches, tmp_path):
    """The patches to DPDK's own code must pass DPDK's checkpatches.sh.

    Steps: Apply the series, signed off; give checkpatches.sh the glue and the tests.
    Verify: It finds nothing. (Of the library it finds what the cover letter says.)
    """
    # No package of Debian's has it but that of the kernel's sources.
    script = os.environ.get('DPDK_CHECKPATCH_PATH')
    if not script or not shutil.which('gawk'):
        pytest.skip("DPDK_CHECKPATCH_PATH names no kernel's checkpatch.pl, or there is no gawk")
    apply(tree, patches)
    # The fix names a commit of DPDK's history, which a release hasn't.
    run(tree, 'git', 'format-patch', '--quiet', f'--output-directory={tmp_path}/signed',
        f'HEAD~{len(patches) - 1 - len(STEPS)}')
    signed = sorted((tmp_path / 'signed').iterdir())
    run(tree, 'env', f'DPDK_CHECKPATCH_PATH={script}', 'devtools/checkpatches.sh', '-q', *signed)


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
    assert 'VFTOKEN_API\n' not in (tmp_path / 'vftoken/context.h').read_text()


def test_sources_are_copies(tmp_path):
    """The sources must come word for word.

    Steps: Write the library; compare its files with those of lib/vftoken.
    Verify: Each is the same but for api.h and for DPDK's names of two marks, which tie it to DPDK;
        meson.build names each source file of ours, and no test.
    """
    Library(SOURCE).write(tmp_path / 'vftoken', False)
    ours = SOURCE / 'lib/vftoken'
    copies = {path.name for path in (tmp_path / 'vftoken').iterdir()}
    differ = [name for name in sorted(copies) if not (ours / name).exists()
              or adapt((ours / name).read_text()) != (tmp_path / 'vftoken' / name).read_text()]
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


def repackage(tree):
    """Run the tool for Debian."""
    return subprocess.run([DEBIAN, tree], text=True, check=False, capture_output=True,
                          env={**os.environ, **PERSON})


@pytest.fixture
def debian(tree):
    """The tree as Debian's source package, unpacked."""
    (tree / 'debian/patches').mkdir(parents=True)
    (tree / 'debian/patches/series').write_text('debians-own.patch\n')
    (tree / 'debian/control').write_text(CONTROL)
    (tree / 'debian/changelog').write_text(CHANGELOG)
    return tree


def test_debian_source_half_way(debian, monkeypatch):
    """What can't be written to its end must be taken back.

    Steps: Change a package whose changelog, the last file, can't be written at first.
    Verify: The error is passed on; all files are as before.
    """
    before, failed = listing(debian), []
    write = Path.write_text

    def full(file, *args):
        if file.name == 'changelog' and not failed:
            failed.append(file)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, *args)

    monkeypatch.setattr(Path, 'write_text', full)
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OSError):
        debian_source.change(debian)
    assert failed and listing(debian) == before


def test_debian_source(debian):
    """Debian's source package must get the glue, its library, and a version before Debian's next.

    Steps: Change it; apply its series of patches as dpkg-source does, and the glue to a copy.
    Verify: The files are the same; libvftoken is needed to build, and to link statically; the new
        version is newer than Debian's, and older than an update; who made it is named.
    """
    with_glue = debian.parent / 'glue'
    subprocess.run(['cp', '-a', debian, with_glue], check=True)
    done = repackage(debian)
    assert done.returncode == 0, done.stderr
    first, *ours = (debian / 'debian/patches/series').read_text().splitlines()
    assert first == 'debians-own.patch' and sorted(ours) == ours
    for name in ours:
        run(debian, 'patch', '--batch', '--fuzz=0', '--no-backup-if-mismatch', '-p1', '-i',
            f'debian/patches/{name}')
    dpdk.source.apply(find_glue(find_tree(with_glue)), with_glue)
    assert listing(debian / 'lib') == listing(with_glue / 'lib')
    assert listing(debian / 'drivers') == listing(with_glue / 'drivers')
    control = (debian / 'debian/control').read_text()
    assert 'Build-Depends: libvftoken-dev,\n               chrpath,\n' in control
    assert '\nDepends: libvftoken-dev,\n         libbpf-dev,\n' in control
    assert control.count('libvftoken-dev') == 2
    changelog = (debian / 'debian/changelog').read_text()
    assert changelog.endswith('\n\n' + CHANGELOG)
    assert changelog.count(' -- Ünal Tester <tester@example.com>  ') == 1
    version = run(debian, 'dpkg-parsechangelog', '-S', 'Version').strip()
    assert done.stdout == f'{debian}: {version}\n'
    for older, newer in (('22.11.11-0+deb12u1', version), (version, '22.11.11-0+deb12u2')):
        run(debian, 'dpkg', '--compare-versions', older, 'lt', newer)


@pytest.mark.parametrize('wrong, text', [
    ('no tree', "isn't a DPDK tree"),
    ('not Debian', "isn't Debian's source package"),
    ('changed', 'does not apply'),
    ('twice', 'has the patches already'),
    ('no version', 'instead of a version'),
    ('other control', "doesn't know this DPDK"),
])
def test_debian_source_refused(debian, wrong, text):
    """What can't be changed must be refused in words, and stay as it is.

    Steps: Change what is no DPDK, what isn't Debian's, a DPDK with another EAL, a package that has
        the patches, one without a version, and one whose control file names no libdpdk-dev.
    Verify: An error that says so; all files are as before.
    """
    if wrong == 'no tree':
        (debian / 'VERSION').unlink()
    elif wrong == 'not Debian':
        shutil.rmtree(debian / 'debian')
    elif wrong == 'changed':
        (debian / 'lib/eal/linux/eal_vfio.c').write_text('int changed;\n')
    elif wrong == 'twice':
        assert repackage(debian).returncode == 0
    elif wrong == 'no version':
        (debian / 'debian/changelog').write_text('what has changed\n')
    elif wrong == 'other control':
        (debian / 'debian/control').write_text(CONTROL.replace('libdpdk-dev', 'dpdk-dev'))
    before = listing(debian)
    done = repackage(debian)
    assert done.returncode == 1 and done.stdout == ''
    assert text in done.stderr and 'Traceback' not in done.stderr
    assert listing(debian) == before
