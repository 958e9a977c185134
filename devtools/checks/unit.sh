#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# unit.sh [BUILD-FOLDER]
# Builds all but DPDK with gcc and clang and runs the unit tests: as they are, under valgrind, with
# ASan and UBSan, those with threads with TSan, and for the line coverage of libvftoken, of which
# LEAST per cent are demanded.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/unit}" 'for the unit tests' $PACKAGES_BUILD $PACKAGES_UNIT

LEAST=95

# configure FOLDER COMPILER OPTION...
configure() {
	name=$1
	export CC="$2"
	shift 2
	# The benchmark's programs are nothing that users build.
	set_up "$build/$name" "$@" && ninja -C "$build/$name" all bench_micro bench_openings
}

run() {
	folder=$build/$1
	shift
	"$MESON" test -C "$folder" --no-rebuild --print-errorlogs "$@"
}

# A program of somebody else's, built against the installed library.
installed() {
	"$MESON" install -C "$build/gcc" --no-rebuild --quiet || return
	pc=$(find "$build/installed" -name libvftoken.pc)
	echo '#include <vftoken/pf.h>
		int main(void) { return vftoken_pf_reload_token(vftoken_context_process(), NULL) == 0; }' \
		> "$build/installed/use.c"
	# pkg-config escapes what the shell would take apart.
	flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags --libs libvftoken) &&
		eval "gcc -o '$build/installed/use' '$build/installed/use.c' $flags" &&
		LD_LIBRARY_PATH=${pc%/pkgconfig/*} "$build/installed/use"
}

coverage() {
	find "$build/coverage" -name '*.gcda' -exec rm {} + || return
	# The library's objects alone, from outside the source folder, where gcovr would leave files.
	run coverage &&
		cd "$build/coverage" &&
		/usr/bin/gcovr --root "$SOURCE" --print-summary --fail-under-line "$LEAST" \
			libvftoken.a.p
}

step 'build with gcc' configure gcc gcc --prefix "$build/installed"
step 'tests' run gcc
step 'tests under valgrind' run gcc --setup valgrind
step 'build against the installed library' installed
step 'build with ASan and UBSan' configure sanitize gcc \
	-Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized
step 'tests with ASan and UBSan' run sanitize
step 'build with TSan' configure threads clang -Db_sanitize=thread -Db_lundef=false
step 'tests with threads and TSan' run threads ahead open_provider pf_threads
step 'build with clang' configure clang clang
step 'tests built with clang' run clang
step 'build for coverage' configure coverage gcc -Db_coverage=true --buildtype=debug
step "line coverage of at least $LEAST %" coverage
sed -n 's/^lines:/unit: line coverage of libvftoken:/p' "$log"
