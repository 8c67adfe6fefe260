#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The in-tree driver in another machine, on the other end of a cable.
. ./lib.sh

modprobe -q virtio_net
nic=$(grep -l 52:54:00:00:00:01 /sys/class/net/*/address)
if [ -z "$nic" ]; then
	skip "interoperation" "there is no cable to another machine here"
	exit
fi
touch "$RESULTS/peer-wanted"
nic=${nic%/address}
nic=${nic##*/}

# ours 10.0.0.1 ---- 10.0.0.2 peer: commands over the same cable.
ns_add ours h1
ip link set dev "$nic" netns ours name wan
ns ours sysctl -qw net.ipv4.ip_forward=1
ip link add name h1 netns ours type veth peer name eth0 netns h1
ip -n ours -batch - <<-END
	addr add 10.0.0.1/24 dev wan
	link set dev wan up
	addr add 172.16.1.1/24 dev h1
	link set dev h1 up
	link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2
	addr add 192.168.0.1/30 dev t0
	link set t0 up
	route add 172.16.2.0/24 dev t0
END
ip -n h1 -batch - <<-END
	addr add 172.16.1.2/24 dev eth0
	link set dev eth0 up
	route add default via 172.16.1.1
END

peer() { ns ours socat -t 30 - TCP:10.0.0.2:7,connect-timeout=5 <<< "$*"; }
peer_status() { [ "$(peer "$* > /dev/null 2>&1; echo \$?")" = 0 ]; }

check "the peer is there" wait_for 180 peer_status true
is "the peer runs the in-tree driver" \
	"$(peer '[ -e /sys/module/ipip ] && [ ! -e /sys/module/ipip/version ] && echo yes')" yes
peer "
	ip link add name t0 type ipip local 10.0.0.2 remote 10.0.0.1
	ip addr add 192.168.0.2/30 dev t0
	ip link set t0 up
	ip route add 172.16.1.0/24 dev t0
	ip addr add 172.16.2.2/32 dev lo
	ip link set lo up
	sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.t0.rp_filter=0
	sysctl -qw net.ipv4.icmp_ratelimit=0"

check "ping to the in-tree driver" ns ours ping -c 3 -i 0.2 -W 5 192.168.0.2
check "ping from the in-tree driver" peer_status "ping -c 3 -i 0.2 -W 5 192.168.0.1"
check "ping from a host behind us" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
check "ping to a host behind us" peer_status "ping -c 3 -i 0.2 -W 5 -I 172.16.2.2 172.16.1.2"
# Again if need be: the cable's queue is shorter than that if both machines are slow.
check "ping of 20,000 bytes to it" wait_for 30 ns h1 ping -c 1 -W 5 -M dont -s 20000 172.16.2.2
check "ping of 20,000 bytes from it" wait_for 30 peer_status "ping -c 1 -W 5 -M dont -s 20000 172.16.1.2"

head -c 4M /dev/urandom > "$WORK/sent"
sum=$(sha256sum < "$WORK/sent")
peer "nohup sh -c 'nc -l -p 5555 < /dev/null | sha256sum > /run/sum' > /dev/null 2>&1 &"
wait_for 20 peer_status "ss -Hltn sport = :5555 | grep -q ."
ns h1 timeout 120 nc -N 172.16.2.2 5555 < "$WORK/sent"
check "4 MB over TCP to it, the same bytes" wait_for 20 peer_status "grep -q '${sum%% *}' /run/sum"
peer "head -c 4M /dev/urandom > /run/back"
peer "nohup nc -l -N -p 5556 < /run/back > /dev/null 2>&1 &"
wait_for 20 peer_status "ss -Hltn sport = :5556 | grep -q ."
ns h1 timeout 120 nc -d 172.16.2.2 5556 > "$WORK/back"
is "4 MB over TCP from it, the same bytes" \
	"$(sha256sum < "$WORK/back")" "$(peer 'sha256sum < /run/back')"

