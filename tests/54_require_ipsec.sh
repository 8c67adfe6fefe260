#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A tunnel that requires IPsec fails closed: in no order of events does clear text leave or
# enter it, and each packet that it drops for that is counted.
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
# Checks that the counter grows by exactly WANT while the command runs.
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
	# There is no IKE daemon: don't wait long for an SA.
	ns $n sysctl -qw net.core.xfrm_acq_expires=1
done
check "nothing is required: ping" ns a ping -c 1 -W 5 192.168.0.2

# First only b requires IPsec: test receive, then transmit.
./ext b t0 require_ipsec=1
counts "clear text is dropped on receive, and counted" b rx_no_ipsec 2 ping_a
errors=$(stat b t0 rx.errors)
refuse "ping into a tunnel that requires IPsec" ping_a
is "clear text on receive is a receive error" "$(($(stat b t0 rx.errors) - errors))" 2
capture r b "src 10.2.0.1 and proto 4"
counts "clear text is dropped on transmit, and counted" b tx_no_ipsec 2 \
	ns b ping -c 2 -i 0.2 -W 1 192.168.0.1
captured > "$WORK/packets"
is "clear text isn't on the wire" "$(clear_text)" 0
./ext a t0 require_ipsec=1

# From here on both ends require IPsec. r captures all clear text.
capture r a "proto 4"
sa add
policies add
check "ping with ESP" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
check "1 MiB over TCP with ESP" tcp_bulk h1 h2 172.16.2.2 1

policies del
refuse "the policies are deleted: no ping" ping_a
policies add
check "the policies are back: ping" ns a ping -c 1 -W 5 192.168.0.2

for n in a b; do
	ip -n $n xfrm state flush
done
refuse "all SAs are deleted: no ping" ping_a
sa add
check "the SAs are back: ping" wait_for 20 ns a ping -c 1 -W 1 192.168.0.2

ip -n a xfrm policy flush
ip -n a xfrm state flush
refuse "policies and SAs are deleted at one end: no ping" ping_a
ip -n b xfrm policy flush
ip -n b xfrm state flush
refuse "policies and SAs are deleted at both ends: no ping" ping_a

policies add
refuse "policies without SAs: no ping" ping_a
sa add
check "policies with SAs: ping" wait_for 20 ns a ping -c 1 -W 1 192.168.0.2
ip -n a link set dev t0 down
ip -n a link set dev t0 up
ip -n a route add 172.16.2.0/24 dev t0
check "ping after the tunnel was down and up" ns a ping -c 1 -W 5 192.168.0.2

# Keepalive requires IPsec, too.
./ext a t0 keepalive_interval=200 keepalive_retries=3
answered() { [ "$(count a keepalive_answered)" -gt "$1" ]; }
check "keepalives are answered through ESP" wait_for 20 answered 3
policies del
sa del
check "without IPsec keepalive takes the carrier away" wait_for 20 sh -c \
	"ip -n a link show dev t0 | grep -q NO-CARRIER"
unsent=$(count a keepalive_unsent)
check "without IPsec probes aren't sent, and are counted" wait_for 20 sh -c "[ \$(./ext a t0 keepalive_unsent) -gt $unsent ]"
captured > "$WORK/packets"
is "no clear text has left the tunnel's end so far" "$(clear_text)" 0

# Answers in the clear don't count as answers, whatever the mode of keepalive.
./ext b t0 require_ipsec=0
policy a add out 10.1.0.1 10.2.0.1 esp
policy b add in 10.1.0.1 10.2.0.1 esp
for n in a b; do
	sa_one $n add 10.1.0.1 10.2.0.1 esp 0x100
done
before=$(count a keepalive_answered)
check "the far end answers in the clear" wait_for 20 sh -c \
	"[ \$(./ext b t0 keepalive_reflected) -gt $(count b keepalive_reflected) ]"
check "answers in the clear are dropped" wait_for 20 sh -c "[ \$(./ext a t0 rx_no_ipsec) -gt 3 ]"
is "answers in the clear don't count as answers" "$(count a keepalive_answered)" "$before"
./ext a t0 keepalive_mode=routeros
before=$(count a rx_no_ipsec)
check "mode routeros: answers in the clear are dropped" wait_for 20 sh -c "[ \$(./ext a t0 rx_no_ipsec) -gt $((before + 3)) ]"
is "mode routeros: answers in the clear don't make the state up" "$(./ext a t0 keepalive_state)" down
./ext a t0 keepalive_interval=0 keepalive_mode=cookie
for n in a b; do
	ip -n $n xfrm policy flush
	ip -n $n xfrm state flush
