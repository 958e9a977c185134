# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The diagrams of the guides: no label is on a line."""
import itertools
import json
import subprocess

import pytest

from framework.common import SOURCE

pytestmark = pytest.mark.fast

DIAGRAMS = sorted((SOURCE / 'doc/guides/img').glob('*.dot'))
# A label's line of text, in points, and how far its box may reach into a line's own width.
ASCENT, DESCENT, SLACK = 0.7, 0.2, 1


def boxes(drawn):
    """The places of the texts among drawing operations."""
    size = 10
    for operation in drawn:
        if operation['op'] == 'F':
            size = operation['size']
        elif operation['op'] == 'T' and operation['text'].strip():
            x, y = operation['pt']
            left = x - {'l': 0, 'c': 0.5, 'r': 1}[operation['align']] * operation['width']
            yield operation['text'], (left + SLACK, y - DESCENT * size + SLACK,
                                      left + operation['width'] - SLACK, y + ASCENT * size - SLACK)


def points(drawn):
    """Points along the splines among drawing operations."""
    for operation in drawn:
        if operation['op'] not in 'bB':
            continue
        spline = operation['points']
        for start in range(0, len(spline) - 3, 3):
            for step in range(51):
                t = step / 50
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3)
                yield tuple(sum(weight * spline[start + i][axis]
                                for i, weight in enumerate(weights)) for axis in (0, 1))


@pytest.mark.parametrize('path', DIAGRAMS, ids=lambda path: path.stem)
def test_labels(path):
    """Each label must be free of lines, its own and others.

    Steps: Let dot place the diagram; look for lines through the boxes of texts.
    Verify: There are none.
    """
    placed = json.loads(subprocess.run(['dot', '-Tjson', path], check=True,
                                       stdout=subprocess.PIPE).stdout)
    edges = placed['edges']
    texts = [box for item in itertools.chain(edges, placed['objects'])
             for box in boxes(item.get('_ldraw_', ()))]
    assert texts
    crossed = {text for text, (left, bottom, right, top) in texts
               for edge in edges for x, y in points(edge.get('_draw_', ()))
               if left < x < right and bottom < y < top}
    assert not crossed
