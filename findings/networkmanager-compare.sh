#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NetworkManager 1.52.1 and the in-tree ipip driver of Linux 6.12
#
# Expected: after a restart NetworkManager recognizes a tunnel that it has made by its name, and keeps the profile
# active. If a property of the tunnel has changed, "nmcli connection up" sets it again.
#
# Actual: it compares the device's TTL with the profile's. If the TTL was changed while NetworkManager wasn't
# running, it takes the device for another program's: "connected (externally)", with a profile in memory that has
# the device's name. The first profile can't be activated, "Failed to find a compatible device", until the device is
# deleted.
#
# Why it matters: if `ip link set ... type ipip` or another program changes a tunnel that NetworkManager has made, the
# profile stays down after the next upgrade. Change both the profile and the device instead.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 network-manager=1.52.1-1 dbus iproute2=6.15.0-1 grep procps kmod busybox-static mount

boot 200 <<'END'
modprobe -a ipip af_packet
hosts a b
cable a b
mkdir -p /run/dbus /run/NetworkManager
cat > /etc/NetworkManager/NetworkManager.conf <<C
[main]
plugins=keyfile
no-auto-default=*
C
ip -n a addr add 10.0.0.1/24 dev b
on a dbus-daemon --system --fork
# NetworkManager takes a read-only /sys to mean that there is no udev.
start() {
	ip netns exec a bash -c 'mount -o remount,ro /sys; exec NetworkManager --no-daemon' > /tmp/nm 2>&1 &
	nm=$!
	wait_for 30 ip netns exec a nmcli -t general status
	sleep 5
}
stop() { kill $nm; wait $nm; }
show() {
	echo "== $1"
	on a nmcli -f device,state,connection device | grep ipip1
	ip -n a -d link show ipip1 | grep -o ' remote .*pmtudisc'
}
start
on a nmcli connection add type ip-tunnel con-name profile ifname ipip1 mode ipip local 10.0.0.1 remote 10.0.0.2 \
	ip-tunnel.ttl 64 ip4 192.168.0.1/30 ipv6.method disabled
on a nmcli connection up profile
show made
stop
start
show restarted
stop
ip -n a link set dev ipip1 type ipip ttl 99
start
show changed
echo "== up"
on a nmcli connection up profile 2>&1
show after
ip -n a link del dev ipip1
sleep 2
echo "== deleted"
on a nmcli connection up profile 2>&1
show anew
stop
echo "== end"
END
observe "made" part made
has "the profile is connected" '^ipip1 +connected +profile'
observe "restarted" part restarted
has "the profile is connected after the restart" '^ipip1 +connected +profile'
observe "the TTL was changed, NetworkManager restarted" part changed
has "NetworkManager takes the device for another program's" '^ipip1 +connected \(externally\) +ipip1'
observe "nmcli connection up" part up
has "no compatible device" 'Failed to find a compatible device'
observe "after that" part after
has "the TTL is still the changed one" 'ttl 99'
observe "the device deleted, nmcli connection up" part deleted
has "the profile is activated" 'successfully activated'
observe "after that" part anew
has "the TTL is the profile's" 'ttl 64'
finish
