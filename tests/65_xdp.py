#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""XDP programs that redirect into a tunnel: what leaves is what leaves when the stack
forwards, but for the IP ID, and so are the counters."""
import os
import random
import socket

from craft import Delta, mac, one_hop_on, sum16, sysctl
from lib import Rtnl, Tap, check, equal, main, netns, run, shell, topo, wait
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP

PROTO = 253     # nobody answers while r doesn't forward
A, B = "10.1.0.1", "10.2.0.1"
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))


class Way:
    """From h1 through a's tunnel to r, by the stack or by XDP."""

    def __init__(self):
        self.r = Tap("r", "a", "in")
        self.h1 = Tap("h1", "eth0")
        self.gateway = mac("a", "h1")
        self.id = 0
        self.pins = {}

    def attach(self, what, mode="xdpdrv"):
        with netns("a"):
            index = socket.if_nametoindex("t0")
        pin = f"/run/bpf/{what}{index}"
        if not os.path.exists(pin):
            shell(f"python3 bpf.py {what} {pin} {index}")
        shell(f"ip -n a -force link set dev h1 {mode} pinned {pin}")

    def detach(self):
        shell("ip -n a link set dev h1 xdp off; ip -n a link set dev h1 xdpgeneric off")

    def packet(self, size=100, dst="172.16.2.2", ttl=64, **fields):
        self.id = (self.id + 1) & 0xffff
        head = IP(src="172.16.1.2", dst=dst, proto=PROTO, id=self.id, ttl=ttl, **fields)
        return bytes(head / random.randbytes(size - len(head)))

    def outer(self, timeout=1.0):
        """The next outer packet of the present ID, and all its fragments."""
        wanted = self.id.to_bytes(2, "big")
        return self.r.receive(lambda d: d[9] == 4 and d[24:26] == wanted, timeout)

    def send(self, packet, timeout=1.0):
        self.h1.send(packet, self.gateway)
        return self.outer(timeout)


def but_for_id(outer):
    """A packet without its outer ID, and whether its checksum is right."""
    if outer is None:
        return None
    hlen = (outer[0] & 15) * 4
    return outer[:4] + outer[6:10] + outer[12:], sum16(outer[:hlen])


def compare(way, name, packets, what=("redirect", "redirect-ip")):
    """Each packet by the stack, and as a router would have made it by each program."""
    packets = list(packets)
    way.detach()
    counts, by_stack = Delta("a", "t0"), []
    for packet in packets:
        way.id = int.from_bytes(packet[4:6], "big")
        by_stack.append(but_for_id(way.send(packet)))
    counted = counts()
    check(f"{name}: the stack sends", any(by_stack))
    for program in what:
        way.attach(program)
        counts, wrong = Delta("a", "t0"), []
        for packet, want in zip(packets, by_stack):
            way.id = int.from_bytes(packet[4:6], "big")
            got = but_for_id(way.send(one_hop_on(packet)))
            if got != want:
                wrong.append((packet[:20].hex(), got and got[0][:40].hex(),
                              want and want[0][:40].hex()))
        check(f"{name}: {program}, all the same", not wrong, wrong[:3])
        equal(f"{name}: {program}, counted the same", counts(), counted)
    way.detach()


def variety(way):
    """What a router may be given."""
    for tos in (0, 1, 2, 3, 0x48, 0xff):
        yield way.packet(tos=tos)
    for ttl in (2, 3, 255):
        yield way.packet(ttl=ttl)
    for size in (20, 21, 46, 1000, 1466):
        for flags in (0, "DF"):
            yield way.packet(size, flags=flags)
    yield way.packet(flags="MF")
    yield way.packet(frag=100)
    random.seed(SEED)
    for _ in range(20):
        yield way.packet(random.randrange(20, 1466), tos=random.randrange(256),
                         ttl=random.randrange(2, 256), flags=random.choice((0, "DF")))


