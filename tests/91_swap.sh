#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make load` and `make unload`: the drivers replace each other, and live tunnels aren't deleted
# unless FORCE=1 or KEEP=1 is given.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "swapping the drivers" "it needs this project's module"
	exit
fi
loaded() { [ -e /sys/module/ipip ] && { [ -e /sys/module/ipip/version ] && echo ours || echo in-tree; }; }

topo
refuse "unload with live tunnels is refused" ../tools/swap unload
cp "$WORK/output" "$WORK/said"
check "the refusal names the tunnels" grep -q 'netns a: .*t0' "$WORK/said"
check "the refusal names FORCE=1" grep -q 'FORCE=1' "$WORK/said"
check "ping after the refusal" ns a ping -c 1 -W 5 192.168.0.2
check "unload with FORCE=1" env FORCE=1 ../tools/swap unload
is "after FORCE=1 no driver is loaded" "$(loaded)" ""
check "unload again does nothing" ../tools/swap unload

modprobe -i ipip
is "the in-tree driver is loaded" "$(loaded)" in-tree
refuse "insmod while the in-tree driver is loaded is refused" insmod "$MODULE"
check "insmod says that the module exists" grep -q 'File exists' "$WORK/output"
tunnel a 10.1.0.1 10.2.0.1
refuse "load with a tunnel of the in-tree driver is refused" ../tools/swap load "$MODULE"
check "the refusal names the tunnel of the in-tree driver" grep -q 'netns a: .*t0' "$WORK/output"
is "the in-tree driver stays" "$(loaded)" in-tree
ip -n a link del t0
check "load replaces the in-tree driver" ../tools/swap load "$MODULE"
is "this project's driver is loaded" "$(loaded)" ours
tunnel a 10.1.0.1 10.2.0.1
tunnel b 10.2.0.1 10.1.0.1
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
check "ping with this project's driver" ns a ping -c 1 -W 5 192.168.0.2

# KEEP=1 recreates the tunnels. Not compared: the index of tunl0, its IPv6 state before it is up, and
# the limits of the MTU, which the in-tree driver doesn't show.
links() {
	ip -n "$1" -d -o link show type ipip | sed 's/qdisc [a-z]* //; s/minmtu [0-9]* maxmtu [0-9]*//; s/tso_max_size [0-9]*//
		s/^[0-9]*: tunl0/tunl0/; /^tunl0/s/addrgenmode [a-z0-9]* //' | sort
}
config() {	# print everything that must stay the same
	local n
	for n in a b; do
		links $n
		ip -n $n -o -4 addr show dev t0
		ip -n $n -o -6 addr show dev t0 scope global
		ip -n $n addr show dev tunl0 | sed 1,2d
		ip -n $n route show table all | grep -E 'dev (t0|tunl0|far)' |
			grep -Ev 'table local|proto unspec' | sort
		ip -n $n route show table all | grep ^blackhole
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
# Counts packets between the two networks that leave without the tunnel, by the default routes.
ns r nft "table ip leak { chain pre { type filter hook prerouting priority 0
	ip daddr { 172.16.1.0/24, 172.16.2.0/24, 192.168.0.0/30 } counter; }; }"
