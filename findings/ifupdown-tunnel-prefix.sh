#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ifupdown 0.8.44, a "tunnel" stanza
#
# Expected: every method for IPv4 accepts "address 192.168.0.1/30", as "static" does.
#
# Actual: "static" accepts it, and "tunnel" doesn't: "missing required variable: netmask". "tos" and "dev",
# which a tunnel has in iproute2, are accepted without a complaint and have no effect: ifupdown passes each
# word that it doesn't know to its scripts.
#
# Why it matters: a stanza that was copied from "static" fails at boot, and a tunnel that should be bound to
# an underlay device isn't. Give "netmask", and the rest by "up ip link set dev $IFACE type ipip ...".

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie ifupdown=0.8.44+deb13u1 iproute2=6.15.0-1

mkdir -p "$root/run/network"
dry_run() {	# METHOD: with the options on standard input
	{ echo "iface t0 inet $1"; cat; } > "$root/tmp/interfaces"
	observe "$1: ifup --no-act" run ifup --no-act --verbose --interfaces /tmp/interfaces t0
}
dry_run static <<'END'
	address 192.168.0.1/30
END
has "static: a prefix is accepted" 'ip addr add 192.168.0.1/'
dry_run tunnel <<'END'
	mode ipip
	local 10.0.0.1
	endpoint 10.0.0.2
	address 192.168.0.1/30
END
has "tunnel: a prefix isn't accepted" 'missing required variable: netmask'
lacks "tunnel: no tunnel is made" 'ip tunnel add'
dry_run tunnel <<'END'
	mode ipip
	local 10.0.0.1
	endpoint 10.0.0.2
	address 192.168.0.1
	netmask 255.255.255.252
	ttl 64
	tos 0x10
	dev eth0
END
has "with a netmask: the tunnel is made" 'ip tunnel add t0 mode ipip remote 10.0.0.2 local 10.0.0.1 +ttl 64'
lacks "tos and dev have no effect" 'tos|eth0'
finish