# Packets above 64 KiB, where the kernel has them: the cable has none of it.
python3 -c 'from lib import Rtnl
for ns, device in ("h1", "eth0"), ("ours", "h1"), ("ours", "wan"), ("ours", "t0"):
    Rtnl(ns).set_sizes(device, 192 << 10)'
peer "nohup sh -c 'nc -l -p 5557 < /dev/null | sha256sum > /run/big' > /dev/null 2>&1 &"
wait_for 20 peer_status "ss -Hltn sport = :5557 | grep -q ."
ns h1 timeout 120 nc -N 172.16.2.2 5557 < "$WORK/sent"
check "BIG TCP: 4 MB to it, the same bytes" wait_for 20 peer_status "grep -q '${sum%% *}' /run/big"

check "DSCP, ECN and TTL inherited both ways" sh -c "
	ip -n ours link set t0 type ipip tos inherit ttl inherit &&
	ip netns exec ours ping -c 1 -W 5 -Q 0xba -t 7 192.168.0.2"
capture ours wan "proto 4"
ns ours ping -c 1 -W 5 -Q 0xba -t 7 192.168.0.2 > /dev/null
captured > "$WORK/packets"
check "the outer header has them" grep -q 'tos 0xba,ECT(0), ttl 7,.*proto IPIP' "$WORK/packets"

# The cable gets narrow on the peer's side, then on ours.
mtu_of() { grep -o 'mtu [0-9]*' | head -n 1 | cut -d' ' -f2; }
peer "ip link set dev wan mtu 1300"
peer "ping -c 2 -i 0.2 -W 1 -M do -s 1400 192.168.0.1" > /dev/null
is "the in-tree driver's sender learns the path MTU of a narrow underlay" \
	"$(peer 'ip route get 192.168.0.1' | mtu_of)" 1280
peer "ip link set dev wan mtu 1500"
ip -n ours link set dev wan mtu 1300
ns h1 ping -c 2 -i 0.2 -W 1 -M "do" -s 1400 172.16.2.2 > /dev/null
is "our sender learns the path MTU of a narrow underlay" \
	"$(ns h1 ip route get 172.16.2.2 | mtu_of)" 1280
check "what fits goes through" ns h1 ping -c 1 -W 5 -M "do" -s 1252 172.16.2.2

# Keepalive, which the peer knows nothing of. Its cable is as wide as ours again.
if [ "$IPIP" = in-tree ]; then
	skip "keepalive with the in-tree driver" "there is none here"
else
	state_is() { [ "$(./ext ours t0 keepalive_state)" = "$1" ]; }
	answers() { [ "$(./ext ours t0 keepalive_answered)" -gt "$1" ]; }
	./ext ours t0 keepalive_interval=1000 keepalive_retries=3
	peer "sysctl -qw net.ipv4.ip_forward=1"
	check "cookie: a peer without accept_local doesn't answer" wait_for 30 state_is down
	peer "sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.t0.accept_local=1"
	check "cookie: with it, it does" wait_for 30 state_is up
	answered=$(./ext ours t0 keepalive_answered)
	check "cookie: and goes on" wait_for 15 answers $((answered + 3))
	./ext ours t0 keepalive_mode=routeros
	answered=$(./ext ours t0 keepalive_answered)
	check "routeros: it answers the nested form" wait_for 15 answers $((answered + 3))
	peer "sysctl -qw net.ipv4.conf.all.accept_local=0 net.ipv4.conf.t0.accept_local=0"
	check "routeros: without accept_local it doesn't" wait_for 30 state_is down
	peer "sysctl -qw net.ipv4.ip_forward=0"
	./ext ours t0 keepalive_mode=icmp keepalive_target=192.168.0.2
	check "icmp: it answers as it is" wait_for 30 state_is up
	./ext ours t0 keepalive_interval=0
fi
is "no receive error here" "$(stat ours t0 rx.errors)" 0
is "no receive error there" "$(peer cat /sys/class/net/t0/statistics/rx_errors)" 0
# By its old name: links called wan are made next.
ip -n ours link set dev wan down
ip -n ours link set dev wan netns 1 name "$nic"
