# SPDX-License-Identifier: GPL-2.0
"""The link API: attributes, refusals, properties of the device, changes, deletes."""
import errno
import os
import socket
import struct
import subprocess
import sys
import time

from lib import (IFLA_MTU, IPIP_EXT, RTM_NEWLINK, IPTUN_COLLECT_METADATA, IPTUN_FWMARK, IPTUN_LINK, IPTUN_LOCAL,
                 IPTUN_PMTUDISC, IPTUN_PROTO, IPTUN_REMOTE, IPTUN_TOS, IPTUN_TTL, 
                 Rtnl, addr, attr, check, differs, equal, main, netns, number,
                 parse, run, shell, skip, u8, u16, u32)

NAMES = {IPTUN_LINK: "LINK", IPTUN_LOCAL: "LOCAL", IPTUN_REMOTE: "REMOTE", IPTUN_TTL: "TTL",
         IPTUN_TOS: "TOS", IPTUN_PROTO: "PROTO", IPTUN_PMTUDISC: "PMTUDISC",
         IPTUN_FWMARK: "FWMARK"}
WIDTH = {IPTUN_TTL: 1, IPTUN_TOS: 1, IPTUN_PROTO: 1, IPTUN_PMTUDISC: 1}
# ENCAP_LIMIT, FLOWINFO, FLAGS, 6RD_PREFIX: not of this link kind; 99: of none.
FOREIGN = ((6, u8(4)), (7, u32(1)), (8, u16(1)), (11, bytes(16)), (99, u32(1)))
IFLA_GROUP = 27
ARPHRD_TUNNEL = 768
IFF_UP, IFF_BROADCAST, IFF_POINTOPOINT, IFF_NOARP, IFF_MULTICAST = 1, 2, 0x10, 0x80, 0x1000
HERE, FAR = "10.1.0.1", "10.2.0.1"
ENDS = ((IPTUN_LOCAL, addr(HERE)), (IPTUN_REMOTE, addr(FAR)))


class Links(Rtnl):
    def get(self, name):
        """What there is to know of a device, or None; attributes by their number."""
        reply = self.read(name)
        if reply is None:
            return None
        devtype, index, flags = struct.unpack_from("=xxHiI", reply)
        link = parse(reply[16:])
        device = {"type": devtype, "index": index, "flags": flags,
                  "address": socket.inet_ntoa(link[1]), "broadcast": socket.inet_ntoa(link[2]),
                  "mtu": number(link[4]), "link": number(link[5]) if 5 in link else None,
                  "min_mtu": number(link[50]), "max_mtu": number(link[51])}
        for kind, value in parse(parse(link[18])[2]).items():
            if kind == IPIP_EXT:
                continue
            if kind in (IPTUN_LOCAL, IPTUN_REMOTE):
                device[kind] = socket.inet_ntoa(value)
            else:
                device[kind] = number(value)
        return device

    def mtu(self, name):
        return self.get(name)["mtu"]


class Bench:
    """A host with three underlays of different MTU, the widest its default."""

    def __init__(self):
        shell("ns_add a; ip -n a -batch - <<-END\n"
              "link add name wide type dummy\n"
              "link add name medium mtu 1400 type dummy\n"
              "link add name narrow mtu 60 type dummy\n"
              "link set dev wide up\n"
              "link set dev medium up\n"
              "link set dev narrow up\n"
              "addr add 10.1.0.1/24 dev wide\n"
              "addr add 10.3.0.1/24 dev medium\n"
              "route add default via 10.1.0.254\n"
              "route add 10.4.0.0/16 via 10.3.0.254\n"
              "route add 10.5.0.0/16 dev narrow\n"
              "route add default via 10.3.0.254 table 100\n"
              "rule add fwmark 7 table 100\n"
              "END")
        self.rtnl = Links("a")
        self.index = {}
        for device in ("wide", "medium", "narrow"):
            self.index[device] = int(run(f"ip netns exec a cat /sys/class/net/{device}/ifindex"))

    def add(self, name, *info, extra=b""):
        """A tunnel that has to be there for what follows."""
        reply = self.rtnl.add(name, *info, extra=extra)
        if reply[0]:
            raise RuntimeError(f"{name}: {reply}")

    def delete(self, *names):
        for name in names:
            self.rtnl.delete(name)

    def refused(self, what, tunnel, request, error, word, at, core=False):
        """A refusal has its errno, says why, names the attribute, leaves the tunnel alone and
        makes none (it would be "v"). core: rtnetlink itself refuses, not the driver."""
        before = self.rtnl.get(tunnel)
        number, message, where = request()
        equal(f"{what}: {errno.errorcode[error]}", errno.errorcode.get(number, number),
              errno.errorcode[error])
        if not core:
            differs("no message")
        check(f"{what}: the message says why", word in (message or ""), repr(message))
        if at is not None:
            if not core:
                differs("no attribute named")
            equal(f"{what}: the attribute is named", where, at)
        equal(f"{what}: nothing has changed", (self.rtnl.get(tunnel), self.rtnl.get("v")),
              (before, None))
        self.delete("v")


