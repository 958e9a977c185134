# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Names that all tests have in common."""
import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]

TOKEN = '3e7e882e-1daf-417f-ad8d-882eea5ee337'
WRONG_TOKEN = '11112222-3333-4444-5555-666677778888'
TOKEN_FILE = '/run/dts-vf-token'  # not the name that a host's owner would choose

# Whether the lab leaves devices their own files only.
BY_CDEV = os.environ.get('LAB_PATH') == 'cdev'

# The case of dpdk-test-vftoken that the lab can't have, as /dev/iommu is root's own there.
NO_IOMMU_FILE = {'iommufd/process/user-with-file'}

# Whether the lab's PFs are virtio-net devices.
VIRTIO = os.environ.get('LAB_NIC') == 'virtio'

# The default of --target.
VM = 'vm'
