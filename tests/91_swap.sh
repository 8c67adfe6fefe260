#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make load` and `make unload`: the drivers take each other's place, and live
# tunnels don't go unasked.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "swapping the drivers" "this is about our module"
	exit
fi
loaded() { [ -e /sys/module/ipip ] && { [ -e /sys/module/ipip/version ] && echo ours || echo in-tree; }; }

topo
refuse "unload with live tunnels" ../tools/swap unload
cp "$WORK/output" "$WORK/said"
check "it names them" grep -q 'netns a: .*t0' "$WORK/said"
check "and says how to go on" grep -q 'FORCE=1' "$WORK/said"
check "the tunnels still work" ns a ping -c 1 -W 5 192.168.0.2
check "unload with FORCE=1" env FORCE=1 ../tools/swap unload
is "nothing is loaded" "$(loaded)" ""
check "unload once more" ../tools/swap unload

modprobe -i ipip
is "the in-tree driver is loaded" "$(loaded)" in-tree
refuse "insmod next to the in-tree driver" insmod "$MODULE"
check "it says that it is there already" grep -q 'File exists' "$WORK/output"
tunnel a 10.1.0.1 10.2.0.1
refuse "load with a tunnel of the in-tree driver" ../tools/swap load "$MODULE"
check "it names it" grep -q 'netns a: .*t0' "$WORK/output"
is "the in-tree driver stays" "$(loaded)" in-tree
ip -n a link del t0
check "load in its place" ../tools/swap load "$MODULE"
is "ours is loaded" "$(loaded)" ours
tunnel a 10.1.0.1 10.2.0.1
tunnel b 10.2.0.1 10.1.0.1
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
check "and works" ns a ping -c 1 -W 5 192.168.0.2

# KEEP=1: the tunnels come back. The in-tree driver's tunl0 has another index, and no
# IPv6 before it is up; it has limits of the MTU that it doesn't show.
links() {
	ip -n "$1" -d -o link show type ipip | sed 's/qdisc [a-z]* //; s/minmtu [0-9]* maxmtu [0-9]*//; s/tso_max_size [0-9]*//
		s/^[0-9]*: tunl0/tunl0/; /^tunl0/s/addrgenmode [a-z0-9]* //' | sort
}
config() {	# all that is asked of it
	local n
	for n in a b; do
		links $n
		ip -n $n -o -4 addr show dev t0
		ip -n $n -o -6 addr show dev t0 scope global
		ip -n $n addr show dev tunl0 | sed 1,2d
		ip -n $n route show table all | grep -E 'dev (t0|tunl0|far)' |
			grep -Ev 'table local|proto unspec' | sort
	done
	links c
	ns a sysctl net.ipv4.conf.t0.rp_filter net.ipv4.conf.tunl0.forwarding
}
ns_add c
ip -n a addr add 192.0.2.1/32 dev t0
ip -n a link set t0 alias "to b" group 7
ip -n a route add 172.16.2.0/24 dev t0 metric 5 mtu 1400
ip -n b route add 172.16.1.0/24 dev t0
ip -n a route add 198.51.100.0/24 table 77 nexthop dev t0 weight 2 nexthop via 10.1.0.254 dev wan
ip -n a addr add 172.16.1.129/32 dev tunl0
ip -n a link set tunl0 mtu 1440 up
ip -n a route add 172.16.77.0/24 via 10.2.0.1 dev tunl0 onlink
ip -n a link add name far type ipip local 10.1.0.1 remote 10.9.9.9 ttl 5
ip -n a link set far netns c
ns a sysctl -qw net.ipv4.conf.t0.rp_filter=2 net.ipv4.conf.tunl0.forwarding=0
config > "$WORK/before"
refuse "unload without KEEP or FORCE" ../tools/swap unload
check "it names tunl0, which is in use" grep -q 'netns a: tunl0' "$WORK/output"
check "unload with KEEP=1" env KEEP=1 ../tools/swap unload
is "the in-tree driver has its place" "$(loaded)" in-tree
config > "$WORK/after"
is "all is as it was" "$(diff "$WORK/before" "$WORK/after")" ""
check "the tunnel works" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
check "load with KEEP=1" env KEEP=1 ../tools/swap load "$MODULE"
is "ours is loaded" "$(loaded)" ours
config > "$WORK/after"
is "all is as it was" "$(diff "$WORK/before" "$WORK/after")" ""
check "the tunnel works" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
./ext a t0 df=no clamp_mss=both keepalive_interval=1000 keepalive_retries=7 mtu_auto=1 \
	keepalive_answer=0 keepalive_source=192.168.0.1 fast_path=1 remote_name=far.example
extras() {
	./ext a t0 df clamp_mss keepalive_interval keepalive_retries mtu_auto keepalive_answer \
		keepalive_source fast_path remote_name
}
want=$(extras)
check "load ours in the place of ours" env KEEP=1 ../tools/swap load "$MODULE"
is "what only ours has is as it was" "$(extras)" "$want"
check "unload says what the in-tree driver hasn't got" \
	sh -c "KEEP=1 ../tools/swap unload 2>&1 | grep -q 't0: the in-tree driver has no word'"
check "load" env KEEP=1 ../tools/swap load "$MODULE"
cp "$MODULE" "$WORK/broken.ko" && truncate -s 1000 "$WORK/broken.ko"
refuse "load what can't be loaded" env KEEP=1 ../tools/swap load "$WORK/broken.ko"
check "a driver is back" test -e /sys/module/ipip
check "and so are the tunnels" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
check "load ours again" env KEEP=1 ../tools/swap load "$MODULE"
# Where anybody may look.
chmod 755 "$WORK"
mkdir "$WORK/tools"
cp ../tools/swap ../tools/*.py "$WORK/tools"
cp -r ../include "$WORK"
refuse "load without a right to" \
	setpriv --reuid 65534 --clear-groups "$WORK/tools/swap" load "$MODULE"
check "it says so" grep -q 'must be run as root' "$WORK/output"
