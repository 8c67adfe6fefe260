# SPDX-License-Identifier: GPL-2.0
"""The order of packets in a burst: no packet overtakes another one of its flow, whether or not GRO
merges them, and packets that GRO doesn't merge stay in order across flows. Packets for one
destination are passed up in lists."""
import collections
import os
import random
import socket
import struct
import time

from craft import ip_header, mac, sysctl, tcp_data
from lib import INTREE, Tap, check, main, run, topo

SRC, DST = "172.16.1.2", "172.16.2.2"
UDP, TCP, OTHER = 17, 6, 253
# A burst must fit into a veth's ring of 256 packets.
ROUNDS = 30
TRACE = "/sys/kernel/tracing"
LISTS = f"{TRACE}/events/net/netif_receive_skb_list_entry"


class Flow:
    """The data of each packet is its number, repeated. Each fifth TCP packet has no data: GRO doesn't
    hold such a packet back."""

    def __init__(self, proto, port, size, dst=DST):
        self.proto, self.port, self.size, self.dst = proto, port, size, dst
        self.number, self.seq, self.sent = 0, 1, b""

    def packet(self):
        self.number += 1
        empty = self.proto == TCP and self.number % 5 == 0
        data = b"" if empty else struct.pack("!H", self.number) * self.size
        self.sent += data
        if self.proto == UDP:
            payload = struct.pack("!HHHH", self.port, 9, 8 + len(data), 0) + data
        elif self.proto == TCP:
            payload = tcp_data(SRC, self.dst, self.port, 9, self.seq, data)
            self.seq += len(data)
        else:
            payload = struct.pack("!H", self.port) + data
        return ip_header(SRC, self.dst, self.proto, len(payload), ident=self.number) + payload


HEADER = {UDP: 8, TCP: 20, OTHER: 2}


def dropped():
    """The number of packets that didn't fit into the veth's ring of 256."""
    return int(run("ip netns exec r cat /sys/class/net/b/statistics/tx_dropped"))


class Burst:
    """Sends flows through the tunnel and checks the order in which their packets arrive."""

    def __init__(self, h1, h2, gateway):
        self.h1, self.h2, self.gateway = h1, h2, gateway

    def arrivals(self, net, total):
        """(protocol, port, data) of packets to net, until total bytes of data have arrived."""
        want = socket.inet_aton(SRC) + socket.inet_aton(net)[:2]
        end = time.monotonic() + 10
        while total > 0 and time.monotonic() < end:
            data = self.h2.receive(lambda d: d[9] in HEADER and d[12:18] == want, 0.5)
            if data:
                length = int.from_bytes(data[2:4], "big")
                data = data[:length]
                yield data[9], int.from_bytes(data[20:22], "big"), data[20 + HEADER[data[9]]:]
                total -= len(data) - 20 - HEADER[data[9]]

    def mixed(self, name):
        """Send from each flow in turn; GRO may merge some of the flows."""
        flows = [Flow(UDP, 1000 + i, 20) for i in range(4)] + [Flow(TCP, 2000 + i, 50) for i in range(3)]
        flows += [Flow(OTHER, 3000, 10)]
        for _ in range(ROUNDS):
            for flow in flows:
                self.h1.send(flow.packet(), self.gateway)
        got = collections.defaultdict(bytes)
        for proto, port, data in self.arrivals(DST, sum(len(f.sent) for f in flows)):
            got[proto, port] += data
        for flow in flows:
            data = got[flow.proto, flow.port]
            at = next((i for i, (x, y) in enumerate(zip(data, flow.sent)) if x != y), len(data))
            check(f"{name}: flow {flow.proto}/{flow.port} arrives in order", data == flow.sent,
                  f"{len(data)} of {len(flow.sent)} bytes; at {at}: {data[at:at + 8].hex()} for "
                  f"{flow.sent[at:at + 8].hex()}; the veth dropped {dropped()}")

    def plain(self, name, destinations, in_a_row):
        """Send from random flows that GRO doesn't merge, to so many destinations, with in_a_row
        packets of a flow in a row."""
        flows = [Flow(proto, 1000 + i, 4, f"172.20.0.{i % destinations + 1}")
                 for i in range(8) for proto in (UDP, OTHER)]
        sent = []
        while len(sent) < ROUNDS * 8:
            flow = random.choice(flows)
            for _ in range(random.choice(in_a_row)):
                self.h1.send(flow.packet(), self.gateway)
                sent.append((flow.proto, flow.port, flow.number))
        got = [(proto, port, int.from_bytes(data[:2], "big"))
               for proto, port, data in self.arrivals("172.20.0.0", 8 * len(sent))]
        at = next((i for i, (x, y) in enumerate(zip(got, sent)) if x != y), len(got))
        check(f"{name}: all packets arrive in order", got == sent,
              f"{len(got)} of {len(sent)}; at {at}: {got[at:at + 4]} for {sent[at:at + 4]}; "
              f"the veth dropped {dropped()}")


