#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each drop has a counter, a tracepoint with the counter's name, and a drop reason.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "counters" "the in-tree driver doesn't have them"
	exit
fi

trace=/sys/kernel/tracing
mountpoint -q $trace || mount -t tracefs tracefs $trace
echo 1 > $trace/events/ipip/ipip_drop/enable
echo 1 > $trace/events/skb/kfree_skb/enable

# Runs a command that makes the tunnel drop one packet; checks counters, ethtool, tracepoint and
# drop reason.
drops() {	# NAME NETNS COUNTER REASON COMMAND...
	local name=$1 n=$2 counter=$3 reason=$4
	shift 4
	./ext "$n" t0 > "$WORK/before"
	echo > $trace/trace
	"$@" > /dev/null 2>&1
	sleep 0.3
	cp $trace/trace "$WORK/trace"
	./ext "$n" t0 > "$WORK/after"
	is "$name: only $counter counts" \
		"$(diff "$WORK/before" "$WORK/after" | grep '^>')" \
		"> $counter=$(($(sed -n "s/^$counter=//p" "$WORK/before") + 1))"
	is "$name: ethtool shows the same value" \
		"$counter=$(ns "$n" ethtool -S t0 | sed -n "s/^ *$counter: //p")" \
		"$(grep "^$counter=" "$WORK/after")"
	is "$name: one event ipip_drop, with device and counter" \
		"$(grep -c "ipip_drop: dev=t0 .*counter=$counter " "$WORK/trace")" 1
	if has_drop_reasons; then
		check "$name: drop reason $reason" grep -q "kfree_skb: .*reason: $reason" "$WORK/trace"
	else
		skip "$name: drop reason $reason" "this kernel has no drop reasons"
	fi
}
send() { ns a ping -c 1 -W 1 -s "${1:-8}" 192.168.0.2; }

topo mode ipip
send > /dev/null
send > /dev/null

ip -n b xfrm policy add dir in src 10.1.0.1 dst 10.2.0.1 proto 4 action block
drops "IPsec policy" b rx_policy XFRM_POLICY send
ip -n b xfrm policy flush
./ext b t0 require_ipsec=1
drops "IPsec is required, receive" b rx_no_ipsec XFRM_POLICY send
./ext b t0 require_ipsec=0
./ext a t0 require_ipsec=1
drops "IPsec is required, transmit" a tx_no_ipsec XFRM_POLICY send
./ext a t0 require_ipsec=0
ip -n a route add unreachable 10.2.0.1/32
drops "no route" a tx_no_route IP_OUTNOROUTES send
ip -n a route del unreachable 10.2.0.1/32
ip -n a route add 10.2.0.1/32 dev t0
drops "the outer route leads through the tunnel itself" a tx_loop IP_OUTNOROUTES send
ip -n a route del 10.2.0.1/32 dev t0
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1300
drops "a packet too long for the path" a tx_too_big PKT_TOO_BIG ns a ping -c 1 -W 1 -M "do" -s 1400 192.168.0.2
ip -n a route del 10.2.0.1/32

# Inner Not-ECT, outer CE, sent by r.
ip -n b link set dev t0 type ipip tos 0
inject() {	# TOS PROTOCOL
	ip netns exec r python3 - "$1" "$2" <<-END
		import socket, struct, sys
		tos, protocol = map(int, sys.argv[1:])
		inner = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20, 1, 0, 64, 253, 0,
		                    socket.inet_aton("192.168.0.1"), socket.inet_aton("192.168.0.2"))
		outer = struct.pack(">BBHHHBBH4s4s", 0x45, tos, 40, 1, 0, 64, protocol, 0,
		                    socket.inet_aton("10.1.0.1"), socket.inet_aton("10.2.0.1"))
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
		s.sendto(outer + inner, ("10.2.0.1", 0))
	END
}
drops "an invalid combination of ECN fields" b rx_ecn \
	"$(grep -q IP_TUNNEL_ECN $trace/events/skb/kfree_skb/format && echo IP_TUNNEL_ECN || echo IP_INHDR)" \
	inject 3 4
if modprobe -q mpls_router || [ -e /proc/sys/net/mpls ]; then
	drops "a protocol that the tunnel doesn't carry" b rx_protocol UNHANDLED_PROTO inject 0 137
fi
raw() {
	ip netns exec a python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
s.sendto(bytes(64), ("t0", 0x88b5))'
}
drops "neither IPv4 nor MPLS" a tx_protocol UNHANDLED_PROTO raw

# The route to each tunnel's far end leads through the other. t0 drops the packet the third time.
ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.3.0.1
ip -n a link set t1 up
ip -n a route add 10.2.0.1/32 dev t1
ip -n a route add 10.3.0.1/32 dev t0
drops "tunnels nested too deep" a tx_nested \
	"$(grep -q RECURSION_LIMIT $trace/events/skb/kfree_skb/format && echo RECURSION_LIMIT || echo NOT_SPECIFIED)" \
	ns a ping -c 1 -W 1 -I t1 10.3.0.1
ip -n a link del t1
ip -n a link del t0
ip -n a link add name t0 type ipip local 10.1.0.1
ip -n a link set t0 up
ip -n a route add 192.168.0.2/32 dev t0 src 10.1.0.1
empty() {
	ip netns exec a python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
s.sendto(bytes([0x45]) + bytes(63), ("t0", 0x0800))'
}
drops "next-hop mode without a next hop" a tx_no_nexthop IP_OUTNOROUTES empty
short() {
	ip netns exec a python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
s.sendto(bytes([0x45]) + bytes(7), ("t0", 0x0800))'
}
drops "a packet shorter than its header" a tx_malformed PKT_TOO_SMALL short
echo 0 > $trace/events/ipip/ipip_drop/enable
echo 0 > $trace/events/skb/kfree_skb/enable
