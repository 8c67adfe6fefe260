# SPDX-License-Identifier: GPL-2.0
"""Malformed packets at the receiver: it forwards none of them, and well-formed packets still pass."""
import random
import socket
import struct

from lib import Tap, check, equal, log_lines, mac, main, netns, run, topo
from scapy.layers.inet import IP, UDP

A, B, H1, H2 = "10.1.0.1", "10.2.0.1", "172.16.1.2", "172.16.2.2"


class Wire:
    """Sends packets from r to b with a's address, and captures at h2 what b forwards."""

    def __init__(self):
        self.r = Tap("r", "b")
        self.h2 = Tap("h2", "eth0", "in")
        self.b = mac("b", "wan")
        self.port = 2000

    def outer(self, payload, **fields):
        return bytes(IP(src=A, dst=B, proto=4, ttl=60, **fields) / bytes(payload))

    def inner(self, **fields):
        """A well-formed packet with a new source port, except for the fields given."""
        self.port += 1
        fields = {"src": H1, "dst": H2, "ttl": 50, **fields}
        return IP(**fields) / UDP(sport=self.port, dport=9) / b"payload"

    def send(self, packet):
        self.h2.drain()
        self.r.send(packet, self.b)

    def arrives(self, timeout=1.0):
        return self.h2.receive(lambda d: UDP in IP(d) and IP(d)[UDP].sport == self.port, timeout)

    def alive(self):
        self.send(self.outer(self.inner()))
        return self.arrives(5.0) is not None


def lost(wire, name, packet):
    wire.send(packet)
    got = wire.arrives(0.4)
    check(f"{name}: isn't forwarded", got is None, got)


def passes(wire, name, packet):
    wire.send(packet)
    got = wire.arrives(5.0)
    check(f"{name}: is forwarded", got and IP(got).src == H1)


def truncated(wire):
    good = bytes(wire.inner())
    for size in 0, 1, 19, 20, 27:
        lost(wire, f"inner packet truncated to {size} bytes", wire.outer(good[:size]))


def stays_out_of_loopback(wire):
    with netns("b"):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 9))
    client.sendto(b"control", ("127.0.0.1", 9))
    server.settimeout(5.0)
    equal("inner destination is loopback: a server listens", server.recv(100), b"control")
    wire.send(wire.outer(wire.inner(dst="127.0.0.1")))
    server.settimeout(0.5)
    try:
        got = server.recv(100)
    except socket.timeout:
        got = None
    equal("inner destination is loopback: the server receives nothing", got, None)


def headers(wire):
    for ihl in 0, 1, 4, 15:
        lost(wire, f"inner header length {ihl}", wire.outer(wire.inner(ihl=ihl)))
    for version in 0, 5, 6, 15:
        lost(wire, f"inner version {version}", wire.outer(wire.inner(version=version)))
    for length in 0, 19, 36, 65535:
        lost(wire, f"inner length {length}", wire.outer(wire.inner(len=length)))
    lost(wire, "inner checksum wrong", wire.outer(wire.inner(chksum=0x1234)))
    lost(wire, "inner TTL 0", wire.outer(wire.inner(ttl=0)))
    lost(wire, "inner TTL 1", wire.outer(wire.inner(ttl=1)))
    lost(wire, "inner source is the receiver's own", wire.outer(wire.inner(src="172.16.2.1")))
    lost(wire, "inner source is loopback", wire.outer(wire.inner(src="127.0.0.1")))
    stays_out_of_loopback(wire)
    lost(wire, "inner source is a group", wire.outer(wire.inner(src="224.0.0.5")))
    lost(wire, "inner source is broadcast", wire.outer(wire.inner(src="255.255.255.255")))
    passes(wire, "bytes after the inner packet", wire.outer(bytes(wire.inner()) + b"more"))
    padded = IP(src=A, dst=B, proto=4, options=b"\x01" * 4) / bytes(wire.inner())
    passes(wire, "outer header with options", bytes(padded))
    lost(wire, "outer checksum wrong", wire.outer(wire.inner(), chksum=0x4321))
    lost(wire, "outer source isn't the far end",
         bytes(IP(src="10.1.0.9", dst=B, proto=4) / bytes(wire.inner())))


