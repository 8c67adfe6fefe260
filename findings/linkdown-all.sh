#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# net.ipv4.conf.all.ignore_routes_with_linkdown of Linux 5.10
#
# Expected: as with other sysctls of conf.all, and as in Linux 6.1, it concerns all devices: a route whose device has no
# carrier isn't used.
#
# Actual: it has no effect. The sysctl of the device itself works, and that of "default" for devices made afterwards.
#
# Why it matters: a failover by two routes with different metrics never takes place, without an error.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch bullseye user-mode-linux=5.10um3+b1 iproute2=5.10.0-4 kmod busybox-static mount

boot 60 <<'END'
hosts a b
cable a b
ip -n a addr add 10.0.0.1/24 dev b
ip -n a link add name backup type dummy
ip -n a link set dev backup up
ip -n a route add 172.16.2.0/24 dev b metric 10
ip -n a route add 172.16.2.0/24 dev backup metric 20
set_to() {	# NAME VALUE
	ip netns exec a sh -c "echo $2 > /proc/sys/net/ipv4/conf/$1/ignore_routes_with_linkdown"
}
echo "== carrier"
ip -n a route get 172.16.2.9
ip -n b link set dev a down
lost() { ip -n a link show dev b | grep -q 'state [A-Z]*DOWN'; }
wait_for 10 lost
echo "== all"
set_to all 1
ip -n a route show 172.16.2.0/24
ip -n a route get 172.16.2.9
echo "== device"
set_to all 0
set_to b 1
ip -n a route show 172.16.2.0/24
ip -n a route get 172.16.2.9
echo "== end"
END
observe "the first of two routes has a carrier" part carrier
has "it is used" '^172\.16\.2\.9 dev b '
observe "it has lost the carrier, and conf.all.ignore_routes_with_linkdown is 1" part all
has "it is used all the same" '^172\.16\.2\.9 dev b ' 'dev b .*metric 10 linkdown'
observe "conf.all is 0, and the device's is 1" part device
has "the second one is used" '^172\.16\.2\.9 dev backup ' 'dev b .*metric 10 dead linkdown'
finish
