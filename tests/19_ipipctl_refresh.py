# SPDX-License-Identifier: GPL-2.0
"""ipipctl refresh resolves the addresses again that were given as the name of a host or of a device.
A socket stands in for the DNS server."""
import contextlib
import json
import os
import socket
import struct
import subprocess

from ipipctl import can_run, clear, ctl, found, get, good, refused, udp_server, writable_etc
from lib import Tap, addr, check, equal, main, run, shell

HOSTS = {"far.example": ["10.2.0.1"], "other.example": ["10.2.0.5"]}


@contextlib.contextmanager
def dns():
    """A DNS server that answers from HOSTS: SERVFAIL for None, NXDOMAIN for a name that isn't there."""
    def answer(query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, question = ".".join(labels), query[12:at + 5]
        addresses = HOSTS.get(name, ())
        code = 2 if addresses is None else 0 if name in HOSTS else 3
        records = b"".join(struct.pack("!HHHIH", 0xc00c, 1, 1, 1, 4) + addr(a) for a in addresses or ())
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(addresses or ()), 0,
                                       0) + question + records

    with udp_server("127.0.0.1", 53, answer):
        yield


@contextlib.contextmanager
def etc():
    """Make the netns a resolve names only by that server."""
    with writable_etc():
        run("mkdir -p /etc/netns/a; echo 'hosts: dns' > /etc/netns/a/nsswitch.conf; printf "
            "'nameserver 127.0.0.1\\noptions timeout:30 attempts:1\\n' > /etc/netns/a/resolv.conf")
        yield


def followed():
    good("add", "name=t1", "remote-address=far.example", "!keepalive")
    good("add", "name=t2", "remote-address=10.2.0.9", "!keepalive")
    equal("add: the name is resolved and kept", get("t1", "remote-address", "refresh-remote"),
          ["10.2.0.1", "far.example"])
    tunnel = json.loads(good("-j", "print", "t1"))[0]
    equal("print as JSON has the address and the name",
          (tunnel["remote_address"], tunnel["refresh_remote"], tunnel["refresh_local"]),
          ("10.2.0.1", "far.example", None))
    check("print detail has the name", "refresh-remote=far.example" in good("print", "detail"))
    check("export has the address and the name", "refresh-remote=far.example remote-address=10.2.0.1" in
          good("export").replace("\\\n    ", ""))
    equal("find by the name",
          (found("refresh-remote=far.example"), found("remote-address=far.example")),
          ("t1", "t1"))
    equal("refresh: the address hasn't changed", ctl("refresh"), (0, "", ""))
    HOSTS["far.example"] = ["10.2.0.2"]
    command = "ipipctl set t1 refresh-remote=far.example remote-address=10.2.0.2\n"
    equal("refresh --dry-run prints the command and changes nothing",
          (good("--dry-run", "refresh"), get("t1", "remote-address")),
          (command, "10.2.0.1"))
    equal("refresh --dry-run of a tunnel without a name prints nothing",
          good("--dry-run", "refresh", "t2"), "")
    run("ip -n a addr add 192.168.0.1/24 dev t1")
    tap = Tap("a", "wan", "out")
    equal("refresh: another address", (good("refresh"), get("t1", "remote-address", "refresh-remote")),
          (command, ["10.2.0.2", "far.example"]))
    tap.drain()
    subprocess.run("ip netns exec a ping -c 5 -i 0.01 -W 0.1 192.168.0.2", shell=True, check=False,
                   capture_output=True)
    equal("refresh: no packet to the old address", {socket.inet_ntoa(p[16:20]) for p in tap.everything()
                                       if p[9] == 4}, {"10.2.0.2"})
    HOSTS["far.example"] = ["10.2.0.3", "10.2.0.2"]
    equal("refresh: an address among several is kept",
          (good("refresh"), get("t1", "remote-address")), ("", "10.2.0.2"))
    HOSTS["far.example"] = ["10.2.0.4", "10.2.0.3"]
    good("refresh", "t1")
    equal("refresh: otherwise the first of several is set", get("t1", "remote-address"), "10.2.0.4")


def failed():
    good("add", "name=t3", "remote-address=other.example", "!keepalive")
    HOSTS["other.example"] = ["10.2.0.6"]
    for what, value, why in (
            ("SERVFAIL", None, "Temporary failure in name resolution"),
            ("no address", [], "this host has no IPv4 address")):
        HOSTS["far.example"] = value
        HOSTS["other.example"] = ["10.2.0.6" if value is None else "10.2.0.7"]
        status, out, err = ctl("refresh")
        equal(f"{what}: the address is kept",
              (status, err, get("t1", "remote-address", "refresh-remote")), (
            1, f"ipipctl: t1: remote-address: 'far.example' {why}: 10.2.0.4 is kept\n",
            ["10.2.0.4", "far.example"]))
        equal(f"{what}: another tunnel is refreshed", (out.count("\n"), get("t3", "remote-address")),
              (1, HOSTS["other.example"][0]))
    del HOSTS["far.example"]
    equal("NXDOMAIN: an error", ctl("refresh")[0], 1)
    refused(1, "t9: no such tunnel", "refresh", "t9")
    HOSTS["far.example"] = ["10.2.0.9"]
    status, out, err = ctl("refresh")
    check("refresh to the address of another tunnel is refused", status == 1 and not out and
          "a tunnel with this local, remote and link exists" in err, err)
    equal("refresh to the address of another tunnel: the old one is kept",
          get("t1", "remote-address"), "10.2.0.4")


