# SPDX-License-Identifier: GPL-2.0
"""Who may do what: without CAP_NET_ADMIN nothing but reading; with it in a user
namespace, what concerns its own network namespaces and no other."""
import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import traceback

from lib import (CLONE_NEWNET, IFLA_MTU, INTREE, IPTUN_LOCAL, IPTUN_REMOTE, IPTUN_TTL, Rtnl, addr,
                 attr, check, equal, ext, main, netns, run, shell, skip, u8,
                 u32)

CLONE_NEWUSER = 0x10000000
IFLA_NET_NS_FD, IFLA_LINK_NETNSID = 28, 37
RTM_SETLINK = 19
SIOCGETTUNNEL, SIOCADDTUNNEL, SIOCDELTUNNEL, SIOCCHGTUNNEL = range(0x89F0, 0x89F4)
NOBODY = 65534
EPERM, OK = errno.EPERM, 0
libc = ctypes.CDLL(None, use_errno=True)


def in_child(function):
    """What a function returns that gives up the privileges of its process, by JSON."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = function()
        except BaseException:
            answer = traceback.format_exc()
        os.write(theirs, json.dumps(answer).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as f:
        answer = json.load(f)
    os.waitpid(child, 0)
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer


def tunnel_ioctl(command, device, name, local, remote, ttl=0):
    parm = struct.pack("=16siHHII BBHHHBBH4s4s", name.encode(), 0, 0, 0, 0, 0, 0x45, 0, 0, 0, 0,
                       ttl, 4, 0, addr(local), addr(remote))
    buffer = ctypes.create_string_buffer(parm, len(parm))
    request = struct.pack("16sP", device.encode(), ctypes.addressof(buffer)) + bytes(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            fcntl.ioctl(s, command, request)
        except OSError as e:
            return e.errno
    return 0


def ends(local, remote):
    return (IPTUN_LOCAL, addr(local)), (IPTUN_REMOTE, addr(remote))


def everything(rtnl, device):
    """Each way to make, change or delete; errno by what was tried."""
    up = struct.pack("=BxHiII", 0, 0, 0, 1, 1)
    return {
        "add": rtnl.add("x0", *ends("10.1.0.1", "10.9.0.1"))[0],
        "change": rtnl.change(device, (IPTUN_TTL, u8(9)))[0],
        "change ours": rtnl.change(device, ext(require_ipsec=0, clamp_mss="both"))[0],
        "change the MTU": rtnl.request(RTM_SETLINK, 0, device, extra=attr(IFLA_MTU, u32(1300)))[0],
        "up": rtnl.send(RTM_SETLINK, 0, up + attr(3, device)),
        "ioctl add": tunnel_ioctl(SIOCADDTUNNEL, "tunl0", "x1", "10.1.0.1", "10.9.0.2"),
        "ioctl change": tunnel_ioctl(SIOCCHGTUNNEL, device, device, "10.1.0.1", "10.2.0.1", 9),
        "ioctl change by addresses": tunnel_ioctl(SIOCCHGTUNNEL, "tunl0", "", "10.1.0.1",
                                                  "10.2.0.1", 9),
        "ioctl delete": tunnel_ioctl(SIOCDELTUNNEL, device, device, "10.1.0.1", "10.2.0.1"),
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
                "ioctl read": tunnel_ioctl(SIOCGETTUNNEL, "t0", "t0", "0.0.0.0", "0.0.0.0")}
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
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
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
    ours, theirs = os.pipe()
    back, there = os.pipe()

    def attempt():
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        os.write(theirs, b"1")
        os.read(back, 1)
        rtnl = Rtnl()
        # A link-netnsid is given for who asks; ask as `ip link` does.
        got = {"read": len(rtnl.read("lent") or b"") > 0,
               "an MTU": rtnl.request(RTM_SETLINK, 0, "lent", extra=attr(IFLA_MTU, u32(1300)))[0]}
        got.update((k, v) for k, v in {
            "change": rtnl.change("lent", (IPTUN_TTL, u8(9)))[0],
            "change ours": rtnl.change("lent", ext(clamp_mss="both"))[0],
            "ioctl change": tunnel_ioctl(SIOCCHGTUNNEL, "lent", "lent", "10.1.0.1", "10.8.0.1", 9),
            "ioctl delete": tunnel_ioctl(SIOCDELTUNNEL, "lent", "lent", "10.1.0.1", "10.8.0.1"),
            "ioctl add": tunnel_ioctl(SIOCADDTUNNEL, "lent", "x9", "10.1.0.1", "10.8.0.2"),
        }.items())
        number = [-1]
        for nsid in range(4):
            number.append(rtnl.add("x8", *ends("10.1.0.1", "10.8.0.3"),
                                   extra=attr(IFLA_LINK_NETNSID, u32(nsid)))[0])
        got["none over it"] = OK not in number
        return got

    child_answer, answer_end = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = attempt()
        except BaseException:
            answer = traceback.format_exc()
        os.write(answer_end, json.dumps(answer).encode())
        os._exit(0)
    os.close(answer_end)
    os.read(ours, 1)
    run(f"ip -n a link add name lent type ipip local 10.1.0.1 remote 10.8.0.1 && "
        f"ip -n a link set dev lent netns {child}")
    os.write(there, b"1")
    with os.fdopen(child_answer) as f:
        got = json.load(f)
    os.waitpid(child, 0)
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
