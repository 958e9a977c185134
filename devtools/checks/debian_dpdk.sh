#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# debian_dpdk.sh [BUILD-FOLDER [all]]
# Rebuilds Debian's own packages of DPDK with VF tokens in a clean root, with libvftoken's packages of
# packages.sh: with the buses alone, or with all drivers, as Debian does. There, Debian's Open vSwitch
# starts on them without being rebuilt, and on Debian's again after the downgrade.

set -eu
. "$(dirname "$0")/head.sh"
case "${2:-}" in
'' | all) ;;
*) die "'$2' isn't an option; see --help" ;;
esac
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/debian_dpdk}" "to rebuild Debian's DPDK" $PACKAGES_FETCH $PACKAGES_DEBIAN git \
	python3
# Debian's rules take no commas in an option, so these are the buses alone.
options='nocheck dpdk_config_options=-Denable_drivers=bus/*'
[ "${2:-}" != all ] || options=nocheck
# Open vSwitch has EAL work in memory without files, which takes hugepages.
pages=/proc/sys/vm/nr_hugepages
had=$(cat "$pages")
sudo=
[ -w "$pages" ] || sudo=sudo
[ -z "$sudo" ] || command -v sudo >/dev/null ||
	die "run as root: Open vSwitch needs 64 hugepages of 2 MB, for a moment"

hugepages() {
	echo "$1" | $sudo tee "$pages" >/dev/null
}

library() {
	ls "$BUILD"/packages/libvftoken1_*.deb || "$SOURCE/devtools/checks/packages.sh" "$BUILD/packages"
}

source_package() {
	rm -rf "$build/use" && mkdir "$build/use" && PYTHONPATH=$SOURCE/devtools "$PYTHON" -c '
import sys
import debian
with debian.locked("apt"):
    debian.Apt("deb-src").run("apt-get", "source", "--download-only", "dpdk", cwd=sys.argv[1])
' "$build/use" && dpkg-source --extract "$build"/use/dpdk_*.dsc "$build/use/dpdk" &&
		GIT_AUTHOR_NAME=$check GIT_AUTHOR_EMAIL=$check@localhost \
			"$SOURCE/devtools/dpdk/debian_source.py" "$build/use/dpdk"
}

clean_root() {
	cp "$SOURCE/devtools/checks/use-debian-dpdk.sh" "$BUILD"/packages/libvftoken1_*.deb \
		"$BUILD"/packages/libvftoken-dev_*.deb "$build/use" && root_settings &&
		codename=$(. /etc/os-release && echo "$VERSION_CODENAME") &&
		hugepages "$((had < 64 ? 64 : had))" || return
	# shellcheck disable=SC2016 # the hook's own
	OPTIONS=$options mmdebstrap --aptopt="$build/apt.conf" --dpkgopt=force-unsafe-io --format=null \
		--variant=apt --include=build-essential \
		--customize-hook="copy-in '$build/use' /" \
		--customize-hook='DEB_BUILD_OPTIONS=$OPTIONS chroot "$1" sh /use/use-debian-dpdk.sh /use' \
		"$codename" /dev/null "$build/sources.list"
}

trap 'hugepages "$had"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
step "libvftoken's packages" library
step "Debian's source package, with VF tokens" source_package
step 'built, used and downgraded in a clean root' clean_root
