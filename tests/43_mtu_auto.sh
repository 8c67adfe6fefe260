#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An automatic MTU follows the MTU of devices and routes and learned path MTUs, until the
# user sets an MTU.
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
is "off: a tunnel from ip(8) keeps its MTU" "$(mtu)" 1480
./ext a t0 mtu_auto=1
is "automatic: follows the underlay at once" "$(mtu)" 1380
# This is the first event since mtu_auto was set: no earlier one has scheduled the work.
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1300
becomes "a route with an MTU is added" 1280
ip -n a route del 10.2.0.1/32
ip -n a link set dev wan mtu 1500
becomes "the underlay's MTU changes" 1480
ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1300
becomes "a route with an MTU is added again" 1280
ip -n a route change 10.2.0.1/32 via 10.1.0.254 mtu 1200
becomes "the route's MTU changes" 1180
ip -n a route del 10.2.0.1/32
becomes "the route is deleted" 1480
ip -n a link add name jumbo mtu 9000 type dummy
ip -n a link set dev jumbo up
ip -n a route add 10.2.0.1/32 dev jumbo
becomes "a route through another device" 8980
ip -n a link set dev jumbo mtu 8000
becomes "the other device's MTU changes" 7980
ip -n a link set dev jumbo down
becomes "the other device is down: the route through the first" 1480
ip -n a link del jumbo
ip -n a link set dev wan down
sleep 1
is "no route: the MTU stays" "$(mtu)" 1480
ip -n a link set dev wan mtu 1450
ip -n a link set dev wan up
ip -n a route add default via 10.1.0.254
becomes "the underlay is back with another MTU" 1430
ip -n a link set dev wan mtu 1500
becomes "the underlay's first MTU again" 1480
ip -n a route replace 172.16.2.0/24 dev t0
ip -n a route add 10.2.0.1/32 dev t0
sleep 1
is "a route into the tunnel itself: the MTU stays" "$(mtu)" 1480
ip -n a route del 10.2.0.1/32

# The link after r is narrow, and the tunnel's end learns the path MTU from ICMP.
ns_sysctl a net.ipv4.route.mtu_expires=20
ip -n r link set dev b mtu 1300
ip -n b link set dev wan mtu 1300
ns a ping -c 1 -W 1 -M "do" -s 1400 192.168.0.2 > /dev/null
becomes "a path MTU was learned" 1280
ip -n r link set dev b mtu 1500
ip -n b link set dev wan mtu 1500
becomes "the learned path MTU has expired" 1480

ip -n a link set dev t0 mtu 1400
is "the user sets an MTU" "$(mtu)" 1400
is "the user sets an MTU: mtu_auto is off" "$(./ext a t0 mtu_auto)" 0
ip -n a link set dev wan mtu 1300
sleep 1
is "the user's MTU stays" "$(mtu)" 1400
./ext a t0 mtu_auto=1
is "automatic again" "$(mtu)" 1280
ip -n a link set dev t0 type ipip tos 0x20
is "ip(8) changes another property: still automatic" "$(./ext a t0 mtu_auto)" 1
ip -n a link set dev wan mtu 1500
becomes "ip(8) changes another property: the MTU still follows" 1480

# With a policy and without an SA the kernel's route has the loopback device's MTU.
for n in a b; do
	ns $n sysctl -qw net.core.xfrm_acq_expires=1
done
policy() {	# NETNS DIRECTION FROM TO
	ip -n "$1" xfrm policy add dir "$2" src "$3" dst "$4" proto 4 \
		tmpl src "$3" dst "$4" proto esp mode transport
}
policy a out 10.1.0.1 10.2.0.1
refuse "a policy without an SA: no packet passes" ns a ping -c 2 -i 0.3 -W 1 192.168.0.2
sleep 1
is "a policy without an SA: the MTU stays" "$(mtu)" 1480
ip -n a link add name t1 type ipip local 10.1.0.1 remote 10.2.0.1 dev wan
./ext a t1 mtu_auto=1
is "a policy without an SA: a new tunnel's MTU" "$(mtu t1)" 1480
ip -n a link del dev t1
esp_one_way
policy b in 10.1.0.1 10.2.0.1
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "an SA: the MTU leaves room for ESP" 1446
# Each of the next events invalidates the cached route of the last packet, and no packet follows.
ip -n a route add 10.9.1.0/24 via 10.1.0.254
sleep 2
is "ESP: an unrelated route is added, no packet: the MTU stays" "$(mtu)" 1446
ip -n a link set dev wan mtu 1400
becomes "ESP: the underlay's MTU changes, no packet" 1346
ip -n a link set dev wan mtu 1500
becomes "ESP: the underlay's first MTU again, no packet" 1446
ip -n a link set dev t0 type ipip ttl 7
is "ESP: a change that keeps the route: the MTU stays" "$(mtu)" 1446
ip -n a link set dev t0 type ipip ttl inherit remote 10.2.0.9
is "ESP: a change to a far end without IPsec" "$(mtu)" 1480
ip -n a link set dev t0 type ipip remote 10.2.0.1
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "ESP: back to the far end with IPsec, after the first packet" 1446
ip -n a link set dev t0 mtu 1400
ip -n a xfrm policy flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
./ext a t0 mtu_auto=1
is "IPsec was removed while the MTU was fixed; automatic again" "$(mtu)" 1480
policy a out 10.1.0.1 10.2.0.1
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "IPsec is back: the MTU leaves room for ESP" 1446
ip -n r link set dev b mtu 1300
ns a ping -c 3 -i 0.3 -W 1 -M "do" -s 1400 192.168.0.2 > /dev/null
below() { [ "$(mtu)" -lt "$1" ]; }
check "ESP: a path MTU was learned" wait_for 60 below 1280
ip -n r link set dev b mtu 1500
becomes "ESP: the learned path MTU has expired, no packet" 1446
ip -n a xfrm state flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
sleep 1
is "the SA is deleted: the MTU stays" "$(mtu)" 1446
ip -n a xfrm policy flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "the policy is deleted: the MTU without ESP" 1480