CONFIGURATIONS = {
    "as made": ("", {}),
    "ttl 77": ("ttl 77", {}),
    "tos 0x48": ("tos 0x48 ttl 9", {}),
    "tos inherit": ("tos inherit", {}),
    "dont-fragment=no": ("ttl 64", {"df": "no"}),
    "dont-fragment=inherit": ("tos inherit", {"df": "inherit"}),
    "dont-fragment=set": ("", {"df": "set"}),
    "clamp": ("", {"clamp_mss": "both"}),
    "link": ("dev wan", {}),
    "fwmark": ("fwmark 7", {}),
}


def make(arguments="", remote=B):
    """The tunnel anew: what one before had is gone."""
    shell(f"ip -n a link del t0; tunnel a {A} {remote or 'any'} {arguments}; "
          "ip -n a addr add 192.168.0.1/30 dev t0; "
          f"ip -n a route add 172.16.2.0/24 {'dev t0' if remote else f'via {B} dev t0 onlink'}")


def same(way):
    for name, (arguments, ours) in CONFIGURATIONS.items():
        make(arguments)
        if ours:
            Rtnl("a").set("t0", **ours)
        compare(way, name, variety(way))


def sent_as_frames():
    """How many the underlay device has taken by its ndo_xdp_xmit."""
    text = run("ip netns exec a ethtool -S wan")
    return sum(int(line.split()[-1]) for line in text.splitlines()
               if line.strip().startswith("tx_queue") and "xdp_xmit:" in line)


def fast(way):
    """What is plain becomes no skb on its way."""
    make()
    for program in ("redirect", "redirect-ip"):
        way.attach(program)
        way.send(way.packet())
        before = sent_as_frames()
        for _ in range(10):
            way.send(way.packet())
        # The first of another CPU goes by the stack, which looks the route up.
        frames = sent_as_frames() - before
        check(f"{program}: of ten packets nearly all left as frames", frames >= 8, frames)
    way.detach()


def full_size(way):
    """The kernel lets no frame into a device that is longer than its MTU, and takes an
    Ethernet header for part of it."""
    make()
    compare(way, "1,480 bytes", [way.packet(1480), way.packet(1480, flags="DF")],
            ["redirect-ip"])


def too_big(way):
    """With DF, what the path can't carry is for ICMP to say."""
    make()
    shell(f"ip -n a route add {B} via 10.1.0.254 mtu 1300")
    answers = Tap("h1", "eth0", "in")
    way.detach()
    for program in (None, "redirect", "redirect-ip"):
        if program:
            way.attach(program)
        answers.drain()
        sent = way.send(way.packet(1400, flags="DF"), 0.3)
        wanted = way.id.to_bytes(2, "big")
        answer = answers.receive(lambda d, w=wanted: d[9] == 1 and d[32:34] == w, 3.0)
        check(f"{program or 'the stack'}: too big a packet with DF isn't sent", sent is None)
        check(f"{program or 'the stack'}: its sender is told of 1280 bytes",
              answer and answer[20:22] == b"\3\4" and answer[26:28] == b"\5\0",
              answer and answer.hex())
    shell(f"ip -n a route del {B}")
    way.detach()


