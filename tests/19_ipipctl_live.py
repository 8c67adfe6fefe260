# SPDX-License-Identifier: GPL-2.0
"""ipipctl on a router in use: no tunnel comes up through another driver, a command changes only the
tunnel that was named, and JSON is valid by the schema."""
import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time

import jsonschema

from ipipctl import ENV, PLAIN, TOOL, can_run, clear, ctl, found, get, good, refused, stopped
from lib import (HERE, IPTUN_REMOTE, RTM_DELLINK, RTM_NEWLINK, NLM_F_CREATE, NLM_F_EXCL, Rtnl, Tap,
                 addr, check, equal, main, run, shell)

with open(os.path.join(HERE, "../tools/ipipctl.schema.json"), encoding="utf-8") as f:
    SCHEMA = json.load(f)


def links(netns="a"):
    """The names of all ipip devices except tunl0."""
    return [link["ifname"] for link in json.loads(run(f"ip -n {netns} -j link show type ipip") or
                                                  "[]") if link["ifname"] != "tunl0"]


# Through another driver

SHUT = """/interface ipip
add local-address=10.0.0.1 name=t1 remote-address=10.0.0.2 require-ipsec=yes
add local-address=10.0.0.1 name=t2 remote-address=10.0.0.3 require-ipsec=yes
add local-address=10.0.0.1 disabled=yes name=t3 remote-address=10.0.0.4
"""
FOREIGN = ("ipipctl: ipip: the in-tree driver is loaded, which lacks these properties: "
           "load the out-of-tree one\n")


def load_ours():
    run("rmmod ipip; modprobe -a ip_tunnel tunnel4")
    run(["insmod", os.environ["MODULE"]])


@contextlib.contextmanager
def without_our_module():
    """As after a kernel update whose DKMS build failed: the kernel loads the in-tree driver."""
    clear()
    run("rmmod ipip")
    try:
        yield
    finally:
        load_ours()


def is_in_tree():
    return os.path.exists("/sys/module/ipip") and not os.path.exists("/sys/module/ipip/version")


def another_driver(work):
    with open(f"{work}/shut", "w", encoding="ascii") as f:
        f.write(SHUT)
    tap = Tap("a", "wan", "out")
    for words in (("--continue", "restore", f"{work}/shut"), ("restore", f"{work}/shut"),
                  ("import", f"{work}/shut"), ("--continue", "import", f"{work}/shut"),
                  ("add", "name=t1", "remote-address=10.0.0.2", "require-ipsec=yes"),
                  ("add", "name=t1", "remote-address=10.0.0.2")):
        with without_our_module():
            what = " ".join(words).replace(work, "")
            equal(f"{what}: refused in one line", ctl(*words), (1, "", FOREIGN))
            check(f"{what}: the in-tree driver was loaded", is_in_tree())
            # If the tunnel existed, this ping would leave through it.
            subprocess.run("ip -n a addr add 192.168.7.1/30 dev t1 && "
                           "ip netns exec a ping -c 1 -W 1 192.168.7.2", shell=True, check=False,
                           capture_output=True)
            equal(f"{what}: no tunnel is left", links(), [])
    with without_our_module():
        run("modprobe ipip; ip -n a link add name s1 type ipip local 10.0.0.1 remote 10.0.0.2")
        refused(1, FOREIGN[9:-1], "set", "s1", "require-ipsec=yes")
        equal("a tunnel of the in-tree driver is left", links(), ["s1"])
        run("ip -n a link del s1")
    leaked = [p for p in tap.everything() if p[9] == 4]
    equal("no IPIP packet was sent", leaked, [])


def swap_drivers():
    run("rmmod ipip; modprobe -i ipip")


