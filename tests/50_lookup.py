# SPDX-License-Identifier: GPL-2.0
"""Which tunnel receives a packet."""
import functools
import socket
import time

from craft import COLUMNS, Delta, Ip, counters, mac, sysctl
from lib import (IPTUN_LOCAL, IPTUN_REMOTE, Rtnl, Tap, addr, check, equal, main, netns,
                 shell)
from scapy.layers.inet import ICMP, IP

L1, L2, L3 = "10.2.0.1", "10.2.0.2", "10.2.0.3"     # b's addresses
R1, R2, R3 = "10.1.0.1", "10.1.0.2", "10.1.0.3"     # far ends, behind r
GROUP = "239.1.1.1"
GROUP_MAC = "01:00:5e:01:01:01"
UNREACHABLE = "port unreachable"
RX = [c for c in COLUMNS if c.startswith("rx_")]


@functools.lru_cache(maxsize=None)
def packet(src, dst):
    """An IPIP packet. b drops the inner packet; the test looks at which tunnel counts it."""
    return bytes(IP(src=src, dst=dst, proto=4) / IP(src="172.16.1.2", dst="192.0.2.1", proto=253))


class Far:
    """b, with three links to r, and the tunnels under test."""

    def __init__(self):
        shell("ns_add r b")
        sysctl("r", "ipv4/ip_forward", 0)
        sysctl("b", "ipv4/ip_forward", 1)
        self.ip = Ip("b")
        r = Ip("r")
        self.taps, self.macs = {}, {}
        for n, link in enumerate(("wan", "wan2", "wan3"), 2):
            self.ip(f"link add name {link} type veth peer name {link} netns r",
                    f"addr add 10.{n}.0.1/24 dev {link}", f"link set dev {link} up")
            r(f"addr add 10.{n}.0.254/24 dev {link}", f"link set dev {link} up")
            self.taps[link] = Tap("r", link, "in")
            self.macs[link] = mac("b", link)
        self.ip(f"addr add {L2}/24 dev wan", f"addr add {L3}/24 dev wan",
                "route add default via 10.2.0.254", "route add blackhole 192.0.2.0/24")
        self.names = []

    def tunnels(self, **specifications):
        """Replace the tunnels under test by these, all up."""
        self.ip(*(f"link del dev {name}" for name in self.names))
        self.names = []
        self.add(**specifications)

    def add(self, **specifications):
        for name, what in specifications.items():
            self.ip(f"link add name {name} type ipip {what}", f"link set dev {name} up")
            self.names.append(name)

    def delete(self, name):
        self.ip(f"link del dev {name}")
        self.names.remove(name)

    def set(self, name, what):
        self.ip(f"link set dev {name} {what}")

    def counted(self):
        now = counters("b")
        return {name: {c: now[name][c] for c in RX} for name in self.names}

    def take(self, src, dst, by="wan", to=None):
        """Send a packet. Returns the name of the tunnel that counts it, or all counters that have grown
        if it isn't exactly one packet at one tunnel; the ICMP error if b sends one; or "nobody"."""
        before = self.counted()
        for tap in self.taps.values():
            tap.drain()
        self.taps[by].send(packet(src, dst), to or self.macs[by])
        end = time.monotonic() + (0.3 if to else 4)
        while time.monotonic() < end:
            after = self.counted()
            if after != before:
                return self.counting(before, after)
            reply = self.taps["wan"].receive(lambda d: d[9] == 1, 0.01)
            if reply:
                return self.answer(IP(reply), src, dst)
        return "nobody"

    @staticmethod
    def counting(before, after):
        grown = {n: {c: after[n][c] - before[n][c] for c in RX if after[n][c] != before[n][c]}
                 for n in after if after[n] != before[n]}
        if len(grown) == 1:
            (name, delta), = grown.items()
            if delta.pop("rx_packets", 0) == 1 and list(delta) == ["rx_bytes"]:
                return name
        return grown

    @staticmethod
    def answer(reply, src, dst):
        quoted = reply[ICMP].payload
        if ((reply.src, reply.dst, reply[ICMP].type, reply[ICMP].code) == (dst, src, 3, 3) and
                (quoted.src, quoted.dst, quoted.proto) == (src, dst, 4)):
            return UNREACHABLE
        return reply.summary()


CLASSES = {"lr": f"local {L1} remote {R1}", "ar": f"remote {R1}", "la": f"local {L1}",
           "aa": "dev wan2"}


