#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The forwarding XDP program: it forwards the same packets as the stack, identical except for the outer
IP ID, with the same counters, and passes all other packets to the stack."""
import os
import random
import shutil
import socket

from craft import Delta, mac, sum16, sysctl
from lib import HERE, Rtnl, Tap, check, equal, main, netns, run, shell, skip, topo
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP

A, B = "10.1.0.1", "10.2.0.1"
# No host has these addresses, so no host answers.
LAN, FAR = "172.16.1.77", "172.16.2.77"
OBJECT = f"{HERE}/../build/xdp/ipip_xdp.bpf.o"
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
PROTO = 253


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
    def __init__(self):
        self.wan = Tap("r", "a", "in")
        self.lan = Tap("h1", "eth0", "in")
        self.from_lan = Frames("h1", "eth0", mac("a", "h1"))
        self.from_wan = Frames("r", "a", mac("a", "wan"))
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


def attached(on):
    for device in ("h1", "wan"):
        shell(f"ip -n a -force link set dev {device} " +
              (f"xdpdrv obj {OBJECT} sec xdp" if on else "xdp off"))


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


def compare(way, name, frames, forwarded=True):
    """Run all functions in frames, each of which sends a frame, without and with the program, and compare."""
    results = []
    for on in (False, True):
        attached(on)
        # The first packet always goes through the stack, which resolves the neighbours.
        if forwarded:
            way.warm_up()
        seen(way)
        counts, ours, way.id = Delta("a", "t0"), Rtnl("a").xstats("t0"), 1000
        random.seed(SEED)
        for frame in frames:
            frame()
        out = seen(way)
        after = Rtnl("a").xstats("t0")
        results.append((out, counts(), {k: v - ours[k] for k, v in after.items() if v != ours[k]}))
    attached(False)
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


def changed(way, offset, value):
    """Sends an IPIP packet with other bytes at an offset, without updating the outer checksum."""
    def send():
        data = way.outer()
        way.from_wan.send(data[:offset] + value + data[offset + len(value):])
    return send


def variety(way):
    yield from (lan(way, ttl=ttl) for ttl in (1, 2, 64, 255))
    yield from (inner(way, ttl=ttl) for ttl in (1, 2, 64, 255))
    for size in (28, 46, 1000, 1480):
        yield from (lan(way, size), wan(way, size), lan(way, size, flags="DF"))
    yield lan(way, 1500)
    yield lan(way, 1500, flags="DF")
    yield lan(way, flags="MF")
    yield inner(way, flags="MF")
    yield inner(way, frag=7)
    yield lan(way, options=[IPOption_NOP()])
    yield inner(way, options=[IPOption_NOP()])
    yield wan(way, options=[IPOption_NOP()])
    yield from (lan(way, tos=tos) for tos in (0, 1, 2, 3, 0xb8))
    yield from (lambda o=o, i=i: way.from_wan.send(
        way.outer(inner=way.packet(src=FAR, dst=LAN, tos=i), tos=o))
        for o in range(4) for i in range(4))
    yield from (inner(way, layer=layer) for layer in (
        UDP(sport=7, dport=7), TCP(dport=7, flags="R"), TCP(dport=7, flags="S"),
        ICMP(type=0)))
    yield from (lan(way, layer=layer) for layer in (
        UDP(sport=7, dport=7), TCP(dport=7, flags="S", options=[("MSS", 1460)]), ICMP()))
    yield inner(way, layer=TCP(dport=7, flags="S", options=[("MSS", 1460)]))
    for _ in range(20):
        yield lan(way, random.randrange(20, 1480), tos=random.randrange(256),
                  ttl=random.randrange(2, 256))
        yield wan(way, random.randrange(20, 1480))


def refused(way):
    """Packets that neither the stack nor the program may forward."""
    yield wan(way, src="10.2.0.9")
    yield wan(way, src=A)
    yield wan(way, dst="10.1.0.254")
    yield lan(way, src="127.0.0.1")
    yield lan(way, src="172.16.1.1")
    yield lan(way, src="224.0.0.1")
    yield lan(way, src="0.0.0.1")
    yield inner(way, src="172.16.1.1")
    yield inner(way, src="127.0.0.1")
    yield inner(way, dst="127.0.0.1")
    yield inner(way, dst="224.0.0.1")
    yield inner(way, dst="172.16.1.255")
    yield inner(way, dst="192.0.2.1")
    yield lan(way, chksum=1)
    yield wan(way, chksum=1)
    yield inner(way, chksum=1)
    yield changed(way, 0, b"\x65")
    yield changed(way, 20, b"\x65")
    yield changed(way, 22, b"\0\x13")
    yield changed(way, 22, b"\x7f\xff")
    yield lambda: way.from_lan.send(way.packet(), target=b"\2\1\2\3\4\5")
    yield lambda: way.from_wan.send(way.outer(), target=b"\2\1\2\3\4\5")
    yield lambda: way.from_lan.send(way.packet()[:30])
    yield lambda: way.from_wan.send(way.outer()[:30])
    yield lambda: way.from_wan.send(way.outer()[:40])
    yield lambda: way.from_wan.send(way.outer(), kind=b"\x86\xdd")


CONFIGURATIONS = {
    "as made": ("", {}),
    "ttl 64, dont-fragment=no": ("ttl 64", {"df": "no"}),
    "dscp and dont-fragment inherited": ("tos inherit", {"df": "inherit"}),
    "clamp": ("", {"clamp_mss": "both"}),
    "keepalive": ("", {"keepalive_interval": 3600000}),
}


def make(arguments="", remote=B, **ours):
    shell(f"ip -n a link del t0; tunnel a {A} {remote or 'any'} {arguments}; "
          "ip -n a addr add 192.168.0.1/30 dev t0; "
          f"ip -n a route add 172.16.2.0/24 {'dev t0' if remote else f'via {B} dev t0 onlink'}")
    if ours:
        Rtnl("a").set("t0", **ours)


def same(way):
    for name, (arguments, ours) in CONFIGURATIONS.items():
        make(arguments, **ours)
        out = compare(way, name, list(variety(way)))
        check(f"{name}: packets went both ways", len(out[0]) > 40 and len(out[1]) > 50,
              [len(o) for o in out])
    make()
    compare(way, "packets that mustn't be forwarded", list(refused(way)))
    make(remote=None)
    compare(way, "next-hop mode", list(variety(way)))


def sources(way):
    """rp_filter on the underlay and on the tunnel."""
    make()
    for device in ("wan", "t0"):
        for value in (1, 2):
            sysctl("a", f"ipv4/conf/{device}/rp_filter", value)
            compare(way, f"rp_filter={value} on {device}", [
                wan(way), inner(way, src="203.0.113.1"), inner(way, src="172.16.1.77"),
                lan(way), lan(way, src="203.0.113.1")])
            # The route to the far end is through another device, or a blackhole.
            shell(f"ip -n a route add {B} dev h1")
            compare(way, f"rp_filter={value} on {device}, asymmetric", [wan(way)], False)
            shell(f"ip -n a route del {B}; ip -n a route add blackhole {B}")
            compare(way, f"rp_filter={value} on {device}, a blackhole", [wan(way)], False)
            shell(f"ip -n a route del {B}")
        sysctl("a", f"ipv4/conf/{device}/rp_filter", 0)


def ipsec(way):
    """Packets that require IPsec aren't forwarded in the clear, whatever the order of events."""
    for early in (True, False):
        order = "set before the program is attached" if early else "set while it is attached"
        make()
        attached(not early)
        Rtnl("a").set("t0", require_ipsec=1)
        attached(True)
        seen(way)
        before = Rtnl("a").xstats("t0")
        way.from_wan.send(way.outer())
        way.from_lan.send(way.packet())
        equal(f"require-ipsec, {order}: no packet passes", seen(way), ([], []))
        after = Rtnl("a").xstats("t0")
        equal(f"require-ipsec, {order}: both counted",
              (after["rx_no_ipsec"] - before["rx_no_ipsec"],
               after["tx_no_ipsec"] - before["tx_no_ipsec"]), (1, 1))
        attached(False)
    for what in (f"src {B} dst {A} proto 4 dir in tmpl proto esp mode transport",
                 "src 172.16.2.0/24 dst 172.16.1.0/24 dir fwd tmpl "
                 f"src {B} dst {A} proto esp mode tunnel"):
        make()
        attached(True)
        seen(way)
        shell(f"ip -n a xfrm policy add {what}")
        way.from_wan.send(way.outer())
        equal(f"policy {what.split(' tmpl')[0]}: no packet passes", seen(way)[1], [])
        shell("ip -n a xfrm policy flush")
        attached(False)