def slowly(call, *words):
    """Run the tool with a pause before its call-th request, and swap the drivers in the pause."""
    p = subprocess.Popen(
        ["ip", "netns", "exec", "a", "strace", "-o", "/dev/null", "-e", "trace=sendto", "-e",
         f"inject=sendto:delay_enter=4000000:when={call}", PLAIN, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV)
    stopped(p.pid)
    swap_drivers()
    out, err = p.communicate()
    return p.returncode, out, err


def swapped_between():
    """add sends three requests: make the tunnel, read it back, bring it up."""
    words = "add", "name=t1", "remote-address=10.0.0.2", "require-ipsec=yes"
    for call, when, want in ((1, "made", FOREIGN),
                             (2, "read back", "ipipctl: t1: No such device\n"),
                             (3, "brought up", "ipipctl: t1: No such device\n")):
        equal(f"drivers swapped before the tunnel is {when}", slowly(call, *words), (1, "", want))
        equal(f"drivers swapped before the tunnel is {when}: none is left", links(), [])
        load_ours()
    good("add", "name=t1", "remote-address=10.0.0.2")
    status, _, err = slowly(2, "set", "t1", "require-ipsec=yes")
    check("drivers swapped before a change", status == 1 and err.startswith("ipipctl: t1: "), err)
    load_ours()


# Dumps that the kernel interrupts

class Churn:
    """Adds and deletes a device all the time."""

    def __enter__(self):
        self.stop = False
        self.thread = threading.Thread(target=self.churn)
        self.thread.start()
        return self

    DUMMY = b"\x10\x00\x12\x80\x0a\x00\x01\x00dummy\0\0\0"

    def churn(self):
        rtnl = Rtnl("a")
        self.turns = 0
        while not self.stop:
            rtnl.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "churn", extra=self.DUMMY)
            rtnl.request(RTM_DELLINK, 0, "churn")
            self.turns += 1
            time.sleep(self.pause)

    def __init__(self, pause):
        self.pause = pause

    def __exit__(self, *_):
        self.stop = True
        self.thread.join()


class Growth(Churn):
    """Adds tunnels all the time, so that no two dumps of the kernel are the same."""

    def churn(self):
        rtnl = Rtnl("a")
        self.turns = 0
        # A tunnel takes about 40 kB of the kernel's memory.
        while not self.stop and self.turns < 15000:
            rtnl.add(f"g{self.turns}", (IPTUN_REMOTE, addr(f"10.200.{self.turns // 250}."
                                                           f"{self.turns % 250 + 1}")))
            self.turns += 1
            time.sleep(self.pause)


def interrupted(work):
    count = 2000
    with open(f"{work}/many", "w", encoding="ascii") as f:
        f.write("/interface ipip\n" + "".join(
            f"add !keepalive disabled=yes name=m{i} remote-address=10.64.{i // 250}.{i % 250 + 1}\n"
            for i in range(count)))
    good("import", f"{work}/many", tool=PLAIN)
    wrong = []
    # With this pause some dumps fit between two changes, and others don't.
    with Churn(0.02) as churn:
        printed = 0
        while printed < 25 or churn.turns < 50 and printed < 1000:
            result = ctl("print", "count-only", tool=PLAIN)
            if result != (0, f"{count}\n", ""):
                wrong.append(result)
            printed += 1
    check("devices were added and deleted", churn.turns >= 50, churn.turns)
    equal("print at least 25 times during changes", wrong, [])
    with Churn(0.02):
        for words in (("find",), ("get", "m7"), ("export",), ("save", f"{work}/saved"),
                      ("monitor", "m7", "once", "interval=100ms"), ("set", "m7", "ttl=9"),
                      ("restore", f"{work}/many")):
            status, _, err = ctl(*words, tool=PLAIN)
            equal(f"{words[0]} during changes", (status, err), (0, ""))
        equal("completion during changes", len(good("complete", "set", "m199", tool=PLAIN).split()), 11)
    with Churn(0):
        results = {ctl("print", "count-only", tool=PLAIN) for _ in range(5)}
    equal("print during changes without a pause", results, {(0, f"{count}\n", "")})
    said = "ipipctl: netlink: the list of tunnels changed during each of 20 attempts to read it\n"
    results = []
    with Growth(0.001):
        # On a busy machine the tunnels may be made too slowly to disturb each dump.
        while said not in results and len(results) < 40:
            status, out, err = ctl("print", "count-only", tool=PLAIN)
            results.append(err if status == 1 else "" if status == 0 and int(out) >= count
                           else f"{status}: {out}{err}")
    equal("print while tunnels are added all the time: an error, or all tunnels",
          (results[-1], set(results) - {""}),
          (said, {said}))
    clear()


