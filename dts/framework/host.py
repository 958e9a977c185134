# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""A real machine as the target of the functional tests: this one, or one reached by ssh."""
from __future__ import annotations

import contextlib
import math
import shlex
import subprocess
from collections.abc import Sequence
from urllib.parse import urlsplit

import pexpect

from doctor.nics import BIFURCATED
from lab.console import END_SESSION, BadInput, LabError, Result
from lab.target import Target

TOOLS = ('dpdk-devbind.py', 'dpdk-telemetry.py', 'dpdk-testpmd', 'dpdk-vftoken')
SSH = ('ssh', '-o', 'BatchMode=yes')
KILLED = 137

_FACTS = '''
cd /sys/bus/pci/devices/{pf} && [ -e sriov_totalvfs ] || {{
    echo 'is no SR-IOV PF; name one with --pf, as lspci -D shows it'; exit 1; }}
[ "$(cat sriov_numvfs)" = 0 ] || {{
    echo 'has VFs already, which may be in use; disable them first'; exit 1; }}
'''

_MACHINE = '''
[ "$(id -u)" = 0 ] || {{ echo 'the tests bind devices, which takes root'; exit 1; }}
for tool in {tools}; do
    command -v $tool >/dev/null || {{
        echo "$tool isn't in PATH; install the build there (meson install)"; exit 1; }}
done
[ -n "$(ls /sys/kernel/iommu_groups)" ] || {{
    echo 'it has no IOMMU groups; turn the IOMMU on'; exit 1; }}
modprobe vfio-pci || exit 1
cat /sys/module/vfio_pci/parameters/enable_sriov
'''


class HostConsole(pexpect.spawn):
    """An interactive shell on the host."""

    def __init__(self, host: Host, name: str, argv: Sequence[str]) -> None:
        self.prompt = f'{name}# '
        self._host = host
        self._session = ''
        super().__init__(argv[0], list(argv[1:]), timeout=30, encoding='utf-8',
                         codec_errors='replace', dimensions=(50, 200))
        self.delaybeforesend = None
        # The shell puts the mark together, so that its echo isn't taken for it.
        self.sendline(f"PS1='{name}#'' '; echo session=$$=")
        self.expect(r'session=(\d+)=')
        self._session = self.match[1]
        self.expect_exact(self.prompt)

    def close(self, force: bool = True) -> None:
        """Kill what runs on this console, and wait until it is gone."""
        if not self.closed:
            if self._session:
                self._host.run(f'session={self._session}{END_SESSION}')
            super().close(force)


class Host(Target):
    """A machine whose PFs are put on vfio-pci and get two VFs, and afterwards are as before. A PF
    with a bifurcated driver stays on it, and its VFs are put on vfio-pci."""

    def __init__(self, where: str, pfs: Sequence[str]) -> None:
        """`where` is `local` or `ssh://[USER@]HOST[:PORT]`."""
        self._ssh = self._ssh_argv(where)
        self.pfs = list(pfs)
        self._undo = contextlib.ExitStack()
        if not pfs:
            raise BadInput(f'--target {where} needs --pf BDF: the PF that belongs to the tests')
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _ssh_argv(where: str) -> list[str] | None:
        if where == 'local':
            return None
        url = urlsplit(where)
        if url.scheme != 'ssh' or not url.hostname or url.path not in ('', '/'):
            raise BadInput(f"'{where}' is no target; give local or ssh://[USER@]HOST[:PORT]")
        user = f'{url.username}@' if url.username else ''
        return [*SSH, *(['-p', str(url.port)] if url.port else []), f'{user}{url.hostname}']

    def _argv(self, command: str, terminal: bool = False) -> list[str]:
        if self._ssh is None:
            return ['sh', '-c', command]
        return [*self._ssh[:-1], *(['-tt'] if terminal else []), self._ssh[-1],
                f'sh -c {shlex.quote(command)}']

    def run(self, command: str, timeout: float = 30) -> Result:
        seconds = max(1, math.ceil(timeout))
        limited = f'timeout -s KILL {seconds} sh -c {shlex.quote(command)} 2>&1'
        # What comes on stderr all the same is of ssh itself.
        done = subprocess.run(self._argv(limited), stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)
        output = done.stdout.decode('utf-8', 'replace').removesuffix('\n')
        if self._ssh and done.returncode and not output and done.stderr:
            raise LabError(f"{self._ssh[-1]} can't be reached: "
                           f"{done.stderr.decode('utf-8', 'replace').strip()}")
        if done.returncode in (KILLED, -9):
            raise LabError(f'on the target, this took more than {seconds} s: {command}\n{output}')
        return Result(done.returncode, output)

    def console(self, name: str) -> HostConsole:
        return HostConsole(self, name, self._argv('exec sh -i', terminal=True))

    def bifurcated(self, pf: str) -> bool:
        """Whether a PF has to stay on its kernel driver."""
        return self.driver(pf) in BIFURCATED

    def _prepare(self) -> None:
        machine = self.run(_MACHINE.format(tools=' '.join(TOOLS)), timeout=60)
        if machine.status:
            raise BadInput(f'the target is not ready: {machine.output}')
        parameter = '/sys/module/vfio_pci/parameters/enable_sriov'
        self._undo.callback(self.run, f'echo {machine.output} >{parameter}')
        self.check(f'echo 1 >{parameter}')
        for pf in self.pfs:
            facts = self.run(_FACTS.format(pf=shlex.quote(pf)))
            if facts.status:
                raise BadInput(f'{pf} {facts.output}')
            self._take(pf)

    def _take(self, pf: str) -> None:
        sysfs, driver = f'/sys/bus/pci/devices/{pf}', self.driver(pf)
        if driver not in BIFURCATED:
            # The kernel shows none as "(null)", and takes an empty line for it.
            override = self.check(f'cat {sysfs}/driver_override').replace('(null)', '')
            self._undo.callback(self.run, f'''
                echo "{override}" >{sysfs}/driver_override
                [ ! -e {sysfs}/driver ] || echo {pf} >{sysfs}/driver/unbind
                [ -z "{driver}" ] || echo {pf} >/sys/bus/pci/drivers/{driver}/bind''', 60)
            self.check(f'dpdk-devbind.py -b vfio-pci {pf}', timeout=60)
        self._undo.callback(self.run, f'echo 0 >{sysfs}/sriov_numvfs', 60)
        self.enable(pf, 2)
        for vf in self.vfs(pf):
            if self.driver(vf) != 'vfio-pci':
                self.check(f'dpdk-devbind.py -b vfio-pci {vf}', timeout=60)

    def close(self) -> None:
        self._undo.close()
