# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A DPDK tree from anywhere gets the glue that is nearest, or is refused."""
import shutil

import pytest

from dpdk import source
from dpdk.source import SourceError
from framework.common import SOURCE

pytestmark = pytest.mark.fast

WRAP = '[wrap-git]\ndirectory = x\npatch_directory = dpdk\ndiff_files = dpdk-all/0001.patch\n'
PATCH = '''--- a/lib/eal/eal.c
+++ b/lib/eal/eal.c
@@ -2,3 +2,4 @@
 two
+glue
 three
 four
'''


@pytest.fixture
def subprojects(tmp_path):
    """A folder with wrap files and their glue, which is one file and one patch."""
    folder = tmp_path / 'subprojects'
    (folder / 'packagefiles/dpdk/lib/eal').mkdir(parents=True)
    (folder / 'packagefiles/dpdk/lib/eal/own.c').write_text('own\n')
    (folder / 'packagefiles/dpdk-all').mkdir()
    (folder / 'packagefiles/dpdk-all/0001.patch').write_text(PATCH)
    for name in ('22.11', '24.11', '25.11', 'main'):
        (folder / f'dpdk-{name}.wrap').write_text(WRAP)
    (folder / 'dpdk-source.wrap').write_text('[wrap-file]\ndirectory = dpdk-source\n')
    return folder


@pytest.fixture
def make_tree(tmp_path):
    """Makes a tree of a version."""
    def make(name, version='25.11.2', lines='one\ntwo\nthree\nfour\n'):
        folder = tmp_path / name
        (folder / 'lib/eal').mkdir(parents=True)
        (folder / 'VERSION').write_text(version + '\n')
        (folder / 'lib/eal/eal.c').write_text(lines)
        return folder

    return make


def listing(folder):
    """All files of a folder with what is in them."""
    return {path.relative_to(folder): path.read_text() for path in folder.rglob('*')
            if path.is_file()}


@pytest.mark.parametrize('version, glue', [
    ('21.11.9', '22.11'), ('22.11.0-rc1', '22.11'), ('22.11.11', '22.11'), ('24.07.0', '22.11'),
    ('24.11.4', '24.11'), ('25.07.0', '24.11'), ('25.11.4', '25.11'), ('26.03.0', '25.11'),
    ('26.11.0-rc0', '25.11'), ('26.11.0-rc0 cdev', 'main'), ('26.11.0 cdev', 'main')])
def test_nearest(make_tree, subprojects, version, glue):
    """A tree must get the newest glue that isn't newer than it, and the oldest if all are; one that
    opens devices by cdev, too, that of DPDK's main branch.

    Steps: Ask for the glue of a version; ask for it among the project's own wrap files.
    Verify: The wrap file.
    """
    version, _, cdev = version.partition(' ')
    folder = make_tree('tree', version)
    if cdev:
        (folder / 'lib/eal/linux').mkdir()
        (folder / source.CDEV).write_text('')
    tree = source.find_tree(str(folder))
    for folder in (subprojects, SOURCE / 'subprojects'):
        assert source.find_glue(tree, folder).path.name == f'dpdk-{glue}.wrap'


def test_bus(make_tree):
    """A tree since 26.07 must get the bus's glue of DPDK's main branch, and else what it got.

    Steps: Ask for the project's glue of 26.07 where EAL keeps a bus's lists, and where it doesn't.
    Verify: The patches of the bus are main's in the first; the others are the same.
    """
    folder = make_tree('tree', '26.07.0')
    tree = source.find_tree(str(folder))
    before = source.find_glue(tree).patches
    (folder / 'lib/eal/include').mkdir()
    (folder / source.LISTS[0]).write_text(f'#define {source.LISTS[1]}(dev, bus)\n')
    after = source.find_glue(tree).patches
    main = source.Wrap(SOURCE / 'subprojects/dpdk-main.wrap').patches
    changed = [new for old, new in zip(before, after) if new != old]
    assert [patch.name for patch in before] == [patch.name for patch in after]
    assert changed and set(changed) < set(main)
    assert all('bus-pci' in patch.name for patch in changed)


def test_copy(make_tree, subprojects):
    """The copy must have the glue and nothing that isn't source; the tree must stay as it is.

    Steps: Make the subproject of a tree with a git folder and a build; again; after a change.
    Verify: What is in the copy; the second time it isn't made again; the change is there.
    """
    folder = make_tree('tree')
    for name in ('.git', 'build/meson-private'):
        (folder / name).mkdir(parents=True)
        (folder / name / 'file').write_text('')
    before = listing(folder)
    tree = source.find_tree(str(folder))
    wrap = source.find_glue(tree, subprojects)
    copy = subprojects / 'dpdk-source'
    for _ in range(2):
        source.check(wrap, tree)
        source.make(wrap, tree, subprojects)
        assert {str(path) for path in listing(copy)} == {
            'VERSION', 'lib/eal/eal.c', 'lib/eal/own.c', source.STAMP}
        assert (copy / 'lib/eal/eal.c').read_text() == 'one\ntwo\nglue\nthree\nfour\n'
        assert listing(folder) == before
        (copy / 'VERSION').write_text('kept\n')
        before_again = (copy / 'VERSION').read_text()
        source.make(wrap, tree, subprojects)
        assert (copy / 'VERSION').read_text() == before_again
        (folder / 'lib/eal/new.c').write_text('new\n')
        source.make(wrap, tree, subprojects)
        assert (copy / 'lib/eal/new.c').read_text() == 'new\n'
        (folder / 'lib/eal/new.c').unlink()
        source.make(wrap, tree, subprojects)
    assert not list(subprojects.glob('.dpdk-source.*'))


def test_refused(make_tree, subprojects, tmp_path):
    """What can't be used must be refused by a sentence that names it, and nothing must change.

    Steps: Name no tree; one whose code differs, by much and by one line of the context; one where
        the copy's folder is somebody's own; another than the one whose copy is there; one that
        has the glue.
    Verify: The sentences; no copy is made, and the other's stays.
    """
    with pytest.raises(SourceError, match="nowhere' isn't a DPDK tree: it has no VERSION"):
        source.find_tree(str(tmp_path / 'nowhere'))

    def refused(name, why, **kind):
        folder = make_tree(name, **kind)
        tree = source.find_tree(str(folder))
        wrap = source.find_glue(tree, subprojects)
        with pytest.raises(SourceError, match=why):
            source.check(wrap, tree)
            source.make(wrap, tree, subprojects)
        return folder

    apart = 'glue of dpdk-25.11 does not apply: dpdk-all/0001.patch\n(.*\n)*.*README.md'
    refused('other', apart, lines='nothing\n')
    refused('fuzzy', apart, lines='one\ntwo\nthree\n4\n')
    assert not (subprojects / 'dpdk-source').exists()
    (subprojects / 'dpdk-source').mkdir()
    refused('third', "dpdk-source' wasn't made by this program; remove it")
    (subprojects / 'dpdk-source').rmdir()
    tree = source.find_tree(str(make_tree('good')))
    source.make(source.find_glue(tree, subprojects), tree, subprojects)
    before = listing(subprojects / 'dpdk-source')
    refused('second', "dpdk-source' has a copy of .*/good', which a build may need; remove it")
    shutil.copytree(subprojects / 'dpdk-source', tmp_path / 'patched')
    tree = source.find_tree(str(tmp_path / 'patched'))
    with pytest.raises(SourceError, match="own.c' is there already, so this DPDK has the glue"):
        source.check(source.find_glue(tree, subprojects), tree)
    assert listing(subprojects / 'dpdk-source') == before
