#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The far end is the in-tree driver in another virtual machine, connected by a virtual NIC.
. ./lib.sh

modprobe -q virtio_net
nic=$(grep -l 52:54:00:00:00:01 /sys/class/net/*/address)
if [ -z "$nic" ]; then
	skip "interoperation" "this guest isn't connected to another one"
	exit
fi
touch "$RESULTS/peer-wanted"
nic=${nic%/address}
nic=${nic##*/}

# ours 10.0.0.1 ---- 10.0.0.2 peer. The peer takes commands over the same link.
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

peer() { ns ours socat -t 30 - TCP:10.0.0.2:7,connect-timeout=60 <<< "$*"; }
peer_status() { [ "$(peer "$* > /dev/null 2>&1; echo \$?")" = 0 ]; }

check "the peer answers" wait_for 180 peer_status true
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
check "ping from a host behind this end" ns h1 ping -c 3 -i 0.2 -W 5 172.16.2.2
check "ping to a host behind this end" peer_status "ping -c 3 -i 0.2 -W 5 -I 172.16.2.2 172.16.1.2"
# Repeat the ping if it fails: if both machines are slow, its fragments don't fit into the NIC's queue.
check "ping of 20,000 bytes to the peer" wait_for 30 ns h1 ping -c 1 -W 5 -M dont -s 20000 172.16.2.2
check "ping of 20,000 bytes from the peer" wait_for 30 peer_status "ping -c 1 -W 5 -M dont -s 20000 172.16.1.2"

head -c 4M /dev/urandom > "$WORK/sent"
sum=$(sha256sum < "$WORK/sent")
peer "nohup sh -c 'nc -l -p 5555 < /dev/null | sha256sum > /run/sum' > /dev/null 2>&1 &"
wait_for 20 peer_status "ss -Hltn sport = :5555 | grep -q ."
ns h1 timeout 120 nc -N 172.16.2.2 5555 < "$WORK/sent"
check "4 MiB over TCP to the peer arrive unchanged" wait_for 20 peer_status "grep -q '${sum%% *}' /run/sum"
peer "head -c 4M /dev/urandom > /run/back"
peer "nohup nc -l -N -p 5556 < /run/back > /dev/null 2>&1 &"
wait_for 20 peer_status "ss -Hltn sport = :5556 | grep -q ."
ns h1 timeout 120 nc -d 172.16.2.2 5556 > "$WORK/back"
is "4 MiB over TCP from the peer arrive unchanged" \
	"$(sha256sum < "$WORK/back")" "$(peer 'sha256sum < /run/back')"

# Packets above 64 KiB at this end, if the kernel supports them; the link carries segments.
python3 -c 'from lib import Rtnl
for ns, device in ("h1", "eth0"), ("ours", "h1"), ("ours", "wan"), ("ours", "t0"):
    Rtnl(ns).set_sizes(device, 192 << 10)'
peer "nohup sh -c 'nc -l -p 5557 < /dev/null | sha256sum > /run/big' > /dev/null 2>&1 &"
wait_for 20 peer_status "ss -Hltn sport = :5557 | grep -q ."
ns h1 timeout 120 nc -N 172.16.2.2 5557 < "$WORK/sent"
check "BIG TCP: 4 MiB to the peer arrive unchanged" wait_for 20 peer_status "grep -q '${sum%% *}' /run/big"

check "ping with inherited DSCP, ECN and TTL" sh -c "
	ip -n ours link set t0 type ipip tos inherit ttl inherit &&
	ip netns exec ours ping -c 1 -W 5 -Q 0xba -t 7 192.168.0.2"
capture ours wan "proto 4"
ns ours ping -c 1 -W 5 -Q 0xba -t 7 192.168.0.2 > /dev/null
captured > "$WORK/packets"
check "the outer header has the inherited DSCP, ECN and TTL" grep -q 'tos 0xba,ECT(0), ttl 7,.*proto IPIP' "$WORK/packets"

# The peer's underlay gets a smaller MTU, then this end's.
mtu_of() { grep -o 'mtu [0-9]*' | head -n 1 | cut -d' ' -f2; }
peer "ip link set dev wan mtu 1300"
peer "ping -c 2 -i 0.2 -W 1 -M do -s 1400 192.168.0.1" > /dev/null
is "the in-tree driver's sender learns the path MTU of a narrow underlay" \
	"$(peer 'ip route get 192.168.0.1' | mtu_of)" 1280
peer "ip link set dev wan mtu 1500"
ip -n ours link set dev wan mtu 1300
ns h1 ping -c 2 -i 0.2 -W 1 -M "do" -s 1400 172.16.2.2 > /dev/null
is "this driver's sender learns the path MTU of a narrow underlay" \
	"$(ns h1 ip route get 172.16.2.2 | mtu_of)" 1280
check "a packet that fits the path passes" ns h1 ping -c 1 -W 5 -M "do" -s 1252 172.16.2.2

# Keepalive with a peer that doesn't implement it.
if [ "$IPIP" = in-tree ]; then
	skip "keepalive with the in-tree driver" "the in-tree driver has no keepalive"
else
	state_is() { [ "$(./ext ours t0 keepalive_state)" = "$1" ]; }
	answers() { [ "$(./ext ours t0 keepalive_answered)" -gt "$1" ]; }
	./ext ours t0 keepalive_interval=1000 keepalive_retries=3
	peer "sysctl -qw net.ipv4.ip_forward=1"
	check "cookie: a peer without accept_local doesn't answer" wait_for 30 state_is down
	peer "sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.t0.accept_local=1"
	check "cookie: a peer with accept_local answers" wait_for 30 state_is up
	answered=$(./ext ours t0 keepalive_answered)
	check "cookie: a peer with accept_local keeps answering" wait_for 15 answers $((answered + 3))
	./ext ours t0 keepalive_mode=routeros
	answered=$(./ext ours t0 keepalive_answered)
	check "routeros: a peer with accept_local answers nested probes" wait_for 15 answers $((answered + 3))
	peer "sysctl -qw net.ipv4.conf.all.accept_local=0 net.ipv4.conf.t0.accept_local=0"
	check "routeros: a peer without accept_local doesn't answer" wait_for 30 state_is down
	peer "sysctl -qw net.ipv4.ip_forward=0"
	./ext ours t0 keepalive_mode=icmp keepalive_target=192.168.0.2
	check "icmp: a peer without special configuration answers" wait_for 30 state_is up
	./ext ours t0 keepalive_interval=0
fi
is "no receive errors at this end" "$(stat ours t0 rx.errors)" 0
is "no receive errors at the peer" "$(peer cat /sys/class/net/t0/statistics/rx_errors)" 0
# Give the device its first name back: later test files make links named wan.
ip -n ours link set dev wan down
ip -n ours link set dev wan netns 1 name "$nic"
