# SPDX-License-Identifier: GPL-2.0
"""ICMP errors about outer packets: which of them reach the inner senders, and that forged
errors do no harm."""
from lib import Tap, check, differs, equal, mac, main, run, shell, stat, topo
from scapy.layers.inet import ICMP, IP

A, B, R, R2 = "10.1.0.1", "10.2.0.1", "10.1.0.254", "10.1.0.253"
H1, H2, GW = "172.16.1.2", "172.16.2.2", "172.16.1.1"


class Path:
    def __init__(self):
        self.h1 = Tap("h1", "eth0", "in")
        self.r = Tap("r", "a")
        self.to_a = mac("a", "wan")
        self.to_gw = mac("a", "h1")
        self.seq = 0

    def error(self, kind, code, src=A, dst=B, proto=4, **fields):
        """An ICMP error from r about an outer packet from src to dst."""
        quote = IP(src=src, dst=dst, proto=proto, len=120, id=7, ttl=60)
        inner = IP(src=H1, dst=H2, proto=1, len=100)
        packet = (IP(src=R, dst=A) / ICMP(type=kind, code=code, **fields) /
                  quote / bytes(inner)[:8])
        self.r.send(packet, self.to_a)

    def ping(self, size=0):
        """What answers the next packet from h1: "reply", "silence", or an ICMP error."""
        self.seq += 1
        packet = (IP(src=H1, dst=H2, flags="DF") / ICMP(id=99, seq=self.seq) /
                  bytes(size))
        self.h1.drain()
        self.h1.send(packet, self.to_gw)
        reply = self.h1.receive(lambda d: self.is_mine(d), 5)
        if reply is None:
            return "silence"
        icmp = IP(reply)[ICMP]
        if icmp.type == 0:
            return "reply"
        return f"{icmp.type}/{icmp.code} from {IP(reply).src}"

    def is_mine(self, data):
        p = IP(data)
        if ICMP not in p or p.dst != H1:
            return False
        icmp = p[ICMP]
        if icmp.type == 0:
            return icmp.seq == self.seq
        # dst_link_failure() sends the error, and the packet goes on: the error arrives
        # before the reply.
        return icmp.type in (3, 11)

    def settle(self):
        """Send packets until no error is left to be reported."""
        for _ in range(6):
            if self.ping() == "reply":
                return


UNREACHABLE = f"3/1 from {GW}"


def errors(path):
    for code in (0, 1, 2, 3, 9, 10, 13):
        path.error(3, code)
        equal(f"destination unreachable code {code}: the next sender gets host unreachable",
              path.ping(), UNREACHABLE)
        equal(f"destination unreachable code {code}: the sender after that doesn't",
              path.ping(), "reply")
    for kind, code, name in ((3, 5, "source route failed"), (11, 0, "TTL exceeded, inherited"),
                             (11, 1, "reassembly time exceeded"), (12, 0, "parameter problem"),
                             (4, 0, "source quench")):
        path.error(kind, code)
        equal(f"{name} is ignored", path.ping(), "reply")
    for _ in range(3):
        path.error(3, 1)
    equal("three errors: the first sender gets one", path.ping(), UNREACHABLE)
    equal("three errors: the second sender gets one", path.ping(), UNREACHABLE)
    equal("three errors: the third sender gets one", path.ping(), UNREACHABLE)
    equal("three errors: the fourth sender doesn't", path.ping(), "reply")

    path.error(3, 1, dst="10.2.0.77")
    equal("an error about a packet to another far end is ignored", path.ping(), "reply")
    path.error(3, 1, src="10.1.0.77")
    equal("an error about a packet from another address is ignored", path.ping(), "reply")
    path.error(3, 1, proto=17)
    equal("an error about another protocol is ignored", path.ping(), "reply")

    run("ip -n a link set t0 type ipip ttl 64")
    path.error(11, 0)
    equal("TTL exceeded with a fixed TTL: host unreachable", path.ping(), UNREACHABLE)
    path.settle()
    run("ip -n a link set t0 type ipip ttl inherit")