def classes(far):
    far.tunnels(**CLASSES)
    for src, dst, want, why in ((R1, L1, "lr", "local and remote fit"),
                                (R1, L2, "ar", "remote fits"),
                                (R2, L1, "la", "local fits"),
                                (R2, L2, "aa", "neither fits")):
        equal(f"{why}: {want}", far.take(src, dst), want)

    # In another order of creation.
    far.tunnels(**dict(reversed(CLASSES.items())))
    order = list(CLASSES)
    for n, name in enumerate(order):
        equal(f"down: {order[:n]}: {name} receives", far.take(R1, L1), name)
        far.set(name, "down")
    equal("all down: port unreachable, no tunnel counts it", far.take(R1, L1), UNREACHABLE)
    for name in reversed(order):
        far.set(name, "up")
        equal(f"{name} up again: receives", far.take(R1, L1), name)
    for n, name in enumerate(order):
        equal(f"deleted: {order[:n]}: {name} receives", far.take(R1, L1), name)
        far.delete(name)
    equal("all deleted: port unreachable", far.take(R1, L1), UNREACHABLE)


def no_match(far):
    far.tunnels(lr=f"local {L1} remote {R1}")
    for src, dst in ((R2, L1), (R1, L2), (R2, L2)):
        equal(f"{src} to {dst}: port unreachable, no tunnel counts it", far.take(src, dst),
              UNREACHABLE)
    equal("matching addresses: the tunnel receives", far.take(R1, L1), "lr")
    far.tunnels(crossed=f"local {R1} remote {L1}")
    equal("local is the destination, not the source", far.take(R1, L1), UNREACHABLE)


def links(far):
    far.tunnels(lr=f"local {L1} remote {R1}", aa="dev wan")
    equal("a wildcard bound to the receiving link precedes matching addresses", far.take(R1, L1), "aa")
    equal("a wildcard bound to another link doesn't", far.take(R1, L1, "wan2"), "lr")

    far.tunnels(lr=f"local {L1} remote {R1}", ar=f"remote {R1} dev wan2",
                la=f"local {L1} dev wan3")
    for by, want in (("wan", "lr"), ("wan2", "ar"), ("wan3", "la")):
        equal(f"received on {by}: {want}", far.take(R1, L1, by), want)
    far.set("la", "down")
    equal("received on wan3, whose tunnel is down: lr", far.take(R1, L1, "wan3"), "lr")
    far.set("la", "up")
    far.set("lr", "down")
    equal("received on wan, lr is down: the more specific tunnel of those on other links",
          far.take(R1, L1), "ar")

    far.tunnels(here=f"local {L1} remote {R1} dev wan", there=f"local {L1} remote {R1} dev wan2")
    equal("the same addresses on two links: received on wan", far.take(R1, L1), "here")
    equal("the same addresses on two links: received on wan2", far.take(R1, L1, "wan2"), "there")
    far.add(any=f"local {L1} remote {R1}")
    for by, want in (("wan", "here"), ("wan2", "there")):
        equal(f"the same addresses on two links and on any link: received on {by}",
              far.take(R1, L1, by), want)
    far.delete("here")
    far.delete("any")
    equal("a tunnel bound to another link still receives", far.take(R1, L1), "there")
    for what, want in ((f"local {L1} remote {R1}", "first"), (f"remote {R1}", "second"),
                       (f"local {L1}", "second"), ("", "second")):
        far.tunnels(first=f"{what} dev wan2", second=f"{what} dev wan3")
        equal(f"two tunnels with '{what}', both on other links: the {want}", far.take(R1, L1), want)

    far.tunnels(lr=f"local {L1} remote {R1}", la=f"local {L1} dev wan2")
    equal("la is bound to wan2: lr receives", far.take(R1, L1), "lr")
    far.set("la", "type ipip dev wan")
    equal("la is bound to wan now: la receives", far.take(R1, L1), "la")
    equal("la is bound to wan now: lr receives on wan2", far.take(R1, L1, "wan2"), "lr")


def wildcards(far):
    """Tunnels with a wildcard whose addresses overlap."""
    far.tunnels(la1=f"local {L1}", la2=f"local {L2}", ar1=f"remote {R1}",
                ar2=f"remote {R2}", lr=f"local {L2} remote {R2}")
    for src, dst, want in ((R1, L1, "ar1"), (R1, L2, "ar1"), (R1, L3, "ar1"),
                           (R2, L1, "ar2"), (R2, L2, "lr"), (R2, L3, "ar2"),
                           (R3, L1, "la1"), (R3, L2, "la2"), (R3, L3, UNREACHABLE)):
        equal(f"overlapping wildcards, {src} to {dst}: {want}", far.take(src, dst), want)
    far.set("ar1", "down")
    for dst, want in ((L1, "la1"), (L2, "la2"), (L3, UNREACHABLE)):
        equal(f"ar1 is down, {R1} to {dst}: {want}", far.take(R1, dst), want)


