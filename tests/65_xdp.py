#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""XDP programs that redirect into a tunnel: the packets sent, except for the IP ID, and the counters are
the same as when the stack forwards."""
import os
import random
import re
import socket

from bpf import XDP, live_frames, load, redirect, redirect_ip, scatter
from craft import Delta, mac, one_hop_on, sum16, sysctl
from lib import KERNEL, Rtnl, Tap, check, equal, main, netns, one_processor, run, shell, skip, topo, wait
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from xdp import keep_neighbours

PROTO = 253     # no host answers this protocol, since r doesn't forward
A, B = "10.1.0.1", "10.2.0.1"
TRACE = "/sys/kernel/tracing"
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))


class Way:
    """Sends packets from h1 through a's tunnel, by the stack or by XDP, and captures them at r."""

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
        """The next outer packet around the inner packet that was sent last, or None."""
        wanted = self.id.to_bytes(2, "big")
        return self.r.receive(lambda d: d[9] == 4 and d[24:26] == wanted, timeout)

    def send(self, packet, timeout=1.0):
        self.h1.send(packet, self.gateway)
        return self.outer(timeout)


def but_for_id(outer):
    """(packet without its outer ID and checksum, error of the checksum)."""
    if outer is None:
        return None
    hlen = (outer[0] & 15) * 4
    return outer[:4] + outer[6:10] + outer[12:], sum16(outer[:hlen])


def compare(way, name, packets, what=("redirect", "redirect-ip")):
    """Compare the stack with each program. The programs get the packets as a router forwards them, since
    they don't lower the TTL themselves."""
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
        check(f"{name}: {program}, the same packets", not wrong, wrong[:3])
        equal(f"{name}: {program}, the same counters", counts(), counted)
    way.detach()


def variety(way):
    """Packets that a router may receive."""
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
    """Replace the tunnel."""
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
    """How many frames the underlay device has sent by ndo_xdp_xmit."""
    text = run("ip netns exec a ethtool -S wan")
    return sum(int(line.split()[-1]) for line in text.splitlines()
               if line.strip().startswith("tx_queue") and "xdp_xmit:" in line)


def fast(way):
    """Plain packets are sent as XDP frames, without an skb."""
    make()
    for program in ("redirect", "redirect-ip"):
        way.attach(program)
        way.send(way.packet())
        before = sent_as_frames()
        for _ in range(10):
            way.send(way.packet())
        # On each CPU the first packet goes through the stack, which looks the route up.
        frames = sent_as_frames() - before
        check(f"{program}: at least eight of ten packets left as frames", frames >= 8, frames)
    way.detach()


def full_size(way):
    """The kernel redirects no frame to a device that is longer than its MTU, and counts an Ethernet header
    as part of it: so only the program that removes the header can redirect 1,480 bytes."""
    make()
    compare(way, "1,480 bytes", [way.packet(1480), way.packet(1480, flags="DF")],
            ["redirect-ip"])


def too_big(way):
    """A packet with DF that is too long for the path causes an ICMP error."""
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
        check(f"{program or 'the stack'}: a packet with DF that is too long isn't sent", sent is None)
        check(f"{program or 'the stack'}: its sender gets an ICMP error with 1280 bytes",
              answer and answer[20:22] == b"\3\4" and answer[26:28] == b"\5\0",
              answer and answer.hex())
    shell(f"ip -n a route del {B}")
    way.detach()


def own(way):
    """No redirected packet is delivered to this host itself, whatever its source."""
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
    equal("a socket at a receives nothing", got, None)
    sock.close()
    way.detach()


def options(way):
    """IPv4 options. Without an Ethernet header the kernel can't redirect such a packet to a tunnel."""
    make()
    compare(way, "options", [way.packet(options=[IPOption_NOP()])], ["redirect"])


def next_hop(way):
    make(remote=None)
    compare(way, "next-hop mode", variety(way))
    shell(f"ip -n a route replace 172.16.2.0/24 encap ip dst {B} dev t0")
    compare(way, "a next hop from the route's metadata", [way.packet()])
    make("external", remote=None)
    shell(f"ip -n a route replace 172.16.2.0/24 encap ip src {A} dst {B} dev t0")
    compare(way, "external mode", [way.packet()])


def syn(way):
    make()
    Rtnl("a").set("t0", clamp_mss="tx")
    way.id += 1
    packets = [bytes(IP(src="172.16.1.2", dst="172.16.2.2", id=way.id) /
                     TCP(flags="S", options=[("MSS", 1460)]))]
    compare(way, "a SYN whose MSS is too large", packets)


