#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# External mode: a route, tc or BPF sets the outer header of a sent packet, and reads that of a
# received packet.
. ./lib.sh

tx() { stat a md "$1"; }

topo_underlay
for n in a b; do
	check "netns $n: create a tunnel in external mode" ip -n $n link add name md type ipip external
	ip -n $n link set md up
done
check "ip(8) shows external mode" sh -c "ip -n a -d link show dev md | grep -q 'ipip external'"
refuse "a second one in the netns is refused" ip -n a link add name md2 type ipip external
differs "no message"
check "a second one: the message says why" grep -q "tunnel in external mode exists" "$WORK/output"
refuse "tunl0 can't be changed to external mode" ip -n a link set tunl0 type ipip external
ip -n a link add name plain type ipip local 10.1.0.9 remote 10.2.0.9
refuse "a tunnel can't be changed to external mode" ip -n a link set plain type ipip external
ip -n a link del plain

# Metadata from routes.
ip -n a route replace 172.16.2.0/24 encap ip src 10.1.0.1 dst 10.2.0.1 ttl 9 tos 0x20 dev md
ip -n b route replace 172.16.1.0/24 encap ip dst 10.1.0.1 dev md
capture r a "proto 4"
check "route: ping" ns h1 ping -c 3 -i 0.2 -W 5 -t 33 172.16.2.2
captured > "$WORK/packets"
check "route: the outer header has the route's TOS and TTL" \
	grep -q 'tos 0x20, ttl 9, .*proto IPIP' "$WORK/packets"
check "route: the outer header has the route's addresses" grep -q '10.1.0.1 > 10.2.0.1: *IP' "$WORK/packets"
check "route: a source that the route doesn't give is looked up" grep -q '10.2.0.1 > 10.1.0.1: *IP' "$WORK/packets"
check "route: a TTL that the route doesn't give is the inner one" \
	grep -q 'tos 0x0, ttl 62, .*proto IPIP' "$WORK/packets"
check "route: no DF" sh -c "! grep -q 'flags \[DF\], proto IPIP' $WORK/packets"
is "route: packets are counted" "$(tx tx.packets) $(stat a md rx.packets) $(tx tx.errors)" "3 3 0"
check "route: 1 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 1
ip -n a route replace 172.16.2.0/24 encap ip dst 10.2.0.77 dev md
refuse "route: the next packet after a change goes to the new destination" ns h1 ping -c 1 -W 1 172.16.2.2

# Packets without metadata.
before=$(tx tx.errors)
ip -n a route replace 172.16.2.0/24 dev md
ns h1 ping -c 2 -i 0.2 -W 1 172.16.2.2 > /dev/null
is "without metadata: dropped and counted" $(($(tx tx.errors) - before)) 2
before=$(tx tx.errors)
ip -n a route del default
ip -n a route replace 172.16.2.0/24 encap ip dst 10.2.0.1 dev md
ns h1 ping -c 2 -i 0.2 -W 1 172.16.2.2 > /dev/null
is "no route to the outer destination: dropped and counted" \
	"$(($(tx tx.errors) - before)) $(tx tx.carrier_errors)" "2 2"
ip -n a route add default via 10.1.0.254
ip -n a route replace 172.16.2.0/24 encap ip dst 172.16.2.9 dev md
before=$(tx tx.errors)
ns h1 ping -c 1 -W 1 172.16.2.2 > /dev/null
check "the outer route leads into the tunnel itself: dropped and counted" test "$(tx tx.errors)" -gt "$before"
ip -n a route del 172.16.2.0/24

# Metadata from tc, for packets that have no route yet.
ns a tc qdisc add dev h1 clsact
ns b tc qdisc add dev md clsact
if ns a tc filter add dev h1 ingress protocol ip flower dst_ip 172.16.2.2 \
	action tunnel_key set src_ip 10.1.0.1 dst_ip 10.2.0.1 id 0 ttl 11 tos 0x48 nocsum \
	action mirred egress redirect dev md; then
	ns b tc filter add dev md ingress protocol ip pref 1 flower \
		enc_src_ip 10.1.0.1 enc_dst_ip 10.2.0.1 enc_ttl 10 enc_tos 0x48 action pass
	capture r a "proto 4 and src 10.1.0.1"
	check "tc: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
	captured > "$WORK/packets"
	check "tc: the outer header has the action's TOS and TTL" \
		grep -q 'tos 0x48, ttl 11, .*proto IPIP' "$WORK/packets"
	is "tc: the far end's filter matches the metadata" \
		"$(ns b tc -s filter show dev md ingress | grep -o '[0-9]* pkt' | head -n 1)" "3 pkt"
	ns a tc filter del dev h1 ingress
	ns b tc filter del dev md ingress
else
	skip "tc tunnel_key" "this kernel doesn't have it"
fi

# Metadata from BPF, with a source address, which programs can't set before 6.0.
if [ "$(uname -r | awk -F. '{ print ($1 >= 6) }')" != 1 ]; then
	skip "BPF" "this kernel's struct bpf_tunnel_key has no source"
	exit
fi
mkdir -p /run/bpf
mount -t bpf bpf /run/bpf || exit 1
bpf() { python3 bpf.py "$@"; }
attach() { # NETNS DEVICE DIRECTION PIN
	ns "$1" tc filter replace dev "$2" "$3" pref 1 handle 1 bpf da object-pinned /run/bpf/"$4"
}
ns a tc qdisc add dev md clsact
ip -n a route replace 172.16.2.0/24 dev md
check "BPF: load the programs" eval "bpf set /run/bpf/set 10.1.0.1 10.2.0.1 0x10 12 - &&
	bpf set /run/bpf/df 10.1.0.1 10.2.0.1 0x10 12 df &&
	bpf expect /run/bpf/right 10.1.0.1 && bpf expect /run/bpf/wrong 10.1.0.2"
attach a md egress set
attach b md ingress right
capture r a "proto 4 and src 10.1.0.1"
check "BPF: ping" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
captured > "$WORK/packets"
check "BPF: the outer header has the program's TOS and TTL" grep -q 'tos 0x10, ttl 12, .*proto IPIP' "$WORK/packets"
check "BPF: the outer header has the program's addresses" grep -q '10.1.0.1 > 10.2.0.1: *IP' "$WORK/packets"
attach b md ingress wrong
refuse "BPF: the far end's program drops another remote" ns h1 ping -c 1 -W 1 172.16.2.2
attach b md ingress right

# The outer DF is that of the metadata. With DF the path MTU applies.
attach a md egress df
capture r a "proto 4 and src 10.1.0.1"
ns h1 ping -c 1 -W 5 -M dont 172.16.2.2 > /dev/null
captured > "$WORK/packets"
check "BPF: DF is that of the metadata" grep -q 'flags \[DF\], proto IPIP' "$WORK/packets"
ip -n a link set md mtu 1480
ip -n a link set wan mtu 1300
ip -n r link set dev a mtu 1300
check "BPF, DF: a packet longer than the path MTU gets an ICMP error with the MTU" \
	too_long 1300 1280
attach a md egress set
ip -n h1 route flush cache
ip -n a route flush cache
check "BPF, no DF: a packet longer than the path MTU is fragmented" ns h1 ping -c 1 -W 5 -M "do" -s 1300 172.16.2.2
umount /run/bpf
