# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Measured figures as pictures, which the same figures draw the same again."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

from .figures import Figure, Results

matplotlib.use('svg')

from matplotlib import pyplot  # noqa: E402

# On white, as the guide's other pictures, whatever is around it, and its text stays text. The
# colours (Okabe and Ito's) differ for people with any sight, and so do the markers.
STYLE: dict[str, Any] = {
    'axes.edgecolor': '#555555', 'axes.grid': True, 'axes.grid.axis': 'y',
    'axes.labelcolor': '#111111', 'axes.spines.right': False, 'axes.spines.top': False,
    'axes.titlesize': 11, 'font.family': 'sans-serif',
    'font.sans-serif': ['DejaVu Sans', 'Verdana'], 'font.size': 10, 'grid.color': '#dddddd',
    'legend.frameon': False, 'savefig.facecolor': '#ffffff', 'svg.fonttype': 'none',
    'svg.hashsalt': 'dpdk-vf-token', 'text.color': '#111111',
}
Style = Mapping[str, Any]
OURS: Style = {'color': '#0072b2', 'marker': 'o', 'markersize': 4}
OTHER: Style = {'color': '#d55e00', 'marker': 's', 'markersize': 8, 'linestyle': '--',
                'markerfacecolor': 'none'}
# For several lines of ours, which may be in the same place.
LINES: Sequence[Style] = (
    OURS,
    {**OTHER, 'color': '#cc79a7'},
    {**OTHER, 'color': '#009e73', 'marker': '^', 'markersize': 12, 'linestyle': '-.'},
    {**OTHER, 'color': '#e69f00', 'marker': 'D', 'markersize': 12, 'linestyle': ':'},
)
LIMIT: Style = {'color': '#555555', 'linewidth': 1, 'linestyle': (0, (6, 4)), 'zorder': 1}
# What a figure's name ends with to tell it from those at other places of the x axis.
SIZE = re.compile(r',?( at| for| in| of| with)? [\d,.]+k? \w+$')
STOCK = 'stock DPDK'
WIDTH, HEIGHT, LINE = 8.0, 3.4, 0.26  # inches
Series = Mapping[str, Sequence[Figure]]


def series(results: Results, row: str) -> Series:
    """A row's figures that have a place on an x axis, by what they are figures of."""
    found: dict[str, list[Figure]] = {}
    for figure in results.figures:
        if figure.row == row and figure.at is not None:
            found.setdefault(SIZE.sub('', figure.what), []).append(figure)
    return found


def _line(axes: Any, figures: Sequence[Figure], side: str, label: str, style: Style) -> None:
    """One side's medians, on an axis that starts at 0."""
    axes.plot([figure.at for figure in figures],
              [median(getattr(figure, side)) for figure in figures], label=label, **style)
    axes.set_ylim(0, 1.1 * axes.dataLim.ymax)


def start_up(found: Series) -> Any:
    """How long it takes with more and more VFs."""
    picture, grid = pyplot.subplots(1, len(found), figsize=(WIDTH, HEIGHT), squeeze=False,
                                    layout='constrained')
    for axes, (what, figures) in zip(grid[0], found.items()):
        _line(axes, figures, 'stock', figures[0].against, OTHER)
        _line(axes, figures, 'ours', 'ours', OURS)
        axes.set(title=what, xlabel='VFs of one process', ylabel=f'time in {figures[0].unit}',
                 xticks=[figure.at for figure in figures])
    grid[0][0].legend(loc='upper left')
    return picture


def rule_look_up(found: Series) -> Any:
    """How many instructions it takes with more and more rules."""
    picture, axes = pyplot.subplots(figsize=(WIDTH, HEIGHT))
    every = [figure for figures in found.values() for figure in figures]
    for most in {figure.reach.most for figure in every if figure.reach}:
        axes.axhline(most, **LIMIT)
        axes.annotate(f'reach: {most:g}', (1, most), (-4, 3), ha='right', color=LIMIT['color'],
                      xycoords=('axes fraction', 'data'), textcoords='offset points')
    for (what, figures), style in zip(found.items(), LINES):
        _line(axes, figures, 'ours', what, style)
    axes.set(xlabel='rules', ylabel='instructions per look-up', xscale='log')
    places = sorted({figure.at for figure in every if figure.at})
    axes.set_xticks(places, [f'{place:,.0f}' for place in places])
    axes.minorticks_off()
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1), title='rule that is found')
    return picture


def ratios(found: Series) -> Any:
    """Ratios to stock DPDK, and how far apart the rounds were."""
    every = [figure for figures in found.values() for figure in figures]
    picture, axes = pyplot.subplots(figsize=(WIDTH, 0.8 + LINE * (len(every) + len(found))))
    axes.axvline(1, **LIMIT)
    labels: list[str] = []
    heads = []
    for row, figures in found.items():
        heads.append(len(labels))
        labels.append(row)
        for figure in figures:
            axes.axhline(len(labels), color=STYLE['grid.color'], linewidth=0.8, zorder=0)
            axes.errorbar(figure.ratio, len(labels), xerr=figure.noise / 2, elinewidth=1, **OURS)
            axes.annotate(f'{figure.ratio:.3f}' + (' NOT met' if figure.met is False else ''),
                          (1, len(labels)), (4, 0), xycoords=('axes fraction', 'data'),
                          textcoords='offset points', va='center')
            labels.append(figure.what)
    axes.set_yticks(range(len(labels)), labels)
    # As far to either side, so that a small difference doesn't look like a large one.
    most = max(0.25, *(1.2 * abs(figure.ratio - 1) for figure in every if figure.ratio))
    axes.set(xlabel='ratio; 1 is the same, less is better', xlim=(max(0, 1 - most), 1 + most),
             ylim=(len(labels) - 0.5, -0.5))
    for head in heads:
        axes.get_yticklabels()[head].set_fontweight('bold')
    axes.tick_params(axis='y', length=0)
    axes.grid(False)
    axes.spines['left'].set_visible(False)
    return picture


def draw(results: Results, folder: Path) -> None:
    """Make those pictures, named bench-*.svg, of which there are figures."""
    compared: dict[str, list[Figure]] = {}
    for figure in results.figures:
        # Those whose ratio is what they are for; the table has the others.
        if figure.against == STOCK and (figure.met is False or
                                        figure.reach is not None and figure.reach.of == 'ratio'):
            compared.setdefault(figure.row, []).append(figure)
    pictures: dict[str, tuple[Callable[[Series], Any], Series]] = {
        'start-up': (start_up, series(results, 'start-up')),
        'rule-look-up': (rule_look_up, series(results, 'rule look-up')),
        'ratios': (ratios, compared),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        for name, (picture, found) in pictures.items():
            if found:
                made = picture(found)
                made.savefig(folder / f'bench-{name}.svg', bbox_inches='tight',
                             metadata={'Creator': None, 'Date': None})
                pyplot.close(made)
