# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Python takes the addresses of PCI devices that the library takes."""
import argparse
import re

import pytest

from doctor.pci import bdf
from framework.common import SOURCE

pytestmark = pytest.mark.fast

# The table of the library's own test: text, the kernel's form or NULL, and why it is refused.
TABLE = (SOURCE / 'lib/vftoken/rules_test.c').read_text().partition('\nbdf_forms(')[2]
CASES = re.findall(r'^\t\t{ "(.*)", (?:"(.*)"|NULL), (0|-E[A-Z]+) },$', TABLE.partition('\t};')[0],
                   re.MULTILINE)
WHY = {'-EINVAL': "isn't a BDF such as 0000:01:00.0",
       '-ERANGE': 'is out of range; a BDF goes up to ffffffff:ff:1f.7'}


def test_table():
    """The table must have been found.

    Steps: Count its rows.
    Verify: There are rows of all kinds.
    """
    assert {status for _, _, status in CASES} == {'0', *WHY}


@pytest.mark.parametrize('text, form, status', CASES)
def test_bdf(text, form, status):
    """An address must be brought into the kernel's form, or be refused for the library's reason.

    Steps: Bring each text of the library's test into that form.
    Verify: What the library's test expects.
    """
    if status == '0':
        assert bdf(text) == form
        return
    with pytest.raises(argparse.ArgumentTypeError) as err:
        bdf(text)
    assert str(err.value) == f"'{text}' {WHY[status]}"
