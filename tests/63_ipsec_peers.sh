#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A tunnel that requires IPsec accepts a packet only through an SA of the far end, or through one
# of the xfrm interface that the tunnel is bound to. b has another peer, r, which sends packets with
# the far end's address through its own SA. b also has xfrm interfaces.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "the peer of an SA" "the in-tree driver can't require IPsec"
	exit
fi
modprobe -aq esp4 esp6 xfrm_interface

key=0x0102030405060708090a0b0c0d0e0f1011121314
state() {	# NETNS FROM TO SPI MODE [ARGUMENT...]
	ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" mode "$5" \
		aead 'rfc4106(gcm(aes))' $key 128 "${@:6}"
}
# A policy for packets from A to B: an SA from C to D.
policy() {	# NETNS out|in A B C D MODE [ARGUMENT...]
	ip -n "$1" xfrm policy add dir "$2" src "$3" dst "$4" "${@:8}" \
		tmpl src "$5" dst "$6" proto esp mode "$7"
}
flush() {
	local n

	for n in a b r; do
		ip -n $n xfrm policy flush
		ip -n $n xfrm state flush
	done
}
count() { ./ext "$1" "$2" "$3"; }
received() { stat b "$1" rx.packets; }
# Sends two pings from r. Prints how many packets b's tunnel receives, and how many it counts as
# lacking IPsec.
forged() {	# TUNNEL ADDRESS
	local before

	before="$(received "$1") $(count b "$1" rx_no_ipsec)"
	ns r ping -c 2 -i 0.2 -W 1 "$2" > /dev/null 2>&1
	sleep 0.2
	read -r packets refused <<< "$before"
	echo "$(($(received "$1") - packets)) $(($(count b "$1" rx_no_ipsec) - refused))"
}

topo
ip -n r addr add 10.2.0.99/24 dev b
ip -n r addr add 10.1.0.1/32 dev lo
ip -n r link add name fake type ipip local 10.1.0.1 remote 10.2.0.1
ip -n r addr add 192.168.0.1/30 dev fake
ip -n r link set dev fake up
is "nothing is required: packets with the far end's address are received" "$(forged t0 192.168.0.2)" "2 0"
./ext b t0 require_ipsec=1
is "IPsec is required, no SA: dropped" "$(forged t0 192.168.0.2)" "0 2"

# In transport mode the kernel finds an SA by destination and SPI only.
policy r out 10.1.0.1 10.2.0.1 10.1.0.1 10.2.0.1 transport proto 4
state r 10.1.0.1 10.2.0.1 0x300 transport
state b 10.2.0.99 10.2.0.1 0x300 transport
is "another peer's SA in transport mode: dropped" "$(forged t0 192.168.0.2)" "0 2"
ip -n b xfrm state flush
state b 0.0.0.0 10.2.0.1 0x300 transport
is "an SA without a source address: dropped" "$(forged t0 192.168.0.2)" "0 2"
ip -n b xfrm state flush
state b 10.1.0.1 10.2.0.1 0x300 transport
is "the far end's SA, with its key: received" "$(forged t0 192.168.0.2)" "2 0"
flush

# A peer that is a gateway may send whatever its policy allows; here, anything.
policy r out 10.1.0.1 10.2.0.1 10.2.0.99 10.2.0.1 tunnel proto 4
state r 10.2.0.99 10.2.0.1 0x301 tunnel
state b 10.2.0.99 10.2.0.1 0x301 tunnel
policy b in 0.0.0.0/0 0.0.0.0/0 10.2.0.99 10.2.0.1 tunnel
is "another peer's SA in tunnel mode: dropped" "$(forged t0 192.168.0.2)" "0 2"
flush

interface() {	# NETNS NAME IF_ID [ADDRESS]
	ip -n "$1" link add name "$2" type xfrm dev wan if_id "$3" &&
		ip -n "$1" link set dev "$2" up || return
	[ -z "${4:-}" ] || ip -n "$1" addr add "$4" dev "$2"
}
if ! interface b xfrm9 9; then
	skip "xfrm interfaces" "this kernel doesn't have them"
	exit
