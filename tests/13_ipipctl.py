# SPDX-License-Identifier: GPL-2.0
"""ipipctl: each verb with the module, as text and as JSON, and refusals. This is the
tool's build with sanitizers."""
import json
import os
import subprocess
import tempfile

from ipipctl import two_hosts
from lib import HERE, INTREE, check, equal, main, run, shell, skip, wait

TOOL = os.environ["IPIPCTL"]
NET = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": os.environ["PATH"]}
LEGEND = "Flags: X - disabled; R - running\n"


class Result:
    def __init__(self, p):
        self.status, self.out, self.err = p.returncode, p.stdout, p.stderr


def ctl(*words, netns="a", stdin="", env=()):
    return Result(subprocess.run(["ip", "netns", "exec", netns, TOOL, *words], input=stdin,
                                 capture_output=True, text=True, env={**NET, **dict(env)}))


def good(*words, **kwargs):
    r = ctl(*words, **kwargs)
    if r.status or r.err:
        check(" ".join(words), False, f"{r.status}: {r.out}{r.err}")
    return r.out


def refused(status, error, *words, **kwargs):
    r = ctl(*words, **kwargs)
    equal(f"refused: {' '.join(words) or 'nothing'}", (r.status, r.out, r.err),
          (status, "", f"ipipctl: {error}\n"))


def find(*words):
    """The output of `find`. Status 3 means that it found nothing."""
    r = ctl("find", *words)
    if r.err or (r.status, r.out == "") not in ((0, False), (3, True)):
        check("find " + " ".join(words), False, f"{r.status}: {r.out}{r.err}")
    return r.out


def get(tunnel, name):
    return good("get", tunnel, name).rstrip("\n")


def link(name="ipip1"):
    return json.loads(run(f"ip -n a -d -j link show dev {name}"))[0]


def clear():
    names = find().strip()
    if names:
        good("remove", names)


