#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A tunnel that requires IPsec fails closed: in no order of events does clear
# text leave or enter, and each packet that would have is counted.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "required IPsec" "the in-tree driver doesn't have it"
	exit
fi

key=0x0102030405060708090a0b0c0d0e0f1011121314
sa() {	# add|del [PROTOCOL [SPI]]
	local n

	for n in a b; do
		sa_one "$n" "$1" 10.1.0.1 10.2.0.1 "${2:-esp}" 0x100
		sa_one "$n" "$1" 10.2.0.1 10.1.0.1 "${2:-esp}" 0x200
	done
}
sa_one() {	# NETNS add|del FROM TO PROTOCOL SPI
	local algorithm=()

	case $2-$5 in
	add-esp) algorithm=(mode transport aead 'rfc4106(gcm(aes))' "$key" 128) ;;
	add-ah)  algorithm=(mode transport auth 'hmac(sha256)' "$key") ;;
	esac
	ip -n "$1" xfrm state "$2" src "$3" dst "$4" proto "$5" spi "$6" "${algorithm[@]}"
}
policies() {	# add|del [PROTOCOL]
	policy a "$1" out 10.1.0.1 10.2.0.1 "${2:-esp}"
	policy a "$1" in 10.2.0.1 10.1.0.1 "${2:-esp}"
	policy b "$1" out 10.2.0.1 10.1.0.1 "${2:-esp}"
	policy b "$1" in 10.1.0.1 10.2.0.1 "${2:-esp}"
}
policy() {	# NETNS add|del DIRECTION FROM TO PROTOCOL
	local template=()

	[ "$2" = del ] || template=(tmpl src "$4" dst "$5" proto "$6" mode transport)
	ip -n "$1" xfrm policy "$2" dir "$3" src "$4" dst "$5" proto 4 "${template[@]}"
}
count() { ./ext "$1" t0 "$2"; }
# The counter grows by exactly this much while the command runs.
counts() {	# NAME NETNS COUNTER WANT COMMAND...
	local name=$1 n=$2 counter=$3 want=$4 before
	shift 4
	before=$(count "$n" "$counter")
	"$@" > /dev/null 2>&1
	is "$name" "$(($(count "$n" "$counter") - before))" "$want"
}
ping_a() { ns a ping -c 2 -i 0.2 -W 1 192.168.0.2; }
clear_text() { grep -c 'proto IPIP' "$WORK/packets"; }

topo
for n in a b; do
	# An SA that nobody negotiates isn't waited for.
	ns $n sysctl -qw net.core.xfrm_acq_expires=1
done
check "nothing is required: ping" ns a ping -c 1 -W 5 192.168.0.2

# The far end doesn't know of it yet: what enters, then what leaves.
./ext b t0 require_ipsec=1
counts "clear text doesn't get in, and counts" b rx_no_ipsec 2 ping_a
errors=$(stat b t0 rx.errors)
refuse "ping into a tunnel that requires IPsec" ping_a
is "it is a receive error, too" "$(($(stat b t0 rx.errors) - errors))" 2
capture r b "src 10.2.0.1 and proto 4"
counts "clear text doesn't get out, and counts" b tx_no_ipsec 2 \
	ns b ping -c 2 -i 0.2 -W 1 192.168.0.1
captured > "$WORK/packets"
is "and isn't on the wire" "$(clear_text)" 0
./ext a t0 require_ipsec=1

# From here on both require it. Everything in the clear is seen at r.
capture r a "proto 4"
sa add
policies add
check "ping with ESP" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
check "1 MB over TCP with ESP" tcp_bulk h1 h2 172.16.2.2 1

policies del
refuse "the policies are gone" ping_a
policies add
check "and are back" ns a ping -c 1 -W 5 192.168.0.2

for n in a b; do
	ip -n $n xfrm state flush
done
refuse "all SAs are gone" ping_a
sa add
check "and are back, after a time" wait_for 20 ns a ping -c 1 -W 1 192.168.0.2

ip -n a xfrm policy flush
ip -n a xfrm state flush
refuse "policies and SAs are gone on one side" ping_a
ip -n b xfrm policy flush
ip -n b xfrm state flush
refuse "and on the other" ping_a

