# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The distribution's DPDK, and its programs that open VFs, which know nothing of this project."""
from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import debian
from lab import qemu
from lab.vm import Lab

from .build import program

TESTPMD = '/opt/distribution/dpdk-testpmd'
PROC_INFO = '/opt/distribution/dpdk-proc-info'
# Our EAL and PCI bus, with the ABI of the distribution's; the rest is the distribution's.
OURS = '/opt/ours'
DRIVERS = '/opt/distribution/pmds'
OVS = 'export OVS_RUNDIR=/run/ovs OVS_LOGDIR=/run/ovs OVS_DBDIR=/run/ovs\n'
START_OVS = OVS + '''
rm -rf /run/ovs && mkdir /run/ovs
ovsdb-tool create /run/ovs/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /run/ovs/conf.db --remote=punix:/run/ovs/db.sock --detach --pidfile -vconsole:off
ovs-vsctl --no-wait -- init -- set Open_vSwitch . other_config:dpdk-init=true \\
    other_config:dpdk-socket-mem=64 other_config:dpdk-extra={extra}
LD_LIBRARY_PATH={libraries} ovs-vswitchd --detach --pidfile --log-file=/run/ovs/log -vconsole:off
ovs-vsctl --timeout=60 add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 dpdk0 \\
    -- set Interface dpdk0 type=dpdk options:dpdk-devargs={device}
'''
OVS_STATE = OVS + 'ovs-vsctl --bare get Interface dpdk0 {column}'
STOP_OVS = '''
for name in ovs-vswitchd ovsdb-server; do
    read -r pid </run/ovs/$name.pid && kill $pid
    while kill -0 $pid 2>/dev/null; do sleep 0.1; done
done
'''
# Stopped before its first instruction, it has opened its devices. It runs until it is told to end.
QEMU = ('(sleep 2; echo quit) | timeout 60 qemu-system-x86_64 -L /usr/share/qemu -S -nodefaults '
        '-display none -M q35 -m 64 -monitor stdio -device ')


def root() -> Path:
    """Its packages, unpacked: DPDK with testpmd and the lab's drivers, and Open vSwitch."""
    return debian.unpack('distribution', ['dpdk-dev', 'openvswitch-switch-dpdk'])


def testpmd_files() -> Mapping[str, Path]:
    """Its testpmd for the lab's guest, with the drivers that the lab needs, by their path there."""
    top = root()
    drivers = [path for path in top.glob('usr/lib/*-linux-gnu/dpdk/pmds-*/*.so.*')
               if re.match(r'librte_(net_e1000|mempool_ring)\.so', path.name)]
    assert len({path.name.split('.')[0] for path in drivers}) == 2, drivers
    # EAL loads those of its own folder; ours has another one.
    return {TESTPMD: top / 'usr/bin/dpdk-testpmd', PROC_INFO: top / 'usr/bin/dpdk-proc-info',
            **{f'/{path.relative_to(top)}': path for path in drivers},
            **{f'{DRIVERS}/{path.name}': path for path in drivers if path.suffix == '.0'}}


def program_files() -> Mapping[str, Path]:
    """Open vSwitch and QEMU for the lab's guest."""
    top, machine = root(), qemu.find_qemu(qemu.find_arch())
    folders = [Path(folder) for folder in machine.arguments[1::2]] or [Path('/usr/share/qemu'),
                                                                       Path('/usr/share/seabios')]
    firmware = [folder / name for folder in folders
                for name in ('bios-256k.bin', 'kvmvapic.bin') if (folder / name).exists()]
    return {'/usr/bin/ovs-vswitchd': top / 'usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk',
            **{f'/usr/bin/{Path(name).name}': top / name
               for name in ('usr/bin/ovs-vsctl', 'usr/bin/ovsdb-tool', 'usr/sbin/ovsdb-server')},
            '/usr/share/openvswitch/vswitch.ovsschema':
                top / 'usr/share/openvswitch/vswitch.ovsschema',
            '/usr/bin/qemu-system-x86_64': machine.binary,
            **{f'/usr/share/qemu/{path.name}': path.resolve() for path in firmware}}


