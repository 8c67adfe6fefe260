#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An automatic MTU while routes change all the time, with tunnels whose routes lead through
# each other, and with IPsec policies without SAs.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "automatic MTU" "the in-tree driver doesn't have it"
	exit
fi

mtu() { ns a cat /sys/class/net/"${1:-t0}"/mtu; }
mtu_is() { [ "$(mtu "$1")" = "$2" ]; }
becomes() {	# NAME MTU [DEVICE]
	wait_for 60 mtu_is "${3:-t0}" "$2"
	is "$1" "$(mtu "${3:-t0}")" "$2"
}
stays() {	# NAME MTU [DEVICE]
	sleep 3
	is "$1" "$(mtu "${3:-t0}")" "$2"
}
# Sets an attribute of IFLA_IPIP_EXT, by name=value, for the tunnels NAME1 to NAMEn.
ext_all() {	# NAME NUMBER NAME=VALUE
	ip netns exec a python3 - "$@" <<-'END'
		import sys
		sys.path.insert(0, ".")
		from lib import Rtnl
		name, number, value = sys.argv[1:]
		key, value = value.split("=")
		rtnl = Rtnl("a")
		for i in range(1, int(number) + 1):
		    rtnl.set(f"{name}{i}", **{key: int(value)})
	END
}

topo
routes() {	# COMMAND FIRST LAST
	seq "$2" "$3" | awk -v command="$1" '{
		printf "route %s 20.%d.%d.%d/32 via 10.1.0.254\n", command, $1 / 65536, $1 / 256 % 256, $1 % 256
	}'
}
for first in $(seq 0 10000 90000); do
	routes add "$first" $((first + 9999)) | ip -n a -batch -
done
is "a table of 100,000 routes" "$(ns a grep -c . /proc/net/route | awk '{ print ($1 > 100000) }')" 1
# Deletes and adds one of them some thousand times per second. A dump of the table can be
# interrupted by that only with two processors.
ip netns exec a python3 - <<-'END' &
	import socket, struct
	sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
	def message(kind, flags):
	    attributes = b"".join(struct.pack("=HH4s", 8, kind, socket.inet_aton(address))
	                          for kind, address in ((1, "20.0.0.1"), (5, "10.1.0.254")))
	    body = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 3, 0, 1, 0) + attributes
	    return struct.pack("=IHHII", 16 + len(body), kind, flags | 1, 0, 0) + body
	delete, add = message(25, 0), message(24, 0x600)
	while True:
	    sock.send(delete)
	    sock.send(add)
END
churn=$!
sleep 1
./ext a t0 mtu_auto=1
# A notifier that asks for a dump of all routes first would have given up by the time the tunnel
# follows its underlay, and again a little later, since the tunnel's own MTU has changed.
start=$SECONDS
ip -n a link set dev wan mtu 1450
becomes "the underlay's MTU changes while one of 100,000 routes is added and deleted" 1430
sleep $((2 * (SECONDS - start) + 2))
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1300
becomes "a route with an MTU is added meanwhile" 1280
check "the route was still being added and deleted" kill -0 $churn
kill $churn
wait $churn 2> /dev/null
ip -n a route change 10.2.0.1/32 via 10.1.0.254 mtu 1200
becomes "the route's MTU changes after that has ended" 1180
ns_clean

# The driver refuses the tunnel as its own link.
topo
./ext a t0 mtu_auto=1
refuse "the tunnel as its own link is refused" ip -n a link set dev t0 type ipip dev t0
check "the tunnel as its own link: the message says why" grep -q "can't be its own link" "$WORK/output"
stays "the tunnel as its own link: the MTU stays" 1480
./ext a t0 mtu_auto=0
check "without an automatic MTU the tunnel may be its own link, as with the in-tree driver" \
	ip -n a link set dev t0 type ipip dev t0
is "the MTU isn't derived from the tunnel's own" "$(mtu)" 1480
refuse "mtu_auto on a tunnel that is its own link is refused" ./ext a t0 mtu_auto=1
check "mtu_auto on such a tunnel: the message says why" grep -q "can't be its own link" "$WORK/output"
is "a new tunnel whose link is the index that it requests is refused" "$(ip netns exec a python3 - <<-'END'
	import socket, struct, sys
	sys.path.insert(0, ".")
	from lib import IPTUN_LINK, IPTUN_LOCAL, IPTUN_REMOTE, NLM_F_CREATE, NLM_F_EXCL, RTM_NEWLINK, Rtnl, ext, u32
	ends = [(IPTUN_LOCAL, socket.inet_aton("10.1.0.1")), (IPTUN_REMOTE, socket.inet_aton("10.2.0.7"))]
	print(*Rtnl().request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "own",
	                      ends + [(IPTUN_LINK, u32(777)), ext(mtu_auto=1)], index=777)[:2])
