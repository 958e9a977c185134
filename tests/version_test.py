# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The version: the same wherever it is, and which commit a program is of."""
import re
import shutil
import subprocess

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

GIT = ('git', '-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'tag.gpgSign=false',
       '-c', 'commit.gpgSign=false', '-C')


def first(path, pattern):
    """The first version that a file has."""
    return re.search(pattern, (SOURCE / path).read_text('utf-8'), re.MULTILINE)[1]


def test_same_everywhere():
    """The release's version must be the same in all places.

    Steps: Read it from Meson, from Debian's changelog and from CHANGELOG.md.
    Verify: It is the same.
    """
    release = first('meson.build', r"^ +version: '(.*)',$")
    assert first('debian/changelog', r'^dpdk-vf-token \((.*)-\d+\)') == release
    assert first('CHANGELOG.md', r'^## (\d[\d.]*)') == release


@pytest.fixture
def tree(tmp_path):
    """A tree in a git repository of its own, with one commit."""
    folder = tmp_path / 'repository/tree'
    (folder / 'devtools').mkdir(parents=True)
    shutil.copy(SOURCE / 'devtools/version.sh', folder / 'devtools')
    git(folder, 'init', '--quiet')
    git(folder, 'commit', '--quiet', '--allow-empty', '--message=a')
    return folder


def git(folder, *args):
    """Run git in a folder."""
    subprocess.run([*GIT, folder, *args], check=True)


def version(folder):
    """What the script prints."""
    return subprocess.run([folder / 'devtools/version.sh', '1.2.3'], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def test_of_a_commit(tree):
    """A program must say of which commit it is, where a release is tagged.

    Steps: Ask for the version without a tag, at a tag, and after one more commit; take git's
        folder away.
    Verify: The release; that of the tag; it with the number of commits and the commit; the release.
    """
    assert version(tree) == '1.2.3\n'
    git(tree, 'tag', '--annotate', '--message=a', 'v4.5.6')
    assert version(tree) == '4.5.6\n'
    git(tree, 'commit', '--quiet', '--allow-empty', '--message=b')
    assert re.fullmatch(r'4\.5\.6-1-g[0-9a-f]+\n', version(tree))
    shutil.rmtree(tree / '.git')
    assert version(tree) == '1.2.3\n'


def test_of_a_part(tree):
    """The tags of a repository that has this tree as a part must not be taken for its own.

    Steps: Put the tree into a repository with a tag.
    Verify: The release.
    """
    shutil.rmtree(tree / '.git')
    git(tree.parent, 'init', '--quiet')
    git(tree.parent, 'commit', '--quiet', '--allow-empty', '--message=a')
    git(tree.parent, 'tag', '--annotate', '--message=a', 'v22.11')
    assert version(tree) == '1.2.3\n'