def our_libraries(build: Path) -> Mapping[str, Path]:
    """EAL, the PCI bus and libvftoken of a shared build of ours, by their names for programs of the
    distribution; none where it has another ABI."""
    dpdk = program(build, 'dpdk-testpmd').parents[1]
    versions = {path.suffix for path in root().glob('usr/lib/*-linux-gnu/librte_eal.so.??')}
    ours = [path for folder in ('lib', 'drivers') for path in (dpdk / folder).glob('librte_*.so.??')
            if path.name.startswith(('librte_eal.', 'librte_bus_pci.'))]
    return {f'{OURS}/{path.name}': path for path in [*ours, build / 'libvftoken.so.1']
            if path.name == 'libvftoken.so.1' or path.suffix in versions}


def _below(ours: bool) -> tuple[str, list[str]]:
    """Where a program finds its libraries, and EAL's arguments for that: its own, or ours."""
    return (OURS, ['-d', DRIVERS]) if ours else ('', [])


def _rule(token: str) -> list[str]:
    return [f'--vfio-vf-token={token}'] if token else []


@dataclass(frozen=True)
class Opened:
    """What came of a program's try to open a VF."""
    works: bool
    said: str


def by_testpmd(lab: Lab, vf: str, token: str, ours: bool = False) -> Opened:
    """The distribution's testpmd, for a moment."""
    libraries, eal = _below(ours)
    argv = [TESTPMD, '-l', '0,1', '-m', '128', '--in-memory', '-a', vf, *eal, *_rule(token), '--',
            '-i', '--nb-cores=1', '--total-num-mbufs=8192', '--no-lsc-interrupt', '--no-mlockall']
    done = lab.run(f'echo quit | LD_LIBRARY_PATH={libraries} {shlex.join(argv)} 2>&1', timeout=90)
    return Opened('Configuring Port 0' in done.output, done.output)


def by_proc_info(lab: Lab, prefix: str, vf: str, token: str, ours: bool = False) -> Opened:
    """The distribution's dpdk-proc-info, as the secondary process of the one with this prefix."""
    libraries, eal = _below(ours)
    argv = [PROC_INFO, f'--file-prefix={prefix}', '-a', vf, *eal, *_rule(token), '--', '--stats']
    done = lab.run(f'LD_LIBRARY_PATH={libraries} {shlex.join(argv)} 2>&1', timeout=90)
    return Opened('NIC statistics for port 0' in done.output, done.output)


def by_ovs(lab: Lab, vf: str, token: str, ours: bool = False) -> Opened:
    """Open vSwitch, until the VF is a port; without the PF's driver its link is down."""
    libraries, eal = _below(ours)
    extra = shlex.quote(' '.join(['-a', vf, *eal, *_rule(token)]))
    lab.check('modprobe tun')
    try:
        lab.run(START_OVS.format(device=vf, extra=extra, libraries=libraries), timeout=120)
        error, state = (lab.check(OVS_STATE.format(column=column))
                        for column in ('error', 'link_state'))
        return Opened(not error.strip('[]\n"') and state.strip() in ('up', 'down'),
                      error + '\n' + lab.check('cat /run/ovs/log'))
    finally:
        lab.check(STOP_OVS)


def by_qemu(lab: Lab, vf: str, token: str, cdev: bool = False) -> Opened:
    """QEMU, which passes the VF on to a guest of its own, by the VF's group or by its own file."""
    device = [f'vfio-pci,host={vf}', *([f'vf-token={token}'] if token else []),
              *(['iommufd=by-cdev -object iommufd,id=by-cdev'] if cdev else [])]
    done = lab.run(f'{QEMU}{",".join(device)} 2>&1', timeout=90)
    return Opened(done.status == 0, done.output)
