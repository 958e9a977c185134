# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What is measured of the kernel: VFs enabled with and without our library between, and
VFIO_GROUP_GET_DEVICE_FD with our series beside other kernels."""
from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lab.vm import Lab

from .figures import Figure, Reach
from .guest import FIND_PLAIN, ICOUNT, PLAIN_NIC, TOKEN, TOKEN_FILE

PROGRAM = '/usr/local/bin/bench_openings'
PLUS_5_PERCENT = Reach('ratio', 1.05)
NO_SLOWER = Reach('ratio', 1.0)
# As many as the lab's devices have, and in how many milliseconds they are to be open together.
IGB_VFS, NVME_VFS = 7, 64
TOGETHER = {IGB_VFS: Reach('ours', 350), NVME_VFS: Reach('ours', 1000)}
# A round is the median of so many opens: a timer's interrupt makes one longer now and then.
BATCH = 15
DEBIAN = '6.1'
# What is opened, and the token given: the order in which it is measured. The last open of the PF
# leaves the VF its token.
OPENS = (('a plain NIC', False), ('a PF', False), ('a PF', True), ('a VF', True))
# Most boots of a kernel agree to a thousandth; in some, all short opens take 0.3 us more.
BOOTS = 3
KINDS = {'first': 'opened', 'again': 'opened again'}
Samples = dict[tuple[str, bool, str], float]


def enabling(build: Path, program: Path, rounds: int) -> list[Figure]:
    """From before sriov_numvfs is written until all VFs are open: with libvftoken one by one, and
    together; and without it, one by one."""
    figures = []
    with Lab(build, nvmes=1, cpus=1, kernel=DEBIAN, timeout=3600, qemu_arguments=ICOUNT,
             files={PROGRAM: program}) as lab:
        lab.write(TOKEN_FILE, TOKEN, mode=0o600)
        for pf, vfs in (lab.pfs[0], IGB_VFS), (lab.nvmes[0], NVME_VFS):
            lab.bind(pf, 'vfio-pci')
            # One round more, which finds the kernel's caches empty.
            output = lab.check(f'{PROGRAM} enable {pf} file:{TOKEN_FILE} {vfs} {rounds + 1}',
                               timeout=300 + rounds * vfs * 6)
            lines = [line.split() for line in output.splitlines()[3:]]
            # Most of the time passes in the resets of VFs, which the kernel waits for.
            for column, what, reach in ((1, 'time that passes', PLUS_5_PERCENT),
                                        (2, "processor's time", None)):
                ours, bare, together = (
                    [int(line[column]) / 1e6 for line in lines if line[0] == side]
                    for side in ('ours', 'bare', 'together'))
                figures += [Figure('enabling VFs', f'{what}, {vfs} VFs', 'ms', ours, bare,
                                   "the kernel's own", reach, vfs),
                            Figure('enabling VFs', f'{what}, {vfs} VFs opened together', 'ms',
                                   together, bare, "the kernel's own",
                                   TOGETHER[vfs] if column == 1 else None)]
    return figures


def get_device_fd(lab: Lab, device: str, texts: Sequence[str]) -> list[dict[str, float]]:
    """The processor's time in microseconds, for each text that is given to the kernel: when the
    device isn't open and when it is."""
    words = shlex.join([PROGRAM, 'get', device, str(BATCH), *texts])
    lines = [line.split() for line in lab.check(words, timeout=300).splitlines()]
    return [{kind: median(int(ns) / 1000 for text, which, ns in lines
                          if (text, which) == (str(number), kind))
             for kind in KINDS} for number in range(len(texts))]


def boot(build: Path, program: Path, kernel: Path | str, tokens: bool) -> tuple[str, Samples]:
    """A kernel's release, and what its opens take: of OPENS those that it can have."""
    samples: Samples = {}
    with Lab(build, cpus=1, kernel=kernel, qemu_arguments=[*ICOUNT, *PLAIN_NIC],
             files={PROGRAM: program}) as lab:
        devices = {'a plain NIC': lab.check(FIND_PLAIN).split('/')[-2], 'a PF': lab.pfs[0]}
        for device in devices.values():
            lab.bind(device, 'vfio-pci')
        for name in dict.fromkeys(name for name, _ in OPENS):
            if name == 'a VF':
                if not tokens:
                    break
                lab.enable(lab.pfs[0], 1)
                devices[name], = lab.vfs(lab.pfs[0])
            given = [token for one, token in OPENS if one == name and token <= tokens]
            texts = [devices[name] + (f' vf_token={TOKEN}' if token else '') for token in given]
            for token, kinds in zip(given, get_device_fd(lab, devices[name], texts)):
                samples.update({(name, token, kind): us for kind, us in kinds.items()})
        return lab.release, samples


def series(build: Path, program: Path, kernels: Path, rounds: int) -> list[Figure]:
    """VFIO_GROUP_GET_DEVICE_FD on a kernel with our series, on the same without, and on Debian's,
    which has the mechanism, but is another version in another configuration. Each round is a boot
    of each, as where things are in memory may differ from boot to boot; few are enough."""
    booted: list[tuple[Path | str, bool]] = [
        (kernels / 'patched', True), (kernels / 'unpatched', False), (DEBIAN, True)]
    runs = [[boot(build, program, kernel, tokens) for kernel, tokens in booted]
            for _ in range(min(rounds, BOOTS))]
    (_, opens), (unpatched, _), (debian, _) = runs[0]
    ours, *others = [{key: [run[number][1][key] for run in runs] for key in runs[0][number][1]}
                     for number in range(len(booted))]
    against = [f'{unpatched} without the series', f"Debian's {debian}"]
    figures = []
    for device, token, kind in opens:
        key = device, token, kind
        given = 'with its token' if token else 'without a token'
        what = f"{device} {KINDS[kind]} {given}"
        for name, theirs in zip(against, others):
            if key in theirs:
                # What comes with a match and its options can't cost nothing, where little else is
                # done.
                free = kind == 'again' and name == against[0]
                figures.append(Figure('kernel series', what, 'us', ours[key], theirs[key], name,
                                      None if free else NO_SLOWER))
        if token and (device, False, kind) in ours:
            figures.append(Figure('kernel series', what, 'us', ours[key],
                                  ours[device, False, kind], 'without one'))
    return figures
