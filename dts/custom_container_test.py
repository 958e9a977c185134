# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Devices in VFIO containers of an application's own, which DPDK has made internal for 26.11."""
import pytest

from dpdk.source import CDEV
from framework.build import dpdk_tree, guest_files
from framework.common import SOURCE, TOKEN_FILE, WRONG_TOKEN
from framework.fixtures import prepared_lab
from framework.messages import said_only
from installed import Installed

pytestmark = pytest.mark.vm


@pytest.fixture(scope='module')
def lab(build, tmp_path_factory):
    """A machine with the application."""
    tree = dpdk_tree(build)
    if not (tree / CDEV).is_file():
        pytest.skip("this DPDK hasn't the internal functions of 26.11")
    folder = tmp_path_factory.mktemp('container')
    program = Installed(build, folder / 'installed').program(
        SOURCE / 'dts/custom_container.c', folder / 'custom_container',
        '-DALLOW_INTERNAL_API', f'-I{tree}/lib/eal/linux/include')
    yield from prepared_lab(build, {**guest_files(build), '/usr/local/bin/container': program})


@pytest.fixture
def run(lab):
    """Runs it on a device with a rule: exit code and all that it says."""
    def run_it(device, rule):
        done = lab.run(f'container {device} -l 0 -m 64 --file-prefix=container -a 0000:00:00.0 '
                       f'--vfio-vf-token={rule} 2>&1', timeout=90)
        return done.status, done.output
    return run_it


@pytest.mark.usefixtures('pf_testpmd')
def test_opened_and_closed(run, checked, pf, vfs):
    """A device must be open as long as its container is there, and open with its token.

    Steps: Start the PF's testpmd; twice, assign a VF to a container and destroy it; do so with a
    wrong token.
    Verify: It is open, then closed, each time; the wrong token is refused, if the kernel checks it.
    """
    code, text = run(vfs[0], f'file:{TOKEN_FILE}')
    assert code == 0, text
    assert [line for line in text.splitlines() if line.startswith(('assigned', 'destroyed'))] == [
        'assigned: open', 'destroyed: closed'] * 2
    said_only(text)
    code, text = run(vfs[0], WRONG_TOKEN)
    assert code == (1 if checked else 0), text
    if checked:
        said_only(text, ('vf_wrong_token', vfs[0], '11…', pf, pf))
