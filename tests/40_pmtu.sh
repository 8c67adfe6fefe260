#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Path MTU: the tunnel learns it from ICMP errors about outer packets and reports it to inner
# senders, in both directions. Without DF the outer packet is fragmented.
. ./lib.sh

# The link between r and b is narrow. The MTU of the tunnels doesn't take that into account.
topo
ip -n r link set dev b mtu 1400
ip -n b link set dev wan mtu 1400
route_mtu() { ns "$1" ip -j route get "$2" | grep -o '"mtu":[0-9]*' | cut -d: -f2; }
probe() { ns "$1" ping -c 1 -W 1 -M "do" -s "$3" "$2" > /dev/null; }

# The first packet makes the outer route learn the path MTU, the second makes the inner sender learn it.
learn() {
	probe "$1" "$2" 1452
	sleep 0.2
	probe "$1" "$2" 1452
	sleep 0.2
}

learn h1 172.16.2.2
is "the near end learns the outer path MTU" "$(route_mtu a 10.2.0.1)" 1400
is "the inner sender learns the path MTU less 20" "$(route_mtu h1 172.16.2.2)" 1380
check "a packet with DF that fits the path" ns h1 ping -c 1 -W 5 -M "do" -s 1352 172.16.2.2
refuse "a packet of one byte more is refused at the sender" probe h1 172.16.2.2 1353
learn h2 172.16.1.2
is "the other way: the narrow link is the tunnel's own underlay" "$(route_mtu h2 172.16.1.2)" 1380
check "the other way: a packet with DF that fits the path" ns h2 ping -c 1 -W 5 -M "do" -s 1352 172.16.1.2

capture h1 eth0 "icmp[icmptype] == icmp-unreach"
ns h1 ip route flush cache
learn h1 172.16.2.2
captured > "$WORK/packets"
check "the near end sends the ICMP error, with the MTU" \
	grep -q '172.16.1.1 > 172.16.1.2: ICMP 172.16.2.2 unreachable - need to frag (mtu 1380)' "$WORK/packets"

probe a 192.168.0.2 1452
is "a local sender learns the path MTU" "$(route_mtu a 192.168.0.2)" 1380
# The first answer makes the far end learn it, too.
check "a local sender fragments to the path MTU before the tunnel" \
	wait_for 10 ns a ping -c 1 -W 1 -M want -s 1452 192.168.0.2
is "each packet that was too long is a transmit error" \
	"$([ "$(stat a t0 tx.errors)" -ge 2 ] && echo yes)" yes

check "4 MiB over TCP from h1 through the narrow link" tcp_bulk h1 h2 172.16.2.2 4
check "4 MiB over TCP from h2 through the narrow link" tcp_bulk h2 h1 172.16.1.2 4
ns a ip route flush cache
ns h1 ip route flush cache
check "TCP learns the path MTU again when GRO merges its packets on the way" \
	timeout 30 "$BASH" -c '. ./lib.sh; trap "" EXIT; tcp_bulk h1 h2 172.16.2.2 2'

# Without path MTU discovery and DF the outer packet is fragmented, by the tunnel's end and by r.
ns_clean
topo nopmtudisc
ip -n r link set dev b mtu 1400
ip -n b link set dev wan mtu 1400
capture b wan "proto 4 and src 10.1.0.1"
check "nopmtudisc: a packet without DF that is longer than the path MTU" \
	ns h1 ping -c 1 -W 5 -M dont -s 1452 172.16.2.2
captured > "$WORK/packets"
is "nopmtudisc: the outer packet arrives in two fragments" \
	"$(grep -c 'proto IPIP (4)' "$WORK/packets")" 2
check "nopmtudisc: an outer packet without DF" \
	grep -q 'flags \[+\], proto IPIP' "$WORK/packets"
ip -n a link set dev t0 mtu 4000
ip -n b link set dev t0 mtu 4000
check "nopmtudisc: a packet longer than the underlay's MTU is fragmented at the tunnel's end" \
	ns a ping -c 1 -W 5 -M dont -s 3000 192.168.0.2
learn h1 172.16.2.2
is "nopmtudisc: the sender of an inner packet with DF learns the path MTU" "$(route_mtu h1 172.16.2.2)" 1380

# The outer header has no DF if the MTU of the route is locked.
ns_clean
topo
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu lock 1500
capture r a "proto 4 and src 10.1.0.1"
ns a ping -c 1 -W 5 192.168.0.2 > /dev/null
captured > "$WORK/packets"
check "no DF on a route whose MTU is locked" grep -q 'flags \[none\], proto IPIP' "$WORK/packets"

# The mark of the tunnel selects another uplink than the host's own packets take.
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
is "two uplinks: the outer packets take the mark's uplink" \
	"$([ "$(captured | grep -c 'proto IPIP (4)')" -gt 0 ] && echo yes)" yes
differs "the in-tree driver looks the route up without the mark"
is "two uplinks: the mark's route learns the path MTU" "$(ns a ip -j route get 10.2.0.1 mark 7 |
	grep -o '"gateway":"[0-9.]*"\|"mtu":[0-9]*' | paste -sd' ')" '"gateway":"10.5.0.254" "mtu":1400'
differs "the in-tree driver looks the route up without the mark"
is "two uplinks: the other route doesn't learn it" "$(route_mtu a 10.2.0.1)" ""
differs "the in-tree driver looks the route up without the mark"
is "two uplinks: the inner sender learns it" "$(route_mtu h1 172.16.2.2)" 1380
differs "the in-tree driver looks the route up without the mark"
check "two uplinks: 4 MiB over TCP" \
	timeout 60 "$BASH" -c '. ./lib.sh; trap "" EXIT; tcp_bulk h1 h2 172.16.2.2 4'
