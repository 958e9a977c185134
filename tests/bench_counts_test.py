# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What devtools/bench counts without a device, where counts can't be noisy."""
import re
import subprocess

import pytest

from bench import host

pytestmark = pytest.mark.fast

# Instructions of gcc 12; other compilers and C libraries need a few more or less.
LOOK_UP = {"a device's own": 191, "a VF's PF's": 377, 'none': 570}
PARSING = {'file': 3720, 'literal': 4235}
MARGIN = 1.15

PF, VF = '0000:01:00.0', '0000:01:10.0'


@pytest.fixture(scope='module')
def micro(build):
    """The program that is measured."""
    built = subprocess.run(['ninja', '-C', build, 'bench_micro'], text=True, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert built.returncode == 0, built.stdout
    return build / 'devtools/bench/bench_micro'


@pytest.fixture(scope='module')
def look_ups(micro):
    """Instructions per look-up, by number of rules and by the way that it goes."""
    return {rules: host.look_up(micro, rules) for rules in host.SIZES}


@pytest.mark.parametrize('way', LOOK_UP)
def test_look_up(look_ups, way):
    """A look-up must take few instructions, and hardly more among many rules than in one.

    Steps: Count them with 1, 1k and 64k rules.
    Verify: What it took when this was written, within a margin; with 64k rules it is in reach, and
    so is its growth from 1k rules.
    """
    counts = {rules: found[way] for rules, found in look_ups.items()}
    assert max(counts.values()) <= MARGIN * LOOK_UP[way], counts
    _, few, many = host.SIZES
    assert counts[many] < host.UNDER_1000.most
    assert host.growth(counts[few], counts[many], way).met


@pytest.mark.parametrize('kind', PARSING)
def test_parsing(micro, kind):
    """A rule must be added in few instructions, however many there are.

    Steps: Count them for 1k and 16k rules.
    Verify: What it took when this was written, within a margin.
    """
    for rules in (1000, 16384):
        [count] = host.instructions(micro, 'vftoken_add_rule', 'parse', rules, kind)
        assert count / rules <= MARGIN * PARSING[kind], rules


def test_system_calls(micro):
    """A look-up must make no system call, and a rule none but the write that puts a literal away.

    Steps: List them for 1 and 1000 look-ups of each way; count the writes for 100 rules.
    Verify: As many for 1000 as for 1; for each literal a write and one that wipes it in the end,
    and none for a file.
    """
    assert len(host.system_calls(micro, 'find', 100, 1)) == len(
        host.system_calls(micro, 'find', 100, 1000)) > 0
    for kind, writes in (('file', 0), ('literal', 200)):
        calls = host.system_calls(micro, 'parse', 100, kind)
        assert sum('sys_pwrite64' in call for call in calls) == writes


@pytest.mark.parametrize('device, links, files', [
    (VF, {'driver': 'vfio-pci', 'physfn': PF}, 3),
    (PF, {'driver': 'vfio-pci', 'sriov_totalvfs': '7', 'sriov_numvfs': '2'}, 4),
    ('0000:02:00.0', {'driver': 'vfio-pci'}, 3),
    ('0000:03:00.0', {}, 4),
], ids=['VF', 'PF', 'neither', 'without driver'])
def test_sysfs(micro, tmp_path, device, links, files):
    """Whether a device gets a token must be decided from five files at most.

    Steps: Open it in a made sysfs, with a default rule.
    Verify: The system calls with a path in it; each file is asked for once.
    """
    for bdf, found in {PF: {'driver': 'vfio-pci'}, device: links}.items():
        (tmp_path / bdf).mkdir()
        for name, text in found.items():
            if name.startswith('sriov_'):
                (tmp_path / bdf / name).write_text(f'{text}\n')
            else:
                (tmp_path / bdf / name).symlink_to(f'../{text}')
    paths = [path for call in host.system_calls(micro, 'open', tmp_path, device)
             for path in re.findall(rf'\(({re.escape(str(tmp_path))}/[^)]*)\)', call)]
    assert len(paths) == len(set(paths)) == files <= 5, paths
