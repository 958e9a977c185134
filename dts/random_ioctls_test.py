# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Random input to the two ioctls that take a VF token: the kernel answers by its rules."""
import json
import os
import random
import re

import pytest

from framework.common import TOKEN

pytestmark = [pytest.mark.vm, pytest.mark.long]

CALLS = int(os.environ.get('RANDOM_IOCTLS', '40000'))
SEED = int(os.environ.get('RANDOM_SEED', random.randrange(1 << 32)))
CALLS_PER_SECOND = 200  # at least, on a busy machine
MARK = 'random ioctls'
REPORTS = r'\b(?:BUG|WARNING|Oops|KASAN|UBSAN|hung|rcu|RCU|Call Trace|refcount_t|DMAR:.*fault)\b'

# Opens the PF and the VF, and keeps them open, so that no further open resets them. Then half of
# the calls ask for a device by a random string, half are of a random feature; what sets a token is
# followed, so that it is known at any time which string must be taken. Prints what came of it.
SCRIPT = r'''
import collections, errno, fcntl, json, os, random, re, struct, sys, time, uuid

SET_IOMMU, SET_CONTAINER, GET_DEVICE_FD, FEATURE = 0x3b66, 0x3b68, 0x3b6a, 0x3b75
TYPE1, PAGE, FEATURE_SET, PF_TOKEN = 1, 4096, 1 << 17, 0
UUID = rb'[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}'
REST = re.compile(b' *(?:vf_token=(%s) *)?' % UUID, re.DOTALL)
pf, vf, first, calls, seed = sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:])
rng = random.Random(seed)
token = uuid.UUID(first)
counts = collections.Counter()


def call(fd, request, argument):
    """An ioctl's result, or its errno as a negative number."""
    try:
        return fcntl.ioctl(fd, request, argument)
    except OSError as err:
        return -err.errno


def group(device):
    """A device's group, ready for the device to be opened."""
    link = os.readlink(f'/sys/bus/pci/devices/{device}/iommu_group')
    fd = os.open(f'/dev/vfio/{os.path.basename(link)}', os.O_RDWR)
    container = os.open('/dev/vfio/vfio', os.O_RDWR)
    fcntl.ioctl(fd, SET_CONTAINER, struct.pack('i', container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1)
    return fd


def ask(group_fd, text):
    return call(group_fd, GET_DEVICE_FD, bytearray(text + b'\0'))


def expected(device, text):
    """0 for a string that must be taken, or the errno of its refusal."""
    text = text.split(b'\0')[0]
    name = device.encode()
    if len(text) >= PAGE:
        return errno.EINVAL
    if not text.startswith(name) or text[len(name):len(name) + 1] not in (b'', b' '):
        return errno.ENODEV
    match = REST.fullmatch(text[len(name):])
    if match is None:
        return errno.EINVAL
    right = match[1] is not None and uuid.UUID(match[1].decode()) == token
    return 0 if right else errno.EACCES


def random_bytes(most):
    return rng.randbytes(rng.randint(0, most))


def random_token():
    right = str(token)
    kind = rng.randrange(7)
    if kind == 0:
        return str(uuid.UUID(bytes=rng.randbytes(16)))
    if kind == 1:
        return right[:rng.randrange(36)]
    if kind == 2:
        at = rng.randrange(36)
        return right[:at] + rng.choice('-gG zZ0f\t\n{}\xff') + right[at + 1:]
    if kind == 3:
        return right.upper()
    if kind == 4:
        return right + rng.choice([' ', '\n', '0', ',', 'x' * rng.randrange(50)])
    return right


def random_text():
    """A valid string, or one with some faults."""
    name = rng.choice([pf, vf]) if rng.randrange(8) else str(rng.randbytes(6))
    words = [name.upper() if not rng.randrange(20) else name]
    for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2, 3])):
        key = rng.choice(['vf_token'] * 6 + ['vf_tokem', 'VF_TOKEN', 'vf_token2', ''])
        words.append(key + rng.choice(['='] * 9 + ['', '==', ' = ']) + random_token())
    space = rng.choice([' '] * 8 + ['  ', '\t', '\n', ',', ''])
    text = bytearray(space.join(words).encode('latin-1'))
    kind = rng.randrange(16)
    if kind == 0 and text:
        text[rng.randrange(len(text))] = rng.randrange(256)
    elif kind == 1:
        at = rng.randint(0, len(text))
        text[at:at] = random_bytes(20)
    elif kind == 2:
        del text[rng.randint(0, len(text)):]
    elif kind == 3:
        text[rng.randint(0, len(text)):] = b'\0' + random_bytes(20)
    elif kind == 4:
        text += bytes([rng.choice(b'  A\xc3\x00')]) * rng.choice([1, 64, 3990, 4095, 4096, 9000])
    return bytes(text)


def one_open(name, group_fd):
    if not rng.randrange(500):
        result, want = call(group_fd, GET_DEVICE_FD, rng.choice([0, 1, 1 << 30])), errno.EFAULT
    else:
        text = random_text()
        result, want = ask(group_fd, text), expected(name, text)
    if result >= 0:
        os.close(result)
    if (0 if result >= 0 else -result) != want:
        sys.exit(f'{name}: {result} instead of {want} for {text!r}, token {token}')
    counts['open ' + (errno.errorcode[want] if want else 'taken')] += 1


def one_feature(name, fd):
    global token
    feature = rng.choice([0, 0, 0, 0, 1, 2, 3, 4, 5, rng.randrange(1 << 16)])
    operations = rng.choice([1, 2, 2, 2, 4, 5, 6, 7, 3, 0, rng.randrange(1 << 16)])
    flags = feature | operations << 16
    data = bytearray(rng.randbytes(rng.choice([0, 8, 15, 16, 16, 16, 17, 64])))
    argsz = rng.choice([8 + len(data)] * 4 + [24, 0, 7, 8, 23, 25, 0xffffffff, rng.getrandbits(32)])
    if argsz > 8 + len(data):
        # The kernel may read as much as it was told of.
        data += rng.randbytes(16)
    buffer = bytearray(struct.pack('II', argsz, flags)) + data
    if not rng.randrange(500):
        buffer = rng.choice([0, 1, 1 << 30])
    given = bytes(data[:16])
    result = call(fd, FEATURE, buffer)
    word = errno.errorcode[-result] if result < 0 else 'taken'
    allowed = {'taken', 'EINVAL', 'ENOTTY', 'EFAULT', 'EACCES', 'ENODEV'}
    # Low power with a wake-up takes an eventfd.
    if word not in allowed and (feature, word) != (4, 'EBADF'):
        sys.exit(f'{name}: feature {feature} flags {flags:#x} argsz {argsz}: {word}')
    counts['feature ' + word] += 1
    if result >= 0 and flags == FEATURE_SET | PF_TOKEN:
        if name != pf or argsz < 24:
            sys.exit(f'{name}: took a token with argsz {argsz}')
        token = uuid.UUID(bytes=given)
        counts['tokens'] += 1


groups = {device: group(device) for device in (pf, vf)}
fds = {pf: ask(groups[pf], pf.encode())}
if fds[pf] == -errno.EACCES or fds[pf] == -errno.EINVAL:
    sys.exit('the PF is in use')
fcntl.ioctl(fds[pf], FEATURE, struct.pack('II', 24, FEATURE_SET) + token.bytes)
fds[vf] = ask(groups[vf], f'{vf} vf_token={token}'.encode())
if min(fds.values()) < 0:
    sys.exit(f'not opened: {fds}')
begin = time.monotonic()
for number in range(calls):
    device = rng.choice([pf, vf])
    if number % 2:
        one_open(device, groups[device])
    else:
        one_feature(device, fds[device])
print(json.dumps({'seconds': round(time.monotonic() - begin, 1), 'counts': counts}))
'''


