# SPDX-License-Identifier: GPL-2.0
"""Reads the attributes and counters from include/uapi/linux/if_ipip.h for tools/swap and tests/lib.py,
which have no list of their own. The comment before an attribute begins with its type and, where that
applies, "read-only" and "0 or 1", and contains "default VALUE". Attributes below one comment share it.

    tools/uapi.py	print what tests/fuzz/netlink.c includes
"""
import os
import re

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../include/uapi/linux/if_ipip.h")
# Format characters of the module struct; z stands for a string that ends in 0.
FORMS = {"u8": "B", "u32": "I", "u64": "Q", "be32": "4s", "string": "z"}
BYTES = {"u8": 1, "u32": 4, "u64": 8, "be32": 4, "string": 8}


class Attribute:
    """An enumerator IFLA_IPIP_EXT_*. default: the text of a number, a word or an address, or None."""
    def __init__(self, name, number, comment):
        self.name, self.number = name, number
        self.type = re.match(r"\w+", comment)[0]
        head = comment.split(";")[0].split(":")[0]
        self.read_only = "read-only" in head
        self.flag = "0 or 1" in head
        self.enum = (re.search(r"enum ipip_(\w+)", head) or [None] * 2)[1]
        default = re.search(r"default ([\w.]*\w)", comment)
        self.default = default and default[1]


def _enumerators(body):
    """(name, the last comment before it) of each enumerator."""
    comment = ""
    for text, name in re.findall(r"/\*(.*?)\*/|^\s*(\w+)(?: = \w+)?,", body, re.S | re.M):
        if name:
            yield name, comment
        else:
            comment = " ".join(re.sub(r"^\s*\*", "", text, flags=re.M).split())


with open(HEADER, encoding="ascii") as file:
    _text = file.read()
_enums = {name: list(_enumerators(body))
          for name, body in re.findall(r"^enum (\w* ?)\{\n(.*?)^\};", _text, re.S | re.M)}


def words(name):
    """{word: value} of enum ipip_NAME; the word of IPIP_DF_NO is "no"."""
    entries = [entry for entry, _ in _enums[f"ipip_{name} "]]
    return {entry[len(f"IPIP_{name}_"):].lower(): i for i, entry in enumerate(entries)}


ATTRIBUTES = [Attribute(name[len("IFLA_IPIP_EXT_"):].lower(), number, comment)
              for number, (name, comment) in enumerate(_enums[""]) if number > 1]
PAD = [name for name, _ in _enums[""]].index("IFLA_IPIP_EXT_PAD")
XSTATS = [name[len("IFLA_IPIP_XSTATS_"):].lower() for name, _ in _enums["ipip_xstats "]][2:]


def _print_known():
    """Print rows of the fuzzer's struct known, and a case label for each attribute that is 0 or 1."""
    print("#define KNOWN_EXT \\")
    for a in ATTRIBUTES:
        print(f"\t{{ IFLA_IPIP_EXT_{a.name.upper()}, {BYTES[a.type]}, "
              f"{128 if a.read_only else 4} }}, \\")
    print("\n#define FLAGS_EXT \\")
    for a in ATTRIBUTES:
        if a.flag:
            print(f"\tcase IFLA_IPIP_EXT_{a.name.upper()}: \\")
    print()


if __name__ == "__main__":
    _print_known()
