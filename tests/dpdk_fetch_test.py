# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""DPDK's tarball is taken only with the sha256 of its wrap file."""
import hashlib

import pytest

import debian
from dpdk import fetch

pytestmark = pytest.mark.fast

WRAP = '''[wrap-file]
directory = dpdk-0.0
source_url = {url}
source_filename = dpdk-0.0.tar.xz
source_hash = {sha256}
patch_directory = dpdk
diff_files = dpdk-0.0/0001.patch
'''


@pytest.fixture
def wrap(tmp_path, monkeypatch):
    """Makes a wrap file for a release that neither Debian nor the cache has."""
    def no_package(*_):
        raise debian.DebianError('no such package')

    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(debian, 'source', no_package)
    folder = tmp_path / 'subprojects'
    (folder / 'packagefiles/dpdk-0.0').mkdir(parents=True)
    (folder / 'packagefiles/dpdk-0.0/0001.patch').write_text('one')
    served = tmp_path / 'served'
    served.write_text('the release')

    def make(content='the release', url=served.as_uri()):
        path = folder / 'dpdk-0.0.wrap'
        path.write_text(WRAP.format(url=url, sha256=hashlib.sha256(content.encode()).hexdigest()))
        return fetch.Wrap(path)

    return make


def test_right_tarball(wrap):
    """The release must come from the server when Debian lacks it, and then from the cache.

    Steps: Prepare; remove the fetched copy and the server's; prepare again.
    Verify: The tarball is there both times.
    """
    made = wrap()
    fetch.prepare(made)
    assert made.tarball.read_text() == 'the release'
    made.tarball.unlink()
    fetch.prepare(wrap(url='file:///nowhere'))
    assert made.tarball.read_text() == 'the release'


def test_wrong_tarball_served(wrap):
    """A tarball with another sha256 must be refused, and not be kept.

    Steps: Prepare with a wrap file whose sha256 isn't the served file's.
    Verify: An error that names both sums; nothing is left for Meson.
    """
    made = wrap(content='another')
    with pytest.raises(fetch.FetchError) as err:
        fetch.prepare(made)
    assert made.sha256 in str(err.value)
    assert hashlib.sha256(b'the release').hexdigest() in str(err.value)
    assert not made.tarball.exists()
    assert not (debian.cache_dir() / made.name).exists()


def test_wrong_tarball_in_place(wrap):
    """A tarball that somebody put in place must be checked as well.

    Steps: Put another file where Meson looks for the tarball, and prepare.
    Verify: An error that names the file and the remedy; the file is untouched.
    """
    made = wrap()
    made.tarball.parent.mkdir()
    made.tarball.write_text('mine')
    with pytest.raises(fetch.FetchError, match=f"'{made.tarball}' isn't .*remove it"):
        fetch.prepare(made)
    assert made.tarball.read_text() == 'mine'


def test_out_of_reach(wrap):
    """Without Debian's package and the server, the error must say so and where to put the file.

    Steps: Prepare with a server that isn't there.
    Verify: The error tells both failures and the place.
    """
    made = wrap(url='file:///nowhere')
    with pytest.raises(fetch.FetchError) as err:
        fetch.prepare(made)
    text = str(err.value)
    assert 'from debian: no such package' in text and 'from server: ' in text
    assert str(debian.cache_dir() / made.name) in text


def test_changed_patch(wrap):
    """DPDK that was unpacked with other patches must be unpacked again.

    Steps: Say that it was built, prepare; change a patch, prepare.
    Verify: The folder stays the first time and is gone the second.
    """
    made = wrap()
    made.folder.mkdir()
    (made.folder / fetch.STAMP).write_text(made.glue())
    fetch.prepare(made)
    assert made.folder.exists()
    made.patches[0].write_text('two')
    fetch.prepare(made)
    assert not made.folder.exists()


def test_whose_package(wrap, monkeypatch):
    """A release must be looked for in the Debian that has it, which may be another than this one.

    Steps: Fetch as DPDK 22.11, 24.11, 25.11 and 25.07, with a source package that only notes its
    question.
    Verify: Debian 12's source is asked for 22.11's tarball, Debian 13's for 24.11's, sid's for
    25.11's, and this Debian's for 25.07's, which no Debian has.
    """
    asked = []

    def note(name, file, _, release):
        asked.append((name, file, release))
        raise debian.DebianError('noted')

    monkeypatch.setattr(debian, 'source', note)
    for version in ('22.11', '24.11', '25.11', '25.07'):
        made = wrap()
        made.version, made.name = version, f'dpdk-{version}.4.tar.xz'
        fetch.fetch(made)
    assert asked == [('dpdk', 'dpdk_22.11.4.orig.tar.xz', 'bookworm'),
                     ('dpdk', 'dpdk_24.11.4.orig.tar.xz', 'trixie'),
                     ('dpdk', 'dpdk_25.11.4.orig.tar.xz', debian.UNRELEASED),
                     ('dpdk', 'dpdk_25.07.4.orig.tar.xz', '')]


def test_from_git(wrap):
    """What Meson gets with git must not be fetched here, but go when a patch of ours changes.

    Steps: Prepare for a wrap file of the kind wrap-git; say that it was built, prepare; change a
    patch, prepare.
    Verify: No tarball is fetched; the folder stays the first time and is gone the second.
    """
    path = wrap(url='file:///nowhere').path
    path.write_text('[wrap-git]\ndirectory = dpdk-0.0\nurl = file:///nowhere\nrevision = main\n'
                    'patch_directory = dpdk\ndiff_files = dpdk-0.0/0001.patch\n')
    made = fetch.Wrap(path)
    fetch.prepare(made)
    made.folder.mkdir()
    (made.folder / fetch.STAMP).write_text(made.glue())
    fetch.prepare(made)
    assert made.folder.exists() and not debian.cache_dir().exists()
    made.patches[0].write_text('two')
    fetch.prepare(made)
    assert not made.folder.exists()
