# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The build for a real NIC, in the four places that tell how to make it."""
import re

import pytest

import guides
from doctor import software
from framework.common import SOURCE

pytestmark = pytest.mark.fast

COMMAND = r'(?:meson (?:setup|install)|ninja -C|ldconfig)\b[^&#]*'
OPTION = r'-Ddpdk-[\d.]+:enable_drivers='


def guide(page):
    """The commands of a guide's block that sets the drivers."""
    block, = (block for block in guides.blocks(page)
              if any('enable_drivers' in command.text for command in block.commands))
    return '\n'.join(command.text for command in block.commands)


def readme():
    """The commands of README's section."""
    text = (SOURCE / 'README.md').read_text('utf-8')
    return text.partition('## On real hardware')[2].partition('\n## ')[0].replace('`', '\n')


PLACES = {
    'README.md': readme(),
    'getting_started.rst': guide('getting_started'),
    'hardware_labs.rst': guide('hardware_labs'),
    'doctor': software.INSTALL,
}


def commands(text):
    """What builds and installs."""
    return [found.strip() for found in re.findall(COMMAND, text.replace('\n', ' & '))]


@pytest.mark.parametrize('place', PLACES)
def test_same_commands(place):
    """Each place must tell the same commands, with all drivers and in a folder of their own.

    Steps: Take the commands that build and install from each place.
    Verify: They are the same four; their folder isn't the one that demo.sh configures, as Meson
        leaves the options of a configured folder as they are.
    """
    setup, *others = commands(PLACES[place])
    found = re.fullmatch(rf'meson setup {OPTION} (\S+)', setup)
    assert found, setup
    folder = found[1]
    assert others == [f'ninja -C {folder}', f'meson install -C {folder}', 'ldconfig']
    assert (setup, folder) == (commands(PLACES['README.md'])[0], folder)
    default, = re.findall(r'^BUILD=\$\{BUILD:-\$SOURCE/(\S+)\}$',
                          (SOURCE / 'devtools/prepare.sh').read_text('utf-8'), re.MULTILINE)
    assert folder != default
