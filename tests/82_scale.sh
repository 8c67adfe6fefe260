#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 4,096 tunnels in one netns: create, look up, change, delete.
. ./lib.sh

count=4096
topo_underlay
percpu() { awk '/^Percpu/ { print $2 }' /proc/meminfo; }
remote() { echo "10.64.$(($1 / 256)).$(($1 % 256))"; }
tunnels() { ip -n a -o link show type ipip group 7 | wc -l; }

create() {
	local i

	for ((i = 0; i < $1; i++)); do
		echo "link add name x$i group 7 type ipip local 10.1.0.1 remote $(remote $i)"
	done > "$WORK/batch"
	ip -n a -batch "$WORK/batch"
}

create 64
ip -n a link del group 7
before=$(percpu)
start=$SECONDS
check "create $count tunnels" create $count
echo "# in $((SECONDS - start)) s"
is "all tunnels exist" "$(tunnels)" $count
peak=$(percpu)
is "a dump has the addresses of each tunnel" \
	"$(ip -n a -d -o link show type ipip group 7 | grep -c 'ipip .*remote 10.64.*local 10.1.0.1')" $count
refuse "a duplicate of one of them is refused" \
	ip -n a link add name dup type ipip local 10.1.0.1 remote "$(remote 1234)"

# b is the far end of some of them: it has their remote addresses, and tunnels back.
last=$((count - 1))
ip -n r route add 10.64.0.0/16 via 10.2.0.1
for i in 0 1234 "$last"; do
	x=x$i y=y$i net=192.168.$((i % 200))
	ip -n a link set "$x" up
	ip -n a addr add "$net.1/30" dev "$x"
	ip -n b addr add "$(remote "$i")/32" dev wan
	ip -n b link add name "$y" type ipip local "$(remote "$i")" remote 10.1.0.1
	ip -n b link set "$y" up
	ip -n b addr add "$net.2/30" dev "$y"
	check "ping through tunnel $i" ns a ping -c 2 -i 0.2 -W 5 "$net.2"
	is "tunnel $i receives the answers" "$(stat a "$x" rx.packets)" 2
done
check "change one of them" ip -n a link set x1234 type ipip local 10.1.0.1 \
	remote "$(remote 1234)" ttl 77
check "ip(8) shows the change" sh -c "ip -n a -d link show x1234 | grep -q 'ttl 77'"
check "ping through the changed tunnel" ns a ping -c 2 -i 0.2 -W 5 "192.168.$((1234 % 200)).2"
ip -n b link add name y5 type ipip local "$(remote 5)" remote 10.1.0.1
ip -n b addr add "$(remote 5)/32" dev wan
ip -n b link set y5 up
ip -n b addr add 192.168.250.2/30 dev y5
is "a tunnel that is down has received nothing" "$(stat a x5 rx.packets)" 0
ns b ping -c 1 -W 1 192.168.250.1 > /dev/null
is "a tunnel that is down doesn't receive packets for it" "$(stat a x5 rx.packets)" 0

start=$SECONDS
check "delete all tunnels in one request" ip -n a link del group 7
echo "# in $((SECONDS - start)) s"
is "no tunnel is left" "$(tunnels)" 0
# The per-CPU allocator keeps its memory: the same tunnels again must not need more.
sleep 5
check "create $count tunnels again" create $count
echo "# per-CPU memory: $before kB before, $peak kB with all, $(percpu) kB with all again"
check "creating them again needs no more per-CPU memory" [ "$(percpu)" -le $((peak + (peak - before) / 2)) ]
ip -n a link del group 7
check "create 100 tunnels" create 100
ip -n a link set x99 up
check "delete the netns with 100 tunnels" ip netns del a
