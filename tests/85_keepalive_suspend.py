# SPDX-License-Identifier: GPL-2.0
"""Keepalive over a suspend: the clock that counts probes sleeps, too, and that of ages doesn't."""
import os
import re
import time

from lib import INTREE, USER_MODE, Rtnl, check, equal, log_lines, main, run, skip, topo, wait

SECONDS = 5
MODES = {"cookie": {}, "routeros": {}, "icmp": {"keepalive_target": "192.168.0.2"}}


def suspend():
    """All sleep, as after `systemctl suspend`; tests/host/built wakes us. How long it was, in
    seconds: on the clock of what happens, and on that which sleeps."""
    boot, monotonic = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    with open(os.path.join(os.environ["RESULTS"], "suspend"), "w", encoding="ascii") as f:
        f.write(f"{SECONDS}\n")
    with open("/sys/power/state", "w", encoding="ascii") as f:
        f.write("mem")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - boot, time.monotonic() - monotonic


def can_suspend():
    """A kernel for several processors of User Mode Linux's can't."""
    if not os.path.exists("/sys/power/state"):
        return False
    with open("/sys/power/state", encoding="ascii") as f:
        return "mem" in f.read().split()


def carriers():
    return [int(run(f"ip netns exec a cat /sys/class/net/t0/carrier_{way}_count"))
            for way in ("up", "down")]


def said(since):
    return [re.sub(r"^\[.*?\] ", "", line) for line in run("dmesg").splitlines()[since:]
            if "keepalive is" in line]


def answered(a, before=0):
    return wait(lambda: a.xstats("t0")["keepalive_answered"] > before, 20)


def sleeps(a, mode):
    """The far end sleeps along, and answers afterwards."""
    run("ip -n a link set dev t0 down")
    # One interval without an answer and the carrier would be gone.
    a.set("t0", keepalive_interval=1000, keepalive_retries=1, keepalive_mode=mode, **MODES[mode])
    run("ip -n a link set dev t0 up")
    check(f"{mode}: it is up", answered(a, a.xstats("t0")["keepalive_answered"]))
    before, counts, lines = carriers(), a.xstats("t0"), log_lines()
    slept, awake = suspend()
    got = a.ext("t0")
    check(f"{mode}: {SECONDS} seconds of sleep, of which the monotonic clock knows nothing",
          slept > SECONDS - 2 and awake < SECONDS / 2, (slept, awake))
    check(f"{mode}: the age of the last answer has them", got["keepalive_age"] > (slept - 3) * 1000, got)
    check(f"{mode}: and that of the state", got["keepalive_state_age"] > (slept - 3) * 1000, got)
    check(f"{mode}: an answer comes", answered(a, counts["keepalive_answered"] + 1))
    got, now = a.ext("t0"), a.xstats("t0")
    equal(f"{mode}: it is up", got["keepalive_state"], "up")
    check(f"{mode}: for the whole time", got["keepalive_state_age"] > (slept - 3) * 1000, got)
    check(f"{mode}: the answer's age is its own", got["keepalive_age"] < 3000, got)
    check(f"{mode}: the round trip was short", got.get("keepalive_rtt", 0) < 1000000, got)
    equal(f"{mode}: the carrier hasn't gone", carriers(), before)
    equal(f"{mode}: no probe was missed", now["keepalive_missed"], counts["keepalive_missed"])
    check(f"{mode}: no more probes were sent than the time awake was for",
          now["keepalive_sent"] - counts["keepalive_sent"] < awake + 6, (counts, now))
    equal(f"{mode}: the log says nothing", said(lines), [])


def far_end_goes(a, mode):
    """While all sleep the far end goes: it is found out by the probes, not by the clock."""
    a.set("t0", keepalive_retries=3)
    counts = a.xstats("t0")
    run("ip -n b link set dev t0 down")
    slept, _ = suspend()
    check(f"{mode}, the far end goes: not lost for having slept",
          a.ext("t0")["keepalive_state"] == "up", (slept, a.ext("t0")))
    check(f"{mode}, the far end goes: lost after three probes",
          wait(lambda: a.ext("t0")["keepalive_state"] == "down"), a.ext("t0"))
    equal(f"{mode}, the far end goes: which have been missed",
          a.xstats("t0")["keepalive_missed"] - counts["keepalive_missed"], 3)
    suspend()
    equal(f"{mode}, the far end is away: it stays lost", a.ext("t0")["keepalive_state"], "down")
    run("ip -n b link set dev t0 up")
    check(f"{mode}, the far end is back: up",
          wait(lambda: a.ext("t0")["keepalive_state"] == "up"), a.ext("t0"))


def test():
    if INTREE:
        skip("keepalive and suspend", "the in-tree driver has no keepalive")
        return
    if not USER_MODE or not can_suspend():
        skip("keepalive and suspend", "this kernel can't, or nobody would wake it")
        return
    slept, _ = suspend()
    if slept < SECONDS - 2:
        skip("keepalive and suspend", f"{SECONDS} seconds of sleep are {slept:.1f} to this kernel's clock")
        return
    topo()
    a = Rtnl("a")
    for mode in MODES:
        sleeps(a, mode)
        far_end_goes(a, mode)


main(test)
