#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Keepalive in use: the time until the carrier is lost, failover to a second tunnel, NAT, and the
# lifetime of the timer.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "keepalive in use" "the in-tree driver doesn't have it"
	exit
fi

trace=/sys/kernel/tracing
mountpoint -q $trace || mount -t tracefs tracefs $trace
echo 1 > $trace/events/ipip/ipip_keepalive_state/enable

state() { ./ext "${2:-a}" "${1:-t0}" keepalive_state; }
state_is() { [ "$(state "${@:2}")" = "$1" ]; }
sent() { ./ext a "${1:-t0}" keepalive_sent; }
sends() {	# NAME: check that probes are being sent
	local before
	before=$(sent)
	check "$1" wait_for 10 sends_more "$before"
}
sends_more() { [ "$(sent)" -gt "$1" ]; }

topo
./ext a t0 keepalive_interval=500 keepalive_retries=4
wait_for 10 state_is up t0
sends "probes are sent"

# The link between r and b is cut.
echo > $trace/trace
ip -n r link set dev b down
check "the path is cut: the state is down" wait_for 20 state_is down t0
check "the path is cut: the tracepoint shows it" \
	grep -q 'ipip_keepalive_state: dev=t0 .* up -> down misses=4' $trace/trace
ip -n r link set dev b up
check "the path is back: the state is up" wait_for 20 state_is up t0
check "the path is back: the tracepoint shows it" \
	grep -q 'ipip_keepalive_state: dev=t0 .* down -> up' $trace/trace

# How long that takes by the kernel's clock: the last answer came at most one interval before the
# cut, and three more probes wait one interval each for an answer.
./ext a t0 keepalive_interval=1000 keepalive_retries=3
answered=$(./ext a t0 keepalive_answered)
more_answers() { [ "$(./ext a t0 keepalive_answered)" -gt "$answered" ]; }
wait_for 10 more_answers
echo > $trace/trace
echo "the cut" > $trace/trace_marker
ip -n r link set dev b down
wait_for 20 grep -q 'up -> down' $trace/trace
cut=$(sed -n 's/.* \([0-9.]*\): tracing_mark_write: the cut.*/\1/p' $trace/trace)
lost=$(sed -n 's/.* \([0-9.]*\): ipip_keepalive_state: .* up -> down.*/\1/p' $trace/trace | head -n 1)
check "the carrier is lost after interval x retries, within one interval (cut at $cut, lost at $lost)" \
	awk "BEGIN { t = $lost - $cut; exit !(t > 2.8 && t < 4.5) }"
ip -n r link set dev b up
wait_for 20 state_is up t0

# A second tunnel with other addresses, whose route has a higher metric.
ip -n a addr add 10.1.0.2/24 dev wan
ip -n b addr add 10.2.0.2/24 dev wan
ip -n a link add name t1 type ipip local 10.1.0.2 remote 10.2.0.2
ip -n b link add name t1 type ipip local 10.2.0.2 remote 10.1.0.2
for n in a b; do
	ip -n $n link set dev t1 up
	ns $n sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1 \
		net.ipv4.conf.t0.ignore_routes_with_linkdown=1
	./ext $n t0 keepalive_interval=200 keepalive_retries=3
done
ip -n a route add 172.16.2.0/24 dev t1 metric 100
ip -n b route add 172.16.1.0/24 dev t1 metric 100
check "ping through the first tunnel" ns h1 ping -c 1 -W 5 172.16.2.2
first=$(stat a t0 tx.packets) second=$(stat a t1 tx.packets)
ip -n r route add blackhole 10.2.0.1/32
ip -n r route add blackhole 10.1.0.1/32
check "the first tunnel's far end is unreachable: ping after failover" \
	wait_for 20 ns h1 ping -c 1 -W 1 172.16.2.2
check "failover: the second tunnel carries the packets" [ "$(stat a t1 tx.packets)" -gt "$second" ]
ip -n r route del blackhole 10.2.0.1/32
ip -n r route del blackhole 10.1.0.1/32
check "the first tunnel's far end is back: the state is up" wait_for 20 state_is up t0
first=$(stat a t0 tx.packets)
goes_first() { ns h1 ping -c 1 -W 1 172.16.2.2 && [ "$(stat a t0 tx.packets)" -gt "$first" ]; }
check "the first tunnel's far end is back: it carries the packets" wait_for 20 goes_first
for n in a b; do
	ip -n $n link del t1
