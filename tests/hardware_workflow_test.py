# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The workflow for real NICs: its scripts, and the options and files that they name."""
import os
import re
import subprocess
import sys

import pytest
import yaml

from framework.build import dpdk_tree, program
from framework.common import SOURCE

pytestmark = pytest.mark.fast

WORKFLOW = yaml.safe_load((SOURCE / '.github/workflows/hardware.yml').read_text())
STEPS = WORKFLOW['jobs']['suites']['steps']
SCRIPTS = {step['name']: step['run'].replace('\\\n', ' ') for step in STEPS if 'run' in step}


def options(text):
    """The long options in a text."""
    return set(re.findall(r'(?<!\S)--[a-z][a-z-]*(?=[\s=,])', text))


def test_triggers():
    """It must never run what a stranger sends, nor put an input into a script's text.

    Steps: Read it.
    Verify: It starts by hand and by clock only, may only read, and scripts have no expressions.
    """
    assert set(WORKFLOW[True]) == {'workflow_dispatch', 'schedule'}  # YAML 1.1 takes "on" for true
    assert WORKFLOW['permissions'] == {'contents': 'read'}
    assert not [name for name, script in SCRIPTS.items() if '${{' in script]


@pytest.mark.parametrize('name', SCRIPTS)
def test_script(name):
    """Each script must be sound.

    Steps: Give it to shellcheck as what runners start: bash -e. AS_ROOT and PYTHON are words.
    Verify: shellcheck has nothing to say.
    """
    done = subprocess.run(['shellcheck', '--shell=bash', '--exclude=SC2086', '-'], text=True,
                          input=SCRIPTS[name], stdout=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stdout


def test_options(build, tmp_path):
    """Each option that it gives must be one.

    Steps: Let pytest collect with the options; compare those of dpdk-test-vftoken with its help.
    Verify: None is unknown.
    """
    command = re.search(r'^.* -m pytest .*$', SCRIPTS['Run the suites'], re.MULTILINE)[0]
    given = command.partition('pytest ')[2].replace('reports', str(tmp_path))
    done = subprocess.run(['sh', '-c', f'"$0" -B -m pytest --collect-only -q {given}',
                           sys.executable, 'tests/hardware_workflow_test.py'], text=True,
                          env={**os.environ, 'VFTOKEN_PF': '0000:01:00.0'}, cwd=SOURCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0 and 'test_options' in done.stdout, done.stdout
    known = subprocess.run([program(build, 'dpdk-test-vftoken'), '--help'],
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    rules = SCRIPTS["Try the kernel's rules"].partition('prove')[0]
    assert options(rules) == {'--pf'} <= options(known)


def test_files(build):
    """Each suite, driver and tool that it names must be there.

    Steps: Look for the suites, for the drivers in DPDK's sources, and for the doctor.
    Verify: All are there; DPDK is the one that is built by default.
    """
    for suite in re.findall(r'dts/\S+', SCRIPTS['Run the suites']):
        assert (SOURCE / suite).is_file()
    drivers = re.findall(r'\w+/\w+(?=[,\n])', SCRIPTS['Build'])
    assert len(drivers) == 10
    for driver in drivers:
        assert (dpdk_tree(build) / 'drivers' / driver).is_dir(), driver
    version, = re.findall(r'-Ddpdk-([\d.]+):enable_drivers=', SCRIPTS['Build'])
    assert f"value: '{version}'" in (SOURCE / 'meson_options.txt').read_text()
    assert (SOURCE / 'devtools/doctor/doctor').stat().st_mode & 0o111
