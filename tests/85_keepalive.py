# SPDX-License-Identifier: GPL-2.0
"""Keepalive: the format of probes and answers, kinds of far ends, which answers count."""
import os
import socket
import struct
import subprocess
import time

from craft import Raw, ip_header, sum16
from lib import (INTREE, Rtnl, Tap, check, equal, main, run, shell, skip, stat, topo,
                 wait)

A, B = "10.1.0.1", "10.2.0.1"
NOBODY = "0.0.0.0"
COOKIE, MAGIC = 24, b"IPIP"


def ip(src, dst, payload=b"", proto=4, ttl=64, options=b""):
    return ip_header(src, dst, proto, len(payload), flags=0, ttl=ttl, options=options) + payload


def fields(packet):
    """Addresses, protocol, TOS, DF, length."""
    return (socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]), packet[9],
            packet[1], packet[6] >> 5, struct.unpack(">H", packet[2:4])[0])


class Bench:
    def __init__(self):
        self.a, self.b = Rtnl("a"), Rtnl("b")
        self.probes = Tap("r", "a", "in")
        self.answers = Tap("r", "b", "in")
        self.far = Raw("b")

    def keepalive(self, mode="cookie", interval=200, retries=3, **more):
        """Restart keepalive. This resets its state, but not the counters."""
        run("ip -n a link set dev t0 down")
        self.a.set("t0", keepalive_interval=interval, keepalive_retries=retries, **more,
                   keepalive_mode=mode)
        run("ip -n a link set dev t0 up")
        self.probes.drain()

    def probe(self, size, timeout=5.0):
        """The next outer packet of this size from a."""
        return self.probes.receive(lambda d: d[9] == 4 and len(d) == size, timeout)

    def state(self):
        return self.a.ext("t0")["keepalive_state"]

    def count(self, name, node=None):
        return (node or self.a).xstats("t0")["keepalive_" + name]

    def counts(self, what, deltas, function):
        """Check by how much each of these counters grows during function()."""
        before = {name: self.count(name) for name in deltas}
        function()
        wait(lambda: all(self.count(n) >= before[n] + d for n, d in deltas.items()), 3)
        time.sleep(0.3)     # time for packets that must not count
        equal(what, {name: self.count(name) - before[name] for name in deltas}, deltas)


def dissected(packet):
    """The output of tcpdump for the packet."""
    capture = struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) + struct.pack(
        "=IIII", 0, 0, len(packet), len(packet)) + packet
    return subprocess.run(["tcpdump", "-nvr", "-"], input=capture, capture_output=True,
                          check=True).stdout.decode()


def wire_formats(bench):
    counters = "rx_packets", "tx_packets", "rx_errors", "tx_errors", "tx_dropped"
    before = [stat("a", "t0", name) for name in counters]
    bench.keepalive("cookie")
    first, second = bench.probe(84), bench.probe(84)
    equal("cookie: the outer header", fields(first), (A, B, 4, 0xc0, 0, 84))
    equal("cookie: the inner header, which comes back", fields(first[20:]), (B, A, 4, 0xc0, 0, 64))
    equal("cookie: the innermost header, which no host takes",
          fields(first[40:]), (NOBODY, NOBODY, 1, 0xc0, 0, 44))
    for at in 0, 20, 40:
        equal(f"cookie: checksum of the header at {at}", sum16(first[at:at + 20]), 0)
    equal("cookie: the mark", first[60:64], MAGIC)
    check("cookie: two probes have different cookies and IDs",
          first[64:] != second[64:] and first[4:6] != second[4:6])
    equal("cookie: the number grows by one", struct.unpack(">I", second[64:68])[0],
          struct.unpack(">I", first[64:68])[0] + 1)
    shown = dissected(first)
    check("cookie: tcpdump finds the packet complete",
          "> 0.0.0.0: ICMP" in shown and "truncated" not in shown and "missing" not in shown, shown)
    equal("the TTL of a probe is the host's default", first[8], 64)
    run("ip -n a link set dev t0 type ipip ttl 33")
    check("the TTL of a probe is the tunnel's, if it has one",
          bench.probes.receive(lambda d: len(d) == 84 and d[8] == 33))
    run("ip -n a link set dev t0 type ipip ttl inherit")

    bench.keepalive("routeros")
    nested, empty = bench.probe(40), bench.probe(20)
    equal("routeros: the outer header of a nested probe", fields(nested), (A, B, 4, 0xc0, 0, 40))
    equal("routeros: the inner header of a nested probe, which comes back",
          fields(nested[20:]), (B, A, 4, 0xc0, 0, 20))
    equal("routeros: the header of an empty probe", fields(empty), (A, B, 4, 0xc0, 0, 20))

    bench.keepalive("icmp", keepalive_target="192.168.0.2")
    echo = bench.probe(72)
    equal("icmp: the outer header", fields(echo), (A, B, 4, 0xc0, 0, 72))
    equal("icmp: the echo request is from the tunnel's own address to the target", fields(echo[20:]),
          ("192.168.0.1", "192.168.0.2", 1, 0xc0, 0, 52))
    equal("icmp: type and code", echo[40:42], b"\x08\0")
    equal("icmp: the checksum", sum16(echo[40:]), 0)
    equal("icmp: the echo request carries a cookie", echo[48:52], MAGIC)
    equal("icmp: the sequence number is the lower half of the cookie's number",
          echo[46:48], echo[54:56])
    equal("icmp: the identifier of the next probe is the same", bench.probe(72)[44:46], echo[44:46])
    equal("probes don't count in the device's statistics",
          [stat("a", "t0", name) for name in counters], before)


