# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/bench: whether a figure is in reach, and what is shown of it."""
import itertools
import re
from xml.etree import ElementTree

import pytest

from bench import developer, plots, table
from bench.figures import Figure, Reach, Results
from framework.common import SOURCE
from lab import demo

pytestmark = pytest.mark.fast

GUIDES = SOURCE / 'doc/guides'
STOCK = 'stock DPDK'
SVG = '{http://www.w3.org/2000/svg}'
AT_MOST_1 = Reach('ratio', 1.0)
FEWER = Reach('difference', 0, less=True)
SAMPLE = Results({'processor': 'x_1, *two* cores', 'date': '2026-11-23'}, [
    Figure('an open', 'ioctls', '', [5, 5, 5], [7, 7, 7], STOCK, FEWER),
    *(Figure('start-up', f'until the prompt, {vfs} VFs', 's', [vfs, 1.1 * vfs, 1.3 * vfs],
             [vfs] * 3, STOCK, AT_MOST_1, vfs) for vfs in (1, 56)),
    *(Figure('rule look-up', f"a VF's own, {rules:,} rules", 'instructions', [1234.5],
             reach=Reach('ours', 300, less=True), at=rules) for rules in (1, 65536)),
    Figure('an open', 'time', 'ms', [0.0123456], [0.01], "the kernel's own", AT_MOST_1),
    Figure('rotation', 'packets lost', '', [0, 0], reach=Reach('ours', 0)),
    Figure('parsing rules', 'all', 'ms', [20], [10], 'bare', Reach('ours', 50)),
    Figure('memory', 'peak', 'KiB', [30064], [30000], STOCK, Reach('difference', 64)),
])


@pytest.mark.parametrize('ours, stock, reach, met', [
    ([1, 1], [], None, None),
    ([5], [], Reach('ours', 5), True),
    ([5.01], [], Reach('ours', 5), False),
    ([300], [], Reach('ours', 300, less=True), False),
    ([299], [], Reach('ours', 300, less=True), True),
    ([0, 0], [], Reach('ours', 0), True),
    ([5], [5], Reach('difference', 0), True),
    ([6], [5], Reach('difference', 0), False),
    ([5], [5], FEWER, False),
    ([4], [5], FEWER, True),
    ([0], [0], Reach('difference', 64), True),
    ([1.0], [1.0], AT_MOST_1, True),
    ([1.004], [1.0], AT_MOST_1, True),
    ([1.01], [1.0], AT_MOST_1, False),
    ([1.06, 1.02, 1.0], [1.0, 1.0, 1.0], AT_MOST_1, True),
    ([1.03, 1.03, 1.02], [1.0, 1.0, 1.0], AT_MOST_1, False),
    ([1.03, 1.03, 1.03, 1.03, 2.0], [1.0] * 5, AT_MOST_1, False),
    ([1.02, 1.02, 1.02], [1.06, 1.0, 1.0], AT_MOST_1, True),
    ([1.04, 1.04, 1.04], [1.03, 1.0, 1.0], AT_MOST_1, False),
])
def test_met(ours, stock, reach, met):
    """A figure must be in reach by its median, and a ratio may exceed its reach by the noise, of
    ours or of the other, and no more.

    Steps: Compare samples with a reach.
    Verify: It is met or not; a ratio is taken with the two decimals of its reach.
    """
    assert Figure('row', 'what', '', ours, stock, STOCK, reach).met is met


def test_ratio_and_noise():
    """Ratio and noise must be of the medians, and where there is nothing to divide by, none.

    Steps: Take figures with several samples, with one, and with stock's median 0.
    Verify: Ratio and noise.
    """
    figure = Figure('row', 'what', 's', [4, 2, 3], [10, 6, 5], STOCK)
    assert figure.ratio == 0.5
    assert figure.noise == pytest.approx(2.5 / 6)
    assert Figure('row', 'what', 's', [4]).ratio is None
    assert Figure('row', 'what', 's', [4], [0], STOCK).ratio is None
    assert Figure('row', 'what', 's', [4]).noise == 0


def test_results_are_kept(tmp_path):
    """What is saved must be what was measured.

    Steps: Save results in a folder that isn't there yet, load them, and save those.
    Verify: The files and the tables are the same.
    """
    first, again = tmp_path / 'new/results.json', tmp_path / 'again.json'
    SAMPLE.save(first)
    loaded = Results.load(first)
    loaded.save(again)
    assert first.read_text('utf-8') == again.read_text('utf-8')
    assert table.text(loaded) == table.text(SAMPLE)


@pytest.mark.parametrize('value, unit, text', [
    (0, '', '0'), (5.0, '', '5'), (65536, '', '65,536'), (2.66666, 's', '2.667 s'),
    (0.0123456, 'ms', '0.01235 ms'), (1234.5, 'us', '1,234 us'), (123.456, 's', '123.5 s')])
