# SPDX-License-Identifier: GPL-2.0
"""The link of a tunnel is deleted, and a new device with its name appears, as a PPP link does: the
tunnel is bound to the new device, and sends through no other device in the meantime."""
import json
import subprocess

from lib import (IPTUN_LINK, INTREE, Rtnl, Tap, check, ends, equal, ext, main, number, run,
                 shell, skip, stat, u32, wait)

FAR = "10.2.0.1"


def dummy(name, ns="a", local="10.3.0.1/24"):
    run(f"ip -n {ns} link add name {name} type dummy; "
        f"ip -n {ns} addr add {local} dev {name}; ip -n {ns} link set dev {name} up; "
        f"ip -n {ns} route append 10.2.0.0/16 dev {name}")


def gone(name, ns="a"):
    run(f"ip -n {ns} link del dev {name}")


def index_of(name, ns="a"):
    return json.loads(run(f"ip -n {ns} -j link show dev {name}"))[0]["ifindex"]


class Host:
    """A host with a tunnel "t" over ppp0, and another route to the far end through the device other."""

    def __init__(self):
        shell("ns_add a b")
        dummy("other", local="10.4.0.1/24")
        self.rtnl = Rtnl("a")
        self.tap = Tap("a", "other", "out")

    def link(self, tunnel="t"):
        return number(self.rtnl.read_info(tunnel)[0][IPTUN_LINK])

    def tunnel(self, name="t", remote=FAR, **values):
        reply = self.rtnl.add(name, *ends("0.0.0.0", remote), (IPTUN_LINK, u32(index_of("ppp0"))),
                              ext(df="no", **values))
        if reply[0]:
            raise RuntimeError(reply)
        run(f"ip -n a addr add 192.168.0.1/24 dev {name}; ip -n a link set dev {name} up")

    def sent(self, device, count=3):
        """Send count pings through the tunnel; returns how many packets left through the device."""
        before = stat("a", device, "tx_packets")
        subprocess.run(f"ip netns exec a ping -c {count} -i 0.01 -W 0.1 192.168.0.2", shell=True,
                       check=False, capture_output=True)
        return stat("a", device, "tx_packets") - before

    def bound(self, what, device="ppp0", tunnel="t"):
        equal(what, self.link(tunnel), index_of(device))


def again(host):
    dummy("ppp0")
    host.tunnel()
    run("ip -n a link set dev t mtu 1300")
    equal("packets leave through the link", host.sent("ppp0"), 3)
    first = host.link()
    host.tap.drain()
    gone("ppp0")
    host.sent("other")
    equal("the link is deleted: no packet leaves", host.tap.everything(), [])
    check("the link is deleted: each packet is counted", host.rtnl.xstats("t")["tx_no_route"] >= 3,
          host.rtnl.xstats("t"))
    dummy("ppp1")
    equal("a new device with another name: not bound to it", host.link(), first)
    gone("ppp1")
    monitor = subprocess.Popen(["ip", "-n", "a", "monitor", "link", "dev", "t"], text=True,
                               stdout=subprocess.PIPE)
    wait(lambda: shell("listens a 0 && echo yes || :"))
    dummy("ppp0")
    host.bound("a new device with the link's name: bound to it")
    equal("a new link: packets leave through it", host.sent("ppp0"), 3)
    equal("a new link: packets leave through no other device", host.tap.everything(), [])
    equal("a new link: a fixed MTU stays",
          json.loads(run("ip -n a -j link show dev t"))[0]["mtu"], 1300)
    monitor.terminate()
    check("a new link: a notification is sent", "t@ppp0" in monitor.communicate()[0])
    for turn in range(3):
        gone("ppp0")
        dummy("ppp0")
        host.bound(f"deleted and added again, round {turn}: bound to it")
    equal("deleted and added again: packets leave through it", host.sent("ppp0"), 3)


