# SPDX-License-Identifier: GPL-2.0
"""An automatic MTU is measured by keepalive's padded probes (RFC 8899): both ends find what
the path carries, where ICMP says nothing, too little, or what isn't so."""
import socket
import struct
import time

from craft import Raw, ip_header
from lib import INTREE, Tap, check, equal, main, run, shell, skip, topo, wait
from measure import A, B, Ends, drop_large, mtu

def wire(ends):
    """What is sent, to the byte."""
    probes, answers = Tap("r", "a", "in"), Tap("r", "b", "in")
    ends.start("a")
    large = probes.receive(lambda d: len(d) == 1500 and d[9] == 4, 10)
    equal("the probe: outer header", (large[1], large[6] & 0x40, socket.inet_ntoa(large[16:20])),
          (0, 0x40, B))
    equal("the probe: what comes back is 1480 bytes, with DF",
          (struct.unpack(">H", large[22:24])[0], large[26], large[29]), (1480, 0x40, 4))
    equal("the probe: nobody's header, and the mark",
          (large[52:60], large[49], large[60:64]), (bytes(8), 1, b"IPMT"))
    equal("the probe: zeros", large[84:], bytes(1500 - 84))
    back = answers.receive(lambda d: len(d) == 1500 and d[9] == 4, 5)
    equal("the answer: as large, with DF, to the far end",
          (struct.unpack(">H", back[2:4])[0], back[6], socket.inet_ntoa(back[16:20])),
          (1500, 0x40, A))
    equal("the answer: the cookie, and zeros", (back[40:64], back[64:]),
          (large[60:84], bytes(1500 - 64)))
    ends.become("nothing in the way", 1480, nodes="a")
    got = ends.ext("a")
    check("when it was is in the dump", got["mtu_age"] < 5000, got)
    equal("b measures nothing", ends.ext("b")["mtu_state"], "off")


def black_hole(ends):
    ends.start()
    ends.become("both measure", 1480)
    before = [ends.count(n, "black_hole") for n in "ab"]
    drop_large(1400)
    start = time.monotonic()
    ends.become("a black hole: 1380", 1380, 10)
    check("within three timeouts of the first probe that is lost", time.monotonic() - start < 5.5,
          time.monotonic() - start)
    equal("it is counted", [ends.count(n, "black_hole") - b for n, b in zip("ab", before)], [1, 1])
    check("large packets come through", run(
        "ip netns exec h1 ping -M do -c 3 -i 0.2 -W 2 -s 1352 172.16.2.2"))
    drop_large(0)
    ends.start()
    ends.become("down and up: all is measured anew", 1480)


def hints(ends):
    """ICMP: true, forged, and below what anybody believes."""
    def learned():
        return "mtu" in run(f"ip -n a route get {B}")
    before = ends.count("a", "hint_undone")
    shell(f"frag_needed r {A} {B} 1000 {A}")
    check("forged: it is learned", wait(learned, 3) or ends.count("a", "hint_undone") > before)
    check("and undone", wait(lambda: ends.count("a", "hint_undone") == before + 1 and
                             not "mtu 1000" in run(f"ip -n a route get {B}"), 5),
          run(f"ip -n a route get {B}"))
    equal("the MTU hasn't changed", (ends.measured("a"), mtu("a")), (1480, 1480))
    shell(f"frag_needed r {A} {B} 100 {A}")
    check("100 bytes: that is undone, too", wait(
        lambda: ends.count("a", "hint_undone") == before + 2, 5), ends.ext("a"))
    equal("and the MTU hasn't changed", (ends.measured("a"), mtu("a")), (1480, 1480))
    check("and data go through", run("ip netns exec h1 ping -c 2 -i 0.2 -W 2 -s 1400 172.16.2.2"))
    run("ip -n r link set dev b mtu 1400; ip -n b link set dev wan mtu 1400")
    ends.become("true, by a link that is narrow: both ends", 1380, 15)
    run("ip -n r link set dev b mtu 1500; ip -n b link set dev wan mtu 1500")
    ends.become("the end that sees the link grow finds it at once", 1480, 15, "b")


def asymmetric(ends):
    """An end whose own link is narrower than the other's."""
    run("ip -n a link set dev wan mtu 1492")
    ends.start()
    ends.become("1492 at one end, 1500 at the other", 1472)
    run("ip -n a link set dev wan mtu 1500")
    ends.start()
    ends.become("and 1500", 1480)


