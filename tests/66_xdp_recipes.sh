#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs the recipes of Documentation/xdp-recipes.md.
. ./lib.sh
. ./recipes.sh

object=$PWD/../build/xdp/ipip_xdp.bpf.o

if [ ! -e /sys/kernel/btf/ipip ]; then
	skip "XDP recipes" "the module has no BTF on this kernel"
	exit
elif [ ! -e "$object" ]; then
	skip "XDP recipes" "the program wasn't built, for lack of clang or libbpf's headers"
	exit
elif [[ $(ipipctl xdp attach lo 2>&1) == *"without libbpf"* ]]; then
	skip "XDP recipes" "this ipipctl was built without libbpf"
	exit
fi

# Install the program.
mount -t tmpfs none /usr/local/lib
mkdir /usr/local/lib/bpf
cp "$object" /usr/local/lib/bpf/

# Veth devices accept frames from XDP if their peers have NAPI queues, as NICs do.
accept_frames() {
	ns r ethtool -K a gro on
	ns h1 ethtool -K eth0 gro on
	# Otherwise the sender leaves checksums to a NIC, and XDP programs get packets without them.
	for n in h1 h2 r; do
		for device in $(ip -n $n -o link show type veth | sed 's/^[0-9]*: \([^@]*\)@.*/\1/'); do
			ns $n ethtool -K "$device" tx off
		done
	done
}

two_gateways() {
	topo_underlay
	accept_frames
	ip -n b link add name t0 type ipip local 10.2.0.1 remote 10.1.0.1
	ip -n b link set t0 up
	ip -n b route add 172.16.1.0/24 dev t0
}

# Sends 40 datagrams; succeeds if 38 arrive. The first ones may be lost while neighbours are resolved.
udp() {	# FROM ADDRESS [TO]
	python3 - "$1" "$2" "${3:-}" <<- 'END'
		import socket, sys, time
		from lib import netns
		source, address, to = sys.argv[1:]
		to = to or {"172.16.1.2": "h1", "172.16.2.2": "h2"}[address]
		with netns(to):
		    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		receiver.bind((address, 9))
		receiver.settimeout(3)
		with netns(source):
		    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		received = 0
		for _ in range(40):
		    sender.sendto(b"datagram", (address, 9))
		    time.sleep(0.01)
		try:
		    while received < 38:
		        received += receiver.recv(100) == b"datagram"
		except TimeoutError:
		    sys.exit(f"{received} of 40 datagrams have arrived")
	END
}

redirected() {	# DEVICE
	ns a ethtool -S "$1" | awk -F': ' '/xdp_redirect:/ { n += $2 } END { print n + 0 }'
}

# Succeeds if a command does, and at least 35 packets that the device receives meanwhile are redirected
# by its program. On each CPU the first packet goes through the stack.
by_xdp() {	# DEVICE COMMAND...
	local before

	before=$(redirected "$1")
	"${@:2}" && [ $(($(redirected "$1") - before)) -ge 35 ]
}

recipes ../Documentation/xdp-recipes.md "A router with two NICs
A real server that forwards
A far end without this driver
A device without native XDP"
umount /usr/local/lib
