#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Network managers, which don't know this driver's properties: ifupdown, systemd-networkd, netplan and
# NetworkManager, each in the version of a Debian release, from boot on. They run in topo's a.
. ./lib.sh
. ./machine.sh

far=172.16.2.2
ours="clamp-tcp-mss=both dont-fragment=no keepalive=1s,3"

# Enables only these units, and removes all earlier configuration.
fresh() {	# UNIT...
	local unit

	rm -rf "${machine:?}"/etc/{network/interfaces,systemd/network,netplan,ipip,NetworkManager/system-connections}/*
	rm -rf "${wants:?}"/* "$machine"/etc/systemd/system/{ipip.service,ipip.service.d}
	rm -f "$machine/etc/network/interfaces"
	mkdir -p "$machine/etc/ipip/device"
	for unit; do
		ln -s "/lib/systemd/system/$unit.service" "$wants/"
	done
}

file() {	# NAME: write standard input to a file below /etc
	mkdir -p "$machine/etc/${1%/*}"
	cat > "$machine/etc/$1"
	# NetworkManager ignores profiles that others can read, and networkd isn't root.
	[[ $1 = systemd/* ]] || chmod 600 "$machine/etc/$1"
}

props() { m ipipctl get t1 "$1"; }

# True if the tunnel has all properties of $ours, and these.
has() {	# [PROPERTY=VALUE...]
	local word

	# shellcheck disable=SC2086 # $ours is several words
	for word in $ours "$@"; do
		[ "$(props "${word%%=*}")" = "${word#*=}" ] || { m ipipctl print detail; return 1; }
	done
}

running() { [ "$(props running)" = "${1:-yes}" ]; }
there() { m test -e /sys/class/net/t1; }
gone() { ! there; }
index() { m cat /sys/class/net/t1/ifindex; }
address() { m ip -br addr show dev t1 | grep -q '192\.168\.0\.1/30'; }
reaches() { m ping -c 1 -W 1 "$1"; }

# Cuts the path to the far end, and restores it.
cut() { ip -n r route add blackhole 10.2.0.1/32; }
mend() { ip -n r route del blackhole 10.2.0.1/32; }

# Sends into the tunnel all the time, and captures on the underlay.
watch() {
	capture r a "proto 4"
	ip netns exec a ping -n -i 0.02 192.168.0.2 > /dev/null 2>&1 &
	_sender=$!
}

watched() {
	sleep 1
	kill "$_sender" || _broken "nobody has sent"
	wait "$_sender" 2> /dev/null
	captured > "$WORK/packets"
}

nothing_in_the_clear() { ! grep 'proto IPIP' "$WORK/packets"; }

# shellcheck disable=SC2016 # dpkg-query expands it
version() { m dpkg-query -W -f '# ${Package} ${Version}\n' "$@"; }

ifupdown() {
	fresh networking
	file network/interfaces <<- END
		auto lo
		iface lo inet loopback
		auto t1
		iface t1 inet static
			address 192.168.0.1/30
			ipip-local-address 10.1.0.1
			ipip-remote-address 10.2.0.1
			ipip-clamp-tcp-mss both
			ipip-keepalive 1s,3
			ipip-comment two words
			up ip route add 172.16.2.0/24 dev t1
		iface other inet manual
			pre-up ip link add name other type ipip local 10.1.0.1 remote 10.9.0.1
			ipip-keepalive 7s,3
			up ip link set other up
			down ip link del other
		iface old inet tunnel
			mode ipip
			local 10.1.0.1
			endpoint 10.9.0.2
			address 192.168.9.1
			netmask 255.255.255.252
			ipip-keepalive 8s,3
		iface old2 inet tunnel
			mode ipip
			local 10.1.0.1
			endpoint 10.9.0.3
			address 192.168.9.5
			netmask 255.255.255.252
			ipip-require-ipsec yes
		iface shut inet static
			address 192.168.0.1/30
			ipip-local-address 10.1.0.1
			ipip-remote-address 10.2.0.1
			ipip-require-ipsec yes
		iface wrong inet manual
			ipip-remote-address 10.9.0.4
			ipip-keepalvie 1s,3
		iface wrong2 inet manual
			ipip-remote-address somewhere in particular
	END
	check "ifupdown: boot" machine_boot
	version ifupdown
	check "ifupdown: the tunnel has its properties" has "comment=two words" ttl=64
	check "ifupdown: ping through the tunnel" reaches $far
	cut
	check "ifupdown: the path is cut: the carrier is lost" wait_for 15 running no
	check "ifupdown: the path is cut: the address stays" address
	mend
	check "ifupdown: the path is back: the carrier is back" wait_for 15 running yes
	check "ifupdown: the path is back: ping through the tunnel" reaches $far
	check "ifupdown: ifdown" m ifdown t1
	check "ifupdown: ifdown deletes the tunnel" gone
	check "ifupdown: ifup" m ifup t1
	check "ifupdown: ifup sets the properties" has "comment=two words" ttl=64
	check "ifupdown: after ifup: ping through the tunnel" reaches $far
	m ifdown t1
	m ipipctl add name=t1 remote-address=10.9.0.9 keepalive=9s,3
	sed -i 's/ipip-keepalive 1s,3/ipip-keepalive 1s,nonsense/' "$machine/etc/network/interfaces"
	refuse "ifupdown: an invalid value for an existing tunnel is refused" m ifup t1
	check "ifupdown: the error names the invalid value" grep -q "^ipipctl: set: keepalive: .*nonsense" "$WORK/output"
	is "ifupdown: the invalid value changes nothing" "$(props keepalive) $(props remote-address)" "9s,3 10.9.0.9"
	m ipipctl remove t1
	check "ifupdown: ifup of a tunnel that the stanza itself makes" m ifup other
	is "ifupdown: such a tunnel gets its properties" "$(m ipipctl get other keepalive)" 7s,3
	check "ifupdown: ifdown of such a tunnel" m ifdown other
	check "ifupdown: ifup with the method tunnel" m ifup old
	is "ifupdown: the method tunnel: properties are set afterwards" "$(m ipipctl get old keepalive)" 8s,3
	check "ifupdown: ifdown with the method tunnel" m ifdown old
	refuse "ifupdown: the method tunnel with require-ipsec is refused" m ifup old2
	check "ifupdown: the method tunnel with require-ipsec: the message says why" grep -q "^ipipctl: old2: IPsec: " "$WORK/output"
	refuse "ifupdown: the method tunnel with require-ipsec makes no tunnel" m ip link show old2
	refuse "ifupdown: an unknown property is refused" m ifup wrong
	check "ifupdown: the error names the unknown property" grep -q "^ipipctl: add: keepalvie: unknown" "$WORK/output"
	refuse "ifupdown: an unknown property: no tunnel is made" m ip link show wrong
	refuse "ifupdown: an invalid value is refused" m ifup wrong2
	refuse "ifupdown: an invalid value: no tunnel is made" m ip link show wrong2
	watch
	check "ifupdown: ifup of a tunnel that requires IPsec" m ifup shut
	watched
	check "ifupdown: no clear text is sent" nothing_in_the_clear
	m ifdown shut
	machine_halt
}

netdev() {
	file systemd/network/t1.netdev <<- END
		[NetDev]
		Name=t1
		Kind=ipip
		[Tunnel]
		Independent=yes
		Local=10.1.0.1
		Remote=10.2.0.1
		TTL=64
		DiscoverPathMTU=yes
	END
}

# Writes the .network file, with lines as in the recipe, or without, for networkd's defaults.
network() {	# [LINE...] of [Network]
	file systemd/network/t1.network <<- END
		[Match]
		Name=t1
		[Link]
		RequiredForOnline=no
		[Network]
		Address=192.168.0.1/30
		LinkLocalAddressing=no
		$(printf '%s\n' "$@")
		[Route]
		Destination=172.16.2.0/24
	END
	# networkd-wait-online waits for this device.
	printf '%s\n' '[Match]' Name=h1 '[Network]' Address=172.16.1.1/24 LinkLocalAddressing=no |
		file systemd/network/h1.network
}

blackhole() {
	printf '%s\n' '[Route]' Destination=172.16.2.0/24 Type=blackhole Metric=4096 |
		tee -a "$machine/etc/systemd/network/t1.network" > "$WORK/blackhole"
}

networkd_device() {
	fresh systemd-networkd
	netdev
	network
	echo "set t1 $ours require-ipsec=yes" | sed '1i /interface ipip' | file ipip/device/t1
	watch
	check "networkd makes the tunnel: boot" machine_boot
	version systemd
	check "networkd makes it: it comes up" wait_for 20 address
	check "networkd makes the tunnel: it has the file's properties" has require-ipsec=yes
	m ip link del dev t1
	m networkctl reload
	check "networkd makes the tunnel again" wait_for 20 there
	check "networkd makes it: it comes up" wait_for 20 address
	check "networkd makes the tunnel again: it has the file's properties" has require-ipsec=yes
	watched
	check "networkd makes the tunnel: no clear text was sent" nothing_in_the_clear
	sed -i 's/keepalive=/keepalvie=/' "$machine/etc/ipip/device/t1"
	m ip link del dev t1
	m networkctl reload
	sleep 3
	check "networkd makes the tunnel: one that can't have the properties is removed" gone
	check "networkd makes the tunnel: the journal has the reason for the removal" \
		eval "m journalctl -b -t ipipctl -o cat | grep -q '^/etc/ipip/device/t1:2: keepalvie: unknown'"
	machine_halt
}

# networkd applies the .netdev file again whenever it starts or reloads.
networkd_service() {	# before|after
	fresh systemd-networkd ipip
	netdev
	network
	{
		echo "/interface ipip"
		echo "add name=t1 local-address=10.1.0.1 remote-address=10.2.0.1 $ours"
	} | file ipip/tunnels.conf
	if [ "$1" = after ]; then
		sed 's/^Before=systemd-networkd.service.*/After=systemd-networkd.service/; /^Before=network.target/d' \
			"$machine/usr/lib/systemd/system/ipip.service" | file systemd/system/ipip.service
		rm "$wants/ipip.service"
		ln -s /etc/systemd/system/ipip.service "$wants/"
	fi
	check "ipip.service $1 networkd: boot" machine_boot
	is "ipip.service $1 networkd: the order of their start" "$(first_of ipip systemd-networkd)" \
		"$([ "$1" = before ] && echo ipip || echo systemd-networkd)"
	[ "$1" = after ] || check "ipip.service starts before all managers" before_managers
	check "ipip.service $1 networkd: it comes up" wait_for 20 address
	check "ipip.service $1 networkd: it has its properties" has ttl=64
	before=$(index)
	m networkctl reload
	sleep 2
	check "ipip.service $1 networkd: a reload keeps the properties" has ttl=64
	m systemctl restart systemd-networkd
	check "ipip.service $1 networkd: up after networkd's restart" wait_for 20 address
	sleep 2
	check "ipip.service $1 networkd: networkd's restart keeps the properties" has ttl=64
	is "ipip.service $1 networkd: it is the same device" "$(index)" "$before"
	check "ipip.service $1 networkd: ping through the tunnel" wait_for 5 reaches $far
}

