# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Which warnings are new, and what of a kernel's log is a report of a mistake."""
from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

# Leaks that a series' kernel has without it, by a function that allocates what leaks: 5.8 fixed
# them in vfio-pci ("fix memory leaks in alloc_perm_bits()", "fix memory leaks of eventfd ctx"), and
# so did 5.4.y. The scan of PCI at a boot without ACPI's interrupt routing leaks, too.
KNOWN_LEAKS = {'v5.5': ('alloc_perm_bits', 'do_eventfd', 'pci_legacy_init')}
# What a failing allocation makes a kernel report in code that no series touches. VFIO releases a
# group that couldn't be added, and the IOMMU's code can't give a group its domain back. On 5.4
# and 5.5 VFIO warns that it has no memory as a device leaves its group; and what a device's open
# freed when it had no room for the MSI capability is read and freed once more by the close.
KNOWN_REPORTS = (
    r'cut here.*\n.*WARNING: .* at \S+ (?:vfio_group_release|__iommu_release_dma_ownership'
    r'|vfio_iommu_group_notifier|vfio_del_group_dev)\+0x.*$',
    r'BUG: KASAN: double-free or invalid-free in kfree\+0x.*(?:\n.*?){1,14}?'
    r'\bvfio_config_free\+0x.*$',
    r'BUG: KASAN: use-after-free in vfio_config_free\+0x.*$')
# The lines of a kernel's log between which allocations and copies fail.
FAILURES = ('failures begin', 'failures end')
_WARNING = re.compile(r'^([^\s:]+):(?:\d+:)* ?(?:fatal )?(warning|error): (.+)$', re.MULTILINE)
# The first lines of what the kernel's checkers write, and of what it writes about its own mistakes.
_REPORT = re.compile(
    r'^.*(?:BUG:|WARNING:|INFO: (?:task|possible|suspicious|trying|inconsistent|rcu)|KASAN:|UBSAN:'
    r'|Oops:|general protection|kernel BUG|Kernel panic|ODEBUG:|DEBUG_LOCKS_WARN_ON|refcount_t:'
    r'|list_(?:add|del) corruption|soft lockup'
    r'|workqueue lockup|blocked for more than|left locked|still held|sleeping function'
    r'|cut here).*$', re.MULTILINE)


def warnings(output: str, folder: Path, source: Path) -> Counter[str]:
    """The warnings in what a compiler said in a folder: file and text, without line numbers, which
    each patch changes."""
    found: Counter[str] = Counter()
    for name, kind, text in _WARNING.findall(output):
        path = (folder / name).resolve()
        if path.is_relative_to(source):
            name = str(path.relative_to(source))
        found[f'{name}: {kind}: {text}'] += 1
    return found


def new_warnings(known: Counter[str], now: Counter[str]) -> list[str]:
    """What is said more often than it was."""
    return sorted((now - known).elements())


def reports(log: str) -> list[str]:
    """The lines of a kernel's log that tell of a mistake in it."""
    return [line.strip() for line in _REPORT.findall(log)]


def without_known(log: str) -> tuple[str, int]:
    """A kernel's log without the reports that failures make any kernel write, and their number."""
    begin, end = FAILURES
    known = re.compile(f'^.*(?:{"|".join(KNOWN_REPORTS)})', re.MULTILINE)
    before, mark, rest = log.partition(begin)
    failing, other, after = rest.partition(end)
    failing, number = known.subn('', failing)
    return before + mark + failing + other + after, number


def data_races(log: str, patches: str) -> tuple[list[str], int]:
    """KCSAN's reports about functions that patches name, and the number of its others."""
    found = re.findall(r'^.*BUG: KCSAN: .*race in .*$', log, re.MULTILINE)
    # One function or two; behind a name may be a module, an offset, or what the compiler added.
    own = [line.strip() for line in found
           if any(re.search(rf'\b{name}\b', patches)
                  for name in re.findall(r'(?:race in | / )(\w+)', line))]
    return own, len(found) - len(own)


def leaks(text: str, series: str, log: str) -> tuple[list[str], int]:
    """What kmemleak found but for the leaks that are known, and the number of those. A VF that
    can't be read as it is enabled leaves its structure and its name behind; the log says so."""
    found = re.split(r'^(?=unreferenced object )', text.strip(), flags=re.MULTILINE)
    objects = [entry for entry in found if entry]
    unread = 2 * len(re.findall('unknown header type 7f, ignoring device', log))
    new = []
    for entry in objects:
        if ' pci_iov_add_virtfn+' in entry and unread:
            unread -= 1
        elif not any(f' {name}+' in entry for name in KNOWN_LEAKS.get(series, ())):
            new.append(entry)
    return new, len(objects) - len(new)


def kunit(log: str) -> tuple[int, list[str]]:
    """How many KUnit tests ran at boot, and the lines of those that failed."""
    lines = re.findall(r'^(?:\[[^]]*\])?[ \t]*((?:not )?ok \d+ -? ?\S.*)$', log, re.MULTILINE)
    return len(lines), [line for line in lines if line.startswith('not ok')]
