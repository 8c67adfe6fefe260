#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bpf_fib_lookup() of Linux 6.12 for a route through an in-tree ipip tunnel
#
# Expected: a tunnel has no link-layer addresses and needs no neighbour, so the answer is success with the tunnel's
# device, and the MAC addresses aren't filled in.
#
# Actual: until the kernel itself has sent a packet on that route, the answer is "no neighbour". Afterwards it is
# success, and the destination MAC address is the tunnel's local IPv4 address, since a neighbour without
# ARP has its device's own address, and that of an ipip device is the local end. The source is the same.
#
# Why it matters: an XDP program that trusts the answer writes such an Ethernet header, and sends the frame into
# a device without a link layer. The answer doesn't tell whether the device has one.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 python3=3.13.5-1 iputils-ping grep kmod busybox-static mount

# An XDP program that calls the function with parameters from the packet's 64 bytes, and writes the result back.
cat > "$root/root/lookup.py" <<'END'
import ctypes
import socket
import struct
import sys

PROG_LOAD, TEST_RUN, XDP, SIZE, FIB_LOOKUP = 5, 10, 6, 64, 69
# A packet begins two bytes after a multiple of eight.
PAD = 6
libc = ctypes.CDLL(None, use_errno=True)


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, dst | src << 4, off, imm)


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr, 128)
    got = libc.syscall(321, command, buffer, 128)
    if got < 0:
        sys.exit(f"bpf: errno {ctypes.get_errno()}")
    return got, buffer.raw


def address(buffer):
    return ctypes.cast(buffer, ctypes.c_void_p).value


WORDS = range(0, SIZE, 8)
code = b"".join((
    insn(0xbf, 6, 1), insn(0x61, 7, 1, 0), insn(0x61, 3, 1, 4), insn(0xbf, 4, 7), insn(0x07, 4, imm=PAD + SIZE),
    insn(0xb7, 0, imm=99), insn(0x2d, 4, 3, 5 + 4 * len(WORDS) + 3),
    *(insn(0x79, 1, 7, PAD + i) + insn(0x7b, 10, 1, i - SIZE) for i in WORDS),
    insn(0xbf, 1, 6), insn(0xbf, 2, 10), insn(0x07, 2, imm=-SIZE), insn(0xb7, 3, imm=SIZE), insn(0xb7, 4),
    insn(0x85, imm=FIB_LOOKUP), insn(0xbf, 8, 0),
    *(insn(0x79, 1, 10, i - SIZE) + insn(0x7b, 7, 1, PAD + i) for i in WORDS),
    insn(0xbf, 0, 8), insn(0x95)))
text, license = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
attr = struct.pack("<IIQQIIQ", XDP, len(code) // 8, address(text), address(license), 0, 0, 0)
program = bpf(PROG_LOAD, attr)[0]
device, source, destination = sys.argv[1:]
question = struct.pack("<6xBBHHHII4s12x4s12x16x", socket.AF_INET, 17, 0, 0, 100, socket.if_nametoindex(device), 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
given, back = ctypes.create_string_buffer(question), ctypes.create_string_buffer(PAD + SIZE)
attr = struct.pack("<IIIIQQII", program, 0, PAD + SIZE, PAD + SIZE, address(given), address(back), 1, 0)
status = struct.unpack_from("<I", bpf(TEST_RUN, attr)[1], 4)[0]
answer = back.raw[PAD:]
name = socket.if_indextoname(struct.unpack_from("<I", answer, 8)[0])
print(f"status {status} by {name} from {answer[52:58].hex(':')} to {answer[58:64].hex(':')}")
END
boot 120 <<'END'
modprobe ipip
hosts lan a b
cable lan a
cable a b
ip -n a addr add 172.16.1.1/24 dev lan
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
for n in a b; do
	ip netns exec $n sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
done
ip -n a link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2
ip -n b link add name t0 type ipip local 10.0.0.2 remote 10.0.0.1
for n in a b; do
	ip -n $n link set dev t0 up
done
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
ip -n a route add 172.16.2.0/24 via 192.168.0.2
look() {
	echo "== $1"
	on a python3 /root/lookup.py lan 172.16.1.2 172.16.2.2
}
look before
on a ping -c 1 192.168.0.2 > /dev/null
look after
echo "== end"
END
observe "before the first packet" part before
has "no neighbour" '^status 7 '
observe "after a ping to the next hop" part after
has "the tunnel's local address is the MAC address" '^status 0 by t0 from 0a:00:00:01:00:00 to 0a:00:00:01:00:00'
finish
