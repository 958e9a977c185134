# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Families of SR-IOV devices: what DPDK does with their PFs and VFs, and what a token gives there.
The README and the guide getting_started show them."""
from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from .facts import Machine

# DPDK goes through them, and the VFs depend on them.
BIFURCATED = ('mlx4_core', 'mlx5_core')
REQUIRED = 'each VF opens only with it'
NOTHING = 'nothing'


@dataclass(frozen=True)
class Family:
    """A family of devices."""
    name: str
    # The kernel's drivers of its PFs, as sysfs has them.
    drivers: tuple[str, ...]
    # Whether its PF can be in user space and have VFs there; and whether its VFs can be there.
    pf: str
    vfs: str
    token: str
    # A file of DPDK 22.11 that says so, and what is in it; with a '!' before it, what isn't.
    source: str
    holds: str
    # PFs of families without a kernel driver: VENDOR:DEVICE.
    ids: tuple[str, ...] = ()
    # Why its PF is better left on its kernel driver; '' if it isn't.
    stays: str = ''

    def finding(self) -> str:
        """What the doctor says of a PF of it."""
        return f'{self.name}: PF in user space with VFs: {self.pf}; VFs: {self.vfs}'


def _served(name: str, driver: str, pmd: str, source: str, holds: str, vfs: str = '') -> Family:
    return Family(name, (driver,), f'yes, {pmd}', f'yes, {vfs or pmd}', REQUIRED, source, holds)


FAMILIES = (
    _served('Intel 82576, I350', 'igb', 'net/e1000', 'drivers/net/e1000/igb_pf.c',
            'igb_pf_host_init'),
    _served('Intel 82599, X540, X550', 'ixgbe', 'net/ixgbe', 'drivers/net/ixgbe/ixgbe_pf.c',
            'ixgbe_pf_host_init'),
    _served('Intel X710, XL710, XXV710, X722', 'i40e', 'net/i40e', 'drivers/net/i40e/i40e_pf.c',
            'i40e_pf_host_init', 'net/iavf'),
    Family('Intel E810', ('ice',), 'no, net/ice serves no VFs', 'yes, net/iavf, with the PF on ice',
           NOTHING, 'drivers/net/ice/meson.build', '!_pf.c',
           stays="net/ice drives the PF but serves no VFs, so a VF doesn't start; leave the PF on "
           'ice, whose VFs take no VF token'),
    _served('Wangxun SP1000, WX1820', 'txgbe', 'net/txgbe', 'drivers/net/txgbe/txgbe_pf.c',
            'txgbe_pf_host_init'),
    _served('Wangxun WX1860', 'ngbe', 'net/ngbe', 'drivers/net/ngbe/ngbe_pf.c',
            'ngbe_pf_host_init', 'net/ngbe, but not in DPDK 22.11 and 24.11'),
    _served('Broadcom NetXtreme-C, -E', 'bnxt_en', 'net/bnxt', 'drivers/net/bnxt/bnxt_ethdev.c',
            'bnxt_hwrm_allocate_vfs'),
    _served('Marvell FastLinQ', 'qede', 'net/qede', 'drivers/net/qede/qede_sriov.c',
            'qed_sriov_configure'),
    _served('Marvell OCTEON 9, 10', 'rvu_nicpf', 'net/cnxk', 'drivers/common/cnxk/roc_dev.c',
            'pci_dev->max_vfs'),
    Family('NVIDIA ConnectX', BIFURCATED, 'no, DPDK uses its kernel driver',
           'no, DPDK uses their kernel driver', NOTHING, 'drivers/common/mlx5/mlx5_common_pci.c',
           '!RTE_PCI_DRV_NEED_MAPPING',
           stays='DPDK drives it and its VFs through their kernel drivers, and would lose it on '
           'vfio-pci; leave it where it is, which takes no VF token'),
    Family('Intel QAT', ('dh895xcc', 'c3xxx', 'c6xx', 'd15xx', '200xx', '4xxx', '420xx'),
           'no, the PMD knows only VFs', 'yes, common/qat, with the PF on its kernel driver',
           NOTHING, 'drivers/common/qat/qat_device.c', '!0x4940',
           stays='DPDK drives only its VFs, which its kernel driver enables; leave it where it is, '
           'which takes no VF token'),
    Family('Intel ACC100, ACC101', (), 'yes, by pf_bb_config, which takes the token as -v UUID',
           'yes, baseband/acc', REQUIRED, 'drivers/baseband/acc/rte_acc100_pmd.c',
           'pci_id_acc100_vf_map',
           ids=('8086:0d5c', '8086:57c4')),
    Family('NVMe', ('nvme',), 'no driver in DPDK; dpdk-vftoken enables VFs', 'no driver in DPDK',
           REQUIRED, 'drivers/meson.build', '!nvme'),
)


def family(machine: Machine, pf: str, driver: str) -> Family | None:
    """The family of a PF: by its driver, or else by the one that the kernel has for it."""
    sysfs = f'sys/bus/pci/devices/{pf}'
    numbers = [machine.read(f'{sysfs}/{name}').removeprefix('0x') for name in ('vendor', 'device')]
    modalias = machine.read(f'{sysfs}/modalias')
    drivers = {driver}
    if modalias and not any(driver in one.drivers for one in FAMILIES):
        lines = machine.read(f'lib/modules/{machine.release}/modules.alias').splitlines()
        words = [line.split() for line in lines if line.startswith('alias pci:')]
        drivers |= {word[2].removeprefix('qat_') for word in words
                    if fnmatch.fnmatchcase(modalias, word[1])}
    return next((one for one in FAMILIES if drivers.intersection(one.drivers)
                 or ':'.join(numbers) in one.ids), None)
