#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tunnels whose outer route leads through the tunnel itself or through another tunnel, and
# tunnels inside tunnels.
. ./lib.sh

topo
ip -n a route add 10.2.0.1/32 dev t0
before=$(stat a t0 tx.collisions) errors=$(stat a t0 tx.errors)
refuse "the outer route leads through the tunnel itself: no ping" ns a ping -c 1 -W 1 192.168.0.2
is "the outer route leads through the tunnel itself: counted as a collision" "$(($(stat a t0 tx.collisions) - before))" 1
is "the outer route leads through the tunnel itself: counted as a transmit error" "$(($(stat a t0 tx.errors) - errors))" 1
ip -n a route del 10.2.0.1/32 dev t0
check "ping after that route is deleted" ns a ping -c 1 -W 5 192.168.0.2

# Two tunnels; the route to each one's far end leads through the other.
ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.3.0.1
ip -n a link set t1 up
ip -n a route add 10.2.0.1/32 dev t1
ip -n a route add 10.3.0.1/32 dev t0
refuse "two tunnels in a circle: no ping through the first" ns a ping -c 3 -i 0.2 -W 1 192.168.0.2
is "two tunnels in a circle: counted as transmit errors" \
	"$([ $(($(stat a t0 tx.errors) + $(stat a t1 tx.errors))) -gt "$errors" ] && echo yes)" yes
capture r a "ip"
refuse "two tunnels in a circle: no ping to a far end" ns a ping -c 1 -W 1 10.3.0.1
is "two tunnels in a circle: no packet is sent" "$(captured | grep -c '10\.[0-9]*\.0\.1')" 0
ip -n a link del t1
ip -n a route del 10.2.0.1/32 2> /dev/null
# Each round through the circle has lowered the learned path MTU.
ip -n a route flush cache
check "ping after the circle is removed" wait_for 5 ns a ping -c 1 -W 1 192.168.0.2

# t1 is inside t0, and t2 inside t1.
for level in 1 2; do
	outer=$((level - 1))
	ip -n a link add name t$level type ipip local 192.168.$outer.1 remote 192.168.$outer.2
	ip -n b link add name t$level type ipip local 192.168.$outer.2 remote 192.168.$outer.1
	ip -n a addr add 192.168.$level.1/30 dev t$level
	ip -n b addr add 192.168.$level.2/30 dev t$level
	ip -n a link set t$level up
	ip -n b link set t$level up
	check "ping through $((level + 1)) tunnels inside each other" \
		ns a ping -c 2 -i 0.2 -W 5 192.168.$level.2
	is "the MTU of tunnel $level is 20 less than that of the tunnel around it" \
		"$(ns a cat /sys/class/net/t$level/mtu)" $((1480 - 20 * level))
done
check "2 MiB over TCP through three tunnels inside each other" tcp_bulk a b 192.168.2.2 2
check "a packet of the innermost tunnel's MTU through three tunnels" ns a ping -c 1 -W 5 -M "do" -s 1412 192.168.2.2
