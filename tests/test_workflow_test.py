# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The workflow for GitHub's own runners: what it names, and what starts it."""
import re
import subprocess

import pytest
import yaml

from framework.common import SOURCE

pytestmark = pytest.mark.fast

WORKFLOW = yaml.safe_load((SOURCE / '.github/workflows/test.yml').read_text('utf-8'))
JOBS = WORKFLOW['jobs']
SCRIPTS = {name: [step['run'] for step in job['steps'] if 'run' in step]
           for name, job in JOBS.items()}


@pytest.mark.parametrize('event, jobs', [
    ('push', {'fast'}), ('pull_request', {'fast'}), ('schedule', {'image', 'suites'}),
    ('workflow_dispatch', {'image', 'suites'})])
def test_triggers(event, jobs):
    """A push must start the tests that take minutes, and the clock those that take hours; what a
    stranger sends must be able to read, and no more.

    Steps: Read the events, the conditions of jobs, and the permissions.
    Verify: Each event has its jobs; the permission is to read.
    """
    assert event in WORKFLOW[True]  # YAML 1.1 takes "on" for true
    assert WORKFLOW['permissions'] == {'contents': 'read'}
    assert {name for name, job in JOBS.items() if f"== '{event}'" in job['if']} == jobs


def test_scripts():
    """The scripts must be sound, and name what there is.

    Steps: Give each to shellcheck, as what runners start; ask the project's own for their help.
    Verify: shellcheck has nothing to say; each option is one; no script has an expression.
    """
    for script in sum(SCRIPTS.values(), []):
        done = subprocess.run(['shellcheck', '--shell=bash', '-'], input=script, text=True,
                              stdout=subprocess.PIPE, check=False)
        assert done.returncode == 0 and '${{' not in script, done.stdout
    ours = [found.split() for script in sum(SCRIPTS.values(), [])
            for found in re.findall(r'^\./devtools/.*$', script, re.MULTILINE)]
    assert len(ours) == 2
    for path, *options in ours:
        said = subprocess.run([SOURCE / path, '--help'], stdout=subprocess.PIPE, text=True,
                              check=True).stdout
        assert all(option in said for option in options)


def test_systems():
    """The tests must run on each Debian that README promises, and the reports be found.

    Steps: Compare the containers with README, and the reports' folder with the matrix.
    Verify: They are the same.
    """
    readme = (SOURCE / 'README.md').read_text('utf-8')
    releases = re.search(r'^On Debian (\d+) or (\d+),', readme, re.MULTILINE).groups()
    assert JOBS['suites']['strategy']['matrix']['debian'] == list(map(int, releases))
    assert JOBS['suites']['container']['image'] == 'debian:${{ matrix.debian }}'
    assert JOBS['fast']['container'] == f'debian:{releases[0]}'
    reports = JOBS['suites']['steps'][-1]['with']['path']
    assert reports == 'build/matrix'
    assert "self.build / 'matrix'" in (SOURCE / 'devtools/lab/matrix.py').read_text('utf-8')
