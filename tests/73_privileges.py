# SPDX-License-Identifier: GPL-2.0
"""Privileges: without CAP_NET_ADMIN a process may only read. With CAP_NET_ADMIN in a user namespace it may
change tunnels of that user namespace's network namespaces only."""
import errno
import itertools
import os
import re
import socket
import struct
import time

from lib import (CLONE_NEWNET, CLONE_NEWUSER, EXT, IFLA_AF_SPEC, IFLA_INET6_CACHEINFO,
                 IFLA_INFO_DATA, IFLA_INFO_XSTATS, IFLA_LINK_NETNSID, IFLA_LINKINFO, IFLA_MTU,
                 IFLA_NET_NS_FD, INTREE, IPIP_EXT, IPIP_EXT_PAD, IPTUN_TTL, RTM_GETSTATS, RTM_SETLINK,
                 SIOCADDTUNNEL, SIOCCHGTUNNEL, SIOCDELTUNNEL, SIOCGETTUNNEL, XSTATS, Rtnl, Tap,
                 attr, check, ends, equal, ext, in_child, mac, main, netns, number, parse, run,
                 shell, skip, tunnel_ioctl, tunnel_request, u8, u32, unshare, wait)

NOBODY = 65534
EPERM, OK = errno.EPERM, 0


def ioctl(command, device, *ends, **values):
    """errno of an ioctl; ends are local and remote."""
    return tunnel_ioctl(command, device, **dict(zip(("local", "remote"), ends)), **values)[0]


def everything(rtnl, device):
    """Try each way to make, change or delete a tunnel. Returns {what was tried: errno}."""
    here, elsewhere = ("10.1.0.1", "10.2.0.1"), ("10.1.0.1", "10.9.0.2")
    return {
        "add": rtnl.add("x0", *ends("10.1.0.1", "10.9.0.1"))[0],
        "change": rtnl.change(device, (IPTUN_TTL, u8(9)))[0],
        "change ours": rtnl.change(device, ext(require_ipsec=0, clamp_mss="both"))[0],
        "change the MTU": rtnl.request(RTM_SETLINK, 0, device, extra=attr(IFLA_MTU, u32(1300)))[0],
        "up": rtnl.set_up(device),
        "ioctl add": ioctl(SIOCADDTUNNEL, "tunl0", *elsewhere, name="x1"),
        "ioctl change": ioctl(SIOCCHGTUNNEL, device, *here, name=device, ttl=9),
        "ioctl change by addresses": ioctl(SIOCCHGTUNNEL, "tunl0", *here, ttl=9),
        "ioctl delete": ioctl(SIOCDELTUNNEL, device, *here, name=device),
        "delete": rtnl.delete(device)[0],
    }


def shown(ns, device):
    return run(f"ip -n {ns} -d -o link show dev {device}")


def as_nobody(function):
    """Call a function as a user without capabilities, in the netns a."""
    def attempt():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return function()
    with netns("a"):
        return in_child(attempt)


def nobody():
    before = shown("a", "t0")

    def attempt():
        rtnl = Rtnl()
        return {**everything(rtnl, "t0"), "read": len(rtnl.read("t0")) > 0,
                "ioctl read": ioctl(SIOCGETTUNNEL, "t0")}
    got = as_nobody(attempt)
    check("a user may read by netlink", got.pop("read"))
    equal("a user may read by ioctl", got.pop("ioctl read"), OK)
    for what, error in got.items():
        equal(f"a user may not: {what}", error, EPERM)
    equal("the user's requests haven't changed the tunnel", shown("a", "t0"), before)


# Attributes that may differ between two dumps of a tunnel that sends probes and was down and up in
# between, each as a path of attribute types from the outermost on.
COUNTERS = "keepalive_sent", "keepalive_answered", "keepalive_forged", "keepalive_missed"
STATE = ("keepalive_misses", "keepalive_age", "keepalive_rtt", "keepalive_state_age",
         "keepalive_srtt", "keepalive_rttvar", "keepalive_loss", "mtu_state", "mtu_measured",
         "mtu_age")
