#compdef dpdk-vftoken
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
#
# Completion of dpdk-vftoken for zsh: what that for bash offers.

local reply
local -a replies

replies=("${(@f)$(bash --norc -c '. "$0" && _dpdk_vftoken_words "$@"' @BASH_COMPLETION@ \
	"$PREFIX" "${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
for reply in $replies; do
	case $reply in
	file: | env: | fd:) compadd -S '' -- $reply ;;
	file:*) [[ -d ${reply#file:} ]] && compadd -S / -- $reply || compadd -- $reply ;;
	*) compadd -- $reply ;;
	esac
done
