# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A token is seen by nobody who isn't told it."""
import uuid

import pytest

import debian
from framework.build import guest_files
from framework.common import TOKEN, TOKEN_FILE
from framework.fixtures import prepared_lab
from lab import qemu

pytestmark = pytest.mark.vm

# Where the token comes from, and the variables and the redirection that this takes.
SOURCES = [
    pytest.param(f'file:{TOKEN_FILE}', {}, '', id='file'),
    pytest.param('env:VF_TOKEN', {'VF_TOKEN': TOKEN}, '', id='env'),
    pytest.param('fd:7', {}, f'7<{TOKEN_FILE}', id='fd'),
]

# The 16 bytes of this token can stand in an argument.
AS_BYTES = 'nobodys_vf_token'
NOBODYS_TOKEN = str(uuid.UUID(bytes=AS_BYTES.encode()))

# The memory file in which libvftoken keeps the token of a literal, a variable or an fd.
STORE = '/memfd:vf_token (deleted)'

# Looks for parts of a token, 8 or more of its bytes or 12 or more characters of its text in a row,
# in a core dump and in the memory files of the process, and prints for each find the mapping or the
# file that it is in. Its arguments are the token, the core dump, the process's /proc/PID/maps,
# whose mappings must all be there, but for those that aren't memory, and its /proc/PID/fd.
SEARCH = '''
import mmap, os, struct, sys, uuid

token = uuid.UUID(sys.argv[1])
# A form of the token, the least part of it that is a find, and pieces of which each such part has
# one: of what length, and where they are.
FORMS = [(token.bytes, 8, 4, (4, 8)), (str(token).encode(), 12, 6, (6, 13, 20, 27)),
         (str(token).upper().encode(), 12, 6, (6, 13, 20, 27))]

def finds(data):
    found = set()
    for form, least, size, pieces in FORMS:
        for piece in pieces:
            at = data.find(form[piece:piece + size])
            while at >= 0:
                start, end, base = at, at + size, at - piece
                while start > max(base, 0) and data[start - 1] == form[start - 1 - base]:
                    start -= 1
                while end < min(base + len(form), len(data)) and data[end] == form[end - base]:
                    end += 1
                if end - start >= least:
                    found.add(start)
                at = data.find(form[piece:piece + size], at + 1)
    return found

with open(sys.argv[2], 'rb') as file:
    core = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
table, = struct.unpack_from('<Q', core, 32)
size, number = struct.unpack_from('<HH', core, 54)
headers = [struct.unpack_from('<IIQQQQ', core, table + size * i) for i in range(number)]
loads = [(offset, address, length) for kind, _, offset, address, _, length in headers
         if kind == 1 and offset + length <= len(core)]
places = []
for line in open(sys.argv[3]):
    area, access, _, _, _, *name = line.split(maxsplit=5)
    name = name[0].strip() if name else 'no name'
    start, end = (int(address, 16) for address in area.split('-'))
    within = [start - address + offset for offset, address, length in loads
              if address <= start and end <= address + length]
    if within:
        places.append((within[0], within[0] + end - start, name))
    elif access[0] == 'r' and name not in (
            '[vvar]', '[vvar_vclock]', 'anon_inode:[vfio-device]') and not (
            name.startswith('/dev/vfio/devices/')):
        sys.exit(f'the core dump lacks {area} ({name})')

for at in finds(core):
    print(next((name for start, end, name in places if start <= at < end), 'notes'))
for name in os.listdir(sys.argv[4]):
    path = os.path.join(sys.argv[4], name)
    if os.readlink(path).startswith('/memfd:'):
        with open(path, 'rb') as file:
            for _ in finds(file.read()):
                print(os.readlink(path))
'''

