# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""dpdk-devbind.py puts a PF on vfio-pci, and its VFs follow."""


def drivers(lab):
    """Each network device's driver, as dpdk-devbind.py shows them."""
    lines = lab.check('dpdk-devbind.py --status-dev net', timeout=60).splitlines()
    words = [line.split() for line in lines if 'drv=' in line]
    return {word[0]: next(w for w in word if w.startswith('drv=')) for word in words}


def test_pf_and_vfs_are_on_vfio_pci(lab, pf, vfs):
    """VFs that a PF on vfio-pci enables must be on vfio-pci themselves.

    Steps: Bind the PF with dpdk-devbind.py, enable two VFs through sriov_numvfs (the fixture did).
    Verify: dpdk-devbind.py shows the PF and both VFs on vfio-pci.
    """
    assert len(vfs) == 2
    assert drivers(lab) == {device: 'drv=vfio-pci' for device in [pf, *vfs]}
