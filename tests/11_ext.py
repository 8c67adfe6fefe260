# SPDX-License-Identifier: GPL-2.0
"""IFLA_IPIP_EXT: defaults, what a change keeps, refusals, dumps, notifications."""
import errno
import json
import socket
import struct
import sys

from lib import (DEFAULTS, EXT, FLAGS, IFLA_MTU, INTREE, IPIP_EXT, IPTUN_COLLECT_METADATA, IPTUN_LINK, IPTUN_LOCAL,
                 IPTUN_PMTUDISC, IPTUN_PROTO, IPTUN_REMOTE, IPTUN_TOS, IPTUN_TTL, NLA_F_NESTED,
                 READ_ONLY, SIOCCHGTUNNEL, Rtnl, addr, attr, check, equal, ext, main, netns, parse, run, shell,
                 skip, tunnel_ioctl, u8, u32)

ENDS = ((IPTUN_LOCAL, addr("10.1.0.1")), (IPTUN_REMOTE, addr("10.2.0.1")))
STATE = {"keepalive_state": "off", "keepalive_misses": 0, "mtu_state": "off"}
OTHERS = {"df": "no", "clamp_mss": "both", "keepalive_interval": 2500, "keepalive_retries": 7,
          "keepalive_target": "192.168.0.2", "keepalive_mode": "icmp",
          "keepalive_source": "192.168.0.9", "local_name": "wan", "remote_name": "far.example",
          **{name: 1 - DEFAULTS[name] for name in FLAGS}}


def raw(*attributes):
    """IFLA_IPIP_EXT with these attributes, well-formed or not."""
    return IPIP_EXT | NLA_F_NESTED, b"".join(attr(k, v) for k, v in attributes)


def number(name):
    return EXT[name][0]


class Bench:
    def __init__(self):
        shell("ns_add a; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
              "ip -n a addr add 10.1.0.1/24 dev wan; ip -n a route add default via 10.1.0.254")
        self.rtnl = Rtnl("a")

    def add(self, name, *info, extra=b""):
        reply = self.rtnl.add(name, *info, extra=extra)
        if reply[0]:
            raise RuntimeError(f"{name}: {reply}")

    def state(self, name):
        """Everything of the tunnel that a request may change."""
        body = self.rtnl.read(name)
        return body and (parse(body[16:])[IFLA_MTU], *self.rtnl.read_info(name))

    def refused(self, what, error, word, at, *info, extra=b""):
        """Check that a change and a creation are both refused, and change nothing."""
        before = self.state("t")
        for verb, name in (("change", "t"), ("create", "v")):
            request = self.rtnl.change if verb == "change" else self.rtnl.add
            reply = request(name, *info, extra=extra)
            equal(f"{verb} with {what}: {errno.errorcode[error]}",
                  errno.errorcode.get(reply[0], reply[0]), errno.errorcode[error])
            check(f"{verb} with {what}: the message says why", word in (reply[1] or ""),
                  repr(reply[1]))
            equal(f"{verb} with {what}: the attribute is named", reply[2], at)
            equal(f"{verb} with {what}: nothing has changed",
                  (self.state("t"), self.rtnl.read("v")), (before, None))
            self.rtnl.delete("v")


def values(bench):
    rtnl = bench.rtnl
    run("ip -n a link add name t type ipip local 10.1.0.1 remote 10.2.0.1")
    equal("a tunnel from ip(8) has the defaults", rtnl.ext("t"), {**DEFAULTS, **STATE})

    now = {**DEFAULTS, **STATE}
    equal("OTHERS has each attribute that can be set",
          sorted(OTHERS), sorted(set(EXT) - set(READ_ONLY)))
    for name in OTHERS:
        now[name] = OTHERS[name]
        equal(f"{name}: accepted", rtnl.change("t", ext(**{name: OTHERS[name]}))[0], 0)
        equal(f"{name}: reads back, and the others haven't changed", rtnl.ext("t"), now)
    run("ip -n a link set dev t type ipip tos 0x20 fwmark 3")
    equal("a change by ip(8) keeps all attributes", rtnl.ext("t"), now)
    equal("an empty nest: accepted", rtnl.change("t", raw())[0], 0)
    equal("an empty nest: keeps all attributes", rtnl.ext("t"), now)
    rtnl.delete("t")

    bench.add("t", *ENDS, ext(**OTHERS))
    equal("all attributes at creation", {k: v for k, v in rtnl.ext("t").items() if k in OTHERS}, OTHERS)
    rtnl.delete("t")

    for name, least, most in (("df", 0, 3), ("clamp_mss", 0, 3), ("keepalive_retries", 1, 2**32 - 1),
                              ("keepalive_interval", 100, 4294967295000),
                              *((name, 0, 1) for name in FLAGS)):
        for value in least, most:
            bench.add("t", *ENDS, ext(**{name: value}))
            got, = struct.unpack("=" + EXT[name][1], parse(
                rtnl.read_info("t")[0][IPIP_EXT])[number(name)])
            equal(f"{name} {value} reads back", got, value)
            rtnl.delete("t")