def add_and_print():
    refused(1, "5: no such tunnel", "enable", "5")
    equal("find: no tunnel", find(), "")
    good("add", "local-address=10.0.0.1", "remote-address=22.63.11.6", "disabled=yes")
    row = " {} {}  ipip1 1480 {:13} 22.63.11.6\n"
    table = (LEGEND + "Columns: NAME, MTU, LOCAL-ADDRESS, REMOTE-ADDRESS\n"
             " #    NAME  MTU  LOCAL-ADDRESS REMOTE-ADDRESS\n")
    equal("print: disabled", good("print"), table + row.format(0, "X", "10.0.0.1"))
    good("enable", "0")
    equal("print: running", good("pr"), table + row.format(0, "R", "10.0.0.1"))
    info = link()["linkinfo"]["info_data"]
    equal("ip(8) shows the same values", [info[k] for k in ("proto", "remote", "local", "tos")],
          ["ipip", "22.63.11.6", "10.0.0.1", "0x1"])
    equal("detail", good("print", "detail").replace("\n      ", " ").split(" keepalive-state")[0],
          LEGEND + ' 0 R  name="ipip1" mtu=auto actual-mtu=1480 local-address=10.0.0.1 '
          'remote-address=22.63.11.6 keepalive=10s,10 dscp=inherit clamp-tcp-mss=yes '
          'dont-fragment=no')
    check("detail is at most 80 columns wide",
          all(len(line) <= 80 for line in good("print", "detail").splitlines()))
    equal("terse is one line", len(good("print", "terse").splitlines()), 1)
    equal("count-only", good("print", "count-only"), "1\n")
    good("add", "remote", "10.9.9.9", "dscp", "46", "!keepalive", "ttl=64", "mtu=1400", "comment",
         "to the \"lab\"")
    equal("add: the next free name", find(), "ipip1,ipip2\n")
    good("add", "name=x", "remote-address=10.9.9.8", "dont-fragment=inherit", "clamp=both",
         "link=wan", "fwmark=0x10", "mode=any", "keepalive-mode=icmp", "keepalive-target=10.1.1.1",
         "require-ipsec=yes", "keepalive=1m30s,3")
    equal("print: a comment", good("print", "1").splitlines()[3], '     ;;; to the "lab"')
    wait(lambda: json.loads(good("-j", "print"))[2]["mtu_state"] != "off")
    data = json.loads(good("-j", "print"))
    equal("JSON: the names of all tunnels", [t["name"] for t in data], ["ipip1", "ipip2", "x"])
    with open(f"{HERE}/../tools/ipipctl.schema.json", encoding="ascii") as f:
        properties = json.load(f)["$defs"]["tunnel"]["properties"]
    want = {**{key: p["default"] for key, p in properties.items() if "default" in p},
            "id": 2, "name": "x", "ifindex": link("x")["ifindex"], "disabled": False,
            "running": True, "mtu": 1480, "mtu_auto": True, "actual_mtu": 1480,
            "local_address": "0.0.0.0", "remote_address": "10.9.9.8", "clamp_tcp_mss": "both",
            "dont_fragment": "inherit", "ttl": 64, "link": "wan", "fwmark": 16, "mode": "any",
            "keepalive_interval_ms": 90000, "keepalive_retries": 3, "keepalive_mode": "icmp",
            "keepalive_target": "10.1.1.1", "keepalive_state": "unknown", "keepalive_misses": 0,
            "keepalive_age_ms": None, "keepalive_rtt_us": None, "keepalive_srtt_us": None,
            "keepalive_rttvar_us": None, "keepalive_loss_permille": None, "require_ipsec": True,
            "ipsec_state": None, "ipsec_proposal": None, "ipsec_bytes_in": None,
            "ipsec_bytes_out": None, "ipsec_rekey_s": None, "altnames": [], "link_missing": False,
            "link_netnsid": None, "mtu_age_ms": None, "mtu_measured": None, "mtu_state": "base"}
    # Values that change during the test, or that depend on the kernel.
    moving = "keepalive_state_age_ms", "carrier_up_count", "carrier_down_count"

    def still(tunnel):
        return {key: value for key, value in tunnel.items() if key not in moving}
    check("JSON: the age of the state and the carrier counters",
          all(type(data[2][key]) is int for key in moving),
          data[2])
    equal("JSON: each key", still(data[2]), want)
    equal("JSON: a fixed DSCP", (data[1]["dscp"], data[1]["keepalive_interval_ms"]), (46, 0))
    equal("JSON: count", json.loads(good("-j", "print", "count-only")), {"count": 3})
    equal("get: one property",
          [get("x", p) for p in ("keepalive", "mtu", "actual-mtu", "link", "fwmark")],
          ["1m30s,3", "auto", "1480", "wan", "0x10"])
    equal("get: one property, as JSON",
          [json.loads(good("-j", "get", "x", p)) for p in ("actual-mtu", "name")],
          [{"actual_mtu": 1480}, {"name": "x"}])
    equal("get and export: all properties, as JSON", [
        [still(t) for t in json.loads(good("-j", *words))]
        for words in (("get", "2"), ("export", "where", "name=x"))], [[want], [want]])
    equal("version, as JSON", list(json.loads(good("-j", "version"))), ["version", "driver"])
    check("get: all properties", "remote-address=10.9.9.8\n" in good("get", "2"))
    equal("-n: another netns",
          json.loads(good("--json", "-n", "a", "find", netns="b")), ["ipip1", "ipip2", "x"])


def where():
    equal("where property=value", find("where", "keepalive=90s,3"), "x\n")
    equal("where property!=value", find("name!=x"), "ipip1,ipip2\n")
    equal("where property~regex", find("remote-address~^10\\.9"), "ipip2,x\n")
    equal("where with two conditions", find("running", "mtu=auto"), "ipip1,x\n")
    equal("where !running", find("!running"), "")
    equal("print count-only where", good("print", "count-only", "where", "mode=any"), "1\n")