def test_by_the_rules(lab, pf, vfs):
    """Whatever string a device is asked for with, the kernel must take it only with the token in
    force, refuse it with the errno of its rule else, and never report a fault of its own.

    Steps: Open the PF, set its token, open a VF with it. So many times, by turns: ask for the PF or
    the VF with a random string, that is often nearly right, and give the PF or the VF a random
    DEVICE_FEATURE, that often sets the token. RANDOM_IOCTLS is the number of calls, RANDOM_SEED
    repeats a run.
    Verify: Each string is taken or refused as its rule says; each feature ends in success or with a
    usual errno; all such ends occur; the kernel's log has no report; both devices open as before.
    """
    lab.check(f'echo {MARK} >/dev/kmsg')
    lab.write('/run/random-ioctls.py', SCRIPT)
    done = lab.run(f'python3 /run/random-ioctls.py {pf} {vfs[0]} {TOKEN} {CALLS} {SEED} 2>&1',
                   timeout=60 + CALLS // CALLS_PER_SECOND)
    assert done.status == 0, f'seed {SEED}: {done.output}'
    result = json.loads(done.output)
    print(f'{CALLS} calls, seed {SEED}, {result["seconds"]} s: {result["counts"]}')
    counts = result['counts']
    assert counts.keys() >= {
        'open taken', 'open EACCES', 'open EINVAL', 'open ENODEV', 'open EFAULT', 'tokens',
        'feature taken', 'feature EINVAL', 'feature ENOTTY', 'feature EFAULT'}
    assert re.findall(f'.*{REPORTS}.*', lab.dmesg().split(MARK)[-1]) == []
    lab.write('/run/token-after', TOKEN, mode=0o600)
    lab.check(f'dpdk-vftoken set {pf} file:/run/token-after')
    assert lab.run(f'dpdk-vftoken check {vfs[0]} file:/run/token-after').status == 0
