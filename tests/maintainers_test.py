# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""MAINTAINERS: it names files that are there, and the same person as the packages do."""
import re

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

TEXT = (SOURCE / 'MAINTAINERS').read_text('utf-8')


@pytest.mark.parametrize('pattern', re.findall(r'^F: (.*)$', TEXT, re.MULTILINE))
def test_files(pattern):
    """A section must not outlive its files.

    Steps: Look for the files of a pattern.
    Verify: There is one at least.
    """
    assert list(SOURCE.glob(pattern))


def test_folders():
    """Each folder, and each in devtools, must have a section of its own.

    Steps: Compare the folders with the sections.
    Verify: Each is named, or all that is in it.
    """
    patterns = re.findall(r'^F: (.*)$', TEXT, re.MULTILINE)
    folders = [path for path in [*SOURCE.iterdir(), *(SOURCE / 'devtools').iterdir()]
               if path.is_dir() and not re.search(r'(^|/)(build|__pycache__|\.(?!ci|github))',
                                                  str(path.relative_to(SOURCE)))]
    named = {str(path.relative_to(SOURCE)) for path in folders}
    assert not {name for name in named - {'LICENSES', 'devtools'}
                if not any(pattern == name or pattern.startswith(f'{name}/')
                           for pattern in patterns)}


def test_maintainer():
    """The packages' maintainer must be one of these.

    Steps: Read debian/control.
    Verify: The maintainer is a maintainer here.
    """
    control = (SOURCE / 'debian/control').read_text('utf-8')
    assert re.search(r'^Maintainer: (.*)$', control, re.MULTILINE)[1] in re.findall(
        r'^M: (.*)$', TEXT, re.MULTILINE)
