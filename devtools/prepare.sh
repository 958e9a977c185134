# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# What the scripts here and in checks/ have in common; they source it. Sets SOURCE and BUILD.
# shellcheck shell=sh disable=SC2034 # what is set is for them

SOURCE=$(cd "$(dirname "$0")" && pwd)
SOURCE=${SOURCE%/devtools*}
BUILD=${BUILD:-$SOURCE/build}
# Debian's own, as its Meson and pexpect are for this one; DPDK's build takes the first in PATH.
PYTHON=/usr/bin/python3
export PATH="/usr/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1
MESON=/usr/bin/meson

PACKAGES_BENCH='binutils git python3-matplotlib'
PACKAGES_BROWSER='chromium chromium-driver python3-selenium'
PACKAGES_BUILD='gcc libc6-dev libcmocka-dev libjson-c-dev libnuma-dev meson ninja-build patch pkg-config
	python3 python3-pyelftools uuid-dev xz-utils'
# The same by Fedora's names.
PACKAGES_FEDORA='gcc json-c-devel libcmocka-devel libuuid-devel meson ninja-build numactl-devel patch
	pkgconf-pkg-config python3 python3-pyelftools xz'
PACKAGES_CONTAINER='buildah mmdebstrap uidmap'
PACKAGES_FETCH='ca-certificates dpkg-dev'
PACKAGES_LAB='cpio python3-pexpect zstd'
PACKAGES_CROSS='gcc-aarch64-linux-gnu qemu-user'
PACKAGES_DEBIAN='debhelper lintian mmdebstrap uidmap'
PACKAGES_DOC='doxygen graphviz python3-breathe python3-sphinx python3-sphinx-rtd-theme'
PACKAGES_KERNEL='bc bison flex libelf-dev make patch xz-utils'
PACKAGES_STATIC='abigail-tools clang-format clang-tidy codespell cppcheck flake8 mypy shellcheck
	yamllint'
PACKAGES_UNIT='clang gcovr libclang-rt-dev valgrind'
PACKAGES_TEST='g++ libpciaccess-dev libtap-harness-junit-perl make man-db python3-kubernetes
	python3-pytest python3-pytest-xdist python3-yaml spin systemd zsh'

# DPDK's libraries that neither testpmd nor the examples need, a fifth of the build.
DPDK_LEFT_OUT=bitratestats,cfgfile,flow_classify,gpudev,gro,gso,jobstats,kni,latencystats,node,pdump
DPDK_LEFT_OUT=$DPDK_LEFT_OUT,pipeline,port,power,table,vhost

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# The comment at the script's head is its help.
usage() {
	sed -n '5,/^$/s/^# \{0,1\}//p' "$0"
	exit 0
}

say() {
	echo "== $*"
}

# The scripts that boot the lab, or run all checks, are for Debian.
debian_only() {
	system=$(. /etc/os-release && echo "${ID:-} ${PRETTY_NAME:-}") 2>/dev/null || system=
	case "$system" in
	'debian '*) return ;;
	esac
	system=${system#* }
	install="apt-get install $PACKAGES_BUILD"
	command -v apt-get >/dev/null || install="dnf install $PACKAGES_FEDORA"
	# shellcheck disable=SC2086 # words, without line ends
	set -- $install
	die "this takes packages, QEMU and kernels from Debian 12 or 13, and this is" \
		"${system:-an unknown system}; use a Debian, or the image of Containerfile." \
		"To build and install without tests: $*, then as in doc/guides/getting_started.rst"
}

# need WHY PACKAGE...: install those of the packages that are missing.
need() {
	why=$1
	shift
	missing=
	for package; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
		[ "$state" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	say "needed $why and missing:$missing"
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "run as root: apt-get install$missing"
		sudo=sudo
	fi
	say "installing with apt"
	# shellcheck disable=SC2086 # a list of words
	$sudo apt-get -qq update &&
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install \
			--no-install-recommends $missing </dev/null >/dev/null ||
		die "apt could not install$missing; see its message above"
}

# A read-only source folder can't take DPDK below subprojects/, so it is built from a copy.
writable_source() {
	mkdir -p "$BUILD" 2>/dev/null && [ -w "$BUILD" ] ||
		die "cannot write the build folder '$BUILD'; name another with BUILD=FOLDER"
	BUILD=$(cd "$BUILD" && pwd)
	if [ -w "$SOURCE/subprojects" ]; then
		return
	fi
	copy_source "$BUILD/source"
	SOURCE=$BUILD/source
}

# Show a log's last line on the terminal for as long as a process writes it.
watch_log() {
	[ -t 1 ] || return 0
	while kill -0 "$2" 2>/dev/null; do
		printf '\r\033[K%s' "$(tail -n 1 "$1" | cut -c "-$(($(tput cols 2>/dev/null || echo 80) - 1))")"
		sleep 0.5
	done
	printf '\r\033[K'
}

# A copy of the source in FOLDER, so that its subprojects are its own.
copy_source() {
	mkdir -p "$1"
	tar -C "$SOURCE" --exclude=./.git --exclude='./build*' --exclude='./subprojects/dpdk-*/*' \
		--exclude=./subprojects/packagecache -cf - . | tar -C "$1" --no-same-permissions \
		--mode=u+w -xf -
}

# build_dpdk FOLDER static|shared [VERSION|TREE [CROSS-FILE]]: libvftoken and DPDK with testpmd, for this
# machine's architecture or that of Meson's cross file.
build_dpdk() {
	cross=${4:+--cross-file=$4}
	log=$1/build.log
	source=$SOURCE
	wrap=$SOURCE/subprojects/dpdk-${3:-22.11}.wrap
	mkdir -p "$1"
	if [ -d "${3:-}" ]; then
		source=$1/source
		wrap=
		copy_source "$source"
		set -- "$1" "$2" "-Ddpdk_source=$(cd "$3" && pwd)" dpdk-source
	else
		"$PYTHON" "$SOURCE/devtools/dpdk/fetch.py" "$wrap" || die "no DPDK to build; see above"
		set -- "$1" "$2" "-Ddpdk_version=${3:-22.11}" "dpdk-${3:-22.11}"
	fi
	say "building DPDK and dpdk-testpmd, $2, with ${CC:-gcc} (its log: $log)"
	{
		if [ -e "$1/build.ninja" ]; then
			"$MESON" setup --reconfigure "$3" "-D$4:disable_libs=$DPDK_LEFT_OUT" "$1" "$source"
		else
			"$MESON" setup ${cross:+"$cross"} -Ddefault_library="$2" "$3" \
				"-D$4:disable_libs=$DPDK_LEFT_OUT" "$1" "$source"
		fi && ninja -C "$1"
	} >"$log" 2>&1 &
	watch_log "$log" $!
	wait $! || {
		tail -n 30 "$log" >&2
		die "the build failed; its whole log is $log"
	}
	[ -z "$wrap" ] || "$PYTHON" "$SOURCE/devtools/dpdk/fetch.py" --built "$wrap"
}