def change():
    good("set", "x", "mtu=1300", "keepalive=5s")
    equal("set: the named properties", (get("x", "mtu"), get("x", "keepalive")), ("1300", "5s,3"))
    equal("set: the other properties haven't changed",
          (get("x", "clamp-tcp-mss"), get("x", "dont-fragment")),
          ("both", "inherit"))
    good("set", "x", "mtu=1300")
    equal("set: the present MTU again stays fixed", get("x", "mtu"), "1300")
    good("set", "0,ipip2", "dscp=10", "!keepalive")
    equal("set: two tunnels", find("dscp=10", "keepalive=no"), "ipip1,ipip2\n")
    equal("print detail leaves out a keepalive that is off",
          "keepalive" in good("print", "0", "detail"), False)
    good("reset", "x", "mtu,keepalive", "dont-fragment")
    equal("reset: three properties", [get("x", p) for p in ("mtu", "keepalive", "dont-fragment")],
          ["auto", "10s,10", "no"])
    good("unset", "x", "keepalive")
    equal("unset: keepalive", get("x", "keepalive"), "")
    good("comment", "0,1", "caf\u00e9 \"1\"")
    equal("comment: sets the alias", link()["ifalias"], "caf\u00e9 \"1\"")
    good("unset", "0", "comment")
    equal("unset: comment removes the alias", "ifalias" in link(), False)
    good("disable", "x")
    good("set", "x", "name=y")
    equal("set: name renames", find("disabled"), "y\n")
    good("enable", "y")
    run("ip -n a link add name s1 type ipip local 10.0.0.1 remote 10.7.7.7 ttl 9")
    equal("print: a tunnel that ip(8) made", good("print", "s1", "terse").split(" ", 4)[4],
          "name=s1 mtu=1480 actual-mtu=1480 local-address=10.0.0.1 remote-address=10.7.7.7 dscp=0 "
          "clamp-tcp-mss=no dont-fragment=legacy mode=any ttl=9\n")
    good("set", "s1", "keepalive=10s")
    run("ip -n a link set dev s1 type ipip ttl 10")
    equal("a change by ip(8) keeps keepalive", (get("s1", "ttl"), get("s1", "keepalive")),
          ("10", "10s,10"))


def refusals():
    before = good("export", "verbose")
    refused(2, "add: remote-address: is required", "add", "name=z")
    refused(2, "add: remote-adress: unknown: did you mean remote-address?", "add",
            "remote-adress=1.1.1.1")
    refused(2, "add: mtu: '67' must be auto or 68 to 65515", "add", "mtu=67", "remote=1.1.1.1")
    refused(2, "add: dscp: '64' must be inherit or 0 to 63", "add", "dscp=64")
    refused(2, "add: ttl: is given twice", "add", "ttl=1", "ttl=2")
    refused(2, "add: running: is read-only", "add", "running=yes")
    refused(2, "add: remote-address: '1.2.3.256' is not an IPv4 address", "add", "remote=1.2.3.256")
    refused(2, "add: keepalive: '99ms' interval must be 100ms to 4294967295s", "add",
            "keepalive=99ms")
    refused(2, "add: keepalive: '10s,x' retries must be 0 to 4294967295", "add", "keepalive=10s,x")
    refused(2, "add: ipsec-secret: other users can see the command line: use ipsec-secret-file", "add",
            "ipsec-secret=x")
    refused(2, "verb: re: is ambiguous: refresh, remove, reset, reset-counters, restore", "re", "0")
    refused(2, "verb: prnit: unknown: did you mean print?", "prnit")
    refused(1, "ipip1: a device with this name exists", "add", "name=ipip1", "remote=4.4.4.4")
    refused(1, "ipip3: remote-address: a tunnel with this local, remote and link exists", "add",
            "remote=22.63.11.6", "local=10.0.0.1")
    refused(1, "ipip4: keepalive: keepalive mode icmp needs a target", "add", "name=ipip4",
            "remote=4.4.4.4", "keepalive-mode=icmp")
    refused(1, "ipip2: remote-address: remote can't be set or unset after creation", "set",
            "ipip2", "remote=0.0.0.0", "!keepalive")
    refused(1, "nope: no such tunnel", "set", "nope", "ttl=1")
    refused(2, "unset: dscp: can't be unset", "unset", "0", "dscp")
    refused(2, "set: name: can be set for one tunnel only", "set", "0,1", "name=q")
    # The kernel refuses the change of the second tunnel; the tool undoes that of the first.
    refused(1, "ipip2: remote-address: a tunnel with this local, remote and link exists", "set",
            "ipip1,ipip2", "remote=6.6.6.6", "local=10.0.0.1")
    equal("refusals change nothing", good("export", "verbose"), before)
    r = subprocess.run(["ip", "netns", "exec", "a", "setpriv", "--bounding-set=-net_admin", TOOL,
                        "add", "remote=9.9.9.9"], capture_output=True, text=True, env=NET)
    equal("without CAP_NET_ADMIN", (r.returncode, r.stderr),
          (1, "ipipctl: ipip3: Operation not permitted: CAP_NET_ADMIN is required\n"))


