#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# FOU and GUE: a UDP header between the outer header and the inner packet.
. ./lib.sh

mtu() { ip -n "$1" -j link show dev "$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["mtu"])'; }
encap() { # what ip shows of it
	ip -n a -d -j link show dev "$1" | python3 -c '
import json, sys
d = json.load(sys.stdin)[0]["linkinfo"]["info_data"].get("encap", {})
print(d.get("type"), d.get("sport"), d.get("dport"), d.get("csum"), d.get("remcsum"))'
}

topo_underlay
modprobe -r fou 2> /dev/null
refuse "without the module fou" ip -n a link add name t type ipip \
	local 10.1.0.1 remote 10.2.0.1 encap fou encap-sport auto encap-dport 5555
differs "no message"
check "the message says so" grep -q "is the module fou loaded" "$WORK/output"
if ! modprobe -q fou; then
	skip "FOU and GUE" "this kernel hasn't got them"
	exit
fi
for n in a b; do
	# So that the checksum is on the wire.
	ns $n ethtool -K wan tx off > /dev/null
	ns $n ip fou add port 5555 ipproto 4
	ns $n ip fou add port 5556 gue
done

use() {	# ARGUMENTS for both ends
	local n
	for n in a b; do
		ip -n $n link del t0 2> /dev/null
	done
	tunnel a 10.1.0.1 10.2.0.1 "$@"
	tunnel b 10.2.0.1 10.1.0.1 "$@"
	ip -n a route add 172.16.2.0/24 dev t0
	ip -n b route add 172.16.1.0/24 dev t0
}

forget() {	# path MTUs
	for n in a b h1 h2; do ip -n $n route flush cache; done
}

while read -r name hlen port csum arguments; do
	# shellcheck disable=SC2086 # they are words
	use encap $arguments
	is "$name: the MTU leaves room" "$(mtu a t0)" $((1500 - 20 - hlen))
	capture r a "udp dst port $port"
	check "$name: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
	check "$name: ping that fills the MTU" \
		ns h1 ping -c 1 -W 5 -M "do" -s $((1500 - 20 - hlen - 28)) 172.16.2.2
	check "$name: ping that doesn't fit" sh -c "ip netns exec h1 ping -c 1 -W 2 -M do \
		-s $((1500 - 20 - hlen - 27)) 172.16.2.2 2>&1 | grep -q 'mtu *= *$((1500 - 20 - hlen))'"
	captured > "$WORK/packets"
	check "$name: both ways in UDP" sh -c "grep -q '10.1.0.1.*> 10.2.0.1.$port' $WORK/packets &&
		grep -q '10.2.0.1.*> 10.1.0.1.$port' $WORK/packets"
	case $csum in
	csum)	check "$name: with a checksum that holds" sh -c "grep -q 'udp sum ok' $WORK/packets &&
			! grep -q 'bad udp' $WORK/packets" ;;
	*)	check "$name: without a checksum" grep -q 'no cksum' "$WORK/packets" ;;
	esac
	check "$name: TCP" tcp_bulk h1 h2 172.16.2.2 2
	is "$name: no error" "$(stat a t0 tx.errors) $(stat b t0 rx.errors)" "0 0"
done <<- 'END'
	FOU 8 5555 none fou encap-sport auto encap-dport 5555
	FOU+csum 8 5555 csum fou encap-sport auto encap-dport 5555 encap-csum
	GUE 12 5556 none gue encap-sport auto encap-dport 5556
	GUE+csum 12 5556 csum gue encap-sport auto encap-dport 5556 encap-csum
	GUE+remcsum 20 5556 csum gue encap-sport auto encap-dport 5556 encap-csum encap-remcsum
END

