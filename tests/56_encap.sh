#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# FOU and GUE: a UDP header between the outer header and the inner packet.
. ./lib.sh

mtu() { ip -n "$1" -j link show dev "$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["mtu"])'; }
encap() { # the encap that ip shows
	ip -n a -d -j link show dev "$1" | python3 -c '
import json, sys
d = json.load(sys.stdin)[0]["linkinfo"]["info_data"].get("encap", {})
print(d.get("type"), d.get("sport"), d.get("dport"), d.get("csum"), d.get("remcsum"))'
}

topo_underlay
modprobe -r fou 2> /dev/null
refuse "FOU without the module fou is refused" ip -n a link add name t type ipip \
	local 10.1.0.1 remote 10.2.0.1 encap fou encap-sport auto encap-dport 5555
differs "no message"
check "FOU without the module fou: the message names it" grep -q "is the module fou loaded" "$WORK/output"
if ! modprobe -q fou; then
	skip "FOU and GUE" "this kernel doesn't have them"
	exit
fi
for n in a b; do
	# Without this the checksum isn't computed before the wire.
	ns $n ethtool -K wan tx off > /dev/null
	ns $n ip fou add port 5555 ipproto 4
	ns $n ip fou add port 5556 gue
done

use() {	# ARGUMENT...: make the tunnel with these at both ends
	local n
	for n in a b; do
		ip -n $n link del t0 2> /dev/null
	done
	tunnel a 10.1.0.1 10.2.0.1 "$@"
	tunnel b 10.2.0.1 10.1.0.1 "$@"
	ip -n a route add 172.16.2.0/24 dev t0
	ip -n b route add 172.16.1.0/24 dev t0
}

forget() {	# forget learned path MTUs
	for n in a b h1 h2; do ip -n $n route flush cache; done
}

while read -r name hlen port csum arguments; do
	# shellcheck disable=SC2086 # $arguments is several words
	use encap $arguments
	is "$name: the MTU leaves room" "$(mtu a t0)" $((1500 - 20 - hlen))
	capture r a "udp dst port $port"
	check "$name: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
	check "$name: ping that fills the MTU" \
		ns h1 ping -c 1 -W 5 -M "do" -s $((1500 - 20 - hlen - 28)) 172.16.2.2
	check "$name: ping one byte too long gets an ICMP error with the MTU" \
		too_long $((1500 - 20 - hlen - 27)) $((1500 - 20 - hlen))
	captured > "$WORK/packets"
	check "$name: UDP in both directions" sh -c "grep -q '10.1.0.1.*> 10.2.0.1.$port' $WORK/packets &&
		grep -q '10.2.0.1.*> 10.1.0.1.$port' $WORK/packets"
	case $csum in
	csum)	check "$name: with a valid UDP checksum" sh -c "grep -q 'udp sum ok' $WORK/packets &&
			! grep -q 'bad udp' $WORK/packets" ;;
	*)	check "$name: without a UDP checksum" grep -q 'no cksum' "$WORK/packets" ;;
	esac
	check "$name: 2 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 2
	is "$name: no errors" "$(stat a t0 tx.errors) $(stat b t0 rx.errors)" "0 0"
done <<- 'END'
	FOU 8 5555 none fou encap-sport auto encap-dport 5555
	FOU+csum 8 5555 csum fou encap-sport auto encap-dport 5555 encap-csum
	GUE 12 5556 none gue encap-sport auto encap-dport 5556
	GUE+csum 12 5556 csum gue encap-sport auto encap-dport 5556 encap-csum
	GUE+remcsum 20 5556 csum gue encap-sport auto encap-dport 5556 encap-csum encap-remcsum
END

