# SPDX-License-Identifier: GPL-2.0
"""Packet sockets on the tunnel: sending without a protocol, receiving; and the properties
that ethtool shows and sets."""
import socket

from scapy.all import ICMP, IP, UDP, raw

from lib import Tap, check, equal, main, netns, run, skip, stat, topo

A, B = "192.168.0.1", "192.168.0.2"


def sockets():
    near = Tap("a", "t0")
    wire = Tap("r", "a", "in")
    with netns("a"):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.bind(("t0", 0))
    packet = raw(IP(src=A, dst=B, id=77) / UDP(sport=1, dport=9) / b"from a packet socket")
    s.send(packet)
    equal("a raw packet without a protocol is recognized as IPv4",
          near.receive(lambda d: b"packet socket" in d), packet)
    outer = wire.receive(lambda d: b"packet socket" in d)
    equal("a raw packet without a protocol is sent", outer and outer[20:], packet)
    before = stat("a", "t0", "tx_errors")
    s.send(bytes([0x60]) + bytes(39))
    s.send(bytes([0x00]) + bytes(39))
    equal("raw packets that aren't IPv4 are transmit errors", stat("a", "t0", "tx_errors") - before, 2)
    for size in (1, 19):
        try:
            s.send(packet[:size])
        except OSError:
            pass
    equal("raw packets without a whole IPv4 header are transmit errors",
          stat("a", "t0", "tx_errors") - before, 4)

    # A packet socket sees both directions, without a link layer's header.
    far = Tap("b", "t0")
    run(f"ip netns exec a ping -c 1 -W 5 {B}")
    seen = [far.receive(lambda d: d[9] == 1) for _ in range(2)]
    equal("the far end sees the request and its own answer",
          [IP(d)[ICMP].type for d in seen if d], [8, 0])


def ethtool():
    text = run("ip netns exec a ethtool -i t0 2>&1 || :")
    if "not supported" in text:
        skip("ethtool -i names the driver", "this kernel doesn't report the link kind")
    else:
        check("ethtool -i names the driver", "driver: " in text, text)
    features = dict(line.strip().split(": ", 1) for line in
                    run("ip netns exec a ethtool -k t0").splitlines()[1:])
    for name, value in (("tx-checksum-ip-generic", "on"), ("scatter-gather", "on"),
                        ("tx-scatter-gather-fraglist", "on"), ("tcp-segmentation-offload", "on"),
                        ("generic-segmentation-offload", "on"), ("highdma", "on"),
                        ("generic-receive-offload", "on"), ("rx-checksumming", "off [fixed]"),
                        ("netns-local", "off [fixed]")):
        if name not in features:
            skip(f"ethtool -k: {name}", "this ethtool or kernel doesn't have it")
        else:
            equal(f"ethtool -k: {name}", features[name], value)
    for name in ("tso", "gso", "gro", "sg", "tx"):
        run(f"ip netns exec a ethtool -K t0 {name} off")
        run(f"ip netns exec a ping -c 1 -W 5 {B}")
        run(f"ip netns exec a ethtool -K t0 {name} on")
        check(f"ethtool -K: {name} off and on", True)


def test():
    topo()
    sockets()
    ethtool()


main(test)
