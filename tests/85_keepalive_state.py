# SPDX-License-Identifier: GPL-2.0
"""Keepalive's view of the far end: its state and the age of the state, the round-trip time, the share of
lost probes, and the lines in the kernel's log and the notifications about them."""
import re
import socket
import struct
import time

from lib import (INTREE, RTM_NEWLINK, IFLA_IFNAME, Rtnl, check, equal, log_lines, main, netns,
                 parse, run, skip, topo, wait)

IFLA_CARRIER_UP_COUNT, IFLA_CARRIER_DOWN_COUNT = 47, 48


class Bench:
    def __init__(self):
        self.a = Rtnl("a")
        self.answers(False)
        run("ip -n a link set dev t0 down")

    def keepalive(self, **values):
        """Restart keepalive with these values."""
        run("ip -n a link set dev t0 down")
        self.a.set("t0", **values)
        run("ip -n a link set dev t0 up")

    def ext(self):
        return self.a.ext("t0")

    def state(self):
        return self.ext()["keepalive_state"]

    def goes(self, state):
        return wait(lambda: self.state() == state)

    def carriers(self):
        attributes = parse(self.a.read("t0")[16:])
        return [struct.unpack("=I", attributes[kind])[0]
                for kind in (IFLA_CARRIER_UP_COUNT, IFLA_CARRIER_DOWN_COUNT)]

    @staticmethod
    def answers(on):
        run(f"ip -n b link set dev t0 {'up' if on else 'down'}")


def said(since):
    """Lines of the kernel's log about keepalive, without the clock."""
    return [re.sub(r"^\[.*?\] ", "", line) for line in run("dmesg").splitlines()[since:]
            if "keepalive" in line]


def states(bench):
    run("sysctl -qw net.core.message_cost=0")
    lines = log_lines()
    bench.keepalive(keepalive_interval=100, keepalive_retries=20)
    time.sleep(0.5)
    got = bench.ext()
    equal("up without an answer: the state is unknown", got["keepalive_state"], "unknown")
    check("up without an answer: the age of the state is the time since up",
          300 < got["keepalive_state_age"] < 5000, got)
    check("up without an answer: the carrier is there", "LOWER_UP" in run("ip -n a link show dev t0"))
    check("up without an answer: no round-trip time",
          not {"keepalive_rtt", "keepalive_srtt", "keepalive_rttvar"}
          & set(got), got)
    before = bench.carriers()
    bench.answers(True)
    check("the first answer: the state is up", bench.goes("up"))
    check("the first answer: the age of the state starts at 0",
          bench.ext()["keepalive_state_age"] < 3000, bench.ext())
    equal("the first answer: the carrier doesn't change", bench.carriers(), before)
    bench.answers(False)
    check("no answers: the state is down", bench.goes("down"))
    equal("no answers: the carrier is lost once", bench.carriers(), [before[0], before[1] + 1])
    time.sleep(1.2)
    age = bench.ext()["keepalive_state_age"]
    check("no answers: the age of the state grows", 1100 < age < 8000, age)
    bench.answers(True)
    check("answers again: the state is up", bench.goes("up"))
    equal("answers again: the carrier is back once", bench.carriers(), [before[0] + 1, before[1] + 1])
    run("ip -n a link set dev t0 down")
    got = bench.ext()
    equal("the device is down: the state is off", got["keepalive_state"], "off")
    check("the device is down: the state has no age", "keepalive_state_age" not in got, got)
    run("ip -n a link set dev t0 up")
    check("the device is up again: the state is up", bench.goes("up"))
    bench.a.set("t0", keepalive_interval=0)
    equal("keepalive is switched off: the state is off", bench.state(), "off")
    bench.a.set("t0", keepalive_interval=100)
    check("keepalive is switched on: the state is unknown or up", bench.state() in ("unknown", "up"))
    check("keepalive is switched on: the state becomes up", bench.goes("up"))
    log = said(lines)
    for line in log:
        print(f"# {line}")
    equal("the kernel's log has one line for each change of state",
          [re.sub(r"\d+", "N", line) for line in log],
          ["ipip: tN: keepalive is unknown: no answer yet",
           "ipip: tN: keepalive is up: the far end answers",
           "ipip: tN: keepalive is down: no answer to N probes in a row",
           "ipip: tN: keepalive is up: the far end answers again, after N s",
           "ipip: tN: keepalive is off: the link goes down",
           "ipip: tN: keepalive is unknown: no answer yet",
           "ipip: tN: keepalive is up: the far end answers",
           "ipip: tN: keepalive is off: it is switched off",
           "ipip: tN: keepalive is unknown: no answer yet",
           "ipip: tN: keepalive is up: the far end answers"])
    check("the line about down has the number of probes", "no answer to 20 probes" in log[2], log[2])
    bench.answers(False)
    bench.keepalive(keepalive_interval=100, keepalive_retries=3)
    check("no answer at all: the state goes from unknown to down", bench.goes("down"))