def files(work):
    before = good("export", "verbose")
    compact = good("export")
    check("export verbose: lines of 80 columns at most", all(len(s) <= 80 for s in before.splitlines()))
    state = good("-j", "print").replace('"id"', "").split("ifindex")[0]
    for text, name in ((before, "verbose"), (compact, "compact")):
        clear()
        good("import", "-", stdin=text)
        equal(f"export and import give the same tunnels: {name}", good("export", "verbose"), before)
    equal("export and import give the same JSON",
          good("-j", "print").replace('"id"', "").split("ifindex")[0], state)

    good("save", f"{work}/tunnels.conf")
    equal("save: the file's mode", oct(os.stat(f"{work}/tunnels.conf").st_mode & 0o777), "0o600")
    equal("save: leaves no other file", os.listdir(work), ["tunnels.conf"])
    good("remove", "ipip1")
    good("set", "ipip2", "dscp=1", "comment=other")
    good("add", "name=more", "remote=7.1.1.1")
    good("restore", f"{work}/tunnels.conf")
    good("restore", f"{work}/tunnels.conf")
    good("remove", "more")
    equal("restore: recreates missing tunnels and resets changed ones",
          sorted(good("export", "verbose").replace(" \\\n   ", "").splitlines()),
          sorted(before.replace(" \\\n   ", "").splitlines()))
    clear()


ROUTEROS = r'''# 2026-10-01 12:00:00 by RouterOS 7.18.2
# software id = ABCD-EFGH
#
/interface bridge
add name=bridge1
/interface ipip
add allow-fast-path=no !keepalive local-address=103.19.56.151 mtu=1500 name=\
    ipip-syd remote-address=10.10.10.235
add comment="caf\C3\A9 \"2\"" disabled=yes dscp=46 keepalive=1m,3 \
    name=ipip-lab remote-address=10.0.0.9
add clamp-tcp-mss=no dont-fragment=inherit ipsec-secret=hunter2 \
    allow-fast-path=no name=ipip-sec remote-address=10.0.0.8
add remote-address=10.0.0.7
/ip address
add address=1.1.1.1/24 interface=ipip-lab network=1.1.1.0
/interface/ipip/add name=short remote-address=10.0.0.6
'''


def routeros():
    r = ctl("import", "-", stdin=ROUTEROS)
    equal("import: a secret without an IKE daemon is refused",
          (r.status, r.out, r.err.splitlines()[-1]),
          (1, "", "ipipctl: -:11: ipip-sec: ipsec-secret: the netns a has no IKE daemon: "
           "there is no /etc/netns/a/strongswan.conf"))
    equal("import: the refused file makes no tunnel", find(), "")
    r = ctl("import", "-", stdin=ROUTEROS.replace("hunter2", '""').replace("\n", "\r\n"))
    equal("import: RouterOS's export", (r.status, r.out, r.err.replace("ipipctl: -:", "").splitlines()),
          (0, "", ["4: /interface bridge: another menu: ignored",
                   "14: /ip address: another menu: ignored"]))
    equal("import: all tunnels", find(), "ipip-syd,ipip-lab,ipip-sec,ipip1,short\n")
    equal("import: no keepalive, and an MTU", (get("0", "keepalive"), get("0", "mtu")), ("", "1500"))
    equal("import: a comment", get("1", "comment"), 'caf\u00e9 "2"')
    equal("import: disabled, DSCP, keepalive", [get("1", p) for p in ("disabled", "dscp", "keepalive")],
          ["yes", "46", "1m,3"])
    equal("import: clamp and DF", [get("ipip-sec", p) for p in ("clamp-tcp-mss", "dont-fragment")],
          ["no", "inherit"])
    clear()
    lines = "add name=b1 remote-address=10.0.1.1\nadd name=b2 remote-address=10.0.1.1\n" \
            "add name=b3 remote-address=10.0.1.3\n"
    r = ctl("import", "-", stdin=lines)
    equal("import: one refused line, no tunnel is made", (r.status, r.err, find()),
          (1, "ipipctl: -:2: b2: remote-address: a tunnel with this local, remote and link exists\n",
           ""))
    r = ctl("import", "--continue", "-", stdin=lines)
    equal("import --continue: one refused line, the others are made",
          (r.status, find()), (1, "b1,b3\n"))
    clear()
    for line, why in (("add name=c remote-address=", "remote-address: '' is not an IPv4 address"),
                      ("add name=c", "remote-address: is required"),
                      ("add remote-address=\"1.1.1.1", "remote-address: the string has no closing quote"),
                      ("add remote-address=1.1.1.1 comment=\"\\q\"", "comment: unknown escape in a string"),
                      ("add remote-address=[:resolve x]", "remote-address: scripts aren't supported"),
                      ("print", "print: only add, set, remove, enable and disable are supported"),
                      ("add remote-address", "is not property=value")):
        r = ctl("import", "-", stdin=line)
        equal(f"refused: {line}", (r.status, r.err), (1, f"ipipctl: -:1: {why}\n"))
    refused(1, "/nonexistent: No such file or directory", "import", "/nonexistent")
    equal("import: refused lines make no tunnel", find(), "")


