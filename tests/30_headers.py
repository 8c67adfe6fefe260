# SPDX-License-Identifier: GPL-2.0
"""The outer header of transmitted packets, field by field, also around MPLS."""
import random
import subprocess

from craft import Delta, Ip, Raw, counters, mac, one_hop_on, sysctl
from lib import (IPTUN_LOCAL, IPTUN_PMTUDISC, IPTUN_REMOTE, IPTUN_TTL, Rtnl, Tap, addr, check,
                 differs, equal, main, run, skip, topo, u8)
from scapy.layers.inet import IP, IPOption_NOP
from scapy.utils import checksum

A, B = "10.1.0.1", "10.2.0.1"
PROTO = 253     # nobody answers while r doesn't forward


class Path:
    """Sends inner packets from a itself or from h1; returns the outer packets that r receives."""

    def __init__(self):
        self.r = Tap("r", "a", "in")
        self.h1 = Tap("h1", "eth0")
        self.raw = Raw("a")
        self.gateway = mac("a", "h1")
        self.id = 0

    def inner(self, size=20, src="192.168.0.1", dst="192.168.0.2", **fields):
        """A packet with an ID of its own and random payload."""
        self.id += 1
        random.seed(self.id)
        return IP(src=src, dst=dst, proto=PROTO, id=self.id, **fields) / random.randbytes(size - 20)

    def local(self, packet):
        data = bytes(packet)
        self.raw.send(data)
        return self.outer(data)

    def forwarded(self, packet):
        data = bytes(packet)
        self.h1.send(data, self.gateway)
        return self.outer(data)

    def outer(self, inner):
        return self.r.receive(lambda d: d[9] == 4 and d[24:26] == inner[4:6] or
                              d[9] == 137 and d[28:30] == inner[4:6])

    def both(self):
        """Each way to send, with the arguments of inner() for it."""
        yield "own", self.local, {}
        yield "forwarded", self.forwarded, {"src": "172.16.1.2", "dst": "172.16.2.2"}


def basics(path):
    for way, send, ends in path.both():
        for size in (20, 21, 576, 1480):
            name = f"{way}, {size} bytes"
            inner = path.inner(size, ttl=33, **ends)
            data = send(inner)
            check(f"{name}: arrives", data is not None)
            outer = IP(data)
            equal(f"{name}: version, header length, protocol",
                  (outer.version, outer.ihl, outer.proto), (4, 5, 4))
            equal(f"{name}: total length", (outer.len, len(data)), (size + 20, size + 20))
            equal(f"{name}: header checksum", checksum(data[:20]), 0)
            equal(f"{name}: addresses", (outer.src, outer.dst), (A, B))
            equal(f"{name}: not a fragment", (outer.flags.MF, outer.frag), (0, 0))
            equal(f"{name}: the inner packet is unchanged", data[20:],
                  bytes(inner) if send == path.local else one_hop_on(inner))

    odd = {"with options": {"options": [IPOption_NOP()] * 3},
           "a first fragment": {"flags": "MF"},
           "a last fragment": {"frag": 100},
           "with the reserved flag": {"flags": "evil"}}
    for name, fields in odd.items():
        inner = path.inner(60, **fields)
        data = path.local(inner)
        equal(f"inner packet {name}: unchanged", data and data[20:], bytes(inner))
        equal(f"inner packet {name}: the outer header has no options, fragment or reserved flag",
              (data[0], IP(data).flags & ~2, IP(data).frag), (0x45, 0, 0))


def idents(path, ip):
    for mode, flags in (("pmtudisc", "DF"), ("pmtudisc", ""), ("nopmtudisc", "DF"),
                        ("nopmtudisc", "")):
        ip(f"link set dev t0 type ipip ttl inherit {mode}")
        data = bytes(path.inner(40, flags=flags))
        seen = set()
        for _ in range(50):
            path.raw.send(data)
            seen.add(path.outer(data)[4:6])
        if not flags and mode == "nopmtudisc":
            equal("without DF 50 packets have 50 outer IDs", len(seen), 50)
        else:
            differs("with DF the outer ID is the inner one")
            equal(f"{mode}, inner flags '{flags}': the outer ID is the inner one", seen, {data[4:6]})
    ip("link set dev t0 type ipip pmtudisc")