def same_but(device, **changes):
    """The device with other values of attributes, by their name here."""
    numbers = {name: number for number, name in NAMES.items()}
    return {**device, **{numbers.get(k, k): v for k, v in changes.items()}}


def attributes(bench):
    rtnl = bench.rtnl
    values = {IPTUN_LINK: bench.index["wide"], IPTUN_LOCAL: HERE, IPTUN_REMOTE: FAR,
              IPTUN_TTL: 64, IPTUN_TOS: 0x48, IPTUN_PROTO: 0, IPTUN_PMTUDISC: 1,
              IPTUN_FWMARK: 0x80000001}
    most = {**values, IPTUN_TTL: 255, IPTUN_TOS: 255, IPTUN_FWMARK: 0xffffffff}
    for what, wanted in ("all attributes", values), ("their largest values", most):
        info = [(k, addr(v) if isinstance(v, str) else v.to_bytes(WIDTH.get(k, 4), sys.byteorder))
                for k, v in wanted.items()]
        equal(f"create with {what}", rtnl.add("t", *info)[0], 0)
        got = rtnl.get("t")
        for kind, name in NAMES.items():
            equal(f"{what}: {name} reads back", got[kind], wanted[kind])
        bench.delete("t")

    equal("create with both ends alone", rtnl.add("t", *ENDS)[0], 0)
    got = rtnl.get("t")
    for kind, value in ((IPTUN_LINK, 0), (IPTUN_TTL, 0), (IPTUN_TOS, 0), (IPTUN_PROTO, 4),
                        (IPTUN_PMTUDISC, 1), (IPTUN_FWMARK, 0)):
        equal(f"{NAMES[kind]} that isn't given is {value}", got[kind], value)
    shown = run("ip -n a -d link show dev t")
    check("ip shows the defaults",
          f"ipip ipip remote {FAR} local {HERE} ttl inherit pmtudisc" in shown, shown)
    bench.delete("t")

    run(f"ip -n a link add name t type ipip mode ipip local {HERE} remote {FAR} dev wide ttl 9 "
        "tos 0x10 fwmark 0x77")
    shown = run("ip -n a -d link show dev t")
    check("ip shows what it was told", f"ipip ipip remote {FAR} local {HERE} dev wide ttl 9 "
          "tos 0x10 pmtudisc" in shown and "fwmark 0x77" in shown, shown)
    bench.delete("t")

    bench.add("t", (IPTUN_LOCAL, addr(HERE)), (IPTUN_LINK, u32(bench.index["medium"])))
    got = rtnl.get("t")
    equal("remote that isn't given is any", got[IPTUN_REMOTE], "0.0.0.0")
    bench.delete("t")
    bench.add("t", (IPTUN_REMOTE, addr(FAR)))
    equal("local that isn't given is any", rtnl.get("t")[IPTUN_LOCAL], "0.0.0.0")
    bench.delete("t")

    for ttl, given, wanted in ((0, 0, 0), (0, 1, 1), (64, 0, 1), (64, 1, 1)):
        bench.add("t", *ENDS, (IPTUN_TTL, u8(ttl)), (IPTUN_PMTUDISC, u8(given)))
        equal(f"TTL {ttl} and PMTUDISC {given}: PMTUDISC is {wanted}",
              rtnl.get("t")[IPTUN_PMTUDISC], wanted)
        bench.delete("t")

    for proto in 0, 4, 137:
        equal(f"PROTO {proto} is accepted", rtnl.add("t", *ENDS, (IPTUN_PROTO, u8(proto)))[0], 0)
        equal(f"PROTO {proto} reads back", rtnl.get("t")[IPTUN_PROTO], proto)
        bench.delete("t")

    equal("attributes of other link kinds are ignored", rtnl.add("t", *ENDS, *FOREIGN)[0], 0)
    bench.delete("t")


