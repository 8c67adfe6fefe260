#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Changes of a tunnel under traffic: no packet is lost, and a change applies to the next packet.
. ./lib.sh

topo
ip -n a addr add 10.1.0.2/24 dev wan
ip -n b addr add 10.2.0.2/24 dev wan

lost() { grep -o '[0-9]* packets transmitted, [0-9]* received' "$WORK/ping" | awk '{ print $1 - $4 }'; }
traffic() {
	ip netns exec h1 ping -q -i 0.005 172.16.2.2 > "$WORK/ping" &
	ping=$!
	wait_for 5 ns h1 ping -c 1 -W 1 172.16.2.2
}
stop() {
	sleep 0.5
	kill -INT $ping
	wait $ping
}

traffic
for i in 1 2 3 4 5 6 7 8 9 10; do
	ip -n a link set t0 type ipip ttl $((i + 50)) tos $((i * 4))
	ip -n b link set t0 type ipip ttl $((i + 60)) tos $((i * 8))
	ip -n b link set t0 type ipip ttl inherit tos inherit
	ip -n a link set t0 type ipip ttl inherit pmtudisc
	ip -n a link set t0 mtu $((1400 + i))
	ip -n b link set t0 type ipip fwmark $i
done
stop
is "50 changes of parameters lose no packet" "$(lost)" 0
check "there was traffic" [ "$(grep -o '[0-9]* received' "$WORK/ping" | cut -d' ' -f1)" -gt 100 ]
ip -n b link set t0 type ipip fwmark 0

if [ "$IPIP" = ours ]; then
	traffic
	for i in 1 2 3 4 5; do
		./ext a t0 df=no clamp_mss=both keepalive_interval=$((i * 100))
		./ext b t0 keepalive_interval=200 keepalive_mode=routeros clamp_mss=rx
		./ext a t0 df=inherit mtu_auto=1 keepalive_retries=$i
		./ext b t0 keepalive_mode=cookie df=set
		./ext a t0 mtu_auto=0 clamp_mss=off keepalive_interval=0
		./ext b t0 keepalive_interval=0 df=legacy
	done
	./ext a t0 df=legacy
	stop
	is "30 changes of RouterOS's properties lose no packet" "$(lost)" 0
fi

traffic
for i in 1 2 3 4 5; do
	ip -n b link set t0 type ipip local 10.2.0.2 remote 10.1.0.2
	ip -n a link set t0 type ipip local 10.1.0.2 remote 10.2.0.2
	ip -n a link set t0 type ipip local 10.1.0.1 remote 10.2.0.1
	ip -n b link set t0 type ipip local 10.2.0.1 remote 10.1.0.1
done
stop
check "ping after the addresses were changed and changed back" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2

capture r a "proto 4 and src 10.1.0.2"
ip -n b link set t0 type ipip local 10.2.0.2 remote 10.1.0.2
ip -n a link set t0 type ipip local 10.1.0.2 remote 10.2.0.2
ns a ping -c 3 -i 0.2 -W 5 192.168.0.2 > /dev/null
captured > "$WORK/packets"
is "after a change of addresses the first packets have the new ones" \
	"$(grep -c '10.1.0.2 > 10.2.0.2: IP' "$WORK/packets")" 3

ns h2 timeout 120 nc -l -N -p 5555 < /dev/null > "$WORK/received" &
receiver=$!
wait_for 10 listening h2 5555
while [ ! -e "$WORK/stop" ]; do
	head -c 256K /dev/urandom
done | tee "$WORK/sent" | ns h1 timeout 120 nc -N 172.16.2.2 5555 &
sender=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
	ip -n a link set t0 type ipip ttl $((i + 20))
	ip -n b link set t0 type ipip tos $((i * 4))
done
touch "$WORK/stop"
wait $sender $receiver
check "TCP during 20 changes arrives unchanged" cmp "$WORK/sent" "$WORK/received"
check "TCP during 20 changes: more than 4 MB" [ "$(wc -c < "$WORK/sent")" -gt 4000000 ]
is "no receive errors" "$(stat b t0 rx.errors)" 0

traffic
for _ in 1 2 3 4 5; do
	ip -n a link set t0 down
	ip -n a link set t0 up
	ip -n a route replace 172.16.2.0/24 dev t0
done
ip -n a link del t0
ip -n b link del t0
tunnel a 10.1.0.1 10.2.0.1
tunnel b 10.2.0.1 10.1.0.1
ip -n a route replace 172.16.2.0/24 dev t0
ip -n b route replace 172.16.1.0/24 dev t0
stop
check "ping after the tunnel was down, up, deleted and created under traffic" \
	ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
