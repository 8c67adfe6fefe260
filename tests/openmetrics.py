# SPDX-License-Identifier: GPL-2.0
"""A strict reader of metrics in OpenMetrics 1.0 or the text format 0.0.4 of Prometheus. Violations of the
format raise a ValueError with the line number."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?Inf|NaN", re.I)
META = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.*)")
TYPES = "counter", "gauge", "info", "stateset", "histogram", "summary", "unknown"
SUFFIXES = {"counter": ("_total", "_created"), "info": ("_info",), "gauge": ("",)}
ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


class Family:
    def __init__(self, name):
        self.name, self.meta, self.samples = name, {}, {}


def labels(text, line):
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m[1] in found or m[1].startswith("__") or (m[3] and m.end() == len(text)):
            raise ValueError(f"{line}: labels: {text[at:]}")
        found[m[1]] = re.sub(r'\\["\\n]', lambda e: ESCAPES[e[0]], m[2])
        at = m.end()
    return tuple(sorted(found.items()))


def check_meta(family, what, value, prometheus, line):
    if family.samples or what in family.meta:
        raise ValueError(f"{line}: {what} of {family.name} twice, or after its samples")
    if what == "TYPE" and value not in (("counter", "gauge", "untyped") if prometheus else TYPES):
        raise ValueError(f"{line}: type {value}")
    if what == "UNIT" and not family.name.endswith("_" + value):
        raise ValueError(f"{line}: {family.name} doesn't end in {value}")
    if what == "HELP" and re.search(r'\\[^\\n"]', value):
        raise ValueError(f"{line}: escape in {value}")
    if not prometheus and what == "TYPE" and value == "counter" and family.name.endswith("_total"):
        raise ValueError(f"{line}: the name of a counter's family must not end in _total")
    family.meta[what] = value


def sample_fits(family, name, prometheus):
    kind = family.meta.get("TYPE", "unknown")
    if prometheus:
        return name == family.name and (kind != "counter" or name.endswith("_total"))
    return any(name == family.name + suffix for suffix in SUFFIXES.get(kind, ("",)))


def read(text, prometheus=False):
    """{family: Family}; the samples are {(name, labels): value}."""
    if not text.endswith("\n"):
        raise ValueError("the last line doesn't end in a newline")
    lines = text[:-1].split("\n")
    if not prometheus and lines.pop() != "# EOF":
        raise ValueError("no # EOF at the end")
    families, family = {}, None
    for number, line in enumerate(lines, 1):
        m = META.fullmatch(line)
        if m:
            if not family or family.name != m[2]:
                if m[2] in families:
                    raise ValueError(f"{number}: the family {m[2]} twice")
                family = families[m[2]] = Family(m[2])
            check_meta(family, m[1], m[3], prometheus, number)
            continue
        m = SAMPLE.fullmatch(line)
        if not m or not NUMBER.fullmatch(m[3]):
            raise ValueError(f"{number}: not a sample: {line}")
        if not family or not sample_fits(family, m[1], prometheus):
            raise ValueError(f"{number}: {m[1]} doesn't belong to {family and family.name}")
        key = m[1], labels(m[2] or "", number)
        if key in family.samples:
            raise ValueError(f"{number}: {key} twice")
        value = float(m[3])
        if family.meta.get("TYPE") == "counter" and not value >= 0:
            raise ValueError(f"{number}: a counter of {m[3]}")
        family.samples[key] = value
    for family in families.values():
        missing = {"TYPE", "HELP"} - set(family.meta)
        if missing:
            raise ValueError(f"{family.name}: no {missing}")
        if not prometheus and "UNIT" not in family.meta and re.search(
                "_(seconds|bytes|ratio|packets)$", family.name):
            raise ValueError(f"{family.name}: no UNIT")
    return families


def values(families):
    """{name: {labels, as items of a dict: value}} of all samples."""
    found = {}
    for family in families.values():
        for (name, items), value in family.samples.items():
            found.setdefault(name, {})[items] = value
    return found
