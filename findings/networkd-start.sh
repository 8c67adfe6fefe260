#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# systemd-networkd 257 and the in-tree ipip driver of Linux 6.12
#
# Expected: networkd makes the device of a .netdev file if it doesn't exist, and doesn't change it if it does, as the
# manual of systemd 252 says.
#
# Actual: at each start networkd 257 applies the whole [Tunnel] section to the existing device. Changes made by hand
# are undone, and properties that the section doesn't name get networkd's defaults. Addresses and routes that aren't
# in the .network file are removed. The device keeps its index, so nothing looks like a restart.
#
# Why it matters: a change of a running tunnel lasts until an upgrade of systemd restarts networkd. The properties of
# a driver that networkd doesn't know must survive such a request.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 systemd=257.13-1~deb13u1 iproute2=6.15.0-1 grep procps kmod busybox-static mount

boot 200 <<'END'
modprobe -a ipip af_packet
hosts a b
cable a b
mkdir -p /run/udev /run/systemd/netif/links /run/systemd/netif/leases /etc/systemd/network
chown -R systemd-network:systemd-network /run/systemd/netif
cat > /etc/systemd/network/b.network <<C
[Match]
Name=b
[Network]
Address=10.0.0.1/24
Tunnel=ipip1
LinkLocalAddressing=no
C
cat > /etc/systemd/network/ipip1.netdev <<C
[NetDev]
Name=ipip1
Kind=ipip
[Tunnel]
Local=10.0.0.1
Remote=10.0.0.2
TTL=64
C
cat > /etc/systemd/network/ipip1.network <<C
[Match]
Name=ipip1
[Network]
Address=192.168.0.1/30
C
# networkd takes a read-only /sys to mean that there is no udev.
start() {
	ip netns exec a bash -c 'mount -o remount,ro /sys
		SYSTEMD_LOG_TARGET=console exec /lib/systemd/systemd-networkd' > /tmp/networkd 2>&1 &
	networkd=$!
}
show() {
	echo "== $1"
	ip -n a -o link show ipip1 | grep -o '^[0-9]*: ipip1'
	ip -n a -d link show ipip1 | grep -o ' remote .*pmtudisc'
	ip -n a -o addr show dev ipip1 | grep -o 'inet [^ ]*'
	ip -n a route show dev ipip1
}
start
wait_for 20 sh -c 'ip -n a addr show dev ipip1 | grep -q 192.168.0.1'
show "first start"
kill $networkd
wait $networkd
ip -n a link set dev ipip1 type ipip ttl 99 tos 0x10
ip -n a addr add 192.168.7.7/32 dev ipip1
ip -n a route add 172.16.2.0/24 dev ipip1
show "by hand"
start
wait_for 20 sh -c 'ip -n a -d link show ipip1 | grep -q "ttl 64"'
sleep 3
show "second start"
kill $networkd
echo "== end"
END
index() { grep -o '^[0-9]*: ipip1' "$seen"; }
observe "the first start" part "first start"
has "the tunnel has the file's properties" 'remote 10.0.0.2 local 10.0.0.1 dev b ttl 64 pmtudisc'
first=$(index)
observe "changed by hand, without networkd" part "by hand"
has "the tunnel has the changed properties" 'ttl 99 tos 0x10'
observe "the second start" part "second start"
same "the device is the same" "$(index)" "$first"
has "TTL and TOS are reset to the file's" 'dev b ttl 64 pmtudisc'
lacks "the added address is removed" '192.168.7.7'
lacks "the added route is removed" '172.16.2.0'
finish
