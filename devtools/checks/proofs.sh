#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# proofs.sh [BUILD-FOLDER]
# Proves libvftoken's proofs (PROOF in *_proof.c) with CBMC, two at a time. CBMC is Debian 13's, which
# is unpacked in the cache with its C library and not installed.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/proofs}" 'to prove libvftoken' $PACKAGES_BUILD $PACKAGES_FETCH

# The longest takes a minute and a half of a processor, but others may be at work.
export LIMIT=1200

# Debian 13's loader takes the path of its libraries as an argument. CBMC runs the machine's own gcc,
# which must not inherit it.
prover() {
	root=$("$PYTHON" "$SOURCE/devtools/debian.py" unpack --release trixie \
		--architecture "$(dpkg --print-architecture)" cbmc cbmc) || return
	libraries=$(echo "$root"/usr/lib/*-linux-gnu)
	cat >"$build/cbmc" <<-END
		#!/bin/sh
		exec "$(echo "$libraries"/ld-linux-*.so.*)" --library-path "$libraries:$root/usr/lib" \
			"$root/usr/bin/cbmc" "\$@"
	END
	chmod +x "$build/cbmc" && "$build/cbmc" --version
}

# Each PROOF(NAME, TURNS[, "LOOP:TURNS"]) as a line: its file and what is in the parentheses. Those
# whose loops turn most come first, as most of them take longest.
proofs() {
	grep '^PROOF(' lib/vftoken/*_proof.c | tr -d ' ")' | tr ':(,' ' ' | cut -d ' ' -f 1,3- |
		sort -k 3 -rn
}

# CBMC fails, too, when a loop may turn more often, or a function has no body.
prove() {
	cd "$SOURCE" && proofs >"$build/proofs" && [ -s "$build/proofs" ] || return
	# shellcheck disable=SC2016 # the inner shell's own
	xargs -L 1 -P 2 sh -c '
		timeout --foreground "$LIMIT" "$0/cbmc" --c11 -D_GNU_SOURCE -D__NO_CTYPE -Ilib \
			--drop-unused-functions --pointer-overflow-check --function "prove_$2" \
			--unwind "$3" ${4:+--unwindset "$4:$5"} "$1" >"$0/$2.log" 2>&1 && exit
		status=$?
		grep -v ": SUCCESS$" "$0/$2.log" | tail -n 40
		echo "$1: $2: CBMC ended with $status"
		exit 255
	' "$build" <"$build/proofs"
}

step 'CBMC' prover
step 'proofs, with CBMC' prove