def far_ends(ends):
    """Those that don't know padded probes, and those that do without this driver."""
    ends.ends["b"].set("t0", keepalive_interval=0, keepalive_answer=0)
    ends.start("a", keepalive_interval=500, keepalive_retries=2)
    check("a far end that answers nothing: nothing is measured", wait(
        lambda: ends.ext("a")["keepalive_state"] == "down", 15))
    time.sleep(1)
    equal("the MTU is what the underlay says", (ends.ext("a").get("mtu_measured"), mtu("a")),
          (None, 1480))
    run("ip netns exec b sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.t0.accept_local=1")
    drop_large(1400)
    ends.start("a")
    ends.become("a far end that forwards what comes back", 1380, 20, "a")
    run("ip netns exec b sysctl -qw net.ipv4.conf.all.accept_local=0 net.ipv4.conf.t0.accept_local=0")
    ends.ends["b"].set("t0", keepalive_answer=1)
    ends.start("a", keepalive_mode="icmp", keepalive_target="192.168.0.2")
    ends.become("mode icmp", 1380, 20, "a")
    drop_large(0)
    ends.start("a", keepalive_mode="icmp", keepalive_target="192.168.0.2")
    ends.become("mode icmp, nothing in the way", 1480, 20, "a")
    ends.start("a", keepalive_mode="routeros")
    time.sleep(1)
    equal("mode routeros: nothing is measured", ends.ext("a")["mtu_state"], "off")
    ends.start("a", keepalive_interval=0)
    equal("keepalive off: nothing is measured", ends.ext("a")["mtu_state"], "off")
    ends.start("a")
    ends.become("and on again", 1480, 20, "a")
    run("ip -n a link set dev t0 mtu 1400")
    equal("an MTU that is set ends it", ends.ext("a")["mtu_state"], "off")
    ends.ends["a"].set("t0", mtu_auto=1)
    ends.become("until it is automatic again", 1480, 20, "a")


def answers(ends):
    """What the far end gets for padded probes: never more than was sent, and only for ours."""
    ends.ends["a"].set("t0", keepalive_interval=0)
    run("ip -n a link set dev t0 mtu 1480; ip -n b link set dev t0 down")
    tap, far = Tap("r", "a", "in"), Raw("b")

    def ip(src, dst, payload=b"", proto=4, flags=0x4000):
        return ip_header(src, dst, proto, len(payload), flags=flags) + payload

    def ask(inner, timeout=0.4):
        tap.drain()
        far.send(ip(B, A, inner))
        return tap.receive(lambda d: d[9] == 4, timeout)

    def probe(size, magic=b"IPMT", fill=b"\xaa"):
        cookie = magic + bytes(range(20))
        return ip(A, B, ip("0.0.0.0", "0.0.0.0", cookie + fill * (size - 64), 1))

    for size in 129, 600, 1480:
        got = ask(probe(size), 5)
        equal(f"{size} bytes: as large an answer", got and len(got), size + 20)
        equal(f"{size} bytes: nothing of the probe but the cookie", got and got[40:],
              b"IPMT" + bytes(range(20)) + bytes(size - 44))
    run("ip -n a link set dev t0 mtu 1200")
    check("larger than the tunnel's MTU, but not than the underlay's", ask(probe(1480), 5))
    run("ip -n a link set dev wan mtu 1400")
    equal("larger than the underlay's", ask(probe(1381)), None)
    run("ip -n a link set dev wan mtu 1500")
    equal("another mark", ask(probe(600, b"IPIP")), None)
    good = probe(600)
    equal("a payload of others'", ask(ip(A, B, bytes(580))), None)
    equal("bytes behind its end", ask(good + bytes(4)), None)
    equal("cut off", ask(good[:500]), None)


def test():
    if INTREE:
        skip("measured MTU", "the in-tree driver doesn't have it")
        return
    topo()
    run("ip netns exec a ping -c 1 -W 5 192.168.0.2")
    ends = Ends()
    for part in wire, black_hole, hints, asymmetric, far_ends, answers:
        start = time.monotonic()
        part(ends)
        print(f"# {part.__name__}: {time.monotonic() - start:.0f} s")


main(test)
