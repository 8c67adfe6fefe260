# SPDX-License-Identifier: GPL-2.0
"""Calls bpf_fib_lookup() by an XDP program, with parameters from the packet's 64 bytes, which writes the result back.

  fib_lookup.py DEVICE SOURCE DESTINATION [BYTES]	for a UDP packet of so many bytes that the device has received
"""
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
device, source, destination, *rest = sys.argv[1:]
size = int(rest[0]) if rest else 100
question = struct.pack("<6xBBHHHII4s12x4s12x16x", socket.AF_INET, 17, 0, 0, size, socket.if_nametoindex(device), 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
given, back = ctypes.create_string_buffer(question), ctypes.create_string_buffer(PAD + SIZE)
attr = struct.pack("<IIIIQQII", program, 0, PAD + SIZE, PAD + SIZE, address(given), address(back), 1, 0)
status = struct.unpack_from("<I", bpf(TEST_RUN, attr)[1], 4)[0]
answer = back.raw[PAD:]
name = socket.if_indextoname(struct.unpack_from("<I", answer, 8)[0])
print(f"status {status} by {name} from {answer[52:58].hex(':')} to {answer[58:64].hex(':')}")