fi
policy r out 10.1.0.1 10.2.0.1 10.2.0.99 10.2.0.1 tunnel proto 4
state r 10.2.0.99 10.2.0.1 0x302 tunnel
state b 10.2.0.99 10.2.0.1 0x302 tunnel if_id 9
policy b in 0.0.0.0/0 0.0.0.0/0 10.2.0.99 10.2.0.1 tunnel if_id 9
before=$(stat b xfrm9 rx.packets)
is "another peer's xfrm interface: dropped" "$(forged t0 192.168.0.2)" "0 2"
is "another peer's xfrm interface: it received the packets" "$(($(stat b xfrm9 rx.packets) - before))" 2
flush

# struct xfrm_state keeps IPv4 and IPv6 addresses in a union: the first bytes of 2001:db8:: are
# 32.1.13.184.
ip -n b link add name t6 type ipip local 10.2.0.1 remote 32.1.13.184
ip -n b addr add 192.168.6.2/30 dev t6
ip -n b link set dev t6 up
./ext b t6 require_ipsec=1
ip -n r addr add 32.1.13.184/32 dev lo
ip -n r link add name fake6 type ipip local 32.1.13.184 remote 10.2.0.1
ip -n r addr add 192.168.6.1/30 dev fake6
ip -n r link set dev fake6 up
ns r sysctl -qw net.ipv6.conf.b.disable_ipv6=0
ns b sysctl -qw net.ipv6.conf.wan.disable_ipv6=0
ip -n r addr add 2001:db8::/64 dev b nodad
ip -n b addr add 2001:db8::9/64 dev wan nodad
if state r 2001:db8:: 2001:db8::9 0x303 tunnel sel src 0.0.0.0/0 dst 0.0.0.0/0 2> /dev/null &&
   wait_for 10 ns r ping -c 1 -W 1 2001:db8::9; then
	policy r out 32.1.13.184 10.2.0.1 2001:db8:: 2001:db8::9 tunnel proto 4
	state b 2001:db8:: 2001:db8::9 0x303 tunnel sel src 0.0.0.0/0 dst 0.0.0.0/0
	policy b in 0.0.0.0/0 0.0.0.0/0 2001:db8:: 2001:db8::9 tunnel
	before=$(ns b nstat -az Ip6InReceives | awk '/Ip6InReceives/ { print $2 }')
	is "an SA of IPv6 whose address has the same first bytes: dropped" "$(forged t6 192.168.6.2)" "0 2"
	check "an SA of IPv6: the packets came by IPv6" test "$(ns b nstat -az Ip6InReceives | awk '/Ip6InReceives/ { print $2 }')" \
		-gt "${before:-0}"
else
	skip "an SA of IPv6" "this kernel has no ESP for IPv6"
fi
flush
ip -n b link del dev t6
ip -n r link del dev fake6
ip -n r link del dev fake
ip -n r addr del 10.1.0.1/32 dev lo

# The far end's own SAs in tunnel mode, in both directions.
./ext a t0 require_ipsec=1
for n in a b; do
	state $n 10.1.0.1 10.2.0.1 0x310 tunnel
	state $n 10.2.0.1 10.1.0.1 0x311 tunnel
done
policy a out 10.1.0.1 10.2.0.1 10.1.0.1 10.2.0.1 tunnel proto 4
policy a in 10.2.0.1 10.1.0.1 10.2.0.1 10.1.0.1 tunnel proto 4
policy b out 10.2.0.1 10.1.0.1 10.2.0.1 10.1.0.1 tunnel proto 4
policy b in 10.1.0.1 10.2.0.1 10.1.0.1 10.2.0.1 tunnel proto 4
check "the far end's own SA in tunnel mode: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
flush

# Route-based IPsec: the tunnel runs between the addresses of two xfrm interfaces.
interface a xfrm5 5 10.9.0.1/24
interface b xfrm5 5 10.9.0.2/24
for n in a b; do
	ip -n $n link set dev xfrm5 mtu 1400
	state $n 10.1.0.1 10.2.0.1 0x320 tunnel if_id 5
	state $n 10.2.0.1 10.1.0.1 0x321 tunnel if_id 5
