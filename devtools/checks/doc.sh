#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# doc.sh [BUILD-FOLDER]
# Builds the guides, with warnings as errors, and checks the links of guides and READMEs, without a
# network; measures in a browser that nothing of the guides is cut off. What the guides tell people
# to type is tested by tests/guides_test.py.

set -eu
. "$(dirname "$0")/head.sh"
# shellcheck disable=SC2086 # lists of words
begin "${1:-$BUILD/guides}" 'to build the guides' $PACKAGES_BUILD $PACKAGES_DOC \
	$PACKAGES_BROWSER

guides() {
	set -- -Ddpdk=disabled "$build/meson" "$SOURCE"
	[ ! -e "$build/meson/build.ninja" ] || set -- --reconfigure "$@"
	"$MESON" setup "$@" && ninja -C "$build/meson" doc
}

links() {
	"$PYTHON" "$SOURCE/devtools/checks/doc_links.py"
}

layout() {
	"$PYTHON" "$SOURCE/devtools/checks/doc_layout.py" "$build/meson/doc/guides/html"
}

step 'guides, with Sphinx and Doxygen' guides
step 'links of guides and READMEs' links
step 'layout of the guides, in Chromium' layout
echo "$check: the guides are $build/meson/doc/guides/html/index.html"
