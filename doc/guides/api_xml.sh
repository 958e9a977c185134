#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors

# Usage: api_xml.sh XML-FOLDER HEADER...
# Writes what the headers document as Doxygen's XML, for api.rst.

set -eu

xml=$1
shift
{
	cat "$(dirname "$0")/Doxyfile"
	echo "OUTPUT_DIRECTORY = \"$(dirname "$xml")\""
	echo "XML_OUTPUT = \"$(basename "$xml")\""
	for header; do
		echo "INPUT += \"$header\""
	done
} | doxygen -
# Doxygen takes it for a link, which Breathe leaves out of code.
sed -i 's,<ulink url="file:PATH">file:PATH</ulink>,file:PATH,' "$xml"/*.xml