# Showing and changing the encap.
use encap fou encap-sport 7777 encap-dport 5555 encap-csum
is "ip(8) shows FOU" "$(encap t0)" "fou 7777 5555 True False"
capture r a "udp dst port 5555 and src port 7777"
check "FOU with a fixed source port: ping" ns h1 ping -c 1 -W 5 172.16.2.2
captured > "$WORK/packets"
check "FOU with a fixed source port: on the wire" grep -q '10.1.0.1.7777 > 10.2.0.1.5555' "$WORK/packets"
ip -n a link set t0 type ipip encap gue encap-sport auto encap-dport 5556 noencap-csum
is "change to GUE" "$(encap t0)" "gue 0 5556 False False"
check "change to GUE at one end: ping, since each end receives both" ns h1 ping -c 1 -W 5 172.16.2.2
differs "the in-tree driver keeps the MTU"
is "change to GUE: the MTU follows" "$(mtu a t0)" 1468
ip -n a link set t0 type ipip encap none
is "change to none" "$(encap t0)" "None None None None None"
differs "the in-tree driver keeps the MTU"
is "change to none: the MTU follows" "$(mtu a t0)" 1480
capture r a "proto 4 and src 10.1.0.1"
check "change to none: ping" ns h1 ping -c 1 -W 5 172.16.2.2
captured > "$WORK/packets"
check "change to none: no UDP on the wire" grep -q '10.1.0.1 > 10.2.0.1: *IP' "$WORK/packets"

# Without a local the UDP checksum must cover the source that the route gives. ip(8) sends no
# attribute for "local any" (findings/pyroute2-ipip-change.sh).
use encap fou encap-sport auto encap-dport 5555 encap-csum
ip -n a link set t0 type ipip local any
capture r a "udp and src 10.1.0.1"
ns h1 ping -c 1 -W 5 172.16.2.2 > /dev/null
captured > "$WORK/packets"
differs "the in-tree driver's checksum covers the source 0.0.0.0"
check "local any: a valid UDP checksum" sh -c "grep -q 'udp sum ok' $WORK/packets &&
	! grep -q 'bad udp' $WORK/packets"

# An ICMP error about the UDP packet applies to the tunnel.
use encap fou encap-sport auto encap-dport 5555 ttl 64
forget
ip -n r link set dev b mtu 1400
ns h1 ping -c 2 -i 0.3 -W 1 -M "do" -s 1440 172.16.2.2 > /dev/null
check "path MTU: learned through ICMP" \
	too_long 1440 1372
ip -n r link set dev b mtu 1500
forget

# The far end receives only on ports that are configured for FOU.
ns b ip fou del port 5555
refuse "no FOU port at the far end: no ping" ns h1 ping -c 1 -W 1 172.16.2.2
ns b ip fou add port 5555 ipproto 4

if [ "$IPIP" = ours ]; then
	use encap fou encap-sport auto encap-dport 5555
	./ext a t0 keepalive_interval=200 keepalive_retries=3
	capture r a "udp and src 10.1.0.1"
	wait_for 5 sh -c "ip netns exec a ethtool -S t0 | grep -q 'keepalive_answered: [1-9]'"
	captured > "$WORK/packets"
	check "keepalive probes are sent in FOU" grep -q '10.1.0.1.*> 10.2.0.1.5555' "$WORK/packets"
	check "keepalive probes in FOU are answered" sh -c "ip netns exec a ethtool -S t0 | grep -q 'keepalive_answered: [1-9]'"
	ip -n b link set t0 down
	check "FOU: the far end is down: keepalive takes the carrier away" \
		wait_for 10 sh -c "ip -n a link show dev t0 | grep -q NO-CARRIER"
	ip -n b link set t0 up
	check "FOU: the far end is up: the carrier is back" wait_for 10 sh -c "! ip -n a link show dev t0 | grep -q NO-CARRIER"
	refuse "FOU: keepalive mode routeros is refused" ./ext a t0 keepalive_mode=routeros
	./ext a t0 keepalive_interval=0

	# The module fou may be unloaded while a tunnel uses it.
	for n in a b; do
		ns $n ip fou del port 5555
		ns $n ip fou del port 5556
	done
	before=$(stat a t0 tx.errors)
	check "fou can be unloaded" rmmod fou
	ns a ping -c 1 -W 1 -I t0 172.16.2.2 > /dev/null
	check "fou is unloaded: packets are transmit errors" test "$(stat a t0 tx.errors)" -gt "$before"
	check "fou is unloaded: packets count as tx_encap" sh -c "ip netns exec a ethtool -S t0 | grep -q 'tx_encap: [1-9]'"
fi