def set_policies(on):
    for what in (f"src {B} dst {A} proto 4 dir in", f"src {A} dst {B} proto 4 dir out"):
        shell(f"ip -n a xfrm policy {'add' if on else 'del'} {what}" +
              (" tmpl proto esp mode transport" if on else ""))


def any_order(way):
    """Switch the program, require-ipsec and policies in a random order: no clear text passes that needs
    IPsec."""
    random.seed(SEED)
    switches = {"program": attached,
                "require-ipsec": lambda on: Rtnl("a").set("t0", require_ipsec=int(on)),
                "policies": set_policies}
    make()
    state, history, passed = dict.fromkeys(switches, False), [], 0
    for _ in range(30):
        name = random.choice(list(switches))
        state[name] = not state[name]
        switches[name](state[name])
        history.append(f"{name} {'on' if state[name] else 'off'}")
        way.from_wan.send(way.outer())
        way.from_lan.send(way.packet())
        out = seen(way)
        passed += state["program"] and len(out[0]) + len(out[1])
        if (state["require-ipsec"] or state["policies"]) and (out[0] or out[1]):
            check("no clear text passes that needs IPsec", False, (SEED, history, out))
            break
    else:
        check("30 switches in random order: no clear text passes that needs IPsec", True)
    check("30 switches in random order: packets pass that don't need IPsec", passed, (SEED, history))
    for name, on in state.items():
        if on:
            switches[name](False)