# An SA in tunnel mode to another far end has its own path.
ip -n a xfrm state add src 10.1.0.1 dst 10.1.0.254 proto esp spi 0x200 mode tunnel \
	aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 \
	tmpl src 10.1.0.1 dst 10.1.0.254 proto esp mode tunnel
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "an SA in tunnel mode: the MTU leaves room for it" 1426
ip -n a link set dev wan mtu 1400
sleep 2
is "tunnel mode: the underlay's MTU changes, no packet: the MTU stays" "$(mtu)" 1426
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "tunnel mode: the MTU follows after the first packet" 1326
ip -n a link set dev wan mtu 1500
ip -n a xfrm policy flush
ip -n a xfrm state flush
ns a ping -c 1 -W 1 192.168.0.2 > /dev/null
becomes "the SA in tunnel mode is deleted" 1480

# A tunnel that carries only keepalive probes.
ip -n b xfrm state flush
esp_one_way
policy a out 10.1.0.1 10.2.0.1
./ext a t0 keepalive_interval=200
becomes "only probes: the MTU leaves room for ESP" 1446
# Remove b's policy, too: b would drop the larger probes without ESP, and the measured MTU would stay.
ip -n b xfrm policy flush
ip -n a xfrm policy flush
becomes "only probes: the policy is deleted, the SA isn't" 1480
./ext a t0 keepalive_interval=0
ip -n a xfrm state flush

ip -n a link add name t1 type ipip local 192.168.0.1 remote 192.168.0.2
./ext a t1 mtu_auto=1
becomes "a tunnel inside the tunnel" 1460 t1
ip -n a link set dev wan mtu 1400
becomes "a tunnel inside the tunnel follows it" 1360 t1
ip -n a link del t1
ip -n a link set dev wan mtu 1500
becomes "the underlay has its first MTU again" 1480

ip -n a link add name any type ipip local 10.1.0.1 dev wan
./ext a any mtu_auto=1
ip -n a link set dev wan mtu 1350
becomes "a tunnel without a remote follows its link" 1330 any
ip -n a link del any

# tunl0 has no link and no remote: it follows the default route.
ip -n a link add name jumbo mtu 9000 type dummy
ip -n a link set dev jumbo up
./ext a tunl0 mtu_auto=1
becomes "tunl0 follows the device of the default route" 1330 tunl0
ip -n a link set dev wan mtu 1340
becomes "tunl0 follows a change of that device's MTU" 1320 tunl0
ip -n a route replace default dev jumbo
becomes "tunl0 follows a change of the default route" 8980 tunl0
ip -n a link set dev tunl0 up
ip -n a route replace default dev tunl0
sleep 1.5
is "tunl0 doesn't follow a default route into itself" "$(mtu tunl0)" 8980
ip -n a route del default
sleep 1.5
is "tunl0 keeps its MTU without a default route" "$(mtu tunl0)" 8980
ip -n a route add default via 10.1.0.254
becomes "tunl0 follows a new default route" 1320 tunl0
ip -n a link set dev tunl0 mtu 1000
sleep 1.5
is "tunl0 keeps an MTU that the user sets" "$(mtu tunl0)" 1000
ip -n a link del dev jumbo

ip -n a link set dev t0 netns h1
ip -n a link set dev wan mtu 1250
becomes "a device in another netns follows its underlay" 1230 t0 h1

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
check "100 tunnels follow the underlay" wait_for 15 all_are 1313
for mtu in 1300 1310 1320; do
	ip -n a link set dev wan mtu $mtu
done
ip netns del a
gone() { ! ip -n h1 link show dev t0; }
check "the netns is deleted while its tunnels follow" wait_for 20 gone
