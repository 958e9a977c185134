#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# cross.sh [BUILD-FOLDER [lab | dpdk]]
# Builds all but DPDK for aarch64 with Debian's cross compiler and arm64 libraries, which are unpacked
# in the cache and not installed, and runs the unit tests in QEMU's user emulation. With lab, the
# conformance suite runs in a virtual machine, too; with dpdk, DPDK is built as well, and the suites about
# opens run with it there.

set -eu
. "$(dirname "$0")/head.sh"
mode=${2:-}
case "$mode" in
'' | lab | dpdk) ;;
*) die "'$mode' isn't an option; see --help" ;;
esac
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/cross}" 'to build for aarch64' $PACKAGES_BUILD $PACKAGES_FETCH $PACKAGES_CROSS \
	$PACKAGES_LAB $PACKAGES_TEST

# The root folder of an arm64 machine with the libraries, at ROOT.
libraries() {
	root=$("$PYTHON" "$SOURCE/devtools/debian.py" unpack --architecture arm64 arm64 \
		libcmocka-dev libjson-c-dev libnuma-dev uuid-dev) &&
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
		platform = 'generic'
		pkg_config_libdir = root / 'usr/lib/aarch64-linux-gnu/pkgconfig'
	END
	# Whenever it is written, Ninja runs Meson.
	cmp -s "$build/cross.new" "$build/cross.ini" || mv "$build/cross.new" "$build/cross.ini"
	set_up "$build/aarch64" --cross-file "$build/cross.ini" && ninja -C "$build/aarch64"
}

run() {
	"$MESON" test -C "$build/aarch64" --no-rebuild --print-errorlogs --timeout-multiplier 3
}

# In a shell of its own, as it ends one that can't go on.
dpdk() (
	build_dpdk "$build/dpdk" static 22.11 "$build/cross.ini"
)

# suites FOLDER NAME...: of dts, in a machine for aarch64, on a build for it.
suites() {
	folder=$1
	shift
	for name; do
		set -- "$@" "$SOURCE/dts/${name}_test.py"
		shift
	done
	env -u LAB_IOMMU -u LAB_KERNEL -u LAB_NIC -u LAB_PATH LAB_ARCH=arm64 BUILD="$folder" \
		"$PYTHON" -m pytest -m 'not long' --numprocesses=2 --dist=loadfile "$@"
}

step 'libraries for aarch64' libraries
step 'build for aarch64, with gcc' configure
step 'tests on aarch64' run
[ -z "$mode" ] || step 'conformance on aarch64' suites "$build/aarch64" conformance
if [ "$mode" = dpdk ]; then
	step 'DPDK for aarch64' dpdk
	opens=$(PYTHONPATH=$SOURCE/devtools "$PYTHON" -c 'from lab.matrix import OPENS; print(*OPENS)')
	# shellcheck disable=SC2086 # a list of words
	step 'opens on aarch64' suites "$build/dpdk" $opens
fi
