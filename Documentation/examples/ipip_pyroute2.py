# SPDX-License-Identifier: GPL-2.0
"""Teaches pyroute2 what ipip has beyond the in-tree driver: once this is imported, the
links of kind "ipip" have one more attribute, ipip_ext.

    from ipip_pyroute2 import ext, show
    from pyroute2 import IPRoute

    with IPRoute(ext_ack=True) as ip:
        ip.link("add", ifname="ipip1", kind="ipip",
                ipip_local="10.0.0.1", ipip_remote="22.63.11.6",
                ipip_ext=ext(df="no", clamp_mss="rx", keepalive_interval=10000))
        link, = ip.get_links(ifname="ipip1")
        print(show(link), link.get(("linkinfo", "data", "ipip_ext", "df")))

Names, numbers, types and words come from the netlink specification. What a request
doesn't mention keeps its value. A refusal is a NetlinkError with the kernel's reason
(for that is ext_ack), and nothing has changed.
The in-tree driver ignores ipip_ext without a word: there show() is empty.
"""
import os

import yaml
from pyroute2.netlink import NLA_F_NESTED, nla, nlmsg_atoms
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

SPEC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../netlink/specs/ipip.yaml")
IFLA_IPIP_EXT = 48
TYPES = {"pad": "none", "u8": "uint8", "u32": "uint32", "u64": "uint64",
         "string": "asciiz"}


def _ext_class():
    """The class of the nested attribute: ipip-ext-attrs of the specification."""
    with open(SPEC, encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    enums = {e["name"]: [word["name"] for word in e["entries"]] for e in spec["definitions"]
             if e["type"] in ("enum", "flags")}
    attributes = next(s for s in spec["attribute-sets"] if s["name"] == "ipip-ext-attrs")
    body = {"prefix": "IFLA_IPIP_EXT_", "nla_flags": NLA_F_NESTED, "nla_map": []}
    for a in attributes["attributes"]:
        name = a["name"].replace("-", "_")
        kind = "ip4addr" if a.get("display-hint") == "ipv4" else TYPES[a["type"]]
        if "enum" in a:     # words for numbers; two flags are four numbers
            words = enums[a["enum"]]
            if a.get("enum-as-flags"):
                words = ["off", *words, "both"]
            body[name] = type(name, (getattr(nlmsg_atoms, kind),),
                              {"value_map": dict(enumerate(words))})
            kind = name
        body["nla_map"].append((a["value"], body["prefix"] + name.upper(), kind))
    return type("ipip_ext", (nla,), body)


class ipip(ifinfmsg.ifinfo.ipip_data):
    ipip_ext = _ext_class()
    # IPRoute.link() wants this map without numbers: fill it up.
    nla_map = [*ifinfmsg.ifinfo.ipip_data.nla_map]
    nla_map += [(f"IFLA_IPIP_{n}", "hex") for n in range(len(nla_map), IFLA_IPIP_EXT)]
    nla_map.append(("IFLA_IPIP_EXT", "ipip_ext"))


ifinfmsg.ifinfo.register_link_kind(module={"ipip": ipip})


def ext(**values):
    """The value of ipip_ext: ext(df="no", keepalive_interval=10000)."""
    known = [name for _, name, _ in ipip.ipip_ext.nla_map]
    attrs = [(ipip.ipip_ext.name2nla(name), value) for name, value in values.items()]
    for name, _ in attrs:
        if name not in known:   # pyroute2 would leave it out
            raise ValueError(f"{name} is not in {SPEC}")
    return {"attrs": attrs}


def show(link):
    """{name: value} of ipip_ext in a link that was read."""
    nest = link.get(("linkinfo", "data", "ipip_ext"))
    return {nest.nla2name(name): value for name, value in nest["attrs"]
            if value is not None} if nest else {}