# A tunnel whose underlay device networkd makes must not delay the start of networkd.
networkd_late() {
	fresh systemd-networkd ipip
	network
	printf '%s\n' '[NetDev]' Name=late0 Kind=dummy | file systemd/network/late0.netdev
	{
		echo "/interface ipip"
		echo "add name=t1 local-address=10.1.0.1 remote-address=10.2.0.1 $ours"
		echo "add name=t2 link=late0 remote-address=10.9.0.1"
	} | file ipip/tunnels.conf
	machine_boot
	check "ipip.service, a link that is late: the other tunnels are made" has
	check "ipip.service, a link that is late: networkd starts" address
	refuse "ipip.service, a link that is late: its tunnel isn't made yet" m test -e /sys/class/net/t2
	check "ipip.service, a link that is late: the journal has the reason" \
		journal_has ".*late0.*" -u ipip
	check "ipip.service, a link that is late: its tunnel is made 30 seconds later" wait_for 60 m test -e /sys/class/net/t2
	machine_halt
}

before_managers() {
	local unit

	for unit in systemd-networkd NetworkManager networking; do
		m systemctl show -P After "$unit.service" | grep -qw ipip.service || return 1
	done
}

# Prints the unit whose program was started first.
first_of() {	# UNIT...
	local unit

	for unit; do
		echo "$(m systemctl show -P ExecMainStartTimestampMonotonic "$unit") $unit"
	done | sort -n | sed -n '1s/.* //p'
}

