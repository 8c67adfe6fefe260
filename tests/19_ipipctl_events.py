# SPDX-License-Identifier: GPL-2.0
"""ipipctl monitor events: a line for whatever happens to tunnels, with the old value and the
new one and its cause; nothing is missed under 1,000 changes a second, at less than a twentieth
of a processor; and what was missed otherwise is said and made good."""
import json
import os
import re
import signal
import subprocess
import threading
import time

from ipipctl import ENV, PLAIN, TOOL, can_run, ctl, good, refused
from lib import EMULATED, IPTUN_FWMARK, USER_MODE, Rtnl, check, equal, main, run, topo, u32, wait

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Watcher:
    """The tool in the background; its lines are read all the time."""

    def __init__(self, *words, json_lines=True, tool=TOOL, before=()):
        self.lines, self.json = [], json_lines
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", "a", *before, tool, *(["-j"] if json_lines else []), "monitor",
             "events", *words], stdout=subprocess.PIPE, text=True, env=ENV)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line) if self.json else line.rstrip("\n"))

    def started(self):
        """It has read what there is when it tells of what comes."""
        def told():
            run("ip -n a link add name probe type ipip remote 10.250.0.1; ip -n a link del probe")
            return wait(lambda: any("probe" in str(line) for line in self.lines), 1)
        wait(told, 20)
        time.sleep(0.5)
        self.lines.clear()
        return self

    def get(self, match, seconds=10):
        """The first line for which match(line) is true; None if there is none in time."""
        found = []

        def look():
            found[:] = [line for line in self.lines if match(line)]
            return found
        wait(look, seconds)
        return found[0] if found else None

    def event(self, what, name="t0", **fields):
        return self.get(lambda e: e["event"] == what and e.get("name") == name and all(
            e.get(key) == value for key, value in fields.items()))

    def cpu(self):
        """Seconds of a processor that it has taken."""
        with open(f"/proc/{self.pid()}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pid(self):
        """ip(8) becomes it."""
        return self.process.pid

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait()
        self.thread.join()
        return status


def life():
    w = Watcher().started()
    good("add", "name=e1", "local=10.1.0.1", "remote-address=10.2.0.9", "ttl=9", "comment=a b",
         "!keepalive", "mtu=1400")
    e = w.event("added", "e1")
    check("made: as it is asked for", e and e["new"]["ttl"] == 9 and
          e["new"]["remote_address"] == "10.2.0.9" and e["new"]["local_address"] == "10.1.0.1", e)
    check("the time is UTC", e and TIME.fullmatch(e["time"]), e)
    good("set", "e1", "ttl=10", "dscp=46")
    e = w.event("changed", "e1", new={"dscp": 46, "ttl": 10})
    check("changed: what, and what it was", e and e["old"] == {"dscp": None, "ttl": 9}, e)
    good("set", "e1", "comment=two words")
    e = w.event("changed", "e1", new={"comment": "two words"})
    check("a comment", e and e["old"] == {"comment": "a b"}, e)
    good("set", "e1", "mtu=1300")
    e = w.event("mtu", "e1", new={"actual_mtu": 1300})
    check("an MTU that is set", e and e["old"] == {"actual_mtu": 1400} and e["cause"] == "it is set",
          e)
    good("disable", "e1")
    e = w.event("changed", "e1", new={"disabled": True})
    check("disabled", e, w.lines)
    good("set", "e1", "clamp=both")
    e = w.event("changed", "e1", new={"clamp_tcp_mss": "both"})
    check("a change while it is disabled", e, w.lines)
    good("enable", "e1")
    check("enabled", w.event("changed", "e1", new={"disabled": False}), w.lines)
    run("ip -n a link property add dev e1 altname long-name-of-e1")
    check("an altname", w.event("changed", "e1", new={"altnames": ["long-name-of-e1"]}), w.lines)
    good("remove", "e1")
    check("removed", w.event("removed", "e1"), w.lines)
    equal("ends when it is told to", w.end(), 0)


def keepalive():
    w = Watcher("t0").started()
    run("ip -n b link set dev t0 down")
    good("set", "t0", "keepalive=100ms,5")
    e = w.event("keepalive", old={"keepalive_state": "off"})
    check("switched on: unknown", e and e["new"] == {"keepalive_state": "unknown"} and
          e["cause"] == "no answer yet", e)
    e = w.event("keepalive", new={"keepalive_state": "down"})
    check("no answer: down", e and e["old"] == {"keepalive_state": "unknown"} and
          re.fullmatch(r"no answer to \d+ probes in a row", e["cause"]), e)
    e = w.event("carrier")
    check("the carrier", e and e["new"]["running"] is False and e["old"]["running"] is True and
          e["new"]["carrier_down_count"] == e["old"]["carrier_down_count"] + 1, w.lines)
    w.lines.clear()
    run("ip -n b link set dev t0 up")
    e = w.event("keepalive", new={"keepalive_state": "up"})
    check("an answer: up", e and e["cause"] == "the far end answers again", e)
    check("the carrier is back", w.get(lambda e: e["event"] == "carrier" and e["new"]["running"]),
          w.lines)
    w.lines.clear()
    good("disable", "t0")
    e = w.event("keepalive", new={"keepalive_state": "off"})
    check("disabled: off", e and e["cause"] == "the link is down", e)
    w.lines.clear()
    good("enable", "t0")
    e = w.event("keepalive", new={"keepalive_state": "up"})
    check("the first answer is an event, too", e and e["cause"] == "the far end answers", w.lines)
    good("set", "t0", "!keepalive")
    e = w.event("keepalive", new={"keepalive_state": "off"}, cause="it is switched off")
    check("switched off", e, w.lines)
    good("add", "name=e2", "remote-address=10.2.0.8")
    good("remove", "e2")
    time.sleep(0.5)
    equal("of another tunnel nothing is said", {e["name"] for e in w.lines}, {"t0"})
    w.end()


def mtu():
    good("set", "t0", "mtu=auto")
    w = Watcher().started()
    run("ip -n a link set dev wan mtu 1400")
    e = w.event("mtu", new={"actual_mtu": 1380})
    check("the MTU of the underlay", e and e["cause"] == "the MTU of wan", e)
    run("ip -n a route replace 10.2.0.1 via 10.1.0.254 mtu 1300")
    time.sleep(3.5)
    e = w.event("mtu", new={"actual_mtu": 1280})
    check("the path's", e, w.lines)
    run("ip -n a route del 10.2.0.1; ip -n a link set dev wan mtu 1500")
    w.end()


def ipsec():
    w = Watcher().started()
    sa = ("proto esp spi {} mode transport aead 'rfc4106(gcm(aes))' 0x{} 128")
    run("ip -n a xfrm state add src 10.1.0.1 dst 10.2.0.1 " + sa.format(1, "11" * 20))
    time.sleep(0.5)
    equal("one way is not enough", w.lines, [])
    run("ip -n a xfrm state add src 10.2.0.1 dst 10.1.0.1 " + sa.format(2, "22" * 20))
    check("an SA each way", w.event("ipsec", state="established"), w.lines)
    run("ip -n a xfrm state add src 10.2.0.1 dst 10.1.0.1 " + sa.format(3, "33" * 20))
    run("ip -n a xfrm state del src 10.2.0.1 dst 10.1.0.1 proto esp spi 2")
    time.sleep(0.5)
    equal("another one in the place of one is no event", len(w.lines), 1)
    run("ip -n a xfrm state flush")
    check("none", w.event("ipsec", state="no-sa"), w.lines)
    w.end()


def text():
    w = Watcher(json_lines=False)
    w.started()
    good("add", "name=e1", "remote-address=10.2.0.9", "comment=a \"b\"", "!keepalive")
    good("set", "e1", "ttl=9")
    good("remove", "e1")
    wait(lambda: any(" removed " in line for line in w.lines))
    lines = [re.sub(TIME, "TIME", line) for line in w.lines]
    check("as text: made", re.match('TIME added name=e1 .*remote-address=10.2.0.9', lines[0]) and
          'TIME changed name=e1 comment=""->"a \\"b\\"" disabled=yes->no' in lines, lines)
    check("as text: changed", "TIME changed name=e1 ttl=64->9" in lines, lines)
    equal("as text: removed", lines[-1], "TIME removed name=e1")
    w.end()
    refused(1, "nobody: no such tunnel", "monitor", "events", "nobody")
    refused(2, "monitor: sort: 'x' must be number, name, rate, rx, tx, rtt, loss or state",
            "monitor", "sort=x")


def changes(rtnl, name, seconds, rate):
    """So many a second, each with another mark; returns how many there were."""
    start, n = time.monotonic(), 0
    while (now := time.monotonic()) - start < seconds:
        while n < (now - start) * rate:
            n += 1
            rtnl.change(name, (IPTUN_FWMARK, u32(n)))
        time.sleep(0.002)
    return n


def many():
    """A thousand a second, one by one."""
    good("add", "name=e1", "remote-address=10.2.0.9", "!keepalive")
    w = Watcher(tool=PLAIN).started()
    rtnl = Rtnl("a")
    before, start = w.cpu(), time.monotonic()
    n = changes(rtnl, "e1", 5, 1000)
    check("the last one is told", w.get(lambda e: e["event"] == "changed" and
                                        e["new"].get("fwmark") == n), w.lines[-2:])
    seconds = time.monotonic() - start
    used = (w.cpu() - before) / seconds
    told = [e["new"]["fwmark"] for e in w.lines if e["event"] == "changed"]
    check(f"{n} changes in {seconds:.1f} s, and each is told", told == list(range(1, n + 1)),
          (len(told), told[:3], told[-3:]))
    equal("none is lost", [e for e in w.lines if e["event"] == "lost"], [])
    print(f"# {n / seconds:.0f} changes a second: {used:.1%} of a processor")
    # In User Mode Linux system calls are dear, and an emulated processor is slow.
    slow = USER_MODE or EMULATED
    check(f"it takes less than {'a third' if slow else 'a twentieth'} of a processor",
          used < (1 / 3 if slow else 0.05), used)
    w.end()
    clear_but_t0()


def clear_but_t0():
    names = [name for name in ctl("find")[1].strip().split(",") if name not in ("", "t0")]
    if names:
        good("remove", "--", ",".join(names))


def overrun():
    """Too much for the socket: that is said, and then all is as it is."""
    for i in range(1, 6):
        good("add", f"name=o{i}", f"remote-address=10.2.1.{i}", "!keepalive")
    # Without a capability the socket has the size that anybody gets.
    w = Watcher(before=("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"))
    w.started()
    w.process.send_signal(signal.SIGSTOP)
    rtnl = Rtnl("a")
    for i in range(3000):
        rtnl.change("o1", (IPTUN_FWMARK, u32(i + 1)))
    good("set", "o2", "ttl=33")
    good("remove", "o3")
    good("add", "name=o6", "remote-address=10.2.1.6", "!keepalive")
    w.process.send_signal(signal.SIGCONT)
    check("it says that something was lost", w.get(lambda e: e["event"] == "lost"), w.lines[-3:])
    check("and that all is known again", w.get(lambda e: e["event"] == "resynchronized"),
          w.lines[-3:])
    states = {}
    for e in w.lines:
        if e["event"] == "changed":
            states.setdefault(e["name"], {}).update(e["new"])
    equal("what has changed meanwhile is told", (
        states.get("o1", {}).get("fwmark"), states.get("o2", {}).get("ttl"),
        [e["name"] for e in w.lines if e["event"] == "removed"],
        [e["name"] for e in w.lines if e["event"] == "added"]), (3000, 33, ["o3"], ["o6"]))
    good("set", "o2", "ttl=34")
    check("and it goes on", w.event("changed", "o2", new={"ttl": 34}), w.lines[-3:])
    w.end()
    clear_but_t0()


def schema():
    """Each line is what the schema says."""
    import jsonschema
    with open("../tools/ipipctl.schema.json", encoding="utf-8") as f:
        whole = json.load(f)
    whole["$ref"] = "#/$defs/event"
    w = Watcher().started()
    good("add", "name=e1", "remote-address=10.2.0.9", "keepalive=100ms,3")
    good("set", "e1", "ttl=9", "mtu=1300")
    wait(lambda: any(e["event"] == "carrier" for e in w.lines))
    good("remove", "e1")
    wait(lambda: any(e["event"] == "removed" for e in w.lines))
    errors = [(e, error.message) for e in w.lines
              for error in jsonschema.Draft202012Validator(whole).iter_errors(e)]
    equal("JSON Schema", errors, [])
    equal("all sorts were there", {e["event"] for e in w.lines},
          {"added", "changed", "carrier", "keepalive", "mtu", "removed"})
    w.end()


def test():
    if not can_run("ipipctl monitor events"):
        return
    topo()
    life()
    keepalive()
    mtu()
    ipsec()
    text()
    schema()
    many()
    overrun()


main(test)