def malformed(way):
    """Malformed packets aren't sent, and are counted."""
    make()
    for program in ("redirect", "redirect-ip"):
        way.attach(program)
        for name, change in (("shorter than its header", lambda d: d[:2] + b"\0\23" + d[4:]),
                             ("longer than the frame", lambda d: d[:2] + b"\1\0" + d[4:]),
                             ("version 5", lambda d: b"\x55" + d[1:])):
            counts = Delta("a", "t0")
            # Without an Ethernet header the driver has only the first byte to tell the protocol.
            if program == "redirect-ip" and name == "version 5":
                continue
            check(f"{program}, {name}: not sent",
                  way.send(change(way.packet()), 0.3) is None)
            equal(f"{program}, {name}: counted", counts().get("tx_errors"), 1)
    way.attach("redirect")
    counts, ours = Delta("a", "t0"), Rtnl("a").xstats("t0")
    with netns("h1"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    sock.sendto(bytes(40), ("eth0", 0x0806, 0, 0, bytes.fromhex(way.gateway.replace(":", ""))))
    check("ARP: counted as an error", wait(lambda: counts().get("tx_errors") == 1, 3), counts())
    equal("ARP: counted as tx_protocol",
          Rtnl("a").xstats("t0")["tx_protocol"] - ours["tx_protocol"], 1)
    # The kernel warns if an empty packet enters a queue.
    sock.sendto(b"", ("eth0", 0x0806, 0, 0, bytes.fromhex(way.gateway.replace(":", ""))))
    check("no bytes after the Ethernet header: counted as an error",
          wait(lambda: counts().get("tx_errors") == 2, 3), counts())
    equal("no bytes after the Ethernet header: counted as tx_malformed",
          Rtnl("a").xstats("t0")["tx_malformed"] - ours["tx_malformed"], 1)
    way.detach()


def padded(way):
    """An Ethernet device pads a frame to 60 bytes."""
    make()
    for program in ("redirect", "redirect-ip"):
        way.attach(program)
        packet = way.packet(28)
        outer = way.send(packet + bytes(18))
        check(f"{program}: the padding isn't sent", outer and len(outer) == 48 and
              outer[20:] == packet, outer and len(outer))
    way.detach()


def generic(way):
    """Generic XDP passes a packet to the device with its Ethernet header."""
    make()
    way.attach("redirect", "xdpgeneric")
    packet = way.packet(200)
    outer = way.send(packet)
    check("generic XDP: encapsulated without the Ethernet header",
          outer is not None and outer[20:] == packet)
    way.attach("redirect-ip", "xdpgeneric")
    counts = Delta("a", "t0")
    check("generic XDP without the Ethernet header: not sent",
          way.send(way.packet(), 0.3) is None)
    equal("generic XDP without the Ethernet header: counted", counts().get("tx_errors"), 1)
    way.detach()


def neighbours(way):
    """If the stack has to do something first, such as resolve a neighbour, the driver gives it the packet."""
    make()
    way.attach("redirect")
    shell("ip -n a neigh flush dev wan")
    check("no neighbour yet: sent by the stack", way.send(way.packet(), 5.0) is not None)
    # A veth takes frames only if its peer has a NAPI queue.
    shell("ip netns exec r ethtool -K a gro off > /dev/null")
    sent = Delta("a", "wan")
    check("the underlay takes no frames: sent by the stack",
          way.send(way.packet()) is not None)
    equal("the underlay takes no frames: sent once", sent().get("tx_packets"), 1)
    shell("ip netns exec r ethtool -K a gro on > /dev/null")
    check("the underlay takes frames again: sent", way.send(way.packet()) is not None)
    shell(f"ip -n a link add name d0 type dummy; ip -n a link set d0 up; ip -n a route add {B} dev d0")
    sent = Delta("a", "d0")
    check("a route through a device without XDP: not sent through the first",
          way.send(way.packet(), 0.5) is None)
    equal("a route through a device without XDP: sent through it", sent(), {"tx_packets": 1})
    shell("ip -n a link del d0")
    check("the route through the first device again: sent", way.send(way.packet()) is not None)
    way.detach()


def in_order(way):
    """Packets that go through the stack and packets that are sent as frames stay in order."""
    make("tos inherit")
    way.attach("redirect")
    way.send(way.packet())
    way.r.drain()
    ids = []
    with one_processor():
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
    equal("packets of both paths stay in order", seen, ids)
    way.detach()


def ipsec(way):
    """Packets that require IPsec are never sent in the clear."""
    make()
    way.attach("redirect")
    check("without IPsec: sent", way.send(way.packet()) is not None)
    ours = Rtnl("a")
    ours.set("t0", require_ipsec=1)
    before = ours.xstats("t0")["tx_no_ipsec"]
    check("require-ipsec: not sent", way.send(way.packet(), 0.5) is None)
    equal("require-ipsec: counted", ours.xstats("t0")["tx_no_ipsec"] - before, 1)
    ours.set("t0", require_ipsec=0)
    check("require-ipsec off: sent", way.send(way.packet()) is not None)

    policy = "src 172.16.1.0/24 dst 172.16.2.0/24"
    shell(f"ip -n a xfrm policy add {policy} dir out tmpl src {A} dst {B} proto esp mode tunnel")
    check("a policy for inner packets: no clear text is sent",
          way.send(way.packet(), 0.5) is None)
    shell(f"ip -n a xfrm policy del {policy} dir out; "
          f"ip -n a xfrm policy add {policy} dir fwd tmpl src {A} dst {B} proto esp mode tunnel")
    check("a policy for forwarded packets: no clear text is sent",
          way.send(way.packet(), 0.5) is None)
    shell(f"ip -n a xfrm policy del {policy} dir fwd; "
          f"ip -n a xfrm policy add src {A} dst {B} proto 4 dir out tmpl proto esp mode transport")
    check("a policy for outer packets: no clear text is sent",
          way.send(way.packet(), 0.5) is None)
    shell("ip -n a xfrm policy flush")
    check("no policy: sent", way.send(way.packet()) is not None)
    way.detach()


def lost(way):
    """A tunnel that is down or has lost its carrier sends nothing."""
    make()
    way.attach("redirect")
    check("up: sent", way.send(way.packet()) is not None)
    Rtnl("a").set("t0", keepalive_interval=100, keepalive_retries=2)
    check("keepalive takes the carrier away", wait(lambda: "NO-CARRIER" in run("ip -n a link show t0")))
    check("no carrier: not sent", way.send(way.packet(), 0.5) is None)
    Rtnl("a").set("t0", keepalive_interval=0)
    check("keepalive off: the carrier is back",
          wait(lambda: "NO-CARRIER" not in run("ip -n a link show t0")))
    check("the carrier is back: sent", way.send(way.packet()) is not None)
    shell("ip -n a link set t0 down")
    check("down: not sent", way.send(way.packet(), 0.5) is None)
    way.detach()


def page_pools():
    """{(page pool, number of pages that it has given out): number of pages that haven't come back}, since
    the trace was emptied. The kernel destroys a pool when all of its pages have come back."""
    found = re.findall(r"page_pool=(\S+) inflight=(-?\d+) hold=(\d+)", run(f"cat {TRACE}/trace"))
    return {(pool, int(given)): int(missing) for pool, missing, given in found}


def memory(way):
    """Each page of a frame comes back to its page pool, whatever becomes of the frame."""
    release = f"{TRACE}/events/page_pool/page_pool_release/enable"
    shell(f"mountpoint -q {TRACE} || mount -t tracefs tracefs {TRACE}")
    make()
    check("page pools: the neighbour is known", way.send(way.packet(), 5.0) is not None)
    with netns("a"):
        index = socket.if_nametoindex("t0")
    programs = [load(XDP, code(index)) for code in (redirect, redirect_ip, scatter)]
    frame = bytes.fromhex(way.gateway.replace(":", "")) + bytes(6) + b"\x08\0" + way.packet(1000)
    shell(f"echo > {TRACE}/trace; echo 1 > {release}")
    # A veth device takes no frames if its peer has no NAPI queue.
    for change in (":", "ip -n a link set dev t0 down", "ip -n a link set dev t0 up",
                   "ip netns exec r ethtool -K a gro off", "ip netns exec r ethtool -K a gro on",
                   f"ip -n a route add blackhole {B}", f"ip -n a route del blackhole {B}",
                   "ip -n a link set dev wan mtu 900", "ip -n a link set dev wan mtu 1500"):
        shell(change)
        for program in programs:
            with netns("a"):
                live_frames(program, frame, 1000)
    for program in programs:
        os.close(program)
    # Sockets and queues may still have packets.
    way.r.drain()
    way.h1.drain()
    wait(lambda: not any(page_pools().values()), 30)
    shell(f"echo 0 > {release}")
    pools = page_pools()
    check("page pools: XDP has used pages of them", sum(given for _, given in pools) > 1000, pools)
    equal("page pools: each page has come back", sum(pools.values()), 0)


def test():
    if KERNEL < (5, 18):
        skip("XDP", "the driver takes no frames from XDP programs before Linux 5.18")
        return
    os.makedirs("/run/bpf", exist_ok=True)
    topo()
    # A veth device takes frames if its peer has a NAPI queue.
    shell("mount -t bpf bpf /run/bpf; ip netns exec r ethtool -K a gro on > /dev/null; "
          "ip -n a rule add fwmark 7 lookup main")
    sysctl("r", "ipv4/ip_forward", 0)
    keep_neighbours()
    way = Way()
    for part in (fast, same, full_size, too_big, own, options, next_hop, syn, malformed, padded, generic, neighbours,
                 in_order, ipsec, lost, memory):
        part(way)
    shell("umount /run/bpf")


main(test)
