#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An underlay that loses, reorders, duplicates and corrupts packets: TCP through the tunnel arrives
# unchanged, and keepalive keeps the tunnel up.
. ./lib.sh

topo
if ! ip netns exec r tc qdisc add dev b root netem loss 1%; then
	skip "an impaired underlay" "the kernel has no netem"
	exit 0
fi
# Without segmentation offload netem impairs single packets.
for n in h1 h2; do
	ns $n ethtool -K eth0 tso off gso off > "$WORK/ethtool"
done
if [ "$IPIP" = ours ]; then
	for n in a b; do
		./ext $n t0 keepalive_interval=200 keepalive_retries=10 clamp_mss=both mtu_auto=1
	done
fi

# Replaces the netem: if it were changed, it would keep corrupting packets when that isn't given
# (findings/netem-change.sh). ping(8) trusts the time in a corrupted reply, and waits twice as long
# as that for the last reply.
impair() {
	local device

	for device in a b; do
		ns r tc qdisc del dev $device root 2> /dev/null
		ns r tc qdisc add dev $device root netem limit 2000 "$@"
	done
}

state_is() { [ "$(./ext a t0 keepalive_state)" = "$1" ]; }

seen() {	# WORD: print this statistic of netem
	ns r tc -s -j qdisc show dev b | python3 -c '
import json, sys
print(json.load(sys.stdin)[0][sys.argv[1]])' "$1"
}

for how in "loss 3%" "delay 4ms reorder 30% 50%" "delay 2ms 2ms" "duplicate 10%" "corrupt 2%" \
	"delay 2ms 1ms loss 2% duplicate 3% corrupt 1%"; do
	# shellcheck disable=SC2086 # $how is several words
	impair $how
	before=$(stat b t0 rx.packets)
	check "$how: 1 MiB over TCP arrives unchanged" tcp_bulk h1 h2 172.16.2.2 1
	check "$how: 1 MiB over TCP the other way arrives unchanged" tcp_bulk h2 h1 172.16.1.2 1
	check "$how: the tunnel carries the packets" [ $(($(stat b t0 rx.packets) - before)) -gt 700 ]
done
impair loss 10%
is "the next netem has no corruption" "$(ns r tc qdisc show dev b | grep -c corrupt)" 0
ns h1 ping -q -c 100 -i 0.01 -W 1 172.16.2.2 > /dev/null
check "the underlay does lose packets" [ "$(seen drops)" -gt 0 ]

if [ "$IPIP" = ours ]; then
	for n in a b; do
		is "$n: keepalive has kept the tunnel up" "$(./ext $n t0 keepalive_state)" up
	done
	# A duplicated answer counts once.
	impair duplicate 100%
	sleep 0.5
	sent=$(./ext a t0 keepalive_sent) late=$(./ext a t0 keepalive_late)
	before=$(./ext a t0 keepalive_answered)
	sleep 3
	answered=$(($(./ext a t0 keepalive_answered) - before))
	sent=$(($(./ext a t0 keepalive_sent) - sent))
	check "duplicate 100%: there are answers" [ $answered -gt 5 ]
	check "duplicate 100%: one answer counts for each probe" [ $answered -le $sent ]
	check "duplicate 100%: the other answers are late" [ "$(./ext a t0 keepalive_late)" -gt "$late" ]
	impair loss 100%
	check "loss 100%: the state is down" wait_for 15 state_is down
	impair delay 1ms
	check "no loss: the state is up" wait_for 15 state_is up
fi
ns r tc qdisc del dev a root
ns r tc qdisc del dev b root
check "ping without impairments" ns h1 ping -c 2 -i 0.2 -W 5 172.16.2.2