def refusals_at_creation(bench):
    rtnl = bench.rtnl
    bench.add("t", *ENDS)

    for proto in 1, 5, 41, 47, 136, 138, 255:
        bench.refused(f"create with PROTO {proto}", "t", lambda:
                      rtnl.add("v", (IPTUN_LOCAL, addr(HERE)), (IPTUN_PROTO, u8(proto))),
                      errno.EINVAL, "proto", IPTUN_PROTO)
    for kind, name in NAMES.items():
        short = bytes(WIDTH.get(kind, 4) - 1)
        bench.refused(f"create with {name} too short", "t", lambda:
                      rtnl.add("v", (kind, short)), errno.ERANGE, "policy", kind, core=True)
    bench.refused("create with COLLECT_METADATA that has a value", "t", lambda:
                  rtnl.add("v", (IPTUN_COLLECT_METADATA, u32(1))), errno.ERANGE, "policy",
                  IPTUN_COLLECT_METADATA, core=True)
    bench.refused("create a duplicate", "t", lambda: rtnl.add("v", *ENDS), errno.EEXIST,
                  "exists", IPTUN_REMOTE)
    bench.refused("create a duplicate that differs in all but the ends", "t", lambda:
                  rtnl.add("v", *ENDS, (IPTUN_TTL, u8(9)), (IPTUN_TOS, u8(8)),
                           (IPTUN_FWMARK, u32(7)), (IPTUN_PROTO, u8(0))),
                  errno.EEXIST, "exists", IPTUN_REMOTE)

    bench.add("u", (IPTUN_LOCAL, addr(HERE)))
    bench.refused("create a duplicate of a tunnel to any", "u", lambda:
                  rtnl.add("v", (IPTUN_LOCAL, addr(HERE))), errno.EEXIST, "exists", IPTUN_LOCAL)
    bench.delete("u")
    bench.add("u", (IPTUN_REMOTE, addr(FAR)))
    bench.refused("create a duplicate of a tunnel from any", "u", lambda:
                  rtnl.add("v", (IPTUN_REMOTE, addr(FAR))), errno.EEXIST, "exists", IPTUN_REMOTE)
    bench.delete("u")

    medium = (IPTUN_LINK, u32(bench.index["medium"]))
    equal("the same ends over another link are another tunnel", rtnl.add("u", *ENDS, medium)[0], 0)
    bench.refused("create a duplicate with a link", "u", lambda: rtnl.add("v", *ENDS, medium),
                  errno.EEXIST, "exists", IPTUN_REMOTE)
    bench.delete("u")
    for swap in ((FAR, HERE), (HERE, "10.2.0.2"), ("10.1.0.2", FAR)):
        equal(f"{swap[0]} to {swap[1]} is another tunnel",
              rtnl.add("u", (IPTUN_LOCAL, addr(swap[0])), (IPTUN_REMOTE, addr(swap[1])))[0], 0)
        bench.delete("u")

    before = rtnl.get("t")
    equal("create with a name that is taken: EEXIST",
          rtnl.add("t", (IPTUN_LOCAL, addr("10.1.0.9")))[0], errno.EEXIST)
    equal("create with the name of another device: EEXIST",
          rtnl.add("wide", (IPTUN_LOCAL, addr("10.1.0.9")))[0], errno.EEXIST)
    equal("create with a name that is taken: nothing has changed", rtnl.get("t"), before)
    equal("and nothing is left of it", rtnl.add("u", (IPTUN_LOCAL, addr("10.1.0.9")))[0], 0)
    bench.delete("t", "u")


