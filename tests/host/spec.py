#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that the netlink specification is valid by the kernel's schema and has the names and
numbers of the header, and that tools/uapi.py reads the header as a compiler does. Prints what is wrong.

  tests/host/spec.py SCHEMA
"""
import re
import subprocess
import sys

import jsonschema
import yaml

sys.path[:0] = ["tests", "tools"]
import uapi                    # noqa: E402
from lib import CLAMP          # noqa: E402

HEADER = "include/uapi/linux/if_ipip.h"


def enumerators():
    """{name: value} of every constant in the header, as the compiler evaluates it."""
    with open(HEADER) as f:
        names = sorted(set(re.findall(r"\b_*(?:IFLA_)?IPIP_[A-Z_]+\b", f.read())))
    program = '#include <stdio.h>\n#include "if_ipip.h"\nint main(void)\n{\n' + "".join(
        f'\tprintf("{n} %lld\\n", (long long)({n}));\n' for n in names
        if not n.endswith("_")) + "\treturn 0;\n}\n"
    subprocess.run(["gcc", "-Iinclude/uapi/linux", "-x", "c", "-", "-o", "build/lint/enumerators"],
                   input=program, text=True, check=True)
    lines = subprocess.check_output(["build/lint/enumerators"], text=True).splitlines()
    return {name: int(value) for name, value in map(str.split, lines)}


def main(schema):
    with open("Documentation/netlink/specs/ipip.yaml") as f:
        spec = yaml.safe_load(f)
    with open(schema) as f:
        jsonschema.validate(spec, yaml.safe_load(f))

    values = enumerators()
    found = {}
    sets = {s["name"]: s for s in spec["attribute-sets"]}
    for name in "ipip-ext-attrs", "ipip-xstats-attrs":
        for attribute in sets[name]["attributes"]:
            constant = sets[name]["name-prefix"] + attribute["name"]
            found[constant.upper().replace("-", "_")] = attribute["value"]
    for definition in spec["definitions"]:
        for i, entry in enumerate(definition.get("entries", ())):
            constant = f"{definition['name']}-{entry['name']}".upper().replace("-", "_")
            found[constant] = 1 << i if definition["type"] == "flags" else i
    limits = re.compile("_UNSPEC$|_MAX$|_MIN$|^IFLA_IPIP_EXT$")
    header = {name: value for name, value in values.items() if not limits.search(name)}
    for name in sorted(found.keys() | header.keys()):
        if found.get(name) != header.get(name):
            print(f"{name}: {found.get(name)} in the specification, {header.get(name)} in {HEADER}")

    mine = {f"IFLA_IPIP_EXT_{a.name.upper()}": a.number for a in uapi.ATTRIBUTES}
    mine.update({f"IFLA_IPIP_XSTATS_{k.upper()}": i for i, k in enumerate(uapi.XSTATS, 2)})
    for enum in {a.enum for a in uapi.ATTRIBUTES if a.enum}:
        mine.update({f"IPIP_{enum.upper()}_{k.upper()}": v for k, v in uapi.words(enum).items()})
    mine.update({"IPIP_CLAMP_RX": CLAMP["rx"], "IPIP_CLAMP_TX": CLAMP["tx"]})
    for name in sorted(mine.keys() | header.keys()):
        if not name.endswith("_PAD") and mine.get(name) != header.get(name):
            print(f"{name}: {mine.get(name)} in tools/uapi.py, {header.get(name)} in {HEADER}")


main(*sys.argv[1:])
