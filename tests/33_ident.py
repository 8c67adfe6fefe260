# SPDX-License-Identifier: GPL-2.0
"""The outer ID: the receiver's GRO can merge interleaved flows, and fragments of different packets
never have the same ID."""
import collections
import os
import struct
import subprocess
import time

from craft import Delta, Ip, ip_header, mac, sysctl, tcp_data
from lib import INTREE, KERNEL, VETH_GRO, Rtnl, Tap, check, differs, equal, main, run, skip, topo

HERE = os.path.dirname(os.path.abspath(__file__))
A, B = "10.1.0.1", "10.2.0.1"
SRC, DST = "172.16.1.2", "172.16.2.2"
DF, SIZE = 0x4000, 200
ROUNDS = 16


def ipv4(proto, ident, payload, flags=DF):
    return ip_header(SRC, DST, proto, len(payload), ident=ident, flags=flags) + payload


class Flow:
    """Segments of a TCP connection, or UDP datagrams. With fixed, all IDs are 0."""

    def __init__(self, number, fixed=False):
        self.port, self.fixed = 1000 + number, fixed
        self.ident, self.seq = (0 if fixed else number * 997), 1
        self.sent = b""

    def segment(self, flags=DF):
        data = os.urandom(SIZE)
        packet = ipv4(6, self.ident, tcp_data(SRC, DST, self.port, 5555, self.seq, data), flags)
        self.seq += SIZE
        self.sent += data
        self.ident = self.ident if self.fixed else (self.ident + 1) & 0xffff
        return packet

    def datagram(self, size, flags=0):
        self.ident = (self.ident + 1) & 0xffff
        return ipv4(17, self.ident, struct.pack("!HHHH", self.port, 9, 8 + size, 0) + bytes(size),
                    flags)


class Path:
    def __init__(self):
        self.h1, self.h2 = Tap("h1", "eth0"), Tap("h2", "eth0", "in")
        self.wire = Tap("r", "a", "in")
        self.gateway = mac("a", "h1")
        self.ip, self.rtnl = Ip("a"), Rtnl("a")

    def send(self, packet):
        self.h1.send(packet, self.gateway)

    def mode(self, df):
        """Send with DF in the outer header, or without. The in-tree driver then copies the inner DF."""
        if INTREE:
            self.ip(f"link set dev t0 type ipip ttl inherit {'pmtudisc' if df else 'nopmtudisc'}")
        else:
            self.rtnl.set("t0", df="set" if df else "no")
        for tap in self.wire, self.h2:
            tap.drain()

    def outer(self, match, number, timeout=30):
        """Up to number outer packets for whose inner packet match(bytes) is true."""
        packets, end = [], time.monotonic() + timeout
        while len(packets) < number and time.monotonic() < end:
            data = self.wire.receive(lambda d: d[9] == 4, 0.5)
            if data and match(data[20:]):
                packets.append(data)
        return packets


def ident(packet):
    return int.from_bytes(packet[4:6], "big")


def with_df(path):
    path.mode(True)
    flow = Flow(1)
    for number in (0, 1, 0xfffe, 0xffff, 0):
        flow.ident = number
        path.send(flow.segment())
        outer = path.outer(lambda d: d[9] == 6, 1)
        differs("with DF the outer ID is the inner one")
        equal(f"DF, inner ID {number}: the outer ID is the same", outer and ident(outer[0]), number)
    if not INTREE:
        path.rtnl.set("t0", df="inherit")
        path.send(flow.segment())
        outer = path.outer(lambda d: d[9] == 6, 1)
        equal("DF inherited: the outer ID is the inner one", ident(outer[0]), ident(outer[0][20:]))


