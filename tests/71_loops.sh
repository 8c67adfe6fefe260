#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A tunnel whose outer route leads back into a tunnel, and tunnels in tunnels.
. ./lib.sh

topo
ip -n a route add 10.2.0.1/32 dev t0
before=$(stat a t0 tx.collisions) errors=$(stat a t0 tx.errors)
refuse "outer route through the tunnel itself: no answer" ns a ping -c 1 -W 1 192.168.0.2
is "it is a collision" "$(($(stat a t0 tx.collisions) - before))" 1
is "and a transmit error" "$(($(stat a t0 tx.errors) - errors))" 1
ip -n a route del 10.2.0.1/32 dev t0
check "it works again without that route" ns a ping -c 1 -W 5 192.168.0.2

# Two tunnels, each the way to the other's far end.
ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.3.0.1
ip -n a link set t1 up
ip -n a route add 10.2.0.1/32 dev t1
ip -n a route add 10.3.0.1/32 dev t0
refuse "two tunnels in a circle: no answer" ns a ping -c 3 -i 0.2 -W 1 192.168.0.2
is "the circle ends in transmit errors" \
	"$([ $(($(stat a t0 tx.errors) + $(stat a t1 tx.errors))) -gt "$errors" ] && echo yes)" yes
capture r a "ip"
refuse "to either of them" ns a ping -c 1 -W 1 10.3.0.1
is "and no packet leaves" "$(captured | grep -c '10\.[0-9]*\.0\.1')" 0
ip -n a link del t1
ip -n a route del 10.2.0.1/32 2> /dev/null
# Each round made the path look narrower.
ip -n a route flush cache
check "it works again without the circle" wait_for 5 ns a ping -c 1 -W 1 192.168.0.2

# t1 through t0, t2 through t1.
for level in 1 2; do
	outer=$((level - 1))
	ip -n a link add name t$level type ipip local 192.168.$outer.1 remote 192.168.$outer.2
	ip -n b link add name t$level type ipip local 192.168.$outer.2 remote 192.168.$outer.1
	ip -n a addr add 192.168.$level.1/30 dev t$level
	ip -n b addr add 192.168.$level.2/30 dev t$level
	ip -n a link set t$level up
	ip -n b link set t$level up
	check "ping through $((level + 1)) tunnels in each other" \
		ns a ping -c 2 -i 0.2 -W 5 192.168.$level.2
	is "its MTU is that of the one outside less 20" \
		"$(ns a cat /sys/class/net/t$level/mtu)" $((1480 - 20 * level))
done
check "2 MB over TCP through three tunnels in each other" tcp_bulk a b 192.168.2.2 2
check "a full packet through three tunnels" ns a ping -c 1 -W 5 -M "do" -s 1412 192.168.2.2
