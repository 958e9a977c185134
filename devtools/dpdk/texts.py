# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""What an exported series says: the messages of its patches, its cover letter, and what it adds to
DPDK's files and documentation."""
from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """A part of the library that builds and links with those before it."""
    subject: str
    message: str
    parts: str  # the stems of its sources


# In order of dependence.
STEPS = (
    Step('vftoken: add context and messages of VF tokens', '''
A PF that is driven by vfio-pci shares a secret UUID, the VF token, with
those who may open its VFs. EAL takes one such token for all devices and
tries it on each, though every PF has a token of its own, a UUID among the
arguments is there for all to see, and the kernel refuses a token where it
has no use for one.

Begin a library that holds rules which say where the token of a device
comes from, opens the device with it, sets the token of a PF, and explains
a refusal in one sentence. EAL is to use it, so it needs no EAL, neither
its UUIDs nor its threads. Nobody but EAL and the PCI bus shall use it, so
all its functions are internal to DPDK. They keep their prefix vftoken_,
since the same text is a library of its own in the project dpdk-vf-token:
a fix there is a fix here.

This part has what the others share: the context, the catalogue of
messages, the form of a BDF, and the masking of tokens in texts and
arguments. context.h is whole, for the picture; what it declares comes with
the next parts, and each part brings its messages.
''', 'arguments bdf context mask message'),
    Step('vftoken: read VF tokens from their sources', '''
A UUID in the arguments is seen by all users, and in logs. Let a rule name
a file, an environment variable or a file descriptor instead.

A source that others could have written gives them the devices, so a file
that its group or others may write, or that belongs to somebody else, is
refused. A FIFO or a file system that doesn't answer must not stop a
start, so reading ends after five seconds. What has to be kept is in a
memory file that isn't mapped: no core dump has it.
''', 'fd file owner rules source store thread transfer uuid'),
    Step('vftoken: read SR-IOV PFs and VFs from sysfs', '''
Only a VF whose PF is on vfio-pci, or an SR-IOV PF on vfio-pci, takes a
token. Read from sysfs which of them a device is, and what it belongs to,
so that neither a guess nor a second try is needed. A container may hide
the PF or all of sysfs, so what isn't known is told apart from "no".
''', 'sriov'),
    Step('vftoken: open devices with their VF token', '''
Send the token where the kernel wants one, by group and by cdev, and
nowhere else. That is one ioctl, and no refusal in the kernel's log. If the
kernel refuses the device, say what, why, and what to do.

The kernel resets a device as it is opened, which takes 100 ms, and can do
that for many side by side. Let a program say what it is going to open, and
open it together; and keep what it closes at its end, to close that
together.
''', 'ahead cdev device open stop vfio'),
    Step('vftoken: set the VF token of a PF and enable its VFs', '''
The token of a PF has to be set before there are VFs that others could
want, and only the process that has the PF open can do so. Set it, then
enable the VFs that a rule asks for. What can't be done whole isn't begun,
or undone.

A token can be replaced while VFs are in use: the next one is in a file
beside the current one, so that at each moment one of them is right.
''', 'pf vfs'),
    Step('vftoken: tell status and check the start of a program', '''
Status of each device, without its token, is for telemetry. A rule that
nothing was done with at the end of a start is likely mistyped, and said.

Whoever can replace the sockets of telemetry or of the multi-process
channel could ask for tokens or for a reload, so have their folder checked.
''', 'clear info socket start'),
)

MESON = '''# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors

if not is_linux
    build = false
    reason = 'only supported on Linux'
    subdir_done()
endif

# headers are <vftoken/NAME.h>
includes += include_directories('..')
includes += global_inc
sources = files(
{sources}
)
'''

API = '''/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the headers of libvftoken share.
 */

#ifndef VFTOKEN_API_H
#define VFTOKEN_API_H

#include <rte_common.h>
#include <rte_compat.h>

/** A UUID: its 16 bytes in the order of its text, as rte_uuid_t has them. */
typedef unsigned char vftoken_uuid_t[16];

#endif /* VFTOKEN_API_H */
'''

EXPORTS = '''/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <eal_export.h>

#include "context.h"

/* The sources of libvftoken know no DPDK, so what they export is listed here. */
'''

MAINTAINERS = '''VF tokens
M: {author}
F: lib/vftoken/

'''