# What gdb's script gcore does, which wants bash, but with all kinds of memory that the kernel knows
# in /proc/PID/coredump_filter: hugepages, which are DPDK's memory, aren't among the usual ones, and
# gdb's "set use-coredump-filter off" stands for the usual ones again. gdb says "Saved corefile"
# even when it failed to read some memory or to write it all.
GCORE = '''
echo 0x7f >/proc/{pid}/coredump_filter
cat /proc/{pid}/maps >/tmp/maps
gdb -nx -batch -readnever -p {pid} -ex 'gcore /tmp/core' >/tmp/gdb.log 2>&1
grep -q '^Saved corefile' /tmp/gdb.log && ! grep -qi failed /tmp/gdb.log &&
    python3 /tmp/search.py {token} /tmp/core /tmp/maps /proc/{pid}/fd
status=$?
[ $status -eq 0 ] || cat /tmp/gdb.log
rm -f /tmp/core
exit $status
'''


@pytest.fixture(scope='module')
def lab(build):
    """A machine as the other tests have it, with gdb, and with memory for core dumps."""
    gdb = {} if qemu.find_arch().packages else {
        '/usr/bin/gdb': debian.unpack('gdb', ['gdb-minimal']) / 'usr/bin/gdb'}
    yield from prepared_lab(build, {**guest_files(build), **gdb}, memory=1536)


@pytest.fixture
def found_in_core(lab):
    """Makes a core dump of a testpmd, which lives on, and tells in which mappings and memory files
    a part of a token is."""
    if qemu.find_arch().packages:
        pytest.skip("the lab has gdb for this machine's own architecture only")
    lab.write('/tmp/search.py', SEARCH)

    def search(testpmd, token):
        return lab.check(GCORE.format(pid=testpmd.pid(), token=token), timeout=120).splitlines()

    return search


def start_small(start, *args, **more):
    """Start a testpmd with little memory, as a core dump takes as much of the machine's again."""
    return start(*args, memory=64, **more)


def test_literal_is_hidden(pf_testpmd, start, lab, vfs):
    """A literal token must be gone from argv and from telemetry once EAL has parsed it.

    Steps: Start the PF's testpmd; start one on a VF with the UUID in its arguments and all logs.
    Verify: Neither /proc/PID/cmdline, nor /eal/params, nor the log has it; the stars are there.
    """
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={TOKEN}', '--log-level=*:8')
    assert testpmd.ports == 1, testpmd.log
    shown = lab.check(f"tr '\\0' ' ' </proc/{testpmd.pid()}/cmdline")
    params = lab.check('echo /eal/params | dpdk-telemetry.py -f vf')
    stars = '--vfio-vf-token=' + '*' * len(TOKEN)
    for text in (shown, params):
        assert stars in text and TOKEN not in text
    # The console echoed what was typed; the log is what came after that.
    assert TOKEN not in testpmd.log.split('\n', 1)[1]


@pytest.mark.parametrize('source, env, redirect', SOURCES)
def test_source_is_not_shown(pf_testpmd, start, lab, vfs, source, env, redirect):
    """Of a token in a source, only the source's name may be seen.

    Steps: Start the PF's testpmd; start one on a VF with a source and all logs.
    Verify: The VF is open; the source's name is in the arguments and in telemetry; the token is in
    neither of them nor in the log.
    """
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={source}', '--log-level=*:8', env=env,
                    redirect=redirect)
    assert testpmd.ports == 1, testpmd.log
    params = lab.check('echo /eal/params | dpdk-telemetry.py -f vf')
    cmdline = lab.check(f"tr '\\0' ' ' </proc/{testpmd.pid()}/cmdline")
    assert source in params and source in cmdline
    # The console echoed what was typed, with the variable; the log is what came after that.
    for text in (testpmd.log.split('\n', 1)[1], params, cmdline):
        assert TOKEN not in text


@pytest.mark.parametrize('source, env, redirect', [
    pytest.param(TOKEN, {}, '', id='literal'), SOURCES[0],
    *(pytest.param(*source.values, id=source.id, marks=pytest.mark.long)
      for source in SOURCES[1:])])
