#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# container.sh [BUILD-FOLDER]
# Builds the image of Containerfile with buildah, without a registry: on a base that it makes from this
# machine's Debian mirror. Runs the commands in the image and, without a network, the demonstration.
# The images are thrown away.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/container}" 'to build the image and run it' $PACKAGES_BUILD $PACKAGES_FETCH \
	$PACKAGES_CONTAINER

# Images and containers are apart from the user's own. vfs, as overlay doesn't work in each container.
store() {
	buildah --root "$build/store" --runroot "$build/run" --storage-driver vfs "$@"
}

throw_away() {
	rm -rf "$build/store" "$build/run" "$build/base.tar"
}

base() {
	throw_away && root_settings && codename=$(. /etc/os-release && echo "$VERSION_CODENAME") &&
		mmdebstrap --aptopt="$build/apt.conf" --dpkgopt=force-unsafe-io --variant=minbase \
			"$codename" "$build/base.tar" "$build/sources.list" &&
		container=$(store from scratch) && store add "$container" "$build/base.tar" / &&
		store commit --rm "$container" localhost/base && rm "$build/base.tar"
}

# chroot needs less of the machine than other ways do: this may itself be in a container.
image() {
	store bud --isolation chroot --build-arg BASE=localhost/base --file "$SOURCE/Containerfile" \
		--tag localhost/dpdk-vf-token "$SOURCE" &&
		store rmi localhost/base && container=$(store from localhost/dpdk-vf-token)
}

# run COMMAND...: in the image, without a network.
run() {
	unshare --net buildah --root "$build/store" --runroot "$build/run" --storage-driver vfs \
		run --isolation chroot "$container" -- "$@" </dev/null
}

# said STATUS TEXT COMMAND...: a command ends with the status, and TEXT begins a line that it says.
said() {
	status=$1
	text=$2
	shift 2
	got=0
	run "$@" >"$build/said" 2>&1 || got=$?
	cat "$build/said"
	[ "$got" -eq "$status" ] && grep -q "^$text" "$build/said" || {
		echo "'$*' ended with status $got, and should with $status and '$text'"
		return 1
	}
}

commands() {
	version=$(dpkg-parsechangelog -l "$SOURCE/debian/changelog" -S Version) &&
		said 0 "dpdk-vftoken ${version%-*}" dpdk-vftoken --version &&
		said 0 "dpdk-test-vftoken ${version%-*}" dpdk-test-vftoken --version &&
		said 0 '[0-9a-f-]\{36\}$' dpdk-vftoken generate &&
		said 0 ' *--vfio-vf-token=' dpdk-testpmd --help &&
		said 0 'usage: dpdk-devbind.py' dpdk-devbind.py --help &&
		said 1 'usage: pf_daemon' pf_daemon &&
		said 0 'usage: ' dpdk-vftoken-doctor --help
}

# The image's own command is the demonstration.
demonstration() {
	# shellcheck disable=SC2046 # words
	said 0 'Two processes shared a token' $(store inspect --type image \
		--format '{{range .OCIv1.Config.Cmd}}{{.}} {{end}}' localhost/dpdk-vf-token)
}

trap throw_away EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
step 'base image' base
step 'image of Containerfile' image
step 'commands, in the image' commands
step 'demonstration, in the image without a network' demonstration