def dry_run():
    r = good("add", "local=10.0.0.1", "remote=4.4.4.4", "name=d1", "ttl=7", "dscp=46", "mtu=1400",
             "comment=a b", "dont-fragment=legacy", "clamp=no", "!keepalive", "--dry-run")
    equal("--dry-run", r, "ip link add name d1 mtu 1400 type ipip mode ipip local 10.0.0.1 remote "
          "4.4.4.4 ttl 7 tos 0xb8\nip link set dev d1 alias 'a b'\nip link set dev d1 up\n")
    equal("--dry-run makes nothing", find(), "")
    for command in r.splitlines():
        run(f"ip netns exec a {command}")
    good("add", "local=10.0.0.1", "remote=4.4.4.5", "name=d2", "ttl=7", "dscp=46", "mtu=1400",
         "comment=a b", "dont-fragment=legacy", "clamp=no", "!keepalive")
    same = [good("print", n, "terse").split(" ", 5)[5].replace("4.4.4.5", "4.4.4.4")
            for n in ("d1", "d2")]
    equal("--dry-run: its commands make the same tunnel", same[0], same[1])
    clear()


def counters():
    two_hosts("c")
    good("add", "local=10.5.0.2", "remote=10.5.0.1", "name=t", netns="c")
    good("add", "local=10.5.0.1", "remote=10.5.0.2", "name=t", "keepalive=200ms,3")
    run("ip -n a addr add 192.168.5.1/30 dev t; ip -n c addr add 192.168.5.2/30 dev t")
    run("ip netns exec a ping -c 4 -i 0.2 -W 5 192.168.5.2")
    tunnel = json.loads(good("-j", "print", "stats"))[0]
    equal("print stats, as JSON",
          (tunnel["statistics"]["rx_packets"], tunnel["statistics"]["tx_bytes"]),
          (4, 4 * 84))
    check("print stats: the driver's counters",
          tunnel["counters"]["keepalive_answered"] > 0, tunnel["counters"])
    check("print stats: a round-trip time",
          tunnel["keepalive_rtt_us"] > 0 and tunnel["keepalive_age_ms"] >= 0,
          tunnel)
    row = good("print", "stats").splitlines()[2].split()
    equal("print stats, as text", row[2:7], ["t", str(4 * 84), str(4 * 84), "4", "4"])
    good("reset-counters", "t")
    run("ip netns exec a ping -c 1 -W 5 192.168.5.2")
    equal("reset-counters", json.loads(good("-j", "print", "stats"))[0]["statistics"]["rx_packets"],
          1)
    line = good("monitor", "t", "once", "interval=300ms")
    check("monitor once, into a pipe", line.startswith("name=t running=yes rx-packets-per-second=") and
          "keepalive-state=up keepalive-rtt=" in line, line)
    ping = subprocess.Popen(["ip", "netns", "exec", "a", "ping", "-q", "-i", "0.02", "192.168.5.2"],
                            stdout=subprocess.DEVNULL)
    rate = json.loads(good("-j", "monitor", "t", "once", "interval=1s"))
    equal("monitor, as JSON: the MTU", (rate["mtu"], rate["mtu_state"] in ("base", "complete")),
          (1480, True))
    ping.kill()
    check("monitor, as JSON", rate["rx_packets_per_second"] > 5 and
          abs(rate["rx_bits_per_second"] / rate["rx_packets_per_second"] - 84 * 8) < 60, rate)
    clear()


