# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# What the checks have in common; they source it.
# shellcheck shell=sh disable=SC2034 # what is set is for them

. "$(dirname "$0")/../prepare.sh"

check=$(basename "$0" .sh)

# begin FOLDER WHY PACKAGE...: sets build to the build folder, made if need be, and log to a file in
# it; installs what is missing of the packages. If FOLDER, the check's first argument, is --help, helps.
begin() {
	case "$1" in
	-h | --help) usage ;;
	-*) die "'$1' isn't an option; see --help" ;;
	esac
	folder=$1
	shift
	need "$@"
	mkdir -p "$folder"
	build=$(cd "$folder" && pwd)
	log=$build/check-$check.log
}

# step WHAT COMMAND...: one line for a step; its output only if it fails. `set -e` doesn't reach in.
step() {
	what=$1
	shift
	if ! "$@" > "$log" 2>&1; then
		cat "$log"
		echo "$check: $what: failed"
		exit 1
	fi
	echo "$check: $what: passed"
}

# set_up FOLDER OPTION...: a build of all but DPDK, set up with Meson, which takes seconds, only if it
# wasn't with these options and this Meson. What else changes, Ninja finds.
set_up() {
	folder=$1
	shift
	how="$(dpkg-query -W meson) $SOURCE $*"
	# Ninja, when it is ended while it runs Meson, leaves no build.ninja.
	[ -e "$folder/build.ninja" ] && [ "$(cat "$folder/set-up-with" 2>/dev/null)" = "$how" ] && return
	[ ! -e "$folder/meson-private/coredata.dat" ] || set -- --reconfigure "$@"
	"$MESON" setup -Ddpdk=disabled "$@" "$folder" "$SOURCE" &&
		printf '%s\n' "$how" >"$folder/set-up-with"
}

# What a root's apt needs to know of this machine's, for mmdebstrap: its mirrors, in sources.list in the
# build folder, and its way to them, in apt.conf there.
root_settings() {
	apt-config dump --format '%F "%v";%n' Acquire::http::Proxy Acquire::https::Proxy \
		>"$build/apt.conf" &&
		PYTHONPATH=$SOURCE/devtools "$PYTHON" -c 'import debian
print(*(entry.line("deb") for entry in debian.machine_entries()), sep="\n")' >"$build/sources.list"
}
