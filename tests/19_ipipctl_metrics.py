# SPDX-License-Identifier: GPL-2.0
"""ipipctl metrics: both formats by a strict reader, the values against what `print` and the
kernel say, the labels that strangers choose, and the file that another program reads."""
import json
import os
import subprocess
import time

import openmetrics
from ipipctl import ENV, TOOL, can_run, clear, ctl, good, refused, two_hosts
from lib import XSTATS, check, equal, main, run, wait

COMMENT = 'caf\u00e9 "two"\\ words'


def read(*words, netns="a", **kwargs):
    """All samples, or the reader's complaint as a failed check."""
    text = good("metrics", *words, netns=netns, **kwargs)
    try:
        return openmetrics.values(openmetrics.read(text, "prometheus" in words))
    except ValueError as e:
        check(f"metrics {' '.join(words)}: the format", False, e)
        return {}


def of(samples, name, device="t0", **more):
    """The value of the one sample with these labels among its own."""
    want = {"device": device, **more}.items()
    found = [value for items, value in samples.get(name, {}).items() if want <= dict(items).items()]
    return found[0] if len(found) == 1 else found


def reader():
    """The reader reads strictly, or what it finds is worth nothing."""
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
    check("a probe has had its time", wait(lambda: "ipip_keepalive_loss_ratio" in read()))
    openm, prom = read(), read("prometheus")
    equal("both formats have the same samples", *(
        sorted((n, s) for n in a for s in a[n] if s not in b.get(n, {}))
        for a, b in ((openm, prom), (prom, openm))))
    check("all names begin with ipip_", all(n.startswith("ipip_") for n in openm))
    most = {name: len(items) for samples in (openm,) for name in samples
            for items in samples[name]}
    check("no sample has more than six labels of its own", max(most.values()) <= 6, most)
    info, = (dict(items) for items in openm["ipip_tunnel_info"] if ("device", "t0") in items)
    equal("what a tunnel is", info, {"device": "t0", "local_address": "10.5.0.1",
                                     "remote_address": "10.5.0.2", "link": "none", "mode": "ipip",
                                     "comment": COMMENT})
    build, = openm["ipip_build_info"]
    equal("what has made it", dict(build)["version"],
          json.loads(good("-j", "version"))["version"])


def truth():
    """The same values as in print, and in the kernel's own counters."""
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
    check("five packets came", tunnels["t0"]["statistics"]["rx_packets"] >= 5)
    equal("the times", [of(m, f"ipip_keepalive_{what}_seconds")
                        for what in ("rtt", "srtt", "rttvar")],
          [tunnels["t0"][f"keepalive_{what}_us"] / 1e6 for what in ("rtt", "srtt", "rttvar")])
    equal("a tunnel without keepalive has no state", of(m, "ipip_keepalive_state", "down"), [])
    for device in "t0", "down":
        run(f"ip -n a link set dev {device} up")


def keepalive():
    check("the far end answers", wait(lambda: of(read(), "ipip_keepalive_state", state="up") == 1))
    m = read()
    equal("one state is 1", {state: of(m, "ipip_keepalive_state", state=state)
                             for state in ("off", "up", "down", "unknown")},
          {"off": 0, "up": 1, "down": 0, "unknown": 0})
    equal("its interval", of(m, "ipip_keepalive_interval_seconds"), 0.2)
    age = time.time() - of(m, "ipip_keepalive_answer_timestamp_seconds")
    check("when the last answer came", -0.1 < age < 5, age)
    age = time.time() - of(m, "ipip_keepalive_state_timestamp_seconds")
    check("when the state has changed", -0.1 < age < 60, age)
    run("ip -n c link set dev t down")
    check("it doesn't answer", wait(lambda: of(read(), "ipip_keepalive_state", state="down") == 1))
    m = read()
    check("probes were lost", 0 < of(m, "ipip_keepalive_loss_ratio") <= 1 and
          of(m, "ipip_keepalive_missed_total") >= 3 and
          of(m, "ipip_keepalive_unanswered_probes") >= 3)
    equal("enabled, but not running", [of(m, f"ipip_tunnel_{what}")
                                       for what in ("enabled", "running")], [1, 0])
    run("ip -n c link set dev t up")
    check("it does again", wait(lambda: of(read(), "ipip_tunnel_running") == 1))


def names():
    """What others choose can't break the format, and is read back as it was."""
    wild = 'w"\\{}=,'
    run(["ip", "-n", "a", "link", "add", "name", wild, "type", "ipip", "remote", "10.7.7.7"])
    run(["ip", "-n", "a", "link", "set", "dev", wild, "alias", "line\nline\\n\"} 1"])
    info, = (dict(items) for items in read()["ipip_tunnel_info"] if ("device", wild) in items)
    equal("a line's end in a comment", info["comment"], "line\nline\\n\"} 1")
    run(["ip", "-n", "a", "link", "set", "dev", wild, "alias", b"raw \xff\xe9"])
    info, = (dict(items) for items in read("prometheus")["ipip_tunnel_info"]
             if ("device", wild) in items)
    equal("bytes that are no UTF-8", info["comment"], "raw \u00ff\u00e9")
    run(["ip", "-n", "a", "link", "del", "dev", wild])
    status, out, _ = ctl("-n", "a", "metrics", netns="c")
    m = openmetrics.values(openmetrics.read(out))
    equal("a netns that was named is a label", (status, of(m, "ipip_tunnel_enabled", netns="a")),
          (0, 1))
    check("of all samples", all(("netns", "a") in items for samples in m.values()
                                for items in samples))


def files():
    path = "/run/metrics/ipip.prom"
    os.makedirs("/run/metrics", exist_ok=True)
    equal("into a file: nothing is printed", good("metrics", "prometheus", path), "")
    equal("that all can read", os.stat(path).st_mode & 0o7777, 0o644)
    with open(path, encoding="utf-8") as f:
        openmetrics.read(f.read(), True)
    equal("and nothing else is left", os.listdir("/run/metrics"), ["ipip.prom"])
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
    check("whoever reads it while it is written has all of one", not wrong and reads > 10, wrong[:3])
    refused(1, "/nonexistent/x: No such file or directory", "metrics", "/nonexistent/x")
    refused(2, "metrics: two: not expected", "metrics", "one", "two")
    with open("/dev/full", "w", encoding="ascii") as full:
        p = subprocess.run(["ip", "netns", "exec", "a", TOOL, "metrics"], stdout=full,
                           stderr=subprocess.PIPE, text=True, env=ENV, check=False)
    equal("a full disk is an error", (p.returncode, p.stderr),
          (1, "ipipctl: output: No space left on device\n"))


def none():
    """No tunnels, and no driver."""
    clear()
    m = read()
    equal("without a tunnel there is the driver's version", list(m), ["ipip_build_info"])
    run("rmmod ipip")
    build, = read()["ipip_build_info"]
    equal("or that there is none", dict(build)["driver"], "not loaded")
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
