#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# container.sh [BUILD-FOLDER]
# Builds the image of Containerfile, on Debian's own root in the place of the registry's image, and
# runs in it what people would: the demonstration, and the commands. Nothing of it stays.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/container}" 'to build and run the image' $PACKAGES_CONTAINER $PACKAGES_DEBIAN
image=dpdk-vf-token
base=$(sed -n 's/^FROM //p' "$SOURCE/Containerfile")

in_store() {
	buildah --root="$build/store" --runroot="$build/run" --storage-driver=vfs "$@"
}

# What is in the image belongs to users of a name space if the user isn't root.
throw_away() {
	if [ "$(id -u)" -eq 0 ]; then
		rm -rf "${build:?}/store" "$build/run" "$build/root.tar"
	else
		buildah unshare rm -rf "${build:?}/store" "$build/run" "$build/root.tar"
	fi
}

debian_root() {
	throw_away && settings && codename=$(. /etc/os-release && echo "$VERSION_CODENAME") &&
		mmdebstrap --aptopt="$build/apt.conf" --dpkgopt=force-unsafe-io --variant=apt \
			"$codename" "$build/root.tar" "$build/sources.list" &&
		root=$(in_store from scratch) && in_store add --quiet "$root" "$build/root.tar" / &&
		in_store commit --quiet --rm "$root" "$base" && rm "$build/root.tar"
}

image() {
	in_store build --isolation=chroot --pull-never --tag "$image" "$SOURCE" &&
		container=$(in_store from --pull-never "$image")
}

# inside COMMAND...
inside() {
	in_store run --isolation=chroot "$container" -- "$@"
}

demonstration() {
	# shellcheck disable=SC2046 # words
	inside $(in_store inspect --type image --format '{{join .OCIv1.Config.Cmd " "}}' "$image") \
		>"$build/demonstration" && cat "$build/demonstration" &&
		grep -q '^10 .* ok: ' "$build/demonstration"
}

commands() {
	inside dpdk-vftoken generate | grep -Eqx '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' &&
		inside dpdk-vftoken status && inside dpdk-test-vftoken --list | grep -q '^group/vf/right: ' &&
		inside dpdk-testpmd --version && inside /usr/src/dpdk-vf-token/devtools/doctor/doctor --help
}

trap 'throw_away' EXIT
step "Debian's root, as $base" debian_root
step 'the image, whose build plays the demonstration' image
step 'the demonstration in it' demonstration
step 'the commands in it' commands