done
./ext b t0 keepalive_interval=0

# The far end is behind a NAT: b has 10.2.0.1, and r translates that to 10.3.0.1.
ip -n a link set dev t0 type ipip remote 10.3.0.1
nat() {	# DEVICE MATCH DIRECTION FROM TO
	ns r tc qdisc add dev "$1" ingress
	ns r tc filter add dev "$1" parent ffff: protocol ip u32 match ip "$2" "$4/32" \
		action nat "$3" "$4/32" "$5"
}
nat a dst ingress 10.3.0.1 10.2.0.1 && nat b src egress 10.2.0.1 10.3.0.1 || nat=no
if [ "${nat:-}" = no ]; then
	skip "a far end behind a NAT" "tc has no NAT action"
else
	answered=$(./ext a t0 keepalive_answered)
	check "a far end behind a NAT: answers probes" wait_for 10 more_answers
	is "a far end behind a NAT: the state is up" "$(state t0)" up
	./ext b t0 keepalive_interval=200 keepalive_retries=3
	answered=$(./ext b t0 keepalive_answered)
	more_answers_b() { [ "$(./ext b t0 keepalive_answered)" -gt $((answered + 2)) ]; }
	check "a far end behind a NAT: its own probes are answered" wait_for 10 more_answers_b
	./ext b t0 keepalive_interval=0
	ns r tc qdisc del dev a ingress
	ns r tc qdisc del dev b ingress
fi
ip -n a link set dev t0 type ipip remote 10.2.0.1
check "without the NAT: the state is up" wait_for 10 state_is up t0

# Events that the timer must survive.
sends "probes are sent after a change of remote"
ip -n a link set dev t0 type ipip tos 0x20
sends "probes are sent after a change of TOS"
./ext a t0 keepalive_interval=100
sends "probes are sent after a change of interval"
./ext a t0 keepalive_mode=routeros
sends "probes are sent after a change of mode"
check "after a change of mode the state is up" wait_for 10 state_is up t0
./ext a t0 keepalive_mode=cookie
ip -n a link set dev t0 down
is "the tunnel is down: the state is off" "$(state t0)" off
before=$(sent)
sleep 0.5
is "the tunnel is down: no probes are sent" "$(sent)" "$before"
ip -n a link set dev t0 up
sends "the tunnel is up again: probes are sent"
ip -n a link set dev wan down
check "the underlay is down: the state is down" wait_for 10 state_is down t0
check "the underlay is down: unsent probes are counted" [ "$(./ext a t0 keepalive_unsent)" -gt 0 ]
ip -n a link set dev wan up
ip -n a route add default via 10.1.0.254
check "the underlay is back: the state is up" wait_for 20 state_is up t0
ip -n a link set dev t0 netns h1
is "moved to another netns: the device is down, and the state is off" "$(state t0 h1)" off
ip -n h1 link set dev t0 up
wait_for 10 state_is up t0 h1
is "moved to another netns and set up: the state is up" "$(state t0 h1)" up

# Keepalive is switched off while the carrier is lost.
ip -n r link set dev b down
check "the path is cut again: the state is down" wait_for 10 state_is down t0 h1
./ext h1 t0 keepalive_interval=0
check "keepalive is switched off: the carrier is back" sh -c \
	"ip -n h1 link show dev t0 | grep -q LOWER_UP"
ip -n r link set dev b up

# No timer fires after the module is unloaded.
for i in $(seq 1 50); do
	echo "link add name k$i type ipip local 10.1.0.1 remote 10.2.1.$i"
	echo "link set dev k$i up"
done | ip -n a -batch -
ip netns exec a python3 - <<-END
	import sys
	sys.path.insert(0, ".")
	from lib import Rtnl
	rtnl = Rtnl("a")
	for i in range(1, 51):
	    rtnl.set(f"k{i}", keepalive_interval=100, keepalive_mode="routeros")
END
they_send() { [ "$(./ext a k50 keepalive_sent)" -gt 0 ]; }
check "50 tunnels send probes" wait_for 20 they_send
check "the module can be unloaded meanwhile" rmmod ipip
capture r a "proto 4"
sleep 1
is "no probe is sent afterwards" "$(captured)" ""
check "the module can be loaded again" insmod "$MODULE"
