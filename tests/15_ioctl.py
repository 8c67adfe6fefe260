# SPDX-License-Identifier: GPL-2.0
"""`ip tunnel` and its ioctls: make, show, change and delete tunnels, and refusals."""
import errno
import fcntl
import os
import socket
import struct
import subprocess

from lib import (IPTUN_COLLECT_METADATA, IPTUN_LOCAL, IPTUN_REMOTE, KERNEL, SIOCADDTUNNEL, SIOCCHGTUNNEL,
                 SIOCDELTUNNEL, SIOCGETTUNNEL, Rtnl, addr, check, differs, equal, in_child, main, netns, run, shell, skip, tunnel_ioctl)

SIOCGETPRL, SIOCGET6RD = 0x89F4, 0x89F8
DF, MF = 0x4000, 0x2000
NOBODY = 65534


def word(error):
    return errno.errorcode[error] if error else "no error"


def ioctl(ns, device, command, **values):
    """(name of the error, fields that the kernel has put into the structure)"""
    error, got = tunnel_ioctl(command, device, ns, **values)
    return word(error), got


def ip(arguments):
    p = subprocess.run(f"ip -n a tunnel {arguments}", shell=True, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.rstrip()


def shown(name):
    return ip(f"show {name}")[1]


def names():
    """The names of all tunnels that `ip tunnel` shows, without those that other drivers make by
    themselves."""
    return sorted({line.split(":")[0] for line in shown("").split("\n")} -
                  {"gre0", "ip_vti0", "sit0"})


def commands():
    """Compare the whole output of `ip tunnel`."""
    equal("add with all properties",
          ip("add name t mode ipip local 10.1.0.1 remote 10.2.0.1 ttl 64 tos 0x10 dev wan"), (0, ""))
    equal("show the tunnel",
          shown("t"), "t: ip/ip remote 10.2.0.1 local 10.1.0.1 dev wan ttl 64 tos 0x10")
    equal("netlink shows the same", run("ip -n a -d link show dev t").split("ipip ipip ")[1]
          .split(" addrgenmode")[0].split("numtxqueues")[0].strip(),
          "remote 10.2.0.1 local 10.1.0.1 dev wan ttl 64 tos 0x10 pmtudisc")
    equal("change TTL and TOS", ip("change t ttl 32 tos inherit"), (0, ""))
    equal("show the changed TTL and TOS", shown("t"),
          "t: ip/ip remote 10.2.0.1 local 10.1.0.1 dev wan ttl 32 tos inherit")
    equal("change the remote", ip("change t remote 10.2.0.2"), (0, ""))
    equal("show the changed remote", shown("t"),
          "t: ip/ip remote 10.2.0.2 local 10.1.0.1 dev wan ttl 32 tos inherit")
    equal("add without DF", ip("add name u mode ipip remote 10.2.0.9 nopmtudisc"), (0, ""))
    equal("show the tunnel without DF",
          shown("u"), "u: ip/ip remote 10.2.0.9 local any ttl inherit nopmtudisc")
    equal("add without a remote", ip("add name v mode ipip local 10.1.0.1"), (0, ""))
    equal("show the tunnel without a remote",
          shown("v"), "v: ip/ip remote any local 10.1.0.1 ttl inherit")
    equal("add without a name", ip("add mode ipip remote 10.2.0.10"), (0, ""))
    equal("the kernel names it ipip0",
          shown("ipip0"), "ipip0: ip/ip remote 10.2.0.10 local any ttl inherit")
    equal("show all tunnels", names(), ["ipip0", "t", "tunl0", "u", "v"])
    equal("show tunl0", shown("tunl0"),
          "tunl0: any/ip remote any local any ttl inherit nopmtudisc")
    equal("change the TOS of tunl0", ip("change tunl0 mode ipip tos 0x10"), (0, ""))
    equal("show the changed tunl0", shown("tunl0"),
          "tunl0: any/ip remote any local any ttl inherit tos 0x10 nopmtudisc")
    ip("change tunl0 mode ipip tos 0")

    for name, arguments, why in (
            ("add with the name of another tunnel", "add name t mode ipip remote 10.7.0.1", "File exists"),
            ("add with the addresses of another tunnel", "add name w mode ipip local 10.1.0.1 remote 10.2.0.2 dev wan",
             "File exists"),
            ("add from any to any, as tunl0", "add name w mode ipip", "File exists"),
            ("change to the addresses of another tunnel", "change u mode ipip local 10.1.0.1 remote 10.2.0.2 dev wan",
             "File exists"),
            ("add a remote to a tunnel without", "change v remote 10.2.0.3", "Invalid argument"),
            ("remove the remote of a tunnel", "change t remote any", "Invalid argument"),
            ("change the remote of tunl0", "change tunl0 mode ipip remote 10.2.0.3", "No such file"),
            ("delete tunl0", "del tunl0", "Operation not permitted")):
        before = shown("")
        status, text = ip(arguments)
        check(f"{name}: {why}", status and why in text, f"{status}, {text}")
        equal(f"{name}: nothing has changed", shown(""), before)

    equal("delete by name", ip("del t"), (0, ""))
    equal("delete by addresses", ip("del mode ipip remote 10.2.0.9"), (0, ""))
    equal("the other tunnels are left", names(), ["ipip0", "tunl0", "v"])
    ip("del v")
    ip("del ipip0")


def raw():
    a = Rtnl("a")
    ends = {"local": "10.1.0.1", "remote": "10.2.0.1"}
    for name, values in (("another IP version", {"version": 6}), ("options", {"ihl": 6}),
                         ("no header", {"ihl": 0}), ("MF", {"frag_off": MF}),
                         ("an offset", {"frag_off": 1}), ("GRE", {"protocol": 47}),
                         ("IPv6", {"protocol": 41})):
        for command, what in ((SIOCADDTUNNEL, "add"), (SIOCCHGTUNNEL, "change")):
            equal(f"{what} with {name}",
                  ioctl("a", "tunl0", command, name="t", **{**ends, **values})[0], "EINVAL")
    equal("the refused ioctls make no tunnel", a.read("t"), None)

    for protocol in (0, 4, 137):
        error, made = ioctl("a", "tunl0", SIOCADDTUNNEL, name="t", protocol=protocol, ttl=9,
                            keys=0x55, **ends)
        equal(f"add with protocol {protocol}", error, "no error")
        error, got = ioctl("a", "t", SIOCGETTUNNEL)
        equal(f"protocol {protocol}: get by name", got,
              {"name": "t", "link": 0, "ttl": 9, "tos": 0, "protocol": protocol, "frag_off": DF,
               "version": 4, "ihl": 5, "keys": 0, **ends})
        equal(f"protocol {protocol}: get by addresses", ioctl("a", "tunl0", SIOCGETTUNNEL, **ends),
              ("no error", got))
        equal(f"protocol {protocol}: delete by addresses",
              ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)[0], "no error")
    equal("get by addresses of no tunnel returns tunl0",
          ioctl("a", "tunl0", SIOCGETTUNNEL, **ends)[1]["name"], "tunl0")
    equal("delete by addresses of no tunnel", ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)[0],
          "ENOENT")
    equal("change by addresses of no tunnel", ioctl("a", "tunl0", SIOCCHGTUNNEL, **ends)[0],
          "ENOENT")
    equal("delete tunl0 by ioctl", ioctl("a", "tunl0", SIOCDELTUNNEL)[0], "EPERM")
    for command in (SIOCGETPRL, SIOCGET6RD, 0x89FF):
        equal(f"ioctl {command:#x}", ioctl("a", "tunl0", command)[0], "EINVAL")
    equal("add with an invalid name", ioctl("a", "tunl0", SIOCADDTUNNEL, name="a/b", **ends)[0],
          "E2BIG")
    equal("add with a name that doesn't end in 0",
          ioctl("a", "tunl0", SIOCADDTUNNEL, name="x" * 16, **ends)[0],
          "E2BIG" if KERNEL <= (6, 1) else "no error")
    ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)
    with netns("a"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            fcntl.ioctl(s, SIOCADDTUNNEL, struct.pack("16sP", b"tunl0", 8) + bytes(16))
            error = None
        except OSError as e:
            error = e.errno
    equal("add with an invalid pointer", error, errno.EFAULT)

    # Properties that struct ip_tunnel_parm doesn't have.
    run("ip -n a link add name t type ipip local 10.1.0.1 remote 10.2.0.1 ttl 9 fwmark 7")
    got = ioctl("a", "t", SIOCGETTUNNEL)[1]
    ioctl("a", "t", SIOCCHGTUNNEL, **{**got, "tos": 8})
    check("a change by ioctl clears fwmark", "fwmark" not in run("ip -n a -d link show dev t"))
    ioctl("a", "tunl0", SIOCCHGTUNNEL, **{**got, "tos": 16})
    equal("change by addresses", ioctl("a", "t", SIOCGETTUNNEL)[1]["tos"], 16)
    run("ip -n a link set dev t name renamed")
    differs("the in-tree driver returns the name from creation")
    equal("get returns the name after a rename",
          ioctl("a", "renamed", SIOCGETTUNNEL)[1]["name"], "renamed")
    run("ip -n a link del dev renamed")


def external():
    """A tunnel in external mode conflicts only with another one in external mode. If it was made with
    the addresses of an earlier tunnel, the ioctls find it before that tunnel."""
    a = Rtnl("a")
    ends = {"local": "10.1.0.1", "remote": "10.2.0.1"}
    addresses = (IPTUN_LOCAL, addr(ends["local"])), (IPTUN_REMOTE, addr(ends["remote"]))
    equal("external: add an ordinary tunnel", a.add("t", *addresses)[0], 0)
    equal("external: add one in external mode with the same addresses",
          a.add("x", *addresses, (IPTUN_COLLECT_METADATA, b""))[0], 0)
    equal("external: get by addresses finds it",
          ioctl("a", "tunl0", SIOCGETTUNNEL, **ends)[1]["name"], "x")
    equal("external: delete by addresses", ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)[0], "no error")
    equal("external: it was deleted, not the ordinary tunnel",
          (a.read("x"), a.read("t") is None), (None, False))
    equal("external: get by addresses finds the ordinary tunnel again",
          ioctl("a", "tunl0", SIOCGETTUNNEL, **ends)[1]["name"], "t")
    a.delete("t")


