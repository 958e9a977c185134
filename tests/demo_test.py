# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/demo.sh plays the story, and fails if a step goes otherwise."""
import os
import re
import subprocess
import sys

import pytest

from framework.common import SOURCE
from framework.messages import messages
from lab import demo


def test_story(build):
    """The story must come to its end, each step as expected, in under 90 seconds.

    Steps: Play it.
    Verify: Status 0, ten steps that are all ok, three refusals with their messages.
    """
    done = subprocess.run([sys.executable, SOURCE / 'devtools/lab/demo.py'], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=90,
                          check=False, env={**os.environ, 'BUILD': str(build)})
    assert done.returncode == 0, done.stdout
    assert len(re.findall(r'^ ?\d+ .* expected: .* ok: ', done.stdout, re.MULTILINE)) == 10
    assert messages(done.stdout) == ['vf_needs_token', 'vf_wrong_token', 'pf_needs_token']
    assert '\033' not in done.stdout


@pytest.mark.fast
def test_unexpected_step(monkeypatch, capsys, tmp_path):
    """A step that goes otherwise must end the story with a status other than 0.

    Steps: Play a story of one step that goes otherwise.
    Verify: Status 1; the output names the step, what was expected and what happened.
    """
    def play(tell, _):
        def open_anyway():
            raise demo.Unexpected('it has a port\nand its log')

        tell.step('open a VF without a token', 'refused', open_anyway)

    monkeypatch.setattr(demo, 'play', play)
    monkeypatch.setattr(sys, 'argv', ['demo.py'])
    monkeypatch.setenv('BUILD', str(tmp_path))
    assert demo.main() == 1
    output = capsys.readouterr().out
    assert 'expected: refused' in output and 'NOT AS EXPECTED: it has a port' in output
    assert 'The story ended early, at: open a VF without a token.' in output