# Captures packets to the far network that leave without a tunnel.
leaks() {
	capture r a "dst $far and not proto 4"
	m ping -c 2 -i 0.2 -W 1 $far
	captured | grep -c "> $far: ICMP echo request"
}

# What networkctl and journalctl show of the tunnel, as in monitoring.md.
shown() { m networkctl --no-legend --no-pager list t1 | awk '{ print $3, $4, $5 }'; }
is_shown() { [ "$(shown)" = "$1" ]; }
status() { m networkctl --no-pager status t1 > "$WORK/status" && grep -q "$1" "$WORK/status"; }
journal() { m journalctl -o cat "$@" > "$WORK/journal"; }
journal_has() { journal "${@:2}" && grep -q "^$1" "$WORK/journal"; }
down="ipip: t1: keepalive is down: no answer to 3 probes in a row"
up="ipip: t1: keepalive is up: the far end answers again, after"

systemd_shows() {	# up|down
	if [ "$1" = up ]; then
		check "networkctl: it is routable" wait_for 10 is_shown "tunnel routable configured"
		check "networkctl status: its address" status "Address: 192.168.0.1"
		check "networkctl status: its MTU" status "MTU: 1480"
		check "networkctl status: networkd's message" status "t1: Gained carrier"
		check "journalctl: up again" journal_has "$up" -k -g 'keepalive is'
	else
		check "networkctl: it has no carrier" wait_for 10 is_shown "tunnel no-carrier configured"
		check "networkctl status: no carrier" status "State: no-carrier"
		check "journalctl: down" journal_has "$down" -k -g 'ipip: t1:'
		check "journalctl: as a warning" journal_has "$down" -k -g 'keepalive is' -p warning
		refuse "journalctl: up isn't a warning" grep -q ' is up: ' "$WORK/journal"
	fi
	cat "$WORK/status" "$WORK/journal" | sed 's/^/# /'
}

