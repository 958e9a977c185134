#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# test.sh [--fast | --matrix [--kernel IMAGE|VERSION]... [--tree LINUX]...]: builds what is needed and
# runs all tests, those about the kernel's rules on Debian's 6.12 with our series, too. --fast runs
# those that need no VM; --matrix all on Debian 12's and 13's kernels, on 6.12 with our series, and on
# the kernels given, as they are or as sources to build with their series.
# The build goes to the folder BUILD (an environment variable; build/ by default).

set -eu
. "$(dirname "$0")/prepare.sh"

mode=${1:-}
case "$mode" in
'') set -- --quick ;;
--fast)
	[ $# -eq 1 ] || die "$mode takes no arguments"
	;;
--matrix) shift ;;
-h | --help) usage ;;
*) die "'$*' isn't an option; there are --fast and --matrix only" ;;
esac

# shellcheck disable=SC2086 # lists of words
need 'to fetch, build and test DPDK and libvftoken' $PACKAGES_FETCH $PACKAGES_BUILD $PACKAGES_LAB \
	$PACKAGES_STATIC $PACKAGES_UNIT $PACKAGES_TEST $PACKAGES_KERNEL
# First, as a kernel that can't be had should not be found out after the build.
[ "$mode" = --fast ] || "$PYTHON" "$SOURCE/devtools/matrix.py" --fetch "$@"
writable_source
# Beside all else, as a machine in the lab leaves a processor idle. Who needs it builds it again, or
# waits, so that nothing is lost if this fails.
if [ "$mode" != --fast ]; then
	nice -n 19 "$PYTHON" "$SOURCE/devtools/kernel/kernel" build --debian 6.12 \
		>"$BUILD/kernel.log" 2>&1 &
	kernel=$!
	# What runs in the background ignores Ctrl-C.
	trap 'kill "$kernel" 2>/dev/null || :' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
fi
"$SOURCE/devtools/check-static.sh" "$BUILD/static"
"$SOURCE/devtools/check-unit.sh" "$BUILD/unit"
"$SOURCE/devtools/fuzz.sh" 20 "$BUILD/fuzz"
build_dpdk "$BUILD" static
[ "$mode" = --fast ] || build_dpdk "$BUILD/shared" shared
export BUILD
say 'functional tests that need no VM'
"$PYTHON" -m pytest -m fast "$SOURCE/dts"
[ "$mode" = --fast ] || "$PYTHON" "$SOURCE/devtools/matrix.py" "$@"
