#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Documentation/routing.md with FRR at both ends. $FRR is a folder with a Debian root that has FRR.
. ./lib.sh
. ./frr.sh

frr_needed "routing daemons" "the page uses properties that the in-tree driver doesn't have"
export PATH=$PWD/../build/tools:$PATH ASAN_OPTIONS=detect_leaks=0
page=../Documentation/routing.md

# Prints a box of the page, which is for A; mirrored makes that of B from it.
box() { awk -v begin="\`\`\`$1" '$0 == "```" { on = 0 } on; $0 == begin { on = 1 }' "$page"; }
mirrored() {
	sed 's/10\.1\.0\.1/10.2.0.1/; s/172\.16\.1\./172.16.2./; s/10\.99\.1\./10.99.2./
		s/192\.168\.0\.2 /192.168.0.1 /; s/remote-as 65002/remote-as 65001/
		s/bgp 65001/bgp 65002/'
}
configure() {	# BOX
	box "$1" > "$root/etc/frr/a/$1.conf"
	mirrored < "$root/etc/frr/a/$1.conf" > "$root/etc/frr/b/$1.conf"
	for n in a b; do
		ns $n chroot "$root" vtysh -N $n -f "/etc/frr/$n/$1.conf" || return 1
	done
}

full() { vtysh a "show ip ospf neighbor" | grep -q "Full.*$1:"; }
lost() { ! full "$1"; }
established() {
	vtysh a "show bgp neighbors 192.168.0.2 json" | grep -q '"bgpState":"Established"'
}
bfd_is() { vtysh a "show bfd peers json" | grep -q "\"status\":\"$1\""; }
nexthops() { ip -n a route show 172.16.2.0/24 | grep -o 'dev ipip[0-9]*' | sort | tr '\n' ' '; }
nexthops_are() { [ "$(nexthops)" = "$1" ]; }
way_back() { ip -n b route show 172.16.1.0/24 | grep -q 'proto ospf'; }
add() {	# NAME A B
	ns a ipipctl add name="$1" local-address="$2" remote-address="$3" mtu=1480 keepalive=1s,3 &&
	ns b ipipctl add name="$1" local-address="$3" remote-address="$2" mtu=1480 keepalive=1s,3
}

frr_init
version=$(chroot "$root" dpkg-query -W -f "\${Version}" frr)
echo "# frr $version"
topo_underlay
ip -n a link add name ipip1 type ipip local 10.1.0.1 remote 10.2.0.1
ip -n b link add name ipip1 type ipip local 10.2.0.1 remote 10.1.0.1
for n in a b; do
	ip -n $n link set dev ipip1 mtu 1480 up
done
ip -n a addr add 192.168.0.1/30 dev ipip1
ip -n b addr add 192.168.0.2/30 dev ipip1
for n in a b; do
	check "FRR starts at $n" frr_start $n
done
group=yes
if [ "${version%%.*}" -lt 9 ]; then
	check "FRR is configured without nexthop groups" configure nexthops
	group=no
fi
check "OSPF and BGP are configured" configure frr
check "ping through the tunnel" ns a ping -c 1 -W 5 192.168.0.2
capture r a "icmp[0] == 11"
refuse "inherited TTL: OSPF doesn't come up" wait_for 8 full ipip1
captured > "$WORK/packets"
check "inherited TTL: the first router drops OSPF's packets" grep -q 'time exceeded' "$WORK/packets"
for n in a b; do
	ip -n $n link set dev ipip1 type ipip ttl 64
done
check "TTL 64: OSPF comes up" wait_for 30 full ipip1
check "TTL 64: eBGP comes up" wait_for 60 established

for n in a b; do
	ip -n $n link del dev ipip1
done
check "a tunnel from ipipctl" add ipip1 10.1.0.1 10.2.0.1
ip -n a addr add 192.168.0.1/30 dev ipip1
ip -n b addr add 192.168.0.2/30 dev ipip1
check "a tunnel from ipipctl: OSPF comes up" wait_for 30 full ipip1
check "a tunnel from ipipctl: eBGP comes up" wait_for 60 established
check "OSPF adds the route at a" wait_for 40 nexthops_are "dev ipip1 "
check "OSPF adds the route at b" wait_for 40 way_back
check "OSPF: ping from network to network" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
routed() { ip -n a route show 10.99.2.0/24 | grep -q 'via 192.168.0.2 dev ipip1 proto bgp'; }
check "BGP adds the route" wait_for 10 routed
sleep 12
check "OSPF stays up for three dead intervals" full ipip1

gone() { ip -n r route add blackhole 10.2.0.1; ip -n r route add blackhole 10.1.0.1; }
back() { ip -n r route del blackhole 10.2.0.1; ip -n r route del blackhole 10.1.0.1; }
no_carrier() { ! ns a ipipctl get ipip1 running | grep -q yes; }
# A long dead interval, so that only keepalive can be the cause of a fast reaction.
for n in a b; do
	vtysh $n "conf" "interface ipip1" "ip ospf dead-interval 40"
done
sleep 1
gone
check "the path is cut: keepalive takes the carrier away" wait_for 10 no_carrier
check "the path is cut: OSPF drops the neighbour at once" wait_for 2 lost ipip1
back
check "the path is back: OSPF is Full again" wait_for 30 full ipip1
for n in a b; do
	vtysh $n "conf" "interface ipip1" "ip ospf dead-interval 4"
done
check "the path is back: BGP is established again" wait_for 60 established

check "BFD is configured" configure bfd
check "BFD is up" wait_for 20 bfd_is up
gone
check "the path is cut: BFD detects it" wait_for 2 bfd_is down
is "the path is cut: the carrier is still there" "$(ns a ipipctl get ipip1 running)" yes
refuse "the path is cut: BGP isn't established" established
back
check "the path is back: BFD is up" wait_for 20 bfd_is up
check "the path is back: BGP is established after BFD" wait_for 60 established

for n in a b; do
	ns $n sysctl -qw net.ipv4.fib_multipath_hash_policy=1
done
ip -n a addr add 10.1.0.2/24 dev wan
ip -n b addr add 10.2.0.2/24 dev wan
check "add a second tunnel" add ipip2 10.1.0.2 10.2.0.2
ip -n a addr add 192.168.0.5/30 dev ipip2
ip -n b addr add 192.168.0.6/30 dev ipip2
check "OSPF of the second tunnel is configured" configure ecmp
check "OSPF of the second tunnel comes up" wait_for 30 full ipip2
check "both tunnels are in the route" wait_for 20 nexthops_are "dev ipip1 dev ipip2 "
is "whether FRR uses a nexthop group" "$(ip -n a route show 172.16.2.0/24 | grep -q nhid && echo yes || echo no)" $group
gone
check "the first tunnel is cut: the route has only the second" wait_for 20 nexthops_are "dev ipip2 "
check "the first tunnel is cut: ping from network to network" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
back
check "the first tunnel is back: the route has both" wait_for 40 nexthops_are "dev ipip1 dev ipip2 "
check "the first tunnel is back: ping from network to network" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
