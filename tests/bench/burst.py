# SPDX-License-Identifier: GPL-2.0
"""Bursts of packets as from a NIC's driver: BPF_PROG_TEST_RUN with live frames passes lists of up to 256
frames to the stack, or sends them through a device. A small program fills in each frame, so that flows are
interleaved and IDs, sequence numbers and checksums are right."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from bpf import XDP, bpf, insn, live_frames, load, redirect, verdict  # noqa: E402
from lib import netns  # noqa: E402

MAP_CREATE, MAP_ARRAY = 0, 2
XDP_PASS = 2
ETHERNET = bytes(12) + b"\x08\x00"  # for the loopback device, whose address is 0
PORT, SEQ_STEP = 20000, 1400


def address(text):
    return socket.inet_aton(text)


def ipv4(proto, src, dst, length, flags, check=True):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, flags, 64, proto, 0,
                       address(src), address(dst))
    if not check:
        return head
    return head[:10] + struct.pack("=H", ~folded(head) & 0xffff) + head[12:]


def folded(data):
    """The sum of 16-bit words, in this machine's byte order."""
    total = sum(struct.unpack(f"={len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class Burst:
    """UDP, or TCP data, from src to dst in ns. Flows take turns after in_a_row packets. destinations: so
    many addresses, from dst on, take turns. outer: (src, dst) of an outer header. lo receives the packets,
    or with to=(index of a device, Ethernet address) the device sends them."""

    def __init__(self, ns, src, dst, size, tcp=False, flows=1, in_a_row=1, destinations=1,
                 outer=None, df=True, to=None):
        self.ns, self.size = ns, size
        flags = 0x4000 if df else 0
        length = (20 if tcp else 8) + size
        head = (bytes.fromhex(to[1].replace(":", "")) if to else b"") + ETHERNET[6 if to else 0:]
        if outer:
            head += ipv4(4, *outer, 20 + length, flags)
        self.ip = len(head)
        head += ipv4(6 if tcp else 17, src, dst, length, flags, check=False)
        self.sum = folded(head[self.ip:])
        self.dst = struct.unpack("!I", address(dst))[0]
        self.l4 = len(head)
        if tcp:
            transport = struct.pack("!HHIIBBHHH", 0, 9, 0, 1, 0x50, 0x10, 8192, 0, 0)
            pseudo = address(src) + address(dst) + struct.pack("!HH", 6, length)
            check = ~folded(pseudo + transport) & 0xffff
            transport = transport[:16] + struct.pack("=H", check) + transport[18:]
        else:
            transport = struct.pack("!HHHH", 0, 9, length, 0)
        # The payload has the complements of the port and of the sequence number, so that the checksum
        # is constant.
        head += transport + bytes(6)
        self.frame = head + bytes(size - 6)
        ending = redirect(to[0]) if to else verdict(XDP_PASS)
        self.program = load(XDP, self.code(head, tcp, flows, in_a_row, destinations) + ending)

    def code(self, head, tcp, flows, in_a_row, destinations):
        self.counter = bpf(MAP_CREATE, struct.pack("=IIIII", MAP_ARRAY, 4, 8, 1, 0))
        store = {4: 0x62, 2: 0x6a}
        code = insn(0x61, 2, 1, 0) + insn(0x61, 3, 1, 4)        # data, its end
        code += insn(0xbf, 4, 2) + insn(0x07, 4, imm=len(head))
        code += insn(0xbd, 4, 3, 2) + verdict(1)                # shorter: drop
        code += insn(0x18, 7, 2, imm=self.counter) + insn(0)
        code += insn(0x61, 8, 7) + insn(0xbf, 0, 8) + insn(0x07, 0, imm=1) + insn(0x63, 7, 0)
        offset = 0
        while offset < len(head):
            width = 4 if len(head) - offset >= 4 else 2
            value = int.from_bytes(head[offset:offset + width], sys.byteorder)
            code += insn(store[width], 2, 0, offset, value)
            offset += width
        # r9: number within the flow; r8: the flow
        code += insn(0xbf, 9, 8) + insn(0x37, 9, imm=in_a_row * flows) + insn(0x27, 9, imm=in_a_row)
        code += insn(0xbf, 0, 8) + insn(0x97, 0, imm=in_a_row) + insn(0x0f, 9, 0)
        code += insn(0xbf, 5, 8) + insn(0x97, 5, imm=destinations)
        code += insn(0x37, 8, imm=in_a_row) + insn(0x97, 8, imm=flows)
        # The ID, the destination and the header checksum.
        code += insn(0xbf, 0, 9) + insn(0x57, 0, imm=0xffff) + insn(0xdc, 0, imm=16)
        code += insn(0x6b, 2, 0, self.ip + 4)
        code += insn(0xb7, 1, imm=self.sum) + insn(0x0f, 1, 0)
        if destinations > 1:
            high, low = struct.unpack("=HH", struct.pack("!I", self.dst))
            code += insn(0x07, 1, imm=(~high & 0xffff) + (~low & 0xffff))
            code += insn(0x07, 5, imm=self.dst - (1 << 32) if self.dst >> 31 else self.dst)
            code += insn(0xdc, 5, imm=32) + insn(0x63, 2, 5, self.ip + 16)
            code += insn(0xbf, 0, 5) + insn(0x57, 0, imm=0xffff) + insn(0x0f, 1, 0)
            code += insn(0x77, 5, imm=16) + insn(0x57, 5, imm=0xffff) + insn(0x0f, 1, 5)
        for _ in range(2):
            code += insn(0xbf, 5, 1) + insn(0x77, 5, imm=16) + insn(0x57, 1, imm=0xffff)
            code += insn(0x0f, 1, 5)
        code += insn(0xa7, 1, imm=0xffff) + insn(0x6b, 2, 1, self.ip + 10)
        # The port.
        payload = len(head) - 6
        code += insn(0x07, 8, imm=PORT) + insn(0xdc, 8, imm=16) + insn(0x6b, 2, 8, self.l4)
        code += insn(0xa7, 8, imm=0xffff) + insn(0x6b, 2, 8, payload)
        if tcp:
            code += insn(0x27, 9, imm=SEQ_STEP) + insn(0x57, 9, imm=0x7fffffff)
            code += insn(0xdc, 9, imm=32) + insn(0x63, 2, 9, self.l4 + 4)
            code += insn(0xa4, 9, imm=-1) + insn(0x63, 2, 9, payload + 2)
        return code

    def run(self, count, batch):
        """Nanoseconds per packet, without the setup and the cleanup."""
        with netns(self.ns):
            return live_frames(self.program, self.frame, count, batch)

    def close(self):
        os.close(self.program)
        os.close(self.counter)
