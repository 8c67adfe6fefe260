# SPDX-License-Identifier: GPL-2.0
"""`ip tunnel` and the ioctls that it uses: what they make, show, change, delete and refuse."""
import errno
import fcntl
import os
import socket
import struct
import subprocess

from lib import (IPTUN_COLLECT_METADATA, IPTUN_LOCAL, IPTUN_REMOTE, SIOCADDTUNNEL, SIOCCHGTUNNEL,
                 SIOCDELTUNNEL, SIOCGETTUNNEL, Rtnl, addr, check, differs, equal, in_child, main, netns, run, shell, skip, tunnel_ioctl)

SIOCGETPRL, SIOCGET6RD = 0x89F4, 0x89F8
DF, MF = 0x4000, 0x2000
NOBODY = 65534


def word(error):
    return errno.errorcode[error] if error else "no error"


def ioctl(ns, device, command, **values):
    """(error's name, what the kernel has put into the structure)"""
    error, got = tunnel_ioctl(command, device, ns, **values)
    return word(error), got


def ip(arguments):
    p = subprocess.run(f"ip -n a tunnel {arguments}", shell=True, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.rstrip()


def shown(name):
    return ip(f"show {name}")[1]


def names():
    """Of all tunnels that are shown, but those of other drivers' that are there from
    the start."""
    return sorted({line.split(":")[0] for line in shown("").split("\n")} -
                  {"gre0", "ip_vti0", "sit0"})


def commands():
    """Each line of what `ip tunnel` prints, to the letter."""
    equal("add with all there is",
          ip("add name t mode ipip local 10.1.0.1 remote 10.2.0.1 ttl 64 tos 0x10 dev wan"), (0, ""))
    equal("show", shown("t"), "t: ip/ip remote 10.2.0.1 local 10.1.0.1 dev wan ttl 64 tos 0x10")
    equal("it is the same through netlink", run("ip -n a -d link show dev t").split("ipip ipip ")[1]
          .split(" addrgenmode")[0].split("numtxqueues")[0].strip(),
          "remote 10.2.0.1 local 10.1.0.1 dev wan ttl 64 tos 0x10 pmtudisc")
    equal("change", ip("change t ttl 32 tos inherit"), (0, ""))
    equal("show the change", shown("t"),
          "t: ip/ip remote 10.2.0.1 local 10.1.0.1 dev wan ttl 32 tos inherit")
    equal("change of an address", ip("change t remote 10.2.0.2"), (0, ""))
    equal("show the other address", shown("t"),
          "t: ip/ip remote 10.2.0.2 local 10.1.0.1 dev wan ttl 32 tos inherit")
    equal("add without DF", ip("add name u mode ipip remote 10.2.0.9 nopmtudisc"), (0, ""))
    equal("show no DF", shown("u"), "u: ip/ip remote 10.2.0.9 local any ttl inherit nopmtudisc")
    equal("add of local to any", ip("add name v mode ipip local 10.1.0.1"), (0, ""))
    equal("show any", shown("v"), "v: ip/ip remote any local 10.1.0.1 ttl inherit")
    equal("add without a name", ip("add mode ipip remote 10.2.0.10"), (0, ""))
    equal("it gets one", shown("ipip0"), "ipip0: ip/ip remote 10.2.0.10 local any ttl inherit")
    equal("show of all of them", names(), ["ipip0", "t", "tunl0", "u", "v"])
    equal("show tunl0", shown("tunl0"),
          "tunl0: any/ip remote any local any ttl inherit nopmtudisc")
    equal("change of tunl0's DSCP", ip("change tunl0 mode ipip tos 0x10"), (0, ""))
    equal("show it", shown("tunl0"),
          "tunl0: any/ip remote any local any ttl inherit tos 0x10 nopmtudisc")
    ip("change tunl0 mode ipip tos 0")

    for name, arguments, why in (
            ("a name twice", "add name t mode ipip remote 10.7.0.1", "File exists"),
            ("addresses twice", "add name w mode ipip local 10.1.0.1 remote 10.2.0.2 dev wan",
             "File exists"),
            ("any to any, which is tunl0's", "add name w mode ipip", "File exists"),
            ("addresses of another", "change u mode ipip local 10.1.0.1 remote 10.2.0.2 dev wan",
             "File exists"),
            ("a remote that wasn't there", "change v remote 10.2.0.3", "Invalid argument"),
            ("no remote where one was", "change t remote any", "Invalid argument"),
            ("another remote for tunl0", "change tunl0 mode ipip remote 10.2.0.3", "No such file"),
            ("deletion of tunl0", "del tunl0", "Operation not permitted")):
        before = shown("")
        status, text = ip(arguments)
        check(f"{name}: {why}", status and why in text, f"{status}, {text}")
        equal(f"{name}: nothing has changed", shown(""), before)

    equal("delete by name", ip("del t"), (0, ""))
    equal("delete by addresses", ip("del mode ipip remote 10.2.0.9"), (0, ""))
    equal("what is left", names(), ["ipip0", "tunl0", "v"])
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
    equal("nothing was made", a.read("t"), None)

    for protocol in (0, 4, 137):
        error, made = ioctl("a", "tunl0", SIOCADDTUNNEL, name="t", protocol=protocol, ttl=9,
                            keys=0x55, **ends)
        equal(f"add with protocol {protocol}", error, "no error")
        error, got = ioctl("a", "t", SIOCGETTUNNEL)
        equal(f"protocol {protocol}: what it is", got,
              {"name": "t", "link": 0, "ttl": 9, "tos": 0, "protocol": protocol, "frag_off": DF,
               "version": 4, "ihl": 5, "keys": 0, **ends})
        equal(f"protocol {protocol}: by its addresses", ioctl("a", "tunl0", SIOCGETTUNNEL, **ends),
              ("no error", got))
        equal(f"protocol {protocol}: delete by its addresses",
              ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)[0], "no error")
    equal("get of addresses that there aren't: tunl0",
          ioctl("a", "tunl0", SIOCGETTUNNEL, **ends)[1]["name"], "tunl0")
    equal("delete of addresses that there aren't", ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)[0],
          "ENOENT")
    equal("change of addresses that there aren't", ioctl("a", "tunl0", SIOCCHGTUNNEL, **ends)[0],
          "ENOENT")
    equal("delete of tunl0", ioctl("a", "tunl0", SIOCDELTUNNEL)[0], "EPERM")
    for command in (SIOCGETPRL, SIOCGET6RD, 0x89FF):
        equal(f"ioctl {command:#x}", ioctl("a", "tunl0", command)[0], "EINVAL")
    equal("a name that can't be one", ioctl("a", "tunl0", SIOCADDTUNNEL, name="a/b", **ends)[0],
          "E2BIG")
    equal("a name without an end", ioctl("a", "tunl0", SIOCADDTUNNEL, name="x" * 16, **ends)[0],
          "E2BIG" if os.uname().release.startswith(("5.", "6.1.")) else "no error")
    ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)
    with netns("a"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            fcntl.ioctl(s, SIOCADDTUNNEL, struct.pack("16sP", b"tunl0", 8) + bytes(16))
            error = None
        except OSError as e:
            error = e.errno
    equal("a bad address", error, errno.EFAULT)

    # What the ioctl knows nothing of.
    run("ip -n a link add name t type ipip local 10.1.0.1 remote 10.2.0.1 ttl 9 fwmark 7")
    got = ioctl("a", "t", SIOCGETTUNNEL)[1]
    ioctl("a", "t", SIOCCHGTUNNEL, **{**got, "tos": 8})
    check("change clears fwmark", "fwmark" not in run("ip -n a -d link show dev t"))
    ioctl("a", "tunl0", SIOCCHGTUNNEL, **{**got, "tos": 16})
    equal("change by the addresses", ioctl("a", "t", SIOCGETTUNNEL)[1]["tos"], 16)
    run("ip -n a link set dev t name renamed")
    differs("the name that it was made with")
    equal("the name after it was renamed", ioctl("a", "renamed", SIOCGETTUNNEL)[1]["name"], "renamed")
    run("ip -n a link del dev renamed")


def external():
    """Only one in external mode is in the way of another one, whatever addresses it is made with:
    by these, it is found before the one that had them already."""
    a = Rtnl("a")
    ends = {"local": "10.1.0.1", "remote": "10.2.0.1"}
    addresses = (IPTUN_LOCAL, addr(ends["local"])), (IPTUN_REMOTE, addr(ends["remote"]))
    equal("a tunnel", a.add("t", *addresses)[0], 0)
    equal("one in external mode with the same addresses",
          a.add("x", *addresses, (IPTUN_COLLECT_METADATA, b""))[0], 0)
    equal("is found by them", ioctl("a", "tunl0", SIOCGETTUNNEL, **ends)[1]["name"], "x")
    equal("delete by them", ioctl("a", "tunl0", SIOCDELTUNNEL, **ends)[0], "no error")
    equal("it was that one", (a.read("x"), a.read("t") is None), (None, False))
    equal("the first is found again", ioctl("a", "tunl0", SIOCGETTUNNEL, **ends)[1]["name"], "t")
    a.delete("t")


def unprivileged(command, device, **values):
    """As a user who has no rights in the netns."""
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
    equal("without rights: nonsense", unprivileged(SIOCADDTUNNEL, "tunl0", version=6), "EINVAL")
    check("it is still there", Rtnl("a").read("t") is not None)
    # The device is in another netns than its underlay, whose owner decides.
    shell("ns_add c")
    run("ip -n a link set dev t netns c")
    run("ip -n c link set dev t name moved")
    equal("a tunnel that was moved: change from there",
          ioctl("c", "moved", SIOCCHGTUNNEL, ttl=77, **ends)[0], "no error")
    equal("a tunnel that was moved: it has changed",
          ioctl("c", "moved", SIOCGETTUNNEL)[1]["ttl"], 77)
    equal("add through it", ioctl("c", "moved", SIOCADDTUNNEL, name="n", remote="10.2.0.7")[0],
          "no error")
    check("the new one is where the underlay is", Rtnl("a").read("n") is not None)
    run("ip -n a link del dev n")
    run("ip -n c link del dev moved")


def multicast():
    """A multicast router's tunnel goes through tunl0's ndo_tunnel_ctl."""
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
    check("it is up", "UP" in run("ip -n a link show dev dvmrp0"))
    s.setsockopt(socket.IPPROTO_IP, MRT_DONE, 1)
    s.close()
    equal("it goes with the router", Rtnl("a").read("dvmrp0"), None)


def test():
    shell("topo_underlay")
    commands()
    raw()
    external()
    permissions()
    multicast()


main(test)
