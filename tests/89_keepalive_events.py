# SPDX-License-Identifier: GPL-2.0
"""Keepalive of each mode, and what happens around the tunnel: none of it may leave it dead."""
from lib import (INTREE, IPTUN_LOCAL, IPTUN_REMOTE, Rtnl, addr, check, equal, main, run, skip,
                 topo, wait)

A, B = "10.1.0.1", "10.2.0.1"
FAR = "192.168.0.2"
MODES = "cookie", "routeros", "icmp"


def ends(local, remote):
    return (IPTUN_LOCAL, addr(local)), (IPTUN_REMOTE, addr(remote))


class Path:
    """a asks b. a's tunnel may be called otherwise or live in another netns."""

    def __init__(self):
        self.device, self.ns = "t0", "a"

    def rtnl(self):
        return Rtnl(self.ns)

    def state(self):
        return self.rtnl().ext(self.device)["keepalive_state"]

    def answered(self):
        return self.rtnl().xstats(self.device)["keepalive_answered"]

    def ip(self, words):
        run(f"ip -n {self.ns} {words.replace('DEV', self.device)}")

    def start(self, mode, **more):
        self.ip("link set dev DEV down")
        self.rtnl().set(self.device, keepalive_interval=100, keepalive_retries=3,
                        keepalive_mode=mode, keepalive_target=FAR, **more)
        self.ip("link set dev DEV up")

    def lives(self, what):
        """Two more answers come, and the carrier is there."""
        before = self.answered()
        check(what, wait(lambda: self.answered() >= before + 2 and self.state() == "up"),
              f"{self.state()}, {self.answered() - before} answers")

    def lost(self):
        """The far end goes, and then the carrier."""
        run("ip -n b link set dev t0 down")
        if not wait(lambda: self.state() == "down"):
            raise RuntimeError("the carrier stays")

    @staticmethod
    def found():
        run("ip -n b link set dev t0 up")


def addresses(path, mode):
    """What network managers do when a carrier goes."""
    path.start(mode)
    path.lives(f"{mode}: it answers")
    path.lost()
    path.ip("addr flush dev DEV")
    path.found()
    path.lives(f"{mode}: comes back with its address taken off meanwhile")
    path.ip("addr add 192.168.0.1/30 dev DEV")
    path.lives(f"{mode}: goes on when the address is back")
    path.ip("addr flush dev DEV")
    path.lives(f"{mode}: goes on without the address")
    path.lost()
    path.ip("addr add 192.168.0.1/30 dev DEV")
    path.found()
    path.lives(f"{mode}: comes back with its address given back meanwhile")
    path.lost()
    path.ip("addr flush dev DEV; ip -n a addr add 192.168.0.5/29 dev DEV")
    run("ip -n b addr add 192.168.0.6/29 dev t0")
    path.found()
    path.lives(f"{mode}: comes back with another address")
    path.ip("addr flush dev DEV; ip -n a addr add 192.168.0.1/30 dev DEV")
    run("ip -n b addr del 192.168.0.6/29 dev t0")
    path.lives(f"{mode}: and with the first again")


def without_carrier(path, mode):
    """A manager that gives the address only to a device with a carrier, and is too late."""
    path.lost()
    path.ip("link set dev DEV down; ip -n a addr flush dev DEV")
    path.start(mode, keepalive_source="192.168.0.1")
    check(f"{mode}: without a far end the carrier goes", wait(lambda: path.state() == "down"))
    path.found()
    path.lives(f"{mode}: comes up without any address, by keepalive-source")
    path.start(mode, keepalive_source="0.0.0.0")
    path.ip("addr add 192.168.0.1/30 dev DEV")
    path.lives(f"{mode}: the address is given later")
    path.lost()
    path.ip("link set dev DEV down; ip -n a link set dev DEV up")
    path.found()
    path.lives(f"{mode}: down and up while the far end is lost")


