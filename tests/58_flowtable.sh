#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A flowtable that supports tunnels (6.19 and newer) offloads flows through the tunnel, but not
# those that the driver must see.
. ./lib.sh

if ! command -v nft > /dev/null || [ "$(uname -r | awk -F. '{ print ($1 * 100 + $2 >= 619) }')" != 1 ]; then
	skip "flowtable" "this kernel's flowtable doesn't support tunnels, or nft isn't installed"
	exit
fi

offload() {	# NETNS DEVICE...
	local devices=${*:2}

	ns "$1" nft -f - <<- END
		flush ruleset
		table ip f {
			flowtable ft {
				hook ingress priority filter
				devices = { ${devices// /, } }
			}
			chain forward {
				type filter hook forward priority filter
				ct state established meta l4proto tcp flow add @ft
				counter
			}
		}
	END
}
stack() { ns a nft list chain ip f forward | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }
# Sends TCP in both directions; sets $seen to the number of packets that a's stack has forwarded.
bulk() {
	local before

	offload a h1 wan
	before=$(stack)
	check "$1: 2 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 2
	check "$1: 2 MiB over TCP the other way" tcp_bulk h2 h1 172.16.1.2 2
	seen=$(($(stack) - before))
	echo "# $1: the stack has seen $seen packets"
}

topo
check "the kernel accepts a flowtable" offload a h1 wan
ns a nft flush ruleset
# A host that hasn't learned the path MTU yet sends segments that are too long for the tunnel, and the
# flowtable leaves these to the stack. So make the hosts learn it first.
ns h1 ping -q -c 1 -W 1 -M "do" -s 1472 172.16.2.2 > /dev/null
ns h2 ping -q -c 1 -W 1 -M "do" -s 1472 172.16.1.2 > /dev/null
if [ "$IPIP" = ours ]; then
	bulk "by default"
	check "by default flows aren't offloaded" test "$seen" -gt 100
	./ext a t0 fast_path=1
fi
bulk "plain"
check "plain: the flow is offloaded after its first packets" test "$seen" -lt 60
capture r a "proto 4 and src 10.1.0.1"
check "plain: ping" ns h1 ping -c 1 -W 5 172.16.2.2
captured > "$WORK/packets"
check "plain: the ping is encapsulated" grep -q '10.1.0.1 > 10.2.0.1: *IP' "$WORK/packets"

if [ "$IPIP" = ours ]; then
	./ext a t0 clamp_mss=rx
	bulk "MSS clamp"
	check "MSS clamp: flows aren't offloaded" test "$seen" -gt 100
	./ext a t0 clamp_mss=off

	# A change of the tunnel ends the offload of flows, since it invalidates all routes.
	offload a h1 wan
	ns h2 nc -l -p 5555 > "$WORK/received" 2> /dev/null < /dev/null &
	wait_for 10 listening h2 5555
	while sleep 0.1; do echo line; done | ns h1 nc 172.16.2.2 5555 > /dev/null &
	lines() { [ "$(wc -l < "$WORK/received")" -gt "$1" ]; }
	check "a flow that lasts" wait_for 20 lines 10
	before=$(stack)
	check "a flow that lasts: more data arrive" wait_for 20 lines 20
	check "a flow that lasts: it is offloaded" test $(($(stack) - before)) -lt 3
	./ext a t0 require_ipsec=1
	capture r a "src 10.1.0.1 and proto 4"
	before=$(./ext a t0 tx_no_ipsec)
	held_back() { [ "$(./ext a t0 tx_no_ipsec)" -gt "$before" ]; }
	check "IPsec is required: the driver drops the flow's packets" wait_for 20 held_back
	captured > "$WORK/packets"
	is "IPsec is required: no clear text is sent" "$(grep -c 'proto IPIP' "$WORK/packets")" 0
	for n in h1 h2; do
		ns_kill $n
	done
	./ext a t0 require_ipsec=0
	ip -n a link set dev t0 type ipip tos inherit
	bulk "DSCP inherited"
	check "DSCP inherited: flows aren't offloaded" test "$seen" -gt 100
	ip -n a link set dev t0 type ipip tos 0
	./ext a t0 df=no
	bulk "no DF"
	check "no DF: flows aren't offloaded" test "$seen" -gt 100
	./ext a t0 df=legacy
	bulk "plain again"
	check "plain again: flows are offloaded" test "$seen" -lt 60

	# Before 7.3 the flowtable looks the outer route up without a link and without a mark.
	if [ "$(uname -r | awk -F. '{ print ($1 * 100 + $2 < 703) }')" = 1 ]; then
		ip -n a link set dev t0 type ipip fwmark 7
		bulk "a mark"
		check "a mark: flows aren't offloaded" test "$seen" -gt 100
		ip -n a link set dev t0 type ipip fwmark 0
	fi
fi

# The flowtable doesn't apply IPsec policies.
esp_one_way
ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 \
	tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode transport
capture r a "src 10.1.0.1 and (proto 4 or proto 50)"
bulk "IPsec by policy"
captured > "$WORK/packets"
check "IPsec by policy: ESP is sent" grep -q ESP "$WORK/packets"
differs "with the in-tree driver offloaded flows bypass the host's IPsec policy"
is "IPsec by policy: no clear text is sent" "$(grep -c 'proto IPIP' "$WORK/packets")" 0
for n in a b; do
	ip -n $n xfrm policy flush
	ip -n $n xfrm state flush
done

modprobe -q fou || exit 0
for n in a b; do
	ns $n ip fou add port 5555 ipproto 4
	ip -n $n link set t0 type ipip encap fou encap-sport auto encap-dport 5555
done
if [ "$IPIP" = ours ]; then
	bulk "FOU"
	check "FOU: flows aren't offloaded" test "$seen" -gt 100
fi