done

# An SA of another peer doesn't count: r, as 10.2.0.99, has an SA to b, and sends packets
# with a's address through it.
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
counts "a packet through another peer's SA is dropped, and counted" b rx_no_ipsec 2 \
	ns r ping -c 2 -i 0.2 -W 1 192.168.0.2
ip -n r link del fake
ip -n r addr del 10.1.0.1/32 dev lo
ip -n r xfrm policy flush
ip -n r xfrm state flush
ip -n b xfrm state flush

# An ICMP error that quotes a clear packet must be forged: the tunnel can't have sent it.
ip -n b xfrm policy flush
mtu_of() { ns b ip route get 10.1.0.1 | grep -o 'mtu [0-9]*'; }
mtu_is() { [ "$(mtu_of)" = "$1" ]; }
forge() { frag_needed r 10.2.0.1 10.1.0.1 1000 10.2.0.1; }
./ext b t0 require_ipsec=0
forge
check "nothing is required: a forged path MTU is accepted" wait_for 5 mtu_is "mtu 1000"
ip -n b route flush cache
./ext b t0 require_ipsec=1
forge
sleep 0.5
is "IPsec is required: a forged path MTU is ignored" "$(mtu_of)" ""

# A netfilter rule of the host that changes the outer packet makes it lose its SA, after the
# tunnel has checked that there is one.
sa add esp
policies add esp
ip -n a addr add 10.1.0.2/24 dev wan
rules() { ns a nft -f -; }
# Sends two pings: neither leaves in the clear, and each is counted.
held_back() {	# WHAT
	capture r a "proto 4"
	counts "$1: dropped, and counted" a tx_no_ipsec 2 \
		ns a ping -c 2 -i 0.2 -W 1 192.168.0.2
	is "$1: no clear text is sent" "$(captured | grep -c 'proto IPIP')" 0
	ns a nft flush ruleset
}
clear() {	# WHAT
	capture r a "proto 4"
	ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
	is "$1: nothing is required: clear text is sent" "$(captured | grep -c 'proto IPIP')" 1
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
# The policy applies to packets with the tunnel's mark. The rule gives the packet another mark.
policy a del out 10.1.0.1 10.2.0.1
ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 mark 1 \
	tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode transport
ip -n a link set dev t0 type ipip fwmark 1
check "a policy for the tunnel's mark: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
rules <<-END
	table ip test {
		chain output {
			type route hook output priority mangle
			ip protocol 4 meta mark set 2
		}
	}
END
held_back "another mark"
check "a policy for the tunnel's mark, without rules: ping" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2
ip -n a link set dev t0 type ipip fwmark 0
ip -n a addr del 10.1.0.2/24 dev wan
# A VRF with a queueing discipline looks the route up again, and no hook can tell which tunnel
# the packet is from.
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

# AH counts as IPsec.
./ext a t0 require_ipsec=1
sa add ah
policies add ah
check "ping with AH" ns a ping -c 2 -i 0.2 -W 5 192.168.0.2

# IPComp doesn't count as IPsec.
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
	counts "IPComp is dropped on receive, and counted" b rx_no_ipsec 2 \
		ns a ping -c 2 -i 0.2 -W 1 -s 1000 -p 00 192.168.0.2
	is "the dropped packets were IPComp" "$(captured | grep -c 'IPComp')" 2
	./ext b t0 require_ipsec=0
	check "nothing is required: IPComp is received" ns a ping -c 1 -W 5 -s 1000 -p 00 192.168.0.2
	# xfrm4_tunnel would receive packets that match no tunnel, but later tests expect the kernel to
	# answer these. A route that a tunnel has cached holds a reference to the SA, which holds one to the module.
	for n in a b; do
		ip -n $n xfrm policy flush
		ip -n $n xfrm state flush
		ip -n $n link del dev t0
	done
	check "IPComp's modules can be unloaded" wait_for 10 modprobe -r ipcomp xfrm4_tunnel
else
	skip "IPComp" "this kernel has no IPComp"
fi
