# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Checks of a machine: its kernel, its IOMMU, VFIO, hugepages and limits."""
from __future__ import annotations

import re
from collections.abc import Iterator

from .facts import DMESG, FIRMWARE, MISSING, NOTE, OK, Finding, Machine

PATCH = 'devtools/kernel/kernel apply LINUX'
KERNEL = 'apt-get install linux-image-$(dpkg --print-architecture) && reboot'
# By the processor's maker: the IOMMU's name in the firmware's set-up, the firmware's table of it,
# and what turns it on in a kernel that has it off by default.
IOMMUS = {'GenuineIntel': ('VT-d', 'DMAR', 'intel_iommu=on'),
          'AuthenticAMD': ('AMD-Vi', 'IVRS', '')}
IOMMU_OFF = {'amd_iommu=off', 'intel_iommu=off', 'iommu=off'}
# What the functional suites take: three processes with 128 MB each.
HUGEPAGES_MB = 384
CAP_IPC_LOCK = 1 << 14


def kernel(machine: Machine) -> Iterator[Finding]:
    """Whether the kernel has VF tokens."""
    name, version = f'Linux {machine.release}', machine.version
    loaded = machine.there('sys/module/vfio_pci')
    series = version in ((5, 4), (5, 5))
    # The kernel got that parameter and the tokens in one series.
    if series and not loaded:
        yield Finding(NOTE, f'{name} has VF tokens only if it was patched, which shows once '
                      'vfio-pci is loaded', PATCH)
    elif not machine.parameter('vfio_pci/enable_sriov') if loaded else version < (5, 7):
        yield Finding(MISSING, f'{name} has no VF tokens; they came with 5.7, if it is built with '
                      'CONFIG_PCI_IOV' + (', and to this version by patches' if series else ''),
                      PATCH if series else KERNEL)
    else:
        yield Finding(OK, f'{name} has VF tokens')
    config = machine.read(f'boot/config-{machine.release}')
    if (6, 6) <= version < (6, 17) and (not config or 'CONFIG_VFIO_DEVICE_CDEV=y' in config):
        yield Finding(NOTE, f'by iommufd, {name} opens VFs without a token, unless it is patched '
                      'or has no CONFIG_VFIO_DEVICE_CDEV (kernel-patches/README.md); by IOMMU '
                      'group, as DPDK opens them, it demands the token',
                      PATCH if version == (6, 12) else '')


def iommu(machine: Machine) -> Iterator[Finding]:
    """Whether the IOMMU is on, and if not, by whose fault."""
    unsafe = machine.parameter('vfio/enable_unsafe_noiommu_mode') == 'Y'
    groups = machine.iommu_groups()
    if groups:
        yield Finding(OK, f'the IOMMU is on, IOMMU groups: {len(groups)}')
        if unsafe:
            yield Finding(NOTE, "VFIO's mode without an IOMMU is on, which isn't needed here",
                          'echo 0 >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode')
        return
    maker = re.search(r'^vendor_id\s*: (\S+)', machine.read('proc/cpuinfo'), re.MULTILINE)
    name, table, argument = IOMMUS.get(maker[1] if maker else '', ('', '', ''))
    words = machine.read('proc/cmdline').split()
    grub = '/etc/default/grub && update-grub && reboot'
    if off := [word for word in words if word in IOMMU_OFF]:
        why, remedy = f"the kernel's argument {off[0]}", f"sed -i 's/ *\\b{off[0]}\\b//' {grub}"
    elif table and not machine.there(f'sys/firmware/acpi/tables/{table}'):
        why = f'the firmware shows none (no ACPI table {table}); turn {name} on in its set-up'
        remedy = FIRMWARE
    elif argument and not any(word.startswith(argument) for word in words):
        why = f"the kernel wasn't told to use it ({argument})"
        remedy = f"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{argument} /' {grub}"
    else:
        why, remedy = "its log says why, or the kernel has no driver for it", DMESG
    if unsafe:
        yield Finding(NOTE, "VFIO's mode without an IOMMU is on, in which a device can write to "
                      f'all memory; there are no IOMMU groups: {why}', remedy)
    else:
        yield Finding(MISSING, f'there are no IOMMU groups: {why}', remedy)


