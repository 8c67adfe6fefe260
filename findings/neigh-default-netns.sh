#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Timers of neighbours in a network namespace of Linux 6.12
#
# Expected: net.ipv4.neigh.default has the values of new devices in each network namespace, as net.ipv4.conf.default
# has.
#
# Actual: only the initial namespace has net.ipv4.neigh.default. A device that is made in another namespace gets the
# initial one's values, so a change there concerns the routers in all namespaces. A device that moves to another
# namespace loses the values that were set for it.
#
# Why it matters: a router in a namespace can't set for all of its devices how long a neighbour
# counts as reachable. It has to do so for each device, and again after a device has been moved.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 kmod busybox-static mount

boot 60 <<'END'
hosts a b
value() {	# HOST NAME
	ip netns exec "$1" cat "/proc/sys/net/ipv4/$2" 2>&1
}
echo "== names"
ip netns exec a ls /proc/sys/net/ipv4/conf
echo "== neigh"
ip netns exec a ls /proc/sys/net/ipv4/neigh
echo "== inherited"
echo 123000 > /proc/sys/net/ipv4/neigh/default/base_reachable_time_ms
echo 2 > /proc/sys/net/ipv4/conf/default/rp_filter
ip -n a link add name new type dummy
echo "reachable for $(value a neigh/new/base_reachable_time_ms) ms, rp_filter $(value a conf/new/rp_filter)"
echo "== moved"
ip netns exec a sh -c 'echo 456000 > /proc/sys/net/ipv4/neigh/new/base_reachable_time_ms'
echo "before: $(value a neigh/new/base_reachable_time_ms) ms"
ip -n a link set new netns b
echo "after: $(value b neigh/new/base_reachable_time_ms) ms"
echo "== end"
END
observe "net.ipv4.conf in a new namespace" part names
has "has default" '^default$'
observe "net.ipv4.neigh there" part neigh
lacks "has no default" '^default$'
observe "a device that is made there after a change in the initial namespace" part inherited
has "takes the neighbours' time from the initial namespace, and no conf" '^reachable for 123000 ms, rp_filter [01]$'
observe "a device that moves to another namespace" part moved
has "loses its value" '^before: 456000 ms$' '^after: 123000 ms$'
finish
