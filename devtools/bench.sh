#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# bench.sh [OPTION]...: builds what is needed and measures what the VF token costs, beside DPDK as it
# was released; --help shows the options. The results go to the folder BUILD/bench (an environment
# variable; build/ by default).

set -eu
. "$(dirname "$0")/prepare.sh"

# shellcheck disable=SC2086 # lists of words
need 'to fetch, build and measure DPDK and libvftoken' $PACKAGES_FETCH $PACKAGES_BUILD $PACKAGES_LAB \
	$PACKAGES_UNIT $PACKAGES_BENCH
writable_source
export BUILD
exec "$PYTHON" "$SOURCE/devtools/bench/main.py" "$@"