def two_nodes(bench):
    for mode in "cookie", "routeros", "icmp":
        bench.keepalive(mode, keepalive_target="192.168.0.2")
        before = bench.count("answered")
        check(f"{mode}: a far end with this driver answers",
              wait(lambda: bench.count("answered") > before + 3))
        time.sleep(1)
        got = bench.a.ext("t0")
        equal(f"{mode}: the state is up, no misses",
              (got["keepalive_state"], got["keepalive_misses"]), ("up", 0))
        check(f"{mode}: the last answer is less than a second old",
              wait(lambda: bench.a.ext("t0")["keepalive_age"] < 1000), got)
        if mode == "routeros":
            check("routeros: no round-trip time", "keepalive_rtt" not in got, got)
        else:
            check(f"{mode}: a round-trip time", 0 < got["keepalive_rtt"] < 1000000, got)
    reflected = bench.count("reflected", bench.b)
    check("the far end counts the probes that it has reflected", reflected > 5, reflected)
    equal("the far end sends no probes of its own", bench.count("sent", bench.b), 0)

    run("ip -n b link set dev t0 down")
    bench.keepalive("cookie", interval=100)
    check("the far end is down: the state is down", wait(lambda: bench.state() == "down"))
    shown = run("ip -n a link show dev t0")
    check("the far end is down: ip(8) shows NO-CARRIER",
          "NO-CARRIER" in shown and "LOWER_UP" not in shown, shown)
    check("the far end is down: routes are linkdown", wait(lambda: "linkdown" in run(
        "ip -n a route show 172.16.2.0/24")) or not run("ip -n a route show 172.16.2.0/24"))
    bench.probes.drain()
    check("the far end is down: probes are still sent", bench.probe(84))
    run("ip -n b link set dev t0 up")
    check("the far end is up again: the state is up", wait(lambda: bench.state() == "up"))
    check("the far end is up again: ip(8) shows LOWER_UP",
          "LOWER_UP" in run("ip -n a link show dev t0"))


