#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VRF: the tunnel's device in a VRF, its underlay in a VRF, and both.
. ./lib.sh

if ! modprobe -q vrf; then
	skip "VRF" "this kernel doesn't have it"
	exit
fi

vrf() {	# NETNS NAME TABLE DEVICE...
	local n=$1 name=$2 table=$3 dev
	shift 3
	ip -n "$n" link add name "$name" type vrf table "$table"
	ip -n "$n" link set "$name" up
	for dev; do
		ip -n "$n" link set dev "$dev" master "$name"
	done
}

# The overlay in a VRF: the tunnel and the device to the hosts, not the underlay.
topo
vrf a red 100 h1 t0
vrf b red 100 h2 t0
ip -n a route add 172.16.2.0/24 dev t0 vrf red
ip -n b route add 172.16.1.0/24 dev t0 vrf red
check "overlay: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
check "overlay: ping from the VRF itself" ns a ip vrf exec red ping -c 1 -W 5 192.168.0.2
refuse "overlay: no ping from outside the VRF" ns a ping -c 1 -W 1 192.168.0.2
is "overlay: ip(8) shows the VRF as the master" "$(ip -n a -j link show dev t0 |
	python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["master"])')" red
check "overlay: 1 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 1
ip -n a link set t0 nomaster
refuse "overlay: the tunnel is removed from the VRF: no ping" ns h1 ping -c 1 -W 1 172.16.2.2

# The underlay in a VRF: the tunnel's link is the VRF, or a device in it.
ns_clean
topo
vrf a blue 200 wan
ip -n a route add default via 10.1.0.254 vrf blue
refuse "underlay: without dev there is no route: no ping" ns h1 ping -c 1 -W 1 172.16.2.2
for dev in blue wan; do
	check "underlay, dev $dev: change the tunnel" ip -n a link set t0 type ipip dev $dev
	check "underlay, dev $dev: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
	check "underlay, dev $dev: 1 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 1
done
is "underlay: no receive errors" "$(stat a t0 rx.errors)" 0
# On receive the driver compares a tunnel's link with the VRF: add a tunnel with the same
# addresses and no link.
ip -n a link set t0 type ipip dev blue
ip -n a link add name other type ipip local 10.1.0.1 remote 10.2.0.1
ip -n a link set other up
check "underlay: two tunnels with the same addresses: ping" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
is "underlay: two tunnels with the same addresses: that of the VRF receives" "$(stat a other rx.packets)" 0
ip -n a link del other

# The path MTU in the VRF.
ip -n r link set dev b mtu 1400
ns h1 ping -c 2 -i 0.3 -W 1 -M "do" -s 1440 172.16.2.2 > /dev/null
check "underlay: the path MTU is learned" \
	too_long 1440 1380
ip -n r link set dev b mtu 1500
for n in a h1; do ip -n $n route flush cache; done

# The tunnel's device and its underlay in two VRFs.
vrf a red 100 h1 t0
ip -n a route add 172.16.2.0/24 dev t0 vrf red
check "both: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
check "both: 1 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 1