def loader(way):
    """xdp-loader of xdp-tools can attach the program."""
    if not shutil.which("xdp-loader"):
        skip("xdp-loader", "xdp-tools isn't installed")
        return
    make()
    shell("mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf")
    # `ip netns exec` would mount another /sys.
    for device in ("h1", "wan"):
        run(f"nsenter --net=/run/netns/a xdp-loader load -m native {device} {OBJECT}")
    check("xdp-loader shows the program",
          "ipip_xdp" in run("nsenter --net=/run/netns/a xdp-loader status wan"))
    past_the_stack(way, "attached by xdp-loader: ")
    for device in ("h1", "wan"):
        run(f"nsenter --net=/run/netns/a xdp-loader unload --all {device}")


def tunnel_to_tunnel(way):
    """A hub forwards from one tunnel into another."""
    make()
    shell(f"ip -n a link add name t1 type ipip local {A} remote 10.2.0.2; ip -n a link set t1 up; "
          "ip -n a route add 172.16.3.0/24 dev t1")
    compare(way, "from tunnel to tunnel",
            [inner(way, dst="172.16.3.1", size=size) for size in (28, 500, 1460)])
    shell("ip -n a link del t1")


def without_frames(way):
    """A LAN device that takes no XDP frames."""
    make()
    run("ip netns exec h1 ethtool -K eth0 gro off")
    compare(way, "a LAN device that takes no frames", [wan(way), lan(way)])
    run("ip netns exec h1 ethtool -K eth0 gro on")


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


def fast(way):
    make()
    attached(True)
    past_the_stack(way)
    attached(False)


def generic(way):
    """The program passes packets of the generic hook to the stack."""
    make()
    shell(f"for d in h1 wan; do ip -n a -force link set dev $d xdpgeneric obj {OBJECT} sec xdp; done")
    seen(way)
    way.from_lan.send(way.packet())
    way.from_wan.send(way.outer())
    equal("generic XDP: both packets are forwarded", [len(o) for o in seen(way)], [1, 1])
    shell("for d in h1 wan; do ip -n a link set dev $d xdpgeneric off; done")


def test():
    if not os.path.exists("/sys/kernel/btf/ipip"):
        skip("the forwarding program", "the module has no BTF on this kernel")
        return
    if not os.path.exists(OBJECT):
        skip("the forwarding program", "it wasn't built, for lack of clang or libbpf's headers")
        return
    topo()
    shell("ip netns exec r ethtool -K a gro on; ip netns exec h1 ethtool -K eth0 gro on")
    sysctl("r", "ipv4/ip_forward", 0)
    shell(f"ip -n a neigh replace {LAN} lladdr {mac('h1', 'eth0')} dev h1 nud permanent")
    way = Way()
    for part in (fast, loader, same, sources, ipsec, any_order, tunnel_to_tunnel, without_frames,
                 generic):
        part(way)


main(test)
