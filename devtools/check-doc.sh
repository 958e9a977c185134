#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# check-doc.sh [BUILD-FOLDER]
# Builds the guides, with warnings as errors, and checks the links of guides and READMEs, without
# a network. What the guides tell people to type is tested by dts/guides_test.py.

set -eu
. "$(dirname "$0")/prepare.sh"
. "$(dirname "$0")/step.sh"

case "${1:-}" in
-h | --help) usage ;;
esac
# shellcheck disable=SC2086 # lists of words
need 'to build the guides' $PACKAGES_BUILD $PACKAGES_DOC
mkdir -p "${1:-$BUILD/guides}"
build=$(cd "${1:-$BUILD/guides}" && pwd)
check=doc
log=$build/check-doc.log

guides() {
	set -- -Ddpdk=disabled "$build/meson" "$SOURCE"
	[ ! -e "$build/meson/build.ninja" ] || set -- --reconfigure "$@"
	"$MESON" setup "$@" && ninja -C "$build/meson" doc
}

links() {
	"$PYTHON" "$SOURCE/devtools/doc_links.py"
}

step 'guides, with Sphinx and Doxygen' guides
step 'links of guides and READMEs' links
echo "$check: the guides are $build/meson/doc/guides/html/index.html"
