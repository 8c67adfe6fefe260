#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Path MTU: learned from ICMP about outer packets, told to inner senders, both
# ways; fragments where DF is clear.
. ./lib.sh

# The link between r and b is the narrow one. The tunnels don't know of it.
topo
ip -n r link set dev b mtu 1400
ip -n b link set dev wan mtu 1400
route_mtu() { ns "$1" ip -j route get "$2" | grep -o '"mtu":[0-9]*' | cut -d: -f2; }
probe() { ns "$1" ping -c 1 -W 1 -M "do" -s "$3" "$2" > /dev/null; }

# The first packet learns for the outer route, the second for the inner sender.
learn() {
	probe "$1" "$2" 1452
	sleep 0.2
	probe "$1" "$2" 1452
	sleep 0.2
}

learn h1 172.16.2.2
is "the router behind the tunnel's end learns the outer path MTU" "$(route_mtu a 10.2.0.1)" 1400
is "the inner sender learns the path MTU less 20" "$(route_mtu h1 172.16.2.2)" 1380
check "what fits, with DF" ns h1 ping -c 1 -W 5 -M "do" -s 1352 172.16.2.2
refuse "one byte more is refused at the sender" probe h1 172.16.2.2 1353
learn h2 172.16.1.2
is "the other way: the narrow link is the tunnel's own underlay" "$(route_mtu h2 172.16.1.2)" 1380
check "what fits, with DF, the other way" ns h2 ping -c 1 -W 5 -M "do" -s 1352 172.16.1.2

capture h1 eth0 "icmp[icmptype] == icmp-unreach"
ns h1 ip route flush cache
learn h1 172.16.2.2
captured > "$WORK/packets"
check "the ICMP error is from the tunnel's end, with the MTU in it" \
	grep -q '172.16.1.1 > 172.16.1.2: ICMP 172.16.2.2 unreachable - need to frag (mtu 1380)' "$WORK/packets"

probe a 192.168.0.2 1452
is "a local sender learns it, too" "$(route_mtu a 192.168.0.2)" 1380
# The first answer teaches the far end the same.
check "a local sender cuts to it before the tunnel" \
	wait_for 10 ns a ping -c 1 -W 1 -M want -s 1452 192.168.0.2
is "each packet that was too big is a transmit error" \
	"$([ "$(stat a t0 tx.errors)" -ge 2 ] && echo yes)" yes

check "4 MB over TCP from h1 through the narrow link" tcp_bulk h1 h2 172.16.2.2 4
check "4 MB over TCP from h2 through the narrow link" tcp_bulk h2 h1 172.16.1.2 4
ns a ip route flush cache
ns h1 ip route flush cache
check "TCP finds the path MTU anew when its packets are forwarded joined" \
	timeout 30 "$BASH" -c '. ./lib.sh; trap "" EXIT; tcp_bulk h1 h2 172.16.2.2 2'

# Without path MTU discovery and DF the outer packet is cut, by us and by r.
ns_clean
topo nopmtudisc
ip -n r link set dev b mtu 1400
ip -n b link set dev wan mtu 1400
capture b wan "proto 4 and src 10.1.0.1"
check "nopmtudisc: a packet without DF that is larger than the path" \
	ns h1 ping -c 1 -W 5 -M dont -s 1452 172.16.2.2
captured > "$WORK/packets"
is "nopmtudisc: the outer packet comes in two fragments" \
	"$(grep -c 'proto IPIP (4)' "$WORK/packets")" 2
check "nopmtudisc: an outer packet without DF" \
	grep -q 'flags \[+\], proto IPIP' "$WORK/packets"
ip -n a link set dev t0 mtu 4000
ip -n b link set dev t0 mtu 4000
check "nopmtudisc: larger than the underlay, cut at the tunnel's end" \
	ns a ping -c 1 -W 5 -M dont -s 3000 192.168.0.2
learn h1 172.16.2.2
is "nopmtudisc: an inner packet with DF still learns the path" "$(route_mtu h1 172.16.2.2)" 1380

# A locked MTU is an order not to set DF.
ns_clean
topo
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu lock 1500
capture r a "proto 4 and src 10.1.0.1"
ns a ping -c 1 -W 5 192.168.0.2 > /dev/null
captured > "$WORK/packets"
check "no DF on a route whose MTU is locked" grep -q 'flags \[none\], proto IPIP' "$WORK/packets"

# The mark of the tunnel leads to another uplink than the host's own packets take.
ns_clean
topo_underlay
ip link add name wan2 netns a type veth peer name a2 netns r
ip -n r link set dev a2 up
ip -n r addr add 10.5.0.254/24 dev a2
ip -n a link set dev wan2 up
ip -n a addr add 10.5.0.1/24 dev wan2
ip -n a route add default via 10.5.0.254 table 100
ip -n a rule add fwmark 7 table 100
tunnel a 10.1.0.1 10.2.0.1 fwmark 7
tunnel b 10.2.0.1 10.1.0.1
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
ip -n a route add 172.16.2.0/24 dev t0
ip -n b route add 172.16.1.0/24 dev t0
ip -n r link set dev b mtu 1400
ip -n b link set dev wan mtu 1400
capture r a2 "proto 4 and src 10.1.0.1"
learn h1 172.16.2.2
is "two uplinks: the outer packets take that of the mark" \
	"$([ "$(captured | grep -c 'proto IPIP (4)')" -gt 0 ] && echo yes)" yes
differs "it looks for the route without the mark"
is "the route of the mark learns the path MTU" "$(ns a ip -j route get 10.2.0.1 mark 7 |
	grep -o '"gateway":"[0-9.]*"\|"mtu":[0-9]*' | paste -sd' ')" '"gateway":"10.5.0.254" "mtu":1400'
differs "it looks for the route without the mark"
is "the other route doesn't" "$(route_mtu a 10.2.0.1)" ""
differs "it looks for the route without the mark"
is "the inner sender learns it" "$(route_mtu h1 172.16.2.2)" 1380
differs "it looks for the route without the mark"
check "4 MB over TCP by the mark's uplink" \
	timeout 60 "$BASH" -c '. ./lib.sh; trap "" EXIT; tcp_bulk h1 h2 172.16.2.2 4'
