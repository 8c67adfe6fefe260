#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12: nexthop objects on a device that loses its carrier
#
# Expected: a route with a nexthop object ("nhid") behaves like one that names the device. When the device loses
# its carrier the route becomes "linkdown", and when the carrier is back it is used again.
#
# Actual: a route that names the device does that. The nexthop objects of the device are deleted when its carrier
# is lost, together with their routes. Neither comes back with the carrier.
#
# Why it matters: a tunnel's keepalive takes the carrier away when the far end is down. Routes with nexthop objects
# over the tunnel are lost at the first failure.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 grep kmod busybox-static mount

boot 120 <<'END'
hosts a b
cable a b
ip -n a addr add 10.0.0.1/24 dev b
ip -n a nexthop add id 1 via 10.0.0.2 dev b
ip -n a route add 172.16.2.0/24 nhid 1
ip -n a route add 172.16.3.0/24 via 10.0.0.2 dev b
show() { echo "== $1 nexthops"; ip -n a nexthop; echo "== $1 routes"; ip -n a route; }
show before
ip -n b link set dev a down
wait_for 5 sh -c 'ip -n a route | grep -q linkdown'
sleep 2
show without
ip -n b link set dev a up
sleep 3
show after
echo "== end"
END
observe "with a carrier" part "before routes"
has "both routes exist" '^172.16.2.0/24 nhid 1' ^172.16.3.0/24
observe "the carrier is lost" part "without routes"
has "the route with the device is linkdown" '^172.16.3.0/24 .*linkdown'
lacks "the route with the nexthop object is deleted" '^172.16.2.0/24'
same "the nexthop object is deleted" "$(part "without nexthops")" ""
observe "the carrier is back" part "after routes"
has "the route with the device is used again" ^172.16.3.0/24
lacks "the route with the device isn't linkdown" linkdown
lacks "the route with the nexthop object doesn't come back" '^172.16.2.0/24'
same "the nexthop object doesn't come back" "$(part "after nexthops")" ""
finish
