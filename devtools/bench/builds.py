# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What is measured: DPDK with our glue, the same DPDK as it was released, and our programs."""
from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dpdk import fetch

VERSION = '22.11'
# More than the 56 VFs that one process drives.
PORTS = 64
TESTPMD = 'app/dpdk-testpmd'
PROGRAMS = ('bench_micro', 'bench_openings')


@dataclass(frozen=True)
class Builds:
    """Folders of both DPDKs' builds, and our own build around one of them."""
    build: Path
    ours: Path
    stock: Path

    def program(self, name: str) -> Path:
        """One of our programs for measuring."""
        return self.build / 'devtools/bench' / name


def _run(argv: list[str | Path], log: Path) -> None:
    """Run a step of a build; what it says goes to a log."""
    with open(log, 'ab') as out:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)
    if done.returncode:
        raise OSError(f'{argv[0]} failed; its log is {log}')


def _setup(folder: Path, source: Path, options: list[str], log: Path) -> None:
    if not (folder / 'build.ninja').exists():
        _run(['/usr/bin/meson', 'setup', *options, folder, source], log)


def wrap_of(source: Path) -> fetch.Wrap:
    """Which DPDK is measured."""
    return fetch.Wrap(source / f'subprojects/dpdk-{VERSION}.wrap')


def released(source: Path) -> str:
    """Its release."""
    return wrap_of(source).folder.name.removeprefix('dpdk-stable-')


def make(source: Path, folder: Path) -> Builds:
    """Build all of it in a folder, as far as it isn't there."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / 'build.log'
    log.unlink(missing_ok=True)
    wrap = wrap_of(source)
    fetch.prepare(wrap)
    build, stock = folder / 'ours', folder / 'stock'
    _setup(build, source, [f'-Ddpdk-{VERSION}:max_ethports={PORTS}'], log)
    ours = build / 'subprojects' / wrap.folder.name
    _run(['ninja', '-C', build, (ours / TESTPMD).relative_to(build), *PROGRAMS], log)
    (wrap.folder / fetch.STAMP).write_text(wrap.glue())

    unpacked = folder / wrap.folder.name
    if not unpacked.exists():
        with (tempfile.TemporaryDirectory(dir=folder) as fresh,
              tarfile.open(fetch.fetch(wrap)) as tarball):
            tarball.extractall(fresh)
            (Path(fresh) / unpacked.name).rename(unpacked)
    _setup(stock, unpacked, _options(build), log)
    _run(['ninja', '-C', stock, TESTPMD], log)
    return Builds(build, ours, stock)


def _options(build: Path) -> list[str]:
    """The options that our build gives its DPDK, and what else makes a difference to code."""
    options = json.loads((build / 'meson-info/intro-buildoptions.json').read_text('utf-8'))
    given = {option['name']: option['value'] for option in options}
    prefix = f'dpdk-{VERSION}:'
    names = [name for name in given if name.startswith(prefix) and '.' not in name[len(prefix):]]
    return ([f'-D{name.removeprefix(prefix)}={_text(given[name])}' for name in names]
            + [f'-D{name}={_text(given[name])}' for name in ('buildtype', 'b_lto', 'b_ndebug')])


def _text(value: object) -> str:
    """A value as the command line wants it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
