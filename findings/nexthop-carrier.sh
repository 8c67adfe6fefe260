#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12: nexthop objects on a device that loses its carrier
#
# Expected: a route by a nexthop object ("nhid") is the same route written otherwise. When the device loses
# its carrier it becomes "linkdown", and when the carrier is back it is used again.
#
# So it is: that holds for the route that names the device itself. The nexthop objects of that device
# are deleted when its carrier goes, and the routes by them with them. Neither comes back with the
# carrier.
#
# Why it matters: a tunnel's keepalive says by the carrier that the far end is gone. Who makes routes by
# nexthop objects over it loses them at the first failure.

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
has "both routes are there" '^172.16.2.0/24 nhid 1' ^172.16.3.0/24
observe "the carrier has gone" part "without routes"
has "the route by the device is linkdown" '^172.16.3.0/24 .*linkdown'
lacks "the route by the nexthop object has gone" '^172.16.2.0/24'
same "the nexthop object, too" "$(part "without nexthops")" ""
observe "the carrier is back" part "after routes"
has "the route by the device is used again" ^172.16.3.0/24
lacks "it isn't linkdown" linkdown
lacks "the other one doesn't come back" '^172.16.2.0/24'
same "nor does the nexthop object" "$(part "after nexthops")" ""
finish
