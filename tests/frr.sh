# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# FRR for the tests that need it. $FRR is a folder with a Debian root that has FRR. Sourced after lib.sh.

root=$WORK/root

# Ends the test file with a skip unless FRR can be used.
frr_needed() {	# NAME WHY-NOT-IN-TREE
	if [ -z "${FRR:-}" ]; then
		skip "$1" "FRR runs in make check-field only"
		exit
	fi
	if [ "$IPIP" = in-tree ]; then
		skip "$1" "$2"
		exit
	fi
}

# Mounts FRR's folder with a writable overlay. The daemons' other files are in /run.
frr_init() {
	local dir

	modprobe -q overlay
	mkdir -p "$root" "$WORK/up" "$WORK/work"
	mount -t overlay -o "lowerdir=$FRR,upperdir=$WORK/up,workdir=$WORK/work" overlay "$root"
	for dir in proc sys dev run; do
		mount --rbind "/$dir" "$root/$dir"
	done
	trap 'umount -l "$root"; _finish' EXIT
}

frr_start() {	# NETNS
	local daemon

	mkdir -p "$root/etc/frr/$1" "/run/frr/$1"
	: > "$root/etc/frr/$1/vtysh.conf"
	chroot "$root" chown -R frr:frr "/run/frr" "/etc/frr/$1"
	# Before version 9 there is no mgmtd.
	for daemon in mgmtd zebra ospfd bgpd bfdd staticd; do
		[ -e "$root/usr/lib/frr/$daemon" ] || continue
		ns "$1" chroot "$root" "/usr/lib/frr/$daemon" -d -N "$1" --log "file:/run/frr/$1/log" ||
			return 1
	done
}

vtysh() {	# NETNS COMMAND...
	local commands=() command

	for command in "${@:2}"; do
		commands+=(-c "$command")
	done
	ns "$1" chroot "$root" vtysh -N "$1" "${commands[@]}"
}