def real_router(path):
    run("ip -n r route add unreachable 10.2.0.1/32")
    path.ping()
    equal("a router without a route: the next sender gets host unreachable",
          path.ping(), UNREACHABLE)
    run("ip -n r route del unreachable 10.2.0.1/32")
    path.settle()
    equal("a router with a route again: packets pass", path.ping(), "reply")


def redirect(path):
    run(f"ip -n r addr add {R2}/24 dev a")
    shell("ns a sysctl -qw net.ipv4.conf.all.accept_redirects=1 "
          "net.ipv4.conf.wan.accept_redirects=1")
    # The kernel applies a redirect only after it has resolved the new gateway.
    path.error(5, 1, gw=R2)
    run(f"ip netns exec a ping -c 1 -W 2 {R2}")
    path.error(5, 1, gw=R2)
    path.ping()
    check("a redirect changes the outer route",
          f"via {R2}" in run(f"ip -n a route get {B}"), run(f"ip -n a route get {B}"))
    equal("a redirect: packets take the new route", path.ping(), "reply")


def redirect_by_mark(path):
    """A redirect changes the route that the tunnel's mark selects."""
    run(f"ip -n r addr add {R2}/24 dev a")
    shell("ns a sysctl -qw net.ipv4.conf.all.accept_redirects=1 "
          "net.ipv4.conf.wan.accept_redirects=1")
    run(f"ip -n a route add default via {R} table 100")
    run("ip -n a rule add fwmark 7 table 100")
    run("ip -n a link set t0 type ipip fwmark 7")
    equal("a tunnel with a mark: packets pass", path.ping(), "reply")
    run(f"ip netns exec a ping -c 1 -W 2 {R2}")
    path.error(5, 1, gw=R2)
    path.ping()
    marked, unmarked = (run(f"ip -n a route get {B}{mark}") for mark in (" mark 7", ""))
    differs("the in-tree driver looks the route up without the mark")
    check("a redirect changes the route of the mark", f"via {R2}" in marked, marked)
    differs("the in-tree driver looks the route up without the mark")
    check("a redirect doesn't change the other route", f"via {R}" in unmarked, unmarked)
    equal("a redirect of the mark's route: packets take it", path.ping(), "reply")
    run("ip -n a link set t0 type ipip fwmark 0")
    run(f"ip -n r addr del {R2}/24 dev a")
    run("ip -n a rule del fwmark 7 table 100")


def frag_needed(path):
    path.error(3, 4, nexthopmtu=1300)
    equal("fragmentation needed: small packets still pass", path.ping(), "reply")
    equal("a packet over the forged MTU is refused", path.ping(1400), f"3/4 from {GW}")
    path.error(3, 4, nexthopmtu=68)
    route = run(f"ip -n a route get {B}")
    check("a forged MTU below the kernel's minimum sets the minimum", "552" in route, route)
    equal("a forged MTU: small packets still pass", path.ping(400), "reply")
    run("ip -n a route flush cache")
    path.error(3, 4, dst="10.2.0.77", nexthopmtu=600)
    equal("fragmentation needed for another far end is ignored", path.ping(1400), "reply")


def wildcard(path):
    """A tunnel without a remote doesn't report an unreachable next hop to other senders."""
    run("ip -n a link del t0")
    run("ip -n a link add name t0 type ipip local 10.1.0.1")
    run("ip -n a addr add 192.168.0.1/30 dev t0")
    run("ip -n a link set t0 up")
    run("ip -n a route add 172.16.2.0/24 via 10.2.0.1 dev t0 onlink")
    equal("next-hop mode: packets pass", path.ping(), "reply")
    path.error(3, 1)
    equal("next-hop mode: an error about a next hop is ignored",
          path.ping(), "reply")


def test():
    topo()
    path = Path()
    equal("packets pass without errors", path.ping(), "reply")
    errors(path)
    real_router(path)
    frag_needed(path)
    redirect_by_mark(path)
    redirect(path)
    wildcard(path)
    check("the far end has counted no receive errors", stat("b", "t0", "rx_errors") == 0)


main(test)
