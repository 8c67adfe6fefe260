#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Routes that give the outer destination (encap ip), through a tunnel without a remote.
. ./lib.sh

topo
ip -n a link add name any type ipip local 10.1.0.1
ip -n a link set any up
ip -n a route replace 172.16.2.0/24 encap ip dst 10.2.0.1 dev any
check "ping through a route with encap ip" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
is "the pings went through that tunnel" "$(stat a any tx.packets)" 3
capture r a "proto 4 and src 10.1.0.1"
ip -n a route replace 172.16.2.0/24 encap ip dst 10.2.0.77 dev any
ns h1 ping -c 1 -W 1 172.16.2.2 > /dev/null
captured > "$WORK/packets"
check "the next packet after a change of the route goes to the new destination" \
	grep -q '10.1.0.1 > 10.2.0.77: IP' "$WORK/packets"
ip -n a route replace 172.16.2.0/24 via 10.2.0.1 dev any onlink
check "ping through a route with a gateway" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
is "no transmit errors" "$(stat a any tx.errors)" 0