def hostile(bench):
    """A far end that the test plays itself: b's tunnel is deleted."""
    run("ip -n b link del t0")
    shell("ns_sysctl b net.ipv4.icmp_msgs_per_sec=0 net.ipv4.icmp_msgs_burst=0")

    def answer(cookie, proto=1):
        bench.far.send(ip(B, A, ip(NOBODY, NOBODY, cookie, proto)))

    def fresh():
        bench.probes.drain()
        return bench.probe(84)[60:]

    bench.keepalive("cookie", interval=1000, retries=30)
    cookie = fresh()
    bench.counts("a valid answer counts", {"answered": 1, "late": 0, "forged": 0},
                 lambda: answer(cookie))
    bench.counts("the same answer again is late", {"answered": 0, "late": 1}, lambda: answer(cookie))
    bench.counts("an answer with the protocol number of version 0.1 counts",
                 {"answered": 1, "late": 0, "forged": 0},
                 lambda: answer(fresh(), proto=4))
    cookie = fresh()
    for at, what in (4, "number"), (8, "time"), (16, "hash"), (23, "hash's last byte"):
        bad = cookie[:at] + bytes([cookie[at] ^ 1]) + cookie[at + 1:]
        bench.counts(f"an answer with a wrong {what} is forged", {"answered": 0, "forged": 1},
                     lambda: answer(bad))
    data = stat("a", "t0", "rx_packets")
    bench.counts("an answer from another address doesn't count", {"answered": 0, "forged": 0},
                 lambda: bench.far.send(ip("10.2.0.2", A, ip(NOBODY, NOBODY, cookie))))
    bench.counts("mode cookie: an empty packet doesn't count", {"answered": 0, "forged": 0},
                 lambda: bench.far.send(ip(B, A)))
    equal("none of these packets is received as data", stat("a", "t0", "rx_packets"), data)
    bench.counts("a valid answer still counts afterwards", {"answered": 1}, lambda: answer(cookie))
    old = fresh()
    run("ip -n a link set dev t0 down; ip -n a link set dev t0 up")
    bench.counts("an answer to a probe from before down and up is forged", {"answered": 0, "forged": 1},
                 lambda: answer(old))

    bench.keepalive("cookie", interval=2000, retries=2)
    old = fresh()
    newer = fresh()
    newest = fresh()
    bench.counts("two retries: an answer to the last but one probe counts", {"answered": 1},
                 lambda: answer(newer))
    bench.counts("two retries: an answer to an older probe is late", {"answered": 0, "late": 1},
                 lambda: answer(old))
    bench.counts("two retries: an answer to the last probe counts", {"answered": 1}, lambda: answer(newest))
    check("replayed answers don't keep the state up",
          wait(lambda: answer(newest) or bench.state() == "down", 30))
    bench.a.set("t0", keepalive_interval=0)
    check("off: the carrier is back", "LOWER_UP" in run("ip -n a link show dev t0"))
    equal("off: the state is off", bench.state(), "off")


def routeros(bench):
    """Far ends with only one of RouterOS's two forms: answers to nested probes, or its own empty probes."""
    for what, act in (("nested answer", lambda: bench.probe(40) and bench.far.send(ip(B, A))),
                      ("one-way", lambda: bench.far.send(ip(B, A)))):
        bench.keepalive("routeros", interval=300, retries=3)
        for _ in range(8):
            act()
            time.sleep(0.25)
        equal(f"routeros, {what}: the state stays up", bench.state(), "up")
        check(f"routeros, {what}: it stops, the state is down",
              wait(lambda: bench.state() == "down"))
        check(f"routeros, {what}: it starts again, the state is up",
              wait(lambda: act() or bench.state() == "up"))
    check("routeros: data packets don't keep the state up", wait(lambda: bench.far.send(
        ip(B, A, ip("192.168.0.2", "192.168.0.1", bytes(8), 253))) or bench.state() == "down"))
    bench.a.set("t0", keepalive_interval=0, keepalive_mode="cookie")


def reflect(bench):
    """Keepalive is off at a, which still answers the far end's probes."""
    def ask(inner, src=B, timeout=5.0):
        bench.probes.drain()
        bench.far.send(ip(src, A, inner))
        return bench.probes.receive(lambda d: d[9] == 4 and d[1] == 0xc0, timeout)

    payload = bytes(range(64))
    for what, inner, want in (
            ("RouterOS's empty probe", ip(A, B), b""),
            ("a probe with the far end's private address", ip(A, "192.168.88.1"), b""),
            ("a probe with another address for this end", ip("203.0.113.9", B), b""),
            ("a probe with a payload", ip(A, B, payload), payload),
            ("a probe with options", ip(A, B, payload, options=b"\1\1\1\1"), payload),
            ("a probe of 128 bytes", ip(A, B, bytes(108)), bytes(108))):
        got = ask(inner)
        equal(f"{what}: is answered to the address that it came from",
              got and (fields(got)[:3], got[20:]), ((A, B, 4), want))
        check(f"{what}: the answer is shorter than the probe",
              got and len(got) <= len(inner) + 20)
    for what, inner in (("129 bytes", ip(A, B, bytes(109))),
                        ("another protocol", ip(A, B, payload, 17)),
                        ("a wrong checksum", ip(A, B)[:10] + b"\1\1" + ip(A, B)[12:]),
                        ("addresses of other hosts", ip("192.0.2.1", "192.0.2.2")),
                        ("a fragment", ip(A, B)[:6] + b"\x20" + ip(A, B)[7:])):
        data = stat("a", "t0", "rx_packets")
        equal(f"{what}: isn't answered", ask(inner, timeout=0.7), None)
        equal(f"{what}: is received as data", stat("a", "t0", "rx_packets") - data, 1)
    equal("a probe from another address: isn't answered", ask(ip(A, "10.2.0.2"), "10.2.0.2", 0.7), None)

    # 72_abuse tests the rate limit.
    before = bench.count("reflected"), bench.count("rate_limited")
    for _ in range(100):
        bench.far.send(ip(B, A, ip(A, B)))
    wait(lambda: bench.count("reflected") + bench.count("rate_limited") >= sum(before) + 100, 10)
    grown = bench.count("reflected") - before[0], bench.count("rate_limited") - before[1]
    equal("100 probes at once: each is answered", grown, (100, 0))

    run("ip -n a link add name any type ipip local 10.1.0.1; ip -n a link set any up; "
        "ip -n a link set dev t0 down")
    equal("a tunnel without a remote answers no probe", ask(ip(A, B), timeout=0.7), None)
    run("ip -n a link del any; ip -n a link set dev t0 up")
    check("the tunnel with a remote answers again", ask(ip(A, B)))