networkd_carrier() {
	m networkctl reload
	cut
	check "networkd: the path is cut: the carrier is lost" wait_for 15 running no
	sleep 1
	# The recipe exists for these two.
	refuse "networkd: without the recipe the address is removed" address
	sed -i /RequiredForOnline/d "$machine/etc/systemd/network/t1.network"
	m networkctl reload
	sleep 1
	refuse "networkd: without the recipe the machine isn't online" \
		m /lib/systemd/systemd-networkd-wait-online --timeout=5
	is "networkd: without the recipe packets leave through the default route" "$(leaks | tail -n 1)" 2
	mend
	check "networkd: the path is back: the carrier is back" wait_for 15 running yes
	check "networkd: the path is back: the address is back" wait_for 15 address
	network ConfigureWithoutCarrier=yes
	blackhole
	m networkctl reload
	sleep 2
	check "networkd, as in the recipe: ping through the tunnel" wait_for 10 reaches $far
	cut
	check "networkd, as in the recipe: the carrier is lost" wait_for 15 running no
	sleep 1
	check "networkd, as in the recipe: the address stays" address
	systemd_shows down
	is "networkd, as in the recipe: no packet leaves through the default route" "$(leaks | tail -n 1)" 0
	m ip route del 172.16.2.0/24 dev t1
	is "networkd, as in the recipe: no packet leaves when the route is deleted" "$(leaks | tail -n 1)" 0
	check "networkd, as in the recipe: the machine is online" \
		m /lib/systemd/systemd-networkd-wait-online --timeout=10
	m systemctl restart systemd-networkd
	sleep 2
	is "networkd, as in the recipe: no packet leaves after a restart" "$(leaks | tail -n 1)" 0
	mend
	check "networkd, as in the recipe: the carrier is back" wait_for 15 running yes
	check "networkd, as in the recipe: ping after the carrier is back" wait_for 10 reaches $far
	systemd_shows up
	check "networkd, as in the recipe: the tunnel has its properties" has ttl=64
	machine_halt
}

