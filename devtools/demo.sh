#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# demo.sh [--keep | --build]: builds what is needed and plays the story of a VF token in a virtual
# machine. --keep keeps its logs; --build only builds.
# The build goes to the folder BUILD (an environment variable; build/ by default).

set -eu
. "$(dirname "$0")/prepare.sh"

case "$*" in
'' | --keep | --build) ;;
-h | --help) usage ;;
*) die "'$*' isn't an option; there are --keep and --build only" ;;
esac

debian_only
# shellcheck disable=SC2086 # lists of words
need 'to fetch and build DPDK, and to talk to the lab' $PACKAGES_FETCH $PACKAGES_BUILD $PACKAGES_LAB
writable_source
build_dpdk "$BUILD" static
[ "$*" != --build ] || exit 0
export BUILD
"$PYTHON" "$SOURCE/devtools/lab/demo.py" "$@"