def refusals_on_change(bench):
    rtnl = bench.rtnl
    medium = (IPTUN_LINK, u32(bench.index["medium"]))
    other = (IPTUN_REMOTE, addr("10.2.0.2"))
    anyone = (IPTUN_REMOTE, bytes(4))
    group = (IPTUN_REMOTE, addr("239.1.2.3"))
    bench.add("t", *ENDS, (IPTUN_TTL, u8(33)), (IPTUN_TOS, u8(0x20)), (IPTUN_FWMARK, u32(5)))
    bench.add("u", ENDS[0], other, (IPTUN_TTL, u8(44)), (IPTUN_FWMARK, u32(6)))

    def change(name, *info):
        return lambda: rtnl.change(name, *info)

    more = (IPTUN_TTL, u8(99)), (IPTUN_TOS, u8(0x40)), (IPTUN_FWMARK, u32(88))
    bench.refused("change to bad PROTO", "t", change("t", *ENDS, *more, (IPTUN_PROTO, u8(5))),
                  errno.EINVAL, "proto", IPTUN_PROTO)
    bench.refused("change with LOCAL too short", "t", change("t", *more, (IPTUN_LOCAL, u16(0))),
                  errno.ERANGE, "policy", IPTUN_LOCAL, core=True)
    bench.refused("change into a duplicate", "u", change("u", *ENDS, *more), errno.EEXIST,
                  "exists", IPTUN_REMOTE)
    bench.refused("change to remote any", "t", change("t", ENDS[0], anyone, *more),
                  errno.EINVAL, "remote", IPTUN_REMOTE)
    bench.refused("change to a group", "t", change("t", ENDS[0], group, *more), errno.EINVAL,
                  "group", IPTUN_REMOTE)
    bench.refused("change to external mode", "t",
                  change("t", *ENDS, *more, (IPTUN_COLLECT_METADATA, b"")),
                  errno.EINVAL, "external", IPTUN_COLLECT_METADATA)
    for mtu, word in (67, "less"), (0, "less"), (65516, "greater"), (0xffffffff, "less"):
        bench.refused(f"change to MTU {mtu}", "t", lambda:
                      rtnl.request(RTM_NEWLINK, 0, "t", extra=attr(IFLA_MTU, u32(mtu))),
                      errno.EINVAL, word, None, core=mtu > 0x7fffffff)
    for mtu in 68, 65515:
        equal(f"change to MTU {mtu} is accepted",
              rtnl.request(RTM_NEWLINK, 0, "t", extra=attr(IFLA_MTU, u32(mtu)))[0], 0)
        equal(f"MTU {mtu} reads back", rtnl.mtu("t"), mtu)

    equal("change to the ends of another, over another link", rtnl.change("u", *ENDS, medium)[0], 0)
    bench.refused("change into a duplicate by the link", "u",
                  change("u", *ENDS, *more, (IPTUN_LINK, u32(0))), errno.EEXIST, "exists",
                  IPTUN_REMOTE)
    bench.delete("u")
    bench.add("u", (IPTUN_LOCAL, addr("10.1.0.2")), ENDS[1])
    differs("a change without REMOTE is refused")
    equal("change into a duplicate by LOCAL alone: EEXIST", rtnl.change("u", ENDS[0])[0],
          errno.EEXIST)
    bench.refused("change into a duplicate by LOCAL, REMOTE the same", "u", change("u", *ENDS),
                  errno.EEXIST, "exists", IPTUN_REMOTE)
    differs("no attribute named")
    equal("change into a duplicate by LOCAL alone: the attribute is named",
          rtnl.change("u", ENDS[0])[2], IPTUN_LOCAL)
    bench.delete("u")

    bench.add("u", ENDS[0])
    bench.refused("change of remote any to an address", "u", change("u", *ENDS, *more),
                  errno.EINVAL, "remote", IPTUN_REMOTE)
    bench.refused("change of remote any to a group", "u", change("u", ENDS[0], group),
                  errno.EINVAL, "remote", IPTUN_REMOTE)
    bench.delete("u")

    bench.add("u", ENDS[0], group)
    bench.refused("change of the group", "u",
                  change("u", ENDS[0], (IPTUN_REMOTE, addr("239.9.9.9"))), errno.EINVAL, "group",
                  IPTUN_REMOTE)
    bench.refused("change of a group's local", "u",
                  change("u", (IPTUN_LOCAL, addr("10.1.0.2")), group), errno.EINVAL, "group",
                  IPTUN_REMOTE)
    bench.refused("change of a group's link", "u", change("u", ENDS[0], group, medium),
                  errno.EINVAL, "group", IPTUN_REMOTE)
    equal("change of a group's TTL", rtnl.change("u", ENDS[0], group, (IPTUN_TTL, u8(3)))[0], 0)
    equal("its TTL reads back", rtnl.get("u")[IPTUN_TTL], 3)
    equal("change of a group to one address",
          rtnl.change("u", ENDS[0], (IPTUN_REMOTE, addr("10.2.0.3")))[0], 0)
    equal("its remote reads back", rtnl.get("u")[IPTUN_REMOTE], "10.2.0.3")
    bench.delete("t", "u")

    equal("change of a tunnel that isn't there: ENODEV", rtnl.change("t", *ENDS)[0], errno.ENODEV)


