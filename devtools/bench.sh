#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# bench.sh [OPTION]...: builds what is needed and measures what the VF token costs, beside DPDK as it
# was released. The results go to the folder BUILD/bench (an environment variable; build/ by default).
#
#   --rounds N        how often each thing is measured (9)
#   --only PART,...   of host, datapath, guest, enabling, series, developer; what else was measured
#                     before stays in the results
#   --kernels DIR     a 5.5 without and with its series, as 'devtools/kernel/kernel build' makes it,
#                     for the part series, which is left out without it
#   --build DIR       for builds, logs and results, instead of BUILD/bench
#   --redraw          only draw the guide's table and plots again, from doc/guides
#   --guide           put the results into the guide, too, and draw its table and plots

set -eu
. "$(dirname "$0")/prepare.sh"

for option; do
	case "$option" in
	-h | --help) usage ;;
	esac
done
debian_only
# shellcheck disable=SC2086 # lists of words
need 'to fetch, build and measure DPDK and libvftoken' $PACKAGES_FETCH $PACKAGES_BUILD $PACKAGES_LAB \
	$PACKAGES_UNIT $PACKAGES_BENCH
writable_source
export BUILD
exec "$PYTHON" "$SOURCE/devtools/bench/main.py" "$@"
