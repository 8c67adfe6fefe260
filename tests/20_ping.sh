#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Pings and TCP pass through the tunnel unchanged, and are counted.
. ./lib.sh

topo
check "ping between the tunnel's ends" ns a ping -c 3 -i 0.2 -W 5 192.168.0.2
check "ping the other way" ns b ping -c 3 -i 0.2 -W 5 192.168.0.1
check "ping between hosts behind the gateways" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
check "ping between these hosts the other way" ns h2 ping -c 3 -i 0.2 -W 5 172.16.1.2
check "ping that fills the MTU" ns h1 ping -c 1 -W 5 -M "do" -s 1452 172.16.2.2
refuse "ping with DF that is one byte too long" \
	ns h1 ping -c 1 -W 1 -M "do" -s 1453 172.16.2.2
check "ping of 20,000 bytes in fragments" ns h1 ping -c 2 -i 0.2 -W 5 -M dont -s 20000 172.16.2.2
check "ping of 65,507 bytes in fragments" ns h1 ping -c 1 -W 5 -M dont -s 65507 172.16.2.2

capture r a "proto 4"
ns a ping -c 1 -W 5 192.168.0.2 > "$WORK/ping"
captured > "$WORK/packets"
check "the outer header on the wire" grep -q '10.1.0.1 > 10.2.0.1: IP' "$WORK/packets"
check "the inner header on the wire" grep -q '192.168.0.1 > 192.168.0.2: ICMP echo request' "$WORK/packets"
is "no wrong checksum on the wire" "$(grep -c 'bad cksum\|wrong' "$WORK/packets")" 0

for way in "h1 h2 172.16.2.2" "h2 h1 172.16.1.2"; do
	read -r from to address <<< "$way"
	check "8 MiB over TCP from $from arrive unchanged" tcp_bulk "$from" "$to" "$address" 8
done

before=$(stat a t0 tx.packets) bytes=$(stat a t0 tx.bytes)
rx=$(stat b t0 rx.packets) rxbytes=$(stat b t0 rx.bytes)
ns a ping -c 5 -i 0.1 -W 5 -s 100 192.168.0.2 > /dev/null
is "transmit counts packets" $(($(stat a t0 tx.packets) - before)) 5
is "transmit counts the bytes of the inner packets" $(($(stat a t0 tx.bytes) - bytes)) $((5 * 128))
is "receive counts packets" $(($(stat b t0 rx.packets) - rx)) 5
is "receive counts the bytes of the inner packets" $(($(stat b t0 rx.bytes) - rxbytes)) $((5 * 128))
is "no receive errors" "$(stat b t0 rx.errors)" 0
is "no transmit errors" "$(stat a t0 tx.errors)" 0

ip -n b link set t0 down
refuse "no answer while the far end is down" ns a ping -c 1 -W 1 192.168.0.2
check "the far end sends ICMP unreachable" \
	sh -c "ip netns exec a ping -c 2 -W 1 192.168.0.2 2>&1 | grep -q Unreachable"
ip -n b link set t0 up
check "ping after the far end is up again" wait_for 10 ns a ping -c 1 -W 1 192.168.0.2
