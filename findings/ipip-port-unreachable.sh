#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12: IPIP packets for which there is no tunnel, and what tcpdump 4.99.5 prints for the answer
#
# Expected: a host that doesn't support protocol 4 answers with ICMP "protocol unreachable", as RFC 1122
# specifies, and no ICMP error about IPIP mentions ports.
#
# Actual: without a module for protocol 4 the host does that. With the in-tree ipip driver loaded and no tunnel
# for these addresses, it answers "port unreachable". tcpdump takes the inner packet's length for a port:
# "protocol 4 port 84" is a ping of 84 bytes.
#
# Why it matters: "port unreachable" from a tunnel's far end means that the driver is loaded, but there is no
# tunnel with these addresses. There is no port to open in a firewall.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 tcpdump=4.99.5-2 python3-scapy=2.6.1+dfsg-1 \
	kmod busybox-static mount

boot 120 <<'END'
modprobe af_packet
hosts a b
cable a b
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
cat > /tmp/send.py <<'P'
import logging
logging.disable()
from scapy.all import IP, ICMP, send
send(IP(src="10.0.0.1", dst="10.0.0.2") / IP(src="172.16.1.2", dst="172.16.2.2") / ICMP() / (b"x" * 56),
     verbose=False)
P
try() {
	echo "== $1"
	on a tcpdump -lnn -i b -c 1 icmp and src 10.0.0.2 > /tmp/capture 2> /tmp/listens &
	wait_for 20 sh -c 'read x < /tmp/listens'
	on a python3 /tmp/send.py
	wait_for 10 sh -c 'read x < /tmp/capture'
	cat /tmp/capture
}
try without
modprobe ipip
try with
on b ip link add name t0 type ipip local 10.0.0.2 remote 10.0.0.9
on b ip link set dev t0 up
try another
echo "== end"
END
observe "without a driver" part without
has "protocol unreachable" 'ICMP 10.0.0.2 protocol 4 unreachable'
observe "the in-tree ipip is loaded" part with
has "port unreachable, and tcpdump prints a port" 'ICMP 10.0.0.2 protocol 4 port 84 unreachable'
observe "there is a tunnel, to another remote" part another
has "a tunnel to another remote: port unreachable" 'ICMP 10.0.0.2 protocol 4 port 84 unreachable'
finish
