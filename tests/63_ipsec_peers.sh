#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whose SA brings a packet into a tunnel that requires IPsec: the far end's. b has another
# peer, r, which sends with the far end's address whatever its own SA lets it.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "whose SA it is" "the in-tree driver requires none"
	exit
fi
modprobe -aq esp4 esp6 xfrm_interface

key=0x0102030405060708090a0b0c0d0e0f1011121314
state() {	# NETNS FROM TO SPI MODE [ARGUMENT...]
	ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" mode "$5" \
		aead 'rfc4106(gcm(aes))' $key 128 "${@:6}"
}
# What leaves from A to B, or what comes: by an SA from C to D.
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
# Of two pings from r, what b's tunnel takes and what it counts as lacking IPsec.
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
is "nothing is required: who has the far end's address gets in" "$(forged t0 192.168.0.2)" "2 0"
./ext b t0 require_ipsec=1
is "IPsec is required: not without an SA" "$(forged t0 192.168.0.2)" "0 2"

# In transport mode the kernel finds an SA by destination and SPI alone.
policy r out 10.1.0.1 10.2.0.1 10.1.0.1 10.2.0.1 transport proto 4
state r 10.1.0.1 10.2.0.1 0x300 transport
state b 10.2.0.99 10.2.0.1 0x300 transport
is "not by another peer's SA in transport mode" "$(forged t0 192.168.0.2)" "0 2"
ip -n b xfrm state flush
state b 0.0.0.0 10.2.0.1 0x300 transport
is "nor by an SA that names no source" "$(forged t0 192.168.0.2)" "0 2"
ip -n b xfrm state flush
state b 10.1.0.1 10.2.0.1 0x300 transport
is "by the far end's own, whoever has its key" "$(forged t0 192.168.0.2)" "2 0"
flush

# A peer that is a gateway may send what its policy has, here: anything.
policy r out 10.1.0.1 10.2.0.1 10.2.0.99 10.2.0.1 tunnel proto 4
state r 10.2.0.99 10.2.0.1 0x301 tunnel
state b 10.2.0.99 10.2.0.1 0x301 tunnel
policy b in 0.0.0.0/0 0.0.0.0/0 10.2.0.99 10.2.0.1 tunnel
is "nor by another peer's SA in tunnel mode" "$(forged t0 192.168.0.2)" "0 2"
flush

interface() {	# NETNS NAME IF_ID [ADDRESS]
	ip -n "$1" link add name "$2" type xfrm dev wan if_id "$3" &&
		ip -n "$1" link set dev "$2" up || return
	[ -z "${4:-}" ] || ip -n "$1" addr add "$4" dev "$2"
}
if ! interface b xfrm9 9; then
	skip "xfrm interfaces" "this kernel has none"
	exit
fi
policy r out 10.1.0.1 10.2.0.1 10.2.0.99 10.2.0.1 tunnel proto 4
state r 10.2.0.99 10.2.0.1 0x302 tunnel
state b 10.2.0.99 10.2.0.1 0x302 tunnel if_id 9
policy b in 0.0.0.0/0 0.0.0.0/0 10.2.0.99 10.2.0.1 tunnel if_id 9
before=$(stat b xfrm9 rx.packets)
is "nor by way of another peer's xfrm interface" "$(forged t0 192.168.0.2)" "0 2"
is "it came by that" "$(($(stat b xfrm9 rx.packets) - before))" 2
flush

# IPv4 and IPv6 addresses have the same place in an SA: 2001:db8:: begins as 32.1.13.184 does.
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
	is "nor by an SA of IPv6 whose address begins alike" "$(forged t6 192.168.6.2)" "0 2"
	check "it came by IPv6" test "$(ns b nstat -az Ip6InReceives | awk '/Ip6InReceives/ { print $2 }')" \
		-gt "${before:-0}"
else
	skip "an SA of IPv6" "this kernel has no ESP for IPv6"
fi
flush
ip -n b link del dev t6
ip -n r link del dev fake6
ip -n r link del dev fake
ip -n r addr del 10.1.0.1/32 dev lo

# The far end's own SA in tunnel mode, both ways.
./ext a t0 require_ipsec=1
for n in a b; do
	state $n 10.1.0.1 10.2.0.1 0x310 tunnel
	state $n 10.2.0.1 10.1.0.1 0x311 tunnel
done
policy a out 10.1.0.1 10.2.0.1 10.1.0.1 10.2.0.1 tunnel proto 4
policy a in 10.2.0.1 10.1.0.1 10.2.0.1 10.1.0.1 tunnel proto 4
policy b out 10.2.0.1 10.1.0.1 10.2.0.1 10.1.0.1 tunnel proto 4
policy b in 10.1.0.1 10.2.0.1 10.1.0.1 10.2.0.1 tunnel proto 4
check "the far end's own SA in tunnel mode" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
flush
