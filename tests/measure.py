# SPDX-License-Identifier: GPL-2.0
"""Shared by the tests of the measured MTU: both ends of a tunnel, and black holes."""
import time

from lib import Rtnl, equal, run, shell, wait

A, B = "10.1.0.1", "10.2.0.1"


def mtu(node):
    return int(run(f"ip netns exec {node} cat /sys/class/net/t0/mtu"))


class Ends:
    """Both ends of the tunnel; each measures its path MTU."""

    def __init__(self):
        self.ends = {"a": Rtnl("a"), "b": Rtnl("b")}

    def start(self, nodes="ab", **values):
        settings = {"mtu_auto": 1, "keepalive_interval": 1000, "keepalive_retries": 5,
                    "keepalive_mode": "cookie", **values}
        for node in nodes:
            run(f"ip -n {node} link set dev t0 down")
            self.ends[node].set("t0", **settings)
            run(f"ip -n {node} link set dev t0 up")
        run("ip -n a route replace 172.16.2.0/24 dev t0; ip -n b route replace 172.16.1.0/24 dev t0")

    def ext(self, node):
        return self.ends[node].ext("t0")

    def count(self, node, name):
        return self.ends[node].xstats("t0")["mtu_" + name]

    def measured(self, node):
        got = self.ext(node)
        return got.get("mtu_measured", 0) if got["mtu_state"] == "complete" else 0

    def become(self, what, value, seconds=20, nodes="ab"):
        start = time.monotonic()
        wait(lambda: all(self.measured(n) == value and mtu(n) == value for n in nodes), seconds)
        print(f"# {what}: {time.monotonic() - start:.1f} s")
        for node in nodes:
            equal(f"{what}: {node}", (self.measured(node), mtu(node)), (value, value))


def drop_large(size, devices=("a", "b"), icmp=False):
    """Make a black hole at r: it drops packets larger than size without an ICMP error. 0 removes it."""
    shell("ns r nft delete table ip hole 2> /dev/null || :")
    if size:
        rules = " ".join(f"add rule ip hole f oifname {d} ip length gt {size} drop;"
                         for d in devices)
        shell("ns r nft 'add table ip hole; add chain ip hole f { type filter hook forward "
              f"priority 0; }}; {rules}'")