def limited(bench):
    """The log is rate-limited by the kernel's sysctls."""
    run("sysctl -qw net.core.message_cost=5 net.core.message_burst=10; dmesg -n 1")
    bench.a.set("t0", keepalive_interval=100)
    lines, start = log_lines(), time.monotonic()
    for _ in range(200):
        bench.a.set_up("t0", False)
        bench.a.set_up("t0", True)
    seconds = time.monotonic() - start
    most = 10 * (2 + seconds / 5)
    got = len(said(lines))
    check("400 changes of state: the log is rate-limited",
          0 < got <= most, f"{got} lines in {seconds:.1f} s")


def close(got, want):
    return abs(got - want) < want * 0.35


def times(bench):
    bench.answers(True)
    run("ip netns exec r tc qdisc add dev b root netem delay 40ms")
    bench.keepalive(keepalive_interval=200, keepalive_retries=20)
    check("a path of 40 ms: the state is up", bench.goes("up"))
    got = bench.ext()
    check("the first round-trip time R: srtt is R, rttvar is R/2 (RFC 6298 section 2.2)",
          got["keepalive_srtt"] == got["keepalive_rtt"] and
          abs(got["keepalive_rttvar"] - got["keepalive_rtt"] / 2) <= 1 or
          bench.a.xstats("t0")["keepalive_answered"] > 1, got)
    time.sleep(4)

    # One answer that came late is forgotten after some more.
    def converged(got):
        return close(got["keepalive_srtt"], 42000) and got["keepalive_rttvar"] * 3 < got["keepalive_srtt"]
    check("after 20 answers: srtt is about 40 ms, rttvar is less than a third of it",
          wait(lambda: converged(bench.ext())), bench.ext())
    run("ip netns exec r tc qdisc change dev b root netem delay 140ms")
    before = bench.a.xstats("t0")["keepalive_answered"]
    wait(lambda: bench.a.xstats("t0")["keepalive_answered"] > before)
    check("a path of 140 ms: the last round-trip time shows it",
          wait(lambda: close(bench.ext()["keepalive_rtt"], 142000)), bench.ext())
    got = bench.ext()
    check("a path of 140 ms: srtt follows", 45000 < got["keepalive_srtt"] < 130000, got)
    check("a path of 140 ms: rttvar grows", got["keepalive_rttvar"] > 8000, got)
    run("ip netns exec r tc qdisc del dev b root")


def lost(bench):
    bench.keepalive(keepalive_interval=100, keepalive_retries=1000)
    check("a good path: the state is up", bench.goes("up"))
    time.sleep(3)
    got, sent = bench.ext(), bench.a.xstats("t0")
    equal("a good path: no loss", (got["keepalive_loss"], got["keepalive_misses"]), (0, 0))
    bench.answers(False)
    check("no answers: the share of lost probes grows",
          wait(lambda: bench.ext()["keepalive_loss"] > 300))
    now, counted = bench.ext(), bench.a.xstats("t0")
    check("no answers: keepalive_missed counts",
          counted["keepalive_missed"] > sent["keepalive_missed"] + 5, counted)
    check("no answers: keepalive_missed grows by the misses in a row",
          abs(counted["keepalive_missed"] - sent["keepalive_missed"] - now["keepalive_misses"]) <= 2,
          (counted, now))
    bench.answers(True)
    check("answers again: the share of lost probes falls",
          wait(lambda: bench.ext()["keepalive_loss"] < 200))
    check("64 answers: the share of lost probes is 0",
          wait(lambda: bench.ext()["keepalive_loss"] == 0, 30), bench.ext())
    bench.answers(False)
    bench.keepalive(keepalive_retries=1000)
    check("no answer at all: the share of lost probes is 1000 per mille",
          wait(lambda: bench.ext().get("keepalive_loss") == 1000))


def listens(bench):
    """rtnetlink notifies of changes of state, and of changes of a tunnel that is down."""
    with netns("a"):
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        sock.bind((0, 1))
    sock.settimeout(5)

    def told(act, match):
        act()
        end = time.monotonic() + 5
        try:
            while time.monotonic() < end:
                data = sock.recv(65536)
                kind = struct.unpack_from("=IH", data)[1]
                attributes = parse(data[32:])
                if kind == RTM_NEWLINK and attributes[IFLA_IFNAME] == b"t0\0" and match(data):
                    return True
        except TimeoutError:
            pass
        return False

    bench.keepalive(keepalive_interval=100, keepalive_retries=1000)
    time.sleep(0.5)
    equal("no answer yet: the state is unknown", bench.state(), "unknown")
    drained(sock)
    check("the first answer sends a notification, although the carrier doesn't change",
          told(lambda: bench.answers(True), lambda data: bench.state() == "up"))
    run("ip -n a link set dev t0 down")
    drained(sock)
    check("a change of a tunnel that is down sends a notification",
          told(lambda: bench.a.set("t0", clamp_mss="both"), lambda data: True))
    drained(sock)
    check("a change to the present values sends no notification",
          not told(lambda: bench.a.set("t0", clamp_mss="both"), lambda data: True))
    sock.close()


def drained(sock):
    """Discard earlier messages."""
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
    except BlockingIOError:
        pass
    sock.settimeout(1.5)


def test():
    if INTREE:
        skip("keepalive's state", "the in-tree driver has no keepalive")
        return
    topo()
    bench = Bench()
    for part in states, limited, times, lost, listens:
        part(bench)


main(test)
