# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# What the check-*.sh have in common; they source it, and set check, their name, and log, a file.
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