def change(far):
    far.tunnels(lr=f"local {L1} remote {R1}", la=f"local {L1}")
    equal("before the change", far.take(R1, L1), "lr")
    far.set("lr", f"type ipip remote {R2}")
    equal("change of remote: receives from the new one at once", far.take(R2, L1), "lr")
    equal("change of remote: no longer receives from the old one", far.take(R1, L1), "la")
    far.set("lr", f"type ipip local {L2}")
    equal("change of local: receives at the new one at once", far.take(R2, L2), "lr")
    equal("change of local: no longer receives at the old one", far.take(R2, L1), "la")
    rtnl = Rtnl("b")    # ip(8) doesn't send addresses that are 0
    rtnl.change("lr", (IPTUN_LOCAL, addr("0.0.0.0")), (IPTUN_REMOTE, addr(R2)))
    equal("change of local to any: receives at each address",
          (far.take(R2, L1), far.take(R2, L3)), ("lr", "lr"))
    far.set("la", f"type ipip local {L3}")
    equal("change of a wildcard's local: receives at the new one", far.take(R1, L3), "la")
    equal("change of a wildcard's local: no longer receives at the old one",
          far.take(R1, L1), UNREACHABLE)
    far.set("lr", f"type ipip local {L1} remote {R1}")
    equal("change back: receives as before", (far.take(R1, L1), far.take(R2, L2)), ("lr", UNREACHABLE))
    far.set("lr", "type ipip ttl 64 tos inherit")
    equal("change of TTL and TOS: receives as before", far.take(R1, L1), "lr")


def multicast(far):
    with netns("b"):
        member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, addr(GROUP) + addr(L1))

    def take(src, dst=GROUP):
        return far.take(src, dst, to=GROUP_MAC)

    far.tunnels(group=f"local {L1} remote {GROUP}", aa="dev wan2")
    delta = Delta("b", "group")
    equal("a tunnel to a group receives packets to the group", take(R1), "group")
    equal("a tunnel to a group counts them as multicast", delta(), {"rx_packets": 1, "multicast": 1})
    equal("a tunnel to a group receives from any source", take(R3), "group")
    equal("a tunnel to a group doesn't receive packets to its local", far.take(R1, L1), "aa")
    far.set("group", "down")
    equal("the tunnel to the group is down: the wildcard receives", take(R1), "aa")
    far.set("group", "up")
    far.add(ar=f"remote {R1}")
    equal("a tunnel to the sender precedes the tunnel to the group", take(R1), "ar")
    equal("a tunnel to the sender doesn't receive from other senders", take(R2), "group")
    far.delete("ar")
    far.add(bound=f"remote {GROUP} dev wan")
    equal("of two tunnels to the group, that on the receiving link receives", take(R1), "bound")
    far.tunnels(other="remote 239.1.1.2")
    equal("no tunnel to the group: dropped without an ICMP error", take(R1), "nobody")
    member.close()


def many(far):
    n = 70
    far.tunnels(la=f"local {L1}", **{f"m{i}": f"local {L1} remote 10.1.1.{i}" for i in range(n)})

    def send_each():
        before = counters("b")
        for i in range(n):
            far.taps["wan"].send(packet(f"10.1.1.{i}", L1), far.macs["wan"])
        end = time.monotonic() + 4
        while time.monotonic() < end:
            now = counters("b")
            got = {name: now[name]["rx_packets"] - before[name]["rx_packets"]
                   for name in far.names}
            if sum(got.values()) >= n:
                break
        return got

    got = send_each()
    equal(f"{n} tunnels: each receives its packet", [got[f"m{i}"] for i in range(n)], [1] * n)
    equal(f"{n} tunnels: the wildcard receives none", got["la"], 0)
    for i in range(0, n, 2):
        far.delete(f"m{i}")
    got = send_each()
    equal("every other tunnel deleted: the others receive theirs",
          [got[f"m{i}"] for i in range(1, n, 2)], [1] * (n // 2))
    equal("every other tunnel deleted: the wildcard receives the packets for them", got["la"], n // 2)


def test():
    far = Far()
    classes(far)
    no_match(far)
    links(far)
    wildcards(far)
    change(far)
    multicast(far)
    many(far)
    check("no receive errors on the link", counters("b")["wan"]["rx_errors"] == 0)


main(test)