def given_up():
    HOSTS["far.example"] = ["10.2.0.1"]
    good("set", "t1", "remote-address=10.2.0.4")
    equal("set of an address removes the name", (get("t1", "refresh-remote"), ctl("refresh", "t1")),
          ("", (0, "", "")))
    good("set", "t1", "refresh-remote=far.example", "remote-address=10.2.0.4")
    equal("set of the name, then the address, keeps both",
          get("t1", "remote-address", "refresh-remote"),
          ["10.2.0.4", "far.example"])
    good("set", "t1", "remote-address=10.2.0.8", "refresh-remote=far.example")
    equal("set of the address, then the name, keeps both",
          get("t1", "remote-address", "refresh-remote"), ["10.2.0.8", "far.example"])
    good("unset", "t1", "refresh-remote")
    equal("unset of the name", get("t1", "remote-address", "refresh-remote"), ["10.2.0.8", ""])
    good("set", "t1", "remote-address=far.example")
    run("ip -n a link set dev t1 type ipip remote 10.2.0.8")
    equal("another program's address removes the name",
          get("t1", "remote-address", "refresh-remote"), ["10.2.0.8", ""])
    for value, why in (("a b", "is not a host name"), ("x" * 254, "is not a host name"),
                       ("1.2.3", "is not an IPv4 address")):
        refused(2, f"set: remote-address: '{value}' {why}", "set", "t1", f"remote-address={value}")


def saved():
    good("set", "t1", "remote-address=far.example")
    good("save", "/run/names")
    good("remove", "t1,t3")
    HOSTS["far.example"] = HOSTS["other.example"] = None
    good("restore", "/run/names")
    equal("restore: a failing DNS, addresses from the file",
          (get("t1", "remote-address", "refresh-remote"), get(
        "t3", "remote-address", "refresh-remote")), (
            ["10.2.0.1", "far.example"], ["10.2.0.7", "other.example"]))
    HOSTS["far.example"], HOSTS["other.example"] = ["10.2.0.2"], ["10.2.0.7"]
    good("refresh")
    good("set", "t1", "ttl=9")
    good("restore", "/run/names")
    equal("restore: an address that was refreshed since is kept", get("t1", "remote-address", "ttl"),
          ["10.2.0.2", "64"])
    clear()


def of_a_device():
    good("add", "name=t1", "local-address=wan", "remote-address=10.2.0.1", "!keepalive")
    equal("device: its address is set",
          get("t1", "local-address", "refresh-local"), ["10.1.0.1", "wan"])
    run("ip -n a addr add 10.1.0.2/24 dev wan")
    equal("device: a second address changes nothing", good("refresh"), "")
    run("ip -n a addr del 10.1.0.1/24 dev wan; ip -n a addr replace 10.1.0.2/24 dev wan")
    equal("device: the first address is gone, the second is set",
          (good("refresh"), get("t1", "local-address", "refresh-local")), (
        "ipipctl set t1 local-address=10.1.0.2 refresh-local=wan\n", ["10.1.0.2", "wan"]))
    run("ip -n a addr flush dev wan")
    equal("device: all addresses are gone, the last is kept",
          (ctl("refresh"), get("t1", "local-address")), ((
        1, "", "ipipctl: t1: local-address: 'wan' this device has no IPv4 address: 10.1.0.2 is kept\n"),
        "10.1.0.2"))
    run("ip -n a addr add 10.1.0.3/24 dev wan")
    good("save", "/run/names")
    run("ip -n a link set dev wan down; ip -n a link set dev wan name wan9")
    check("device: it was renamed, the address is kept",
          "'wan' no such device: 10.1.0.2 is kept" in ctl("refresh")[2])
    run("ip -n a link set dev wan9 name wan; ip -n a link set dev wan up")
    good("refresh", "t1")
    good("restore", "/run/names")
    equal("device: restore keeps a refreshed address",
          get("t1", "local-address", "refresh-local"), ["10.1.0.3", "wan"])
    refused(2, "set: local-address: 'nowhere' no such device", "set", "t1", "local-address=nowhere")
    run("ip -n a link set dev t1 netns b")
    refused(2, "set: local-address: 'lo' its underlay is in another network namespace", "set", "t1",
            "local-address=lo", netns="b")
    equal("device: not looked up in the wrong netns", (ctl("refresh", netns="b"), get_in_b()), ((
        1, "", "ipipctl: t1: local-address: 'wan' its underlay is in another network namespace: "
        "10.1.0.3 is kept\n"), "10.1.0.3"))
    good("remove", "t1", netns="b")


def get_in_b():
    return good("get", "t1", "local-address", netns="b").strip()


def test():
    if not can_run("ipipctl refresh"):
        return
    shell("ns_add a b; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
          "ip -n a addr add 10.1.0.1/24 dev wan; ip -n a route add default dev wan")
    os.makedirs("/run/etc", exist_ok=True)
    with etc(), dns():
        followed()
        failed()
        given_up()
        saved()
        of_a_device()


main(test)
