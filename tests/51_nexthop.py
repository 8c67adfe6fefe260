# SPDX-License-Identifier: GPL-2.0
"""Next-hop mode, and that packets always take the present outer route."""
import ctypes
import socket
import struct

from craft import Delta, Ip, Raw, mac, sysctl
from lib import Tap, check, equal, main, shell
from scapy.layers.inet import IP, UDP

A, A2 = "10.1.0.1", "10.3.0.1"      # a's addresses on wan and wan2
LATE = "10.1.0.99"
SO_MARK = 36
SO_ATTACH_FILTER = 26


class MarkTap(Tap):
    """A tap that receives only packets with this mark."""

    def __init__(self, ns, device, mark):
        super().__init__(ns, device, "out")
        program = [(0x20, 0, 0, 0xfffff000 + 20),   # A = mark
                   (0x15, 0, 1, mark),              # if A == mark
                   (0x06, 0, 0, 0xffff), (0x06, 0, 0, 0)]
        code = b"".join(struct.pack("=HBBI", *i) for i in program)
        buffer = ctypes.create_string_buffer(code)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                             struct.pack("HL", len(program), ctypes.addressof(buffer)))
        self.drain()


class Near:
    """a, with a host h1 and two links to r, where outer packets end."""

    def __init__(self):
        shell("ns_add h1 a r")
        sysctl("r", "ipv4/ip_forward", 0)
        sysctl("a", "ipv4/ip_forward", 1)
        sysctl("a", "ipv4/conf/all/promote_secondaries", 1)
        self.ip, r, h1 = Ip("a"), Ip("r"), Ip("h1")
        for name, ns, net in (("wan", r, "10.1.0"), ("wan2", r, "10.3.0"), ("h1", h1, "172.16.1")):
            other = "r" if ns is r else "h1"
            self.ip(f"link add name {name} type veth peer name {name} netns {other}",
                    f"addr add {net}.1/24 dev {name}", f"link set dev {name} up")
            ns(f"addr add {net}.254/24 dev {name}", f"link set dev {name} up")
        self.ip("route add default via 10.1.0.254")
        self.links = {link: Tap("r", link, "in") for link in ("wan", "wan2")}
        self.h1 = Tap("h1", "h1")
        self.mac = mac("a", "h1")
        self.raw = Raw("a")
        self.id = 0
        self.packets = {}

    def inner(self, dst, src="172.16.1.2", **fields):
        """A packet with a new ID. Packets that differ only in the ID are built once."""
        key = (dst, src, *fields.items())
        if key not in self.packets:
            self.packets[key] = IP(src=src, dst=dst, proto=253, **fields) / b"payload"
        self.id += 1
        packet = self.packets[key]
        packet.id = self.id
        return bytes(packet)

    def send(self, dst, **fields):
        """Send a packet from h1 through a; returns outer()."""
        data = self.inner(dst, **fields)
        self.h1.send(data, self.mac)
        return self.outer(data)

    def send_own(self, dst, **fields):
        data = self.inner(dst, src="192.168.0.1", **fields)
        self.raw.send(data)
        return self.outer(data)

    def outer(self, inner, timeout=2.0):
        """(link, source, destination) of the outer packet, or None."""
        def match(data):
            return data[9] == 4 and data[24:26] == inner[4:6]
        for n in range(int(timeout / 0.02)):
            for link, tap in self.links.items():
                data = tap.receive(match, 0.01)
                if data:
                    return (link, socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]))
        return None

    def spread(self, name, dst, flows=64):
        """Check that packets of so many flows take both paths."""
        links = []
        for port in range(flows):
            self.id += 1
            data = bytes(IP(src="172.16.1.2", dst=dst, id=self.id) /
                         UDP(sport=1000 + port, dport=9))
            self.h1.send(data, self.mac)
            outer = self.outer(data)
            links.append(outer and outer[0])
        seen = {link: links.count(link) for link in self.links}
        paths = {line.split(" dev ")[1].split()[0] for line in self.ip(*(
            f"route get 10.2.0.201 from {A} ipproto udp sport {1000 + port} dport 9"
            for port in range(16))).splitlines() if " dev " in line}
        if len(paths) == 1:
            # Linux 6.16 and newer prefer the path whose device has the source address.
            equal(f"{name}: {flows} flows take the path that the kernel prefers for this source", seen,
                  {link: flows if link in paths else 0 for link in self.links})
            return
        check(f"{name}: {flows} flows are spread over both paths",
              sum(seen.values()) == flows and min(seen.values()) >= flows // 8, seen)


def gateways(near):
    """More gateways than the small route cache has slots."""
    ip = near.ip
    ip(f"link add name t0 type ipip local {A}", "link set dev t0 up",
       "addr add 192.168.0.1/32 dev t0")
    n = 20
    ip(*(f"route add 172.16.{100 + i}.0/24 via 10.2.0.{i + 1} dev t0 onlink" for i in range(n)))
    want = [("wan", A, f"10.2.0.{i + 1}") for i in range(n)]
    for go in (1, 2):
        equal(f"{n} gateways in turn, round {go}: the outer destination is the gateway",
              [near.send(f"172.16.{100 + i}.9") for i in range(n)], want)
    # Enough packets for the driver to enlarge the cache, in the background.
    for _ in range(64):
        for i in range(n):
            near.h1.send(near.inner(f"172.16.{100 + i}.9"), near.mac)
    for tap in near.links.values():
        while tap.receive(lambda data: True, 0.5):
            pass
    for go in (1, 2):
        equal(f"{n} gateways in turn after many packets, round {go}: the outer destination is the gateway",
              [near.send(f"172.16.{100 + i}.9") for i in range(n)], want)
    equal("two gateways in alternation",
          [near.send(f"172.16.{100 + i % 2}.9") for i in range(8)],
          [want[i % 2] for i in range(8)])
    equal("an own packet: the outer destination is the gateway", near.send_own("172.16.100.9"), want[0])

    ip("route replace 172.16.100.0/24 via 10.2.0.77 dev t0 onlink")
    equal("the route gets another gateway: the next packet takes it", near.send("172.16.100.9"),
          ("wan", A, "10.2.0.77"))
    equal("the route gets another gateway: the next own packet takes it",
          near.send_own("172.16.100.9"), ("wan", A, "10.2.0.77"))
    ip("route add 172.16.100.9/32 via 10.2.0.78 dev t0 onlink")
    equal("a more specific route is added: the next packet takes it", near.send("172.16.100.9"),
          ("wan", A, "10.2.0.78"))
    equal("a more specific route is added: packets to other addresses don't",
          near.send("172.16.100.8"), ("wan", A, "10.2.0.77"))
    ip("route del 172.16.100.9/32")
    equal("the more specific route is deleted: the next packet takes the first",
          near.send("172.16.100.9"), ("wan", A, "10.2.0.77"))


def no_gateway(near):
    """The inner route has no gateway, so the outer destination is the inner one. The rule selects the
    route into the tunnel for forwarded packets only, not for the outer ones, which are a's own."""
    ip = near.ip
    ip("rule add iif h1 lookup 100", "route add 10.201.0.0/16 dev t0 table 100")
    for dst in ("10.201.0.1", "10.201.7.7", "10.201.0.1"):
        equal(f"inner route without a gateway: the outer destination is the inner {dst}",
              near.send(dst), ("wan", A, dst))
    ip("rule del iif h1 lookup 100")
    near.ip("route add 10.202.0.0/16 dev t0")
    delta = Delta("a", "t0", "tx_")
    collisions = Delta("a", "t0", "coll")
    check("the outer route leads through the tunnel itself: not sent",
          near.send("10.202.0.1") is None)
    equal("the outer route leads through the tunnel itself: counted",
          (delta(), collisions()), ({"tx_errors": 1}, {"collisions": 1}))
    ip("route del 10.202.0.0/16 dev t0")

    tap = Tap("a", "t0")
    delta = Delta("a", "t0")
    tap.send(near.inner("172.16.100.9"))
    equal("a packet socket's packet has no route, so no destination: counted",
          delta(), {"tx_errors": 1, "tx_fifo": 1})


def fixed(near):
    """Tunnels with a fixed remote, whose outer route is cached."""
    near.ip(f"link add name f0 type ipip local {A} remote 10.2.0.201", "link set dev f0 up",
            "route add 172.17.0.0/24 dev f0",
            "link add name any type ipip remote 10.2.0.202", "link set dev any up",
            "route add 172.17.1.0/24 dev any",
            f"link add name i0 type ipip local {A} remote 10.2.0.203 tos inherit",
            "link set dev i0 up", "route add 172.17.2.0/24 dev i0")


KINDS = {"next hop": ("172.16.101.9", "10.2.0.2", "t0"),
         "fixed remote": ("172.17.0.9", "10.2.0.201", "f0"),
         "fixed remote, TOS inherited": ("172.17.2.9", "10.2.0.203", "i0")}


def underlay(near):
    ip = near.ip
    for kind, (dst, outer, device) in KINDS.items():
        equal(f"{kind}: packets take the default route", near.send(dst), ("wan", A, outer))
        ip(f"route add {outer}/32 via 10.3.0.254")
        equal(f"{kind}: a new route to the far end: the next packet takes it", near.send(dst),
              ("wan2", A, outer))
        ip(f"route replace {outer}/32 via 10.1.0.254")
        equal(f"{kind}: the route changes: the next packet takes it", near.send(dst), ("wan", A, outer))
        ip(f"route replace {outer}/32 via 10.3.0.254")
        near.send(dst)
        ip(f"route del {outer}/32")
        equal(f"{kind}: it is deleted: the next packet takes the default route",
              near.send(dst), ("wan", A, outer))
        ip("rule add to 10.2.0.0/24 lookup 101", "route add default via 10.3.0.254 table 101")
        equal(f"{kind}: a new rule: the next packet follows it", near.send(dst), ("wan2", A, outer))
        ip("rule del to 10.2.0.0/24 lookup 101", "route flush table 101")
        equal(f"{kind}: it is deleted: the next packet takes the default route",
              near.send(dst), ("wan", A, outer))

        ip("route del default")
        delta = Delta("a", device, "tx_")
        check(f"{kind}: no route, not sent", near.send(dst) is None)
        equal(f"{kind}: no route is counted", delta(), {"tx_errors": 1, "tx_carrier": 1})
        ip("route add default via 10.1.0.254")
        equal(f"{kind}: a route again: sent", near.send(dst), ("wan", A, outer))

        ip("link set dev wan down", "link set dev wan up", "route replace default via 10.1.0.254")
        equal(f"{kind}: the link was down and is up again: sent", near.send(dst), ("wan", A, outer))


def source(near):
    ip = near.ip
    dst, outer = "172.17.1.9", "10.2.0.202"
    equal("no local: the source is the address of the underlay", near.send(dst), ("wan", A, outer))
    ip(f"addr add {LATE}/24 dev wan")
    equal("no local: a second address on the underlay changes nothing",
          near.send(dst), ("wan", A, outer))
    ip(f"route add {outer}/32 via 10.1.0.254 src {LATE}")
    equal("no local: a new route's preferred source", near.send(dst), ("wan", LATE, outer))
    ip(f"route replace {outer}/32 via 10.1.0.254 src {A}")
    equal("no local: the route's preferred source changes", near.send(dst), ("wan", A, outer))
    ip(f"route replace {outer}/32 via 10.1.0.254 src {LATE}")
    near.send(dst)
    ip(f"addr del {LATE}/24 dev wan")
    equal("no local: the preferred address is deleted, and its route with it", near.send(dst),
          ("wan", A, outer))
    ip(f"addr add {LATE}/24 dev wan")
    near.send(dst)
    ip(f"addr del {A}/24 dev wan")
    equal("no local: the first address is deleted, the second is used", near.send(dst),
          ("wan", LATE, outer))
    check("a configured local that this host no longer has: not sent",
          near.send("172.17.0.9") is None)
    ip(f"addr del {LATE}/24 dev wan", f"addr add {A}/24 dev wan",
       "route replace default via 10.1.0.254")
    equal("no local: the first address is back", near.send(dst), ("wan", A, outer))
    ip(f"route add {outer}/32 via 10.3.0.254")
    equal("no local: a route through another link, with its address",
          near.send(dst), ("wan2", A2, outer))
    ip(f"route del {outer}/32")


def by_dscp(near):
    """Routing rules on the outer DSCP."""
    ip = near.ip
    ip("rule add to 10.2.0.0/24 dsfield 0x10 lookup 102",
       "route add default via 10.3.0.254 table 102")
    dst, outer, _ = KINDS["fixed remote, TOS inherited"]
    equal("TOS inherited, a rule for one TOS: packets alternate",
          [near.send(dst, tos=tos) for tos in (0x10, 0, 0x10, 0, 0x10)],
          [("wan2", A, outer), ("wan", A, outer)] * 2 + [("wan2", A, outer)])
    equal("TOS inherited, a rule for one TOS: the ECN field doesn't matter",
          near.send(dst, tos=0x12), ("wan2", A, outer))
    dst, outer, _ = KINDS["fixed remote"]
    equal("TOS 0, a rule for one TOS: doesn't match", near.send(dst, tos=0x10), ("wan", A, outer))
    ip("link set dev f0 type ipip tos 0x10")
    equal("TOS 0x10: the rule matches", near.send(dst), ("wan2", A, outer))
    ip("link set dev f0 type ipip tos 0", "link set dev t0 type ipip tos inherit")
    dst, outer, _ = KINDS["next hop"]
    equal("next hop, TOS inherited: packets alternate",
          [near.send(dst, tos=tos) for tos in (0x10, 0, 0x10, 0)],
          [("wan2", A, outer), ("wan", A, outer)] * 2)
    ip("link set dev t0 type ipip tos 0",
       "rule del to 10.2.0.0/24 dsfield 0x10 lookup 102", "route flush table 102")


def marks(near):
    ip = near.ip
    ip("rule add to 10.2.0.0/24 fwmark 7 lookup 103", "route add default via 10.3.0.254 table 103",
       f"link add name k0 type ipip local {A} remote 10.2.0.204 fwmark 7", "link set dev k0 up",
       "route add 172.17.3.0/24 dev k0",
       f"link add name k1 type ipip local {A2} fwmark 7", "link set dev k1 up",
       "route add 172.17.4.0/24 via 10.2.0.205 dev k1 onlink")
    seven = {link: MarkTap("a", link, 7) for link in ("wan", "wan2")}
    nine = {link: MarkTap("a", link, 9) for link in ("wan", "wan2")}
    raw = Raw("a")

    def own(dst, mark):
        raw.sock.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        data = near.inner(dst, src="192.168.0.1")
        raw.send(data)
        return near.outer(data)

    for dst, outer, name in (("172.17.3.9", ("wan2", A, "10.2.0.204"), "fixed remote"),
                             ("172.17.4.9", ("wan2", A2, "10.2.0.205"), "next hop")):
        equal(f"fwmark, {name}: the rule for the mark applies", near.send(dst), outer)
        equal(f"fwmark, {name}: the rule for the mark applies to own packets", own(dst, 0), outer)
        check(f"fwmark, {name}: the outer packet doesn't get the mark",
              seven["wan2"].receive(lambda d: d[9] == 4, 0.1) is None)
        equal(f"fwmark, {name}: the mark of an inner packet doesn't matter", own(dst, 9), outer)
        check(f"fwmark, {name}: the outer packet keeps the inner packet's mark",
              nine["wan2"].receive(lambda d: d[9] == 4, 2) is not None)
    equal("no fwmark: a rule for the inner packet's mark doesn't apply",
          own("172.17.0.9", 7), ("wan", A, "10.2.0.201"))
    check("no fwmark: the outer packet keeps the inner packet's mark",
          seven["wan"].receive(lambda d: d[9] == 4, 2) is not None)
    ip("link set dev k0 type ipip fwmark 8")
    equal("change of fwmark: applies to the next packet", near.send("172.17.3.9"),
          ("wan", A, "10.2.0.204"))
    ip("link set dev k0 type ipip fwmark 7")
    equal("change of fwmark back: applies to the next packet",
          near.send("172.17.3.9"), ("wan2", A, "10.2.0.204"))
    ip("rule del to 10.2.0.0/24 fwmark 7 lookup 103", "route flush table 103")
    equal("the rule for the mark is deleted: the default route", near.send("172.17.3.9"),
          ("wan", A, "10.2.0.204"))


def bound(near):
    ip = near.ip
    ip("route add default via 10.3.0.254 dev wan2 metric 500",
       f"link add name d0 type ipip local {A} remote 10.2.0.206 dev wan2", "link set dev d0 up",
       "route add 172.17.5.0/24 dev d0",
       f"link add name d1 type ipip local {A} dev wan2", "link set dev d1 up",
       "route add 172.17.6.0/24 via 10.2.0.207 dev d1 onlink")
    equal("dev wan2: the outer route is through wan2", near.send("172.17.5.9"),
          ("wan2", A, "10.2.0.206"))
    equal("dev wan2, next hop: the outer route is through wan2",
          near.send("172.17.6.9"), ("wan2", A, "10.2.0.207"))
    equal("no dev: the route with the lower metric", near.send("172.17.0.9"), ("wan", A, "10.2.0.201"))
    ip("link set dev d0 type ipip dev wan")
    equal("change of dev: applies to the next packet", near.send("172.17.5.9"),
          ("wan", A, "10.2.0.206"))
    ip("route del default dev wan2 metric 500")


def multipath(near):
    """64 flows over two equal paths."""
    sysctl("a", "ipv4/fib_multipath_hash_policy", 1)
    near.ip("route add 10.2.0.0/24 nexthop via 10.1.0.254 nexthop via 10.3.0.254")
    for kind in "next hop", "fixed remote, TOS inherited":
        near.spread(kind, KINDS[kind][0])
    near.ip("route del 10.2.0.0/24", "nexthop add id 1 via 10.1.0.254 dev wan",
            "nexthop add id 2 via 10.3.0.254 dev wan2", "nexthop add id 3 group 1/2",
            "route add 10.2.0.0/24 nhid 3")
    for kind in "next hop", "fixed remote, TOS inherited":
        near.spread(f"{kind}, a group of next hops", KINDS[kind][0])
    near.ip("route del 10.2.0.0/24")
    equal("one path again: the packet takes it", near.send(KINDS["next hop"][0])[0], "wan")


def test():
    near = Near()
    gateways(near)
    no_gateway(near)
    fixed(near)
    underlay(near)
    source(near)
    by_dscp(near)
    marks(near)
    bound(near)
    multipath(near)


main(test)
