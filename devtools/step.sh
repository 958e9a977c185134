# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# What fuzz.sh and the check-*.sh have in common; they source it after prepare.sh. For step, they set
# check, their name, and log, a file.
# shellcheck shell=sh disable=SC2154 # those two

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
