# SPDX-License-Identifier: GPL-2.0
"""Keepalive in each mode recovers from all events around the tunnel."""
from lib import (INTREE, IPTUN_LOCAL, IPTUN_REMOTE, Rtnl, addr, check, equal, main, run, skip,
                 topo, wait)

A, B = "10.1.0.1", "10.2.0.1"
FAR = "192.168.0.2"
MODES = "cookie", "routeros", "icmp"


def ends(local, remote):
    return (IPTUN_LOCAL, addr(local)), (IPTUN_REMOTE, addr(remote))


class Path:
    """a sends probes to b. The tests rename a's tunnel and move it to another netns."""

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
        """Check that two more answers count and that the state is up."""
        before = self.answered()
        check(what, wait(lambda: self.answered() >= before + 2 and self.state() == "up"),
              f"{self.state()}, {self.answered() - before} answers")

    def lost(self):
        """Take the far end down and wait for the loss of the carrier."""
        run("ip -n b link set dev t0 down")
        if not wait(lambda: self.state() == "down"):
            raise RuntimeError("the carrier stays")

    @staticmethod
    def found():
        run("ip -n b link set dev t0 up")


def addresses(path, mode):
    """Network managers remove and add addresses when the carrier is lost."""
    path.start(mode)
    path.lives(f"{mode}: the far end answers")
    path.lost()
    path.ip("addr flush dev DEV")
    path.found()
    path.lives(f"{mode}: up again, although its address was removed while it was down")
    path.ip("addr add 192.168.0.1/30 dev DEV")
    path.lives(f"{mode}: stays up when the address is added")
    path.ip("addr flush dev DEV")
    path.lives(f"{mode}: stays up when the address is removed")
    path.lost()
    path.ip("addr add 192.168.0.1/30 dev DEV")
    path.found()
    path.lives(f"{mode}: up again after its address was added while it was down")
    path.lost()
    path.ip("addr flush dev DEV; ip -n a addr add 192.168.0.5/29 dev DEV")
    run("ip -n b addr add 192.168.0.6/29 dev t0")
    path.found()
    path.lives(f"{mode}: up again with another address")
    path.ip("addr flush dev DEV; ip -n a addr add 192.168.0.1/30 dev DEV")
    run("ip -n b addr del 192.168.0.6/29 dev t0")
    path.lives(f"{mode}: stays up with the first address again")


def without_carrier(path, mode):
    """A network manager that adds the address only to a device with a carrier."""
    path.lost()
    path.ip("link set dev DEV down; ip -n a addr flush dev DEV")
    path.start(mode, keepalive_source="192.168.0.1")
    check(f"{mode}: no far end: the state is down", wait(lambda: path.state() == "down"))
    path.found()
    path.lives(f"{mode}: up without an address, with keepalive-source")
    path.start(mode, keepalive_source="0.0.0.0")
    path.ip("addr add 192.168.0.1/30 dev DEV")
    path.lives(f"{mode}: stays up when the address is added later")
    path.lost()
    path.ip("link set dev DEV down; ip -n a link set dev DEV up")
    path.found()
    path.lives(f"{mode}: up again after the device was down and up meanwhile")


def rename(path, name):
    """Rename the tunnel. Before 6.2 the kernel renames a device only while it is down."""
    try:
        path.ip(f"link set dev DEV name {name}")
    except RuntimeError:
        path.ip(f"link set dev DEV down; ip -n {path.ns} link set dev DEV name {name}")
        run(f"ip -n {path.ns} link set dev {name} up")
    path.device = name


def names(path, mode):
    rename(path, "t7")
    path.lives(f"{mode}: stays up after a rename")
    path.lost()
    rename(path, "t0")
    path.found()
    path.lives(f"{mode}: up again after a rename while it was down")


def netns(path, mode):
    """The device is moved to another netns; the underlay stays."""
    path.ip("link set dev DEV netns i")
    path.ns = "i"
    path.ip("link set dev DEV up; ip -n i addr add 192.168.0.1/30 dev DEV")
    path.lives(f"{mode}: up in another netns")
    path.lost()
    path.ip("link set dev DEV netns a")
    path.ns = "a"
    path.ip("addr add 192.168.0.1/30 dev DEV; ip -n a link set dev DEV up")
    path.found()
    path.lives(f"{mode}: up again in the first netns")


def underlay(path, mode):
    """The outer source is the route's, or an address that is missing for a while."""
    path.rtnl().change("t0", *ends("0.0.0.0", B))
    path.lives(f"{mode}: stays up with the route's source")
    run("ip -n a addr add 10.1.0.9/24 dev wan; ip -n a route replace default via 10.1.0.254 src 10.1.0.9")
    Rtnl("b").change("t0", *ends(B, "10.1.0.9"))
    path.lives(f"{mode}: stays up when the underlay's address changes")
    run("ip -n a addr del 10.1.0.9/24 dev wan; ip -n a route replace default via 10.1.0.254")
    Rtnl("b").change("t0", *ends(B, A))
    path.lives(f"{mode}: stays up when the underlay's address changes back")
    path.rtnl().change("t0", *ends(A, B))
    run("ip -n a addr del 10.1.0.1/24 dev wan")
    check(f"{mode}: the outer source is deleted: the state is down",
          wait(lambda: path.state() == "down"))
    run("ip -n a addr add 10.1.0.1/24 dev wan; ip -n a route replace default via 10.1.0.254")
    path.lives(f"{mode}: up again with the outer source")


def far_end(path, mode):
    """A change to another far end, which doesn't exist at first."""
    path.rtnl().change("t0", *ends(A, "10.2.0.9"))
    check(f"{mode}: a far end that doesn't exist: the state is down",
          wait(lambda: path.state() == "down"))
    Rtnl("b").change("t0", *ends("10.2.0.9", A))
    run("ip -n b addr add 10.2.0.9/24 dev wan")
    path.lives(f"{mode}: up once the new far end exists")
    run("ip -n b addr del 10.2.0.9/24 dev wan")
    Rtnl("b").change("t0", *ends(B, A))
    path.rtnl().change("t0", *ends(A, B))
    path.lives(f"{mode}: up with the first far end again")


def restart(path, mode):
    """A daemon that restarts while the far end is down sends its configuration again."""
    path.lost()
    path.rtnl().set("t0", keepalive_interval=100, keepalive_retries=3, keepalive_mode=mode,
                    keepalive_target=FAR)
    run("ip -n a link set dev t0 type ipip tos 0x20; ip -n a link set dev t0 up")
    equal(f"{mode}: the same configuration again keeps the state down", path.state(), "down")
    path.found()
    path.lives(f"{mode}: up again after the same configuration was sent while it was down")


def test():
    if INTREE:
        skip("keepalive", "the in-tree driver has none")
        return
    topo()
    # b must not send packets to another address of a through the tunnel.
    run("ip -n b route del 172.16.1.0/24 dev t0")
    run("ip netns add i; ip -n i link set dev lo up")
    for mode in MODES:
        path = Path()
        for event in addresses, without_carrier, names, netns, underlay, far_end, restart:
            event(path, mode)


main(test)
