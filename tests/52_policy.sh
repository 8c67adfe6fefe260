#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# IPsec policies apply to outer packets. Each drop has a counter and a drop reason.
. ./lib.sh

trace=/sys/kernel/tracing
mountpoint -q $trace || mount -t tracefs tracefs $trace

# Prints the drop reasons of packets dropped while a command runs.
reasons() {
	echo > $trace/trace
	echo 1 > $trace/events/skb/kfree_skb/enable
	"$@" > /dev/null 2>&1
	sleep 0.2
	echo 0 > $trace/events/skb/kfree_skb/enable
	grep -o 'reason: [A-Z_]*' $trace/trace | sort -u
}

# Checks that $WORK/reasons has this reason.
reason_is() {	# REASON
	if ! has_drop_reasons; then
		skip "drop reason: $1" "this kernel has no drop reasons"
		return
	fi
	differs "the in-tree driver gives no reason"
	check "drop reason: $1" grep -q "$1" "$WORK/reasons"
}

topo
check "ping without a policy" ns a ping -c 1 -W 5 192.168.0.2

ip -n b xfrm policy add dir in src 10.1.0.1 dst 10.2.0.1 proto 4 action block
before=$(stat b t0 rx.packets) errors=$(stat b t0 rx.errors)
reasons ns a ping -c 2 -i 0.2 -W 1 192.168.0.2 > "$WORK/reasons"
is "a blocking input policy: the tunnel receives nothing" "$(stat b t0 rx.packets)" "$before"
differs "the in-tree driver doesn't count these"
is "a blocking input policy: counted as receive errors" "$(($(stat b t0 rx.errors) - errors))" 2
reason_is XFRM_POLICY
ip -n b xfrm policy flush
check "ping after the input policy is deleted" ns a ping -c 1 -W 5 192.168.0.2

ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 action block
errors=$(stat a t0 tx.carrier_errors)
refuse "a blocking output policy: no packet is sent" ns a ping -c 1 -W 1 192.168.0.2
is "a blocking output policy: counted as packets without a route" "$(($(stat a t0 tx.carrier_errors) - errors))" 1
ip -n a xfrm policy flush
check "ping after the output policy is deleted" ns a ping -c 1 -W 5 192.168.0.2

ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 \
	tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode transport
ip -n b xfrm policy add dir in src 10.1.0.1 dst 10.2.0.1 proto 4 \
	tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode transport
esp_one_way
capture r a "src 10.1.0.1"
check "ping with ESP in one direction" ns a ping -c 1 -W 5 192.168.0.2
captured > "$WORK/packets"
check "ESP is on the wire" grep -q 'ESP(spi=0x00000100' "$WORK/packets"
is "no clear text is on the wire" "$(grep -c 'proto IPIP' "$WORK/packets")" 0
# A device spreads flows over queues by the flow hash, which must be computed before encryption.
mkdir "$WORK/bpf"
mount -t bpf bpf "$WORK/bpf"
python3 bpf.py hashed "$WORK/bpf/hashed"
tc -n a qdisc add dev wan clsact
tc -n a filter add dev wan egress protocol ip bpf da object-pinned "$WORK/bpf/hashed"
before=$(stat b t0 rx.packets)
ns h1 python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"data", ("172.16.2.2", 9))'
arrived() { [ "$(stat b t0 rx.packets)" -gt "$before" ]; }
check "a packet in ESP has its flow hash" wait_for 5 arrived
refuse "a packet without a flow hash is dropped by the filter" ns a ping -c 1 -W 1 10.2.0.1
tc -n a qdisc del dev wan clsact
umount "$WORK/bpf"
ip -n a xfrm policy flush
errors=$(stat b t0 rx.packets)
refuse "clear text to a far end whose policy requires ESP" ns a ping -c 1 -W 1 192.168.0.2
is "clear text to a far end whose policy requires ESP isn't received" "$(stat b t0 rx.packets)" "$errors"
ip -n b xfrm policy flush

ip -n r route add blackhole 10.2.0.1/32
ip -n a route add unreachable 10.2.0.1/32
errors=$(stat a t0 tx.errors) carrier=$(stat a t0 tx.carrier_errors)
reasons ns a ping -c 1 -W 1 192.168.0.2 > "$WORK/reasons"
is "no route for the outer packet: tx_errors" "$(($(stat a t0 tx.errors) - errors))" 1
is "no route for the outer packet: tx_carrier_errors" \
	"$(($(stat a t0 tx.carrier_errors) - carrier))" 1
reason_is IP_OUTNOROUTES

ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.3.0.1 proto 4 \
	tmpl src 10.1.0.1 dst 10.3.0.1 proto esp mode transport
ip -n a xfrm monitor acquire > "$WORK/acquires" &
monitor=$!
wait_for 20 listens a 6
ip -n a link add name t1 type ipip mode ipip local 10.1.0.1 remote 10.3.0.1
ip -n a link set dev t1 up
sleep 1
differs "the in-tree driver looks the route up as for a packet"
is "a new tunnel doesn't make the kernel ask for an SA" "$(grep -c '^acquire' "$WORK/acquires")" 0
ip -n a route add 192.168.3.0/24 dev t1
ns a ping -c 1 -W 1 192.168.3.1 > /dev/null
asked() { [ "$(grep -c '^acquire' "$WORK/acquires")" -ge 1 ]; }
check "the first packet makes the kernel ask for an SA" wait_for 5 asked
kill $monitor