done
any=(0.0.0.0/0 0.0.0.0/0)
policy a out "${any[@]}" 10.1.0.1 10.2.0.1 tunnel if_id 5
policy a in "${any[@]}" 10.2.0.1 10.1.0.1 tunnel if_id 5
policy b out "${any[@]}" 10.2.0.1 10.1.0.1 tunnel if_id 5
policy b in "${any[@]}" 10.1.0.1 10.2.0.1 tunnel if_id 5
check "the xfrm interfaces reach each other" ns a ping -c 1 -W 5 10.9.0.2
over() {	# NETNS LOCAL REMOTE ADDRESS [ARGUMENT...]
	ip -n "$1" link add name t9 type ipip local "$2" remote "$3" "${@:5}"
	ip -n "$1" addr add "$4/30" dev t9
	ip -n "$1" link set dev t9 up
	./ext "$1" t9 require_ipsec=1
}
over a 10.9.0.1 10.9.0.2 192.168.9.1
over b 10.9.0.2 10.9.0.1 192.168.9.2 dev xfrm5
capture r a "proto 4 or proto 50"
before=$(count a t9 rx_no_ipsec)
refuse "bound to no interface: no ping" ns a ping -c 2 -i 0.2 -W 1 192.168.9.2
is "bound to no interface: the packets are sent" "$(count a t9 tx_no_ipsec)" 0
is "bound to no interface: the answers are dropped, and counted" \
	"$(($(count a t9 rx_no_ipsec) - before))" 2
ip -n a link del dev t9
over a 10.9.0.1 10.9.0.2 192.168.9.1 dev xfrm5
check "bound to the interface: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.9.2
check "bound to the interface: 1 MiB over TCP" tcp_bulk a b 192.168.9.2 1
./ext a t9 keepalive_interval=200 keepalive_retries=3
answered() { [ "$(count a t9 keepalive_answered)" -gt 3 ]; }
check "bound to the interface: keepalives are answered" wait_for 20 answered
./ext a t9 keepalive_interval=0
for n in a b; do
	is "bound to the interface: no packet at $n lacked IPsec" \
		"$(count $n t9 tx_no_ipsec) $(count $n t9 rx_no_ipsec)" "0 0"
done

# The other peer sends with the tunnel's address.
ip -n r addr add 10.9.0.1/32 dev lo
ip -n r link add name fake type ipip local 10.9.0.1 remote 10.9.0.2
ip -n r addr add 192.168.9.1/30 dev fake
ip -n r link set dev fake up
ip -n r route add 10.9.0.2/32 via 10.2.0.1
forge() {	# SPI [ARGUMENT...]
	ip -n r xfrm state flush
	ip -n r xfrm policy flush
	policy r out 10.9.0.1 10.9.0.2 10.2.0.99 10.2.0.1 tunnel proto 4
	state r 10.2.0.99 10.2.0.1 "$1" tunnel
	state b 10.2.0.99 10.2.0.1 "$1" tunnel "${@:2}"
}
forge 0x330 if_id 9
policy b in "${any[@]}" 10.2.0.99 10.2.0.1 tunnel if_id 9
is "bound to the interface, another peer's interface: dropped" "$(forged t9 192.168.9.2)" "0 2"
forge 0x331
policy b in "${any[@]}" 10.2.0.99 10.2.0.1 tunnel
is "bound to the interface, another peer's SA without an interface: dropped" "$(forged t9 192.168.9.2)" "0 2"
# While the interface is down, packets of its SAs are received on the underlay device.
forge 0x332 if_id 5
ip -n b link set dev xfrm5 down
is "bound to the interface, an SA with its if_id, received on the underlay: dropped" "$(forged t9 192.168.9.2)" "0 2"
ip -n b link set dev xfrm5 up
ip -n b xfrm policy del dir in src 0.0.0.0/0 dst 0.0.0.0/0
policy b in 10.9.0.1 10.9.0.2 10.9.0.1 10.9.0.2 transport proto 4
ip -n r xfrm policy flush
policy r out 10.9.0.1 10.9.0.2 10.9.0.1 10.9.0.2 transport proto 4
state r 10.9.0.1 10.9.0.2 0x334 transport
state b 10.9.0.1 10.9.0.2 0x334 transport
is "bound to the interface, an SA of the far end's address without the interface: dropped" "$(forged t9 192.168.9.2)" "0 2"
ip -n r link del dev fake
ip -n r addr del 10.9.0.1/32 dev lo
ip -n r route del 10.9.0.2/32