def test_number(value, unit, text):
    """A figure must have digits that mean something, and its unit.

    Steps: Write numbers of several magnitudes.
    Verify: Four digits; whole ones have all.
    """
    assert table.number(value, unit) == text


def test_table_for_terminal():
    """The table must say of each figure what it is compared with and whether it is in reach.

    Steps: Make the table of a sample.
    Verify: Rows with all of their figures beneath, in columns, and the machine.
    """
    lines = [re.split(' {2,}', line) for line in table.text(SAMPLE).splitlines()]
    assert lines == [
        ['', *table.HEAD],
        ['an open'],
        ['', 'ioctls', '5', '7 (stock DPDK)', '0.714', '0.00%', '3', 'below 0 more', 'met'],
        ['', 'time', '0.01235 ms', "0.01000 ms (the kernel's own)", '1.235', '-', '1',
         'ratio at most 1.00', 'NOT met'],
        ['start-up'],
        ['', 'until the prompt, 1 VFs', '1.100 s', '1 s (stock DPDK)', '1.100', '13.64%', '3',
         'ratio at most 1.00', 'met'],
        ['', 'until the prompt, 56 VFs', '61.60 s', '56 s (stock DPDK)', '1.100', '13.64%', '3',
         'ratio at most 1.00', 'met'],
        ['rule look-up'],
        ['', "a VF's own, 1 rules", '1,234 instructions', '-', '-', '-', '1',
         'below 300 instructions', 'NOT met'],
        ['', "a VF's own, 65,536 rules", '1,234 instructions', '-', '-', '-', '1',
         'below 300 instructions', 'NOT met'],
        ['rotation'],
        ['', 'packets lost', '0', '-', '-', '-', '2', 'at most 0', 'met'],
        ['parsing rules'],
        ['', 'all', '20 ms', '10 ms (bare)', '2.000', '-', '1', 'at most 50 ms', 'met'],
        ['memory'],
        ['', 'peak', '30,064 KiB', '30,000 KiB (stock DPDK)', '1.002', '-', '1',
         'at most 64 KiB more', 'met'],
        [''],
        ['processor: x_1, *two* cores'],
        ['date:', '2026-11-23'],
    ]


def list_tables(text):
    """The cells of each list-table in a text."""
    tables = text.split('.. list-table::\n   :header-rows: 1\n\n')[1:]
    return [[re.split('\n {5}- ?', item) for item in re.split(r'^ {3}\* - ?', one.rstrip(),
                                                              flags=re.MULTILINE)[1:]]
            for one in tables]


def test_table_for_guide():
    """The guide's table must have the same cells, and Sphinx must take each as it is.

    Steps: Make the table of a sample.
    Verify: Lines of the same number of cells; a row's name once; what reST takes for markup is
    escaped; a licence on top.
    """
    text = table.rst(SAMPLE)
    figures, machine = list_tables(text)
    assert text.startswith('.. SPDX-License-Identifier: BSD-3-Clause\n   Copyright(c) ')
    assert {len(line) for line in figures} == {len(table.HEAD) + 1}
    assert [line[0].strip() for line in figures] == [
        '', 'an open', '', 'start-up', '', 'rule look-up', '', 'rotation', 'parsing rules',
        'memory']
    assert [cell.strip() for cell in figures[2][1:]] == [
        'time', '0.01235 ms', "0.01000 ms (the kernel's own)", '1.235', r'\-', '1',
        'ratio at most 1.00', 'NOT met']
    assert [[cell.strip() for cell in line] for line in machine] == [
        ['Machine', ''], ['processor', r'x\_1, \*two\* cores'], ['date', '2026-11-23']]
    assert not re.search(' $', text, re.MULTILINE)


@pytest.mark.parametrize('ours, words', [
    (20.2, 'takes as long as with stock DPDK: 20.20 s and 20 s.'),
    (5, 'takes 4.0 times less than with stock DPDK: 5 s and 20 s.'),
    (25, 'takes 1.25 times as long as with stock DPDK: 25 s and 20 s.'),
])
def test_answer(ours, words):
    """The guide must begin with what the figures say, whichever way they turn out.

    Steps: Make the answer of a sample with starts of 1 and 56 VFs.
    Verify: One sentence, about 56 VFs.
    """
    text = table.answer(Results({}, [
        Figure('start-up', f'until the prompt, {vfs} VFs', 's', [own], [20], STOCK, AT_MOST_1, vfs)
        for vfs, own in ((56, ours), (1, 20))]))
    assert re.findall('^- .*$', text, re.MULTILINE) == [f'- A start with 56 VFs {words}']