def properties(bench):
    rtnl = bench.rtnl
    flags = IFF_UP | IFF_BROADCAST | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
    bench.add("t", *ENDS)
    got = rtnl.get("t")
    equal("the device is a tunnel", got["type"], ARPHRD_TUNNEL)
    equal("its address is local", got["address"], HERE)
    equal("its broadcast address is remote", got["broadcast"], FAR)
    equal("it is point-to-point and has no ARP", got["flags"] & flags,
          IFF_POINTOPOINT | IFF_NOARP)
    equal("it has no link", got["link"], 0)
    differs("no limits shown")
    equal("it shows the limits of the MTU", (got["min_mtu"], got["max_mtu"]), (68, 65515))
    equal("ip calls it ipip", run("ip -n a -o link show dev t").count("link/ipip"), 1)

    features = run("ip netns exec a ethtool -k t").split("\n")
    # Which of them are for software to do is the kernel's to say.
    software = run("ip netns exec a ethtool -k lo")
    for name in ("tx-checksumming", "scatter-gather", "tx-scatter-gather-fraglist",
                 "tcp-segmentation-offload", "tx-udp-segmentation",
                 "generic-segmentation-offload", "generic-receive-offload", "highdma"):
        if name == "tx-udp-segmentation" and f"{name}: on" not in software:
            skip(f"{name} is on and can be turned off", "this kernel's software devices haven't got it")
            continue
        check(f"{name} is on and can be turned off", f"{name}: on" in
              [line.strip() for line in features], features)
    run("ip netns exec a ethtool -K t tso off sg off")
    check("segmentation can be turned off",
          "tcp-segmentation-offload: off" in run("ip netns exec a ethtool -k t"))
    bench.delete("t")

    bench.add("t", ENDS[0], (IPTUN_LINK, u32(bench.index["wide"])))
    got = rtnl.get("t")
    equal("without a remote it is not point-to-point", got["flags"] & flags, IFF_NOARP)
    equal("without a remote its broadcast address is zero", got["broadcast"], "0.0.0.0")
    equal("its link shows as the device's", got["link"], bench.index["wide"])
    bench.delete("t")
    bench.add("t", ENDS[0], (IPTUN_REMOTE, addr("239.1.2.3")))
    equal("to a group it is point-to-point", rtnl.get("t")["flags"] & flags,
          IFF_POINTOPOINT | IFF_NOARP)
    equal("two tunnels from two addresses to one group",
          rtnl.add("u", (IPTUN_LOCAL, addr("10.1.0.2")), (IPTUN_REMOTE, addr("239.1.2.3")))[0], 0)
    bench.delete("t", "u")

    for name in "ipip0", "ipip1":
        equal("a tunnel without a name is made", rtnl.add(None, (
            IPTUN_REMOTE, addr(f"10.2.0.{8 + int(name[4])}")))[0], 0)
        check(f"its name is {name}", rtnl.get(name) is not None)
    bench.delete("ipip0", "ipip1")