COUNTERS = "reflected", "rate_limited", "unsent", "late", "forged"
# Packets that the tunnel answers by default, and receives as data with keepalive_answer=0.
PROBES = (("RouterOS's empty probe", ip(A, B)), ("a probe with a payload", ip(A, B, bytes(64))),
          ("a probe of 128 bytes", ip(A, B, bytes(108))),
          ("a probe to another address", ip(A, "192.168.88.1")))


def silent(bench):
    """With keepalive_answer=0 a probe is received as data."""
    shell("ns a nft 'add table ip k; add chain ip k p { type filter hook prerouting priority -300; };"
          " add rule ip k p iifname t0 counter'")

    def seen():
        rule = run("ip netns exec a nft list chain ip k p".split())
        return int(rule.split("packets ")[1].split()[0])

    def send(inner):
        """(packets that the tunnel received, packets that netfilter saw, whether keepalive's counters grew,
        packet that a sent or None)."""
        before = stat("a", "t0", "rx_packets"), seen(), [bench.count(n) for n in COUNTERS]
        bench.probes.drain()
        bench.far.send(ip(B, A, inner))
        out = bench.probes.receive(lambda d: True, 0.7)
        return (stat("a", "t0", "rx_packets") - before[0], seen() - before[1],
                [bench.count(n) for n in COUNTERS] != before[2], out)

    bench.a.set("t0", keepalive_answer=0)
    for what, inner in PROBES:
        equal(f"no answers: {what}: is received as data, seen by netfilter, and not answered",
              send(inner),
              (1, 1, False, None))
    equal("no answers: a probe whose inner destination is the far end is forwarded",
          send(ip("203.0.113.9", B, bytes(64))), (1, 1, False, ip("203.0.113.9", B, bytes(64), ttl=63)))
    run("ip netns exec a sysctl -qw net.ipv4.conf.all.accept_local=1")
    *_, out = send(ip(A, B, bytes(64)))
    equal("no answers: with accept_local the host forwards a probe back",
          out and (fields(out)[:3], out[8]), ((A, B, 4), 63))
    run("ip netns exec a sysctl -qw net.ipv4.conf.all.accept_local=0")
    shell("ns a nft delete table ip k")

    run("ip -n b link add name t0 type ipip local "
        f"{B} remote {A}; ip -n b link set t0 up")
    bench.keepalive("cookie")
    before = bench.count("answered")
    check("no answers: this end's own probes are answered, and count",
          wait(lambda: bench.count("answered") > before + 3) and bench.state() == "up")
    bench.b.set("t0", keepalive_answer=0)
    check("the far end gives no answers: the state is down", wait(lambda: bench.state() == "down"))
    bench.b.set("t0", keepalive_answer=1)
    check("the far end gives answers again: the state is up", wait(lambda: bench.state() == "up"))
    bench.a.set("t0", keepalive_interval=0, keepalive_answer=1)
    run("ip -n b link del t0")


