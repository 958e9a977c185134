#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# version.sh RELEASE
# Prints the version of this tree: in a git checkout that has a release's tag, the tag without its v,
# with the number of commits since and the last commit; else RELEASE.

set -eu
source=$(cd "$(dirname "$0")/.." && pwd -P)

# Not the tags of a repository that this tree is only a part of.
if top=$(git -C "$source" rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$source" ] &&
	tag=$(git -C "$source" describe --match 'v[0-9]*' 2>/dev/null); then
	echo "${tag#v}"
else
	echo "$1"
fi