leaked() { ns r nft list table ip leak | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
ns a ping -c 1 -W 1 172.16.2.9 > /dev/null 2>&1
is "nothing leaves without the tunnel" "$(leaked)" 0
ip -n a route add 172.16.2.9/32 via 10.1.0.254
ns a ping -c 1 -W 1 172.16.2.9 > /dev/null 2>&1
is "what leaves without the tunnel is counted" "$(leaked)" 1
ip -n a route del 172.16.2.9/32
ip netns exec h1 ping -i 0.01 -q 172.16.2.2 > /dev/null &
pingers=$!
ip netns exec b ping -i 0.01 -q 192.168.0.1 > /dev/null &
pingers="$pingers $!"
refuse "unload without KEEP or FORCE is refused" ../tools/swap unload
check "the refusal names tunl0, which is in use" grep -q 'netns a: tunl0' "$WORK/output"
check "unload with KEEP=1" env KEEP=1 ../tools/swap unload
is "after unload with KEEP=1 the in-tree driver is loaded" "$(loaded)" in-tree
config > "$WORK/after"
is "after unload with KEEP=1 nothing has changed" "$(diff "$WORK/before" "$WORK/after")" ""
check "after unload with KEEP=1: ping" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
check "load with KEEP=1" env KEEP=1 ../tools/swap load "$MODULE"
is "after load with KEEP=1 this project's driver is loaded" "$(loaded)" ours
config > "$WORK/after"
is "after load with KEEP=1 nothing has changed" "$(diff "$WORK/before" "$WORK/after")" ""
is "after load with KEEP=1 no learned MTU has become a route" \
	"$(ip -n a route show table all proto unspec type unicast | grep -v cache)" ""
check "after load with KEEP=1: ping" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
is "while the drivers are exchanged nothing leaves without the tunnel" "$(leaked)" 1
# shellcheck disable=SC2086 # words
kill $pingers
./ext a t0 df=no clamp_mss=both keepalive_interval=1000 keepalive_retries=7 mtu_auto=1 \
	keepalive_answer=0 keepalive_source=192.168.0.1 fast_path=1 remote_name=far.example
extras() {
	./ext a t0 df clamp_mss keepalive_interval keepalive_retries mtu_auto keepalive_answer \
		keepalive_source fast_path remote_name
}
want=$(extras)
check "load replaces this project's driver by itself" env KEEP=1 ../tools/swap load "$MODULE"
is "this driver's properties haven't changed" "$(extras)" "$want"
check "unload names what the in-tree driver doesn't support" \
	sh -c "KEEP=1 ../tools/swap unload 2>&1 | grep -q 't0: the in-tree driver doesn.t support some'"
check "load after unload" env KEEP=1 ../tools/swap load "$MODULE"
# The in-tree driver doesn't know that a tunnel requires IPsec.
./ext a t0 require_ipsec=1
refuse "a tunnel requires IPsec: unload with KEEP=1 is refused" env KEEP=1 ../tools/swap unload
check "the refusal says why, and names the tunnel" grep -q '^netns a: t0$' "$WORK/output"
is "the refusal changes nothing" "$(loaded) $(./ext a t0 require_ipsec)" "ours 1"
./ext a t0 require_ipsec=0
cp "$MODULE" "$WORK/broken.ko" && truncate -s 1000 "$WORK/broken.ko"
refuse "load of a damaged module fails" env KEEP=1 ../tools/swap load "$WORK/broken.ko"
check "after a failed load a driver is loaded" test -e /sys/module/ipip
check "after a failed load: ping" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
check "load after a failed load" env KEEP=1 ../tools/swap load "$MODULE"
./ext a t0 require_ipsec=1
refuse "a tunnel requires IPsec: load of a damaged module fails" env KEEP=1 ../tools/swap load "$WORK/broken.ko"
cp "$WORK/output" "$WORK/said"
is "a tunnel requires IPsec: the in-tree driver is loaded" "$(loaded)" in-tree
check "a tunnel requires IPsec: swap says that it isn't restored" \
	grep -q '^t0 in netns a: not restored, since it requires IPsec' "$WORK/said"
check "a tunnel requires IPsec: swap says how to remove the blackhole routes" \
	grep -q 'ip route flush table all proto 197 removes them' "$WORK/said"
refuse "a tunnel requires IPsec: the in-tree driver doesn't get it" ip -n a link show dev t0
check "a tunnel requires IPsec: the other end is restored" ip -n b link show dev t0
ns h1 ping -c 1 -W 1 172.16.2.2 > /dev/null 2>&1
is "a tunnel requires IPsec: nothing leaves without it" "$(leaked)" 1
held() { ip -n a route show table all proto 197; }
held > "$WORK/held"
check "a tunnel requires IPsec: the blackhole routes stay" grep -q '^blackhole 172.16.2.0/24 ' "$WORK/held"
tunnel a 10.1.0.1 10.2.0.1
ip -n a route add 172.16.2.0/24 dev t0
check "a route is back: load" env KEEP=1 ../tools/swap load "$MODULE"
held > "$WORK/held"
refuse "a route is back: its blackhole route goes" grep -q '^blackhole 172.16.2.0/24 ' "$WORK/held"
check "a route is still missing: its blackhole route stays" grep -q '^blackhole 192.168.0.0/30 ' "$WORK/held"
ip -n a addr add 192.168.0.1/30 dev t0
ip -n a route add 198.51.100.0/24 table 77 dev t0
check "load after that" env KEEP=1 ../tools/swap load "$MODULE"
is "after a complete restoration no blackhole route is left" "$(held)" ""

# Routes whose device has no carrier, and properties of tunl0.
./ext a t0 keepalive_interval=100 keepalive_retries=1
./ext a tunl0 mtu_auto=1
ip -n a link add name far type ipip local 10.1.0.1 remote 10.9.9.8
ip -n a link set far up
ip -n a route add 198.51.100.0/24 nexthop dev t0 nexthop dev far
ip -n b link set t0 down
no_carrier() { ip -n a route show 172.16.2.0/24 | grep -q linkdown; }
check "the route's device has no carrier" wait_for 10 no_carrier
routes() { ip -n a route show | sed 's/ linkdown//'; }
routes > "$WORK/before"
check "load with a tunnel that has no carrier" env KEEP=1 ../tools/swap load "$MODULE"
routes > "$WORK/after"
is "no carrier: the routes are restored" "$(diff "$WORK/before" "$WORK/after")" ""
is "no carrier: no blackhole route is left" "$(held)" ""
is "tunl0 keeps its properties" "$(./ext a tunl0 mtu_auto)" 1
refuse "load of a module that doesn't exist is refused" env KEEP=1 ../tools/swap load ""
is "the refusal changes nothing: the driver stays" "$(loaded)" ours
# Copy swap to where another user can read it.
chmod 755 "$WORK"
mkdir "$WORK/tools"
cp ../tools/swap ../tools/*.py "$WORK/tools"
cp -r ../include "$WORK"
refuse "load by another user is refused" \
	setpriv --reuid 65534 --clear-groups "$WORK/tools/swap" load "$MODULE"
check "the refusal says that root is required" grep -q 'must be run as root' "$WORK/output"