def mtu(bench):
    rtnl = bench.rtnl
    medium, narrow = u32(bench.index["medium"]), u32(bench.index["narrow"])
    for what, info, wanted in (
            ("over a route of 1500", ENDS, 1480),
            ("over a route of 1400", ((IPTUN_REMOTE, addr("10.4.0.1")),), 1380),
            ("over a route of 60, the least", ((IPTUN_REMOTE, addr("10.5.0.1")),), 68),
            ("with a link of 1400", (*ENDS, (IPTUN_LINK, medium)), 1380),
            ("with a link of 60, the least", (*ENDS, (IPTUN_LINK, narrow)), 68),
            ("with a mark that leads over 1400", (*ENDS, (IPTUN_FWMARK, u32(7))), 1380),
            ("without a remote", (ENDS[0],), 1480),
            ("without a remote, with a link of 1400", (ENDS[0], (IPTUN_LINK, medium)), 1380),
            ("with a link that isn't there", (ENDS[0], (IPTUN_LINK, u32(4242))), 1480)):
        bench.add("t", *info)
        equal(f"MTU {what}", rtnl.mtu("t"), wanted)
        bench.delete("t")
    for given, wanted in ((1300, 1300), (9000, 9000), (68, 68), (67, 68), (1, 68), (65515, 65515),
                          (65516, 65515), (1 << 30, 65515)):
        bench.add("t", *ENDS, extra=attr(IFLA_MTU, u32(given)))
        equal(f"MTU {given} given at creation: {wanted}", rtnl.mtu("t"), wanted)
        bench.delete("t")

    bench.add("t", *ENDS)
    rtnl.change("t", *ENDS, (IPTUN_LINK, medium))
    equal("MTU follows a change of link", rtnl.mtu("t"), 1380)
    rtnl.change("t", *ENDS, (IPTUN_LINK, u32(0)))
    equal("MTU follows the link's removal", rtnl.mtu("t"), 1480)
    own = u32(int(run("ip netns exec a cat /sys/class/net/t/ifindex")))
    rtnl.change("t", *ENDS, (IPTUN_LINK, own))
    differs("it takes itself for the underlay")
    equal("a link that is the tunnel itself has no MTU to follow", rtnl.mtu("t"), 1480)
    rtnl.change("t", *ENDS, (IPTUN_LINK, u32(0)))
    rtnl.change("t", *ENDS, (IPTUN_FWMARK, u32(7)))
    equal("MTU follows a change of fwmark", rtnl.mtu("t"), 1380)
    rtnl.change("t", *ENDS, (IPTUN_FWMARK, u32(0)), extra=attr(IFLA_MTU, u32(1234)))
    equal("MTU in the same request as a fwmark", rtnl.mtu("t"), 1234)
    rtnl.change("t", *ENDS, (IPTUN_LINK, medium), extra=attr(IFLA_MTU, u32(1235)))
    equal("MTU in the same request as a link", rtnl.mtu("t"), 1235)
    rtnl.change("t", ENDS[0], (IPTUN_REMOTE, addr("10.2.0.9")), (IPTUN_LINK, medium),
                (IPTUN_TTL, u8(9)), (IPTUN_TOS, u8(4)))
    equal("other changes leave the MTU alone", rtnl.mtu("t"), 1235)
    rtnl.change("t", *ENDS, (IPTUN_LINK, u32(0)))
    equal("a change of link replaces an MTU that was given before", rtnl.mtu("t"), 1480)
    bench.delete("t")


