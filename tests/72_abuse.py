# SPDX-License-Identifier: GPL-2.0
"""Forged packets: a gateway never sends more than it received, so it can't be used as an amplifier, and a
tunnel receives packets only from its remote."""
import re
import subprocess
import time

from craft import NEVER, Delta, counters, mac, sysctl
from lib import INTREE, Rtnl, Tap, addr, check, equal, ext, log_lines, main, run, shell, skip
from scapy.layers.inet import ICMP, IP, TCP, UDP

A, B, R, STRANGER = "10.1.0.1", "10.2.0.1", "10.1.0.254", "10.1.0.77"
H1, H2, GW = "172.16.1.2", "172.16.2.2", "172.16.1.1"
FLOOD = 1000
FOU, GUE, LABEL = 5555, 5556, 100
# The kernel's rate limit of the network's messages: so many lines in such a period. It is longer than
# this file takes, so that no flood meets two periods.
LINES, PERIOD = 10, 86400


class Gateway:
    """The gateway a, with r outside and h1 inside."""

    DEVICES = ("wan", "h1", "t0")

    def __init__(self):
        self.r = Tap("r", "a")
        self.h1 = Tap("h1", "eth0", "in")
        self.wan = mac("a", "wan")
        self.lan = mac("a", "h1")
        self.rtnl = Rtnl("a")

    def counters(self):
        found = counters("a")
        return {name: found[name] for name in self.DEVICES}

    def flood(self, *packets, times=FLOOD):
        """Send these packets in turn, so many in all. Returns how much the gateway has received, sent and
        logged, by name."""
        packets = [bytes(p) for p in packets]
        before, lines, start = self.counters(), log_lines(), time.monotonic()
        for i in range(times):
            self.r.send(packets[i % len(packets)], self.wan)
        time.sleep(0.5)
        after = self.counters()

        def grown(name, device):
            return after[device][name] - before[device][name]
        return {"packets_in": grown("rx_packets", "wan"), "bytes_in": grown("rx_bytes", "wan"),
                "packets_out": grown("tx_packets", "wan") + grown("tx_packets", "h1"),
                "bytes_out": grown("tx_bytes", "wan") + grown("tx_bytes", "h1"),
                "taken": grown("rx_packets", "t0"), "log": log_lines() - lines,
                "seconds": time.monotonic() - start}

    def forwards(self, timeout):
        """True if h1 receives a packet from behind the far end."""
        return self.h1.receive(lambda d: IP(d).src == H2, timeout) is not None

    def renew(self, arguments):
        """Replace the tunnel."""
        run("ip -n a link del t0 && "
            f"ip -n a link add t0 type ipip local {A} remote {B} {arguments} && "
            "ip -n a link set t0 up && ip -n a route add 172.16.2.0/24 dev t0")

    def xstats(self, name):
        return self.rtnl.xstats("t0")[name]


def never_more(what, got):
    check(f"{what}: the flood has arrived", got["packets_in"] >= FLOOD, got)
    check(f"{what}: no more packets are sent than received",
          got["packets_out"] <= got["packets_in"], got)
    check(f"{what}: no more bytes are sent than received", got["bytes_out"] <= got["bytes_in"], got)
    check(f"{what}: the log is rate-limited", got["log"] <= LINES, got)


def quiet(what, got):
    never_more(what, got)
    equal(f"{what}: no packet is sent", got["packets_out"], 0)


def log_period(seconds):
    """Set the period of the kernel's rate limit. 0: all messages are logged."""
    run(f"sysctl -qw net.core.message_cost={seconds}")


def inner(**fields):
    return IP(src=H2, dst=H1, **fields) / UDP(sport=7, dport=9) / b"data"


