#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# cross.sh [BUILD-FOLDER]
# Builds all but DPDK for aarch64 with Debian's cross compiler and arm64 libraries, which are unpacked
# in the cache and not installed, and runs the unit tests in QEMU's user emulation.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/cross}" 'to build for aarch64' $PACKAGES_BUILD $PACKAGES_FETCH $PACKAGES_CROSS

# The root folder of an arm64 machine with the libraries, at ROOT.
libraries() {
	root=$("$PYTHON" "$SOURCE/devtools/debian.py" unpack --architecture arm64 arm64 \
		libcmocka-dev libjson-c-dev uuid-dev) &&
		ln -sfnT "$root" "$build/root" || return
	# The packages expect /lib, as on a machine with /usr merged, but none of them has it.
	[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
}

configure() {
	cat >"$build/cross.new" <<-END
		[constants]
		root = '$build/root'

		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'armv8-a'
		endian = 'little'

		[binaries]
		c = ['aarch64-linux-gnu-gcc', '--sysroot', root]
		ar = 'aarch64-linux-gnu-gcc-ar'
		strip = 'aarch64-linux-gnu-strip'
		pkgconfig = 'pkg-config'
		exe_wrapper = ['qemu-aarch64', '-L', root]

		[properties]
		sys_root = root
		pkg_config_libdir = root / 'usr/lib/aarch64-linux-gnu/pkgconfig'
	END
	# Whenever it is written, Ninja runs Meson.
	cmp -s "$build/cross.new" "$build/cross.ini" || mv "$build/cross.new" "$build/cross.ini"
	set_up "$build/aarch64" --cross-file "$build/cross.ini" && ninja -C "$build/aarch64"
}

run() {
	"$MESON" test -C "$build/aarch64" --no-rebuild --print-errorlogs --timeout-multiplier 3
}

step 'libraries for aarch64' libraries
step 'build for aarch64, with gcc' configure
step 'tests on aarch64' run
