# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# Completion of dpdk-vftoken for bash.

# _dpdk_vftoken_devices FILE...: the BDFs of the PCI devices that have one of the files in sysfs.
_dpdk_vftoken_devices() {
	local folder file
	for folder in /sys/bus/pci/devices/*; do
		for file; do
			[ -e "$folder/$file" ] && echo "${folder##*/}"
		done
	done
}

# _dpdk_vftoken_sources WORD: the sources that begin with it.
_dpdk_vftoken_sources() {
	case $1 in
	file:*) compgen -P file: -f -- "${1#file:}" ;;
	env:*) compgen -P env: -A export -- "${1#env:}" ;;
	*) compgen -W 'file: env: fd:' -- "$1" ;;
	esac
}

# _dpdk_vftoken_words WORD COMMAND ARGUMENT...: what may stand where the word stands.
_dpdk_vftoken_words() {
	local word=$1 total
	shift
	case $#/$1/$word in
	0/*) compgen -W 'status generate set enable disable check help --help --version' -- "$word" ;;
	*/status/-*) compgen -W '--json --help' -- "$word" ;;
	*/generate/-*) compgen -W '--output --help' -- "$word" ;;
	*/-*) compgen -W '--help' -- "$word" ;;
	1/help/*) compgen -W 'status generate set enable disable check' -- "$word" ;;
	2/generate/*) [ "$2" != --output ] || compgen -f -- "$word" ;;
	*/status/* | 1/check/*)
		compgen -W "$(_dpdk_vftoken_devices sriov_totalvfs physfn)" -- "$word"
		;;
	1/set/* | 1/enable/* | 1/disable/*)
		compgen -W "$(_dpdk_vftoken_devices sriov_totalvfs)" -- "$word"
		;;
	2/enable/*)
		total=$(cat "/sys/bus/pci/devices/$2/sriov_totalvfs" 2>/dev/null)
		compgen -W "$(seq "${total:-0}")" -- "$word"
		;;
	2/set/* | 2/check/* | 3/enable/*) _dpdk_vftoken_sources "$word" ;;
	esac
}

_dpdk_vftoken() {
	# From the line, as bash cuts its own words at the colons of a BDF.
	local words word reply cut
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}x"
	word=${words[-1]%x}
	mapfile -t COMPREPLY < <(_dpdk_vftoken_words "$word" "${words[@]:1:${#words[@]}-2}")
	case $COMP_WORDBREAKS in
	# It replaces only what is behind the last colon.
	*:*) cut=${word%"${word##*:}"} ;;
	esac
	for reply in "${!COMPREPLY[@]}"; do
		case ${COMPREPLY[reply]} in
		file: | env: | fd:) compopt -o nospace ;;
		file:*) compopt -o filenames ;;
		esac
		COMPREPLY[reply]=${COMPREPLY[reply]#"$cut"}
	done 2>/dev/null
	[ "${words[-2]}" != --output ] || compopt -o filenames 2>/dev/null
}

complete -F _dpdk_vftoken dpdk-vftoken