# Names

def names():
    run("ip -n a link add name first type ipip remote 10.1.1.1; "
        "ip -n a link add name 0 type ipip remote 10.1.1.2; "
        "ip -n a link add name a,b type ipip remote 10.1.1.3; "
        "ip -n a link add name detail type ipip remote 10.1.1.4")
    equal("an exact name takes precedence over a number", get("0", "remote-address"), "10.1.1.2")
    equal("a number that is no tunnel's name", get("2", "remote-address"), "10.1.1.3")
    equal("a name that contains a comma", get("a,b", "remote-address"), "10.1.1.3")
    good("set", "first,a,b,0", "ttl=9")
    equal("a list with a name that contains a comma", found("ttl=9"), "first,0,a,b")
    equal("print: numbers= selects a tunnel named detail",
          good("print", "numbers=detail", "count-only"), "1\n")
    equal("print: a name that contains a comma", good("print", "a,b", "count-only"), "1\n")
    good("remove", "0")
    equal("remove 0 removes the tunnel named 0", found(), "first,a,b,detail")
    why = "must not be a number or contain a comma"
    for name in "7", "c,d":
        refused(2, f"add: name: {why}", "add", f"name={name}", "remote-address=10.1.1.9")
        refused(2, f"set: name: {why}", "set", "first", f"name={name}")
    good("save", "/run/names")
    clear()
    good("restore", "/run/names")
    equal("save and restore keep such names", found(), "first,a,b,detail")
    status, _, err = ctl("--continue", "set", "first,nobody,detail", "ttl=10")
    equal("--continue set skips an unknown name", (status, err, found("ttl=10")),
          (1, "ipipctl: nobody: no such tunnel\n", "first,detail"))
    clear()


# import

LONG = r"""/interface ipip
add !keepalive local-address=192.0.2.1 name="site03-branch(backup)" \
    remote-address=198.51.100.7
add !keepalive local-address=192.0.2.1 name=site05-warehouse remote-address=198.51.100.9
add comment="two words" local-address=192.0.2.1 name="north gate" remote-address=198.51.100.10
"""


def long_names():
    good("import", "-", stdin=LONG)
    first = found().split(",")
    check("long names: each tunnel gets its own short name",
          len(set(first)) == 3 and all(len(n) <= 15 for n in first),
          first)
    equal("long names: get by the long name",
          get("site03-branch(backup)", "remote-address"), "198.51.100.7")
    equal("long names: get by the short name", get(first[0], "altnames"), "site03-branch(backup)")
    equal("long names: find by the long name", found("name=north gate"), first[2])
    equal("long names: print", good("print", "north gate,site05-warehouse", "count-only"), "2\n")
    equal("long names: ip(8) finds the tunnel", json.loads(run(
        "ip -n a -j link show dev site05-warehouse"))[0]["ifname"], first[1])
    exported = good("export")
    check("long names: export has them", 'name="site03-branch(backup)"' in exported, exported)
    clear()
    good("import", "-", stdin=exported)
    equal("long names: import gives the same short names again", found().split(","), first)
    good("save", "/run/long")
    clear()
    good("--continue", "restore", "/run/long")
    good("restore", "/run/long")
    equal("long names: restore gives the same short names again",
          (found().split(","), get("north gate", "comment")),
          (first, "two words"))
    clear()


def index(name):
    return json.loads(run(f"ip -n a -j link show dev {name}"))[0]["ifindex"]