def vfio(machine: Machine) -> Iterator[Finding]:
    """Whether VFIO is there and takes VFs."""
    if not any(machine.there(f'sys/module/{name}') for name in ('vfio_iommu_type1', 'iommufd')):
        yield Finding(MISSING, "vfio_iommu_type1 isn't loaded, by which VFIO maps memory",
                      'modprobe vfio_iommu_type1')
    if not machine.there('sys/module/vfio_pci'):
        lists = [machine.read(f'lib/modules/{machine.release}/modules.{name}')
                 for name in ('dep', 'builtin')]
        if any(lists) and not any(re.search(r'(^|/)vfio-pci\.ko', text, re.M) for text in lists):
            yield Finding(MISSING, f'Linux {machine.release} comes without vfio-pci '
                          '(CONFIG_VFIO_PCI)', KERNEL)
        else:
            yield Finding(MISSING, "vfio-pci isn't loaded", 'modprobe vfio-pci enable_sriov=1')
        return
    if machine.parameter('vfio_pci/enable_sriov') == 'N':
        yield Finding(MISSING, "vfio-pci's enable_sriov is off, so that its PFs get no VFs",
                      'echo 1 >/sys/module/vfio_pci/parameters/enable_sriov')
    else:
        yield Finding(OK, 'vfio-pci is there')
    if machine.version < (5, 19) and machine.parameter('vfio_pci/disable_idle_d3') == 'N':
        yield Finding(NOTE, 'before Linux 5.19, a PF that no process has open sleeps (D3hot), and '
                      "its VFs with it, unless vfio-pci's disable_idle_d3 is on", 'modprobe -r '
                      'vfio-pci && modprobe vfio-pci enable_sriov=1 disable_idle_d3=1')


def kilobytes(text: str) -> int:
    """A page size as /proc/mounts has it."""
    units = {'K': 1, 'M': 1 << 10, 'G': 1 << 20}
    return int(text[:-1]) * units.get(text[-1:], 0) if text[:-1].isdigit() else 0


def hugepage_files(machine: Machine) -> dict[int, str]:
    """Where hugepages can be had, by their size in kB."""
    lines = [line.split() for line in machine.read('proc/mounts').splitlines()]
    return {kilobytes(found[1]): line[1] for line in lines if line[2:3] == ['hugetlbfs']
            and (found := re.search(r'pagesize=(\w+)', line[3]))}


def hugepages(machine: Machine) -> Iterator[Finding]:
    """Whether hugepages are mounted and free."""
    top, mounts = 'sys/kernel/mm/hugepages', hugepage_files(machine)
    if not mounts:
        yield Finding(MISSING, 'no hugetlbfs is mounted, from which DPDK takes hugepages',
                      'mkdir -p /dev/hugepages && '
                      'mount -t hugetlbfs -o pagesize=2M hugetlbfs /dev/hugepages')
        mounts = {2048: '/dev/hugepages'}
    free = sum(size * machine.number(f'{top}/hugepages-{size}kB/free_hugepages')
               for size in mounts) >> 10
    if free >= HUGEPAGES_MB:
        yield Finding(OK, f'{free} MB of hugepages are free, on {", ".join(mounts.values())}')
        return
    size = min(mounts)
    path = f'{top}/hugepages-{size}kB/nr_hugepages'
    more = -(-((HUGEPAGES_MB - free) << 10) // size)
    # DPDK leaves its files there when it is killed, and removes them when another one starts.
    held = sum(len(machine.names(mount.lstrip('/'))) for mount in mounts.values())
    files = (f', and {held} files in {", ".join(mounts.values())} hold some: those of killed DPDK '
             'processes go when the next one starts') if held else ''
    yield Finding(MISSING, f'{free} MB of hugepages are free; three processes with 128 MB each '
                  f'take {HUGEPAGES_MB}{files}', f'echo {machine.number(path) + more} >/{path}')


def limits(machine: Machine) -> Iterator[Finding]:
    """Whether a process of this user may lock its memory and open its hugepages."""
    rows = {row[0]: row[1:] for row in
            re.findall(r'^(Max [a-z ]+?) {2,}(\w+) +(\w+)', machine.read('proc/self/limits'),
                       re.MULTILINE)}
    soft, _ = rows.get('Max locked memory', ('unlimited', ''))
    capable = re.search(r'^CapEff:\s*(\w+)', machine.read('proc/self/status'), re.MULTILINE)
    if soft == 'unlimited' or capable and int(capable[1], 16) & CAP_IPC_LOCK:
        yield Finding(OK, 'this user may lock all memory')
    elif int(soft) >> 20 < HUGEPAGES_MB:
        yield Finding(MISSING, f'this user may lock {int(soft) >> 20} MB of memory, and VFIO locks '
                      'all that a process maps', 'sudo prlimit --memlock=unlimited --pid $$')
    else:
        yield Finding(OK, f'this user may lock {int(soft) >> 20} MB of memory')
    _, hard = rows.get('Max open files', ('', 'unlimited'))
    pages = max((machine.number(f'sys/kernel/mm/hugepages/hugepages-{size}kB/free_hugepages')
                 for size in hugepage_files(machine)), default=0)
    if hard.isdigit() and int(hard) <= pages:
        yield Finding(NOTE, f'this user may open {hard} files, and DPDK opens one for each '
                      f'hugepage, of which {pages} are free',
                      f'sudo prlimit --nofile={2 * pages} --pid $$')
