# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The conformance suite, dpdk-test-vftoken, on the lab's kernel and NIC, by group or by cdev."""
from __future__ import annotations

import contextlib
import re
import subprocess
from xml.etree import ElementTree

import pytest

from framework.build import guest_programs
from framework.common import BY_CDEV, NO_IOMMU_FILE, SOURCE
from lab.vm import Lab

BACKEND = 'iommufd' if BY_CDEV else 'group'
# The file by which a device is opened, in the device's folder.
NODE = ('/dev/vfio/devices/$(ls vfio-dev)' if BY_CDEV else
        '/dev/vfio/$(basename "$(readlink iommu_group)")')
# Has a device open until it is ended, by group or bound to an iommufd.
HOLD = """
import fcntl, os, struct, sys, time
device = os.open(sys.argv[1], os.O_RDWR)
if '/devices/' in sys.argv[1]:
    fcntl.ioctl(device, 0x3b76, struct.pack('=IIiI', 16, 0, os.open('/dev/iommu', os.O_RDWR), 0))
print('open', flush=True)
time.sleep(60)
"""
STATE = '''
for device in {devices}; do
	cd /sys/bus/pci/devices/$device
	echo $device "$(readlink driver)" $(cat driver_override) \
		$(cat sriov_numvfs sriov_drivers_autoprobe 2>/dev/null) \
		$(stat -c '%u:%g %a' /dev/vfio/$(basename "$(readlink iommu_group || echo none)") \
			/dev/vfio/devices/$(ls vfio-dev 2>/dev/null || echo none) 2>/dev/null)
done
cat /sys/module/vfio_pci/parameters/enable_sriov
'''


@pytest.fixture(scope='module')
def machine(build):
    """A machine of its own with two PFs, as these tests bind and unbind all that there is."""
    with Lab(build, pfs=2, timeout=900,
             files=guest_programs(build, 'dpdk-test-vftoken')) as lab:
        case = f'dpdk-test-vftoken --pf {lab.pfs[0]} --backend {BACKEND} --case vf/right'
        if BY_CDEV and lab.run(case).status:
            pytest.skip('this kernel takes no token by cdev')
        yield lab


@pytest.fixture(scope='module')
def other(machine):
    """A device that each of the lab's machines has and nothing uses: its disk controller."""
    return machine.check("grep -l '^0x0106' /sys/bus/pci/devices/*/class").split('/')[-2]


@pytest.fixture
def state(machine, other):
    """Tells how the machine stands in all that the suite changes."""
    return lambda: machine.check(STATE.format(devices=' '.join([*machine.pfs, other])))


@pytest.fixture
def unchanged(state):
    """Fails the test if the machine isn't as before."""
    before = state()
    yield
    assert state() == before


@pytest.fixture
def suite(machine):
    """Runs the suite on the first PF: status and output."""
    def run(*args, timeout=60):
        done = machine.run(f'dpdk-test-vftoken --pf {machine.pfs[0]} --backend {BACKEND} '
                           + ' '.join(args), timeout=timeout)
        return done.status, done.output

    return run


def cases(output):
    """The cases of a TAP output by name: ok, not ok or skip."""
    plan = re.search(r'^TAP version 13\n1\.\.(\d+)$', output, re.MULTILINE)
    found = re.findall(r'^((?:not )?ok) (\d+) - (\S+): .*?( # SKIP .*)?$', output, re.MULTILINE)
    assert plan and [int(number) for _, number, _, _ in found] == list(
        range(1, int(plan[1]) + 1)), output
    return {name: 'skip' if skipped else ended for ended, _, name, skipped in found}