def changes(bench):
    rtnl = bench.rtnl
    wide = u32(bench.index["wide"])
    rest = ((IPTUN_LINK, wide), (IPTUN_TTL, u8(33)), (IPTUN_TOS, u8(0x48)),
            (IPTUN_PROTO, u8(0)), (IPTUN_FWMARK, u32(0x77)))
    bench.add("t", *ENDS, *rest)
    full = rtnl.get("t")
    run("ip -n a link set dev t type ipip ttl 5")
    equal("ip changes the TTL, and nothing else", rtnl.get("t"), same_but(full, TTL=5))
    run("ip -n a link set dev t type ipip tos inherit")
    equal("ip changes the TOS, and nothing else", rtnl.get("t"), same_but(full, TTL=5, TOS=1))
    run("ip -n a link set dev t type ipip ttl 33 tos 0x48")
    for _ in 1, 2:
        run(f"ip -n a link change dev t type ipip local {HERE} remote {FAR} dev wide ttl 33 "
            "tos 0x48 fwmark 0x77 pmtudisc")
        equal("a change to what is there already changes nothing", rtnl.get("t"), full)
    equal("both ends change at once", rtnl.change(
        "t", (IPTUN_LOCAL, addr("10.1.0.7")), (IPTUN_REMOTE, addr("10.2.0.7")))[0], 0)
    got = rtnl.get("t")
    equal("the new ends read back", (got[IPTUN_LOCAL], got[IPTUN_REMOTE]),
          ("10.1.0.7", "10.2.0.7"))
    equal("the device's addresses follow", (got["address"], got["broadcast"]),
          ("10.1.0.7", "10.2.0.7"))
    equal("the old ends are free again", rtnl.add("u", *ENDS, (IPTUN_LINK, wide))[0], 0)
    bench.delete("t", "u")

    bench.add("t", *ENDS, (IPTUN_PROTO, u8(4)))
    equal("a change of PROTO is accepted", rtnl.change("t", *ENDS, (IPTUN_PROTO, u8(137)))[0], 0)
    equal("and ignored", rtnl.get("t")[IPTUN_PROTO], 4)
    for ttl, given, wanted in ((0, 0, 0), (9, 0, 1), (0, 1, 1)):
        rtnl.change("t", *ENDS, (IPTUN_TTL, u8(ttl)), (IPTUN_PMTUDISC, u8(given)))
        equal(f"change to TTL {ttl} and PMTUDISC {given}: PMTUDISC is {wanted}",
              rtnl.get("t")[IPTUN_PMTUDISC], wanted)
    bench.delete("t")

    reason = "a change resets what it doesn't carry, or is refused without REMOTE"
    bench.add("t", *ENDS, *rest)
    for kind, value in ((IPTUN_TTL, 7), (IPTUN_TOS, 0x28), (IPTUN_FWMARK, 0x55),
                        (IPTUN_LOCAL, "10.1.0.8"), (IPTUN_REMOTE, "10.2.0.8")):
        before = rtnl.get("t")
        wanted = {**before, kind: value}
        if kind == IPTUN_LOCAL:
            wanted["address"] = value
        if kind == IPTUN_REMOTE:
            wanted["broadcast"] = value
        reply = rtnl.change("t", (kind, addr(value) if isinstance(value, str) else
                                  value.to_bytes(WIDTH.get(kind, 4), sys.byteorder)))
        differs(reason)
        equal(f"a request with {NAMES[kind]} alone changes that", (reply[0], rtnl.get("t")),
              (0, wanted))
    before = rtnl.get("t")
    reply = rtnl.change("t", (IPTUN_LINK, u32(bench.index["medium"])))
    differs(reason)
    equal("a request with LINK alone changes that, and the MTU", (reply[0], rtnl.get("t")),
          (0, {**before, IPTUN_LINK: bench.index["medium"], "link": bench.index["medium"],
               "mtu": 1380}))
    before = rtnl.get("t")
    reply = rtnl.change("t")
    differs(reason)
    equal("a request with no attribute changes nothing", (reply[0], rtnl.get("t")), (0, before))
    bench.delete("t")

    bench.add("t", ENDS[0], (IPTUN_PMTUDISC, u8(0)))
    before = rtnl.get("t")
    reply = rtnl.change("t", (IPTUN_TOS, u8(4)))
    differs(reason)
    equal("PMTUDISC stays off, and the local stays", (reply[0], rtnl.get("t")),
          (0, {**before, IPTUN_TOS: 4}))
    reply = rtnl.change("t", ENDS[0], (IPTUN_TTL, u8(4)))
    equal("PMTUDISC comes on with a TTL", (reply[0], rtnl.get("t")[IPTUN_PMTUDISC]), (0, 1))
    bench.delete("t")


def notification(bench):
    with netns("a"):
        monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        monitor.bind((0, 1))    # RTMGRP_LINK
    monitor.setblocking(False)

    def seen(kind, *marks):
        """Whether a message of this kind with all of these bytes in it has come."""
        found = False
        while True:
            try:
                message = monitor.recv(65536)
            except BlockingIOError:
                return found
            found |= (struct.unpack_from("=H", message, 4)[0] == kind and
                      all(mark in message for mark in marks))

    name = attr(3, "told")
    bench.add("told", *ENDS)
    check("a new tunnel is announced, with its remote",
          seen(RTM_NEWLINK, name, attr(IPTUN_REMOTE, addr(FAR))))
    run("ip -n a link set dev told up")
    seen(0)
    bench.rtnl.change("told", *ENDS, (IPTUN_TTL, u8(77)))
    check("a change is announced, with the new value",
          seen(RTM_NEWLINK, name, attr(IPTUN_TTL, u8(77))))
    bench.rtnl.change("told", *ENDS, (IPTUN_TTL, u8(78)), (IPTUN_PROTO, u8(5)))
    check("a refused change isn't", not seen(RTM_NEWLINK, name))
    bench.delete("told")
    check("the end of it is announced", seen(RTM_NEWLINK + 1, name))