def kept(bench):
    """In a request with the nest an absent attribute keeps its value. iproute2 sends no nest, and
    every attribute except addresses that are 0."""
    rtnl = bench.rtnl
    whole = (IPTUN_LINK, u32(0)), (IPTUN_TTL, u8(0)), (IPTUN_TOS, u8(0)), (IPTUN_PMTUDISC, u8(1))
    bench.add("t", *ENDS)
    rtnl.change("t", *whole, ENDS[1], ext(df="no"))
    equal("a request with the nest and without local keeps local",
          rtnl.read_info("t")[0][IPTUN_LOCAL], ENDS[0][1])
    rtnl.change("t", *whole, ENDS[1])
    equal("iproute2's request without local sets it to any",
          rtnl.read_info("t")[0][IPTUN_LOCAL], bytes(4))
    rtnl.delete("t")


def pmtudisc(bench):
    """A program reads the PMTUDISC that was set last, and may send it back without effect."""
    rtnl = bench.rtnl

    def state():
        return rtnl.ext("t")["df"], rtnl.read_info("t")[0][IPTUN_PMTUDISC][0]

    def ip(words):
        run(f"ip -n a link set dev t type ipip {words}")

    for df in "no", "inherit", "set":
        bench.add("t", *ENDS, ext(df=df))
        equal(f"{df}: PMTUDISC is 1 by default", state(), (df, 1))
        # ip(8) sends all attributes that it has read; NetworkManager and networkd send those that they know.
        for words in "tos 0x20", "pmtudisc", "ttl 64", "ttl 5 pmtudisc", "tos 0x40", "ttl inherit":
            ip(words)
            equal(f"{df}: ip(8)'s {words} keeps it", state(), (df, 1))
        rtnl.change("t", (IPTUN_PMTUDISC, u8(1)), (IPTUN_TTL, u8(0)))
        equal(f"{df}: a network manager's PMTUDISC=1 keeps it", state(), (df, 1))
        rtnl.change("t", (IPTUN_PMTUDISC, u8(0)), (IPTUN_TTL, u8(9)))
        equal(f"{df}: PMTUDISC=0 with a TTL means 1, and keeps it", state(), (df, 1))
        ip("ttl inherit")
        ip("nopmtudisc")
        equal(f"{df}: nopmtudisc changes PMTUDISC, and so sets legacy", state(), ("legacy", 0))
        rtnl.set("t", df=df)
        equal(f"{df}: setting it keeps PMTUDISC=0", state(), (df, 0))
        ip("tos 0x20")
        equal(f"{df}: ip(8) sends nopmtudisc again, which keeps it", state(), (df, 0))
        ip("ttl 7 pmtudisc")
        equal(f"{df}: a TTL turns PMTUDISC on, and keeps it", state(), (df, 1))
        ip("ttl inherit nopmtudisc")
        rtnl.set("t", df=df)
        ip("pmtudisc")
        equal(f"{df}: pmtudisc changes PMTUDISC, and so sets legacy", state(), ("legacy", 1))
        rtnl.change("t", (IPTUN_PMTUDISC, u8(0)), ext(df=df))
        equal(f"{df}: set with PMTUDISC=0 in one request", state(), (df, 0))
        rtnl.change("t", (IPTUN_PMTUDISC, u8(1)), ext(df="legacy"))
        equal("legacy: set with PMTUDISC=1 in one request", state(), ("legacy", 1))
        rtnl.delete("t")
    bench.add("t", *ENDS, (IPTUN_PMTUDISC, u8(0)), (IPTUN_TTL, u8(9)), ext(df="no"))
    equal("no: a fixed TTL at creation turns PMTUDISC on, and keeps it", state(), ("no", 1))
    run("ip -n a tunnel change t mode ipip ttl 64")
    equal("no: ip tunnel's fixed TTL keeps it", state(), ("no", 1))
    # "ip tunnel change ttl inherit" doesn't change the TTL that it has read, so netlink does that here.
    rtnl.change("t", (IPTUN_TTL, u8(0)))
    equal("no: removing the TTL keeps it", state(), ("no", 1))
    run("ip -n a tunnel change t mode ipip nopmtudisc")
    equal("no: ip tunnel's nopmtudisc sets legacy", state(), ("legacy", 0))
    rtnl.delete("t")


