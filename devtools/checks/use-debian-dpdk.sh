#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# use-debian-dpdk.sh FOLDER
# In a root of its own, in which debian_dpdk.sh starts it: builds the source package of FOLDER, and
# uses the packages under Debian's Open vSwitch.

set -eu
cd "$1"
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
export OVS_RUNDIR="$PWD/run" OVS_DBDIR="$PWD/run"
database=unix:$PWD/run/db.sock

die() {
	echo "use-debian-dpdk.sh: $*" >&2
	exit 1
}

apt() {
	apt-get --quiet --yes --no-install-recommends "$@"
}

# stop PROGRAM: ends a daemon of ours, and waits for its end, as it frees its hugepages then.
stop() {
	[ -e "run/$1.pid" ] || return 0
	pid=$(cat "run/$1.pid")
	ovs-appctl --timeout=10 --target="$PWD/run/$1.ctl" exit || :
	timeout 30 tail --pid="$pid" -f /dev/null || die "$1 doesn't end"
}

# vswitch SAYS OPTION: starts Open vSwitch with this option of EAL, and looks for words in its log.
vswitch() {
	rm -rf run
	mkdir run
	ovsdb-tool create run/conf.db /usr/share/openvswitch/vswitch.ovsschema
	ovsdb-server --detach --pidfile="$PWD/run/ovsdb-server.pid" \
		--unixctl="$PWD/run/ovsdb-server.ctl" --remote="p$database" "$PWD/run/conf.db"
	ovs-vsctl --no-wait --db="$database" set Open_vSwitch . other_config:dpdk-init=true \
		other_config:dpdk-extra="-m 64 --no-pci $2"
	/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk --detach \
		--pidfile="$PWD/run/ovs-vswitchd.pid" --unixctl="$PWD/run/ovs-vswitchd.ctl" \
		--log-file="$PWD/run/log" "$database" || : # EAL refuses the option, and ends it.
	stop ovs-vswitchd
	stop ovsdb-server
	cat run/log
	grep -q "$1" run/log || die "Open vSwitch's log doesn't say '$1'"
}

both() {
	vswitch 'DPDK Enabled - initialized' ''
	vswitch "$1" '--vfio-vf-token=0000:01:00.0=not-a-token'
}

built=$(dpkg-parsechangelog -l dpdk/debian/changelog -S Version)
stock=${built%+vftoken*}
apt install ./libvftoken*.deb
apt build-dep -P nodoc ./dpdk
(cd dpdk && dpkg-buildpackage --build=binary --build-profiles=nodoc --jobs="$(nproc)" --no-sign)

apt install openvswitch-switch-dpdk
[ "$(dpkg-query -W -f '${Version}' librte-eal23)" = "$stock" ] || die "stock DPDK isn't $stock"
both 'invalid parameters for --vfio-vf-token'
# Those that are installed, of all.
apt install --only-upgrade ./librte-*+vftoken1_*.deb
ldd /usr/lib/*/librte_eal.so.23 | grep -q 'libvftoken\.so\.1 => /' || die 'EAL has no libvftoken'
both '\[uuid_length\]'
# shellcheck disable=SC2046 # names of packages
apt install --only-upgrade --allow-downgrades $(dpkg-query -W -f "\${Package}=$stock\n" 'librte-*')
vswitch 'DPDK Enabled - initialized' ''