def pieces(payload, cuts, **fields):
    """Fragments of a payload, one for each (first byte, byte after the last) in cuts."""
    for first, last in cuts:
        yield bytes(IP(frag=first // 8, flags="MF" if last < len(payload) else "",
                       **fields) / payload[first:last])


def fragments(wire):
    outer = {"src": A, "dst": B, "proto": 4, "ttl": 60}
    for name, cuts, good in (("outer fragments", ((0, 16), (16, 99)), True),
                             ("outer fragments in reverse", ((24, 99), (0, 24)), True),
                             ("outer fragments of 8 bytes", ((0, 8), (8, 16), (16, 24), (24, 99)),
                              True),
                             ("outer fragments that overlap", ((0, 24), (16, 99)), False),
                             ("outer fragments with a gap", ((0, 16), (24, 99)), False)):
        payload = bytes(wire.inner())
        parts = list(pieces(payload, [(a, min(z, len(payload))) for a, z in cuts],
                            id=wire.port, **outer))
        for part in parts[:-1]:
            wire.send(part)
        (passes if good else lost)(wire, name, parts[-1])
    whole = IP(src=H1, dst=B, ttl=50) / UDP(sport=1, dport=9) / bytes(64)
    for number, cuts in enumerate((((0, 40), (32, 72)), ((0, 40), (0, 72)), ((8, 72),))):
        for part in pieces(bytes(whole[UDP]), cuts, id=number + 9, src=H1, dst=B, proto=17):
            wire.send(wire.outer(part))
    check("inner fragments that overlap, to the receiver itself: packets still pass", wire.alive())


def nested(wire):
    packet = bytes(wire.inner())
    for _ in range(20):
        packet = bytes(IP(src=A, dst=B, proto=4, ttl=60) / packet)
    run("ip netns exec b sysctl -qw net.ipv4.conf.all.accept_local=1")
    wire.send(packet)
    got = wire.arrives(5.0)
    check("20 nested headers are removed one by one", got is not None)
    packet = bytes(IP(src=A, dst=B, proto=4) / b"")
    for _ in range(60):
        packet = bytes(IP(src=A, dst=B, proto=4, ttl=60) / packet)
    lost(wire, "60 nested headers without a packet", packet)


def noise(wire):
    rng = random.Random(2003)
    good = bytes(wire.inner())
    wire.h2.drain()
    for _ in range(1500):
        data = bytearray(good + bytes(rng.randrange(40)))
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        wire.r.send(wire.outer(bytes(data[:rng.randrange(len(data) + 1)])), wire.b)
    for _ in range(500):
        data = bytes(rng.randrange(256) for _ in range(rng.randrange(200)))
        header = struct.pack(">BBHHHBBH4s4s", 0x45, rng.randrange(256), 20 + len(data), 7, 0, 9,
                             4, 0, bytes([10, 1, 0, 1]), bytes([10, 2, 0, 1]))
        wire.r.send(bytes(IP(header + data)), wire.b)
    check("after 2,000 packets of noise packets still pass", wire.alive())


def test():
    topo()
    wire = Wire()
    check("a well-formed packet passes", wire.alive())
    lines = log_lines()
    for part in truncated, headers, fragments, nested, noise:
        part(wire)
        check(f"after {part.__name__} a well-formed packet passes", wire.alive())
    grown = log_lines() - lines
    check("the log has grown by less than 100 lines", grown < 100, grown)
    ping = run("ip netns exec h1 ping -c 2 -i 0.2 -W 5 172.16.2.2")
    equal("ping after all malformed packets", "2 received" in ping, True)


main(test)