def refusals(bench):
    bench.add("t", *ENDS, ext(df="inherit", clamp_mss="rx", keepalive_retries=3))
    more = {"clamp_mss": "tx", "keepalive_retries": 9}

    for name, value in (("df", 4), ("df", 255), ("clamp_mss", 4), ("keepalive_retries", 0),
                        ("keepalive_mode", 3), *((name, 2) for name in FLAGS)):
        bench.refused(f"{name} {value}", errno.ERANGE, "out of range", number(name), *ENDS,
                      ext(**{**more, name: value}))
    for value in 1, 99, 4294967295001, 2**64 - 1:
        bench.refused(f"keepalive_interval {value}", errno.ERANGE, "keepalive interval",
                      number("keepalive_interval"), *ENDS, ext(**more, keepalive_interval=value))
    for name in EXT:
        if name not in READ_ONLY and EXT[name][1] != "z":
            size = struct.calcsize("=" + EXT[name][1])
            for wrong in size - 1, size + 1:
                bench.refused(f"{wrong} bytes of {name}", errno.EINVAL, "length", number(name),
                              *ENDS, raw((number(name), bytes(wrong))))
    for name in READ_ONLY:
        value = b"\0" if EXT[name][1] == "z" else 0
        bench.refused(name, errno.EINVAL, "read-only", number(name), *ENDS,
                      ext(**more, **{name: value}))
    for kind in 0, 1, 20, 200:
        bench.refused(f"attribute {kind} inside", errno.EINVAL, "attribute" if kind > 18 else "",
                      kind, *ENDS, raw((number("df"), u8(1)), (kind, u32(0))))
    bench.refused("a nest that isn't marked as one", errno.EINVAL, "NLA_F_NESTED", IPIP_EXT,
                  *ENDS, (IPIP_EXT, attr(number("df"), u8(1))))

    interval = {"keepalive_interval": 1000}
    for target in "224.0.0.1", "255.255.255.255", "127.0.0.1":
        for what in "target", "source":
            bench.refused(f"{what} {target}", errno.EINVAL, what, number(f"keepalive_{what}"),
                          *ENDS, ext(**more, **{f"keepalive_{what}": target}))
    bench.refused("mode icmp without a target", errno.EINVAL, "target",
                  number("keepalive_interval"), *ENDS, ext(keepalive_mode="icmp", **interval))
    bench.refused("an MTU together with mtu_auto", errno.EINVAL, "mtu", number("mtu_auto"),
                  *ENDS, ext(**more, mtu_auto=1), extra=attr(IFLA_MTU, u32(1300)))
    bench.rtnl.delete("t")

    bench.add("t", ENDS[0], (IPTUN_PROTO, u8(137)))
    bench.refused("keepalive without a remote", errno.EINVAL, "remote",
                  number("keepalive_interval"), (IPTUN_LOCAL, addr("10.1.0.1")), ext(**interval))
    bench.rtnl.delete("t")
    bench.add("t", *ENDS, (IPTUN_PROTO, u8(137)))
    reply = bench.rtnl.change("t", ext(**interval))
    equal("keepalive on a tunnel that carries only MPLS", (reply[0], reply[2]),
          (errno.EINVAL, number("keepalive_interval")))
    bench.rtnl.delete("t")
    reply = bench.rtnl.add("v", ENDS[0], (IPTUN_REMOTE, addr("239.1.2.3")), ext(**interval))
    equal("keepalive to a group", (reply[0], reply[2]),
          (errno.EINVAL, number("keepalive_interval")))
    reply = bench.rtnl.add("v", *ENDS, (IPTUN_COLLECT_METADATA, b""), ext(**interval))
    equal("keepalive in external mode", (reply[0], reply[2]),
          (errno.EINVAL, number("keepalive_interval")))
    bench.add("t", *ENDS, ext(keepalive_mode="icmp", keepalive_target="192.168.0.2", **interval))
    reply = bench.rtnl.change("t", ext(keepalive_target="0.0.0.0"))
    equal("remove the target from mode icmp", (reply[0], reply[2]),
          (errno.EINVAL, number("keepalive_target")))
    bench.rtnl.delete("t")


def notified(bench):
    with netns("a"):
        monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    monitor.bind((0, 1))    # RTMGRP_LINK
    monitor.setblocking(False)

    def messages():
        found = []
        while True:
            try:
                data = monitor.recv(65536)
            except BlockingIOError:
                return found
            found.append(parse(parse(parse(data[32:])[18])[2])[IPIP_EXT])

    bench.add("t", *ENDS, ext(df="no"))
    run("ip -n a link set dev t up")
    messages()
    bench.rtnl.set("t", df="set", clamp_mss="rx")
    found = messages()
    equal("a notification of a change has the new values",
          {(parse(m)[number("df")], parse(m)[number("clamp_mss")]) for m in found},
          {(u8(3), u8(1))})
    bench.rtnl.delete("t")