NEWS = '''
* **Added VF tokens per device.**

  Added the internal library vftoken, with which EAL takes the VF token of each device,
  or of each SR-IOV PF and its VFs, from a file, an environment variable, a file descriptor
  or a UUID (``--vfio-vf-token``), and enables the VFs of a PF (``--vfio-num-vfs``).

  Added the telemetry commands ``/vf_token/status``, and ``/vf_token/reload`` which sets
  the VF token of a PF again from its source.

  A secondary process asks its primary process for the tokens that no rule of its own gives,
  so that it needs no ``--vfio-vf-token`` any more.

* **Opened PCI devices together.**

  A primary process opens the PCI devices of its start together, and closes them together at its
  end, so that the kernel resets them side by side.
'''

# The part of the programmer's guide that comes before the text on VF tokens.
PROGRAMMERS_TO = r'^Misc Functions\n~+\n'
PROGRAMMERS = '''VF Tokens
~~~~~~~~~

A PF on ``vfio-pci`` shares a UUID, its VF token, with those who may open its VFs
(see :doc:`../linux_gsg/linux_drivers`).
EAL takes ``--vfio-vf-token`` and ``--vfio-num-vfs`` as rules of the internal library ``vftoken``,
which opens PCI devices for it.
Neither drivers nor applications have to do anything for a token:

* As a device is opened, the library reads from sysfs whether it is a VF or an SR-IOV PF
  on ``vfio-pci``, and sends the token that the rule of the device, of its PF or for all devices
  names, by IOMMU group (``VFIO_GROUP_GET_DEVICE_FD``) or by cdev (``VFIO_DEVICE_BIND_IOMMUFD``).
  Any other device is opened without a token.

* A PF gets its token set before its driver is probed, and then the VFs that a rule asks for.
  If one of them fails, the PF isn't probed.

* After the scan, the PCI bus names the devices that it is going to map.
  The library opens them together when the first one is set up;
  the set-up of each takes the file descriptor, or gets the error of its own device.

* ``rte_eal_cleanup()`` closes the devices together.

A driver which opens VFIO devices by itself, without EAL's functions, gets no token.

``rte_eal_vfio_get_vf_token()`` gives the token of the rule for all devices, and nil without one.

A secondary process has no need of rules.
It asks its primary process for the token of a device by the multi-process channel,
and gets it in a file descriptor, so that no message holds a token.

The telemetry commands ``/vf_token/status`` and ``/vf_token/reload`` show no token either.
A reload changes something, so it is refused if other users can reach the socket of telemetry.
'''

# The part of the guide to vfio-pci's VFs that one token for all devices made.
GUIDE_FROM = r'^To access the VFs, the user needs to create a new token,\n'
GUIDE_TO = r'[.][.] note::\n\n   Linux versions earlier than version 5[.]7 '
GUIDE = '''Whoever is to open the PF or its VFs needs the token that the PF's process has set.

EAL takes tokens as rules.
``--vfio-vf-token=[BDF=]SOURCE`` can be given any number of times.
A rule with the address of a PF is for the PF and its VFs;
one with the address of a VF is for this VF, instead of its PF's;
one without an address is for all other devices.
A token is only sent for a device for which the kernel requires one.
Two different rules for one device are an error.

The source says where the token, a UUID, is read from:

``file:PATH``
   A file or FIFO, at each open and each reload.
   A file that its group or others may write is refused.

``env:NAME``
   An environment variable, once. Then it is overwritten and unset,
   unless the source is ``env:NAME,stay``.

``fd:N``
   A file descriptor that is open at the start, once. Then it is closed.

a UUID
   The token itself. EAL overwrites it in the arguments,
   but until then any user can read it there, and a shell may keep it.

The process of the PF sets the token before it enables VFs.
``--vfio-num-vfs=[BDF=]N`` lets EAL do both before the driver of the PF is probed.

#. Load the ``vfio-pci`` module with ``enable_sriov`` parameter set

   .. code-block:: console

      sudo modprobe vfio-pci enable_sriov=1

   Alternatively, pass the parameter through ``sysfs`` if the module is loaded or built-in:

   .. code-block:: console

      echo 1 | sudo tee /sys/module/vfio_pci/parameters/enable_sriov

#. Write a new token to a file that only its owner may read

   .. code-block:: console

      (umask 077; cat /proc/sys/kernel/random/uuid > /run/vf-token)

#. Bind the PF to ``vfio-pci``

   .. code-block:: console

      ./usertools/dpdk-devbind.py -b vfio-pci 0000:86:00.0

#. Start the DPDK application that will manage the PF, and have it enable two VFs

   .. code-block:: console

      <build_dir>/app/dpdk-testpmd -l 22-25 -a 86:00.0 --file-prefix=pf \\
      --vfio-vf-token=86:00.0=file:/run/vf-token --vfio-num-vfs=86:00.0=2 -- -i

#. Start the DPDK application that will manage a VF

   .. code-block:: console

      <build_dir>/app/dpdk-testpmd -l 26-29 -a 86:02.0 --file-prefix=vf0 \\
      --vfio-vf-token=86:00.0=file:/run/vf-token -- -i

A secondary process asks its primary process for a token that no rule of its own gives.

The telemetry command ``/vf_token/status`` shows the devices that have a rule or are open,
with the source of their token, and never a token.
To replace the token of a PF while its process runs,
write the next one to the file's name with ``.next`` behind, and reload:

.. code-block:: console

   (umask 077; cat /proc/sys/kernel/random/uuid > /run/vf-token.next)
   echo /vf_token/reload,0000:86:00.0 | ./usertools/dpdk-telemetry.py -f pf

VFs that are open stay open.
When the token is set, ``.next`` is renamed to the name of the file.
The reload is refused if other users can reach the socket of telemetry.

If a device is refused, a message in the log says why and what to do.
'''