netplan() {
	fresh systemd-networkd
	file netplan/t1.yaml <<- END
		network:
		  version: 2
		  tunnels:
		    t1:
		      mode: ipip
		      local: 10.1.0.1
		      remote: 10.2.0.1
		      ttl: 64
		      addresses: [192.168.0.1/30]
		      routes:
		      - {to: 172.16.2.0/24, scope: link}
		      - {to: 172.16.2.0/24, type: blackhole, metric: 4096}
		      optional: true
	END
	echo "set t1 $ours" | sed '1i /interface ipip' | file ipip/device/t1
	check "netplan: boot" machine_boot
	version netplan.io
	check "netplan: the tunnel comes up" wait_for 20 address
	check "netplan: the tunnel has the file's properties" has
	check "netplan: ping through the tunnel" wait_for 10 reaches $far
	cut
	check "netplan: the path is cut: the carrier is lost" wait_for 15 running no
	sleep 1
	check "netplan: the address stays" address
	m ip route del 172.16.2.0/24 dev t1
	is "netplan: no packet leaves through the default route" "$(leaks | tail -n 1)" 0
	mend
	check "netplan: the path is back: the carrier is back" wait_for 15 running yes
	check "netplan: apply" m netplan apply
	check "netplan: after apply: ping through the tunnel" wait_for 10 reaches $far
	check "netplan: after apply: the tunnel is up" wait_for 20 address
	check "netplan: after apply: the tunnel has its properties" has
	m ip link del dev t1
	check "netplan: apply makes a deleted tunnel again" m netplan apply
	check "netplan: the new tunnel comes up" wait_for 20 address
	check "netplan: the new tunnel has the file's properties" has
	machine_halt
}

connected() { m nmcli -t -f device,state,connection device | grep -qx t1:connected:profile; }

