# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Where the tests find what they import, and the fixtures that they share."""
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
sys.path[:0] = [str(SOURCE / name) for name in ('dts', 'tests', 'devtools')]

pytest_plugins = ['framework.fixtures']