def probes(gw):
    probe = IP(src=A, dst=B) / IP(src="192.0.2.1", dst="192.0.2.2", proto=4) / bytes(60)
    before = gw.xstats("keepalive_reflected"), gw.xstats("keepalive_rate_limited")
    got = gw.flood(IP(src=B, dst=A) / probe, times=5 * FLOOD)
    reflected = gw.xstats("keepalive_reflected") - before[0]
    limited = gw.xstats("keepalive_rate_limited") - before[1]
    never_more("forged probes", got)
    check("forged probes: at least 1,000 are answered", reflected >= 1000, reflected)
    check("forged probes: at most 1,000 per second are answered",
          reflected <= 1000 * (int(got["seconds"]) + 2), (reflected, got["seconds"]))
    equal("forged probes: each is counted", reflected + limited, 5 * FLOOD)
    check("forged probes: each answer is shorter than its probe",
          got["bytes_out"] <= reflected * (len(probe) + 14), got)
    gw.rtnl.change("t0", ext(keepalive_answer=0))
    got = gw.flood(IP(src=B, dst=A) / probe)
    quiet("forged probes, answers off", got)
    equal("forged probes, answers off: each is received as data", got["taken"], FLOOD)
    gw.rtnl.change("t0", ext(keepalive_answer=1))
    large = IP(src=A, dst=B, proto=4) / bytes(1300)
    got = gw.flood(IP(src=B, dst=A) / large)
    equal("large forged probes: none is answered",
          gw.xstats("keepalive_reflected") - before[0] - reflected, 0)
    never_more("large forged probes", got)
    padded(gw)


def padded(gw):
    """Padded probes, which measure the path MTU: an answer is as long as its probe."""
    measure = IP(src=A, dst=B) / IP(src="0.0.0.0", dst="0.0.0.0", proto=1) / (
        b"IPMT" + b"\xaa" * 1416)
    before = gw.xstats("keepalive_reflected"), gw.xstats("keepalive_rate_limited")
    got = gw.flood(IP(src=B, dst=A) / measure, times=5 * FLOOD)
    reflected = gw.xstats("keepalive_reflected") - before[0]
    limited = gw.xstats("keepalive_rate_limited") - before[1]
    never_more("forged padded probes", got)
    check("forged padded probes: at most 1,000 per second are answered",
          0 < reflected <= 1000 * (int(got["seconds"]) + 2), (reflected, got["seconds"]))
    equal("forged padded probes: each is counted", reflected + limited, 5 * FLOOD)
    check("forged padded probes: no answer is longer than its probe",
          got["bytes_out"] <= reflected * (len(measure) + 20 + 14), got)
    gw.rtnl.change("t0", ext(keepalive_answer=0))
    got = gw.flood(IP(src=B, dst=A) / measure)
    quiet("forged padded probes, answers off", got)
    gw.rtnl.change("t0", ext(keepalive_answer=1))


def empty(gw):
    gw.rtnl.change("t0", ext(keepalive_mode="routeros", keepalive_interval=NEVER))
    quiet("empty packets from the far end", gw.flood(IP(src=B, dst=A, proto=4)))
    quiet("empty packets from a stranger", gw.flood(IP(src=STRANGER, dst=A, proto=4)))
    gw.rtnl.change("t0", ext(keepalive_mode="cookie", keepalive_interval=0))


def icmp_error(kind, code, **fields):
    quote = IP(src=A, dst=B, proto=4, len=120, id=7, ttl=60) / bytes(IP(src=H1, dst=H2))[:8]
    return IP(src=R, dst=A) / ICMP(type=kind, code=code, **fields) / quote


def relay(gw):
    quiet("forged ICMP errors", gw.flood(icmp_error(3, 1), icmp_error(3, 3), icmp_error(11, 0)))
    gw.h1.drain()
    packet = bytes(IP(src=H1, dst=H2) / UDP(sport=7, dport=9))
    told = 0
    for _ in range(300):
        gw.h1.send(packet, gw.lan)
    while gw.h1.receive(lambda d: d[12:16] == addr(GW) and d[9] == 1, 0.5):
        told += 1
    check("1,000 forged ICMP errors are reported to at most 64 senders", 0 < told <= 64, told)


