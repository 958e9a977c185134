#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# test.sh [--fast | --matrix [--kernel IMAGE|VERSION]...]: builds what is needed and runs all tests,
# those about the kernel's rules on both Debian 12's and Debian 13's kernel. --fast runs those that
# need no VM, --matrix all on both kernels and on those given.
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
	$PACKAGES_STATIC $PACKAGES_UNIT $PACKAGES_TEST
# First, as a kernel that can't be had should not be found out after the build.
[ "$mode" = --fast ] || "$PYTHON" "$SOURCE/devtools/matrix.py" --fetch "$@"
writable_source
"$SOURCE/devtools/check-static.sh" "$BUILD/static"
"$SOURCE/devtools/check-unit.sh" "$BUILD/unit"
"$SOURCE/devtools/fuzz.sh" 20 "$BUILD/fuzz"
build_dpdk "$BUILD" static
[ "$mode" = --fast ] || build_dpdk "$BUILD/shared" shared
export BUILD
say 'functional tests that need no VM'
"$PYTHON" -m pytest -m fast "$SOURCE/dts"
[ "$mode" = --fast ] || "$PYTHON" "$SOURCE/devtools/matrix.py" "$@"
