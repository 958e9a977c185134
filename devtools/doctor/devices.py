# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Checks of a PF: its SR-IOV, its IOMMU group, its driver and its VFs."""
from __future__ import annotations

import re
from collections.abc import Iterator

from .facts import DMESG, DOCTOR, FIRMWARE, MISSING, NOTE, OK, Finding, Machine
from .nics import family

MELLANOX = '0x15b3'
PCI_BRIDGE = '0x0604'


def group(machine: Machine, pf: str) -> Iterator[Finding]:
    """Whether the PF has an IOMMU group of its own."""
    top = 'sys/bus/pci/devices'
    number = machine.link(f'{top}/{pf}/iommu_group')
    if not number:
        if machine.iommu_groups():
            yield Finding(MISSING, f'{pf} is in no IOMMU group', DMESG)
        return
    shared = False
    for other in machine.names(f'sys/kernel/iommu_groups/{number}/devices'):
        if other == pf or machine.read(f'{top}/{other}/class').startswith(PCI_BRIDGE):
            continue
        shared = True
        driver = machine.link(f'{top}/{other}/driver')
        if machine.link(f'{top}/{other}/physfn') == pf:
            yield Finding(MISSING, f'its VF {other} is in IOMMU group {number} too, so that no '
                          'other process can have it; turn ACS on in the firmware, or use another '
                          'slot', FIRMWARE)
        elif driver in ('', 'vfio-pci', 'pci-stub'):
            yield Finding(NOTE, f'{other} is in IOMMU group {number} too, so that who has one of '
                          'them has both')
        else:
            yield Finding(MISSING, f'{other}, on {driver}, is in IOMMU group {number} too, which '
                          'VFIO takes as a whole', f'dpdk-devbind.py -b vfio-pci {other}')
    if not shared:
        yield Finding(OK, f'{pf} has IOMMU group {number} for itself')


def vfs(machine: Machine, pf: str, total: int) -> Iterator[Finding]:
    """Whether the VFs of a PF on vfio-pci are there, too."""
    sysfs = f'sys/bus/pci/devices/{pf}'
    enabled = [name for name in machine.names(sysfs) if re.fullmatch(r'virtfn\d+', name)]
    elsewhere = False
    for name in sorted(enabled, key=lambda name: int(name[6:])):
        driver = machine.link(f'{sysfs}/{name}/driver')
        if driver != 'vfio-pci':
            elsewhere = True
            vf = machine.link(f'{sysfs}/{name}')
            yield Finding(MISSING, f'its VF {vf} is on {driver or "no driver"}, not vfio-pci',
                          f'dpdk-devbind.py -b vfio-pci {vf}')
    if not elsewhere:
        yield Finding(OK, f'VFs of {pf} that are enabled: {len(enabled)} of {total}')


def device(machine: Machine, pf: str) -> Iterator[Finding]:
    """Whether a PF can be driven from user space."""
    sysfs = f'sys/bus/pci/devices/{pf}'
    if not machine.there(sysfs):
        yield Finding(MISSING, f'there is no PCI device {pf}', 'lspci -D')
        return
    if its_pf := machine.link(f'{sysfs}/physfn'):
        yield Finding(MISSING, f'{pf} is a VF itself, of PF {its_pf}', f'{DOCTOR} {its_pf}')
        return
    total, driver = machine.number(f'{sysfs}/sriov_totalvfs'), machine.link(f'{sysfs}/driver')
    if not total:
        mellanox = machine.read(f'{sysfs}/vendor') == MELLANOX
        yield Finding(MISSING, f'{pf} can have no VFs: it has no SR-IOV, or its or the '
                      "machine's firmware has that off", f'mlxconfig -d {pf} set SRIOV_EN=1 '
                      'NUM_OF_VFS=8 && reboot' if mellanox else FIRMWARE)
        return
    known = family(machine, pf, driver)
    if known and not known.stays:
        yield Finding(OK if known.pf.startswith('yes') else NOTE,
                      f'{pf} is of the family {known.finding()}')
    yield from group(machine, pf)
    routes = {line.split()[0] for line in machine.read('proc/net/route').splitlines()[1:]}
    used = sorted(routes.intersection(machine.names(f'{sysfs}/net')))
    if known and known.stays:
        yield Finding(NOTE, f'{pf} is of the family {known.name}: {known.stays}. What the kernel '
                      'does with it on vfio-pci shows', f'dpdk-test-vftoken --pf {pf}')
    if driver == 'vfio-pci':
        yield Finding(OK, f'{pf} is on vfio-pci')
        yield from vfs(machine, pf, total)
    elif not (known and known.stays):
        yield Finding(MISSING, f'{pf} is on {driver or "no driver"}, not vfio-pci'
                      + (f'; its interface {used[0]} has routes: see who uses it' if used else ''),
                      f'dpdk-devbind.py -b vfio-pci {pf}')


def pfs(machine: Machine) -> Iterator[Finding]:
    """The PFs that there are; which of them is meant, only a person knows."""
    top = 'sys/bus/pci/devices'
    found = [name for name in machine.names(top) if machine.there(f'{top}/{name}/sriov_totalvfs')]
    for pf in found:
        driver = machine.link(f'{top}/{pf}/driver')
        yield Finding(NOTE, f'PF {pf}, on {driver or "no driver"}, was not looked at',
                      f'{DOCTOR} {pf}')
    if not found:
        yield Finding(MISSING, 'there is no SR-IOV PF, or the firmware has SR-IOV off', FIRMWARE)