def path_mtu(gw):
    gw.rtnl.change("t0", ext(mtu_auto=1))
    errors = [icmp_error(3, 4, nexthopmtu=mtu) for mtu in (0, 1, 20, 68, 100, 551, 65535)]
    quiet("forged path MTU", gw.flood(*errors))
    time.sleep(1)
    route = run(f"ip -n a route get {B}")
    learned = int(re.search(r"mtu (?:lock )?(\d+)", route)[1])
    # Before 5.16 this sysctl isn't per netns.
    name = "net.ipv4.route.min_pmtu"
    floor = int(run(f"ip netns exec a sysctl -n {name} 2> /dev/null || sysctl -n {name}"))
    check("forged path MTU: the route's MTU isn't below the kernel's minimum", learned >= floor, route)
    mtu = int(re.search(r"mtu (\d+)", run("ip -n a link show dev t0"))[1])
    check("forged path MTU: the tunnel's MTU isn't below the minimum less 20", mtu >= floor - 20, mtu)
    exceptions = run("ip -n a route show cache").count(B)
    check("forged path MTU: at most one route exception", exceptions <= 1, exceptions)
    gw.h1.drain()
    gw.h1.send(IP(src=H1, dst=H2, flags="DF") / ICMP(id=9, seq=1) / bytes(300), gw.lan)
    check("forged path MTU: small packets still pass",
          gw.h1.receive(lambda d: IP(d).src == H2, 5) is not None)
    run("ip -n a route flush cache")
    gw.rtnl.change("t0", ext(mtu_auto=0))


def marks(gw):
    def logged():
        return run("dmesg").count(f"non-ECT from {B} with TOS=0x3\n")
    before = gw.xstats("rx_ecn")
    got = gw.flood(IP(src=B, dst=A, tos=3) / inner(tos=0))
    quiet("outer CE, inner Not-ECT", got)
    equal("outer CE, inner Not-ECT: each is counted", gw.xstats("rx_ecn") - before,
          FLOOD)
    # If it weren't logged, the check of the log's rate limit would prove nothing.
    log_period(0)
    lines = logged()
    gw.flood(IP(src=B, dst=A, tos=3) / inner(tos=0), times=1)
    log_period(PERIOD)
    equal("outer CE, inner Not-ECT: one is logged without a rate limit", logged() - lines, 1)


def syns(gw):
    gw.rtnl.change("t0", ext(clamp_mss="rx"))
    syn = IP(src=H2, dst="172.16.1.99") / TCP(flags="S", options=[("MSS", 9000)])
    got = gw.flood(IP(src=B, dst=A) / syn)
    check("SYNs: received by the tunnel", got["taken"] >= FLOOD, got)
    # No host has the destination: the gateway sends ARP requests and ICMP errors.
    never_more("SYNs", got)


STRANGERS = (("a stranger", STRANGER, A),
             ("a stranger, to another address of the gateway", STRANGER, GW),
             ("the far end, to another address of the gateway", B, GW),
             ("source 0.0.0.0", "0.0.0.0", A),
             ("the gateway's own source address", A, A),
             ("a stranger, to the broadcast address", STRANGER, "255.255.255.255"),
             ("a stranger, to a group", STRANGER, "224.0.0.1"))


def taken(gw, what, packet):
    """Check that the packet is received if the far end sends it, so that only the source is the reason
    for refusing it from others."""
    gw.h1.drain()
    equal(f"{what}: the tunnel receives it", gw.flood(packet, times=1)["taken"], 1)
    check(f"{what}: the packet is forwarded", gw.forwards(5))


def refused(gw, what, packet):
    gw.h1.drain()
    got = gw.flood(packet)
    never_more(what, got)
    equal(f"{what}: the tunnel doesn't receive it", got["taken"], 0)
    check(f"{what}: the packet isn't forwarded", not gw.forwards(0.2))