def drawn(folder, name):
    """The texts in a picture, which must be well-formed."""
    root = ElementTree.parse(folder / f'bench-{name}.svg').getroot()
    assert root.tag == f'{SVG}svg'
    return [''.join(text.itertext()) for text in root.iter(f'{SVG}text')]


def test_plots(tmp_path):
    """Pictures must have their axes' names with units, and their lines' names.

    Steps: Draw those of a sample.
    Verify: They are well-formed, with these texts, and under 60 KB.
    """
    plots.draw(SAMPLE, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        'bench-start-up.svg', 'bench-rule-look-up.svg', 'bench-ratios.svg'}
    assert {'until the prompt', 'VFs of one process', 'time in s', 'ours', STOCK, '1', '56'} <= set(
        drawn(tmp_path, 'start-up'))
    assert {"a VF's own", 'rules', 'instructions per look-up', 'reach: 300', '65,536'} <= set(
        drawn(tmp_path, 'rule-look-up'))
    texts = drawn(tmp_path, 'ratios')
    assert {'start-up', 'until the prompt, 56 VFs', '1.100'} <= set(texts)
    assert not {'an open', 'time', 'packets lost', 'parsing rules', 'peak'} & set(texts)
    missed = Results({}, [Figure('a start', 'bytes', '', [10], [5], STOCK, FEWER)])
    plots.draw(missed, tmp_path / 'missed')
    assert '2.000 NOT met' in drawn(tmp_path / 'missed', 'ratios')
    assert all(path.stat().st_size < 60000 for path in tmp_path.iterdir())


def test_plots_are_the_same_again(tmp_path):
    """The same figures must give the same files.

    Steps: Draw twice, and what has no figures at all.
    Verify: The files are the same; of nothing there are none.
    """
    for folder in ('one', 'two'):
        plots.draw(SAMPLE, tmp_path / folder)
    for path in (tmp_path / 'one').iterdir():
        assert path.read_bytes() == (tmp_path / 'two' / path.name).read_bytes()
    plots.draw(Results({}, []), tmp_path / 'none')
    assert not list((tmp_path / 'none').iterdir())


def test_guide_shows_its_figures():
    """The guide's table must be that of its figures, and its pictures must be there.

    Steps: Make the table of the guide's figures.json.
    Verify: It is the file that the guide includes; each of the page's pictures is well-formed.
    """
    results = Results.load(GUIDES / 'figures.json')
    again = "it isn't figures.json's; run devtools/bench.sh --redraw"
    assert (GUIDES / 'performance_figures.inc').read_text('utf-8') == table.rst(results), again
    assert (GUIDES / 'performance_answer.inc').read_text('utf-8') == table.answer(results), again
    page = (GUIDES / 'performance.rst').read_text('utf-8')
    pictures = re.findall(r'image:: img/bench-(\S+)\.svg', page)
    assert len(pictures) == 3
    order = ['performance_answer.inc', 'bench-ratios.svg', 'performance_figures.inc',
             'How it is measured']
    assert sorted(order, key=page.index) == order
    for name in pictures:
        assert drawn(GUIDES / 'img', name)


def story():
    """What demo.sh says, as README.md shows it."""
    text = (SOURCE / 'README.md').read_text('utf-8')
    return [f'{line[4:]}\n' for line in re.findall(r'^ {4} ?\d+ .*ok: .*|^ {7}[VP]F .*', text,
                                                   re.MULTILINE)]


def test_first_refusal():
    """The time must be that of the first refused VF's line, after whatever the build says.

    Steps: Read a build's output and the story, with a clock that counts its readings.
    Verify: The clock is read once, at that line, and all of the output is read.
    """
    lines = iter(['== building DPDK\n', *story(), 'Two processes shared a token.\n'])
    clock = itertools.count(10)
    assert developer.refused(lines, lambda: next(clock)) == 10
    assert next(clock) == 11
    assert next(lines, None) is None


def test_no_refusal(capsys):
    """A story in which nobody was refused must not count.

    Steps: Read one whose VF opened; the line is as demo.py writes it.
    Verify: An error with the output; the same line with the right outcome is taken.
    """
    title = "start a VF's testpmd without a token"
    told = (SOURCE / 'devtools/lab/demo.py').read_text('utf-8')
    assert f'tell.step("{title}", \'refused\'' in told

    def opened():
        raise demo.Unexpected('1 ports')

    with pytest.raises(demo.Unexpected):
        demo.Teller().step(title, 'refused', opened)
    with pytest.raises(OSError, match='1 ports'):
        developer.refused(capsys.readouterr().out.splitlines(keepends=True))
    demo.Teller().step(title, 'refused', lambda: 'refused\nVF … [vf_needs_token]')
    assert developer.refused(capsys.readouterr().out.splitlines(keepends=True), lambda: 7) == 7