def unprivileged(command, device, **values):
    """An ioctl by a user without rights in the netns."""
    def attempt():
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return tunnel_ioctl(command, device, **values)[0]
    with netns("a"):
        return word(in_child(attempt))


def permissions():
    ends = {"local": "10.1.0.1", "remote": "10.2.0.1"}
    run("ip -n a link add name t type ipip local 10.1.0.1 remote 10.2.0.1")
    equal("without rights: get", unprivileged(SIOCGETTUNNEL, "t"), "no error")
    equal("without rights: add", unprivileged(SIOCADDTUNNEL, "tunl0", name="u", remote="10.2.0.2"),
          "EPERM")
    equal("without rights: change", unprivileged(SIOCCHGTUNNEL, "t", ttl=3, **ends), "EPERM")
    equal("without rights: delete", unprivileged(SIOCDELTUNNEL, "t"), "EPERM")
    equal("without rights: an invalid request",
          unprivileged(SIOCADDTUNNEL, "tunl0", version=6), "EINVAL")
    check("without rights: the tunnel is still there", Rtnl("a").read("t") is not None)
    # The device is in another netns than its underlay. Rights in the underlay's netns count.
    shell("ns_add c")
    run("ip -n a link set dev t netns c")
    run("ip -n c link set dev t name moved")
    equal("a tunnel that was moved: change from its netns",
          ioctl("c", "moved", SIOCCHGTUNNEL, ttl=77, **ends)[0], "no error")
    equal("a tunnel that was moved: the changed TTL reads back",
          ioctl("c", "moved", SIOCGETTUNNEL)[1]["ttl"], 77)
    equal("a tunnel that was moved: add through it",
          ioctl("c", "moved", SIOCADDTUNNEL, name="n", remote="10.2.0.7")[0],
          "no error")
    check("a tunnel that was moved: the new tunnel is in the underlay's netns",
          Rtnl("a").read("n") is not None)
    run("ip -n a link del dev n")
    run("ip -n c link del dev moved")


def multicast():
    """The kernel's multicast router makes its tunnels by tunl0's ndo_tunnel_ctl."""
    MRT_INIT, MRT_DONE, MRT_ADD_VIF, VIFF_TUNNEL = 200, 201, 202, 1
    with netns("a"):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
    try:
        s.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
    except OSError:
        skip("a multicast router's tunnel", "no multicast routing in this kernel")
        return
    vif = struct.pack("=HBBI4s4s", 0, VIFF_TUNNEL, 1, 0, socket.inet_aton("10.1.0.1"),
                      socket.inet_aton("10.2.0.1"))
    s.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, vif)
    equal("a multicast router's tunnel", shown("dvmrp0"),
          "dvmrp0: ip/ip remote 10.2.0.1 local 10.1.0.1 ttl inherit nopmtudisc")
    check("a multicast router's tunnel is up", "UP" in run("ip -n a link show dev dvmrp0"))
    s.setsockopt(socket.IPPROTO_IP, MRT_DONE, 1)
    s.close()
    equal("a multicast router's tunnel is deleted with the router", Rtnl("a").read("dvmrp0"), None)


def test():
    shell("topo_underlay")
    commands()
    raw()
    external()
    permissions()
    multicast()


main(test)
