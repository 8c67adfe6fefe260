# SPDX-License-Identifier: GPL-2.0
"""The measurement of the path MTU by padded keepalive probes (RFC 8899): both ends find the path MTU
with and without ICMP errors, and with forged ones."""
import socket
import struct
import time

from craft import Raw, ip_header
from lib import INTREE, Tap, check, equal, main, run, shell, skip, topo, wait
from measure import A, B, Ends, drop_large, mtu

def wire(ends):
    """All bytes of a padded probe and its answer."""
    probes, answers = Tap("r", "a", "in"), Tap("r", "b", "in")
    ends.start("a")
    large = probes.receive(lambda d: len(d) == 1500 and d[9] == 4, 10)
    equal("the probe: outer header", (large[1], large[6] & 0x40, socket.inet_ntoa(large[16:20])),
          (0, 0x40, B))
    equal("the probe: the inner packet, which is to come back, is 1480 bytes with DF",
          (struct.unpack(">H", large[22:24])[0], large[26], large[29]), (1480, 0x40, 4))
    equal("the probe: an inner header without addresses, and the mark",
          (large[52:60], large[49], large[60:64]), (bytes(8), 1, b"IPMT"))
    equal("the probe: zeros", large[84:], bytes(1500 - 84))
    back = answers.receive(lambda d: len(d) == 1500 and d[9] == 4, 5)
    equal("the answer: the same size, with DF, to the far end",
          (struct.unpack(">H", back[2:4])[0], back[6], socket.inet_ntoa(back[16:20])),
          (1500, 0x40, A))
    equal("the answer: the cookie, and zeros", (back[40:64], back[64:]),
          (large[60:84], bytes(1500 - 64)))
    ends.become("no black hole", 1480, nodes="a")
    got = ends.ext("a")
    check("the dump has the age of the measurement", got["mtu_age"] < 5000, got)
    equal("b measures nothing", ends.ext("b")["mtu_state"], "off")


def black_hole(ends):
    ends.start()
    ends.become("both measure", 1480)
    before = [ends.count(n, "black_hole") for n in "ab"]
    lost = [ends.count(n, "probe_lost") for n in "ab"]
    drop_large(1400)
    ends.become("a black hole: 1380", 1380, 30)
    # A lost probe takes one timeout.
    lost = [ends.count(n, "probe_lost") - b for n, b in zip("ab", lost)]
    check("a black hole: found after at most three lost probes", max(lost) <= 3, lost)
    equal("a black hole: counted at both ends",
          [ends.count(n, "black_hole") - b for n, b in zip("ab", before)], [1, 1])
    check("a black hole: packets of the measured MTU pass", run(
        "ip netns exec h1 ping -M do -c 3 -i 0.2 -W 2 -s 1352 172.16.2.2"))
    drop_large(0)
    ends.start()
    ends.become("down and up: the path MTU is measured again", 1480)


def late(ends):
    """An answer that comes after its timeout. Only the way back is a black hole; the answer takes
    another way."""
    tap = Tap("r", "b", "in")
    run("ip netns exec r nft 'add table ip back; "
        "add chain ip back f { type filter hook forward priority 0; }; "
        "add rule ip back f iifname b meta length > 1400 drop'")
    tap.drain()
    answer = tap.receive(lambda d: len(d) == 1500 and d[9] == 4 and d[29] != 4, 5)
    check("an answer that is late: a search begins",
          wait(lambda: ends.ext("a")["mtu_state"] == "search", 5))
    Raw("r").send(answer)
    check("an answer that is late: it ends the search",
          wait(lambda: ends.ext("a")["mtu_state"] == "complete", 0.5), ends.ext("a"))
    equal("an answer that is late: the path carries that size", ends.measured("a"), 1480)
    run("ip netns exec r nft delete table ip back")


def hints(ends):
    """ICMP errors: true, forged, and below the kernel's minimum."""
    def learned():
        return "mtu" in run(f"ip -n a route get {B}")
    before = ends.count("a", "hint_undone")
    shell(f"frag_needed r {A} {B} 1000 {A}")
    check("a forged ICMP error: the kernel learns its MTU",
          wait(learned, 3) or ends.count("a", "hint_undone") > before)
    check("a forged ICMP error: the driver undoes that",
          wait(lambda: ends.count("a", "hint_undone") == before + 1 and
                             not "mtu 1000" in run(f"ip -n a route get {B}"), 5),
          run(f"ip -n a route get {B}"))
    equal("a forged ICMP error: the tunnel's MTU hasn't changed",
          (ends.measured("a"), mtu("a")), (1480, 1480))
    shell(f"frag_needed r {A} {B} 100 {A}")
    check("a forged MTU of 100 bytes: the driver undoes it", wait(
        lambda: ends.count("a", "hint_undone") == before + 2, 5), ends.ext("a"))
    equal("a forged MTU of 100 bytes: the tunnel's MTU hasn't changed",
          (ends.measured("a"), mtu("a")), (1480, 1480))
    check("a forged MTU of 100 bytes: large packets pass",
          run("ip netns exec h1 ping -c 2 -i 0.2 -W 2 -s 1400 172.16.2.2"))
    # The forged errors were an outage, and the new MTU is another. After two outages within 64 packets
    # a search tries each size up to eight times, which takes longer than the 15 s below.
    ends.start()
    ends.become("down and up after the forged errors", 1480)
    run("ip -n r link set dev b mtu 1400; ip -n b link set dev wan mtu 1400")
    ends.become("a true ICMP error about a narrow link: both ends", 1380, 15)
    run("ip -n r link set dev b mtu 1500; ip -n b link set dev wan mtu 1500")
    ends.become("the end whose underlay grows measures at once", 1480, 15, "b")


