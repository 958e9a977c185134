# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The image of Containerfile, in the places that tell how to make and use it. What is in it is
tested by devtools/checks/container.sh."""
import os
import re

import pytest

import guides
from framework.common import SOURCE

pytestmark = pytest.mark.fast

TEXT = (SOURCE / 'Containerfile').read_text('utf-8')
COMMANDS = re.findall(r'^#     (podman .*)$', TEXT, re.MULTILINE)


def test_same_commands():
    """Each place must tell the same commands.

    Steps: Compare Containerfile's head with the guide, README and the workflow.
    Verify: The guide has all of them, README and the workflow the build and the demonstration; the
        workflow's has no network.
    """
    build, play, _ = COMMANDS
    told = [command.text for block in guides.blocks('getting_started')
            for command in block.commands if command.text.startswith('podman')]
    assert told == COMMANDS
    assert re.findall(r'`(podman [^`]*)`', (SOURCE / 'README.md').read_text('utf-8')) == [
        build, play]
    workflow = (SOURCE / '.github/workflows/test.yml').read_text('utf-8')
    assert re.findall(r'run: (podman .*)$', workflow, re.MULTILINE) == [
        build, play.replace(' --rm ', ' --rm --network=none ')]


def test_command():
    """The image's own command must be the demonstration.

    Steps: Read it.
    Verify: It is the program that demo.sh ends with.
    """
    command, = re.findall(r'^CMD \["(.*)"\]$', TEXT, re.MULTILINE)
    assert os.access(SOURCE / command, os.X_OK)
    script = (SOURCE / 'devtools/demo.sh').read_text('utf-8')
    assert script.endswith(f'"$PYTHON" "$SOURCE/{command}" "$@"\n')


def test_matrix_only():
    """The image must be made by the longest run of the tests, which has what that needs.

    Steps: Read test.sh.
    Verify: The check and its packages are there for --matrix.
    """
    script = (SOURCE / 'devtools/test.sh').read_text('utf-8')
    assert "set -- 'container.sh container' 'dpdk_series.sh dpdk_series'" in script
    assert '[ "$mode" != --matrix ] || container=$PACKAGES_CONTAINER' in script
