# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""DPDK's sources: fetched, patched with the glue, and a series for a tree of one's own."""