END
)" "22 a tunnel with an automatic mtu can't be its own link"
check "another link is accepted" ip -n a link set dev t0 type ipip dev wan
./ext a t0 mtu_auto=1
ip -n a link set dev wan mtu 1450
becomes "the MTU follows the other link" 1430
ip -n a link set dev wan mtu 1500
becomes "the MTU follows the other link again" 1480

# Routes that lead tunnels through each other can't be refused.
said() { dmesg | tail -n "+$(($1 + 1))" | grep -c "ipip: $2: .*in a circle"; }
tunnel_to() {	# NAME REMOTE
	ip -n a link add name "$1" type ipip local 10.1.0.1 remote "$2"
	ip -n a link set dev "$1" up
	./ext a "$1" mtu_auto=1
}
lines=$(dmesg | wc -l)
ip -n a link del dev t0
tunnel_to t0 10.2.0.1
tunnel_to t1 10.3.0.1
ip -n a route add 10.2.0.1/32 dev t1
becomes "t0 leads through t1" 1460
ip -n a route add 10.3.0.1/32 dev t0
stays "t1 also leads through t0: t0 keeps its MTU" 1460
is "t1 also leads through t0: t1 keeps its MTU" "$(mtu t1)" 1480
is "a circle is logged once for each tunnel" "$(said "$lines" t0) $(said "$lines" t1)" "1 1"
tunnel_to t2 10.4.0.1
ip -n a route add 10.4.0.1/32 dev t1
stays "t2 leads into the circle: t2 keeps its MTU" 1480 t2
ip -n a route change 10.3.0.1/32 dev t2
ip -n a route change 10.4.0.1/32 dev t0
stays "a circle of three: t0 keeps its MTU" 1460 t0
is "a circle of three: t1 keeps its MTU" "$(mtu t1)" 1480
is "a circle of three: t2 keeps its MTU" "$(mtu t2)" 1480
ip -n a route del 10.4.0.1/32
becomes "t2 leads out of the circle: t2 follows the underlay" 1480 t2
becomes "t2 leads out of the circle: t1 follows t2" 1460 t1
becomes "t2 leads out of the circle: t0 follows t1" 1440 t0
ip -n a route del 10.2.0.1/32
ip -n a route add 10.2.0.1/32 dev t0
stays "a route into the tunnel itself: the MTU stays" 1440
ip -n a route del 10.2.0.1/32
becomes "the route into the tunnel itself is deleted" 1480
ns_clean

# The kernel must not ask an IKE daemon for an SA before there is a packet.
topo
number=500
for i in $(seq $number); do
	echo "link add name m$i type ipip local 10.1.0.1 remote 10.2.$((1 + i / 250)).$((1 + i % 250))"
done > "$WORK/links"
for i in $(seq $number); do
	remote=10.2.$((1 + i / 250)).$((1 + i % 250))
	echo "xfrm policy add dir out src 10.1.0.1 dst $remote proto 4" \
		"tmpl src 10.1.0.1 dst $remote proto esp mode transport"
done | ip -n a -batch -
ip -n a xfrm monitor acquire > "$WORK/acquires" 2> /dev/null &
monitor=$!
sleep 1
acquires() { grep -c '^acquire' "$WORK/acquires"; }
ip -n a -batch "$WORK/links"
ext_all m $number mtu_auto=1
for i in $(seq $number); do
	echo "link set dev m$i up"
done | ip -n a -batch -
for i in 1 2 3; do
	ip -n a route add 10.9.$i.0/24 via 10.1.0.254
	sleep 1.5
done
ip -n a link set dev wan mtu 1400
all_are() { [ "$(ip -n a -o link show type ipip | grep -c " m[0-9].*mtu $1 ")" = $number ]; }
check "$number tunnels with policies and without SAs follow the underlay" wait_for 30 all_are 1380
is "the kernel hasn't asked for an SA" "$(acquires)" 0
ip -n a route add 192.168.7.0/24 dev m7
ns a ping -c 1 -W 1 192.168.7.1 > /dev/null
asked() { [ "$(acquires)" -ge 1 ]; }
wait_for 10 asked
is "the first packet makes the kernel ask for an SA" "$(acquires)" 1
ip -n a route add 10.9.4.0/24 via 10.1.0.254
sleep 2
is "the next change of routes doesn't" "$(acquires)" 1
kill $monitor