MAY_DIFFER = [(IFLA_LINKINFO, IFLA_INFO_DATA, IPIP_EXT, EXT[name][0]) for name in STATE]
MAY_DIFFER += [(IFLA_LINKINFO, IFLA_INFO_XSTATS, XSTATS.index(name) + 2) for name in COUNTERS]
# The time of IPv6's last change of the device.
MAY_DIFFER += [(IFLA_AF_SPEC, socket.AF_INET6, IFLA_INET6_CACHEINFO)]
NESTS = {path[:n] for path in MAY_DIFFER for n in range(1, len(path))}


def is_small(value):
    """True if each word of the value is too small to be a part of a key."""
    return all(number(value[i:i + 4]) < 1 << 24 for i in range(0, len(value), 4))


def leaves(data, path=()):
    """(path of types, all bytes including padding) of each attribute without nested ones, except those
    that may differ."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        here, value = path + (kind & 0x3fff,), data[4:(length + 3) & ~3]
        if here in NESTS:
            yield from leaves(value, here)
        elif here not in MAY_DIFFER or not is_small(value):
            yield here, value
        data = data[(length + 3) & ~3:]
    yield path, data


def readable():
    """The tunnel by each interface that shows it: bytes in hex, or text."""
    rtnl, index = Rtnl(), socket.if_nametoindex("t0")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    every = 31      # IFLA_STATS_LINK_64 to IFLA_STATS_AF_SPEC
    return {"RTM_GETLINK": rtnl.read("t0").hex(),
            "RTM_GETSTATS": rtnl.ask(RTM_GETSTATS, struct.pack("=4xII", index, every)).hex(),
            "SIOCGETTUNNEL": tunnel_request(sock, SIOCGETTUNNEL, "t0")[1].hex(),
            "ethtool -S": run("ethtool -S t0")}


def steady(got):
    """The result of readable() in pieces, without what may differ."""
    link = bytes.fromhex(got["RTM_GETLINK"])
    counters = rf"\b({'|'.join(COUNTERS)}): \d{{1,7}}\n"
    return {**{what: [value] for what, value in got.items()},
            "RTM_GETLINK": [link[:16], *leaves(link[16:])],
            "ethtool -S": re.sub(counters, "\n", got["ethtool -S"]).split("\n")}


def grows(rtnl, counter, act=lambda: None):
    """True if the counter of t0 grows after act()."""
    before, end = rtnl.xstats("t0")[counter], time.monotonic() + 15
    act()
    while rtnl.xstats("t0")[counter] == before:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def no_key():
    """No interface may reveal keepalive's key, which is the only secret in the kernel. The driver generates a
    new key when the device goes up: if everything readable is the same before and after, it reveals no key."""
    root, wire = Rtnl("a"), Tap("r", "a")
    root.set("t0", keepalive_mode="cookie", keepalive_interval=200, keepalive_retries=1000,
             local_name="wan", remote_name="far.example")
    check("no key: probes are answered", grows(root, "keepalive_answered"))
    probe = wire.receive(lambda d: d[9] == 4 and len(d) == 84)
    before = as_nobody(readable)
    root.set_up("t0", False)
    root.set_up("t0")
    # The inner packet of a probe is its answer.
    check("no key: after down and up the key is another: the old cookie counts as forged",
          grows(root, "keepalive_forged", lambda: wire.send(probe[20:], mac("a", "wan"))))
    check("no key: probes are answered again", grows(root, "keepalive_answered"))
    wait(lambda: "keepalive_loss" in root.ext("t0"))
    after = as_nobody(readable)
    root.set("t0", keepalive_interval=0)

    for what, pieces in steady(before).items():
        pairs = itertools.zip_longest(pieces, steady(after)[what])
        equal(f"no key: {what} is the same with another key",
              [pair for pair in pairs if pair[0] != pair[1]], [])
    info = parse(parse(bytes.fromhex(after["RTM_GETLINK"])[16:])[IFLA_LINKINFO])
    equal("no key: the dump has only the attributes of the UAPI",
          sorted(set(parse(parse(info[IFLA_INFO_DATA])[IPIP_EXT])) - {IPIP_EXT_PAD}),
          sorted(kind for name, (kind, _) in EXT.items() if name not in ("mtu_measured", "mtu_age")))


def own(function):
    """Call a function with all capabilities in a new user namespace and a new netns. Its argument is a
    file descriptor of the netns a."""
    def attempt():
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        return function(a)
    a = os.open("/run/netns/a", os.O_RDONLY)
    try:
        return in_child(attempt)
    finally:
        os.close(a)


def at_home(_):
    rtnl = Rtnl()
    got = {"add": rtnl.add("t0", *ends("10.1.0.1", "10.2.0.1"))[0]}
    everywhere = everything(rtnl, "t0")
    # everything() deletes the tunnel last; its "add" is left out.
    got.update((k, v) for k, v in everywhere.items() if k not in ("delete", "add"))
    got["delete what it has made"] = rtnl.delete("x1")[0]
    return got


def abroad(a):
    rtnl = Rtnl()
    into = attr(IFLA_NET_NS_FD, u32(a))
    return {
        "make a tunnel there": rtnl.add("x0", *ends("10.1.0.1", "10.9.0.1"), extra=into)[0],
        "make one, and send it there": (rtnl.add("x2", *ends("10.1.0.1", "10.9.0.1"))[0],
                                        rtnl.request(RTM_SETLINK, 0, "x2", extra=into)[0])[1],
        "send tunl0 there": rtnl.request(RTM_SETLINK, 0, "tunl0", extra=into)[0],
    }


def lent():
    """A tunnel whose underlay is in a and whose device is in the netns of a user namespace: its owner may
    use the device, but not change the tunnel."""
    def attempt(ready):
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        ready()
        rtnl = Rtnl()
        got = {
            "read": len(rtnl.read("lent") or b"") > 0,
            "an MTU": rtnl.request(RTM_SETLINK, 0, "lent", extra=attr(IFLA_MTU, u32(1300)))[0],
            "change": rtnl.change("lent", (IPTUN_TTL, u8(9)))[0],
            "change ours": rtnl.change("lent", ext(clamp_mss="both"))[0],
            "ioctl change": ioctl(SIOCCHGTUNNEL, "lent", "10.1.0.1", "10.8.0.1", name="lent", ttl=9),
            "ioctl delete": ioctl(SIOCDELTUNNEL, "lent", "10.1.0.1", "10.8.0.1", name="lent"),
            "ioctl add": ioctl(SIOCADDTUNNEL, "lent", "10.1.0.1", "10.8.0.2", name="x9"),
        }
        underlay = parse(rtnl.read("lent")[16:])[IFLA_LINK_NETNSID]
        got["add over the same underlay"] = rtnl.add(
            "x8", *ends("10.1.0.1", "10.8.0.3"), extra=attr(IFLA_LINK_NETNSID, underlay))[0]
        return got

    def lend(child):
        run(f"ip -n a link add name lent type ipip local 10.1.0.1 remote 10.8.0.1 && "
            f"ip -n a link set dev lent netns {child}")
    got = in_child(attempt, lend)
    check("a tunnel over another owner's underlay: may be read", got.pop("read"))
    equal("a tunnel over another owner's underlay: its MTU may be changed", got.pop("an MTU"), OK)
    for what, error in got.items():
        equal(f"a tunnel over another owner's underlay: may not: {what}", error, EPERM)


def test():
    if INTREE:
        skip("privileges", "the in-tree driver doesn't have half of the attributes")
        return
    shell("topo dev wan")
    nobody()
    no_key()
    before = shown("a", "t0")
    for what, error in own(at_home).items():
        equal(f"user namespace, its own netns: {what}", error, OK)
    for what, error in own(abroad).items():
        equal(f"user namespace, another netns: may not {what}", error, EPERM)
    lent()
    equal("the user namespace's requests haven't changed the tunnel", shown("a", "t0"), before)


main(test)
