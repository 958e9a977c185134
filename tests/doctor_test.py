# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""devtools/doctor: what it finds, on made trees."""
import shutil
import subprocess

import pytest

from framework.common import SOURCE, TOKEN

pytestmark = pytest.mark.fast

FOLDER = SOURCE / 'devtools/doctor'
PF, VF = '0000:01:00.0', '0000:01:10.0'
DEVICES = 'sys/bus/pci/devices'
HUGEPAGES = 'sys/kernel/mm/hugepages/hugepages-2048kB'
INSTALL = ('meson setup -Ddpdk-22.11:enable_drivers= build-nic && ninja -C build-nic && '
           'meson install -C build-nic && ldconfig')
FIRMWARE = 'systemctl reboot --firmware-setup'
DMESG = 'dmesg | grep -i -e DMAR -e AMD-Vi -e IOMMU'
KERNEL = 'apt-get install linux-image-$(dpkg --print-architecture) && reboot'
PATCH = 'devtools/kernel/kernel apply LINUX'
GRUB = '/etc/default/grub && update-grub && reboot'
TESTPMD = '''#!/bin/sh
[ "$*" = '-v --help' ] && echo "EAL: RTE Version: 'DPDK 22.11.11'
  --vfio-intr
  --vfio-num-vfs=[BDF=]N"
'''
LIMITS = '''Limit                     Soft Limit           Hard Limit           Units
Max locked memory         {}              {}              bytes
Max open files            1024                 4096                 files
'''


class Link(str):
    """In a made tree, a link."""


# A machine on which nothing is missing.
HEALTHY = {
    **{f'{DEVICES}/{PF}/{name}': text for name, text in {
        'class': '0x020000', 'driver': Link('../../drivers/vfio-pci'),
        'iommu_group': Link('../../../../kernel/iommu_groups/7'), 'sriov_totalvfs': '7',
        'vendor': '0x8086', 'virtfn0': Link(f'../{VF}')}.items()},
    f'{DEVICES}/{VF}/driver': Link('../../drivers/vfio-pci'),
    f'{DEVICES}/{VF}/physfn': Link(f'../{PF}'),
    **{f'{HUGEPAGES}/{name}_hugepages': '256' for name in ('free', 'nr')},
    'proc/cmdline': 'quiet intel_iommu=on', 'proc/cpuinfo': 'vendor_id\t: GenuineIntel',
    'proc/mounts': 'hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0',
    'proc/net/route': 'Iface\tDestination\neth0\t00000000',
    'proc/self/limits': LIMITS.format(8388608, 8388608),
    'proc/self/status': 'CapEff:\t000001ffffffffff',
    'proc/sys/kernel/osrelease': '6.1.0-56-amd64',
    'sys/firmware/acpi/tables/DMAR': '',
    f'sys/kernel/iommu_groups/7/devices/{PF}': '',
    'sys/module/vfio_iommu_type1/parameters/dma_entry_limit': '65535',
    'sys/module/vfio_pci/parameters/disable_idle_d3': 'N',
    'sys/module/vfio_pci/parameters/enable_sriov': 'Y',
    **{f'usr/local/bin/{name}': '' for name in (
        'dpdk-devbind.py', 'dpdk-telemetry.py', 'dpdk-test-vftoken')},
    'usr/local/bin/dpdk-testpmd': TESTPMD, 'usr/local/sbin/dpdk-vftoken': '',
    'usr/local/lib/x86_64-linux-gnu/pkgconfig/libdpdk.pc': 'Name: DPDK\nVersion: 22.11.11',
    'usr/local/lib/x86_64-linux-gnu/pkgconfig/libvftoken.pc': 'Version: 0.1.0',
}
ALL_WELL = f'''ok: Linux 6.1.0-56-amd64 has VF tokens
ok: the IOMMU is on, IOMMU groups: 1
ok: vfio-pci is there
ok: DPDK 22.11.11 has the options of VF tokens
ok: programs can be built with libdpdk 22.11.11 and libvftoken 0.1.0
ok: 512 MB of hugepages are free, on /dev/hugepages
ok: this user may lock all memory
ok: {PF} has IOMMU group 7 for itself
ok: {PF} is on vfio-pci
ok: VFs of {PF} that are enabled: 1 of 7'''.splitlines()

