#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# test.sh [--fast]: builds what is needed and runs all tests; --fast runs those that need no VM.
# The build goes to the folder BUILD (an environment variable; build/ by default).

set -eu
. "$(dirname "$0")/prepare.sh"

which=
case "$*" in
'') ;;
--fast) which='-m fast' ;;
-h | --help) usage ;;
*) die "'$*' isn't an option; there is --fast only" ;;
esac

# shellcheck disable=SC2086 # lists of words
need 'to fetch, build and test DPDK and libvftoken' $PACKAGES_FETCH $PACKAGES_BUILD $PACKAGES_LAB \
	$PACKAGES_UNIT $PACKAGES_TEST
writable_source
"$SOURCE/devtools/check-unit.sh" "$BUILD/unit"
build_dpdk "$BUILD" static
[ -n "$which" ] || build_dpdk "$BUILD/shared" shared
export BUILD
say 'functional tests'
# shellcheck disable=SC2086 # two words or none
"$PYTHON" -m pytest $which "$SOURCE/dts"
