#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tunl0, the tunnel that each netns has from the start: what it is, what can't be
# done to it, and what it takes.
. ./lib.sh

has() { ip -n "$1" link show dev tunl0; }
json() {	# NETNS EXPRESSION on the link as d
	ip -n "$1" -d -j link show dev tunl0 | python3 -c '
import json, sys
d = json.load(sys.stdin)[0]
print(eval(sys.argv[1]))' "$2"
}

topo_underlay
for n in a b h1; do
	check "netns $n has it" has $n
done
is "what it is" "$(json a 'd["link_type"], d["address"], d["mtu"], d["operstate"], d["flags"]')" \
	"('ipip', '0.0.0.0', 1480, 'DOWN', ['NOARP'])"
is "its configuration" \
	"$(json a 'd["linkinfo"]["info_kind"], sorted((k, v) for k, v in d["linkinfo"]["info_data"].items() if k in ("proto", "remote", "local", "ttl", "pmtudisc"))')" \
	"('ipip', [('local', 'any'), ('pmtudisc', False), ('proto', 'any'), ('remote', 'any'), ('ttl', 0)])"
is "it has no queue" "$(ip -n a link set tunl0 up; json a 'd["qdisc"]')" noqueue
ip -n a link set tunl0 down

# Which netns have it.
sysctl -qw net.core.fb_tunnels_only_for_init_net=2
ip netns add none
refuse "fb_tunnels_only_for_init_net=2: a new netns hasn't" has none
check "without it there may be a tunnel of any to any" ip -n none link add name any type ipip
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
ip netns add none2
refuse "fb_tunnels_only_for_init_net=1: a new netns hasn't" has none2
sysctl -qw net.core.fb_tunnels_only_for_init_net=0
ip netns add some
check "fb_tunnels_only_for_init_net=0: it has" has some
check "the first netns has" ip link show dev tunl0

# IPv6 keeps state of a device that is registered with an MTU it can use: 14 kB, in
# each container. tunl0 has none before it is up.
ipv6() { ip netns exec some test -e "/proc/sys/net/ipv6/conf/$1"; }
state_shown() { ip -n some -d -j link show dev tunl0 | grep -q inet6_addr_gen_mode; }
if [ -e /proc/sys/net/ipv6 ]; then
	refuse "down it has no sysctls of IPv6" ipv6 tunl0
	refuse "nor does a dump show IPv6 state" state_shown
	ip -n some link add name made type ipip local 10.1.0.1 remote 10.2.0.1
	check "a tunnel that was made has" ipv6 made
	ip -n some tunnel add told mode ipip local 10.1.0.1 remote 10.2.0.2
	check "so has one that was made by ioctl" ipv6 told
	ip -n some link set tunl0 up
	check "up it has" ipv6 tunl0
	check "and a dump shows it" state_shown
	ip -n some link set tunl0 down
	check "and keeps it when it goes down again" ipv6 tunl0
	is "its MTU is what it was all along" \
		"$(ip -n some -j link show dev tunl0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["mtu"])')" 1480
else
	skip "IPv6 state" "this kernel has no IPv6"
fi

# What can't be done.
ns_add c
before=$(ip -n a -d link show dev tunl0)
ip -n a link del tunl0 2> "$WORK/output"
check "it can't be deleted" has a
refuse "it can't be moved" ip -n a link set tunl0 netns c
refuse "nor have an address" ip -n a link set tunl0 type ipip local 10.1.0.1
refuse "nor a remote" ip -n a link set tunl0 type ipip remote 10.2.0.1
refuse "nor another DSCP" ip -n a link set tunl0 type ipip tos 0x10
cp "$WORK/output" "$WORK/said"
differs "no message"
check "the message says why" grep -q "fallback tunnel can't be changed" "$WORK/said"
refuse "there is no other of any to any" ip -n a link add name any type ipip
is "all that has changed nothing" "$(ip -n a -d link show dev tunl0)" "$before"
check "its MTU can be changed" ip -n a link set tunl0 mtu 1400
is "and is" "$(json a 'd["mtu"]')" 1400
check "it can be renamed" sh -c "ip -n a link set tunl0 name fallback && ip -n a link set fallback name tunl0"
ip -n a link set tunl0 mtu 1480

