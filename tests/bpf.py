# SPDX-License-Identifier: GPL-2.0
"""BPF programs written as instructions, so that no compiler is needed. Loads one and pins it.

For tc:
  bpf.py set PIN LOCAL REMOTE TOS TTL df|-	egress of a device in external mode: sets the tunnel metadata
  bpf.py expect PIN REMOTE			its ingress: drops packets from other remotes
  bpf.py hashed PIN				egress: drops packets without a flow hash
  bpf.py hash PIN				computes the flow hash of a packet
For XDP:
  bpf.py drop PIN				drops all packets
  bpf.py pass PIN				passes all packets
  bpf.py redirect PIN IFINDEX			redirects all packets
  bpf.py redirect-ip PIN IFINDEX		removes the Ethernet header, then redirects
  bpf.py scatter PIN IFINDEX...		passes half of the packets, and redirects the others to any of the
				devices, with or without the Ethernet header, or cut anywhere
"""
import ctypes
import ipaddress
import os
import platform
import struct
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
MAP_LOOKUP, PROG_LOAD, OBJ_PIN, PROG_TEST_RUN = 1, 5, 6, 10
MAP_NEXT_ID, MAP_BY_ID, OBJ_INFO = 12, 14, 15
LIVE_FRAMES = 2
SCHED_CLS, XDP = 3, 6
GET_TUNNEL_KEY, SET_TUNNEL_KEY, REDIRECT, GET_HASH_RECALC, ADJUST_HEAD = 20, 21, 23, 34, 44
PRANDOM, ADJUST_TAIL = 7, 65
ETH_HLEN = 14
DONT_FRAGMENT = 4
TC_ACT_OK, TC_ACT_SHOT = 0, 2
XDP_DROP, XDP_PASS = 1, 2
FOR_XDP = "drop", "pass", "redirect", "redirect-ip", "scatter"
# struct __sk_buff
HASH = 68
# struct bpf_tunnel_key, on the stack
KEY, SIZE = -48, 44
REMOTE, TOS, TTL, LOCAL = KEY + 4, KEY + 20, KEY + 21, KEY + 28


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("=BBhI", code, src << 4 | dst, off, imm & 0xffffffff)


def store(size, off, value):
    return insn({1: 0x72, 4: 0x62, 8: 0x7a}[size], 10, 0, off, value)


def call_with_key(function, flags):
    return (insn(0xbf, 2, 10) + insn(0x07, 2, imm=KEY) + insn(0xb7, 3, imm=SIZE) +
            insn(0xb7, 4, imm=flags) + insn(0x85, imm=function))


def verdict(value):
    return insn(0xb7, 0, imm=value) + insn(0x95)


def number(address):
    return int(ipaddress.IPv4Address(address))


CLEAR = b"".join(store(8, off, 0) for off in range(KEY, 0, 8))
UNLESS_0 = insn(0x15, 0, off=2, imm=0) + verdict(TC_ACT_SHOT)


def set_key(local, remote, tos, ttl, df):
    return (CLEAR + store(4, REMOTE, number(remote)) + store(4, LOCAL, number(local)) +
            store(1, TOS, int(tos, 0)) + store(1, TTL, int(ttl)) +
            call_with_key(SET_TUNNEL_KEY, DONT_FRAGMENT if df == "df" else 0) +
            UNLESS_0 + verdict(TC_ACT_OK))


def expect(remote):
    return (CLEAR + call_with_key(GET_TUNNEL_KEY, 0) + UNLESS_0 +
            insn(0x61, 1, 10, REMOTE) + insn(0x16, 1, off=2, imm=number(remote)) +
            verdict(TC_ACT_SHOT) + verdict(TC_ACT_OK))


def hashed():
    return (insn(0x61, 0, 1, HASH) + insn(0x55, 0, off=2, imm=0) + verdict(TC_ACT_SHOT) +
            verdict(TC_ACT_OK))


def hash_():
    return insn(0x85, imm=GET_HASH_RECALC) + verdict(TC_ACT_OK)


def drop():
    return verdict(XDP_DROP)


def redirect(ifindex):
    return (insn(0xb7, 1, imm=int(ifindex)) + insn(0xb7, 2) + insn(0x85, imm=REDIRECT) +
            insn(0x95))


def redirect_ip(ifindex):
    return insn(0xb7, 2, imm=ETH_HLEN) + insn(0x85, imm=ADJUST_HEAD) + redirect(ifindex)


