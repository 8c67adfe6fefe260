# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Build the module for kernels that are configured otherwise than a distribution's.
# Sourced by tests/host/lint.

# Each row has a name and the options that differ from tests/host/matrix.config. "smallest"
# has nothing that the module can be without. "linked" is the same kernel, but built as a
# whole, which takes minutes and is for `make lint-matrix`: only with the kernel's exports
# is it known whether the module lacks one.
matrix_rows() {	# [whole]
	cat <<-END
		smallest
		all
		no-netfilter NETFILTER=n
		no-xfrm XFRM=n XFRM_USER=n INET_ESP=n INET_AH=n
		no-esp INET_ESP=n
		no-mpls MPLS=n
		no-fou NET_FOU=n NET_FOU_IP_TUNNELS=n
		no-ipv6 IPV6=n
		no-netns NET_NS=n
		no-multipath IP_ROUTE_MULTIPATH=n
		no-smp SMP=n
		rt PREEMPT_RT=y
	END
	# Another architecture's compiler makes 64 bits only.
	[ "$(uname -m)" != x86_64 ] || echo "32-bit 64BIT=n"
	[ "${1:-}" != whole ] || echo linked
}

# The versions of Linux whose source is there, the newest last.
matrix_versions() {
	find /usr/src -name 'linux-source-*.tar.*' |
		sed -n 's,.*/linux-source-\(.*\)\.tar\..*,\1,p' | sort -V
}

matrix_make() {	# SOURCE FOLDER [ARGUMENT...]
	local arch=()

	# With this name 32 bits are an option of the configuration.
	[ "$(uname -m)" != x86_64 ] || arch=(ARCH=x86)
	make -s -C "$1" O="$2" "${arch[@]}" -j"$(nproc)" "${@:3}"
}

# The options of a row, each once.
matrix_options() {	# NAME [OPTION=VALUE...]
	local name=$1
	shift

	{
		printf 'CONFIG_%s\n' "$@" 64BIT=y MODULES=y NET=y INET=y NET_IPIP=m
		[ "$name" = smallest ] || [ "$name" = linked ] ||
			grep '^CONFIG_' tests/host/matrix.config
	} | awk -F= '$2 && !seen[$1]++'
}

# Is an option what the row wants? One that has another name in this version isn't, nor one
# that another option selects, and the row would be the same as another one.
matrix_configured() {	# OPTION=VALUE FOLDER
	if [[ $1 == *=n ]]; then
		! grep -q "^${1%n}" "$2/.config"
	else
		grep -qx "$1" "$2/.config"
	fi || echo "$1 is not possible"
}

# Configure a kernel, and build what is needed to build modules for it.
matrix_prepare() {	# SOURCE FOLDER NAME [OPTION=VALUE...]
	local source=$1 folder=$2 wrong
	shift 2

	matrix_options "$@" > "$folder/options"
	matrix_make "$source" "$folder" KCONFIG_ALLCONFIG="$folder/options" allnoconfig || return 1
	# Without NETFILTER there is no NF_CONNTRACK either.
	if [ $# = 1 ]; then
		wrong=$(while read -r option; do matrix_configured "$option" "$folder"; done < "$folder/options")
	else
		wrong=$(for option in "${@:2}"; do matrix_configured "CONFIG_$option" "$folder"; done)
	fi
	[ -z "$wrong" ] || { echo "$wrong"; return 1; }
	matrix_make "$source" "$folder" modules_prepare || return 1
	[ "$1" = linked ] || return 0
	echo "# building a small Linux: takes some minutes, once" >&3
	matrix_make "$source" "$folder" vmlinux modules
}

# Say what is wrong with the module in one row. File descriptor 3 is for what isn't wrong.
matrix_check() {	# VERSION NAME [OPTION=VALUE...]
	local source kernel hash target=ipip.o work=$PWD/build/lint/$2

	source=$(vm_source "$1") || return
	hash=$({ echo "$source"; cat tests/host/matrix.sh; matrix_options "${@:2}"; } | sha256sum)
	# shellcheck disable=SC2154 # tests/host/vm.sh says where
	kernel=$vm_cache/matrix-$1-$2-${hash:0:12}
	[ -e "$kernel" ] || rm -rf "$vm_cache/matrix-$1-$2"-*
	vm_once "$kernel" matrix_prepare "$source" "$kernel" "${@:2}" ||
		{ echo "the kernel can't be prepared"; return; }
	[ "$2" != linked ] || target=modules
	vm_module "$kernel" "$work" W=1 -j"$(nproc)" $target
	# 32 bits: a division that the compiler leaves to its library.
	nm -u "$work/ipip.o" | grep -E '__u?(div|mod)[sd]i3'
}
