# SPDX-License-Identifier: GPL-2.0
"""The link API: attributes, refusals, properties of the device, changes, deletion."""
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
# ENCAP_LIMIT, FLOWINFO, FLAGS and 6RD_PREFIX are attributes of other link kinds; 99 of none.
FOREIGN = ((6, u8(4)), (7, u32(1)), (8, u16(1)), (11, bytes(16)), (99, u32(1)))
IFLA_GROUP = 27
ARPHRD_TUNNEL = 768
IFF_UP, IFF_BROADCAST, IFF_POINTOPOINT, IFF_NOARP, IFF_MULTICAST = 1, 2, 0x10, 0x80, 0x1000
HERE, FAR = "10.1.0.1", "10.2.0.1"
ENDS = ((IPTUN_LOCAL, addr(HERE)), (IPTUN_REMOTE, addr(FAR)))


class Links(Rtnl):
    def get(self, name):
        """The properties of a device, or None if there is none; attributes by their number."""
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
    """A host with three underlays of different MTU. The default route is over the widest."""

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
        """Add a tunnel that later tests need; raises an exception if the kernel refuses."""
        reply = self.rtnl.add(name, *info, extra=extra)
        if reply[0]:
            raise RuntimeError(f"{name}: {reply}")

    def delete(self, *names):
        for name in names:
            self.rtnl.delete(name)

    def refused(self, what, tunnel, request, error, word, at, core=False):
        """Check a refusal: its errno, its message, the attribute it names; the tunnel hasn't changed,
        and no tunnel "v" was made. core: rtnetlink refuses, not the driver."""
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
    """The device with other values for the attributes, named as in NAMES."""
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

    equal("create with local and remote only", rtnl.add("t", *ENDS)[0], 0)
    got = rtnl.get("t")
    for kind, value in ((IPTUN_LINK, 0), (IPTUN_TTL, 0), (IPTUN_TOS, 0), (IPTUN_PROTO, 4),
                        (IPTUN_PMTUDISC, 1), (IPTUN_FWMARK, 0)):
        equal(f"{NAMES[kind]} is {value} by default", got[kind], value)
    shown = run("ip -n a -d link show dev t")
    check("ip shows the defaults",
          f"ipip ipip remote {FAR} local {HERE} ttl inherit pmtudisc" in shown, shown)
    bench.delete("t")

    run(f"ip -n a link add name t type ipip mode ipip local {HERE} remote {FAR} dev wide ttl 9 "
        "tos 0x10 fwmark 0x77")
    shown = run("ip -n a -d link show dev t")
    check("ip shows what it set", f"ipip ipip remote {FAR} local {HERE} dev wide ttl 9 "
          "tos 0x10 pmtudisc" in shown and "fwmark 0x77" in shown, shown)
    bench.delete("t")

    bench.add("t", (IPTUN_LOCAL, addr(HERE)), (IPTUN_LINK, u32(bench.index["medium"])))
    got = rtnl.get("t")
    equal("remote is any by default", got[IPTUN_REMOTE], "0.0.0.0")
    bench.delete("t")
    bench.add("t", (IPTUN_REMOTE, addr(FAR)))
    equal("local is any by default", rtnl.get("t")[IPTUN_LOCAL], "0.0.0.0")
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
    bench.refused("create a duplicate with other TTL, TOS, mark and protocol", "t", lambda:
                  rtnl.add("v", *ENDS, (IPTUN_TTL, u8(9)), (IPTUN_TOS, u8(8)),
                           (IPTUN_FWMARK, u32(7)), (IPTUN_PROTO, u8(0))),
                  errno.EEXIST, "exists", IPTUN_REMOTE)

    bench.add("u", (IPTUN_LOCAL, addr(HERE)))
    bench.refused("create a duplicate of a tunnel without a remote", "u", lambda:
                  rtnl.add("v", (IPTUN_LOCAL, addr(HERE))), errno.EEXIST, "exists", IPTUN_LOCAL)
    bench.delete("u")
    bench.add("u", (IPTUN_REMOTE, addr(FAR)))
    bench.refused("create a duplicate of a tunnel without a local", "u", lambda:
                  rtnl.add("v", (IPTUN_REMOTE, addr(FAR))), errno.EEXIST, "exists", IPTUN_REMOTE)
    bench.delete("u")

    medium = (IPTUN_LINK, u32(bench.index["medium"]))
    equal("the same addresses over another link are another tunnel", rtnl.add("u", *ENDS, medium)[0], 0)
    bench.refused("create a duplicate with a link", "u", lambda: rtnl.add("v", *ENDS, medium),
                  errno.EEXIST, "exists", IPTUN_REMOTE)
    bench.delete("u")
    for swap in ((FAR, HERE), (HERE, "10.2.0.2"), ("10.1.0.2", FAR)):
        equal(f"{swap[0]} to {swap[1]} is another tunnel",
              rtnl.add("u", (IPTUN_LOCAL, addr(swap[0])), (IPTUN_REMOTE, addr(swap[1])))[0], 0)
        bench.delete("u")

    before = rtnl.get("t")
    equal("create with the name of another tunnel: EEXIST",
          rtnl.add("t", (IPTUN_LOCAL, addr("10.1.0.9")))[0], errno.EEXIST)
    equal("create with the name of another device: EEXIST",
          rtnl.add("wide", (IPTUN_LOCAL, addr("10.1.0.9")))[0], errno.EEXIST)
    equal("create with the name of another tunnel: nothing has changed", rtnl.get("t"), before)
    equal("the addresses of the refused tunnel are free",
          rtnl.add("u", (IPTUN_LOCAL, addr("10.1.0.9")))[0], 0)
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
    bench.refused("change to an invalid PROTO", "t", change("t", *ENDS, *more, (IPTUN_PROTO, u8(5))),
                  errno.EINVAL, "proto", IPTUN_PROTO)
    bench.refused("change with LOCAL too short", "t", change("t", *more, (IPTUN_LOCAL, u16(0))),
                  errno.ERANGE, "policy", IPTUN_LOCAL, core=True)
    bench.refused("change into a duplicate", "u", change("u", *ENDS, *more), errno.EEXIST,
                  "exists", IPTUN_REMOTE)
    bench.refused("change the remote to any", "t", change("t", ENDS[0], anyone, *more),
                  errno.EINVAL, "remote", IPTUN_REMOTE)
    bench.refused("change the remote to a group", "t", change("t", ENDS[0], group, *more), errno.EINVAL,
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

    equal("change to the addresses of another tunnel, over another link",
          rtnl.change("u", *ENDS, medium)[0], 0)
    bench.refused("change the link, into a duplicate", "u",
                  change("u", *ENDS, *more, (IPTUN_LINK, u32(0))), errno.EEXIST, "exists",
                  IPTUN_REMOTE)
    bench.delete("u")
    bench.add("u", (IPTUN_LOCAL, addr("10.1.0.2")), ENDS[1])
    differs("a change without REMOTE is refused")
    equal("change only LOCAL, into a duplicate: EEXIST", rtnl.change("u", ENDS[0])[0],
          errno.EEXIST)
    bench.refused("change LOCAL and send the same REMOTE, into a duplicate", "u", change("u", *ENDS),
                  errno.EEXIST, "exists", IPTUN_REMOTE)
    differs("no attribute named")
    equal("change only LOCAL, into a duplicate: the attribute is named",
          rtnl.change("u", ENDS[0])[2], IPTUN_LOCAL)
    bench.delete("u")

    bench.add("u", ENDS[0])
    bench.refused("change remote any to an address", "u", change("u", *ENDS, *more),
                  errno.EINVAL, "remote", IPTUN_REMOTE)
    bench.refused("change remote any to a group", "u", change("u", ENDS[0], group),
                  errno.EINVAL, "remote", IPTUN_REMOTE)
    bench.delete("u")

    bench.add("u", ENDS[0], group)
    bench.refused("change a group to another group", "u",
                  change("u", ENDS[0], (IPTUN_REMOTE, addr("239.9.9.9"))), errno.EINVAL, "group",
                  IPTUN_REMOTE)
    bench.refused("change local of a tunnel to a group", "u",
                  change("u", (IPTUN_LOCAL, addr("10.1.0.2")), group), errno.EINVAL, "group",
                  IPTUN_REMOTE)
    bench.refused("change the link of a tunnel to a group", "u", change("u", ENDS[0], group, medium),
                  errno.EINVAL, "group", IPTUN_REMOTE)
    equal("change the TTL of a tunnel to a group",
          rtnl.change("u", ENDS[0], group, (IPTUN_TTL, u8(3)))[0], 0)
    equal("the TTL of the tunnel to a group reads back", rtnl.get("u")[IPTUN_TTL], 3)
    equal("change a group to one address",
          rtnl.change("u", ENDS[0], (IPTUN_REMOTE, addr("10.2.0.3")))[0], 0)
    equal("the address that replaced the group reads back", rtnl.get("u")[IPTUN_REMOTE], "10.2.0.3")
    bench.delete("t", "u")

    equal("change a tunnel that doesn't exist: ENODEV", rtnl.change("t", *ENDS)[0], errno.ENODEV)


def properties(bench):
    rtnl = bench.rtnl
    flags = IFF_UP | IFF_BROADCAST | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
    bench.add("t", *ENDS)
    got = rtnl.get("t")
    equal("the device's type is tunnel", got["type"], ARPHRD_TUNNEL)
    equal("the device's address is local", got["address"], HERE)
    equal("the device's broadcast address is remote", got["broadcast"], FAR)
    equal("the device is point-to-point and has no ARP", got["flags"] & flags,
          IFF_POINTOPOINT | IFF_NOARP)
    equal("the device has no link", got["link"], 0)
    differs("no limits shown")
    equal("the device shows the limits of its MTU", (got["min_mtu"], got["max_mtu"]), (68, 65515))
    equal("ip shows the link type ipip", run("ip -n a -o link show dev t").count("link/ipip"), 1)

    features = run("ip netns exec a ethtool -k t").split("\n")
    # Kernels differ in which of these a software device has: lo shows it.
    software = run("ip netns exec a ethtool -k lo")
    for name in ("tx-checksumming", "scatter-gather", "tx-scatter-gather-fraglist",
                 "tcp-segmentation-offload", "tx-udp-segmentation",
                 "generic-segmentation-offload", "generic-receive-offload", "highdma"):
        if name == "tx-udp-segmentation" and f"{name}: on" not in software:
            skip(f"{name} is on and can be turned off", "software devices of this kernel don't have it")
            continue
        check(f"{name} is on and can be turned off", f"{name}: on" in
              [line.strip() for line in features], features)
    run("ip netns exec a ethtool -K t tso off sg off")
    check("segmentation can be turned off",
          "tcp-segmentation-offload: off" in run("ip netns exec a ethtool -k t"))
    bench.delete("t")

    bench.add("t", ENDS[0], (IPTUN_LINK, u32(bench.index["wide"])))
    got = rtnl.get("t")
    equal("without a remote the device is not point-to-point", got["flags"] & flags, IFF_NOARP)
    equal("without a remote the broadcast address is zero", got["broadcast"], "0.0.0.0")
    equal("IFLA_LINK is the tunnel's link", got["link"], bench.index["wide"])
    bench.delete("t")
    bench.add("t", ENDS[0], (IPTUN_REMOTE, addr("239.1.2.3")))
    equal("a tunnel to a group is point-to-point", rtnl.get("t")["flags"] & flags,
          IFF_POINTOPOINT | IFF_NOARP)
    equal("tunnels from two local addresses to one group",
          rtnl.add("u", (IPTUN_LOCAL, addr("10.1.0.2")), (IPTUN_REMOTE, addr("239.1.2.3")))[0], 0)
    bench.delete("t", "u")

    for name in "ipip0", "ipip1":
        equal("create a tunnel without a name", rtnl.add(None, (
            IPTUN_REMOTE, addr(f"10.2.0.{8 + int(name[4])}")))[0], 0)
        check(f"the kernel names it {name}", rtnl.get(name) is not None)
    bench.delete("ipip0", "ipip1")


def mtu(bench):
    rtnl = bench.rtnl
    medium, narrow = u32(bench.index["medium"]), u32(bench.index["narrow"])
    for what, info, wanted in (
            ("over a route of 1500", ENDS, 1480),
            ("over a route of 1400", ((IPTUN_REMOTE, addr("10.4.0.1")),), 1380),
            ("over a route of 60: the smallest", ((IPTUN_REMOTE, addr("10.5.0.1")),), 68),
            ("with a link of 1400", (*ENDS, (IPTUN_LINK, medium)), 1380),
            ("with a link of 60: the smallest", (*ENDS, (IPTUN_LINK, narrow)), 68),
            ("with a mark whose route has 1400", (*ENDS, (IPTUN_FWMARK, u32(7))), 1380),
            ("without a remote", (ENDS[0],), 1480),
            ("without a remote, with a link of 1400", (ENDS[0], (IPTUN_LINK, medium)), 1380),
            ("with a link that doesn't exist", (ENDS[0], (IPTUN_LINK, u32(4242))), 1480)):
        bench.add("t", *info)
        equal(f"MTU {what}", rtnl.mtu("t"), wanted)
        bench.delete("t")
    for given, wanted in ((1300, 1300), (9000, 9000), (68, 68), (67, 68), (1, 68), (65515, 65515),
                          (65516, 65515), (1 << 30, 65515)):
        bench.add("t", *ENDS, extra=attr(IFLA_MTU, u32(given)))
        equal(f"create with MTU {given}: it is {wanted}", rtnl.mtu("t"), wanted)
        bench.delete("t")

    bench.add("t", *ENDS)
    rtnl.change("t", *ENDS, (IPTUN_LINK, medium))
    equal("a change of link sets the MTU", rtnl.mtu("t"), 1380)
    rtnl.change("t", *ENDS, (IPTUN_LINK, u32(0)))
    equal("removing the link sets the MTU", rtnl.mtu("t"), 1480)
    own = u32(int(run("ip netns exec a cat /sys/class/net/t/ifindex")))
    rtnl.change("t", *ENDS, (IPTUN_LINK, own))
    differs("the in-tree driver uses the tunnel's own MTU")
    equal("the tunnel itself as its link doesn't set the MTU", rtnl.mtu("t"), 1480)
    rtnl.change("t", *ENDS, (IPTUN_LINK, u32(0)))
    rtnl.change("t", *ENDS, (IPTUN_FWMARK, u32(7)))
    equal("a change of fwmark sets the MTU", rtnl.mtu("t"), 1380)
    rtnl.change("t", *ENDS, (IPTUN_FWMARK, u32(0)), extra=attr(IFLA_MTU, u32(1234)))
    equal("an MTU in the same request as a fwmark wins", rtnl.mtu("t"), 1234)
    rtnl.change("t", *ENDS, (IPTUN_LINK, medium), extra=attr(IFLA_MTU, u32(1235)))
    equal("an MTU in the same request as a link wins", rtnl.mtu("t"), 1235)
    rtnl.change("t", ENDS[0], (IPTUN_REMOTE, addr("10.2.0.9")), (IPTUN_LINK, medium),
                (IPTUN_TTL, u8(9)), (IPTUN_TOS, u8(4)))
    equal("other changes keep the MTU", rtnl.mtu("t"), 1235)
    rtnl.change("t", *ENDS, (IPTUN_LINK, u32(0)))
    equal("a change of link replaces an MTU that was set before", rtnl.mtu("t"), 1480)
    bench.delete("t")


def changes(bench):
    rtnl = bench.rtnl
    wide = u32(bench.index["wide"])
    rest = ((IPTUN_LINK, wide), (IPTUN_TTL, u8(33)), (IPTUN_TOS, u8(0x48)),
            (IPTUN_PROTO, u8(0)), (IPTUN_FWMARK, u32(0x77)))
    bench.add("t", *ENDS, *rest)
    full = rtnl.get("t")
    run("ip -n a link set dev t type ipip ttl 5")
    equal("ip changes only the TTL", rtnl.get("t"), same_but(full, TTL=5))
    run("ip -n a link set dev t type ipip tos inherit")
    equal("ip changes only the TOS", rtnl.get("t"), same_but(full, TTL=5, TOS=1))
    run("ip -n a link set dev t type ipip ttl 33 tos 0x48")
    for _ in 1, 2:
        run(f"ip -n a link change dev t type ipip local {HERE} remote {FAR} dev wide ttl 33 "
            "tos 0x48 fwmark 0x77 pmtudisc")
        equal("a change to the present values changes nothing", rtnl.get("t"), full)
    equal("local and remote change in one request", rtnl.change(
        "t", (IPTUN_LOCAL, addr("10.1.0.7")), (IPTUN_REMOTE, addr("10.2.0.7")))[0], 0)
    got = rtnl.get("t")
    equal("the new addresses read back", (got[IPTUN_LOCAL], got[IPTUN_REMOTE]),
          ("10.1.0.7", "10.2.0.7"))
    equal("the device has the new addresses", (got["address"], got["broadcast"]),
          ("10.1.0.7", "10.2.0.7"))
    equal("the old addresses are free again", rtnl.add("u", *ENDS, (IPTUN_LINK, wide))[0], 0)
    bench.delete("t", "u")

    bench.add("t", *ENDS, (IPTUN_PROTO, u8(4)))
    equal("change PROTO: accepted", rtnl.change("t", *ENDS, (IPTUN_PROTO, u8(137)))[0], 0)
    equal("change PROTO: ignored", rtnl.get("t")[IPTUN_PROTO], 4)
    for ttl, given, wanted in ((0, 0, 0), (9, 0, 1), (0, 1, 1)):
        rtnl.change("t", *ENDS, (IPTUN_TTL, u8(ttl)), (IPTUN_PMTUDISC, u8(given)))
        equal(f"change to TTL {ttl} and PMTUDISC {given}: PMTUDISC is {wanted}",
              rtnl.get("t")[IPTUN_PMTUDISC], wanted)
    bench.delete("t")

    reason = "a change resets absent attributes, or is refused without REMOTE"
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
        equal(f"a request with only {NAMES[kind]} changes only that", (reply[0], rtnl.get("t")),
              (0, wanted))
    before = rtnl.get("t")
    reply = rtnl.change("t", (IPTUN_LINK, u32(bench.index["medium"])))
    differs(reason)
    equal("a request with only LINK changes that and the MTU", (reply[0], rtnl.get("t")),
          (0, {**before, IPTUN_LINK: bench.index["medium"], "link": bench.index["medium"],
               "mtu": 1380}))
    before = rtnl.get("t")
    reply = rtnl.change("t")
    differs(reason)
    equal("a request without attributes changes nothing", (reply[0], rtnl.get("t")), (0, before))
    bench.delete("t")

    bench.add("t", ENDS[0], (IPTUN_PMTUDISC, u8(0)))
    before = rtnl.get("t")
    reply = rtnl.change("t", (IPTUN_TOS, u8(4)))
    differs(reason)
    equal("a request with only TOS keeps PMTUDISC=0 and local", (reply[0], rtnl.get("t")),
          (0, {**before, IPTUN_TOS: 4}))
    reply = rtnl.change("t", ENDS[0], (IPTUN_TTL, u8(4)))
    equal("a TTL turns PMTUDISC on", (reply[0], rtnl.get("t")[IPTUN_PMTUDISC]), (0, 1))
    bench.delete("t")


def notification(bench):
    with netns("a"):
        monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        monitor.bind((0, 1))    # RTMGRP_LINK
    monitor.setblocking(False)

    def seen(kind, *marks):
        """True if a message of this kind that contains all these bytes has arrived."""
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
    check("a notification of a new tunnel has its remote",
          seen(RTM_NEWLINK, name, attr(IPTUN_REMOTE, addr(FAR))))
    run("ip -n a link set dev told up")
    seen(0)
    bench.rtnl.change("told", *ENDS, (IPTUN_TTL, u8(77)))
    check("a notification of a change has the new value",
          seen(RTM_NEWLINK, name, attr(IPTUN_TTL, u8(77))))
    bench.rtnl.change("told", *ENDS, (IPTUN_TTL, u8(78)), (IPTUN_PROTO, u8(5)))
    check("a refused change sends no notification", not seen(RTM_NEWLINK, name))
    bench.delete("told")
    check("deletion sends a notification", seen(RTM_NEWLINK + 1, name))


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
    equal("the refused requests haven't changed the tunnel", bench.rtnl.get("t"), before)
    equal("the refused requests made no tunnel", bench.rtnl.get("u"), None)

    owner = subprocess.Popen(["unshare", "-Urn", "sleep", "1000"], stdin=subprocess.DEVNULL)
    while os.readlink(f"/proc/{owner.pid}/ns/net") == os.readlink("/proc/self/ns/net") or \
            not open(f"/proc/{owner.pid}/uid_map").read():
        time.sleep(0.05)
    inside = f"nsenter -t {owner.pid} -U -n --preserve-credentials"
    run(f"{inside} ip link add name own type ipip local 10.1.0.1 remote 10.2.0.1")
    run(f"{inside} ip link set dev own type ipip ttl 5")
    check("the owner of a netns can make and change a tunnel there",
          "ttl 5" in run(f"{inside} ip -d link show dev own"))
    run(f"ip -n a link set dev t netns {owner.pid}")
    failed, output = denied(f"{inside} ip link set dev t type ipip ttl 5")
    check("the owner can't change a tunnel whose underlay is in another owner's netns", failed, output)
    differs("no message")
    check("the message names the underlay", "underlay" in output, output)
    check("the TTL of that tunnel hasn't changed", "ttl 33" in run(f"{inside} ip -d link show dev t"))
    owner.kill()
    owner.wait()
    end = time.monotonic() + 20
    while bench.rtnl.add("t", *ENDS)[0] and time.monotonic() < end:
        time.sleep(0.1)
    check("the tunnel is deleted together with the netns of its device",
          bench.rtnl.get("t") is not None)
    bench.delete("t")


def deletes(bench):
    rtnl = bench.rtnl
    bench.add("t", *ENDS)
    run("ip -n a link set dev t up")
    equal("delete", rtnl.delete("t")[0], 0)
    equal("the deleted tunnel is gone", rtnl.get("t"), None)
    equal("delete a tunnel that doesn't exist: ENODEV", rtnl.delete("t")[0], errno.ENODEV)
    equal("create the deleted tunnel again", rtnl.add("t", *ENDS)[0], 0)

    for i in range(20):
        bench.add(f"g{i}", (IPTUN_REMOTE, addr(f"10.2.1.{i}")),
                  extra=attr(IFLA_GROUP, u32(77)))
    run("ip -n a link set group 77 up")
    run("ip -n a link del group 77")
    equal("deletion of a group deletes its 20 tunnels",
          [rtnl.get(f"g{i}") for i in range(20)], [None] * 20)
    check("deletion of a group keeps the tunnel that isn't in it", rtnl.get("t") is not None)
    equal("the addresses of the 20 tunnels are free again",
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
