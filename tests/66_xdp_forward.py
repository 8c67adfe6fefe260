#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The forwarding XDP program: it forwards the same packets as the stack, identical except for the outer
IP ID, with the same counters, and passes all other packets to the stack."""
import random
import shutil

from craft import NEVER, sysctl
from lib import Rtnl, check, ends, equal, ext, main, run, shell, skip
from scapy.layers.inet import ICMP, TCP, UDP, IPOption_NOP
from xdp import (A, B, FAR, LAN, OBJECT, SEED, at, attached, compare, inner, lan, make, past_the_stack, seen,
                 start, wan)


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
    "keepalive": ("", {"keepalive_interval": NEVER}),
}


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


def set_forward_policies(on):
    """Inner packets have to come from ESP, and have to go into it."""
    for what in ("src 172.16.2.0/24 dst 172.16.1.0/24", "src 172.16.1.0/24 dst 172.16.2.0/24"):
        shell(f"ip -n a xfrm policy {'add' if on else 'del'} {what} dir fwd" +
              (f" tmpl src {B} dst {A} proto esp mode tunnel" if on else ""))


def any_order(way):
    """Switch the program on each device, require-ipsec and policies in a random order, and change the tunnel
    or make it again: no clear text passes that needs IPsec."""
    random.seed(SEED)
    ours = Rtnl("a")

    def again(_):
        shell("ip -n a link del t0")
        reply = ours.add("t0", *ends(A, B), ext(require_ipsec=int(state["require-ipsec"])))
        shell("ip -n a link set t0 up; ip -n a addr add 192.168.0.1/30 dev t0; "
              "ip -n a route add 172.16.2.0/24 dev t0")
        equal("the tunnel is made again", reply[0], 0)

    switches = {"program on h1": lambda on: attached(on, ["h1"]),
                "program on wan": lambda on: attached(on, ["wan"]),
                "require-ipsec": lambda on: ours.set("t0", require_ipsec=int(on)),
                "policies": set_policies,
                "policies for forwarded packets": set_forward_policies,
                "ttl 64": lambda on: at("a", f"link set dev t0 type ipip ttl {64 if on else 'inherit'}"),
                "the tunnel made again": again}
    needs = "require-ipsec", "policies", "policies for forwarded packets"
    make()
    state, history = dict.fromkeys(switches, False), []
    for _ in range(40):
        name = random.choice(list(switches))
        state[name] = not state[name]
        switches[name](state[name])
        history.append(f"{name} {'on' if state[name] else 'off'}")
        way.from_wan.send(way.outer())
        way.from_lan.send(way.packet())
        out = seen(way)
        if any(state[what] for what in needs) and (out[0] or out[1]):
            check("no clear text passes that needs IPsec", False, (SEED, history, out))
            break
    else:
        check("40 switches in random order: no clear text passes that needs IPsec", True)
    # If packets didn't pass in the end either, the check above would prove nothing.
    wanted = {**dict.fromkeys(needs, False), "program on h1": True, "program on wan": True}
    for name, on in wanted.items():
        if state[name] != on:
            switches[name](on)
    state.update(wanted)
    way.warm_up()
    seen(way)
    way.from_wan.send(way.outer())
    way.from_lan.send(way.packet())
    equal("40 switches in random order: packets pass when none needs IPsec any more",
          [len(out) for out in seen(way)], [1, 1])
    for name, on in state.items():
        if on and switches[name] is not again:
            switches[name](False)


def filtered(way):
    """xdp-filter of xdp-tools, beside the program on the same device."""
    in_a = "nsenter --net=/run/netns/a"
    run(f"{in_a} xdp-filter load --mode native --features ipv4 wan")
    check("xdp-filter is beside the program", all(
        name in run(f"{in_a} xdp-loader status wan") for name in ("ipip_xdp", "xdpfilt")))
    past_the_stack(way, "beside xdp-filter: ")
    run(f"{in_a} xdp-filter ip --mode src {B}")
    way.from_lan.send(way.packet())
    way.from_wan.send(way.outer())
    equal("xdp-filter drops what it is told to, before the program", [len(o) for o in seen(way)], [1, 0])
    run(f"{in_a} xdp-filter unload wan")
    past_the_stack(way, "after xdp-filter: ")


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
    filtered(way)
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
    way = start()
    if not way:
        return
    for part in (fast, loader, same, sources, ipsec, any_order, tunnel_to_tunnel, without_frames,
                 generic):
        part(way)


main(test)