def dump(bench):
    for i in range(64):
        bench.add(f"t{i}", ENDS[0], (IPTUN_REMOTE, addr(f"10.2.1.{i}")), ext(df="no"))
    shown = run("ip -n a -d -s link show type ipip")
    equal("a dump of 64 tunnels", shown.count("ipip ipip remote"), 64)
    run("ip -n a link set dev t7 up")
    counted = run("ip netns exec a ethtool -S t7")
    for name in bench.rtnl.xstats("t7"):
        check(f"ethtool -S has the counter {name}", f" {name}: 0\n" in counted, counted)
    check("ethtool shows the link as detected", "Link detected: yes" in
          run("ip netns exec a ethtool t7"))
    for i in range(64):
        bench.rtnl.delete(f"t{i}")


def link_names(bench):
    """The name of the device that a tunnel is bound to. It stays when the device is deleted, and
    the tunnel binds to a new device of that name (53_link_again)."""
    def name():
        return bench.rtnl.ext("t").get("link_name")

    def dummy(device):
        run(f"ip -n a link add name {device} type dummy")
        return index_of(device)

    first = dummy("under0")
    bench.add("t", *ENDS, (IPTUN_LINK, u32(first)))
    equal("link: the name of the device", name(), "under0")
    run("ip -n a link set dev under0 name under1")
    equal("link: renamed", name(), "under1")
    bench.rtnl.change("t", ext(df="no"))
    run("ip -n a link del dev under1")
    equal("link: the name after the device was deleted", name(), "under1")
    bench.rtnl.change("t", ext(df="set"))
    equal("link: an unrelated change keeps the name", name(), "under1")
    equal("link: an unrelated change keeps the index", number_of(bench, IPTUN_LINK), first)
    second = dummy("under1")
    equal("link: bound to the new device of that name",
          (name(), number_of(bench, IPTUN_LINK)), ("under1", second))
    tunnel_ioctl(SIOCCHGTUNNEL, "t", "a", name="t", local="10.1.0.1", remote="10.2.0.1",
                 link=index_of("lo"))
    equal("link: an ioctl changes it", name(), "lo")
    bench.rtnl.change("t", (IPTUN_LINK, u32(0)))
    equal("link: none", name(), None)
    run("ip -n a link del dev under1")
    bench.rtnl.delete("t")


def names(bench):
    """local_name and remote_name, from which a program resolves the addresses. A change of the
    address alone removes the name."""
    rtnl = bench.rtnl

    def have():
        got = rtnl.ext("t")
        return got.get("local_name"), got.get("remote_name")

    bench.add("t", *ENDS, ext(local_name="wan", remote_name="far.example"))
    equal("names: kept", have(), ("wan", "far.example"))
    run("ip -n a link set dev t type ipip remote 10.2.0.1 ttl 9")
    equal("names: another program sends the same address, which keeps them",
          have(), ("wan", "far.example"))
    rtnl.change("t", (IPTUN_REMOTE, addr("10.2.0.2")), ext(remote_name="far.example"))
    equal("names: a new address together with its name", have(), ("wan", "far.example"))
    run("ip -n a link set dev t type ipip remote 10.2.0.3")
    equal("names: a new address alone removes the name", have(), ("wan", None))
    rtnl.change("t", ext(remote_name="x"))
    tunnel_ioctl(SIOCCHGTUNNEL, "t", "a", name="t", local="10.1.0.9", remote="10.2.0.3")
    equal("names: a new address by ioctl removes the name", have(), (None, "x"))
    rtnl.set("t", local_name="y" * 253, remote_name="")
    equal("names: the longest, and an empty one, which removes it", have(), ("y" * 253, None))
    more = {"clamp_mss": "tx"}
    bench.refused("a name of 254 bytes", errno.EINVAL, "", number("remote_name"), *ENDS,
                  ext(**more, remote_name="z" * 254))
    bench.refused("a name that doesn't end in 0", errno.EINVAL, "", number("local_name"), *ENDS,
                  raw((number("clamp_mss"), u8(1)), (number("local_name"), b"xyz")))
    rtnl.delete("t")


def index_of(device):
    return json.loads(run(f"ip -n a -j link show dev {device}"))[0]["ifindex"]


def number_of(bench, kind):
    return int.from_bytes(bench.rtnl.read_info("t")[0][kind], sys.byteorder)


def test():
    if INTREE:
        skip("IFLA_IPIP_EXT", "the in-tree driver doesn't have it")
        return
    bench = Bench()
    values(bench)
    kept(bench)
    pmtudisc(bench)
    refusals(bench)
    notified(bench)
    link_names(bench)
    names(bench)
    dump(bench)


main(test)
