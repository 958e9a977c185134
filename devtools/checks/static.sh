#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# static.sh [BUILD-FOLDER]
# Checks what shows without a run: licences, spelling, shell, Python, YAML and C, and what the shared
# library exports. The checks of C are chosen in .clang-tidy and below.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/static}" 'for the static checks' $PACKAGES_BUILD $PACKAGES_STATIC
files=$build/files
jobs=$(nproc)
cd "$SOURCE"

# All that is in the tree, but for what is built or downloaded, and the inputs of fuzzers.
find . \( -type d \( -name '.?*' ! -name .ci ! -name .github -o -name __pycache__ \
	-o -path './build*' -o -path './examples/*/build' \
	-o -path './subprojects/*' ! -path './subprojects/packagefiles*' \
	-o -path ./lib/vftoken/corpus \) -prune \) -o -type f ! -name .git -print | sed 's,^\./,,' | sort >"$files"

# files_of EXTENSION INTERPRETER: those that their name or their first line says are of a kind.
files_of() {
	# shellcheck disable=SC2016 # awk's own variable
	xargs awk -v name="[.]$1\$" -v line="^#!.*/$2\$" \
		'FILENAME ~ name || $0 ~ line { print FILENAME } { nextfile }' <"$files"
}

# Texts for people, pictures, figures and lists of names have none; a patch is under its target's
# licence.
licences() {
	grep -vE -e '^LICENSES/|[.](abi|codespell|gitignore|json|md|patch|svg|wrap)$' \
		-e '^debian/(changelog|copyright|source/format)$' \
		-e '^kernel-patches/.*/0000-cover-letter[.]txt$' "$files" | {
		bad=0
		while read -r file; do
			case "$file" in
			kernel-patches/*) licence=GPL-2.0-only ;;
			*) licence=BSD-3-Clause ;;
			esac
			top=$(head -n 3 "$file")
			echo "$top" | grep -Eq "SPDX-License-Identifier: $licence( |\$)" &&
				echo "$top" | grep -q 'Copyright(c) ' && continue
			echo "$file: no 'SPDX-License-Identifier: $licence' and 'Copyright(c)' on top"
			bad=1
		done
		return "$bad"
	}
}

# words.codespell is our own dictionary. It may have phrases, which are found within one line only.
# The lists themselves are not checked: the dictionary, and the table in CONTRIBUTING.md.
spelling() {
	words=devtools/checks/words.codespell
	phrases=$(sed -n 's/^\(.* .*\)->.*/\1/p' "$words" | paste -sd '|') &&
		grep -h -e '->' -e '^|' "$words" CONTRIBUTING.md >"$build/words" || return
	# The kernel's patches have its text cut off around ours, which checkpatch reads.
	grep -v '^kernel-patches/.*[.]patch$' "$files" |
		xargs codespell --dictionary=- --dictionary="$words" --exclude-file="$build/words" \
			--regex="(?i:$phrases)\\b|[\\w'-]+"
}

# SC2015: "A && B || die" means what it does.
shell() {
	files_of '(ba)?sh' '(ba)?sh' |
		xargs shellcheck --external-sources --source-path=SCRIPTDIR --exclude=SC2015
}

# E101, W191: the scripts for guests, which are texts in Python, are indented with tabs.
python() {
	files_of py python3 | xargs flake8 --max-line-length=100 --extend-ignore=E101,W191
}

# YAML 1.1 takes a workflow's "on" for true.
yaml() {
	rules='document-start: disable, line-length: {max: 100}, truthy: {check-keys: false}'
	grep '[.]ya\{0,1\}ml$' "$files" |
		xargs yamllint --strict --config-data "{extends: default, rules: {$rules}}"
}

# The tools and what the tests have in common; the tests themselves, and their fixtures, name no
# types. pexpect has none either. Without .py, all commands are one module for mypy, unless alone.
types() {
	export MYPYPATH=devtools:dts:tests
	set -- mypy --cache-dir="$build/mypy" --ignore-missing-imports
	grep '[.]py$' "$files" | grep -vE '_test[.]py$|/fixtures[.]py$' | xargs "$@" &&
		files_of py python3 | grep -v '[.]py$' | xargs -n 1 "$@"
}

# configure FOLDER OPTION...
configure() {
	name=$1
	shift
	export CC=gcc
	set_up "$build/$name" --buildtype=debug "$@" && ninja --quiet -C "$build/$name" build.ninja
}

# Only what is installed is checked: a test may use what it didn't check, as it fails either way.
# fd-leak: a case of dpdk-test-vftoken is a process that ends with its files open. malloc-leak: gcc
# 12 loses what is put into a list; clang-tidy looks for leaks, too. What Meson itself writes is no
# target.
analyzer() {
	configure analyzer -Ddefault_library=shared \
		-Dc_args='-fanalyzer -Wno-analyzer-fd-leak -Wno-analyzer-malloc-leak' || return
	targets=$("$MESON" introspect --installed "$build/analyzer" | tr ',' '\n' |
		sed -n "s,^[ {]*\"$build/analyzer/\([^\"]*\)\":.*,\1,p" | grep -v -e ^meson- -e /_dpdk-vftoken) || return
	# shellcheck disable=SC2086 # a list of words
	ninja --quiet -C "$build/analyzer" $targets
}

# The list of exports, what is exported, and what the installed headers declare must be the same.
symbols() {
	installed=$build/analyzer/installed
	rm -rf "$installed" &&
		DESTDIR=$installed "$MESON" install -C "$build/analyzer" --no-rebuild --quiet &&
		include=$(find "$installed" -type d -path '*/include/vftoken') || return
	# Each node of versions is a symbol, too, and a name's version stands behind it.
	sed -n 's/^\t\(.*[^*]\);$/\1/p' lib/vftoken/version.map >"$build/listed" &&
		nm -D --defined-only "$build/analyzer/libvftoken.so" |
		sed -e '/ A VFTOKEN_/d' -e 's/.* //' -e 's/@.*//' | LC_ALL=C sort >"$build/exported" || return
	printf '#include "%s"\n' "$include"/*.h |
		gcc -fsyntax-only -I "${include%/vftoken}" -aux-info "$build/prototypes" -x c - &&
		sed -n "s,^/\* ${installed}[^ ]* \*/ [^(]*[ *]\([a-z0-9_]*\) (.*,\1,p" "$build/prototypes" |
		LC_ALL=C sort -u >"$build/declared" || return
	diff -u --label version.map "$build/listed" --label libvftoken.so "$build/exported" &&
		diff -u --label version.map "$build/listed" --label headers "$build/declared"
}

# What programs built with the last release rely on must stay. abidw wrote the file from that release.
# A release that adds to the ABI writes it again; one that breaks it has a new soname and a new file.
abi() {
	abidiff --no-added-syms --suppressions lib/vftoken/opaque.abignore \
		lib/vftoken/libvftoken.so.1.abi "$build/analyzer/libvftoken.so"
}

# Other versions break lines in other places.
formatting() {
	clang-format --version | grep -q ' version 14[.]' || {
		echo 'skipped: .clang-format is for clang-format 14, which Debian 12 has'
		return
	}
	# The glue and DPDK's unit test are in DPDK's own style.
	grep '[.][ch]$' "$files" | grep -v '^app/test/\|^lib/eal/' | xargs clang-format --dry-run -Werror
}

# A fuzz target is a list of assertions, which is built for clang only; a proof is read by CBMC only.
c_files() {
	grep '[.]c$' "$files" | grep -v '_fuzz\|/fuzz_\|_proof'
}

# It reads no system header, so it is told of uuid_t and _Noreturn; VFTOKEN_VERSION is the build's.
# va_end_missing: a function that doesn't return needs none.
cppcheck_c() {
	c_files | xargs cppcheck --quiet -j "$jobs" --enable=warning,performance,portability \
		--error-exitcode=1 --suppress=normalCheckLevelMaxBranches \
		--suppress=va_end_missing --include=/usr/include/uuid/uuid.h \
		'-D_Noreturn=__attribute__((noreturn))' '-DVFTOKEN_VERSION=""' -D_GNU_SOURCE -Ilib
}

# What clang-tidy finds in a file depends on, but for that file: how it is run, the headers, and what
# is installed, as the tool itself and the system's headers are.
tidy_on() {
	sha256sum .clang-tidy devtools/checks/static.sh "$build/database/compile_commands.json" &&
		grep '[.]h$' "$files" | xargs sha256sum && dpkg-query -W
}

# tidy [OPTION]: what it finds in the C files on its input. One that passed isn't read again as long as
# nothing changes that the result depends on.
tidy() {
	mkdir -p "$build/tidied" || return
	# shellcheck disable=SC2016 # the inner shell's own
	xargs -n 1 -P "$jobs" sh -c '
		stamp=$0/tidied/$(echo "$3" | tr / _)
		now=$(echo "$1 $2 $3" | cat - "$3" | sha256sum)
		[ "$(cat "$stamp" 2>/dev/null)" != "$now" ] || exit 0
		clang-tidy --quiet -p "$0/database" ${2:+"$2"} "$3" && echo "$now" >"$stamp"
	' "$build" "$(tidy_on | sha256sum)" "${1:-}" 2>"$build/tidy" && return
	grep -v ' generated[.]$' "$build/tidy"
	return 1
}

# The analyzer is for what is installed only; see above. Examples, the glue and a suite need DPDK,
# with which they are built elsewhere.
tidy_c() {
	configure database &&
		c_files | grep -v '_test\|/test_\|^app/test/\|^dts/\|^examples/\|^lib/eal/\|^subprojects/\|^tests/' | tidy &&
		c_files | grep -v '^app/test/' | grep '_test\|/test_' | tidy '--checks=-clang-analyzer-*'
}

step 'licence and copyright lines' licences
step 'spelling, with codespell' spelling
step 'shell, with shellcheck' shell
step 'Python, with flake8' python
step "Python's types, with mypy" types
step 'YAML, with yamllint' yaml
step 'C, with gcc -fanalyzer' analyzer
step 'what the shared library exports' symbols
step 'the ABI of the last release, with abidiff' abi
step 'C, with clang-format' formatting
step 'C, with cppcheck' cppcheck_c
step 'C, with clang-tidy' tidy_c
