# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The table of NICs: the same in README and guide as in the doctor, and as DPDK's sources say."""
import re

import pytest

from doctor.nics import FAMILIES
from framework.build import dpdk_tree
from framework.common import SOURCE

pytestmark = pytest.mark.fast


def expected(literal):
    """The table's cells, as a text has them that writes literals so."""
    rows = []
    for one in FAMILIES:
        drivers = ', '.join(f'{literal}{driver}{literal}' for driver in one.drivers)
        rows.append([f'{one.name} ({drivers})' if drivers else one.name, one.pf, one.vfs, one.token,
                     f'{literal}{one.source}{literal}'])
    return rows


def test_readme():
    """README must have the table.

    Steps: Read the section.
    Verify: Its rows are the families.
    """
    section = (SOURCE / 'README.md').read_text('utf-8').partition('## Which NICs')[2]
    rows = [line.strip('|').split('|') for line in section.partition('\n## ')[0].splitlines()
            if line.startswith('|')]
    assert [[cell.strip() for cell in row] for row in rows[2:]] == expected('`')


def test_guide():
    """The guide must have the same one.

    Steps: Read the first table of getting_started.
    Verify: Its rows are the families.
    """
    page = (SOURCE / 'doc/guides/getting_started.rst').read_text('utf-8')
    table = page.partition('.. list-table::')[2].partition('\n\n\n')[0]
    rows = [re.findall(r'^ +(?:\* )?- (.*)$', row, re.MULTILINE)
            for row in re.split(r'^(?= +\* -)', table, flags=re.MULTILINE)[1:len(FAMILIES) + 2]]
    assert rows[1:] == expected('``')


@pytest.mark.parametrize('family', FAMILIES, ids=lambda family: family.name)
def test_source(build, family):
    """DPDK must say what a row says.

    Steps: Read the row's file of the DPDK that is built.
    Verify: It holds, or lacks, what the row is about.
    """
    text = (dpdk_tree(build) / family.source).read_text('utf-8')
    if family.holds.startswith('!'):
        assert family.holds[1:] not in text
    else:
        assert family.holds in text
