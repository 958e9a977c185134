# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/checks/doc_layout.py finds what is cut off. It needs a browser."""
import subprocess

import pytest

from framework.common import SOURCE

WIDE = '<div style="width: {}px">a</div>'
TABLE = '<div style="overflow: auto"><table><tr><td>' + WIDE + '</table></div>'
PRE = '<pre style="overflow: auto; width: 300px">{}</pre>'
PICTURE = '<img src="a.svg" style="display: block; width: {}px">'
PAGE = '<!DOCTYPE html><body style="margin: 0"><div itemprop="articleBody">{}</div>'


def layout(folder, *shown):
    """Status and output for a page with such things."""
    (folder / 'page.html').write_text(PAGE.format(''.join(shown)))
    done = subprocess.run([SOURCE / 'devtools/checks/doc_layout.py', folder], text=True,
                          check=False, timeout=120, stdout=subprocess.PIPE)
    return done.returncode, done.stdout


@pytest.mark.parametrize('shown, output', [
    ([TABLE.format(300), PRE.format('a'), PICTURE.format(400)], ''),
    ([TABLE.format(1000), PRE.format('a')],
     'page.html: at 400 px, {} px of this table are cut off: a\n'),
    ([TABLE.format(300), PRE.format('a' * 200)],
     'page.html: at 1280 px, {} px of this pre are cut off: ' + 'a' * 200 + '\n'),
    ([TABLE.format(300), PRE.format('a'), PICTURE.format(401)],
     'page.html: at 400 px, 1 px of this img are cut off: a.svg\n'),
    ([TABLE.format(300)], 'no page has a pre\n'),
], ids=['nothing', 'table', 'code', 'picture', 'another theme'])
def test_cut_off(tmp_path, shown, output):
    """What is cut off must be found at the width where it is, and nothing else.

    Steps: Measure a page with a table, a code block or a picture that is wider than its box.
    Verify: It is named, with the width of the window; of a page without one, nothing is.
    """
    status, said = layout(tmp_path, *shown)
    start, _, end = output.partition('{}')
    assert status == int(output != '') and said.startswith(start) and said.endswith(end)
    assert len(said.splitlines()) == status


def test_no_pages(tmp_path):
    """A folder without pages must not pass.

    Steps: Name an empty folder.
    Verify: Status 2.
    """
    done = subprocess.run([SOURCE / 'devtools/checks/doc_layout.py', tmp_path], check=False,
                          stderr=subprocess.DEVNULL)
    assert done.returncode == 2
