#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A measured MTU (RFC 8899) with OSPF, which requires the same MTU at both ends and restarts when an
# MTU changes: paths whose underlay has different MTUs at the two ends, paths that shrink, grow or lose
# packets, and paths without ICMP errors. Then TCP through a black hole.
. ./lib.sh
. ./frr.sh

frr_needed "OSPF and the MTU" "the in-tree driver doesn't measure the MTU"
export PATH=$PWD/../build/tools:$PATH ASAN_OPTIONS=detect_leaks=0

full() { vtysh a "show ip ospf neighbor" | grep -q "Full.*ipip1:"; }
mtus_are() { [ "$(mtus)" = "$1 $1" ]; }
measured() { [ "$(ns a ipipctl get ipip1 mtu-measured) $(ns b ipipctl get ipip1 mtu-measured)" = "$1 $1" ]; }

# Prints how often OSPF loses its neighbour in so many seconds.
losses() {	# SECONDS
	local end=$((SECONDS + $1)) was=1 lost=0

	full || was=0
	while [ $SECONDS -lt $end ]; do
		if full; then
			was=1
		else
			lost=$((lost + was)) was=0
		fi
		sleep 0.3
	done
	echo $lost
}
at_most_once() { [ "$1" -le 1 ]; }

lossy() {	# PERCENT
	for dev in a b; do
		tc -n r qdisc replace dev $dev root netem loss "$1%"
	done
}

frr_init
echo "# $(chroot "$root" dpkg-query -W frr)"
topo_underlay
ends_start

# Without a measurement.
links 1500 1492
tunnels mtu=auto keepalive=no
check "not measured: OSPF is configured" ospf
refuse "not measured, underlays of 1492 and 1500: OSPF doesn't come up" wait_for 20 full
links 1500 1500

links 1500 1492
check "measured, underlays of 1492 and 1500" tunnels mtu=auto keepalive=1s,5
check "1492 and 1500: both ends have the same MTU" wait_for 15 mtus_are 1472
check "1492 and 1500: OSPF is configured" ospf
check "1492 and 1500: OSPF comes up" wait_for 30 full
is "1492 and 1500: OSPF stays up for longer than a learned MTU lasts" "$(losses 50)" 0
links 1500 1500

links 1400 1400
check "measured, the second link has 1400" tunnels mtu=auto keepalive=1s,5
check "1400: both ends have the same MTU" wait_for 15 mtus_are 1380
check "1400: OSPF is configured" ospf
check "1400: OSPF comes up" wait_for 30 full
is "1400: OSPF stays up for longer than a learned MTU lasts" "$(losses 50)" 0
links 1500 1500
check "the link grows: OSPF loses its neighbour at most once" at_most_once "$(losses 90)"
check "the link grows: both ends have measured it" mtus_are 1480
check "the link grows: OSPF is up" full
hole 1400
check "a black hole: OSPF loses its neighbour at most once" at_most_once "$(losses 30)"
check "a black hole: both ends have measured it" mtus_are 1380
check "a black hole: OSPF is up" full
hole 0
check "the black hole ends: OSPF loses its neighbour at most once" at_most_once "$(losses 90)"
check "the black hole ends: both ends have measured it" mtus_are 1480
check "the black hole ends: OSPF is up" full
# TCP through a black hole over links of 10 Mbit/s, compared with an MTU that is set by hand.
slow() {	# [RATE]: without it, remove the limit
	for dev in a b; do
		if [ $# = 0 ]; then
			tc -n r qdisc del dev $dev root
		else
			tc -n r qdisc replace dev $dev root netem rate "$1" limit 100
		fi
	done
}
rate() {	# print the kB/s that the far end receives
	ns h2 timeout 60 iperf3 -s -1 > /dev/null 2>&1 &
	wait_for 10 listening h2 5201
	ns h1 timeout 60 iperf3 -c 172.16.2.2 -t 5 -J | python3 -c '
import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 8000))'
}
mtu_is() {	# MTU
	for n in a b; do
		ns $n ipipctl set ipip1 mtu="$1"
	done
}
max() { printf '%s\n' "$@" | sort -n | tail -n 1; }
hole 1400
check "the black hole again: both ends have measured it" wait_for 20 measured 1380
slow 10mbit
found=0 set_by_hand=0
# Measure in turn, so that other load of the machine affects both.
for _ in 1 2 3; do
	mtu_is auto
	check "automatic MTU: the black hole is measured" wait_for 20 measured 1380
	found=$(max "$found" "$(rate)")
	mtu_is 1380
	set_by_hand=$(max "$set_by_hand" "$(rate)")
done
echo "# $found kB/s, $set_by_hand with the MTU set by hand"
check "TCP with the measured MTU has at least 95 % of the rate with the MTU set by hand" test "$found" -ge $((set_by_hand * 95 / 100))
# The path shrinks while TCP sends.
hole 0
mtu_is auto
check "without the black hole 1480 is measured" wait_for 20 measured 1480
(sleep 1; hole 1400) &
check "TCP survives a path that shrinks" tcp_bulk h1 h2 172.16.2.2 4
check "the path that shrank has been measured" wait_for 10 measured 1380
slow
hole 0
check "the black hole ends: both ends have 1480" wait_for 90 mtus_are 1480

check "OSPF is up after TCP" wait_for 30 full
lossy 10
is "10 % loss in each direction: OSPF keeps its neighbour" "$(losses 60)" 0
is "10 % loss in each direction: the MTU doesn't change" "$(mtus)" "1480 1480"
lossy 0
