#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Make a moving picture of what demo.sh prints: ./devtools/demo.sh | recording.py >doc/demo.svg"""
from __future__ import annotations

import re
import sys
import textwrap
from html import escape

COMMAND = '$ ./devtools/demo.sh'
STEP = re.compile(r' *\d+ .* expected: .* \((\d+\.\d) s\)$')
MARGIN = ' ' * 3
COLUMNS = 132
# Of a line and of a column of 12 px' monospace, and around all.
LINE, COLUMN, BORDER = 18, 7.3, 14
# How much faster than it was, and for how long its end stays.
SPEED, REST = 2.0, 6.0
STYLE = '''text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
fill: #d0d7de; white-space: pre }
.ok { fill: #7ee787 } .refusal { fill: #ffa198 } .command { fill: #ffffff }
@media (prefers-reduced-motion: reduce) { text { animation: none !important } }'''


def story(output: str) -> list[tuple[float, str, str]]:
    """The lines of the story: when each was there, its kind and its text."""
    lines, now = [(0.1, 'command', COMMAND)], 1.0
    for line in output.splitlines():
        if step := STEP.match(line):
            now += float(step[1])
            lines.append((now, 'ok', line))
        elif len(lines) > 1 and line.startswith(MARGIN):
            lines += [(now, 'refusal', part) for part in textwrap.wrap(
                line.strip(), COLUMNS, initial_indent=MARGIN, subsequent_indent=MARGIN,
                break_on_hyphens=False)]
        elif len(lines) > 1 and line.strip():
            lines.append((now + 0.5, 'text', line))
    return lines


def picture(lines: list[tuple[float, str, str]]) -> str:
    """The lines as an SVG, in which each appears in its time, again and again."""
    length = lines[-1][0] / SPEED + REST
    width = 2 * BORDER + round(COLUMN * max(len(text) for _, _, text in lines))
    height = 2 * BORDER + LINE * len(lines)
    style, texts = [STYLE], []
    for number, (when, kind, text) in enumerate(lines):
        style.append(f'@keyframes l{number} {{ 0% {{ opacity: 0 }} '
                     f'{100 * when / SPEED / length:.2f}%, 100% {{ opacity: 1 }} }}')
        texts.append(f'<text class="{kind}" x="{BORDER}" y="{BORDER + LINE * number + 13}" '
                     f'style="animation: l{number} {length:.1f}s step-end infinite">'
                     f'{escape(text.rstrip(), quote=False)}</text>')
    return '\n'.join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      f'viewBox="0 0 {width} {height}" xml:space="preserve">',
                      '<title>What demo.sh prints</title>',
                      '<style>', *style, '</style>',
                      f'<rect width="{width}" height="{height}" rx="6" fill="#161b22"/>', *texts,
                      '</svg>', ''])


def main() -> int:
    """The command."""
    lines = story(sys.stdin.read())
    if len(lines) == 1:
        print('recording.py: there is no step of demo.sh on stdin', file=sys.stderr)
        return 1
    sys.stdout.write(picture(lines))
    return 0


if __name__ == '__main__':
    sys.exit(main())