def scripts():
    good("import", "-", stdin="""/interface ipip
remove [find name="peer-1"]
add name="peer-1" local-address=10.0.0.1 remote-address=198.51.100.20
remove [find name="gone"]
""")
    equal("import: remove [find] without a match is no error", found(), "peer-1")
    run("ip -n a addr add 192.168.20.1/30 dev peer-1")
    before = index("peer-1")
    good("add", "name=other", "remote-address=198.51.100.21")
    text = """/interface ipip
remove [find name=peer-1]
add name=peer-1 local-address=10.0.0.1 mtu=1400 remote-address=198.51.100.22
set [find where remote-address=198.51.100.21] comment="a b" ttl=64
disable [find comment="a b"]
"""
    good("import", "-", stdin=text)
    equal("import: a tunnel that is removed and added is changed in place",
          (index("peer-1"), get("peer-1", "remote-address"), get("peer-1", "mtu")),
          (before, "198.51.100.22", "1400"))
    check("import: a tunnel that is changed in place keeps its addresses",
          "192.168.20.1" in run("ip -n a addr show dev peer-1"))
    equal("import: set and disable [find]", [get("other", p) for p in ("comment", "ttl", "disabled")],
          ["a b", "64", "yes"])
    before = good("export", "verbose")
    status, _, err = ctl("import", "-", stdin=text.replace("mtu=1400", "mtu=1300") + """
remove [find name=other]
add name=bad remote-address=198.51.100.30 keepalive-mode=icmp
""")
    equal("import: one line is refused", (status, err), (
        1, "ipipctl: -:8: bad: keepalive: keepalive mode icmp needs a target\n"))
    equal("import: one line is refused, nothing changes", good("export", "verbose"), before)
    # Two tunnels can't have the same addresses, so the tool has to remove the old tunnel first.
    good("import", "-", stdin="/interface ipip\nremove other\nadd name=heir "
         "remote-address=198.51.100.21\n")
    equal("import: a new tunnel takes the addresses of a removed one", found(), "peer-1,heir")
    status, _, err = ctl("import", "-", stdin="/interface ipip\nremove heir\nadd name=heir2 "
                         "remote-address=198.51.100.21\nadd name=bad keepalive-mode=icmp "
                         "remote-address=198.51.100.30\n")
    equal("import: a failure recreates the tunnel that was removed",
          (status, err.splitlines(), found()), (
        1, ["ipipctl: heir: was removed, and has been recreated without addresses and routes",
            "ipipctl: -:4: bad: keepalive: keepalive mode icmp needs a target"], "peer-1,heir"))
    clear()


def imports():
    status, out, err = ctl("import", "-", stdin="/interface ipip\nadd name=sec1 "
                           "remote-address=198.51.100.30 require-ipsce=yes\n")
    equal("import: a misspelt property", (status, out, err, found()), (
        1, "", "ipipctl: -:2: require-ipsce: unknown: did you mean require-ipsec?\n", ""))
    good("import", "-", stdin="\ufeff/interface ipip\r\nadd keepalive=10s,0 name=m "
         "remote-address=10.1.1.1\r\n")
    equal("import: a byte-order mark; 0 retries are 1", get("m", "keepalive"), "10s,1")
    clear()
    lost = "/interface ipip\nadd allow-fast-path=no name=s remote-address=10.1.1.1\n"
    status, _, err = ctl("import", "-", stdin=lost)
    check("import: warns of a secret that the export lacks", status == 0 and
          "-:2: s: allow-fast-path=no without ipsec-secret" in err and
          "in the clear" in err, err)
    equal("import: makes the tunnel without the secret", get("s", "disabled"), "no")
    clear()
    status, _, err = ctl("import", "--disable-clear", "-", stdin=lost)
    check("import --disable-clear: warns", status == 0 and err.endswith("The tunnel is made disabled\n"), err)
    equal("import --disable-clear: the tunnel is disabled", get("s", "disabled"), "yes")
    before = good("export", "verbose")
    status, out, err = ctl("import", "--dry-run", "-", stdin="""/interface ipip
remove [find name=s]
add name=d1 remote-address=10.1.1.2 comment="it's $1 \\"x\\"" mtu=1400
""")
    equal("import --dry-run changes nothing", (status, err, good("export", "verbose")), (0, "", before))
    run(["ip", "netns", "exec", "a", "sh", "-e", "-c", out],
        env={**ENV, "PATH": f"/run/bin:{ENV['PATH']}"})
    equal("import --dry-run: its commands make the changes",
          (found(), get("d1", "comment"), get("d1", "mtu")),
          ("d1", 'it\'s $1 "x"', "1400"))
    clear()


