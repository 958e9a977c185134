# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Tools for the kernel patches: apply, build and check a series."""