if modprobe -q vrf; then
	ip -n b link add name red type vrf table 100
	ip -n b link set dev red up
	ip -n b link set dev xfrm5 master red
	check "the interface is in a VRF: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.9.2
	ip -n b link set dev xfrm5 nomaster
	ip -n b link del dev red
else
	skip "the interface is in a VRF" "this kernel has no VRF"
fi

move_to() {	# NETNS FROM
	ip -n "$2" link set dev xfrm5 netns "$1"
	ip -n "$1" addr add 10.9.0.2/24 dev xfrm5
	ip -n "$1" link set dev xfrm5 up mtu 1400
	over "$1" 10.9.0.2 10.9.0.1 192.168.9.2 dev xfrm5
}

# The interface is moved to another netns; the SAs stay in the first.
ns_add c
ip -n b link del dev t9
move_to c b
check "the interface is in another netns: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.9.2
is "the interface is in another netns: no packet lacked IPsec" \
	"$(count c t9 tx_no_ipsec) $(count c t9 rx_no_ipsec)" "0 0"
ip -n a link add name t7 type ipip local 10.9.0.1 remote 10.7.0.2
ip -n a link set dev t7 up
ip -n a addr add 192.168.7.1/30 dev t7
ip link add name plain netns a type veth peer name plain netns c
ip -n a addr add 10.7.0.1/24 dev plain
ip -n a link set dev plain up
ip -n c addr add 10.7.0.2/24 dev plain
ip -n c link set dev plain up
ip -n c link set dev t9 type ipip local 10.7.0.2 remote 10.9.0.1 dev xfrm5
before=$(count c t9 rx_no_ipsec)
ns a ping -c 2 -i 0.2 -W 1 192.168.7.2 > /dev/null
is "the interface is in another netns: packets of another device are dropped" \
	"$(($(count c t9 rx_no_ipsec) - before))" 2
ip -n a link del dev t7
ip -n a link del dev plain
ip -n c link del dev t9
move_to b c
check "the interface is moved back: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.9.2

# The far end is a host behind the gateway that has the SAs, and has no IPsec itself.
ip -n a route replace 172.16.2.0/24 dev xfrm5
ip -n b xfrm policy add dir fwd src 0.0.0.0/0 dst 0.0.0.0/0 if_id 5 \
	tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode tunnel
ip -n a link add name t8 type ipip local 10.9.0.1 remote 172.16.2.2 dev xfrm5
ip -n a addr add 192.168.8.1/30 dev t8
ip -n a link set dev t8 up
./ext a t8 require_ipsec=1
tunnel h2 172.16.2.2 10.9.0.1
ip -n h2 addr add 192.168.8.2/30 dev t0
check "a far end behind the gateway with the SAs: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.8.2
path() { ns a ip route get 172.16.2.2 oif xfrm5 | grep -o 'mtu [0-9]*'; }
is "a far end behind the gateway: no path MTU is learned yet" "$(path)" ""
ip -n b link set dev h2 mtu 1000
ns a ping -c 1 -W 1 -M "do" -s 1100 192.168.8.2 > /dev/null
is "an ICMP error through the SAs: the path MTU is learned" "$(path)" "mtu 1000"
ip -n a route flush cache
frag_needed r 10.9.0.1 172.16.2.2 900 10.1.0.1
sleep 0.5
is "an ICMP error outside the SAs: the path MTU isn't learned" "$(path)" ""
ip -n a link del dev t8

# The tunnel fails closed: the interface sends nothing without an SA, and no packet bypasses it.
check "the first tunnel still works" ns a ping -c 1 -W 5 192.168.9.2
flush
for n in a b; do
	ns $n sysctl -qw net.core.xfrm_acq_expires=1
done
refuse "the SAs are deleted: no ping" ns a ping -c 2 -i 0.2 -W 1 192.168.9.2
captured > "$WORK/packets"
check "ESP was on the wire" grep -q 'ESP(' "$WORK/packets"
is "no clear text was on the wire" "$(grep -c 'proto IPIP' "$WORK/packets")" 0
