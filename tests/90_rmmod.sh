#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module is unloaded with tunnels and under traffic, and leaves nothing behind.
. ./lib.sh

load() {
	if [ "$IPIP" = in-tree ]; then
		modprobe ipip
	else
		insmod "$MODULE"
	fi
}
loaded() { [ -e /sys/module/ipip ]; }
devices() {
	local n

	for n in "" a b h1; do
		ip ${n:+-n $n} -o link show type ipip
	done | grep -vc ': tunl0@'
}

tunnels() {
	tunnel a 10.1.0.1 10.2.0.1
	tunnel b 10.2.0.1 10.1.0.1
	ip -n a addr add 192.168.0.1/30 dev t0
	ip -n b addr add 192.168.0.2/30 dev t0
	ip -n a route add 172.16.2.0/24 dev t0
	ip -n b route add 172.16.1.0/24 dev t0
	# A tunnel whose underlay is in another netns than its device.
	ip -n a link add name far type ipip local 10.1.0.1 remote 10.9.9.9
	ip -n a link set dev far netns h1
	ip -n h1 link set dev far up
	# These two have had require_ipsec, for which the driver registers a netfilter hook.
	if [ "$IPIP" = ours ]; then
		./ext a t0 require_ipsec=1
		./ext a t0 require_ipsec=0
		./ext h1 far require_ipsec=1
	fi
	# More tunnels, some of them with cached routes.
	for i in 1 2 3 4 5 6 7 8; do
		ip -n a link add name x$i type ipip local 10.1.0.1 remote 10.2.1.$i tos inherit
		ip -n a link set x$i up
		ip -n a addr add 192.168.9.$i/32 peer 192.168.10.$i dev x$i
		ns a ping -c 1 -W 1 -i 0.2 192.168.10.$i > /dev/null 2>&1 &
	done
}

topo_underlay
tunnels
ns h2 iperf3 -s > /dev/null 2>&1 &
for round in 1 2 3 4; do
	check "round $round: ping" wait_for 10 ns h1 ping -c 1 -W 1 172.16.2.2
	ip netns exec a ping -q -f 192.168.0.2 > /dev/null 2>&1 &
	ip netns exec b ping -q -f -s 1400 192.168.0.1 > /dev/null 2>&1 &
	ip netns exec h1 timeout 20 iperf3 -c 172.16.2.2 -t 15 --bidir > /dev/null 2>&1 &
	sleep 1
	check "round $round: rmmod under traffic" rmmod ipip
	refuse "round $round: the module isn't loaded" loaded
	is "round $round: no tunnel is left" "$(devices)" 0
	is "round $round: no route is left" "$(ip -n a route show 172.16.2.0/24)" ""
	check "round $round: ping on the underlay" ns a ping -c 1 -W 5 10.2.0.1
	for n in a b h1; do
		ns_kill $n
	done
	check "round $round: load the module" load
	tunnels
done
check "ping after all rounds" wait_for 10 ns h1 ping -c 1 -W 1 172.16.2.2

refuse "a second insmod is refused" insmod "$MODULE"
check "rmmod with tunnels" rmmod ipip
if [ "$(modinfo -F filename ip_tunnel)" = "(builtin)" ]; then
	skip "unload the modules that ipip depends on" "they are built into this kernel"
else
	# Other tests have loaded the other modules, which depend on the same two.
	check "unload the modules that ipip depends on" \
		modprobe -ra sit xfrm_interface mpls_iptunnel mpls_router fou tunnel4 ip_tunnel
fi
check "load all of them again" sh -c "modprobe -a ip_tunnel tunnel4 && ${MODULE:+$([ "$IPIP" = in-tree ] && echo modprobe ipip || echo "insmod $MODULE")}"
ns_clean
check "load, rmmod, load without a tunnel" eval "rmmod ipip && load && rmmod ipip && load"
