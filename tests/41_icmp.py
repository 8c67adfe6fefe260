# SPDX-License-Identifier: GPL-2.0
"""ICMP errors about outer packets: which the inner senders hear of, and that a
forged one can't do harm."""
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
        """Whether the next packet from h1 is answered with host unreachable."""
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
        # dst_link_failure() tells the sender and the packet goes on: the error
        # comes first.
        return icmp.type in (3, 11)

    def settle(self):
        """Use up what is still to be reported."""
        for _ in range(6):
            if self.ping() == "reply":
                return


UNREACHABLE = f"3/1 from {GW}"


def errors(path):
    for code in (0, 1, 2, 3, 9, 10, 13):
        path.error(3, code)
        equal(f"destination unreachable code {code}: the next sender hears host unreachable",
              path.ping(), UNREACHABLE)
        equal(f"destination unreachable code {code}: only one of them", path.ping(), "reply")
    for kind, code, name in ((3, 5, "source route failed"), (11, 0, "TTL exceeded, inherited"),
                             (11, 1, "reassembly time exceeded"), (12, 0, "parameter problem"),
                             (4, 0, "source quench")):
        path.error(kind, code)
        equal(f"{name} is ignored", path.ping(), "reply")
    for _ in range(3):
        path.error(3, 1)
    equal("three errors: the first sender", path.ping(), UNREACHABLE)
    equal("three errors: the second", path.ping(), UNREACHABLE)
    equal("three errors: the third", path.ping(), UNREACHABLE)
    equal("three errors: not the fourth", path.ping(), "reply")

    path.error(3, 1, dst="10.2.0.77")
    equal("an error about a packet to somebody else is ignored", path.ping(), "reply")
    path.error(3, 1, src="10.1.0.77")
    equal("an error about a packet from somebody else is ignored", path.ping(), "reply")
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
    equal("a router without a route: the next sender hears host unreachable",
          path.ping(), UNREACHABLE)
    run("ip -n r route del unreachable 10.2.0.1/32")
    path.settle()
    equal("and it works again", path.ping(), "reply")


def redirect(path):
    run(f"ip -n r addr add {R2}/24 dev a")
    shell("ns a sysctl -qw net.ipv4.conf.all.accept_redirects=1 "
          "net.ipv4.conf.wan.accept_redirects=1")
    # The kernel follows it once it has resolved the new gateway.
    path.error(5, 1, gw=R2)
    run(f"ip netns exec a ping -c 1 -W 2 {R2}")
    path.error(5, 1, gw=R2)
    path.ping()
    check("a redirect moves the outer route",
          f"via {R2}" in run(f"ip -n a route get {B}"), run(f"ip -n a route get {B}"))
    equal("and packets follow it", path.ping(), "reply")


def redirect_by_mark(path):
    """What a redirect moves is the route that the tunnel's mark leads to."""
    run(f"ip -n r addr add {R2}/24 dev a")
    shell("ns a sysctl -qw net.ipv4.conf.all.accept_redirects=1 "
          "net.ipv4.conf.wan.accept_redirects=1")
    run(f"ip -n a route add default via {R} table 100")
    run("ip -n a rule add fwmark 7 table 100")
    run("ip -n a link set t0 type ipip fwmark 7")
    equal("it works with a mark", path.ping(), "reply")
    run(f"ip netns exec a ping -c 1 -W 2 {R2}")
    path.error(5, 1, gw=R2)
    path.ping()
    marked, unmarked = (run(f"ip -n a route get {B}{mark}") for mark in (" mark 7", ""))
    differs("it looks for the route without the mark")
    check("a redirect moves the route of the mark", f"via {R2}" in marked, marked)
    differs("it looks for the route without the mark")
    check("and no other", f"via {R}" in unmarked, unmarked)
    equal("packets follow it", path.ping(), "reply")
    run("ip -n a link set t0 type ipip fwmark 0")
    run(f"ip -n r addr del {R2}/24 dev a")
    run("ip -n a rule del fwmark 7 table 100")


def frag_needed(path):
    path.error(3, 4, nexthopmtu=1300)
    equal("fragmentation needed: not an unreachable host", path.ping(), "reply")
    equal("a packet over the forged MTU is refused", path.ping(1400), f"3/4 from {GW}")
    path.error(3, 4, nexthopmtu=68)
    route = run(f"ip -n a route get {B}")
    check("a forged MTU below the kernel's floor doesn't go below it", "552" in route, route)
    equal("small packets pass all the same", path.ping(400), "reply")
    run("ip -n a route flush cache")
    path.error(3, 4, dst="10.2.0.77", nexthopmtu=600)
    equal("fragmentation needed for a path that no tunnel uses", path.ping(1400), "reply")


def wildcard(path):
    """A tunnel without a remote has no far end to be unreachable."""
    run("ip -n a link del t0")
    run("ip -n a link add name t0 type ipip local 10.1.0.1")
    run("ip -n a addr add 192.168.0.1/30 dev t0")
    run("ip -n a link set t0 up")
    run("ip -n a route add 172.16.2.0/24 via 10.2.0.1 dev t0 onlink")
    equal("next-hop mode works", path.ping(), "reply")
    path.error(3, 1)
    equal("next-hop mode: an unreachable next hop isn't held against the tunnel",
          path.ping(), "reply")


def test():
    topo()
    path = Path()
    equal("the path works", path.ping(), "reply")
    errors(path)
    real_router(path)
    frag_needed(path)
    redirect_by_mark(path)
    redirect(path)
    wildcard(path)
    check("the far end saw no error", stat("b", "t0", "rx_errors") == 0)


main(test)
