#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# test.sh [--fast | --matrix [--kernel IMAGE|VERSION]... [--tree LINUX]... [--dpdk VERSION|TREE]...]:
# builds what is needed and runs all tests but the long ones on the lab's default kernel. --fast runs
# those that need no VM; --matrix all, the long ones too, on Debian 12's and 13's kernels, on 6.12 with
# our series, and on the kernels given, as they are or as sources to build with their series; and all
# of that with DPDK 22.11 and those given, as releases (24.11) or as sources.
# The build goes to the folder BUILD (an environment variable; build/ by default).

set -eu
. "$(dirname "$0")/prepare.sh"

# What runs in the background, which ignores Ctrl-C: processes, and groups of them as -ID.
running=
# shellcheck disable=SC2086 # a list of words
trap '[ -z "$running" ] || kill -s TERM -- $running 2>/dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# All checks but the functional tests, two at a time. They are a group of processes, which the first
# that fails ends, so that what it said stands last.
checks() {
	fuzz=10 cross=lab
	[ "$mode" != --matrix ] || fuzz=60 cross=dpdk
	if [ "$mode" = --fast ]; then
		set -- 'cross.sh cross' 'unit.sh unit' 'static.sh static' 'fuzz.sh 3 fuzz'
	else
		set -- 'packages.sh packages' "cross.sh cross $cross" 'unit.sh unit' 'static.sh static' \
			'doc.sh guides' "fuzz.sh $fuzz fuzz" 'proofs.sh proofs'
		[ "$mode" != --matrix ] ||
			set -- 'container.sh container' 'dpdk_series.sh dpdk_series' "$@" \
				'debian_dpdk.sh debian_dpdk'
	fi
	# shellcheck disable=SC2016 # the inner shell's own
	printf '%s\n' "$@" | (
		cd "$BUILD" && SOURCE=$SOURCE exec setsid xargs -L 1 -P 2 \
			sh -c '"$SOURCE/devtools/checks/$0" "$@" || kill 0'
	) &
	before=$running
	running="$before -$!"
	wait $! || die 'a check failed, which stands above'
	running=$before
}

dpdks=
mode=${1:-}
case "$mode" in
'') set -- --quick ;;
--fast)
	[ $# -eq 1 ] || die "$mode takes no arguments"
	;;
--matrix)
	shift
	left=$#
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		if [ "$1" = --dpdk ]; then
			[ "$left" -gt 0 ] || die "--dpdk takes a version of DPDK or a folder with a tree of it"
			left=$((left - 1))
			[ -d "$2" ] || [ -e "$SOURCE/subprojects/dpdk-$2.wrap" ] ||
				die "--dpdk '$2' is neither a folder nor a version of subprojects/dpdk-*.wrap"
			dpdks="$dpdks $2"
			shift 2
		else
			set -- "$@" "$1"
			shift
		fi
	done
	;;
-h | --help) usage ;;
*) die "'$*' isn't an option; there are --fast and --matrix only" ;;
esac

debian_only
browser=
[ "$mode" = --fast ] || browser=$PACKAGES_BROWSER
container=
[ "$mode" != --matrix ] || container=$PACKAGES_CONTAINER
# shellcheck disable=SC2086 # lists of words
need 'to fetch, build and test DPDK and libvftoken' $PACKAGES_FETCH $PACKAGES_BUILD $PACKAGES_LAB \
	$PACKAGES_STATIC $PACKAGES_UNIT $PACKAGES_CROSS $PACKAGES_DEBIAN $PACKAGES_DOC \
	$PACKAGES_TEST $PACKAGES_KERNEL $PACKAGES_BENCH $browser $container
# First, as a kernel that can't be had should not be found out after the build.
[ "$mode" = --fast ] || "$PYTHON" "$SOURCE/devtools/lab/matrix.py" --fetch "$@"
writable_source
# Beside all else, as a machine in the lab leaves a processor idle. Who needs it builds it again, or
# waits, so that nothing is lost if this fails.
if [ "$mode" = --matrix ]; then
	nice -n 19 "$PYTHON" "$SOURCE/devtools/kernel/kernel" build --debian 6.12 \
		>"$BUILD/kernel.log" 2>&1 &
	running=$!
fi
checks
build_dpdk "$BUILD" static
# Both compilers have their turn.
[ "$mode" = --fast ] || (
	export CC=clang
	build_dpdk "$BUILD/shared" shared
)
for dpdk in $dpdks; do
	folder=$BUILD/dpdk-$(basename "$dpdk")
	build_dpdk "$folder" static "$dpdk"
	build_dpdk "$folder/shared" shared "$dpdk"
	set -- "$@" --build "$folder"
done
[ -z "$dpdks" ] || set -- --build "$BUILD" "$@"
export BUILD
say 'functional tests that need no VM'
"$PYTHON" -m pytest -m fast --numprocesses=2 --dist=loadfile "$SOURCE/dts" "$SOURCE/tests"
[ "$mode" = --fast ] || "$PYTHON" "$SOURCE/devtools/lab/matrix.py" "$@"
