# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The moving picture of the demonstration, which README shows."""
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

SVG = '{http://www.w3.org/2000/svg}'
STEP = ' 1 enable two VFs   expected: both   ok: <both> & more (0.5 s)\n'


def record(output):
    """Status, picture and errors of the script for what demo.sh prints."""
    done = subprocess.run([sys.executable, SOURCE / 'devtools/lab/recording.py'], text=True,
                          input=output, check=False, capture_output=True)
    return done.returncode, done.stdout, done.stderr


def texts(picture):
    """The lines of a picture."""
    return [text.text for text in ElementTree.fromstring(picture).iter(f'{SVG}text')]


def test_readme():
    """README's picture must be that of the output which README shows.

    Steps: Give that output to the script.
    Verify: The picture is the one in the tree, and README shows it; all of the output is in it, and
        each line appears after the one before.
    """
    readme = (SOURCE / 'README.md').read_text('utf-8')
    story = readme.partition('## The story')[2].partition('\n## ')[0]
    output = ''.join(f'{line}\n' for line in re.findall('^ {4}(.*)$', story, re.MULTILINE))
    status, picture, _ = record(output)
    again = "it isn't README's; give README's story to devtools/lab/recording.py"
    assert (status, picture) == (0, (SOURCE / 'doc/demo.svg').read_text('utf-8')), again
    assert '](doc/demo.svg)' in story
    shown = texts(picture)
    assert ' '.join(' '.join(shown[1:]).split()) == ' '.join(output.split())
    starts = [float(start) for start in re.findall(r'opacity: 0 } ([\d.]+)%', picture)]
    assert starts == sorted(starts) and len(starts) == len(shown) and starts[-1] < 100


def test_other_output():
    """What stands before the steps must not be shown, and no text be taken for markup.

    Steps: Record an output with the lines of a build before one step.
    Verify: The step stands as it is, behind the command.
    """
    status, picture, _ = record(f'== building <DPDK>\n{STEP}')
    assert status == 0 and texts(picture) == ['$ ./devtools/demo.sh', STEP.rstrip()]


@pytest.mark.parametrize('output', ['', 'demo.sh: no space left\n'])
def test_no_story(output):
    """An output without a step must make no picture.

    Steps: Record one.
    Verify: Status 1, a message, no picture.
    """
    assert record(output) == (1, '', 'recording.py: there is no step of demo.sh on stdin\n')
