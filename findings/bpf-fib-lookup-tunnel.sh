#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bpf_fib_lookup() of Linux 6.12 for a route through an in-tree ipip tunnel
#
# Expected: a tunnel has no link-layer addresses and needs no neighbour, so the answer is success with the tunnel's
# device, and the MAC addresses aren't filled in.
#
# Actual: until the kernel itself has sent a packet on that route, the answer is "no neighbour". Afterwards it is
# success, and the destination MAC address is the tunnel's local IPv4 address, since a neighbour without
# ARP has its device's own address, and that of an ipip device is the local end. The source is the same.
#
# Why it matters: an XDP program that trusts the answer writes such an Ethernet header, and sends the frame into
# a device without a link layer. The answer doesn't tell whether the device has one.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 python3=3.13.5-1 iputils-ping grep kmod busybox-static mount

cp "$(dirname "$0")/fib_lookup.py" "$root/root/"
boot 120 <<'END'
modprobe ipip
hosts lan a b
cable lan a
cable a b
ip -n a addr add 172.16.1.1/24 dev lan
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
for n in a b; do
	ip netns exec $n sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
done
ip -n a link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2
ip -n b link add name t0 type ipip local 10.0.0.2 remote 10.0.0.1
for n in a b; do
	ip -n $n link set dev t0 up
done
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
ip -n a route add 172.16.2.0/24 via 192.168.0.2
look() {
	echo "== $1"
	on a python3 /root/fib_lookup.py lan 172.16.1.2 172.16.2.2
}
look before
on a ping -c 1 192.168.0.2 > /dev/null
look after
echo "== end"
END
observe "before the first packet" part before
has "no neighbour" '^status 7 '
observe "after a ping to the next hop" part after
has "the tunnel's local address is the MAC address" '^status 0 by t0 from 0a:00:00:01:00:00 to 0a:00:00:01:00:00'
finish