def own(way):
    """Nothing is delivered to this host itself, whatever the source says."""
    make()
    with netns("a"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", 9999))
    sock.setblocking(False)
    way.attach("redirect")
    for dst in ("192.168.0.1", "172.16.1.1", "255.255.255.255", "0.0.0.0"):
        for src in ("127.0.0.1", "172.16.1.2", "172.16.1.1"):
            way.id += 1
            data = bytes(IP(src=src, dst=dst, id=way.id, options=[IPOption_NOP()]) /
                         UDP(sport=1, dport=9999) / b"12345678")
            way.send(data, 0.05)
    try:
        got = sock.recvfrom(100)
    except BlockingIOError:
        got = None
    equal("nothing comes to a socket of a's", got, None)
    sock.close()
    way.detach()


def options(way):
    """Without an Ethernet header a program can't give it an IPv4 header with options."""
    make()
    compare(way, "options", [way.packet(options=[IPOption_NOP()])], ["redirect"])


def next_hop(way):
    make(remote=None)
    compare(way, "next-hop mode", variety(way))
    shell(f"ip -n a route replace 172.16.2.0/24 encap ip dst {B} dev t0")
    compare(way, "a next hop by the route's metadata", [way.packet()])
    make("external", remote=None)
    shell(f"ip -n a route replace 172.16.2.0/24 encap ip src {A} dst {B} dev t0")
    compare(way, "external mode", [way.packet()])


def syn(way):
    make()
    Rtnl("a").set("t0", clamp_mss="tx")
    way.id += 1
    packets = [bytes(IP(src="172.16.1.2", dst="172.16.2.2", id=way.id) /
                     TCP(flags="S", options=[("MSS", 1460)]))]
    compare(way, "a SYN with an MSS too large", packets)


def malformed(way):
    """What no router would forward doesn't leave, and is counted."""
    make()
    for program in ("redirect", "redirect-ip"):
        way.attach(program)
        for name, change in (("shorter than its header", lambda d: d[:2] + b"\0\23" + d[4:]),
                             ("longer than the frame", lambda d: d[:2] + b"\1\0" + d[4:]),
                             ("version 5", lambda d: b"\x55" + d[1:])):
            counts = Delta("a", "t0")
            # Without the Ethernet header the first octet alone says what it is.
            if program == "redirect-ip" and name == "version 5":
                continue
            check(f"{program}, {name}: nothing leaves",
                  way.send(change(way.packet()), 0.3) is None)
            equal(f"{program}, {name}: counted", counts().get("tx_errors"), 1)
    way.attach("redirect")
    counts, ours = Delta("a", "t0"), Rtnl("a").xstats("t0")
    with netns("h1"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    sock.sendto(bytes(40), ("eth0", 0x0806, 0, 0, bytes.fromhex(way.gateway.replace(":", ""))))
    check("ARP: counted", wait(lambda: counts().get("tx_errors") == 1, 3), counts())
    equal("as a protocol that isn't carried",
          Rtnl("a").xstats("t0")["tx_protocol"] - ours["tx_protocol"], 1)
    # The kernel warns of an empty one in a queue.
    sock.sendto(b"", ("eth0", 0x0806, 0, 0, bytes.fromhex(way.gateway.replace(":", ""))))
    check("nothing behind the Ethernet header: counted",
          wait(lambda: counts().get("tx_errors") == 2, 3), counts())
    equal("as malformed", Rtnl("a").xstats("t0")["tx_malformed"] - ours["tx_malformed"], 1)
    way.detach()


def padded(way):
    """An Ethernet device makes a frame at least 60 octets long."""
    make()
    for program in ("redirect", "redirect-ip"):
        way.attach(program)
        packet = way.packet(28)
        outer = way.send(packet + bytes(18))
        check(f"{program}: padding isn't sent", outer and len(outer) == 48 and
              outer[20:] == packet, outer and len(outer))
    way.detach()


def generic(way):
    """Generic XDP gives the device a packet with its Ethernet header."""
    make()
    way.attach("redirect", "xdpgeneric")
    packet = way.packet(200)
    outer = way.send(packet)
    check("generic XDP: encapsulated without the Ethernet header",
          outer is not None and outer[20:] == packet)
    way.attach("redirect-ip", "xdpgeneric")
    counts = Delta("a", "t0")
    check("generic XDP without the Ethernet header: nothing leaves",
          way.send(way.packet(), 0.3) is None)
    equal("generic XDP without the Ethernet header: counted", counts().get("tx_errors"), 1)
    way.detach()


def neighbours(way):
    """While the stack has to do something first, it gets the packet."""
    make()
    way.attach("redirect")
    shell("ip -n a neigh flush dev wan")
    check("no neighbour yet: sent all the same", way.send(way.packet(), 5.0) is not None)
    # Only a queue of the peer's takes frames.
    shell("ip netns exec r ethtool -K a gro off > /dev/null")
    check("underlay that takes no frames: sent all the same",
          way.send(way.packet()) is not None)
    shell("ip netns exec r ethtool -K a gro on > /dev/null")
    check("and as frames again", way.send(way.packet()) is not None)
    shell(f"ip -n a link add name d0 type dummy; ip -n a link set d0 up; ip -n a route add {B} dev d0")
    sent = Delta("a", "d0")
    check("underlay without XDP: nothing comes by the other", way.send(way.packet(), 0.5) is None)
    equal("underlay without XDP: sent by it", sent(), {"tx_packets": 1})
    shell("ip -n a link del d0")
    check("and by this one again", way.send(way.packet()) is not None)
    way.detach()


def in_order(way):
    """A packet for the stack's path doesn't overtake those before it, nor do they it."""
    make("tos inherit")
    way.attach("redirect")
    way.send(way.packet())
    way.r.drain()
    ids = []
    for i in range(60):
        options = [IPOption_NOP()] if i % 3 == 0 else []
        way.h1.send(way.packet(options=options), way.gateway)
        ids.append(way.id)
    seen = []
    while len(seen) < len(ids):
        outer = way.r.receive(lambda d: d[9] == 4, 2.0)
        if outer is None:
            break
        seen.append(int.from_bytes(outer[24:26], "big"))
    equal("packets of both ways stay in order", seen, ids)
    way.detach()


def ipsec(way):
    """What requires IPsec never leaves in the clear."""
    make()
    way.attach("redirect")
    check("without IPsec: sent", way.send(way.packet()) is not None)
    ours = Rtnl("a")
    ours.set("t0", require_ipsec=1)
    before = ours.xstats("t0")["tx_no_ipsec"]
    check("require-ipsec: nothing leaves", way.send(way.packet(), 0.5) is None)
    equal("require-ipsec: counted", ours.xstats("t0")["tx_no_ipsec"] - before, 1)
    ours.set("t0", require_ipsec=0)
    check("without it: sent", way.send(way.packet()) is not None)

    policy = "src 172.16.1.0/24 dst 172.16.2.0/24"
    shell(f"ip -n a xfrm policy add {policy} dir out tmpl src {A} dst {B} proto esp mode tunnel")
    check("a policy for the inner packets: nothing leaves in the clear",
          way.send(way.packet(), 0.5) is None)
    shell(f"ip -n a xfrm policy del {policy} dir out; "
          f"ip -n a xfrm policy add {policy} dir fwd tmpl src {A} dst {B} proto esp mode tunnel")
    check("a policy for what is forwarded: nothing leaves in the clear",
          way.send(way.packet(), 0.5) is None)
    shell(f"ip -n a xfrm policy del {policy} dir fwd; "
          f"ip -n a xfrm policy add src {A} dst {B} proto 4 dir out tmpl proto esp mode transport")
    check("a policy for the outer packets: nothing leaves in the clear",
          way.send(way.packet(), 0.5) is None)
    shell("ip -n a xfrm policy flush")
    check("without a policy: sent", way.send(way.packet()) is not None)
    way.detach()


def lost(way):
    """A tunnel that is down or has lost its carrier takes nothing."""
    make()
    way.attach("redirect")
    check("up: sent", way.send(way.packet()) is not None)
    Rtnl("a").set("t0", keepalive_interval=100, keepalive_retries=2)
    check("the carrier goes", wait(lambda: "NO-CARRIER" in run("ip -n a link show t0")))
    check("without a carrier: nothing leaves", way.send(way.packet(), 0.5) is None)
    Rtnl("a").set("t0", keepalive_interval=0)
    check("the carrier comes again", wait(lambda: "NO-CARRIER" not in run("ip -n a link show t0")))
    check("with it: sent", way.send(way.packet()) is not None)
    shell("ip -n a link set t0 down")
    check("down: nothing leaves", way.send(way.packet(), 0.5) is None)
    way.detach()


def test():
    os.makedirs("/run/bpf", exist_ok=True)
    topo()
    # A veth device takes frames if its peer has a queue for them.
    shell("mount -t bpf bpf /run/bpf; ip netns exec r ethtool -K a gro on > /dev/null; "
          "ip -n a rule add fwmark 7 lookup main")
    sysctl("r", "ipv4/ip_forward", 0)
    way = Way()
    for part in (fast, same, full_size, too_big, own, options, next_hop, syn, malformed, padded, generic, neighbours,
                 in_order, ipsec, lost):
        part(way)
    shell("umount /run/bpf")


main(test)
