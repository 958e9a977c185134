# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Measured figures: what they are compared with, whether they are in reach, and where they are
kept."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles


def _spread(samples: Sequence[float]) -> float:
    low, _, high = quantiles(samples, n=4, method='inclusive')
    return high - low


@dataclass(frozen=True)
class Reach:
    """The most that a figure of ours may be: itself, in relation to what it is compared with, or
    more than that by. What is measured in time may exceed a ratio by as much as rounds differ."""
    of: str  # 'ours', 'ratio' or 'difference'
    most: float
    less: bool = False  # whether it must stay below

    def words(self, unit: str) -> str:
        """For the table."""
        bound = 'below' if self.less else 'at most'
        number = f'{self.most:.2f}' if self.of == 'ratio' else f'{self.most:,g} {unit}'
        return {'ours': f'{bound} {number}', 'ratio': f'ratio {bound} {number}',
                'difference': f'{bound} {number} more'}[self.of]


@dataclass(frozen=True)
class Figure:
    """One figure: a sample a round of ours and, where there is something to compare with, of it."""
    row: str  # of the table
    what: str
    unit: str
    ours: Sequence[float]
    stock: Sequence[float] = ()
    against: str = ''  # what the samples of stock are of
    reach: Reach | None = None
    at: float | None = None  # where it is on a plot's x axis

    @property
    def ratio(self) -> float | None:
        """Ours by the other's, of the medians."""
        return median(self.ours) / median(self.stock) if self.stock and median(self.stock) else None

    @property
    def noise(self) -> float:
        """How far apart the middle half of the rounds is, by their median; the greater of the two.
        A round that went astray is no reason to believe less of the others."""
        return max((_spread(samples) / median(samples) for samples in (self.ours, self.stock)
                    if len(samples) > 1 and median(samples)), default=0.0)

    @property
    def met(self) -> bool | None:
        """Whether it is in reach; None when nothing is asked of it."""
        if self.reach is None:
            return None
        value, most = median(self.ours), self.reach.most
        if self.reach.of == 'difference':
            value -= median(self.stock)
        elif self.reach.of == 'ratio':
            assert self.ratio is not None
            # As exactly as the reach is given; rounds may differ by more.
            value, most = round(self.ratio, 2), most + self.noise
        return value < most if self.reach.less else value <= most


@dataclass(frozen=True)
class Results:
    """What one run measured, and on what."""
    machine: Mapping[str, str]
    figures: Sequence[Figure]

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + '\n', encoding='utf-8')

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what save() wrote."""
        data = json.loads(path.read_text('utf-8'))
        for figure in data['figures']:
            figure['reach'] = figure['reach'] and Reach(**figure['reach'])
        return cls(data['machine'], [Figure(**figure) for figure in data['figures']])