policies add
refuse "policies without SAs" ping_a
sa add
check "and with them" wait_for 20 ns a ping -c 1 -W 1 192.168.0.2
ip -n a link set dev t0 down
ip -n a link set dev t0 up
ip -n a route add 172.16.2.0/24 dev t0
check "after down and up" ns a ping -c 1 -W 5 192.168.0.2

# Keepalive goes the same way.
./ext a t0 keepalive_interval=200 keepalive_retries=3
answered() { [ "$(count a keepalive_answered)" -gt "$1" ]; }
check "keepalives are answered through ESP" wait_for 20 answered 3
policies del
sa del
check "without it the far end is gone" wait_for 20 sh -c \
	"ip -n a link show dev t0 | grep -q NO-CARRIER"
unsent=$(count a keepalive_unsent)
check "probes stay at home" wait_for 20 sh -c "[ \$(./ext a t0 keepalive_unsent) -gt $unsent ]"
captured > "$WORK/packets"
is "in all that time no clear text left the tunnel's end" "$(clear_text)" 0

# Clear-text answers don't count, whatever they are.
./ext b t0 require_ipsec=0
policy a add out 10.1.0.1 10.2.0.1 esp
policy b add in 10.1.0.1 10.2.0.1 esp
for n in a b; do
	sa_one $n add 10.1.0.1 10.2.0.1 esp 0x100
done
before=$(count a keepalive_answered)
check "the far end answers in the clear" wait_for 20 sh -c \
	"[ \$(./ext b t0 keepalive_reflected) -gt $(count b keepalive_reflected) ]"
check "and we refuse it" wait_for 20 sh -c "[ \$(./ext a t0 rx_no_ipsec) -gt 3 ]"
is "none counts" "$(count a keepalive_answered)" "$before"
./ext a t0 keepalive_mode=routeros
before=$(count a rx_no_ipsec)
check "nor do empty packets" wait_for 20 sh -c "[ \$(./ext a t0 rx_no_ipsec) -gt $((before + 3)) ]"
is "none of them" "$(./ext a t0 keepalive_state)" down
./ext a t0 keepalive_interval=0 keepalive_mode=cookie
for n in a b; do
	ip -n $n xfrm policy flush
	ip -n $n xfrm state flush
done

# Another peer's SA isn't the far end's: r, as 10.2.0.99, has one to b, and sends
# with a's address.
./ext a t0 require_ipsec=0
./ext b t0 require_ipsec=1
ip -n r addr add 10.2.0.99/24 dev b
ip -n r addr add 10.1.0.1/32 dev lo
ip -n r link add name fake type ipip local 10.1.0.1 remote 10.2.0.1
ip -n r addr add 192.168.0.1/30 dev fake
ip -n r link set dev fake up
sa_one b add 10.2.0.99 10.2.0.1 esp 0x300
sa_one r add 10.1.0.1 10.2.0.1 esp 0x300
policy r add out 10.1.0.1 10.2.0.1 esp
counts "a packet through somebody else's SA" b rx_no_ipsec 2 \
	ns r ping -c 2 -i 0.2 -W 1 192.168.0.2
ip -n r link del fake
ip -n r addr del 10.1.0.1/32 dev lo
ip -n r xfrm policy flush
ip -n r xfrm state flush
ip -n b xfrm state flush

# An ICMP error about a packet that we can't have sent in the clear.
ip -n b xfrm policy flush
mtu_of() { ns b ip route get 10.1.0.1 | grep -o 'mtu [0-9]*'; }
mtu_is() { [ "$(mtu_of)" = "$1" ]; }
forge() { frag_needed r 10.2.0.1 10.1.0.1 1000 10.2.0.1; }
./ext b t0 require_ipsec=0
forge
check "a forged path MTU, where nothing is required" wait_for 5 mtu_is "mtu 1000"
ip -n b route flush cache
./ext b t0 require_ipsec=1
forge
sleep 0.5
is "a forged path MTU isn't believed" "$(mtu_of)" ""

