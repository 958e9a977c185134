# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/kernel: which series a tree gets, what it is refused for, and what counts as new."""
import errno
import re
import subprocess
from collections import Counter

import pytest

from kernel import build, check, compare, config, faults, modules, series, tree
from kernel.tree import KernelError, find_tree
from lab import qemu

pytestmark = pytest.mark.fast

# The name of the last one looks like a spelling mistake.
MAKEFILE = 'VERSION = {}\nPATCHLEVEL = {}\nSUBLEVEL = {}\nEXTRA' 'VERSION = {}\nNAME = Test\n'
CODE = 'int one;\nint two;\nint three;\n'
PATCHES = ('''From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001
From: A. N. Author <author@example.com>
Date: Mon, 2 Nov 2026 10:00:00 +0000
Subject: [PATCH 1/2] vfio: Add four

Four was missing.

Signed-off-by: A. N. Author <author@example.com>
---
 drivers/vfio/vfio.c | 1 +

diff --git a/drivers/vfio/vfio.c b/drivers/vfio/vfio.c
--- a/drivers/vfio/vfio.c
+++ b/drivers/vfio/vfio.c
@@ -1,3 +1,4 @@
 int one;
 int two;
 int three;
+int four;
--
2.39.5
''', '''From 0123456789abcdef0123456789abcdef01234568 Mon Sep 17 00:00:00 2001
From: A. N. Author <author@example.com>
Date: Mon, 2 Nov 2026 11:00:00 +0000
Subject: [PATCH 2/2] vfio: Add a file

It takes a file of its own.

Signed-off-by: A. N. Author <author@example.com>
---
 drivers/vfio/new.c  | 1 +
 drivers/vfio/vfio.c | 1 +

diff --git a/drivers/vfio/new.c b/drivers/vfio/new.c
new file mode 100644
--- /dev/null
+++ b/drivers/vfio/new.c
@@ -0,0 +1 @@
+int new;
diff --git a/drivers/vfio/vfio.c b/drivers/vfio/vfio.c
--- a/drivers/vfio/vfio.c
+++ b/drivers/vfio/vfio.c
@@ -2,3 +2,4 @@ int one;
 int two;
 int three;
 int four;
+int five;
--
2.39.5
''')


@pytest.fixture
def patches(tmp_path):
    """A folder with a series for 5.4 and one for 5.5."""
    folder = tmp_path / 'kernel-patches'
    for name in ('v5.4', 'v5.5'):
        (folder / name).mkdir(parents=True)
        for number, text in enumerate(PATCHES):
            (folder / name / f'{number + 1:04}-x.patch').write_text(text)
    return folder


@pytest.fixture
def make_tree(tmp_path):
    """Makes a tree of a version."""
    def make(*version, extra='', code=CODE):
        folder = tmp_path / 'linux'
        (folder / 'drivers/vfio').mkdir(parents=True)
        (folder / 'Makefile').write_text(MAKEFILE.format(*version, extra))
        (folder / 'drivers/vfio/vfio.c').write_text(code)
        (folder / 'drivers/vfio/vfio.o').write_text('built')
        return find_tree(folder)

    return make