def spread(bench, names):
    """Tunnels that come up together spread their probes over the interval."""
    shell("ip -n a -batch - <<-END\n" + "".join(
        f"link add name {name} type ipip local {A} remote 10.2.1.{i}\n"
        for i, name in enumerate(names)) + "END\n")
    for name in names:
        bench.a.set(name, keepalive_interval=2000, keepalive_retries=1000)
    shell("ip -n a -batch - <<-END\n" + "".join(
        f"link set dev {name} up\n" for name in names) + "END\n")
    time.sleep(2.5)     # each has sent a probe by now
    bins = [0] * 5

    def measured():
        bench.probes.drain()
        # Collect for 3 seconds and count only the first 2: the last packets may not be read yet.
        times = bench.probes.arrivals(lambda d: d[9] == 4 and d[16:19] == b"\n\2\1", 3)
        bins[:] = [sum(i * 4 <= (t - times[0]) // 10 ** 8 < i * 4 + 4 for t in times) for i in range(5)]
        return 80 < sum(bins) < 120 and max(bins) < 45 and min(bins) > 3
    # A tunnel's place in the interval stays. So probes that aren't spread fail each time, and a guest
    # that stood still fails once.
    check("100 tunnels with an interval of 2 s: about 100 probes in 2 s, as many in each fifth of them",
          any(measured() for _ in range(5)), bins)


def softirqs(name):
    """How many of these softirqs each processor has had."""
    with open("/proc/softirqs") as f:
        return [int(n) for line in f if line.split()[0] == name + ":" for n in line.split()[1:]]


def processors(bench, names):
    """Timers of tunnels that were configured on one processor are spread over all processors."""
    online = os.sched_getaffinity(0)
    if len(online) < 2:
        skip("timers of 100 tunnels by processor, after a change", "there is one processor")
        skip("timers of 100 tunnels by processor, after up", "there is one processor")
        return

    def turn(what, act):
        os.sched_setaffinity(0, {min(online)})
        act()
        os.sched_setaffinity(0, online)
        before = softirqs("HRTIMER")
        time.sleep(3)
        grown = [after - b for after, b in zip(softirqs("HRTIMER"), before)]
        check(what, min(grown[cpu] for cpu in online) > sum(grown) / len(online) / 2, grown)

    def change():
        for name in names:
            bench.a.set(name, keepalive_interval=100)

    def up():
        for state in "down", "up":
            shell("ip -n a -batch - <<-END\n" + "".join(
                f"link set dev {name} {state}\n" for name in names) + "END\n")
    turn("timers of 100 tunnels by processor, after a change", change)
    turn("timers of 100 tunnels by processor, after up", up)


def extremes(bench):
    bench.keepalive("cookie", interval=4294967295000, retries=2**32 - 1)
    time.sleep(0.5)
    equal("an interval of 136 years, 4,294,967,295 retries: unknown", bench.state(), "unknown")
    bench.keepalive("cookie", interval=4294967295000, retries=1)
    equal("an interval of 136 years, 1 retry: unknown", bench.state(), "unknown")
    bench.keepalive("cookie", interval=100, retries=2**32 - 1)

    def per_second():
        start = time.monotonic()
        before = bench.count("sent") + bench.count("unsent")
        time.sleep(3)
        return (bench.count("sent") + bench.count("unsent") - before) / (time.monotonic() - start)
    # A guest that stood still sends fewer.
    rates = []
    while len(rates) < 5 and (not rates or rates[-1] < 8):
        rates.append(per_second())
    check("an interval of 100 ms: about ten probes per second", rates[-1] >= 8 and max(rates) <= 32 / 3, rates)
    equal("4,294,967,295 retries: still unknown", bench.state(), "unknown")
    check("4,294,967,295 retries: misses are counted",
          wait(lambda: bench.a.ext("t0")["keepalive_misses"] >= 15), bench.a.ext("t0"))
    bench.a.set("t0", keepalive_interval=0)


def test():
    if INTREE:
        skip("keepalive", "the in-tree driver doesn't have it")
        return
    topo()
    try:
        parts()
    finally:
        # On kernels where these sysctls aren't per netns, later test files need the defaults.
        run("sysctl -qw net.ipv4.icmp_msgs_per_sec=1000 net.ipv4.icmp_msgs_burst=50")


def parts():
    bench = Bench()
    run("ip netns exec a ping -c 1 -W 5 192.168.0.2")
    wire_formats(bench)
    two_nodes(bench)
    hostile(bench)
    routeros(bench)
    reflect(bench)
    silent(bench)
    extremes(bench)
    names = [f"k{i}" for i in range(1, 101)]
    spread(bench, names)
    processors(bench, names)


main(test)