networkmanager() {
	fresh NetworkManager
	file NetworkManager/NetworkManager.conf <<< $'[main]\nplugins=keyfile\nno-auto-default=*'
	file NetworkManager/system-connections/profile.nmconnection <<- END
		[connection]
		id=profile
		type=ip-tunnel
		interface-name=t1
		[ip-tunnel]
		mode=1
		local=10.1.0.1
		remote=10.2.0.1
		ttl=64
		[ipv4]
		method=manual
		address1=192.168.0.1/30
		route1=172.16.2.0/24
		[ipv6]
		method=disabled
	END
	echo "set t1 $ours" | sed '1i /interface ipip' | file ipip/device/t1
	# managers.md has no pre-up script of NetworkManager for IPsec, since it would run too late.
	file NetworkManager/dispatcher.d/pre-up.d/look <<- 'END'
		#!/bin/sh
		[ "$1" != t1 ] || { ip -br link show dev t1; ip -br addr show dev t1; } > /run/pre-up
	END
	chmod 755 "$machine/etc/NetworkManager/dispatcher.d/pre-up.d/look"
	check "NetworkManager: boot" machine_boot
	version network-manager
	check "NetworkManager: the tunnel comes up" wait_for 20 connected
	check "NetworkManager: the tunnel has the file's properties" wait_for 5 has
	check "NetworkManager: ping through the tunnel" wait_for 5 reaches $far
	check "NetworkManager: pre-up scripts run when the tunnel is already up, with its address" \
		m grep -zq 'LOWER_UP.*192\.168\.0\.1/30' /run/pre-up
	rm "$machine/etc/NetworkManager/dispatcher.d/pre-up.d/look"
	before=$(index)
	check "NetworkManager: down" m nmcli connection down profile
	check "NetworkManager: down deletes the tunnel" wait_for 5 gone
	check "NetworkManager: up" m nmcli connection up profile
	check "NetworkManager: up makes a new device" test "$(index)" != "$before"
	check "NetworkManager: up: the new device has the file's properties" wait_for 5 has
	cut
	check "NetworkManager: the path is cut: the carrier is lost" wait_for 15 running no
	sleep 7
	check "NetworkManager: the path is cut: still connected" connected
	check "NetworkManager: the path is cut: the address stays" address
	mend
	check "NetworkManager: the path is back: the carrier is back" wait_for 15 running yes
	check "NetworkManager: the path is back: ping through the tunnel" wait_for 5 reaches $far
	before=$(index)
	m systemctl restart NetworkManager
	check "NetworkManager: after its restart the profile is connected" wait_for 20 connected
	is "NetworkManager: after its restart it is the same device" "$(index)" "$before"
	check "NetworkManager: after its restart the tunnel has its properties" has
	m ipipctl set t1 dont-fragment=inherit
	check "NetworkManager: another dont-fragment: up again" m nmcli connection up profile
	check "NetworkManager: another dont-fragment: the profile is connected" wait_for 20 connected
	is "NetworkManager: another dont-fragment: the same device" "$(index)" "$before"
	is "NetworkManager: another dont-fragment: the property stays" "$(props dont-fragment)" inherit
	machine_halt
}

# NetworkManager has no hook before it brings a tunnel up, so ipip.service makes a tunnel that requires
# IPsec, and its address.
networkmanager_ipsec() {
	fresh NetworkManager ipip
	file NetworkManager/NetworkManager.conf <<- END
		[main]
		plugins=keyfile
		no-auto-default=*
		[keyfile]
		unmanaged-devices=interface-name:t1
	END
	{
		echo "/interface ipip"
		echo "add name=t1 local-address=10.1.0.1 remote-address=10.2.0.1 $ours require-ipsec=yes"
	} | file ipip/tunnels.conf
	file systemd/system/ipip.service.d/t1.conf <<- END
		[Service]
		ExecStartPost=ip addr replace 192.168.0.1/30 dev t1
		ExecStartPost=ip route replace 172.16.2.0/24 dev t1
	END
	watch
	check "IPsec beside NetworkManager: boot" machine_boot
	check "IPsec beside NetworkManager: the tunnel is up" wait_for 10 address
	is "IPsec beside NetworkManager: ipip.service starts first" "$(first_of ipip NetworkManager)" ipip
	check "IPsec beside NetworkManager: the tunnel has its properties" has require-ipsec=yes
	m systemctl restart NetworkManager
	sleep 3
	check "IPsec beside NetworkManager: the address is there after a restart" address
	watched
	check "IPsec beside NetworkManager: no clear text was sent" nothing_in_the_clear
	machine_halt
}

topo_underlay
tunnel b 10.2.0.1 10.1.0.1
ip -n b addr add 192.168.0.2/30 dev t0
ip -n b route add 192.168.0.0/30 dev t0 2> /dev/null
ip -n b addr add 172.16.2.2/32 dev lo
machine_new a
wants=$machine/etc/systemd/system/multi-user.target.wants
for part in ${PARTS:-ifupdown networkd netplan networkmanager}; do
	case $part in
	networkd)
		networkd_device
		networkd_service after
		machine_halt
		networkd_service before
		networkd_carrier
		networkd_late
		;;
	networkmanager)
		networkmanager
		networkmanager_ipsec
		;;
	*)
		$part
		;;
	esac
done
machine_end
