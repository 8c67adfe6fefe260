# SPDX-License-Identifier: GPL-2.0
"""The device that a tunnel is bound to goes and another one comes under its name, as a PPP
link does: the tunnel is bound to that one, and sends by nothing else meanwhile."""
import json
import subprocess
import time

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
    """It has a tunnel "t" over ppp0, a fixed MTU in it, and another way to the far end."""

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
        """How many of so many packets have left by it."""
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
    equal("packets leave by the link", host.sent("ppp0"), 3)
    first = host.link()
    host.tap.drain()
    gone("ppp0")
    host.sent("other")
    equal("without it nothing leaves", host.tap.everything(), [])
    check("and each packet is counted", host.rtnl.xstats("t")["tx_no_route"] >= 3,
          host.rtnl.xstats("t"))
    dummy("ppp1")
    equal("another name isn't it", host.link(), first)
    gone("ppp1")
    monitor = subprocess.Popen(["ip", "-n", "a", "monitor", "link", "dev", "t"], text=True,
                               stdout=subprocess.PIPE)
    time.sleep(0.5)
    dummy("ppp0")
    host.bound("it comes again: bound to it")
    equal("packets leave by it", host.sent("ppp0"), 3)
    equal("and by nothing else", host.tap.everything(), [])
    equal("a fixed MTU stays", json.loads(run("ip -n a -j link show dev t"))[0]["mtu"], 1300)
    monitor.terminate()
    check("who listens is told", "t@ppp0" in monitor.communicate()[0])
    for turn in range(3):
        gone("ppp0")
        dummy("ppp0")
        host.bound(f"once more, {turn}")
    equal("and carries packets", host.sent("ppp0"), 3)


def renamed(host):
    gone("ppp0")
    dummy("tmp0")
    run("ip -n a link set dev tmp0 down; ip -n a link set dev tmp0 name ppp0")
    host.bound("a device gets the name")
    run("ip -n a link set dev ppp0 name wan0")
    host.bound("and another one, which the tunnel follows", "wan0")
    dummy("ppp0")
    host.bound("as long as it is there", "wan0")
    gone("ppp0")
    gone("wan0")
    run("ip -n b link add name wan0 type dummy")
    check("one in another netns isn't it", host.link() != index_of("wan0", "b"))
    run("ip -n b link set dev wan0 netns a")
    host.bound("it comes from another netns", "wan0")
    run("ip -n a link set dev wan0 netns b")
    run("ip -n b link set dev wan0 netns a")
    host.bound("it goes there, and comes back", "wan0")
    gone("wan0")
    run("ip -n a link set dev t down; ip -n a link set dev t name wan0")
    check("the tunnel isn't its own link", host.link("wan0") != index_of("wan0"))
    run("ip -n a link set dev wan0 name t; ip -n a link set dev t up")
    dummy("wan0")
    host.bound("but the next one is", "wan0")
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
    host.bound("two tunnels: one")
    host.bound("and the other", tunnel="v")
    equal("all else is as it was", host.rtnl.ext("t"), before)
    check("an automatic MTU follows", wait(lambda: json.loads(
        run("ip -n a -j link show dev t"))[0]["mtu"] == 1472))
    run("ip -n a link set dev t netns b")
    gone("ppp0")
    dummy("ppp0")
    equal("a tunnel whose device is in another netns",
          number(Rtnl("b").read_info("t")[0][IPTUN_LINK]), index_of("ppp0"))
    Rtnl("b").delete("t")
    host.rtnl.delete("v")


def taken(host):
    """The addresses were free while there was no link."""
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
    equal("another tunnel has the addresses and the link", (host.link(), host.link("v")), (old, index))
    host.bound("the others are bound", tunnel="u")
    logged = run("dmesg")
    equal("one line in the log says so", logged.count("is bound to it") - lines, 1)
    check("with the names", "t: not bound to the new ppp0: another tunnel with these "
          "addresses is bound to it" in logged, logged[-300:])
    host.rtnl.delete("v")
    host.rtnl.delete("u")
    gone("ppp0")
    dummy("ppp0")
    host.bound("when the other one has gone, the next time")
    host.rtnl.delete("t")


def many(host):
    link = u32(index_of("ppp0"))
    for i in range(300):
        host.rtnl.add(f"m{i}", *ends("0.0.0.0", f"10.2.{1 + i // 100}.{1 + i % 100}"),
                      (IPTUN_LINK, link))
    gone("ppp0")
    dummy("ppp0")
    equal("300 tunnels over one link", {host.link(f"m{i}") for i in range(300)}, {index_of("ppp0")})


def test():
    if INTREE:
        skip("a link that comes again", "the in-tree driver keeps an index that leads nowhere")
        return
    host = Host()
    again(host)
    renamed(host)
    settings(host)
    taken(host)
    many(host)


main(test)
