# SPDX-License-Identifier: GPL-2.0
"""Keepalive over a suspend: the clock of the probes' timer stops during the suspend, and the clock of the
ages doesn't."""
import os
import re
import time

from lib import INTREE, KERNEL, USER_MODE, Rtnl, check, equal, log_lines, main, run, skip, topo, wait

SECONDS = 5
MODES = {"cookie": {}, "routeros": {}, "icmp": {"keepalive_target": "192.168.0.2"}}


def suspend():
    """Suspend the guest; tests/host/built wakes it. Returns the seconds that have passed by CLOCK_BOOTTIME and by
    CLOCK_MONOTONIC, which stops during a suspend."""
    boot, monotonic = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    with open(os.path.join(os.environ["RESULTS"], "suspend"), "w", encoding="ascii") as f:
        f.write(f"{SECONDS}\n")
    with open("/sys/power/state", "w", encoding="ascii") as f:
        f.write("mem")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - boot, time.monotonic() - monotonic


def can_suspend():
    """True if the kernel can suspend. User Mode Linux for several processors can't."""
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
    """The far end, in the same guest, is suspended as well, and answers afterwards."""
    run("ip -n a link set dev t0 down")
    # With one retry, one interval without an answer takes the carrier away.
    a.set("t0", keepalive_interval=1000, keepalive_retries=1, keepalive_mode=mode, **MODES[mode])
    run("ip -n a link set dev t0 up")
    check(f"{mode}: probes are answered before the suspend",
          answered(a, a.xstats("t0")["keepalive_answered"]))
    before, lines = carriers(), log_lines()
    # The suspend comes right after an answer, before the next probe.
    answered(a, a.xstats("t0")["keepalive_answered"])
    counts = a.xstats("t0")
    slept, awake = suspend()
    got = a.ext("t0")
    check(f"{mode}: {SECONDS} seconds pass by CLOCK_BOOTTIME, but not by CLOCK_MONOTONIC",
          slept > SECONDS - 2 and awake < SECONDS / 2, (slept, awake))
    check(f"{mode}: the age of the last answer includes the suspend",
          got["keepalive_age"] > (slept - 3) * 1000, got)
    check(f"{mode}: the age of the state includes the suspend",
          got["keepalive_state_age"] > (slept - 3) * 1000, got)
    check(f"{mode}: probes are answered after the suspend",
          answered(a, counts["keepalive_answered"] + 1))
    got, now = a.ext("t0"), a.xstats("t0")
    equal(f"{mode}: the state is up", got["keepalive_state"], "up")
    check(f"{mode}: the state has been up for the whole time",
          got["keepalive_state_age"] > (slept - 3) * 1000, got)
    check(f"{mode}: the age of the new answer is small", got["keepalive_age"] < 3000, got)
    check(f"{mode}: the round-trip time doesn't include the suspend",
          got.get("keepalive_rtt", 0) < 1000000, got)
    equal(f"{mode}: the carrier hasn't changed", carriers(), before)
    equal(f"{mode}: no probe counts as missed", now["keepalive_missed"], counts["keepalive_missed"])
    check(f"{mode}: no probes are sent for the time of the suspend",
          now["keepalive_sent"] - counts["keepalive_sent"] < awake + 6, (counts, now))
    equal(f"{mode}: nothing is logged", said(lines), [])


def far_end_goes(a, mode):
    """The far end is down after the suspend: only missed probes take the carrier away, not the suspend."""
    a.set("t0", keepalive_retries=3)
    counts = a.xstats("t0")
    run("ip -n b link set dev t0 down")
    slept, awake = suspend()
    check(f"{mode}, the far end is down: the state is up right after the suspend",
          a.ext("t0")["keepalive_state"] == "up", (slept, a.ext("t0")))
    check(f"{mode}, the far end is down: the state becomes down",
          wait(lambda: a.ext("t0")["keepalive_state"] == "down"), a.ext("t0"))
    equal(f"{mode}, the far end is down: after three missed probes",
          a.xstats("t0")["keepalive_missed"] - counts["keepalive_missed"], 3)
    suspend()
    equal(f"{mode}, the far end is down: another suspend keeps the state down",
          a.ext("t0")["keepalive_state"], "down")
    run("ip -n b link set dev t0 up")
    check(f"{mode}, the far end is up: the state is up",
          wait(lambda: a.ext("t0")["keepalive_state"] == "up"), a.ext("t0"))


def test():
    if INTREE:
        skip("keepalive and suspend", "the in-tree driver has no keepalive")
        return
    if not USER_MODE or not can_suspend():
        skip("keepalive and suspend", "this kernel can't suspend, or can't be woken")
        return
    slept, awake = suspend()
    if slept < SECONDS - 2:
        skip("keepalive and suspend", f"this kernel's clock counts {slept:.1f} of {SECONDS} seconds")
        return
    if awake > SECONDS / 2 and KERNEL < (6, 1):
        skip("keepalive and suspend", "CLOCK_MONOTONIC of User Mode Linux 5.10 goes on during the suspend")
        return
    topo()
    a = Rtnl("a")
    for mode in MODES:
        sleeps(a, mode)
        far_end_goes(a, mode)


main(test)
