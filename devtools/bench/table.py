# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Measured figures as a table: for a terminal, and for the guide."""
from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import median

from .figures import Figure, Results

HEAD = ('What', 'Ours', 'Compared with', 'Ratio', 'Noise', 'Rounds', 'Reach', 'Met')
MET = {True: 'met', False: 'NOT met', None: '-'}
DIGITS = 4  # that a figure is given with; whole ones have all
RST_HEAD = '''.. SPDX-License-Identifier: BSD-3-Clause
   Copyright(c) 2026 dpdk-vf-token contributors

.. Made from figures.json by devtools/bench.sh --redraw.
'''
# What a reader wants to know first: a subject, and the row and the figure that answer. Of a row
# with figures for several numbers, the largest number answers.
QUESTIONS = (
    ('An open of a VF with its token', 'opening a VF with its token', 'time'),
    ('An open of a device that needs no token', 'opening a device that needs no token', 'time'),
    ('A start', 'start-up', 'until the prompt'),
    ('An end', 'start-up', 'until the end'),
    ('A packet', 'data path', 'VF to VF, time per packet'),
)
# Two figures that differ by less are the same to a reader.
SAME = 0.02
LIST_TABLE = '''
.. list-table::
   :header-rows: 1

'''


def number(value: float, unit: str = '') -> str:
    """A figure with its unit."""
    decimals = 0
    if value != int(value):
        decimals = max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f'{value:,.{decimals}f} {unit}'.rstrip()


def cells(figure: Figure) -> list[str]:
    """A figure's line of the table, beneath HEAD."""
    stock = noise = '-'
    if figure.stock:
        stock = f'{number(median(figure.stock), figure.unit)} ({figure.against})'
    # Around 0 there is no share of the median.
    if len(figure.ours) > 1 and any((*figure.ours, *figure.stock)):
        noise = f'{figure.noise:.2%}'
    return [figure.what, number(median(figure.ours), figure.unit), stock,
            '-' if figure.ratio is None else f'{figure.ratio:.3f}', noise, str(len(figure.ours)),
            '-' if figure.reach is None else ' '.join(figure.reach.words(figure.unit).split()),
            MET[figure.met]]


def rows(results: Results) -> dict[str, list[list[str]]]:
    """The figures' lines by the table's rows."""
    found: dict[str, list[list[str]]] = {}
    for figure in results.figures:
        found.setdefault(figure.row, []).append(cells(figure))
    return found


def text(results: Results) -> str:
    """For a terminal."""
    found = rows(results)
    lines = [HEAD, *(line for lines in found.values() for line in lines)]
    widths = [max(map(len, column)) for column in zip(*lines)]

    def aligned(line: Sequence[str]) -> str:
        return '  ' + '  '.join(map(str.ljust, line, widths)).rstrip()

    parts = [aligned(HEAD)]
    for row, lines_of_row in found.items():
        parts += [row, *map(aligned, lines_of_row)]
    wide = max(map(len, results.machine), default=0) + 2
    parts += ['', *(f'{name + ":":{wide}}{value}' for name, value in results.machine.items())]
    return '\n'.join(parts) + '\n'


def rst(results: Results) -> str:
    """For the guide."""
    lines = [['', *HEAD]]
    for row, lines_of_row in rows(results).items():
        lines += [[row if line is lines_of_row[0] else '', *line] for line in lines_of_row]
    return (RST_HEAD + LIST_TABLE + ''.join(map(_list_item, lines)) + LIST_TABLE
            + ''.join(map(_list_item, [('Machine', ''), *results.machine.items()])))


def _sentence(subject: str, figure: Figure) -> str:
    """How a figure compares, for a reader in a hurry."""
    ratio = figure.ratio or 1
    if figure.at is not None:
        subject += f' with {figure.at:,.0f} VFs'
    if abs(ratio - 1) <= max(SAME, figure.noise):
        comparison = f'takes as long as with {figure.against}'
    elif ratio < 1:
        comparison = f'takes {1 / ratio:.1f} times less than with {figure.against}'
    else:
        comparison = f'takes {ratio:.2f} times as long as with {figure.against}'
    ours, other = (number(median(side), figure.unit) for side in (figure.ours, figure.stock))
    return f'- {subject} {comparison}: {ours} and {other}.\n'


def answer(results: Results) -> str:
    """For the guide: what the figures say, in sentences."""
    lines = []
    for subject, row, what in QUESTIONS:
        found = [figure for figure in results.figures
                 if figure.row == row and figure.what.startswith(what) and figure.stock]
        if found:
            lines.append(_sentence(subject, max(found, key=lambda figure: figure.at or 0)))
    return RST_HEAD + '\n' + ''.join(lines)


def _list_item(line: Sequence[str]) -> str:
    """A line of a list-table."""
    item = '   * - ' + '\n     - '.join(map(_escaped, line)) + '\n'
    return re.sub(' +$', '', item, flags=re.MULTILINE)


def _escaped(cell: str) -> str:
    """A text that stands for itself. A lone hyphen would be a list."""
    return re.sub(r'([\\*`|_]|^-$)', r'\\\1', cell)
