#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# use-packages.sh FOLDER
# In a root of its own, in which packages.sh starts it: installs the packages of FOLDER, uses what
# they bring, purges them, and looks for what they left.

set -eu
cd "$1"
export LC_ALL=C

die() {
	echo "use-packages.sh: $*" >&2
	exit 1
}

apt() {
	apt-get --quiet --yes --no-install-recommends "$@"
}

# Packages and files, but for caches, logs and the kernel's.
state() {
	dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n'
	find / -xdev \( -path "$PWD" -o -path /dev -o -path /proc -o -path /sys -o -path /tmp \
		-o -path /var/cache -o -path /var/log -o -path '/var/lib/dpkg/*-old' \) -prune -o -print | sort
}

# use [OPTION]...: a program of somebody else's, with the library.
use() {
	# shellcheck disable=SC2046 # words
	gcc -Wall -Wextra -Werror -o use use.c $(pkg-config --cflags --libs libvftoken) "$@" && ./use
}

state >before
apt install ./*.deb
version=$(dpkg-query -W -f '${source:Upstream-Version}' libvftoken1)
for command in dpdk-vftoken dpdk-test-vftoken; do
	[ "$("$command" --version)" = "$command $version" ] || die "$command isn't $version"
	"$command" --help >/dev/null
	gzip -t "/usr/share/man/man8/$command.8.gz"
done
# dpdk-test-vftoken has the raw calls inside, and needs none.
ldd "$(command -v dpdk-vftoken)" | grep -q 'libvftoken\.so\.1 => /' ||
	die "dpdk-vftoken doesn't use the shared library"
dpdk-vftoken generate --output token
[ "$(stat -c %a token)" = 600 ] || die "not only its owner may read the token's file"
dpdk-test-vftoken --list | grep -q '^group/vf/right: ' || die 'a case is missing'
bash -c '. /usr/share/bash-completion/completions/dpdk-vftoken && complete -p dpdk-vftoken'
dpdk-vftoken-doctor --help | grep -q '^usage: ' || die "the doctor doesn't start"
dpdk-vftoken-doctor >doctor || [ $? -eq 1 ] || die 'the doctor fails'
grep -q '^missing: ' doctor || die "the doctor doesn't find that this root has no DPDK"
pf_daemon 2>&1 | grep -q '^usage: ' || die "pf_daemon doesn't start"
examples=/usr/share/doc/dpdk-vftoken-examples/examples
for file in systemd/pf-daemon@.service kubernetes/pf-owner.yaml pf_daemon/Makefile; do
	[ -e "$examples/$file" ] || die "the example $file is missing"
done
html=/usr/share/doc/dpdk-vf-token-doc/html
grep -q '<title>dpdk-vf-token' "$html/index.html" || die 'the guides are missing'
[ -e "$html/_static/js/theme.js" ] || die "the guides' theme is missing"
grep -q ' /usr/share/bash-completion/completions/dpdk-vftoken ' \
	/usr/share/zsh/vendor-completions/_dpdk-vftoken || die "zsh's completion doesn't find bash's"
cat >use.c <<-END
	#include <vftoken/pf.h>
	int main(void) { return vftoken_pf_reload_token(vftoken_context_process(), NULL) == 0; }
END
use
use -static

apt purge --auto-remove dpdk-vftoken dpdk-test-vftoken libvftoken-dev libvftoken1 \
	dpdk-vftoken-examples dpdk-vf-token-doc
state >after
diff before after || die 'the packages leave something, or take something with them; see above'
