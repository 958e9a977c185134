# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The VM lab: a real kernel and a real SR-IOV device in a virtual machine."""
