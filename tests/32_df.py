# SPDX-License-Identifier: GPL-2.0
"""DF and the TOS field of the outer header."""
import random
import time

from craft import Raw, mac
from lib import (INTREE, IPTUN_TOS, IPTUN_TTL, Rtnl, Tap, check, equal, main, run, shell, skip,
                 topo, u8)
from scapy.layers.inet import IP

HOSTS = {"src": "172.16.1.2", "dst": "172.16.2.2"}
OWN = {"src": "192.168.0.1", "dst": "192.168.0.2"}


class Path:
    def __init__(self):
        self.wire = Tap("r", "a", "in")
        self.h1, self.h2 = Tap("h1", "eth0"), Tap("h2", "eth0", "in")
        self.raw = Raw("a")
        self.gateway = mac("a", "h1")
        self.rtnl = Rtnl("a")
        self.id = 0

    def send(self, own=False, size=60, **fields):
        """Send an inner packet; returns it and the outer packet from the wire."""
        self.id += 1
        random.seed(self.id)
        packet = bytes(IP(**(OWN if own else HOSTS), proto=253, id=self.id, ttl=20, **fields) /
                       random.randbytes(size - 20))
        if own:
            self.raw.send(packet)
        else:
            self.h1.send(packet, self.gateway)
        outer = self.wire.receive(lambda d: d[9] == 4 and d[24:26] == packet[4:6])
        return packet, outer

    def arrives(self, packet):
        return self.h2.receive(lambda d: d[4:6] == packet[4:6] and d[9] == 253)


def matrix(path):
    """The outer DF by mode, inherited or fixed TTL, and inner DF."""
    want = {"no": lambda ttl, df: 0, "inherit": lambda ttl, df: df, "set": lambda ttl, df: 1,
            "legacy": lambda ttl, df: 1}
    for mode, rule in want.items():
        for ttl in 0, 64:
            path.rtnl.set("t0", df=mode)
            path.rtnl.change("t0", (IPTUN_TTL, u8(ttl)))
            for inner in 0, 1:
                for own in False, True:
                    _, outer = path.send(own, flags="DF" if inner else 0)
                    equal(f"df {mode}, TTL {ttl or 'inherit'}, {'own' if own else 'forwarded'}, "
                          f"inner DF {inner}", outer and outer[6] >> 6 & 1, rule(ttl, inner))
    path.rtnl.change("t0", (IPTUN_TTL, u8(0)))
    path.rtnl.set("t0", df="legacy")
    run("ip -n a link set dev t0 type ipip nopmtudisc")
    for inner in 0, 1:
        _, outer = path.send(flags="DF" if inner else 0)
        equal(f"legacy with nopmtudisc, inner DF {inner}", outer[6] >> 6 & 1, inner)


def segments(path):
    """DF of packets that are segmented after the tunnel."""
    run("ip netns exec a ethtool -K wan tso off gso off")
    for mode, want in ("no", {0}), ("inherit", {1}), ("set", {1}):
        path.rtnl.set("t0", df=mode)
        path.wire.drain()
        shell("tcp_bulk h1 h2 172.16.2.2 1")
        seen, ids = set(), []
        while data := path.wire.receive(lambda d: d[9] == 4 and len(d) > 1000, 0.3):
            seen.add(data[6] >> 6 & 1)
            ids.append(data[4:6])
        path.h2.drain()
        check(f"df {mode}: segments were seen", len(ids) > 100, len(ids))
        equal(f"df {mode}: DF of all segments", seen, want)
        equal(f"df {mode}: no two segments have the same ID", len(set(ids)), len(ids))


def narrow(path):
    """A path of 1400 bytes after r, and no ICMP errors from r."""
    shell("ip -n r link set dev b mtu 1400; ip -n b link set dev wan mtu 1400; "
          "ip -n r rule add iif lo to 10.1.0.1 prohibit; ip -n a route flush cache")
    path.rtnl.set("t0", df="no")
    for size in 1380, 1381, 1480:
        for flags in "DF", 0:
            packet, _ = path.send(size=size, flags=flags)
            got = path.arrives(packet)
            check(f"df no, {size} bytes, inner {flags or 'without DF'}: arrives unchanged",
                  got and got[20:] == packet[20:])
    shell("tcp_bulk h1 h2 172.16.2.2 1")
    check("df no: 1 MiB over TCP arrives", True)
    for mode, flags in (("inherit", "DF"), ("set", 0), ("legacy", "DF")):
        path.rtnl.set("t0", df=mode)
        packet, _ = path.send(size=1480, flags=flags)
        equal(f"df {mode}, inner {flags or 'without DF'}: too large for the path",
              path.arrives(packet), None)
    path.rtnl.set("t0", df="inherit")
    packet, _ = path.send(size=1480, flags=0)
    check("df inherit, inner without DF: arrives", path.arrives(packet))


def idents(path):
    """A receiver reassembles fragments by ID, so the driver must not use up the 65,536 IDs too fast."""
    path.rtnl.set("t0", df="no")
    ids = []
    for _ in range(20):
        ids.append(int.from_bytes(path.send(flags=0)[1][4:6], "big"))
        time.sleep(0.02)
    used = (ids[-1] - ids[0]) % 65536
    check("df no: 20 packets use less than 64 IDs each", used < 19 * 64, used)


def dscp(path):
    path.rtnl.set("t0", df="legacy")
    for value in range(64):
        path.rtnl.change("t0", (IPTUN_TOS, u8(value << 2)))
        got = []
        for ecn in range(4):
            _, outer = path.send(tos=0xa8 | ecn)
            got.append(outer and outer[1])
        equal(f"DSCP {value}: outer DSCP, and the inner ECN field", got,
              [value << 2 | ecn for ecn in range(4)])
    path.rtnl.change("t0", (IPTUN_TOS, u8(1)))
    for value in 0, 0x2e, 0x3f:
        _, outer = path.send(tos=value << 2 | 3)
        equal(f"DSCP inherit, inner {value} with CE", outer and outer[1], value << 2 | 3)


def test():
    if INTREE:
        skip("DF policy", "the in-tree driver doesn't have it")
        return
    topo()
    path = Path()
    run("ip netns exec h1 ping -c 1 -W 5 172.16.2.2")
    matrix(path)
    idents(path)
    dscp(path)
    segments(path)
    narrow(path)


main(test)