def junit(output, folder):
    """What the man page's command makes of a TAP output."""
    (folder / 'results.tap').write_text(output)
    page = (SOURCE / 'app/test-vftoken/dpdk-test-vftoken.8').read_text('utf-8')
    command, = re.findall(r'^JUNIT_.*$', page, re.MULTILINE)
    subprocess.run(command, shell=True, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return ElementTree.parse(folder / 'results.xml').find('testsuite')


def test_all(machine, other, suite, unchanged, tmp_path):
    """The lab's kernel and NIC must hold all rules, and nothing may be skipped that can be had.

    Steps: Run all cases with two PFs and another device; convert the results as the man page says.
    Verify: All are ok; the XML has the same cases; the machine is as before.
    """
    code, output = suite('--pf2', machine.pfs[1], '--other', other, timeout=500)
    assert code == 0, output
    results = cases(output)
    assert {name for name, ended in results.items() if ended != 'ok'} <= NO_IOMMU_FILE, output
    assert 'not ok' not in results.values() and len(results) > 100, output
    converted = junit(output, tmp_path)
    assert [case.get('name').split(':')[0] for case in converted.iter('testcase')] == list(results)
    assert converted.get('failures') == '0'
    assert converted.get('skipped') == str(list(results.values()).count('skip'))


def test_skips(machine, unchanged, tmp_path):
    """What the machine or the kernel lacks must be a skip with its reason.

    Steps: Run cases that take more than one PF with two VFs, and cases of iommufd.
    Verify: They are skipped, each for its reason, also in JUnit's XML; as nothing was proved the
    status is 1.
    """
    for args, reason in (
            ('--case two-pfs/tokens', 'it takes a second PF; give --pf2'),
            ('--case neither/right', 'it takes a device that is neither PF nor VF; give --other'),
            ('--case users/any-order --num-vfs 1', 'it takes two VFs; give --num-vfs 2 or more')):
        done = machine.run(f'dpdk-test-vftoken --pf {machine.pfs[0]} --backend {BACKEND} {args}')
        assert done.status == 1 and done.output.count('ok 1 - ') == 1
        assert f' # SKIP {reason}\n' in done.output
        skipped, = junit(done.output, tmp_path).iter('skipped')
        assert reason in skipped.get('message')
    if machine.run('test -e /dev/iommu').status:
        done = machine.run(f'dpdk-test-vftoken --pf {machine.pfs[0]} --backend iommufd')
        assert done.status == 1 and set(cases(done.output).values()) == {'skip'}
        assert done.output.count('# SKIP this kernel has no file per device') > 50


def test_case(suite, unchanged):
    """--case must run what it names and nothing else.

    Steps: Run the cases of one theme.
    Verify: These and no others ran.
    """
    code, output = suite('--case', 'vf/*')
    assert code == 0
    assert list(cases(output)) == [f'{BACKEND}/vf/{token}' for token in
                                   ('right', 'wrong', 'none', 'nil', 'malformed')]


@pytest.mark.parametrize('signal, status, args', [
    ('INT', 130, '--case "removal/*"'), ('TERM', 143, '--stress 60')])
def test_signal(machine, unchanged, signal, status, args):
    """SIGINT and SIGTERM must end the suite, and the machine must be as before.

    Steps: Start it, and send the signal while devices are open and the kernel waits for them.
    Verify: Its status is the signal's; the TAP output says that it was stopped.
    """
    done = machine.run(f'''
        dpdk-test-vftoken --pf {machine.pfs[0]} --backend {BACKEND} {args} >/tmp/out & pid=$!
        sleep 4; kill -{signal} $pid; wait $pid''', timeout=60)
    output = machine.check('cat /tmp/out')
    assert done.status == status, output
    assert f'Bail out! stopped by SIG{signal}' in output
    assert not machine.run('pidof dpdk-test-vftoken').output


def test_kept(machine, state):
    """What the administrator has set up must be there afterwards, also when it is unusual.

    Steps: Bind the PF to vfio-pci, enable three VFs, take one's driver away, give the PF's
        group or own file to a user, turn enable_sriov off; run cases that unbind the PF.
    Verify: The machine is as before.
    """
    pf = machine.pfs[0]
    machine.check(f'''
        cd /sys/bus/pci/devices/{pf}
        echo vfio-pci >driver_override; echo {pf} >driver/unbind
        echo {pf} >/sys/bus/pci/drivers_probe; echo 3 >sriov_numvfs
        echo none >virtfn1/driver_override
        basename "$(readlink virtfn1)" >virtfn1/driver/unbind
        node={NODE}
        chown 7:8 $node; chmod 640 $node
        echo N >/sys/module/vfio_pci/parameters/enable_sriov''')
    before = state(), vfs(machine, pf)
    done = machine.run(f'dpdk-test-vftoken --pf {pf} --backend {BACKEND} --case "sriov/*"',
                       timeout=60)
    assert done.status == 0, done.output
    assert (state(), vfs(machine, pf)) == before
    machine.check(f'''
        echo Y >/sys/module/vfio_pci/parameters/enable_sriov
        cd /sys/bus/pci/devices/{pf}; echo 0 >sriov_numvfs
        echo {pf} >driver/unbind; echo >driver_override
        echo {pf} >/sys/bus/pci/drivers_probe''')


def vfs(machine, pf):
    """How the PF's VFs stand."""
    return machine.check(STATE.format(devices=' '.join(machine.vfs(pf))))


def test_unloaded(machine, unchanged):
    """vfio-pci must be loaded for the time of the tests where it isn't.

    Steps: Unload it; run a case; load it again.
    Verify: The case passes; then vfio-pci isn't loaded.
    """
    gone = 'modprobe -r vfio-pci; test ! -e /sys/module/vfio_pci'
    machine.check(gone)
    done = machine.run(f'dpdk-test-vftoken --pf {machine.pfs[0]} --case "*/vf/right"')
    assert done.status == 0, done.output
    assert machine.run('test -e /sys/module/vfio_pci').status == 1
    machine.check('modprobe vfio-pci')


def test_in_use(machine, suite, unchanged):
    """A PF in use must be refused with 2, and nothing may change.

    Steps: Try a PF whose interface is up, another device on a driver of the kernel, and a PF that
        another run is testing.
    Verify: The status and the sentence.
    """
    pf = machine.pfs[0]
    console = machine.check('basename /sys/bus/pci/drivers/virtio-pci/0*')
    code, output = suite('--other', console)
    assert code == 2 and f'{console} refused: it is on virtio-pci, for whatever use' in output
    machine.check(f'ip link set $(ls /sys/bus/pci/devices/{pf}/net) up')
    code, output = suite()
    machine.check(f'ip link set $(ls /sys/bus/pci/devices/{pf}/net) down')
    assert (code, output) == (2, f'dpdk-test-vftoken: {pf} refused: its network interface is up; '
                                 'set it down (ip link set DEVICE down)')
    machine.check(f'dpdk-test-vftoken --pf {pf} --backend {BACKEND} --stress 60 >/tmp/out & '
                  'echo $! >/tmp/pid; sleep 3')
    code, output = suite()
    machine.check('kill $(cat /tmp/pid); while pidof dpdk-test-vftoken; do sleep 0.2; done')
    assert (code, output) == (2, f'dpdk-test-vftoken: {pf} refused: another dpdk-test-vftoken is '
                                 'testing it')


@contextlib.contextmanager
def held_open(machine, device):
    """The device on vfio-pci, and a process that has its group or own file open."""
    machine.write('/tmp/hold.py', HOLD)
    machine.check(f'''
        rm -f /tmp/held; cd /sys/bus/pci/devices/{device}; echo vfio-pci >driver_override
        test ! -e driver || echo {device} >driver/unbind
        echo {device} >/sys/bus/pci/drivers_probe
        python3 /tmp/hold.py {NODE} >/tmp/held & echo $! >/tmp/pid
        until grep -qs open /tmp/held; do kill -0 $(cat /tmp/pid) || exit 1; sleep 0.1; done''',
                  timeout=60)
    try:
        yield
    finally:
        machine.check(f'''
            kill $(cat /tmp/pid); cd /sys/bus/pci/devices/{device}; echo >driver_override
            echo {device} >driver/unbind; echo {device} >/sys/bus/pci/drivers_probe''')


def refused_as_open(device):
    """What the suite answers for a device that another process has open."""
    return 2, (f'dpdk-test-vftoken: {device} refused: some process has it open; '
               'end that process first')


def test_open_elsewhere(machine, suite, unchanged):
    """A PF on vfio-pci that a process has open must be refused with 2.

    Steps: Bind the PF to vfio-pci, and let a process open its group, or its own file.
    Verify: The status and the sentence.
    """
    with held_open(machine, machine.pfs[0]):
        assert suite() == refused_as_open(machine.pfs[0])


def test_open_in_group(machine, other, suite, unchanged):
    """A device on no driver must be refused, too, while a process has another of its group open.

    Steps: Let a process have the disk controller open; try another function of its slot.
    Verify: The status and the sentence.
    """
    free = machine.check(f'''
        for device in /sys/bus/pci/devices/{other}/iommu_group/devices/*; do
            test -e $device/driver || basename $device
        done''').split()
    free.remove(other)
    if not free:
        pytest.skip("this machine's disk controller shares its IOMMU group with no free device")
    with held_open(machine, other):
        assert suite('--other', free[0]) == refused_as_open(free[0])


def test_stress(suite, unchanged):
    """A race must find nothing unexpected, and a seed must give the same operations.

    Steps: Race for ten seconds with a seed, then for five.
    Verify: All hold; each process begins with the same operations both times.
    """
    runs = [suite('--stress', seconds, '--seed 1') for seconds in ('10', '5')]
    for code, output in runs:
        assert code == 0, output
        assert re.search(r'^# seed 1: \d+ operations in \d+ s, [\d.]+ per second; 0 unexpected$',
                         output, re.MULTILINE)
    long, short = (dict(re.findall(r'^# (\S.*) begins: (.*)$', output, re.MULTILINE))
                   for _, output in runs)
    assert [name.rsplit(' ', 1)[0] for name in short] == ['administrator of', 'PF', 'VF', 'VF']
    assert list(long) == list(short)
    for name, begun in short.items():
        length = min(len(begun), len(long[name]))
        assert length > 0 and begun[:length] == long[name][:length]
