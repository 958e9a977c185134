# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Only vfio's modules, with the series, for a distribution's kernel that stays as it is."""
from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import build, series as patches
from .build import Source
from .series import Series
from .tree import KernelError, run, run_well

# Modules after those that they need, for insmod. The version and the configuration decide which
# of them exist.
ORDER = ('vfio_virqfd', 'vfio', 'vfio_iommu_type1', 'vfio-pci-core', 'vfio-pci')
NEEDED = {'gcc': 'gcc', 'make': 'make', 'patch': 'patch'}


def headers_version(kdir: Path) -> str:
    """The version of the kernel that headers are for, as its Makefile has it."""
    done = run(['make', '-s', '-C', kdir, 'kernelversion'])
    version = (done.stdout.split() or [''])[-1]
    if done.returncode or not re.match(r'\d+\.\d+\.\d+', version):
        raise KernelError(f"'{kdir}' has no kernel headers to build modules with; install your "
                          "kernel's (Debian: linux-headers-RELEASE), or name them with --kdir")
    return version


def _folders(chosen: Series) -> list[str]:
    """As few folders of a tree as have all that the series changes, and all of vfio."""
    found = {'Makefile', 'drivers/vfio', 'include/linux', 'include/uapi/linux'}
    for name in chosen.files():
        if not any(name.startswith(f'{folder}/') for folder in found):
            found.add('/'.join(name.split('/')[:2]))
    return sorted(found)


def modules(source: Source, chosen: Series, kdir: Path, to: Path, jobs: int) -> list[Path]:
    """Build the modules into the folder `to`; returns them in the order of their loading."""
    build.require_programs(NEEDED)
    if to.exists():
        raise KernelError(f"'{to}' is there already; name a folder that isn't")
    wanted = headers_version(kdir)
    with build.workshop('modules') as work:
        (work / 'source').mkdir()
        tree = source.put(work / 'source', _folders(chosen))
        if tree.name != wanted:
            raise KernelError(f"{source.name} is Linux {tree.name}, and '{kdir}' has the headers "
                              f'of {wanted}; take the sources that your kernel was built from')
        patches.check(chosen, tree)
        patches.apply_in_place(chosen.patches, tree.path)
        own = work / 'include'
        for part in ('linux', 'uapi/linux'):
            (own / part).mkdir(parents=True)
            for header in (tree.path / 'include' / part).glob('vfio*.h'):
                shutil.copy(header, own / part)
        compiler = run_well(['gcc', '-print-file-name=include']).strip()
        # These come before the kernel's include folders, which have the unpatched headers.
        first = f'NOSTDINC_FLAGS=-nostdinc -isystem {compiler} -I{own}'
        done = run(['make', '-s', f'-j{jobs}', '-C', kdir, f'M={tree.path}/drivers/vfio', first,
                    'modules'])
        (work / 'log').write_text(done.stdout, encoding='utf-8')
        if done.returncode:
            tail = '\n'.join(done.stdout.strip().splitlines()[-20:])
            raise KernelError(f'building the modules failed:\n{tail}')
        built = sorted((tree.path / 'drivers/vfio').rglob('*.ko'), key=_rank)
        to.mkdir(parents=True)
        return [Path(shutil.copy(path, to)) for path in built]


def _rank(path: Path) -> tuple[int, str]:
    return ORDER.index(path.stem) if path.stem in ORDER else len(ORDER), path.name
