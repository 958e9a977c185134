# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What the files of a machine say, and what is found in them."""
from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

OK, NOTE, MISSING = 'ok', 'note', 'missing'
# Remedies that take more than a command: the firmware's set-up, and the kernel's log.
FIRMWARE = 'systemctl reboot --firmware-setup'
DMESG = 'dmesg | grep -i -e DMAR -e AMD-Vi -e IOMMU'
# This command, as it was called.
DOCTOR = shlex.quote(sys.argv[0])
# As a default PATH has them.
PROGRAMS = ('usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin')
PC_FILES = ('usr/local/lib*/**/pkgconfig', 'usr/lib*/**/pkgconfig')


@dataclass(frozen=True)
class Finding:
    """What a check has found, and the command that mends it."""
    kind: str
    text: str
    remedy: str = ''

    def __str__(self) -> str:
        return f'{self.kind}: {self.text}' + (f'\n    {self.remedy}' if self.remedy else '')


class Machine:
    """What the files of a machine say."""

    def __init__(self, root: Path) -> None:
        """All paths are below root."""
        self.root = root
        self.unseen: dict[str, None] = {}
        self.release = self.read('proc/sys/kernel/osrelease')
        self.version = tuple(map(int, re.findall(r'\d+', self.release)[:2]))

    def read(self, path: str) -> str:
        """A file's text, or '' if it isn't there or can't be read."""
        try:
            return (self.root / path).read_text('utf-8', 'replace').strip()
        except (FileNotFoundError, NotADirectoryError):
            return ''
        except OSError:
            self.unseen[path] = None
            return ''

    def number(self, path: str) -> int:
        """A file's number, or 0."""
        text = self.read(path)
        return int(text) if text.isdigit() else 0

    def names(self, path: str) -> list[str]:
        """What is in a folder, if it is there and can be read."""
        try:
            return sorted(entry.name for entry in (self.root / path).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self.unseen[path] = None
            return []

    def there(self, path: str) -> bool:
        """Whether there is such a file or folder, as far as can be seen."""
        try:
            return (self.root / path).exists()
        except OSError:
            self.unseen[path] = None
            return False

    def link(self, path: str) -> str:
        """The last part of what a link names, or ''."""
        link = self.root / path
        return link.readlink().name if link.is_symlink() else ''

    def parameter(self, name: str) -> str:
        """A module's parameter, MODULE/NAME."""
        module, _, parameter = name.partition('/')
        return self.read(f'sys/module/{module}/parameters/{parameter}')

    def program(self, name: str) -> Path | None:
        """Where a program is."""
        return next((self.root / folder / name for folder in PROGRAMS
                     if self.there(f'{folder}/{name}')), None)

    def package(self, name: str) -> str:
        """The version of a library that programs can be built with, as pkg-config has it."""
        for pattern in PC_FILES:
            for path in sorted(self.root.glob(f'{pattern}/{name}.pc')):
                text = self.read(str(path.relative_to(self.root)))
                if found := re.search(r'^Version: *(\S+)', text, re.MULTILINE):
                    return found[1]
        return ''

    def iommu_groups(self) -> list[str]:
        """The groups that an IOMMU makes; VFIO's unsafe mode has groups too."""
        top = 'sys/kernel/iommu_groups'
        return [name for name in self.names(top)
                if self.read(f'{top}/{name}/name') != 'vfio-noiommu']
