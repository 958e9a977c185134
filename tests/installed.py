# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A build of ours installed into a folder, and the examples built against that."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from framework.common import SOURCE

EXAMPLES = SOURCE / 'examples'
WARNINGS = ('-Wall', '-Wextra', '-Werror')


class Installed:
    """What meson install has put below a folder."""

    def __init__(self, build: Path, root: Path) -> None:
        """Install a build below root, which holds nothing yet."""
        # What the machine itself has of DPDK is not to be found.
        self._env = {key: value for key, value in os.environ.items()
                     if not key.startswith(('LD_', 'PKG_CONFIG'))}
        self._env['LC_ALL'] = 'C'
        self.run('/usr/bin/meson', 'install', '-C', build, '--no-rebuild', '--destdir', root)
        packages = next(root.rglob('libvftoken.pc')).parent
        self.libraries = packages.parent
        # As RUNPATH, it wouldn't hold for the libraries of libraries.
        self._rpath = f'-Wl,--disable-new-dtags,-rpath,{self.libraries}'
        self.prefix = next(root.rglob('include/vftoken')).parents[1]
        self._env.update(LD_LIBRARY_PATH=str(self.libraries), PKG_CONFIG_PATH=str(packages),
                         PKG_CONFIG_SYSROOT_DIR=str(root))

    def run(self, *argv: str | Path, cwd: Path | None = None, text: str = '') -> str:
        """What a program says that may need what is installed; text is its input."""
        done = subprocess.run(argv, cwd=cwd, env=self._env, text=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, f'{argv}\n{done.stdout}'
        return done.stdout

    def pkg_config(self, *args: str) -> list[str]:
        """pkg-config's answer, in words."""
        return self.run('pkg-config', *args).split()

    def compile(self, text: str, *flags: str | Path, compiler: str = 'gcc') -> None:
        """Compile a program in C, or with g++ in C++, in which a warning is an error."""
        language = 'c++' if compiler == 'g++' else 'c'
        self.run(compiler, *WARNINGS, '-x', language, '-', *flags, text=text)

    def program(self, source: Path, to: Path, *more: str) -> Path:
        """A program of one file that uses DPDK, with static libraries, and more of its flags."""
        flags = self.pkg_config('--static', '--cflags', '--libs', 'libdpdk', 'libvftoken')
        self.run('gcc', '-O2', '-DALLOW_EXPERIMENTAL_API', *WARNINGS, *more, source, '-o', to,
                 *flags, self._rpath)
        return to

    def needed(self, file: Path) -> str:
        """The shared libraries that a program or library names."""
        return ' '.join(line for line in self.run('readelf', '-d', file).splitlines()
                        if '(NEEDED)' in line)

    def bound_at_the_start(self, file: Path) -> bool:
        """Whether a program or library has no lazy binding, and its addresses are protected."""
        shown = self.run('readelf', '--wide', '--dynamic', '--segments', file)
        return bool(re.search(r'\(FLAGS\).*BIND_NOW', shown) and
                    re.search(r'\(FLAGS_1\).*NOW', shown) and
                    re.search(r'^ *GNU_RELRO', shown, re.MULTILINE))

    def example(self, kind: str, folder: Path, name: str = 'vftoken_rotate',
                compiler: str = 'gcc') -> Path:
        """One of the examples, shared or static, built in a new folder. It finds its libraries
        wherever it is started."""
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns('build'))
        self.run('make', kind, f'CC={compiler}', f'CFLAGS=-O2 {" ".join(WARNINGS)}',
                 f'LDFLAGS={self._rpath}', cwd=folder)
        return folder / f'build/{name}-{kind}'
