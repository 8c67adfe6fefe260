#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An automatic MTU follows devices, routes and learned path MTUs, until the user
# sets one.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "automatic MTU" "the in-tree driver doesn't have it"
	exit
fi

mtu() { ip netns exec "${2:-a}" cat /sys/class/net/"${1:-t0}"/mtu; }
mtu_is() { [ "$(mtu "${2:-t0}" "${3:-a}")" = "$1" ]; }
becomes() {	# NAME MTU [DEVICE [NETNS]]
	wait_for 60 mtu_is "$2" "${3:-t0}" "${4:-a}"
	is "$1" "$(mtu "${3:-t0}" "${4:-a}")" "$2"
}

topo
ip -n a link set dev wan mtu 1400
sleep 1
is "a tunnel of ip(8)'s follows nothing" "$(mtu)" 1480
./ext a t0 mtu_auto=1
is "automatic: the underlay's, at once" "$(mtu)" 1380
# The first thing that happens: nothing else has made it look.
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1300
becomes "a route with an MTU" 1280
ip -n a route del 10.2.0.1/32
ip -n a link set dev wan mtu 1500
becomes "the underlay's MTU has changed" 1480
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1300
becomes "again a route with an MTU" 1280
ip -n a route change 10.2.0.1/32 via 10.1.0.254 mtu 1200
becomes "another MTU" 1180
ip -n a route del 10.2.0.1/32
becomes "the route is gone" 1480
ip -n a link add name jumbo mtu 9000 type dummy
ip -n a link set dev jumbo up
ip -n a route add 10.2.0.1/32 dev jumbo
becomes "a route by another device" 8980
ip -n a link set dev jumbo mtu 8000
becomes "that device's MTU has changed" 7980
ip -n a link set dev jumbo down
becomes "that device is down: back to the first" 1480
ip -n a link del jumbo
ip -n a link set dev wan down
sleep 1
is "nowhere to go: it stays" "$(mtu)" 1480
ip -n a link set dev wan mtu 1450
ip -n a link set dev wan up
ip -n a route add default via 10.1.0.254
becomes "the underlay is back with another" 1430
ip -n a link set dev wan mtu 1500
becomes "and as it was" 1480
ip -n a route replace 172.16.2.0/24 dev t0
ip -n a route add 10.2.0.1/32 dev t0
sleep 1
is "a route into the tunnel itself: it stays" "$(mtu)" 1480
ip -n a route del 10.2.0.1/32

# The link behind r is narrow: the path MTU is learned from ICMP.
ns_sysctl a net.ipv4.route.mtu_expires=20
ip -n r link set dev b mtu 1300
ip -n b link set dev wan mtu 1300
ns a ping -c 1 -W 1 -M "do" -s 1400 192.168.0.2 > /dev/null
becomes "a path MTU is learned" 1280
ip -n r link set dev b mtu 1500
ip -n b link set dev wan mtu 1500
becomes "and forgotten" 1480

ip -n a link set dev t0 mtu 1400
is "the user's MTU" "$(mtu)" 1400
is "it isn't automatic any more" "$(./ext a t0 mtu_auto)" 0
ip -n a link set dev wan mtu 1300
sleep 1
is "and stays" "$(mtu)" 1400
./ext a t0 mtu_auto=1
is "automatic again" "$(mtu)" 1280
ip -n a link set dev t0 type ipip tos 0x20
is "ip(8) changes something else: still automatic" "$(./ext a t0 mtu_auto)" 1
ip -n a link set dev wan mtu 1500
becomes "and follows" 1480

# With a policy and no SA the route has the loopback device's MTU.
for n in a b; do
	ns $n sysctl -qw net.core.xfrm_acq_expires=1
done
policy() {	# NETNS DIRECTION FROM TO
	ip -n "$1" xfrm policy add dir "$2" src "$3" dst "$4" proto 4 \
		tmpl src "$3" dst "$4" proto esp mode transport
}
policy a out 10.1.0.1 10.2.0.1
refuse "a policy, and no SA" ns a ping -c 2 -i 0.3 -W 1 192.168.0.2
sleep 1
is "the MTU stays" "$(mtu)" 1480
ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.2.0.1 dev wan
./ext a t1 mtu_auto=1
is "so does a new tunnel's" "$(mtu t1)" 1480
ip -n a link del dev t1
esp_one_way
policy b in 10.1.0.1 10.2.0.1
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "an SA: room for ESP" 1446
# Each makes the route old that the last packet took, and no packet takes another.
ip -n a route add 10.9.1.0/24 via 10.1.0.254
sleep 2
is "another route comes, without a packet: it stays" "$(mtu)" 1446
ip -n a link set dev wan mtu 1400
becomes "the underlay's MTU, without a packet" 1346
ip -n a link set dev wan mtu 1500
becomes "and back" 1446
ip -n a link set dev t0 type ipip ttl 7
is "a change that leaves the route alone: it stays" "$(mtu)" 1446
ip -n a link set dev t0 type ipip ttl inherit remote 10.2.0.9
is "another far end, without IPsec" "$(mtu)" 1480
ip -n a link set dev t0 type ipip remote 10.2.0.1
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "and back: the first packet tells" 1446
ip -n a link set dev t0 mtu 1400
ip -n a xfrm policy flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
./ext a t0 mtu_auto=1
is "automatic again, and IPsec has gone meanwhile" "$(mtu)" 1480
policy a out 10.1.0.1 10.2.0.1
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "and back" 1446
ip -n r link set dev b mtu 1300
ns a ping -c 3 -i 0.3 -W 1 -M "do" -s 1400 192.168.0.2 > /dev/null
below() { [ "$(mtu)" -lt "$1" ]; }
check "a path MTU is learned below ESP" wait_for 60 below 1280
ip -n r link set dev b mtu 1500
becomes "and forgotten, with nothing to carry" 1446
ip -n a xfrm state flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
sleep 1
is "the SA is gone: the MTU stays" "$(mtu)" 1446
ip -n a xfrm policy flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "no policy: as it was" 1480

