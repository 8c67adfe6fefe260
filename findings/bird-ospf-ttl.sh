#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# BIRD 2.17.6 and the in-tree ipip driver of Linux 6.12, with a router between the tunnel's ends
#
# Expected: a tunnel is one hop for OSPF, whatever its underlay is. If ping passes through the tunnel,
# OSPF finds the neighbour.
#
# Actual: OSPF's packets have a TTL of 1, and a tunnel whose TTL is "inherit", the default, gives it to the outer
# header. The first router of the underlay drops them with "time exceeded". BIRD logs nothing, and its
# interface is up and PtP. With "ttl 64" OSPF finds the neighbour within seconds.
#
# Why it matters: RIP, and every other protocol with a TTL of 1, has the same problem, while pings through
# the tunnel are answered.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 bird2=2.17.6-0+deb13u1 iproute2=6.15.0-1 iputils-ping \
	tcpdump=4.99.5-2 grep procps kmod busybox-static mount

boot 200 <<'END'
modprobe -a ipip af_packet
hosts a r b
cable a r
cable r b
ip -n a addr add 10.1.0.1/24 dev r
ip -n r addr add 10.1.0.254/24 dev a
ip -n r addr add 10.2.0.254/24 dev b
ip -n b addr add 10.2.0.1/24 dev r
ip -n a route add default via 10.1.0.254
ip -n b route add default via 10.2.0.254
on r sysctl -qw net.ipv4.ip_forward=1
ip -n a link add name t0 type ipip local 10.1.0.1 remote 10.2.0.1
ip -n b link add name t0 type ipip local 10.2.0.1 remote 10.1.0.1
ip -n a link set dev t0 up
ip -n b link set dev t0 up
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
echo "== ping"
on a ping -c 3 -i 0.2 -W 2 192.168.0.2 | grep transmitted
bird() {
	cat > /tmp/$1.conf <<-C
		log "/tmp/$1.log" all;
		router id $2;
		protocol device {}
		protocol ospf v2 o { ipv4 { import all; }; area 0 { interface "t0" { hello 1; dead 4; }; }; }
	C
	on $1 bird -c /tmp/$1.conf -s /tmp/$1.ctl
}
bird a 1.1.1.1
bird b 2.2.2.2
ask() { on a birdc -s /tmp/a.ctl "$@" | tail -n +2; }
sleep 10
echo "== router"
timeout 5 ip netns exec r tcpdump -lnn -i a 'icmp' 2> /dev/null > /tmp/icmp
grep -m 1 'time exceeded' /tmp/icmp
echo "== inherit"
ask show ospf neighbors
ask show ospf interface
echo "== log"
cat /tmp/a.log
for n in a b; do
	ip -n $n link set dev t0 type ipip ttl 64
done
wait_for 20 sh -c 'ip netns exec a birdc -s /tmp/a.ctl show ospf neighbors | grep -q Full'
echo "== fixed"
ask show ospf neighbors
echo "== end"
END
observe "ping through the tunnel" part ping
has "the ping is answered" ' 0% packet loss'
observe "ttl inherit" part inherit
lacks "no neighbour" '2.2.2.2'
has "the interface is up" 'State: PtP'
observe "what the router between them sends to a" part router
has "time exceeded" 'ICMP time exceeded'
observe "BIRD's log" part log
same "BIRD logs only that it has started" "$(grep -cv Started "$seen")" 0
observe "ttl 64" part fixed
has "OSPF has found the neighbour" '2.2.2.2.*Full/PtP'
finish
