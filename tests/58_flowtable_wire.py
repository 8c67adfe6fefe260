# SPDX-License-Identifier: GPL-2.0
"""The outer header and the counters of a flow with a flowtable: by default as the tunnel is configured,
and with fast_path as the documentation lists."""
import os
import socket
import subprocess

from lib import (INTREE, IPTUN_PMTUDISC, IPTUN_TOS, IPTUN_TTL, KERNEL, Rtnl, Tap, check, equal, ext, main,
                 netns, run, shell, skip, stat, topo, u8, wait)

RULES = """
table ip f {
	flowtable ft { hook ingress priority filter; devices = { h1, wan }; }
	chain forward {
		type filter hook forward priority filter;
		ct state established meta l4proto { tcp, udp } flow add @ft
		counter
	}
}
"""
PORT = 5555
NOT_ECT, ECT1, ECT0, CE = range(4)


def rfc6040(outer, inner):
    """RFC 6040 section 4.2: the ECN field that the receiver gets, or None for a drop."""
    if inner == NOT_ECT:
        return None if outer == CE else NOT_ECT
    if outer == CE or inner == CE:
        return CE
    return ECT1 if outer == ECT1 else inner


def nft(ns, rules):
    subprocess.run(["ip", "netns", "exec", ns, "nft", "-f", "-"], input=rules, text=True,
                   check=True)


class Flow:
    """UDP from h1 to h2 and back, with a TOS for each packet."""

    def __init__(self):
        self.wire = Tap("r", "a", "in")
        with netns("h2"):
            self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.far.bind(("172.16.2.2", PORT))
        with netns("h1"):
            self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.near.bind(("172.16.1.2", PORT))
        self.near.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        for s in self.near, self.far:
            s.settimeout(0.5)

    def close(self):
        for s in self.near, self.far, self.wire.sock:
            s.close()

    def send(self, tos=0, dont_fragment=True, size=100):
        self.near.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        # IP_MTU_DISCOVER: IP_PMTUDISC_PROBE or IP_PMTUDISC_DONT
        self.near.setsockopt(socket.IPPROTO_IP, 10, 3 if dont_fragment else 0)
        self.near.sendto(os.urandom(size), ("172.16.2.2", PORT))

    def outer(self, **how):
        """(TTL, TOS, DF) of the outer header of a packet that h1 sends."""
        self.wire.drain()
        self.send(**how)
        packet = self.wire.receive(lambda p: p[9] == 4)
        self.far.recv(2000)
        return packet and (packet[8], packet[1], bool(packet[6] & 0x40))

    def answer(self, tos):
        """The TOS of h2's packet when h1 receives it, or None."""
        self.far.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        self.far.sendto(b"answer", ("172.16.1.2", PORT))
        try:
            _, extra, _, _ = self.near.recvmsg(2000, 64)
        except TimeoutError:
            return None
        return extra[0][2][0]

    def establish(self):
        for _ in range(4):
            self.send()
            self.far.recv(2000)
            self.answer(0)


def seen():
    """The number of packets that a's stack has forwarded."""
    rules = run("ip netns exec a nft list chain ip f forward")
    return int(rules.split("counter packets ")[1].split()[0])


def is_offloaded(flow):
    before = seen()
    flow.outer()
    return seen() == before


def remark(outer):
    """Make r set the ECN field of outer packets to a."""
    nft("r", f"""
table ip m
delete table ip m
table ip m {{
	chain out {{
		type filter hook postrouting priority 0;
		oifname "a" ip protocol 4 ip ecn set {("not-ect", "ect1", "ect0", "ce")[outer]}
	}}
}}
""")


def ecn(flow, what, want):
    got = {}
    for outer in range(4):
        remark(outer)
        for inner in range(4):
            tos = flow.answer(0x40 | inner)
            got[outer, inner] = tos if tos is None else tos & 3
    nft("r", "delete table ip m")
    equal(what, got, {(o, i): want(o, i) for o in range(4) for i in range(4)})


def counted(flow):
    before = stat("a", "t0", "tx_packets")
    flow.outer()
    return stat("a", "t0", "tx_packets") - before