# save and restore with link=

def underlays():
    run("ip -n a link add name ppp0 type dummy; ip -n a link set ppp0 up")
    good("add", "name=t1", "remote-address=10.1.1.1", "link=ppp0")
    good("add", "name=t2", "remote-address=10.1.1.2")
    good("save", "/run/links")
    clear()
    run("ip -n a link del ppp0")
    status, _, err = ctl("--continue", "restore", "/run/links")
    check("restore: the underlay of a tunnel is missing",
          status == 1 and err.endswith("link: 'ppp0' no such device\n"), err)
    equal("restore: the other tunnels are made", found(), "t2")
    run("ip -n a link add name ppp0 type dummy; ip -n a link set ppp0 up")
    good("--continue", "restore", "/run/links")
    equal("restore: the tunnel is made once the underlay exists",
          (found(), get("t1", "link")), ("t2,t1", "ppp0"))
    # The kernel stores the index of the underlay; the driver also keeps its name.
    run("ip -n a link del ppp0")
    equal("the underlay was deleted: link and link-missing",
          [get("t1", p) for p in ("link", "link-missing")], ["ppp0", "yes"])
    good("save", "/run/links2")
    with open("/run/links2", encoding="ascii") as f:
        check("save: the name of the deleted underlay", "link=ppp0" in f.read())
    good("set", "t1", "ttl=9")
    equal("set of an unrelated property keeps the link", get("t1", "link-missing"), "yes")
    refused(2, "add: copy-from: the device of its link= doesn't exist", "add", "copy-from=t1",
            "remote-address=10.1.1.9")
    run("ip -n a link add name ppp0 type dummy; ip -n a link set ppp0 up")
    equal("a new underlay of that name: the tunnel uses it", (found("link-missing"), get("t1", "link")),
          ("", "ppp0"))
    good("restore", "/run/links2")
    equal("restore: sets the saved values", (get("t1", "ttl"), get("t1", "link")), ("64", "ppp0"))
    clear()
    good("add", "name=t1", "remote-address=10.1.1.1", "link=ppp0", "!keepalive")
    run("ip -n a link set t1 netns b")
    status, _, err = ctl("save", "/run/links3", netns="b")
    equal("save: the underlay is in another netns", (status, err), (
        1, "ipipctl: t1: its underlay is in another network namespace, which can't be saved\n"))
    tunnel = json.loads(good("-j", "print", netns="b"))[0]
    check("print: the underlay is in another netns",
          tunnel["link"] == "ppp0" and tunnel["link_netnsid"] is not None and
          not tunnel["link_missing"], tunnel)
    status, _, err = ctl("--continue", "save", "/run/links3", netns="b")
    check("save --continue: saves the other tunnels",
          status == 1 and os.path.exists("/run/links3"), err)
    good("remove", "t1", netns="b")
    run("ip -n a link del ppp0")


# What scripts read

def validate(what, definition, text):
    """Check that text is valid by the schema and has no key that the schema lacks."""
    schema = {"$ref": f"#/$defs/{definition}", "$defs": json.loads(json.dumps(SCHEMA["$defs"]))}
    for name, part in schema["$defs"].items():
        target = part.get("items", part)
        if name != "tunnel" and ("properties" in target or "$ref" in target):
            target["unevaluatedProperties"] = False
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in
              jsonschema.Draft202012Validator(schema).iter_errors(json.loads(text))]
    equal(f"JSON Schema: {what}", errors, [])