def test_not_in_a_core_dump(pf_testpmd, start, vfs, found_in_core, source, env, redirect):
    """After the open a token must not be in the process's memory, hugepages included.

    Steps: Start the PF's testpmd; start one on a VF with a source and all logs; dump its core with
    gdb.
    Verify: No part of the token is in the core, neither as bytes nor as text; in memory files it is
    once, unless it is in a file; the process lives on and has its port.
    """
    testpmd = start_small(start, 'vf', vfs[:1], f'--vfio-vf-token={source}', '--log-level=*:8',
                          env=env, redirect=redirect)
    assert testpmd.ports == 1, testpmd.log
    kept = [] if source == f'file:{TOKEN_FILE}' else [STORE]
    assert found_in_core(testpmd, TOKEN) == kept
    assert testpmd.ports == 1


def test_closed_stderr(start, lab, pf, vfs):
    """With stderr closed, what EAL logs must not become the token.

    Steps: Start the PF's testpmd with a literal token and stderr closed, and reload the token; then
    start one on a VF with the same token from a file.
    Verify: The VF's testpmd has its port.
    """
    owner = start('pf', [pf], f'--vfio-vf-token={pf}={TOKEN}', '--log-level=*:8', redirect='2>&-')
    assert owner.ports == 1, owner.log
    assert 'reloaded' in lab.check(f'echo /vf_token/reload,{pf} | dpdk-telemetry.py -f pf')
    testpmd = start('vf', vfs[:1], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 1, testpmd.log


def test_not_in_a_core_dump_of_the_pf(start, pf, found_in_core):
    """After it was set, the token must not be in the memory of the PF's process either.

    Steps: Start the PF's testpmd with the token in a file; dump its core with gdb.
    Verify: No part of the token is in the core, nor in memory files; the process lives on and has
    its port.
    """
    testpmd = start_small(start, 'pf', [pf], f'--vfio-vf-token={pf}=file:{TOKEN_FILE}')
    assert testpmd.ports == 1, testpmd.log
    assert not found_in_core(testpmd, TOKEN)
    assert testpmd.ports == 1


def test_not_in_core_dumps_of_primary_and_secondary(start, lab, pf, vfs, found_in_core):
    """After a primary process gave a token to its secondary, it must be in the memory of neither.

    Steps: Set the PF's token without a testpmd, for whose memory there is no room; start one on a
    VF with the token in a file, and its secondary process, a testpmd without a token; dump the
    cores of both with gdb.
    Verify: Both have the VF's port; no part of the token is in either core, nor in memory files.
    """
    lab.check(f'dpdk-vftoken set {pf} file:{TOKEN_FILE}')
    processes = ['--num-procs=2', '--proc-id']
    primary = start_small(start, 'vf', vfs[:1], f'--vfio-vf-token=file:{TOKEN_FILE}',
                          app=[*processes, '0'])
    secondary = start_small(start, 'secondary', vfs[:1], '--proc-type=secondary',
                            '--log-level=*:8', app=[*processes, '1'], prefix='vf')
    for testpmd in (primary, secondary):
        assert testpmd.ports == 1, testpmd.log
        assert not found_in_core(testpmd, TOKEN)


@pytest.mark.parametrize('form', [AS_BYTES[:8], AS_BYTES[4:12], AS_BYTES[8:], NOBODYS_TOKEN[:12],
                                  NOBODYS_TOKEN[-12:].upper()],
                         ids=['first-bytes', 'bytes', 'last-bytes', 'text', 'capitals'])
def test_core_dump_is_searched(start, found_in_core, form):
    """The search must find a part of a token that is there, or the tests above show nothing.

    Steps: Start a testpmd with a port whose name has a part of a token in it; dump its core with
    gdb.
    Verify: It is found in the arguments on the stack, on the heap and in a hugepage.
    """
    testpmd = start_small(start, 'vf', [], '--no-pci', f'--vdev=net_null_{form}')
    assert testpmd.ports == 1, testpmd.log
    # A page of them is vfmap_N, or vfmap_N_M since 26.11.
    kinds = {place.rstrip('0123456789_') for place in found_in_core(testpmd, NOBODYS_TOKEN)}
    assert {'[stack]', '[heap]', '/dev/hugepages/vfmap'} <= kinds
    assert testpmd.ports == 1
