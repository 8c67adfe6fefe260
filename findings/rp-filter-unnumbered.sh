#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12: the loose reverse path filter on an in-tree ipip tunnel without an address
#
# Expected: rp_filter=2 accepts a packet if its source can be reached through any interface (RFC 3704 section 2.4).
# That suffices for a real server behind a director, whose answers don't go through the tunnel.
#
# Actual: on a device without an IPv4 address 2 drops the same packets as 1, that is, all whose return route is
# through another device. With any address on the device 2 works as expected.
#
# Why it matters: tunl0 of a real server of LVS or Katran has no address. The tunnel counts the packets as
# received; only TcpExtIPReversePathFilter shows that they were dropped afterwards.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 iputils-ping sed kmod busybox-static mount

boot 120 <<'END'
modprobe ipip
hosts a b
cable a b
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
ip -n a addr add 172.16.1.1/32 dev lo
ip -n b addr add 172.16.9.9/32 dev lo
ip -n a link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2
ip -n a link set dev t0 up
ip -n a route add 172.16.9.9 dev t0 src 172.16.1.1
ip -n b route add 172.16.1.1 via 10.0.0.1
ip -n b link add name t0 type ipip local 10.0.0.2 remote 10.0.0.1
ip -n b link set dev t0 up
filtered() { on b nstat -asz TcpExtIPReversePathFilter | sed -n 's/^TcpExtIPReversePathFilter *\([0-9]*\).*/\1/p'; }
try() {
	local before

	on b sh -c "echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo $2 > /proc/sys/net/ipv4/conf/t0/rp_filter"
	before=$(filtered)
	echo "== $1"
	on a ping -q -c 2 -i 0.2 -W 1 -I 172.16.1.1 172.16.9.9 | sed -n 's/, time.*//p'
	echo "filtered $(($(filtered) - before))"
}
try none-0 0
try none-1 1
try none-2 2
ip -n b addr add 192.168.0.2/32 dev t0
try address-2 2
echo "== end"
END
observe "no address, rp_filter=0" part none-0
has "packets pass" '2 packets transmitted, 2 received' 'filtered 0'
observe "no address, rp_filter=1, strict" part none-1
has "dropped: the return route isn't through the tunnel" ' 0 received' 'filtered 2'
observe "no address, rp_filter=2, loose" part none-2
has "dropped, although the source can be reached" ' 0 received' 'filtered 2'
observe "an address, rp_filter=2" part address-2
has "packets pass" '2 packets transmitted, 2 received' 'filtered 0'
finish