def asymmetric(ends):
    """One end has a narrower underlay than the other."""
    run("ip -n a link set dev wan mtu 1492")
    ends.start()
    ends.become("1492 at one end, 1500 at the other", 1472)
    run("ip -n a link set dev wan mtu 1500")
    ends.start()
    ends.become("1500 at both ends again", 1480)


def far_ends(ends):
    """Far ends that don't answer padded probes, and far ends without this driver that do."""
    ends.ends["b"].set("t0", keepalive_interval=0, keepalive_answer=0)
    ends.start("a", keepalive_interval=500, keepalive_retries=2)
    check("a far end that doesn't answer: keepalive's state is down", wait(
        lambda: ends.ext("a")["keepalive_state"] == "down", 15))
    time.sleep(1)
    equal("a far end that doesn't answer: the MTU is derived from the underlay",
          (ends.ext("a").get("mtu_measured"), mtu("a")),
          (None, 1480))
    run("ip netns exec b sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.t0.accept_local=1")
    drop_large(1400)
    ends.start("a")
    ends.become("a far end that forwards the inner packet back", 1380, 20, "a")
    run("ip netns exec b sysctl -qw net.ipv4.conf.all.accept_local=0 net.ipv4.conf.t0.accept_local=0")
    ends.ends["b"].set("t0", keepalive_answer=1)
    ends.start("a", keepalive_mode="icmp", keepalive_target="192.168.0.2")
    ends.become("mode icmp with a black hole", 1380, 20, "a")
    drop_large(0)
    ends.start("a", keepalive_mode="icmp", keepalive_target="192.168.0.2")
    ends.become("mode icmp without a black hole", 1480, 20, "a")
    ends.start("a", keepalive_mode="routeros")
    time.sleep(1)
    equal("mode routeros: nothing is measured", ends.ext("a")["mtu_state"], "off")
    ends.start("a", keepalive_interval=0)
    equal("keepalive off: nothing is measured", ends.ext("a")["mtu_state"], "off")
    ends.start("a")
    ends.become("keepalive on again", 1480, 20, "a")
    run("ip -n a link set dev t0 mtu 1400")
    equal("an MTU that the user sets ends the measurement", ends.ext("a")["mtu_state"], "off")
    ends.ends["a"].set("t0", mtu_auto=1)
    ends.become("mtu_auto again: measured again", 1480, 20, "a")


def answers(ends):
    """The answers to padded probes: never longer than the probe, and only to well-formed probes."""
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
        equal(f"a probe of {size} bytes: the size of the answer", got and len(got), size + 20)
        equal(f"a probe of {size} bytes: the answer has only its cookie", got and got[40:],
              b"IPMT" + bytes(range(20)) + bytes(size - 44))
    run("ip -n a link set dev t0 mtu 1200")
    check("a probe larger than the tunnel's MTU is answered", ask(probe(1480), 5))
    run("ip -n a link set dev wan mtu 1400")
    equal("a probe larger than the underlay's MTU isn't answered", ask(probe(1381)), None)
    run("ip -n a link set dev wan mtu 1500")
    equal("a probe with another mark isn't answered", ask(probe(600, b"IPIP")), None)
    good = probe(600)
    equal("a packet that is no probe isn't answered", ask(ip(A, B, bytes(580))), None)
    equal("a probe with bytes after its end isn't answered", ask(good + bytes(4)), None)
    equal("a truncated probe isn't answered", ask(good[:500]), None)


def test():
    if INTREE:
        skip("measured MTU", "the in-tree driver doesn't have it")
        return
    topo()
    run("ip netns exec a ping -c 1 -W 5 192.168.0.2")
    ends = Ends()
    for part in wire, black_hole, late, hints, asymmetric, far_ends, answers:
        start = time.monotonic()
        part(ends)
        print(f"# {part.__name__}: {time.monotonic() - start:.0f} s")


main(test)
