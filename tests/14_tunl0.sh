#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tunl0, the fallback tunnel that each netns has from the start: its properties, which
# changes are refused, and which packets it receives.
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
	check "netns $n has tunl0" has $n
done
is "the properties of the device" "$(json a 'd["link_type"], d["address"], d["mtu"], d["operstate"], d["flags"]')" \
	"('ipip', '0.0.0.0', 1480, 'DOWN', ['NOARP'])"
is "the configuration of the tunnel" \
	"$(json a 'd["linkinfo"]["info_kind"], sorted((k, v) for k, v in d["linkinfo"]["info_data"].items() if k in ("proto", "remote", "local", "ttl", "pmtudisc"))')" \
	"('ipip', [('local', 'any'), ('pmtudisc', False), ('proto', 'any'), ('remote', 'any'), ('ttl', 0)])"
is "tunl0 has no queue" "$(ip -n a link set tunl0 up; json a 'd["qdisc"]')" noqueue
ip -n a link set tunl0 down

# Which netns have tunl0.
sysctl -qw net.core.fb_tunnels_only_for_init_net=2
ip netns add none
refuse "fb_tunnels_only_for_init_net=2: a new netns has no tunl0" has none
check "a netns without tunl0 may have a tunnel from any to any" ip -n none link add name any type ipip
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
ip netns add none2
refuse "fb_tunnels_only_for_init_net=1: a new netns has no tunl0" has none2
sysctl -qw net.core.fb_tunnels_only_for_init_net=0
ip netns add some
check "fb_tunnels_only_for_init_net=0: a new netns has tunl0" has some
check "the first netns has tunl0" ip link show dev tunl0

# IPv6 allocates 14 kB of state for each device that is registered with an MTU of at least 1280
# bytes. To save that in every container, tunl0 has no such state before it is up.
ipv6() { ip netns exec some test -e "/proc/sys/net/ipv6/conf/$1"; }
state_shown() { ip -n some -d -j link show dev tunl0 | grep -q inet6_addr_gen_mode; }
if [ -e /proc/sys/net/ipv6 ]; then
	refuse "before tunl0 is up it has no IPv6 sysctls" ipv6 tunl0
	refuse "before tunl0 is up a dump shows no IPv6 state" state_shown
	ip -n some link add name made type ipip local 10.1.0.1 remote 10.2.0.1
	check "a tunnel that rtnetlink made has IPv6 sysctls" ipv6 made
	ip -n some tunnel add told mode ipip local 10.1.0.1 remote 10.2.0.2
	check "a tunnel that an ioctl made has IPv6 sysctls" ipv6 told
	ip -n some link set tunl0 up
	check "once tunl0 is up it has IPv6 sysctls" ipv6 tunl0
	check "once tunl0 is up a dump shows IPv6 state" state_shown
	ip -n some link set tunl0 down
	check "tunl0 keeps its IPv6 sysctls when it goes down" ipv6 tunl0
	is "the MTU of tunl0 hasn't changed" \
		"$(ip -n some -j link show dev tunl0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["mtu"])')" 1480
else
	skip "IPv6 state" "this kernel has no IPv6"
fi

# Refused changes.
ns_add c
before=$(ip -n a -d link show dev tunl0)
ip -n a link del tunl0 2> "$WORK/output"
check "tunl0 can't be deleted" has a
refuse "tunl0 can't be moved to another netns" ip -n a link set tunl0 netns c
refuse "tunl0 can't have a local address" ip -n a link set tunl0 type ipip local 10.1.0.1
refuse "tunl0 can't have a remote" ip -n a link set tunl0 type ipip remote 10.2.0.1
refuse "tunl0 can't have another DSCP" ip -n a link set tunl0 type ipip tos 0x10
cp "$WORK/output" "$WORK/said"
differs "no message"
check "the message says why" grep -q "fallback tunnel can't be changed" "$WORK/said"
refuse "no other tunnel from any to any can be made" ip -n a link add name any type ipip
is "the refusals change nothing" "$(ip -n a -d link show dev tunl0)" "$before"
check "the MTU of tunl0 can be changed" ip -n a link set tunl0 mtu 1400
is "the changed MTU reads back" "$(json a 'd["mtu"]')" 1400
check "tunl0 can be renamed" sh -c "ip -n a link set tunl0 name fallback && ip -n a link set fallback name tunl0"
ip -n a link set tunl0 mtu 1480

# Which packets tunl0 receives: inner packets, from anywhere, to an address that only b has.
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
got() {	# DEVICE: packets received since the last call
	local now last
	now=$(stat b "$1" rx.packets)
	last=$(cat "$WORK/last.$1" 2> /dev/null || echo 0)
	echo "$now" > "$WORK/last.$1"
	echo $((now - last))
}
heard() { [ "$(ns a nstat -as IcmpInDestUnreachs | awk '/IcmpIn/ { print $2 }')" = 1 ]; }

ns a nstat -n
send 10.1.0.1
is "tunl0 is down: receives nothing" "$(got tunl0)" 0
check "tunl0 is down: the sender gets an ICMP error" wait_for 5 heard
ip -n b link set tunl0 up
send 10.1.0.1
is "tunl0 is up: receives the packet" "$(got tunl0)" 1
ip -n b link add name near type ipip local 10.2.0.1 remote 10.1.0.1
send 10.1.0.1
is "a matching tunnel is down: tunl0 receives the packet" "$(got tunl0)" 1
ip -n b link set near up
send 10.1.0.1
is "a matching tunnel is up: the tunnel receives the packet" "$(got near)" 1
is "a matching tunnel is up: tunl0 receives nothing" "$(got tunl0)" 0
ip -n b link del near
ip -n b link add name local type ipip local 10.2.0.1
ip -n b link set local up
send 10.1.0.1
is "a tunnel from local to any: the tunnel receives the packet" "$(got local)" 1
is "a tunnel from local to any: tunl0 receives nothing" "$(got tunl0)" 0
ip -n b link del local
ip -n b link add name md type ipip external
ip -n b link set md up
send 10.1.0.1
is "a tunnel in external mode: the tunnel receives the packet" "$(got md)" 1
is "a tunnel in external mode: tunl0 receives nothing" "$(got tunl0)" 0
ip -n b link set md down
send 10.1.0.1
is "a tunnel in external mode is down: tunl0 receives the packet" "$(got tunl0)" 1
ip -n b link del md

# Calico's configuration: routes through tunl0 lead to the pods of the other node.
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
check "Calico: the outer packet goes from node to node" grep -q '10.1.0.1 > 10.2.0.1: .*IP' "$WORK/packets"
check "Calico: from node to pod" ns a ping -c 1 -W 5 172.16.2.2
check "Calico: TCP" tcp_bulk h1 h2 172.16.2.2 1
is "Calico: no errors are counted" "$(stat a tunl0 tx.errors) $(stat b tunl0 rx.errors)" "0 0"
check "Calico: a packet larger than the tunnel's MTU gets an ICMP error with the MTU" \
	too_long 1450 1440