def lists():
    """How many packets the tunnel passed up in lists since the last call."""
    with open(f"{TRACE}/trace", encoding="ascii", errors="replace") as f:
        count = sum("netif_receive_skb_list_entry" in line for line in f)
    with open(f"{TRACE}/trace", "w", encoding="ascii"):
        pass
    return count


def all_plain(name, traffic):
    lists()
    traffic.plain(f"{name}, one destination", 1, [1])
    count = lists()
    if not INTREE:
        check(f"{name}, one destination: passed up in lists", count > ROUNDS, count)
    traffic.plain(f"{name}, destinations in turn", 8, [1])
    traffic.plain(f"{name}, some in a row for each destination", 8, [1, 2, 3, 9])


def test():
    # Stay on one processor: in the underlay, packets from another processor may overtake.
    os.sched_setaffinity(0, {0})
    topo()
    sysctl("r", "ipv4/ip_forward", 1)
    run("ip netns exec h1 ping -c 1 -W 5 172.16.2.2")
    run("ip -n a route add 172.20.0.0/16 dev t0; ip -n b route add 172.20.0.0/16 via 172.16.2.2")
    run(f"mountpoint -q {TRACE} || mount -t tracefs tracefs {TRACE}")
    random.seed(34)
    with open(f"{LISTS}/filter", "w", encoding="ascii") as f:
        f.write('name == "t0"')
    with open(f"{LISTS}/enable", "w", encoding="ascii") as f:
        f.write("1")
    traffic = Burst(Tap("h1", "eth0"), Tap("h2", "eth0", "in"), mac("a", "h1"))
    run("tc -n r qdisc add dev b root netem limit 10000 slot 200ms 200ms")
    traffic.mixed("driver without NAPI")
    all_plain("driver without NAPI", traffic)
    run("ip netns exec b ethtool -K wan gro on; ip netns exec r ethtool -K b tso off")
    traffic.mixed("driver with GRO")
    all_plain("driver with GRO", traffic)
    taps = [Tap("b", "t0") for _ in range(2)]
    traffic.mixed("packet sockets on the tunnel")
    all_plain("packet sockets on the tunnel", traffic)
    for tap in taps:
        tap.sock.close()
    tap = Tap("b", "wan")
    traffic.mixed("packet socket below the tunnel")
    all_plain("packet socket below the tunnel", traffic)
    tap.sock.close()
    run("ip netns exec b ethtool -K t0 gro off")
    traffic.mixed("tunnel without GRO")
    run("ip netns exec b ethtool -K t0 gro on rx-udp-gro-forwarding on")
    traffic.mixed("tunnel with GRO of UDP")
    run("ip netns exec b ethtool -K t0 rx-udp-gro-forwarding off; ip -n b rule add fwmark 1 table 9")
    lists()
    traffic.plain("routing rules", 1, [1])
    if not INTREE:
        check("routing rules: not in lists", not lists())
    with open(f"{LISTS}/enable", "w", encoding="ascii") as f:
        f.write("0")


main(test)
