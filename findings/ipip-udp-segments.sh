#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12: UDP segments of one send call (UDP_SEGMENT) through an in-tree ipip tunnel
#
# Expected: with UDP_SEGMENT a program sends up to 64 KiB in one call, and each segment arrives as a datagram,
# through a tunnel or not. BIG TCP on the underlay device applies to TCP only: only TCP packets may be longer than
# 65,535 bytes, with a length of 0 in their header, and a receiver drops any others.
#
# Actual: the segments arrive if the underlay device has its default gso_ipv4_max_size: all segments together with
# the outer header may be longer than 65,535 bytes, and the kernel segments them before. With a gso_ipv4_max_size of
# 196,608 the device takes them whole, and nothing arrives. The sender gets no error. 65,500 bytes without the
# tunnel still arrive, since without the outer header they aren't longer than 65,535 bytes.
#
# Why it matters: QUIC servers send this way, and BIG TCP is switched on for a whole device. Only the packets of the
# largest calls are lost, which looks like loss in the network.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 python3=3.13.5-1 grep sed kmod busybox-static mount

cat > "$root/root/segments.py" <<'END'
import socket
import sys

UDP_SEGMENT, SIZE = 103, 1400
far, total = sys.argv[2], int(sys.argv[3])
if sys.argv[1] == "send":
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
        print("sent", s.sendto(bytes(total), (far, 9)))
else:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((far, 9))
        s.settimeout(3)
        got = 0
        print("ready", flush=True)
        try:
            while got < total:
                got += len(s.recv(2000))
        except socket.timeout:
            pass
        print("received", got)
END
boot 120 <<'END'
modprobe ipip
hosts a b
cable a b
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
ip -n a link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2
ip -n b link add name t0 type ipip local 10.0.0.2 remote 10.0.0.1
for n in a b; do ip -n $n link set dev t0 up; done
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
try() {
	echo "== $1"
	: > /tmp/receiver
	on b python3 /root/segments.py receive "$2" "$3" > /tmp/receiver &
	until grep -q ready /tmp/receiver; do sleep 0.1; done
	on a python3 /root/segments.py send "$2" "$3"
	wait
	grep received /tmp/receiver
}
try fits 192.168.0.2 64400
try longer 192.168.0.2 65500
ip -n a link set dev b gso_ipv4_max_size 196608
try large 192.168.0.2 65500
try untunnelled 10.0.0.2 65500
echo "== end"
END
observe "64,400 bytes in 46 segments, 64,448 with all headers" part fits
has "all segments arrive" 'sent 64400' 'received 64400'
observe "65,500 bytes in 47 segments, 65,548 with all headers" part longer
has "all segments arrive" 'sent 65500' 'received 65500'
observe "65,500 bytes over a device with BIG TCP" part large
has "the sender gets no error, and nothing arrives" 'sent 65500' 'received 0'
observe "65,500 bytes over a device with BIG TCP, without the tunnel" part untunnelled
has "all segments arrive" 'sent 65500' 'received 65500'
finish