def by_default(rtnl):
    rtnl.change("t0", (IPTUN_TTL, u8(33)), (IPTUN_TOS, u8(0x48)))
    flow = Flow()
    flow.establish()
    check("by default: the flow isn't offloaded", not is_offloaded(flow))
    equal("by default: TTL, DSCP and DF are the tunnel's, ECN is the inner packet's",
          [flow.outer(tos=0xb8 | e, dont_fragment=False) for e in range(4)],
          [(33, 0x48 | e, True) for e in range(4)])
    ecn(flow, "by default: ECN on receive as in RFC 6040", rfc6040)
    equal("by default: the packet is counted", counted(flow), 1)
    flow.close()


def with_fast_path(rtnl):
    rtnl.change("t0", ext(fast_path=1))
    flow = Flow()
    flow.establish()
    check("fast_path: the flow is offloaded", wait(lambda: is_offloaded(flow)))
    equal("fast_path: TTL, TOS and DF are the inner packet's",
          [flow.outer(tos=0xb8 | e, dont_fragment=False) for e in range(4)],
          [(63, 0xb8 | e, False) for e in range(4)])
    ecn(flow, "fast_path: the outer ECN field is lost", lambda outer, inner: inner)
    equal("fast_path: the packet isn't counted", counted(flow), 0)

    # Without fast_path the driver sees the flow again.
    rtnl.change("t0", ext(fast_path=0))
    equal("fast_path off again: TTL, DSCP and DF are the tunnel's",
          flow.outer(tos=0xb8), (33, 0x48, True))
    check("fast_path off again: the flow isn't offloaded", not is_offloaded(flow))
    flow.close()


def changes(rtnl):
    """Changes of the tunnel while flows are offloaded."""
    rtnl.change("t0", (IPTUN_TTL, u8(0)), (IPTUN_TOS, u8(0)), (IPTUN_PMTUDISC, u8(1)),
                ext(fast_path=1))
    flow = Flow()
    flow.establish()
    check("fast_path on again: the flow is offloaded", wait(lambda: is_offloaded(flow)))
    run("ip -n a link set dev t0 mtu 1000")
    flow.wire.drain()
    for _ in range(3):
        flow.send(size=1100)
    equal("the MTU is lowered: no longer packet is sent",
          flow.wire.receive(lambda p: p[9] == 4 and len(p) > 1020, 1.0), None)
    run("ip -n a link set dev t0 mtu 1480")
    # The far end doesn't answer, and keepalive takes the carrier away.
    rtnl.set("t0", keepalive_interval=100, keepalive_retries=3)
    flow.establish()
    check("keepalive: the flow is offloaded", wait(lambda: is_offloaded(flow)))
    run("ip -n b link set dev t0 down")
    check("keepalive: the far end is down", wait(lambda: rtnl.ext("t0")["keepalive_state"] == "down"))

    # The kernel starts and stops the device's queue after the state has changed.
    def has_carrier():
        return "NO-CARRIER" not in run("ip -n a link show dev t0")
    check("keepalive: the carrier is lost", wait(lambda: not has_carrier()))
    flow.wire.drain()
    for _ in range(5):
        flow.send()
    equal("keepalive: no packet of the flow is sent while the far end is down",
          flow.wire.receive(lambda p: p[9] == 4 and p[29] == 17, 1.0), None)
    run("ip -n b link set dev t0 up; ip -n b route replace 172.16.1.0/24 dev t0")
    check("keepalive: the far end is up", wait(lambda: rtnl.ext("t0")["keepalive_state"] == "up"))
    check("keepalive: the carrier is back", wait(has_carrier))
    flow.establish()
    check("keepalive: the flow is offloaded again", wait(lambda: is_offloaded(flow)))
    flow.close()


def test():
    if KERNEL < (6, 19):
        skip("flowtable", "this kernel's flowtable doesn't support tunnels")
        return
    if INTREE:
        skip("flowtable", "with the in-tree driver a flow loses the tunnel's configuration")
        return
    topo()
    shell("ns h1 ping -q -c 1 -W 5 172.16.2.2 > /dev/null")
    nft("a", RULES)
    rtnl = Rtnl("a")
    for part in by_default, with_fast_path, changes:
        part(rtnl)


main(test)