def rename(path, name):
    """Before 6.2 the kernel renames a device only while it is down."""
    try:
        path.ip(f"link set dev DEV name {name}")
    except RuntimeError:
        path.ip(f"link set dev DEV down; ip -n {path.ns} link set dev DEV name {name}")
        run(f"ip -n {path.ns} link set dev {name} up")
    path.device = name


def names(path, mode):
    rename(path, "t7")
    path.lives(f"{mode}: goes on under another name")
    path.lost()
    rename(path, "t0")
    path.found()
    path.lives(f"{mode}: comes back under another name")


def netns(path, mode):
    """The inner side moves; the outer packets stay where they are."""
    path.ip("link set dev DEV netns i")
    path.ns = "i"
    path.ip("link set dev DEV up; ip -n i addr add 192.168.0.1/30 dev DEV")
    path.lives(f"{mode}: goes on in another netns")
    path.lost()
    path.ip("link set dev DEV netns a")
    path.ns = "a"
    path.ip("addr add 192.168.0.1/30 dev DEV; ip -n a link set dev DEV up")
    path.found()
    path.lives(f"{mode}: comes back in the first one")


def underlay(path, mode):
    """The outer source is what the route picks, or an address that is gone for a while."""
    path.rtnl().change("t0", *ends("0.0.0.0", B))
    path.lives(f"{mode}: goes on with the source that the route picks")
    run("ip -n a addr add 10.1.0.9/24 dev wan; ip -n a route replace default via 10.1.0.254 src 10.1.0.9")
    Rtnl("b").change("t0", *ends(B, "10.1.0.9"))
    path.lives(f"{mode}: goes on when the underlay's address has changed")
    run("ip -n a addr del 10.1.0.9/24 dev wan; ip -n a route replace default via 10.1.0.254")
    Rtnl("b").change("t0", *ends(B, A))
    path.lives(f"{mode}: and when it is the first again")
    path.rtnl().change("t0", *ends(A, B))
    run("ip -n a addr del 10.1.0.1/24 dev wan")
    check(f"{mode}: without the outer source the carrier goes", wait(lambda: path.state() == "down"))
    run("ip -n a addr add 10.1.0.1/24 dev wan; ip -n a route replace default via 10.1.0.254")
    path.lives(f"{mode}: comes back with it")


def far_end(path, mode):
    """Another far end, which isn't there at first."""
    path.rtnl().change("t0", *ends(A, "10.2.0.9"))
    check(f"{mode}: a far end that isn't there: the carrier goes",
          wait(lambda: path.state() == "down"))
    Rtnl("b").change("t0", *ends("10.2.0.9", A))
    run("ip -n b addr add 10.2.0.9/24 dev wan")
    path.lives(f"{mode}: comes back with the far end")
    run("ip -n b addr del 10.2.0.9/24 dev wan")
    Rtnl("b").change("t0", *ends(B, A))
    path.rtnl().change("t0", *ends(A, B))
    path.lives(f"{mode}: and with the first again")


def restart(path, mode):
    """A daemon that starts again while the far end is lost sends its configuration once more."""
    path.lost()
    path.rtnl().set("t0", keepalive_interval=100, keepalive_retries=3, keepalive_mode=mode,
                    keepalive_target=FAR)
    run("ip -n a link set dev t0 type ipip tos 0x20; ip -n a link set dev t0 up")
    equal(f"{mode}: a change says nothing of the far end", path.state(), "down")
    path.found()
    path.lives(f"{mode}: comes back after a change while it was lost")


def test():
    if INTREE:
        skip("keepalive", "the in-tree driver has none")
        return
    topo()
    # What b sends to another address of a's goes past the tunnel.
    run("ip -n b route del 172.16.1.0/24 dev t0")
    run("ip netns add i; ip -n i link set dev lo up")
    for mode in MODES:
        path = Path()
        for event in addresses, without_carrier, names, netns, underlay, far_end, restart:
            event(path, mode)


main(test)