def ttl(path, ip):
    for inner in (1, 2, 64, 255):
        data = path.local(path.inner(ttl=inner))
        equal(f"TTL inherit, own packet with {inner}", data and (data[8], data[28]),
              (inner, inner))
    for inner in (2, 3, 64, 255):
        data = path.forwarded(path.inner(ttl=inner, src="172.16.1.2", dst="172.16.2.2"))
        equal(f"TTL inherit, forwarded packet with {inner}", data and (data[8], data[28]),
              (inner - 1, inner - 1))
    for fixed in (1, 64, 255):
        ip(f"link set dev t0 type ipip ttl {fixed}")
        for way, send, ends in path.both():
            data = send(path.inner(ttl=17, **ends))
            equal(f"TTL {fixed}, {way} packet with 17", data and (data[8], data[28]),
                  (fixed, 17 if way == "own" else 16))
    ip("link set dev t0 type ipip ttl inherit")


def tos(path, ip):
    ip("link set dev t0 type ipip tos inherit")
    for inner in (0, 0x04, 0x1c, 0x28, 0xb8, 0xfc):
        for way, send, ends in path.both():
            data = send(path.inner(tos=inner, **ends))
            equal(f"TOS inherit, {way} packet with {inner:#x}", data and (data[1], data[21]),
                  (inner, inner))
    # Bit 1 belongs to ECN and isn't configurable.
    for fixed in (0, 0x04, 0x10, 0x28, 0xb8, 0xba, 0xfc):
        ip(f"link set dev t0 type ipip tos {fixed:#x}")
        for inner in (0, 0x28, 0xfc):
            data = path.local(path.inner(tos=inner))
            equal(f"TOS {fixed:#x}, packet with {inner:#x}", data and (data[1], data[21]),
                  (fixed & 0xfc, inner))


def ecn(path, ip):
    for mode, dscp in (("inherit", 0x28), ("0xb8", 0xb8), ("0xba", 0xb8)):
        ip(f"link set dev t0 type ipip tos {mode}")
        for way, send, ends in path.both():
            for code, name in enumerate(("Not-ECT", "ECT(1)", "ECT(0)", "CE")):
                data = send(path.inner(tos=0x28 | code, **ends))
                if code == 3:
                    differs("CE is copied to the outer header (RFC 6040 normal mode)")
                equal(f"TOS {mode}, {way} packet with {name}: ECN is copied",
                      data and (data[1], data[21]), (dscp | code, 0x28 | code))
    ip("link set dev t0 type ipip tos 0")


def dont_fragment(path, ip):
    def flags(name, want_without, want_with):
        for way, send, ends in path.both():
            for inner, want in (("", want_without), ("DF", want_with)):
                data = send(path.inner(flags=inner, **ends))
                equal(f"{name}, {way} packet {'with' if inner else 'without'} DF",
                      data and str(IP(data).flags), want)

    ip("link set dev t0 type ipip ttl inherit pmtudisc")
    flags("pmtudisc: DF always", "DF", "DF")
    ip("link set dev t0 type ipip nopmtudisc")
    flags("nopmtudisc: DF is copied", "", "DF")
    # ip(8) refuses this combination, so send it by netlink.
    error = Rtnl("a").change("t0", (IPTUN_LOCAL, addr(A)), (IPTUN_REMOTE, addr(B)),
                             (IPTUN_PMTUDISC, u8(0)), (IPTUN_TTL, u8(64)))
    equal("nopmtudisc with a fixed TTL is accepted", error[0], 0)
    flags("nopmtudisc with a fixed TTL: DF always", "DF", "DF")
    ip("link set dev t0 type ipip ttl inherit pmtudisc")


def source(path, ip):
    ip("link add name u0 type ipip remote 10.2.0.9", "link set dev u0 up",
       "route add 172.16.3.0/24 dev u0")
    inner = {"dst": "172.16.3.3"}
    data = path.local(path.inner(**inner))
    equal("no local: the source is the address of the underlay", data and IP(data).src, A)
    ip("addr add 10.1.0.99/32 dev wan", "route add 10.2.0.9/32 via 10.1.0.254 src 10.1.0.99")
    data = path.local(path.inner(**inner))
    equal("no local: the source is the route's preferred source", data and IP(data).src, "10.1.0.99")
    data = path.forwarded(path.inner(src="172.16.1.2", **inner))
    equal("no local, forwarded packet: the route's preferred source",
          data and IP(data).src, "10.1.0.99")
    data = path.local(path.inner())
    equal("with local: the source is local", data and IP(data).src, A)


def mpls_label(data):
    word = int.from_bytes(data[20:24], "big")
    return word >> 12, word >> 8 & 1


