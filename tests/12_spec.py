# SPDX-License-Identifier: GPL-2.0
"""The netlink specification at work: the kernel's own generic client makes, changes
and shows a tunnel by it."""
import os
import socket
import sys

from lib import DEFAULTS, FLAGS, INTREE, XSTATS, check, equal, main, netns, shell, skip

SPEC = "../Documentation/netlink/specs/ipip.yaml"
VALUES = {"df": "no", "clamp-mss": {"rx", "tx"}, "keepalive-interval": 4294967295000,
          "keepalive-retries": 7, "keepalive-mode": "icmp", "keepalive-target": "192.168.0.2",
          "keepalive-source": "192.168.0.9", "local-name": "wan", "remote-name": "far.example",
          **{name.replace("_", "-"): 1 - DEFAULTS[name] for name in FLAGS}}


def address(text):
    return int.from_bytes(socket.inet_aton(text), "big")


def test():
    sys.path.insert(0, os.environ.get("YNL", "/nonexistent"))
    try:
        from ynl.lib import NlError, YnlFamily
    except ImportError as e:
        skip("the netlink specification at work", f"no client from the kernel's source: {e}")
        return
    if INTREE:
        skip("the netlink specification at work", "the in-tree driver has a part of it only")
        return
    shell("ns_add a; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
          "ip -n a addr add 10.1.0.1/24 dev wan")
    with netns("a"):
        family = YnlFamily(SPEC, schema="", process_unknown=True)

    def tunnel(request, flags, **data):
        family.do(request, {"ifname": "t0", "linkinfo": {"kind": "ipip", "data": data}}, flags)

    def show():
        return family.do("getlink", {"ifname": "t0"})["linkinfo"]

    create = [0x200, 0x400]     # NLM_F_EXCL, NLM_F_CREATE
    # The client shows addresses as such and takes them as numbers.
    request = {**VALUES, "clamp-mss": ["rx", "tx"],
               **{k: address(VALUES[k]) for k in ("keepalive-source", "keepalive-target")}}
    tunnel("newlink", create, local=address("10.1.0.1"), remote=address("10.2.0.1"), ttl=33,
           ext=request)
    info = show()
    equal("kind", info["kind"], "ipip")
    equal("addresses and TTL", [info["data"][k] for k in ("local", "remote", "ttl")],
          ["10.1.0.1", "10.2.0.1", 33])
    for name, value in VALUES.items():
        equal(f"{name} reads back", info["data"]["ext"][name], value)
    equal("keepalive's state", info["data"]["ext"]["keepalive-state"], "off")
    equal("a counter", info["xstats"]["rx-no-ipsec"], 0)
    equal("all counters", len([k for k in info["xstats"] if k != "pad"]), len(XSTATS))

    tunnel("newlink", [], ext={"df": "inherit"})
    equal("a change", show()["data"]["ext"]["df"], "inherit")
    try:
        tunnel("newlink", [], ext={"df": "set", "keepalive-interval": 99})
        refused = False
    except Exception:   # the client of 6.12 stumbles over an attribute in a sub-message
        refused = True
    check("99 ms are refused", refused)
    equal("and nothing has changed", show()["data"]["ext"]["df"], "inherit")
    family.do("dellink", {"ifname": "t0"}, [])
    try:
        show()
        check("and a delete", False)
    except NlError as e:
        equal("and a delete", -e.nl_msg.error, 19)


main(test)