# IPsec in tunnel mode with another far end has a path of its own.
ip -n a xfrm state add src 10.1.0.1 dst 10.1.0.254 proto esp spi 0x200 mode tunnel \
	aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 \
	tmpl src 10.1.0.1 dst 10.1.0.254 proto esp mode tunnel
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "an SA in tunnel mode: room for it" 1426
ip -n a link set dev wan mtu 1400
sleep 2
is "without a packet it isn't known: it stays" "$(mtu)" 1426
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "the first packet tells" 1326
ip -n a link set dev wan mtu 1500
ip -n a xfrm policy flush
ip -n a xfrm state flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "without it" 1480

# A tunnel that carries nothing but probes.
ip -n b xfrm state flush
esp_one_way
policy a out 10.1.0.1 10.2.0.1
./ext a t0 keepalive_interval=200
becomes "probes alone: room for ESP" 1446
# Of b, too: it would drop the larger probes without ESP, and what has been measured stays.
ip -n b xfrm policy flush
ip -n a xfrm policy flush
becomes "probes alone: the policy is gone, the SA isn't" 1480
./ext a t0 keepalive_interval=0
ip -n a xfrm state flush

ip -n a link add name t1 type ipip local 192.168.0.1 remote 192.168.0.2
./ext a t1 mtu_auto=1
becomes "a tunnel in the tunnel" 1460 t1
ip -n a link set dev wan mtu 1400
becomes "follows the outer one" 1360 t1
ip -n a link del t1
ip -n a link set dev wan mtu 1500
becomes "without it" 1480

ip -n a link add name any type ipip local 10.1.0.1 dev wan
./ext a any mtu_auto=1
ip -n a link set dev wan mtu 1350
becomes "a tunnel to anybody follows its device" 1330 any
ip -n a link del any

# tunl0 is bound to nothing, and its remotes are gateways of routes.
ip -n a link add name jumbo mtu 9000 type dummy
ip -n a link set dev jumbo up
./ext a tunl0 mtu_auto=1
becomes "tunl0 follows the device of the default route" 1330 tunl0
ip -n a link set dev wan mtu 1340
becomes "whose MTU changes" 1320 tunl0
ip -n a route replace default dev jumbo
becomes "and the default route" 8980 tunl0
ip -n a link set dev tunl0 up
ip -n a route replace default dev tunl0
sleep 1.5
is "but not itself" "$(mtu tunl0)" 8980
ip -n a route del default
sleep 1.5
is "nor where there is none" "$(mtu tunl0)" 8980
ip -n a route add default via 10.1.0.254
becomes "the default route is back" 1320 tunl0
ip -n a link set dev tunl0 mtu 1000
sleep 1.5
is "an MTU that was set ends it" "$(mtu tunl0)" 1000
ip -n a link del dev jumbo

ip -n a link set dev t0 netns h1
ip -n a link set dev wan mtu 1250
becomes "from another netns" 1230 t0 h1

for i in $(seq 1 100); do
	echo "link add name m$i type ipip local 10.1.0.1 remote 10.2.1.$i"
done | ip -n a -batch -
ip netns exec a python3 - <<-END
	import sys
	sys.path.insert(0, ".")
	from lib import Rtnl
	rtnl = Rtnl("a")
	for i in range(1, 101):
	    rtnl.set(f"m{i}", mtu_auto=1)
END
ip -n a link set dev wan mtu 1333
all_are() { [ "$(ip -n a -o link show type ipip | grep -c "mtu $1 ")" = 100 ]; }
check "100 tunnels follow" wait_for 15 all_are 1313
for mtu in 1300 1310 1320; do
	ip -n a link set dev wan mtu $mtu
done
ip netns del a
gone() { ! ip -n h1 link show dev t0; }
check "the netns goes while they follow" wait_for 20 gone
