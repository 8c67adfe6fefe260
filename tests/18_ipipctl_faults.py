# SPDX-License-Identifier: GPL-2.0
"""ipipctl when something goes wrong half-way: what was refused or interrupted leaves all as
it was, and no secret where nobody looks for it. A script has the place of strongSwan's
swanctl."""
import json
import os
import subprocess

from lib import HERE, INTREE, USER_MODE, check, equal, main, run, shell, skip

PLAIN = os.path.join(HERE, "../build/tools/ipipctl")
TOOL = PLAIN + "-asan" if USER_MODE else PLAIN
ENV = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": f"/run/bin:{os.environ['PATH']}", "LC_ALL": "C"}


def ctl(*words, netns="a", stdin="", tool=TOOL, env=()):
    p = subprocess.run(["ip", "netns", "exec", netns, tool, *words], input=stdin,
                       capture_output=True, text=True, env={**ENV, **dict(env)})
    return p.returncode, p.stdout, p.stderr


def good(*words, **kwargs):
    status, out, err = ctl(*words, **kwargs)
    if status or err:
        check(" ".join(words), False, f"{status}: {out}{err}")
    return out


def refused(status, error, *words, **kwargs):
    equal(f"refused: {' '.join(words)}", ctl(*words, **kwargs), (status, "", f"ipipctl: {error}\n"))


def found(*words):
    return ctl("find", *words)[1].strip()


def get(tunnel, *names):
    values = [good("get", tunnel, name).rstrip("\n") for name in names]
    return values if len(names) > 1 else values[0]


def index(name):
    return json.loads(run(f"ip -n a -j link show dev {name}"))[0]["ifindex"]


def clear():
    names = found()
    if names:
        good("remove", names)


# What is refused

SITES = r"""/interface ipip
add comment="first" !keepalive name=e1 remote-address=10.1.1.1
add comment="second" !keepalive name="a site with a long name" remote-address=10.1.1.2
"""


def made_twice():
    """Nothing of a refused request is about the tunnel that has the name."""
    good("import", "-", stdin=SITES)
    before = [(name, index(name)) for name in found().split(",")]
    exported = good("export", "verbose")
    refused(1, "e1: a device with this name exists", "add", "name=e1", "remote-address=10.1.1.9",
            "comment=other")
    status, _, err = ctl("import", "-", stdin=SITES)
    check("a file that was imported is refused", status == 1 and "exists" in err, err)
    refused(1, "-:2: e1: a device with this name exists\n"
            f"ipipctl: -:3: {before[1][0]}: a device with this name exists", "--continue", "import",
            "-", stdin=SITES)
    equal("the tunnels are those that there were", [(name, index(name)) for name in
                                                    found().split(",")], before)
    equal("as they were", good("export", "verbose"), exported)
    good("add", "name=e2", "remote-address=10.1.1.3", "comment=third")
    run("ip -n a link property add dev e2 altname other-site")
    status, _, err = ctl("import", "-", stdin="/interface ipip\nadd name=\"other-site\" "
                         "remote-address=10.1.1.4\nadd name=other-site-with-a-long-name "
                         "remote-address=10.1.1.5\n")
    check("a name that another tunnel has as well is refused", status == 1, err)
    equal("and it has kept it", (get("other-site", "name"), get("e2", "comment")), ("e2", "third"))
    clear()


def test():
    if not os.path.exists(TOOL):
        skip("ipipctl", "it isn't built here")
        return
    if INTREE:
        skip("ipipctl's refusals", "they are those of our driver")
        return
    shell("ns_add a b")
    made_twice()


main(test)
