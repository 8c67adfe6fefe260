#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Segmentation offload, checksum offload and GRO: the tunnel passes large packets without
# segmenting them if the underlay can segment them, and the data arrive unchanged.
. ./lib.sh

# Prints the length of the longest IPv4 packet in the capture.
largest() {
	grep -ao '^[^(]*IP (.*length [0-9]*)' "$WORK/packets" |
		sed 's/.*length \([0-9]*\))$/\1/' | sort -n | tail -n 1
}
run() {	# NETNS DEVICE FILTER
	capture "$1" "$2" "$3"
	tcp_bulk h1 h2 172.16.2.2 4
	local status=$?
	captured > "$WORK/packets"
	return $status
}
over() { [ "$(largest)" -gt "$1" ]; }

topo
check "TCP with offloads" run a wan "proto 4 and src 10.1.0.1"
check "an underlay that can segment IPXIP4 gets outer packets above the MTU" over 1500
check "TCP, captured at the far end's tunnel" run b t0 "tcp and src 172.16.1.2"
check "the far end's tunnel receives packets above the MTU" over 1480

ns a ethtool -K wan tso off gso off > /dev/null
check "TCP without offloads on the underlay" run r a "proto 4 and src 10.1.0.1"
is "outer packets are segmented to the MTU" "$(largest)" 1500
is "no two outer packets have the same ID" \
	"$(grep -ao '^.*proto IPIP' "$WORK/packets" | grep -ao ' id [0-9]*' | sort | uniq -d | wc -l)" 0
is "no outer packet is a fragment" "$(grep -ac 'proto IPIP' "$WORK/packets")" \
	"$(grep -ac 'offset 0, flags \[DF\], proto IPIP' "$WORK/packets")"
check "TCP, captured on the way to the host behind the far end" run b h2 "tcp and src 172.16.1.2"
check "GRO merges decapsulated segments" over 1480
ns b ethtool -K t0 gro off > /dev/null
ns b ethtool -K wan gro off > /dev/null
check "TCP without GRO on the tunnel" run b h2 "tcp and src 172.16.1.2"
is "without GRO segments aren't merged" "$(largest)" 1480
ns b ethtool -K t0 gro on > /dev/null

for feature in tso gso tx sg; do
	ns a ethtool -K t0 $feature off > /dev/null
	check "TCP with $feature off on the tunnel" tcp_bulk h1 h2 172.16.2.2 4
done
check "TCP from the tunnel's end itself, all features off" tcp_bulk a h2 172.16.2.2 4
for feature in sg tx gso tso; do
	ns a ethtool -K t0 $feature on > /dev/null
done
check "TCP from the tunnel's end itself, all features on" tcp_bulk a h2 172.16.2.2 4
is "no receive errors at the far end" "$(stat b t0 rx.errors)" 0
is "no wrong checksums at the receiver" \
	"$(ns h2 nstat -asz TcpInCsumErrors | awk '/Csum/ { print $2 }')" 0

ns h2 timeout 60 iperf3 -s -1 > "$WORK/server" 2>&1 &
wait_for 10 listening h2 5201
check "iperf3 in both directions at once" ns h1 timeout 60 iperf3 -c 172.16.2.2 -t 3 --bidir
