#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Many netns are deleted together under traffic; the remaining ones still work.
. ./lib.sh

count=40
numbers=$(seq $count)

# Makes the netns n1, n2, ..., the far ends of the hub's tunnels h1, h2, ... The tunnels f1, f2, ...
# have their underlay in n1, n2, ... and their device in c; m1, m2, ... have their underlay in the hub
# and their device in n1, n2, ...
make() {
	local i

	for i in $numbers; do
		ip netns add "n$i"
		echo "link add name w$i netns hub type veth peer name wan netns n$i"
	done > "$WORK/veth"
	ip -batch "$WORK/veth" || return
	for i in $numbers; do
		ip -n "n$i" -batch - <<-END
			link set dev lo up
			addr add 10.1.1.$i peer 10.1.0.1 dev wan
			link set dev wan up
			route add default via 10.1.0.1
			link add name t0 type ipip local 10.1.1.$i remote 10.1.0.1
			addr add 192.168.$i.2/30 dev t0
			link set dev t0 up
			link add name f$i type ipip local 10.1.1.$i remote 10.9.0.1
			link set dev f$i netns c
		END
		ns "n$i" ethtool -K t0 rx-udp-gro-forwarding on
		echo "link set dev w$i up" >&3
		echo "route add 10.1.1.$i dev w$i" >&3
		echo "link add name m$i type ipip local 10.1.0.1 remote 10.8.0.$i" >&3
		echo "link set dev m$i netns n$i" >&3
	done 3> "$WORK/hub"
	ip -n hub -batch "$WORK/hub" || return
	for i in $numbers; do
		echo "link set dev f$i up"
	done | ip -n c -batch -
}

end() {
	local i

	for i in $numbers; do
		ns_kill "n$i"
		ip netns del "n$i"
	done
}

# Floods all far ends with UDP. GRO may merge it, so packets are queued for GRO when a netns is deleted.
flood() {
	exec ip netns exec hub /usr/bin/python3 -c '
import socket, sys
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
while True:
    for i in range(1, int(sys.argv[1]) + 1):
        for _ in range(16):
            try:
                s[i % 4].sendto(bytes(1000), (f"192.168.{i}.2", 9))
            except OSError:
                pass' $count
}

kind() { ip -n "$1" -o link show type ipip | grep -vc ': tunl0@'; }
none_far() { [ "$(kind c)" = 0 ]; }
ended() { ! ip -n hub -o link show type veth | grep -q ': w[0-9]'; }
received() { [ "$(stat "n$1" t0 rx.packets)" -gt 16 ]; }

ns_add hub c s
ip link add name ws netns hub type veth peer name wan netns s
ip -n hub -batch - <<-END
	addr add 10.1.0.1 dev lo
	link set dev ws up
	route add 10.1.2.1 dev ws
END
ip -n s addr add 10.1.2.1 peer 10.1.0.1 dev wan
ip -n s link set dev wan up
tunnel s 10.1.2.1 10.1.0.1
ip -n s addr add 192.168.0.2/30 dev t0
for i in $numbers; do
	cat <<-END
		link add name h$i group 7 type ipip local 10.1.0.1 remote 10.1.1.$i
		addr add 192.168.$i.1/30 dev h$i
		link set dev h$i up
	END
done | ip -n hub -batch -
ip -n hub link add name hs type ipip local 10.1.0.1 remote 10.1.2.1
ip -n hub addr add 192.168.0.1/30 dev hs
ip -n hub link set dev hs up

for round in 1 2; do
	check "round $round: $count netns are made" make
	is "round $round: their devices in another netns exist" "$(kind c)" $count
	flood &
	flooding=$!
	check "round $round: the first netns has traffic" wait_for 20 received 1
	check "round $round: the last netns has traffic" wait_for 20 received $count
	end
	check "round $round: all netns are deleted" wait_for 60 ended
	check "round $round: their devices in another netns are deleted" \
		wait_for 20 none_far
	is "round $round: the hub has all its tunnels" "$(kind hub)" $((count + 1))
	refuse "round $round: the addresses of the hub's tunnels are taken" ip -n hub link add name dup \
		type ipip local 10.1.0.1 remote 10.1.1.$count
	for i in $numbers; do
		echo "link add name m$i group 8 type ipip local 10.1.0.1 remote 10.8.0.$i"
	done > "$WORK/hub"
	check "round $round: the addresses of devices in the deleted netns are free" \
		ip -n hub -batch "$WORK/hub"
	ip -n hub link del group 8
	check "round $round: ping through another tunnel of the hub" \
		ns hub ping -c 2 -i 0.2 -W 5 192.168.0.2
	kill $flooding
	wait $flooding 2> /dev/null
done

check "$count netns are made again" make
flood &
flooding=$!
check "the last of them has traffic" wait_for 20 received $count
for i in $numbers; do
	ns "n$i" ping -q -f "192.168.$i.1" > /dev/null 2>&1 &
done
sleep 1
check "the hub's tunnels are deleted under traffic" ip -n hub link del group 7
is "one tunnel of the hub is left" "$(kind hub)" 1
check "ping through the tunnel that is left" ns hub ping -c 2 -i 0.2 -W 5 192.168.0.2
kill $flooding
end
wait $flooding 2> /dev/null
check "all netns are deleted after the hub's tunnels" wait_for 60 ended
