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

# Two ends, a and b, of a tunnel ipip1 with OSPF: for the tests about OSPF and the MTU.

tunnels() {	# PROPERTY=VALUE...
	local n

	for n in a b; do
		ip -n $n link del dev ipip1 2> /dev/null
	done
	ns a ipipctl add name=ipip1 local=10.1.0.1 remote=10.2.0.1 "$@" &&
		ns b ipipctl add name=ipip1 local=10.2.0.1 remote=10.1.0.1 "$@" &&
		ip -n a addr add 192.168.0.1/30 dev ipip1 &&
		ip -n b addr add 192.168.0.2/30 dev ipip1 &&
		ip -n a route replace 172.16.2.0/24 dev ipip1 &&
		ip -n b route replace 172.16.1.0/24 dev ipip1
}

ospf() {
	local n

	for n in a b; do
		vtysh $n "conf" "router ospf" "ospf router-id $([ $n = a ] && echo 1.1.1.1 || echo 2.2.2.2)" \
			"log-adjacency-changes" "exit" "interface ipip1" "ip ospf area 0" \
			"ip ospf network point-to-point" "ip ospf hello-interval 1" \
			"ip ospf dead-interval 10" || return 1
	done
}

mtus() { echo "$(ns a cat /sys/class/net/ipip1/mtu) $(ns b cat /sys/class/net/ipip1/mtu)"; }

# Both ends of the link know this MTU.
links() {	# MTU of r's link to b, MTU of b's link
	ip -n r link set dev b mtu "$1"
	ip -n b link set dev wan mtu "$2"
}

# Neither end knows this MTU: r drops larger packets silently.
hole() {	# MTU of the black hole at r, or 0 for none
	ns r nft delete table ip hole 2> /dev/null
	[ "$1" = 0 ] || ns r nft "add table ip hole; add chain ip hole f { type filter hook forward priority 0; };
		add rule ip hole f ip length gt $1 drop"
}

# Starts FRR at both ends, and makes r see packets as on a wire.
ends_start() {
	local n

	for n in a b; do
		ns $n ethtool -K wan tso off gso off > /dev/null
		ns $n sysctl -qw net.ipv4.route.mtu_expires=20 2> /dev/null
		check "FRR starts at $n" frr_start $n
	done
}
