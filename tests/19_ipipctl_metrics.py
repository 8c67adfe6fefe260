# SPDX-License-Identifier: GPL-2.0
"""ipipctl metrics: a strict reader accepts both formats, the values are those of `print` and the kernel,
names and comments can't break the format, and a reader of the file never sees half of it."""
import json
import os
import subprocess
import time

import openmetrics
from ipipctl import ENV, TOOL, can_run, clear, ctl, good, refused, two_hosts
from lib import XSTATS, check, equal, main, run, wait

COMMENT = 'caf\u00e9 "two"\\ words'


def read(*words, netns="a", **kwargs):
    """All samples; an error of the reader is a failed check."""
    text = good("metrics", *words, netns=netns, **kwargs)
    try:
        return openmetrics.values(openmetrics.read(text, "prometheus" in words))
    except ValueError as e:
        check(f"metrics {' '.join(words)}: the format", False, e)
        return {}


def of(samples, name, device="t0", **more):
    """The value of the one sample that has these labels, or the list of values if it isn't one."""
    want = {"device": device, **more}.items()
    found = [value for items, value in samples.get(name, {}).items() if want <= dict(items).items()]
    return found[0] if len(found) == 1 else found


def reader():
    """The reader must refuse invalid text, or its results prove nothing."""
    head = "# TYPE a gauge\n# HELP a b\n"
    end = "# EOF\n"
    openmetrics.read(head + 'a{b="c\\n"} 1\n' + end)
    for what, text in (("no end", head), ("a sample twice", head + "a 1\na 1\n" + end),
                       ("a counter without _total", head.replace("gauge", "counter") + "a 1\n" + end),
                       ("a family twice", head + "a 1\n" + head.replace("a", "c") + head + end),
                       ("a quote in a label", head + 'a{b="c"d"} 1\n' + end),
                       ("a comma at the end", head + 'a{b="c",} 1\n' + end),
                       ("an empty line", head + "\n" + end),
                       ("no help", "# TYPE a gauge\na 1\n" + end),
                       ("a unit that isn't in the name", head + "# UNIT a bytes\n" + end)):
        try:
            openmetrics.read(text)
            check(f"the reader refuses {what}", False)
        except ValueError:
            check(f"the reader refuses {what}", True)


def formats():
    check("a probe was answered or has timed out", wait(lambda: "ipip_keepalive_loss_ratio" in read()))
    openm, prom = read(), read("prometheus")
    equal("both formats have the same samples", *(
        sorted((n, s) for n in a for s in a[n] if s not in b.get(n, {}))
        for a, b in ((openm, prom), (prom, openm))))
    check("all names begin with ipip_", all(n.startswith("ipip_") for n in openm))
    most = {name: len(items) for samples in (openm,) for name in samples
            for items in samples[name]}
    check("no sample has more than six labels of its own", max(most.values()) <= 6, most)
    info, = (dict(items) for items in openm["ipip_tunnel_info"] if ("device", "t0") in items)
    equal("ipip_tunnel_info has the properties of the tunnel",
          info, {"device": "t0", "local_address": "10.5.0.1",
                                     "remote_address": "10.5.0.2", "link": "none", "mode": "ipip",
                                     "comment": COMMENT})
    build, = openm["ipip_build_info"]
    equal("ipip_build_info has the version of the tool", dict(build)["version"],
          json.loads(good("-j", "version"))["version"])


def truth():
    """The values are those of print, and of the kernel's counters."""
    run("ip netns exec a ping -c 5 -i 0.2 -W 5 192.168.5.2")
    for device in "t0", "down":
        run(f"ip -n a link set dev {device} down")
    m = read()
    tunnels = {t["name"]: t for t in json.loads(good("-j", "print", "stats"))}
    for device in "t0", "down":
        t = tunnels[device]
        for name, way in (("receive", "rx"), ("transmit", "tx")):
            for what in "bytes", "packets", "errors", "dropped":
                equal(f"{device}: {name} {what}", of(m, f"ipip_{name}_{what}_total", device),
                      t["statistics"][f"{way}_{what}"])
        for name in XSTATS:
            way, _, reason = name.partition("_")
            direction = {"rx": "receive", "tx": "transmit"}.get(way)
            if reason == "mss_clamped":
                got = of(m, "ipip_mss_clamped_total", device, direction=direction)
            elif direction:
                got = of(m, "ipip_drops_total", device, direction=direction, reason=reason)
            else:
                got = of(m, f"ipip_{name}_total", device)
            if got != t["counters"][name]:
                check(f"{device}: {name}", False, (got, t["counters"][name]))
        equal(f"{device}: MTU", of(m, "ipip_tunnel_mtu_bytes", device), t["mtu"])
        equal(f"{device}: carrier", [of(m, f"ipip_carrier_{way}_changes_total", device)
                                     for way in ("up", "down")],
              [t["carrier_up_count"], t["carrier_down_count"]])
        equal(f"{device}: enabled and running", [of(m, f"ipip_tunnel_{what}", device)
                                                 for what in ("enabled", "running")], [0, 0])
    check("the tunnel received five packets", tunnels["t0"]["statistics"]["rx_packets"] >= 5)
    equal("the round-trip times", [of(m, f"ipip_keepalive_{what}_seconds")
                        for what in ("rtt", "srtt", "rttvar")],
          [tunnels["t0"][f"keepalive_{what}_us"] / 1e6 for what in ("rtt", "srtt", "rttvar")])
    equal("a tunnel without keepalive has no state", of(m, "ipip_keepalive_state", "down"), [])
    for device in "t0", "down":
        run(f"ip -n a link set dev {device} up")


