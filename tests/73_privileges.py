# SPDX-License-Identifier: GPL-2.0
"""Who may do what: without CAP_NET_ADMIN nothing but reading; with it in a user
namespace, what concerns its own network namespaces and no other."""
import errno
import os

from lib import (CLONE_NEWNET, CLONE_NEWUSER, IFLA_LINK_NETNSID, IFLA_MTU, IFLA_NET_NS_FD, INTREE,
                 IPTUN_TTL, RTM_SETLINK, SIOCADDTUNNEL, SIOCCHGTUNNEL, SIOCDELTUNNEL,
                 SIOCGETTUNNEL, Rtnl, attr, check, ends, equal, ext, in_child, main, netns, run,
                 shell, skip, tunnel_ioctl, u8, u32, unshare)

NOBODY = 65534
EPERM, OK = errno.EPERM, 0


def ioctl(command, device, *ends, **values):
    """Its errno; ends: local and remote."""
    return tunnel_ioctl(command, device, **dict(zip(("local", "remote"), ends)), **values)[0]


def everything(rtnl, device):
    """Each way to make, change or delete; errno by what was tried."""
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


def nobody():
    """A user without capabilities, in the netns itself."""
    before = shown("a", "t0")

    def attempt():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        rtnl = Rtnl()
        return {**everything(rtnl, "t0"), "read": len(rtnl.read("t0")) > 0,
                "ioctl read": ioctl(SIOCGETTUNNEL, "t0")}
    with netns("a"):
        got = in_child(attempt)
    check("nobody may read", got.pop("read"))
    equal("nobody may read by ioctl", got.pop("ioctl read"), OK)
    for what, number in got.items():
        equal(f"nobody may not: {what}", number, EPERM)
    equal("and the tunnel is as it was", shown("a", "t0"), before)


def own(function):
    """Call it with all capabilities in a user namespace and a netns of its own. It is
    given the number of a descriptor of a."""
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
    # The same addresses, and no longer there at the end.
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
    """A tunnel whose underlay is a's, in the netns of a user namespace: it may be
    used, but not led elsewhere."""
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
        # Whatever number the underlay's netns has here.
        got["none over it"] = OK not in [
            rtnl.add("x8", *ends("10.1.0.1", "10.8.0.3"),
                     extra=attr(IFLA_LINK_NETNSID, u32(nsid)))[0] for nsid in range(4)]
        return got

    def lend(child):
        run(f"ip -n a link add name lent type ipip local 10.1.0.1 remote 10.8.0.1 && "
            f"ip -n a link set dev lent netns {child}")
    got = in_child(attempt, lend)
    check("lent: may be read", got.pop("read"))
    equal("lent: the device is its own: MTU", got.pop("an MTU"), OK)
    check("lent: no other can be made over its underlay", got.pop("none over it"))
    for what, number in got.items():
        equal(f"lent: may not: {what}", number, EPERM)


def test():
    if INTREE:
        skip("privileges", "half of it is about what the in-tree driver doesn't have")
        return
    shell("topo")
    nobody()
    before = shown("a", "t0")
    for what, number in own(at_home).items():
        equal(f"user namespace, at home: {what}", number, OK)
    for what, number in own(abroad).items():
        equal(f"user namespace, elsewhere: may not {what}", number, EPERM)
    lent()
    equal("and a's tunnel is as it was", shown("a", "t0"), before)


main(test)
