# SPDX-License-Identifier: GPL-2.0
"""For the tests of the forwarding XDP program: frames into topo's a from both sides, and the comparison of
what the stack and the program make of them."""
import os
import random
import socket

from craft import Delta, mac, sum16, sysctl
from lib import HERE, Rtnl, Tap, check, equal, netns, one_processor, shell, skip, topo
from scapy.layers.inet import IP

A, B = "10.1.0.1", "10.2.0.1"
# No host has these addresses, so no host answers.
LAN, FAR = "172.16.1.77", "172.16.2.77"
OBJECT = f"{HERE}/../build/xdp/ipip_xdp.bpf.o"
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
PROTO = 253
DEVICES = "h1", "wan"


class Frames:
    """Sends Ethernet frames through a device."""

    def __init__(self, ns, device, target):
        with netns(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.sock.bind((device, 0))
        self.target = bytes.fromhex(target.replace(":", ""))
        self.source = bytes.fromhex(mac(ns, device).replace(":", ""))

    def send(self, packet, target=None, kind=b"\x08\0"):
        self.sock.send((target or self.target) + self.source + kind + packet)


class Way:
    """near is a's device to r, and far is r's device to a."""

    def __init__(self, near="wan", far="a"):
        self.wan = Tap("r", far, "in")
        self.lan = Tap("h1", "eth0", "in")
        self.from_lan = Frames("h1", "eth0", mac("a", "h1"))
        self.from_wan = Frames("r", far, mac("a", near))
        self.id = 0

    def packet(self, size=100, src=LAN, dst=FAR, ttl=64, layer=b"", **fields):
        self.id = self.id % 0xffff + 1
        if not layer:
            fields.setdefault("proto", PROTO)
        head = IP(src=src, dst=dst, id=self.id, ttl=ttl, **fields) / layer
        return bytes(head / random.randbytes(max(0, size - len(head))))

    def warm_up(self):
        """Send packets in both directions until all neighbours are resolved."""
        for tap, frames, make_packet in ((self.wan, self.from_lan, self.packet),
                                         (self.lan, self.from_wan, self.outer)):
            for _ in range(3):
                data = make_packet()
                wanted = self.id.to_bytes(2, "big")
                frames.send(data)
                tap.receive(lambda d, w=wanted: w in (d[4:6], d[24:26]), 10.0)

    def outer(self, size=100, inner=None, src=B, dst=A, **fields):
        """An IPIP packet from the far end. The outer ID is the inner one."""
        if inner is None:
            inner = self.packet(size, src=FAR, dst=LAN)
        return bytes(IP(src=src, dst=dst, id=self.id, proto=4, ttl=60, **fields) / inner)


def attached(on, devices=DEVICES):
    for device in devices:
        shell(f"ip -n a -force link set dev {device} " +
              (f"xdpdrv obj {OBJECT} sec xdp" if on else "xdp off"))


def at(ns, commands):
    shell("; ".join(f"ip -n {ns} {command}" for command in commands.split("; ") if command))


def but_for_id(data):
    """(header without ID and checksum, error of the checksum, payload) of a packet that a has built."""
    hlen = (data[0] & 15) * 4
    rest = data[hlen:]
    if data[9] == 4 and rest[9] == 1:
        rest = but_for_id(rest)
    return data[:4] + data[6:10] + data[12:hlen], sum16(data[:hlen]), rest


def arrived(tap):
    """All packets that arrive until none has for 0.25 seconds."""
    packets = []
    while (data := tap.receive(lambda d: d[9] in (4, 1, 6, 17, PROTO), 0.25)) is not None:
        packets.append(data)
    return packets


def seen(way):
    """The packets that a has sent to the underlay and to the LAN."""
    return ([but_for_id(d) for d in arrived(way.wan)],
            [but_for_id(d) if d[9] == 1 else d for d in arrived(way.lan)])


def compare(way, name, frames, forwarded=True, devices=DEVICES):
    """Run all functions in frames, each of which sends a frame, without and with the program, and compare."""
    results = []
    for on in (False, True):
        attached(on, devices)
        # The first packet always goes through the stack, which resolves the neighbours.
        if forwarded:
            way.warm_up()
        seen(way)
        counts, ours, way.id = Delta("a", "t0"), Rtnl("a").xstats("t0"), 1000
        random.seed(SEED)
        with one_processor():
            for frame in frames:
                frame()
        out = seen(way)
        after = Rtnl("a").xstats("t0")
        results.append((out, counts(), {k: v - ours[k] for k, v in after.items() if v != ours[k]}))
    attached(False, devices)
    (stack, stack_counts, stack_ours), (by_xdp, counts, ours) = results
    for what, want, got in (("to the underlay", stack[0], by_xdp[0]),
                            ("to the LAN", stack[1], by_xdp[1])):
        wrong = [(g, w) for g, w in zip(got, want) if g != w][:1]
        check(f"{name}: the same packets {what}", want == got, f"{len(got)} for {len(want)}: {wrong}")
    equal(f"{name}: the same counters", (counts, ours), (stack_counts, stack_ours))
    return stack


def lan(way, *arguments, **fields):
    return lambda: way.from_lan.send(way.packet(*arguments, **fields))


def wan(way, *arguments, **fields):
    return lambda: way.from_wan.send(way.outer(*arguments, **fields))


def inner(way, **fields):
    """Sends an IPIP packet whose inner packet has these fields."""
    fields = {"src": FAR, "dst": LAN, **fields}
    return lambda: way.from_wan.send(way.outer(inner=way.packet(**fields)))


def make(arguments="", remote=B, **ours):
    shell(f"ip -n a link del t0; tunnel a {A} {remote or 'any'} {arguments}; "
          "ip -n a addr add 192.168.0.1/30 dev t0; "
          f"ip -n a route add 172.16.2.0/24 {'dev t0' if remote else f'via {B} dev t0 onlink'}")
    if ours:
        Rtnl("a").set("t0", **ours)


def past_the_stack(way, what=""):
    """The program forwards packets without the stack, whose packet sockets don't see them."""
    way.warm_up()
    seen(way)
    stack = Tap("a", "t0")
    for _ in range(10):
        way.from_lan.send(way.packet())
        way.from_wan.send(way.outer())
    equal(f"{what}all packets are forwarded", [len(o) for o in seen(way)], [10, 10])
    # On each CPU the first packet goes through the stack, which looks the route up.
    seen_by_stack = len(stack.everything())
    check(f"{what}all but a few packets bypass the stack", seen_by_stack <= 4, seen_by_stack)


def keep_neighbours():
    """A neighbour that is resolved stays reachable in a. Otherwise its entry becomes stale after 15 to 45
    seconds, and the tunnel gives its packets to the stack until the stack has confirmed it."""
    for device in DEVICES:
        sysctl("a", f"ipv4/neigh/{device}/base_reachable_time_ms", 3600 * 1000)


def start():
    """Makes topo; returns None if the program can't be tested in this guest."""
    if not os.path.exists("/sys/kernel/btf/ipip"):
        skip("the forwarding program", "the module has no BTF on this kernel")
        return None
    if not os.path.exists(OBJECT):
        skip("the forwarding program", "it wasn't built, for lack of clang or libbpf's headers")
        return None
    topo()
    shell("ip netns exec r ethtool -K a gro on; ip netns exec h1 ethtool -K eth0 gro on")
    sysctl("r", "ipv4/ip_forward", 0)
    keep_neighbours()
    shell(f"ip -n a neigh replace {LAN} lladdr {mac('h1', 'eth0')} dev h1 nud permanent")
    return Way()