def scripts_read():
    good("add", "name=j1", "local-address=10.0.0.1", "remote-address=10.1.1.1", "dscp=46",
         "fwmark=0x10", "mtu=1400", "keepalive-target=10.9.9.9", "link=wan", "keepalive=1h",
         "comment=caf\u00e9 \"$x\"")
    good("add", "name=j2", "remote-address=10.1.1.2", "disabled=yes", "!keepalive")
    good("add", "name=j3", "external=yes")
    for words, definition in ((("print",), "print"), (("print", "detail"), "print"),
                              (("export",), "print"), (("get", "j1"), "print"),
                              (("print", "stats"), "print-stats"),
                              (("print", "proplist=name,mtu"), "print-proplist"),
                              (("print", "count-only"), "print-count-only"),
                              (("find",), "find"), (("version",), "version"),
                              (("monitor", "j1", "once", "interval=100ms"), "monitor")):
        validate(" ".join(words), definition, good("-j", *words))
    whole = json.loads(good("-j", "print"))
    types = {}
    for name in good("help", "properties").split():
        if name == "ipsec-secret-file":
            continue
        for i, tunnel in enumerate(whole):
            text = good("-j", "get", tunnel["name"], name)
            validate(f"get {name}", "get", text) if not i else None
            one = json.loads(text)
            types.setdefault(name, []).append(
                all(k in tunnel and type(v) is type(tunnel[k]) for k, v in one.items()))
    equal("get and print: the same keys and types",
          [name for name, same in types.items() if not all(same)], [])
    equal("get as JSON: mtu",
          json.loads(good("-j", "get", "j1", "mtu")), {"mtu": 1400, "mtu_auto": False})
    equal("get as JSON: fwmark", json.loads(good("-j", "get", "j1", "fwmark")), {"fwmark": 16})
    equal("find without a match", ctl("find", "name=nobody"), (3, "", ""))
    equal("find without a match, as JSON", ctl("-j", "find", "name=nobody"), (3, "[]\n", ""))
    clear()


def dry_run():
    for name, comment in (("plain", "two words"), ("d$HOME", "costs $5, `id`"),
                          ("it's", 'a "b" \\ c'), ("caf\u00e9", "\u00fc\u20ac \u2192 !")):
        words = ("add", f"name={name}", "remote-address=10.3.3.3", f"comment={comment}", "ttl=9",
                 "mtu=1400", "dont-fragment=legacy", "clamp-tcp-mss=no", "!keepalive")
        text = good(*words, "--dry-run")
        run(["ip", "netns", "exec", "a", "sh", "-e", "-c", text])
        equal(f"--dry-run through sh: {name}", (found(), get(name, "comment")), (name, comment))
        clear()


def monitor_goes_on():
    good("add", "name=gone", "remote-address=10.1.1.1")
    p = subprocess.Popen(["ip", "netns", "exec", "a", TOOL, "-j", "monitor", "gone",
                          "interval=200ms"], stdout=subprocess.PIPE, text=True, env=ENV)
    lines = [p.stdout.readline()]
    good("remove", "gone")
    time.sleep(0.6)
    equal("monitor waits while its tunnel doesn't exist", p.poll(), None)
    good("add", "name=gone", "remote-address=10.1.1.1")
    lines += [p.stdout.readline() for _ in range(4)]
    equal("monitor goes on with the new tunnel", [json.loads(line)["name"] for line in lines],
          ["gone"] * 5)
    p.send_signal(signal.SIGINT)
    equal("SIGINT ends monitor with status 0", p.wait(), 0)
    refused(1, "nobody: no such tunnel", "monitor", "nobody", "once")
    clear()


def errors():
    refused(2, "option: -x: unknown", "-x")
    refused(2, "option: --nonsense: unknown", "--nonsense", "print")
    refused(2, "option: -n: has no value", "-n")
    refused(2, "option: --netns: has no value", "--netns")
    # The host has only an IPv6 address.
    with open("/run/hosts", "w", encoding="ascii") as f:
        f.write("2001:db8::1 six.example\n")
    status, _, err = ctl_hosts("add", "remote-address=six.example")
    check("add: a host without an IPv4 address is refused",
          status == 2 and "Address family" not in err and
          err.startswith("ipipctl: add: remote-address: 'six.example' "), err)
    refused(2, "add: remote-address: '2001:db8::1' is not an IPv4 address: IPv6 isn't supported as "
            "the outer header", "add", "remote-address=2001:db8::1")
    good("add", "name=any", "local-address=10.0.0.1",
         "remote-address=0.0.0.0")
    equal("add: keepalive is off by default without a remote", get("any", "keepalive"),
          "")
    status, _, err = ctl("add", "remote-address=0.0.0.0", "keepalive=10s")
    check("add: keepalive without a remote is refused", status == 1 and "keepalive" in err, err)
    good("add", "name=mpls", "remote-address=10.1.1.1", "mode=mplsip")
    equal("add: keepalive is off by default on a tunnel for MPLS", get("mpls", "keepalive"), "")
    exported = good("export")
    clear()
    good("import", "-", stdin=exported)
    equal("export and import give the same two tunnels", good("export"), exported)
    clear()