def users(bench):
    def denied(command):
        p = subprocess.run(command, shell=True, text=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.returncode != 0, p.stdout

    bench.add("t", *ENDS, (IPTUN_TTL, u8(33)))
    before = bench.rtnl.get("t")
    somebody = "ip netns exec a setpriv --reuid 65534 --regid 65534 --clear-groups"
    elsewhere = "ip netns exec a unshare -Ur"
    for who, wrap in ("a user", somebody), ("root of another user namespace", elsewhere):
        for what, arguments in (
                ("create", "link add name u type ipip local 10.1.0.2 remote 10.2.0.2"),
                ("change", "link set dev t type ipip ttl 5"), ("delete", "link del dev t")):
            failed, output = denied(f"{wrap} ip {arguments}")
            check(f"{who} can't {what}: EPERM", failed and "Operation not permitted" in output,
                  output)
    equal("the tunnel hasn't changed", bench.rtnl.get("t"), before)
    equal("and there is no other", bench.rtnl.get("u"), None)

    owner = subprocess.Popen(["unshare", "-Urn", "sleep", "1000"], stdin=subprocess.DEVNULL)
    while os.readlink(f"/proc/{owner.pid}/ns/net") == os.readlink("/proc/self/ns/net") or \
            not open(f"/proc/{owner.pid}/uid_map").read():
        time.sleep(0.05)
    inside = f"nsenter -t {owner.pid} -U -n --preserve-credentials"
    run(f"{inside} ip link add name own type ipip local 10.1.0.1 remote 10.2.0.1")
    run(f"{inside} ip link set dev own type ipip ttl 5")
    check("the owner of a netns has tunnels there",
          "ttl 5" in run(f"{inside} ip -d link show dev own"))
    run(f"ip -n a link set dev t netns {owner.pid}")
    failed, output = denied(f"{inside} ip link set dev t type ipip ttl 5")
    check("but can't change one whose underlay is somebody else's", failed, output)
    differs("no message")
    check("and is told so", "underlay" in output, output)
    check("its TTL is as before", "ttl 33" in run(f"{inside} ip -d link show dev t"))
    owner.kill()
    owner.wait()
    end = time.monotonic() + 20
    while bench.rtnl.add("t", *ENDS)[0] and time.monotonic() < end:
        time.sleep(0.1)
    check("it goes with that netns", bench.rtnl.get("t") is not None)
    bench.delete("t")


def deletes(bench):
    rtnl = bench.rtnl
    bench.add("t", *ENDS)
    run("ip -n a link set dev t up")
    equal("delete", rtnl.delete("t")[0], 0)
    equal("it is gone", rtnl.get("t"), None)
    equal("delete what isn't there: ENODEV", rtnl.delete("t")[0], errno.ENODEV)
    equal("create it again", rtnl.add("t", *ENDS)[0], 0)

    for i in range(20):
        bench.add(f"g{i}", (IPTUN_REMOTE, addr(f"10.2.1.{i}")),
                  extra=attr(IFLA_GROUP, u32(77)))
    run("ip -n a link set group 77 up")
    run("ip -n a link del group 77")
    equal("20 tunnels are gone at once", [rtnl.get(f"g{i}") for i in range(20)], [None] * 20)
    check("the one that isn't in the group is there", rtnl.get("t") is not None)
    equal("their ends are free again",
          [rtnl.add(f"g{i}", (IPTUN_REMOTE, addr(f"10.2.1.{i}")))[0] for i in range(20)],
          [0] * 20)


def test():
    bench = Bench()
    for part in (attributes, refusals_at_creation, refusals_on_change, properties, mtu, changes,
                 notification, users, deletes):
        start = time.monotonic()
        part(bench)
        print(f"# {part.__name__}: {time.monotonic() - start:.1f} s")


main(test)
