#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tunnels whose device and underlay are in different netns: traffic, moves, and deletion of
# either netns under traffic.
. ./lib.sh

info() { ip -n "$1" -d -j link show dev "$2" | python3 -c '
import json, sys
print(json.load(sys.stdin)[0].get(sys.argv[1], "none"))' "$3"; }
present() { ip -n "$1" link show dev "$2"; }
absent() { ! ip -n "$1" link show dev "$2" 2> /dev/null; }
start() {	# NETNS ADDRESS: start a flood of pings
	ip netns exec "$1" ping -q -f "$2" > /dev/null 2>&1 &
	floods+=($!)
}
stop() {
	kill "${floods[@]}"
	wait "${floods[@]}"
	floods=()
} 2> /dev/null
flowing() {	# NETNS DEVICE
	local before

	before=$(stat "$1" "$2" rx.packets)
	wait_for 10 eval "[ \$(stat $1 $2 rx.packets) -gt $((before + 20)) ]"
}
floods=()

# Makes one end of the tunnel: the device in one netns, its underlay in another.
far() {	# UNDERLAY DEVICE-NETNS
	ip -n "$1" link add name t0 type ipip local 10.1.0.1 remote 10.2.0.1 || return
	[ "$1" = "$2" ] || ip -n "$1" link set dev t0 netns "$2" || return
	ip -n "$2" addr add 192.168.0.1/30 dev t0
	ip -n "$2" link set dev t0 up
}
# Makes the netns a, the underlay with 10.1.0.1. b has the other end, within one netns.
underlay() {
	ns_add a
	ip link add name wan netns a type veth peer name "${1:-wan}" netns b
	ip -n a addr add 10.1.0.1/8 dev wan
	ip -n a link set dev wan up
	ip -n b addr add 10.2.0.1/8 dev "${1:-wan}"
	ip -n b link set dev "${1:-wan}" up
}

ns_add b c d
underlay
tunnel b 10.2.0.1 10.1.0.1
ip -n b addr add 192.168.0.2/30 dev t0

far a c
check "moved: ping out" ns c ping -c 2 -i 0.2 -W 5 192.168.0.2
check "moved: ping in" ns b ping -c 2 -i 0.2 -W 5 192.168.0.1
check "moved: a packet of the tunnel's MTU" ns c ping -c 1 -W 5 -M "do" -s 1452 192.168.0.2
check "moved: 2 MiB over TCP out" tcp_bulk c b 192.168.0.2 2
check "moved: 2 MiB over TCP in" tcp_bulk b c 192.168.0.1 2
check "moved: the device isn't in the underlay's netns" absent a t0
is "moved: ip(8) shows link-netnsid" "$(info c t0 link_netnsid)" 0
is "moved: link-netnsid is the underlay's netns" \
	"$(ip -n c netns list-id nsid 0 | sed -n 's/.*name: *\([^)]*\).*/\1/p')" a
refuse "moved: its addresses stay taken in the underlay's netns" \
	ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.2.0.1
check "moved: its addresses are free in the device's netns" \
	ip -n c link add name t1 type ipip local 10.1.0.1 remote 10.2.0.1
is "a device over its own netns shows no link-netnsid" "$(info c t1 link_netnsid)" none
ip -n c link del t1
ip -n b addr add 10.2.0.9/8 dev wan
ip -n b link add name t9 type ipip local 10.2.0.9 remote 10.1.0.1
ip -n b link set dev t9 up
check "moved: a change is accepted" ip -n c link set dev t0 type ipip remote 10.2.0.9
before=$(stat b t9 rx.packets)
ns c ping -c 2 -i 0.2 -W 1 192.168.0.2 > /dev/null
is "moved: packets go to the new remote" $(($(stat b t9 rx.packets) - before)) 2
ip -n b link del t9
ip -n c link set dev t0 type ipip remote 10.2.0.1
check "moved: ping after it is changed back" ns c ping -c 1 -W 5 192.168.0.2

start b 192.168.0.1
check "move while up: traffic flows" flowing c t0
ip -n c link set dev t0 netns d
check "move while up: the device is in the new netns" present d t0
check "move while up: the device isn't in the old netns" absent c t0
ip -n d addr add 192.168.0.1/30 dev t0
ip -n d link set dev t0 up
check "move while up: traffic flows again" flowing d t0
ip -n d link set dev t0 netns a
ip -n a addr add 192.168.0.1/30 dev t0
ip -n a link set dev t0 up
check "back in the underlay's netns: traffic flows again" flowing a t0
is "back in the underlay's netns: no link-netnsid" "$(info a t0 link_netnsid)" none
stop

nsid=$(ip -n d netns list | sed -n 's/^a (id: \([0-9]*\))$/\1/p')
ip -n a link del t0
check "create with link-netns" ip -n d link add name t0 link-netns a type ipip \
	local 10.1.0.1 remote 10.2.0.1
is "link-netns: link-netnsid is shown" "$(info d t0 link_netnsid)" "$nsid"
ip -n d addr add 192.168.0.1/30 dev t0
ip -n d link set dev t0 up
check "link-netns: ping out" ns d ping -c 2 -i 0.2 -W 5 192.168.0.2
check "link-netns: ping in" ns b ping -c 2 -i 0.2 -W 5 192.168.0.1
ip -n d link del t0

far a c
start b 192.168.0.1
check "the device's netns is deleted: traffic flowed" flowing c t0
ip netns del c
check "the device's netns is deleted: its addresses are free again" \
	wait_for 20 ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.2.0.1
ip -n a link del t1
ns_add c
far a c
check "the device's netns is back: traffic flows again" flowing c t0
stop

start c 192.168.0.2
check "the underlay's netns is deleted: traffic flowed" flowing c t0
ip netns del a
check "the underlay's netns is deleted: the device is deleted with it" wait_for 20 absent c t0
is "the underlay's netns is deleted: no route is left" "$(ip -n c route show)" ""
stop
underlay wan2
far a c
check "the underlay's netns is back: ping" wait_for 10 ns c ping -c 1 -W 1 192.168.0.2

start b 192.168.0.1
check "both netns are deleted: traffic flowed" flowing c t0
ip netns del a
ip netns del c
stop
ns_add c
check "both netns are deleted: the veth is deleted with them" wait_for 20 absent b wan2
underlay wan3
far a c
check "both netns are back: ping" wait_for 10 ns b ping -c 1 -W 1 192.168.0.1

# a and e have tunnels whose device is in the other one, and both have tunnels with c.
ns_add e
for pair in "a e" "e a" "a c" "c e"; do
	read -r under over <<< "$pair"
	ip -n "$under" link add name "$under$over" type ipip local 10.7.0.1 remote 10.7.0.2
	ip -n "$under" link set dev "$under$over" netns "$over"
	ip -n "$over" link set dev "$under$over" up
done
ip netns del a
ip netns del e
check "underlay of each other, both deleted: their devices in a third netns are deleted" \
	wait_for 20 eval "absent c t0 && absent c ac"
check "underlay of each other, both deleted: addresses in the third netns are free again" wait_for 20 \
	ip -n c link add name cd type ipip local 10.7.0.1 remote 10.7.0.2
check "underlay of each other, both deleted: the third netns can make tunnels" eval "ip -n c link set dev cd netns d && present d cd"
ip netns del c
check "the third netns is deleted: its tunnel in another netns is deleted" wait_for 20 absent d cd

start=$SECONDS
made=0
for i in $(seq 10); do
	ip netns add "x$i"
	ip netns add "y$i"
	ip -n "x$i" -batch - <<-END && made=$((made + 1))
		link add name t0 type ipip local 10.1.0.1 remote 10.2.0.1
		link add name t1 type ipip local 10.1.0.1 remote 10.2.0.2
		link add name t2 netns y$i type ipip local 10.1.0.1 remote 10.2.0.3
		link set dev t1 up
		link set dev t1 netns y$i
	END
	if [ $((i % 2)) = 0 ]; then
		ip netns del "x$i"
		ip netns del "y$i"
	else
		ip netns del "y$i"
		ip netns del "x$i"
	fi
done
is "10 pairs of netns with tunnels are made and deleted" $made 10
echo "# in $((SECONDS - start)) s"
ns_add a x1
check "a netns of the same name can be made again" eval \
	"ip -n x1 link add name t0 type ipip local 10.1.0.1 remote 10.2.0.1 &&
	 ip -n x1 link set dev t0 netns a && present a t0"