def renamed(host):
    gone("ppp0")
    dummy("tmp0")
    run("ip -n a link set dev tmp0 down; ip -n a link set dev tmp0 name ppp0")
    host.bound("a device is renamed to the link's name: bound to it")
    run("ip -n a link set dev ppp0 name wan0")
    host.bound("the link is renamed: still bound to it", "wan0")
    dummy("ppp0")
    host.bound("a new device with the old name: still bound to the renamed link", "wan0")
    gone("ppp0")
    gone("wan0")
    run("ip -n b link add name wan0 type dummy")
    check("a device of that name in another netns: not bound to it",
          host.link() != index_of("wan0", "b"))
    run("ip -n b link set dev wan0 netns a")
    host.bound("a device of that name is moved here: bound to it", "wan0")
    run("ip -n a link set dev wan0 netns b")
    run("ip -n b link set dev wan0 netns a")
    host.bound("the link is moved away and back: bound to it", "wan0")
    gone("wan0")
    run("ip -n a link set dev t down; ip -n a link set dev t name wan0")
    check("the tunnel gets the link's name: not bound to itself", host.link("wan0") != index_of("wan0"))
    run("ip -n a link set dev wan0 name t; ip -n a link set dev t up")
    dummy("wan0")
    host.bound("then a new device gets the name: bound to it", "wan0")
    gone("wan0")
    host.rtnl.delete("t")


def settings(host):
    dummy("ppp0")
    host.tunnel(mtu_auto=1)
    host.tunnel("v", "10.2.0.2")
    before = host.rtnl.ext("t")
    gone("ppp0")
    run("ip -n a link add name ppp0 mtu 1492 type dummy; ip -n a addr add 10.3.0.1/24 dev ppp0;"
        "ip -n a link set dev ppp0 up; ip -n a route append 10.2.0.0/16 dev ppp0")
    host.bound("two tunnels over one link: the first is bound")
    host.bound("two tunnels over one link: the second is bound", tunnel="v")
    equal("a new link: the other attributes haven't changed", host.rtnl.ext("t"), before)
    check("a new link: an automatic MTU follows", wait(lambda: json.loads(
        run("ip -n a -j link show dev t"))[0]["mtu"] == 1472))
    run("ip -n a link set dev t netns b")
    gone("ppp0")
    dummy("ppp0")
    equal("a tunnel whose device is in another netns is bound",
          number(Rtnl("b").read_info("t")[0][IPTUN_LINK]), index_of("ppp0"))
    Rtnl("b").delete("t")
    host.rtnl.delete("v")


def taken(host):
    """While the link doesn't exist, another tunnel can take the addresses together with the new device."""
    host.tunnel()
    host.tunnel("u", "10.2.0.3")
    gone("ppp0")
    old = host.link()
    dummy("ppp1")
    index = index_of("ppp1")
    host.rtnl.add("v", *ends("0.0.0.0", FAR), (IPTUN_LINK, u32(index)))
    lines = run("dmesg").count("is bound to it")
    run("ip -n a link set dev ppp1 down; ip -n a link set dev ppp1 name ppp0; "
        "ip -n a link set dev ppp0 up")
    equal("another tunnel has the addresses and the new link: not bound",
          (host.link(), host.link("v")), (old, index))
    host.bound("a tunnel with other addresses is bound", tunnel="u")
    logged = run("dmesg")
    equal("a tunnel that can't be bound: one line in the log",
          logged.count("is bound to it") - lines, 1)
    check("a tunnel that can't be bound: the log names it and the link",
          "t: not bound to the new ppp0: another tunnel with these "
          "addresses is bound to it" in logged, logged[-300:])
    host.rtnl.delete("v")
    host.rtnl.delete("u")
    gone("ppp0")
    dummy("ppp0")
    host.bound("the other tunnel is deleted: bound to the next new link")
    host.rtnl.delete("t")


def many(host):
    link = u32(index_of("ppp0"))
    for i in range(300):
        host.rtnl.add(f"m{i}", *ends("0.0.0.0", f"10.2.{1 + i // 100}.{1 + i % 100}"),
                      (IPTUN_LINK, link))
    gone("ppp0")
    dummy("ppp0")
    equal("300 tunnels over one link are bound",
          {host.link(f"m{i}") for i in range(300)}, {index_of("ppp0")})


def test():
    if INTREE:
        skip("a new link with the same name", "the in-tree driver keeps the index of the deleted link")
        return
    host = Host()
    again(host)
    renamed(host)
    settings(host)
    taken(host)
    many(host)


main(test)