def keepalive():
    check("the far end answers", wait(lambda: of(read(), "ipip_keepalive_state", state="up") == 1))
    m = read()
    equal("ipip_keepalive_state: one state is 1", {state: of(m, "ipip_keepalive_state", state=state)
                             for state in ("off", "up", "down", "unknown")},
          {"off": 0, "up": 1, "down": 0, "unknown": 0})
    equal("the interval of keepalive", of(m, "ipip_keepalive_interval_seconds"), 0.2)
    age = time.time() - of(m, "ipip_keepalive_answer_timestamp_seconds")
    check("the time of the last answer", -0.1 < age < 5, age)
    age = time.time() - of(m, "ipip_keepalive_state_timestamp_seconds")
    check("the time of the last change of state", -0.1 < age < 60, age)
    run("ip -n c link set dev t down")
    check("the far end is down: state down",
          wait(lambda: of(read(), "ipip_keepalive_state", state="down") == 1))
    m = read()
    check("the far end is down: lost probes", 0 < of(m, "ipip_keepalive_loss_ratio") <= 1 and
          of(m, "ipip_keepalive_missed_total") >= 3 and
          of(m, "ipip_keepalive_unanswered_probes") >= 3)
    equal("the far end is down: enabled, but not running", [of(m, f"ipip_tunnel_{what}")
                                       for what in ("enabled", "running")], [1, 0])
    run("ip -n c link set dev t up")
    check("the far end is up again: running", wait(lambda: of(read(), "ipip_tunnel_running") == 1))


def names():
    """Any name and comment fits into the format, and is read back unchanged."""
    wild = 'w"\\{}=,'
    run(["ip", "-n", "a", "link", "add", "name", wild, "type", "ipip", "remote", "10.7.7.7"])
    run(["ip", "-n", "a", "link", "set", "dev", wild, "alias", "line\nline\\n\"} 1"])
    info, = (dict(items) for items in read()["ipip_tunnel_info"] if ("device", wild) in items)
    equal("a comment with a newline", info["comment"], "line\nline\\n\"} 1")
    run(["ip", "-n", "a", "link", "set", "dev", wild, "alias", b"raw \xff\xe9"])
    info, = (dict(items) for items in read("prometheus")["ipip_tunnel_info"]
             if ("device", wild) in items)
    equal("a comment that isn't UTF-8", info["comment"], "raw \u00ff\u00e9")
    run(["ip", "-n", "a", "link", "del", "dev", wild])
    status, out, _ = ctl("-n", "a", "metrics", netns="c")
    m = openmetrics.values(openmetrics.read(out))
    equal("-n NETNS adds the label netns", (status, of(m, "ipip_tunnel_enabled", netns="a")),
          (0, 1))
    check("-n NETNS adds the label to all samples",
          all(("netns", "a") in items for samples in m.values()
                                for items in samples))


def files():
    path = "/run/metrics/ipip.prom"
    os.makedirs("/run/metrics", exist_ok=True)
    equal("metrics into a file prints nothing", good("metrics", "prometheus", path), "")
    equal("metrics into a file: everybody may read it", os.stat(path).st_mode & 0o7777, 0o644)
    with open(path, encoding="utf-8") as f:
        openmetrics.read(f.read(), True)
    equal("metrics into a file: no other file is left", os.listdir("/run/metrics"), ["ipip.prom"])
    stop, wrong = time.monotonic() + 3, []
    writer = subprocess.Popen(["ip", "netns", "exec", "a", "sh", "-c",
                               f"while [ -e /run/metrics ]; do {TOOL} metrics prometheus {path}; done"],
                              env=ENV, stderr=subprocess.DEVNULL)
    reads = 0
    while time.monotonic() < stop:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        reads += 1
        try:
            if not openmetrics.read(text, True):
                wrong.append("empty")
        except ValueError as e:
            wrong.append(e)
    writer.kill()
    writer.wait()
    wait(lambda: os.listdir("/run/metrics") == ["ipip.prom"])
    check("a reader of the file sees whole files while it is rewritten",
          not wrong and reads > 10, wrong[:3])
    refused(1, "/nonexistent/x: No such file or directory", "metrics", "/nonexistent/x")
    refused(2, "metrics: two: unexpected argument", "metrics", "one", "two")
    with open("/dev/full", "w", encoding="ascii") as full:
        p = subprocess.run(["ip", "netns", "exec", "a", TOOL, "metrics"], stdout=full,
                           stderr=subprocess.PIPE, text=True, env=ENV, check=False)
    equal("metrics to a full disk: an error", (p.returncode, p.stderr),
          (1, "ipipctl: output: No space left on device\n"))


def none():
    """metrics without tunnels, and without a driver."""
    clear()
    m = read()
    equal("without tunnels: only ipip_build_info", list(m), ["ipip_build_info"])
    run("rmmod ipip")
    build, = read()["ipip_build_info"]
    equal("without a driver: ipip_build_info says so", dict(build)["driver"], "not loaded")
    run("modprobe -a ip_tunnel tunnel4")
    run(["insmod", os.environ["MODULE"]])


def test():
    if not can_run("ipipctl metrics"):
        return
    two_hosts("a", "c")
    good("add", "local=10.5.0.2", "remote=10.5.0.1", "name=t", "!keepalive", netns="c")
    good("add", "local=10.5.0.1", "remote=10.5.0.2", "name=t0", "keepalive=200ms,3",
         f"comment={COMMENT}")
    good("add", "remote=10.5.0.9", "name=down", "!keepalive")
    run("ip -n a addr add 192.168.5.1/30 dev t0; ip -n c addr add 192.168.5.2/30 dev t")
    reader()
    formats()
    keepalive()
    truth()
    names()
    files()
    none()


main(test)