class Mpls:
    """a pushes label 100 onto packets for 172.16.9.0/24; b pops it and forwards them to h2."""

    def __init__(self, path, ip, ipb):
        self.path, self.ip, self.ipb = path, ip, ipb
        self.h2 = Tap("h2", "eth0", "in")
        self.device = "t0"
        sysctl("b", "mpls/platform_labels", 1000)
        run("ip -n b -f mpls route add 100 via inet 172.16.2.2 dev h2")

    def use(self, near, far):
        """Replace the tunnels by ones of these modes on a and b."""
        previous, self.device = self.device, f"m-{near}-{far}"
        name = self.device
        for ip, local, remote, mode in ((self.ip, A, B, near), (self.ipb, B, A, far)):
            ip(f"link del dev {previous}",
               f"link add name {name} type ipip mode {mode} local {local} remote {remote}",
               f"link set dev {name} up")
        self.ip(f"addr add 192.168.9.1/30 dev {name}",
                f"route add 172.16.9.0/24 encap mpls 100 via inet 192.168.9.2 dev {name}",
                f"route add 172.16.2.0/24 dev {name}")
        sysctl("b", f"mpls/conf/{name}/input", 1)
        return Delta("a", name), Delta("b", name)

    def send(self, dst):
        """(inner packet, outer packet, packet that h2 receives)."""
        inner = self.path.inner(80, src="192.168.9.1", dst=dst)
        data = self.path.local(inner)
        got = self.h2.receive(lambda d: d[4:6] == bytes(inner)[4:6], 1.5 if data else 0.2)
        return inner, data, got


def mpls(path, ip):
    if subprocess.call(["modprobe", "-a", "mpls_router", "mpls_iptunnel"]):
        skip("MPLS", "no MPLS modules")
        return
    sysctl("r", "ipv4/ip_forward", 1)
    m = Mpls(path, ip, Ip("b"))
    for mode in ("any", "mplsip"):
        m.use(mode, mode)
        inner, data, got = m.send("172.16.9.1")
        check(f"mode {mode}: an MPLS packet is sent", data is not None)
        outer = IP(data)
        equal(f"mode {mode}: protocol 137", outer.proto, 137)
        equal(f"mode {mode}: the label, at the bottom of the stack", mpls_label(data), (100, 1))
        equal(f"mode {mode}: addresses and checksum",
              (outer.src, outer.dst, checksum(data[:20])), (A, B, 0))
        equal(f"mode {mode}: the host's default TTL, TOS 0, DF",
              (outer.ttl, outer.tos, str(outer.flags)), (64, 0, "DF"))
        equal(f"mode {mode}: the payload arrives",
              got and (IP(got).src, IP(got).dst, got[20:]),
              ("192.168.9.1", "172.16.9.1", bytes(inner)[20:]))

    m.use("any", "any")
    inner, data, got = m.send("172.16.2.2")
    equal("mode any: IPv4 has protocol 4 and arrives", (data[9], got and got[20:]),
          (4, bytes(inner)[20:]))

    near, far = m.use("mplsip", "any")
    check("mode mplsip refuses IPv4", m.send("172.16.2.2")[1] is None)
    equal("mode mplsip counts refused IPv4", near(), {"tx_errors": 1})

    near, far = m.use("ipip", "any")
    check("mode ipip refuses MPLS", m.send("172.16.9.1")[1] is None)
    equal("mode ipip counts refused MPLS", near(), {"tx_errors": 1})

    for mode, wrong, right in (("ipip", "172.16.9.1", "172.16.2.2"),
                               ("mplsip", "172.16.2.2", "172.16.9.1")):
        near, far = m.use("any", mode)
        _, data, got = m.send(wrong)
        check(f"mode {mode} drops a received packet of the other protocol",
              data is not None and got is None)
        check(f"mode {mode} doesn't count it as received", "rx_packets" not in far())
        differs("the in-tree driver doesn't count such drops")
        equal(f"mode {mode} counts it as an error", far(), {"rx_errors": 1})
        check(f"mode {mode} receives a packet of its protocol", m.send(right)[2] is not None)


def test():
    topo()
    sysctl("r", "ipv4/ip_forward", 0)
    path = Path()
    ip = Ip("a")
    basics(path)
    idents(path, ip)
    ttl(path, ip)
    tos(path, ip)
    ecn(path, ip)
    dont_fragment(path, ip)
    source(path, ip)
    equal("no transmit errors", counters("a")["t0"]["tx_errors"], 0)
    mpls(path, ip)


main(test)
