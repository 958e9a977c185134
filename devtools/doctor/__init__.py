# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What a machine lacks for SR-IOV PFs and VFs in user space."""