TEST_MESSAGE = '''test/vftoken: add unit tests of VF tokens

Test the rules and their refusals, the masking of tokens in arguments, the
sources that don't outlive their reading, and the look-ups in a made sysfs.
They need neither a device nor a privilege.
'''

LETTER_SUBJECT = 'VF tokens per device'
LETTER = '''This series is for DPDK {version}.

Signed-off-by: none of the patches is signed off. The person who sends them
adds their own, after reading them (git am --signoff, or git rebase
--signoff). Add what you have measured and tested yourself to this letter,
and "Depends-on:" where it is needed.

Problem
-------

A PF on vfio-pci shares a secret UUID, the VF token, with those who may
open its VFs. EAL has one token for the process, from its arguments:

- two PFs can't have a token each;
- all users can read it in ps, and a secondary process needs it once more;
- it is tried on each device, and a refusal says neither what was wrong nor
  what to do; a device that needs no token costs a failed open;
- the PF's token and its VFs are left to scripts;
- nobody can replace a token without a restart.

Design
------

Rules say where the token of a device comes from: --vfio-vf-token can be
given many times, as [BDF=]SOURCE with a file, an environment variable, a
file descriptor, or a UUID as before. The library lib/vftoken reads sysfs,
and sends the token where the kernel requires one, and nowhere else, by
group and by cdev. It sets the token of a PF, and enables VFs
(--vfio-num-vfs). A secondary process asks its primary one. Telemetry shows
the status and, as the one command that changes something, has the token of
a PF set again from its source: a process has no other door by which an
administrator could ask for it. It is refused if another user could reach
the socket, and no token goes through it.

The first patch is a fix that stands alone. The next ones add the library
in steps that build, then come EAL's options and opens, the PCI bus, and
unit tests.

The functions are internal (RTE_EXPORT_INTERNAL_SYMBOL or an INTERNAL map),
for EAL and the PCI bus alone, so they add nothing to the ABI.
rte_eal_vfio_get_vf_token() gives the token of the rule without an address,
and nil without one, as before.

Left out
--------

- The library inside EAL: it is of use, and tested, without DPDK.
- DPDK's rte_uuid and rte_thread: they are in EAL, which depends on this
  library. A UUID is 16 bytes here as there.
- Devargs instead of an option: they are printed, and saved for telemetry.
- The prefix rte_ for internal names: the same text is a library elsewhere.
- net/nbl and bus/fslmc open devices by themselves, and are left alone.

What checkpatches.sh says of the library: macros make code of the catalogue
of messages, a compiler's attribute keeps tokens out of vector registers
that get saved, and pthreads, since EAL's threads are above it.

Measurements
------------

In a virtual machine with emulated igb devices, not on real NICs: an open
takes one ioctl, as with one right token before; a look-up among 65,536
rules 207 instructions for a device's own and 410 for its PF's; the time of
a start doesn't differ from that of the released DPDK with one device. A
start opens all its devices in the time of one reset (100 ms for a VF).

How it was tested
-----------------

By unit tests (app/test/test_vf_token.c), and in the project dpdk-vf-token,
whose tests build DPDK with the same changes: more unit tests of the
library, and functional tests with emulated PFs and VFs in that machine, by
group and by cdev. EAL and the PCI bus also build for FreeBSD, with clang and
that system's headers, and for Windows with mingw. Real hardware hasn't been
tested.
'''