def terminal():
    """Colours and the width of lines depend on whether the output is a terminal."""
    good("add", "remote=10.9.9.9", "name=term")
    pty = f"ip netns exec a script -qec '{{}} {TOOL} print {{}}' /dev/null"
    colored = run(pty.format("", ""), env={**NET, "TERM": "xterm"})
    plain = run(pty.format("NO_COLOR=1", ""), env={**NET, "TERM": "xterm"})
    check("print: colours on a terminal", "\033[1m" in colored, colored)
    check("print: no colours with NO_COLOR", "\033" not in plain, plain)
    check("print: no colours into a pipe", "\033" not in good("print"))
    narrow = run(pty.format("stty cols 40; NO_COLOR=1", "detail"), env={**NET, "TERM": "xterm"})
    check("print detail: at most as wide as a narrow terminal",
          max(map(len, narrow.splitlines())) <= 40, narrow)
    clear()


def encap():
    """FOU, GUE and external mode, also in an export."""
    run("modprobe fou")
    good("add", "name=f", "remote-address=10.9.9.1", "encap=fou", "encap-dport=5555",
         "encap-csum=yes", "encap-sport", "7777")
    data = link("f")["linkinfo"]["info_data"]["encap"]
    equal("FOU: ip(8) shows the same values", [data[k] for k in ("type", "sport", "dport", "csum")],
          ["fou", 7777, 5555, True])
    equal("FOU: the MTU leaves room for the UDP header", get("f", "actual-mtu"), "1472")
    good("set", "f", "encap=gue", "encap-sport=auto")
    equal("GUE: set changes the named properties, and keeps the others",
          [get("f", "encap" + p) for p in ("", "-sport", "-dport", "-csum", "-remcsum")],
          ["gue", "auto", "5555", "yes", "no"])
    check("GUE: print detail shows the properties", "encap=gue encap-csum=yes encap-dport=5555" in
          " ".join(good("print", "f", "detail").split()), good("print", "f", "detail"))
    refused(2, "set: encap: 'vxlan' must be none, fou or gue", "set", "f", "encap=vxlan")
    refused(2, "set: encap-dport: '65536' must be none or 1 to 65535", "set", "f", "encap-dport=65536")
    refused(1, "f: keepalive-mode: keepalive mode routeros doesn't work with an encap", "set", "f",
            "keepalive-mode=routeros")
    good("add", "name=e", "external=yes")
    equal("external: on, and keepalive off", (get("e", "external"), get("e", "keepalive")), ("yes", ""))
    check("external: ip(8) shows it", link("e")["linkinfo"]["info_data"].get("external"))
    refused(1, "e2: external: a tunnel in external mode exists", "add", "name=e2", "external=yes")
    refused(2, "set: external: 'no' can't be changed: remove the tunnel and add "
            "it again", "set", "e",
            "external=no")
    refused(2, "set: external: 'yes' can't be changed: remove the tunnel and add "
            "it again", "set", "f",
            "external=yes")
    equal("where external", find("external"), "e\n")
    before = good("export")
    good("remove", "e,f")
    good("import", "-", stdin=before)
    equal("export and import give the same encap and external", good("export"), before)
    good("remove", "e,f")
    check("print and export leave tunl0 out", "tunl0" not in good("print") + good("export"))
    refused(1, "tunl0: no such tunnel", "remove", "tunl0")


def test():
    if not os.path.exists(TOOL):
        skip("ipipctl", "the tool isn't built")
        return
    shell("ns_add a b; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
          "ip -n a addr add 10.0.0.1/24 dev wan; ip -n a route add default dev wan")
    if INTREE:
        refused(1, "ipip: the in-tree driver is loaded, which lacks these properties: "
                "load the out-of-tree one", "add", "remote-address=10.9.9.9")
        run("ip -n a link add name s1 type ipip remote 10.9.9.9")
        check("in-tree driver: print", "10.9.9.9" in good("print"))
        good("enable", "s1")
        good("comment", "s1", "stock")
        equal("in-tree driver: enable and comment", (get("s1", "disabled"), get("s1", "comment")),
              ("no", "stock"))
        refused(1, "ipip: the in-tree driver is loaded, which lacks these properties: "
                "load the out-of-tree one", "set", "s1", "ttl=3")
        good("remove", "s1")
        equal("in-tree driver: remove", find(), "")
        return
    with tempfile.TemporaryDirectory() as work:
        add_and_print()
        where()
        change()
        refusals()
        files(work)
    routeros()
    dry_run()
    counters()
    encap()
    terminal()


main(test)