# What it takes: inner packets to an address that only b has, from anywhere.
ip -n b addr add 172.16.9.1/32 dev lo
cat > "$WORK/send.py" <<- 'END'
	import sys
	from scapy.all import IP, UDP, raw
	import socket
	src, dst, inner = sys.argv[1:4]
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	s.sendto(raw(IP(src=src, dst=dst) / IP(src="192.0.2.1", dst=inner) / UDP(sport=1, dport=9) / b"x"), (dst, 0))
END
send() { ns a python3 "$WORK/send.py" "$1" 10.2.0.1 172.16.9.1; }
got() {	# DEVICE: packets since the last time
	local now last
	now=$(stat b "$1" rx.packets)
	last=$(cat "$WORK/last.$1" 2> /dev/null || echo 0)
	echo "$now" > "$WORK/last.$1"
	echo $((now - last))
}
heard() { [ "$(ns a nstat -as IcmpInDestUnreachs | awk '/IcmpIn/ { print $2 }')" = 1 ]; }

ns a nstat -n
send 10.1.0.1
is "down it takes nothing" "$(got tunl0)" 0
check "and the sender hears of it" wait_for 5 heard
ip -n b link set tunl0 up
send 10.1.0.1
is "up it takes what comes" "$(got tunl0)" 1
ip -n b link add name near type ipip local 10.2.0.1 remote 10.1.0.1
send 10.1.0.1
is "also where there is a tunnel that is down" "$(got tunl0)" 1
ip -n b link set near up
send 10.1.0.1
is "but not what a tunnel takes: the tunnel" "$(got near)" 1
is "but not what a tunnel takes: tunl0" "$(got tunl0)" 0
ip -n b link del near
ip -n b link add name local type ipip local 10.2.0.1
ip -n b link set local up
send 10.1.0.1
is "nor what one of local to any takes: the tunnel" "$(got local)" 1
is "nor what one of local to any takes: tunl0" "$(got tunl0)" 0
ip -n b link del local
ip -n b link add name md type ipip external
ip -n b link set md up
send 10.1.0.1
is "nor what one in external mode takes: the tunnel" "$(got md)" 1
is "nor what one in external mode takes: tunl0" "$(got tunl0)" 0
ip -n b link set md down
send 10.1.0.1
is "which takes nothing when it is down" "$(got tunl0)" 1
ip -n b link del md

# As Calico has it: a node's pods behind another node, by routes alone.
calico() {	# NETNS ADDRESS PODS NODE
	ip -n "$1" addr add "$2" dev tunl0
	ip -n "$1" link set tunl0 mtu 1440 up
	ip -n "$1" route add "$3" via "$4" dev tunl0 onlink
}
calico a 172.16.1.129/32 172.16.2.0/24 10.2.0.1
calico b 172.16.2.129/32 172.16.1.0/24 10.1.0.1
capture r a "proto 4"
check "Calico: from pod to pod" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
captured > "$WORK/packets"
check "Calico: from node to node on the wire" grep -q '10.1.0.1 > 10.2.0.1: .*IP' "$WORK/packets"
check "Calico: from node to pod" ns a ping -c 1 -W 5 172.16.2.2
check "Calico: TCP" tcp_bulk h1 h2 172.16.2.2 1
is "Calico: no error" "$(stat a tunl0 tx.errors) $(stat b tunl0 rx.errors)" "0 0"
check "Calico: a packet larger than the tunnel is refused with the MTU" \
	sh -c "ip netns exec h1 ping -c 1 -W 2 -M do -s 1450 172.16.2.2 2>&1 | grep -q 'mtu *= *1440'"