UNLOADED = {'sys/module/vfio_pci': None}
NO_GROUPS = {'sys/kernel/iommu_groups': None}
UNSAFE = {'sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y'}
NO_TOKENS = {'sys/module/vfio_pci/parameters/enable_sriov': None,
             'sys/module/vfio_pci/parameters/disable_idle_d3': 'Y'}
AMD = {'proc/cpuinfo': 'vendor_id\t: AuthenticAMD'}
NEIGHBOUR = {f'sys/kernel/iommu_groups/7/devices/{VF[:-1]}7': ''}


def linux(release):
    """A kernel."""
    return {'proc/sys/kernel/osrelease': release}


def on(driver, device=PF):
    """A device on a driver."""
    return {f'{DEVICES}/{device}/driver': driver and Link(f'../../drivers/{driver}')}


NO_VFS = (f"note: {PF} is of the family Intel E810: net/ice drives the PF but serves no VFs, so a "
          "VF doesn't start; leave the PF on ice, whose VFs take no VF token. What the kernel does "
          'with it on vfio-pci shows')

# What differs from a healthy machine, and what the doctor says then.
CASES = {
    'kernel without tokens': ({**linux('4.19.0'), **NO_TOKENS}, 'missing: Linux 4.19.0 has no VF '
                              'tokens; they came with 5.7, if it is built with CONFIG_PCI_IOV',
                              KERNEL),
    'kernel for a series': ({**linux('5.4.286'), **NO_TOKENS}, 'missing: Linux 5.4.286 has no VF '
                            'tokens; they came with 5.7, if it is built with CONFIG_PCI_IOV, and '
                            'to this version by patches', PATCH),
    'kernel with cdev': (linux('6.12.1'), 'note: by iommufd, Linux 6.12.1 opens VFs without a '
                         'token, unless it is patched or has no CONFIG_VFIO_DEVICE_CDEV '
                         '(kernel-patches/README.md); by IOMMU group, as DPDK opens them, it '
                         'demands the token', PATCH),
    'IOMMU off in the firmware': (
        {**NO_GROUPS, 'sys/firmware/acpi/tables/DMAR': None}, 'missing: there are no IOMMU groups: '
        'the firmware shows none (no ACPI table DMAR); turn VT-d on in its set-up', FIRMWARE),
    'IOMMU off in the firmware, AMD': (
        {**NO_GROUPS, **AMD}, 'missing: there are no IOMMU groups: the firmware shows none (no '
        'ACPI table IVRS); turn AMD-Vi on in its set-up', FIRMWARE),
    'IOMMU not asked for': (
        {**NO_GROUPS, 'proc/cmdline': 'quiet'}, 'missing: there are no IOMMU groups: the kernel '
        "wasn't told to use it (intel_iommu=on)",
        f"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on /' {GRUB}"),
    'IOMMU turned off': (
        {**NO_GROUPS, **AMD, 'proc/cmdline': 'amd_iommu=off'}, 'missing: there are no IOMMU '
        "groups: the kernel's argument amd_iommu=off",
        f"sed -i 's/ *\\bamd_iommu=off\\b//' {GRUB}"),
    'IOMMU fails': (NO_GROUPS, 'missing: there are no IOMMU groups: its log says why, or the '
                    'kernel has no driver for it', DMESG),
    'no IOMMU': ({**NO_GROUPS, **UNSAFE}, "note: VFIO's mode without an IOMMU is on, in which a "
                 'device can write to all memory; there are no IOMMU groups: its log says why, or '
                 'the kernel has no driver for it', DMESG),
    'no-IOMMU groups': ({**UNSAFE, 'sys/kernel/iommu_groups/7/name': 'vfio-noiommu'}, "note: VFIO's"
                        ' mode without an IOMMU is on, in which a device can write to all memory; '
                        'there are no IOMMU groups: its log says why, or the kernel has no driver '
                        'for it', DMESG),
    'needless mode': (UNSAFE, "note: VFIO's mode without an IOMMU is on, which isn't needed here",
                      'echo 0 >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode'),
    'vfio-pci not loaded': (UNLOADED, "missing: vfio-pci isn't loaded",
                            'modprobe vfio-pci enable_sriov=1'),
    'no vfio-pci': ({**UNLOADED, 'lib/modules/6.1.0-56-amd64/modules.dep':
                     'kernel/drivers/vfio/pci/mlx5/mlx5-vfio-pci.ko:'}, 'missing: Linux '
                    '6.1.0-56-amd64 comes without vfio-pci (CONFIG_VFIO_PCI)', KERNEL),
    'no type 1': ({'sys/module/vfio_iommu_type1': None}, "missing: vfio_iommu_type1 isn't loaded, "
                  'by which VFIO maps memory', 'modprobe vfio_iommu_type1'),
    'enable_sriov off': ({'sys/module/vfio_pci/parameters/enable_sriov': 'N'}, 'missing: '
                         "vfio-pci's enable_sriov is off, so that its PFs get no VFs",
                         'echo 1 >/sys/module/vfio_pci/parameters/enable_sriov'),
    'sleeping PF': (linux('5.10.0'), 'note: before Linux 5.19, a PF that no process has open '
                    "sleeps (D3hot), and its VFs with it, unless vfio-pci's disable_idle_d3 is on",
                    'modprobe -r vfio-pci && modprobe vfio-pci enable_sriov=1 disable_idle_d3=1'),
    'no program': ({'usr/local/sbin/dpdk-vftoken': None}, 'missing: not installed: dpdk-vftoken',
                   INSTALL),
    'no testpmd': ({'usr/local/bin/dpdk-testpmd': None}, 'missing: not installed: dpdk-testpmd',
                   INSTALL),
    'another DPDK': ({'usr/local/bin/dpdk-testpmd': '#!/bin/sh\necho " --vfio-intr"'}, 'missing: '
                     'DPDK 22.11.11 without this project: dpdk-testpmd has no --vfio-num-vfs',
                     INSTALL),
    'no libraries of DPDK': (
        {'usr/local/bin/dpdk-testpmd': '#!/bin/sh\necho "no librte_eal.so.23"; exit 127'},
        "missing: dpdk-testpmd doesn't start: no librte_eal.so.23", 'ldconfig'),
    'no libvftoken': (
        {'usr/local/lib/x86_64-linux-gnu/pkgconfig/libvftoken.pc': None}, 'note: programs cannot '
        'be built: pkg-config has no libvftoken', INSTALL),
    'hugepages used up': (
        {f'{HUGEPAGES}/free_hugepages': '56'}, 'missing: 112 MB of hugepages are free; three '
        'processes with 128 MB each take 384', f'echo 392 >/{HUGEPAGES}/nr_hugepages'),
    'hugepages left behind': (
        {f'{HUGEPAGES}/free_hugepages': '191', 'dev/hugepages/pfmap_0': '',
         'dev/hugepages/vfmap_0': ''}, 'missing: 382 MB of hugepages are free; three processes '
        'with 128 MB each take 384, and 2 files in /dev/hugepages hold some: those of killed DPDK '
        'processes go when the next one starts', f'echo 257 >/{HUGEPAGES}/nr_hugepages'),
    'hugepages not mounted': (
        {'proc/mounts': 'proc /proc proc rw 0 0'}, 'missing: no hugetlbfs is mounted, from which '
        'DPDK takes hugepages', 'mkdir -p /dev/hugepages && mount -t hugetlbfs -o pagesize=2M '
        'hugetlbfs /dev/hugepages'),
    'locked memory': ({'proc/self/status': 'CapEff:\t0000000000000000'}, 'missing: this user may '
                      'lock 8 MB of memory, and VFIO locks all that a process maps',
                      'sudo prlimit --memlock=unlimited --pid $$'),
    'open files': ({f'{HUGEPAGES}/free_hugepages': '8192'}, 'note: this user may open 4096 files, '
                   'and DPDK opens one for each hugepage, of which 8192 are free',
                   'sudo prlimit --nofile=16384 --pid $$'),
    'no such device': ({f'{DEVICES}/{PF}': None}, f'missing: there is no PCI device {PF}',
                       'lspci -D'),
    'a VF': ({f'{DEVICES}/{PF}/physfn': Link(f'../{VF}')}, f'missing: {PF} is a VF itself, of PF '
             f'{VF}', f'{FOLDER}/doctor {VF}'),
    'no SR-IOV': ({f'{DEVICES}/{PF}/sriov_totalvfs': None}, f'missing: {PF} can have no VFs: it '
                  "has no SR-IOV, or its or the machine's firmware has that off", FIRMWARE),
    'no SR-IOV, Mellanox': (
        {f'{DEVICES}/{PF}/sriov_totalvfs': '0', f'{DEVICES}/{PF}/vendor': '0x15b3'},
        f"missing: {PF} can have no VFs: it has no SR-IOV, or its or the machine's firmware has "
        'that off', f'mlxconfig -d {PF} set SRIOV_EN=1 NUM_OF_VFS=8 && reboot'),
    'no group': ({f'{DEVICES}/{PF}/iommu_group': None}, f'missing: {PF} is in no IOMMU group',
                 DMESG),
    'a neighbour': ({**NEIGHBOUR, **on('e1000e', f'{VF[:-1]}7')}, f'missing: {VF[:-1]}7, on '
                    'e1000e, is in IOMMU group 7 too, which VFIO takes as a whole',
                    f'dpdk-devbind.py -b vfio-pci {VF[:-1]}7'),
    'an idle neighbour': (NEIGHBOUR, f'note: {VF[:-1]}7 is in IOMMU group 7 too, so that who has '
                          'one of them has both', ''),
    'a VF in the group': (
        {f'sys/kernel/iommu_groups/7/devices/{VF}': ''}, f'missing: its VF {VF} is in IOMMU group '
        '7 too, so that no other process can have it; turn ACS on in the firmware, or use another '
        'slot', FIRMWARE),
    'no driver': (on(None), f'missing: {PF} is on no driver, not vfio-pci',
                  f'dpdk-devbind.py -b vfio-pci {PF}'),
    'interface in use': (
        {**on('igb'), f'{DEVICES}/{PF}/net/eth0/flags': '0x1003'}, f'missing: {PF} is on igb, not '
        'vfio-pci; its interface eth0 has routes: see who uses it',
        f'dpdk-devbind.py -b vfio-pci {PF}'),
    'Mellanox': (
        on('mlx5_core'), f'note: {PF} is of the family NVIDIA ConnectX: DPDK drives it and its VFs '
        'through their kernel drivers, and would lose it on vfio-pci; leave it where it is, which '
        'takes no VF token. What the kernel does with it on vfio-pci shows',
        f'dpdk-test-vftoken --pf {PF}'),
    'E810': (on('ice'), NO_VFS, f'dpdk-test-vftoken --pf {PF}'),
    'E810, on vfio-pci': (
        {f'{DEVICES}/{PF}/modalias': 'pci:v00008086d00001592sv00008086sd00000001bc02sc00i00',
         'lib/modules/6.1.0-56-amd64/modules.alias': 'alias pci:v00008086d00001592sv*sd*bc*sc*i* '
         'ice\nalias pci:v00008086d000010C9sv*sd*bc*sc*i* igb\nalias usb:v0001 x\n'}, NO_VFS,
        f'dpdk-test-vftoken --pf {PF}'),
    'NVMe': ({f'{DEVICES}/{PF}/modalias': 'pci:v00001B36d00000010sv*sd*bc01sc08i02',
              'lib/modules/6.1.0-56-amd64/modules.alias': 'alias pci:v*d*sv*sd*bc01sc08i02* nvme'},
             f'note: {PF} is of the family NVMe: PF in user space with VFs: no driver in DPDK; '
             'dpdk-vftoken enables VFs; VFs: no driver in DPDK', ''),
    'VF elsewhere': (on('igbvf', VF), f'missing: its VF {VF} is on igbvf, not vfio-pci',
                     f'dpdk-devbind.py -b vfio-pci {VF}'),
    'a file that cannot be read': (
        {'sys/firmware/acpi/tables/DMAR': None, 'proc/net/route': None, 'proc/net/route/x': ''},
        "note: couldn't be read: /proc/net/route", f'sudo {FOLDER}/doctor {PF}'),
}