def ctl_hosts(*words):
    p = subprocess.run(["unshare", "-m", "sh", "-c",
                        'mount --bind /run/hosts /etc/hosts && exec "$@"', "sh", "ip", "netns",
                        "exec", "a", TOOL, *words], capture_output=True, text=True, env=ENV)
    return p.returncode, p.stdout, p.stderr


# RouterOS's habits

def habits():
    for i, mtu in enumerate((1300, 1400, 1450)):
        good("add", f"name=h{i}", f"remote-address=10.1.1.{i + 1}", f"mtu={mtu}",
             f"disabled={'yes' if i == 1 else 'no'}", f"keepalive={10 * (i + 1)}s")
    for words, want in ((("mtu<1400",), "h0"), (("mtu>=1400",), "h1,h2"),
                        (("mtu!=1400",), "h0,h2"), (("name~^h[01]$",), "h0,h1"),
                        (("mtu<1400", "or", "disabled"), "h0,h1"),
                        (("mtu>1300", "and", "!disabled"), "h2"),
                        (("(mtu<1400", "or", "mtu>1400)", "!disabled"), "h0,h2"),
                        (("!(disabled", "or", "mtu=1300)"), "h2"),
                        (("keepalive>15s",), "h1,h2"), (("remote-address>10.1.1.2",), "h2"),
                        (("where", "name=h0", "or", "name=h2"), "h0,h2"),
                        (("name~(h0|h2)",), "h0,h2"), (("keepalive-rtt>1ms",), "")):
        equal(f"find {' '.join(words)}", found(*words), want)
    refused(2, "where: '(' has no ')'", "find", "(mtu=1400")
    refused(2, "where: ): unexpected argument", "find", "mtu=1400", ")")
    refused(2, "where: at the end: a condition is missing", "find", "mtu=1400", "or")
    refused(2, "where: name: 'x' can't be compared by < or >", "find", "name<x")
    refused(2, "where: [: is not a regular expression", "find", "comment~[")
    equal("print proplist", good("print", "proplist=name,mtu,keepalive", "where", "mtu>1400"),
          "Flags: X - disabled; R - running\nColumns: NAME, MTU, KEEPALIVE\n #    NAME MTU  KEEPALIVE\n"
          " 2 R  h2   1450 30s,10\n")
    equal("print terse proplist", good("print", "terse", "proplist=mtu,name", "where", "name=h0"),
          " 0 R  mtu=1300 name=h0\n")
    equal("print proplist, as JSON", json.loads(good("-j", "print", "h0", "proplist=mtu,ttl")),
          [{"id": 0, "mtu": 1300, "mtu_auto": False, "ttl": 64}])
    good("add", "copy-from=h0", "name=h3", "remote-address=10.1.1.9", "mtu=1350")
    equal("add copy-from", [get("h3", p) for p in ("mtu", "keepalive", "remote-address")],
          ["1350", "10s,10", "10.1.1.9"])
    equal("get [find ...]", good("get", "[find", "name=h1]", "mtu"), "1400\n")
    equal("get [find ...] in one argument", good("get", '[find name="h2"]', "mtu"), "1450\n")
    good("set", "[find", "mtu<1400]", "comment=small")
    equal("set [find ...]", found("comment=small"), "h0,h3")
    good("remove", "[find comment=small]")
    good("remove", "[find comment=small]")
    equal("remove [find ...], also without a match", found(), "h1,h2")
    refused(1, "get: no such tunnel", "get", "[find name=h0]", "mtu")
    p = subprocess.Popen(["ip", "netns", "exec", "a", TOOL, "print", "follow"],
                         stdout=subprocess.PIPE, text=True, env=ENV)
    head = [p.stdout.readline() for _ in range(5)]
    good("add", "name=h9", "remote-address=10.1.1.19")
    lines = [p.stdout.readline()]
    good("set", "h9", "mtu=1280")
    lines.append(p.stdout.readline())
    good("remove", "h9")
    while not lines[-1].startswith("- "):
        lines.append(p.stdout.readline())
    check("print follow: the present tunnels", " h2 " in head[4], head)
    check("print follow: an added, changed and removed tunnel", " h9 " in lines[0] and
          any("1280" in line for line in lines) and lines[-1] == "- h9\n", lines)
    p.send_signal(signal.SIGTERM)
    equal("print follow: SIGTERM ends it with status 0", p.wait(), 0)
    p = subprocess.Popen(["ip", "netns", "exec", "a", TOOL, "print", "interval=100ms",
                          "count-only"], stdout=subprocess.PIPE, text=True, env=ENV)
    equal("print interval= repeats", [p.stdout.readline() for _ in range(3)], ["2\n"] * 3)
    p.send_signal(signal.SIGTERM)
    p.wait()
    clear()


