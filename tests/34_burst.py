# SPDX-License-Identifier: GPL-2.0
"""Of a burst, no packet overtakes another one of its flow, whether or not GRO merges them."""
import collections
import socket
import struct
import time

from craft import ip_header, mac, sysctl, tcp_data
from lib import Tap, check, main, run, topo

SRC, DST = "172.16.1.2", "172.16.2.2"
UDP, TCP, OTHER = 17, 6, 253
ROUNDS = 40


class Flow:
    """Each packet's data is its number, some times over. TCP: now and then one is without data,
    which GRO doesn't keep."""

    def __init__(self, proto, port, size):
        self.proto, self.port, self.size = proto, port, size
        self.number, self.seq, self.sent = 0, 1, b""

    def packet(self):
        self.number += 1
        empty = self.proto == TCP and self.number % 5 == 0
        data = b"" if empty else struct.pack("!H", self.number) * self.size
        self.sent += data
        if self.proto == UDP:
            payload = struct.pack("!HHHH", self.port, 9, 8 + len(data), 0) + data
        elif self.proto == TCP:
            payload = tcp_data(SRC, DST, self.port, 9, self.seq, data)
            self.seq += len(data)
        else:
            payload = struct.pack("!H", self.port) + data
        return ip_header(SRC, DST, self.proto, len(payload), ident=self.number) + payload


HEADER = {UDP: 8, TCP: 20, OTHER: 2}


def burst(name, h1, h2, gateway):
    flows = [Flow(UDP, 1000 + i, 20) for i in range(4)] + [Flow(TCP, 2000 + i, 50) for i in range(3)]
    flows += [Flow(OTHER, 3000, 10)]
    for _ in range(ROUNDS):
        for flow in flows:
            h1.send(flow.packet(), gateway)
    got, end = collections.defaultdict(bytes), time.monotonic() + 10
    total = sum(len(f.sent) for f in flows)
    while sum(map(len, got.values())) < total and time.monotonic() < end:
        data = h2.receive(lambda d: d[9] in HEADER and d[12:16] == socket.inet_aton(SRC), 0.5)
        if data:
            length = int.from_bytes(data[2:4], "big")
            key = (data[9], int.from_bytes(data[20:22], "big"))
            got[key] += data[20 + HEADER[data[9]]:length]
    for flow in flows:
        data = got[flow.proto, flow.port]
        at = next((i for i, (x, y) in enumerate(zip(data, flow.sent)) if x != y), len(data))
        check(f"{name}: flow {flow.proto}/{flow.port} arrives in sequence", data == flow.sent,
              f"{len(data)} of {len(flow.sent)} bytes; at {at}: {data[at:at + 8].hex()} for "
              f"{flow.sent[at:at + 8].hex()}")


def test():
    topo()
    sysctl("r", "ipv4/ip_forward", 1)
    run("ip netns exec h1 ping -c 1 -W 5 172.16.2.2")
    h1, h2, gateway = Tap("h1", "eth0"), Tap("h2", "eth0", "in"), mac("a", "h1")
    run("tc -n r qdisc add dev b root netem limit 10000 slot 200ms 200ms")
    burst("driver without NAPI", h1, h2, gateway)
    run("ip netns exec b ethtool -K wan gro on; ip netns exec r ethtool -K b tso off")
    burst("driver with GRO", h1, h2, gateway)
    taps = [Tap("b", "t0") for _ in range(2)]
    burst("packet sockets on the tunnel", h1, h2, gateway)
    for tap in taps:
        tap.sock.close()
    tap = Tap("b", "wan")
    burst("packet socket below the tunnel", h1, h2, gateway)
    tap.sock.close()
    run("ip netns exec b ethtool -K t0 gro off")
    burst("tunnel without GRO", h1, h2, gateway)
    run("ip netns exec b ethtool -K t0 gro on rx-udp-gro-forwarding on")
    burst("GRO of UDP, too", h1, h2, gateway)


main(test)