def make(root, facts):
    """Put files and links below a folder, or remove them."""
    for name, text in facts.items():
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if text is None:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, Link):
            path.symlink_to(text)
        else:
            path.write_text(text)
            path.chmod(0o755)


def doctor(*args):
    """Status, the lines of its output, and its errors."""
    done = subprocess.run([FOLDER / 'doctor', *args], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_finding(tmp_path, case):
    """Each thing that is missing or odd must be told with its remedy, and nothing else.

    Steps: Make a tree of a machine that lacks nothing; ask the doctor. Change what the case
        changes; ask again.
    Verify: All is ok, status 0. Then the finding and its remedy are all that isn't, and the status
        is 1 if something is missing.
    """
    facts, finding, remedy = case
    make(tmp_path, HEALTHY)
    assert doctor('--root', tmp_path, PF) == (0, ALL_WELL, '')
    make(tmp_path, facts)
    status, lines, errors = doctor('--root', tmp_path, PF)
    new = [line for line in lines if not line.startswith('ok: ')]
    assert (new, errors) == ([finding, *([f'    {remedy}'] if remedy else [])], '')
    assert status == int(finding.startswith('missing'))


@pytest.mark.parametrize('release, finding, remedy', [
    ('4.19.0', 'missing: Linux 4.19.0 has no VF tokens; they came with 5.7, if it is built with '
     'CONFIG_PCI_IOV', KERNEL),
    ('5.4.286', 'note: Linux 5.4.286 has VF tokens only if it was patched, which shows once '
     'vfio-pci is loaded', PATCH)])
def test_kernel_without_vfio_pci(tmp_path, release, finding, remedy):
    """Of a kernel that may have been patched, no more must be claimed than can be seen.

    Steps: Make a tree whose kernel is old and hasn't loaded vfio-pci; ask the doctor.
    Verify: The tokens are missing, or in doubt where there is a series; so is vfio-pci.
    """
    make(tmp_path, {**HEALTHY, **linux(release), **UNLOADED})
    lines = doctor('--root', tmp_path, PF)[1]
    assert lines[:2] == [finding, f'    {remedy}']
    assert "missing: vfio-pci isn't loaded" in lines


@pytest.mark.parametrize('facts', [
    {**linux('6.12.1'), 'boot/config-6.12.1': 'CONFIG_VFIO=m'},
    linux('6.17.0'),
    {'usr/local/bin/dpdk-testpmd': TESTPMD.replace('RTE Version', '')},
    {'proc/mounts': 'hugetlbfs /mnt/huge hugetlbfs rw,pagesize=1024M 0 0',
     HUGEPAGES.replace('2048', '1048576') + '/free_hugepages': '1'},
    {'proc/self/status': '', 'proc/self/limits': LIMITS.format('unlimited', 'unlimited')},
    {'proc/self/status': '', 'proc/self/limits': LIMITS.format(1 << 30, 1 << 30)},
    {**NEIGHBOUR, **on('pcieport', f'{VF[:-1]}7'), f'{DEVICES}/{VF[:-1]}7/class': '0x060400'},
], ids=['no cdev', 'a token by cdev', 'no version printed', 'larger hugepages', 'no limit',
        'a high limit', 'a bridge in the group'])
def test_nothing_missing(tmp_path, facts):
    """What is otherwise than usual and yet right must not be found fault with.

    Steps: Make a tree of a machine that lacks nothing, with a difference; ask the doctor.
    Verify: All is ok, status 0.
    """
    make(tmp_path, {**HEALTHY, **facts})
    status, lines, _ = doctor('--root', tmp_path, PF)
    assert status == 0 and [line[:4] for line in lines] == ['ok: '] * len(ALL_WELL), lines


def test_nothing_changes(tmp_path):
    """The doctor must write nothing, also where much is missing.

    Steps: Run it on a tree with nothing in it; list the tree, and its own folder.
    Verify: Status 1, no traceback; both are as before.
    """
    before = sorted(FOLDER.rglob('*'))
    status, lines, errors = doctor('--root', tmp_path, PF)
    assert (status, errors) == (1, '') and f'missing: there is no PCI device {PF}' in lines
    assert not list(tmp_path.iterdir()) and sorted(FOLDER.rglob('*')) == before


def test_no_pf_named(tmp_path):
    """Without a PF, those there are must be shown, and none be meant.

    Steps: Make a tree whose PF is on igb; name no PF. Take the PF away.
    Verify: It is a note, status 0. Then it is missing, status 1.
    """
    make(tmp_path, {**HEALTHY, **on('igb')})
    assert doctor('--root', tmp_path)[:2] == (0, [
        *ALL_WELL[:-3], f'note: PF {PF}, on igb, was not looked at', f'    {FOLDER}/doctor {PF}'])
    make(tmp_path, {f'{DEVICES}/{PF}': None})
    assert doctor('--root', tmp_path)[:2] == (1, [
        *ALL_WELL[:-3], 'missing: there is no SR-IOV PF, or the firmware has SR-IOV off',
        f'    {FIRMWARE}'])


@pytest.mark.parametrize('args, words', [
    (['eth0'], "'eth0' isn't a BDF such as 0000:01:00.0"),
    (['--root', '/nowhere'], "--root '/nowhere' is no folder"), (['--mend'], '--mend'),
    (['\x1b[31mx'], "'?[31mx' isn't a BDF"), ([TOKEN], f"'{'*' * len(TOKEN)}' isn't a BDF"),
    ([f'--{TOKEN}'], '*' * len(TOKEN))])
def test_usage(args, words):
    """Wrong usage must be refused with 2.

    Steps: Give what isn't an address, no folder, or no option.
    Verify: Status 2, the words; no control characters, and no token.
    """
    status, lines, errors = doctor(*args)
    assert (status, lines) == (2, []) and words in errors
    assert '\x1b' not in errors and TOKEN not in errors


@pytest.mark.parametrize('case, before, after', [
    ('IOMMU not asked for', 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="a=b"\n',
     'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="intel_iommu=on a=b"\n'),
    ('IOMMU turned off', 'GRUB_CMDLINE_LINUX="quiet amd_iommu=off a=b"\n',
     'GRUB_CMDLINE_LINUX="quiet a=b"\n')])
def test_grub(tmp_path, case, before, after):
    """A remedy for the kernel's arguments must change those, and no others.

    Steps: Run it on a file with arguments, without what makes it take effect.
    Verify: The file.
    """
    grub = tmp_path / 'grub'
    grub.write_text(before)
    remedy = CASES[case][2].partition(' && ')[0].replace('/etc/default/grub', str(grub))
    subprocess.run(['sh', '-c', remedy], check=True)
    assert grub.read_text() == after