def interleaved(path, number, in_a_row, df):
    """Send from each flow in turn, some packets in a row. h1 and r delay the packets and send them in
    bursts, since GRO merges only within a burst."""
    name = f"{number} flows, {in_a_row} in a row, {'DF' if df else 'no DF'}"
    path.mode(df)
    flows = [Flow(i) for i in range(number)]
    received = Delta("b", "t0", "rx")
    total = number * ROUNDS
    for _ in range(ROUNDS // in_a_row):
        for flow in flows:
            for _ in range(in_a_row):
                path.send(flow.segment(DF if df or not INTREE else 0))
    outer = path.outer(lambda d: d[9] == 6, total)
    equal(f"{name}: all packets are on the wire", len(outer), total)
    equal(f"{name}: the outer DF", {p[6] >> 6 & 1 for p in outer}, {int(df)})
    if not df:
        equal(f"{name}: no outer ID twice", len({ident(p) for p in outer}), total)

    got = collections.defaultdict(bytes)
    end = time.monotonic() + 10
    while sum(map(len, got.values())) < total * SIZE and time.monotonic() < end:
        data = path.h2.receive(lambda d: d[9] == 6, 0.5)
        if data:
            got[int.from_bytes(data[20:22], "big")] += data[40:]
    equal(f"{name}: h2 receives each flow's bytes in order",
          [f.port for f in flows if got[f.port] != f.sent], [])
    packets = received()["rx_packets"]
    if not VETH_GRO:
        skip(f"{name}: GRO merges packets", "this kernel's veth device has no GRO")
        return
    # Before 6.18 GRO ignores the outer ID of packets with DF.
    if in_a_row == 1 and (not df or KERNEL >= (6, 18)):
        differs("interleaved flows can be merged")
    # Without DF the IDs of a flow are consecutive until the next timer tick.
    limit = total // 2 if df else total * 3 // 4
    check(f"{name}: GRO merges {total} packets into at most {limit}", packets <= limit, packets)


def fixed(path):
    """h1 sends all packets with DF and the ID 0. a merges them, and segments them after the tunnel."""
    run("ip netns exec a ethtool -K wan tso off gso off")
    run("ip netns exec a ethtool -K h1 gro on; ip netns exec h1 ethtool -K eth0 tso off")
    run("tc -n h1 qdisc add dev eth0 root netem limit 10000 slot 50ms 50ms")
    for df in (True,) if INTREE else (True, False):
        name = f"inner ID 0, merged and segmented, {'DF' if df else 'no DF'}"
        path.mode(df)
        received = Delta("a", "t0", "tx")
        flow = Flow(1, fixed=True)
        for _ in range(32):
            path.send(flow.segment())
        outer = path.outer(lambda d: d[9] == 6, 32)
        equal(f"{name}: all packets are on the wire", len(outer), 32)
        if VETH_GRO:
            check(f"{name}: the tunnel sent merged packets", received()["tx_packets"] < 32)
        else:
            skip(f"{name}: the tunnel sent merged packets", "this kernel's veth device has no GRO")
        if df:
            steps = {(ident(b) - ident(a)) & 0xffff for a, b in zip(outer, outer[1:])}
            check(f"{name}: GRO can merge packets with these outer IDs", steps in ({0}, {1}), steps)
        else:
            equal(f"{name}: no outer ID twice", len({ident(p) for p in outer}), 32)
        if KERNEL >= (7, 0):
            differs("the inner header keeps its ID")
        equal(f"{name}: the inner ID is 0", {ident(p[20:]) for p in outer}, {0})
    run("tc -n h1 qdisc del dev eth0 root")


def fragments(path):
    """The outer packets are fragmented: no two packets have the same ID."""
    path.mode(False)
    path.ip("link set dev t0 mtu 4000", "link set dev h1 mtu 4000")
    run("ip -n h1 link set dev eth0 mtu 4000")
    flows, parts = [Flow(i) for i in range(64)], collections.defaultdict(list)
    for _ in range(ROUNDS):
        for flow in flows:
            path.send(flow.datagram(2000))
    end = time.monotonic() + 10
    while sum(map(len, parts.values())) < 2 * 64 * ROUNDS and time.monotonic() < end:
        data = path.wire.receive(lambda d: d[9] == 4, 0.5)
        if data:
            parts[ident(data)].append(int.from_bytes(data[6:8], "big"))
    equal("64 flows, fragmented: as many outer IDs as packets", len(parts), 64 * ROUNDS)
    equal("64 flows, fragmented: each ID has one first and one last fragment",
          {tuple(p) for p in parts.values()}, {(0x2000, 1480 // 8)})


def hidden(path):
    """ESP in transport mode sends the outer ID in the clear, so it must not reveal the inner one."""
    subprocess.call(["modprobe", "-aq", "esp4"])
    run(f"ip -n a xfrm state add src {A} dst {B} proto esp spi 1 mode transport "
        f"aead 'rfc4106(gcm(aes))' 0x{'11' * 20} 128; "
        f"ip -n a xfrm policy add dir out src {A} dst {B} proto 4 "
        f"tmpl src {A} dst {B} proto esp mode transport")
    path.mode(True)
    flow, idents = Flow(1), []
    for _ in range(5):
        path.send(flow.segment())
        data = path.wire.receive(lambda d: d[9] == 50)
        idents.append(data and ident(data))
    differs("with DF the outer ID is the inner one")
    equal("ESP, DF: the outer ID is 0", idents, [0] * 5)
    path.mode(False)
    idents = set()
    for _ in range(5):
        path.send(flow.segment())
        idents.add(ident(path.wire.receive(lambda d: d[9] == 50)))
    equal("ESP, no DF: no outer ID twice", len(idents), 5)
    run("ip -n a xfrm policy flush; ip -n a xfrm state flush")


def test():
    topo()
    sysctl("r", "ipv4/ip_forward", 1)
    path = Path()
    run("ip netns exec h1 ping -c 1 -W 5 172.16.2.2")
    with_df(path)
    hidden(path)
    # Without a flow hash GRO puts all packets into one list of at most eight. A NIC computes the
    # hash in hardware; a veth doesn't, so a program does.
    run("mkdir -p /run/bpf; mount -t bpf bpf /run/bpf; "
        f"/usr/bin/python3 {HERE}/bpf.py hash /run/bpf/hash && tc -n a qdisc add dev h1 clsact && "
        "tc -n a filter add dev h1 ingress bpf da pinned /run/bpf/hash; umount /run/bpf")
    # This veth receives by NAPI, with GRO. Its peer has no TSO, so that it sends single segments.
    run("ip netns exec b ethtool -K wan gro on; ip netns exec r ethtool -K b tso off")
    run("tc -n h1 qdisc add dev eth0 root netem limit 10000 slot 20ms 20ms packets 128")
    run("tc -n r qdisc add dev b root netem limit 10000 slot 60ms 60ms packets 128")
    for df in True, False:
        interleaved(path, 2, 1, df)
        interleaved(path, 8, 1, df)
        interleaved(path, 64, 4, df)
    run("tc -n h1 qdisc del dev eth0 root; tc -n r qdisc del dev b root")
    fixed(path)
    fragments(path)


main(test)