def complete_bash(line):
    """The completions of a line in bash."""
    script = (f". {HERE}/../tools/completion/ipipctl.bash; compopt() {{ :; }}; "
              f"COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; _ipipctl; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return run(["ip", "netns", "exec", "a", "bash", "-c", script],
               env={**ENV, "PATH": f"/run/bin:{ENV['PATH']}"}).split()


def completion():
    good("add", "name=c1", "remote-address=10.1.1.1")
    good("add", "name=c2", "remote-address=10.1.1.2")
    for line, want in (("ipipctl pr", ["print"]), ("ipipctl se c", ["c1", "c2"]),
                       ("ipipctl set c1,", ["c1,c2"]),
                       ("ipipctl set c1 clamp-tcp-mss=", ["no", "yes", "tx", "both"]),
                       ("ipipctl set c1 dev=w", ["wan"]), ("ipipctl s c1 mt", []),
                       ("ipipctl set c1 mt", ["mtu="]), ("ipipctl set c1 !keepalive-", [
                           "!keepalive-source", "!keepalive-target"]),
                       ("ipipctl find keepalive-state=", ["off", "up", "down", "unknown"]),
                       ("ipipctl print where runn", ["running"]),
                       ("ipipctl print proplist=name,mtu-a", ["name,mtu-age"]),
                       ("ipipctl add copy-from=", ["c1", "c2"]),
                       ("ipipctl metrics ", ["openmetrics", "prometheus"]),
                       ("ipipctl metrics prometheus /run/bin/ip", ["/run/bin/ipipctl"]),
                       ("ipipctl monitor c1 sort=r", ["rate", "rx", "rtt"]),
                       ("ipipctl monitor ev", ["events"]),
                       ("ipipctl -n b set ", []), ("ipipctl --js", ["--json"]),
                       ("ipipctl help keepalive-mo", ["keepalive-mode"])):
        equal(f"completion: {line}", complete_bash(line), want)
    offered = good("complete", "set", "c1", "").split("\n")
    readable = {line.split("=")[0].split("\t")[0] for line in offered}
    equal("completion of set: no read-only properties", readable &
          {"running", "ifindex", "actual-mtu", "keepalive-state", "altnames"}, set())
    check("completion of set: the meaning of a property",
          "ttl=\tTTL of the outer header" in offered, offered)
    equal("help PROPERTY", good("help", "dscp"), "dscp=inherit|0-63\n    DSCP of the outer header\n"
          "    add gives: inherit\n")
    clear()


def test():
    if not can_run("ipipctl on a live router"):
        return
    shell("ns_add a b; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
          "ip -n a addr add 10.0.0.1/24 dev wan; ip -n a route add default dev wan; "
          f"mkdir -p /run/bin; ln -sf {TOOL} /run/bin/ipipctl")
    with tempfile.TemporaryDirectory() as work:
        interrupted(work)
        another_driver(work)
    swapped_between()
    names()
    long_names()
    scripts()
    imports()
    underlays()
    scripts_read()
    dry_run()
    monitor_goes_on()
    errors()
    habits()
    completion()


main(test)