def files(folder):
    """All files below a folder with their contents, without git's."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob('*')
            if path.is_file() and '.git' not in path.parts}


def git(folder, *args):
    """Run git for a test's user."""
    return subprocess.run(['git', '-c', 'user.name=T', '-c', 'user.email=t@example.com', *args],
                          cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


@pytest.mark.parametrize('version, extra, name', [
    ((5, 5, 0), '-rc5', 'v5.5'), ((5, 5, 19), '', 'v5.5'), ((5, 4, 270), '', 'v5.4')])
def test_series(make_tree, patches, version, extra, name):
    """A tree must get the series of its version.

    Steps: Make a tree; look for its series.
    Verify: The series' name; the tree's own name.
    """
    made = make_tree(*version, extra=extra)
    assert series.find_series(made, patches).name == name
    assert made.name == '.'.join(map(str, version)) + extra


def fact(patch, name):
    """A line of a patch's mail, which may go on in the next ones."""
    return ' '.join(re.findall(rf'^{name}: (.*(?:\n .*)*)', patch.read_text('utf-8'),
                               re.MULTILINE)[0].split())


@pytest.mark.parametrize('name', ['v5.4', 'v5.5', 'v6.6', 'v6.12'])
def test_form(name):
    """A series must be in the form in which it goes to a list.

    Steps: Read the patches of this project and their cover letter.
    Verify: They are numbered; the cover letter names each in its order, and the RFC. In the series
        of the whole mechanism two fixes go first, which say what they fix; the RFC's follow.
    """
    chosen = series.all_series()[name]
    count = len(chosen.patches)
    titles = []
    for number, patch in enumerate(chosen.patches, 1):
        head, title = re.match(r'(\[PATCH .*?\]) (.*)', fact(patch, 'Subject')).groups()
        assert head == f'[PATCH {number:0{len(str(count))}}/{count}]' and patch.name.startswith(
            f'{number:04}-')
        titles.append(title)
    cover = chosen.patches[0].with_name('0000-cover-letter.txt')
    assert fact(cover, 'Subject').startswith(f'[PATCH {0:0{len(str(count))}}/{count}] ')
    text = cover.read_text('utf-8')
    assert re.findall(r'^  (\S.*)$', text, re.MULTILINE)[:count] == titles
    assert '\nLink: https://lore.kernel.org/r/158085337582.9445.' in text
    fixes = [bool(re.search(r'^Fixes: [0-9a-f]{12} \("', patch.read_text('utf-8'), re.MULTILINE))
             for patch in chosen.patches]
    whole = name in ('v5.4', 'v5.5')
    assert fixes == [whole and number <= 2 for number in range(1, count + 1)]
    if whole:
        assert [titles[2], titles[8]] == [
            'vfio: Include optional device match in vfio_device_ops callbacks',
            'vfio/pci: Cleanup .probe() exit paths']


@pytest.mark.parametrize('version, words', [
    ((6, 1, 5), r'is Linux 6\.1\.5, for which there is no series; there are v5\.4, v5\.5'),
    ((5, 4, 269), r'is Linux 5\.4\.269, which is too old: .* for 5\.4\.270 and later')])
def test_other_version(make_tree, patches, version, words):
    """A tree without a series must be refused with the series there are.

    Steps: Make a tree; look for its series.
    Verify: The sentence.
    """
    with pytest.raises(KernelError, match=words):
        series.find_series(make_tree(*version), patches)


def test_no_tree(tmp_path):
    """A folder that is no kernel tree must be refused.

    Steps: Name a folder that isn't there, an empty one, and one with another Makefile.
    Verify: The sentences.
    """
    with pytest.raises(KernelError, match='there is no folder'):
        find_tree(tmp_path / 'none')
    with pytest.raises(KernelError, match='is no kernel tree'):
        find_tree(tmp_path)
    (tmp_path / 'Makefile').write_text('all:\n\ttrue\n')
    with pytest.raises(KernelError, match='is no kernel tree'):
        find_tree(tmp_path)


def test_copy(make_tree, patches, tmp_path):
    """A patched copy must have the series and nothing that was built; the tree stays as it is.

    Steps: Apply a series to a copy; to one that is there; to the copy itself.
    Verify: The files; the refusals.
    """
    made = make_tree(5, 5, 0)
    chosen = series.find_series(made, patches)
    before = files(made.path)
    series.apply_to_copy(chosen, made, tmp_path / 'copy')
    assert files(made.path) == before
    assert files(tmp_path / 'copy') == {
        'Makefile': before['Makefile'], 'drivers/vfio/new.c': 'int new;\n',
        'drivers/vfio/vfio.c': CODE + 'int four;\nint five;\n'}
    with pytest.raises(KernelError, match='is there already'):
        series.apply_to_copy(chosen, made, tmp_path / 'copy')
    with pytest.raises(KernelError, match=r'has the series v5\.5 already'):
        series.apply_to_copy(chosen, find_tree(tmp_path / 'copy'), tmp_path / 'twice')


@pytest.mark.parametrize('code, words', [
    ('int other;\n', r'0001-x\.patch does not apply to .*, which was left as it is; patch says:'),
    (CODE + 'int four;\n', r'has 0001-x\.patch of the series v5\.5 already, but not all of it')])
def test_does_not_apply(make_tree, patches, tmp_path, code, words):
    """A series that doesn't apply must change nothing and name the patch.

    Steps: Apply a series to a tree with other code, and to one that has its first patch.
    Verify: The sentence; no copy; the tree as it was.
    """
    made = make_tree(5, 5, 0, code=code)
    before = files(made.path)
    with pytest.raises(KernelError, match=words):
        series.apply_to_copy(series.find_series(made, patches), made, tmp_path / 'copy')
    assert files(made.path) == before
    assert not [path for path in tmp_path.iterdir() if 'copy' in path.name]


def test_branch(make_tree, patches):
    """As a branch, each patch must be a commit of its author; the checkout stays as it is.

    Steps: Apply a series to a git checkout that has changes of its own; again; to the branch.
    Verify: The commits; the checkout's branch and files; the refusals.
    """
    made = make_tree(5, 5, 0)
    git(made.path, 'init', '-q', '-b', 'main')
    git(made.path, 'add', '.')
    git(made.path, 'commit', '-q', '-m', 'base')
    (made.path / 'drivers/vfio/vfio.c').write_text('mine')
    before = files(made.path)
    git(made.path, 'config', 'user.name', 'T')
    git(made.path, 'config', 'user.email', 't@example.com')
    chosen = series.find_series(made, patches)
    series.apply_as_branch(chosen, made)
    assert git(made.path, 'log', '--format=%an %aI %s: %b', 'main..vf-token').splitlines()[0] == (
        'A. N. Author 2026-11-02T11:00:00+00:00 vfio: Add a file: It takes a file of its own.')
    assert git(made.path, 'log', '--format=%s', 'vf-token').splitlines() == [
        'vfio: Add a file', 'vfio: Add four', 'base']
    assert git(made.path, 'show', 'vf-token:drivers/vfio/vfio.c') == CODE + 'int four;\nint five;'
    assert git(made.path, 'symbolic-ref', '--short', 'HEAD') == 'main'
    assert files(made.path) == before
    with pytest.raises(KernelError, match='has a branch vf-token already'):
        series.apply_as_branch(chosen, made)
    git(made.path, 'checkout', '-q', '-f', 'vf-token')
    with pytest.raises(KernelError, match=r'has the series v5\.5 already'):
        series.apply_as_branch(chosen, made, 'twice')


def test_branch_refused(make_tree, patches):
    """A branch must not come from a folder without git, nor from a series that doesn't apply.

    Steps: Ask for a branch in a plain folder; in a checkout with other code.
    Verify: The sentences; no branch.
    """
    made = make_tree(5, 5, 0, code='int other;\n')
    chosen = series.find_series(made, patches)
    with pytest.raises(KernelError, match='is no git checkout; use --to FOLDER'):
        series.apply_as_branch(chosen, made)
    git(made.path, 'init', '-q', '-b', 'main')
    git(made.path, 'add', '.')
    git(made.path, 'commit', '-q', '-m', 'base')
    with pytest.raises(KernelError, match=r'0001-x\.patch does not apply'):
        series.apply_as_branch(chosen, made)
    assert git(made.path, 'branch', '--format=%(refname:short)') == 'main'


def test_config(tmp_path):
    """A symbol that a tree lacks must be passed over, one that was lost must be named.

    Steps: Compare a configuration with a fragment, for a tree that knows most of its symbols.
    Verify: Those that differ.
    """
    (tmp_path / 'arch/arm').mkdir(parents=True)
    (tmp_path / 'Kconfig').write_text('config GOT\n\tbool\nmenuconfig LOST\nconfig MODULE\n'
                                      'config OFF\nconfig ON\nconfig NUMBER\n')
    (tmp_path / 'arch/arm/Kconfig').write_text('config ELSEWHERE\n')
    known = config.known_symbols(tmp_path)
    assert known == {'GOT', 'LOST', 'MODULE', 'OFF', 'ON', 'NUMBER'}
    fragment = tmp_path / 'fragment'
    fragment.write_text('# CONFIG_COMMENT=y\nCONFIG_GOT=y\nCONFIG_LOST=y\nCONFIG_MODULE=m\n'
                        'CONFIG_OFF=n\nCONFIG_ON=n\nCONFIG_ELSEWHERE=y\nCONFIG_NUMBER=5\n')
    text = 'CONFIG_GOT=y\n# CONFIG_LOST is not set\nCONFIG_MODULE=y\nCONFIG_ON=y\nCONFIG_NUMBER=5\n'
    assert config.lost([fragment], text, known) == [
        'CONFIG_LOST should be y and is n', 'CONFIG_MODULE should be m and is y',
        'CONFIG_ON should be n and is y']
    assert config.lost([fragment], text, known, 'MOD') == ['CONFIG_MODULE should be m and is y']


def test_fragments():
    """Our fragments must name each symbol once, but for those that a later one changes.

    Steps: Read them.
    Verify: No line that isn't a comment or a symbol; no symbol twice in one.
    """
    for path in (config.LAB, config.DEBUG, config.KCSAN, config.NOGROUP, config.CHECK):
        lines = [line for line in path.read_text().splitlines() if line and line[0] != '#']
        assert len(config.symbols('\n'.join(lines))) == len(lines), path


def test_new_warnings(tmp_path):
    """A warning must be new only if its file has more of it than before, wherever its lines are.

    Steps: Compare what a compiler says before and after, with lines moved, a second warning of a
        kind, and another file's.
    Verify: The two that are new.
    """
    source, objects = tmp_path / 'source', tmp_path / 'objects'
    before = compare.warnings(f'''{source}/drivers/a.c: In function 'f':
{source}/drivers/a.c:10:5: warning: unused variable 'x' [-Wunused-variable]
../source/drivers/b.c:7: warning: no previous prototype
''', objects, source)
    after = compare.warnings('''
../source/drivers/a.c:19:5: warning: unused variable 'x' [-Wunused-variable]
../source/drivers/a.c:29:5: warning: unused variable 'x' [-Wunused-variable]
../source/drivers/b.c:9: warning: no previous prototype
../source/drivers/b.c:9:1: note: a note
../source/drivers/c.c:1:1: error: context imbalance
''', objects, source)
    assert compare.new_warnings(before, after) == [
        "drivers/a.c: warning: unused variable 'x' [-Wunused-variable]",
        'drivers/c.c: error: context imbalance']
    assert not compare.new_warnings(after, Counter(before))


def test_reports():
    """A kernel's log must be searched for reports of its checkers, and not give false ones.

    Steps: Search a log with reports of several, and usual lines.
    Verify: Their first lines.
    """
    log = '''[    0.000000] Linux version 5.5.0
[    0.100000] kmemleak: Kernel memory leak detector initialized (mem pool available: 35)
[    1.000000] ------------[ cut here ]------------
[    1.000000] WARNING: CPU: 0 PID: 1 at drivers/vfio/vfio.c:1 vfio_f+0x1/0x2
[    2.000000] BUG: KASAN: use-after-free in vfio_f+0x1/0x2
[    3.000000] WARNING: possible circular locking dependency detected
[    4.000000] INFO: task testpmd:123 blocked for more than 120 seconds.
[    5.000000] vfio-pci 0000:01:00.0: Captured SR-IOV VF 0000:01:10.0 driver_override
'''
    assert [line.split('] ')[1].split()[0] for line in compare.reports(log)] == [
        '------------[', 'WARNING:', 'BUG:', 'WARNING:', 'INFO:']


def test_known_reports():
    """What any kernel reports at a failing allocation mustn't count against a series; the same
    report at another time must.

    Steps: Search a log with such reports and another, while allocations fail and before that.
    Verify: How many are left out; those that aren't, such as another double free.
    """
    double_free = ('[    1.0] BUG: KASAN: double-free or invalid-free in kfree+0xc4/0x260\n'
                   '[    1.0]\n[    1.0] Call Trace:\n[    1.0]  ? {0}+0xc0/0x130\n'
                   '[    1.0]  kfree+0xc4/0x260\n[    1.0]  {0}+0xc0/0x130\n')
    warning = ('[    1.0] ------------[ cut here ]------------\n'
               '[    1.0] WARNING: CPU: 1 PID: 1 at drivers/vfio/{}+0xc8/0xf0\n')
    own, other = warning.format('group.c:1 vfio_group_release'), warning.format('a.c:1 vfio_f')
    begin, end = (f'[    1.0] {line}\n' for line in compare.FAILURES)
    assert compare.without_known(own + own) == (own + own, 0)
    frees = double_free.format('vfio_config_free'), double_free.format('vfio_pci_close')
    reads = [f'[    1.0] BUG: KASAN: use-after-free in {name}+0x1/0x2\n'
             for name in ('vfio_config_free', 'vfio_pci_close')]
    rest, known = compare.without_known(own + begin + own + frees[0] + reads[0] + other + frees[1]
                                        + reads[1] + own + end + own)
    assert known == 4
    assert [line for line in compare.reports(rest) if 'KASAN' in line] == [
        line for line in (frees[1] + reads[1]).splitlines() if 'KASAN' in line]
    assert [line.split()[-1].split('+')[0] for line in compare.reports(rest) if 'WARNING' in line
            ] == ['vfio_group_release', 'vfio_f', 'vfio_group_release']


def test_data_races():
    """A data race must count against a series if it is in a function that its patches name.

    Steps: Search a log with races of the series' functions and of others, for patches.
    Verify: The former; the number of the latter.
    """
    log = '''[    1.0] BUG: KCSAN: data-race in vfio_pci_f [vfio_pci_core] / vfio_g [vfio]
[    1.0] write to 0x1 of 4 bytes by task 1 on cpu 0:
[    1.0]  vfio_pci_f+0x1/0x2 [vfio_pci_core]
[    2.0] BUG: KCSAN: data-race in tick_do / tick_go
[    3.0] BUG: KCSAN: assert: race in vfio_g
[    4.0] BUG: KCSAN: data-race in vfio_g+0x10/0x20
[    5.0] BUG: KCSAN: data-race in tick_do.part.0 / tick_go.constprop.0
[    6.0] BUG: KCSAN: data-race in tick_do / vfio_g.part.0
'''
    patch = '@@ -0,2 +0,2 @@ static int vfio_g(void)\n+\tdo(0, 0x20);\n'
    found, others = compare.data_races(log, patch)
    assert [line.split('KCSAN: ')[1] for line in found] == [
        'data-race in vfio_pci_f [vfio_pci_core] / vfio_g [vfio]', 'assert: race in vfio_g',
        'data-race in vfio_g+0x10/0x20', 'data-race in tick_do / vfio_g.part.0']
    assert others == 2
    assert compare.data_races(log, 'tick') == ([], 6)


@pytest.mark.parametrize('points, answer, must, said', [
    (3, errno.EACCES, 'EACCES', 'it: 3 failures, 3 calls failed: 3 ENOMEM\n'),
    (3, 0, 'done', 'it: 3 failures, 3 calls failed: 3 ENOMEM\n'),
    (3, 0, 'EACCES', 'it: done with 4 points before a failure; EACCES must be'),
    (3, errno.EIO, 'done', 'it: EIO with 4 points before a failure; done must be'),
    (0, 0, 'done', 'it: no failure changed the answer')])
def test_sweep(tmp_path, monkeypatch, capsys, points, answer, must, said):
    """Each point of an operation must fail once, and the operation without a failure must be right.

    Steps: Sweep over an operation with points that count down as the kernel's do, and an answer.
    Verify: The number of failures; or that the sweep ends with what is wrong.
    """
    nth = tmp_path / 'fail-nth'
    nth.touch()
    monkeypatch.setattr(faults, 'FAIL_NTH', str(nth))

    def operation(_):
        for _ in range(points):
            left = int(nth.read_text()[:1])
            nth.write_text(str(max(left - 1, 0)))
            if left == 1:
                raise OSError(errno.ENOMEM, '')
        if answer:
            raise OSError(answer, '')

    try:
        faults.sweep('it', operation, must=must)
        assert capsys.readouterr().out == said
    except SystemExit as ended:
        assert ended.code == said


@pytest.mark.parametrize('closes', [True, False])
def test_sweep_closes(tmp_path, monkeypatch, closes):
    """What an operation opened must be closed while points fail, or only afterwards.

    Steps: Sweep over an operation with one point in two ways; see the points left at each close.
    Verify: Closes have a point to fail in the first way alone.
    """
    nth = tmp_path / 'fail-nth'
    nth.touch()
    monkeypatch.setattr(faults, 'FAIL_NTH', str(nth))
    left = []
    monkeypatch.setattr(faults, 'close', lambda _: left.append(nth.read_text()[:1]))

    def operation(_):
        if nth.read_text()[:1] == '1':
            nth.write_text('0')
            raise OSError(errno.ENOMEM, '')

    faults.sweep('it', operation, closes=closes)
    assert ('2' in left) == closes and '0' in left


def test_bind(tmp_path, monkeypatch):
    """A driver that doesn't take a device must be noticed, though the kernel reports success.

    Steps: Bind a device that no driver takes, and one that has its driver.
    Verify: An error of the former only.
    """
    monkeypatch.setattr(faults, 'DEVICES', str(tmp_path))
    monkeypatch.setattr(faults, 'PROBE', str(tmp_path / 'probe'))
    (tmp_path / 'probe').touch()
    (tmp_path / 'device').mkdir()
    (tmp_path / 'device/driver_override').touch()
    with pytest.raises(FileNotFoundError):
        faults.bind('device')
    assert (tmp_path / 'probe').read_text() == 'device'
    (tmp_path / 'device/driver').symlink_to('.')
    faults.bind('device')


def test_leaks():
    """A leak must be found, unless the kernel is known to have it without the series.

    Steps: Search kmemleak's findings for two kernels, of which one has one of them anyway; for VFs
        that were enabled, with a log of one that couldn't be read and without.
    Verify: Those that are new, and the number of others.
    """
    entries = ['unreferenced object 0xffff88807fbe2100 (size 32):\n  backtrace:\n'
               f'    [<(____ptrval____)>] {name}+0x56/0x66\n'
               for name in ('alloc_perm_bits', 'vfio_pci_probe')]
    assert compare.leaks(''.join(entries), 'v5.5', '') == ([entries[1].strip()], 1)
    assert compare.leaks(''.join(entries), 'v5.4', '') == ([entries[0], entries[1].strip()], 0)
    assert compare.leaks('', 'v5.4', '') == ([], 0)
    vf = entries[0].replace('alloc_perm_bits', 'pci_iov_add_virtfn')
    log = 'pci 0000:02:10.0: unknown header type 7f, ignoring device\n'
    new, known = compare.leaks(3 * vf, 'v6.12', log)
    assert (len(new), known) == (1, 2)
    assert compare.leaks(vf, 'v6.12', '') == ([vf.strip()], 0)


def test_kunit():
    """KUnit's results must be counted, and its failures found.

    Steps: Search a log with tests.
    Verify: How many ran; those that failed.
    """
    log = '''[    1.0] TAP version 14
[    1.0] \t# Subtest: vfio-pci-options
[    1.0] \t1..2
[    1.0] \tok 1 - a
[    1.0] \tnot ok 2 - b
[    1.0] not ok 1 - vfio-pci-options
[    1.1] looks ok to me
'''
    assert compare.kunit(log) == (3, ['not ok 2 - b', 'not ok 1 - vfio-pci-options'])


def test_results(capsys):
    """A step that fails must show what it found, and let the others go on.

    Steps: Run steps that succeed, fail and have nothing to do.
    Verify: What is printed; the table; the verdict.
    """
    def fails():
        raise KernelError('what it found')

    def skips():
        raise check.Skipped('there is none')

    results = check.Results()
    assert results.step('one', lambda: '3 things') and results.good
    assert not results.step('two', fails) and results.step('three', skips)
    assert not results.good
    assert capsys.readouterr().out.splitlines() == [
        'ok - one: 3 things', 'what it found', 'not ok - two: see above',
        'skip - three: there is none']
    assert results.table().splitlines()[1] == 'two    not ok  see above'


def test_missing_programs():
    """A missing program must be told with its package, before anything is built.

    Steps: Ask for programs and files that are there, and for some that aren't.
    Verify: The packages of the latter.
    """
    build.require_programs({'sh': 'dash', '/etc/passwd': 'base-passwd'})
    with pytest.raises(KernelError, match='apt-get install one two$'):
        build.require_programs({'sh': 'dash', 'no-such-1': 'one', '/no/such.h': 'two'})


def test_without_series(make_tree, patches, tmp_path, monkeypatch):
    """A kernel without a series must be built as it is, and with one both ways.

    Steps: Have kernels of a tree without a series and with one, and a compiler that does nothing.
    Verify: The folders of each.
    """
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(build, 'NEEDED', {})
    monkeypatch.setattr(build.Builder, 'kernel', lambda builder, to, suffix: None)
    made = make_tree(5, 5, 0)
    source = build.tree_source(made)
    for chosen, names in ((series.NONE, {'unpatched'}),
                          (series.find_series(made, patches), {'patched', 'unpatched'})):
        folder = build.kernels(source, chosen, '', 1, lambda text: None)
        assert {path.name for path in folder.iterdir()} == names


def test_copy_leaves_out(tmp_path):
    """What a build left, and what a lab's kernel isn't built from, must not be copied.

    Steps: Copy a tree with such files, and with others that look like them.
    Verify: What is in the copy.
    """
    gone = ('.git/config', 'vmlinux', 'vmlinux.o', '.config', 'include/config/auto.conf',
            'include/generated/a.h', 'kernel/.fork.o.cmd', 'arch/arm/kernel/setup.c',
            'drivers/gpu/drm/drm.c', 'Documentation/devicetree/a.yaml')
    kept = ('arch/arm/Kconfig', 'arch/x86/kernel/vmlinux.lds.S', 'arch/x86/kernel/setup.c',
            'tools/include/generated/a.h', 'drivers/gpu/drm/Makefile', 'Documentation/vfio.rst')
    for name in gone + kept:
        (tmp_path / 'tree' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'tree' / name).write_text('')
    (tmp_path / 'copy').mkdir()
    tree.copy(tmp_path / 'tree', tmp_path / 'copy', tree.PRODUCTS + tree.UNUSED)
    assert set(files(tmp_path / 'copy')) == set(kept)


def test_lab_takes_folder(tmp_path, monkeypatch):
    """The lab must boot a folder with an image and modules, and refuse others.

    Steps: Look for the kernel in such a folder, by argument and LAB_KERNEL; in its parent, which
        has several; in one without an image and in one without modules.
    Verify: Image and release; the refusals.
    """
    for name in ('patched', 'unpatched'):
        (tmp_path / name / 'lib/modules/5.5.0-x').mkdir(parents=True)
        (tmp_path / name / 'lib/modules/5.5.0-x/modules.order').write_text('')
        (tmp_path / name / 'bzImage').write_text('')
    found = qemu.find_kernel(tmp_path / 'patched', None)
    assert (found.image, found.release) == (tmp_path / 'patched/bzImage', '5.5.0-x')
    monkeypatch.setenv('LAB_KERNEL', str(tmp_path / 'unpatched'))
    assert qemu.find_kernel(None, None).image == tmp_path / 'unpatched/bzImage'
    with pytest.raises(qemu.MachineError, match='has several kernels; name one: .*/patched or'):
        qemu.find_kernel(tmp_path, None)
    (tmp_path / 'unpatched/bzImage').unlink()
    with pytest.raises(qemu.MachineError, match='there is no kernel image .*/bzImage'):
        qemu.find_kernel(None, None)
    (tmp_path / 'patched/lib/modules/5.5.0-x/modules.order').unlink()
    with pytest.raises(qemu.MachineError, match='has no kernel modules'):
        qemu.find_kernel(tmp_path / 'patched', None)


def test_modules_refused(make_tree, patches, tmp_path, monkeypatch):
    """Modules must come only from the sources that the headers' kernel was built from.

    Steps: Ask for modules against a folder without headers; against those of another version.
    Verify: The sentences; no modules.
    """
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    made = make_tree(5, 5, 0)
    for name in ('include/linux', 'include/uapi/linux'):
        (made.path / name).mkdir(parents=True)
    chosen = series.find_series(made, patches)
    headers = tmp_path / 'headers'
    headers.mkdir()
    with pytest.raises(KernelError, match='has no kernel headers to build modules with; install'):
        modules.headers_version(headers)
    (headers / 'Makefile').write_text('kernelversion:\n\t@echo 5.5.1\n')
    assert modules.headers_version(headers) == '5.5.1'
    with pytest.raises(KernelError, match=r"is Linux 5\.5\.0, and '.*/headers' has the headers of "
                                          r'5\.5\.1; take the sources that your kernel was built'):
        modules.modules(build.tree_source(made), chosen, headers, tmp_path / 'modules', 1)
    assert not (tmp_path / 'modules').exists()