def only_of_far_end(gw, what, payload, strangers, **fields):
    """fields are those of the outer header."""
    taken(gw, f"{what}, the far end", IP(src=B, dst=A, **fields) / payload)
    for who, src, dst in strangers:
        refused(gw, f"{what}, {who}", IP(src=src, dst=dst, **fields) / payload)


def bare(gw):
    """VU#636397: a host that receives IPIP from any source forwards the inner packets with its own
    authority."""
    sysctl("a", "ipv4/icmp_ratelimit", 1000)
    only_of_far_end(gw, "IPIP", inner(ttl=9), STRANGERS)


def in_udp(gw):
    """FOU and GUE receive UDP from any source: the tunnel must check the source."""
    if subprocess.call(["modprobe", "-q", "fou"]):
        skip("strangers through FOU and GUE", "this kernel doesn't have them")
        return
    run(f"ip -n a fou add port {FOU} ipproto 4 && ip -n a fou add port {GUE} gue")
    for what, encap, port, head in (("FOU", "fou", FOU, b""), ("GUE", "gue", GUE, b"\0\4\0\0"),
                                    ("GUE without a header", "gue", GUE, b"")):
        gw.renew(f"encap {encap} encap-sport auto encap-dport {port}")
        udp = UDP(sport=port, dport=port) / (head + bytes(inner(ttl=9)))
        only_of_far_end(gw, what, udp, STRANGERS[:3])


def labelled(gw):
    if subprocess.call(["modprobe", "-q", "mpls_router"]):
        skip("strangers through MPLS", "no MPLS modules")
        return
    sysctl("a", "mpls/platform_labels", LABEL + 1)
    run(f"ip -n a -f mpls route add {LABEL} via inet {H1} dev h1")
    label = (LABEL << 12 | 1 << 8 | 9).to_bytes(4, "big")   # bottom of the stack, TTL 9
    for mode in "any", "mplsip":
        gw.renew(f"mode {mode}")
        sysctl("a", "mpls/conf/t0/input", 1)
        only_of_far_end(gw, f"MPLS, mode {mode}", label + bytes(inner(ttl=9)), STRANGERS[:3],
                        proto=137)


def no_tunnel(gw):
    """The module is loaded without a tunnel: tunl0 exists, and is down."""
    packet = inner(ttl=9)
    gw.renew("")
    taken(gw, "a tunnel, the far end", IP(src=B, dst=A) / packet)
    run("ip -n a link del t0")
    before = Delta("a", "tunl0")
    for what, src in (("a stranger", STRANGER), ("the former far end", B)):
        gw.h1.drain()
        for _ in range(100):
            gw.r.send(IP(src=src, dst=A) / packet, gw.wan)
        check(f"no tunnel: no packet from {what} is forwarded", not gw.forwards(0.5))
    equal("no tunnel: tunl0, which is down, receives nothing", before(), {})
    run("ip -n a link set tunl0 up")
    gw.r.send(IP(src=STRANGER, dst=A) / packet, gw.wan)
    check("tunl0 is up: a stranger's packet is forwarded", gw.forwards(5))
    equal("tunl0 is up: it receives the stranger's packet", before(), {"rx_packets": 1})


def test():
    if INTREE:
        skip("abuse", "the in-tree driver doesn't have these counters")
        return
    shell("topo")
    gw = Gateway()
    # Permanent neighbours, so that ARP packets aren't counted.
    run(f"ip -n a neigh replace {R} dev wan lladdr {mac('r', 'a')} nud permanent; "
        f"ip -n a neigh replace {H1} dev h1 lladdr {mac('h1', 'eth0')} nud permanent; "
        f"ip -n r neigh replace {A} dev a lladdr {mac('a', 'wan')} nud permanent")
    run(f"sysctl -qw net.core.message_burst={LINES}")
    log_period(PERIOD)
    for step in (probes, empty, relay, path_mtu, marks, syns, bare, in_udp, labelled,
                 no_tunnel):
        step(gw)


main(test)
