#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bpf_fib_lookup() of Linux 6.12 for a route with an MTU
#
# Expected: the function is told the length of the packet, and answers "fragmentation needed" for one that is larger
# than the MTU of its route, as the stack does when it forwards.
#
# Actual: it ignores the route's MTU, and answers success. It heeds an MTU that is locked (`mtu lock 1300`), and all of
# them with the sysctl ip_forward_use_pmtu.
#
# Why it matters: an XDP program that forwards sends packets that are too large for the path. They have DF, so they are
# lost there, while the sender gets no ICMP error, which it gets if the same host forwards without the program.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 python3=3.13.5-1 iputils-ping grep kmod busybox-static mount

cp "$(dirname "$0")/fib_lookup.py" "$root/root/"
boot 120 <<'END'
hosts lan a b
cable lan a
cable a b
ip -n lan addr add 172.16.1.2/24 dev a
ip -n lan route add default via 172.16.1.1
ip -n a addr add 172.16.1.1/24 dev lan
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
ip -n b addr add 172.16.2.2/32 dev lo
ip -n b route add default via 10.0.0.1
ip netns exec a sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
look() {	# NAME
	echo "== $1"
	on a python3 /root/fib_lookup.py lan 172.16.1.2 172.16.2.2 1400
}
ip -n a route add 172.16.2.0/24 via 10.0.0.2 mtu 1300
echo "== stack"
on lan ping -c 1 -W 5 172.16.2.2 > /dev/null
on lan ping -c 1 -W 5 -M do -s 1372 172.16.2.2
look plain
ip -n a route replace 172.16.2.0/24 via 10.0.0.2 mtu lock 1300
look locked
ip -n a route replace 172.16.2.0/24 via 10.0.0.2 mtu 1300
ip netns exec a sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward_use_pmtu'
look sysctl
echo "== end"
END
observe "the stack forwards 1,400 bytes over a route with mtu 1300" part stack
has "it answers with an ICMP error" 'Frag needed and DF set \(mtu = 1300\)'
observe "bpf_fib_lookup() for 1,400 bytes" part plain
has "success" '^status 0 by b '
observe "the same with mtu lock 1300" part locked
has "fragmentation needed" '^status 8 '
observe "the same with mtu 1300, and ip_forward_use_pmtu" part sysctl
has "fragmentation needed" '^status 8 '
finish
