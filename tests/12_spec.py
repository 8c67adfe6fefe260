# SPDX-License-Identifier: GPL-2.0
"""The netlink specification in use: the kernel's generic client makes, changes and shows a
tunnel with it."""
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
        skip("the netlink specification in use", f"no client from the kernel's source: {e}")
        return
    if INTREE:
        skip("the netlink specification in use", "the in-tree driver has only a part of the attributes")
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
    # The client shows an address as text but takes it as a number.
    request = {**VALUES, "clamp-mss": ["rx", "tx"],
               **{k: address(VALUES[k]) for k in ("keepalive-source", "keepalive-target")}}
    tunnel("newlink", create, local=address("10.1.0.1"), remote=address("10.2.0.1"), ttl=33,
           ext=request)
    info = show()
    equal("kind reads back", info["kind"], "ipip")
    equal("addresses and TTL read back", [info["data"][k] for k in ("local", "remote", "ttl")],
          ["10.1.0.1", "10.2.0.1", 33])
    for name, value in VALUES.items():
        equal(f"{name} reads back", info["data"]["ext"][name], value)
    equal("the state of keepalive", info["data"]["ext"]["keepalive-state"], "off")
    equal("the value of a counter", info["xstats"]["rx-no-ipsec"], 0)
    equal("the number of counters", len([k for k in info["xstats"] if k != "pad"]), len(XSTATS))

    tunnel("newlink", [], ext={"df": "inherit"})
    equal("change df", show()["data"]["ext"]["df"], "inherit")
    try:
        tunnel("newlink", [], ext={"df": "set", "keepalive-interval": 99})
        refused = False
    except Exception:   # not NlError: 6.12's client fails to read the refusal's attribute, in a sub-message
        refused = True
    check("an interval of 99 ms is refused", refused)
    equal("a refused change changes nothing", show()["data"]["ext"]["df"], "inherit")
    family.do("dellink", {"ifname": "t0"}, [])
    try:
        show()
        check("a deleted tunnel is gone", False)
    except NlError as e:
        equal("a deleted tunnel is gone", -e.nl_msg.error, 19)


main(test)
