#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# dpdk_series.sh [BUILD-FOLDER [DPDK]]
# Exports the patches for DPDK, as devtools/dpdk/export.py does, and applies them one by one to a copy
# of DPDK, a folder with sources (22.11's as the project fetches it). Builds DPDK's libraries, its PCI
# bus and its unit tests by DPDK's own Meson before and after each patch, without warnings. Then runs
# vf_token_autotest, and DPDK's check-abi.sh on the libraries of before and after.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/dpdk_series}" 'to build each patch for DPDK' $PACKAGES_BUILD $PACKAGES_FETCH \
	abigail-tools git
given=${2:-}
dpdk=$build/dpdk
# git wants to know who commits, also where nobody has told it.
export GIT_COMMITTER_NAME=dpdk_series GIT_COMMITTER_EMAIL=dpdk_series@localhost
export GIT_AUTHOR_NAME=$GIT_COMMITTER_NAME GIT_AUTHOR_EMAIL=$GIT_COMMITTER_EMAIL

repository() {
	rm -rf "$dpdk" "$build/series" "$build/objects" && mkdir "$dpdk" || return
	if [ -n "$given" ]; then
		cp -a "$given/." "$dpdk" && rm -rf "$dpdk/.git"
	else
		wrap=$SOURCE/subprojects/dpdk-22.11.wrap
		"$PYTHON" "$SOURCE/devtools/dpdk/fetch.py" "$wrap" &&
			tar -C "$dpdk" --strip-components 1 -xf "$SOURCE/subprojects/packagecache/$(
				sed -n 's/^source_filename = //p' "$wrap")"
	fi && "$PYTHON" "$SOURCE/devtools/dpdk/export.py" --to "$build/series" "$dpdk" &&
		rm "$build/series"/0000-* && git -C "$dpdk" init --quiet &&
		git -C "$dpdk" add --all --force && git -C "$dpdk" commit --quiet --message=base
}

build() {
	ninja -C "$build/objects"
}

# What people have installed is a build with debug information, which tells of types.
before() {
	"$MESON" setup --werror -Dbuildtype=debugoptimized -Ddefault_library=shared -Denable_apps=test \
		-Denable_drivers=bus/pci,bus/vdev,mempool/ring "$build/objects" "$dpdk" &&
		build && libraries "$build/before"
}

# libraries FOLDER: those of the build, and their ABI in files, as check-abi.sh of 22.11 wants it.
libraries() {
	rm -rf "$1" && mkdir "$1" || return
	find "$build/objects/lib" "$build/objects/drivers" -name 'librte_*.so.*[0-9]' -type f \
		>"$build/libraries"
	while read -r library; do
		name=$(basename "$library")
		cp "$library" "$1" && abidw --out-file "$1/${name%%.*}.dump" "$library" || return
	done <"$build/libraries"
}

patch_and_build() {
	git -C "$dpdk" am --quiet "$1" && build
}

unit_tests() {
	"$MESON" test -C "$build/objects" --print-errorlogs vf_token_autotest 2>&1 |
		tee "$build/said" && grep -q '^Ok: *1' "$build/said"
}

abi() {
	libraries "$build/after" && "$dpdk/devtools/check-abi.sh" "$build/before" "$build/after"
}

step 'base' repository
step 'base builds' before
for patch in "$build"/series/*; do
	step "$(basename "$patch" .patch) builds" patch_and_build "$patch"
done
step 'vf_token_autotest' unit_tests
step 'check-abi.sh' abi
