#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# fuzz.sh [SECONDS | --runs N] [BUILD-FOLDER]
# Builds libvftoken's fuzz targets (*_fuzz.c) with clang and runs them side by side for SECONDS, 20 by
# default, or each N times. They start from lib/vftoken/corpus/. What they learn and find goes to
# BUILD-FOLDER, build/fuzz by default, where the next run goes on.

set -eu
. "$(dirname "$0")/head.sh"

limit=-max_total_time=20
case "${1:-}" in
-h | --help) usage ;;
--runs)
	[ $# -ge 2 ] || die "--runs needs a number; see --help"
	limit=-runs=$2
	shift 2
	;;
[0-9]*)
	limit=-max_total_time=$1
	shift
	;;
-*) die "'$1' isn't an option; see --help" ;;
esac
case "${limit#*=}" in
*[!0-9]* | '' | 0) die "'${limit#*=}' isn't a number of seconds or runs" ;;
esac
[ $# -le 1 ] || die "'$2' is too much; see --help"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/fuzz}" 'to fuzz libvftoken' $PACKAGES_BUILD $PACKAGES_UNIT
mkdir -p "$build/findings"

build() {
	export CC=clang
	set_up "$build" -Dfuzz=true --buildtype=debugoptimized && ninja -C "$build" fuzz
}

build >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	die "the build failed; its whole log is $log"
}

# A made sysfs is fast in memory only; a target that fails leaves it behind.
TMPDIR=$(mktemp -d -p /dev/shm)
export TMPDIR
running=
# shellcheck disable=SC2086 # a list of words
trap '[ -z "$running" ] || kill $running 2>/dev/null || :; rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM

# Freed memory waits to be used wrongly, but in a small queue, which is twice as fast.
export ASAN_OPTIONS="quarantine_size_mb=8:malloc_context_size=1"

for corpus in "$SOURCE"/lib/vftoken/corpus/*; do
	target=$(basename "$corpus")
	mkdir -p "$build/corpus/$target"
	"$build/$target" "$limit" -print_final_stats=1 -reload=0 -timeout=100 -report_slow_units=100 \
		-artifact_prefix="$build/findings/$target-" "$build/corpus/$target" "$corpus" \
		>"$build/$target.log" 2>&1 &
	running="$running $!"
done
# shellcheck disable=SC2086 # a list of words
set -- $running
for corpus in "$SOURCE"/lib/vftoken/corpus/*; do
	target=$(basename "$corpus")
	log=$build/$target.log
	wait "$1" || {
		grep -v '^#' "$log" | tail -n 60 >&2
		die "$target found what stands above; $build/$target FILE shows it again"
	}
	shift
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	coverage=$(sed -n 's/^#.*DONE *\(cov: [0-9]*\).*/\1/p' "$log")
	echo "$check: $target: passed $runs runs, $coverage"
done
