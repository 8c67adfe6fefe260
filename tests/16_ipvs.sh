#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A real server behind IPVS in tunnel mode: IPVS on the director adds the outer header,
# tunl0 on the real server removes it, and the answer goes directly to the client.
#
#   a, the director ---- r, the client ---- b, the real server
#   VIP 172.16.9.9       10.1.0.254         VIP on lo, 10.2.0.1
. ./lib.sh

if ! modprobe -q ip_vs || ! modprobe -q ip_vs_rr || ! command -v ipvsadm > /dev/null; then
	skip "IPVS" "no IPVS in this kernel, or no ipvsadm"
	exit
fi

topo_underlay
vip=172.16.9.9
ip -n a addr add $vip/32 dev lo
ns a sysctl -qw net.ipv4.vs.conntrack=0
ip -n r route add $vip via 10.1.0.1
ns b sysctl -qw net.ipv4.conf.lo.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
ip -n b addr add $vip/32 dev lo
ip -n b link set tunl0 up
ns b sysctl -qw net.ipv4.conf.tunl0.rp_filter=0
ns a ipvsadm -A -t $vip:80 -s rr
ns a ipvsadm -a -t $vip:80 -r 10.2.0.1:80 -i -w 1

ns b socat -u TCP-LISTEN:80,fork,reuseaddr,bind=$vip OPEN:"$WORK/received",creat,append &
wait_for 10 listening b 80
before=$(stat b tunl0 rx.packets)
send() { echo "$1" | ns r nc -N -w 10 -s 10.1.0.254 $vip 80; }
for i in 1 2 3; do
	check "connection $i through the director" send "line $i"
done
wait_for 5 grep -q 'line 3' "$WORK/received"
is "the server received all lines" "$(tr '\n' ' ' < "$WORK/received")" "line 1 line 2 line 3 "
check "tunl0 received the packets" test "$(stat b tunl0 rx.packets)" -gt $((before + 9))
is "no answer goes back through tunl0" "$(stat b tunl0 tx.packets)" 0

# Segments that are too long for the path once they have an outer header.
head -c 2M /dev/urandom > "$WORK/sent"
rm -f "$WORK/received"
ns r nc -N -w 20 -s 10.1.0.254 $vip 80 < "$WORK/sent"
wait_for 10 cmp "$WORK/sent" "$WORK/received"
check "2 MiB arrive unchanged" cmp "$WORK/sent" "$WORK/received"

# A device in external mode instead of tunl0, as on Katran's real servers.
ip -n b link set tunl0 down
refuse "no connection without tunl0" send "lost"
ip -n b link add name ipip0 type ipip external
ip -n b link set ipip0 up
ns b sysctl -qw net.ipv4.conf.ipip0.rp_filter=0
rm -f "$WORK/received"
check "Katran: a connection through a device in external mode" send "external"
ip -n b link del ipip0
ip -n b link add name ipip0 type ipip local 10.2.0.1
ip -n b link set ipip0 up
ns b sysctl -qw net.ipv4.conf.ipip0.rp_filter=0
check "a connection through a tunnel from local to any" send "wildcard"
wait_for 5 grep -q wildcard "$WORK/received"
is "the server received both lines" "$(tr '\n' ' ' < "$WORK/received")" "external wildcard "