# A rule of the host's own that changes the outer packet takes the SA from it, after the
# tunnel has seen that there is one.
sa add esp
policies add esp
ip -n a addr add 10.1.0.2/24 dev wan
rules() { ns a nft -f -; }
# Two pings: none of their packets leaves in the clear, and each counts.
held_back() {	# WHAT
	capture r a "proto 4"
	counts "$1: held back, and counts" a tx_no_ipsec 2 \
		ns a ping -c 2 -i 0.2 -W 1 192.168.0.2
	is "$1: nothing in the clear" "$(captured | grep -c 'proto IPIP')" 0
	ns a nft flush ruleset
}
clear() {	# WHAT
	capture r a "proto 4"
	ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
	is "$1: in the clear, where nothing is required" "$(captured | grep -c 'proto IPIP')" 1
}
snat() {
	rules <<-END
		table ip test {
			chain post {
				type nat hook postrouting priority srcnat
				oifname wan snat to 10.1.0.2
			}
		}
	END
}
snat
clear "SNAT"
./ext a t0 require_ipsec=1
ns a nft flush ruleset
snat
held_back "SNAT"
rules <<-END
	table ip test {
		chain output {
			type nat hook output priority -100
			oifname wan ip protocol 4 dnat to 10.2.0.9
		}
	}
END
held_back "DNAT"
# The policy is that of packets with the tunnel's mark. The packet has another.
policy a del out 10.1.0.1 10.2.0.1
ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 mark 1 \
	tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode transport
ip -n a link set dev t0 type ipip fwmark 1
check "the mark leads to the SA: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
rules <<-END
	table ip test {
		chain output {
			type route hook output priority mangle
			ip protocol 4 meta mark set 2
		}
	}
END
held_back "another mark"
check "without such rules: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
ip -n a link set dev t0 type ipip fwmark 0
ip -n a addr del 10.1.0.2/24 dev wan
# A VRF with a queueing discipline looks the route up again, and nobody can see for whom.
if modprobe -q vrf; then
	ip -n a xfrm policy del dir out src 10.1.0.1 dst 10.2.0.1 proto 4 mark 1
	policy a add out 10.1.0.1 10.2.0.1 esp
	ip -n a link add name red type vrf table 77
	ip -n a link set dev red up
	ip -n a link set dev wan master red
	ip -n a route add default via 10.1.0.254 vrf red
	ip -n a link set dev t0 type ipip dev red
	check "the far end is in a VRF: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
	ns a tc qdisc add dev red root pfifo limit 100
	held_back "a VRF with a queueing discipline"
	ip -n a link del dev red
	ip -n a route replace default via 10.1.0.254
	ip -n a link del dev t0
	tunnel a 10.1.0.1 10.2.0.1
	ip -n a addr add 192.168.0.1/30 dev t0
else
	skip "a VRF with a queueing discipline" "this kernel has no VRF"
fi
for n in a b; do
	ip -n $n xfrm policy flush
	ip -n $n xfrm state flush
done

# AH is an SA, too.
./ext a t0 require_ipsec=1
sa add ah
policies add ah
check "ping with AH" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2

# Compression isn't protection.
if modprobe -aq ipcomp deflate; then
	for n in a b; do
		ip -n $n xfrm policy flush
		ip -n $n xfrm state flush
		ip -n $n xfrm state add src 10.1.0.1 dst 10.2.0.1 proto comp spi 0x100 mode transport \
			comp deflate
	done
	policy a add out 10.1.0.1 10.2.0.1 comp
	./ext a t0 require_ipsec=0
	capture r a "src 10.1.0.1 and ip proto 108"
	counts "IPComp doesn't get in, and counts" b rx_no_ipsec 2 \
		ns a ping -c 2 -i 0.2 -W 1 -s 1000 -p 00 192.168.0.2
	is "it was IPComp" "$(captured | grep -c 'IPComp')" 2
	./ext b t0 require_ipsec=0
	check "and does where nothing is required" ns a ping -c 1 -W 5 -s 1000 -p 00 192.168.0.2
	# They would take what no tunnel wants, and later tests want the kernel to answer
	# that. A route that a tunnel has cached holds the SA, and that the module.
	for n in a b; do
		ip -n $n xfrm policy flush
		ip -n $n xfrm state flush
		ip -n $n link del dev t0
	done
	check "IPComp's modules can go" wait_for 10 modprobe -r ipcomp xfrm4_tunnel
else
	skip "IPComp" "this kernel has none"
fi
