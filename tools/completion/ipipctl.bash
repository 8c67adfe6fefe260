# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of ipipctl for bash.

_ipipctl_values() {	# PROPERTY WORD
	case $1 in
	disabled | encap-csum | encap-remcsum | external | require-ipsec | running) echo no yes ;;
	clamp-tcp-mss) echo no yes tx both ;;
	dont-fragment) echo no inherit set legacy ;;
	dscp | ttl) echo inherit ;;
	encap) echo none fou gue ;;
	encap-dport) echo none ;;
	encap-sport | mtu) echo auto ;;
	ipsec-profile) echo none routeros modern ;;
	ipsec-secret-file) compgen -f -- "$2" ;;
	ipsec-state) echo no-sa connecting established no-daemon ;;
	keepalive) echo no 10s,10 ;;
	keepalive-mode) echo cookie routeros icmp ;;
	keepalive-state) echo off up down ;;
	keepalive-target) echo none ;;
	link) echo none /sys/class/net/* | sed 's|/sys/class/net/||g' ;;
	mode) echo ipip mplsip any ;;
	esac
}

_ipipctl_assignments() {
	# The value is still to be typed.
	compopt -o nospace
	ipipctl help properties | sed 's/$/=/'
}

_ipipctl() {
	local line=${COMP_LINE:0:COMP_POINT} word words options=() verb='' i
	local tunnels='' choices='' tail

	COMPREPLY=()
	# Bash has split the words at "=": split them anew, at blanks.
	read -ra words <<< "$line"
	word=
	if [[ $line != *[[:space:]] ]]; then
		word=${words[-1]}
		unset 'words[-1]'
	fi
	for ((i = 1; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		-n | --netns)
			[ -z "${words[i + 1]:-}" ] || options=(-n "${words[i + 1]}")
			((i++))
			;;
		-*) ;;
		*)
			verb=${words[i]}
			break
			;;
		esac
	done

	if [[ ${words[-1]} == -n || ${words[-1]} == --netns ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(ls /run/netns 2> /dev/null)" -- "$word")
		return
	fi
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--json --netns --continue --dry-run --help --version" -- "$word")
		return
	fi
	if [ -z "$verb" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(ipipctl help verbs)" -- "$word")
		return
	fi
	if [[ $word == *=* && $word != numbers=* ]]; then
		# Only what is behind "=" is a word for bash.
		tail=${word#*=}
		mapfile -t COMPREPLY < <(compgen -W "$(_ipipctl_values "${word%%=*}" "$tail")" -- "$tail")
		return
	fi
	# Verbs that act on tunnels name them first.
	[ $((i + 1)) != ${#words[@]} ] ||
		tunnels=$(ipipctl "${options[@]}" find 2> /dev/null | tr ',' '\n')
	case $verb in
	add)
		choices=$(_ipipctl_assignments)
		;;
	set)
		[ -n "$tunnels" ] || choices=$(_ipipctl_assignments)
		;;
	find)
		choices=$(_ipipctl_assignments)
		tunnels=
		;;
	unset | reset | get)
		[ -n "$tunnels" ] || choices=$(ipipctl help properties)
		;;
	print)
		choices='brief detail terse count-only stats where'
		;;
	monitor)
		choices='once interval='
		;;
	export)
		choices='compact verbose where'
		tunnels=
		;;
	help)
		choices=$(ipipctl help verbs)
		tunnels=
		;;
	import | save | restore)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	version)
		return
		;;
	esac
	[[ " ${words[*]} " != *" where "* ]] || choices=$(_ipipctl_assignments)
	mapfile -t COMPREPLY < <(compgen -W "$choices $tunnels" -- "$word")
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

complete -F _ipipctl ipipctl
