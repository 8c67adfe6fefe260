#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# netplan 1.1.2 with its renderers, systemd-networkd and NetworkManager 1.52.1
#
# Expected: "mtu: 1400" of a tunnel is the tunnel's MTU with either renderer.
#
# Actual: with networkd it is. For NetworkManager netplan writes it into the section [ethernet], which doesn't apply
# to a tunnel; NetworkManager reads the profile without a complaint, and its "ip-tunnel.mtu" is 0, automatic.
#
# Why it matters: an administrator who lowers a tunnel's MTU because ICMP is filtered on the path keeps losing large
# packets, although the configuration has the right MTU.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie netplan.io=1.1.2-7 network-manager=1.52.1-1 dbus grep sed

generate() {	# RENDERER
	mkdir -p "$root/tmp/netplan/etc/netplan"
	cat > "$root/tmp/netplan/etc/netplan/a.yaml" <<- END
		network:
		  version: 2
		  renderer: $1
		  tunnels:
		    ipip1:
		      mode: ipip
		      local: 10.0.0.1
		      remote: 10.0.0.2
		      ttl: 64
		      mtu: 1400
		      addresses: [192.168.0.1/30]
	END
	chmod 600 "$root/tmp/netplan/etc/netplan/a.yaml"
	run netplan generate --root-dir /tmp/netplan > "$work/netplan" 2>&1
}
generate networkd
observe "networkd's device" cat "$root/tmp/netplan/run/systemd/network/10-netplan-ipip1.netdev"
has "networkd's device has the MTU" '^MTUBytes=1400'
generate NetworkManager
profile=$root/tmp/netplan/run/NetworkManager/system-connections/netplan-ipip1.nmconnection
observe "NetworkManager's profile" cat "$profile"
same "the MTU is in" "$(sed -n '/^\[/h; /^mtu=/{x;p}' "$seen")" '[ethernet]'

hosts a
mkdir -p "$root/run/dbus" "$root/run/NetworkManager/system-connections" "$root/var/lib/NetworkManager"
printf '[main]\nplugins=keyfile\nno-auto-default=*\n' > "$root/etc/NetworkManager/NetworkManager.conf"
install -m 600 "$profile" "$root/run/NetworkManager/system-connections/"
on a dbus-daemon --system --fork
on a NetworkManager --no-daemon > "$work/nm" 2>&1 &
wait_for 30 on a nmcli -t general status
observe "the profile in NetworkManager" on a nmcli -f ip-tunnel.remote,ip-tunnel.ttl,ip-tunnel.mtu connection show netplan-ipip1
has "NetworkManager has the TTL" 'ttl: +64$'
has "NetworkManager's MTU is automatic" 'mtu: +0$'
same "NetworkManager logs nothing about it" "$(grep -ciE 'mtu|ethernet.*(invalid|unknown)' "$work/nm")" 0
finish
