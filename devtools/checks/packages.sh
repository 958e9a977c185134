#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# packages.sh [BUILD-FOLDER]
# Builds the Debian packages of all but DPDK, with the unit tests, and checks them with lintian; in a
# clean root, which is thrown away, it installs, uses and purges them. They are in BUILD-FOLDER then.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/packages}" 'to build and check the packages' $PACKAGES_BUILD $PACKAGES_FETCH \
	$PACKAGES_DEBIAN $PACKAGES_DOC
name=$(dpkg-parsechangelog -l "$SOURCE/debian/changelog" -S Source)
version=$(dpkg-parsechangelog -l "$SOURCE/debian/changelog" -S Version)
upstream=${version%-*}

# The source package's upstream part is the tree without debian/.
packages() {
	rm -rf "${build:?}/$name"* "$build"/*.deb && copy_source "$build/$name-$upstream" &&
		tar -C "$build" --exclude="./$name-$upstream/debian" --owner=0 --group=0 --sort=name \
			-caf "$build/${name}_$upstream.orig.tar.xz" "./$name-$upstream" &&
		(
			cd "$build/$name-$upstream" &&
				DEB_BUILD_OPTIONS='' DEB_BUILD_PROFILES='' \
					dpkg-buildpackage --jobs="$(nproc)" --no-sign
		)
}

lint() {
	lintian --allow-root --display-info --pedantic --fail-on error,warning \
		"$build/${name}_${version}"_*.changes
}

# mmdebstrap uses a user namespace if the user isn't root.
clean_root() {
	rm -rf "$build/use" && mkdir "$build/use" &&
		cp "$SOURCE/devtools/checks/use-packages.sh" "$build"/*"_${version}"_*.deb "$build/use" &&
		rm "$build"/use/*-dbgsym_* && root_settings &&
		codename=$(. /etc/os-release && echo "$VERSION_CODENAME") || return
	# shellcheck disable=SC2016 # the hook's own
	mmdebstrap --aptopt="$build/apt.conf" --dpkgopt=force-unsafe-io --format=null --variant=apt \
		--include=gcc,libc6-dev,pkgconf --customize-hook="copy-in '$build/use' /" \
		--customize-hook='chroot "$1" sh /use/use-packages.sh /use' \
		"$codename" /dev/null "$build/sources.list"
}

step 'source and binary packages' packages
step 'lintian' lint
step 'installed, used and purged in a clean root' clean_root