def scatter(*ifindexes):
    """r6 is the packet; r7 is 32 random bits that select the actions."""
    def bits(shift, mask):
        return insn(0xbf, 2, 7) + insn(0x77, 2, imm=shift) + insn(0x57, 2, imm=mask)

    def adjust(function):
        return insn(0xbf, 1, 6) + insn(0x85, imm=function)

    code = insn(0xbf, 6, 1) + insn(0x85, imm=PRANDOM) + insn(0xbf, 7, 0)
    code += bits(0, 1) + insn(0x15, 2, off=2) + let_pass()
    # Remove the Ethernet header of half of the packets; move the start of an eighth by -32 to 31 bytes.
    head = insn(0xb7, 2, imm=ETH_HLEN) + adjust(ADJUST_HEAD)
    code += bits(1, 1) + insn(0x15, 2, off=len(head) // 8) + head
    head = bits(8, 63) + insn(0x17, 2, imm=32) + adjust(ADJUST_HEAD)
    code += bits(2, 7) + insn(0x55, 2, off=len(head) // 8) + head
    # Change the length of an eighth by -96 to 31 bytes.
    tail = bits(14, 127) + insn(0x17, 2, imm=96) + adjust(ADJUST_TAIL)
    code += bits(5, 7) + insn(0x55, 2, off=len(tail) // 8) + tail
    code += insn(0x77, 7, imm=21) + insn(0x97, 7, imm=len(ifindexes))
    for i, ifindex in enumerate(ifindexes):
        to = redirect(ifindex)
        code += insn(0x55, 7, off=len(to) // 8, imm=i) + to
    return code + let_pass()


def let_pass():
    return verdict(XDP_PASS)


def bpf(command, attributes, answer=False):
    """The result of the system call; with answer, the attributes as the kernel left them."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(SYS_BPF, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return buffer.raw if answer else result


def map_named(name):
    """A file descriptor of the newest map with this name."""
    fd, number_, info = None, 0, ctypes.create_string_buffer(88)
    while True:
        try:
            number_ = struct.unpack_from("=4xI", bpf(MAP_NEXT_ID, struct.pack("=I", number_), answer=True))[0]
        except FileNotFoundError:
            if fd is None:
                raise
            return fd
        try:
            one = bpf(MAP_BY_ID, struct.pack("=I", number_))
        except FileNotFoundError:
            continue
        bpf(OBJ_INFO, struct.pack("=IIQ", one, len(info), ctypes.addressof(info)))
        if info.raw[24:40].rstrip(b"\0").decode() != name:
            os.close(one)
            continue
        if fd is not None:
            os.close(fd)
        fd = one


def map_value(fd, key):
    """The number that a map has for a number, or None."""
    key_, value = ctypes.c_uint32(key), ctypes.c_uint32()
    try:
        bpf(MAP_LOOKUP, struct.pack("=IxxxxQQ", fd, ctypes.addressof(key_), ctypes.addressof(value)))
    except FileNotFoundError:
        return None
    return value.value


def load(kind, program):
    """The file descriptor of the program."""
    code = ctypes.create_string_buffer(program, len(program))
    gpl = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(65536)
    try:
        return bpf(PROG_LOAD, struct.pack("=IIQQIIQ", kind, len(program) // 8,
                                          ctypes.addressof(code), ctypes.addressof(gpl), 1,
                                          len(log), ctypes.addressof(log)))
    except OSError:
        print(log.value.decode(), file=sys.stderr)
        raise


def live_frames(program, frame, count, batch=64):
    """Give copies of a frame to an XDP program, as a NIC's driver does, with the netns's loopback device as
    the receiving one. Returns the nanoseconds for each, without the setup and the cleanup."""
    data = ctypes.create_string_buffer(frame, len(frame))
    attributes = struct.pack("=IIIIQQIIIIQQIII", program, 0, len(frame), 0, ctypes.addressof(data), 0, count,
                             0, 0, 0, 0, 0, LIVE_FRAMES, 0, batch)
    return struct.unpack_from("=I", bpf(PROG_TEST_RUN, attributes, answer=True), 36)[0]


def pin(fd, path):
    name = ctypes.create_string_buffer(os.fsencode(path))
    bpf(OBJ_PIN, struct.pack("=QI", ctypes.addressof(name), fd))


def main():
    what, path, *arguments = sys.argv[1:]
    program = {"set": set_key, "expect": expect, "hashed": hashed, "hash": hash_,
               "drop": drop, "pass": let_pass, "redirect": redirect,
               "redirect-ip": redirect_ip, "scatter": scatter}[what](*arguments)
    fd = load(XDP if what in FOR_XDP else SCHED_CLS, program)
    pin(fd, path)


if __name__ == "__main__":
    main()