# What is configured, shown and changed.
use encap fou encap-sport 7777 encap-dport 5555 encap-csum
is "it is shown" "$(encap t0)" "fou 7777 5555 True False"
capture r a "udp dst port 5555 and src port 7777"
check "a source port of its own" ns h1 ping -c 1 -W 5 172.16.2.2
captured > "$WORK/packets"
check "is on the wire" grep -q '10.1.0.1.7777 > 10.2.0.1.5555' "$WORK/packets"
ip -n a link set t0 type ipip encap gue encap-sport auto encap-dport 5556 noencap-csum
is "change to GUE" "$(encap t0)" "gue 0 5556 False False"
check "traffic goes on: what each end takes is its own matter" ns h1 ping -c 1 -W 5 172.16.2.2
differs "the MTU stays"
is "the MTU follows a change" "$(mtu a t0)" 1468
ip -n a link set t0 type ipip encap none
is "change to none" "$(encap t0)" "None None None None None"
differs "the MTU stays"
is "the MTU follows" "$(mtu a t0)" 1480
capture r a "proto 4 and src 10.1.0.1"
check "traffic goes on" ns h1 ping -c 1 -W 5 172.16.2.2
captured > "$WORK/packets"
check "now without UDP" grep -q '10.1.0.1 > 10.2.0.1: *IP' "$WORK/packets"

# The source that the route picks is in the checksum. For "local any" ip(8) sends nothing
# (findings/pyroute2-ipip-change.sh).
use encap fou encap-sport auto encap-dport 5555 encap-csum
ip -n a link set t0 type ipip local any
capture r a "udp and src 10.1.0.1"
ns h1 ping -c 1 -W 5 172.16.2.2 > /dev/null
captured > "$WORK/packets"
differs "the checksum is over the source 0.0.0.0"
check "local any: a checksum that holds" sh -c "grep -q 'udp sum ok' $WORK/packets &&
	! grep -q 'bad udp' $WORK/packets"

# An error about the UDP packet is one about the tunnel.
use encap fou encap-sport auto encap-dport 5555 ttl 64
forget
ip -n r link set dev b mtu 1400
ns h1 ping -c 2 -i 0.3 -W 1 -M "do" -s 1440 172.16.2.2 > /dev/null
check "path MTU: learned through ICMP" \
	sh -c "ip netns exec h1 ping -c 1 -W 2 -M do -s 1440 172.16.2.2 2>&1 | grep -q 'mtu *= *1372'"
ip -n r link set dev b mtu 1500
forget

# Without the far end's port nothing is taken.
ns b ip fou del port 5555
refuse "no port there: nothing arrives" ns h1 ping -c 1 -W 1 172.16.2.2
ns b ip fou add port 5555 ipproto 4

if [ "$IPIP" = ours ]; then
	use encap fou encap-sport auto encap-dport 5555
	./ext a t0 keepalive_interval=200 keepalive_retries=3
	capture r a "udp and src 10.1.0.1"
	wait_for 5 sh -c "ip netns exec a ethtool -S t0 | grep -q 'keepalive_answered: [1-9]'"
	captured > "$WORK/packets"
	check "keepalive goes the same way" grep -q '10.1.0.1.*> 10.2.0.1.5555' "$WORK/packets"
	check "and is answered" sh -c "ip netns exec a ethtool -S t0 | grep -q 'keepalive_answered: [1-9]'"
	ip -n b link set t0 down
	check "the carrier goes with the far end" \
		wait_for 10 sh -c "ip -n a link show dev t0 | grep -q NO-CARRIER"
	ip -n b link set t0 up
	check "and comes back" wait_for 10 sh -c "! ip -n a link show dev t0 | grep -q NO-CARRIER"
	refuse "keepalive as RouterOS does, which has no FOU" ./ext a t0 keepalive_mode=routeros
	./ext a t0 keepalive_interval=0

	# The kernel's part may be taken away under a tunnel.
	for n in a b; do
		ns $n ip fou del port 5555
		ns $n ip fou del port 5556
	done
	before=$(stat a t0 tx.errors)
	check "rmmod fou" rmmod fou
	ns a ping -c 1 -W 1 -I t0 172.16.2.2 > /dev/null
	check "what can't be sent is counted" test "$(stat a t0 tx.errors)" -gt "$before"
	check "by its name" sh -c "ip netns exec a ethtool -S t0 | grep -q 'tx_encap: [1-9]'"
fi
